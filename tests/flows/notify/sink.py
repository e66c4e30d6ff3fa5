"""A webhook on the loopback that writes down what comes in, and sometimes fails."""

from __future__ import annotations

import json
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class Heard(NamedTuple):
    """What came in."""

    receiver: str
    incident_id: str
    revision: int
    status: str
    id: str


class Sink(HTTPServer):
    """One request after the other, in the order in which they were dialled: a late one of the dead stays in place.

    Attributes
    ----------
    heard
        What was received, whether it was answered or not.
    busy_every, deaf_every
        Of so many requests one is answered 503, one is received and not answered; 0 = none.
    """

    def __init__(self, *, busy_every: int = 0, deaf_every: int = 0) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.heard: list[Heard] = []
        self.busy_every = busy_every
        self.deaf_every = deaf_every
        self.n_requests = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, *_: object) -> None:
        """Say nothing: whoever was killed does not wait for the answer."""


class _Handler(BaseHTTPRequestHandler):
    server: Sink
    timeout = 60

    def do_POST(self) -> None:
        sink = self.server
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        if len(raw) < int(self.headers["Content-Length"]):
            return  # whoever said it was killed while saying it
        sink.n_requests += 1
        if sink.busy_every and sink.n_requests % sink.busy_every == 0:
            self.send_error(503)
            return
        told = json.loads(raw)["uproar"]
        place = self.path.strip("/"), told["incident_id"], told["revision"], told["status"]
        sink.heard.append(Heard(*place, self.headers["webhook-id"]))
        if sink.deaf_every and sink.n_requests % sink.deaf_every == 0:
            return
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def listening(*, busy_every: int = 0, deaf_every: int = 0) -> Iterator[Sink]:
    """Run a sink in a thread."""
    with Sink(busy_every=busy_every, deaf_every=deaf_every) as sink:
        thread = Thread(target=sink.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield sink
        finally:
            sink.shutdown()
            thread.join()


def stories(heard: Iterable[Heard]) -> dict[tuple[str, str], list[Heard]]:
    """Return what came in by receiver and incident, in that order; see that doubles have one id, and none another's."""
    found: dict[tuple[str, str], list[Heard]] = {}
    for one in heard:
        found.setdefault((one.receiver, one.incident_id), []).append(one)
    names = {one[:3] for story in found.values() for one in story}
    assert len(names) == len({(*one[:3], one.id) for story in found.values() for one in story}), "a double's id is new"
    assert len(names) == len({one.id for story in found.values() for one in story}), "an id stands for one thing"
    for place, story in found.items():
        revisions = [one.revision for one in story]
        assert revisions == sorted(revisions), f"{place} is told out of order: {revisions}"
    return found
