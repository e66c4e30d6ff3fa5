"""Nobody can be traced, what is taken back is gone, and hostile text is only text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from detectors.errors import StoreError
from detectors.model import Batch, Geo
from flows.store import Store, open_store
from flows.store.privacy import Pseudonyms, key_text, storable
from tests.builders import post
from tests.flows.store.helpers import KEY, at, commit, dump, pair, span

if TYPE_CHECKING:
    from pathlib import Path

DAY = 24 * 60
CANARY = "canary in the coal mine"
RIGHT, WRONG = "right-canary", "wrong-canary"


def authors(store: Store) -> list[str]:
    return store.reports()["author"].tolist()


def test_authors_are_pseudonyms_that_change_daily(store: Store) -> None:
    who: dict[str, Any] = {"author_id": "ada"}
    commit(store, pair(1, 1, **who), pair(2, DAY - 1, **who), pair(3, DAY, **who), pair(4, 2, author_id="bob"))
    first, bob, same_day, next_day = authors(store)
    assert first == same_day
    assert len({first, bob, next_day}) == 3
    assert "ada" not in repr(dump(store))


def test_equal_names_on_two_platforms_are_two_people(store: Store) -> None:
    commit(store, pair(1, author_id="ada"), pair(2, author_id="ada", platform="other"))
    assert len(set(authors(store))) == 2


@pytest.mark.parametrize("author_id", [None, ""])
def test_nameless_posts_are_voices_of_their_own(store: Store, author_id: str | None) -> None:
    commit(store, pair(1, author_id=author_id), pair(2, author_id=author_id), observed=(span(0, 1),))
    assert store.series(KEY).observed.tolist() == [2]


def test_pseudonyms_depend_on_the_secret_only() -> None:
    one, again, other, none = (Pseudonyms(secret) for secret in ("s", "s", "t", None))
    assert one.author("x", "ada", 0) == again.author("x", "ada", 0)
    assert len({names.author("x", "ada", 0) for names in (one, other, none)}) == 3
    assert one.post("x", "1") != other.post("x", "1")


def test_more_days_than_are_remembered() -> None:
    names = Pseudonyms(None)
    day_us = 86_400_000_000
    first = [names.author("x", "ada", day * day_us) for day in range(200)]
    assert len(set(first)) == 200
    assert [names.author("x", "ada", day * day_us) for day in range(200)] == first


def test_another_secret_is_refused(url: str) -> None:
    with open_store(url, secret=RIGHT) as store:
        commit(store, pair(1))
    with open_store(url, secret=WRONG) as store, pytest.raises(StoreError, match="another secret") as caught:
        commit(store, pair(2))
    assert "canary" not in str(caught.value)
    with open_store(url, secret=RIGHT) as store:
        assert commit(store, pair(2)).new_reports == 1


# --- deletions -----------------------------------------------------------------------------------------------


def test_a_deleted_post_is_gone_and_its_count_stays(store: Store) -> None:
    told: dict[str, Any] = {"text": CANARY, "user_location": CANARY, "geo": Geo(city=CANARY)}
    commit(store, pair(1, **told), pair(2), observed=(span(0, 1),))
    commit(store, deleted=(("test", "post-1"), ("test", "never seen")))
    assert CANARY not in repr(dump(store))
    assert "post-1" not in repr(dump(store))
    assert store.series(KEY).observed.tolist() == [2]
    commit(store, pair(3, 0.5))
    assert store.series(KEY).observed.tolist() == [3]


def test_a_deleted_post_that_comes_again_stays_gone(store: Store) -> None:
    commit(store, pair(1, text=CANARY), observed=(span(0, 1),))
    commit(store, deleted=(("test", "post-1"),))
    before = dump(store)
    again = commit(store, pair(1, text=CANARY))
    assert (again.new_reports, again.duplicates) == (0, 1)
    assert dump(store) == before


def test_a_deletion_that_comes_before_its_post(store: Store) -> None:
    commit(store, deleted=(("test", "post-1"),))
    commit(store, pair(1, text=CANARY), observed=(span(0, 1),))
    assert CANARY not in repr(dump(store))
    assert store.series(KEY).observed.tolist() == [1]


def test_a_deleted_text_is_not_left_in_the_files(tmp_path: Path) -> None:
    with open_store(tmp_path / "uproar.db") as store:
        commit(store, *(pair(number, number, text=f"{CANARY} {number} " * (20 + number * 5)) for number in range(200)))
        assert any(CANARY.encode() in file.read_bytes() for file in tmp_path.iterdir())
        commit(store, deleted=tuple(("test", f"post-{number}") for number in range(200)))
        left = {file.name for file in tmp_path.iterdir() if CANARY.encode() in file.read_bytes()}
    assert left == set()


# --- hostile text --------------------------------------------------------------------------------------------

HOSTILE = ["\x00", "a\x00b", "\ud800", "\udc00\ud800", "e" * 50_000, "'; DROP TABLE reports; --", "\u202e\u200b", "😀"]


@pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_is_kept_as_text(store: Store, hostile: str) -> None:
    fields: dict[str, Any] = {"text": hostile, "user_location": hostile, "geo": Geo(city=hostile), "lang": hostile}
    commit(store, pair(1, author_id=hostile, symptoms=(hostile,), **fields), observed=(span(0, 1),))
    assert store.reports()["text"].tolist() == [storable(hostile)]
    assert store.facts(KEY, start_at=post().created_at).symptoms == ((storable(hostile), 1),)
    assert store.retain(at(1), keep_h=0) == 1
    assert store.facts(KEY, start_at=post().created_at).symptoms == ((key_text(hostile), 1),)


@pytest.mark.parametrize("hostile", ["\x00", "\ud800", "😀" * 512, "'"], ids=range(4))
def test_hostile_ids_are_told_apart(store: Store, hostile: str) -> None:
    posts = [(post(text="down", platform="test"), pair(1)[1])]
    pairs = [
        (type(one)(hostile + end, hostile, one.created_at, one.text), report) for one, report in posts for end in "ab"
    ]
    assert commit(store, *pairs).new_reports == 2
    assert commit(store, *pairs).duplicates == 2
    commit(store, deleted=((hostile, hostile + "a"),))
    assert store.reports()["text"].tolist().count("") == 1


def test_surrogate_pairs_become_the_character_they_mean() -> None:
    assert storable("\ud83d\ude00") == "😀"
    assert storable("plain") == "plain"


def test_a_long_cursor_query_is_told_apart(store: Store) -> None:
    for end in "ab":
        store.commit("x", "q" * 5000 + end, Batch((), end), [])
    assert [store.cursor("x", "q" * 5000 + end) for end in "ab"] == ["a", "b"]
    assert len(key_text("q" * 5000).encode()) <= 256
