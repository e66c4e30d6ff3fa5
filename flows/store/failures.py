"""What went wrong with the database, in words that say what to do and hold no secret."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import SQLAlchemyError

from detectors.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator

# The beginning of sqlite3's name for the error -> what it means.
_SQLITE = {
    "SQLITE_BUSY": "another program has held the store locked for too long; wait until it is done, then try again",
    "SQLITE_LOCKED": "another program has held the store locked for too long; wait until it is done, then try again",
    "SQLITE_READONLY": "the store, or the folder it is in, is read-only; make both writable, or name another store",
    "SQLITE_FULL": "the disk is full; make room and try again: what had been committed is safe",
    "SQLITE_CORRUPT": "the file is damaged; restore a copy, or move it away and ingest again",
    "SQLITE_NOTADB": "the file is not a SQLite database; name another store",
    "SQLITE_CANTOPEN": "the file cannot be opened or made; check that the folder exists and may be written to",
    "SQLITE_IOERR": "the disk failed while reading or writing; check its health and its free space",
    "SQLITE_PERM": "access to the file is refused; check its permissions",
}
# The beginning of PostgreSQL's error code -> what it means.
_POSTGRESQL = {
    "28": "the server refuses the user or the password; check both in the store's URL",
    "3D": "the server has no database of that name; create it first (createdb)",
    "42501": "the user may not do this; grant it the right to create tables in the schema",
    "53100": "the server's disk is full; make room and try again: what had been committed is safe",
    "53": "the server is short of connections, memory or disk; try again later",
    "25006": "the server takes no writes at the moment (read-only); write to the primary",
    "55P03": "another program has held the store locked for too long; wait until it is done, then try again",
    "57014": "another program has held the store locked for too long; wait until it is done, then try again",
    "57": "the server is starting, stopping or was stopped; try again in a while",
    "40": "another program changed the same rows at the same time; try again",
    "08": "the connection to the server was lost; try again",
}


@contextmanager
def plain_errors(where: str) -> Iterator[None]:
    """Turn every failure of the database within the block into a :class:`StoreError`.

    The original, whose text may hold a URL, a statement or a post, is neither quoted nor chained.

    Parameters
    ----------
    where
        The store, as it may be shown.
    """
    try:
        yield
    except SQLAlchemyError as error:
        raise StoreError(f"{where}: {explain(getattr(error, 'orig', None) or error)}") from None
    except (sqlite3.Error, OSError) as error:
        raise StoreError(f"{where}: {explain(error)}") from None


def explain(error: BaseException) -> str:
    """Say what a failure of a database means and what to do about it."""
    if isinstance(error, sqlite3.Error):
        name = getattr(error, "sqlite_errorname", "")
        return _by_prefix(_SQLITE, name) or f"SQLite failed ({name or type(error).__name__})"
    if isinstance(error, TimeoutError):
        return "the server did not answer in time; check host, port and network"
    if isinstance(error, OSError):
        return f"cannot be opened: {error.strerror or type(error).__name__}"
    fields: Any = error.args[0] if error.args else None
    if isinstance(fields, dict):
        code = str(fields.get("C", ""))
        return _by_prefix(_POSTGRESQL, code) or f"PostgreSQL failed (code {code})"
    if type(error).__module__.startswith("pg8000"):
        return "no connection to the server; check that it runs and that host and port in the store's URL are right"
    return f"the database failed ({type(error).__name__})"


def _by_prefix(meanings: dict[str, str], code: str) -> str | None:
    """Return the meaning whose key the code begins with; the longest key wins."""
    fitting = [key for key in meanings if code.startswith(key)]
    return meanings[max(fitting, key=len)] if fitting else None
