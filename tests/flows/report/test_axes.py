"""Ticks, scales and the places of labels."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.report.axes import Scale, count_ticks, time_ticks
from flows.report.labels import place

DAY = 1_772_496_000  # 2026-03-03 00:00 UTC


@given(st.floats(0, 1e9), st.integers(2, 8))
def test_count_ticks_are_round_whole_and_reach_the_top(highest: float, most: int) -> None:
    ticks = count_ticks(highest, most)
    assert ticks[0] == 0
    assert ticks[-1] >= highest
    assert 2 <= len(ticks) <= most + 1
    steps = {after - before for before, after in pairwise(ticks)}
    assert len(steps) == 1
    assert str(steps.pop()).rstrip("0") in {"1", "2", "5"}


@given(st.integers(0, 2 * 10**9), st.integers(1, 10**8), st.integers(3, 12))
def test_time_ticks_are_inside_and_evenly_spaced(start: int, span: int, most: int) -> None:
    ticks = time_ticks(start, start + span, most)
    assert len(ticks) <= most + 1
    assert all(start <= tick.at_s <= start + span for tick in ticks)
    assert len({after.at_s - before.at_s for before, after in pairwise(ticks)}) <= 1


def test_time_ticks_name_the_day_at_midnight() -> None:
    ticks = time_ticks(DAY - 7200, DAY + 7200, 4)
    assert [tick.text for tick in ticks] == ["22:00", "23:00", "3 Mar", "01:00", "02:00"]
    assert [tick.is_day for tick in ticks] == [False, False, True, False, False]


def test_time_ticks_of_seconds_and_of_weeks() -> None:
    assert [tick.text for tick in time_ticks(DAY + 30, DAY + 60, 3)] == ["00:00:30", "00:00:40", "00:00:50", "00:01:00"]
    assert all(tick.is_day for tick in time_ticks(DAY, DAY + 40 * 86400, 5))


def test_a_scale_of_no_width_stays_in_place() -> None:
    assert Scale(5, 5, 10, 90)(7) == 10
    assert Scale(0, 10, 100, 0)(20) == 0


@given(st.lists(st.floats(60, 1060), min_size=0, max_size=3))
def test_labels_never_overlap_nor_leave_a_wide_chart(xs: list[float]) -> None:
    texts = ("onset 18:05 (18:02-18:08)", "flagged 18:11", "end 18:52 (18:46-18:58)")
    labels = place(list(zip(sorted(xs), texts, strict=False)), bounds=(60, 1080), font_px=13)
    assert len(labels) == len(xs)
    for number, label in enumerate(labels):
        assert 60 <= label.left < label.right <= 1080
        for other in labels[:number]:
            is_apart = label.right <= other.left or other.right <= label.left
            assert label.row != other.row or is_apart


@pytest.mark.parametrize("xs", [(260, 280, 300), (300, 300, 300), (100, 120, 300)])
def test_labels_fit_on_a_phone(xs: tuple[float, float, float]) -> None:
    labels = place([*zip(xs, ("onset 18:05", "flagged 18:11", "end 18:52"), strict=True)], bounds=(45, 350), font_px=12)
    assert all(label.left >= 45 and label.right <= 350 for label in labels)
    assert len({(label.row, label.is_left) for label in labels}) == 3
