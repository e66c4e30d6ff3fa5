"""Bluesky: every post, over Jetstream (no key, no account).

Each fetch connects, reads from its cursor on until it has caught up with the clock, and hangs up. A post counts when
the server saw it (``time_us``), not when its author says to have written it (``createdAt``). The author's clock may lie
by hours, on purpose too, and a bridge copies what is days old; the server's is one clock, in whose order everything
comes, so that a minute is complete once a later event was seen. The usual difference is a second.

**What proves that nothing is missing.** Only events do. Every connection gets posts, identities and accounts, more than
ten a second at the quietest, so up to the last of them the time was seen, and not a moment further: a ping that is
answered only says that the server in front is alive, while the relay behind it may stand still (both have happened).
Hence these are gaps:

- the first event after connecting is later than the last one of the fetch before. The cursor is inclusive, so that an
  event already seen has to come first; where it does not, the cursor was moved (a server keeps 36 hours, and says
  nothing) or ignored;
- a minute without any event;
- a batch whose posts are mostly more than a minute old: the feed makes up for a standstill, and an hour's posts would
  count as those of three minutes.

Posts that are taken back are passed on, and accounts that are deleted, deactivated, suspended or taken down. Edits are
not read: the first reading counts.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from statistics import median
from typing import TYPE_CHECKING, Literal

import msgspec
from msgspec import Struct

from detectors.counting import micros
from detectors.errors import InputError, PermanentError, RetryableError, SourceError
from detectors.model import Batch, Gap, Post, Span
from flows.sources.base import Bounds, Query
from flows.sources.continuity import Continuity
from flows.sources.cursors import read_cursor, write_cursor
from flows.sources.jetstream import (
    POSTS,
    Commit,
    CursorTooOldError,
    Event,
    Stream,
    Undecodable,
    Unread,
    address,
    asking,
    decode,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from detectors.model import Service

WHAT = "Bluesky's Jetstream"
PUBLIC = (
    "wss://jetstream1.us-east.bsky.network/subscribe",
    "wss://jetstream2.us-east.bsky.network/subscribe",
    "wss://jetstream1.us-west.bsky.network/subscribe",
    "wss://jetstream2.us-west.bsky.network/subscribe",
)
"""The public instances. A cursor is a time, and so means the same to all of them, but for a few seconds."""

MAX_BYTES = 4_000_000
REWIND_US = 10_000_000
"""How far before the last event the next connection begins: instances differ by seconds, and the step from replay to
live has lost and swapped events. What comes twice is kept once."""

QUIET = timedelta(minutes=1)
"""The longest silence in which nothing is missing. Jetstream itself restarts after 15 s without an event."""

KEPT_US = 36 * 3_600_000_000
AHEAD_US = 5 * 60_000_000
"""An event from further in the future is a mistake: it would carry the cursor away."""

LATE_US = 60_000_000
FEWEST_FOR_LATE = 20
"""So many posts tell whether a feed is late; some always are, by themselves."""

MOST_EVENTS_A_BATCH, MOST_EVENTS = 20_000, 5_000_000
MOST_UNREADABLE = 1_000
"""So many messages in a row that are no events come from something that is no Jetstream."""

LONGEST_ID = 512
MICROSECOND = timedelta(microseconds=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class _Cursor(Struct, frozen=True, forbid_unknown_fields=True):
    """The time of the last event (microseconds since 1970), and which of the instances it came from."""

    seen_us: int
    endpoint: int = 0
    v: Literal[1] = 1


class Bluesky:
    """Every post of Bluesky.

    Parameters
    ----------
    bounds
        Within what it has to stay.
    endpoints
        Addresses of Jetstream instances, as ``wss://host``; the next one is tried when one fails.
    batch_size
        Posts and deletions a batch, at most.
    max_bytes
        Largest message.
    quiet
        The longest silence in which nothing is missing; a small network of one's own may need more.

    Attributes
    ----------
    name, label
        ``bluesky``.

    Raises
    ------
    InputError
        An endpoint is no address.
    """

    name = "bluesky"
    label = "bluesky"

    def __init__(
        self,
        *,
        bounds: Bounds,
        endpoints: Sequence[str] = PUBLIC,
        batch_size: int = 2_000,
        max_bytes: int = MAX_BYTES,
        quiet: timedelta = QUIET,
    ) -> None:
        if not endpoints:
            raise InputError("no Jetstream is named")
        self.bounds = bounds
        self.batch_size = batch_size
        self.max_bytes = max_bytes
        self.quiet_us = quiet // MICROSECOND
        self.urls = tuple(address(endpoint) for endpoint in endpoints)

    def queries(self, services: Sequence[Service] | None) -> tuple[Query, ...]:  # noqa: ARG002 - all are in it
        """Return the one question: for every post."""
        return (Query(POSTS),)

    def fetch(self, query: str, cursor: str | None) -> Iterator[Batch]:  # noqa: ARG002 - there is only one
        """Yield what has come since ``cursor``; see :class:`flows.sources.base.Source`.

        Raises
        ------
        RetryableError, PermanentError
            No instance can be read; what has been yielded stays good.
        InputError
            The cursor is not ours.
        """
        reading = _Reading(self, read_cursor(cursor, _Cursor, whose="that of Bluesky"))
        failure: SourceError | None = None
        try:
            while failure is None and not (reading.is_done or self.bounds.is_over):
                try:
                    self.bounds.retry.call(reading.fill)
                except SourceError as error:
                    failure = error
                batch = reading.take()
                if batch is not None:
                    yield batch
        finally:
            reading.drop()
        if failure is not None:
            raise failure

    def open(self, place: int, cursor_us: int | None) -> Stream:
        """Connect to one of the instances; errors as of :class:`~flows.sources.jetstream.Stream`."""
        url = asking(self.urls[place], cursor_us)
        return Stream(url, what=self.named(place), bounds=self.bounds, max_bytes=self.max_bytes)

    def named(self, place: int) -> str:
        """Return what an instance is called in messages: never its address."""
        return WHAT if len(self.urls) == 1 else f"{WHAT} ({place + 1} of {len(self.urls)})"


class _Reading:
    """One fetch: a connection, where it is in time, and what was read since the last batch.

    Attributes
    ----------
    is_done
        Whether the fetch has caught up with the clock, or has had enough.
    """

    def __init__(self, source: Bluesky, cursor: _Cursor | None) -> None:
        self._source = source
        self._bounds = source.bounds
        self._begun_us = micros(source.bounds.clock.now())
        self._seen = Continuity(cursor.seen_us if cursor else None, source.quiet_us)
        self._place = (cursor.endpoint if cursor else 0) % len(source.urls)
        self._stream: Stream | None = None
        self._n_refused = 0
        self._n_events = 0
        self._n_unreadable = 0
        self._unreadable = b""
        self.is_done = False
        self._empty()

    def _empty(self) -> None:
        self._posts: list[Post] = []
        self._deleted: list[tuple[str, str]] = []
        self._gone: list[tuple[str, str]] = []
        self._skipped: list[str] = []
        self._ages_us: list[int] = []
        self._n_in_batch = 0
        self._is_full = False

    def fill(self) -> None:
        """Read on until a batch is full or the fetch is done; what was read before an error is kept.

        Raises
        ------
        RetryableError, PermanentError
            The connection failed; the next call tries the next instance. Permanent only when all of them are.
        """
        try:
            if self._stream is None:
                self._stream = self._open()
            while not (self._is_full or self.is_done):
                patience_s = self._patience_s()
                frame = self._stream.receive(patience_s)
                if frame is None:
                    self._fall_silent(patience_s)
                else:
                    self._read(frame)
        except PermanentError as error:
            self._move_on()
            self._n_refused += 1
            if self._n_refused < len(self._source.urls):
                raise RetryableError(str(error)) from None
            raise
        except RetryableError:
            self._move_on()
            raise

    def _open(self) -> Stream:
        """Connect a little before the last event, or as far back as the server goes."""
        self._seen.connect()
        seen_us = self._seen.seen_us
        lookback_us = self._bounds.lookback // MICROSECOND
        cursor_us: int | None = self._begun_us - lookback_us if seen_us is None else seen_us - REWIND_US
        while True:
            try:
                return self._source.open(self._place, cursor_us)
            except CursorTooOldError:
                if cursor_us is None:
                    raise
                cursor_us = _later(cursor_us, self._begun_us)

    def _patience_s(self) -> float:
        """Return how long to wait for the next message, seconds."""
        if self._bounds.stop_at is None:
            return self._bounds.timeout_s
        left_s = (self._bounds.stop_at - self._bounds.clock.now()).total_seconds()
        return max(0.01, min(self._bounds.timeout_s, left_s))

    def _fall_silent(self, waited_s: float) -> None:
        """Decide what it means that nothing came: the end of our time, the present, or a fault.

        Raises
        ------
        RetryableError
            There should have been something: the last event at least, or what came after it.
        """
        seen_us = self._seen.seen_us
        is_near = seen_us is not None and self._begun_us - seen_us <= self._source.quiet_us
        self.is_done = waited_s < self._bounds.timeout_s or (is_near and not self._seen.is_fresh)
        if not self.is_done:
            raise RetryableError(f"{self._source.named(self._place)} sent nothing for {self._bounds.timeout_s:g} s")

    def _read(self, frame: bytes) -> None:
        """Take in a message."""
        event = self._decoded(frame)
        if event is None:
            self._n_unreadable += 1
            if self._n_unreadable > MOST_UNREADABLE:
                raise RetryableError(f"{self._source.named(self._place)} sends something that is no event")
            return
        self._n_unreadable = 0
        if event.time_us > self._begun_us + AHEAD_US and event.time_us > micros(self._bounds.clock.now()) + AHEAD_US:
            self._skipped.append("bluesky: an event from the future")
            return
        self._n_refused = 0
        self._n_events += 1
        self._n_in_batch += 1
        self._is_full = self._seen.move(event.time_us) or self._n_in_batch >= MOST_EVENTS_A_BATCH
        if event.kind == "commit" and event.commit is not None and event.commit.collection == POSTS:
            self._keep(event)
        elif isinstance(event, Event) and event.account is not None and event.account.is_gone:
            self._gone.append(("bluesky", event.did))
        n_kept = len(self._posts) + len(self._deleted) + len(self._gone)
        self._is_full = self._is_full or n_kept >= self._source.batch_size
        self.is_done = event.time_us >= self._begun_us or self._n_events >= MOST_EVENTS or self._bounds.is_over

    def _decoded(self, frame: bytes) -> Event | Unread | None:
        """Return the event; None where there is none.

        Raises
        ------
        RetryableError
            It is no JSON: it was cut on its way, or comes from somebody else. If the very same comes again after
            connecting anew, it is how it is, and must not block the way: whoever writes a record could.
        """
        try:
            return decode(frame)
        except msgspec.ValidationError:
            self._skipped.append("bluesky: a message that is no event")
        except Undecodable:
            if frame != self._unreadable:
                self._unreadable = frame
                kind = "HTML" if frame.lstrip()[:1] == b"<" else "something that is not JSON"
                raise RetryableError(f"{self._source.named(self._place)} sent {kind}") from None
            self._skipped.append("bluesky: a message that cannot be decoded")
        return None

    def _keep(self, event: Event | Unread) -> None:
        """Keep a post, or that it was taken back."""
        commit = event.commit
        assert commit is not None  # noqa: S101 - for the type checker
        name = f"at://{event.did}/{POSTS}/{commit.rkey}"
        if len(name) > LONGEST_ID:
            self._skipped.append("bluesky: a post whose address is too long")
        elif commit.operation == "delete":
            self._deleted.append(("bluesky", name))
        elif commit.operation == "create":
            record = commit.record if isinstance(commit, Commit) else None
            if record is None:
                self._skipped.append(f"bluesky: {name}: not a post")
                return
            self._posts.append(Post(name, "bluesky", _instant(event.time_us), record.text, record.lang, event.did))
            if (written_us := record.written_us) is not None:
                self._ages_us.append(event.time_us - written_us)

    def take(self) -> Batch | None:
        """Return what was read since the last batch; None where that is nothing."""
        stretches, hole = self._seen.take(late=self._late())
        if self._seen.seen_us is None or not (stretches or hole or self._n_in_batch or self._skipped):
            return None
        cursor = _Cursor(self._seen.seen_us, self._place)
        batch = Batch(
            tuple(self._posts),
            write_cursor(cursor),
            observed=tuple(Span(_instant(start_us), _instant(end_us)) for start_us, end_us in stretches),
            deleted=tuple(self._deleted),
            deleted_authors=tuple(self._gone),
            gap=hole and Gap(_instant(hole[0]), _instant(hole[1]), hole[2]),
            skipped=tuple(self._skipped),
        )
        self._empty()
        return batch

    def _late(self) -> str:
        """Say by how much the posts are late; nothing where they are not."""
        if len(self._ages_us) < FEWEST_FOR_LATE or (age_us := median(self._ages_us)) <= LATE_US:
            return ""
        return f"posts came {age_us / 60e6:.0f} min after they were written"

    def _move_on(self) -> None:
        """Give up the connection; the next one is to the next instance."""
        self.drop()
        self._place = (self._place + 1) % len(self._source.urls)

    def drop(self) -> None:
        """Hang up."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None


def _later(cursor_us: int, now_us: int) -> int | None:
    """Return the next instant to try where one was too old; None = the present."""
    if cursor_us < now_us - KEPT_US:
        return now_us - KEPT_US
    left_us = now_us - cursor_us
    return cursor_us + left_us // 2 if left_us > REWIND_US else None


def _instant(micros: int) -> datetime:
    return EPOCH + timedelta(microseconds=micros)
