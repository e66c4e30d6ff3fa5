"""Small helpers over SQLAlchemy Core that read the same on SQLite and on PostgreSQL."""

from __future__ import annotations

from contextlib import contextmanager
from enum import Enum
from functools import cache
from itertools import islice
from operator import itemgetter
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import and_, or_
from sqlalchemy.dialects import postgresql, sqlite

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from sqlalchemy import Connection, Table

    Row = dict[str, Any]

Item = TypeVar("Item")

PAGE = 400
"""How many ranges or names one statement asks for."""

_SIZES = (256, 32, 4, 1)


def in_bins(at: Any, bins: Iterable[int], width_us: int) -> Iterator[Any]:  # noqa: ANN401 - SQLAlchemy's own types
    """Yield conditions, each short enough for one statement, that pick the rows whose ``at`` lies in these bins.

    Parameters
    ----------
    at
        A column of instants (microseconds).
    bins
        Their starts.
    """
    runs: list[tuple[int, int]] = []
    for start in sorted(bins):
        if runs and runs[-1][1] == start:
            runs[-1] = (runs[-1][0], start + width_us)
        else:
            runs.append((start, start + width_us))
    for page in pages(runs):
        yield or_(*(and_(at >= start, at < end) for start, end in page))


class Taken(Enum):
    """What happens to a row whose key is taken."""

    STAYS = "stays"
    IS_REPLACED = "is replaced"
    IS_REPLACED_IF_DIFFERENT = "is replaced if different"


def pages(items: Iterable[Item], size: int = PAGE) -> Iterator[list[Item]]:
    """Yield the items in lists of at most ``size``."""
    rest = iter(items)
    while page := list(islice(rest, size)):
        yield page


def put_new(connection: Connection, table: Table, rows: Sequence[Row]) -> int:
    """Insert the rows that are new by any unique key; return how many were."""
    if not rows:
        return 0
    if connection.dialect.name == "sqlite":
        statement, pick = _in_sqlite(table, tuple(rows[0]), Taken.STAYS)
        return connection.exec_driver_sql(statement, [pick(row) for row in rows]).rowcount
    # RETURNING makes SQLAlchemy send many rows a statement; without it each would travel alone.
    statement_pg = _insert(table, tuple(rows[0]), Taken.STAYS, postgresql.insert(table))
    return len(connection.execute(statement_pg.returning(*table.primary_key), rows).all())


def put(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert the rows; where the primary key is taken, replace the columns that the rows give."""
    if not rows:
        return
    if connection.dialect.name == "sqlite":
        statement, pick = _in_sqlite(table, tuple(rows[0]), Taken.IS_REPLACED)
        connection.exec_driver_sql(statement, [pick(row) for row in rows])
        return
    statement_pg = _insert(table, tuple(rows[0]), Taken.IS_REPLACED, postgresql.insert(table))
    connection.execute(statement_pg.returning(*table.primary_key), rows).all()


def put_changed(connection: Connection, table: Table, rows: Sequence[Row]) -> list[tuple[Any, ...]]:
    """Insert the rows that are new, replace those that differ, and return the primary keys of both."""
    if not rows:
        return []
    if connection.dialect.name != "sqlite":
        statement_pg = _insert(table, tuple(rows[0]), Taken.IS_REPLACED_IF_DIFFERENT, postgresql.insert(table))
        return [tuple(row) for row in connection.execute(statement_pg.returning(*table.primary_key), rows)]
    statement, pick = _in_sqlite(table, tuple(rows[0]), Taken.IS_REPLACED_IF_DIFFERENT)
    one = f"({', '.join('?' * len(rows[0]))})"  # only a statement of its own returns rows, so it takes many
    found: list[tuple[Any, ...]] = []
    for page in _few_sizes(rows):
        given = statement.replace(one, ", ".join([one] * len(page)), 1)
        found += map(tuple, connection.exec_driver_sql(given, tuple(value for row in page for value in pick(row))))
    return found


def _few_sizes(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    """Yield the rows in parts of a few sizes: the driver keeps statements, and there is one for each size."""
    start = 0
    for size in _SIZES:
        while len(rows) - start >= size:
            yield rows[start : start + size]
            start += size


def _insert(table: Table, names: Sequence[str], taken: Taken, insert: Any) -> Any:  # noqa: ANN401 - either dialect's
    """Return a statement that inserts rows of these columns."""
    if taken is Taken.STAYS:
        return insert.on_conflict_do_nothing()
    keys = [column.name for column in table.primary_key]
    values = [name for name in names if name not in keys]
    differs = or_(*(table.c[name].is_distinct_from(insert.excluded[name]) for name in values))
    return insert.on_conflict_do_update(
        index_elements=keys,
        set_={name: insert.excluded[name] for name in values},
        where=differs if taken is Taken.IS_REPLACED_IF_DIFFERENT else None,
    )


@cache
def _in_sqlite(table: Table, names: tuple[str, ...], taken: Taken) -> tuple[str, Callable[[Row], tuple[Any, ...]]]:
    """Return an insert as SQLite's driver takes it, and what makes a row its parameters.

    Compiled once: SQLAlchemy would do it for every insert with a conflict clause, which costs more than a few dozen
    rows do. And its own way of passing rows on costs as much again for every row.
    """
    statement = _insert(table, names, taken, sqlite.insert(table))
    if taken is Taken.IS_REPLACED_IF_DIFFERENT:
        statement = statement.returning(*table.primary_key)
    compiled = statement.compile(dialect=sqlite.dialect(), column_keys=list(names))
    order = compiled.positiontup
    return str(compiled), itemgetter(*order) if len(order) > 1 else lambda row: (row[order[0]],)


@contextmanager
def overwriting(connection: Connection) -> Iterator[None]:
    """Have SQLite overwrite what is deleted in the block on pages that fall free too.

    Where a page is written anyway it does so all the time, so that rows that move leave no copies behind. Doing it
    everywhere costs half the speed, and is needed only while posts are forgotten.
    """
    if connection.dialect.name != "sqlite":
        yield
        return
    connection.exec_driver_sql("PRAGMA secure_delete=ON")
    try:
        yield
    finally:
        connection.exec_driver_sql("PRAGMA secure_delete=FAST")
