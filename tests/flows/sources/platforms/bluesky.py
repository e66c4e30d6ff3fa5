"""Jetstream on loopback: the events, parameters and cursors of version 1 of its protocol."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from detectors.counting import micros
from flows.sources.bluesky import Bluesky
from flows.sources.jetstream import POSTS
from tests.flows.sources.harness import NOW
from tests.flows.sources.loopback import Fault
from tests.flows.sources.websocket import Wanted, WebSocketLoopback

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from flows.net import Clock
    from flows.sources.base import Bounds
    from tests.flows.sources.harness import Made

PASSWORD = "canary-jetstream-password"  # noqa: S105 - made up
USER = "canary-jetstream-user"
BEAT = timedelta(seconds=20)
BEGUN_AT = NOW - timedelta(minutes=20)

Record = dict[str, Any]


def did(author: str) -> str:
    return "did:plc:" + base64.b32encode(author.encode()).decode().lower().rstrip("=").ljust(24, "2")[:24]


def rkey(number: int) -> str:
    return f"3l{number:011d}"


def commit(author: str, number: int, at_us: int, **fields: Any) -> Record:
    """Return a commit of a post's repository."""
    named = {"rev": rkey(number), "operation": "create", "collection": POSTS, "rkey": rkey(number)}
    return {"did": did(author), "time_us": at_us, "kind": "commit", "commit": named | fields}


def created(made: Made, at_us: int, **fields: Any) -> Record:
    """Return the event of a new post."""
    written = f"{made.at:%Y-%m-%dT%H:%M:%S}.{made.at.microsecond // 1000:03}Z"
    record = {"$type": POSTS, "createdAt": written, "langs": ["en"], "text": made.text}
    return commit(made.author, made.number, at_us, record=record | fields, cid="bafyrei" + "a" * 52)


def identity(at_us: int) -> Record:
    named = {"did": did("one"), "handle": "one.example", "seq": at_us, "time": "2026-03-03T12:00:00.000Z"}
    return {"did": did("one"), "time_us": at_us, "kind": "identity", "identity": named}


class Jetstream:
    """An instance: a log of events in the order of its clock, with some event at least every twenty seconds.

    ``kept`` is how far back it can go; an older cursor is moved there without a word, or (``is_strict``) refused.
    Without ``beat`` it is as silent as a network of nobody. An event with ``raw`` is sent as just that.
    """

    def __init__(self, *, page_size: int = 20) -> None:
        self.log: list[Record] = []
        self.clock: Clock | None = None
        self.beat: timedelta | None = BEAT
        self.page_size = page_size
        self.kept = timedelta(hours=36)
        self.is_strict = False
        self.refusal: tuple[int, bytes] | None = None
        self.authorization = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        self.server = WebSocketLoopback(self)

    @property
    def endpoint(self) -> str:
        return f"ws://{USER}:{PASSWORD}@{self.server.address}"

    @property
    def last_us(self) -> int:
        return self.log[-1]["time_us"] if self.log else 0

    def append(self, event: Record) -> None:
        """Log an event, not before what is logged already."""
        self.log.append(event | {"time_us": max(event["time_us"], self.last_us)})

    def live_on(self, until: datetime) -> None:
        """Log what always comes, up to an instant, and something just then."""
        if self.beat is None:
            return
        times = range(micros(BEGUN_AT), micros(until) + 1, self.beat // timedelta(microseconds=1))
        self.log += [identity(at_us) for at_us in times if not any(one["time_us"] == at_us for one in self.log)]
        if not any(one["time_us"] == micros(until) for one in self.log):
            self.log.append(identity(micros(until)))
        self.log.sort(key=lambda one: one["time_us"])

    def refuse(self, wanted: Wanted) -> tuple[int, bytes] | None:
        cursor = wanted.get("cursor")
        if self.refusal:
            return self.refusal
        if wanted.authorization != self.authorization:
            return 401, b"who are you"
        if wanted.path != "/subscribe" or wanted.get("wantedCollections") != [POSTS]:
            return 404, b"not found"
        if not all(one.isdigit() for one in cursor):
            return 400, b"invalid cursor"
        if self.is_strict and cursor and int(cursor[0]) < self.oldest_us:
            return 400, b'{"error":"CursorTooOld","message":"below the lookback floor"}'
        return None

    @property
    def oldest_us(self) -> int:
        assert self.clock is not None
        return micros(self.clock.now() - self.kept)

    def pages(self, wanted: Wanted) -> Iterator[list[bytes]]:
        assert self.clock is not None
        now = self.clock.now()
        self.live_on(now)
        cursor = wanted.get("cursor")
        from_us = max(int(cursor[0]), self.oldest_us) if cursor else micros(now)
        events = [one for one in self.log if one["time_us"] >= from_us]
        frames = [one["raw"] if "raw" in one else json.dumps(one).encode() for one in events]
        for start in range(0, max(1, len(frames)), self.page_size):
            yield frames[start : start + self.page_size]


class PLATFORM:
    name = "bluesky"
    secrets = (PASSWORD, USER)
    faults = tuple(Fault)
    can_delete = True
    page_size = 20

    def __init__(self) -> None:
        self.jetstream = Jetstream(page_size=self.page_size)

    def source(self, bounds: Bounds) -> Bluesky:
        self.jetstream.clock = bounds.clock
        return Bluesky(bounds=bounds, endpoints=(self.jetstream.endpoint,), batch_size=self.page_size)

    def publish(self, posts: Sequence[Made]) -> None:
        for made in posts:
            self.jetstream.append(created(made, micros(made.at)))

    def identity(self, made: Made) -> tuple[str, str]:
        return "bluesky", f"at://{did(made.author)}/{POSTS}/{rkey(made.number)}"

    def delete(self, made: Made) -> None:
        assert self.jetstream.clock is not None
        at_us = micros(self.jetstream.clock.now())
        self.jetstream.append(commit(made.author, made.number, at_us, operation="delete"))

    def fail(self, fault: Fault, times: int = 1_000_000, *, after: int = 0) -> None:
        self.jetstream.server.fail(fault, times, after=after)

    def heal(self) -> None:
        self.jetstream.server.heal()

    def close(self) -> None:
        self.jetstream.server.close()
