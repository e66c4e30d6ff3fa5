"""Voices by region: counted again with the cells that they belong to, kept when the reports go, and read."""

from __future__ import annotations

from collections import Counter, defaultdict
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import bindparam, delete, func, select, tuple_

from detectors.counting import CellKey, LocatedRow, Regions, located_cells, micros
from detectors.model import SeriesKey, Spread
from flows.store.base import Base
from flows.store.marks import POSTS, bound_series, named
from flows.store.reading import Facts
from flows.store.records import pack, unpack
from flows.store.rows import in_bins, pages, put, put_changed
from flows.store.schema import region_counts, reports, series, settled_regions, spreads

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection

    Row = dict[str, Any]
    Voices = dict[str, float]

_decode = lru_cache(maxsize=1 << 12)(msgspec.json.Decoder(Regions).decode)
_symptoms = msgspec.json.Decoder(tuple[str, ...]).decode

LIKELY = 0.5
"""From which part on a report that may be from several regions is counted among the reports of one."""

_LOCATED = select(
    reports.c.service,
    reports.c.source,
    reports.c.created_at,
    reports.c.platform,
    reports.c.post_id,
    reports.c.author,
    reports.c.weight,
    reports.c.regions,
).where(reports.c.regions != "", reports.c.is_repost.is_(False))

# Asked in every commit with located reports, and so put together once.
_SETTLED = select(
    settled_regions.c.service, settled_regions.c.bin_at, settled_regions.c.region, settled_regions.c.observed
).where(
    settled_regions.c.source == bindparam("a_source"),
    settled_regions.c.bin_width_s == bindparam("a_width"),
    settled_regions.c.bin_at.between(bindparam("from_us"), bindparam("to_us")),
)
_COUNTS = select(region_counts.c.region, region_counts.c.bin_at, region_counts.c.observed).where(
    *bound_series(region_counts),
    region_counts.c.bin_at >= bindparam("from_us"),
    region_counts.c.bin_at < bindparam("to_us"),
)


class Regional(Base):
    """What is read of regions."""

    def region_counts(
        self, keys: Iterable[SeriesKey], *, start_at: datetime, end_at: datetime
    ) -> dict[str, dict[int, float]]:
        """Return voices by region, and in it by the start of the bin (microseconds), of several sources together.

        Only bins that begin in ``start_at <= t < end_at`` (UTC) and have voices; levels overlap (who is in Texas is in
        the US). What was not observed is in the series of the service, not here.
        """
        found: defaultdict[str, dict[int, float]] = defaultdict(dict)
        from_us, to_us = micros(start_at), micros(end_at)
        with self._reading() as connection:
            for key in keys:
                where = {**named(key), "from_us": from_us, "to_us": to_us}
                for region, bin_us, voices in connection.execute(_COUNTS, where):
                    found[region][bin_us] = found[region].get(bin_us, 0.0) + voices
        return dict(found)

    def located_keys(self, keys: Iterable[SeriesKey]) -> list[SeriesKey]:
        """Return those of the series that were made of posts: of counts nobody knows where they are from."""
        query = select(series.c.service, series.c.source, series.c.bin_width_s).where(series.c.origin == POSTS)
        with self._reading() as connection:
            made = {SeriesKey(*row) for row in connection.execute(query)}
        return [key for key in keys if key in made]

    def spread(self, incident_id: str) -> Spread | None:
        """Return where an incident is felt, region by region; None where that was not looked at."""
        query = select(spreads.c.record).where(spreads.c.incident_id == incident_id)
        with self._reading() as connection:
            record = connection.execute(query).scalar()
        return None if record is None else unpack(record, Spread)


def facts_of(connection: Connection, key: SeriesKey, region: str, span: tuple[int, int]) -> Facts:
    """Return what the reports from a region say between two instants (microseconds, half open).

    A report is from there if it is at least as likely as not. Of reports that were not kept the voices are known, and
    not what they named: then no symptom is returned.
    """
    table, (start_us, end_us) = reports, span
    details = select(table.c.author, table.c.is_repost, table.c.symptoms, table.c.regions).where(
        table.c.created_at >= start_us,
        table.c.created_at < end_us,
        table.c.service == key.service,
        table.c.source == key.source,
        table.c.regions.contains(f'"{region}"', autoescape=True),
    )
    found = [row for row in connection.execute(details) if dict(_decode(row.regions))[region] >= LIKELY]
    original = [row.author for row in found if not row.is_repost]
    n_authors = len(set(original) - {None}) + original.count(None)
    named = [set(_symptoms(row.symptoms)) for row in found]
    tally = Counter(name for names in named for name in names)
    n_past = _n_past(connection, key, region, span)
    if n_past:
        return Facts(len(found) + n_past, n_authors + n_past, 0, ())
    symptoms = sorted(tally.items(), key=lambda item: (-item[1], item[0]))
    return Facts(len(found), n_authors, sum(bool(names) for names in named), tuple(symptoms))


def _n_past(connection: Connection, key: SeriesKey, region: str, span: tuple[int, int]) -> int:
    """Return the voices from a region whose reports were not kept, in the bins that begin between two instants."""
    table = settled_regions
    voices = connection.execute(
        select(func.sum(table.c.observed)).where(
            table.c.source == key.source,
            table.c.bin_width_s == key.bin_width_s,
            table.c.bin_at >= span[0],
            table.c.bin_at < span[1],
            table.c.service == key.service,
            table.c.region == region,
        )
    ).scalar()
    return round(voices or 0.0)


def spread_rows(found: Mapping[str, Spread]) -> list[Row]:
    """Return the rows of what is known of incidents' spread."""
    return [{"incident_id": key, "record": pack(one)} for key, one in sorted(found.items())]


def recount(connection: Connection, which: tuple[str, int], touched: Collection[CellKey]) -> None:
    """Compute the voices by region of these cells again, from all the reports in them and what was settled.

    Parameters
    ----------
    which
        Source, and width of its bins in seconds.
    touched
        Cells of that source into which a report came.
    """
    if not touched:
        return
    source, width_s = which
    bins = {key.bin_us for key in touched}
    now: defaultdict[CellKey, Voices] = defaultdict(dict)
    for within in in_bins(reports.c.created_at, bins, width_s * 1_000_000):
        now |= _counted(connection, (within, reports.c.source == source), width_s)
    for key, voices in settled(connection, which, (min(bins), max(bins))).items():
        if key.bin_us in bins:
            now[key] = add(now.get(key, {}), voices)
    rows = [row for key in sorted(touched) for row in region_rows(key, width_s, now.get(key, {}))]
    put_changed(connection, region_counts, rows)
    _drop_others(connection, which, touched, rows)


def _drop_others(
    connection: Connection, which: tuple[str, int], touched: Collection[CellKey], rows: Sequence[Row]
) -> None:
    """Drop what stood in these cells and is not counted any more: a better report may place somebody elsewhere."""
    table, kept = region_counts, {(row["service"], row["bin_at"], row["region"]) for row in rows}
    of_source = table.c.source == which[0], table.c.bin_width_s == which[1]
    for page in pages(sorted({(key.service, key.bin_us) for key in touched})):
        cells = tuple_(table.c.service, table.c.bin_at).in_(page)
        found = connection.execute(select(table.c.service, table.c.bin_at, table.c.region).where(*of_source, cells))
        gone = [row for row in map(tuple, found) if row not in kept]
        for some in pages(gone):
            there = tuple_(table.c.service, table.c.bin_at, table.c.region).in_(some)
            connection.execute(delete(table).where(*of_source, there))


def _counted(connection: Connection, which: Iterable[ColumnElement[bool]], width_s: int) -> dict[CellKey, Voices]:
    found = connection.execute(_LOCATED.where(*which))
    return located_cells((LocatedRow._make((*row[:7], _decode(row[7]))) for row in found), width_s)


def settle(connection: Connection, which: tuple[str, int], leaving: ColumnElement[bool]) -> None:
    """Add what reports that leave count by region to what was settled in their bins before."""
    new = _counted(connection, (leaving,), which[1])
    if not new:
        return
    bins = [key.bin_us for key in new]
    known = settled(connection, which, (min(bins), max(bins)))
    rows = [row for key in sorted(new) for row in region_rows(key, which[1], add(known.get(key, {}), new[key]))]
    put(connection, settled_regions, rows)


def settled(connection: Connection, which: tuple[str, int], bins: tuple[int, int]) -> dict[CellKey, Voices]:
    """Return what was counted by region of reports that are there no more, of one source, first to last bin."""
    source, width_s = which
    where = {"a_source": source, "a_width": width_s, "from_us": bins[0], "to_us": bins[1]}
    found: defaultdict[CellKey, Voices] = defaultdict(dict)
    for service, bin_us, region, voices in connection.execute(_SETTLED, where):
        found[CellKey(service, source, bin_us)][region] = voices
    return found


def add(one: Mapping[str, float], other: Mapping[str, float]) -> Voices:
    """Return the voices of two parts of a bin together; nobody is in both."""
    return {region: one.get(region, 0.0) + other.get(region, 0.0) for region in {**one, **other}}


def region_rows(key: CellKey, width_s: int, voices: Mapping[str, float]) -> list[Row]:
    """Return the rows of a cell in either table."""
    cell = {"service": key.service, "source": key.source, "bin_width_s": width_s, "bin_at": key.bin_us}
    return [{**cell, "region": region, "observed": voices[region]} for region in sorted(voices)]
