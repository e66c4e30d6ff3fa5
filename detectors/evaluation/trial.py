"""One simulated service-month, twenty times: what detectors made of a scenario, judged against its truth.

A *trial* is one scenario with one seed, scored once by one detector and judged for both severities at the default
threshold (with onset and end) and at a grid of others, from which curves and re-tuned tables are read. It is plain
data: trials of many seeds are kept in a file and put together by :mod:`detectors.evaluation.summary`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

import numpy as np
from msgspec import Struct

from detectors.evaluation.bound import ARLS, delay_bound_min, oracle_scores, outage_bins, without_outages
from detectors.evaluation.scoring import EPOCH, Outage, join_bins, score_simulated
from detectors.evaluation.simulate import random_scenario, simulate_counts
from detectors.incidents.measure import beginnings, followers, measure
from detectors.model import Severity  # noqa: TC001 - msgspec reads it when it decodes
from detectors.spikes import Scored, create

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from numpy.typing import NDArray

    from detectors.evaluation.scoring import Score
    from detectors.evaluation.simulate import OutageTruth, SimulatedCounts
    from detectors.incidents.measure import Measures
    from detectors.model import Estimate

    Floats = NDArray[np.float64]

ORACLE = "oracle"
"""Stands among the detectors' names for the one that knows the true rates; it is a bound, not a competitor."""

SEVERITIES: tuple[Severity, Severity] = ("watch", "page")
GRID = tuple(1.1**power for power in range(70, -13, -1))
"""Thresholds that are tried, highest first; 1 is the default of every detector."""

TOO_MANY = 20.0
"""False alarms a service-month above which lower thresholds are not tried."""

MINUTE, MONTH = timedelta(minutes=1), timedelta(days=30)
BEFORE, AFTER, STEP_AFTER = timedelta(minutes=15), timedelta(hours=4), timedelta(days=1)


class Settings(Struct, frozen=True):
    """What is simulated: the same settings and seed are the same counts."""

    difficulty: Literal["standard", "hard"] = "standard"
    noise: Literal["negbin", "poisson", "hawkes", "clusters"] = "negbin"
    days: float = 35
    n_services: int = 20


class Case(Struct, frozen=True):
    """One outage of a trial.

    Attributes
    ----------
    service
        Index in :attr:`Trial.rates`.
    factor
        How many times usual in the places that it touches.
    series_factor
        The same on the whole series, at its highest: smaller where an outage is regional.
    evidence_nats
        See :class:`~detectors.evaluation.simulate.OutageTruth`.
    bound_min
        By severity: the bound on the mean delay, minutes; None where even that is later than its end.
    """

    service: int
    factor: float
    series_factor: float
    duration_min: float
    evidence_nats: float
    bound_min: dict[Severity, float | None]


class AtThreshold(Struct, frozen=True):
    """What one threshold found. ``found``, ``covered`` are indices of cases; ``delays_min`` goes with ``found``."""

    threshold: float
    found: list[int]
    delays_min: list[float]
    covered: list[int]
    false: int
    bumps: int


class FalseAlarm(Struct, frozen=True):
    """A false alarm at the default threshold, and what was going on: cluster, silent gap, gap, step or nothing."""

    service: int
    cause: str


class Extent(Struct, frozen=True):
    """What was said of a found outage: errors in minutes (said - true), and whether the interval held the truth.

    Of the alarm that found it; the end is None while the incident was open. Widths of the intervals are in minutes.
    """

    case: int
    onset_error_min: float
    has_onset: bool
    end_error_min: float | None
    has_end: bool | None
    onset_width_min: float = 0.0
    end_width_min: float | None = None


class Judgement(Struct, frozen=True):
    """One severity: thresholds from high to low, and the default (1) in detail."""

    thresholds: list[AtThreshold]
    false_alarms: list[FalseAlarm]
    extents: list[Extent]

    def at(self, threshold: float) -> AtThreshold | None:
        """Return what a threshold of the grid found; None if it was too low to be tried."""
        return next((one for one in self.thresholds if one.threshold == threshold), None)


class Trial(Struct, frozen=True):
    """What one detector made of one scenario.

    Attributes
    ----------
    rates, months
        By service: usual reports a minute; observed months of 30 days.
    bumps
        How often the news spoke of a service.
    """

    detector: str
    settings: Settings
    seed: int
    rates: list[float]
    months: list[float]
    bumps: int
    cases: list[Case]
    severities: dict[Severity, Judgement]


@dataclass(frozen=True)
class _World:
    """A simulation, and its truth service by service."""

    made: SimulatedCounts
    cases: list[Case]
    outages: list[list[tuple[int, Outage]]]
    bumps: list[list[Outage]]
    months: list[float]


def run_trial(settings: Settings, seed: int, detectors: Sequence[str]) -> Iterator[Trial]:
    """Simulate a scenario once and yield the trial of each detector (a registered name, or ``oracle``).

    Raises
    ------
    InputError
        If there is no such detector, or the settings cannot be simulated.
    """
    scenario = random_scenario(
        seed,
        difficulty=settings.difficulty,
        family=settings.noise,
        days=settings.days,
        n_services=settings.n_services,
    )
    world = _world(simulate_counts(scenario, seed=seed))
    for name in detectors:
        rates = [service.rate_per_min for service in scenario.services]
        n_bumps = sum(map(len, world.bumps))
        severities = dict(_judge(world, name))
        yield Trial(name, settings, seed, rates, world.months, n_bumps, world.cases, severities)


def _world(made: SimulatedCounts) -> _World:
    ids = [series.service for series in made.series]
    outages: list[list[tuple[int, Outage]]] = [[] for _ in ids]
    bumps: list[list[Outage]] = [[] for _ in ids]
    for number, truth in enumerate(made.truth.outages):
        outages[ids.index(truth.service)].append((number, Outage(truth.onset_at, truth.end_at)))
    for event in made.truth.confounders:
        if event.kind == "news" and event.service is not None:
            bumps[ids.index(event.service)].append(Outage(event.start_at, event.end_at))
    width = timedelta(seconds=made.scenario.bin_width_s)
    months = [float((~np.isnan(series.observed)).sum()) * (width / MONTH) for series in made.series]
    return _World(made, [_case(made, ids, truth) for truth in made.truth.outages], outages, bumps, months)


def _case(made: SimulatedCounts, ids: Sequence[str], truth: OutageTruth) -> Case:
    index, bins = ids.index(truth.service), outage_bins(made, truth)
    after = made.expected[truth.service][bins]
    before = without_outages(made, truth.service)[bins]
    seen, noise = ~np.isnan(made.series[index].observed[bins]), made.scenario.services[index].noise
    bounds: dict[Severity, float | None] = {}
    for severity in SEVERITIES:
        bin_min = made.scenario.bin_width_s / 60
        bound = delay_bound_min(before[seen], after[seen], noise, arl=ARLS[severity], bin_min=bin_min)
        bounds[severity] = bound if np.isfinite(bound) else None
    return Case(
        service=index,
        factor=truth.factor,
        series_factor=float((after / np.maximum(before, 1e-9)).max()),
        duration_min=(truth.end_at - truth.onset_at) / MINUTE,
        evidence_nats=truth.evidence_nats,
        bound_min=bounds,
    )


def _judge(world: _World, name: str) -> Iterator[tuple[Severity, Judgement]]:
    made = world.made
    if name == ORACLE:
        judged = _judgement(world, oracle_scores(made), None)
        yield from ((severity, judged) for severity in SEVERITIES)
        return
    detector = create(name, len(made.series), bin_width_s=made.scenario.bin_width_s, start_at=made.scenario.start_at)
    found = detector.run(np.stack([series.observed for series in made.series]))
    rows = [
        Scored(made.scenario.start_at, made.scenario.bin_width_s, found.row(i), detector)
        for i in range(len(made.series))
    ]
    for severity in SEVERITIES:
        values = np.stack([row.of(severity)[0] for row in rows])
        yield severity, _judgement(world, values, (severity, rows))


def _judgement(world: _World, scores: Floats, rows: tuple[Severity, list[Scored]] | None) -> Judgement:
    tried: list[AtThreshold] = []
    detail: tuple[list[FalseAlarm], list[Extent]] = ([], [])
    months = sum(world.months)
    for threshold in GRID:
        if threshold != 1 and tried and tried[-1].false > TOO_MANY * months:
            continue
        judged = [_score(world, i, scores[i], threshold) for i in range(len(scores))]
        tried.append(_at(world, threshold, judged))
        if threshold == 1:
            detail = _false_alarms(world, judged), _extents(world, judged, rows) if rows else []
    return Judgement(tried, *detail)


def _score(world: _World, i: int, scores: Floats, threshold: float) -> Score:
    start_at, width = world.made.scenario.start_at, timedelta(seconds=world.made.scenario.bin_width_s)
    microsecond = timedelta(microseconds=1)
    fired = np.flatnonzero(scores >= threshold) * (width // microsecond) + (start_at - EPOCH) // microsecond
    outages = [outage for _, outage in world.outages[i]]
    return score_simulated(join_bins(fired, width), outages, service_months=world.months[i], bumps=world.bumps[i])


def _at(world: _World, threshold: float, judged: Sequence[Score]) -> AtThreshold:
    found, delays, covered = [], [], []
    for i, score in enumerate(judged):
        for (number, _), one in zip(world.outages[i], score.judged, strict=True):
            if one.verdict == "covered":
                covered.append(number)
            elif one.delay is not None:
                found.append(number)
                delays.append(one.delay / MINUTE)
    false, bumps = (sum(score.count(kind) for score in judged) for kind in ("unexplained", "bump"))
    return AtThreshold(threshold, found, delays, covered, false, bumps)


def _false_alarms(world: _World, judged: Sequence[Score]) -> list[FalseAlarm]:
    return [
        FalseAlarm(i, _cause(world, i, at))
        for i, score in enumerate(judged)
        for at, kind in score.starts
        if kind == "unexplained"
    ]


def _cause(world: _World, i: int, at: datetime) -> str:
    """Return what was going on when a false alarm started."""
    service = world.made.series[i].service
    for kind in ("cluster", "silent gap", "gap", "step"):
        after = STEP_AFTER if kind == "step" else AFTER
        spans = [
            (event.start_at - BEFORE, event.end_at + after)
            for event in world.made.truth.confounders
            if event.kind == kind and event.service in (None, service)
        ]
        if any(start <= at <= end for start, end in spans):
            return kind
    return "nothing"


def _extents(world: _World, judged: Sequence[Score], rows: tuple[Severity, list[Scored]]) -> list[Extent]:
    """Return what was said of each outage that was found, by the alarm that found it."""
    severity, scored = rows
    extents = []
    for i, score in enumerate(judged):
        found = {
            one.run.known_at: (number, outage)
            for (number, outage), one in zip(world.outages[i], score.judged, strict=True)
            if one.verdict == "found" and one.run is not None
        }
        alarms = scored[i].alarms(severity) if found else []
        since_at, until_at = beginnings(alarms), followers(alarms)
        for alarm in alarms:
            if alarm.alarmed_at in found:
                near = {"since_at": since_at[alarm], "until_at": until_at[alarm]}
                measures = measure(world.made.series[i], scored[i].baseline, alarm, **near)
                extents.append(_extent(*found[alarm.alarmed_at], measures))
    return extents


def _extent(case: int, outage: Outage, said: Measures) -> Extent:
    ended = said.ended
    return Extent(
        case=case,
        onset_error_min=(said.onset.at - outage.onset_at) / MINUTE,
        has_onset=_holds(said.onset, outage.onset_at),
        end_error_min=(ended.at - outage.end_at) / MINUTE if ended else None,
        has_end=_holds(ended, outage.end_at) if ended else None,
        onset_width_min=_width_min(said.onset),
        end_width_min=_width_min(ended) if ended else None,
    )


def _width_min(estimate: Estimate) -> float:
    return (estimate.high_at - estimate.low_at) / MINUTE


def _holds(estimate: Estimate, at: datetime) -> bool:
    return estimate.low_at <= at <= estimate.high_at
