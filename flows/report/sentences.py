"""One sentence and one block of lines for an incident, from its record alone.

Nothing is claimed that the record does not hold: no factor where nothing was expected, no end while it is open,
no recurrence beyond the earlier incidents that were handed in.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from detectors.location.names import region_name
from flows.report.regions import regions_phrase
from flows.report.wording import (
    amount,
    bin_phrase,
    clock,
    counted,
    date,
    days,
    duration,
    factor_text,
    interval,
    moment,
    ordinal,
    plain,
    rounded,
    share,
    step_s,
    symptom_name,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from detectors.model import Incident, RegionSpread

RECURRENCE_DAYS = (7, 30)
"""Windows in which earlier incidents are counted, the shortest that holds one being named."""

HARDLY_ANY = 0.1
"""So few reports a bin are usual in most regions; a factor over that would say more than is known."""

_CONFIRMED = ("confirmed", "updated", "resolved")


def headline(
    incident: Incident, *, service_name: str, now: datetime | None = None, earlier: Sequence[Incident] = ()
) -> str:
    """Return the incident in one sentence.

    Parameters
    ----------
    incident
        The claim.
    service_name
        The service as people write it; control characters are dropped and it is cut at 80 characters.
    now
        The reader's instant (UTC): the day is left out where all that is said happened on it. None names the day.
    earlier
        Earlier incidents of the service, in any order, for "second in 7 days".

    Returns
    -------
    str
        Without a newline; times are UTC and intervals hold the truth with 90 %.
    """
    name = who(incident, service_name)
    if incident.state == "suspected":
        text = (
            f"{name} may be in trouble {_when(incident, now)}: {_excess(incident)}; {voices(incident)}; not confirmed"
        )
        return text + "."
    if incident.state == "dismissed":
        return f"{name}: dismissed, no outage: a rise {_when(incident, now)}; {_rise(incident)}; {voices(incident)}."
    if incident.state == "resolved":
        noun = "trouble" if incident.severity == "page" else "more reports than usual"
        span = lasted(incident)
        text = f"{name}: {noun} {_when(incident, now)}{', ' + span if span else ''}; {_rise(incident)}"
    elif incident.severity == "page":
        text = f"{name}: {_excess(incident)} {_when(incident, now)}, still going on"
    else:
        text = f"{name}: more reports than usual {_when(incident, now)}, {_excess(incident)}, still going on"
    symptom = symptom_text(incident, 1) if incident.is_open else ""
    place = "" if incident.region else where(incident)  # a local incident's place is its name
    parts = text, voices(incident), place, symptom, recurrence(incident, earlier)
    return "; ".join(part for part in parts if part) + "."


def lines(
    incident: Incident, *, service_name: str, now: datetime | None = None, earlier: Sequence[Incident] = ()
) -> tuple[str, ...]:
    """Return the block that a terminal shows for an incident: the headline, then one fact a line.

    Parameters are those of :func:`headline`. Nothing in it can move the cursor or colour the terminal.
    """
    step = step_s(incident.bin_width_s)
    rows = [
        ("onset", f"{interval(incident.onset, step, is_dated=True)} UTC"),
        ("alarmed", f"{moment(incident.alarmed_at, step)} UTC, {flagged_after(incident)}"),
        ("ended", _ended(incident)),
        ("peak", f"{peak(incident).removeprefix('peak ')}, at {peak_clock(incident)} UTC"),
        ("reports", " ".join(word for word in voices(incident).split() if not word.startswith("report"))),
    ]
    if incident.spread:
        rows.append(("where", where(incident)))
    if incident.symptoms:
        rows.append(("symptoms", symptom_text(incident, 3)))
    head = headline(incident, service_name=service_name, now=now, earlier=earlier)
    return (head, *(f"  {key:<9} {value}" for key, value in rows))


# --- the parts, which the page shows too ---------------------------------------------------------------------


def who(incident: Incident, service_name: str) -> str:
    """Return the service, and the region where it is a local incident: ``Spectrum in San Antonio area, US-TX``."""
    name = plain(service_name)
    return f"{name} in {region_name(incident.region)}" if incident.region else name


def where(incident: Incident) -> str:
    """Return where it is felt: ``US, CA, GB and 6 more; 31 % of voices unlocated``; empty where nobody looked."""
    return regions_phrase(incident.spread) if incident.spread else ""


def peak(incident: Incident) -> str:
    """Return ``peak 26 reports a minute, 13x the usual 2``; no factor where none can be had."""
    text = f"peak {_peak_rate(incident)}"
    if not math.isfinite(incident.expected_at_peak):
        return f"{text}, usual rate unknown"
    if incident.expected_at_peak <= 0:
        return f"{text} where none are usual"
    if incident.region and incident.expected_at_peak < HARDLY_ANY:
        return f"{text} where hardly any are usual"
    return f"{text}, {factor_text(incident.factor)} the usual {amount(incident.expected_at_peak)}"


def own_region(incident: Incident) -> RegionSpread | None:
    """Return what is known of a local incident's own region from its onset on; None where it does not stand out."""
    affected = incident.spread.affected if incident.spread else ()
    return next((one for one in affected if one.code == incident.region and math.isfinite(one.ratio)), None)


def peak_clock(incident: Incident) -> str:
    """Return when it peaked: the time of day, with its day if that is not the day of the onset."""
    step = step_s(incident.bin_width_s)
    is_same_day = date(rounded(incident.peak_at, step)) == date(rounded(incident.onset.at, step))
    return clock(incident.peak_at, step) if is_same_day else moment(incident.peak_at, step)


def voices(incident: Incident) -> str:
    """Return ``412 reports by 398 people``; the reports alone where the record tells no people apart.

    A source of bare counts knows no authors: there every report is a voice of its own, and a number of people
    would be made up.
    """
    reports = counted(incident.n_reports, "report", "reports")
    if incident.n_authors >= incident.n_reports:
        return reports
    return f"{reports} by {counted(incident.n_authors, 'person', 'people')}"


def symptom_text(incident: Incident, most: int) -> str:
    """Return the first symptoms with their shares: ``messages not sending 46 %, ...``."""
    return ", ".join(f"{symptom_name(name, 60)} {share(part)}" for name, part in incident.symptoms[:most])


def lasted(incident: Incident, *, until: datetime | None = None, is_short: bool = False) -> str:
    """Return how long it lasted: from the printed onset to the printed end, or to ``until`` while it is open.

    Empty where there is neither.
    """
    end_at = incident.ended.at if incident.ended else until
    if end_at is None:
        return ""
    step = step_s(incident.bin_width_s)
    span = rounded(end_at, step) - rounded(incident.onset.at, step)
    return duration(max(span, timedelta(0)), is_short=is_short)


def flagged_after(incident: Incident) -> str:
    """Return ``6 minutes after onset``."""
    step = step_s(incident.bin_width_s)
    delay = rounded(incident.alarmed_at, step) - rounded(incident.onset.at, step)
    if delay == timedelta(0):
        return "at the onset"
    return f"{duration(abs(delay))} {'after' if delay > timedelta(0) else 'before the estimated'} onset"


def recurrence(incident: Incident, earlier: Sequence[Incident]) -> str:
    """Return ``second in 7 days``, or nothing if no earlier incident is known.

    Counted are confirmed incidents from the same source, at least as severe, that began before this one.
    """
    begun = [
        other.onset.at
        for other in earlier
        if other.id != incident.id and other.source == incident.source and other.state in _CONFIRMED
        if other.region == incident.region
        if other.severity == "page" or incident.severity == "watch"
        if other.onset.at < incident.onset.at
    ]
    for n_days in RECURRENCE_DAYS:
        number = sum(incident.onset.at - at <= timedelta(days=n_days) for at in begun)
        if number:
            return f"{ordinal(number + 1)} in {n_days} days"
    return ""


def _peak_rate(incident: Incident) -> str:
    number = amount(incident.peak)
    return f"{number} report{'' if number == '1' else 's'} {bin_phrase(incident.bin_width_s)}"


def _rise(incident: Incident) -> str:
    """Return how far above the usual: at the peak; of one region, where a bin is nearly empty, over the whole time."""
    own = own_region(incident)
    return f"{factor_text(own.ratio)} the usual there" if own else peak(incident)


def _excess(incident: Incident) -> str:
    """Return how far above the usual, at most: ``up to 13x usual``."""
    own = own_region(incident)
    if own:
        return f"{factor_text(own.ratio)} usual"
    if incident.region and 0 < incident.expected_at_peak < HARDLY_ANY:
        return f"up to {_peak_rate(incident)} where hardly any are usual"
    if not math.isfinite(incident.expected_at_peak):
        return f"up to {_peak_rate(incident)}"
    if incident.expected_at_peak <= 0:
        return f"up to {_peak_rate(incident)} where none are usual"
    return f"up to {factor_text(incident.factor)} usual"


def _when(incident: Incident, now: datetime | None) -> str:
    """Return ``since 18:05 (18:02-18:07) UTC`` or ``from ... to ... UTC``, with the day where it is needed."""
    step = step_s(incident.bin_width_s)
    spans = [incident.onset] if incident.ended is None else [incident.onset, incident.ended]
    touched = days(spans, step)
    is_split = len(touched) > 1
    texts = [interval(span, step, is_dated=is_split) for span in spans]
    is_over = incident.ended is not None
    text = f"from {texts[0]} to {texts[1]} UTC" if is_over else f"since {texts[0]} UTC"
    is_today = now is not None and touched == {date(now)}
    return text if is_split or is_today else f"{text} on {touched.pop()}"


def _ended(incident: Incident) -> str:
    if incident.ended is not None:
        step = step_s(incident.bin_width_s)
        return f"{interval(incident.ended, step, is_dated=True)} UTC, after {lasted(incident)}"
    return "not yet" if incident.is_open else "end not known"
