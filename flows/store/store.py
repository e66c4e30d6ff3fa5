"""The store: everything that outlives the process, behind one door."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from sqlalchemy import bindparam, select

from detectors.counting import Cell, Stretch, micros
from detectors.errors import InputError
from detectors.model import CountSeries, SeriesKey
from flows.store import engine as engines
from flows.store import marks, observed, writing
from flows.store.analysts import Analysts
from flows.store.detection import Detection
from flows.store.feeds import Feeds
from flows.store.forgetting import Forgetting, Incoming
from flows.store.ledger import Ledgers
from flows.store.marks import COUNTS, POSTS
from flows.store.privacy import key_text
from flows.store.quiet import Quiet
from flows.store.regional import Regional
from flows.store.rows import put, put_new
from flows.store.schema import cursors, gaps
from flows.store.status import StatusRecords
from flows.store.times import instant
from flows.store.upkeep import Upkeep

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime
    from pathlib import Path

    from sqlalchemy import Connection

    from detectors.model import Batch, Gap, Post, Report

_NEWEST = select(cursors.c.newest_at).where(
    cursors.c.source == bindparam("a_source"), cursors.c.query == bindparam("a_query")
)


@dataclass(frozen=True)
class Committed:
    """What a commit has changed.

    Attributes
    ----------
    new_reports, duplicates
        Reports that were new, and those that the store already had.
    touched
        Each series whose counts changed, with the start of the earliest bin that did.
    """

    new_reports: int
    duplicates: int
    touched: tuple[tuple[SeriesKey, datetime], ...]


def open_store(url: str | Path, *, secret: str | None = None, timeout_s: float = 30, create: bool = True) -> Store:
    """Open a store; make it, or bring its tables to this version, where need be.

    Parameters
    ----------
    url
        A path, ``sqlite:///path``, ``:memory:`` or ``postgresql://user:password@host/database``.
    secret
        What the pseudonyms of authors are derived from; the same at every opening. None for files that one has
        anyway.
    timeout_s
        How long to wait for another writer, in seconds.
    create
        Whether to make a store where there is none; otherwise that is an error.

    Raises
    ------
    StoreError
        It cannot be opened; the message says why and what to do, and never holds a password.
    """
    return Store(engines.connect(engines.parse(url), timeout_s=timeout_s, create=create), secret)


class Store(Analysts, Detection, Feeds, Ledgers, Quiet, Regional, StatusRecords, Upkeep):
    """Reports, counts, incidents and cursors; see :func:`open_store`.

    Every method is one transaction and raises :class:`detectors.errors.StoreError` if the database fails. One
    store may be used by many threads: readers at once, writers one after the other.
    """

    def cursor(self, source: str, query: str) -> str | None:
        """Return where the next fetch from a source goes on; None if there was none."""
        which = cursors.c.source == key_text(source), cursors.c.query == key_text(query)
        with self._reading() as connection:
            return connection.execute(select(cursors.c.cursor).where(*which)).scalar()

    def commit(  # noqa: PLR0913 - what differs from source to source is named, and usually left out
        self,
        source: str,
        query: str,
        batch: Batch,
        reports: Sequence[tuple[Post, Report]],
        *,
        bin_width_s: int = 60,
        scope: Collection[str] | None = None,
        is_counted: bool = True,
    ) -> Committed:
        """Keep what a fetch brought, in one transaction: reports, deletions, counts, spans, gap and cursor.

        Idempotent: the first delivery of a (platform, id, service) wins, even if a later one differs. Counts are
        computed again from all the reports in the bins concerned, so that batches may come in any order, overlap,
        or come again.

        Parameters
        ----------
        source, query
            Whose cursor moves.
        batch
            As the source gave it; its posts are not kept.
        reports
            Those of its posts that are reports, with the report; one post may be several.
        bin_width_s
            Width of the bins, the same for all posts of a source.
        scope
            Ids of the services for which ``batch.observed`` was seen; None = every service. What was seen of one
            says nothing about another.
        is_counted
            Whether the reports are counted. Otherwise they are kept for :meth:`facts` only, and nothing is vouched
            for: posts read in addition to counts that the platform made itself.
        """
        source, query = key_text(source), key_text(query)
        incoming = Incoming(source, reports, self._pseudonyms)
        rows = incoming.rows()
        stretches = [Stretch(micros(span.start_at), micros(span.end_at), span.coverage) for span in batch.observed]
        services = None if scope is None else {key_text(name) for name in scope}
        changed: dict[SeriesKey, int] = {}

        newest_us = max((stretch.end_us for stretch in stretches), default=None)
        gone = Forgetting(self._pseudonyms, batch.deleted, batch.deleted_authors, newest_us)
        with self._writing() as connection:
            writing.check_secret(connection, self._pseudonyms)
            n_blanked = gone.apply(connection) if gone.posts or gone.authors else 0
            n_new = incoming.keep(connection, rows)
            if is_counted:
                marks.one_width(connection, source, bin_width_s)
                changed = writing.recount(connection, source, rows, bin_width_s)
                marks.enter(connection, changed, POSTS)
                observed.vouch(connection, source, stretches, services)
            _keep_place(connection, (source, query), batch.cursor, newest_us)
            _keep_gap(connection, (source, query), batch.gap)
        if n_blanked or self._is_log_due:
            self._overwrite()
        touched = tuple((key, instant(first_us)) for key, first_us in sorted(changed.items()))
        return Committed(n_new, len(rows) - n_new, touched)

    def commit_counts(
        self, given: CountSeries, *, query: str | None = None, cursor: str | None = None, gap: Gap | None = None
    ) -> SeriesKey:
        """Keep counts that came as counts, in place of what was known of that series in that time.

        A bin that is NaN in ``given`` becomes unknown, whatever was known of it; so give only the stretch that the
        platform has spoken of. The series is one of :meth:`keys` from then on, even without a count in it.

        Parameters
        ----------
        query, cursor
            Whose cursor moves, and to where, in the same transaction; None = none does.
        gap
            A hole in what the platform could show of ``query``.

        Raises
        ------
        StoreError
            The series is already stored, made of posts or with bins that start at other seconds.
        InputError
            A cursor or a gap without the query that it belongs to.
        """
        if query is None and (cursor is not None or gap is not None):
            raise InputError("a cursor or a gap belongs to a query: say which")
        key = SeriesKey(key_text(given.service), key_text(given.source), given.bin_width_s)
        start_us, width_us = micros(given.start_at), given.bin_width_s * 1_000_000
        cells, stretches = _taken_apart(given)
        with self._writing() as connection:
            first_us = observed.replace_counts(connection, key, (start_us, micros(given.end_at)), cells, stretches)
            marks.enter(connection, {key: first_us}, COUNTS, start_us % width_us)
            if query is not None:
                place = key.source, key_text(query)
                if cursor is not None:
                    newest_us = max((stretch.end_us for stretch in stretches), default=None)
                    _keep_place(connection, place, cursor, newest_us)
                _keep_gap(connection, place, gap)
        return key


def _taken_apart(given: CountSeries) -> tuple[dict[int, Cell], list[Stretch]]:
    """Return the cells of a series by the start of their bin (microseconds), and what of the time was observed."""
    width_us = given.bin_width_s * 1_000_000
    known = ~np.isnan(given.observed)
    starts = micros(given.start_at) + np.arange(len(given)) * width_us
    cells = {
        int(at): Cell(float(given.raw[place]), None, float(given.observed[place]))
        for place, at in enumerate(starts)
        if known[place] and (given.observed[place] or given.raw[place])
    }
    stretches = [
        Stretch(int(at), int(at) + width_us, float(given.coverage[place]))
        for place, at in enumerate(starts)
        if known[place] and given.coverage[place] > 0
    ]
    return cells, stretches


def _keep_place(connection: Connection, place: tuple[str, str], cursor: str, newest_us: int | None) -> None:
    """Keep the cursor of a (source, query), and up to when it has been observed, if that is later than before."""
    source, query = place
    row: dict[str, object] = {"source": source, "query": query, "cursor": cursor}
    if newest_us is not None:
        known = connection.execute(_NEWEST, {"a_source": source, "a_query": query}).scalar()
        row["newest_at"] = newest_us if known is None else max(known, newest_us)
    put(connection, cursors, [row])


def _keep_gap(connection: Connection, place: tuple[str, str], gap: Gap | None) -> None:
    """Keep a gap of a (source, query), if there is one."""
    if gap is not None:
        where = {"start_at": micros(gap.start_at), "end_at": micros(gap.end_at), "reason": gap.reason}
        put_new(connection, gaps, [{"source": place[0], "query": place[1], **where}])
