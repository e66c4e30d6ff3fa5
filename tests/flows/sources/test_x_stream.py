"""X's filtered stream: its rules, what comes over it, and everything that ends it."""

from __future__ import annotations

import re
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from detectors.errors import InputError, PermanentError, RetryableError
from detectors.reference import catalogue
from flows.sources.base import Source
from flows.sources.x_stream import BLOCK, TAG, XStream
from flows.sources.x_terms import XAccount
from tests.flows.sources.harness import NOW, Made
from tests.flows.sources.platforms.x import TOKEN, Book, record
from tests.flows.sources.x_stream_server import BREAK, HANG_UP, RunningTime, StreamServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from detectors.model import Batch
    from flows.sources.base import Bounds

BLANK = b"\r\n"
FAST = 120.0


@pytest.fixture
def server() -> Iterator[StreamServer]:
    made = StreamServer()
    yield made
    made.close()


@pytest.fixture
def book() -> Book:
    return Book()


class Listening:
    """A stream that is listened to as the pipeline does it."""

    def __init__(self, server: StreamServer, book: Book, bounds: Bounds, **given: Any) -> None:
        given.setdefault("silence_s", 3000.0)
        self.source = XStream(XAccount(TOKEN, book, base_url=server.url), bounds, **given)
        (self.query,) = self.source.queries([catalogue()["imessage"], catalogue()["netflix"]])
        self.cursor: str | None = None
        self.batches: list[Batch] = []

    def listen(self) -> Listening:
        for batch in self.source.fetch(self.query.text, self.cursor):
            self.cursor = batch.cursor
            self.batches.append(batch)
        return self

    @property
    def ids(self) -> list[str]:
        return [post.id for batch in self.batches for post in batch.posts]

    @property
    def gaps(self) -> list[str]:
        return [batch.gap.reason for batch in self.batches if batch.gap]


def message(number: int, **fields: Any) -> dict[str, Any]:
    made = record(Made(number, NOW + timedelta(seconds=number)), **fields)
    return {"data": made, "matching_rules": [{"id": "1", "tag": TAG + "x"}]}


def ids(*numbers: int) -> list[str]:
    return [message(number)["data"]["id"] for number in numbers]


def test_what_is_posted_comes_and_is_vouched_for(server: StreamServer, book: Book) -> None:
    """In their order; the time while it was alive, less the delivery lag, is vouched for; what came is paid for."""
    server.scripts.put([message(1), BLANK, message(2), *([0.03, BLANK] * 20)])
    time = RunningTime(FAST)
    heard = Listening(server, book, time.bounds(stop_s=60), listen_s=600).listen()
    assert isinstance(heard.source, Source)
    assert heard.ids == ids(1, 2)
    assert heard.gaps == []
    spans = [span for batch in heard.batches for span in batch.observed]
    assert all(one.end_at == other.start_at for one, other in pairwise(spans))
    assert NOW <= spans[0].start_at < spans[-1].end_at <= time.clock.now() - timedelta(seconds=10)
    assert spans[-1].end_at > NOW + timedelta(seconds=10)
    assert book.spent_usd == pytest.approx(2 * 0.005)
    assert "geo.place_id" in server.params[0]
    assert "author_id" not in server.params[0].partition("expansions=")[2].partition("&")[0]


def test_nothing_is_vouched_for_without_signs_of_life(server: StreamServer, book: Book) -> None:
    """A connection that is accepted and then says nothing is no quiet service: it is dead."""
    heard = Listening(server, book, RunningTime(100).bounds(), listen_s=10_000, silence_s=20)
    with pytest.raises(RetryableError, match="no sign of life"):
        heard.listen()
    assert server.n_connections == 6
    assert not any(batch.observed for batch in heard.batches)
    assert book.spent_usd == 0


def test_a_silent_connection_is_dropped_by_its_time_out(server: StreamServer, book: Book) -> None:
    """The same, by the time of the world: no byte for ``silence_s`` breaks the connection."""
    heard = Listening(server, book, RunningTime(0.001).bounds(), silence_s=0.05)
    with pytest.raises(RetryableError, match=r"did not answer in time|connection failed"):
        heard.listen()


@pytest.mark.parametrize("end", [HANG_UP, BREAK])
def test_a_reconnect_is_a_gap(server: StreamServer, book: Book, end: object) -> None:
    """What was posted between two connections is unknown, and what came before stays."""
    server.scripts.put([message(1), *([0.03, BLANK] * 5), end])
    server.scripts.put([message(2), *([0.03, BLANK] * 30)])
    heard = Listening(server, book, RunningTime(FAST).bounds(), listen_s=60).listen()
    assert heard.ids == ids(1, 2)
    (gap,) = [batch.gap for batch in heard.batches if batch.gap]
    assert re.search(r"X closed the stream|the connection failed", gap.reason)
    spans = [span for batch in heard.batches for span in batch.observed]
    assert gap.start_at < gap.end_at
    assert not any(span.start_at < gap.end_at and gap.start_at < span.end_at for span in spans)
    assert any(span.end_at == gap.start_at for span in spans)
    assert any(span.start_at == gap.end_at for span in spans)


def test_the_time_between_two_fetches_is_a_gap(server: StreamServer, book: Book) -> None:
    """A stream has no memory; the first fetch of all begins without a gap."""
    for _ in range(2):
        server.scripts.put([message(1), *([0.03, BLANK] * 20)])
    time = RunningTime(FAST)
    heard = Listening(server, book, time.bounds(), listen_s=25).listen()
    assert heard.gaps == []
    time.clock.sleep(3600)
    heard.listen()
    (gap,) = [batch.gap for batch in heard.batches if batch.gap]
    assert gap.end_at - gap.start_at > timedelta(hours=1)
    assert heard.gaps == ["nobody listened to X's stream"]


def test_batches_come_in_time_and_are_bounded(server: StreamServer, book: Book) -> None:
    """At most 500 posts, and no post waits for more."""
    server.scripts.put([*(message(number) for number in range(1200)), BLANK, *([0.03, BLANK] * 20)])
    heard = Listening(server, book, RunningTime(20).bounds(), listen_s=20).listen()
    assert heard.ids == ids(*range(1200))
    assert max(len(batch.posts) for batch in heard.batches) == 500
    assert book.spent_usd == pytest.approx(1200 * 0.005)


def test_rules_are_made_kept_and_removed(server: StreamServer, book: Book) -> None:
    """Ours become what is wanted; others' are left alone; nothing changes where nothing has to."""
    foreign = {"id": "7", "value": "cats", "tag": "pets"}
    stale = {"id": "8", "value": "(old) (down)", "tag": TAG + "0123"}
    untagged = {"id": "9", "value": "dogs"}
    server.rules = [foreign, stale, untagged]
    heard = Listening(server, book, RunningTime(FAST).bounds(), listen_s=1).listen()
    ours = [rule for rule in server.rules if rule not in (foreign, untagged)]
    assert [rule["tag"].startswith(TAG) for rule in ours] == [True, True]
    assert sum("imessage" in rule["value"] for rule in ours) == 1
    assert sum("netflix" in rule["value"] for rule in ours) == 1
    assert foreign in server.rules
    assert untagged in server.rules
    changes = server.n_rule_changes
    heard.listen()
    assert server.n_rule_changes == changes == 2


def test_rules_that_are_refused(server: StreamServer, book: Book) -> None:
    """It says what X says; a rule that is there already is no trouble."""
    server.refused_titles = ["UnprocessableEntity"]
    heard = Listening(server, book, RunningTime(FAST).bounds(), listen_s=1)
    with pytest.raises(PermanentError, match=r"does not take all of the 2 rules for its stream: UnprocessableEntity"):
        heard.listen()
    server.refused_titles = ["DuplicateRule"]
    heard.listen()
    assert server.n_connections == 1


@pytest.mark.parametrize(
    ("status", "headers", "kind", "said"),
    [
        (401, {}, PermanentError, "401: it does not accept the credentials"),
        (402, {}, PermanentError, "402: payment is due"),
        (403, {}, PermanentError, "403"),
        (404, {}, PermanentError, "404"),
        (429, {"x-rate-limit-reset": str(int(NOW.timestamp()) + 900)}, RetryableError, "429"),
        (503, {}, RetryableError, "503"),
        (204, {}, RetryableError, "204 where a stream was wanted"),
    ],
)
def test_a_connection_that_is_refused(
    server: StreamServer, status: int, headers: dict[str, str], kind: type[Exception], said: str
) -> None:
    """Named, without a secret; nothing is spent, and nothing claimed."""
    book = Book()
    server.statuses = [(status, headers)] * 2
    heard = Listening(server, book, RunningTime().bounds(), listen_s=5)
    with pytest.raises(kind, match=said) as caught:
        heard.listen()
    assert TOKEN not in repr(caught.value)
    assert heard.batches == []
    assert book.spent_usd == 0
    if headers:
        assert isinstance(caught.value, RetryableError)
        assert caught.value.retry_at == NOW + timedelta(seconds=900)
        assert server.n_connections == 1


def test_a_stream_that_is_packed_wrongly(server: StreamServer, book: Book) -> None:
    """Connected to again, a few times, and then given up for this fetch."""
    server.statuses = [(200, {"Content-Encoding": "gzip"})] * 6
    heard = Listening(server, book, RunningTime().bounds(), listen_s=600)
    with pytest.raises(RetryableError, match="packed wrongly"):
        heard.listen()
    assert heard.ids == []
    assert server.n_connections == 6


def test_a_connection_that_is_refused_once(server: StreamServer, book: Book) -> None:
    """Tried again by the one retry layer."""
    server.statuses = [(503, {})]
    server.scripts.put([message(1)])
    heard = Listening(server, book, RunningTime(FAST).bounds(), listen_s=20).listen()
    assert heard.ids == ids(1)
    assert server.n_connections == 2


def test_what_x_says_when_it_hangs_up(server: StreamServer, book: Book) -> None:
    """An operational disconnect is followed by a new connection; the used-up quota is final."""
    server.scripts.put(
        [{"errors": [{"title": "operational-disconnect", "disconnect_type": "UpstreamOperationalDisconnect"}]}]
    )
    server.scripts.put([{"title": "UsageCapExceeded", "type": "https://api.twitter.com/2/problems/usage-capped"}])
    heard = Listening(server, book, RunningTime(FAST).bounds(), listen_s=600)
    with pytest.raises(PermanentError, match="what may be read is used up"):
        heard.listen()
    assert heard.gaps == ["X ended the stream (UpstreamOperationalDisconnect)"]


def test_lines_that_are_no_posts(server: StreamServer, book: Book) -> None:
    """Counted by name, never fatal, never told; new kinds of messages are passed over."""
    words = "words of somebody"
    bad = {"data": {"id": "5", "text": words}}
    server.scripts.put(
        [words.encode() + BLANK, b"[" * 50_000 + BLANK, b"[]\r\n", bad, {"system": {}}, {"errors": 3}, message(1)]
    )
    heard = Listening(server, book, RunningTime(FAST).bounds(), listen_s=20).listen()
    assert heard.ids == ids(1)
    skipped = [text for batch in heard.batches for text in batch.skipped]
    assert len(skipped) == 4
    assert not any(words in text for text in skipped)


def test_a_line_without_end_is_cut_off(server: StreamServer, book: Book) -> None:
    """Memory stays bounded, whatever comes."""
    server.scripts.put([b"x" * 100_000] * 11)
    heard = Listening(server, book, RunningTime().bounds(), listen_s=60)
    with pytest.raises(PermanentError, match="a line of more than 1 MB"):
        heard.listen()


def test_the_budget_ends_the_stream(server: StreamServer) -> None:
    """A block is booked before it can come; the posts that were paid for are handed on."""
    book = Book(limit_usd=BLOCK * 0.005)
    server.scripts.put([*(message(number) for number in range(150)), BLANK])
    heard = Listening(server, book, RunningTime(FAST).bounds(), listen_s=60)
    with pytest.raises(PermanentError, match="budget"):
        heard.listen()
    assert heard.ids == ids(*range(BLOCK))
    assert book.spent_usd == pytest.approx(0.5)
    again = Listening(server, book, RunningTime(FAST).bounds(), listen_s=60)
    with pytest.raises(PermanentError, match="budget"):
        again.listen()
    assert server.n_connections == 1


def test_a_consumer_that_stops_hangs_up(server: StreamServer, book: Book) -> None:
    """Closing the generator ends the connection and its thread, and gives back what was not used."""
    server.scripts.put([*(message(number) for number in range(600)), *([0.03, BLANK] * 100)])
    heard = Listening(server, book, RunningTime().bounds(), listen_s=600)
    fetched = heard.source.fetch(heard.query.text, None)
    assert len(next(iter(fetched)).posts) == 500
    fetched.close()  # type: ignore[attr-defined]
    assert book.spent_usd == pytest.approx(2.5)


def test_when_it_is_over_nothing_is_asked(server: StreamServer, book: Book) -> None:
    heard = Listening(server, book, RunningTime().bounds(stop_s=0)).listen()
    assert heard.batches == []
    assert server.n_rule_changes == server.n_connections == 0


def test_what_is_not_ours_is_refused(server: StreamServer, book: Book) -> None:
    """Queries of another object, cursors of another feed, and X itself."""
    heard = Listening(server, book, RunningTime().bounds())
    with pytest.raises(InputError, match="only this object's own queries"):
        list(heard.source.fetch("1 rules 0", None))
    with pytest.raises(InputError, match="the stored cursor is not one of this feed"):
        list(heard.source.fetch(heard.query.text, '{"feed":"x-counts","until_at":"2026-03-03T00:00:00Z","v":1}'))
    with pytest.raises(InputError, match="X may not be asked about itself"):
        heard.source.queries([catalogue()["x"]])
    assert heard.source.queries([]) == ()
    (whole,) = heard.source.queries(None)
    assert set(whole.services or ()) == set(catalogue()) - {"x"}
    assert len(whole.text) < 100
