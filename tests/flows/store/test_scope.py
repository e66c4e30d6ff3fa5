"""What was seen of some services says nothing about the others; and posts may be kept without being counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from detectors.errors import InputError, StoreError
from detectors.model import Batch, CountSeries, Gap, SeriesKey
from flows.store import Store, open_store
from tests.builders import START
from tests.flows.store.helpers import at, dump, pair, span

if TYPE_CHECKING:
    from collections.abc import Collection
    from random import Random

    from detectors.model import Span
    from tests.flows.store.helpers import Pair

from hypothesis import given, settings
from hypothesis import strategies as st

A, B, C = (SeriesKey(name, "x") for name in "abc")


def commit(store: Store, *pairs: Pair, observed: tuple[Span, ...] = (), scope: Collection[str] | None = None) -> None:
    store.commit("x", "a query", Batch((), "c", observed=observed), pairs, scope=scope)


def test_only_the_services_in_scope_were_observed(store: Store) -> None:
    commit(store, pair(1, 1, "a"), observed=(span(0, 3),), scope={"a", "b"})
    assert store.series(A).observed.tolist() == [0, 1, 0]
    assert len(store.series(C)) == 0
    assert np.isnan(store.series(C, start_at=at(0), end_at=at(2)).observed).all()


def test_a_service_that_was_watched_and_never_reported_has_zeros(store: Store) -> None:
    commit(store, pair(1, 1, "a"), observed=(span(0, 3),), scope=["a", "b"])
    assert store.series(B).observed.tolist() == [0, 0, 0]
    assert store.keys() == [A]
    assert store.watched_keys() == [A, B]


def test_watched_keys_have_the_width_of_their_source(store: Store) -> None:
    batch = Batch((), "c", observed=(span(0, 10),))
    store.commit("x", "q", batch, [pair(1, 1, "a")], bin_width_s=300, scope=["a", "b"])
    store.commit("y", "q", batch, [], scope=["a"])
    expected = [SeriesKey("a", "x", 300), SeriesKey("a", "y", 120), SeriesKey("b", "x", 300)]
    assert store.watched_keys(bin_width_s=120) == expected
    assert store.keys() == expected[:1]


def test_what_was_seen_of_all_and_of_one_adds_up(store: Store) -> None:
    commit(store, observed=(span(0, 2),))
    commit(store, observed=(span(1, 4),), scope=["a"])
    assert store.series(A).observed.tolist() == [0, 0, 0, 0]
    assert store.series(B).observed.tolist() == [0, 0]


def test_no_service_in_scope_vouches_for_nothing(store: Store) -> None:
    commit(store, observed=(span(0, 2),), scope=[])
    assert dump(store)["spans"] == []


def test_a_stretch_that_joins_two_leaves_one_row_a_service(store: Store) -> None:
    for seen in (span(0, 1), span(2, 3), span(4, 5), span(1, 4)):
        commit(store, observed=(seen,), scope=["a", "b"])
    assert [row[1] for row in dump(store)["spans"]] == ["a", "b"]
    assert len(store.series(A)) == len(store.series(B)) == 5


def test_services_with_different_histories_in_one_commit(store: Store) -> None:
    commit(store, observed=(span(0, 2),), scope=["a"])
    commit(store, observed=(span(3, 5),), scope=["b"])
    commit(store, observed=(span(1, 4),), scope=["a", "b", "c"])
    assert [store.series(key).start_at for key in (A, B, C)] == [at(0), at(1), at(1)]
    assert [len(store.series(key)) for key in (A, B, C)] == [4, 4, 3]


def test_only_the_services_in_scope_are_marked(store: Store) -> None:
    both = pair(1, 0.5, "a"), pair(2, 0.5, "b")
    commit(store, *both, observed=(span(0, 3), span(6, 10)), scope=["a", "b"])
    for key in (A, B):
        store.save_detection(key, at=at(10), state={})
    commit(store, observed=(span(4, 5),), scope=["a"])
    assert store.changed_from(A) == at(4)
    assert store.changed_from(B) is None


def test_each_service_is_marked_from_where_it_changed(store: Store) -> None:
    commit(store, pair(1, 0.5, "a"), observed=(span(0, 3), span(6, 10)), scope=["a"])
    commit(store, pair(2, 0.5, "b"), observed=(span(0, 4), span(6, 10)), scope=["b"])
    for key in (A, B):
        store.save_detection(key, at=at(10), state={})
    commit(store, observed=(span(3, 5),), scope=["a", "b"])
    assert (store.changed_from(A), store.changed_from(B)) == (at(3), at(4))


def test_a_scored_service_that_nobody_ever_reported_is_marked_too(store: Store) -> None:
    commit(store, observed=(span(0, 3), span(6, 10)), scope=["b"])
    store.save_detection(B, at=at(10), state={})
    commit(store, observed=(span(4, 5),), scope=["b"])
    assert store.changed_from(B) == at(4)


def test_more_services_than_fit_into_one_statement(store: Store) -> None:
    names = [f"service-{number}" for number in range(900)]
    for minute in range(3):
        commit(store, observed=(span(minute, minute + 1),), scope=names)
    assert len(dump(store)["spans"]) == 900
    assert store.series(SeriesKey("service-899", "x")).observed.tolist() == [0, 0, 0]


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 10), st.integers(1, 5), st.frozensets(st.sampled_from("abc")), st.booleans()),
        max_size=12,
    ),
    st.randoms(use_true_random=False),
)
def test_any_order_and_any_grouping_gives_the_same_spans(
    seen: list[tuple[int, int, frozenset[str], bool]], random: Random
) -> None:
    with open_store(":memory:") as together, open_store(":memory:") as apart:
        pieces = []
        for start, length, names, is_all in seen:
            scope = None if is_all else names
            commit(together, observed=(span(start, start + length),), scope=scope)
            pieces += [(start, length, one) for one in ([None] if scope is None else [[name] for name in scope])]
        random.shuffle(pieces)
        for start, length, one in pieces:
            commit(apart, observed=(span(start, start + length),), scope=one)
        assert dump(apart)["spans"] == dump(together)["spans"]


# --- posts that are kept and not counted ------------------------------------------------------------------------


def counted(*values: float, minute: float = 0, service: str = "a") -> CountSeries:
    given = np.array(values, dtype=float)
    known = (~np.isnan(given)).astype(float)
    return CountSeries(service, "x", at(minute), 60, observed=given, raw=given.copy(), coverage=known)


def test_posts_beside_counts_are_facts_and_change_no_count(store: Store) -> None:
    store.commit_counts(counted(5, 7))
    before = dump(store)
    batch = Batch((), "seen", observed=(span(0, 9),))
    done = store.commit("x", "posts", batch, [pair(1, 0.5, "a", symptoms=("login",))], is_counted=False)
    assert (done.new_reports, done.touched) == (1, ())
    after = dump(store)
    assert [after[name] == before[name] for name in ("counts", "spans", "series")] == [True] * 3
    assert store.series(A).observed.tolist() == [5, 7]
    facts = store.facts(A, start_at=START)
    assert (facts.n_reports, facts.n_authors, facts.symptoms) == (1, 1, (("login", 1),))
    assert store.cursor("x", "posts") == "seen"


def test_a_counted_neighbour_in_the_same_minute_leaves_them_alone(store: Store) -> None:
    store.commit_counts(counted(5, 7))
    store.commit("x", "posts", Batch((), "c"), [pair(1, 0.5, "a"), pair(2, 0.6, "b")], is_counted=False)
    commit(store, pair(3, 0.5, "c"), observed=(span(0, 2),), scope=["c"])
    assert store.series(A).observed.tolist() == [5, 7]
    assert store.series(C).observed.tolist() == [1, 0]
    assert store.keys() == [A, C]


def test_posts_that_are_to_be_counted_where_a_platform_counts_are_refused_whole(store: Store) -> None:
    store.commit_counts(counted(5, 7))
    before = dump(store)
    with pytest.raises(StoreError, match="a from x is already stored, made of counts"):
        commit(store, pair(1, 0.5, "a"), observed=(span(0, 1),))
    assert dump(store) == before


def test_nor_may_they_be_counted_in_bins_of_another_width(store: Store) -> None:
    store.commit_counts(counted(5, 7))
    batch = Batch((), "c", observed=(span(0, 10),))
    store.commit("x", "posts", batch, [pair(1, 0.5, "a")], is_counted=False)
    with pytest.raises(StoreError, match="made of counts"):
        store.commit("x", "q", batch, [pair(2, 0.5, "a")], bin_width_s=300)
    store.commit("x", "q", batch, [pair(2, 0.5, "b")], bin_width_s=300)
    assert store.keys() == [A, SeriesKey("b", "x", 300)]


# --- counts with their cursor -----------------------------------------------------------------------------------


def test_counts_move_their_cursor_and_keep_their_gap(store: Store) -> None:
    gap = Gap(at(-10), at(0), "the platform keeps seven days")
    store.commit_counts(counted(5, 7), query="a query", cursor="there", gap=gap)
    assert store.cursor("x", "a query") == "there"
    assert [row[-1] for row in dump(store)["gaps"]] == [gap.reason]
    store.commit_counts(counted(1, minute=2), query="a query")
    assert store.cursor("x", "a query") == "there"


def test_counts_that_are_refused_move_no_cursor(store: Store) -> None:
    commit(store, pair(1, 0.5, "a"))
    with pytest.raises(StoreError, match="made of posts"):
        store.commit_counts(counted(5), query="counts", cursor="there", gap=Gap(at(0), at(1), "a gap"))
    assert store.cursor("x", "counts") is None
    assert dump(store)["gaps"] == []


@pytest.mark.parametrize("beside", [{"cursor": "there"}, {"gap": Gap(START, START, "a gap")}])
def test_a_cursor_belongs_to_a_query(store: Store, beside: dict[str, str]) -> None:
    with pytest.raises(InputError, match="belongs to a query"):
        store.commit_counts(counted(5), **beside)  # type: ignore[arg-type]


def test_a_series_of_zeros_or_of_nothing_is_one_of_the_keys(store: Store) -> None:
    store.commit_counts(counted(0, 0))
    store.commit_counts(counted(np.nan, service="b"))
    assert store.keys() == [A, B]


def test_the_newest_instant_never_goes_back(store: Store) -> None:
    for seen in (span(5, 9), span(0, 3)):
        commit(store, observed=(seen,), scope=["a"])
    commit(store)
    store.commit_counts(counted(1, np.nan, service="b"), query="counts", cursor="c")
    for query in ("a query", "counts"):
        store.note_feed("x", query, label="x", at=at(10))
    assert [feed.newest_at for feed in store.feeds()] == [at(9), at(1)]
