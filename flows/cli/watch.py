"""``uproar watch`` and ``uproar serve``: the live pipeline, without and with a server."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from flows.cli.output import DONE, LOOK, emit, note, say, skipped
from flows.settings import load_settings, utc_now

if TYPE_CHECKING:
    from flows.live import Tick


def watch(
    *,
    once: Annotated[bool, Parameter(negative="")] = False,
    every: int | None = None,
    config: Path | None = None,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Run the live pipeline in this process, without a server.

    Parameters
    ----------
    once
        One tick, then stop.
    every
        Seconds between two ticks; default: [watch] every_s of the configuration.
    config
        The configuration file; default uproar.toml where there is one.
    json
        Print one JSON object a tick.
    """
    from flows.live import run_tick

    settings = load_settings(config, environ=os.environ)
    while True:
        done = run_tick(settings, now=utc_now())
        code = report(done, as_json=json)
        if once:
            return code
        time.sleep(every or settings.watch.every_s)  # noqa: TID251 - the loop of the entry point


def report(done: Tick, *, as_json: bool) -> int:
    """Tell what a tick did, and return the exit code."""
    code = LOOK if done.needs_a_look else DONE
    if as_json:
        emit(done.record())
        return code
    for label, came in done.ingested.items():
        say(f"{label}: {came.posts:,} posts, {came.reports:,} new reports")
        skipped(came.skipped, came.n_skipped)
    for label, reason in done.failed.items():
        note(f"{label} failed: {reason}")
    for sentence in done.headlines or ("No incident has changed.",):
        say(sentence)
    if done.learning:
        say(f"Still learning what is usual: {', '.join(sorted(done.learning))}")
    return code


def serve(*, config: Path | None = None) -> int:
    """Run the live pipeline as a Prefect deployment on a schedule, until stopped.

    PREFECT_API_URL names the server; without it one is started on loopback.

    Parameters
    ----------
    config
        The configuration file; default uproar.toml where there is one.
    """
    from flows.deploy import serve as serve_flow

    settings = load_settings(config, environ=os.environ)
    server = os.environ.get("PREFECT_API_URL", "a server of our own")
    note(f"A tick every {settings.watch.every_s} s, until stopped. Prefect: {server}")
    serve_flow(settings, config, sleep=time.sleep)  # noqa: TID251 - waits for the server
    return DONE
