"""The detector's side of the store: the series that it reads, and what it keeps of them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from detectors.counting import micros
from detectors.errors import StateError
from detectors.model import SeriesKey
from flows.store import marks, reading, regional
from flows.store.base import Base
from flows.store.outgoing import put_messages
from flows.store.rows import put, put_new
from flows.store.schema import checkpoints, incidents, series, spans, spreads, transitions
from flows.store.times import instant

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection

    from detectors.model import CountSeries, Incident, Spread, Transition
    from flows.store.outgoing import Outgoing
    from flows.store.reading import Facts

_CHECKPOINT = select(checkpoints.c.at, checkpoints.c.state).where(*marks.bound_series(checkpoints))


@dataclass(frozen=True)
class Judged:
    """What a detector has to keep of one series.

    Attributes
    ----------
    at
        End of the last bin that was scored.
    state
        Whatever the detector needs to go on from there, as JSON can hold it.
    messages
        What is to be told of the incidents.
    spreads
        By the id of an incident: where it is felt, region by region.
    """

    key: SeriesKey
    at: datetime
    state: dict[str, Any]
    incidents: Sequence[Incident] = ()
    transitions: Sequence[Transition] = ()
    messages: Sequence[Outgoing] = ()
    spreads: Mapping[str, Spread] = field(default_factory=dict)


class Detection(Base):
    """What detectors read and keep."""

    def keys(self) -> list[SeriesKey]:
        """Return every series of which something was ever counted, sorted."""
        query = select(series.c.service, series.c.source, series.c.bin_width_s)
        with self._reading() as connection:
            return sorted(SeriesKey(*row) for row in connection.execute(query))

    def watched_keys(self, bin_width_s: int = 60) -> list[SeriesKey]:
        """Return :meth:`keys`, and the series of services that a source has watched and that nobody ever reported.

        Those have zeros where they were observed. A source that sees every service names none: of it, this returns
        what was counted.

        Parameters
        ----------
        bin_width_s
            Width of the bins of a source of which nothing was counted yet.
        """
        known = select(series.c.service, series.c.source, series.c.bin_width_s, series.c.origin)
        scopes = select(spans.c.scope, spans.c.source).where(spans.c.scope != marks.EVERYTHING).distinct()
        with self._reading() as connection:
            found = {SeriesKey(*row[:3]): row.origin for row in connection.execute(known)}
            watched = connection.execute(scopes).all()
        counted = {(key.service, key.source) for key in found}
        widths = {key.source: key.bin_width_s for key, origin in found.items() if origin == marks.POSTS}
        new = {
            SeriesKey(service, source, widths.get(source, bin_width_s))
            for service, source in watched
            if (service, source) not in counted
        }
        return sorted([*found, *new])

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

    def ends(self, keys: Iterable[SeriesKey]) -> dict[SeriesKey, datetime]:
        """Return where series end (UTC), as those of :meth:`series` do; series without a bin are left out."""
        with self._reading() as connection:
            return reading.ends_of(connection, keys)

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
        with self._reading() as connection:
            found = connection.execute(_CHECKPOINT, marks.named(key)).one_or_none()
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
            query = select(series.c.changed_from).where(*marks.is_series(series, key))
            found = connection.execute(query).scalar()
        return None if found is None else instant(found)

    def changed(self, keys: Iterable[SeriesKey]) -> set[SeriesKey]:
        """Return which series have changed in bins already scored: :meth:`changed_from` of many at once."""
        keys = list(keys)
        query = select(series.c.service, series.c.source, series.c.bin_width_s).where(
            series.c.changed_from.is_not(None)
        )
        with self._reading() as connection:
            tokens = {source: reading.token_of(connection, source) for source in {key.source for key in keys}}
            self._seen |= {key: tokens[key.source] for key in keys}
            return {SeriesKey(*row) for row in connection.execute(query)}.intersection(keys)

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
        self.save_detections([Judged(key, at, state, incidents, transitions)])

    def save_detections(self, found: Iterable[Judged], messages: Iterable[Outgoing] = ()) -> None:
        """Keep incidents, transitions, checkpoints, and what is to be told of them, in one transaction.

        Incidents replace those of the same id; a transition (incident, revision) that is there stays, and so does a
        message. The mark of :meth:`changed_from` is cleared, unless something came in from that source since the series
        was read here: then it is to be scored again. Of a series that somebody else has judged further meanwhile,
        nothing is kept: they know more.
        """
        found = list(found)
        with self._writing() as connection:
            behind = [one for one in found if _is_behind(connection, one)]
            untold = {incident.id for one in behind for incident in one.incidents}
            found = [one for one in found if one not in behind]
            messages = [message for message in messages if message.incident_id not in untold]
            tokens = {source: reading.token_of(connection, source) for source in {one.key.source for one in found}}
            seen = {one.key: self._seen.pop(one.key, tokens[one.key.source]) for one in found}
            stale = {key for key, token in seen.items() if token != tokens[key.source]}
            marks.settle(connection, stale, is_stale=True)
            marks.settle(connection, seen.keys() - stale, is_stale=False)
            put(connection, checkpoints, [_checkpoint_row(one) for one in found])
            put(connection, incidents, [reading.incident_row(incident) for one in found for incident in one.incidents])
            steps = [reading.transition_row(step) for one in found for step in one.transitions]
            put_new(connection, transitions, steps)
            put(connection, spreads, [row for one in found for row in regional.spread_rows(one.spreads)])
            put_messages(connection, [*(one for each in found for one in each.messages), *messages])

    def incident(self, incident_id: str) -> Incident | None:
        """Return the incident of that id; None if there is none."""
        with self._reading() as connection:
            return next(iter(reading.incidents_where(connection, incidents.c.id == incident_id)), None)

    def incidents_of(self, key: SeriesKey) -> list[Incident]:
        """Return the incidents of a series, by onset."""
        with self._reading() as connection:
            return reading.incidents_where(connection, *marks.is_series(incidents, key))

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
            return reading.incidents_where(connection, *marks.is_series(incidents, key), incidents.c.is_open.is_(True))

    def troubled(self) -> set[SeriesKey]:
        """Return the series in which an incident goes on."""
        query = select(incidents.c.service, incidents.c.source, incidents.c.bin_width_s).where(incidents.c.is_open)
        with self._reading() as connection:
            return {SeriesKey(*row) for row in connection.execute(query)}

    def transitions_of(self, incident_id: str) -> tuple[Transition, ...]:
        """Return the transitions of an incident, oldest first."""
        with self._reading() as connection:
            return reading.transitions_of(connection, incident_id)

    def facts(self, key: SeriesKey, *, start_at: datetime, end_at: datetime | None = None, region: str = "") -> Facts:
        """Return how many reports and people there were from ``start_at`` to ``end_at`` (UTC), and what they name.

        With a ``region``: those from there, see :func:`flows.store.regional.facts_of`.
        """
        end_us = None if end_at is None else micros(end_at)
        with self._reading() as connection:
            if region:
                span = micros(start_at), reading.LATEST_US if end_us is None else end_us
                return regional.facts_of(connection, key, region, span)
            return reading.facts_of(connection, key, micros(start_at), end_us)


def _is_behind(connection: Connection, one: Judged) -> bool:
    """Whether a series was judged further than this, by somebody else meanwhile."""
    kept = connection.execute(_CHECKPOINT, marks.named(one.key)).one_or_none()
    return kept is not None and kept.at > micros(one.at)


def _checkpoint_row(one: Judged) -> dict[str, Any]:
    """Return the row of a checkpoint. JSON as Python writes it: it keeps NaN and infinity apart from null."""
    return {
        "service": one.key.service,
        "source": one.key.source,
        "bin_width_s": one.key.bin_width_s,
        "at": micros(one.at),
        "state": json.dumps(one.state, separators=(",", ":")).encode(),
    }
