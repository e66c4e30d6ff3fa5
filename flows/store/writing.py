"""What a commit does inside its transaction: forget, keep, count again, vouch, mark."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import and_, bindparam, delete, exists, or_, select, tuple_, update

from detectors.counting import Cell, CellKey, Stretch, cells, first_difference, merge
from detectors.errors import StoreError
from detectors.model import SeriesKey
from flows.store.privacy import FORGOTTEN, Pseudonyms, key_text
from flows.store.rows import overwrite, pages, put, put_changed, put_new
from flows.store.schema import checkpoints, counts, meta, reports, series, spans, tombstones

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from sqlalchemy import BindParameter, ColumnElement, Connection

    from detectors.counting import ReportRow

    Row = dict[str, Any]

EVERYTHING = "*"
"""The scope of a source that sees every service."""

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
_OTHER_WIDTH = (
    select(series.c.bin_width_s)
    .where(
        series.c.source == bindparam("a_source"),
        series.c.origin == "posts",
        series.c.bin_width_s != bindparam("a_width"),
    )
    .limit(1)
)
_MADE_OTHERWISE = select(series.c.service, series.c.origin).where(
    series.c.source == bindparam("a_source"),
    series.c.bin_width_s == bindparam("a_width"),
    or_(series.c.origin != bindparam("an_origin"), series.c.phase_us != bindparam("a_phase")),
)
_SCORED_AFTER = select(checkpoints.c.at).where(checkpoints.c.at > bindparam("first_us")).limit(1)
_SCORED_OF = select(checkpoints.c.service, checkpoints.c.source, checkpoints.c.bin_width_s).where(
    checkpoints.c.source == bindparam("a_source"), checkpoints.c.at > bindparam("first_us")
)
_SPANS_MET = (
    select(spans.c.start_at, spans.c.end_at, spans.c.coverage)
    .where(
        spans.c.source == bindparam("a_source"),
        spans.c.scope == bindparam("a_scope"),
        spans.c.end_at >= bindparam("from_us"),
        spans.c.start_at <= bindparam("to_us"),
    )
    .order_by(spans.c.start_at)
)

_BOUND_SERIES = (
    series.c.service == bindparam("a_service"),
    series.c.source == bindparam("a_source"),
    series.c.bin_width_s == bindparam("a_width"),
)


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
    rows_now = [_count_row(key, bin_width_s, now[key]) for key in sorted(touched) if key in now]
    first: dict[SeriesKey, int] = {}
    for service, _, _, bin_us in put_changed(connection, counts, rows_now):
        key = SeriesKey(service, source, bin_width_s)
        first[key] = min(first.get(key, bin_us), bin_us)
    return first


def _count_row(key: CellKey, bin_width_s: int, cell: Cell) -> Row:
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


# --- observed time -------------------------------------------------------------------------------------------


def vouch(connection: Connection, source: str, observed: Iterable[Stretch]) -> None:
    """Add observed stretches to those of a source that sees every service, and mark what this changes.

    Only the stored stretches that they meet are read and written, so that the work does not grow with history.
    """
    new = merge(observed)
    if not new:
        return
    where = {"a_source": source, "a_scope": EVERYTHING, "from_us": new[0].start_us, "to_us": new[-1].end_us}
    before = [Stretch(*row) for row in connection.execute(_SPANS_MET, where)]
    after = merge([*before, *new])
    changed_us = first_difference(before, after)
    if changed_us is None:
        return
    gone = {stretch.start_us for stretch in before} - {stretch.start_us for stretch in after}
    if gone:  # not where a stretch only grows
        own = and_(spans.c.source == source, spans.c.scope == EVERYTHING)
        connection.execute(delete(spans).where(own, spans.c.start_at.between(min(gone), max(gone))))
    put_spans(connection, source, EVERYTHING, after)
    _mark_observed(connection, source, changed_us)


def put_spans(connection: Connection, source: str, scope: str, stretches: Iterable[Stretch]) -> None:
    """Insert stretches that do not overlap with those that are stored."""
    rows = [
        {"source": source, "scope": scope, "start_at": start, "end_at": end, "coverage": share}
        for start, end, share in stretches
    ]
    put(connection, spans, rows)


# --- series and their marks ----------------------------------------------------------------------------------


def is_series(table: Any, key: SeriesKey) -> tuple[ColumnElement[bool], ...]:  # noqa: ANN401 - any of the tables
    """Return the conditions that pick a series out of a table."""
    return table.c.service == key.service, table.c.source == key.source, table.c.bin_width_s == key.bin_width_s


def enter(connection: Connection, changed: Mapping[SeriesKey, int | None], origin: str, phase_us: int = 0) -> None:
    """Note that series exist and what they are made of, and mark from where on they have changed, if they have.

    Raises
    ------
    StoreError
        The counts of a series would come from two origins, or its bins would not lie on one grid.
    """
    put_new(
        connection,
        series,
        [
            {
                "service": key.service,
                "source": key.source,
                "bin_width_s": key.bin_width_s,
                "origin": origin,
                "phase_us": phase_us,
            }
            for key in changed
        ],
    )
    for source, width in {(key.source, key.bin_width_s) for key in changed}:
        which = {"a_source": source, "a_width": width, "an_origin": origin, "a_phase": phase_us}
        for service, other in connection.execute(_MADE_OTHERWISE, which):
            if SeriesKey(service, source, width) in changed:
                raise StoreError(
                    f"{service} from {source} is already stored, made of {other} or with bins that start at "
                    "other seconds; give this source another name"
                )
    mark(connection, {key: first_us for key, first_us in changed.items() if first_us is not None})


def one_width(connection: Connection, source: str, bin_width_s: int) -> None:
    """Refuse to count the posts of a source in bins of two widths: the older would no longer be kept up.

    Raises
    ------
    StoreError
        The source is stored in bins of another width.
    """
    other = connection.execute(_OTHER_WIDTH, {"a_source": source, "a_width": bin_width_s}).scalar()
    if other is not None:
        raise StoreError(
            f"the posts of {source} are stored in bins of {other} s, not {bin_width_s} s; "
            "keep to that width, or name another store"
        )


def mark(connection: Connection, changed: Mapping[SeriesKey, int]) -> None:
    """Note from where on series have changed, where that reaches back into bins already scored."""
    if not changed:
        return
    if connection.execute(_SCORED_AFTER, {"first_us": min(changed.values())}).first() is None:
        return  # as in most commits: what comes in is new
    first_us: BindParameter[int] = bindparam("first_us")
    was_scored = exists().where(
        checkpoints.c.service == series.c.service,
        checkpoints.c.source == series.c.source,
        checkpoints.c.bin_width_s == series.c.bin_width_s,
        checkpoints.c.at > first_us,
    )
    statement = (
        update(series)
        .where(
            *_BOUND_SERIES,
            was_scored,
            or_(series.c.changed_from.is_(None), series.c.changed_from > first_us),
        )
        .values(changed_from=first_us)
    )
    connection.execute(
        statement,
        [
            {"a_service": key.service, "a_source": key.source, "a_width": key.bin_width_s, "first_us": at_us}
            for key, at_us in changed.items()
        ],
    )


def _mark_observed(connection: Connection, source: str, first_us: int) -> None:
    """Mark the series of a source whose observed time has changed from ``first_us`` on.

    An ordinary step forward, into time that nobody has scored, concerns none of them.
    """
    scored = connection.execute(_SCORED_OF, {"a_source": source, "first_us": first_us})
    mark(connection, {SeriesKey(*row): first_us for row in scored})


# --- counts that came as counts ------------------------------------------------------------------------------


def replace_counts(
    connection: Connection,
    key: SeriesKey,
    within: tuple[int, int],
    new: Mapping[int, Cell],
    observed: Iterable[Stretch],
) -> int | None:
    """Put cells and observed time in the place of what was known of a series between two instants (microseconds).

    Returns
    -------
    int or None
        The earliest instant (microseconds) from which on the series differs from what it was.
    """
    start_us, end_us = within
    inside = and_(*is_series(counts, key), counts.c.bin_at >= start_us, counts.c.bin_at < end_us)
    query = select(counts.c.bin_at, counts.c.raw, counts.c.authors, counts.c.observed).where(inside)
    old = {bin_us: Cell(*cell) for bin_us, *cell in connection.execute(query)}
    connection.execute(delete(counts).where(inside))
    rows = [_count_row(CellKey(key.service, key.source, bin_us), key.bin_width_s, cell) for bin_us, cell in new.items()]
    put(connection, counts, rows)

    own = and_(spans.c.source == key.source, spans.c.scope == key.service)
    was = merge(
        Stretch(*row)
        for row in connection.execute(select(spans.c.start_at, spans.c.end_at, spans.c.coverage).where(own))
    )
    outside = [
        part
        for one in was
        for part in (one._replace(end_us=min(one.end_us, start_us)), one._replace(start_us=max(one.start_us, end_us)))
        if part.start_us < part.end_us
    ]
    now = merge([*outside, *observed])
    connection.execute(delete(spans).where(own))
    put_spans(connection, key.source, key.service, now)
    differing = [bin_us for bin_us in old.keys() | new.keys() if old.get(bin_us) != new.get(bin_us)]
    span_us = first_difference(was, now)
    return min([*differing, *([] if span_us is None else [span_us])], default=None)


def settle(connection: Connection, keys: Iterable[SeriesKey], *, is_stale: bool) -> None:
    """Clear the marks of series that have just been scored; where more came in meanwhile, have them scored again."""
    which = [
        {"a_service": key.service, "a_source": key.source, "a_width": key.bin_width_s, "mark": 0 if is_stale else None}
        for key in keys
    ]
    if which:
        statement = update(series).where(*_BOUND_SERIES).values(changed_from=bindparam("mark"))
        connection.execute(statement, which)
