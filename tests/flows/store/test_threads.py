"""Many threads on one store: nobody is turned away, and every batch is whole."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from detectors.errors import StoreError
from detectors.model import Batch, SeriesKey
from flows.store import Store, open_store
from tests.flows.store.helpers import at, pair, span

if TYPE_CHECKING:
    from collections.abc import Iterator

N_THREADS, N_BATCHES, N_REPORTS = 6, 5, 5


@pytest.fixture(params=["file or server", "memory"])
def shared(request: pytest.FixtureRequest, store: Store) -> Iterator[Store]:
    """Open a store that threads share; one in memory has a single connection."""
    if request.param == "memory":
        with open_store(":memory:") as opened:
            yield opened
    else:
        yield store


def ingest(store: Store, source: str) -> None:
    """Commit batches as the thread of one source does, and read in between."""
    for number in range(N_BATCHES):
        assert store.cursor(source, "q") == (str(number - 1) if number else None)
        first = number * N_REPORTS
        pairs = [pair(first + place, number, platform=source) for place in range(N_REPORTS)]
        gone = ((source, f"post-{first - 1}"),)
        batch = Batch((), str(number), observed=(span(number, number + 1),), deleted=gone)
        assert store.commit(source, "q", batch, pairs, scope=["imessage"]).new_reports == N_REPORTS
        store.note_feed(source, "q", label=source, at=at(number))
        seen = store.series(SeriesKey("imessage", source)).observed.tolist()
        assert seen == [N_REPORTS] * (number + 1), "a batch is seen whole"


def test_threads_commit_for_their_sources_at_once(shared: Store) -> None:
    sources = [f"source-{number}" for number in range(N_THREADS)]
    with ThreadPoolExecutor(N_THREADS) as pool:
        list(pool.map(lambda source: ingest(shared, source), sources))
    assert shared.keys() == [SeriesKey("imessage", source) for source in sources]
    assert len(shared.feeds()) == N_THREADS
    shared.integrity_check()


def test_threads_that_share_a_source_lose_nothing(shared: Store) -> None:
    def commit(number: int) -> int:
        pairs = [pair(number * 3 + place, 0, author_id=f"author-{place}") for place in range(6)]
        batch = Batch((), "c", observed=(span(number, number + 1),))
        return shared.commit("x", f"query {number}", batch, pairs).new_reports

    with ThreadPoolExecutor(N_THREADS) as pool:
        n_new = sum(pool.map(commit, range(12)))
    series = shared.series(SeriesKey("imessage", "x"))
    assert n_new == series.raw[0] == 12 * 3 + 3
    assert series.observed.tolist() == [6] + [0] * 11


def test_a_commit_that_fails_leaves_the_others_alone(shared: Store) -> None:
    shared.commit("x", "q", Batch((), "c", observed=(span(0, 1),)), [pair(1)])

    def commit(number: int) -> str:
        try:
            shared.commit("x", f"q{number}", Batch((), "c"), [pair(number)], bin_width_s=300 if number % 2 else 60)
        except StoreError as error:
            return str(error)
        return ""

    with ThreadPoolExecutor(N_THREADS) as pool:
        said = list(pool.map(commit, range(100, 116)))
    assert ["bins of 60 s" in one for one in said] == [number % 2 == 1 for number in range(16)]
    assert shared.series(SeriesKey("imessage", "x")).raw.tolist() == [9]
