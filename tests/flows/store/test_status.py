"""Every wording of a status page is kept once for each time that we saw it come."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.model import StatusRevision
from flows.sources.statuspage import parse
from flows.store import Store, open_store
from flows.store.status_frames import COLUMNS
from tests.flows.sources.statuspage.compose import (
    FAMILIES,
    FIRST,
    OTHER,
    OVER,
    REWORDED,
    Said,
    Told,
    at,
    page,
)
from tests.flows.store.helpers import dump

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PAGE = page("statuspage")


def said(*incidents: Told, seen_at: datetime, family: str = "statuspage") -> Sequence[StatusRevision]:
    """Return what a page said at an instant."""
    return parse(page(family), FAMILIES[family](*incidents), seen_at).revisions


def poll(store: Store, clock: str, *incidents: Told, family: str = "statuspage") -> int:
    """Keep what a page said."""
    rows = said(*incidents, seen_at=at(clock), family=family)
    return store.commit_status(page(family).url, rows, f"cursor of {clock}", at(clock))


def row(sha: str = "a", clock: str = "18:00", **fields: Any) -> StatusRevision:
    """Build a row."""
    given: dict[str, Any] = {
        "page": PAGE.url,
        "incident_id": "i",
        "is_whole": True,
        "seen_at": at(clock),
        "state": "open",
        "services": ("pigeon-post",),
        "sha256": sha,
    }
    return StatusRevision(**(given | fields))


def commit(store: Store, *rows: StatusRevision, clock: str = "20:00") -> int:
    return store.commit_status(PAGE.url, rows, "c", at(clock))


def seen(store: Store, page: str | None = None) -> list[tuple[str, str]]:
    frame = store.status_revisions(page=page)
    return [(f"{when:%H:%M}", sha) for when, sha in zip(frame.index, frame["sha256"], strict=True)]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_rewording_is_kept_beside_the_first_words(store: Store, family: str) -> None:
    for clock, incidents in (
        ("18:30", (FIRST,)),
        ("18:45", (FIRST,)),
        ("18:55", (REWORDED, OTHER)),
        ("19:30", (OVER,)),
    ):
        poll(store, clock, *incidents, family=family)
    frame = store.status_revisions(service="pigeon-post")
    half = frame[frame["body"].str.contains("Half of all customers")]
    few = frame[frame["body"].str.contains("A few customers")]
    assert list(half.index) == [at("18:30")]
    assert few.index[0] == at("18:55")
    assert half["update_id"].iloc[0] == few["update_id"].iloc[0]
    own = frame[frame["is_whole"]]
    assert own["resolved_at"].iloc[-1] == at("19:05")
    assert own["state"].iloc[-1] == "resolved"


def test_the_same_poll_again_changes_nothing(store: Store) -> None:
    assert poll(store, "18:30", FIRST, OTHER) == 5
    before = dump(store)
    assert poll(store, "18:30", FIRST, OTHER) == 0
    assert dump(store) == before
    assert poll(store, "18:31", FIRST, OTHER) == 0
    assert store.status_cursor(PAGE.url) == "cursor of 18:31"
    assert poll(store, "18:32", OTHER, FIRST) == 0


def test_only_what_changed_is_new(store: Store) -> None:
    poll(store, "18:30", FIRST, OTHER)
    assert poll(store, "18:55", REWORDED, OTHER) == 1
    assert poll(store, "19:30", OVER, OTHER) == 2, "the new update, and the incident that is over"


def test_an_incident_that_vanished_is_not_over(store: Store) -> None:
    poll(store, "18:30", FIRST, OTHER)
    poll(store, "18:45", OTHER)
    assert {row.incident_id for row in store.status_at("pigeon-post", at("23:00"))} == {"incident-1"}
    poll(store, "19:30", OVER, OTHER)
    assert store.status_at("pigeon-post", at("23:00")) == ()
    assert {row.incident_id for row in store.status_at("smoke-signals", at("23:00"))} == {"incident-2"}


def test_what_was_said_at_an_instant(store: Store) -> None:
    poll(store, "18:30", FIRST)
    poll(store, "18:55", REWORDED, OTHER)
    poll(store, "19:30", OVER, OTHER)
    assert store.status_at("pigeon-post", at("18:29")) == ()
    then, later = store.status_at("pigeon-post", at("18:30")), store.status_at("pigeon-post", at("19:29"))
    assert [one.position for one in then] == [0, 1, 2]
    assert [one.is_whole for one in then] == [False, False, True]
    assert "Half of all" in then[1].body
    assert "A few" in later[1].body
    assert store.status_at("nobody", at("19:29")) == ()


def test_words_that_come_back_are_a_version_again(store: Store) -> None:
    assert commit(store, row("a", "18:00"), row("b", "18:01"), row("a", "18:02")) == 3
    assert commit(store, row("a", "18:00"), row("b", "18:01"), row("a", "18:02")) == 0
    assert seen(store) == [("18:00", "a"), ("18:01", "b"), ("18:02", "a")]


def test_two_versions_of_one_instant_are_both_kept(store: Store) -> None:
    assert commit(store, row("a"), row("b")) == 2
    assert commit(store, row("b"), row("a")) == 0


@pytest.fixture(scope="module")
def memory() -> Iterator[Store]:
    """Open a store for many examples, each with a page of its own."""
    with open_store(":memory:") as opened:
        yield opened


_numbers = count()


@given(st.lists(st.tuples(st.integers(0, 9), st.sampled_from("ab")), max_size=12))
def test_polls_again_in_any_parts_change_nothing(memory: Store, polls: list[tuple[int, str]]) -> None:
    """Kept is what differs from what was seen before it; the whole again adds nothing, and nothing is ever lost."""
    told = f"https://status-{next(_numbers)}.example.com"
    rows = [row(sha, f"18:0{minute}", page=told) for minute, sha in sorted(dict(polls).items())]
    for one in rows:
        memory.commit_status(told, [one], "c", one.seen_at)
    kept = [rows[n] for n in range(len(rows)) if n == 0 or rows[n].sha256 != rows[n - 1].sha256]
    assert seen(memory, told) == [(f"{one.seen_at:%H:%M}", one.sha256) for one in kept]
    assert memory.commit_status(told, rows, "c", at("20:00")) == 0


def test_the_frame_is_tidy(store: Store) -> None:
    empty = store.status_revisions()
    poll(store, "18:30", FIRST, OTHER)
    poll(store, "19:30", OVER, family="google")
    frame = store.status_revisions()
    for one in (empty, frame):
        assert list(one.columns) == list(COLUMNS)
        assert one.index.name == "seen_at"
        assert str(one.index.dtype) == "datetime64[us, UTC]"
    assert (empty.dtypes == frame.dtypes).all()
    assert pd.isna(frame["resolved_at"].iloc[0])
    assert frame["services"].iloc[0] == ("pigeon-post",)
    assert len(store.status_revisions(page=PAGE.url)) == 5
    assert len(store.status_revisions(service="smoke-signals")) == 2
    assert len(store.status_revisions(start=at("18:30"), end=at("19:30"))) == 5
    assert len(store.status_revisions(start=at("18:31"))) == len(frame) - 5
    assert store.status_revisions(page="https://nobody.example").empty


def test_when_a_page_was_watched(store: Store) -> None:
    """Read every minute it was watched; a failed minute is bridged, an hour without a read is not."""
    for clock in ("18:00", "18:01", "18:03", "18:06", "19:00", "19:01", "18:30", "18:00"):
        store.commit_status(PAGE.url, (), "c", at(clock))
    store.commit_status(PAGE.url, (), None, at("23:00"))
    assert store.status_watched(PAGE.url) == [
        (at("18:00"), at("18:06")),
        (at("18:30"), at("18:30")),
        (at("19:00"), at("19:01")),
    ]
    assert store.status_watched("https://nobody.example") == []


def test_a_file_leaves_the_cursor(store: Store) -> None:
    assert store.status_cursor(PAGE.url) is None
    commit(store, row())
    store.commit_status(PAGE.url, [row("b", "18:05")], None, at("18:05"))
    assert store.status_cursor(PAGE.url) == "c"


def test_an_incident_that_comes_to_concern_another_service_is_found_by_both(store: Store) -> None:
    commit(store, row())
    commit(store, row("b", "18:05", services=("smoke-signals",)))
    assert len(store.status_revisions(service="pigeon-post")) == 2
    assert len(store.status_at("smoke-signals", at("20:00"))) == 1
    assert [one.sha256 for one in store.status_records("smoke-signals")] == ["a", "b"]


def test_hostile_and_long_text_is_stored_as_it_is(store: Store) -> None:
    texts = ["<b>&amp;\u202e", "nul\x00", "\U0001f426" * 20_000, "'; DROP TABLE status_revisions; --"]
    rows = [row(str(n), incident_id=text[:300] + str(n), body=text) for n, text in enumerate(texts)]
    assert commit(store, *rows) == 4
    assert sorted(store.status_revisions()["body"]) == sorted(texts)
    assert commit(store, *rows) == 0


def test_many_incidents(store: Store) -> None:
    rows = [row("a", incident_id=f"i{n}", state="resolved") for n in range(1_500)]
    assert commit(store, *rows) == 1_500
    assert commit(store, *rows, row("a", incident_id="one more")) == 1
    assert [one.incident_id for one in store.status_at("pigeon-post", at("20:00"))] == ["one more"]


def test_a_failure_keeps_nothing(store: Store) -> None:
    before = dump(store)
    with pytest.raises(AttributeError):
        store.commit_status(PAGE.url, [row(), None], "c", at("20:00"))  # type: ignore[list-item]
    assert dump(store) == before


def test_instants_are_exact(store: Store) -> None:
    odd = datetime(2026, 2, 10, 18, 0, 0, 123_457, tzinfo=UTC)
    commit(store, row(seen_at=odd, started_at=odd - timedelta(microseconds=1)))
    frame = store.status_revisions(start=odd, end=odd + timedelta(microseconds=1))
    assert frame.index[0] == odd
    assert frame["started_at"].iloc[0] == odd - timedelta(microseconds=1)


def test_words_that_were_taken_back_are_gone_and_do_not_come_again(store: Store, store_url: str) -> None:
    """They are in no row and, on SQLite, in no byte of the files."""
    canary = "a canary is better than a pigeon"
    told = Told(3, "Canary", at("18:00"), (Said(at("18:11"), "Investigating", f"For users, {canary}."),))
    poll(store, "18:30", told, OTHER)
    (update_id,) = [one.update_id for one in said(told, seen_at=at("18:30")) if not one.is_whole]
    rows = len(store.status_revisions())
    assert store.forget_status(PAGE.url, update_id) == 1
    assert canary not in repr(dump(store))
    assert "Smoke over" in repr(dump(store))
    assert len(store.status_revisions()) == rows
    assert poll(store, "18:31", told, OTHER) == 0
    assert store.forget_status(PAGE.url, "never seen") == 0
    if "://" not in store_url:
        files = [file.read_bytes() for file in Path(store_url).parent.iterdir() if file.is_file()]
        assert any(b"Smoke over" in data for data in files)
        assert all(canary.encode() not in data for data in files)
