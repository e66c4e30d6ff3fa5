"""The sources' health: when each query was tried and what came of it, and what is wrong at the moment."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal, get_args

from msgspec import Struct
from sqlalchemy import and_, bindparam, func, select

from detectors.counting import micros
from detectors.errors import InputError
from flows.store.base import Base
from flows.store.privacy import key_text, storable
from flows.store.rows import put
from flows.store.schema import cursors, reports
from flows.store.schema import faults as faults_table
from flows.store.schema import feeds as feeds_table
from flows.store.times import instant

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy import Connection, Row

DAY = timedelta(days=1)

Kind = Literal["failing", "silent", "lagging", "gone"]
KINDS: tuple[str, ...] = get_args(Kind)

_FAILED_SINCE = select(feeds_table.c.failed_since).where(
    feeds_table.c.source == bindparam("a_source"), feeds_table.c.query == bindparam("a_query")
)


class Feed(Struct, frozen=True):
    """How one query of one source is doing; every instant is aware UTC.

    Attributes
    ----------
    label
        Which feed it is: what a person is told.
    tried_at, ok_at
        When it was last tried, and when that last went well; None = never.
    failed_since
        When the failures in a row began; None where the last try went well.
    error
        What the last failure was; None where the last try went well.
    not_before
        When the platform wants to be asked again; None = whenever.
    newest_at
        The end of the latest time that it has vouched for; None = never any.
    n_reports
        Reports of the last 24 hours from its source, over all of the source's queries.
    """

    source: str
    query: str
    label: str
    tried_at: datetime
    ok_at: datetime | None = None
    failed_since: datetime | None = None
    error: str | None = None
    not_before: datetime | None = None
    newest_at: datetime | None = None
    n_reports: int = 0


class Fault(Struct, frozen=True, order=True):
    """Something that is, or was, wrong with a source; ``service`` is ``*`` where all of it is concerned."""

    source: str
    service: str
    kind: str
    began_at: datetime
    ended_at: datetime | None
    message: str


class Feeds(Base):
    """What is known of the sources' health."""

    def note_feed(  # noqa: PLR0913 - one row, named column by column
        self,
        source: str,
        query: str,
        *,
        label: str,
        at: datetime,
        error: str | None = None,
        not_before: datetime | None = None,
    ) -> None:
        """Note that a query was tried.

        Parameters
        ----------
        at
            When (UTC).
        error
            What went wrong, without a secret or the text of a post; None = it went well.
        not_before
            When the platform wants to be asked again (UTC).
        """
        at_us = micros(at)
        row = {
            "source": key_text(source),
            "query": key_text(query),
            "label": storable(label),
            "tried_at": at_us,
            "not_before": None if not_before is None else micros(not_before),
            "error": None if error is None else storable(error),
        }
        with self._writing() as connection:
            if error is None:
                row |= {"failed_since": None, "ok_at": at_us}
            else:
                since = connection.execute(_FAILED_SINCE, {"a_source": row["source"], "a_query": row["query"]}).scalar()
                row["failed_since"] = at_us if since is None else since
            put(connection, feeds_table, [row])

    def feeds(self, now: datetime | None = None) -> list[Feed]:
        """Return every query that was ever tried, by source and query.

        Parameters
        ----------
        now
            The end of the 24 hours whose reports are counted (UTC); None = when a feed was last tried.
        """
        place = and_(cursors.c.source == feeds_table.c.source, cursors.c.query == feeds_table.c.query)
        query = select(feeds_table, cursors.c.newest_at).join(cursors, place, isouter=True)
        with self._reading() as connection:
            rows = connection.execute(query.order_by(feeds_table.c.source, feeds_table.c.query)).all()
            last_us = max((row.tried_at for row in rows), default=0) if now is None else micros(now)
            n_reports = _reports_by_source(connection, last_us)
        return [_feed(row, n_reports.get(row.source, 0)) for row in rows]

    def set_faults(self, at: datetime, current: Mapping[tuple[str, str, str], str]) -> tuple[list[Fault], list[Fault]]:
        """Say what is wrong now, and hear what that changes. The same again changes nothing.

        Parameters
        ----------
        at
            When it was found (UTC).
        current
            (source, service or ``*``, kind) to message; the kinds are :data:`KINDS`.

        Returns
        -------
        began, ended : list of Fault
            Those that were not known yet, and those that are over; each sorted.

        Raises
        ------
        InputError
            A kind that does not exist.
        """
        unknown = sorted({kind for _, _, kind in current} - set(KINDS))
        if unknown:
            raise InputError(f"{unknown[0]!r} is no kind of fault; there are {', '.join(KINDS)}")
        at_us = micros(at)
        wanted = {(key_text(a), key_text(b), kind): storable(text) for (a, b, kind), text in current.items()}
        with self._writing() as connection:
            known = {fault[:3]: fault for fault in map(tuple, _faults(connection, open_only=True))}
            began = [(*key, at_us, None, text) for key, text in wanted.items() if key not in known]
            ended = [
                (*key, fault[3], max(at_us, fault[3]), fault[5]) for key, fault in known.items() if key not in wanted
            ]
            goes_on = [
                (*known[key][:5], text) for key, text in wanted.items() if key in known and known[key][5] != text
            ]
            names = faults_table.c.keys()
            put(connection, faults_table, [dict(zip(names, row, strict=True)) for row in (*began, *ended, *goes_on)])
        return sorted(map(_fault, began)), sorted(map(_fault, ended))

    def faults(self, *, open_only: bool = True) -> list[Fault]:
        """Return what is wrong, or what ever was, by source, service, kind and beginning."""
        with self._reading() as connection:
            return sorted(map(_fault, map(tuple, _faults(connection, open_only=open_only))))


def _reports_by_source(connection: Connection, last_us: int) -> dict[str, int]:
    """Return how many reports each source gave in the 24 hours up to an instant (microseconds)."""
    within = reports.c.created_at.between(last_us - DAY // timedelta(microseconds=1), last_us)
    query = select(reports.c.source, func.count()).where(within).group_by(reports.c.source)
    return {source: int(n) for source, n in connection.execute(query)}


def _feed(row: Row[Any], n_reports: int) -> Feed:
    """Return a row as what it means."""
    return Feed(
        source=row.source,
        query=row.query,
        label=row.label,
        tried_at=instant(row.tried_at),
        ok_at=_instant(row.ok_at),
        failed_since=_instant(row.failed_since),
        error=row.error,
        not_before=_instant(row.not_before),
        newest_at=_instant(row.newest_at),
        n_reports=n_reports,
    )


def _faults(connection: Connection, *, open_only: bool) -> list[Row[Any]]:
    """Return the rows of faults."""
    query = select(faults_table)
    return list(connection.execute(query.where(faults_table.c.ended_at.is_(None)) if open_only else query).all())


def _fault(row: tuple[Any, ...]) -> Fault:
    """Return a row as what it means."""
    source, service, kind, began_us, ended_us, message = row
    return Fault(source, service, kind, instant(began_us), _instant(ended_us), message)


def _instant(at_us: int | None) -> datetime | None:
    return None if at_us is None else instant(at_us)
