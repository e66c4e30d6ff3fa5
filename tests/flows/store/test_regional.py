"""Voices by region: the same however reports arrive, and still there when the reports are gone."""

from __future__ import annotations

from functools import partial
from random import Random
from typing import TYPE_CHECKING

import pytest

from detectors.counting import micros
from flows.store import open_store
from tests.flows.store.helpers import KEY, at, commit, dump, pair, span

if TYPE_CHECKING:
    from flows.store import Store
    from tests.flows.store.helpers import Pair

TEXAS = (("US", 1.0), ("US-TX", 1.0), ("metro:4726206", 1.0))
SPLIT = (("US", 0.5), ("GB", 0.5))
PLACES = (TEXAS, SPLIT, (), (("GB", 1.0),))


def located(number: int, minute: float, author: str | None = None) -> Pair:
    return pair(number, minute, author_id=author or f"author-{number}", regions=PLACES[number % 4])


def everywhere(store: Store) -> dict[str, dict[int, float]]:
    return store.region_counts([KEY], start_at=at(-60), end_at=at(6000))


def test_voices_are_counted_by_region_and_bin(store: Store) -> None:
    commit(store, located(0, 0), located(1, 0.5), located(2, 0.6), located(3, 1), observed=(span(0, 2),))
    first, second = micros(at(0)), micros(at(1))
    assert everywhere(store) == {
        "US": {first: 1.5},
        "US-TX": {first: 1.0},
        "metro:4726206": {first: 1.0},
        "GB": {first: 0.5, second: 1.0},
    }
    assert store.region_counts([KEY], start_at=at(1), end_at=at(2)) == {"GB": {second: 1.0}}
    assert store.region_counts([], start_at=at(0), end_at=at(2)) == {}


def test_a_better_report_moves_its_author(store: Store) -> None:
    commit(store, pair(2, 0, author_id="ada", weight=0.5, regions=TEXAS), observed=(span(0, 1),))
    commit(store, pair(1, 0.2, author_id="ada", weight=1.0, regions=(("GB", 1.0),)))
    assert everywhere(store) == {"GB": {micros(at(0)): 1.0}}


def test_any_order_any_batches_and_repetition_give_the_same() -> None:
    random = Random(5)  # noqa: S311 - a shuffle
    pairs = [located(number, random.uniform(0, 20), f"author-{number % 17}") for number in range(80)]
    tables = []
    for size in (80, 7, 1):
        random.shuffle(pairs)
        with open_store(":memory:") as store:
            for start in range(0, len(pairs), size):
                commit(store, *pairs[start : start + size], *pairs[: size // 2])
            tables.append(dump(store)["region_counts"])
    assert tables[0] == tables[1] == tables[2]
    assert len(tables[0]) > 40


def test_after_retention_the_regions_still_count_and_late_reports_are_added(store: Store) -> None:
    pairs = [located(number, number / 3) for number in range(30)]
    commit(store, *pairs[:20], observed=(span(0, 10),))
    assert store.retain(at(30), keep_h=0) == 20
    before = everywhere(store)
    commit(store, *pairs)  # all again, and ten that are new
    with open_store(":memory:") as other:
        commit(other, *pairs)
        assert everywhere(store) == everywhere(other) != before
    assert store.retain(at(30), keep_h=0) == 10
    commit(store, *pairs)
    with open_store(":memory:") as other:
        commit(other, *pairs)
        assert everywhere(store) == everywhere(other)


@pytest.mark.parametrize("gone", ["post", "author"])
def test_a_deleted_report_still_counts_where_it_was(store: Store, gone: str) -> None:
    commit(store, located(0, 0, "ada"), located(3, 0, "bob"))
    before = everywhere(store)
    post = located(0, 0)[0]
    identity = post.platform, post.id if gone == "post" else "ada"
    assert (store.purge(post=identity) if gone == "post" else store.purge(author=identity)) == 1
    commit(store, located(7, 0.5))
    after = everywhere(store)
    assert after["US-TX"] == before["US-TX"]
    assert after["GB"] == {micros(at(0)): 2.0}


def test_the_facts_of_a_region_are_those_of_reports_from_there(store: Store) -> None:
    """Reposts are reports, people are told apart, and who may be elsewhere counts if that is no likelier."""
    commit(
        store,
        pair(1, 1, author_id="ada", regions=TEXAS, symptoms=("messages",)),
        pair(2, 2, author_id="ada", regions=TEXAS, symptoms=("messages", "login")),
        pair(3, 3, author_id=None, regions=TEXAS),
        pair(4, 4, author_id=None, regions=TEXAS, is_repost=True),
        pair(5, 5, author_id="bob", regions=SPLIT, symptoms=("login",)),
        pair(6, 6, author_id="cyd", regions=(("US", 0.4), ("US-TX", 0.4), ("GB", 0.6)), symptoms=("login",)),
        pair(7, 7, author_id="dee", symptoms=("login",)),
        pair(8, 90, author_id="eve", regions=TEXAS),
        observed=(span(0, 100),),
    )
    texas = store.facts(KEY, start_at=at(0), end_at=at(60), region="US-TX")
    assert (texas.n_reports, texas.n_authors, texas.n_naming) == (4, 2, 2)
    assert texas.symptoms == (("messages", 2), ("login", 1))
    assert store.facts(KEY, start_at=at(0), region="US-TX").n_reports == 5
    hour = partial(store.facts, KEY, start_at=at(0), end_at=at(60))
    assert [hour(region=region).n_reports for region in ("US", "GB", "US-T", "")] == [5, 2, 0, 7]


def test_of_a_region_whose_reports_are_gone_the_voices_are_known(store: Store) -> None:
    """And not what they named: only part of the answer would be no answer."""
    commit(store, *(pair(n, n, regions=TEXAS, symptoms=("login",)) for n in range(6)), observed=(span(0, 10),))
    assert store.retain(at(62), keep_h=1) > 0
    left = store.facts(KEY, start_at=at(0), end_at=at(60), region="US-TX")
    assert (left.n_reports, left.n_authors, left.n_naming, left.symptoms) == (6, 6, 0, ())


def test_analysts_get_regions_and_what_is_from_nowhere_as_a_frame(store: Store) -> None:
    assert list(store.regions().columns) == ["service", "source", "bin_width_s", "region", "level", "observed"]
    commit(store, located(0, 0), located(1, 0.5), located(2, 0.6), located(3, 1), observed=(span(0, 2),))
    frame = store.regions("imessage", "x", at(0), at(2))
    assert frame.index.name == "bin_at"
    found = [(row.Index, row.region, row.level, row.observed) for row in frame.itertuples()]
    assert found == [
        (at(0), "", "unlocated", 1.0),
        (at(0), "GB", "country", 0.5),
        (at(0), "US", "country", 1.5),
        (at(0), "US-TX", "subdivision", 1.0),
        (at(0), "metro:4726206", "metro", 1.0),
        (at(1), "GB", "country", 1.0),
    ]
    assert store.regions("outlook").empty
