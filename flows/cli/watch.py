"""``uproar watch`` and ``uproar serve``: the live pipeline, without and with a server."""

from __future__ import annotations

import os
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

from cyclopts import Parameter, validators

from detectors.errors import StoreError
from flows.cli.output import DONE, LOOK, emit, note, remarks, say, skipped
from flows.settings import load_settings, utc_now

if TYPE_CHECKING:
    from datetime import datetime

    from flows.live import Tick
    from flows.settings import Settings

MOST_PAGES = 3
"""Official pages whose trouble is told; a network that is down is told by three of them."""

TIDY_EVERY = timedelta(hours=1)
"""How often what is old enough is forgotten."""

Flag = Annotated[bool, Parameter(negative="")]


def watch(
    *,
    once: Flag = False,
    every: Annotated[int | None, Parameter(validator=validators.Number(gte=1))] = None,
    config: Path | None = None,
    json: Flag = False,
) -> int:
    """Run the live pipeline in this process, without a server.

    Parameters
    ----------
    once
        One tick, then stop.
    every
        Seconds between the beginnings of two ticks; default: [watch] every_s of the configuration.
    config
        The configuration file; default uproar.toml where there is one.
    json
        Print one JSON object a tick.
    """
    from flows.live import run_tick

    settings = load_settings(config, environ=os.environ)
    if not settings.sources.archive and not settings.is_live:
        note("no source is configured: set UPROAR_STORE_SECRET to listen to Bluesky and Hacker News, or: uproar init")
    code = report(run_tick(settings), as_json=json)
    if settings.reads_status:
        code = max(code, _official(settings))
    if not once:
        _go_on(settings, every or settings.watch.every_s, as_json=json)
    return code


def _go_on(settings: Settings, every_s: int, *, as_json: bool) -> NoReturn:
    """Tick until stopped."""
    from flows.live import run_tick

    tidied_at = None
    while True:
        time.sleep(every_s)  # noqa: TID251 - the loop of the entry point
        try:
            report(run_tick(settings), as_json=as_json)
            if settings.reads_status:
                _official(settings)
            if tidied_at is None or utc_now() - tidied_at >= TIDY_EVERY:
                _tidy(settings)
                tidied_at = utc_now()
        except StoreError as error:  # may pass: locked, or the disk is full; the cursors know where to go on
            note(f"uproar: {error}")


def _tidy(settings: Settings) -> None:
    """Forget what is old enough, and what was deleted."""
    from flows.live import keep_house

    for label, reason in keep_house(settings).failed.items():
        note(f"{label} cannot say which posts were deleted: {reason}")


def _official(settings: Settings) -> int:
    """Read the official pages that are due, and tell what failed."""
    from flows.live import read_status

    done = read_status(settings)
    remarks((f"official: {reason}" for reason in list(done.failed.values())[:MOST_PAGES]), len(done.failed))
    return LOOK if done.failed else DONE


def report(done: Tick, *, as_json: bool) -> int:
    """Tell what a tick did, and return the exit code."""
    for came in done.ingested.values():
        skipped(came.skipped, came.n_skipped)
    for label, reason in done.failed.items():
        note(f"{label} failed: {reason}")
    for fault in done.faults_began:
        note(f"collecting: {fault.message}")
    for fault in done.faults_ended:
        note(f"collecting: no longer: {fault.message}")
    if as_json:
        emit(done.record())
    else:
        _tell(done)
    return LOOK if done.needs_a_look else DONE


def _tell(done: Tick) -> None:
    for label, came in done.ingested.items():
        gaps = f", {came.gaps} gaps" if came.gaps else ""
        say(f"{label}: {came.posts:,} posts, {came.reports:,} new reports{gaps}")
    for sentence in done.headlines or ("No incident has changed.",):
        say(sentence)
    for until_at, names in _learning(done):
        say(f"Learning what is usual until {until_at:%Y-%m-%d %H:%M} UTC: {', '.join(names)}")


def _learning(done: Tick) -> list[tuple[datetime, list[str]]]:
    """Return what is still being learnt, by the instant at which it will be known."""
    instants = sorted(set(done.learning.values()))
    return [(at, sorted(name for name, until_at in done.learning.items() if until_at == at)) for at in instants]


def serve(*, config: Path | None = None, json: Flag = False) -> int:
    """Run the live pipeline as a Prefect deployment on a schedule, until stopped.

    PREFECT_API_URL names the server; without it one is started on loopback.

    Parameters
    ----------
    config
        The configuration file; default uproar.toml where there is one.
    json
        Print one JSON object when it begins.
    """
    from flows.deploy import serve as serve_flow

    settings = load_settings(config, environ=os.environ)
    server = os.environ.get("PREFECT_API_URL") or None
    note(f"A tick every {settings.watch.every_s} s, until stopped. Prefect: {server or 'a server of our own'}")
    if json:
        emit({"every_s": settings.watch.every_s, "prefect_api_url": server})
        sys.stdout.flush()
    serve_flow(settings, config, sleep=time.sleep)  # noqa: TID251 - waits for the server
    return DONE
