"""Alarms to incidents: what we claim, in which state, and since when we could have known it.

::

    (watch alarm) ──► suspected ──► confirmed ──► updated* ──► resolved
                          └───────────────────────────────────► dismissed

An incident is *suspected* at its first watch alarm and *confirmed* by a page alarm, by a rise that has become much
worse, or when the watch score has fired in :data:`CONFIRM_BINS` bins (healthchecks and Gatus ask for three bad
results too). A page alarm that comes back after it had closed is an incident of its own, so that page incidents here
and in :func:`detectors.detect` are the same; a watch alarm that begins while a page alarm is open says nothing new.
Everything is a function of the counts: each transition carries the instant at which it could have been known, and a
longer series only ever appends transitions.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID, uuid5

import numpy as np

from detectors.incidents.ending import LOOK_ON_MIN
from detectors.incidents.measure import beginnings, followers, measure
from detectors.model import Baseline, Incident, Transition

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from detectors.model import Alarm, CountSeries, Severity, State
    from detectors.spikes import Scored

    Step = tuple[datetime, State, Severity, str]
    """When it could be known, the new state, the severity, the reason."""

CONFIRM_BINS = 3
"""Bins in which the watch score must fire before we are sure without a page alarm."""

LOOKS_AGAIN = tuple(timedelta(minutes=minutes) for minutes in LOOK_ON_MIN)
"""How long after an incident was closed its end is estimated again; see :mod:`detectors.incidents.ending`."""

WORSE = "much worse than when it was announced"
LASTED = f"a credible rise in {CONFIRM_BINS} bins"

NAMESPACE = UUID("6e1f0f4e-6a57-5d0c-9c1e-6b8a3f6f2d11")


@dataclass(frozen=True)
class History:
    """An incident as it stands, and every transition that led there, oldest first."""

    incident: Incident
    transitions: tuple[Transition, ...]


@dataclass(frozen=True)
class _Stage:
    """The alarms behind one incident: its watch alarm, and its page alarm if it came to that."""

    watch: Alarm | None
    page: Alarm | None

    @property
    def severity(self) -> Severity:
        return "page" if self.page else "watch"

    @property
    def deciding(self) -> Alarm:
        alarm = self.page or self.watch
        assert alarm is not None  # noqa: S101 - a stage is never built from nothing
        return alarm

    @property
    def suspected_at(self) -> datetime:
        return self.watch.alarmed_at if self.watch else self.deciding.alarmed_at


def build_histories(series: CountSeries, scored: Scored) -> list[History]:
    """Turn the alarms of one scored series into incidents with their transitions, oldest first.

    Parameters
    ----------
    series
        The counts that were scored.
    scored
        What the detector made of them: scores and alarms of both severities, over the same bins.
    """
    watch, page = scored.alarms("watch"), scored.alarms("page")
    since_at = beginnings(watch) | beginnings(page)
    until_at = followers(watch) | followers(page)
    stages = _stages(watch, page)
    return [_history(series, scored, one, (since_at[one.deciding], until_at[one.deciding])) for one in stages]


def _as_known(series: CountSeries, scored: Scored, alarm: Alarm) -> tuple[CountSeries, Baseline]:
    """Return the bins that an incident is measured by: all while it lasts, and those at the last look after it closed.

    An outage may outlast its alarm, so that it is looked at again :data:`LOOKS_AGAIN` after it was closed, and at no
    other time: so what a pipeline says of it changes a few times at most, and at instants that follow from the counts.
    """
    return cut_to(series, scored.baseline, looked_at(alarm, series.end_at))


def looked_at(alarm: Alarm, end_at: datetime) -> datetime:
    """Return up to when an alarm's counts are known (UTC), if counts are there up to ``end_at``; see _as_known."""
    if alarm.closed_at is None:
        return end_at
    looks_at = [alarm.closed_at, *(alarm.closed_at + later for later in LOOKS_AGAIN)]
    return max((at for at in looks_at if at <= end_at), default=alarm.closed_at)


def cut_to(series: CountSeries, usual: Baseline, end_at: datetime) -> tuple[CountSeries, Baseline]:
    """Return a series, and what is usual in it, up to an instant."""
    stop = round((end_at - series.start_at).total_seconds() / series.bin_width_s)
    known = replace(series, observed=series.observed[:stop], raw=series.raw[:stop], coverage=series.coverage[:stop])
    return known, Baseline(usual.expected[:stop], usual.dispersion[:stop], usual.upper[:stop])


def _stages(watch: Sequence[Alarm], page: Sequence[Alarm]) -> list[_Stage]:
    """Join the alarms that speak of the same trouble, as it could be told when the later one of them began.

    Alarms are taken in order of time and only what was open then is looked at, so that no later bin moves an alarm
    from one incident to another.
    """
    stages: list[_Stage] = []
    for alarm in sorted([*watch, *page], key=lambda alarm: (alarm.alarmed_at, alarm.severity == "page")):
        at = alarm.alarmed_at
        if alarm.severity == "watch":
            if not any(stage.page and _goes_on(stage.page, at) for stage in stages):
                stages.append(_Stage(alarm, None))
            continue
        waiting = next((s for s in stages if s.watch and s.page is None and _goes_on(s.watch, at)), None)
        if waiting:
            stages[stages.index(waiting)] = _Stage(waiting.watch, alarm)
        else:
            stages.append(_Stage(None, alarm))
    return stages


def _goes_on(alarm: Alarm, at: datetime) -> bool:
    return alarm.closed_at is None or alarm.closed_at > at


def _history(
    series: CountSeries, scored: Scored, stage: _Stage, near: tuple[datetime | None, datetime | None]
) -> History:
    """Measure one incident; ``near`` is from when on, and up to when, the counts are its own."""
    since_at, until_at = near
    known, usual = _as_known(series, scored, stage.deciding)
    is_near = until_at is not None and until_at < known.end_at
    found = measure(known, usual, stage.deciding, since_at=since_at, until_at=until_at if is_near else None)
    steps = _steps(series, scored, stage)
    identity = str(uuid5(NAMESPACE, f"{series.service}|{series.source}|{series.bin_width_s}|{stage.suspected_at}"))
    transitions = chain(identity, steps)
    confirmed = [t.at for t in transitions if t.new == "confirmed"]
    final = transitions[-1]
    incident = Incident(
        id=identity,
        service=series.service,
        source=series.source,
        severity=stage.severity,
        state=final.new,
        onset=found.onset,
        suspected_at=stage.suspected_at,
        alarmed_at=stage.deciding.alarmed_at,
        confirmed_at=confirmed[0] if confirmed else None,
        ended=found.ended,
        resolved_at=final.at if final.new in ("resolved", "dismissed") else None,
        score=stage.deciding.score,
        peak=found.peak,
        peak_at=found.peak_at,
        expected_at_peak=found.expected_at_peak,
        n_reports=found.n_reports,
        n_authors=found.n_authors,
        bin_width_s=series.bin_width_s,
        revision=len(transitions),
    )
    return History(incident, transitions)


def _steps(series: CountSeries, scored: Scored, stage: _Stage) -> list[Step]:
    """List what happened, in order of time; the first news after the suspicion confirms it."""
    first, closed_at = stage.watch or stage.deciding, stage.deciding.closed_at
    steps: list[Step] = [(first.alarmed_at, "suspected", first.severity, _evidence(series, scored, first))]
    is_sure = False
    for at, severity, reason in _news(series, scored, stage):
        if not is_sure or reason != LASTED:
            steps.append((at, "updated" if is_sure else "confirmed", severity, reason))
        is_sure = True
    if closed_at:
        steps.append((closed_at, "resolved" if is_sure else "dismissed", stage.severity, closing(sure=is_sure)))
    return steps


def _news(series: CountSeries, scored: Scored, stage: _Stage) -> list[tuple[datetime, Severity, str]]:
    """List what was learnt after the suspicion, in order of time; that the rise lasted comes last in its bin."""
    news: list[tuple[datetime, Severity, str]] = []
    if stage.page:
        news.append((stage.page.alarmed_at, "page", _evidence(series, scored, stage.page)))
        news += [(at, "page", WORSE) for at in stage.page.escalated_at]
    if stage.watch:
        until = stage.page.alarmed_at if stage.page else None
        news += [(at, "watch", WORSE) for at in stage.watch.escalated_at if until is None or at < until]
        lasted_at = _third_firing(scored, stage.watch)
        if lasted_at:
            news.append((lasted_at, "watch", LASTED))
    return sorted(news, key=lambda one: one[0])


def closing(*, sure: bool) -> str:
    """Say why an incident is over."""
    return "an hour of observed reports without an alarm" if sure else "the rise did not last"


def _evidence(series: CountSeries, scored: Scored, alarm: Alarm) -> str:
    """Say what fired: how many voices in which window, against how many usual ones."""
    stop = round((alarm.alarmed_at - series.start_at).total_seconds() / series.bin_width_s)
    start = round((alarm.window_start_at - series.start_at).total_seconds() / series.bin_width_s)
    seen, usual = np.nansum(series.observed[start:stop]), np.nansum(scored.baseline.expected[start:stop])
    minutes = (stop - start) * series.bin_width_s / 60
    return f"{seen:.0f} voices in {minutes:g} min, {usual:.1f} usual"


def _third_firing(scored: Scored, alarm: Alarm) -> datetime | None:
    """Return the end of the bin in which the watch score fired for the third time, if it came to that."""
    first = round((alarm.alarmed_at - scored.start_at).total_seconds() / scored.bin_width_s) - 1
    last = round((alarm.last_alarm_at - scored.start_at).total_seconds() / scored.bin_width_s)
    fired = np.flatnonzero(scored.watch[first:last] >= 1.0)
    if len(fired) < CONFIRM_BINS:
        return None
    return scored.start_at + timedelta(seconds=int(first + fired[CONFIRM_BINS - 1] + 1) * scored.bin_width_s)


def chain(identity: str, steps: Sequence[Step]) -> tuple[Transition, ...]:
    """Return the steps as transitions, numbered, each with the state before it."""
    olds: list[State | None] = [None, *(state for _, state, _, _ in steps)]
    return tuple(
        Transition(identity, number, at, old, new, severity, reason)
        for number, (old, (at, new, severity, reason)) in enumerate(zip(olds, steps, strict=False), 1)
    )
