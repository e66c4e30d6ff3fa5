"""What a commit does inside its transaction: count again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import bindparam, select

from detectors.counting import Cell, CellKey, cells
from detectors.errors import StoreError
from detectors.model import SeriesKey
from flows.store import regional
from flows.store.rows import in_bins, put_changed, put_new
from flows.store.schema import counts, meta, reports, settled

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from sqlalchemy import Connection

    from detectors.counting import ReportRow
    from flows.store.privacy import Pseudonyms

    Row = dict[str, Any]

_COUNTED = (
    reports.c.service,
    reports.c.source,
    reports.c.created_at,
    reports.c.platform,
    reports.c.post_id,
    reports.c.author,
    reports.c.weight,
    reports.c.is_repost,
)


# Asked in every commit, and so put together once.
_SECRET = select(meta.c.value).where(meta.c.name == "secret_check")
_SETTLED = select(settled.c.service, settled.c.bin_at, settled.c.raw, settled.c.authors, settled.c.observed).where(
    settled.c.source == bindparam("a_source"),
    settled.c.bin_width_s == bindparam("a_width"),
    settled.c.bin_at.between(bindparam("from_us"), bindparam("to_us")),
)


def check_secret(connection: Connection, pseudonyms: Pseudonyms) -> None:
    """Refuse a secret that is not the store's, as :func:`refuse_other_secret`; a store without one takes it."""
    if not refuse_other_secret(connection, pseudonyms):
        put_new(connection, meta, [{"name": "secret_check", "value": pseudonyms.check}])


def refuse_other_secret(connection: Connection, pseudonyms: Pseudonyms) -> bool:
    """Refuse a secret that is not the store's: one person would become two. Return whether the store has one.

    Raises
    ------
    StoreError
        The store was begun with another secret, or with none.
    """
    kept = connection.execute(_SECRET).scalar()
    if kept is not None and kept != pseudonyms.check:
        raise StoreError(
            "the store was begun with another secret, or with none; give it that one (UPROAR_STORE_SECRET, or [store] "
            "secret), or begin a new store ([store] url)"
        )
    return kept is not None


def recount(connection: Connection, source: str, rows: Sequence[Row], bin_width_s: int) -> dict[SeriesKey, int]:
    """Compute the cells of the given reports again, from all the reports in them.

    Returns
    -------
    dict
        The series whose counts have changed, with the start of the first bin that did (microseconds).
    """
    width_us = bin_width_s * 1_000_000
    touched, located = (
        {CellKey(row["service"], source, row["created_at"] - row["created_at"] % width_us) for row in some}
        for some in (rows, [row for row in rows if row["regions"]])
    )
    regional.recount(connection, (source, bin_width_s), located)
    now = _count(connection, touched, source, bin_width_s)
    rows_now = [count_row(key, bin_width_s, now[key]) for key in sorted(touched) if key in now]
    first: dict[SeriesKey, int] = {}
    for service, _, _, bin_us in put_changed(connection, counts, rows_now):
        key = SeriesKey(service, source, bin_width_s)
        first[key] = min(first.get(key, bin_us), bin_us)
    return first


def count_row(key: CellKey, bin_width_s: int, cell: Cell) -> Row:
    """Return the row of a cell in the table of counts."""
    return {
        "service": key.service,
        "source": key.source,
        "bin_width_s": bin_width_s,
        "bin_at": key.bin_us,
        "raw": float(cell.raw),
        "authors": cell.authors,
        "observed": float(cell.observed),
    }


def _count(connection: Connection, touched: Collection[CellKey], source: str, bin_width_s: int) -> dict[CellKey, Cell]:
    """Return the cells of every report in the bins of the touched cells, of those too that are there no more."""
    found: dict[CellKey, Cell] = {}
    if not touched:
        return found
    for within in in_bins(reports.c.created_at, {key.bin_us for key in touched}, bin_width_s * 1_000_000):
        query = select(*_COUNTED).where(within, reports.c.source == source)
        found |= cells(cast("Iterable[ReportRow]", connection.execute(query)), bin_width_s)
    bins = {key.bin_us for key in touched}
    for key, cell in settled_cells(connection, (source, bin_width_s), (min(bins), max(bins))).items():
        if key.bin_us in bins:
            found[key] = add(found.get(key), cell)
    return found


def settled_cells(connection: Connection, which: tuple[str, int], bins: tuple[int, int]) -> dict[CellKey, Cell]:
    """Return what was counted of reports that are there no more, of one source and width, first to last bin."""
    source, width_s = which
    where = {"a_source": source, "a_width": width_s, "from_us": bins[0], "to_us": bins[1]}
    return {CellKey(row[0], source, row[1]): Cell(*row[2:]) for row in connection.execute(_SETTLED, where)}


def add(one: Cell | None, other: Cell) -> Cell:
    """Return two cells of one bin as one; nobody is in both."""
    if one is None:
        return other
    return Cell(one.raw + other.raw, (one.authors or 0) + (other.authors or 0), one.observed + other.observed)
