"""The schedule under fire: a run killed in the middle, the server restarted, other runs at the same time."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from flows import deploy, steps
from flows.replay import replay_posts
from flows.sources.archive import Archive
from flows.store import open_store
from tests.flows.store.helpers import dump
from tests.flows.streams import HOUR, Outage, at, line, stream
from tests.flows.test_serve import completed, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.soak, pytest.mark.xdist_group("prefect")]

TICKS = 10
KILLED_AT, RESTARTED_AT, OVERLAPPED_AT = 3, 5, 7
SERVICES = ("iMessage", "Outlook", "WhatsApp", "Gmail", "Netflix")
COMPARED = ("reports", "counts", "spans", "incidents", "transitions", "gaps")


class Server:
    """A Prefect server that can be stopped and started again, with its memory."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.folder = folder
        self.api = f"http://127.0.0.1:{self.port}/api"
        self.environ = {**os.environ, **deploy.ENVIRONMENT, "PREFECT_HOME": str(folder / "prefect")}
        self.environ.pop("PREFECT_API_URL", None)

    def start(self) -> None:
        command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(self.port)]
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(command, env=self.environ, stdout=log, stderr=log, start_new_session=True)
        wait_for("server", self._listens, self.process)

    def _listens(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path)
    made.start()
    yield made
    made.stop()


def uproar(folder: Path, *arguments: str, **environ: str) -> subprocess.Popen[bytes]:
    """Start the command in a folder; what it says goes to its log."""
    command = [sys.executable, "-m", "flows.cli", *arguments, "--config", "my.toml"]
    with (folder / f"{arguments[0]}.log").open("ab") as log:
        return subprocess.Popen(command, cwd=folder, env={**os.environ, **environ}, stdout=log, stderr=log)


def runs_of(parent: int) -> list[int]:
    """Return the processes that a process has started, and that still run."""
    try:
        text = Path(f"/proc/{parent}/task/{parent}/children").read_text()
    except FileNotFoundError:
        return []
    return [int(one) for one in text.split()]


def n_posts(folder: Path) -> int:
    """Return how many reports have been committed, seen from outside."""
    with open_store(folder / "live.db", create=False) as store:
        return int(sum(store.series(key).raw.sum() for key in store.keys()))  # noqa: SIM118


def kill_in_the_middle(folder: Path, serving: subprocess.Popen[bytes]) -> None:
    """Kill a run with SIGKILL once it has committed something, and has not committed all."""
    before = n_posts(folder)
    wait_for("commit", lambda: n_posts(folder) > before, serving)
    running = runs_of(serving.pid)
    assert running, "the run was over before it could be killed"
    for pid in running:
        os.kill(pid, signal.SIGKILL)


def has_more(api: str, n_before: int) -> bool:
    """Whether another run of the live pipeline has finished."""
    return len(completed(api)) > n_before


def in_store(path: Path) -> dict[str, Any]:
    with open_store(path, create=False) as store:
        everything = dump(store)
        return {table: everything[table] for table in COMPARED}


def test_ten_ticks_under_fire_end_as_one_undisturbed_run(tmp_path: Path, server: Server) -> None:
    outages = Outage(), Outage(19 * HOUR, 19 * HOUR + 50, 20, service="Outlook")
    posts = stream(*outages, hours=22, services=SERVICES, rate=25.0)
    lines = [line(post) for post in posts]
    parts = [lines[len(lines) * i // TICKS : len(lines) * (i + 1) // TICKS] for i in range(TICKS)]
    file = tmp_path / "posts.jsonl"
    file.write_bytes(b"".join(parts[0]))
    (tmp_path / "my.toml").write_text(
        '[store]\nurl = "live.db"\n[watch]\nevery_s = 30\n[sources]\narchive = ["posts.jsonl"]\n'
    )
    environ = {name: server.environ[name] for name in (*deploy.ENVIRONMENT, "PREFECT_HOME")}
    serving = uproar(tmp_path, "serve", **environ | {"PREFECT_API_URL": server.api})
    try:
        wait_for("first run", lambda: completed(server.api), serving)
        for number, part in enumerate(parts[1:], 1):
            n_before = len(completed(server.api))
            with file.open("ab") as growing:
                growing.write(b"".join(part))
            if number == KILLED_AT:
                kill_in_the_middle(tmp_path, serving)
            if number == RESTARTED_AT:
                server.stop()
                time.sleep(5)  # noqa: TID251 - another program is at work
                server.start()
            if number == OVERLAPPED_AT:
                others = [uproar(tmp_path, "watch", "--once") for _ in range(2)]
                assert [other.wait(120) for other in others] == [0, 0]
            wait_for(f"run {number}", partial(has_more, server.api, n_before), serving)
    finally:
        serving.send_signal(signal.SIGTERM)
        serving.wait(60)
    with open_store(tmp_path / "whole.db") as store:
        replay_posts(store, Archive(file, now=at(23 * HOUR)), steps.Watched())
    disturbed, calm = in_store(tmp_path / "live.db"), in_store(tmp_path / "whole.db")
    for table in COMPARED:
        assert disturbed[table] == calm[table], table
    for log in tmp_path.glob("*.log"):
        assert "database is locked" not in log.read_text(errors="replace"), log.name
