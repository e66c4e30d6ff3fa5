"""A Jetstream of simulated posts, at a steady rate: ``python -m benchmarks.jetstream RATE NUMBER``.

NUMBER different posts are simulated, and come again and again under ids of their own. It speaks version 1 of the
protocol: a connection gets what came since its cursor, and then what comes; the last minutes are kept. A tenth as many
deletions and identity events come between the posts. ``/sent?until=TIME_US`` answers plain HTTP with the numbers of
posts, and of reports among them, up to an instant. It ends when its standard input does. Nothing in it was ever posted.
"""

from __future__ import annotations

import json
import random
import sys
import threading
from collections import Counter
from datetime import UTC, datetime
from http import HTTPStatus
from itertools import islice
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qs, urlsplit

from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Response
from websockets.sync.server import serve

from benchmarks.memory import scenario
from detectors.counting import micros
from detectors.evaluation.simulate import simulate_posts
from detectors.matching import Reader
from flows.net import utc_now

if TYPE_CHECKING:
    from collections.abc import Iterator

    from websockets.http11 import Request
    from websockets.sync.server import ServerConnection

KEPT_S = 300
PAUSE_S = 0.01
SEED = 11
ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"


class Template(NamedTuple):
    """A post before it has a time and an id: its author, its record around ``createdAt``, how many reports it is."""

    did: str
    record: str
    n_reports: int


class Event(NamedTuple):
    """A message, when it was made, and how many posts and reports there were up to it."""

    time_us: int
    frame: str
    n_posts: int
    n_reports: int


def templates(number: int) -> list[Template]:
    """Return simulated posts as Bluesky's records: half of them replies, one in five with a link."""
    rng = random.Random(SEED)  # noqa: S311 - not for secrets
    posts = list(islice(simulate_posts(scenario(2 * number), seed=SEED), number))
    reports = Counter(post.id for post, _ in Reader().read(posts).reports)
    return [
        Template("did:plc:" + _word(rng, 24), _record(rng, post.text, post.lang), reports[post.id]) for post in posts
    ]


def _record(rng: random.Random, text: str, lang: str | None) -> str:
    """Return the JSON of a record with ``@`` where its time stands."""
    record: dict[str, object] = {"$type": "app.bsky.feed.post", "createdAt": "@", "langs": [lang or "en"]}
    if rng.random() < 0.5:
        link = {"cid": "bafyrei" + _word(rng, 52), "uri": f"at://did:plc:{_word(rng, 24)}/app.bsky.feed.post/3lxyz"}
        record["reply"] = {"parent": link, "root": link}
    if rng.random() < 0.2:
        external = {"uri": f"https://{_word(rng, 9)}.example/", "title": _word(rng, 30), "description": _word(rng, 90)}
        record["embed"] = {"$type": "app.bsky.embed.external", "external": external}
    return json.dumps(record | {"text": text}, ensure_ascii=False)


def _word(rng: random.Random, length: int) -> str:
    return "".join(rng.choices(ALPHABET, k=length))


class Feed:
    """The events of the last minutes; a thread of its own adds to them.

    Parameters
    ----------
    rate
        Posts a second.
    number
        Different posts.
    """

    def __init__(self, rate: float, number: int) -> None:
        self._rate = rate
        self._templates = templates(number)
        self._rng = random.Random(SEED)  # noqa: S311
        self._events: list[Event] = []
        self._first = 0  # the number of the first event that is kept
        self._n_posts = self._n_reports = self._last_us = 0
        self._changed = threading.Condition()
        self._closing = threading.Event()

    def run(self) -> None:
        """Make events at the rate, until closed."""
        start_s = monotonic()
        while not self._closing.wait(PAUSE_S):
            due = int((monotonic() - start_s) * self._rate)
            now_us = micros(utc_now())
            events = [event for _ in range(due - self._n_posts) for event in self._next(now_us)]
            with self._changed:
                self._events += events
                old = sum(1 for _ in self._old(now_us - KEPT_S * 1_000_000))
                del self._events[:old]
                self._first += old
                self._changed.notify_all()

    def close(self) -> None:
        """Stop, and let every connection end."""
        self._closing.set()
        with self._changed:
            self._changed.notify_all()

    def _old(self, before_us: int) -> Iterator[Event]:
        for event in self._events:
            if event.time_us >= before_us:
                return
            yield event

    def _next(self, now_us: int) -> Iterator[Event]:
        """Make the next post, and every tenth time that one is taken back and that somebody changes their name."""
        template = self._templates[self._n_posts % len(self._templates)]
        self._n_posts += 1
        self._n_reports += template.n_reports
        written = datetime.fromtimestamp((now_us - 800_000) / 1e6, UTC).isoformat(timespec="milliseconds")
        record = template.record.replace("@", written.replace("+00:00", "Z"), 1)
        commit = f'"rev":"3l{self._n_posts:011}","collection":"app.bsky.feed.post"'
        rest = f'"operation":"create","rkey":"3l{self._n_posts:011}","record":{record},"cid":"bafyrei{"a" * 52}"'
        yield self._event(now_us, template.did, f'"kind":"commit","commit":{{{commit},{rest}}}')
        if self._n_posts % 10 == 0:
            gone = self._rng.randrange(self._n_posts)
            did = self._templates[gone % len(self._templates)].did
            rest = f'"operation":"delete","rkey":"3l{gone + 1:011}"'
            yield self._event(now_us, did, f'"kind":"commit","commit":{{{commit},{rest}}}')
            named = f'"did":"{template.did}","handle":"somebody.example","seq":{self._n_posts}'
            yield self._event(now_us, template.did, f'"kind":"identity","identity":{{{named}}}')

    def _event(self, now_us: int, did: str, fields: str) -> Event:
        """Make an event; no two have the same time, so that a cursor says exactly what was seen."""
        self._last_us = max(now_us, self._last_us + 1)
        frame = f'{{"did":"{did}","time_us":{self._last_us},{fields}}}'
        return Event(self._last_us, frame, self._n_posts, self._n_reports)

    def greet(self, _: ServerConnection, request: Request) -> Response | None:
        """Answer what is asked over plain HTTP."""
        url = urlsplit(request.path)
        if url.path != "/sent":
            return None
        until_us = int(parse_qs(url.query)["until"][0])
        with self._changed:
            event = next(event for event in reversed(self._events) if event.time_us <= until_us)
        body = json.dumps({"posts": event.n_posts, "reports": event.n_reports}).encode()
        return Response(200, HTTPStatus.OK.phrase, Headers({"Content-Length": str(len(body))}), body)

    def send(self, connection: ServerConnection) -> None:
        """Send what came since the cursor, and what comes."""
        assert connection.request is not None  # noqa: S101 - the handshake is over
        cursor = parse_qs(urlsplit(connection.request.path).query).get("cursor")
        with self._changed:
            place = self._first + (sum(1 for _ in self._old(int(cursor[0]))) if cursor else len(self._events))
        try:
            while not self._closing.is_set():
                with self._changed:
                    self._changed.wait_for(lambda at=place: len(self._events) > at - self._first)  # type: ignore[misc]
                    fresh = self._events[place - self._first : place - self._first + 1000]
                for event in fresh:
                    connection.send(event.frame)
                place += len(fresh)
        except ConnectionClosed:
            return


def main(rate: float, number: int) -> None:
    """Serve on a free port, which is the first line of the output, until the input ends."""
    feed = Feed(rate, number)
    with serve(feed.send, "127.0.0.1", 0, process_request=feed.greet, compression=None, close_timeout=1) as server:
        for target in (feed.run, server.serve_forever):
            threading.Thread(target=target, daemon=True).start()
        print(server.socket.getsockname()[1], flush=True)
        sys.stdin.read()
        feed.close()


if __name__ == "__main__":
    main(float(sys.argv[1]), int(sys.argv[2]))
