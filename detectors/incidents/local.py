"""Local alarms to local incidents: trouble in one region that the service as a whole does not show.

A local incident is *suspected* at its first watch alarm and *confirmed* by a page alarm; nothing else confirms one,
because a region's counts are small. Like all incidents it is a function of the counts, and its transitions carry the
instant at which they could have been known.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid5

import numpy as np
from msgspec.structs import replace

from detectors.baselines.lineage import lineage
from detectors.baselines.regional import RegionalBaseline
from detectors.incidents.lifecycle import NAMESPACE, History, chain, closing, cut_to, looked_at
from detectors.incidents.measure import measure
from detectors.location.names import region_name
from detectors.model import Incident
from detectors.spikes.alarms import QUIET_S
from detectors.spikes.local import local_series

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from detectors.baselines.regional import National
    from detectors.counting.regional import RegionCounts
    from detectors.incidents.lifecycle import Step
    from detectors.model import Alarm, State
    from detectors.spikes.local_alarms import LocalAlarm


LASTED_OUT = "nothing unusual for an hour, or for as long as two usual reports take there"


@dataclass(frozen=True)
class _Stage:
    """The alarms behind one local incident, of both severities, oldest first."""

    every: tuple[LocalAlarm, ...]

    @property
    def pages(self) -> tuple[LocalAlarm, ...]:
        return tuple(one for one in self.every if one.alarm.severity == "page")

    @property
    def first(self) -> LocalAlarm:
        return self.every[0]

    @property
    def main(self) -> LocalAlarm:
        """What fired most often, of the severity that it came to, and of these the strangest."""
        return max(self.pages or self.every, key=lambda one: (len(one.fired_at), one.alarm.score))

    @property
    def whole(self) -> Alarm:
        """All of it as one alarm, from the first bin that fired to the last: hours may lie between them at night."""
        every = [one.alarm for one in self.every]
        closings = [one.closed_at for one in every if one.closed_at]
        return replace(
            self.main.alarm,
            alarmed_at=every[0].alarmed_at,
            window_start_at=every[0].window_start_at,
            last_alarm_at=max(one.last_alarm_at for one in every),
            closed_at=max(closings) if len(closings) == len(every) else None,
        )

    @property
    def fired_at(self) -> tuple[datetime, ...]:
        return tuple(sorted({at for one in self.every for at in one.fired_at}))

    def heard_by(self, at: datetime) -> set[str]:
        """Return the regions that had fired by an instant."""
        return {code for one in self.every for code in one.heard_by(at)}


def build_local_histories(
    counts: RegionCounts, national: National, alarms: Sequence[LocalAlarm]
) -> list[tuple[History, tuple[datetime, ...]]]:
    """Turn the local alarms of one service into incidents with their transitions, oldest first.

    Parameters
    ----------
    counts, national
        The same bins: the regions, and the service as a whole.
    alarms
        What :class:`detectors.spikes.local.LocalDetector` found in all of them, of both severities.

    Returns
    -------
    list of (History, tuple of datetime)
        Each with the instants at which it fired; :func:`detectors.incidents.merging.merge` joins them with the
        incidents of the service as a whole.
    """
    stages = _stages(alarms)
    known = [looked_at(stage.whole, counts.end_at) for stage in stages]
    baselines = baselines_at(counts, national, known)
    return [
        (_history((counts, national), stage, baselines[at], _beside(stage, stages)), stage.fired_at)
        for stage, at in zip(stages, known, strict=True)
    ]


def _beside(stage: _Stage, stages: Sequence[_Stage]) -> tuple[datetime | None, datetime | None]:
    """Return from when on, and up to when, the counts of a region are one incident's own: other alarms lie beyond."""
    alarm = stage.whole
    others = [one for one in stages if one is not stage]
    earlier = [one.whole for one in others if _is_there(one, stage.first)]
    later = [one.whole for one in others if _is_there(stage, one.first)]
    before = [one.last_alarm_at for one in earlier if one.alarmed_at < alarm.alarmed_at]
    after = [one.window_start_at for one in later if one.alarmed_at > alarm.alarmed_at]
    return max(before, default=None), min(after, default=None)


def baselines_at(
    counts: RegionCounts, national: National, instants: Iterable[datetime]
) -> Mapping[datetime, RegionalBaseline]:
    """Return what was known of the regions' usual rates at some instants (UTC), within the counts or at their end."""
    learning = RegionalBaseline(counts.start_at, counts.bin_width_s)
    found: dict[datetime, RegionalBaseline] = {}
    for at in sorted(set(instants)):
        stop = round((at - counts.start_at).total_seconds() / counts.bin_width_s)
        learning.run(counts.cut(learning.n_bins, stop), national.cut(learning.n_bins, stop))
        found[at] = deepcopy(learning)
    return found


def _stages(alarms: Sequence[LocalAlarm]) -> list[_Stage]:
    """Join the alarms of both severities that speak of the same region, as it could be told when the later began."""
    stages: list[_Stage] = []
    for one in sorted(alarms, key=lambda one: (one.alarm.alarmed_at, one.alarm.severity == "page", one.first_region)):
        open_now = [stage for stage in stages if _is_open(stage, one.alarm.alarmed_at)]
        near = next((stage for stage in open_now if _is_there(stage, one)), None)
        if near is None:
            stages.append(_Stage((one,)))
        else:
            stages[stages.index(near)] = _Stage((*near.every, one))
    return stages


def _is_open(stage: _Stage, at: datetime) -> bool:
    closed_at = stage.whole.closed_at
    return closed_at is None or closed_at > at


def _is_there(stage: _Stage, other: LocalAlarm) -> bool:
    """Whether two alarms speak of one place, as far as that was known when the other began.

    Whether they share a region; or, if the first fired within the hour, whether one lies in the other.
    """
    at = other.alarm.alarmed_at
    mine = stage.heard_by(at)
    if other.first_region in mine:
        return True
    fired = [one for one in stage.fired_at if one <= at]
    is_late = bool(fired) and at - fired[-1] <= timedelta(seconds=QUIET_S)
    return is_late and any(lies_in(other.first_region, one) or lies_in(one, other.first_region) for one in mine)


def lies_in(region: str, other: str) -> bool:
    """Whether a region is another, or lies in it."""
    return other in lineage(region)


def _history(
    given: tuple[RegionCounts, National],
    stage: _Stage,
    baseline: RegionalBaseline,
    near: tuple[datetime | None, datetime | None],
) -> History:
    """Measure one incident; ``near`` as :func:`_beside` returns it."""
    (counts, national), (since_at, until_at) = given, near
    deciding, whole = stage.main, stage.whole
    series, usual = local_series(counts, national, baseline, deciding.region)
    series, usual = cut_to(series, usual, looked_at(whole, counts.end_at))
    is_near = until_at is not None and until_at < series.end_at
    found = measure(series, usual, whole, since_at=since_at, until_at=until_at if is_near else None)
    suspected_at = whole.alarmed_at
    name = f"{counts.service}|{counts.source}|{counts.bin_width_s}|{stage.first.first_region}|{suspected_at}"
    transitions = chain(str(uuid5(NAMESPACE, name)), _steps(counts, stage))
    final = transitions[-1]
    incident = Incident(
        id=final.incident_id,
        service=counts.service,
        source=counts.source,
        severity=deciding.alarm.severity,
        state=final.new,
        onset=found.onset,
        suspected_at=suspected_at,
        alarmed_at=(stage.pages or stage.every)[0].alarm.alarmed_at,
        confirmed_at=stage.pages[0].alarm.alarmed_at if stage.pages else None,
        ended=found.ended,
        resolved_at=final.at if final.new in ("resolved", "dismissed") else None,
        score=deciding.alarm.score,
        peak=found.peak,
        peak_at=found.peak_at,
        expected_at_peak=found.expected_at_peak,
        n_reports=found.n_reports,
        n_authors=found.n_authors,
        bin_width_s=counts.bin_width_s,
        revision=len(transitions),
        region=deciding.region,
    )
    return History(incident, transitions)


def _steps(counts: RegionCounts, stage: _Stage) -> list[Step]:
    first, severity = stage.first.alarm, stage.main.alarm.severity
    steps: list[Step] = [(first.alarmed_at, "suspected", first.severity, _evidence(counts, stage.first))]
    if stage.pages:
        page = stage.pages[0]
        steps.append((page.alarm.alarmed_at, "confirmed", "page", _evidence(counts, page)))
    closed_at, is_sure = stage.whole.closed_at, bool(stage.pages)
    if closed_at:
        state: State = "resolved" if is_sure else "dismissed"
        steps.append((closed_at, state, severity, LASTED_OUT if is_sure else closing(sure=False)))
    return steps


def _evidence(counts: RegionCounts, one: LocalAlarm) -> str:
    """Say what fired first: how many voices in which window, from where."""
    start, stop = (
        round((at - counts.start_at).total_seconds() / counts.bin_width_s)
        for at in (one.alarm.window_start_at, one.alarm.alarmed_at)
    )
    voices = float(np.nansum(counts.of(one.first_region)[start:stop]))
    minutes = (stop - start) * counts.bin_width_s / 60
    return f"{voices:.0f} voices in {minutes:g} min from {region_name(one.first_region)}"
