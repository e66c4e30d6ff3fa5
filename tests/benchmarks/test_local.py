"""That the benchmark of local detection simulates what it says and counts what it says."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from benchmarks.local import OUTAGES_IN, Found, detect, find, is_near, prepare
from benchmarks.local_world import LOCATED, START, Local, Wide, World, places, simulate
from detectors.baselines.lineage import level_number
from detectors.model import Alarm
from detectors.spikes.local_alarms import LocalAlarm


def alarm(region: str, after_min: float, *related: str) -> LocalAlarm:
    at = START + timedelta(minutes=after_min)
    return LocalAlarm(region, region, related, Alarm("page", at, at, 1.0, at), 9.0, 0.1, 1.0)


@pytest.mark.parametrize("kind", ["us", "few", "world"])
def test_reports_are_as_many_as_is_said(kind: str) -> None:
    world = World(kind=kind, per_day=2000, days=14)
    series, counts, where = simulate(world, 1)
    assert where == ""
    total = series.observed.sum()
    assert total == pytest.approx(2000 * 14, rel=0.35)  # the made-up rhythm does not sum to 1
    by_country = sum(counts.of(code).sum() for code in counts.regions if level_number(code) == 1)
    assert by_country == pytest.approx(LOCATED * total, rel=0.05)
    assert len(counts.regions) > 20


def test_every_place_lies_in_one_region_of_each_level() -> None:
    for codes in places("us"):
        levels = [level_number(code) for code in codes]
        assert len(set(levels)) == len(levels) >= 3


def test_the_same_seed_is_the_same_world() -> None:
    world = World(days=3, wander=0.3, drift=0.2, again=0.1, wide=Wide(3, 0.5, (10, 12)))
    one, two = (simulate(world, 5)[1] for _ in range(2))
    assert {code: found.bins.tolist() for code, found in one.regions.items()} == {
        code: found.bins.tolist() for code, found in two.regions.items()
    }


def test_an_outage_brings_what_is_said_where_it_is_said() -> None:
    world, local = World(days=3, per_day=100), Local(2, 60.0, 2000)
    counts, national, where = prepare(world, 3, local)
    inside = counts.of(where)[2000:2120].sum()
    assert level_number(where) == 2
    assert inside == pytest.approx(120, rel=0.4)
    assert np.nansum(national.observed[2000:2120]) == pytest.approx(120 / LOCATED + 10, rel=0.4)


def test_a_rise_in_many_places_and_writing_thrice() -> None:
    calm, thrice, wide = (
        simulate(World(days=3, per_day=3000, **more), 1)[0].observed
        for more in ({}, {"again": 0.5}, {"wide": Wide(5, 1.0, (30, 32))})
    )
    assert thrice.sum() == pytest.approx(2 * calm.sum(), rel=0.15)
    assert wide[1800:1920].sum() == pytest.approx(5 * calm[1800:1920].sum(), rel=0.3)
    assert wide.sum() < 1.5 * calm.sum()


def test_what_is_found_is_what_lies_there_in_time() -> None:
    local = Local(4, 6, 100, 60)
    where = "zip3:US-782"
    assert find([alarm(where, 130)], where, local) == Found(30, True)
    assert find([alarm("US-TX", 130)], where, local) == Found(30, False)
    assert find([alarm("US-OH", 130, "metro:4726206")], where, local) == Found(30, False)
    assert find([alarm("US-OH", 130), alarm(where, 221), alarm(where, 99)], where, local) is None
    assert is_near(alarm("zip3:US-750", 0), "US")


def test_a_strong_outage_is_found_in_the_benchmark_too() -> None:
    world, _ = OUTAGES_IN["state, 15 more an hour"]
    local = Local(4, 40, 3 * 1440)
    alarms, where = detect(World(days=4, per_day=world.per_day), 2, local)
    found = find(alarms, where, local)
    assert found
    assert found.after_min < 60
