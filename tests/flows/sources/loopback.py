"""An HTTP server on loopback that can misbehave in every way that a platform can."""

from __future__ import annotations

import gzip
import socket
import struct
import sys
import threading
from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Self
from urllib.parse import parse_qsl, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable

RETRY_AFTER_S = 7


class Fault(StrEnum):
    """What a platform does to us."""

    UNAUTHORIZED = "401"
    FORBIDDEN = "403"
    NOT_FOUND = "404"
    LIMITED = "429"
    LIMITED_UNTIL = "429 with Retry-After"
    BROKEN = "500"
    UNAVAILABLE = "503"
    TIMEOUT = "time-out"
    RESET = "reset"
    TRUNCATED = "truncated JSON"
    HTML = "HTML instead of JSON"
    BOMB = "gzip bomb"
    DEEP = "deep JSON"


PERMANENT = frozenset({Fault.UNAUTHORIZED, Fault.FORBIDDEN, Fault.NOT_FOUND, Fault.BOMB})
STATUSES = {
    Fault.UNAUTHORIZED: 401,
    Fault.FORBIDDEN: 403,
    Fault.NOT_FOUND: 404,
    Fault.LIMITED: 429,
    Fault.LIMITED_UNTIL: 429,
    Fault.BROKEN: 500,
    Fault.UNAVAILABLE: 503,
}
BOMB = gzip.compress(b"[" + b" " * 30_000_000 + b"]")


@dataclass(frozen=True)
class Asked:
    """A request, as it came in; of a parameter that is repeated, ``params`` has the last and ``pairs`` all."""

    method: str
    path: str
    params: dict[str, str]
    headers: dict[str, str]
    body: bytes = b""
    pairs: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Told:
    """An answer."""

    body: bytes
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


class Loopback:
    """Serves ``respond`` on a free port of 127.0.0.1, until closed.

    ``fail(fault, times)`` makes the next answers go wrong; ``asked`` holds every request.
    """

    def __init__(self, respond: Callable[[Asked], Told]) -> None:
        self.respond = respond
        self.asked: list[Asked] = []
        self.retry_after_s = RETRY_AFTER_S
        self._faults: deque[Fault] = deque()
        self._after = 0
        self._closing = threading.Event()
        outer = self

        class Handler(_Handler):
            loopback = outer

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def fail(self, fault: Fault, times: int = 1_000_000, *, after: int = 0) -> None:
        """Answer the next ``times`` requests with a fault, once ``after`` have been answered well."""
        self._after = after
        self._faults = deque([fault] * min(times, 10_000))

    def heal(self) -> None:
        """Answer well again."""
        self._faults.clear()

    def next_fault(self) -> Fault | None:
        """Return what is to go wrong now."""
        if self._faults and self._after:
            self._after -= 1
            return None
        return self._faults.popleft() if self._faults else None

    def wait_closed(self, seconds: float) -> None:
        """Keep a client waiting."""
        self._closing.wait(seconds)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop."""
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that hang up, which is what is tested; anything else is a defect of a test."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # or every answer waits 40 ms for an acknowledgement
    loopback: Loopback

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _serve(self) -> None:
        url = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        pairs = tuple(parse_qsl(url.query, keep_blank_values=True))
        headers = {k.lower(): v for k, v in self.headers.items()}
        asked = Asked(self.command, url.path, dict(pairs), headers, body, pairs)
        self.loopback.asked.append(asked)
        fault = self.loopback.next_fault()
        if fault is None:
            self._tell(self.loopback.respond(asked))
        elif fault in STATUSES:
            wait = {"Retry-After": str(self.loopback.retry_after_s)} if fault is Fault.LIMITED_UNTIL else {}
            self._tell(Told(b'{"title": "no"}', STATUSES[fault], wait))
        elif fault is Fault.TIMEOUT:
            self.loopback.wait_closed(3)
            self.close_connection = True
        elif fault is Fault.RESET:
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.connection.close()
            self.close_connection = True
        else:
            self._tell(self._spoilt(fault, asked))

    def _spoilt(self, fault: Fault, asked: Asked) -> Told:
        json = {"Content-Type": "application/json"}
        if fault is Fault.TRUNCATED:
            whole = self.loopback.respond(asked)
            return Told(whole.body[: len(whole.body) // 2], headers=whole.headers)
        if fault is Fault.HTML:
            return Told(b"<!doctype html><title>Busy</title>", headers={"Content-Type": "text/html"})
        if fault is Fault.BOMB:
            return Told(BOMB, headers={**json, "Content-Encoding": "gzip"})
        return Told(b"[" * 100_000, headers=json)

    def _tell(self, told: Told) -> None:
        try:
            self.send_response(told.status)
            for name, value in told.headers.items():
                self.send_header(name, value)
            if "Content-Type" not in told.headers:
                self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(told.body)))
            self.end_headers()
            self.wfile.write(told.body)
        except (BrokenPipeError, ConnectionResetError):  # the client has had enough
            self.close_connection = True
