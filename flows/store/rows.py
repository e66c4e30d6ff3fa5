"""Small helpers over SQLAlchemy Core that read the same on SQLite and on PostgreSQL."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

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
        return connection.execute(sqlite.insert(table).on_conflict_do_nothing(), rows).rowcount
    # RETURNING makes SQLAlchemy send many rows a statement; without it each would travel alone.
    statement = postgresql.insert(table).on_conflict_do_nothing().returning(*table.primary_key)
    return len(connection.execute(statement, rows).all())


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
