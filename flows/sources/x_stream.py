"""Posts of X as they are made, over the filtered stream.

**What it costs.** $0.005 a post, whatever it is needed for: blocks of :data:`BLOCK` posts are charged before they can
come ($0.50), and what is left of the last one is given back. Rules are free. A killed process leaves at most one
block booked that was not used.

X allows one connection. A stream has no memory: what is posted while nobody listens is a gap, and so is the
:data:`DELIVERY_LAG` before the end of every connection, of which posts were still to come. So it wants to be listened
to for long: with 50 s a minute, a third of the time would be gaps.

The rules belong to the application whose token it is: ours carry :data:`TAG`, others are left alone, and their posts
are paid for too. Give it an application of its own.
"""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from msgspec import Struct

from detectors.errors import InputError, PermanentError, RetryableError, SourceError
from detectors.model import Batch, Gap, Instant, Span
from detectors.text import printable
from flows.sources.base import Query
from flows.sources.cursors import read_cursor, write_cursor
from flows.sources.packing import pack
from flows.sources.x_terms import CUES, SYNTAX, USD_POST, WHOSE, XFeed, allowed
from flows.sources.x_wire import Answer, Problem, Rule, read_posts, read_problems, read_rules

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence
    from datetime import datetime

    from detectors.model import Post, Service
    from flows.sources.base import Bounds, Ledger
    from flows.sources.x import Listener
    from flows.sources.x_terms import XAccount

TAG = "uproar:"
"""What the tags of our rules begin with."""

BLOCK = 100
"""Posts that are paid for at once."""

BATCH_SIZE, BATCH_S = 500, 5.0
"""Posts a batch at most, and seconds between two batches at most."""

DELIVERY_LAG = timedelta(seconds=10)
"""Time until a post has come: X says that 99 % of them take less than 6 to 7 s (docs.x.com, "Consuming streaming
data")."""

MOST_BREAKS = 5
"""How often a fetch connects again; X allows 50 connections in 15 minutes."""

_WAIT_S = 0.25
"""How long one look at the line takes, seconds."""


class StreamCursor(Struct, frozen=True, forbid_unknown_fields=True, tag="x-stream", tag_field="feed"):
    """Until when (UTC) everything has come."""

    until_at: Instant
    v: Literal[1] = 1


class XStream(XFeed):
    """The filtered stream of X; see :class:`flows.sources.base.Source`.

    All services share one query, because they share one connection; its text is a hash of the rules. A fetch listens
    until ``bounds.stop_at``, or for ``listen_s``, whichever comes first.

    Parameters
    ----------
    account
        Who asks, and who pays.
    bounds
        Within what it stays.
    listen_s
        Seconds that a fetch listens.
    silence_s
        Seconds without any sign of life after which a connection is dead; X gives one every 20 s.
    """

    name = "x-stream"
    label = "X stream"

    def __init__(self, account: XAccount, bounds: Bounds, *, listen_s: float = 50, silence_s: float = 30) -> None:
        super().__init__(account, bounds)
        self._listen_s = listen_s
        self._silence_s = silence_s
        self._wanted: dict[str, dict[str, str]] = {}

    def queries(self, services: Sequence[Service] | None) -> tuple[Query, ...]:
        """Return the one query for all of these services; None = all of the catalogue but X itself.

        Raises
        ------
        InputError
            X itself was named: its terms do not let it be measured with its own interface.
        """
        packed = pack(allowed(services), CUES, SYNTAX)
        if not packed:
            return ()
        rules = {_tag(query.text): query.text for query in packed}
        ids = tuple(sorted(name for query in packed for name in query.services or ()))
        text = f"{len(rules)} rules {_hash(' '.join(sorted(rules)))}"
        self._wanted[text] = rules
        return (Query(text, ids),)

    def fetch(self, query: str, cursor: str | None) -> Iterator[Batch]:
        """Yield what is posted from now on.

        Raises
        ------
        RetryableError, PermanentError
            X did not answer well, hung up too often, or the month's budget is used up.
        InputError
            The cursor is another feed's, or :meth:`queries` did not give the query.
        """
        known = read_cursor(cursor, StreamCursor, whose=WHOSE, place=self.label)
        if query not in self._wanted:
            raise InputError(f"{self.label}: only this object's own queries can be asked; call queries() before")
        if self._bounds.is_over:
            return
        self._set_rules(self._wanted[query])
        meter = Meter(self._account.ledger)
        try:
            yield from self._listen(_Hearing(meter, known.until_at if known else None))
        finally:
            meter.settle()

    # --- rules -----------------------------------------------------------------------------------------------

    def _set_rules(self, wanted: dict[str, str]) -> None:
        """Let X have these of our rules, and no other ones of ours.

        Raises
        ------
        PermanentError
            X does not take one of them: too many, too long, or not understood.
        """
        call = self._bounds.retry.call
        ours = [rule for rule in read_rules(call(self._api.rules)) if rule.tag.startswith(TAG)]
        kept: dict[str, Rule] = {}
        for rule in ours:
            if wanted.get(rule.tag) == rule.value:
                kept.setdefault(rule.tag, rule)
        stale = [rule.id for rule in ours if rule not in kept.values()]
        missing = [(value, tag) for tag, value in wanted.items() if tag not in kept]
        if stale:
            call(partial(self._api.delete_rules, stale))
        if not missing:
            return
        answer = call(partial(self._api.add_rules, missing))
        refused = {problem.title for problem in read_problems(answer)} - {"DuplicateRule"}
        if refused:
            said = ", ".join(printable(title, limit=60) or "no reason given" for title in sorted(refused))
            raise PermanentError(f"X does not take all of the {len(wanted)} rules for its stream: {said}")

    # --- listening -------------------------------------------------------------------------------------------

    def _listen(self, hearing: _Hearing) -> Iterator[Batch]:
        """Yield what comes over one connection after the other."""
        now = self._bounds.clock.now
        stop_at = now() + timedelta(seconds=self._listen_s)
        if self._bounds.stop_at is not None:
            stop_at = min(stop_at, self._bounds.stop_at)
        n_breaks = 0
        while True:
            hearing.meter.begin()
            listener = self._bounds.retry.call(partial(self._api.listen, self._silence_s))
            try:
                yield from hearing.connected(now())
                error = yield from self._hear(listener, hearing, stop_at)
            finally:
                listener.close()
            if error is None or (now() >= stop_at and isinstance(error, RetryableError)):
                return
            if isinstance(error, PermanentError) or n_breaks == MOST_BREAKS:
                raise error
            hearing.why = str(error)
            n_breaks += 1

    def _hear(
        self, listener: Listener, hearing: _Hearing, stop_at: datetime
    ) -> Generator[Batch, None, SourceError | None]:
        """Yield what comes over one connection; return why it ended, None where we wanted it to."""
        now = self._bounds.clock.now
        flushed_at = now()
        error: SourceError | None = None
        while error is None and now() < stop_at:
            heard = listener.next(_WAIT_S)
            if heard is not None:
                error = heard.error or hearing.take(heard.at, heard.line)
            elif (now() - hearing.alive_at).total_seconds() > self._silence_s:
                error = RetryableError(f"X's stream gave no sign of life for {self._silence_s:g} s")
            if len(hearing.posts) >= BATCH_SIZE or (now() - flushed_at).total_seconds() >= BATCH_S:
                yield from hearing.flush()
                flushed_at = now()
        yield from hearing.flush()
        return error


class Meter:
    """Buys posts in blocks, before they can come.

    Parameters
    ----------
    ledger
        What is charged.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._n_left = 0

    def begin(self) -> None:
        """See to it that there is a block to take from.

        Raises
        ------
        PermanentError
            The month's budget is used up.
        """
        if not self._n_left:
            self._ledger.charge("X posts", BLOCK * USD_POST)
            self._n_left = BLOCK

    def take(self) -> None:
        """Use up one post; errors as of :meth:`begin`."""
        self._n_left -= 1
        self.begin()

    def settle(self) -> None:
        """Give back what was not used."""
        if self._n_left:
            self._ledger.refund("X posts", self._n_left * USD_POST)
            self._n_left = 0


class _Hearing:
    """What has been heard so far: posts that wait, and until when everything has come."""

    def __init__(self, meter: Meter, until_at: datetime | None) -> None:
        self.meter = meter
        self.posts: list[Post] = []
        self.why = "nobody listened to X's stream"
        self._skipped: list[str] = []
        self._before_at = until_at

    def connected(self, at: datetime) -> Iterator[Batch]:
        """Begin to listen: what was before is a gap."""
        before, self._before_at = self._before_at, at
        self._until_at = self.alive_at = at
        if before is not None and before < at:
            yield Batch((), write_cursor(StreamCursor(at)), gap=Gap(before, at, self.why))

    def take(self, at: datetime, line: bytes) -> SourceError | None:
        """Take a line, or a sign of life; return the error that it tells of."""
        self.alive_at = at
        if not line:
            return None
        try:
            message: Any = msgspec.json.decode(line)
        except (msgspec.DecodeError, RecursionError):
            message = None
        if not isinstance(message, dict):
            self._skipped.append("X: a line of the stream that is no message")
            return None
        return self._take_message(message)

    def flush(self) -> Iterator[Batch]:
        """Yield what waits, with the time of which no more posts are expected."""
        observed: tuple[Span, ...] = ()
        until_at = self.alive_at - DELIVERY_LAG
        if until_at > self._until_at:
            observed = (Span(self._until_at, until_at),)
            self._until_at = self._before_at = until_at
        if self.posts or self._skipped or observed:
            cursor = write_cursor(StreamCursor(self._until_at))
            yield Batch(tuple(self.posts), cursor, observed=observed, skipped=tuple(self._skipped))
        self.posts, self._skipped = [], []

    def _take_message(self, message: dict[str, Any]) -> SourceError | None:
        if "data" not in message:
            return _ended(message)
        includes = message.get("includes")
        answer = Answer(data=[message["data"]], includes=includes if isinstance(includes, dict) else {})
        posts, skipped = read_posts(answer)
        self.posts += posts
        self._skipped += skipped
        try:
            self.meter.take()
        except PermanentError as error:
            return error
        return None


def _ended(message: dict[str, Any]) -> SourceError | None:
    """Return what a message without a post says; None where it says nothing that we know."""
    errors = message.get("errors")
    records = errors if isinstance(errors, list) else [message] if "title" in message else []
    problems: list[Problem] = read_problems(Answer(errors=records))
    for problem in problems:
        said = printable(problem.disconnect_type or problem.title, limit=60)
        if problem.type.rpartition("/")[2] == "usage-capped":
            return PermanentError(f"X ended the stream: what may be read is used up ({said})")
        return RetryableError(f"X ended the stream ({said})")
    return None


def _tag(rule: str) -> str:
    return TAG + _hash(rule)


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:16]
