"""From a URL to a connected, migrated database."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import URL, StaticPool, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError

from detectors.errors import StoreError
from flows.store.failures import plain_errors
from flows.store.migrate import is_current, migrate, version_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection, Engine

WRITER_LOCK = 8_227_191_701
"""Key of the PostgreSQL advisory lock that lets one writer in at a time, as SQLite does by itself."""

MISSING = (
    "there is no store here yet; uproar watch --once or uproar replay FILE --store makes one. "
    "If yours is elsewhere, name it with --store, or as url under [store] in the configuration"
)


def parse(url: str | Path) -> URL:
    """Return what a store's name means: a path or ``:memory:``, ``sqlite:///path``, ``postgresql://...``.

    Raises
    ------
    StoreError
        It is none of these. The message does not repeat it: it may hold a password.
    """
    if isinstance(url, Path) or "://" not in url:
        return URL.create("sqlite", database=str(url))
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        parsed = None
    backend = parsed.get_backend_name() if parsed is not None else ""
    if parsed is not None and backend == "sqlite":
        return parsed.set(drivername="sqlite", database=parsed.database or ":memory:")
    if parsed is not None and backend in ("postgresql", "postgres"):
        return parsed.set(drivername="postgresql+pg8000")
    raise StoreError(
        "the store's URL is not understood; give a path, sqlite:///path or postgresql://user:password@host/database"
    )


def display(url: URL) -> str:
    """Name the store as it may be shown: no user, no password, no options."""
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    port = f":{url.port}" if url.port else ""
    return f"postgresql://{url.host or 'localhost'}{port}/{url.database or ''}"


def connect(url: URL, *, timeout_s: float, create: bool = True) -> Engine:
    """Return an engine whose database exists and has the tables of this version.

    Several programs may do so at once: one makes or migrates the tables, the others wait. Without ``create`` a store
    that is not there is an error, and nothing is made.

    Raises
    ------
    StoreError
        It cannot be opened; the message says why and what to do.
    """
    where = display(url)
    if not create and url.get_backend_name() == "sqlite" and not Path(str(url.database)).exists():
        raise StoreError(f"{where}: {MISSING}")
    with plain_errors(where):
        engine = _sqlite(url, timeout_s) if url.get_backend_name() == "sqlite" else _postgresql(url, timeout_s)
        try:
            _bring_up_to_date(engine, create=create)
        except StoreError as error:
            engine.dispose()
            raise StoreError(f"{where}: {error}") from None
        except BaseException:
            engine.dispose()
            raise
    return engine


def _bring_up_to_date(engine: Engine, *, create: bool) -> None:
    with engine.connect() as connection:
        if is_current(connection):
            return
        if not create and version_of(connection) is None:
            raise StoreError(MISSING)
    with writing(engine) as connection:
        if not is_current(connection):
            migrate(connection)


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Give a connection inside a transaction that no other writer runs beside.

    Cells are recomputed from the reports in them: two writers at once could each miss the other's reports.
    """
    with engine.connect() as connection:
        connection.execution_options(uproar_write=True)
        with connection.begin():
            if engine.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": WRITER_LOCK})
            yield connection


def _sqlite(url: URL, timeout_s: float) -> Engine:
    """Return an engine on a file, or on memory that lives as long as the engine."""
    options: dict[str, Any] = {"connect_args": {"timeout": timeout_s, "check_same_thread": False}}
    if url.database == ":memory:":
        options["poolclass"] = StaticPool
    else:
        Path(str(url.database)).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, hide_parameters=True, **options)
    event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _set_up_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    """Set a new connection up.

    WAL with ``synchronous=NORMAL``: a commit is in the file system's hands when it returns, so that nothing that
    was acknowledged is lost when the process is killed. A loss of power may take back the last commits, whole and
    with their cursor, so that they are fetched again; it cannot damage the file.
    """
    connection.isolation_level = None  # we say BEGIN ourselves: sqlite3 would not, before a SELECT or a CREATE
    try:
        connection.execute("PRAGMA journal_mode=WAL")
    except sqlite3.OperationalError as error:
        # Two programs that make the same file at once: the switch does not wait, a transaction does.
        if not str(getattr(error, "sqlite_errorname", "")).startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            raise
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("COMMIT")
        connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("PRAGMA wal_autocheckpoint=4000")  # 16 MB: fewer waits for the disk
    connection.execute("PRAGMA cache_size=-4096")  # 4 MB: eight times as much is 5 % faster and looks like a leak
    connection.execute("PRAGMA secure_delete=FAST")  # see rows.overwriting


def _begin_sqlite(connection: Connection) -> None:
    """Begin; a writer takes the lock at once, since taking it later could fail without waiting."""
    is_writer = connection.get_execution_options().get("uproar_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if is_writer else "BEGIN")


def _postgresql(url: URL, timeout_s: float) -> Engine:
    """Return an engine on a PostgreSQL server."""
    # The driver's time-out is for every answer, those that wait for a lock too: the server is to give up first.
    patience = {"timeout": timeout_s + 30}
    engine = create_engine(url, hide_parameters=True, pool_pre_ping=True, connect_args=patience)
    lock_ms = int(timeout_s * 1000)

    @event.listens_for(engine, "connect")
    def _set_up(connection: Any, _record: object) -> None:  # noqa: ANN401 - pg8000 has no types
        cursor = connection.cursor()
        cursor.execute(f"SET lock_timeout = {lock_ms}")
        cursor.execute("SET timezone = 'UTC'")
        connection.commit()
        cursor.close()

    return engine
