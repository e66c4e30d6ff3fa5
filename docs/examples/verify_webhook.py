# ruff: noqa: INP001 - a file to copy
"""Receive Uproar's webhooks: verify each, and handle each once.

Run it with the secret of the receiver: ``UPROAR_WEBHOOK_SECRET=whsec_... python verify_webhook.py 8080``.
Needs ``pip install standardwebhooks`` (1.1).
"""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock
from typing import TYPE_CHECKING, Any

from standardwebhooks import Webhook, WebhookVerificationError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

KEEP_S = 600.0
"""How long ids are kept: longer than the five minutes for which a message, and so a copy of it, passes for new."""

MAX_BYTES = 1_000_000


class RefusedError(Exception):
    """The message is not from Uproar, or not from now."""


@dataclass
class Inbox:
    """Verifies messages, and tells which have been here before.

    ``secrets`` are those in use: two of them while one replaces the other. Keep ``_seen`` in a database if more than
    one process receives, or if handling a message twice would hurt.
    """

    secrets: tuple[str, ...]
    clock: Callable[[], float] = time.monotonic
    _seen: dict[str, float] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def open(self, headers: Mapping[str, str], body: bytes) -> dict[str, Any] | None:
        """Return the message, or None if it has been here before: answer 200 to that, else it is sent again."""
        given = {name.lower(): value for name, value in headers.items()}
        self._verify(given, body)
        with self._lock:
            now_s = self.clock()
            self._seen = {id_: at_s for id_, at_s in self._seen.items() if now_s - at_s < KEEP_S}
            if given["webhook-id"] in self._seen:
                return None
            self._seen[given["webhook-id"]] = now_s
        message: dict[str, Any] = json.loads(body)
        return message

    def forget(self, headers: Mapping[str, str]) -> None:
        """Let the message come again, because it could not be handled: answer 500 to it."""
        with self._lock:
            self._seen.pop({name.lower(): value for name, value in headers.items()}["webhook-id"], None)

    def _verify(self, headers: dict[str, str], body: bytes) -> None:
        for secret in self.secrets:
            try:
                Webhook(secret).verify(body, headers, json_parse=False)
            except (WebhookVerificationError, ValueError):
                # ValueError: a signature that is no base64, has no comma, or a body that is no UTF-8. The library lets
                # those through as they are; uncaught they would be a 500, and the sender would try for hours.
                continue
            return
        raise RefusedError


class Handler(BaseHTTPRequestHandler):
    """Answers 401 to what is not from Uproar; 200 otherwise."""

    inbox: Inbox

    def do_POST(self) -> None:
        """Take one message."""
        length = int(self.headers.get("Content-Length") or 0)
        if length > MAX_BYTES:
            self.send_error(413)
            return
        body = self.rfile.read(length)
        try:
            message = self.inbox.open(dict(self.headers), body)
        except RefusedError:
            self.send_error(401)
            return
        if message is not None:
            sys.stdout.write(f"{message['status']}: {message['commonAnnotations']['summary']}\n")
            sys.stdout.flush()
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()


def main() -> None:
    """Receive until stopped."""
    Handler.inbox = Inbox(tuple(os.environ["UPROAR_WEBHOOK_SECRET"].split()))
    with ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler) as server:
        server.serve_forever()


if __name__ == "__main__":
    main()
