"""Which message a worker may take next: the order of an incident, and what is not worth sending any more.

Every function runs in its caller's transaction; nobody else writes meanwhile.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, and_, bindparam, exists, func, or_, select, update

from flows.store.outbox_tables import deliveries, receivers
from flows.store.outgoing import Leased
from flows.store.times import instant

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import BindParameter, ColumnElement, Connection, Row, Select

OVERTAKEN = "not sent: a later message of this incident was delivered before it"
NEVER_FIRED = "not sent: this receiver never got the message that it began"


@dataclass(frozen=True)
class Asking:
    """Who wants messages, when (microseconds), for how long, how many, and for which receivers (None = all)."""

    owner: str
    now_us: int
    until_us: int
    limit: int
    receivers: Collection[str] | None = None


def take(connection: Connection, asking: Asking) -> list[Leased]:
    """Lease what is free, the longest due first; drop what turns out to be not worth sending."""
    found: list[Leased] = []
    while len(found) < asking.limit:
        heads = _heads(connection, asking, asking.limit - len(found))
        if not heads:
            break
        for head in heads:
            verdict = judge(head)
            if verdict is None:
                found.append(_lease(connection, head, asking))
            else:
                values = {**verdict, "done_at": head.done_at or asking.now_us, "leased_until": None, "owner": None}
                connection.execute(update(deliveries).where(deliveries.c.id == head.id).values(values))
    return found


def judge(head: Row[Any]) -> dict[str, str | None] | None:
    """Return what becomes of a message that is not to be sent; None = it is to be sent."""
    if head.n_sent and head.has_later:
        return {"state": "delivered", "last_error": None}  # said again only while it is the last word
    if head.last_sent is not None and head.last_sent > head.revision:
        return {"state": "dropped", "last_error": OVERTAKEN}
    if head.status == "resolved" and not head.has_fired:
        return {"state": "dropped", "last_error": NEVER_FIRED}
    return None


def _heads(connection: Connection, asking: Asking, limit: int) -> list[Row[Any]]:
    """Return the messages that are due, free and first of their incident, with what the receiver has got of it."""
    given: dict[str, Any] = {"now_us": asking.now_us, "n": limit}
    if asking.receivers is not None:
        given["names"] = sorted(asking.receivers)
    return list(connection.execute(_query(is_named="names" in given), given).all())


@cache
def _query(*, is_named: bool) -> Select[Any]:
    """Return the query of :func:`_heads`. Put together once: that takes longer than to answer it."""
    table, other = deliveries, deliveries.alias()
    same = and_(other.c.receiver == table.c.receiver, other.c.incident_id == table.c.incident_id)
    is_sent, is_before = other.c.n_sent > 0, other.c.revision < table.c.revision
    now_us = bindparam("now_us", type_=BigInteger)
    due = [
        table.c.state == "pending",
        table.c.not_before <= now_us,
        or_(table.c.leased_until.is_(None), table.c.leased_until <= now_us),
        receivers.c.disabled_at.is_(None),
        or_(receivers.c.not_before.is_(None), receivers.c.not_before <= now_us),
        is_first(now_us),
    ]
    due += [table.c.receiver.in_(bindparam("names", expanding=True))] if is_named else []
    return (
        select(
            table,
            select(func.max(other.c.revision)).where(same, is_sent).scalar_subquery().label("last_sent"),
            exists().where(same, is_sent, is_before, other.c.status == "firing").label("has_fired"),
            has_later().label("has_later"),
        )
        .outerjoin(receivers, receivers.c.name == table.c.receiver)
        .where(*due)
        .order_by(table.c.not_before, table.c.created_at, table.c.revision, table.c.id)
        .limit(bindparam("n"))
    )


def has_later() -> ColumnElement[bool]:
    """Return the condition that a message is not the last word on its incident.

    One that died untaken says nothing in its place; one that says that it is over ends the matter even so.
    """
    other = deliveries.alias()
    return exists().where(
        other.c.receiver == deliveries.c.receiver,
        other.c.incident_id == deliveries.c.incident_id,
        other.c.revision > deliveries.c.revision,
        or_(other.c.status == "resolved", other.c.state.in_(["pending", "delivered"]), other.c.n_sent > 0),
    )


def is_first(now_us: int | BindParameter[int]) -> ColumnElement[bool]:
    """Return the condition that no earlier message of the incident has to be delivered before.

    One that is only said again keeps nobody waiting, unless somebody is saying it just now.
    """
    other = deliveries.alias()
    return ~exists().where(
        other.c.receiver == deliveries.c.receiver,
        other.c.incident_id == deliveries.c.incident_id,
        other.c.revision < deliveries.c.revision,
        other.c.state == "pending",
        or_(other.c.n_sent == 0, other.c.leased_until > now_us),
    )


def _lease(connection: Connection, head: Row[Any], asking: Asking) -> Leased:
    """Note who has it. The attempt is part of the name: two leases of one worker are not the same."""
    attempt = head.attempts + 1
    trying_us = asking.now_us if head.trying_since is None else head.trying_since
    owner = f"{asking.owner}#{attempt}"
    values = {"attempts": attempt, "owner": owner, "leased_until": asking.until_us, "trying_since": trying_us}
    connection.execute(update(deliveries).where(deliveries.c.id == head.id).values(values))
    return Leased(
        id=head.id,
        receiver=head.receiver,
        incident_id=head.incident_id,
        revision=head.revision,
        status=head.status,
        body=bytes(head.body),
        owner=owner,
        attempt=attempt,
        trying_since=instant(trying_us),
        leased_until=instant(asking.until_us),
        n_sent=head.n_sent,
        n_failed=head.n_failed,
    )
