"""Cells against a slow and obvious twin."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.counting import Cell, CellKey, ReportRow, cells, micros

WEEK_US = timedelta(weeks=1) // timedelta(microseconds=1)

rows = st.lists(
    st.builds(
        ReportRow,
        service=st.sampled_from(["imessage", "outlook"]),
        source=st.sampled_from(["x", "bluesky"]),
        at_us=st.integers(-200_000_000, 200_000_000),
        platform=st.sampled_from(["x", "y"]),
        post_id=st.integers(0, 10**9).map(str),
        author=st.sampled_from([None, "ada", "bob", "cem"]),
        weight=st.floats(0.01, 1),
        is_repost=st.booleans(),
    ),
    max_size=40,
    unique_by=lambda row: (row.platform, row.post_id),
)
widths = st.sampled_from([1, 60, 300, 3600])


def slow_cells(given_rows: list[ReportRow], bin_width_s: int) -> dict[CellKey, Cell]:
    """Look at every row again for every cell."""
    width = bin_width_s * 10**6
    keys = {CellKey(row.service, row.source, row.at_us // width * width) for row in given_rows}
    found = {}
    for key in keys:
        inside = [row for row in given_rows if CellKey(row.service, row.source, row.at_us // width * width) == key]
        original = [row for row in inside if not row.is_repost]
        named = {row.author for row in original if row.author is not None}
        best = [max(row.weight for row in original if row.author == author) for author in named]
        best += [row.weight for row in original if row.author is None]
        found[key] = Cell(len(inside), len(best), sum(best))
    return found


@given(rows, widths)
def test_agrees_with_the_slow_twin(given_rows: list[ReportRow], width: int) -> None:
    fast, slow = cells(given_rows, width), slow_cells(given_rows, width)
    assert fast.keys() == slow.keys()
    for key, cell in fast.items():
        assert cell[:2] == slow[key][:2]
        assert cell.observed == pytest.approx(slow[key].observed)


@given(rows, widths, st.randoms(use_true_random=False))
def test_order_and_repetition_change_nothing(given_rows: list[ReportRow], width: int, random: object) -> None:
    shuffled = given_rows + given_rows[::2]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert cells(shuffled, width) == cells(given_rows, width)


@given(rows, widths)
def test_a_week_later_everything_is_the_same(given_rows: list[ReportRow], width: int) -> None:
    later = cells([row._replace(at_us=row.at_us + WEEK_US) for row in given_rows], width)
    assert {key._replace(bin_us=key.bin_us - WEEK_US): cell for key, cell in later.items()} == cells(given_rows, width)


def row(number: int, author: str | None = "ada", weight: float = 1, *, is_repost: bool = False) -> ReportRow:
    return ReportRow("imessage", "x", number, "x", str(number), author, weight, is_repost)


def only(*given_rows: ReportRow) -> Cell:
    (cell,) = cells(given_rows, 60).values()
    return cell


def test_a_person_counts_once_with_the_best_report() -> None:
    assert only(row(1, weight=0.25), row(2, weight=0.75), row(3, weight=0.5)) == Cell(3, 1, 0.75)


def test_nameless_posts_are_voices_of_their_own() -> None:
    assert only(row(1, None), row(2, None)) == Cell(2, 2, 2.0)


def test_reposts_are_counted_beside() -> None:
    assert only(row(1, is_repost=True), row(2, "bob", is_repost=True)) == Cell(2, 0, 0.0)


@pytest.mark.parametrize("weight", [0.0, -1.0, float("nan")])
def test_a_senseless_weight_is_no_voice(weight: float) -> None:
    assert only(row(1, weight=weight)) == Cell(1, 0, 0.0)


def test_micros_is_exact_before_and_after_1970() -> None:
    assert micros(datetime(2026, 3, 1, 18, 5, 0, 123457, tzinfo=UTC)) == 1772388300123457
    assert micros(datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)) == -1
