"""The same store tests run over SQLite and over a PostgreSQL server that they start themselves."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import pg8000.native
import pytest
from sqlalchemy import text

from flows.store import Store, open_store
from flows.store.schema import metadata

if TYPE_CHECKING:
    from collections.abc import Iterator

PASSWORD = "canary-of-the-store-tests"  # noqa: S105 - of a server that lives as long as the tests
_numbers = count()


@pytest.fixture(scope="session")
def postgres_port(postgres_bin: Path) -> Iterator[int]:
    """Start a server on a free loopback port; stop it at the end."""
    folder = Path(tempfile.mkdtemp(prefix="uproar-pg-"))  # pytest's own folder is closed to other users
    prefix: list[str] = []
    if os.geteuid() == 0:  # the server refuses to run as root
        shutil.chown(folder, "postgres")
        prefix = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
    (folder / "password").write_text(PASSWORD)
    (folder / "password").chmod(0o644)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])

    def run(program: str, *arguments: str) -> None:
        command = [*prefix, str(postgres_bin / program), "-D", str(folder / "data"), *arguments]
        subprocess.run(command, check=True, cwd=folder, stdout=subprocess.DEVNULL, timeout=60)

    initial = ("--no-sync", "-U", "postgres", "-A", "scram-sha-256", "-E", "UTF8", "--locale=C.UTF-8")
    run("initdb", *initial, f"--pwfile={folder / 'password'}")
    options = (
        f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off -c full_page_writes=off"
    )
    try:
        run("pg_ctl", "-w", "-l", str(folder / "log"), "-o", options, "start")
        yield port
    finally:
        run("pg_ctl", "-w", "-m", "immediate", "stop")
        shutil.rmtree(folder)


def _new_database(port: int) -> str:
    """Make an empty database; return its URL."""
    name = f"uproar_{next(_numbers)}"
    connection = pg8000.native.Connection("postgres", "127.0.0.1", "postgres", port, PASSWORD)
    try:
        connection.run(f"CREATE DATABASE {name}")
    finally:
        connection.close()
    return f"postgresql://postgres:{PASSWORD}@127.0.0.1:{port}/{name}"


@pytest.fixture
def postgres_url(postgres_port: int) -> str:
    """Make an empty database; return its URL."""
    return _new_database(postgres_port)


@pytest.fixture(scope="session")
def postgres_store_url(postgres_port: int) -> str:
    """Make a store that tests empty and use again: making one anew takes a second."""
    url = _new_database(postgres_port)
    open_store(url).close()
    return url


@pytest.fixture(scope="session")
def sqlite_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make an empty store that tests copy."""
    path = tmp_path_factory.mktemp("store") / "empty.db"
    open_store(path).close()
    return path


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.real)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a store may be made: a file, then a database on a server."""
    if request.param == "sqlite":
        return str(tmp_path / "deep" / "uproar.db")
    found = request.getfixturevalue("postgres_url")
    assert isinstance(found, str)
    return found


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.real)])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where an empty store is."""
    if request.param == "sqlite":
        return str(shutil.copy(request.getfixturevalue("sqlite_store"), tmp_path / "uproar.db"))
    url = request.getfixturevalue("postgres_store_url")
    assert isinstance(url, str)
    with open_store(url) as used, used._engine.begin() as connection:
        connection.execute(text(f"TRUNCATE {', '.join(metadata.tables)}"))
    return url


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    """Open an empty store."""
    with open_store(store_url) as opened:
        yield opened
