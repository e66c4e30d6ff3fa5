"""Voices by region against a slow and obvious twin."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.counting import CellKey, LocatedRow, ReportRow, cells, located_cells

PLACES = st.sampled_from(
    [
        (),
        (("US", 1.0), ("US-TX", 1.0)),
        (("US", 1.0),),
        (("US", 0.5), ("CA", 0.5), ("CA-ON", 0.4)),
        (("DE", 0.7),),
    ]
)
rows = st.lists(
    st.builds(
        LocatedRow,
        service=st.sampled_from(["imessage", "outlook"]),
        source=st.just("x"),
        at_us=st.integers(-200_000_000, 200_000_000),
        platform=st.sampled_from(["x", "y"]),
        post_id=st.integers(0, 10**9).map(str),
        author=st.sampled_from([None, "ada", "bob", "cem"]),
        weight=st.sampled_from([0.0, 0.25, 0.5, 1.0]),
        regions=PLACES,
    ),
    max_size=40,
    unique_by=lambda row: (row.platform, row.post_id),
)


def slow(given_rows: list[LocatedRow]) -> dict[CellKey, dict[str, float]]:
    """Look for the best report of each person, bin by bin."""
    found: dict[CellKey, dict[str, float]] = {}
    said = [row for row in given_rows if row.regions and row.weight]
    for key in {CellKey(row.service, row.source, row.at_us // 60_000_000 * 60_000_000) for row in said}:
        inside = [r for r in said if (r.service, r.at_us // 60_000_000 * 60_000_000) == (key.service, key.bin_us)]
        people: dict[object, list[LocatedRow]] = {}
        for row in inside:
            people.setdefault(row.author or (row.platform, row.post_id), []).append(row)
        found[key] = {}
        for reports in people.values():
            best = min(reports, key=lambda row: (-row.weight, row.platform, row.post_id))
            for region, part in best.regions:
                found[key][region] = found[key].get(region, 0.0) + best.weight * part
    return found


@given(rows, st.randoms(use_true_random=False))
def test_agrees_with_the_slow_twin_in_any_order(given_rows: list[LocatedRow], random: object) -> None:
    shuffled = given_rows + given_rows[::2]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    fast, expected = located_cells(shuffled, 60), slow(given_rows)
    assert fast.keys() == expected.keys()
    assert fast == located_cells(given_rows, 60)
    for key, voices in fast.items():
        assert voices == pytest.approx(expected[key])


@given(rows)
def test_the_countries_never_hold_more_voices_than_the_service(given_rows: list[LocatedRow]) -> None:
    all_of_them = cells([ReportRow(*row[:7], is_repost=False) for row in given_rows], 60)
    for key, voices in located_cells(given_rows, 60).items():
        assert sum(n for region, n in voices.items() if len(region) == 2) <= all_of_them[key].observed + 1e-9


def test_somebody_who_says_later_where_they_are_is_counted_there() -> None:
    first = LocatedRow("imessage", "x", 0, "x", "1", "ada", 1.0, ())
    then = LocatedRow("imessage", "x", 30_000_000, "x", "2", "ada", 0.5, (("US", 1.0),))
    assert located_cells([first, then], 60) == {CellKey("imessage", "x", 0): {"US": 0.5}}
