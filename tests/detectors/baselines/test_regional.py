"""What is usual in a region: learnt from the past, pulled towards the parent, with a rhythm of its own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from numpy.typing import NDArray

from detectors.baselines.lineage import homes, lineage, parent_of
from detectors.baselines.regional import Looked, National, RegionalBaseline, usual_in
from detectors.counting.regional import RegionCounts, Sparse
from detectors.errors import SeriesError

START = datetime(2026, 3, 2, tzinfo=UTC)
WIDTH_S, DAY = 900, 96
Floats = NDArray[np.float64]


def sparse(values: Floats) -> Sparse:
    bins = np.flatnonzero(values > 0)
    return Sparse(bins, values[bins].astype(float))


def counts_of(regions: dict[str, Floats], start_at: datetime = START) -> RegionCounts:
    n = len(next(iter(regions.values())))
    found = {code: sparse(values) for code, values in regions.items() if (values > 0).any()}
    return RegionCounts("acme", "x", start_at, WIDTH_S, found, np.ones(n))


def national(expected: Floats, observed: Floats | None = None, **changes: object) -> National:
    fields = {
        "observed": expected if observed is None else observed,
        "expected": expected,
        "dispersion": np.full(len(expected), 0.02),
        "is_raised": np.zeros(len(expected), bool),
    } | changes
    return National(**fields)  # type: ignore[arg-type]


def learn(regions: dict[str, Floats], whole: National) -> RegionalBaseline:
    baseline = RegionalBaseline(START, WIDTH_S)
    baseline.run(counts_of(regions), whole)
    return baseline


def daily(baseline: RegionalBaseline, code: str, whole: Floats) -> float:
    """Return what is usual in a region on the day that comes."""
    return float(baseline.usual([code], whole[:DAY], baseline.now)[0].sum())


def steady(days: int, shares: dict[str, float], rate: float = 5.0, seed: int = 1) -> tuple[dict[str, Floats], Floats]:
    rng = np.random.default_rng(seed)
    whole = np.full(days * DAY, rate)
    return {code: rng.poisson(share * whole).astype(float) for code, share in shares.items()}, whole


def test_a_share_is_learnt() -> None:
    regions, whole = steady(20, {"US": 0.6, "US-TX": 0.2, "US-OH": 0.02})
    baseline = learn(regions, national(whole))
    assert daily(baseline, "US-TX", whole) == pytest.approx(0.2 * 480, rel=0.12)
    assert daily(baseline, "US-OH", whole) == pytest.approx(0.02 * 480, rel=0.35)
    errors = baseline.usual(["US-TX", "US-OH"], whole[:1], baseline.now)[1]
    assert errors[0] < errors[1] < 0.3


def test_a_region_never_heard_of_takes_its_expectation_from_its_parent() -> None:
    regions, whole = steady(10, {"US": 0.6, "US-TX": 0.3, "US-VT": 0.005, "zip3:US-782": 0.1})
    baseline = learn(regions, national(whole))
    new = ["zip3:US-750", "zip3:US-054", "FR"]
    texas, vermont, france = (daily(baseline, code, whole) for code in new)
    assert texas > vermont > 0
    assert 0 < france < 0.02 * daily(baseline, "US", whole)
    assert baseline.usual(["zip3:US-750"], whole[:1], baseline.now)[1][0] > 0.5
    assert texas < daily(baseline, "US-TX", whole)


def test_regions_that_were_only_asked_for_change_nothing() -> None:
    regions, whole = steady(4, {"US": 0.6, "US-TX": 0.3})
    asked, other = (learn(regions, national(whole)) for _ in range(2))
    asked.usual(["zip3:US-750", "FR-75C", "metro:4726206"], whole[:3], asked.now)
    assert daily(asked, "zip3:US-787", whole) == daily(other, "zip3:US-787", whole)


def test_a_rhythm_of_its_own() -> None:
    days = 14
    hours = np.arange(days * DAY) % DAY / 4
    america, japan = (6 * np.exp(-(((hours - top + 12) % 24 - 12) ** 2) / 18) for top in (20, 4))
    rng = np.random.default_rng(2)
    regions = {"US": rng.poisson(4 * america).astype(float), "JP": rng.poisson(0.5 * japan).astype(float)}
    whole = 4 * america + 0.5 * japan
    baseline = learn(regions, national(whole))
    usual = baseline.usual(["US", "JP"], whole[:DAY], baseline.now)[0]
    truth = np.stack([4 * america[:DAY], 0.5 * japan[:DAY]], axis=1)
    of_day = usual.reshape(8, 12, 2).sum(axis=1), truth.reshape(8, 12, 2).sum(axis=1)
    assert of_day[0][1, 1] > 4 * of_day[0][6, 1]  # the national evening is Japan's night
    assert of_day[0][of_day[1] > 10] == pytest.approx(of_day[1][of_day[1] > 10], rel=0.5)


def test_it_forgets() -> None:
    rng = np.random.default_rng(3)
    whole = np.full(60 * DAY, 5.0)
    share = np.where(np.arange(len(whole)) < 20 * DAY, 0.4, 0.1)
    baseline = learn({"US": rng.poisson(share * whole).astype(float)}, national(whole))
    assert daily(baseline, "US", whole) == pytest.approx(0.1 * 480, rel=0.3)


def test_an_outage_teaches_little() -> None:
    regions, whole = steady(10, {"US": 0.6, "US-TX": 0.05})
    calm = daily(learn(regions, national(whole)), "US-TX", whole)
    regions["US-TX"][5 * DAY : 5 * DAY + 12] += 30.0  # three hours, some 360 reports
    hurt = daily(learn(regions, national(whole)), "US-TX", whole)
    assert hurt < 1.5 * calm  # 2.3 if all of it was taken for usual


def test_trouble_of_the_whole_teaches_nothing() -> None:
    regions, whole = steady(10, {"US": 0.6, "US-TX": 0.05})
    calm = daily(learn(regions, national(whole)), "US-TX", whole)
    is_raised = np.zeros(len(whole), bool)
    is_raised[5 * DAY : 6 * DAY] = True
    regions["US-TX"][is_raised] += 3.0
    held = daily(learn(regions, national(whole, is_raised=is_raised)), "US-TX", whole)
    assert held == pytest.approx(calm, rel=0.1)


def test_a_new_normal_is_learnt() -> None:
    regions, whole = steady(14, {"US": 0.6, "US-TX": 0.02})
    regions["US-TX"][4 * DAY :] += 2.0
    assert daily(learn(regions, national(whole)), "US-TX", whole) > 80  # of 202


def test_before_the_service_is_known_its_reports_stand_for_it() -> None:
    regions, whole = steady(2, {"US": 0.6})
    unknown = national(np.full(len(whole), np.nan), whole)
    assert daily(learn(regions, unknown), "US", whole) == pytest.approx(0.6 * 480, rel=0.15)


def test_hours_that_nobody_saw_are_no_quiet_hours() -> None:
    regions, whole = steady(10, {"US": 0.6})
    observed = whole.copy()
    observed[3 * DAY : 8 * DAY] = np.nan
    regions["US"][3 * DAY : 8 * DAY] = 0.0
    baseline = learn(regions, national(whole, observed))
    assert daily(baseline, "US", whole) == pytest.approx(0.6 * 480, rel=0.15)


def test_nothing_is_told_before_half_a_day() -> None:
    burst = np.zeros(DAY)
    burst[[20, 21, 22, 60, 61, 62]] = 6.0
    told = RegionalBaseline(START, WIDTH_S).run(
        counts_of({"US": np.full(DAY, 3.0), "US-TX": burst}), national(np.full(DAY, 5.0))
    )
    assert told.codes
    assert told.bins.min() >= DAY // 2


def test_the_whole_service_is_no_part_of_itself() -> None:
    regions, whole = steady(4, {"US": 0.6, "US-TX": 0.2})
    told = RegionalBaseline(START, WIDTH_S).run(counts_of(regions), national(whole))
    assert set(told.codes) == {"US-TX"}


def test_windows_sum_what_was_heard() -> None:
    rng = np.random.default_rng(5)
    values = rng.poisson(1.0, 3 * DAY).astype(float)
    told = RegionalBaseline(START, WIDTH_S).run(
        counts_of({"US": values + 3, "US-TX": values}), national(np.full(3 * DAY, 6.0))
    )
    assert len(told.bins) > 100
    for i, b in enumerate(told.bins):
        sums = [values[max(0, b + 1 - w) : b + 1].sum() for w in (1, 2, 4, 6, 9)]
        assert told.observed[i].tolist() == sums


def test_what_the_rest_shares_is_said() -> None:
    regions, whole = steady(6, {"US": 0.6, "US-TX": 0.15, "US-OH": 0.15}, rate=50)
    late = slice(5 * DAY, 5 * DAY + 9)
    for values in regions.values():
        values[late] *= 4
    told = RegionalBaseline(START, WIDTH_S).run(counts_of(regions), national(whole))
    during = (told.bins >= 5 * DAY + 6) & (told.bins < 5 * DAY + 9)
    assert during.any()
    assert told.common[during, -1].min() > 2
    assert told.common[told.bins < 5 * DAY, -1].mean() < 1.3


@pytest.mark.parametrize("cuts", [[0, 1, 2, 50, 51, 400], list(range(0, 480, 7))])
def test_cuts_change_nothing(cuts: list[int]) -> None:
    rng = np.random.default_rng(7)
    regions, whole = steady(5, {"US": 0.6, "US-TX": 0.15, "US-OH": 0.02, "zip3:US-782": 0.05, "JP-13": 0.01})
    regions["zip3:US-782"][300:310] += 9
    observed = whole + rng.normal(0, 1, len(whole))
    observed[200:220] = np.nan
    entire, counts = national(whole, observed), counts_of(regions)
    once = RegionalBaseline(START, WIDTH_S)
    expected = once.run(counts, entire)
    bits = RegionalBaseline(START, WIDTH_S)
    parts = [bits.run(counts.cut(a, b), entire.cut(a, b)) for a, b in zip(cuts, [*cuts[1:], len(whole)], strict=True)]
    for name in Looked.__dataclass_fields__:
        whole_part = getattr(expected, name)
        joined = [value for part in parts for value in np.asarray(getattr(part, name)).tolist()]
        assert joined == np.asarray(whole_part).tolist()
    assert bits.usual(list(once.codes)[1:], whole[:5], once.now)[0].tolist() == (
        once.usual(list(once.codes)[1:], whole[:5], once.now)[0].tolist()
    )


def test_the_window_for_the_estimate_of_spread() -> None:
    regions, whole = steady(6, {"US": 0.6, "US-TX": 0.2, "zip3:US-782": 0.00001})
    observed = whole.copy()
    observed[570] = np.nan
    regions["US-TX"][570] = 0.0
    counts, entire = counts_of(regions), national(whole, observed)
    baseline = learn(regions, entire)
    baseline.usual(["AQ"], whole[:1], START)
    span = (START + timedelta(seconds=566 * WIDTH_S), START + timedelta(seconds=574 * WIDTH_S))
    usual = usual_in(baseline, counts, entire, span)
    assert usual.observed.shape == usual.expected.shape == (8, len(usual.dispersion))
    assert usual.observed.index[0] == span[0]
    assert "US-TX" in usual.observed
    assert "AQ" not in usual.observed
    assert usual.observed["US-TX"].isna().tolist() == [i == 4 for i in range(8)]
    assert usual.expected.isna().equals(usual.observed.isna())
    assert usual.observed["US-TX"].iloc[0] == regions["US-TX"][566]
    assert usual.expected["US-TX"].sum() == pytest.approx(0.2 * 5 * 7, rel=0.3)
    assert usual.dispersion["US-TX"] > 0


def test_a_window_that_is_not_covered_is_refused() -> None:
    regions, whole = steady(1, {"US": 0.6})
    baseline = learn(regions, national(whole))
    for span in ((START - timedelta(hours=1), START), (START, START), (START, START + timedelta(days=2))):
        with pytest.raises(SeriesError, match="cover"):
            usual_in(baseline, counts_of(regions), national(whole), span)


def test_what_does_not_continue_is_refused() -> None:
    regions, whole = steady(1, {"US": 0.6})
    baseline = learn(regions, national(whole))
    with pytest.raises(SeriesError, match="wanted"):
        baseline.run(counts_of(regions), national(whole))
    with pytest.raises(SeriesError, match="bins of regions"):
        baseline.run(counts_of(regions, baseline.now), national(whole[:5]))
    with pytest.raises(SeriesError, match="differ in length"):
        national(whole, whole[:3])


def test_where_regions_lie() -> None:
    assert lineage("zip3:US-782") == ("zip3:US-782", "US-TX", "US")
    assert lineage("metro:1850147") == ("metro:1850147", "JP-13", "JP")
    assert lineage("") == ()
    assert parent_of("zip3:US-000") == "US"  # nobody's digits
    assert parent_of("metro:1") == ""
    assert homes("metro:1") == frozenset()
    assert homes("US-TX") == {"US-TX"}
