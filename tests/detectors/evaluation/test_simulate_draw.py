"""Random scenarios: as hard as promised, reproducible, and with seeds that keep calibration and test apart."""

from __future__ import annotations

from datetime import timedelta
from itertools import combinations
from typing import get_args

import numpy as np
import pytest

from detectors.errors import InputError
from detectors.evaluation.simulate import Scenario, random_scenario, seeds, simulate_counts
from detectors.evaluation.simulate.draw import SERVICES, Purpose
from detectors.reference import catalogue


@pytest.fixture(scope="module")
def standard() -> list[Scenario]:
    return [random_scenario(seed) for seed in seeds("examples", 12)]


@pytest.fixture(scope="module")
def hard() -> list[Scenario]:
    return [random_scenario(seed, difficulty="hard") for seed in seeds("examples", 12)]


def test_no_seed_has_two_purposes() -> None:
    for one, other in combinations([set(seeds(purpose, 1_000_000)) for purpose in get_args(Purpose)], 2):
        assert one.isdisjoint(other)
    assert len(seeds("test", 5)) == 5
    assert random_scenario(seeds("calibration", 1)[0]) != random_scenario(seeds("test", 1)[0])


def test_what_cannot_be_drawn_is_refused() -> None:
    with pytest.raises(InputError, match="unknown purpose 'tset'"):
        seeds("tset", 1)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="1000000 seeds"):
        seeds("test", 1_000_001)
    with pytest.raises(InputError, match="7 to 3660 days"):
        random_scenario(1, days=3)
    with pytest.raises(InputError, match="1 to 20 services"):
        random_scenario(1, n_services=21)


def test_the_same_seed_draws_the_same() -> None:
    assert random_scenario(4, difficulty="hard") == random_scenario(4, difficulty="hard")
    assert random_scenario(4) != random_scenario(5)


def test_services_are_in_the_catalogue() -> None:
    assert set(SERVICES) <= set(catalogue())


def test_standard_scenarios_span_what_is_promised(standard: list[Scenario]) -> None:
    rates = np.log([service.rate_per_min for each in standard for service in each.services])
    assert np.exp(rates.min()) < 0.05
    assert np.exp(rates.max()) > 80
    assert abs(rates.mean() - np.log(2.0)) < 0.6
    outages = [outage for each in standard for outage in each.outages]
    factors, minutes = ([getattr(outage, name) for outage in outages] for name in ("factor", "duration_min"))
    assert 1.5 <= min(factors) < 2
    assert 70 < max(factors) <= 100
    assert 10 <= min(minutes) < 15
    assert 300 < max(minutes) <= 360
    assert all(1 <= outage.rise_min <= 15 and 5 <= outage.decay_min <= 40 for outage in outages)
    regional = sum(outage.regions is not None for outage in outages) / len(outages)
    assert 0.15 < regional < 0.35
    assert all(0.7 <= bump.repost_share <= 0.9 for each in standard for bump in each.news)
    assert all(each.news and each.clusters and each.gaps and each.silent_gaps and not each.steps for each in standard)
    first = min(outage.onset_at - each.start_at for each in standard for outage in each.outages)
    assert first >= timedelta(days=2)


def test_hard_scenarios_add_what_is_promised(hard: list[Scenario]) -> None:
    assert min(service.rate_per_min for each in hard for service in each.services) < 0.006
    longest = [max(outage.duration_min for outage in each.outages) for each in hard]
    assert sum(720 <= minutes <= 1440 for minutes in longest) > 6
    leading = [hole for each in hard for hole in each.gaps if hole.start_at == each.start_at]
    assert len(leading) > 30
    assert max(hole.end_at - hole.start_at for hole in leading) > timedelta(days=14)
    assert all(len(each.steps) == 1 and each.steps[0].service is None for each in hard)


def test_events_of_a_service_lie_apart(standard: list[Scenario], hard: list[Scenario]) -> None:
    for each in (*standard, *hard):
        for service in each.services:
            spans = [
                (hole.start_at, hole.end_at) for hole in (*each.gaps, *each.silent_gaps) if hole.service == service.id
            ]
            spans += [(outage.onset_at, outage.end_at) for outage in each.outages if outage.service == service.id]
            for (_, end_at), (start_at, _) in zip(sorted(spans), sorted(spans)[1:], strict=False):
                assert start_at - end_at >= timedelta(hours=2)


def test_a_crowded_week_leaves_out_what_finds_no_place() -> None:
    made = [random_scenario(seed, difficulty="hard", days=7) for seed in seeds("examples", 20)]
    lacking = [each for each in made if len({outage.service for outage in each.outages}) < len(each.services)]
    assert lacking
    assert all(outage.end_at <= each.end_at for each in made for outage in each.outages)


@pytest.mark.parametrize("family", ["poisson", "hawkes", "clusters"])
def test_every_family_can_be_simulated(family: str) -> None:
    made = simulate_counts(random_scenario(2, difficulty="hard", family=family, days=8, n_services=4), seed=2)  # type: ignore[arg-type]
    assert {service.noise.family for service in made.scenario.services} == {family}
    assert len(made.series) == 4
    assert np.isfinite([outage.evidence_nats for outage in made.truth.outages]).all()
