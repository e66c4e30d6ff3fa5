"""Observed time and series against slow and obvious twins."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.counting import Cell, Stretch, build_series, coverage, first_difference, merge, micros
from detectors.errors import SeriesError
from detectors.model import SeriesKey
from tests.builders import START

MINUTE_US = 60_000_000
KEY = SeriesKey("imessage", "x")
START_US = micros(START)

stretches = st.lists(
    st.builds(
        lambda start, length, share: Stretch(start, start + length, share),
        st.integers(-20, 60),
        st.integers(0, 30),
        st.sampled_from([0.25, 0.5, 1.0]),
    ),
    max_size=8,
)


def at_every_tick(found: list[Stretch] | tuple[Stretch, ...]) -> list[float]:
    """Return the best coverage of every tick, one by one."""
    return [
        max((one.coverage for one in found if one.start_us <= tick < one.end_us), default=0) for tick in range(-30, 100)
    ]


@given(stretches)
def test_merging_keeps_every_tick(found: list[Stretch]) -> None:
    merged = merge(found)
    assert at_every_tick(merged) == at_every_tick(found)
    assert all(one.start_us < one.end_us for one in merged)
    for before, after in pairwise(merged):
        assert before.end_us <= after.start_us
        assert before.end_us < after.start_us or before.coverage != after.coverage


@given(stretches, st.integers(0, 8))
def test_merging_does_not_depend_on_grouping(found: list[Stretch], cut: int) -> None:
    assert merge([*merge(found[cut:]), *merge(found[:cut])]) == merge(found)


@given(stretches, st.integers(1, 7), st.integers(0, 12))
def test_coverage_is_the_mean_over_the_ticks(found: list[Stretch], width: int, n_bins: int) -> None:
    ticks = at_every_tick(found)[30 - 10 :]
    expected = [np.mean(ticks[place * width : (place + 1) * width]) for place in range(n_bins)]
    assert coverage(merge(found), -10, width, n_bins) == pytest.approx(np.array(expected))


@given(stretches, stretches)
def test_first_difference_is_the_first_tick_that_differs(old: list[Stretch], new: list[Stretch]) -> None:
    pairs = zip(at_every_tick(old), at_every_tick(new), strict=True)
    expected = next((tick - 30 for tick, (before, after) in enumerate(pairs) if before != after), None)
    assert first_difference(merge(old), merge(new)) == expected


@pytest.mark.parametrize("wrong", [Stretch(2, 1), Stretch(0, 1, 0), Stretch(0, 1, 1.5), Stretch(0, 1, float("nan"))])
def test_a_senseless_stretch_is_refused(wrong: Stretch) -> None:
    with pytest.raises(SeriesError, match="observed span"):
        merge([wrong])


def minutes(start: float, end: float, share: float = 1.0) -> Stretch:
    return Stretch(START_US + int(start * MINUTE_US), START_US + int(end * MINUTE_US), share)


def series(cells: dict[int, Cell], observed: list[Stretch], n_minutes: float = 6) -> tuple[list[float], list[float]]:
    by_time = {START_US + minute * MINUTE_US: cell for minute, cell in cells.items()}
    found = build_series(KEY, by_time, observed, START, START + timedelta(minutes=n_minutes))
    assert found.start_at == START
    assert found.bin_width_s == 60
    return found.observed.tolist(), found.coverage.tolist()


def test_zero_where_observed_and_nan_elsewhere() -> None:
    observed, share = series({1: Cell(3, 2, 1.5), 5: Cell(9, 9, 9.0)}, [minutes(1, 3)])
    np.testing.assert_array_equal(observed, [np.nan, 1.5, 0, np.nan, np.nan, np.nan])
    assert share == [0, 1, 1, 0, 0, 0]


def test_a_bin_seen_by_half_is_kept_as_counted_and_one_seen_by_less_is_unknown() -> None:
    observed, share = series({0: Cell(4, 4, 4.0), 1: Cell(4, 4, 4.0)}, [minutes(0.5, 1.4), minutes(2, 3, 0.75)], 3)
    np.testing.assert_array_equal(observed, [4.0, np.nan, 0])
    assert share == pytest.approx([0.5, 0.4, 0.75])


def test_raw_is_laid_out_like_observed() -> None:
    found = build_series(KEY, {START_US: Cell(7, 2, 1.5)}, [minutes(0, 2)], START, START + timedelta(minutes=2))
    assert found.raw.tolist() == [7, 0]


def test_a_bin_that_the_end_cuts_is_still_there() -> None:
    assert len(series({}, [minutes(0, 9)], 2.5)[0]) == 3


def test_no_time_no_bins() -> None:
    assert series({}, [minutes(0, 9)], 0) == ([], [])


def test_cells_outside_the_range_are_left_out() -> None:
    assert series({-1: Cell(1, 1, 1.0), 2: Cell(1, 1, 1.0)}, [minutes(-5, 9)], 2)[0] == [0, 0]


def test_a_cell_off_the_grid_is_refused() -> None:
    with pytest.raises(SeriesError, match="between two bins"):
        build_series(KEY, {START_US + 1: Cell(1, 1, 1.0)}, [], START, START + timedelta(minutes=2))


def test_an_end_before_the_start_is_refused() -> None:
    with pytest.raises(SeriesError, match="ends before it starts"):
        build_series(KEY, {}, [], START, START - timedelta(minutes=1))
