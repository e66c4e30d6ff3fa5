"""The outbox: what is to be told, to whom, and what became of it.

A message is written in the transaction that gives the reason for it, and marked after the receiver has answered. So
nothing is lost, and what comes twice comes under the same id. Whoever delivers takes a lease first; marks are accepted
from the holder of the lease only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import and_, delete, exists, func, not_, or_, select, update

from detectors.counting import micros
from detectors.errors import InputError
from flows.store import leasing, outgoing
from flows.store.base import Base
from flows.store.outbox_tables import deliveries, receivers
from flows.store.outgoing import Kept, Leased, Outgoing, ReceiverState, Setback, kept, optional
from flows.store.privacy import key_text, storable
from flows.store.reading import incidents_where
from flows.store.rows import overwriting, pages, put
from flows.store.schema import incidents

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime, timedelta

    import pandas as pd
    from sqlalchemy import ColumnElement, Connection

    from detectors.model import Incident

MAX_ERROR = 300
"""Characters of an error that are kept."""

RESOLVED_SENT = 3
"""How often a receiver that forgets is told that something is over."""

_FREE = {"leased_until": None, "owner": None}
_AFRESH = {"trying_since": None, "n_failed": 0}


class Outbox(Base):
    """Messages on their way; every instant that is given is aware."""

    def enqueue(self, messages: Iterable[Outgoing]) -> int:
        """Keep messages that are to be sent; return how many were new. One that is there, by id, stays as it is."""
        with self._writing() as connection:
            return outgoing.put_messages(connection, messages)

    def told(self, incident_ids: Iterable[str]) -> dict[str, dict[str, Sequence[Kept]]]:
        """Return the messages of these incidents, by incident and receiver, each by revision."""
        found: list[Kept] = []
        with self._reading() as connection:
            for some in pages(sorted({key_text(one) for one in incident_ids})):
                query = select(deliveries).where(deliveries.c.incident_id.in_(some))
                found += [kept(dict(row)) for row in connection.execute(query).mappings()]
        return outgoing.told(found)

    def to_be_told(self) -> list[Incident]:
        """Return the incidents of which something may be to be told: those that go on, and those told to go on."""
        over = deliveries.alias()
        is_over = exists().where(
            over.c.receiver == deliveries.c.receiver,
            over.c.incident_id == deliveries.c.incident_id,
            over.c.status == "resolved",
        )
        told = select(deliveries.c.incident_id).where(deliveries.c.status == "firing", ~is_over)
        with self._reading() as connection:
            return incidents_where(connection, or_(incidents.c.is_open, incidents.c.id.in_(told)))

    def lease(
        self, now: datetime, lease_s: float, limit: int, owner: str, receivers: Collection[str] | None = None
    ) -> list[Leased]:
        """Take messages that are due, for ``lease_s`` seconds; nobody else gets them meanwhile.

        Of an incident and receiver, only the first that is not delivered yet. None of a receiver that is disabled, or
        that asked to be left alone. What was leased and not marked in time is free again. A ``resolved`` that the
        receiver cannot place, because it never got a ``firing``, is dropped instead.

        Parameters
        ----------
        owner
            Who asks; :attr:`Leased.owner` is what the marks want.
        receivers
            Those whose messages are wanted; None = all.
        """
        now_us = micros(now)
        names = None if receivers is None else {key_text(name) for name in receivers}
        asking = leasing.Asking(owner, now_us, now_us + round(lease_s * 1_000_000), limit, names)
        with self._writing() as connection:
            return leasing.take(connection, asking)

    def delivered(self, delivery_id: str, owner: str, at: datetime) -> bool:
        """Note that the receiver took it; return False, and note nothing, if the lease is somebody else's by now."""
        values: dict[str, Any] = {"state": "delivered", "n_sent": deliveries.c.n_sent + 1, "done_at": micros(at)}
        with self._writing() as connection:
            receiver = _mark(connection, delivery_id, owner, values | _AFRESH | {"last_error": None})
            if receiver is not None:
                put(connection, _RECEIVERS, [{"name": receiver, "last_ok_at": micros(at), "failing_since": None}])
        return receiver is not None

    def failed(self, delivery_id: str, owner: str, setback: Setback) -> bool:
        """Note that the receiver did not take it, and what follows; return False as :meth:`delivered` does.

        What the receiver said of itself is noted even then: that it is gone, or wants to be left alone.
        """
        at_us = micros(setback.at)
        values: dict[str, Any] = {"last_error": _short(setback.error), "n_failed": deliveries.c.n_failed + 1}
        if setback.is_gone:
            values |= {"not_before": at_us}
        elif setback.not_before is None:
            values |= {"state": "dead", "done_at": at_us}
        else:
            values |= {"not_before": micros(setback.not_before)}
        with self._writing() as connection:
            is_marked = _mark(connection, delivery_id, owner, values) is not None
            if is_marked or setback.is_gone or setback.receiver_not_before is not None:
                query = select(deliveries.c.receiver).where(deliveries.c.id == delivery_id)
                _note_setback(connection, connection.execute(query).scalar_one(), setback)
        return is_marked

    def dead(self, delivery_id: str, owner: str, at: datetime, error: str) -> bool:
        """Note that it is given up, until somebody resends it; return False as :meth:`delivered` does."""
        return self.failed(delivery_id, owner, Setback(at=at, error=error))

    def disable(self, receiver: str, at: datetime, reason: str) -> None:
        """Send a receiver nothing more; its messages are kept for it."""
        with self._writing() as connection:
            put(
                connection,
                _RECEIVERS,
                [{"name": key_text(receiver), "disabled_at": micros(at), "reason": _short(reason)}],
            )

    def enable(self, receiver: str, at: datetime) -> int:
        """Send a receiver its messages again, from ``at`` on; return how many wait. Their time to try begins anew."""
        name = key_text(receiver)
        cleared: dict[str, Any] = dict.fromkeys(("disabled_at", "reason", "not_before", "failing_since"))
        with self._writing() as connection:
            put(connection, _RECEIVERS, [{"name": name, **cleared}])
            waiting = update(deliveries).where(deliveries.c.receiver == name, deliveries.c.state == "pending")
            return connection.execute(waiting.values(not_before=micros(at), **_AFRESH)).rowcount

    def resend(self, at: datetime, *, delivery_id: str | None = None, receiver: str | None = None) -> list[str]:
        """Have messages sent again, under the same id; return which.

        That of an id, whatever became of it; or all dead ones, of one receiver or of any. One is left as it is where
        the receiver has got a later message of that incident: nobody is told that something broke after being told that
        it is over. A ``resolved`` that was dropped because the ``firing`` before it had died follows that.
        """
        which = [deliveries.c.state == "dead"] if delivery_id is None else [deliveries.c.id == delivery_id]
        which += [] if receiver is None else [deliveries.c.receiver == key_text(receiver)]
        again = {"state": "pending", "not_before": micros(at), "done_at": None, **_AFRESH}
        with self._writing() as connection:
            query = select(deliveries.c.id, deliveries.c.receiver, deliveries.c.incident_id, deliveries.c.revision)
            rows = connection.execute(query.where(*which, ~_sent_later()).order_by(deliveries.c.revision)).all()
            for row in rows:
                connection.execute(update(deliveries).where(deliveries.c.id == row.id).values(again))
                follows = (
                    deliveries.c.receiver == row.receiver,
                    deliveries.c.incident_id == row.incident_id,
                    deliveries.c.revision > row.revision,
                    deliveries.c.state == "dropped",
                )
                connection.execute(update(deliveries).where(*follows).values(again | {"last_error": None}))
        return [row.id for row in rows]

    def due_again(self, now: datetime, every: Mapping[str, timedelta]) -> int:
        """Have said again what receivers that forget would forget; return how many messages.

        Of each incident the last message, if the receiver took it long enough ago: one that fires for as long as it
        is the last, one that says that it is over :data:`RESOLVED_SENT` times in all.

        Parameters
        ----------
        every
            Receiver -> how often what fires has to be said.
        """
        n_again = 0
        still = or_(deliveries.c.status == "firing", deliveries.c.n_sent < RESOLVED_SENT)
        with self._writing() as connection:
            for receiver, pause in every.items():
                is_due = deliveries.c.state == "delivered", deliveries.c.done_at <= micros(now - pause)
                which = deliveries.c.receiver == key_text(receiver), *is_due, still, ~leasing.has_later()
                again = update(deliveries).where(*which).values(state="pending", not_before=micros(now))
                n_again += connection.execute(again).rowcount
        return n_again

    def deliveries(
        self,
        *,
        receiver: str | None = None,
        incident_id: str | None = None,
        state: str | None = None,
        limit: int | None = None,
    ) -> list[Kept]:
        """Return messages, the newest first; whatever is None does not restrict."""
        given = {"receiver": receiver, "incident_id": incident_id, "state": state}
        which = [deliveries.c[name] == key_text(value) for name, value in given.items() if value is not None]
        table = deliveries.c
        query = select(deliveries).where(*which).limit(limit)
        query = query.order_by(table.created_at.desc(), table.revision.desc(), table.receiver, table.incident_id)
        with self._reading() as connection:
            return [kept(dict(row)) for row in connection.execute(query).mappings()]

    def delivery_frame(self, *, incident_id: str | None = None) -> pd.DataFrame:
        """Return messages as a frame, the oldest first; see :func:`flows.store.outbox_frames.lay_out`."""
        from flows.store import outbox_frames

        return outbox_frames.lay_out(reversed(self.deliveries(incident_id=incident_id)))

    def receiver_states(self) -> list[ReceiverState]:
        """Return how every receiver does that ever had a message, by name."""
        counted = select(deliveries.c.receiver, deliveries.c.state, func.count()).group_by(
            deliveries.c.receiver, deliveries.c.state
        )
        with self._reading() as connection:
            known = {row["name"]: dict(row) for row in connection.execute(select(receivers)).mappings()}
            numbers = {(name, state): n for name, state, n in connection.execute(counted)}
        names = sorted(known.keys() | {name for name, _ in numbers})
        return [_state(known.get(name, {"name": name}), numbers) for name in names]

    def next_due(self, now: datetime, names: Collection[str]) -> datetime | None:
        """Return when the next message of these receivers may be sent (UTC); None = none waits for its time.

        One that waits for another of its incident is not asked, and neither is a receiver that is disabled.
        """
        at = func.max if self._engine.dialect.name == "sqlite" else func.greatest
        due = at(
            deliveries.c.not_before,
            func.coalesce(deliveries.c.leased_until, 0),
            func.coalesce(receivers.c.not_before, 0),
        )
        query = (
            select(func.min(due))
            .select_from(deliveries.outerjoin(receivers, receivers.c.name == deliveries.c.receiver))
            .where(deliveries.c.state == "pending", receivers.c.disabled_at.is_(None))
            .where(deliveries.c.receiver.in_([key_text(name) for name in names]), leasing.is_first(micros(now)))
        )
        with self._reading() as connection:
            return optional(connection.execute(query).scalar())

    def forget_deliveries(self, before: datetime) -> int:
        """Forget the messages of incidents that are over and told; return how many.

        All of an incident and receiver at once, when each was delivered or dropped before ``before``, and the incident
        has ended or the last of them says so: without the ``firing`` one a ``resolved`` one could not be placed.
        """
        other = deliveries.alias()
        same = and_(other.c.receiver == deliveries.c.receiver, other.c.incident_id == deliveries.c.incident_id)
        unfinished = or_(other.c.state.in_(["pending", "dead"]), other.c.done_at >= micros(before))
        is_over = or_(
            exists().where(incidents.c.id == deliveries.c.incident_id, not_(incidents.c.is_open)),
            exists().where(same, other.c.status == "resolved"),
        )
        statement = delete(deliveries).where(~exists().where(same, unfinished), is_over)
        with self._writing() as connection, overwriting(connection):
            return connection.execute(statement).rowcount

    def forget_told_posts(self, before: datetime | None = None) -> int:
        """Take the words of posts out of messages that were made before ``before`` (None: of all); return how many.

        For retention, and for every request to forget a post or an author: whose words are in a message is not known.
        """
        which: list[ColumnElement[bool]] = [deliveries.c.has_posts.is_(True)]
        which += [] if before is None else [deliveries.c.created_at < micros(before)]
        with self._writing() as connection, overwriting(connection):
            rows = connection.execute(select(deliveries.c.id, deliveries.c.body).where(*which)).all()
            for row in rows:
                values = {"body": _without_posts(bytes(row.body)), "has_posts": False}
                connection.execute(update(deliveries).where(deliveries.c.id == row.id).values(values))
        if rows:
            self._overwrite()
        return len(rows)


_RECEIVERS = receivers  # a parameter of ``lease`` has that name


def _mark(connection: Connection, delivery_id: str, owner: str, values: dict[str, Any]) -> str | None:
    """Write what became of a message, and give it free; return its receiver, None if the lease is not ``owner``'s."""
    which = deliveries.c.id == delivery_id, deliveries.c.owner == owner, deliveries.c.state == "pending"
    receiver = connection.execute(select(deliveries.c.receiver).where(*which)).scalar()
    if receiver is not None:
        connection.execute(update(deliveries).where(*which).values(values | _FREE))
    return receiver


def _note_setback(connection: Connection, receiver: str, setback: Setback) -> None:
    """Note how the receiver does; what it asked for is never made shorter by what it asks later."""
    at_us = micros(setback.at)
    query = select(receivers.c.failing_since, receivers.c.not_before).where(receivers.c.name == receiver)
    known = connection.execute(query).one_or_none()
    since_us = None if known is None else known.failing_since
    row: dict[str, Any] = {"name": receiver, "failing_since": at_us if since_us is None else since_us}
    if setback.receiver_not_before is not None:
        before_us = 0 if known is None else known.not_before or 0
        row["not_before"] = max(before_us, micros(setback.receiver_not_before))
    if setback.is_gone:
        row |= {"disabled_at": at_us, "reason": _short(setback.error)}
    put(connection, receivers, [row])


def _sent_later() -> ColumnElement[bool]:
    """Return the condition that the receiver has got a later message of the incident."""
    later = deliveries.alias()
    return exists().where(
        later.c.receiver == deliveries.c.receiver,
        later.c.incident_id == deliveries.c.incident_id,
        later.c.revision > deliveries.c.revision,
        later.c.n_sent > 0,
    )


def _state(row: Mapping[str, Any], numbers: Mapping[tuple[str, str], int]) -> ReceiverState:
    times = {name: optional(row.get(name)) for name in ("disabled_at", "not_before", "last_ok_at", "failing_since")}
    name = row["name"]
    n_pending, n_dead = (numbers.get((name, state), 0) for state in ("pending", "dead"))
    return ReceiverState(name=name, reason=row.get("reason"), n_pending=n_pending, n_dead=n_dead, **times)


def _short(error: str) -> str:
    text = storable(error)
    return text if len(text) <= MAX_ERROR else text[: MAX_ERROR - 1] + "…"


def _without_posts(body: bytes) -> bytes:
    """Return a message without the words of posts.

    Raises
    ------
    InputError
        It is not a message.
    """
    try:
        fields = msgspec.json.decode(body, type=dict[str, Any])
    except msgspec.MsgspecError:
        raise InputError("a message in the outbox is not JSON") from None
    return msgspec.json.encode({name: value for name, value in fields.items() if name != "posts"})
