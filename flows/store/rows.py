"""Small helpers over SQLAlchemy Core that read the same on SQLite and on PostgreSQL."""

from __future__ import annotations

from itertools import islice
from operator import itemgetter
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import or_
from sqlalchemy.dialects import postgresql, sqlite

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sqlalchemy import Connection, Table

Item = TypeVar("Item")

PAGE = 400
"""How many ranges or names one statement asks for."""


def pages(items: Iterable[Item], size: int = PAGE) -> Iterator[list[Item]]:
    """Yield the items in lists of at most ``size``."""
    rest = iter(items)
    while page := list(islice(rest, size)):
        yield page


def put_new(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> int:
    """Insert the rows that are new by any unique key; return how many were."""
    if not rows:
        return 0
    if connection.dialect.name == "sqlite":
        # Tuples straight to the driver: SQLAlchemy's own way costs as much again for every row.
        statement = sqlite.insert(table).on_conflict_do_nothing()
        compiled = statement.compile(dialect=connection.dialect, column_keys=list(rows[0]))
        pick = itemgetter(*(compiled.positiontup or ()))
        return connection.exec_driver_sql(str(compiled), [_as_tuple(pick(row)) for row in rows]).rowcount
    # RETURNING makes SQLAlchemy send many rows a statement; without it each would travel alone.
    returning = postgresql.insert(table).on_conflict_do_nothing().returning(*table.primary_key)
    return len(connection.execute(returning, rows).all())


def _as_tuple(picked: Any) -> tuple[Any, ...]:  # noqa: ANN401 - itemgetter gives one value or a tuple
    return picked if isinstance(picked, tuple) else (picked,)


def put(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert the rows; where the primary key is taken, replace the columns that the rows give."""
    if not rows:
        return
    keys = [column.name for column in table.primary_key]
    values = [name for name in rows[0] if name not in keys]
    if connection.dialect.name == "sqlite":
        on_sqlite = sqlite.insert(table)
        connection.execute(
            on_sqlite.on_conflict_do_update(
                index_elements=keys, set_={name: on_sqlite.excluded[name] for name in values}
            ),
            rows,
        )
        return
    on_pg = postgresql.insert(table)
    connection.execute(
        on_pg.on_conflict_do_update(
            index_elements=keys, set_={name: on_pg.excluded[name] for name in values}
        ).returning(*table.primary_key),
        rows,
    ).all()


def put_changed(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """Insert the rows that are new, replace those that differ, and return the primary keys of both."""
    if not rows:
        return []
    keys = [column.name for column in table.primary_key]
    values = [name for name in rows[0] if name not in keys]
    insert = sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)
    statement = insert.on_conflict_do_update(
        index_elements=keys,
        set_={name: insert.excluded[name] for name in values},
        where=or_(*(table.c[name].is_distinct_from(insert.excluded[name]) for name in values)),
    )
    return [tuple(row) for row in connection.execute(statement.returning(*table.primary_key), rows)]


def overwrite(connection: Connection, *, is_on: bool) -> None:
    """Have SQLite overwrite what is deleted, on pages that fall free too, or only where a page is written anyway.

    The latter goes on all the time, so that rows that move leave no copies behind; the former costs half the speed,
    and is needed only while posts are forgotten.
    """
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(f"PRAGMA secure_delete={'ON' if is_on else 'FAST'}")
