"""A trial beside what the analyst's door and the scoring say of the same counts, one series at a time."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest

from detectors.errors import InputError
from detectors.evaluation.scoring import Outage, Score, alarm_runs, score_simulated
from detectors.evaluation.simulate import (
    Confounder,
    Hole,
    Scenario,
    ServiceTraffic,
    SimulatedCounts,
    Step,
    ViralCluster,
    random_scenario,
    simulate_counts,
)
from detectors.evaluation.simulate import Outage as SimulatedOutage
from detectors.evaluation.trial import (
    GRID,
    ORACLE,
    SEVERITIES,
    TOO_MANY,
    Settings,
    Trial,
    _cause,
    _judge,
    _world,
    run_trial,
)
from detectors.incidents.detect import Detection, detect
from tests.builders import START

if TYPE_CHECKING:
    from detectors.model import Severity

SETTINGS = Settings(days=14, n_services=4)
SEED = 3_000_001
MINUTE = timedelta(minutes=1)


@pytest.fixture(scope="module")
def trials() -> dict[str, Trial]:
    return {trial.detector: trial for trial in run_trial(SETTINGS, SEED, ["uproar", "ears-c2", ORACLE])}


@pytest.fixture(scope="module")
def made() -> SimulatedCounts:
    return simulate_counts(random_scenario(SEED, days=14, n_services=4), seed=SEED)


@pytest.fixture(scope="module")
def detections(made: SimulatedCounts) -> dict[tuple[Severity, str], Detection]:
    frames = {series.service: series.to_frame()["observed"] for series in made.series}
    return {
        (severity, name): detect(frame, severity=severity) for severity in SEVERITIES for name, frame in frames.items()
    }


def judged(made: SimulatedCounts, detection: Detection, service: str, threshold: float) -> Score:
    series = next(one for one in made.series if one.service == service)
    outages = [Outage(o.onset_at, o.end_at) for o in made.truth.outages if o.service == service]
    bumps = [Outage(c.start_at, c.end_at) for c in made.truth.confounders if (c.kind, c.service) == ("news", service)]
    months = float((~np.isnan(series.observed)).sum()) / 43_200
    runs = alarm_runs(detection.scores, MINUTE, threshold=threshold)
    return score_simulated(runs, outages, service_months=months, bumps=bumps)


@pytest.mark.parametrize("threshold", [GRID[60], 1.0, GRID[75]])
@pytest.mark.parametrize("severity", SEVERITIES)
def test_a_trial_is_the_scoring_of_every_series(
    trials: dict[str, Trial],
    made: SimulatedCounts,
    detections: dict[tuple[Severity, str], Detection],
    severity: Severity,
    threshold: float,
) -> None:
    trial = trials["uproar"]
    at = trial.severities[severity].at(threshold)
    assert at is not None
    scores = [judged(made, detections[severity, series.service], series.service, threshold) for series in made.series]
    total = sum(scores, Score((), (), 0.0))
    assert sum(trial.months) == pytest.approx(total.service_months)
    assert (at.false, at.bumps) == (total.count("unexplained"), total.count("bump"))
    assert (len(at.found) + len(at.covered), len(trial.cases)) == (total.recall().hits, total.recall().n)
    assert sorted(at.delays_min) == pytest.approx(sorted(total.delays_min))
    assert len(at.found) == len(at.delays_min)


@pytest.mark.parametrize("severity", SEVERITIES)
def test_onset_and_end_are_those_of_the_incidents(
    trials: dict[str, Trial],
    made: SimulatedCounts,
    detections: dict[tuple[Severity, str], Detection],
    severity: Severity,
) -> None:
    trial = trials["uproar"]
    at = trial.severities[severity].at(1.0)
    assert at is not None
    assert at.found
    delays = dict(zip(at.found, at.delays_min, strict=True))
    extents = {extent.case: extent for extent in trial.severities[severity].extents}
    assert set(extents) == set(delays)
    for case, extent in extents.items():
        outage = made.truth.outages[case]
        incidents = detections[severity, outage.service].incidents
        alarmed_at = outage.onset_at + delays[case] * MINUTE
        row: Any = next(each for each in incidents.itertuples() if each.alarmed_at == alarmed_at)
        assert extent.onset_error_min == pytest.approx((row.onset_at - outage.onset_at) / MINUTE, abs=1e-4)
        assert extent.has_onset == (row.onset_low_at <= outage.onset_at <= row.onset_high_at)
        assert extent.end_error_min == pytest.approx((row.ended_at - outage.end_at) / MINUTE, abs=1e-4)
        assert isinstance(extent.has_end, bool)


def test_cases_are_the_outages(trials: dict[str, Trial], made: SimulatedCounts) -> None:
    for trial in trials.values():
        assert trial.rates == [service.rate_per_min for service in made.scenario.services]
        assert trial.bumps == sum(c.kind == "news" for c in made.truth.confounders)
        for case, outage in zip(trial.cases, made.truth.outages, strict=True):
            assert made.series[case.service].service == outage.service
            assert (case.factor, case.evidence_nats) == (outage.factor, outage.evidence_nats)
            assert 1 < case.series_factor <= case.factor * 1.001
            whole = outage.regions is None
            assert whole == (case.series_factor == pytest.approx(case.factor, rel=0.05))
            bounds = case.bound_min
            if bounds["watch"] is not None and bounds["page"] is not None:
                assert 1 <= bounds["watch"] <= bounds["page"]


def test_thresholds_are_tried_until_false_alarms_are_too_many(trials: dict[str, Trial]) -> None:
    for trial in trials.values():
        for judgement in trial.severities.values():
            thresholds = [one.threshold for one in judgement.thresholds]
            assert thresholds == sorted(thresholds, reverse=True)
            assert {1.0} <= set(thresholds) <= set(GRID)
            low = [one.false for one in judgement.thresholds if one.threshold != 1][:-1]
            assert max(low) <= TOO_MANY * sum(trial.months)
            default = judgement.at(1.0)
            assert default is not None
            assert default.false == len(judgement.false_alarms)
    noisy = trials["ears-c2"].severities["page"]
    assert noisy.thresholds[-1].threshold == 1
    assert noisy.at(GRID[-1]) is None
    assert noisy.thresholds[-2].threshold > GRID[GRID.index(1.0) - 1]


def test_the_oracle_finds_all_that_can_be_found_and_knows_one_severity(trials: dict[str, Trial]) -> None:
    oracle = trials[ORACLE]
    assert oracle.severities["watch"] == oracle.severities["page"]
    at = oracle.severities["watch"].at(1.0)
    assert at is not None
    assert {i for i, case in enumerate(oracle.cases) if case.evidence_nats >= 20} <= {*at.found, *at.covered}
    assert not oracle.severities["watch"].extents


def test_a_trial_is_plain_data_and_the_same_again(trials: dict[str, Trial]) -> None:
    small = Settings("hard", "hawkes", days=7, n_services=2)
    again = [next(run_trial(small, 5, ["uproar"])) for _ in range(2)]
    assert again[0] == again[1]
    for trial in (*trials.values(), again[0]):
        assert msgspec.json.decode(msgspec.json.encode(trial), type=Trial) == trial


def test_an_unknown_detector_is_refused() -> None:
    with pytest.raises(InputError, match="no detector 'nobody'"):
        list(run_trial(Settings(days=7, n_services=1), 1, ["nobody"]))


def test_a_false_alarm_is_put_down_to_what_went_on() -> None:
    day = timedelta(days=1)
    scenario = Scenario(
        START,
        9,
        (ServiceTraffic("imessage", 1.0), ServiceTraffic("outlook", 1.0)),
        clusters=(ViralCluster("imessage", START + day, 20),),
        gaps=(Hole(START + 3 * day, START + 3 * day + 60 * MINUTE),),
        silent_gaps=(Hole(START + 5 * day, START + 5 * day + 60 * MINUTE, "imessage"),),
        steps=(Step(START + 7 * day, 2.0),),
    )
    world = _world(simulate_counts(scenario, seed=1))
    assert all(isinstance(event, Confounder) for event in world.made.truth.confounders)
    causes = [[_cause(world, i, START + days * day + 20 * MINUTE) for days in range(9)] for i in (0, 1)]
    assert causes[0] == [
        "nothing",
        "cluster",
        "nothing",
        "gap",
        "nothing",
        "silent gap",
        "nothing",
        "step",
        "nothing",
    ]
    assert causes[1] == [*["nothing"] * 3, "gap", *["nothing"] * 3, "step", "nothing"]
    assert _cause(world, 0, START + 7 * day + timedelta(hours=23)) == "step"
    assert _cause(world, 0, START + day - 20 * MINUTE) == "nothing"
    assert _cause(world, 0, START + day - 10 * MINUTE) == "cluster"
    assert _cause(world, 0, START + 3 * day + 60 * MINUTE + timedelta(hours=4)) == "gap"
    assert _cause(world, 0, START + 3 * day + 61 * MINUTE + timedelta(hours=4)) == "nothing"


def test_an_outage_soon_after_another_has_its_own_onset() -> None:
    first = START + timedelta(days=5)
    outages = [SimulatedOutage("imessage", first + timedelta(hours=h), 40, factor) for h, factor in ((0, 40), (2.5, 8))]
    scenario = Scenario(START, 7, (ServiceTraffic("imessage", 5.0),), outages=tuple(outages))
    made = simulate_counts(scenario, seed=2)
    ((_, judgement), _) = _judge(_world(made), "uproar")
    incidents = detect(made.series[0].to_frame()["observed"], severity="watch").incidents
    onsets = [extent.onset_error_min for extent in judgement.extents]
    assert len(onsets) == 2
    for error, outage in zip(onsets, outages, strict=True):
        assert abs(error) < 15
        assert min(abs((incidents.onset_at - outage.onset_at) / MINUTE - error)) < 1e-4
