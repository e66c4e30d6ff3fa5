"""Bluesky: what proves that nothing is missing, several instances, events of every kind, hostile ones too."""

from __future__ import annotations

import json
from collections.abc import Generator
from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from detectors.counting import micros
from detectors.errors import InputError, PermanentError, RetryableError
from detectors.matching import Reader
from flows.net import Clock
from flows.sources import bluesky
from flows.sources.base import Bounds, Source
from flows.sources.bluesky import Bluesky
from flows.sources.continuity import MOVED, STOOD_STILL
from flows.sources.jetstream import LARGEST_EVENT_BYTES, POSTS
from flows.steps import Watched, ingest
from flows.store import open_store
from tests.flows.sources.harness import NOW, FakeTime, Made
from tests.flows.sources.loopback import RETRY_AFTER_S, Fault
from tests.flows.sources.platforms.bluesky import PASSWORD, Jetstream, commit, created, did, identity, rkey

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from detectors.model import Batch

SILENT_S = 1.0
"""Until somebody who says nothing is given up; long enough for a busy machine to say what is to be said."""

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


@pytest.fixture
def jetstream() -> Iterator[Jetstream]:
    made = Jetstream()
    yield made
    made.server.close()


@pytest.fixture
def other() -> Iterator[Jetstream]:
    made = Jetstream()
    yield made
    made.server.close()


def made(number: int, seconds: float, **fields: Any) -> Made:
    """Return a post so many seconds before (below 0) or after now."""
    return Made(number, NOW + seconds * SECOND, **fields)


def at_us(seconds: float) -> int:
    return micros(NOW + seconds * SECOND)


def source(time: FakeTime, *instances: Jetstream, stop_s: float | None = None, **fields: Any) -> Bluesky:
    for instance in instances:
        instance.clock = time.clock
    given = {"tries": fields.pop("tries", 2), "timeout_s": fields.pop("timeout_s", 5)}
    bounds = time.bounds(stop_at=None if stop_s is None else NOW + stop_s * SECOND, **given)
    return Bluesky(bounds=bounds, endpoints=[one.endpoint for one in instances], **fields)


def fetch(time: FakeTime, *instances: Jetstream, cursor: str | None = None, **fields: Any) -> list[Batch]:
    return list(source(time, *instances, **fields).fetch(POSTS, cursor))


def seen(seconds: float, endpoint: int = 0) -> str:
    """Return the cursor of a fetch whose last event came then."""
    return json.dumps({"seen_us": at_us(seconds), "endpoint": endpoint, "v": 1})


def numbers(batches: list[Batch]) -> list[int]:
    return [int(post.id[-11:]) for batch in batches for post in batch.posts]


def spans(batches: list[Batch]) -> list[tuple[float, float]]:
    """Return what is vouched for, in seconds before now, joined."""
    found: list[tuple[float, float]] = []
    for batch in batches:
        for span in batch.observed:
            start, end = (span.start_at - NOW).total_seconds(), (span.end_at - NOW).total_seconds()
            if found and found[-1][1] == start:
                found[-1] = (found[-1][0], end)
            else:
                found.append((start, end))
    return found


def gaps(batches: list[Batch]) -> list[tuple[float, float, str]]:
    return [
        ((gap.start_at - NOW).total_seconds(), (gap.end_at - NOW).total_seconds(), gap.reason)
        for batch in batches
        if (gap := batch.gap)
    ]


def test_it_is_a_source() -> None:
    one: Source = Bluesky(bounds=FakeTime().bounds())
    assert isinstance(one, Source)
    assert (one.name, one.label) == ("bluesky", "bluesky")
    assert [query.services for query in one.queries(None)] == [None]


# --- what is asked, and what proves that nothing is missing ------------------------------------------------------


def test_it_asks_for_posts_from_a_little_before_the_last_event(jetstream: Jetstream) -> None:
    time = FakeTime()
    (first,) = fetch(time, jetstream)
    time.at += MINUTE
    fetch(time, jetstream, cursor=first.cursor)
    asked = jetstream.server.asked
    assert [one.path for one in asked] == ["/subscribe"] * 2
    assert [one.get("wantedCollections") for one in asked] == [[POSTS]] * 2
    assert [one.get("maxMessageSizeBytes") for one in asked] == [[str(LARGEST_EVENT_BYTES)]] * 2
    assert [one.get("cursor") for one in asked] == [[str(at_us(-900))], [str(at_us(-10))]]


def test_up_to_the_last_event_and_no_further(jetstream: Jetstream) -> None:
    """An open connection is no proof: the relay behind the server may stand still."""
    jetstream.beat = None
    jetstream.log = [identity(at_us(seconds)) for seconds in (-100, -80, -40, -3)]
    batches = fetch(FakeTime(), jetstream, timeout_s=SILENT_S, tries=1)
    assert spans(batches) == [(-100, -3)]
    assert gaps(batches) == []


def test_a_feed_that_stops_long_ago_has_failed(jetstream: Jetstream) -> None:
    jetstream.beat = None
    jetstream.log = [identity(at_us(seconds)) for seconds in (-100, -80)]
    reading = source(FakeTime(), jetstream, timeout_s=SILENT_S, tries=1).fetch(POSTS, None)
    assert spans([next(reading)]) == [(-100, -80)]
    with pytest.raises(RetryableError, match=r"sent nothing for 1 s"):
        next(reading)


def test_a_server_that_sends_nothing_has_failed(jetstream: Jetstream) -> None:
    """Not even the event that was seen last."""
    jetstream.beat = None
    with pytest.raises(RetryableError, match=r"sent nothing for 1 s"):
        fetch(FakeTime(), jetstream, cursor=seen(-5), timeout_s=SILENT_S, tries=1)


def test_a_cursor_that_was_moved_without_a_word_is_a_gap(jetstream: Jetstream) -> None:
    jetstream.kept = 5 * MINUTE
    jetstream.append(created(made(1, -60), at_us(-60)))
    batches = fetch(FakeTime(), jetstream, cursor=seen(-3600))
    assert gaps(batches) == [(-3600, -300, MOVED)]
    assert spans(batches) == [(-300, 0)]
    assert numbers(batches) == [1]


def test_a_server_that_ignores_cursors_is_found_out(jetstream: Jetstream) -> None:
    """However small the hole: the event that was seen last does not come again."""
    jetstream.kept = timedelta(0)
    batches = fetch(FakeTime(), jetstream, cursor=seen(-30))
    assert gaps(batches) == [(-30, 0, MOVED)]
    assert spans(batches) == []


@pytest.mark.parametrize("kept_s", [36 * 3600, 8 * 3600, 60, 5])
def test_a_cursor_that_is_refused_as_too_old(jetstream: Jetstream, kept_s: int) -> None:
    """It goes on from about the oldest that there is; how old that may be is found by halving."""
    jetstream.beat = 15 * MINUTE
    jetstream.log = [identity(at_us(-3600 * hours)) for hours in range(50, 0, -1)]
    jetstream.kept, jetstream.is_strict = kept_s * SECOND, True
    batches = fetch(FakeTime(), jetstream, cursor=seen(-50 * 3600), quiet=timedelta(hours=2))
    ((start, end, reason),) = gaps(batches)
    assert (start, reason) == (-50 * 3600, MOVED)
    assert -kept_s <= end <= 0
    assert len(jetstream.server.asked) < 20


def test_a_server_that_refuses_the_present_as_too_old(jetstream: Jetstream) -> None:
    jetstream.refusal = (400, b'{"error":"CursorTooOld"}')
    with pytest.raises(RetryableError, match="no longer has what was asked for"):
        fetch(FakeTime(), jetstream, cursor=seen(-60))


def test_a_minute_without_anything_is_a_gap(jetstream: Jetstream) -> None:
    jetstream.beat = None
    jetstream.log = [identity(at_us(seconds)) for seconds in (-300, -250, -189, -150, -95, -34, 0)]
    batches = fetch(FakeTime(), jetstream)
    assert gaps(batches) == [(-250, -189, STOOD_STILL), (-95, -34, STOOD_STILL)]
    assert spans(batches) == [(-300, -250), (-189, -95), (-34, 0)]
    assert gaps(fetch(FakeTime(), jetstream, quiet=2 * MINUTE)) == []


@pytest.mark.parametrize(("n_late", "n_fresh", "is_gap"), [(30, 20, True), (20, 30, False), (19, 0, False)])
def test_a_feed_that_makes_up_for_a_standstill_is_no_outage(
    jetstream: Jetstream, n_late: int, n_fresh: int, *, is_gap: bool
) -> None:
    """Most posts are from minutes ago: their number says nothing about this minute. Some always are, and odd ones."""
    for number in range(n_late):
        jetstream.append(created(made(number, -900), at_us(-60 + number * 0.1)))
    for number in range(n_late, n_late + n_fresh):
        jetstream.append(created(made(number, -51 + number * 0.1), at_us(-50 + number * 0.1)))
    for number, written in enumerate((None, "yesterday", "2026-03-03T12:00:00", 17), start=90):
        jetstream.append(created(made(number, 0), at_us(-40), createdAt=written))
    batches = fetch(FakeTime(), jetstream)
    assert len(numbers(batches)) == n_late + n_fresh + 4
    if is_gap:
        ((_, end, reason),) = gaps(batches)
        assert (end, reason) == (0, "posts came 14 min after they were written")
        assert spans(batches) == []
    else:
        assert gaps(batches) == []
        assert spans(batches)[0][1] == 0


# --- events ------------------------------------------------------------------------------------------------------


def test_a_post(jetstream: Jetstream) -> None:
    """It counts when the server saw it, whatever its author's clock says."""
    jetstream.append(created(made(1, -3600), at_us(-59.5), langs=["pt-BR", "en"], reply={"parent": {}}))
    (batch,) = fetch(FakeTime(), jetstream)
    (post,) = batch.posts
    assert post.id == f"at://{did('somebody')}/{POSTS}/{rkey(1)}"
    assert (post.platform, post.author_id, post.lang) == ("bluesky", did("somebody"), "pt-BR")
    assert (post.created_at, post.created_at.tzinfo) == (NOW - 59.5 * SECOND, UTC)
    assert post.text == made(1, 0).text
    assert not post.is_repost


@pytest.mark.parametrize("langs", [None, "en", [], [7], [""], ["x" * 36], {"en": 1}])
def test_a_language_may_be_anything(jetstream: Jetstream, langs: object) -> None:
    jetstream.append(created(made(1, -5), at_us(-5), langs=langs))
    (batch,) = fetch(FakeTime(), jetstream)
    assert [post.lang for post in batch.posts] == [None]


def test_events_that_are_no_new_posts(jetstream: Jetstream) -> None:
    jetstream.append(created(made(1, -60), at_us(-60)))
    changes: list[dict[str, Any]] = [
        {"operation": "delete"},
        {"operation": "update", "record": {"text": "edited"}},
        {"collection": "app.bsky.feed.repost", "record": {"subject": {}}},
        {"operation": "rewrite"},
    ]
    for number, fields in enumerate(changes, start=1):
        jetstream.append(commit("somebody", number, at_us(-50), **fields))
    jetstream.append({"did": did("one"), "time_us": at_us(-30), "kind": "sync", "sync": {"rev": "3l"}})
    jetstream.append({"did": did("one"), "time_us": at_us(-20), "kind": "commit"})
    (batch,) = fetch(FakeTime(), jetstream)
    assert numbers([batch]) == [1]
    assert batch.deleted == (("bluesky", f"at://{did('somebody')}/{POSTS}/{rkey(1)}"),)
    assert batch.skipped == ()


def test_accounts_that_are_gone_are_passed_on(jetstream: Jetstream) -> None:
    """But not those that are back, or away for technical reasons."""
    states = ["deleted", "takendown", "suspended", "deactivated", "desynchronized", "throttled", None, "active"]
    for number, state in enumerate(states):
        account = {"active": state == "active", "did": did(f"a{number}"), "seq": 1, "time": "2026-03-03T12:00:00Z"}
        told = account | ({} if state in {None, "active"} else {"status": state})
        jetstream.append({"did": did(f"a{number}"), "time_us": at_us(-40), "kind": "account", "account": told})
    jetstream.append({"did": did("a9"), "time_us": at_us(-30), "kind": "account", "account": {"active": "canary"}})
    (batch,) = fetch(FakeTime(), jetstream)
    assert batch.deleted_authors == tuple(("bluesky", did(f"a{number}")) for number in range(4))
    assert batch.skipped == ()


def test_what_is_no_post_is_named_and_the_rest_is_read(jetstream: Jetstream) -> None:
    odd: list[dict[str, Any]] = [{"record": {"text": 7}}, {"record": []}, {"record": {}}, {}, {"rkey": "x" * 500}]
    for number, fields in enumerate(odd, start=1):
        jetstream.append(commit("somebody", number, at_us(-60), **fields))
    for raw in (b"[]", b'{"did":"did:plc:canary"}', b'{"error":"canary"}', b'"canary"', b"17"):
        jetstream.append({"time_us": at_us(-50), "raw": raw})
    jetstream.append(created(made(9, -40), at_us(-40)))
    (batch,) = fetch(FakeTime(), jetstream)
    assert numbers([batch]) == [9]
    assert batch.skipped == (
        *(f"bluesky: at://{did('somebody')}/{POSTS}/{rkey(number)}: not a post" for number in range(1, 5)),
        "bluesky: a post whose address is too long",
        *("bluesky: a message that is no event",) * 5,
    )


@pytest.mark.parametrize(
    "record",
    [b'{"text":"hi","more":' + b"[" * 2000 + b"]" * 2000 + b"}", b'{"text":"\\ud800"}', b'{"text":"\xff"}', b'{"te'],
)
def test_a_record_that_cannot_be_read_does_not_block_the_way(jetstream: Jetstream, record: bytes) -> None:
    """Whoever writes one could else silence the source. Once may be an accident, and is tried again."""
    time = FakeTime()
    bare = commit("somebody", 2, at_us(-50), record=17)
    jetstream.append(created(made(1, -60), at_us(-60)))
    jetstream.append({"time_us": at_us(-50), "raw": json.dumps(bare).encode().replace(b"17}}", record + b"}}")})
    jetstream.append(created(made(3, -40), at_us(-40)))
    batches = fetch(time, jetstream)
    assert set(numbers(batches)) == {1, 3}
    assert [name for batch in batches for name in batch.skipped] == ["bluesky: a message that cannot be decoded"]
    assert len(time.waited_s) == 1
    assert spans(batches)[-1][1] == 0


def test_a_server_that_sends_anything_but_events_is_given_up(jetstream: Jetstream) -> None:
    for _ in range(1_100):
        jetstream.append({"time_us": at_us(-50), "raw": b'{"$type":"message","payload":{}}'})
    with pytest.raises(RetryableError, match="sends something that is no event"):
        fetch(FakeTime(), jetstream, cursor=seen(-60), tries=1)


def test_html_is_called_html(jetstream: Jetstream) -> None:
    jetstream.beat = None
    jetstream.append({"time_us": at_us(-50), "raw": b"<!doctype html><title>canary"})
    with pytest.raises(RetryableError, match=r"sent HTML$"):
        fetch(FakeTime(), jetstream, tries=1)


def test_an_event_from_the_future_does_not_carry_the_cursor_away(jetstream: Jetstream) -> None:
    jetstream.log = [created(made(1, -60), at_us(-60)), created(made(2, 0), at_us(301)), created(made(3, 0), at_us(0))]
    jetstream.beat = None
    (batch,) = fetch(FakeTime(), jetstream)
    assert numbers([batch]) == [1, 3]
    assert batch.skipped == ("bluesky: an event from the future",)
    assert json.loads(batch.cursor)["seen_us"] == at_us(0)


# --- batches, and the end of our time ------------------------------------------------------------------------------


def test_batches_are_bounded_and_their_spans_meet(jetstream: Jetstream) -> None:
    for number in range(95):
        jetstream.append(created(made(number, -600 + number), at_us(-600 + number)))
    batches = fetch(FakeTime(), jetstream, batch_size=30)
    assert [len(batch.posts) for batch in batches] == [30, 30, 30, 5]
    assert spans(batches) == [(-900, 0)]


def test_events_that_are_no_posts_make_a_batch_too(jetstream: Jetstream, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a long catching up is never lost as a whole."""
    monkeypatch.setattr(bluesky, "MOST_EVENTS_A_BATCH", 20)
    batches = fetch(FakeTime(), jetstream)
    assert len(batches) == 3
    assert spans(batches) == [(-900, 0)]


def test_a_fetch_ends(jetstream: Jetstream, monkeypatch: pytest.MonkeyPatch) -> None:
    """After so many events, the next tick has the rest."""
    monkeypatch.setattr(bluesky, "MOST_EVENTS", 10)
    (batch,) = fetch(FakeTime(), jetstream)
    assert spans([batch]) == [(-900, -720)]


def test_it_stops_in_time(jetstream: Jetstream) -> None:
    """Between two events, and while it waits for one."""
    for number in range(30):
        jetstream.append(created(made(number, -600 + number), at_us(-600 + number)))
    time = FakeTime()
    batches = []
    for batch in source(time, jetstream, stop_s=1, batch_size=10).fetch(POSTS, None):
        batches.append(batch)
        time.at += SECOND
    assert numbers(batches) == list(range(10))
    jetstream.beat, jetstream.log = None, [identity(at_us(-500))]
    clock = Clock(_running(0.01), FakeTime().clock.sleep)
    jetstream.clock = clock
    bounds = Bounds(clock, stop_at=NOW + 0.1 * SECOND, timeout_s=60)
    assert numbers(list(Bluesky(bounds=bounds, endpoints=[jetstream.endpoint]).fetch(POSTS, None))) == []
    assert len(jetstream.server.asked) == 2


def test_a_fetch_that_is_abandoned_hangs_up(jetstream: Jetstream) -> None:
    for number in range(30):
        jetstream.append(created(made(number, -600 + number), at_us(-600 + number)))
    reading = source(FakeTime(), jetstream, batch_size=10).fetch(POSTS, None)
    assert isinstance(reading, Generator)
    next(reading)
    assert jetstream.server.n_open == 1
    reading.close()
    jetstream.server.wait_idle()
    assert jetstream.server.n_open == 0


# --- several instances ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [Fault.FORBIDDEN, Fault.UNAVAILABLE, Fault.RESET, Fault.HTML, Fault.BOMB])
def test_another_instance_takes_over(jetstream: Jetstream, other: Jetstream, fault: Fault) -> None:
    """A cursor means the same to each; the one that answered is asked first the next time."""
    for number in range(40):
        other.append(created(made(number, -600 + number), at_us(-600 + number)))
    jetstream.server.fail(fault)
    time = FakeTime()
    batches = fetch(time, jetstream, other, cursor=seen(-700))
    assert numbers(batches) == list(range(40))
    assert json.loads(batches[-1].cursor)["endpoint"] == 1
    time.at += MINUTE
    n_asked = len(jetstream.server.asked)
    assert gaps(fetch(time, jetstream, other, cursor=batches[-1].cursor)) == []
    assert len(jetstream.server.asked) == n_asked


def test_in_the_middle_too(jetstream: Jetstream, other: Jetstream) -> None:
    for number in range(60):
        for late_us, instance in ((0, jetstream), (700_000, other)):
            instance.append(created(made(number, -600 + number), at_us(-600 + number) + late_us))
    jetstream.server.fail(Fault.UNAVAILABLE, after=2)
    batches = fetch(FakeTime(), jetstream, other)
    assert set(numbers(batches)) == set(range(60))
    assert gaps(batches) == []
    assert spans(batches)[-1][1] == 0


def test_only_when_all_refuse_is_it_permanent(jetstream: Jetstream, other: Jetstream) -> None:
    jetstream.server.fail(Fault.FORBIDDEN)
    other.server.fail(Fault.NOT_FOUND)
    with pytest.raises(PermanentError, match=r"\(2 of 2\) answered 404"):
        fetch(FakeTime(), jetstream, other)
    with pytest.raises(RetryableError, match=r"\(1 of 2\) answered 403"):
        fetch(FakeTime(), jetstream, other, tries=1)


def test_the_wait_that_is_asked_for_is_kept(jetstream: Jetstream, other: Jetstream) -> None:
    """Going to the next instance of the same operator at once would be no answer to "slower, please"."""
    jetstream.server.fail(Fault.LIMITED_UNTIL)
    time = FakeTime()
    fetch(time, jetstream, other)
    assert time.waited_s[0] >= RETRY_AFTER_S


@pytest.mark.parametrize("status", [301, 302, 308, 400])
def test_a_refusal_that_nobody_expects(jetstream: Jetstream, status: int) -> None:
    jetstream.refusal = (status, b"canary")
    with pytest.raises(PermanentError, match=f"answered {status}") as caught:
        fetch(FakeTime(), jetstream)
    assert "canary" not in str(caught.value)


def test_nobody_listens() -> None:
    gone = Jetstream()
    gone.server.close()
    with pytest.raises(RetryableError, match="connection failed") as caught:
        fetch(FakeTime(), gone)
    assert "127.0.0.1" not in str(caught.value)


def test_a_proxy_that_cannot_be_used(jetstream: Jetstream, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether the library for it is there or not."""
    monkeypatch.setenv("socks_proxy", f"socks5://u:{PASSWORD}@127.0.0.1:9")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(RetryableError, match="connection failed") as caught:
        fetch(FakeTime(), jetstream)
    assert PASSWORD not in str(caught.value)


@pytest.mark.parametrize("address", ["", "https://host", "wss://", "host", f"ws://u:{PASSWORD}@h:port", "wss://[::1"])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(InputError, match="wss://") as caught:
        Bluesky(bounds=FakeTime().bounds(), endpoints=[address])
    assert PASSWORD not in str(caught.value)


def test_no_instance_is_refused() -> None:
    with pytest.raises(InputError, match="no Jetstream"):
        Bluesky(bounds=FakeTime().bounds(), endpoints=[])


# --- with a store --------------------------------------------------------------------------------------------------


def test_what_two_instances_bring_counts_once(jetstream: Jetstream, other: Jetstream, tmp_path: Path) -> None:
    """They see a post at different times; the first one counts."""
    for number in range(10):
        for late_us, instance in ((0, jetstream), (900_000, other)):
            instance.append(created(made(number, -9 + number, author=f"a{number}"), at_us(-9 + number) + late_us))
    with open_store(tmp_path / "store.db") as store:
        time = FakeTime()
        first = ingest(store, source(time, jetstream), Reader(), Watched())
        time.at += MINUTE
        jetstream.server.fail(Fault.UNAVAILABLE)
        second = ingest(store, source(time, jetstream, other), Reader(), Watched())
        assert first.posts == first.reports == 10
        assert second.posts > 0
        assert second.reports == 0
        assert len(store.reports()) == 10


def _running(step_s: float) -> Any:
    """Return a clock that moves on whenever it is read."""
    at = [NOW]

    def now() -> Any:
        at[0] += step_s * SECOND
        return at[0]

    return now
