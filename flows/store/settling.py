"""Reports whose time is over: what they counted stays, they do not.

A report that goes leaves three things: its part of the cell of its bin, its part of the counts of symptoms, and a
keyed hash of (post, service), so that it is not counted again if it ever comes again. A report that comes late to
such a bin is added to what the bin counted. The one thing that is lost is who was counted: somebody who posts again,
in the same minute, after more than the time that reports are kept, is counted once more.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, cast

import msgspec
from sqlalchemy import and_, delete, func, select

from detectors.counting import cells
from flows.store import regional
from flows.store.forgetting import past_name
from flows.store.marks import width_of
from flows.store.privacy import key_text
from flows.store.rows import overwriting, put, put_new
from flows.store.schema import past_reports, reports, settled, symptom_counts, tombstones
from flows.store.writing import add, settled_cells

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement, Connection

    from detectors.counting import ReportRow
    from flows.store.privacy import Pseudonyms

SLICE_US = 3600 * 1_000_000
"""How much time is settled in one transaction: others wait for it."""

_DETAILS = (
    reports.c.service,
    reports.c.source,
    reports.c.created_at,
    reports.c.platform,
    reports.c.post_id,
    reports.c.author,
    reports.c.weight,
    reports.c.is_repost,
    reports.c.symptoms,
    (reports.c.text == "").label("is_blank"),
)

_symptoms = msgspec.json.Decoder(tuple[str, ...])


def sources_with_reports(connection: Connection, before_us: int) -> list[tuple[str, int]]:
    """Return the sources that have reports from before an instant (microseconds), and the width of their bins (s)."""
    query = select(reports.c.source).where(reports.c.created_at < before_us).distinct()
    return [(source, width_of(connection, source)) for source in sorted(connection.scalars(query))]


def is_over(source: str, width_s: int, before_us: int) -> ColumnElement[bool]:
    """Return the condition for reports that are older than an instant (microseconds), or share a bin with such.

    Whole bins, since people are told apart within a bin.
    """
    return and_(reports.c.source == source, reports.c.created_at < _bin_end(before_us, width_s))


def _bin_end(at_us: int, width_s: int) -> int:
    """Return the end of the bin that holds, or ends at, an instant."""
    return at_us + -at_us % (width_s * 1_000_000)


def settle(connection: Connection, source: str, width_s: int, before_us: int, pseudonyms: Pseudonyms) -> int:
    """Settle the oldest reports of a source; return how many there were, 0 when there are none left.

    Parameters
    ----------
    before_us
        What is older goes (microseconds).
    """
    first_us = connection.execute(
        select(func.min(reports.c.created_at)).where(is_over(source, width_s, before_us))
    ).scalar()
    if first_us is None:
        return 0
    which = is_over(source, width_s, min(before_us, first_us + SLICE_US))
    rows = connection.execute(select(*_DETAILS).where(which)).all()
    _add_counts(connection, (source, width_s), [row[:8] for row in rows])
    _add_symptoms(connection, width_s, rows)
    regional.settle(connection, (source, width_s), which)
    names = {past_name(pseudonyms, row._asdict() | {"text": "" if row.is_blank else "?"}) for row in rows}
    put_new(connection, past_reports, [{"report": name} for name in sorted(names)])
    with overwriting(connection):
        connection.execute(delete(reports).where(which))
    return len(rows)


def _add_counts(connection: Connection, which: tuple[str, int], rows: Sequence[Any]) -> None:
    """Add what the reports count to what was settled in their bins before."""
    source, width_s = which
    new = cells(cast("Sequence[ReportRow]", rows), width_s)
    bins = [key.bin_us for key in new]
    known = settled_cells(connection, which, (min(bins), max(bins)))
    together = {key: add(known.get(key), cell) for key, cell in new.items()}
    put(
        connection,
        settled,
        [
            {
                "source": source,
                "bin_width_s": width_s,
                "bin_at": key.bin_us,
                "service": key.service,
                "raw": float(cell.raw),
                "authors": cell.authors,
                "observed": cell.observed,
            }
            for key, cell in sorted(together.items())
        ],
    )


def _add_symptoms(connection: Connection, width_s: int, rows: Sequence[Any]) -> None:
    """Add how many reports name each symptom; "" = those that name none."""
    width_us = width_s * 1_000_000
    found = Counter(
        (row.source, width_s, row.created_at - row.created_at % width_us, row.service, "", symptom)
        for row in rows
        for symptom in {key_text(name) for name in _symptoms.decode(row.symptoms)} or {""}
    )
    table = symptom_counts
    bins = [key[2] for key in found]
    query = select(table).where(
        table.c.source == rows[0].source,
        table.c.bin_width_s == width_s,
        table.c.bin_at.between(min(bins), max(bins)),
    )
    for *key, n in connection.execute(query):
        if tuple(key) in found:
            found[tuple(key)] += n
    names = table.c.keys()
    put(connection, table, [dict(zip(names, (*key, n), strict=True)) for key, n in sorted(found.items())])


def drop_tombstones(connection: Connection, before_us: int) -> None:
    """Drop the tombstones of posts that never came and were deleted before an instant (microseconds)."""
    connection.execute(delete(tombstones).where(tombstones.c.noted_at < before_us))
