"""Bring a store to this version: made when new, migrated when old, refused when newer."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

from sqlalchemy import inspect, text

from detectors.errors import StoreError
from flows.store.schema import metadata

if TYPE_CHECKING:
    from sqlalchemy import Connection

VERSIONS = ("0001", "0002", "0003", "0004", "0005")
"""The versions of the schema that this program knows, oldest first."""

VERSION_TABLE = "uproar_version"
SCRIPTS = "flows.store:migrations"
_one_at_a_time = Lock()  # alembic keeps what it works on in globals


def version_of(connection: Connection) -> str | None:
    """Return the version of the schema that the database holds; None where there is none."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    found = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()  # noqa: S608 - a constant
    return None if found is None else str(found)


def is_current(connection: Connection) -> bool:
    """Tell whether there is nothing to do.

    Raises
    ------
    StoreError
        The database was made by a newer version of Uproar, or its tables are another program's.
    """
    version = version_of(connection)
    if version is None:
        taken = sorted(set(inspect(connection).get_table_names()) & set(metadata.tables))
        if taken:
            raise StoreError(
                f"the database already has a table named {taken[0]!r} that Uproar did not make; name another database"
            )
        return False
    if version not in VERSIONS:
        raise StoreError(
            f"the store has schema {version}, this version of Uproar knows {VERSIONS[-1]}: it was written by a newer "
            "Uproar; install that one, or name another store"
        )
    return version == VERSIONS[-1]


def migrate(connection: Connection) -> None:
    """Make or migrate the tables in the transaction that ``connection`` is in.

    Alembic is loaded only here: opening a store that is up to date does not need it.
    """
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": connection, "version_table": VERSION_TABLE})
    config.set_main_option("script_location", SCRIPTS)
    config.set_main_option("path_separator", "os")
    with _one_at_a_time:
        command.upgrade(config, "head")
