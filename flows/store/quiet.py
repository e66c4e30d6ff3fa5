"""What people said about alerts: when to be silent, and that they have seen one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct
from sqlalchemy import delete, select, update

from detectors.counting import micros
from detectors.errors import InputError
from detectors.model import Instant  # noqa: TC001 - msgspec reads annotations
from flows.store.base import Base
from flows.store.outbox_tables import acks, silences
from flows.store.privacy import key_text, storable
from flows.store.rows import put, put_new
from flows.store.times import instant

if TYPE_CHECKING:
    from datetime import datetime


class Silence(Struct, frozen=True, kw_only=True):
    """A time in which what fits is measured, and not told.

    Attributes
    ----------
    id
        Its name; a second one of the same id changes nothing.
    created_at, starts_at, ends_at
        UTC; it holds while ``starts_at <= t < ends_at``.
    matchers
        ``service``, ``region``, ``severity`` -> which of them; a key that is not there fits everything.
    comment, author
        Why, and who said so.
    """

    id: str
    created_at: Instant
    starts_at: Instant
    ends_at: Instant
    matchers: dict[str, tuple[str, ...]] = {}
    comment: str = ""
    author: str = ""


class Ack(Struct, frozen=True):
    """That somebody has seen an incident (``at``: UTC), and takes care of it."""

    incident_id: str
    at: Instant
    by: str = ""
    comment: str = ""


class Quiet(Base):
    """Silences and acknowledgements."""

    def add_silence(self, silence: Silence) -> None:
        """Keep a silence.

        Raises
        ------
        InputError
            It ends before it begins.
        """
        if silence.ends_at <= silence.starts_at:
            raise InputError("a silence ends after it begins")
        row = {
            "id": key_text(silence.id),
            "created_at": micros(silence.created_at),
            "starts_at": micros(silence.starts_at),
            "ends_at": micros(silence.ends_at),
            "matchers": storable(msgspec.json.encode(silence.matchers).decode()),
            "comment": storable(silence.comment),
            "author": storable(silence.author),
        }
        with self._writing() as connection:
            put_new(connection, silences, [row])

    def expire_silence(self, silence_id: str, at: datetime) -> bool:
        """End a silence at ``at`` (aware) if it would hold longer; return whether it would have."""
        with self._writing() as connection:
            which = silences.c.id == key_text(silence_id), silences.c.ends_at > micros(at)
            return bool(connection.execute(update(silences).where(*which).values(ends_at=micros(at))).rowcount)

    def silences(self, now: datetime | None = None) -> list[Silence]:
        """Return the silences that hold at ``now`` (aware), by their beginning; None = every one there ever was."""
        which = [] if now is None else [silences.c.starts_at <= micros(now), silences.c.ends_at > micros(now)]
        query = select(silences).where(*which).order_by(silences.c.starts_at, silences.c.id)
        with self._reading() as connection:
            return [_silence(dict(row)) for row in connection.execute(query).mappings()]

    def ack(self, incident_id: str, at: datetime, by: str = "", comment: str = "") -> None:
        """Note that somebody has seen an incident (``at``: aware); the last word counts."""
        row = {"incident_id": key_text(incident_id), "at": micros(at), "by": storable(by), "comment": storable(comment)}
        with self._writing() as connection:
            put(connection, acks, [row])

    def unack(self, incident_id: str) -> bool:
        """Take an acknowledgement back; return whether there was one."""
        with self._writing() as connection:
            which = acks.c.incident_id == key_text(incident_id)
            return bool(connection.execute(delete(acks).where(which)).rowcount)

    def acks(self) -> dict[str, Ack]:
        """Return what was acknowledged, by incident."""
        with self._reading() as connection:
            rows = connection.execute(select(acks).order_by(acks.c.at)).all()
        return {row.incident_id: Ack(row.incident_id, instant(row.at), row.by, row.comment) for row in rows}


def _silence(row: dict[str, Any]) -> Silence:
    times = {name: instant(row[name]) for name in ("created_at", "starts_at", "ends_at")}
    matchers = msgspec.json.decode(row["matchers"], type=dict[str, tuple[str, ...]])
    return Silence(**(row | times | {"matchers": matchers}))
