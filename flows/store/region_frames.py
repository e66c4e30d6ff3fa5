"""Voices by region as a tidy frame, with those from nobody knows where."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from detectors.counting import micros
from detectors.location import level
from detectors.model import SeriesKey
from flows.store import reading
from flows.store.frames import NUMBER, TEXT, WHOLE, Choice, frame
from flows.store.marks import POSTS, is_series
from flows.store.schema import region_counts, series

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd
    from sqlalchemy import Connection

REGIONS = {"service": TEXT, "source": TEXT, "bin_width_s": WHOLE, "region": TEXT, "level": TEXT, "observed": NUMBER}


def regions(connection: Connection, choice: Choice) -> pd.DataFrame:
    """Return voices by bin and region, of bins and regions in which there are any.

    Index ``bin_at`` (start of the bin, UTC). Columns: ``service, source, bin_width_s, region``; ``level`` (``country``,
    ``subdivision``, ``metro``, ``zip3``; ``unlocated`` for those from nobody knows where, whose ``region`` is empty);
    ``observed`` (independent voices, weighted). Levels overlap: who is in Texas is in the US. Sources that give counts
    only know no regions, and are not in the frame; which bins were observed is in :func:`flows.store.frames.counts`.
    """
    query = select(series.c.service, series.c.source, series.c.bin_width_s).where(
        series.c.origin == POSTS, *choice.which(series)
    )
    keys = sorted(SeriesKey(*row) for row in connection.execute(query))
    return frame((row for key in keys for row in _rows(connection, key, choice)), REGIONS, "bin_at")


def _rows(connection: Connection, key: SeriesKey, choice: Choice) -> Iterator[dict[str, object]]:
    found = reading.series_of(connection, key, choice.start, choice.end)
    start_us, end_us = micros(found.start_at), micros(found.end_at)
    table = region_counts
    query = select(table.c.bin_at, table.c.region, table.c.observed).where(
        *is_series(table, key), table.c.bin_at >= start_us, table.c.bin_at < end_us
    )
    unlocated = {at: cell.observed for at, cell in reading.cells_of(connection, key, start_us, end_us).items()}
    about = {"service": key.service, "source": key.source, "bin_width_s": key.bin_width_s}
    rows: list[dict[str, object]] = []
    for at, region, voices in connection.execute(query):
        rows.append({**about, "bin_at": at, "region": region, "level": level(region), "observed": voices})
        if level(region) == "country":
            unlocated[at] = unlocated.get(at, 0.0) - voices
    for at, voices in unlocated.items():
        if voices > LEAST:
            rows.append({**about, "bin_at": at, "region": "", "level": "unlocated", "observed": voices})
    yield from sorted(rows, key=lambda row: (row["bin_at"], row["region"]))


LEAST = 1e-6
"""Below it a difference of weights is nothing but rounding."""
