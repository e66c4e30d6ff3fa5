"""What a commit does inside its transaction: forget, keep, count again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import and_, delete, or_, select, tuple_

from detectors.counting import Cell, CellKey, cells
from detectors.errors import StoreError
from detectors.model import SeriesKey
from flows.store.privacy import FORGOTTEN, Pseudonyms, key_text
from flows.store.rows import overwrite, pages, put_changed, put_new
from flows.store.schema import counts, meta, reports, tombstones

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from sqlalchemy import Connection

    from detectors.counting import ReportRow

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
_ANY_TOMBSTONE = select(tombstones.c.post).limit(1)


def check_secret(connection: Connection, pseudonyms: Pseudonyms) -> None:
    """Refuse a secret that is not the store's: one person would become two.

    Raises
    ------
    StoreError
        The store was begun with another secret, or with none.
    """
    kept = connection.execute(_SECRET).scalar()
    if kept is None:
        put_new(connection, meta, [{"name": "secret_check", "value": pseudonyms.check}])
    elif kept != pseudonyms.check:
        raise StoreError("it was begun with another secret, or with none; open it with that one, or begin a new store")


# --- posts that are taken back -------------------------------------------------------------------------------


def forget(connection: Connection, deleted: Iterable[tuple[str, str]], pseudonyms: Pseudonyms) -> int:
    """Blank the reports of deleted posts, now and whenever they come again; return how many there were.

    Text, place and id go; what is left counts as before, so that a deletion rewrites no history.
    """
    names = {(key_text(platform), key_text(post)): pseudonyms.post(platform, post) for platform, post in deleted}
    put_new(connection, tombstones, [{"post": name} for name in sorted(set(names.values()))])
    n_blanked = 0
    overwrite(connection, is_on=True)
    for page in pages(names):
        is_meant = tuple_(reports.c.platform, reports.c.post_id).in_(page)
        found = [dict(row) for row in connection.execute(select(reports).where(is_meant)).mappings()]
        connection.execute(delete(reports).where(is_meant))
        blank = [{**row, **FORGOTTEN, "post_id": names[row["platform"], row["post_id"]]} for row in found]
        n_blanked += put_new(connection, reports, blank)
    overwrite(connection, is_on=False)
    return n_blanked


def keep(connection: Connection, rows: Sequence[Row], names: Callable[[], list[str]]) -> int:
    """Insert reports that are new; return how many were.

    Parameters
    ----------
    names
        Gives the name that each post would have once deleted; asked for only if any was ever deleted.
    """
    if connection.execute(_ANY_TOMBSTONE).first() is None:
        return put_new(connection, reports, rows)
    named = names()
    deleted: set[str] = set()
    for page in pages(set(named)):
        deleted.update(connection.scalars(select(tombstones.c.post).where(tombstones.c.post.in_(page))))
    return put_new(
        connection,
        reports,
        [
            {**row, **FORGOTTEN, "post_id": name} if name in deleted else row
            for name, row in zip(named, rows, strict=True)
        ],
    )


# --- cells ---------------------------------------------------------------------------------------------------


def recount(connection: Connection, source: str, rows: Sequence[Row], bin_width_s: int) -> dict[SeriesKey, int]:
    """Compute the cells of the given reports again, from all the reports in them.

    Returns
    -------
    dict
        The series whose counts have changed, with the start of the first bin that did (microseconds).
    """
    width_us = bin_width_s * 1_000_000
    touched = {CellKey(row["service"], source, row["created_at"] - row["created_at"] % width_us) for row in rows}
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
    """Return the cells of every report in the bins of the touched cells."""
    found: dict[CellKey, Cell] = {}
    for page in pages(_runs({key.bin_us for key in touched}, bin_width_s * 1_000_000)):
        within = or_(*(and_(reports.c.created_at >= start, reports.c.created_at < end) for start, end in page))
        query = select(*_COUNTED).where(within, reports.c.source == source)
        found |= cells(cast("Iterable[ReportRow]", connection.execute(query)), bin_width_s)
    return found


def _runs(bins: Iterable[int], width_us: int) -> list[tuple[int, int]]:
    """Join bins that follow each other into (start, end)."""
    runs: list[tuple[int, int]] = []
    for start in sorted(bins):
        if runs and runs[-1][1] == start:
            runs[-1] = (runs[-1][0], start + width_us)
        else:
            runs.append((start, start + width_us))
    return runs
