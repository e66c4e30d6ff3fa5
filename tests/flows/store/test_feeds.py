"""How the sources are doing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from detectors.errors import InputError
from flows.store import Fault, Feed
from flows.store.feeds import KINDS
from tests.flows.store.helpers import at, commit, dump, pair, span

if TYPE_CHECKING:
    from flows.store import Store

DAY = 24 * 60


def test_no_feeds_at_first(store: Store) -> None:
    assert store.feeds() == []
    assert store.faults() == []


def test_a_feed_that_goes_well(store: Store) -> None:
    store.note_feed("x", "q", label="X, page 1", at=at(1))
    assert store.feeds() == [Feed("x", "q", "X, page 1", tried_at=at(1), ok_at=at(1))]


def test_failures_in_a_row_have_one_beginning(store: Store) -> None:
    store.note_feed("x", "q", label="X", at=at(1))
    store.note_feed("x", "q", label="X", at=at(2), error="refused", not_before=at(9))
    store.note_feed("x", "q", label="X", at=at(3), error="refused again")
    (feed,) = store.feeds()
    assert (feed.tried_at, feed.ok_at, feed.failed_since) == (at(3), at(1), at(2))
    assert (feed.error, feed.not_before) == ("refused again", None)


def test_the_next_success_ends_them(store: Store) -> None:
    store.note_feed("x", "q", label="X", at=at(1), error="refused", not_before=at(9))
    assert store.feeds()[0].ok_at is None
    assert store.feeds()[0].not_before == at(9)
    store.note_feed("x", "q", label="X", at=at(2))
    assert store.feeds() == [Feed("x", "q", "X", tried_at=at(2), ok_at=at(2))]
    store.note_feed("x", "q", label="X", at=at(3), error="once more")
    assert store.feeds()[0].failed_since == at(3)


def test_a_feed_knows_what_it_brought(store: Store) -> None:
    commit(store, pair(1, 1), pair(2, DAY), pair(3, DAY + 1), observed=(span(0, DAY + 2),))
    store.note_feed("x", "everything", label="X", at=at(DAY + 2))
    store.note_feed("y", "everything", label="Y", at=at(DAY + 1))
    mine, other = store.feeds()
    assert (mine.newest_at, mine.n_reports) == (at(DAY + 2), 2)
    assert (other.newest_at, other.n_reports) == (None, 0)
    assert store.feeds(at(DAY))[0].n_reports == 2
    assert store.feeds(at(3 * DAY))[0].n_reports == 0


def test_feeds_come_by_source_and_query(store: Store) -> None:
    for source, query in (("y", "a"), ("x", "b"), ("x", "a")):
        store.note_feed(source, query, label="", at=at(1))
    assert [(feed.source, feed.query) for feed in store.feeds()] == [("x", "a"), ("x", "b"), ("y", "a")]


def test_hostile_words_are_kept_as_words(store: Store) -> None:
    store.note_feed("x" * 5000, "a\x00b", label="\ud800", at=at(1), error="\x00")
    (feed,) = store.feeds()
    assert (feed.label, feed.error) == ("\ufffd", "\ufffd")


# --- faults -----------------------------------------------------------------------------------------------------

SILENT, FAILING = ("x", "imessage", "silent"), ("y", "*", "failing")


def fault(key: tuple[str, str, str], message: str, began: float, ended: float | None = None) -> Fault:
    return Fault(*key, at(began), None if ended is None else at(ended), message)


def test_faults_begin_go_on_and_end(store: Store) -> None:
    assert store.set_faults(at(1), {SILENT: "quiet"}) == ([fault(SILENT, "quiet", 1)], [])
    assert store.set_faults(at(2), {SILENT: "quiet", FAILING: "no"}) == ([fault(FAILING, "no", 2)], [])
    assert store.faults() == [fault(SILENT, "quiet", 1), fault(FAILING, "no", 2)]
    assert store.set_faults(at(3), {FAILING: "no"}) == ([], [fault(SILENT, "quiet", 1, 3)])
    assert store.faults() == [fault(FAILING, "no", 2)]
    assert store.faults(open_only=False) == [fault(SILENT, "quiet", 1, 3), fault(FAILING, "no", 2)]


def test_the_same_faults_again_change_nothing(store: Store) -> None:
    store.set_faults(at(1), {SILENT: "quiet", FAILING: "no"})
    before = dump(store)
    assert store.set_faults(at(2), {SILENT: "quiet", FAILING: "no"}) == ([], [])
    assert dump(store) == before


def test_a_fault_that_goes_on_says_the_latest(store: Store) -> None:
    store.set_faults(at(1), {SILENT: "quiet"})
    assert store.set_faults(at(2), {SILENT: "quiet for long"}) == ([], [])
    assert store.faults() == [fault(SILENT, "quiet for long", 1)]


def test_a_fault_that_comes_back_is_another(store: Store) -> None:
    for minute, current in ((1, {SILENT: "one"}), (2, {}), (3, {SILENT: "two"})):
        store.set_faults(at(minute), current)
    assert store.faults(open_only=False) == [fault(SILENT, "one", 1, 2), fault(SILENT, "two", 3)]


def test_a_fault_that_comes_back_in_the_same_instant_goes_on(store: Store) -> None:
    for current in ({SILENT: "one"}, {}, {SILENT: "two"}):
        store.set_faults(at(1), current)
    assert store.faults(open_only=False) == [fault(SILENT, "two", 1)]


def test_a_clock_that_steps_back_ends_no_fault_before_it_began(store: Store) -> None:
    store.set_faults(at(5), {SILENT: "quiet"})
    assert store.set_faults(at(1), {}) == ([], [fault(SILENT, "quiet", 5, 5)])


def test_an_unknown_kind_is_refused(store: Store) -> None:
    with pytest.raises(InputError, match="'tired' is no kind of fault; there are failing, silent, lagging, gone"):
        store.set_faults(at(1), {("x", "*", "tired"): ""})
    assert store.faults() == []
    store.set_faults(at(1), {("x", "*", kind): kind for kind in KINDS})
    assert {one.kind for one in store.faults()} == set(KINDS)
