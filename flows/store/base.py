"""What every part of the store stands on: connections, transactions, and one writer at a time."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from threading import RLock
from typing import TYPE_CHECKING, Self

from sqlalchemy import text

from detectors.errors import StoreError
from flows.store import engine as engines
from flows.store.failures import plain_errors
from flows.store.privacy import Pseudonyms

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection, Engine, PoolProxiedConnection

    from detectors.model import SeriesKey


class Base:
    """A database that is open. Threads may share it: they read at once, and write one after the other."""

    def __init__(self, engine: Engine, secret: str | None = None) -> None:
        self._engine = engine
        self._where = engines.display(engine.url)
        self._pseudonyms = Pseudonyms(secret)
        self._seen: dict[SeriesKey, str] = {}
        self._is_log_due = False
        # Threads that wait here are served in turn; SQLite lets writers try again and again until one gives up.
        self._turn = RLock()
        # A store in memory is one connection: nobody may read while another thread is in a transaction.
        self._is_memory = engine.url.get_backend_name() == "sqlite" and engine.url.database == ":memory:"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection."""
        with plain_errors(self._where):
            self._engine.dispose()

    def describe(self) -> str:
        """Say which store this is, without user or password."""
        kind = "SQLite" if self._engine.dialect.name == "sqlite" else "PostgreSQL"
        return f"{kind} {self._where}"

    def integrity_check(self) -> None:
        """Check the file.

        Raises
        ------
        StoreError
            It is damaged. PostgreSQL checks itself: there, only the connection is tried.
        """
        statement = "PRAGMA integrity_check" if self._engine.dialect.name == "sqlite" else "SELECT 'ok'"
        with self._reading() as connection:
            found = connection.execute(text(statement)).scalar()
        if found != "ok":
            raise StoreError(f"{self._where}: the file is damaged; restore a copy, or move it away and ingest again")

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with (
            self._turn if self._is_memory else nullcontext(),
            plain_errors(self._where),
            self._engine.connect() as connection,
        ):
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with self._turn, plain_errors(self._where), engines.writing(self._engine) as connection:
            yield connection

    def _overwrite(self, *, is_owed: bool = False) -> None:
        """See to it that what was forgotten does not live on where nobody looks.

        SQLite: bring the write-ahead log into the file, and empty it. That has to wait for whoever is reading; where
        it is not owed to anybody who waits for it, nobody waits, and the next commit tries again. PostgreSQL frees the
        places of rows by itself; where it is owed, have it write the table anew.

        Raises
        ------
        StoreError
            It is owed, and other programs were reading all the time.
        """
        if self._engine.dialect.name == "sqlite":
            with self._turn, self._reading() as connection:
                self._is_log_due = not _empty_log(connection.connection, is_patient=is_owed)
            if is_owed and self._is_log_due:
                raise StoreError(
                    f"{self._where}: what was to be forgotten is forgotten, but SQLite's log still holds it, because "
                    "another program was reading all the time; do the same again when that has ended"
                )
        elif is_owed:
            engine = self._engine.execution_options(isolation_level="AUTOCOMMIT")
            with self._turn, plain_errors(self._where), engine.connect() as connection:
                connection.execute(text("ROLLBACK"))  # of what the driver's ping began: within it one may not vacuum
                for table in ("reports", "deliveries"):
                    connection.execute(text(f"VACUUM FULL {table}"))


def _empty_log(driver: PoolProxiedConnection, *, is_patient: bool) -> bool:
    """Empty SQLite's write-ahead log; return False where somebody was reading from it."""
    cursor = driver.cursor()
    cursor.execute("PRAGMA busy_timeout")
    (patience_ms,) = cursor.fetchone() or (0,)
    try:
        cursor.execute(f"PRAGMA busy_timeout={patience_ms if is_patient else 0}")
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (is_busy, *_) = cursor.fetchone() or (0,)
    finally:
        cursor.execute(f"PRAGMA busy_timeout={patience_ms}")
        cursor.close()
    return not is_busy
