"""The schedule: a Prefect server of our own on loopback, and runs that begin by themselves and finish."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from detectors.errors import PermanentError
from flows import deploy
from flows.settings import Settings, StatusSettings, WatchSettings
from flows.store import open_store
from tests.flows.store.helpers import dump
from tests.flows.streams import Outage, stream, write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from flows.store import Store

pytestmark = pytest.mark.xdist_group("prefect")

PATIENCE_S = 240.0
"""A loaded machine takes a minute to start a server and a first run."""


def wait_for(what: str, found: Callable[[], Any], process: subprocess.Popen[bytes]) -> Any:
    """Ask until there is an answer."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        answer = found()
        if answer:
            return answer
        assert process.poll() is None, f"uproar serve has ended before there was {what}"
        time.sleep(0.5)  # noqa: TID251 - another program is at work
    raise AssertionError(f"no {what} in {PATIENCE_S:g} s")


@contextmanager
def serving(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run ``uproar serve`` in a folder; make sure that it is gone afterwards."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "COV_CORE"))}
    environ |= {"PREFECT_HOME": str(folder / "prefect"), "PREFECT_LOGGING_TO_API_ENABLED": "true"}
    command = [sys.executable, "-m", "flows.cli", "serve", "--config", "my.toml"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=environ, stdout=log, stderr=log)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(60)
        finally:
            process.kill()


def server_of(folder: Path) -> str:
    """Return where the server of our own answers, once its log says so."""
    log = folder / "prefect" / "server.log"
    found = re.search(r"PREFECT_API_URL=(http://127\.0\.0\.1:\d+/api)", log.read_text() if log.exists() else "")
    return found.group(1) if found else ""


def ask(api: str, path: str, wanted: dict[str, Any]) -> Any:
    """Ask the server."""
    answer = httpx.post(f"{api}/{path}", json=wanted, timeout=30)
    answer.raise_for_status()
    return answer.json()


def happened(api: str, incident: str) -> list[dict[str, Any]]:
    """Return the events of an incident once the last of them is there, oldest first."""
    wanted = {"filter": {"resource": {"id": [f"uproar.incident.{incident}"]}, "order": "ASC"}}
    events: list[dict[str, Any]] = ask(api, "events/filter", wanted)["events"]
    return events if events and events[-1]["event"].endswith("resolved") else []


def completed(api: str) -> list[dict[str, Any]]:
    """Return the ticks that have finished, the latest first; none while the server does not listen yet."""
    flow = {"name": {"any_": ["uproar-watch"]}}
    wanted = {"flows": flow, "flow_runs": {"state": {"type": {"any_": ["COMPLETED"]}}}, "sort": "END_TIME_DESC"}
    try:
        answer = httpx.post(f"{api}/flow_runs/filter", json=wanted, timeout=30)
    except httpx.TransportError:
        return []
    answer.raise_for_status()
    runs: list[dict[str, Any]] = answer.json()
    return runs


def remembered(store: Store) -> dict[str, Any]:
    """Return all that a store holds, but for when its sources were last asked."""
    return {table: rows for table, rows in dump(store).items() if table != "feeds"}


def test_scheduled_runs_start_and_finish(tmp_path: Path) -> None:
    write(tmp_path / "posts.jsonl", stream(Outage(), services=("iMessage", "Outlook")))
    (tmp_path / "my.toml").write_text(
        '[store]\nurl = "live.db"\n[watch]\nevery_s = 30\n[sources]\narchive = ["posts.jsonl"]\n'
    )
    with serving(tmp_path) as process:
        api = wait_for("server", lambda: server_of(tmp_path), process)
        (first,) = wait_for("run that has finished", lambda: completed(api), process)[-1:]
        with open_store(tmp_path / "live.db", create=False) as store:
            kept = remembered(store)
            (incident,) = store.find_incidents()
        runs = wait_for("second run", lambda: completed(api) if len(completed(api)) > 1 else [], process)
        (artifact,) = ask(api, "artifacts/filter", {"artifacts": {"key": {"any_": ["uproar-tick"]}}})
        events = wait_for("event", lambda: happened(api, incident.id), process)
    assert (incident.service, incident.severity, incident.state) == ("imessage", "page", "resolved")
    assert "iMessage: trouble from" in artifact["data"]
    assert [event["event"].removeprefix("uproar.incident.") for event in events][-1] == "resolved"
    assert events[-1]["payload"]["incident"]["service"] == "imessage"
    assert all(run["auto_scheduled"] for run in runs), "the schedule began them, nobody else"
    assert runs[-1]["id"] == first["id"]
    with open_store(tmp_path / "live.db", create=False) as store:
        assert remembered(store) == kept, "a run that finds nothing new leaves everything as it is"
    said, _, _ = (tmp_path / "log").read_text().partition("SIGTERM received")  # Prefect is noisy when it is stopped
    assert "WARNING" in said
    assert "iMessage: trouble from" in said
    for log in (said, (tmp_path / "prefect" / "server.log").read_text()):
        assert "database is locked" not in log
        assert "Traceback" not in log
    assert process.returncode == 0
    port = int(api.rpartition(":")[2].removesuffix("/api"))
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5).close()


def test_a_stop_before_the_server_is_up_leaves_no_server(tmp_path: Path) -> None:
    (tmp_path / "my.toml").write_text("[watch]\nevery_s = 30\n")
    with serving(tmp_path) as process:
        wait_for("log of the server", (tmp_path / "prefect" / "server.log").exists, process)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 128 + signal.SIGTERM
    assert server_of(tmp_path) == "", "it never came up"


# --- in this process -----------------------------------------------------------------------------------------


@pytest.fixture
def _environ(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let nothing that is set for Prefect outlive a test."""
    for name, value in deploy.ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / "prefect"))
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:1/api")


def test_prefect_reports_nothing_home() -> None:
    assert deploy.ENVIRONMENT["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"
    assert deploy.ENVIRONMENT["DO_NOT_TRACK"] == "1"


@pytest.mark.usefixtures("_environ")
def test_what_is_deployed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import prefect

    served: list[Any] = []
    options: dict[str, Any] = {}

    def serve(*deployments: Any, **given: Any) -> None:
        served.extend(deployments)
        options.update(given)

    monkeypatch.setattr(prefect, "serve", serve)
    monkeypatch.chdir(tmp_path)
    settings = Settings(watch=WatchSettings(every_s=90), status=StatusSettings(enabled=True, every_s=120))
    deploy.serve(settings, Path("my.toml"), sleep=never)
    assert {one.name: one.entrypoint for one in served} == {
        "watch": "flows.watch.watch",
        "housekeeping": "flows.housekeeping.housekeeping",
        "status": "flows.status.status",
    }
    intervals = {one.name: [plan.schedule.interval.total_seconds() for plan in one.schedules] for one in served}
    assert intervals == {"watch": [90], "housekeeping": [3600], "status": [120]}
    for deployment in served:
        assert deployment.parameters == {"config": str(tmp_path / "my.toml")}
        assert deployment.concurrency_limit == 1
        assert deployment.concurrency_options.collision_strategy == "CANCEL_NEW"
    assert options["pause_on_shutdown"] is False


def never(_: float) -> None:
    raise AssertionError("nobody has to wait")


class Ended:
    """A server that has ended at once."""

    def poll(self) -> int:
        return 1


def test_a_server_that_does_not_start_is_said_with_its_log(tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match=r"the Prefect server did not start; its log is .*server\.log"):
        deploy._await(Ended(), 1, never, tmp_path / "server.log")  # type: ignore[arg-type]


class Silent(Ended):
    """A server that never listens."""

    def poll(self) -> None:  # type: ignore[override]
        return None


def test_a_server_that_never_listens_is_given_up(tmp_path: Path) -> None:
    slept: list[float] = []
    with pytest.raises(PermanentError, match="did not start"):
        deploy._await(Silent(), 1, slept.append, tmp_path / "server.log")  # type: ignore[arg-type]
    assert sum(slept) == 120


DEAF = "signal.signal(signal.SIGTERM, signal.SIG_IGN)"


@pytest.mark.parametrize("manners", ["", DEAF], ids=["polite", "deaf"])
def test_a_server_of_our_own_is_started_and_stopped(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, manners: str
) -> None:
    """Prefect itself takes half a minute; what matters here is who starts and stops it."""
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / "prefect"))
    listen = f"""import signal, socket, sys, time\n{manners}
server = socket.create_server(("127.0.0.1", int(sys.argv[-1])))\ntime.sleep(600)"""
    monkeypatch.setattr(deploy, "STOP_WITHIN_S", 0.5)
    monkeypatch.setattr(deploy, "SERVER", [sys.executable, "-c", listen])
    before = signal.getsignal(signal.SIGTERM)
    try:
        with deploy._own_server(lambda _: time.sleep(0.05)) as url:  # noqa: TID251 - another program is at work
            port = int(url.removesuffix("/api").rpartition(":")[2])
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
    finally:
        signal.signal(signal.SIGTERM, before)


class Told:
    """A logger that remembers."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []

    def __getattr__(self, level: str) -> Callable[..., None]:
        return lambda message, *values: self.told.append((level, message % values))


def test_the_flow_runs_one_tick_and_tells_the_log(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from flows import watch

    write(tmp_path / "posts.jsonl", stream(Outage()))
    (tmp_path / "my.toml").write_text(
        f'[store]\nurl = "{tmp_path}/a.db"\n[sources]\narchive = ["{tmp_path}/posts.jsonl", "nowhere.jsonl"]\n'
    )
    logger = Told()
    monkeypatch.setattr(watch, "tick", watch.tick.fn)
    monkeypatch.setattr(watch, "get_run_logger", lambda: logger)
    happened: list[Any] = []
    monkeypatch.setattr(watch, "tell", happened.append)
    assert watch.watch.fn(str(tmp_path / "my.toml")) == 1
    came, failed, headline = logger.told
    assert (came[0], "0 skipped" in came[1]) == ("info", True)
    assert (failed[0], failed[1][:24]) == ("error", "archive:nowhere.jsonl: n")
    assert (headline[0], headline[1][:22]) == ("warning", "iMessage: trouble from")
    assert watch.watch.fn(str(tmp_path / "my.toml")) == 0
    assert [one.has_news for one in happened] == [True, False]
