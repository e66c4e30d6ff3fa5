"""Observed time: what a source vouches for, of every service or of some."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import and_, bindparam, delete, select

from detectors.counting import Cell, CellKey, Stretch, first_difference, merge
from flows.store.marks import EVERYTHING, is_series, mark_observed
from flows.store.rows import pages, put
from flows.store.schema import counts, spans
from flows.store.writing import count_row

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from typing import Any

    from sqlalchemy import Connection

    from detectors.model import SeriesKey

# Asked in every commit, and so put together once.
_SPANS_MET = (
    select(spans.c.scope, spans.c.start_at, spans.c.end_at, spans.c.coverage)
    .where(
        spans.c.source == bindparam("a_source"),
        spans.c.scope.in_(bindparam("scopes", expanding=True)),
        spans.c.end_at >= bindparam("from_us"),
        spans.c.start_at <= bindparam("to_us"),
    )
    .order_by(spans.c.scope, spans.c.start_at)
)
_GONE = delete(spans).where(
    spans.c.source == bindparam("a_source"),
    spans.c.scope == bindparam("a_scope"),
    spans.c.start_at.between(bindparam("from_us"), bindparam("to_us")),
)


def vouch(
    connection: Connection, source: str, observed: Iterable[Stretch], scope: Collection[str] | None = None
) -> None:
    """Add observed stretches to what a source vouches for, and mark the series that this changes.

    Only the stored stretches that they meet are read and written, so that the work does not grow with history.

    Parameters
    ----------
    scope
        The services that it saw; None = every one.
    """
    new = merge(observed)
    scopes = [EVERYTHING] if scope is None else sorted(set(scope))
    if not new or not scopes:
        return
    known = _spans_met(connection, source, scopes, new)
    steps: dict[tuple[Stretch, ...], tuple[tuple[Stretch, ...], int | None]] = {}  # many services, few histories
    changed: dict[str, int] = {}
    gone: list[dict[str, Any]] = []
    rows: list[dict[str, Any]] = []
    for name in scopes:
        before = tuple(known.get(name, ()))
        if before not in steps:
            after = merge([*before, *new])
            steps[before] = after, first_difference(before, after)
        after, changed_us = steps[before]
        if changed_us is not None:
            changed[name] = changed_us
            gone += _gone(source, name, before, after)
            rows += _span_rows(source, name, after)
    if changed:
        if gone:
            connection.execute(_GONE, gone)
        put(connection, spans, rows)
        mark_observed(connection, source, changed)


def _spans_met(
    connection: Connection, source: str, scopes: Sequence[str], new: Sequence[Stretch]
) -> dict[str, list[Stretch]]:
    """Return the stored stretches that new ones meet or touch, by scope."""
    found: dict[str, list[Stretch]] = {}
    where = {"a_source": source, "from_us": new[0].start_us, "to_us": new[-1].end_us}
    for page in pages(scopes):
        for name, *stretch in connection.execute(_SPANS_MET, {**where, "scopes": page}):
            found.setdefault(name, []).append(Stretch(*stretch))
    return found


def _gone(source: str, scope: str, before: Iterable[Stretch], after: Iterable[Stretch]) -> list[dict[str, Any]]:
    """Return what to delete of a scope: nothing where a stretch only grows."""
    starts = {stretch.start_us for stretch in before} - {stretch.start_us for stretch in after}
    if not starts:
        return []
    return [{"a_source": source, "a_scope": scope, "from_us": min(starts), "to_us": max(starts)}]


def _span_rows(source: str, scope: str, stretches: Iterable[Stretch]) -> list[dict[str, Any]]:
    """Return the rows of stretches."""
    return [
        {"source": source, "scope": scope, "start_at": start, "end_at": end, "coverage": share}
        for start, end, share in stretches
    ]


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
    rows = [count_row(CellKey(key.service, key.source, bin_us), key.bin_width_s, cell) for bin_us, cell in new.items()]
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
    put(connection, spans, _span_rows(key.source, key.service, now))
    differing = [bin_us for bin_us in old.keys() | new.keys() if old.get(bin_us) != new.get(bin_us)]
    span_us = first_difference(was, now)
    return min([*differing, *([] if span_us is None else [span_us])], default=None)
