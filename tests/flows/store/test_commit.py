"""Commits: in one transaction, idempotent, in any order."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.errors import StoreError
from detectors.model import Batch, Gap, Report, SeriesKey
from flows.store import Store, open_store
from tests.builders import START, post
from tests.flows.store.helpers import KEY, at, commit, dump, pair, span

if TYPE_CHECKING:
    from random import Random

    from detectors.model import Span
    from tests.flows.store.helpers import Pair


def test_what_was_committed_can_be_read(store: Store) -> None:
    done = commit(
        store,
        pair(1, 0.5),
        pair(2, 0.9),
        pair(3, 2.1, author_id="author-1"),
        pair(4, 2.2, author_id="author-1", weight=0.5),
        pair(5, 2.5, "outlook"),
        observed=(span(0, 4),),
        cursor="after 5",
    )
    outlook = SeriesKey("outlook", "x")
    assert (done.new_reports, done.duplicates) == (5, 0)
    assert done.touched == ((KEY, at(0)), (outlook, at(2)))
    assert store.cursor("x", "everything") == "after 5"
    assert store.cursor("x", "something else") is None
    assert store.keys() == [KEY, outlook]
    assert store.series(KEY).observed.tolist() == [2, 0, 1, 0]
    assert store.series(KEY).raw.tolist() == [2, 0, 2, 0]
    assert store.series(outlook).observed.tolist() == [0, 0, 1, 0]


def test_the_same_batch_again_changes_nothing(store: Store) -> None:
    pairs = [pair(number, number / 3) for number in range(20)]
    commit(store, *pairs, observed=(span(0, 7),))
    before = dump(store)
    again = commit(store, *pairs, observed=(span(0, 7),))
    assert (again.new_reports, again.duplicates, again.touched) == (0, 20, ())
    assert dump(store) == before


def test_the_first_delivery_of_a_post_wins(store: Store) -> None:
    commit(store, pair(1, 0, text="imessage down"), observed=(span(0, 5),))
    done = commit(store, pair(1, 3, text="edited", author_id="somebody else"))
    assert done.duplicates == 1
    assert store.reports()["text"].tolist() == ["imessage down"]
    assert store.series(KEY).observed.tolist() == [1, 0, 0, 0, 0]


def test_a_post_about_two_services_is_two_reports(store: Store) -> None:
    assert commit(store, pair(1), pair(1, service="facetime")).new_reports == 2


def test_equal_ids_of_two_platforms_are_two_posts(store: Store) -> None:
    assert commit(store, pair(1), pair(1, platform="other")).new_reports == 2


def test_reposts_are_counted_beside_whichever_of_the_two_says_so(store: Store) -> None:
    repost = (post(2), Report("imessage", is_repost=True))
    commit(store, pair(1, is_repost=True), repost, pair(3), observed=(span(0, 1),))
    assert store.series(KEY).raw.tolist() == [3]
    assert store.series(KEY).observed.tolist() == [1]


def test_an_empty_batch_moves_the_cursor_and_the_observed_time(store: Store) -> None:
    commit(store, pair(1), observed=(span(0, 1),))
    done = commit(store, observed=(span(1, 3),), cursor="later")
    assert done.touched == ()
    assert store.cursor("x", "everything") == "later"
    assert store.series(KEY).observed.tolist() == [1, 0, 0]


def test_a_hole_between_two_spans_is_unknown(store: Store) -> None:
    commit(store, pair(1), observed=(span(0, 1),), gap=Gap(at(1), at(3), "the connection was lost"))
    commit(store, observed=(span(3, 4),))
    np.testing.assert_array_equal(store.series(KEY).observed, [1, np.nan, np.nan, 0])
    assert [row[-1] for row in dump(store)["gaps"]] == ["the connection was lost"]


def test_adjacent_spans_stay_one_row(store: Store) -> None:
    for minute in range(50):
        commit(store, observed=(span(minute, minute + 1),))
    assert len(dump(store)["spans"]) == 1


def test_wide_bins(store: Store) -> None:
    batch = Batch((), "c", observed=(span(0, 10),))
    pairs = [pair(1, 1), pair(2, 4.9), pair(3, 5)]
    store.commit("x", "everything", batch, pairs, bin_width_s=300)
    assert store.series(SeriesKey("imessage", "x", 300)).observed.tolist() == [2, 1]


def test_a_second_bin_width_for_the_same_posts_is_refused_whole(store: Store) -> None:
    commit(store, pair(1))
    before = dump(store)
    with pytest.raises(StoreError, match="bins of 60 s, not 300 s"):
        store.commit("x", "everything", Batch((), "past it"), [pair(2)], bin_width_s=300)
    assert dump(store) == before


def test_the_range_of_a_series(store: Store) -> None:
    commit(store, pair(1, 1.5), pair(2, 3.5), observed=(span(0, 5.9),))
    assert len(store.series(KEY)) == 5, "the last bin has not ended"
    part = store.series(KEY, start_at=at(1.7), end_at=at(3.9))
    assert (part.start_at, part.observed.tolist()) == (at(1), [1, 0])
    beyond = store.series(KEY, start_at=at(4), end_at=at(7))
    np.testing.assert_array_equal(beyond.observed, [0, 0, np.nan])
    assert len(store.series(KEY, start_at=at(3), end_at=at(1))) == 0


def test_a_series_that_nobody_vouches_for_is_empty(store: Store) -> None:
    commit(store, pair(1))
    assert len(store.series(KEY)) == 0
    assert np.isnan(store.series(KEY, start_at=at(0), end_at=at(2)).observed).all()


def test_a_series_that_is_not_there_is_empty(store: Store) -> None:
    assert len(store.series(SeriesKey("nothing", "nowhere"))) == 0


def test_many_scattered_bins(store: Store) -> None:
    pairs = [pair(number, number * 7) for number in range(1000)]
    commit(store, *pairs, observed=(span(0, 7000),))
    assert store.series(KEY).observed.sum() == 1000


# --- any order -----------------------------------------------------------------------------------------------

posts = st.lists(
    st.tuples(
        st.integers(0, 10),  # minute
        st.sampled_from(["imessage", "outlook"]),
        st.sampled_from(["ada", "bob", None]),
        st.sampled_from([0.1, 0.2, 0.7, 1.0]),
        st.booleans(),  # repost
        st.booleans(),  # deleted in the end
    ),
    max_size=25,
)


@settings(max_examples=25, deadline=None)
@given(posts, st.randoms(use_true_random=False), st.integers(1, 8))
def test_shuffled_overlapping_and_repeated_batches_give_the_same_tables(
    described: list[tuple[Any, ...]], random: Random, size: int
) -> None:
    pairs = [
        pair(number, minute, service, author_id=author, weight=weight, is_repost=is_repost)
        for number, (minute, service, author, weight, is_repost, _) in enumerate(described)
    ]
    deleted = [("test", f"post-{number}") for number, about in enumerate(described) if about[-1]]
    with open_store(":memory:") as at_once, open_store(":memory:") as in_pieces:
        commit(at_once, *pairs, observed=(span(0, 12),), deleted=tuple(deleted))
        pieces = [(pairs[start : start + size + 1], span(start, min(12, start + size))) for start in range(0, 12, size)]
        pieces += [(pairs[start : start + size], span(0, 12)) for start in range(0, len(pairs), size)] * 2
        batches: list[tuple[list[Pair], tuple[Span, ...], tuple[tuple[str, str], ...]]]
        batches = [(part, (seen,), ()) for part, seen in pieces] + [([], (), (one,)) for one in deleted]
        batches.append(([], (span(0, 12),), ()))
        random.shuffle(batches)
        for part, seen, gone in batches:
            random.shuffle(part)
            commit(in_pieces, *part, observed=seen, deleted=gone)
        assert dump(in_pieces) == dump(at_once)


# --- late posts ----------------------------------------------------------------------------------------------


def scored(store: Store, until: float) -> None:
    store.save_detection(KEY, at=at(until), state={})


def test_a_late_report_marks_the_bin_that_it_changes(store: Store) -> None:
    commit(store, pair(1, 1), observed=(span(0, 10),))
    assert store.changed_from(KEY) is None, "nothing was scored yet"
    scored(store, 8)
    commit(store, pair(2, 9))
    assert store.changed_from(KEY) is None, "that bin comes after what was scored"
    commit(store, pair(3, 5))
    commit(store, pair(4, 6))
    assert store.changed_from(KEY) == at(5)
    commit(store, pair(5, 4, "outlook"))
    assert store.changed_from(KEY) == at(5), "another series"
    scored(store, 10)
    assert store.changed_from(KEY) is None


def test_a_duplicate_marks_nothing(store: Store) -> None:
    commit(store, pair(1, 1), observed=(span(0, 10),))
    scored(store, 10)
    commit(store, pair(1, 1))
    assert store.changed_from(KEY) is None


def test_time_that_turns_out_to_have_been_observed_marks_it(store: Store) -> None:
    commit(store, pair(1, 1), observed=(span(0, 3), span(6, 10)))
    scored(store, 10)
    commit(store, observed=(span(9, 12),))
    assert store.changed_from(KEY) is None, "a step forward"
    commit(store, observed=(span(4, 5),))
    assert store.changed_from(KEY) == at(4)


def test_a_change_between_reading_and_saving_is_not_lost(store: Store) -> None:
    commit(store, pair(1, 1), observed=(span(0, 10),))
    assert store.changed_from(KEY) is None
    store.series(KEY)
    commit(store, pair(2, 3), cursor="further")  # another process
    scored(store, 10)
    assert store.changed_from(KEY) is not None
    store.series(KEY)
    scored(store, 10)
    assert store.changed_from(KEY) is None


def test_observed_time_that_changes_between_reading_and_saving_is_not_lost(store: Store) -> None:
    commit(store, pair(1, 1), observed=(span(0, 3), span(6, 10)))
    store.series(KEY)
    commit(store, observed=(span(4, 5),))
    scored(store, 10)
    assert store.changed_from(KEY) is not None


def test_a_week_later_the_counts_are_the_same() -> None:
    with open_store(":memory:") as now, open_store(":memory:") as later:
        commit(now, pair(1, 1), pair(2, 3), observed=(span(0, 5),))
        week = timedelta(weeks=1) / timedelta(minutes=1)
        commit(later, pair(1, 1 + week), pair(2, 3 + week), observed=(span(week, 5 + week),))
        assert later.series(KEY).observed.tolist() == now.series(KEY).observed.tolist()
        assert later.series(KEY).start_at == START + timedelta(weeks=1)
