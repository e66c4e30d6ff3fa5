"""Platforms on loopback on which nothing happens that we look for: a Jetstream, a search of Hacker News, a Mastodon.

``python -m benchmarks.idle`` prints the ports of the first and of the other two, and serves until its input ends. Each
is alive: Bluesky sends account events every twenty seconds of the time that is asked for, Hacker News has one item in
every answer, and the instance an old post.
"""

from __future__ import annotations

import json
import re
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import serve

if TYPE_CHECKING:
    from websockets.sync.server import ServerConnection

BEAT_US = 20_000_000
FILTER = re.compile(r"created_at_i>=(\d+),created_at_i<(\d+)")


def stream(connection: ServerConnection) -> None:
    """Send an event every twenty seconds of the past, from the cursor on, until the client has had enough."""
    assert connection.request is not None  # noqa: S101
    (cursor,) = parse_qs(urlsplit(connection.request.path).query)["cursor"]
    at_us = int(cursor)
    try:
        while True:
            connection.send(json.dumps({"did": "did:plc:somebody", "time_us": at_us, "kind": "identity"}), text=True)
            at_us += BEAT_US
    except ConnectionClosed:
        pass


class Idle(BaseHTTPRequestHandler):
    """Answers searches and timelines."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        """Answer."""
        url = urlsplit(self.path)
        asked = parse_qs(url.query)
        if found := FILTER.fullmatch(asked.get("numericFilters", [""])[0]):
            hit = {"objectID": found[2], "created_at_i": int(found[2]) - 1, "author": "somebody", "title": "A walk"}
            self._tell({"hits": [hit], "hitsPerPage": 1000})
        else:
            self._tell([] if "min_id" in asked else [{"id": "1"}])

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _tell(self, told: object) -> None:
        body = json.dumps(told).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main() -> None:
    """Serve until standard input ends."""
    sockets = serve(stream, "127.0.0.1", 0, compression=None)
    pages = ThreadingHTTPServer(("127.0.0.1", 0), Idle)
    for server in (sockets, pages):
        threading.Thread(target=server.serve_forever, daemon=True).start()
    print(sockets.socket.getsockname()[1], pages.server_address[1], flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
