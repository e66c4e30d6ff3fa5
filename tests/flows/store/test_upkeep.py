"""What people wrote does not stay, goes at once when that is asked for, and its counts stay."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from detectors.counting import micros
from detectors.errors import InputError, StoreError
from detectors.model import Batch, Geo, SeriesKey
from flows.store import Store, open_store
from flows.store.privacy import Pseudonyms
from tests.builders import START
from tests.flows.store.helpers import KEY, at, commit, dump, pair, span
from tests.flows.store.test_scope import counted

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.flows.store.helpers import Pair

HOUR, DAY = 60, 24 * 60
PERSONAL = ("canary text", "canary-id", "canary author", "canary place", "canary city")
SYMPTOMS = (("messages",), ("login", "messages"), ())


def told(number: int, minute: float, **fields: Any) -> Pair:
    """Build a report with a canary in everything that is personal."""
    found, report = pair(
        number,
        minute,
        text=f"canary text {number} " * (1 + number % 30),
        user_location=f"canary place {number}",
        geo=Geo(city=f"canary city {number}"),
        symptoms=SYMPTOMS[number % 3],
        **{"author_id": f"canary author {number}"} | fields,
    )
    return replace(found, id=f"canary-id-{number}"), report


def everything(store: Store) -> str:
    """Return all that is in the tables and in what can be exported."""
    frames = (store.reports(), store.counts(), store.symptoms(), store.incidents(), store.transitions())
    return repr(dump(store)) + "".join(frame.to_csv() for frame in frames)


def left_in(folder: Path, names: tuple[str, ...] = PERSONAL) -> set[str]:
    """Return which of the names are in any file of a folder: the database, its log, the log's index."""
    return {name for name in names for file in folder.iterdir() if name.encode() in file.read_bytes()}


def counts(store: Store) -> list[tuple[Any, ...]]:
    return dump(store)["counts"]


# --- retention --------------------------------------------------------------------------------------------------


def test_after_retention_only_counts_are_left(store: Store) -> None:
    commit(store, *(told(number, number) for number in range(30)), observed=(span(0, 30),))
    before, facts, symptoms = counts(store), store.facts(KEY, start_at=START), store.symptoms()
    assert store.retain(at(30), keep_h=0) == 30
    assert [name for name in PERSONAL if name in everything(store)] == []
    assert len(store.reports()) == 0
    assert counts(store) == before
    assert store.facts(KEY, start_at=START) == facts
    assert (facts.n_reports, facts.n_authors, facts.n_naming) == (30, 30, 20)
    assert store.symptoms().equals(symptoms)


def test_what_is_younger_stays_as_it_was(store: Store) -> None:
    commit(store, told(1, 0), told(2, 10), observed=(span(0, 20),))
    assert store.retain(at(48 * HOUR + 10)) == 1
    assert store.reports()["post_id"].tolist() == ["canary-id-2"]
    assert store.retain(at(48 * HOUR + 10)) == 0
    facts = store.facts(KEY, start_at=START)
    assert (facts.n_reports, facts.n_authors) == (2, 2)
    assert store.symptoms()["n"].sum() == 3


def test_the_bin_goes_whole(store: Store) -> None:
    commit(store, told(1, 9.1, author_id="ada"), told(2, 9.9, author_id="ada"), observed=(span(0, 20),))
    before = counts(store)
    assert store.retain(at(48 * HOUR + 9.5)) == 2
    assert counts(store) == before


def test_a_report_that_comes_again_is_not_counted_again(store: Store) -> None:
    pairs = [told(number, number) for number in range(10)]
    commit(store, *pairs, observed=(span(0, 10),))
    store.retain(at(30), keep_h=0)
    before = dump(store)
    again = commit(store, *pairs, observed=(span(0, 10),))
    assert (again.new_reports, again.duplicates, again.touched) == (0, 10, ())
    assert dump(store) == before


def test_the_same_post_about_a_service_added_since_is_news(store: Store) -> None:
    commit(store, told(1, 1), observed=(span(0, 2),))
    store.retain(at(30), keep_h=0)
    assert commit(store, told(1, 1, service="outlook")).new_reports == 1


def test_a_late_report_is_added_to_what_its_bin_counted(store: Store) -> None:
    commit(store, told(1, 5), observed=(span(0, 10),))
    store.save_detection(KEY, at=at(10), state={})
    store.retain(at(30), keep_h=0)
    done = commit(store, told(4, 5.5))
    assert (done.new_reports, done.touched) == (1, ((KEY, at(5)),))
    assert store.series(KEY).observed.tolist()[5] == 2
    assert store.changed_from(KEY) == at(5)
    assert store.retain(at(30), keep_h=0) == 1
    assert store.series(KEY).observed.tolist()[5] == 2
    assert store.facts(KEY, start_at=START).symptoms == (("login", 2), ("messages", 2))
    assert store.symptoms()["n"].tolist() == [2, 2]


@pytest.mark.parametrize("is_deleted_first", [True, False])
def test_deleted_and_settled_in_either_order_a_post_counts_once(store: Store, *, is_deleted_first: bool) -> None:
    commit(store, told(1, 5), observed=(span(0, 10),))
    steps: list[Callable[[], object]] = [
        lambda: commit(store, deleted=(("test", "canary-id-1"),)),
        lambda: store.retain(at(30), keep_h=0),
    ]
    for step in steps if is_deleted_first else reversed(steps):
        step()
    before = dump(store)
    assert commit(store, told(1, 5)).new_reports == 0
    assert dump(store) == before
    assert store.series(KEY).observed.sum() == 1


def test_an_id_that_looks_like_a_tombstone_counts_once(store: Store) -> None:
    hostile = "deleted:" + "0" * 32
    post, report = pair(1, 5, text="")
    one = (type(post)(hostile, "test", post.created_at, ""), report)
    commit(store, one, observed=(span(0, 10),))
    store.retain(at(30), keep_h=0)
    assert commit(store, one).new_reports == 0


def test_sources_and_widths_are_settled_each_in_their_own_bins(store: Store) -> None:
    commit(store, told(1, 1), told(2, 2), observed=(span(0, 10),))
    wide = [told(3, 1, author_id="ada"), told(4, 6, author_id="ada")]
    store.commit("y", "q", Batch((), "c", observed=(span(0, 14),)), wide, bin_width_s=420)
    before = counts(store)
    assert store.purge(before=at(3), dry_run=True) == store.purge(before=at(3)) == 4
    assert counts(store) == before
    store.commit("y", "q", Batch((), "c"), [told(5, 2)], bin_width_s=420)
    assert store.series(SeriesKey("imessage", "y", 420)).observed.tolist()[-1] == 2, "one of them posted twice"


def test_weeks_of_reports(store: Store) -> None:
    pairs = [told(number, number * 13 * HOUR) for number in range(30)]
    commit(store, *pairs, observed=(span(0, 390 * HOUR),))
    before = counts(store)
    assert store.retain(at(390 * HOUR), keep_h=13) == 30 - 1
    assert counts(store) == before
    assert store.facts(KEY, start_at=START, end_at=at(130 * HOUR)).n_reports == 10


def test_posts_beside_counts_go_too(store: Store) -> None:
    store.commit_counts(counted(5, 7, service="imessage"))
    store.commit("x", "posts", Batch((), "c"), [told(1, 0.5)], is_counted=False)
    before, facts = counts(store), store.facts(KEY, start_at=START)
    assert store.retain(at(30), keep_h=0) == 1
    assert counts(store) == before
    assert store.facts(KEY, start_at=START) == facts
    store.commit("x", "posts", Batch((), "c"), [told(1, 0.5), told(2, 0.6)], is_counted=False)
    assert store.facts(KEY, start_at=START).n_reports == 2


def test_uncounted_posts_of_a_source_that_never_counted_anything(store: Store) -> None:
    store.commit("x", "posts", Batch((), "c"), [told(1, 0.5)], is_counted=False)
    assert store.retain(at(30), keep_h=0) == 1
    assert store.facts(KEY, start_at=START).n_reports == 1


def test_an_empty_store_has_nothing_to_settle(store: Store) -> None:
    assert store.retain(at(0)) == 0
    assert store.symptoms().empty


@pytest.mark.parametrize("keep_h", [-1, float("nan")])
def test_hours_below_0_are_refused(store: Store, keep_h: float) -> None:
    with pytest.raises(InputError, match="0 hours or more"):
        store.retain(at(0), keep_h)


def test_tombstones_of_posts_that_never_came_do_not_stay(store: Store) -> None:
    gone = (("test", "canary-id-1"), ("test", "canary-id-2"), ("test", "never came"))
    commit(store, told(1, 5), observed=(span(0, 10),), deleted=gone)
    commit(store, told(2, 5), observed=(span(10, 11),))
    assert [row[1] for row in dump(store)["tombstones"]].count(None) == 2
    store.retain(at(48 * HOUR + 9))
    assert len(dump(store)["tombstones"]) == 3
    store.retain(at(48 * HOUR + 11))
    assert len(dump(store)["tombstones"]) == 2


events = st.lists(
    st.one_of(
        st.tuples(st.just("commit"), st.lists(st.integers(0, 14), max_size=6)),
        st.tuples(st.just("retain"), st.integers(0, 8)),
        st.tuples(st.just("delete"), st.integers(0, 14)),
    ),
    max_size=12,
)


@settings(max_examples=15, deadline=None)
@given(events)
def test_whatever_is_settled_when_and_comes_again_counts_once(happened: list[tuple[str, Any]]) -> None:
    with open_store(":memory:") as settled, open_store(":memory:") as plain:
        for kind, what in happened:
            if kind == "commit":
                pairs = [told(number, number % 5, service="ab"[number % 2]) for number in what]
                for store in (settled, plain):
                    commit(store, *pairs, observed=(span(0, 5),))
            elif kind == "delete":
                for store in (settled, plain):
                    commit(store, deleted=(("test", f"canary-id-{what}"),))
            else:
                settled.retain(at(what), keep_h=0)
        assert counts(settled) == counts(plain)
        for service in "ab":
            key = SeriesKey(service, "x")
            assert settled.facts(key, start_at=START) == plain.facts(key, start_at=START)


# --- requests ---------------------------------------------------------------------------------------------------


def test_an_author_is_found_under_the_name_of_every_day(store: Store) -> None:
    who = {"author_id": "canary author"}
    pairs = [told(1, 1, **who), told(2, 1.5, **who), told(3, DAY, **who), told(4, 5 * DAY, **who), told(5, 1)]
    commit(store, *pairs, observed=(span(0, 2),))
    before = counts(store)
    assert store.purge(author=("test", "canary author"), dry_run=True) == 4
    assert len(store.reports()) == 5
    assert store.purge(author=("other", "canary author")) == 0
    assert store.purge(author=("test", "canary author")) == 4
    assert store.reports()["text"].tolist().count("") == 4
    names = {Pseudonyms(None).author("test", "canary author", micros(at(minute))) for minute in (1, DAY, 5 * DAY)}
    assert not any(str(name) in everything(store) for name in names)
    assert counts(store) == before
    assert store.purge(author=("test", "canary author")) == 0
    commit(store, told(6, 1.7))
    assert store.series(KEY).observed.tolist() == [0, 3], "one voice for the two posts, as before"


def test_an_author_stays_forgotten_and_stays_one_voice(store: Store) -> None:
    who = {"author_id": "canary author"}
    commit(store, told(1, 1, **who), observed=(span(0, 2),))
    assert store.purge(author=("test", "canary author")) == 1
    done = commit(store, told(1, 1, **who), told(2, 1.5, **who))
    assert (done.new_reports, done.duplicates) == (1, 1)
    assert [name for name in PERSONAL if name in everything(store)] == []
    assert store.series(KEY).observed.tolist() == [0, 1]
    assert store.series(KEY).raw.tolist() == [0, 2]


@pytest.mark.parametrize("is_deleted_first", [True, False])
def test_a_deleted_account_on_a_stream(store: Store, *, is_deleted_first: bool) -> None:
    gone = Batch((), "c", deleted_authors=(("test", "canary author 1"), ("test", "never seen")))
    steps: list[Callable[[], object]] = [
        lambda: store.commit("x", "everything", gone, []),
        lambda: commit(store, told(1, 1), observed=(span(0, 2),)),
    ]
    for step in steps if is_deleted_first else reversed(steps):
        step()
    commit(store, told(2, 1.5))
    assert store.reports()["text"].tolist()[0] == ""
    assert [name for name in ("canary-id-1", "canary place 1", "canary city 1") if name in everything(store)] == []
    assert store.series(KEY).observed.tolist() == [0, 2]


def test_deleting_before_and_after_gives_the_same_tables(store: Store) -> None:
    with open_store(":memory:") as other:
        for one, is_first in ((store, True), (other, False)):
            gone = Batch((), "c", deleted_authors=(("test", "canary author 1"),), deleted=(("test", "canary-id-2"),))
            if is_first:
                one.commit("x", "everything", gone, [])
            commit(one, told(1, 1), told(2, 1), told(3, 1), observed=(span(0, 2),))
            if not is_first:
                one.commit("x", "everything", gone, [])
        assert dump(store) == dump(other)


def test_a_post_is_forgotten_on_request(store: Store) -> None:
    commit(store, told(1, 1), told(1, 1, service="outlook"), observed=(span(0, 2),))
    before = counts(store)
    assert store.purge(post=("test", "canary-id-1"), dry_run=True) == 2
    assert "canary-id-1" in everything(store)
    assert store.purge(post=("test", "canary-id-1")) == 2
    assert [name for name in ("canary text", "canary-id", "canary place") if name in everything(store)] == []
    assert counts(store) == before
    assert store.purge(post=("test", "canary-id-1")) == 0


def test_posts_that_are_still_kept_can_be_asked_for_and_forgotten(store: Store) -> None:
    commit(store, told(2, 1), told(1, 1), told(1, 1, service="outlook"), told(3, 9), observed=(span(0, 10),))
    store.commit("y", "q", Batch((), "c"), [told(4, 1)])
    before = counts(store)
    assert store.post_ids("x") == ["canary-id-1", "canary-id-2", "canary-id-3"]
    assert store.forget([("test", "canary-id-1"), ("test", "never seen")]) == 2
    assert store.post_ids("x") == ["canary-id-2", "canary-id-3"]
    store.retain(at(5), keep_h=0)
    assert store.post_ids("x") == ["canary-id-3"]
    assert store.forget([]) == 0
    assert counts(store) == before


@pytest.mark.parametrize(
    "given",
    [{}, {"post": ("test", "1"), "before": START}, {"author": ("test", "")}, {"post": ("", "1")}],
    ids=["none", "two", "no author", "no platform"],
)
def test_a_request_names_one_thing(store: Store, given: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        store.purge(**given)


def test_a_request_with_another_secret_is_refused_and_not_answered_with_0(store_url: str) -> None:
    with open_store(store_url, secret="right") as store:  # noqa: S106
        commit(store, told(1, 1))
    with open_store(store_url, secret="wrong") as store, pytest.raises(StoreError, match="another secret"):  # noqa: S106
        store.purge(author=("test", "canary author 1"), dry_run=True)


# --- the files --------------------------------------------------------------------------------------------------


def forget_authors(store: Store) -> None:
    for number in range(50):
        store.purge(author=("test", f"canary author {number}"))

    gone = tuple(("test", f"canary author {number}") for number in range(50, 300))
    store.commit("x", "everything", Batch((), "c", deleted_authors=gone), [])


def forget_posts(store: Store) -> None:
    commit(store, deleted=tuple(("test", f"canary-id-{number}") for number in range(300)))


@pytest.mark.parametrize(
    "forget",
    [
        lambda store: store.retain(at(300), keep_h=0),
        lambda store: store.purge(before=at(300)),
        forget_authors,
        forget_posts,
    ],
    ids=["retain", "purge before", "purge authors", "delete posts"],
)
def test_nothing_is_left_in_the_files(tmp_path: Path, forget: Callable[[Store], object]) -> None:
    pairs = [told(number, number % 290) for number in range(300)]
    random.Random(3).shuffle(pairs)  # noqa: S311 - so that pages are split, and rows move
    with open_store(tmp_path / "uproar.db") as store:
        for start in range(0, 300, 20):
            commit(store, *pairs[start : start + 20], observed=(span(0, 300),))
        assert left_in(tmp_path) == {"canary text", "canary-id", "canary place", "canary city"}
        before = counts(store)
        forget(store)
        assert left_in(tmp_path) == set()
        assert counts(store) == before


def test_a_reader_that_keeps_the_log_alive_is_told_of(tmp_path: Path) -> None:
    path = tmp_path / "uproar.db"
    with open_store(path, timeout_s=0.05) as store, closing(sqlite3.connect(path, isolation_level=None)) as reader:
        commit(store, told(1, 1))
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM reports").fetchone()
        with pytest.raises(StoreError, match="SQLite's log still holds it"):
            store.purge(post=("test", "canary-id-1"))
        assert len(store.reports()) == 1
        reader.execute("COMMIT")
        assert store.purge(post=("test", "canary-id-1")) == 0
        assert left_in(tmp_path) == set()


def test_a_stream_does_not_wait_for_a_reader_and_tries_again(tmp_path: Path) -> None:
    path = tmp_path / "uproar.db"
    with open_store(path, timeout_s=600) as store, closing(sqlite3.connect(path, isolation_level=None)) as reader:
        commit(store, told(1, 1))
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM reports").fetchone()
        commit(store, deleted=(("test", "canary-id-1"),))
        assert left_in(tmp_path) != set()
        reader.execute("COMMIT")
        commit(store, cursor="next")
        assert left_in(tmp_path) == set()
        commit(store, cursor="after that")
        with store._engine.connect() as connection:
            assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == 600_000
