"""X's filtered stream on loopback: rules, and a connection that tells what a test wants it to, in chunks."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from random import Random
from time import monotonic
from typing import Any

import msgspec

from flows.net import Clock, Retry
from flows.sources.base import Bounds
from tests.flows.sources.harness import NOW
from tests.flows.sources.platforms.x import TOKEN

HANG_UP, BREAK = object(), object()
"""Ends a connection, properly or in the middle."""

RULES_PATH, STREAM_PATH = "/2/tweets/search/stream/rules", "/2/tweets/search/stream"


class RunningTime:
    """A clock that runs, faster than the world if a test likes; sleeping moves it and takes no time."""

    def __init__(self, speed: float = 1.0) -> None:
        self._speed = speed
        self._start_s = monotonic()
        self._slept_s = 0.0
        self.clock = Clock(self._now, self._sleep)

    def _now(self) -> datetime:
        return NOW + timedelta(seconds=(monotonic() - self._start_s) * self._speed + self._slept_s)

    def _sleep(self, seconds: float) -> None:
        self._slept_s += seconds

    def bounds(self, *, tries: int = 2, stop_s: float | None = None, timeout_s: float = 5.0) -> Bounds:
        stop_at = None if stop_s is None else self._now() + timedelta(seconds=stop_s)
        retry = Retry(self.clock, Random(1), tries=tries)  # noqa: S311 - jitter
        return Bounds(self.clock, retry, stop_at, timeout_s=timeout_s)


class StreamServer:
    """Each connection plays the next of ``scripts``; without one it stays silent until the server is closed.

    A script is a list of lines to send: bytes as they are, a dict as JSON, a float = seconds to wait. ``statuses`` are
    answered to the next connections instead.
    """

    def __init__(self) -> None:
        self.rules: list[dict[str, str]] = []
        self.refused_titles: list[str] = []
        self.scripts: Queue[list[Any]] = Queue()
        self.statuses: list[tuple[int, dict[str, str]]] = []
        self.n_connections = 0
        self.n_rule_changes = 0
        self.params: list[str] = []
        self.closing = threading.Event()
        outer = self

        class Handler(_Handler):
            stream = outer

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def change_rules(self, body: dict[str, Any]) -> dict[str, Any]:
        """Add or delete rules, as X does."""
        self.n_rule_changes += 1
        if "delete" in body:
            ids = set(body["delete"]["ids"])
            before = len(self.rules)
            self.rules = [rule for rule in self.rules if rule["id"] not in ids]
            return {"meta": {"summary": {"deleted": before - len(self.rules), "not_deleted": 0}}}
        errors = [{"title": title, "type": f"https://api.x.com/2/problems/{title}"} for title in self.refused_titles]
        added = []
        for rule in [] if errors else body["add"]:
            assert 1 <= len(rule["value"]) <= 512
            if any(other["value"] == rule["value"] for other in self.rules):
                errors.append({"title": "DuplicateRule", "value": rule["value"]})
            else:
                added.append({"id": str(1000 + len(self.rules) + self.n_rule_changes * 100), **rule})
                self.rules.append(added[-1])
        said: dict[str, Any] = {"data": added} if added else {}
        if errors:
            said["errors"] = errors
        return {**said, "meta": {"summary": {"created": len(added), "not_created": len(errors)}}}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    stream: StreamServer

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        body = msgspec.json.decode(self.rfile.read(int(self.headers.get("Content-Length") or 0)))
        if self._is_known() and self.path == RULES_PATH:
            self._tell(201, self.stream.change_rules(body))

    def do_GET(self) -> None:
        path, _, params = self.path.partition("?")
        if not self._is_known():
            return
        if path == RULES_PATH:
            self._tell(200, {"data": self.stream.rules, "meta": {"result_count": len(self.stream.rules)}})
        elif path == STREAM_PATH:
            self.stream.n_connections += 1
            self.stream.params.append(params)
            self._play()
        else:
            self._tell(404, {"title": "Not Found"})

    def _is_known(self) -> bool:
        if self.headers.get("Authorization") == f"Bearer {TOKEN}":
            return True
        self._tell(401, {"title": "Unauthorized"})
        return False

    def _tell(self, status: int, said: object, headers: dict[str, str] | None = None) -> None:
        body = msgspec.json.encode(said)
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _play(self) -> None:
        if self.stream.statuses:
            status, headers = self.stream.statuses.pop(0)
            self._tell(status, {"title": "no"}, headers)
            return
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        script = [] if self.stream.scripts.empty() else self.stream.scripts.get()
        try:
            for step in script:
                if not self._step(step):
                    return
            self.stream.closing.wait(30)
        except (BrokenPipeError, ConnectionResetError):
            pass
        self.close_connection = True

    def _step(self, step: Any) -> bool:
        """Do one thing of a script; say whether to go on."""
        if step is HANG_UP:
            self.wfile.write(b"0\r\n\r\n")
            return False
        if step is BREAK:
            self.wfile.write(b"ff\r\n{")
            self.close_connection = True
            return False
        if isinstance(step, float):
            return not self.stream.closing.wait(step)
        line = step if isinstance(step, bytes) else msgspec.json.encode(step) + b"\r\n"
        self.wfile.write(f"{len(line):x}\r\n".encode() + line + b"\r\n")
        self.wfile.flush()
        return True


def instant(at: datetime) -> str:
    """Return an instant as X writes it."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
