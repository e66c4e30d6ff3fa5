"""Questions that the pipeline asks of the store, each within the caller's transaction."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import bindparam, func, select

from detectors.counting import Cell, Stretch, build_series, merge, micros
from detectors.model import Incident, SeriesKey, Transition
from flows.store.marks import EVERYTHING, bound_series, named, width_of
from flows.store.records import pack, unpack
from flows.store.schema import counts, cursors, incidents, reports, series, settled, spans, symptom_counts, transitions
from flows.store.times import instant

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from detectors.model import CountSeries

LATEST_US = 2**62
"""Later than every instant."""


# Asked for every series in every tick, and so put together once.
_CELLS = (
    select(counts.c.bin_at, counts.c.raw, counts.c.authors, counts.c.observed)
    .where(*bound_series(counts), counts.c.bin_at >= bindparam("from_us"), counts.c.bin_at < bindparam("to_us"))
    .order_by(counts.c.bin_at)
)
_SPANS = select(spans.c.start_at, spans.c.end_at, spans.c.coverage).where(
    spans.c.source == bindparam("a_source"), spans.c.scope.in_([bindparam("a_service"), EVERYTHING])
)
_PHASE = select(series.c.phase_us).where(*bound_series(series))
_PLACES = select(cursors.c.query, cursors.c.cursor).where(cursors.c.source == bindparam("a_source"))
_SUMS = select(func.count(), func.sum(spans.c.start_at), func.sum(spans.c.end_at)).where(
    spans.c.source == bindparam("a_source")
)
_RANGES = select(spans.c.source, spans.c.scope, func.min(spans.c.start_at), func.max(spans.c.end_at)).group_by(
    spans.c.source, spans.c.scope
)
_PHASES = select(series.c.service, series.c.source, series.c.bin_width_s, series.c.phase_us).where(
    series.c.phase_us != 0
)


@dataclass(frozen=True)
class Facts:
    """What the reports of a stretch of time say.

    Attributes
    ----------
    n_reports
        Reports, reposts too.
    n_authors
        Independent voices: distinct authors of original reports, told apart within a day (UTC).
    n_naming
        Reports that name a symptom.
    symptoms
        Reports that name it, by symptom, the most frequent first; one report may name several.

    Of reports that were not kept (:meth:`flows.store.Store.retain`), whole bins that begin within the stretch are
    taken, and people are told apart within a bin only.
    """

    n_reports: int
    n_authors: int
    n_naming: int
    symptoms: tuple[tuple[str, int], ...]

    def fields(self) -> dict[str, Any]:
        """Return the fields of an :class:`Incident` that these facts fill."""
        shares = tuple((name, n / self.n_naming) for name, n in self.symptoms)
        return {"n_reports": self.n_reports, "n_authors": self.n_authors, "symptoms": shares}


def cells_of(
    connection: Connection, key: SeriesKey, start_us: int | None = None, end_us: int | None = None
) -> dict[int, Cell]:
    """Return the stored cells of a series by the start of their bin (microseconds), earliest first."""
    within = {"from_us": -LATEST_US if start_us is None else start_us, "to_us": LATEST_US if end_us is None else end_us}
    return {bin_us: Cell(*cell) for bin_us, *cell in connection.execute(_CELLS, named(key) | within)}


def spans_of(connection: Connection, source: str, service: str) -> list[Stretch]:
    """Return what a source vouches for of a service: by itself, or of every service."""
    found = connection.execute(_SPANS, {"a_source": source, "a_service": service})
    return [Stretch(*row) for row in found]


def token_of(connection: Connection, source: str) -> str:
    """Return what changes when anything comes in from a source: its cursors, and what it vouches for.

    It is made of what is stored and of nothing else, so that it does not depend on the batches by which that came.
    """
    of_source = {"a_source": source}
    places = sorted(tuple(row) for row in connection.execute(_PLACES, of_source))
    seen = [str(number) for number in connection.execute(_SUMS, of_source).one()]
    return blake2b(repr((places, seen)).encode(), digest_size=16).hexdigest()


def ends_of(connection: Connection, keys: Iterable[SeriesKey]) -> dict[SeriesKey, datetime]:
    """Return where series end, as :func:`series_of` would; those without a bin are left out."""
    ranges = {(source, scope): (start, end) for source, scope, start, end in connection.execute(_RANGES)}
    phases = {SeriesKey(*row): phase_us for *row, phase_us in connection.execute(_PHASES)}
    found: dict[SeriesKey, datetime] = {}
    for key in keys:
        seen = [ranges[key.source, scope] for scope in (key.service, EVERYTHING) if (key.source, scope) in ranges]
        if seen:
            starts, ends = zip(*seen, strict=True)
            width_us, phase_us = key.bin_width_s * 1_000_000, phases.get(key, 0)
            n_bins = (max(ends) - phase_us) // width_us - (min(starts) - phase_us) // width_us
            if n_bins:
                found[key] = instant(max(ends) - (max(ends) - phase_us) % width_us)
    return found


def series_of(
    connection: Connection, key: SeriesKey, start_at: datetime | None, end_at: datetime | None
) -> CountSeries:
    """Return a series between two instants; see :meth:`flows.store.store.Store.series`."""
    observed = merge(spans_of(connection, key.source, key.service))
    phase_us = connection.execute(_PHASE, named(key)).scalar() or 0
    start_us, end_us = _range(observed, start_at, end_at)
    width_us = key.bin_width_s * 1_000_000
    start_us -= (start_us - phase_us) % width_us
    end_us = max(start_us, end_us - (end_us - phase_us) % width_us)
    cells = cells_of(connection, key, start_us, end_us)
    return build_series(key, cells, observed, instant(start_us), instant(end_us))


def _range(observed: Sequence[Stretch], start_at: datetime | None, end_at: datetime | None) -> tuple[int, int]:
    """Return the range that is asked for, by default what was observed (microseconds)."""
    start_us = micros(start_at) if start_at else observed[0].start_us if observed else 0
    end_us = micros(end_at) if end_at else observed[-1].end_us if observed else start_us
    return start_us, max(start_us, end_us)


def facts_of(connection: Connection, key: SeriesKey, start_us: int, end_us: int | None) -> Facts:
    """Return what the reports of a series say between two instants (microseconds, half open)."""
    which = [reports.c.created_at >= start_us, reports.c.service == key.service, reports.c.source == key.source]
    if end_us is not None:
        which.append(reports.c.created_at < end_us)
    n_reports = connection.execute(select(func.count()).where(*which)).scalar() or 0
    original = [*which, reports.c.is_repost.is_(False)]
    named = select(func.count(reports.c.author.distinct())).where(*original)
    nameless = select(func.count()).where(*original, reports.c.author.is_(None))
    n_authors = (connection.execute(named).scalar() or 0) + (connection.execute(nameless).scalar() or 0)
    tally: Counter[str] = Counter()
    n_silent = 0
    lists = select(reports.c.symptoms, func.count()).where(*which).group_by(reports.c.symptoms)
    for found, n in connection.execute(lists):
        names = msgspec.json.decode(found, type=list[str])
        tally.update(dict.fromkeys(names, n))
        n_silent += 0 if names else n
    past = _past_facts(connection, key, start_us, end_us)
    tally.update(past.symptoms)
    n_reports += past.n_reports
    n_silent += tally.pop("", 0)
    symptoms = sorted(tally.items(), key=lambda item: (-item[1], item[0]))
    return Facts(n_reports, n_authors + past.n_authors, n_reports - n_silent, tuple(symptoms))


@dataclass(frozen=True)
class _Past:
    """What reports said that were not kept; the symptom "" is that of those that name none."""

    n_reports: int
    n_authors: int
    symptoms: dict[str, int]


def _past_facts(connection: Connection, key: SeriesKey, start_us: int, end_us: int | None) -> _Past:
    """Return what the reports said that were not kept, in the bins that begin between two instants."""
    width_s = width_of(connection, key.source)

    def within(table: Any) -> list[Any]:  # noqa: ANN401 - either table
        bins = table.c.bin_at >= start_us, table.c.bin_at < (LATEST_US if end_us is None else end_us)
        return [table.c.source == key.source, table.c.bin_width_s == width_s, table.c.service == key.service, *bins]

    sums = select(func.sum(settled.c.raw), func.sum(settled.c.authors)).where(*within(settled))
    n_reports, n_authors = connection.execute(sums).one()
    named = select(symptom_counts.c.symptom, func.sum(symptom_counts.c.n)).where(*within(symptom_counts))
    tally = {name: int(n) for name, n in connection.execute(named.group_by(symptom_counts.c.symptom))}
    return _Past(int(n_reports or 0), int(n_authors or 0), tally)


def incident_row(incident: Incident) -> dict[str, Any]:
    """Return the row of an incident."""
    return {
        "id": incident.id,
        "service": incident.service,
        "source": incident.source,
        "bin_width_s": incident.bin_width_s,
        "is_open": incident.is_open,
        "onset_at": micros(incident.onset.at),
        "ended_at": None if incident.ended is None else micros(incident.ended.at),
        "record": pack(incident),
    }


def incidents_where(connection: Connection, *which: Any) -> list[Incident]:  # noqa: ANN401 - SQL conditions
    """Return the incidents that fit, by onset and id."""
    query = select(incidents.c.record, incidents.c.onset_at, incidents.c.id).where(*which)
    found = sorted(connection.execute(query), key=lambda row: (row.onset_at, row.id))
    return [unpack(row.record, Incident) for row in found]


def transitions_of(connection: Connection, incident_id: str) -> tuple[Transition, ...]:
    """Return the transitions of an incident, oldest first."""
    query = select(transitions).where(transitions.c.incident_id == incident_id).order_by(transitions.c.revision)
    return tuple(Transition(**{**row, "at": instant(row["at"])}) for row in connection.execute(query).mappings())


def transition_row(step: Transition) -> dict[str, Any]:
    """Return the row of a transition."""
    return {**msgspec.structs.asdict(step), "at": micros(step.at)}
