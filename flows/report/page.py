"""The incident page: one HTML file that needs nothing else, drawn from one record.

Jinja2 escapes everything; a strict content security policy stands behind it. The page has no script, loads
nothing, shows no text of posts, and works from a file, in the dark, on a phone and on paper.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from detectors.spikes import COMBINED
from detectors.spread import compare
from flows.report.chart import SIZES, chart_css, day_strip, describe, detail_chart
from flows.report.frame import day_frame, detail_frame
from flows.report.map import map_css, map_figure
from flows.report.region_words import ratio_interval, ratio_text, voices_text
from flows.report.regions import region_table, regions_css
from flows.report.sentences import (
    HARDLY_ANY,
    flagged_after,
    headline,
    lasted,
    own_region,
    peak_clock,
    voices,
    who,
)
from flows.report.wording import (
    REASON_LIMIT,
    amount,
    bin_phrase,
    clock,
    counted,
    date,
    factor_text,
    interval,
    moment,
    per_bin,
    plain,
    share,
    stamp,
    step_s,
    symptom_name,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from detectors.model import Incident, Transition
    from flows.report.frame import Frame
    from flows.report.record import IncidentView

MAX_ROWS = 12
"""So many symptoms, and so many earlier incidents, are listed; the rest is counted."""

_REACH = {
    "wider": "It reaches further than",
    "narrower": "It is not as widespread as",
    "alike": "It is about as widespread as",
    "unknown": "",
}

_TIGHT = re.compile(r"\([0-9:]+-[0-9:]+\)|\b[0-9]+ %")
_SILENT = timedelta(minutes=5)


@dataclass(frozen=True)
class Banner:
    """The state in a word, and the theme's class for its colour."""

    word: str
    tone: str


@dataclass(frozen=True)
class Fact:
    """One figure and what it is."""

    value: str
    text: str


def incident_page(view: IncidentView) -> str:
    """Return the page of an incident: a whole HTML document that needs no network.

    Parameters
    ----------
    view
        The record; every sentence, figure and line on the page comes from it.

    Returns
    -------
    str
        HTML 5, to be written as UTF-8.
    """
    incident, detail, day = view.incident, detail_frame(view), day_frame(view)
    step = step_s(incident.bin_width_s)
    return (
        _environment()
        .get_template("incident.html.j2")
        .render(
            css=Markup(_theme() + chart_css() + map_css() + regions_css()),  # noqa: S704 - files of this package, not data
            name=plain(view.service_name),
            title=who(incident, view.service_name),
            view=view,
            map=map_figure(view.spread) if view.spread else "",
            regions=region_table(view.spread) if view.spread else "",
            beside=beside_earlier(view),
            incident=incident,
            step=step,
            banner=banner(incident),
            sentence=headline(incident, service_name=view.service_name, earlier=view.earlier),
            facts=facts(view),
            unit=per_bin(detail.bin_width_s),
            caption=describe(detail),
            details=_drawn(view, is_day=False),
            days=_drawn(view, is_day=True),
            strip_title=_strip_title(day),
            rows=table_rows(detail),
            symptoms=symptom_bars(incident),
            n_more_symptoms=max(0, len(incident.symptoms) - MAX_ROWS),
            changes=_changes(view.transitions, step),
            earlier=[_earlier_row(other) for other in view.earlier[:MAX_ROWS]],
            n_more_earlier=max(0, len(view.earlier) - MAX_ROWS),
            last_data=moment(view.data_until, step),
            silence=silence(view),
            has_gap=bool(detail.is_gap.any() or day.is_gap.any()),
            has_usual=bool(np.isfinite(detail.expected).any()),
            source="all sources together" if incident.source == COMBINED else plain(incident.source),
            id=plain(incident.id),
        )
    )


def beside_earlier(view: IncidentView) -> str:
    """Return how far it reaches beside the latest incident before it of which that is known; else empty."""
    before = next((one for one in view.earlier if one.spread and one.region == view.incident.region), None)
    if view.spread is None or before is None or before.spread is None:
        return ""
    words = _REACH[compare(view.spread, before.spread)]
    return f"{words} that of {date(before.onset.at)}." if words else ""


def banner(incident: Incident) -> Banner:
    """Return the state as a reader would say it."""
    if incident.state == "suspected":
        return Banner("May be in trouble", "watch")
    if incident.state == "dismissed":
        return Banner("Dismissed", "quiet")
    if incident.state == "resolved":
        return Banner("Working again" if incident.severity == "page" else "Back to usual", "good")
    return Banner("In trouble", "bad") if incident.severity == "page" else Banner("More reports than usual", "watch")


def silence(view: IncidentView) -> str:
    """Return what to say where an incident is open and the data have stopped; empty otherwise."""
    quiet = view.series.end_at - view.data_until
    if not view.incident.is_open or quiet < max(_SILENT, timedelta(seconds=2 * view.series.bin_width_s)):
        return ""
    since = moment(view.data_until, step_s(view.series.bin_width_s))
    return f"No data since {since} UTC: how it is now is not known."


def facts(view: IncidentView) -> tuple[Fact, ...]:
    """Return the four figures under the headline."""
    incident = view.incident
    step = step_s(incident.bin_width_s)
    flagged = Fact(clock(incident.alarmed_at, step), f"flagged, {flagged_after(incident)}")
    reports = Fact(f"{incident.n_reports:,}", voices(incident).split(" ", 1)[1])
    return _peak_fact(incident), flagged, _length_fact(view), reports


def _peak_fact(incident: Incident) -> Fact:
    own = own_region(incident)
    if own:
        heard, usual = voices_text(own)
        words = f"the usual there ({ratio_interval(own)}): {heard} voices against {usual}"
        return Fact(ratio_text(own), words + _looked_until(incident))
    expected, unit = incident.expected_at_peak, bin_phrase(incident.bin_width_s)
    rate, at = amount(incident.peak), peak_clock(incident)
    if incident.region and 0 < expected < HARDLY_ANY:
        return Fact(rate, f"reports {unit} at the peak, at {at}; hardly any are usual there")
    if np.isfinite(expected) and expected > 0:
        factor = factor_text(incident.factor)
        return Fact(factor, f"the usual at the peak: {rate} reports {unit} against {amount(expected)}, at {at}")
    usual = "none are usual" if expected <= 0 else "what is usual is not known yet"
    return Fact(rate, f"reports {unit} at the peak, at {at}; {usual}")


def _length_fact(view: IncidentView) -> Fact:
    incident = view.incident
    if incident.ended is not None:
        end = interval(incident.ended, step_s(incident.bin_width_s))
        return Fact(lasted(incident, is_short=True), f"from onset to end at {end}")
    if not incident.is_open:
        return Fact("unknown", "how long it lasted")
    return Fact(lasted(incident, until=view.data_until, is_short=True), "so far, from onset to the last data")


def table_rows(frame: Frame) -> list[tuple[str, str, str, str]]:
    """Return the detail chart as rows ``(time, reports, usual, usual range)``; unknown is "no data"."""
    rows = []
    is_long = frame.end_at - frame.start_at > timedelta(hours=20)
    for number, observed in enumerate(frame.observed):
        at = datetime.fromtimestamp(frame.first_at.timestamp() + number * frame.bin_width_s, UTC)
        expected, lower, upper = (float(values[number]) for values in (frame.expected, frame.lower, frame.upper))
        is_usual_known = np.isfinite(expected) and np.isfinite(upper)
        rows.append(
            (
                stamp(at, step_s(frame.bin_width_s)) if is_long else clock(at, step_s(frame.bin_width_s)),
                amount(observed) if np.isfinite(observed) else "no data",
                amount(expected) if is_usual_known else "not known",
                f"{amount(lower)}-{amount(upper)}" if is_usual_known else "not known",
            )
        )
    return rows


def symptom_bars(incident: Incident) -> list[tuple[str, str, float]]:
    """Return ``(symptom, share, length of its bar in per cent of the longest)``."""
    listed = incident.symptoms[:MAX_ROWS]
    longest = max((part for _, part in listed), default=0) or 1.0
    return [(symptom_name(name), share(part), round(100 * part / longest, 1)) for name, part in listed]


def _changes(transitions: Sequence[Transition], step: int) -> list[tuple[str, str, str, str]]:
    """Return ``(time, machine-readable time, what happened, why)``, oldest first."""
    rows = []
    for change in sorted(transitions, key=lambda one: one.revision):
        words = change.new if change.old in (None, change.new) else f"{change.old} → {change.new}"
        rows.append((stamp(change.at, step), change.at.isoformat(), words, plain(change.reason, REASON_LIMIT)))
    return rows


def _looked_until(incident: Incident) -> str:
    """Say up to when it was looked at where it is felt, where that is before its end: of days, it is the first."""
    spread, ended = incident.spread, incident.ended
    is_part = spread is not None and ended is not None and spread.end_at < ended.low_at
    return f", until {stamp(spread.end_at, step_s(incident.bin_width_s))}" if spread and is_part else ""


def _earlier_row(other: Incident) -> tuple[str, str, str, str, str]:
    """Return ``(onset, state, lasted, peak, reports)``."""
    own, fewest = own_region(other), HARDLY_ANY if other.region else 0.0
    is_known = fewest < other.expected_at_peak < np.inf
    excess = ratio_text(own) if own else factor_text(other.factor) if is_known else amount(other.peak)
    length = lasted(other, is_short=True) or ("going on" if other.is_open else "unknown")
    return (stamp(other.onset.at, step_s(other.bin_width_s)), other.state, length, excess, f"{other.n_reports:,}")


def _drawn(view: IncidentView, *, is_day: bool) -> list[tuple[str, Markup]]:
    """Return a chart in every size; the theme shows the one that fits."""
    draw = day_strip if is_day else detail_chart
    return [(size.name, Markup(draw(view, size))) for size in SIZES]  # noqa: S704 - the chart escapes what it is given


def _strip_title(frame: Frame) -> str:
    hours = round((frame.end_at - frame.start_at).total_seconds() / 3600)
    return f"The {hours} hours to {clock(frame.end_at)}, {date(frame.end_at)}"


def unbroken(text: str) -> Markup:
    """Return ``text`` escaped, with intervals and percentages kept on one line."""
    return Markup(_TIGHT.sub(r'<span class="unbroken">\g<0></span>', str(escape(text))))  # noqa: S704 - escaped


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("flows.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(counted=counted)
    environment.filters["unbroken"] = unbroken
    return environment


@cache
def _theme() -> str:
    return files("flows.report").joinpath("templates", "theme.css").read_text("utf-8")
