"""What official status pages said: every wording, and when we saw it."""

from __future__ import annotations

from bisect import bisect_right, insort
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import and_, exists, func, select

from detectors.counting import micros
from detectors.model import StatusRevision
from flows.store.base import Base
from flows.store.privacy import key_text, storable
from flows.store.rows import overwriting, pages, put, put_new
from flows.store.schema import cursors
from flows.store.status_tables import status_revisions, status_services, status_watch
from flows.store.times import instant

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    import pandas as pd
    from sqlalchemy import ColumnElement, Connection

STATUS = "status"
"""The source under which the cursors of status pages are kept; the query is the page's address."""

UNBROKEN = timedelta(minutes=3)
"""A page that is read again within this time was watched meanwhile: it is asked every minute, and may fail once."""

_record = msgspec.json.Decoder(StatusRevision)
_Key = tuple[str, str]
_Seen = tuple[int, str]


class StatusRecords(Base):
    """What is kept of official status pages."""

    def status_cursor(self, page: str) -> str | None:
        """Return where the next poll of a page goes on; None if there was none."""
        which = cursors.c.source == STATUS, cursors.c.query == key_text(page)
        with self._reading() as connection:
            return connection.execute(select(cursors.c.cursor).where(*which)).scalar()

    def commit_status(
        self, page: str, revisions: Sequence[StatusRevision], cursor: str | None, seen_at: datetime
    ) -> int:
        """Keep what a poll of a page brought, in one transaction: versions that are new, the cursor, and that it was.

        A version is new if it differs (``sha256``) from what was seen last, before it, of the same update. So the same
        poll again changes nothing, and words that come back are a version again. Of an incident that is not among the
        revisions nothing is said: what was last seen of it stands.

        Parameters
        ----------
        page
            Its address in the catalogue.
        revisions
            What it said; empty where nothing had changed.
        cursor
            Where the next poll goes on. None, for posts of an account that came from a file, leaves it as it is, and
            the page was not watched.
        seen_at
            When the page was read (UTC).

        Returns
        -------
        int
            How many versions were new.
        """
        page, at_us = key_text(page), micros(seen_at)
        with self._writing() as connection:
            rows = _new_rows(connection, page, revisions)
            n_new = put_new(connection, status_revisions, rows)
            named = {(service, key_text(one.incident_id)) for one in revisions for service in one.services}
            concerned = [
                {"service": key_text(service), "page": page, "incident_id": incident_id}
                for service, incident_id in sorted(named)
            ]
            put_new(connection, status_services, concerned)
            if cursor is not None:
                _watch(connection, page, at_us)
                place = {"source": STATUS, "query": page, "cursor": cursor, "newest_at": at_us}
                put(connection, cursors, [place])
        return n_new

    def status_revisions(
        self,
        service: str | None = None,
        page: str | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> pd.DataFrame:
        """Return the versions that we saw first in ``start <= t < end``; see :func:`flows.store.status_frames.lay_out`.

        Parameters
        ----------
        service
            Those of incidents that concern this service; None = any.
        page
            Address of the page; None = any.
        start, end
            Aware instants; None does not restrict.
        """
        from flows.store import status_frames

        return status_frames.lay_out(self.status_records(service, page, start, end))

    def status_records(
        self,
        service: str | None = None,
        page: str | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> list[StatusRevision]:
        """Return the versions that :meth:`status_revisions` lays out, in the order in which we saw them."""
        table = status_revisions
        which = [*_concerning(service), *([] if page is None else [table.c.page == key_text(page)])]
        which += [] if start is None else [table.c.seen_at >= micros(start)]
        which += [] if end is None else [table.c.seen_at < micros(end)]
        with self._reading() as connection:
            return _records(connection, which)

    def status_at(self, service: str, at: datetime) -> tuple[StatusRevision, ...]:
        """Return what official pages were saying of a service, as we had seen it by an instant.

        Parameters
        ----------
        service
            Id in the catalogue.
        at
            Aware; what we saw later is not known yet.

        Returns
        -------
        tuple of StatusRevision
            The last version of every update of each incident that was open, and of the incident itself, which comes
            after its updates. An incident that left its page without an end is still open here: see its ``seen_at``.
        """
        table = status_revisions
        with self._reading() as connection:
            last = _last(and_(table.c.seen_at <= micros(at), table.c.is_whole, *_concerning(service)))
            query = select(last.c.page, last.c.incident_id).where(last.c.nth == 1, last.c.is_open).distinct()
            found: list[StatusRevision] = []
            for page, incident_id in connection.execute(query).all():
                same = and_(table.c.page == page, table.c.incident_id == incident_id, table.c.seen_at <= micros(at))
                rows = _last(same)
                records = connection.execute(select(rows.c.record).where(rows.c.nth == 1)).scalars()
                found += map(_record.decode, records)
        return tuple(sorted(found, key=lambda row: (row.page, row.incident_id, row.is_whole, row.position)))

    def forget_status(self, page: str, update_id: str) -> int:
        """Forget the words of an update that was taken back, for instance a post of an official account.

        That it was there stays, with its times and its hash: so it is not taken for new if it comes again. The title
        of its incident goes too: an account's incidents are called by the words of their first post.

        Parameters
        ----------
        page
            Address of the page or account.
        update_id
            Of an account: the id of the post.

        Returns
        -------
        int
            How many versions held its words.
        """
        table = status_revisions
        same = table.alias()
        of_it = exists().where(
            same.c.page == table.c.page,
            same.c.incident_id == table.c.incident_id,
            same.c.update_id == key_text(update_id),
        )
        with self._writing() as connection, overwriting(connection):
            found = connection.execute(select(table).where(table.c.page == key_text(page), of_it)).mappings().all()
            put(connection, table, [{**row, "record": _without_words(row["record"], update_id)} for row in found])
        if found:
            self._overwrite(is_owed=True)
        return sum(row["update_id"] == key_text(update_id) for row in found)

    def status_watched(self, page: str) -> list[tuple[datetime, datetime]]:
        """Return from when to when a page was read without a break (UTC), oldest first.

        Outside of it the page may have said anything: it was not silent, it was not read.
        """
        query = select(status_watch.c.start_at, status_watch.c.end_at).where(status_watch.c.page == key_text(page))
        with self._reading() as connection:
            rows = connection.execute(query.order_by(status_watch.c.start_at)).all()
        return [(instant(start_us), instant(end_us)) for start_us, end_us in rows]


def _without_words(record: str, update_id: str) -> str:
    """Return a version without the words of an update, and without the title of its incident."""
    one = _record.decode(record)
    gone = {"body": "", "scope_text": ""} if one.update_id == update_id else {}
    return storable(msgspec.json.encode(msgspec.structs.replace(one, title="", **gone)).decode())


def _concerning(service: str | None) -> list[ColumnElement[bool]]:
    """Return the condition that an incident concerns a service."""
    if service is None:
        return []
    of_it = select(status_services.c.incident_id).where(
        status_services.c.service == key_text(service),
        status_services.c.page == status_revisions.c.page,
        status_services.c.incident_id == status_revisions.c.incident_id,
    )
    return [of_it.exists()]


def _last(which: ColumnElement[bool]) -> Any:  # noqa: ANN401 - a subquery
    """Return the versions that fit, numbered from the last of each update (``nth``)."""
    table = status_revisions
    nth = func.row_number().over(
        partition_by=(table.c.page, table.c.incident_id, table.c.update_id),
        order_by=(table.c.seen_at.desc(), table.c.sha256.desc()),
    )
    columns = (table.c.page, table.c.incident_id, table.c.is_open, table.c.record, nth.label("nth"))
    return select(*columns).where(which).subquery()


def _records(connection: Connection, which: Iterable[ColumnElement[bool]]) -> list[StatusRevision]:
    """Return the versions that fit, in the order in which we saw them."""
    rows = connection.execute(select(status_revisions.c.record).where(*which)).scalars()
    found = [_record.decode(row) for row in rows]
    return sorted(found, key=lambda row: (row.seen_at, row.page, row.incident_id, row.position, row.sha256))


def _new_rows(connection: Connection, page: str, revisions: Sequence[StatusRevision]) -> list[dict[str, Any]]:
    """Return the rows of the versions that are new."""
    known = _timelines(connection, page, {key_text(one.incident_id) for one in revisions})
    rows = []
    for one in sorted(revisions, key=lambda one: one.seen_at):
        key = key_text(one.incident_id), key_text(one.update_id)
        seen = (micros(one.seen_at), one.sha256)
        line = known.setdefault(key, [])
        place = bisect_right(line, seen)
        if place and (line[place - 1] == seen or line[place - 1][1] == one.sha256):
            continue
        insort(line, seen)
        rows.append(
            {
                "page": page,
                "incident_id": key[0],
                "update_id": key[1],
                "seen_at": seen[0],
                "sha256": one.sha256,
                "is_whole": one.is_whole,
                "is_open": one.is_open,
                "record": storable(msgspec.json.encode(one).decode()),
            }
        )
    return rows


def _timelines(connection: Connection, page: str, incident_ids: Iterable[str]) -> dict[_Key, list[_Seen]]:
    """Return, for every update of these incidents, the versions that are stored and when they were seen, sorted."""
    found: dict[_Key, list[_Seen]] = {}
    table = status_revisions
    columns = (table.c.incident_id, table.c.update_id, table.c.seen_at, table.c.sha256)
    for some in pages(sorted(incident_ids)):
        query = select(*columns).where(table.c.page == page, table.c.incident_id.in_(some))
        for incident_id, update_id, seen_us, digest in connection.execute(query):
            found.setdefault((incident_id, update_id), []).append((seen_us, digest))
    for line in found.values():
        line.sort()
    return found


def _watch(connection: Connection, page: str, at_us: int) -> None:
    """Note that a page was read: the stretch before goes on, or a new one begins."""
    table = status_watch
    query = (
        select(table.c.start_at, table.c.end_at)
        .where(table.c.page == page, table.c.start_at <= at_us)
        .order_by(table.c.start_at.desc())
        .limit(1)
    )
    before = connection.execute(query).one_or_none()
    unbroken_us = UNBROKEN // timedelta(microseconds=1)
    if before is not None and before.end_at >= at_us - unbroken_us:
        row = {"page": page, "start_at": before.start_at, "end_at": max(before.end_at, at_us)}
    else:
        row = {"page": page, "start_at": at_us, "end_at": at_us}
    put(connection, table, [row])
