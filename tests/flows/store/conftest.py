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

from flows.store import Store, open_store

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


@pytest.fixture
def postgres_url(postgres_port: int) -> str:
    """Make an empty database; return its URL."""
    name = f"uproar_{next(_numbers)}"
    connection = pg8000.native.Connection("postgres", "127.0.0.1", "postgres", postgres_port, PASSWORD)
    try:
        connection.run(f"CREATE DATABASE {name}")
    finally:
        connection.close()
    return f"postgresql://postgres:{PASSWORD}@127.0.0.1:{postgres_port}/{name}"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.real)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a store may be made: a file, then a database on a server."""
    if request.param == "sqlite":
        return str(tmp_path / "deep" / "uproar.db")
    found = request.getfixturevalue("postgres_url")
    assert isinstance(found, str)
    return found


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    """Open an empty store."""
    with open_store(url) as opened:
        yield opened
