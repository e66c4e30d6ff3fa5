"""Sparse counts of regions: what they refuse, and that they say the same as dense ones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.counting.regional import RegionCounts, Sparse, sum_regions
from detectors.errors import SeriesError

START = datetime(2026, 3, 2, tzinfo=UTC)
REPORTS = st.lists(
    st.tuples(st.integers(0, 19), st.sampled_from(["US", "US-TX", "zip3:US-782"]), st.sampled_from([0.0, 0.25, 1.0]))
)


def counts_of(regions: dict[str, Sparse], coverage: object = None, **changes: object) -> RegionCounts:
    fields = {"start_at": START, "bin_width_s": 60} | changes
    cover = np.ones(20) if coverage is None else np.asarray(coverage, float)
    return RegionCounts("acme", "x", regions=regions, coverage=cover, **fields)  # type: ignore[arg-type]


@given(REPORTS)
def test_sums_are_what_a_dense_table_would_hold(reports: list[tuple[int, str, float]]) -> None:
    dense = {code: np.zeros(20) for code in ("US", "US-TX", "zip3:US-782")}
    for number, code, weight in reports:
        dense[code][number] += weight
    counts = counts_of(sum_regions(reports))
    for code, values in dense.items():
        assert counts.of(code) == pytest.approx(values)
    assert all((one.voices > 0).all() for one in counts.regions.values())


@given(REPORTS, st.lists(st.integers(0, 20), max_size=3))
def test_pieces_hold_what_the_whole_holds(reports: list[tuple[int, str, float]], cuts: list[int]) -> None:
    counts = counts_of(sum_regions(reports))
    parts = [counts.cut(a, b) for a, b in pairwise(sorted({0, 20, *cuts}))]
    for code in ("US", "US-TX"):
        assert np.concatenate([part.of(code) for part in parts]).tolist() == counts.of(code).tolist()
    assert all(a.end_at == b.start_at for a, b in pairwise(parts))


def test_what_was_not_observed_is_not_zero() -> None:
    counts = counts_of(sum_regions([(1, "US", 2.0)]), [1, 1, 0, 0.5])
    assert counts.of("US").tolist() == pytest.approx([0, 2, np.nan, 0], nan_ok=True)
    assert counts.of("FR").tolist() == pytest.approx([0, 0, np.nan, 0], nan_ok=True)
    series = counts.series("US")
    assert series.observed.tolist() == pytest.approx([0, 2, np.nan, 0], nan_ok=True)
    assert (series.service, series.source, series.end_at) == ("acme", "x", START + timedelta(minutes=4))


@pytest.mark.parametrize(
    ("bins", "voices", "what"),
    [
        ([1, 1], [1.0, 1.0], "ascend"),
        ([2, 1], [1.0, 1.0], "ascend"),
        ([-1], [1.0], "ascend"),
        ([20], [1.0], "ascend"),
        ([1], [0.0], "not above 0"),
        ([1], [np.nan], "not above 0"),
        ([1], [np.inf], "not above 0"),
        ([1, 2], [1.0], "2 bins, but 1 counts"),
    ],
)
def test_bad_regions_are_refused(bins: list[int], voices: list[float], what: str) -> None:
    with pytest.raises(SeriesError, match=what):
        counts_of({"US": Sparse(np.array(bins, np.int64), np.array(voices))})


def test_bad_bins_are_refused() -> None:
    with pytest.raises(SeriesError, match="UTC"):
        counts_of({}, start_at=START.replace(tzinfo=None))
    with pytest.raises(SeriesError, match="bin_width_s"):
        counts_of({}, bin_width_s=3601)
