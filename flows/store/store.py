"""The store: everything that outlives the process, behind one door."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sqlalchemy import select, text

from detectors.counting import Cell, Stretch, micros
from detectors.errors import StateError, StoreError
from detectors.model import CountSeries, SeriesKey
from flows.store import engine as engines
from flows.store import reading, writing
from flows.store.analysts import Analysts
from flows.store.failures import plain_errors
from flows.store.privacy import Pseudonyms, key_text, report_row
from flows.store.rows import put, put_new
from flows.store.schema import checkpoints, cursors, gaps, incidents, series, transitions
from flows.store.times import instant

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from sqlalchemy import ColumnElement, Connection, Engine

    from detectors.model import Batch, Incident, Post, Report, Transition
    from flows.store.reading import Facts

POSTS, COUNTS = "posts", "counts"
"""What the counts of a series were made of."""


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


@dataclass(frozen=True)
class Scored:
    """What a detector has to keep of one series.

    Attributes
    ----------
    at
        End of the last bin that was scored.
    state
        Whatever the detector needs to go on from there, as JSON can hold it.
    """

    key: SeriesKey
    at: datetime
    state: dict[str, Any]
    incidents: Sequence[Incident] = ()
    transitions: Sequence[Transition] = ()


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


class Store(Analysts):
    """Reports, counts, incidents and cursors; see :func:`open_store`.

    Every method is one transaction and raises :class:`detectors.errors.StoreError` if the database fails. One
    store may be used by many readers and, one after the other, many writers.
    """

    def __init__(self, engine: Engine, secret: str | None = None) -> None:
        self._engine = engine
        self._where = engines.display(engine.url)
        self._pseudonyms = Pseudonyms(secret)
        self._seen: dict[SeriesKey, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection."""
        with plain_errors(self._where):
            self._engine.dispose()

    def describe(self) -> str:
        """Say which store this is, without user or password."""
        kind = "SQLite" if self._engine.dialect.name == "sqlite" else "PostgreSQL"
        return f"{kind} {self._where}"

    def integrity_check(self) -> None:
        """Check the file.

        Raises
        ------
        StoreError
            It is damaged. PostgreSQL checks itself: there, only the connection is tried.
        """
        statement = "PRAGMA integrity_check" if self._engine.dialect.name == "sqlite" else "SELECT 'ok'"
        with self._reading() as connection:
            found = connection.execute(text(statement)).scalar()
        if found != "ok":
            raise StoreError(f"{self._where}: the file is damaged; restore a copy, or move it away and ingest again")

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with plain_errors(self._where), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with plain_errors(self._where), engines.writing(self._engine) as connection:
            yield connection

    # --- what comes in ---------------------------------------------------------------------------------------

    def cursor(self, source: str, query: str) -> str | None:
        """Return where the next fetch from a source goes on; None if there was none."""
        which = cursors.c.source == key_text(source), cursors.c.query == key_text(query)
        with self._reading() as connection:
            return connection.execute(select(cursors.c.cursor).where(*which)).scalar()

    def commit(
        self,
        source: str,
        query: str,
        batch: Batch,
        reports: Sequence[tuple[Post, Report]],
        *,
        bin_width_s: int = 60,
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
        """
        source, query = key_text(source), key_text(query)
        rows = [report_row(post, report, source, self._pseudonyms) for post, report in reports]

        def names() -> list[str]:
            return [self._pseudonyms.post(post.platform, post.id) for post, _ in reports]

        with self._writing() as connection:
            writing.check_secret(connection, self._pseudonyms)
            writing.one_width(connection, source, bin_width_s)
            n_blanked = writing.forget(connection, batch.deleted, self._pseudonyms) if batch.deleted else 0
            n_new = writing.keep(connection, rows, names)
            changed = writing.recount(connection, source, rows, bin_width_s)
            writing.enter(connection, changed, POSTS)
            observed = (Stretch(micros(span.start_at), micros(span.end_at), span.coverage) for span in batch.observed)
            writing.vouch(connection, source, observed)
            _keep_place(connection, source, query, batch)
        if n_blanked:
            self._overwrite()
        touched = tuple((key, instant(first_us)) for key, first_us in sorted(changed.items()))
        return Committed(n_new, len(rows) - n_new, touched)

    def _overwrite(self) -> None:
        """Bring the write-ahead log into the file, so that what was forgotten does not live on in it."""
        if self._engine.dialect.name == "sqlite":
            with self._reading() as connection:
                connection.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def commit_counts(self, given: CountSeries) -> SeriesKey:
        """Keep counts that came as counts, in place of what was known of that series in that time.

        Raises
        ------
        StoreError
            The series is already stored, made of posts or with bins that start at other seconds.
        """
        key = SeriesKey(key_text(given.service), key_text(given.source), given.bin_width_s)
        start_us, width_us, end_us = micros(given.start_at), given.bin_width_s * 1_000_000, micros(given.end_at)
        known = ~np.isnan(given.observed)
        starts = start_us + np.arange(len(given)) * width_us
        cells = {
            int(at): Cell(float(given.raw[place]), None, float(given.observed[place]))
            for place, at in enumerate(starts)
            if known[place] and (given.observed[place] or given.raw[place])
        }
        observed = [
            Stretch(int(at), int(at) + width_us, float(given.coverage[place]))
            for place, at in enumerate(starts)
            if known[place] and given.coverage[place] > 0
        ]
        with self._writing() as connection:
            first_us = writing.replace_counts(connection, key, (start_us, end_us), cells, observed)
            writing.enter(connection, {key: first_us}, COUNTS, start_us % width_us)
        return key

    # --- what the detector reads and keeps -------------------------------------------------------------------

    def keys(self) -> list[SeriesKey]:
        """Return every series of which something was ever counted, sorted."""
        query = select(series.c.service, series.c.source, series.c.bin_width_s)
        with self._reading() as connection:
            return sorted(SeriesKey(*row) for row in connection.execute(query))

    def series(
        self, key: SeriesKey, *, start_at: datetime | None = None, end_at: datetime | None = None
    ) -> CountSeries:
        """Return a series: zeros where it was observed without a report, NaN where it was not observed.

        Parameters
        ----------
        start_at
            First instant (UTC), rounded down to the start of a bin; None = from the first that was observed.
        end_at
            No bin that ends after it is in the series (UTC); None = the last that was observed to its end.
        """
        with self._reading() as connection:
            self._note(connection, key)
            return reading.series_of(connection, key, start_at, end_at)

    def _note(self, connection: Connection, key: SeriesKey) -> None:
        """Remember what had come in when the detector read a series, unless it is reading it already."""
        if key not in self._seen:
            self._seen[key] = reading.token_of(connection, key.source)

    def checkpoint(self, key: SeriesKey) -> tuple[datetime, dict[str, Any]] | None:
        """Return up to where a series has been scored, and the detector's state there; None = never.

        Raises
        ------
        StateError
            What is stored is not a state.
        """
        query = select(checkpoints.c.at, checkpoints.c.state).where(*writing.is_series(checkpoints, key))
        with self._reading() as connection:
            found = connection.execute(query).one_or_none()
        if found is None:
            return None
        try:
            state = json.loads(found.state)
        except ValueError:
            raise StateError(f"the saved state of {key.service} cannot be read; score the series again") from None
        return instant(found.at), state

    def changed_from(self, key: SeriesKey) -> datetime | None:
        """Return the start of the earliest bin that changed after it had been scored; None = all is as scored.

        The mark is set by a commit and cleared by :meth:`save_detection`.
        """
        with self._reading() as connection:
            self._seen[key] = reading.token_of(connection, key.source)
            query = select(series.c.changed_from).where(*writing.is_series(series, key))
            found = connection.execute(query).scalar()
        return None if found is None else instant(found)

    def save_detection(
        self,
        key: SeriesKey,
        *,
        at: datetime,
        state: dict[str, Any],
        incidents: Sequence[Incident] = (),
        transitions: Sequence[Transition] = (),
    ) -> None:
        """Keep what a detector found in one series; see :meth:`save_detections`."""
        self.save_detections([Scored(key, at, state, incidents, transitions)])

    def save_detections(self, found: Iterable[Scored]) -> None:
        """Keep incidents, transitions and checkpoints, in one transaction.

        Incidents replace those of the same id; a transition (incident, revision) that is there stays. The mark of
        :meth:`changed_from` is cleared, unless something came in from that source since the series was read here:
        then it is to be scored again.
        """
        found = list(found)
        with self._writing() as connection:
            tokens = {source: reading.token_of(connection, source) for source in {one.key.source for one in found}}
            seen = {one.key: self._seen.pop(one.key, tokens[one.key.source]) for one in found}
            stale = {key for key, token in seen.items() if token != tokens[key.source]}
            writing.settle(connection, stale, is_stale=True)
            writing.settle(connection, seen.keys() - stale, is_stale=False)
            put(connection, checkpoints, [_checkpoint_row(one) for one in found])
            put(connection, incidents, [reading.incident_row(incident) for one in found for incident in one.incidents])
            steps = [reading.transition_row(step) for one in found for step in one.transitions]
            put_new(connection, transitions, steps)

    def incident(self, incident_id: str) -> Incident | None:
        """Return the incident of that id; None if there is none."""
        with self._reading() as connection:
            return next(iter(reading.incidents_where(connection, incidents.c.id == incident_id)), None)

    def incidents_of(self, key: SeriesKey) -> list[Incident]:
        """Return the incidents of a series, by onset."""
        with self._reading() as connection:
            return reading.incidents_where(connection, *writing.is_series(incidents, key))

    def find_incidents(
        self, *, service: str | None = None, start: datetime | None = None, end: datetime | None = None
    ) -> list[Incident]:
        """Return the incidents whose onset lies in ``start <= t < end`` (aware instants), by onset; None = all."""
        which: list[ColumnElement[bool]] = [] if service is None else [incidents.c.service == service]
        which += [] if start is None else [incidents.c.onset_at >= micros(start)]
        which += [] if end is None else [incidents.c.onset_at < micros(end)]
        with self._reading() as connection:
            return reading.incidents_where(connection, *which)

    def open_incidents(self, key: SeriesKey) -> list[Incident]:
        """Return the incidents of a series that go on, by onset."""
        with self._reading() as connection:
            return reading.incidents_where(
                connection, *writing.is_series(incidents, key), incidents.c.is_open.is_(True)
            )

    def transitions_of(self, incident_id: str) -> tuple[Transition, ...]:
        """Return the transitions of an incident, oldest first."""
        with self._reading() as connection:
            return reading.transitions_of(connection, incident_id)

    def facts(self, key: SeriesKey, *, start_at: datetime, end_at: datetime | None = None) -> Facts:
        """Return how many reports and people there were from ``start_at`` to ``end_at`` (UTC), and what they name."""
        end_us = None if end_at is None else micros(end_at)
        with self._reading() as connection:
            return reading.facts_of(connection, key, micros(start_at), end_us)


def _keep_place(connection: Connection, source: str, query: str, batch: Batch) -> None:
    """Keep the cursor, and the gap if there is one."""
    put(connection, cursors, [{"source": source, "query": query, "cursor": batch.cursor}])
    if batch.gap is not None:
        gap = batch.gap
        where = {"source": source, "query": query, "start_at": micros(gap.start_at), "end_at": micros(gap.end_at)}
        put_new(connection, gaps, [{**where, "reason": gap.reason}])


def _checkpoint_row(one: Scored) -> dict[str, Any]:
    """Return the row of a checkpoint. JSON as Python writes it: it keeps NaN and infinity apart from null."""
    return {
        "service": one.key.service,
        "source": one.key.source,
        "bin_width_s": one.key.bin_width_s,
        "at": micros(one.at),
        "state": json.dumps(one.state, separators=(",", ":")).encode(),
    }
