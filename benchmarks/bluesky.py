"""Bluesky at twenty times its peak: 700 posts a second, for minutes, on one core.

A Jetstream on loopback (:mod:`benchmarks.jetstream`, in a process of its own) sends simulated posts. The measured
process keeps to one core and does what ``uproar watch`` does: every tick it connects, reads on from the store's cursor,
matches and commits, and hangs up. Its CPU time is its own, its memory is VmRSS after each tick (Linux), its lag the age
of the last event that it has seen when a tick ends. That nothing was lost or counted twice is checked at the end: the
server knows how many reports it sent up to the last cursor.

Run with ``python -m benchmarks bluesky --seconds 600``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter, process_time
from typing import TYPE_CHECKING

from benchmarks.table import Row
from detectors.counting import micros
from detectors.matching import Reader
from flows.net import SYSTEM_CLOCK, Http, utc_now
from flows.sources.base import Bounds
from flows.sources.bluesky import Bluesky
from flows.sources.jetstream import POSTS
from flows.steps import Watched, ingest
from flows.store import open_store

if TYPE_CHECKING:
    from collections.abc import Iterator

RATE = 700.0
PEAK = 36
N_DIFFERENT = 20_000
SECONDS = 60.0
TICK_S = 60.0
FEWEST_TICKS = 4

GOAL_MB = 500.0
GOAL_GROWTH_MB = 20.0


@dataclass(frozen=True)
class Tick:
    """What was seen at the end of a tick.

    Attributes
    ----------
    at_s
        Seconds since the start.
    wall_s, cpu_s
        What the tick took.
    posts, reports
        Posts read, those of the overlap with the tick before once more; reports that were new.
    rss_mb
        Resident memory in MB (10**6 bytes).
    lag_s
        Age of the last event seen.
    gaps
        Holes.
    """

    at_s: float
    wall_s: float
    cpu_s: float
    posts: int
    reports: int
    rss_mb: float
    lag_s: float
    gaps: int


@dataclass(frozen=True)
class Outcome:
    """All ticks; CPU seconds of the whole process but its start; reports in the store, and those that were sent."""

    ticks: tuple[Tick, ...]
    cpu_s: float
    wall_s: float
    posts_sent: int
    reports_sent: int
    reports_kept: int


def run(port: int, seconds: float) -> Outcome:
    """Ingest from a Jetstream on a port of this machine, in this process, for so many seconds."""
    tick_s = min(TICK_S, seconds / FEWEST_TICKS)
    ticks: list[Tick] = []
    reader, start, cpu = Reader(), perf_counter(), process_time()
    with tempfile.TemporaryDirectory() as folder, open_store(Path(folder) / "store.db") as store:
        while (number := len(ticks) + 1) <= seconds / tick_s:
            SYSTEM_CLOCK.sleep(max(0, start + number * tick_s - perf_counter()))
            began, spent = perf_counter(), process_time()
            source = Bluesky(bounds=Bounds(), endpoints=[f"ws://127.0.0.1:{port}"])
            done = ingest(store, source, reader, Watched())
            seen_us = json.loads(store.cursor("bluesky", POSTS) or "{}")["seen_us"]
            ticks.append(
                Tick(
                    perf_counter() - start,
                    perf_counter() - began,
                    process_time() - spent,
                    done.posts,
                    done.reports,
                    _rss_mb(),
                    (micros(utc_now()) - seen_us) / 1e6,
                    done.gaps,
                )
            )
        cpu_s, wall_s, kept = process_time() - cpu, perf_counter() - start, len(store.reports())
    with Http() as http:
        sent = http.get(f"http://127.0.0.1:{port}/sent", what="the feed", params={"until": seen_us}).json()
    return Outcome(tuple(ticks), cpu_s, wall_s, sent["posts"], sent["reports"], kept)


def _rss_mb() -> float:
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:")) * 1024 / 1e6


@contextmanager
def jetstream(rate: float, *, number: int = N_DIFFERENT) -> Iterator[int]:
    """Run a Jetstream in a process of its own; give its port."""
    command = [sys.executable, "-m", "benchmarks.jetstream", str(rate), str(number)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None  # noqa: S101
        assert process.stdout is not None  # noqa: S101
        yield int(process.stdout.readline())
        process.stdin.close()


def measure(seconds: float = SECONDS, *, rate: float = RATE) -> tuple[list[Row], str]:
    """Return the figures, and what each tick did."""
    cores = sorted(os.sched_getaffinity(0))
    with jetstream(rate) as port:
        command = [sys.executable, "-m", "benchmarks.bluesky", str(port), str(seconds), str(cores[0])]
        found = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    given = json.loads(found)
    outcome = Outcome(**given | {"ticks": tuple(Tick(**tick) for tick in given["ticks"])})
    return rows(outcome, rate), table(outcome)


def rows(outcome: Outcome, rate: float) -> list[Row]:
    """Return the figures."""
    rss = [tick.rss_mb for tick in outcome.ticks]
    settled = rss[len(rss) // 5]
    wrong = abs(outcome.reports_kept - outcome.reports_sent) + sum(tick.gaps for tick in outcome.ticks)
    return [
        Row(
            name=f"posts at {rate:g}/s ({rate / PEAK:.0f} x the peak) for {outcome.wall_s:.0f} s",
            value=outcome.posts_sent,
            unit="posts",
        ),
        Row(name="reports lost or counted twice, and gaps", value=wrong, unit="", at_most=0),
        Row(name="CPU, of one core", value=100 * outcome.cpu_s / outcome.wall_s, unit="%", at_most=100),
        Row(name="CPU", value=outcome.cpu_s, unit="CPU s"),
        Row(name="CPU a post", value=1e6 * outcome.cpu_s / outcome.posts_sent, unit="CPU us"),
        Row(name="largest RSS after a tick", value=max(rss), unit="MB", at_most=GOAL_MB),
        Row(name="growth of RSS from 20 % of the time on", value=rss[-1] - settled, unit="MB", at_most=GOAL_GROWTH_MB),
        Row(name="largest lag at the end of a tick", value=max(tick.lag_s for tick in outcome.ticks), unit="s"),
    ]


def table(outcome: Outcome) -> str:
    """Return what each tick did."""
    lines = ["    tick at    took      CPU     posts   reports         RSS      lag"]
    lines += [
        f"    {tick.at_s:>6.1f} s{tick.wall_s:>6.1f} s{tick.cpu_s:>7.2f} s{tick.posts:>10,}{tick.reports:>10,}"
        f"{tick.rss_mb:>9.1f} MB{tick.lag_s:>7.2f} s"
        for tick in outcome.ticks
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    os.sched_setaffinity(0, {int(sys.argv[3])})
    print(json.dumps(asdict(run(int(sys.argv[1]), float(sys.argv[2])))))
