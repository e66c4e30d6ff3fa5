"""Local outages: found, named once, not invented; in one go or in pieces; and honest about what the rest shares."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.baselines.regional import National
from detectors.counting.regional import RegionCounts, Sparse
from detectors.errors import StateError
from detectors.incidents.measure import measure
from detectors.model import CountSeries
from detectors.spikes.local import LocalDetector, detect_local, local_series, national_of
from detectors.spikes.local_alarms import Firing, LocalAlarm, LocalTracker
from detectors.spikes.local_kernel import tail
from detectors.spikes.scored import score

START = datetime(2026, 3, 2, tzinfo=UTC)
WIDTH_S, DAY = 300, 288
PLACES = (
    ("US", "US-TX", "zip3:US-782", "metro:4726206"),
    ("US", "US-TX", "zip3:US-780", "metro:4726206"),
    ("US", "US-TX", "zip3:US-752", "metro:4684888"),
    ("US", "US-OH", "zip3:US-430", "metro:4509177"),
    ("US", "US-OH", "zip3:US-441", "metro:5150529"),
    ("US", "US-CO", "zip3:US-815"),
    ("US", "US-NY", "zip3:US-142"),
    ("JP", "JP-13", "metro:1850147"),
    ("DE", "DE-BE"),
)
SHARES = np.array([0.03, 0.01, 0.08, 0.1, 0.1, 0.01, 0.17, 0.2, 0.3])


class World:
    """Reports of a made-up service; places report by their shares, two thirds of the reports are located."""

    def __init__(self, days: int = 8, per_day: float = 300.0, seed: int = 1) -> None:
        self.rng = np.random.default_rng(seed)
        self.n = days * DAY
        self.usual = np.full(self.n, per_day / DAY)
        self.heard = self.rng.poisson(self.usual[:, np.newaxis] * SHARES)

    def add(self, place: int, first: int, bins: int, rate: float) -> None:
        """Let a place bring more, in reports a bin."""
        self.heard[first : first + bins, place] += self.rng.poisson(rate, min(bins, self.n - first))

    def counts(self) -> tuple[RegionCounts, National]:
        observed = self.heard.sum(axis=1).astype(float)
        located = self.rng.binomial(self.heard, 2 / 3)
        dense: dict[str, Any] = {}
        for i, codes in enumerate(PLACES):
            for code in codes:
                dense[code] = dense.get(code, 0) + located[:, i]
        regions = {}
        for code, values in dense.items():
            bins = np.flatnonzero(values)
            regions[code] = Sparse(bins, values[bins].astype(float))
        counts = RegionCounts("acme", "x", START, WIDTH_S, regions, np.ones(self.n))
        flags = np.zeros(self.n, bool)
        return counts, National(observed, self.usual.copy(), np.full(self.n, 0.02), flags)


def at(b: int) -> datetime:
    return START + timedelta(seconds=b * WIDTH_S)


@pytest.mark.parametrize("seed", range(4))
def test_a_local_outage_is_found_soon_and_named(seed: int) -> None:
    world, first = World(seed=seed), 5 * DAY + 100
    world.add(0, first, 24, 2.0)  # 16 located reports an hour from San Antonio, for two hours
    (alarm,) = detect_local(*world.counts())
    assert alarm.region in {"zip3:US-782", "metro:4726206"}
    assert alarm.related
    assert set(alarm.related) <= {"zip3:US-782", "metro:4726206", "US-TX", "zip3:US-780"}
    assert timedelta(0) < alarm.alarm.alarmed_at - at(first) <= timedelta(minutes=60)
    assert at(first - 27) <= alarm.alarm.window_start_at < alarm.alarm.alarmed_at
    assert alarm.alarm.closed_at is not None
    assert alarm.alarm.closed_at >= alarm.alarm.last_alarm_at + timedelta(hours=1)
    assert alarm.observed >= 6
    assert alarm.expected < 1
    assert alarm.excess == pytest.approx(alarm.observed - alarm.expected * alarm.common)


def test_neighbours_that_fire_together_are_one_alarm() -> None:
    world, first = World(), 5 * DAY + 100
    world.add(0, first, 24, 2.0)
    world.add(1, first, 24, 1.5)
    (alarm,) = detect_local(*world.counts())
    assert alarm.region == "metro:4726206"
    assert {"zip3:US-782", "zip3:US-780"} <= set(alarm.related)


def test_two_places_are_two_alarms() -> None:
    world = World()
    world.add(0, 5 * DAY + 100, 24, 2.0)
    world.add(7, 5 * DAY + 100, 24, 4.0)
    found = detect_local(*world.counts())
    assert {alarm.region.split(":")[0] for alarm in found} <= {"metro", "zip3", "JP-13", "JP"}
    assert len(found) == 2


@pytest.mark.parametrize("per_day", [30.0, 300.0, 3000.0])
def test_nothing_is_found_where_nothing_is(per_day: float) -> None:
    found = [detect_local(*World(days=14, per_day=per_day, seed=seed).counts()) for seed in range(4)]
    assert sum(map(len, found)) == 0  # four half months: 0.2 at most are expected


def test_five_voices_are_not_enough() -> None:
    world, first = World(days=4, per_day=30), 3 * DAY
    world.heard[first : first + 60] = 0
    counts, whole = world.counts()
    regions = dict(counts.regions)
    for n, expected in ((5, 0), (7, 1)):
        regions["US-CO"] = Sparse(np.arange(first, first + n), np.ones(n))
        table = RegionCounts("acme", "x", START, WIDTH_S, regions, counts.coverage)
        assert len(detect_local(table, whole, severity="watch")) == expected


def test_a_rise_of_everything_is_not_local() -> None:
    world, first = World(per_day=1500), 5 * DAY + 100
    for place, share in enumerate(SHARES):
        world.add(place, first, 24, 9 * share * world.usual[0])
    counts, whole = world.counts()
    whole.is_raised[first + 1 :] = True
    assert detect_local(counts, whole) == []


def test_more_than_the_rest_during_a_rise_of_everything() -> None:
    world, first = World(per_day=1500), 5 * DAY + 100
    for place, share in enumerate(SHARES):
        world.add(place, first, 24, (60 if place == 0 else 4) * share * world.usual[0])
    (alarm,) = detect_local(*world.counts())
    assert alarm.region in {"zip3:US-782", "metro:4726206"}
    assert alarm.common > 2


@pytest.mark.parametrize("cuts", [[0, 700, 701, 1548, 1549, 1555, 1600], [0, *range(1500, 1600, 3)]])
def test_pieces_through_json_find_the_same(cuts: list[int]) -> None:
    world = World(days=7)
    world.add(0, 1540, 24, 2.0)
    world.add(7, 1545, 12, 5.0)
    counts, whole = world.counts()
    whole.observed[1570:1573] = np.nan
    once = LocalDetector(START, WIDTH_S)
    expected = once.run(counts, whole)
    assert len(expected) >= 2
    detector = LocalDetector(START, WIDTH_S)
    found: dict[tuple[str, datetime, str], LocalAlarm] = {}
    for a, b in pairwise([*cuts, world.n]):
        for one in detector.run(counts.cut(a, b), whole.cut(a, b)):
            found[one.alarm.severity, one.alarm.alarmed_at, one.first_region] = one
        detector = LocalDetector.from_state(json.loads(json.dumps(detector.state())))
    assert sorted(found.values(), key=repr) == sorted(expected, key=repr)
    usual = [one.baseline.usual(["US-TX"], whole.usual[:9], START)[0].tolist() for one in (once, detector)]
    assert usual[0] == usual[1]


def test_a_state_that_cannot_be_used_is_refused() -> None:
    detector = LocalDetector(START, WIDTH_S)
    detector.run(*World(days=1).counts())
    good = detector.state()
    damages: tuple[dict[str, Any], ...] = (
        {"version": "uproar-local-0"},
        {"baseline": {}},
        {"baseline": good["baseline"] | {"past": "AAAA"}},
        {"baseline": good["baseline"] | {"codes": ["", "US"]}},
        {"trackers": {}},
        {"trackers": {"watch": {"open": [{"first": 1}], "closed": [], "n_seen": 0}, "page": {}}},
    )
    for damage in damages:
        with pytest.raises(StateError):
            LocalDetector.from_state(good | damage)


def test_an_outage_of_a_region_can_be_measured() -> None:
    world, first = World(), 5 * DAY + 100
    world.add(0, first, 36, 2.5)
    counts, whole = world.counts()
    detector = LocalDetector(START, WIDTH_S)
    alarm = next(one for one in detector.run(counts, whole) if one.alarm.severity == "page")
    series, usual = local_series(counts, whole, detector.baseline, alarm.region)
    assert np.nanmax(usual.upper - usual.expected) > 0
    found = measure(series, usual, alarm.alarm)
    assert abs(found.onset.at - at(first)) < timedelta(minutes=30)
    assert found.ended is not None
    assert found.n_authors > 30


def test_the_whole_comes_from_the_scores() -> None:
    values = np.full(2 * DAY, 4.0)
    values[DAY + 100 : DAY + 110] = 60.0
    series = CountSeries("acme", "x", START, WIDTH_S, values, values, np.ones(len(values)))
    whole = national_of(series, score(series))
    assert whole.is_raised[DAY + 102 : DAY + 110].all()
    assert not whole.is_raised[:DAY].any()
    assert whole.usual[10] == 4.0  # nothing else is known yet


@given(st.floats(0.01, 30), st.floats(0, 2), st.integers(1, 60))
def test_the_tail_is_that_of_the_distribution(mean: float, phi: float, n: int) -> None:
    size = 1 / max(phi, 1e-6)
    odds = mean / (mean + size)
    logs = [
        math.lgamma(k + size) - math.lgamma(size) - math.lgamma(k + 1) + k * math.log(odds) + size * math.log1p(-odds)
        for k in range(n, n + 3000)
    ]
    nats = tail(float(n), mean, phi)
    if n <= mean:
        assert nats == 0
    else:
        assert nats == pytest.approx(-math.log(min(1.0, sum(map(math.exp, logs)))), rel=1e-3, abs=1e-3)
    assert tail(n + 0.5, mean, phi) == nats


def fire(b: int, region: str, score_: float = 1.5, window: int = 0, expected: float = 5.0) -> Firing:
    return Firing(b, region, score_, window, window, 9.0, expected, 1.0)


def track(firings: list[Firing], n: int = 200, unseen: tuple[int, ...] = ()) -> list[LocalAlarm]:
    seen = np.ones(n, bool)
    seen[list(unseen)] = False
    return LocalTracker("page", START, WIDTH_S).extend(firings, 0, seen)


def test_an_alarm_closes_after_an_observed_hour() -> None:
    (alarm,) = track([fire(10, "US-TX"), fire(14, "US-TX")])
    assert (alarm.alarm.alarmed_at, alarm.alarm.last_alarm_at) == (at(11), at(15))
    assert alarm.alarm.closed_at == at(15) + timedelta(hours=1)
    (alarm,) = track([fire(10, "US-TX")], unseen=(12, 13))
    assert alarm.alarm.closed_at == at(11 + 2) + timedelta(hours=1)
    (alarm,) = track([fire(195, "US-TX")])
    assert alarm.alarm.is_open
    assert len(track([fire(10, "US-TX"), fire(22, "US-TX"), fire(35, "US-TX")])) == 2


def test_where_an_hour_of_nothing_is_usual_it_ends_nothing() -> None:
    (alarm,) = track([fire(10, "zip3:US-782", expected=0.1)])
    assert alarm.alarm.closed_at == at(11 + 20), "two usual reports take twenty bins"
    (alarm,) = track([fire(10, "zip3:US-782", expected=0.001)])
    assert alarm.alarm.closed_at == at(11) + timedelta(hours=8), "a night at most"


def test_the_strangest_names_the_alarm() -> None:
    (alarm,) = track([fire(10, "zip3:US-782", 1.2), fire(11, "metro:4726206", 1.9), fire(11, "US-TX", 1.4)])
    assert (alarm.region, alarm.first_region) == ("metro:4726206", "zip3:US-782")
    assert alarm.related == ("US-TX", "zip3:US-782")
    assert alarm.alarm.score == 1.9


def test_a_country_takes_in_what_lies_in_it() -> None:
    (alarm,) = track([fire(10, "JP-13"), fire(12, "JP", 2.0), fire(13, "JP-27")])
    assert alarm.region == "JP"


def test_a_metro_area_may_reach_into_another_state() -> None:
    (alarm,) = track([fire(10, "metro:4393217"), fire(10, "US-KS", 1.2), fire(12, "zip3:US-640", 1.1)])
    assert alarm.region == "metro:4393217"


def test_many_subdivisions_at_once_are_the_country() -> None:
    states = ["US-TX", "US-OH", "US-NY", "US-CA", "US-WA", "US-FL"]
    found = track([fire(10 + i // 2, code) for i, code in enumerate(states)])
    assert len(found) == 2
    assert found[0].region == "US"
    assert found[0].alarm.score == 1.5


def test_reports_of_an_alarm_that_is_over_make_no_second() -> None:
    first = [fire(10, "zip3:US-782"), fire(11, "metro:4726206")]
    assert len(track([*first, fire(26, "US-TX", window=5)])) == 1  # 135 minutes reach back into it
    assert len(track([*first, fire(26, "US-TX", window=1)])) == 2
    assert len(track([*first, fire(26, "US-OH", window=5)])) == 2
    assert len(track([*first, fire(39, "US-TX", window=5)])) == 2
