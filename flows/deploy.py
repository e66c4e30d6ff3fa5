"""The schedule: the flows as Prefect deployments, served by this process.

Prefect reads its configuration when it is imported, so the environment is prepared first and Prefect is imported
inside the functions.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, cast

from detectors.errors import PermanentError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from prefect.deployments.runner import RunnerDeployment

    from flows.settings import Settings

ENVIRONMENT = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    "PREFECT_HOME": str(Path(".prefect").resolve()),
}
"""Prefect would otherwise report home, give a slow machine too little time, and share the user's own profile."""

SERVER = [sys.executable, "-m", "prefect", "server", "start"]
START_TRIES, TRY_EVERY_S = 240, 0.5
STOP_WITHIN_S = 15.0


def serve(settings: Settings, config: Path | None, *, sleep: Callable[[float], None]) -> None:
    """Run the flows on their schedules until stopped, never one twice at once.

    ``PREFECT_API_URL`` names the server; where it is not set, a server of our own is started on loopback and stopped
    with us. A run that is still busy when the next is due makes Prefect cancel the new one: the window of a run is in
    the cursors, so the run after takes it. Stopping leaves the schedule active; a restart goes on with it.
    """
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    if os.environ.get("PREFECT_API_URL"):
        _serve(settings, config)
        return
    with _own_server(sleep) as url:
        os.environ["PREFECT_API_URL"] = url
        _serve(settings, config)


@dataclass(frozen=True)
class Schedule:
    """A flow and how often it runs."""

    module: str
    name: str
    every_s: int
    description: str


def schedules(settings: Settings) -> list[Schedule]:
    """Return what runs when: the pipeline, the official pages where they are on, and the promise of forgetting."""
    every = [
        Schedule("flows.watch", "watch", settings.watch.every_s, "One tick of the live pipeline."),
        Schedule("flows.housekeeping", "housekeeping", 3600, "Forget texts, ids and places that are old enough."),
    ]
    if settings.reads_status:
        every.append(Schedule("flows.status", "status", settings.status.every_s, "Read the official status pages."))
    return every


def _serve(settings: Settings, config: Path | None) -> None:
    import prefect

    parameters = {"config": str(config.resolve()) if config else None}
    made = [_deployment(schedule, parameters) for schedule in schedules(settings)]
    prefect.serve(*made, pause_on_shutdown=False, print_starting_message=False)


def _deployment(schedule: Schedule, parameters: dict[str, str | None]) -> RunnerDeployment:
    """Return a deployment that never runs twice at once: a run that comes too early is cancelled."""
    from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
    from prefect.types.entrypoint import EntrypointType

    flow = getattr(import_module(schedule.module), schedule.name)
    made = flow.to_deployment(
        name=schedule.name,
        interval=schedule.every_s,
        parameters=parameters,
        concurrency_limit=ConcurrencyLimitConfig(limit=1, collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW),
        entrypoint_type=EntrypointType.MODULE_PATH,  # a file path would be looked for from the working folder
        description=schedule.description,
    )
    return cast("RunnerDeployment", made)  # a coroutine only where a loop is running already


@contextmanager
def _own_server(sleep: Callable[[float], None]) -> Iterator[str]:
    """Start a Prefect server on a free loopback port; its log goes to the Prefect home."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    signal.signal(signal.SIGTERM, _leave)  # until Prefect takes over: the server must not outlive us
    home = Path(os.environ["PREFECT_HOME"])
    home.mkdir(parents=True, exist_ok=True)
    command = [*SERVER, "--host", "127.0.0.1", "--port", str(port)]
    with (home / "server.log").open("ab") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)  # noqa: S603 - our own
        try:
            _await(server, port, sleep, home / "server.log")
            yield f"http://127.0.0.1:{port}/api"
        finally:
            _stop(server)


def _stop(server: subprocess.Popen[bytes]) -> None:
    """Stop a server; one that is just starting may not listen to a signal."""
    server.terminate()
    try:
        server.wait(STOP_WITHIN_S)
    except subprocess.TimeoutExpired:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def _leave(*_: object) -> None:
    raise SystemExit(128 + signal.SIGTERM)


def _await(server: subprocess.Popen[bytes], port: int, sleep: Callable[[float], None], log: Path) -> None:
    for _ in range(START_TRIES):
        if server.poll() is not None:
            break
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            sleep(TRY_EVERY_S)
        else:
            return
    raise PermanentError(f"the Prefect server did not start; its log is {log}")
