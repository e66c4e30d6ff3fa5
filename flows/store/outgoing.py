"""What is in the outbox: messages as they go in, as a worker takes them, and as they are looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct

from detectors.counting import micros
from detectors.model import Instant  # noqa: TC001 - msgspec reads annotations
from flows.store.outbox_tables import deliveries
from flows.store.privacy import key_text
from flows.store.rows import put_new
from flows.store.times import instant

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

Told = Literal["firing", "resolved"]
DeliveryState = Literal["pending", "delivered", "dead", "dropped"]
"""``dead`` was given up, ``dropped`` was not worth sending; both say why in ``last_error``."""

_TIMES = ("created_at", "not_before", "trying_since", "leased_until", "done_at")


class Outgoing(Struct, frozen=True, kw_only=True):
    """One message for one receiver.

    Attributes
    ----------
    id
        As :func:`flows.notify.message.delivery_id` makes it.
    receiver
        Its name.
    incident_id, revision
        What it is about. The messages of an incident are delivered by revision.
    status
        Whether it says that something is broken, or that it is over.
    body
        The message, as JSON.
    created_at
        When it could be told (UTC).
    not_before
        Not to be sent before (UTC); None = at once.
    has_posts
        Whether somebody's words are in the body: then they go when posts go.
    dropped_because
        Why it is kept without ever being sent; None = it is sent.
    """

    id: str
    receiver: str
    incident_id: str
    revision: int
    status: Told
    body: bytes
    created_at: Instant
    not_before: Instant | None = None
    has_posts: bool = False
    dropped_because: str | None = None


class Leased(Struct, frozen=True, kw_only=True):
    """A message that a worker may deliver, and nobody else, until ``leased_until`` (UTC).

    Attributes
    ----------
    owner
        Names this lease: whoever wants to mark the message has to give it.
    attempt
        1 for the first.
    trying_since
        When the first attempt was made (UTC), since it was last delivered or sent again by hand.
    n_sent
        How often the receiver has taken it before.
    n_failed
        How many attempts have failed since ``trying_since``.
    """

    id: str
    receiver: str
    incident_id: str
    revision: int
    status: Told
    body: bytes
    owner: str
    attempt: int
    trying_since: Instant
    leased_until: Instant
    n_sent: int = 0
    n_failed: int = 0


class Setback(Struct, frozen=True, kw_only=True):
    """That an attempt failed, and what follows from it.

    Attributes
    ----------
    at
        When (UTC).
    error
        Why, in short, without secrets.
    not_before
        When to try again (UTC); None = never, the message is dead.
    receiver_not_before
        Until when the receiver wants to be left alone with any message (UTC); None = it did not say.
    is_gone
        The receiver is not there any more: it is disabled, and its messages are kept for it.
    """

    at: Instant
    error: str
    not_before: Instant | None = None
    receiver_not_before: Instant | None = None
    is_gone: bool = False


class Kept(Struct, frozen=True, kw_only=True):
    """A message in the outbox, with all that is known of it; instants are UTC.

    Attributes
    ----------
    attempts
        How often somebody began to deliver it.
    n_sent
        How often the receiver took it.
    leased_until
        A worker is at it, until then at the latest.
    done_at
        When it was delivered (last), given up or dropped.
    """

    id: str
    receiver: str
    incident_id: str
    revision: int
    status: Told
    body: bytes
    has_posts: bool
    created_at: Instant
    state: DeliveryState
    attempts: int
    n_sent: int
    not_before: Instant
    trying_since: Instant | None
    n_failed: int
    leased_until: Instant | None
    last_error: str | None
    done_at: Instant | None


class ReceiverState(Struct, frozen=True, kw_only=True):
    """How a receiver does; instants are UTC.

    Attributes
    ----------
    disabled_at, reason
        Since when it gets nothing, and why; None = it does.
    not_before
        It asked to be left alone until then.
    last_ok_at, failing_since
        When it last took a message; since when it takes none.
    n_pending, n_dead
        Messages that wait for it, and that were given up.
    """

    name: str
    disabled_at: Instant | None = None
    reason: str | None = None
    not_before: Instant | None = None
    last_ok_at: Instant | None = None
    failing_since: Instant | None = None
    n_pending: int = 0
    n_dead: int = 0


def put_messages(connection: Connection, messages: Iterable[Outgoing]) -> int:
    """Keep messages that are new, by id and by what they are about; return how many were."""
    return put_new(connection, deliveries, [_row(one) for one in messages])


def _row(one: Outgoing) -> dict[str, Any]:
    return {
        "id": key_text(one.id),
        "receiver": key_text(one.receiver),
        "incident_id": key_text(one.incident_id),
        "revision": one.revision,
        "status": one.status,
        "body": one.body,
        "has_posts": one.has_posts,
        "created_at": micros(one.created_at),
        "state": "pending" if one.dropped_because is None else "dropped",
        "last_error": one.dropped_because,
        "done_at": None if one.dropped_because is None else micros(one.created_at),
        "attempts": 0,
        "n_sent": 0,
        "n_failed": 0,
        "not_before": micros(one.not_before or one.created_at),
    }


def kept(row: Mapping[str, Any]) -> Kept:
    """Return a row of the table as what it says."""
    fields = {name: row[name] for name in Kept.__struct_fields__}
    fields |= {name: optional(fields[name]) for name in _TIMES}
    return Kept(**(fields | {"body": bytes(row["body"])}))


def optional(at_us: int | None) -> datetime | None:
    """Return an instant (UTC), where there is one."""
    return None if at_us is None else instant(at_us)


def told(rows: Iterable[Kept]) -> dict[str, dict[str, Sequence[Kept]]]:
    """Return messages by incident and receiver, each by revision."""
    found: dict[str, dict[str, list[Kept]]] = {}
    for row in sorted(rows, key=lambda row: row.revision):
        found.setdefault(row.incident_id, {}).setdefault(row.receiver, []).append(row)
    return {incident: dict(by_receiver) for incident, by_receiver in found.items()}
