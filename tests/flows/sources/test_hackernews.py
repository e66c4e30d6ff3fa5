"""Hacker News: slices, a full second, an index that stands still, hits that are none."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from detectors.errors import RetryableError
from flows.sources.base import Source
from flows.sources.hackernews import INDEXING_LAG_S, QUIET_S, HackerNews
from tests.flows.sources.harness import NOW, FakeTime, Made
from tests.flows.sources.loopback import Told
from tests.flows.sources.platforms.hackernews import PLATFORM, item

if TYPE_CHECKING:
    from collections.abc import Iterator

    from detectors.model import Batch

SECOND = timedelta(seconds=1)
LAG, QUIET = timedelta(seconds=INDEXING_LAG_S), timedelta(seconds=QUIET_S)


@pytest.fixture
def platform() -> Iterator[PLATFORM]:
    made = PLATFORM()
    yield made
    made.close()


def fetch(platform: PLATFORM, time: FakeTime | None = None, cursor: str | None = None) -> list[Batch]:
    return list(platform.source((time or FakeTime()).bounds()).fetch("", cursor))


def spans(batches: list[Batch]) -> list[tuple[float, float]]:
    """Return what is vouched for, joined, in seconds before now."""
    found: list[tuple[float, float]] = []
    for batch in batches:
        for span in batch.observed:
            start, end = (span.start_at - NOW).total_seconds(), (span.end_at - NOW).total_seconds()
            if found and found[-1][1] == start:
                found[-1] = (found[-1][0], end)
            else:
                found.append((start, end))
    return found


def raw(seconds_ago: float, **fields: Any) -> dict[str, Any]:
    return item(Made(1, NOW - seconds_ago * SECOND)) | fields


def test_it_is_a_source() -> None:
    source: Source = HackerNews(bounds=FakeTime().bounds())
    assert isinstance(source, Source)
    assert (source.name, source.label) == ("hackernews", "hackernews")
    assert [query.services for query in source.queries(None)] == [None]


def test_html_becomes_text(platform: PLATFORM) -> None:
    platform.items = [
        raw(200, objectID="1", comment_text="I&#x27;m <i>down</i> too<p>503 &amp; 504"),
        raw(190, objectID="2", comment_text=None, title="Is C++ &lt;vector&gt; down? <b>", story_text="<p>Since noon"),
    ]
    (batch,) = fetch(platform)
    assert [post.text for post in batch.posts] == ["I'm down too\n503 & 504", "Is C++ <vector> down? <b>\nSince noon"]


def test_what_was_deleted_is_passed_over_and_what_is_no_item_is_named(platform: PLATFORM) -> None:
    platform.items = [
        raw(200, objectID="1", comment_text=None, author=None),
        raw(190, objectID=17),
        raw(180, objectID="", comment_text="canary"),
        raw(170, objectID="4", author=None),
    ]
    (batch,) = fetch(platform)
    assert [(post.id, post.author_id) for post in batch.posts] == [("4", None)]
    assert batch.skipped == ("hackernews: hit 2 of 4: not an item", "hackernews: hit 3 of 4: not an item")


def test_the_last_two_minutes_are_read_but_not_vouched_for(platform: PLATFORM) -> None:
    platform.publish([Made(number, NOW - number * 20 * SECOND) for number in range(7)])
    (batch,) = fetch(platform)
    assert len(batch.posts) == 7
    assert spans([batch]) == [(-900, -INDEXING_LAG_S)]


def test_an_item_that_is_found_late_is_read_by_the_next_fetch(platform: PLATFORM) -> None:
    time = FakeTime()
    platform.publish([Made(1, NOW - 10 * SECOND)])
    (batch,) = fetch(platform, time)
    platform.publish([Made(2, NOW - LAG - 170 * SECOND)])
    time.at += timedelta(minutes=1)
    posts = [post.id for batch in fetch(platform, time, batch.cursor) for post in batch.posts]
    assert posts == ["40000002", "40000001"]


def test_an_index_that_stands_still_is_not_silence(platform: PLATFORM) -> None:
    """Ten minutes without an item are vouched for only once a newer one shows that the index is alive."""
    time = FakeTime()
    platform.publish([Made(1, NOW - 800 * SECOND)])
    (first,) = fetch(platform, time)
    assert spans([first]) == [(-900, -800 + QUIET_S)]
    time.at += timedelta(minutes=1)
    assert not [batch for batch in fetch(platform, time, first.cursor) if batch.observed]
    platform.publish([Made(2, NOW + 30 * SECOND)])
    time.at += timedelta(minutes=1)
    (second,) = fetch(platform, time, first.cursor)
    assert spans([second]) == [(-800 + QUIET_S, 0)]


def test_nothing_at_all_is_no_proof_of_anything(platform: PLATFORM) -> None:
    assert fetch(platform) == []


def test_slices_are_halved_until_an_answer_is_whole(platform: PLATFORM) -> None:
    platform.publish([Made(number, NOW - (800 - number) * SECOND) for number in range(40)])
    batches = fetch(platform)
    assert [post.id for batch in batches for post in batch.posts] == [str(40_000_000 + n) for n in range(40)]
    assert all(len(batch.posts) < platform.page_size for batch in batches)
    assert spans(batches) == [(-900, -761 + QUIET_S)]


def test_a_full_second_is_a_gap(platform: PLATFORM) -> None:
    platform.publish([Made(number, NOW - 500 * SECOND) for number in range(platform.page_size)])
    platform.publish([Made(100, NOW - 499 * SECOND)])
    batches = fetch(platform)
    (gap,) = [batch.gap for batch in batches if batch.gap]
    assert (gap.start_at, gap.end_at) == (NOW - 500 * SECOND, NOW - 499 * SECOND)
    assert "1,000 items of a second" in gap.reason
    assert spans(batches) == [(-900, -500), (-499, -499 + QUIET_S)]
    assert sum(len(batch.posts) for batch in batches) == platform.page_size + 1


def test_a_full_second_that_is_read_again_is_no_gap_yet(platform: PLATFORM) -> None:
    """Within the index's lag it is too early to say; the next fetch begins before it."""
    time = FakeTime()
    platform.publish([Made(number, NOW - 50 * SECOND) for number in range(platform.page_size)])
    batches = fetch(platform, time)
    assert not [batch for batch in batches if batch.gap]
    assert spans(batches) == [(-900, -INDEXING_LAG_S)]
    time.at += timedelta(minutes=5)
    assert [batch.gap for batch in fetch(platform, time, batches[-1].cursor) if batch.gap]


def test_when_time_runs_out_the_rest_is_for_the_next_fetch(platform: PLATFORM) -> None:
    """A slice that was read is vouched for; the slices after it are not."""
    time = FakeTime()
    platform.publish([Made(number, NOW - (7000 - number) * SECOND) for number in range(5)])
    bounds = time.bounds(stop_at=NOW + SECOND)
    source = HackerNews(bounds=bounds, base_url=platform.server.url)
    cursor = msgspec.json.encode({"until_s": int(NOW.timestamp()) - 7200, "v": 1}).decode()
    batches = []
    for batch in source.fetch("", cursor):
        batches.append(batch)
        time.at += SECOND
    assert len(batches) == 1
    assert len(platform.server.asked) == 1
    assert spans(batches)[0][0] == -7200
    assert [post.id for batch in fetch(platform, cursor=batches[-1].cursor) for post in batch.posts] == [
        str(40_000_000 + number) for number in range(5)
    ]


@pytest.mark.parametrize(
    "body",
    [
        {"message": "canary"},
        {"hits": "canary", "hitsPerPage": 3},
        {"hits": [], "hitsPerPage": 0},
        ["canary"],
        {"hits": [raw(2000)], "hitsPerPage": 1000},
    ],
)
def test_an_answer_to_another_question_is_refused(platform: PLATFORM, body: object) -> None:
    platform.server.respond = lambda _: Told(json.dumps(body).encode())
    with pytest.raises(RetryableError, match="Hacker News") as caught:
        fetch(platform)
    assert "canary" not in str(caught.value)


def test_an_estimate_of_the_hits_is_not_believed(platform: PLATFORM) -> None:
    """``nbHits`` may be far off for a large index; only a full page or an exact number says that there is more."""
    hits = [raw(200)]
    estimate = {"hits": hits, "hitsPerPage": 1000, "nbHits": 5000, "exhaustiveNbHits": False}
    platform.server.respond = lambda _: Told(json.dumps(estimate).encode())
    (batch,) = fetch(platform)
    assert len(batch.posts) == 1
    assert len(platform.server.asked) == 1
