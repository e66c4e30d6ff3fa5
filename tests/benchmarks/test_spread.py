"""That the simulated outages are what they say, and that what comes out is counted right."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import get_args

import numpy as np
import pytest

from benchmarks import spread
from benchmarks.spread_world import CAPTIONS, Case, Setting, simulate, world
from detectors.model.instants import Estimate
from detectors.model.spread import RegionSpread, Share, Spread

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


@pytest.mark.parametrize("case", get_args(Case))
def test_outages_raise_what_they_hit_and_nothing_else(case: Case) -> None:
    made = simulate(Setting(case=case, shape="tree", total=1e6, phi=0.01, shared=0, own=0), np.random.default_rng(2))
    raised = made.observed.sum() / made.expected.sum()
    leaves = [code for code in made.observed.columns if code != "US" and not code.startswith("US-")]
    for code in leaves:
        assert (raised[code] > 2) == (code in made.hit), code
    assert made.share == pytest.approx(made.given_share)
    assert (made.share > 1 - 1e-9) == case.startswith("global")
    assert set(CAPTIONS[case]) <= {"global", "multi-regional", "regional", "local", "undetermined"}


def test_parents_hold_their_parts_and_errors_change_what_is_given_only() -> None:
    setting = Setting(case="US East", shape="tree", total=1000.0, own=0.3, history=3)
    made = simulate(setting, np.random.default_rng(0))
    states = [code for code in made.observed.columns if code.startswith("US-")]
    assert made.observed["US"].tolist() == made.observed[states].sum(axis=1).tolist()
    assert made.expected["US"].to_numpy() == pytest.approx(made.expected[states].sum(axis=1).to_numpy())
    assert made.share != made.given_share
    assert len(made.observed) == 3 + setting.bins


def test_columns_are_what_was_asked_for() -> None:
    assert {len(code) for code in world("countries").columns} == {2}
    assert "US" not in world("leaves").columns
    assert {"US", "US-TX", "metro:4726206"} <= set(world("tree").columns)


def test_late_beginnings_are_later() -> None:
    setting = Setting(case="global", shape="countries", total=1e5, phi=0.01, history=3, delays=True)
    made = simulate(setting, np.random.default_rng(1))
    assert len(set(made.began.values())) > 3
    for code in ("US", "JP", "GB"):
        high = (made.observed[code] > 2.5 * made.expected[code]).to_numpy()
        assert 10 * int(high.argmax()) == made.began[code]


def test_tallies_count_regions_captions_and_orders() -> None:
    made = simulate(Setting(case="US only", shape="countries"), np.random.default_rng(0))
    made.extra["US"] = 50.0

    def region(code: str, place: int) -> RegionSpread:
        onset = Estimate(*(NOON + timedelta(minutes=m) for m in (5, 0, 10)))
        return RegionSpread(
            code=code, verdict="affected", observed=9, expected=1, ratio=9, ratio_low=2, ratio_high=20, probability=1,
            share=0.5, onset=onset, order=place,
        )  # fmt: skip

    found = Spread(
        extent="regional", start_at=NOON, end_at=NOON, p_value=0.01, zone=(), untestable_share=0, unlocated_share=0.4,
        regions=(region("US", 2), region("DE", 1)), affected_share=Share(0.5, 0, 1), n_located=9,
    )  # fmt: skip
    tally = spread.Tally()
    tally.add(made, found)
    assert (tally.captions, tally.covered, tally.right, tally.said) == ({"regional": 1}, [True], 1, 2)
    assert (tally.found, tally.findable, tally.pairs) == (1, 1, 0)


def test_the_benchmark_measures_and_renders() -> None:
    rows, below = spread.measure(incidents=1, nulls=3)
    assert [row.name for row in rows if row.is_met is not None] == [
        "246 countries, 999 replicates",
        "3,489 countries and subdivisions, 199 replicates",
        "500 cities, 999 replicates",
    ]
    assert "US, Europe, parts of Asia" in below
