"""What is believed of regions: pools, the mixture, ratios, the share, onsets and their order, captions."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.model.instants import Estimate
from detectors.model.spread import Extent, Share, Spread
from detectors.spread import compare
from detectors.spread.caption import Felt, extent
from detectors.spread.coarsening import ENOUGH, Totals, Units, coarsen
from detectors.spread.frames import check
from detectors.spread.geography import known_codes
from detectors.spread.index import build, divide
from detectors.spread.onsets import onsets, order
from detectors.spread.posterior import PARTS, fit, log_nb
from detectors.spread.ratios import ratios
from detectors.spread.share import affected_share, doubt

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
COUNTRIES, SUBDIVISIONS, _ = known_codes()


def test_counts_have_the_likelihood_of_the_negative_binomial() -> None:
    for y, mu, phi in ((0.0, 0.3, 0.2), (3.0, 5.0, 0.01), (400.0, 90.0, 0.5), (2.5, 1.0, 1e-5)):
        size = 1 / phi
        wanted = (
            math.lgamma(y + size) - math.lgamma(size) + y * math.log(mu / (mu + size)) - size * math.log1p(mu * phi)
        )
        assert log_nb(np.array(y), np.array(mu), np.array(phi)) == pytest.approx(wanted, abs=1e-4, rel=1e-5)


@given(
    st.dictionaries(st.sampled_from(COUNTRIES + SUBDIVISIONS[:300]), st.floats(0, 20), min_size=1, max_size=40),
    st.floats(2, 12),
)
def test_every_voice_is_in_one_unit_and_pools_keep_to_their_borders(usual: dict[str, float], factor: float) -> None:
    index = pd.date_range(NOON, periods=1, freq="1h")
    frame = pd.DataFrame([usual], index=index)
    frames = check(frame, frame, 0.1)
    regions = build(frames.codes, None)
    atoms = divide(frames, regions)
    totals = Totals(*(a.sum(axis=1) for a in (atoms.observed, atoms.expected, atoms.variance)))
    units = coarsen(atoms, regions, totals, factor=factor, error=0.2)
    inside = sorted(atom for unit in units.members for atom in unit)
    assert inside == np.flatnonzero(totals.expected > 0).tolist()
    extra = totals.expected * (factor - 1)
    families = [{regions.families[atoms.regions[atom]] for atom in unit} for unit in units.members]
    for unit, lands in zip(units.members, families, strict=True):
        if len(unit) > 1 and len(lands) > 1:  # none of its countries could have been judged with what is in it
            for land in lands:
                own = [atom for atom in unit if regions.families[atoms.regions[atom]] == land]
                assert extra[own].sum() < ENOUGH
        assert len(unit) == 1 or all(extra[atom] < ENOUGH for atom in unit)


def units(observed: list[float], expected: list[float], groups: list[int], *, pools: tuple[int, ...] = ()) -> Units:
    number = len(observed)
    return Units(
        tuple((n, n + number) if n in pools else (n,) for n in range(number)),
        np.array(observed),
        np.array(expected),
        np.full(number, 0.02),
        np.array(groups),
        np.isin(np.arange(number), pools),
        np.zeros(number, bool),
        np.arange(number),
    )


def believe(made: Units) -> np.ndarray:
    return fit(made, shared=0.14, factor=5.0, factor_sd=0.5).probability


def test_units_borrow_from_their_group() -> None:
    hit, quiet = [50.0, 48, 55, 47, 3], [10.0, 9, 11, 10, 3]
    beside = believe(units(hit + quiet, [10.0, 10, 10, 10, 1.5] * 2, [0] * 5 + [1] * 5))
    assert beside[:4].min() > 0.99
    assert beside[5:9].max() < 0.01
    assert beside[4] > 0.6  # the same counts, in other company:
    assert beside[9] < 0.2


def test_a_pool_may_be_affected_in_part() -> None:
    made = units([500.0, 510, 490, 500, 100, 100, 270], [100.0] * 7, [0, 0, 0, 0, 1, 1, 2], pools=(6,))
    believed = fit(made, shared=0.1, factor=5.0, factor_sd=0.3)
    assert believed.marginal.sum(axis=1) == pytest.approx(1)
    assert 0.25 < believed.probability[6] < 0.75
    drawn = believed.draw(np.random.default_rng(0), 4000)
    assert set(np.unique(drawn[:6])) <= {0.0, 1.0}
    assert drawn.mean(axis=1) == pytest.approx(believed.marginal @ PARTS, abs=0.05)
    assert believed.factor == pytest.approx(5, rel=0.2)


def test_ratios_are_drawn_in_where_little_is_known() -> None:
    counts, usual = np.array([500.0, 5, 0, 100]), np.array([100.0, 1, 0.1, 100])
    found = ratios(counts, usual, np.full(4, 0.02), chance=np.array([0.9, 0.1, 0.1, 0.1]), factor=np.full(4, 5.0))
    middle, low, high, raised = found
    assert raised[0] > 0.99 > raised[1] > raised[3]
    assert (low <= middle).all()
    assert (middle <= high).all()
    assert middle[0] == pytest.approx(5, rel=0.1)
    assert middle[3] == pytest.approx(1, rel=0.1)
    assert high[1] / low[1] > 2 * high[0] / low[0]
    assert middle[2] == pytest.approx(1, rel=0.2)


def test_the_share_is_that_of_the_usual_voices() -> None:
    usual, parts = np.array([60.0, 40.0]), np.array([[1.0] * 200, [0.0] * 200])
    sure = affected_share(usual, parts, error=0.0, rng=np.random.default_rng(0))
    assert (sure.low, sure.at, sure.high) == (0.6, 0.6, 0.6)
    unsure = affected_share(usual, parts, error=0.2, rng=np.random.default_rng(0))
    assert 0.45 < unsure.low < 0.58
    assert 0.62 < unsure.high < 0.75
    assert math.isnan(affected_share(np.zeros(2), parts, error=0.2, rng=np.random.default_rng(0)).at)


@given(st.floats(0.001, 1.0))
def test_doubt_grows_with_p(p_value: float) -> None:
    assert 0 < doubt(p_value) <= 0.5
    assert doubt(p_value / 2) <= doubt(p_value)


def test_onsets_are_found_and_their_intervals_hold_the_truth() -> None:
    rng = np.random.default_rng(3)
    index = pd.date_range(NOON, periods=60, freq="2min")
    expected = pd.DataFrame(0.5, index=index, columns=[f"r{n:02d}" for n in range(40)])
    begins = rng.integers(10, 40, 40)
    rates = expected.to_numpy() * np.where(np.arange(60)[:, None] >= begins, 6.0, 1.0)
    observed = pd.DataFrame(rng.poisson(rates).astype(float), index=index, columns=expected.columns)
    frames = check(observed, expected, 0.05)
    found = onsets(frames, np.arange(40), 60)
    truth = [NOON + timedelta(minutes=2 * int(n)) for n in begins]
    held = sum(one is not None and one.low_at <= true <= one.high_at for one, true in zip(found, truth, strict=True))
    assert 31 <= held <= 40  # 36 wanted; fewer than 31 once in 200
    assert (
        sum(
            one is not None and abs(one.at - true) <= timedelta(minutes=8)
            for one, true in zip(found, truth, strict=True)
        )
        >= 32
    )


def test_an_onset_that_may_be_anywhere_is_none() -> None:
    index = pd.date_range(NOON, periods=10, freq="10min")
    expected = pd.DataFrame({"a": np.full(10, 0.001)}, index=index)
    frames = check(expected * 0, expected, 0.1)
    assert onsets(frames, np.array([0]), 10) == [None]


def estimate(low: float, high: float) -> Estimate:
    return Estimate(*(NOON + timedelta(minutes=one) for one in ((low + high) / 2, low, high)))


def test_the_order_keeps_to_intervals_that_separate() -> None:
    assert order([]) == []
    assert order([estimate(20, 30), None, estimate(0, 10), estimate(5, 12), estimate(40, 50)]) == [2, None, 1, 1, 3]
    assert order([estimate(0, 10), estimate(5, 20), estimate(15, 30)]) == [1, None, 2]
    assert order([estimate(0, 10), estimate(5, 20), estimate(8, 30)]) == [1, 1, 1]


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 30)), max_size=25))
def test_other_places_mean_intervals_that_do_not_meet(spans: list[tuple[int, int]]) -> None:
    found = [estimate(low, low + length) for low, length in spans]
    places = order(list(found))
    for one, first in zip(found, places, strict=True):
        for other, second in zip(found, places, strict=True):
            if first is not None and second is not None and first < second:
                assert one.high_at < other.low_at
    assert {place for place in places if place} == set(range(1, len({p for p in places if p}) + 1))


def felt(shares: dict[str, float], hit: set[str], sure: float = 1.0) -> tuple[Felt, tuple[str, ...]]:
    codes = tuple(sorted(shares))
    usual = np.array([shares[code] for code in codes])
    is_hit = np.array([code in hit for code in codes])
    return Felt(tuple((n,) for n in range(len(codes))), usual, 4 * usual * is_hit, sure * is_hit, is_hit), codes


WORLD = {"US": 40.0, "CA": 4, "MX": 4, "GB": 8, "DE": 6, "FR": 6, "JP": 10, "IN": 8, "BR": 8, "AU": 3, "ZA": 3}


@pytest.mark.parametrize(
    ("hit", "wanted"),
    [
        (set(WORLD), "global"),
        (set(WORLD) - {"ZA"}, "global"),
        ({"US"}, "regional"),
        ({"US", "CA"}, "regional"),
        ({"GB", "DE", "FR"}, "regional"),
        ({"GB", "DE", "FR", "JP", "IN"}, "multi-regional"),
        ({"US", "GB", "DE", "FR", "JP"}, "multi-regional"),
        ({"US", "BR"}, "multi-regional"),
        (set(), "undetermined"),
    ],
)
def test_captions_of_countries(hit: set[str], wanted: Extent) -> None:
    made, codes = felt(WORLD, hit)
    assert extent(made, build(codes, None), 0.01) == wanted
    assert extent(made, build(codes, None), 0.06) == "undetermined"


def test_one_country_where_nearly_all_voices_are_is_not_the_world() -> None:
    made, codes = felt({**WORLD, "US": 2000.0}, {"US"})
    assert extent(made, build(codes, None), 0.01) == "regional"
    made, codes = felt({**WORLD, "US": 2000.0}, set(WORLD))
    assert extent(made, build(codes, None), 0.01) == "global"


@pytest.mark.parametrize(
    ("hit", "wanted"),
    [
        ({"US-TX"}, "local"),
        ({"metro:4726206"}, "local"),
        ({"metro:4726206", "metro:4699066", "US-TX"}, "local"),
        ({"US-TX", "US-LA"}, "regional"),
        ({"US-TX", "DE"}, "multi-regional"),
        ({"x"}, "local"),
        ({"y"}, "regional"),
    ],
)
def test_captions_of_what_is_smaller(hit: set[str], wanted: Extent) -> None:
    shares = {"US-TX": 5.0, "US-LA": 5, "metro:4726206": 1, "metro:4699066": 3, "DE": 10, "x": 1, "y": 40}
    made, codes = felt(shares, hit)
    assert extent(made, build(codes, None), 0.01) == wanted


def test_a_straggler_does_not_make_the_caption() -> None:
    made, codes = felt({"US-TX": 30.0, "US-NY": 30, "FR": 1}, {"US-TX", "FR"}, sure=0.95)
    assert extent(made, build(codes, None), 0.01) == "local"


def spread(low: float, high: float, said: Extent = "regional") -> Spread:
    return Spread(
        extent=said, start_at=NOON, end_at=NOON, p_value=0.01, zone=(), regions=(), untestable_share=0.0,
        affected_share=Share((low + high) / 2, low, high), unlocated_share=0.4, n_located=100.0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("now", "then", "wanted"),
    [
        (spread(0.1, 0.2), spread(0.6, 0.9), "narrower"),
        (spread(0.6, 0.9), spread(0.1, 0.2), "wider"),
        (spread(0.1, 0.3), spread(0.2, 0.4), "alike"),
        (spread(0.1, 0.9), spread(0.2, 0.4), "unknown"),
        (spread(0.1, 0.2, "undetermined"), spread(0.6, 0.9), "unknown"),
        (spread(math.nan, math.nan), spread(0.6, 0.9), "unknown"),
    ],
)
def test_two_incidents_are_compared_by_their_intervals(now: Spread, then: Spread, wanted: str) -> None:
    assert compare(now, then) == wanted
