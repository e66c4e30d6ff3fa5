"""Alarms to incidents: what we claim, in which state, and since when we could have known it.

::

    (watch alarm) ──► suspected ──► confirmed ──► updated* ──► resolved
                          └───────────────────────────────────► dismissed

An incident is *suspected* at its first watch alarm and *confirmed* by a page alarm, or when the watch score has
fired in :data:`CONFIRM_BINS` bins (healthchecks and Gatus ask for three bad results too). A page alarm that
comes back after it had closed is an incident of its own, so that page incidents here and in
:func:`detectors.detect` are the same. Everything is a function of the counts: each transition carries the instant
at which it could have been known, and a longer series only ever appends transitions.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID, uuid5

import numpy as np

from detectors.incidents.measure import measure
from detectors.model import Incident, Transition

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from detectors.model import Alarm, CountSeries, Severity, State
    from detectors.spikes import Scored

CONFIRM_BINS = 3
"""Bins in which the watch score must fire before we are sure without a page alarm."""

_NAMESPACE = UUID("6e1f0f4e-6a57-5d0c-9c1e-6b8a3f6f2d11")


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
    stages = _stages(scored.alarms("watch"), scored.alarms("page"))
    return [_history(series, scored, stage) for stage in stages]


def _stages(watch: Sequence[Alarm], page: Sequence[Alarm]) -> list[_Stage]:
    """Give each page alarm to the watch alarm that it lies in; only the first one inherits its beginning."""
    stages = []
    left = list(page)
    for alarm in watch:
        inside = [p for p in left if alarm.alarmed_at <= p.alarmed_at <= alarm.last_alarm_at]
        left = [p for p in left if p not in inside]
        stages.append(_Stage(alarm, inside[0] if inside else None))
        stages += [_Stage(None, p) for p in inside[1:]]
    stages += [_Stage(None, p) for p in left]
    return sorted(stages, key=lambda stage: stage.suspected_at)


def _history(series: CountSeries, scored: Scored, stage: _Stage) -> History:
    found = measure(series, scored.baseline, stage.deciding)
    steps = _steps(series, scored, stage)
    identity = str(uuid5(_NAMESPACE, f"{series.service}|{series.source}|{series.bin_width_s}|{stage.suspected_at}"))
    transitions = _chain(identity, steps)
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


def _steps(series: CountSeries, scored: Scored, stage: _Stage) -> list[tuple[datetime, State, Severity, str]]:
    """List what happened, in order of time: (when it could be known, new state, severity, reason)."""
    first = stage.watch or stage.deciding
    steps: list[tuple[datetime, State, Severity, str]] = [
        (first.alarmed_at, "suspected", first.severity, _evidence(series, scored, first))
    ]
    sure_at = _third_firing(scored, stage.watch)
    if stage.page and (sure_at is None or stage.page.alarmed_at <= sure_at):
        steps.append((stage.page.alarmed_at, "confirmed", "page", _evidence(series, scored, stage.page)))
    elif sure_at:
        steps.append((sure_at, "confirmed", "watch", f"a credible rise in {CONFIRM_BINS} bins"))
        if stage.page:
            steps.append((stage.page.alarmed_at, "updated", "page", _evidence(series, scored, stage.page)))
    worse = "much worse than when it was announced"
    steps += [(at, "updated", stage.severity, worse) for at in stage.deciding.escalated_at]
    if stage.deciding.closed_at:
        sure = len(steps) > 1
        steps.append(
            (stage.deciding.closed_at, "resolved" if sure else "dismissed", stage.severity, _closing(sure=sure))
        )
    return sorted(steps, key=lambda step: step[0])


def _closing(*, sure: bool) -> str:
    return "an hour of observed reports without an alarm" if sure else "the rise did not last"


def _evidence(series: CountSeries, scored: Scored, alarm: Alarm) -> str:
    """Say what fired: how many voices in which window, against how many usual ones."""
    stop = round((alarm.alarmed_at - series.start_at).total_seconds() / series.bin_width_s)
    start = round((alarm.window_start_at - series.start_at).total_seconds() / series.bin_width_s)
    seen, usual = np.nansum(series.observed[start:stop]), np.nansum(scored.baseline.expected[start:stop])
    minutes = (stop - start) * series.bin_width_s / 60
    return f"{seen:.0f} voices in {minutes:g} min, {usual:.1f} usual"


def _third_firing(scored: Scored, alarm: Alarm | None) -> datetime | None:
    """Return the end of the bin in which the watch score fired for the third time, if it came to that."""
    if alarm is None:
        return None
    first = round((alarm.alarmed_at - scored.start_at).total_seconds() / scored.bin_width_s) - 1
    last = round((alarm.last_alarm_at - scored.start_at).total_seconds() / scored.bin_width_s)
    fired = np.flatnonzero(scored.watch[first:last] >= 1.0)
    if len(fired) < CONFIRM_BINS:
        return None
    return scored.start_at + timedelta(seconds=int(first + fired[CONFIRM_BINS - 1] + 1) * scored.bin_width_s)


def _chain(identity: str, steps: Sequence[tuple[datetime, State, Severity, str]]) -> tuple[Transition, ...]:
    """Return the steps as transitions, numbered, each with the state before it."""
    olds: list[State | None] = [None, *(state for _, state, _, _ in steps)]
    return tuple(
        Transition(identity, number, at, old, new, severity, reason)
        for number, (old, (at, new, severity, reason)) in enumerate(zip(olds, steps, strict=False), 1)
    )
