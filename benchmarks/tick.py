"""What a tick costs in which nothing is new: CPU time of a process of its own, as ``uproar serve`` begins one.

The store holds two days of reports from three sources; the platforms are alive, and have nothing for us
(:mod:`benchmarks.idle`). The first tick judges it all; those after it, each a minute later, are measured.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import process_time
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks.table import Row

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
HISTORY = timedelta(days=2)
LOOKBACK = timedelta(minutes=15)
RATE = 0.2
"""Reports a minute of each of 30 services in each source; of more services, as many in all."""

SOURCES = "bluesky", "hackernews", "mastodon.social.example"
N_SERVICES = 30
ROUNDS = 3
GOAL_S = 0.3
PREFECT = "import time, prefect.flows; c = time.process_time(); import flows.live; print(time.process_time() - c)"


@contextmanager
def platforms() -> Iterator[tuple[int, int]]:
    """Run idle platforms; give their ports."""
    command = [sys.executable, "-m", "benchmarks.idle"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None  # noqa: S101
        assert process.stdout is not None  # noqa: S101
        first, second = map(int, process.stdout.readline().split())
        yield first, second
        process.stdin.close()


def configuration(store: Path, services: list[str], ports: tuple[int, int]) -> dict[str, Any]:
    """Return the settings: three sources, all on loopback."""
    http = f"http://127.0.0.1:{ports[1]}"
    return {
        "store": {"url": str(store), "secret": "of the benchmark"},
        "watch": {"services": services},
        "sources": {"lookback_min": LOOKBACK // timedelta(minutes=1)},
        "bluesky": {"enabled": True, "urls": [f"ws://127.0.0.1:{ports[0]}"]},
        "hackernews": {"enabled": True, "url": http},
        "mastodon": {"instances": ["social.example"], "url": http},
    }


def fill(store: Path, names: list[str], *, history: timedelta = HISTORY) -> int:
    """Put two days of reports into a store, up to where the sources will begin; return how many."""
    import numpy as np

    from detectors.model import Batch, Post, Report, Span
    from flows.store import open_store

    rng, end_at = np.random.default_rng(1), NOW - LOOKBACK
    start_at, minutes, n = end_at - history, history // timedelta(minutes=1), 0
    rate = RATE * min(1, N_SERVICES / len(names))
    with open_store(store, secret="of the benchmark") as kept:  # noqa: S106
        for source in SOURCES:
            for name in names:
                when = np.sort(rng.uniform(0, minutes, rng.poisson(rate * minutes)))
                pairs = [
                    (
                        Post(f"{name}-{place}", source, start_at + timedelta(minutes=minute), "", author_id=str(place)),
                        Report(name),
                    )
                    for place, minute in enumerate(when.tolist())
                ]
                batch = Batch((), "history", observed=(Span(start_at, end_at),))
                kept.commit(source, f"history of {name}", batch, pairs, scope=(name,))
                n += len(pairs)
    return n


def run(configured: dict[str, Any], minute: int, n: int) -> dict[str, Any]:
    """Run ticks in this process, a minute apart; return what loading the program and each tick took, in CPU seconds."""
    began = process_time()
    import msgspec

    from flows.live import run_tick
    from flows.net import Clock
    from flows.settings import Settings, World

    took = [process_time() - began]
    settings = msgspec.convert(configured, Settings)
    for number in range(n):
        at = NOW + timedelta(minutes=minute + number)
        began = process_time()
        done = run_tick(settings, World(Clock(lambda at=at: at, lambda _: None)))  # type: ignore[misc]
        took.append(process_time() - began)
        assert not done.failed, done.failed  # noqa: S101
        assert not any(one.reports for one in done.ingested.values())  # noqa: S101
    return {"load_s": took[0], "ticks_s": took[1:]}


class Ticks(NamedTuple):
    """CPU seconds: the first tick over the history, the first of a process, later ones of it, and its loading."""

    history_s: float
    first_s: float
    later_s: float
    load_s: float


def ticks(names: list[str], services: list[str], *, history: timedelta = HISTORY) -> Ticks:
    """Return what ticks take over a store that is filled with reports of these names."""
    with tempfile.TemporaryDirectory() as folder, platforms() as ports:
        store = Path(folder) / "store.db"
        fill(store, names, history=history)
        configured = configuration(store, services, ports)
        old = child(configured, 0, 1)
        new = [child(configured, 1 + ROUNDS * number, ROUNDS) for number in range(ROUNDS)]
    return Ticks(
        history_s=old["ticks_s"][0],
        first_s=min(one["ticks_s"][0] for one in new),
        later_s=min(took for one in new for took in one["ticks_s"][1:]),
        load_s=min(one["load_s"] for one in new),
    )


def child(configured: dict[str, Any], minute: int, n: int) -> dict[str, Any]:
    """Run ticks in a process of its own."""
    given = json.dumps({"configured": configured, "minute": minute, "n": n})
    command = [sys.executable, "-m", "benchmarks.tick"]
    found = subprocess.run(command, input=given, check=True, stdout=subprocess.PIPE, text=True).stdout
    return dict(json.loads(found))


def measure() -> list[Row]:
    """Return the figures."""
    from detectors.reference import catalogue

    every = sorted(catalogue())
    few, whole = ticks(every[:N_SERVICES], every[:N_SERVICES]), ticks(every, [])
    beside = min(float(subprocess.check_output([sys.executable, "-c", PREFECT])) for _ in range(ROUNDS))
    return [
        Row(name="load the program", value=few.load_s, unit="CPU s"),
        Row(name="load the program where Prefect is loaded", value=beside, unit="CPU s"),
        *rows(few, f"{N_SERVICES} services", goal_s=GOAL_S),
        *rows(whole, f"{len(every)} services"),
    ]


def rows(found: Ticks, what: str, *, goal_s: float | None = None) -> list[Row]:
    """Return the figures of a store."""
    name = f"{what} x {len(SOURCES)} sources"
    return [
        Row(name=f"tick with nothing new, {name}", value=found.later_s, unit="CPU s", at_most=goal_s),
        Row(name="  the first of a process", value=found.first_s, unit="CPU s"),
        Row(name="  the first over two days", value=found.history_s, unit="CPU s"),
    ]


if __name__ == "__main__":
    print(json.dumps(run(**json.load(sys.stdin))))
