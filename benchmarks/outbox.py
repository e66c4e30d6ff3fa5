"""How fast messages are delivered, and what the outbox takes of it: ``python -m benchmarks outbox``.

Messages go to a webhook on the loopback, which answers at once; beside it, the same posts without an outbox, and the
outbox without posts. Then what one lease costs beside many messages that are delivered long since.
"""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from time import perf_counter
from typing import TYPE_CHECKING
from uuid import uuid4

import msgspec
from sqlalchemy import update

from benchmarks.table import Row
from flows.net import SYSTEM_CLOCK, Allow, Guard, guarded_http
from flows.notify.message import Message, delivery_id
from flows.notify.receivers.base import Delivery
from flows.notify.receivers.webhook import WebhookReceiver
from flows.notify.worker import deliver_due
from flows.store import Outgoing, open_store
from flows.store.outbox_tables import deliveries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from flows.store import Store

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
NUMBER = 500
HISTORY = (0, 10_000, 100_000)


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Nobody:
    """Takes everything, and does nothing."""

    name, kind = "sink", "nobody"
    resend_every: timedelta | None = None

    def deliver(self, message: Message, delivery: Delivery) -> None:
        """Take it."""


def messages(number: int) -> Iterator[Message]:
    """Make messages up, four to an incident; of incidents that nobody has seen before."""
    run = uuid4().hex
    for place in range(number):
        yield Message(
            incident_id=f"{run}-{place // 4}",
            revision=place % 4 + 1,
            status="firing",
            state="confirmed",
            severity="page",
            service="imessage",
            service_name="iMessage",
            at=LONG_AGO,
            sentence="iMessage: 13x normal since 18:05 (18:02-18:07) UTC",
            starts_at=LONG_AGO,
        )


def outgoing(message: Message) -> Outgoing:
    """Return a message as the outbox takes it."""
    return Outgoing(
        id=delivery_id("sink", message.incident_id, message.revision),
        receiver="sink",
        incident_id=message.incident_id,
        revision=message.revision,
        status=message.status,
        body=msgspec.json.encode(message),
        created_at=message.at,
    )


def rate(number: int, work: Callable[[], object]) -> float:
    """Return how many per second."""
    began = perf_counter()
    work()
    return number / (perf_counter() - began)


def fill(store: Store, number: int) -> None:
    """Put messages in and have them taken."""
    store.enqueue([outgoing(one) for one in messages(number)])
    done = update(deliveries).values(state="delivered", attempts=1, n_sent=1, done_at=deliveries.c.created_at)
    with store._writing() as connection:  # noqa: SLF001 - one by one it would take minutes
        connection.execute(done)


def lease_ms(store: Store) -> float:
    """Return what taking one message and marking it costs, in milliseconds."""
    store.enqueue([outgoing(one) for one in messages(200)])
    now = SYSTEM_CLOCK.now()

    def take() -> None:
        for _ in range(200):
            (one,) = store.lease(now, 60, 1, "worker", ["sink"])
            store.delivered(one.id, one.owner, now)

    return 1000 / rate(200, take)


def measure(number: int = NUMBER, history: Sequence[int] = HISTORY, url: str | None = None) -> list[Row]:
    """Deliver so many messages with and without the outbox, and lease beside so many that were delivered before."""
    with ExitStack() as stack:
        server = stack.enter_context(ThreadingHTTPServer(("127.0.0.1", 0), _Handler))
        Thread(target=server.serve_forever, daemon=True).start()
        stack.callback(server.shutdown)
        http = stack.enter_context(guarded_http(Guard(Allow.of([f"127.0.0.1:{server.server_port}"]))))
        hook = WebhookReceiver(name="sink", url=f"http://127.0.0.1:{server.server_port}", http=http)
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        store = stack.enter_context(open_store(url or Path(folder) / "uproar.db"))
        given = list(messages(number))
        now = SYSTEM_CLOCK.now()

        def post() -> None:
            for one in given:
                hook.deliver(one, Delivery(str(uuid4()), 1, now))

        alone = rate(number, post)
        rows = [Row(name="posts to a webhook, no outbox", value=alone, unit="messages/s")]
        for name, receiver in (("outbox, no posts", Nobody()), ("outbox and posts", hook)):
            store.enqueue([outgoing(one) for one in messages(number)])
            stop_at = SYSTEM_CLOCK.now() + timedelta(minutes=10)
            found = rate(number, lambda to=receiver, at=stop_at: deliver_due(store, {"sink": to}, stop_at=at))  # type: ignore[misc]
            rows.append(Row(name=name, value=found, unit="messages/s", ratio=found / alone, beside="posts, no outbox"))
        n_before = 0
        for n_history in history:
            fill(store, n_history - n_before)
            n_before = n_history
            rows.append(Row(name=f"lease and mark, {n_history:,} delivered before", value=lease_ms(store), unit="ms"))
        return rows
