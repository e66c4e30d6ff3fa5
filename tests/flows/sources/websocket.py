"""A WebSocket server on loopback that can misbehave as the HTTP one does."""

from __future__ import annotations

import ctypes
import logging
import threading
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Protocol
from urllib.parse import parse_qsl, urlsplit

from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Response
from websockets.sync.server import serve

from tests.flows.sources.loopback import RETRY_AFTER_S, STATUSES, Fault

if TYPE_CHECKING:
    from collections.abc import Iterable

    from websockets.http11 import Request
    from websockets.sync.server import ServerConnection

OVERSIZED = b"[" + b" " * 6_000_000 + b"]"
FRAMES = {
    Fault.TRUNCATED: b'{"did":"did:plc:somebody","time_us":17724',
    Fault.BOMB: OVERSIZED,
    Fault.DEEP: b"[" * 100_000,
}
REFUSALS = {*STATUSES, Fault.HTML, Fault.TIMEOUT, Fault.RESET}
_SILENT = logging.Logger("loopback", logging.CRITICAL + 1)  # noqa: LOG001 - broken connections are what is tested


@dataclass(frozen=True)
class Wanted:
    """A handshake, as it came in."""

    path: str
    params: list[tuple[str, str]]
    authorization: str | None

    def get(self, name: str) -> list[str]:
        """Return what was given under a name."""
        return [value for key, value in self.params if key == name]


class Feed(Protocol):
    """What a server has to say to a connection."""

    def refuse(self, wanted: Wanted) -> tuple[int, bytes] | None:
        """Return a status and a body; None = welcome."""
        ...

    def pages(self, wanted: Wanted) -> Iterable[list[bytes]]:
        """Return frames, in pages: a fault comes between two of them."""
        ...


class WebSocketLoopback:
    """Serves a feed on a free port of 127.0.0.1, until closed; ``asked`` holds every handshake.

    A fault takes the place of a page. One that has to do with handshakes refuses the next one; in the middle of a
    stream it ends the stream first.
    """

    def __init__(self, feed: Feed) -> None:
        self.asked: list[Wanted] = []
        self.retry_after_s = RETRY_AFTER_S
        self._feed = feed
        self._fault: Fault | None = None
        self._times = self._after = 0
        self._open = 0
        self._changed = threading.Condition()
        self._closing = threading.Event()
        self._server = serve(
            self._stream, "127.0.0.1", 0, process_request=self._greet, compression=None, logger=_SILENT, close_timeout=1
        )
        self.address = f"127.0.0.1:{self._server.socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def fail(self, fault: Fault, times: int = 1_000_000, *, after: int = 0) -> None:
        """Let the next ``times`` pages go wrong, once ``after`` were sent well."""
        self._fault, self._times, self._after = fault, times, after

    def heal(self) -> None:
        """Serve well again."""
        self._times = 0

    def close(self) -> None:
        """Stop."""
        self._closing.set()
        self._server.shutdown()
        self._thread.join()

    @property
    def n_open(self) -> int:
        """How many streams are open."""
        return self._open

    def wait_idle(self) -> None:
        """Wait until no stream is open."""
        with self._changed:
            self._changed.wait_for(lambda: not self._open, timeout=20)

    def _count(self, more: int) -> None:
        with self._changed:
            self._open += more
            self._changed.notify_all()

    def _is_due(self) -> Fault | None:
        """Return what is to go wrong now."""
        if self._times and not self._after:
            return self._fault
        return None

    def _greet(self, connection: ServerConnection, request: Request) -> Response | None:
        url = urlsplit(request.path)
        wanted = Wanted(url.path, parse_qsl(url.query), request.headers.get("Authorization"))
        self.asked.append(wanted)
        fault = self._is_due()
        if fault not in REFUSALS:
            refused = self._feed.refuse(wanted)
            return None if refused is None else answer(*refused)
        self._times -= 1
        if fault is Fault.RESET:
            reset(connection)
        elif fault is Fault.TIMEOUT:
            self._closing.wait(3)
        elif fault is Fault.HTML:
            return answer(200, b"<!doctype html><title>Busy</title>")
        headers = {"Retry-After": str(self.retry_after_s)} if fault is Fault.LIMITED_UNTIL else {}
        return answer(STATUSES.get(fault, 503), b"no", headers)

    def _stream(self, connection: ServerConnection) -> None:
        self._count(1)
        try:
            for page in self._feed.pages(self.asked[-1]):
                fault = self._is_due()
                if fault is not None:
                    self._break(connection, fault)
                    return
                self._after = max(0, self._after - 1)
                for frame in page:
                    connection.send(frame, text=True)
            connection.recv()  # until the client hangs up
        except ConnectionClosed:
            pass
        finally:
            self._count(-1)

    def _break(self, connection: ServerConnection, fault: Fault) -> None:
        if fault in FRAMES:
            self._times -= 1
            connection.send(FRAMES[fault], text=True)
        elif fault is Fault.RESET:
            self._times -= 1
            reset(connection)
        elif fault is Fault.TIMEOUT:
            self._times -= 1
            self._closing.wait(3)


def answer(status: int, body: bytes, headers: dict[str, str] | None = None) -> Response:
    """Return the answer to a handshake that is refused."""
    given = Headers({"Content-Length": str(len(body)), "Connection": "close", **(headers or {})})
    return Response(status, HTTPStatus(status).phrase, given, body)


def reset(connection: ServerConnection) -> None:
    """Break the connection without a word: connecting a socket to nobody aborts what it was connected to.

    To close it would not do: another thread is waiting for it.
    """
    ctypes.CDLL(None).connect(connection.socket.fileno(), bytes(16), 16)
