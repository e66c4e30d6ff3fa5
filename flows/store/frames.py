"""Tidy frames for analysts: a UTC index, documented columns, the same types even when there is nothing in them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pandas as pd
from sqlalchemy import or_, select

from detectors.counting import micros
from detectors.model import Geo, SeriesKey
from flows.store import reading
from flows.store.marks import width_of
from flows.store.schema import incidents as incidents_table
from flows.store.schema import reports as reports_table
from flows.store.schema import series as series_table
from flows.store.schema import symptom_counts
from flows.store.schema import transitions as transitions_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection

    from detectors.model import Estimate, Incident

TIME, TEXT, NUMBER, WHOLE, FLAG, THING = "datetime64[us, UTC]", "string", "float64", "int64", "bool", "object"

COUNTS = {
    "service": TEXT,
    "source": TEXT,
    "bin_width_s": WHOLE,
    "observed": NUMBER,
    "raw": NUMBER,
    "authors": NUMBER,
    "coverage": NUMBER,
}
REPORTS = {
    "service": TEXT,
    "source": TEXT,
    "platform": TEXT,
    "post_id": TEXT,
    "author": TEXT,
    "weight": NUMBER,
    "label": TEXT,
    "is_repost": FLAG,
    "symptoms": THING,
    "text": TEXT,
    "lang": TEXT,
    "user_location": TEXT,
    "country": TEXT,
    "state": TEXT,
    "city": TEXT,
    "zip": TEXT,
    "lat": NUMBER,
    "lon": NUMBER,
}
SYMPTOMS = {
    "service": TEXT,
    "source": TEXT,
    "bin_width_s": WHOLE,
    "region": TEXT,
    "symptom": TEXT,
    "n": WHOLE,
}
INCIDENTS = {
    "id": TEXT,
    "service": TEXT,
    "source": TEXT,
    "severity": TEXT,
    "state": TEXT,
    "onset_low_at": TIME,
    "onset_high_at": TIME,
    "suspected_at": TIME,
    "alarmed_at": TIME,
    "confirmed_at": TIME,
    "ended_at": TIME,
    "ended_low_at": TIME,
    "ended_high_at": TIME,
    "resolved_at": TIME,
    "score": NUMBER,
    "peak": NUMBER,
    "peak_at": TIME,
    "expected_at_peak": NUMBER,
    "n_reports": WHOLE,
    "n_authors": WHOLE,
    "symptoms": THING,
    "bin_width_s": WHOLE,
    "revision": WHOLE,
}
TRANSITIONS = {
    "incident_id": TEXT,
    "service": TEXT,
    "source": TEXT,
    "revision": WHOLE,
    "old": TEXT,
    "new": TEXT,
    "severity": TEXT,
    "reason": TEXT,
}


@dataclass(frozen=True)
class Choice:
    """What is asked for; None = all. ``start <= t < end``, aware instants."""

    service: str | None = None
    source: str | None = None
    start: datetime | None = None
    end: datetime | None = None

    def which(self, table: Any) -> list[ColumnElement[bool]]:  # noqa: ANN401 - any table with both columns
        """Return the conditions on service and source."""
        pairs = ((table.c.service, self.service), (table.c.source, self.source))
        return [column == value for column, value in pairs if value is not None]

    def within(self, column: ColumnElement[Any]) -> list[ColumnElement[bool]]:
        """Return the conditions on an instant."""
        found: list[ColumnElement[bool]] = []
        if self.start is not None:
            found.append(column >= micros(self.start))
        if self.end is not None:
            found.append(column < micros(self.end))
        return found


def frame(rows: Iterable[Mapping[str, Any]], columns: dict[str, str], index: str) -> pd.DataFrame:
    """Lay rows out as a frame of the given columns and types, with a UTC index."""
    listed = list(rows)
    data = {name: _column([row[name] for row in listed], kind) for name, kind in columns.items()}
    return pd.DataFrame(data, index=pd.DatetimeIndex(_column([row[index] for row in listed], TIME), name=index))


def _column(values: list[Any], kind: str) -> Any:  # noqa: ANN401 - an array of that type
    """Return the values as an array of one type; instants may be microseconds or aware datetimes."""
    if kind == TIME:
        numbers = [value if value is None or isinstance(value, int) else micros(value) for value in values]
        return pd.to_datetime(pd.array(numbers, dtype="Int64"), unit="us", utc=True).astype(TIME)
    if kind == NUMBER:
        return np.array([np.nan if value is None else value for value in values], dtype=float)
    if kind == THING:
        found = np.empty(len(values), dtype=object)
        found[:] = values
        return found
    return pd.Series(values, dtype=kind).array


def counts(connection: Connection, choice: Choice) -> pd.DataFrame:
    """Return every bin of the series that fit, series after series.

    Index ``bin_at`` (start of the bin, UTC). Columns: ``service, source, bin_width_s``; ``observed`` (independent
    voices, weighted), ``raw`` (reports, reposts too) and ``authors`` (independent voices, unweighted; NaN where a
    file gave counts only), NaN where the bin was not observed; ``coverage`` (0 to 1).
    """
    query = select(series_table.c.service, series_table.c.source, series_table.c.bin_width_s)
    keys = sorted(SeriesKey(*row) for row in connection.execute(query.where(*choice.which(series_table))))
    parts = [part for key in keys if len(part := _series_frame(connection, key, choice))]
    return pd.concat(parts) if parts else frame([], COUNTS, "bin_at")


def _series_frame(connection: Connection, key: SeriesKey, choice: Choice) -> pd.DataFrame:
    """Return one series as part of the frame of counts."""
    found = reading.series_of(connection, key, choice.start, choice.end)
    authors = found.observed * 0  # 0 where observed, NaN elsewhere
    start_us, width_us = micros(found.start_at), key.bin_width_s * 1_000_000
    for bin_us, cell in reading.cells_of(connection, key, start_us, micros(found.end_at)).items():
        place = (bin_us - start_us) // width_us
        authors[place] = np.nan if cell.authors is None or np.isnan(authors[place]) else cell.authors
    frame = found.to_frame().assign(service=key.service, source=key.source, authors=authors)
    frame["bin_width_s"] = key.bin_width_s
    frame.index = frame.index.as_unit("us")  # type: ignore[attr-defined]
    return frame[list(COUNTS)].astype(COUNTS)


def reports(connection: Connection, choice: Choice) -> pd.DataFrame:
    """Return the reports that fit, by time.

    Index ``created_at`` (UTC). ``author`` is a pseudonym that changes daily, missing where the platform gave none;
    ``symptoms`` is a tuple; places are what the platform says.
    """
    table = reports_table
    query = select(table).where(*choice.which(table), *choice.within(table.c.created_at)).order_by(*table.primary_key)
    rows = [
        {
            **row,
            **msgspec.structs.asdict(Geo() if row["geo"] is None else msgspec.json.decode(row["geo"], type=Geo)),
            "symptoms": msgspec.json.decode(row["symptoms"], type=tuple[str, ...]),
        }
        for row in connection.execute(query).mappings()
    ]
    return frame(rows, REPORTS, "created_at")


def symptoms(connection: Connection, choice: Choice) -> pd.DataFrame:
    """Return how many reports named each symptom, by bin, of reports that were not kept too.

    Index ``bin_at`` (start of the bin, UTC). One row for each symptom that was named in a bin; ``symptom`` is empty
    for reports that name none, ``region`` where it is not known. A report that names two is in two rows.
    """
    table, past = reports_table, symptom_counts
    found: Counter[tuple[Any, ...]] = Counter()
    query = select(table.c.source, table.c.created_at, table.c.service, table.c.symptoms)
    widths: dict[str, int] = {}
    for source, at_us, service, names in connection.execute(
        query.where(*choice.which(table), *choice.within(table.c.created_at))
    ):
        if source not in widths:
            widths[source] = width_of(connection, source)
        width_s = widths[source]
        bin_us = at_us - at_us % (width_s * 1_000_000)
        for name in set(msgspec.json.decode(names, type=tuple[str, ...])) or {""}:
            found[source, width_s, bin_us, service, "", name] += 1
    for *key, n in connection.execute(select(past).where(*choice.which(past), *choice.within(past.c.bin_at))):
        found[tuple(key)] += n
    rows = [dict(zip(past.c.keys(), (*key, n), strict=True)) for key, n in found.items()]
    rows.sort(key=lambda row: (row["bin_at"], row["service"], row["source"], -row["n"], row["symptom"]))
    return frame(rows, SYMPTOMS, "bin_at")


def incidents(connection: Connection, choice: Choice) -> pd.DataFrame:
    """Return the incidents that were going on between ``start`` and ``end``, by onset.

    Index ``onset_at`` (UTC). The fields of :class:`detectors.model.Incident`, estimates spread over three columns;
    NaT where something has not happened yet; ``symptoms`` is a tuple of (symptom, share).
    """
    table = incidents_table
    which = choice.which(table)
    if choice.start is not None:
        which.append(or_(table.c.ended_at.is_(None), table.c.ended_at > micros(choice.start)))
    if choice.end is not None:
        which.append(table.c.onset_at < micros(choice.end))
    return frame(map(_flat, reading.incidents_where(connection, *which)), INCIDENTS, "onset_at")


def _flat(incident: Incident) -> dict[str, Any]:
    """Return an incident as a row of its frame."""
    return {
        **msgspec.structs.asdict(incident),
        **_spread("onset", incident.onset),
        **_spread("ended", incident.ended),
    }


def _spread(name: str, estimate: Estimate | None) -> dict[str, Any]:
    """Return an estimate as three columns."""
    if estimate is None:
        return dict.fromkeys((f"{name}_at", f"{name}_low_at", f"{name}_high_at"))
    return {f"{name}_at": estimate.at, f"{name}_low_at": estimate.low_at, f"{name}_high_at": estimate.high_at}


def transitions(connection: Connection, choice: Choice) -> pd.DataFrame:
    """Return the transitions that fit, by time.

    Index ``at`` (UTC); ``old`` is missing for the first transition of an incident.
    """
    steps, owner = transitions_table, incidents_table
    query = (
        select(steps, owner.c.service, owner.c.source)
        .join(owner, owner.c.id == steps.c.incident_id)
        .where(*choice.which(owner), *choice.within(steps.c.at))
    )
    found = [dict(row) for row in connection.execute(query).mappings()]
    rows = sorted(found, key=lambda row: (row["at"], row["incident_id"], row["revision"]))
    return frame(rows, TRANSITIONS, "at")
