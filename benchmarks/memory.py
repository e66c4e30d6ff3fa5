"""Memory over a long replay: it must not grow with the number of posts.

Run with ``python -m benchmarks memory --posts 5000000``. The posts come from the simulator (20 services and an outage
of one of them in two weeks, 1 in 50 a report, the rest background) and are packed with gzip in a folder that is
deleted afterwards. ``uproar replay`` reads them in a process of its own. Its resident memory (VmRSS) and its place in
the file are read from ``/proc`` (Linux), so that nothing in the program knows that it is watched.
"""

from __future__ import annotations

import gzip
import subprocess
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from time import perf_counter

import numpy as np

from benchmarks.end_to_end import CLI
from benchmarks.table import Row
from detectors.evaluation.simulate import Outage, Scenario, ServiceTraffic, simulate_posts, to_lines
from detectors.evaluation.simulate.draw import SERVICES

START_AT = datetime(2026, 1, 5, tzinfo=UTC)
DAYS = 14
SEED = 11
SPREAD = 0.3
"""How much more is simulated than is asked for, so that there are enough: traffic varies."""

SMALL = 300_000
SETTLED = 0.2
"""Share of the file after which memory is to be flat: by then everything is loaded and every cache is full."""

GOAL_MB = 500.0
GOAL_GROWTH_MB = 10.0
"""However many posts there are. In a short replay it is the last caches that fill; only a long one tells of a leak."""


@dataclass(frozen=True)
class Sample:
    """What was seen at one moment.

    Attributes
    ----------
    at_s
        Seconds since the start.
    rss_mb
        Resident memory in MB (10**6 bytes).
    share
        How much of the file had been read, 0 to 1; None while it was not open.
    """

    at_s: float
    rss_mb: float
    share: float | None


def scenario(posts: int) -> Scenario:
    """Return two weeks with somewhat more than so many posts."""
    per_min = posts * (1 + SPREAD) / (DAYS * 24 * 60)
    rate = 0.02 * per_min / len(SERVICES)
    services = tuple(ServiceTraffic(name, rate) for name in SERVICES)
    outage = Outage("imessage", START_AT + timedelta(days=8, hours=18), 90, factor=30)
    named = rate * len(SERVICES) * 1.5
    return Scenario(START_AT, DAYS, services, outages=(outage,), background_per_min=per_min - named)


def write(file: Path, posts: int) -> None:
    """Write a file of exactly so many simulated posts."""
    lines = to_lines(simulate_posts(scenario(posts), seed=SEED))
    with gzip.open(file, "wb", compresslevel=1) as target:
        written = sum(target.write(line) > 0 for line in islice(lines, posts))
    if written != posts:
        raise AssertionError(f"the simulator made {written:,} posts, not {posts:,}")


def watch(file: Path, every_s: float) -> list[Sample]:
    """Replay a file and return what was seen meanwhile, every ``every_s`` seconds."""
    size = file.stat().st_size
    seen: list[Sample] = []
    start = perf_counter()
    command = [*CLI, "replay", str(file)]
    with subprocess.Popen(command, cwd=file.parent, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None:
            sample = _look(process.pid, file, size, perf_counter() - start)
            if sample:
                seen.append(sample)
            try:
                process.wait(every_s)
            except subprocess.TimeoutExpired:
                continue
    if process.returncode:
        raise AssertionError(f"the replay ended with {process.returncode}")
    return seen


def _look(pid: int, file: Path, size: int, at_s: float) -> Sample | None:
    """Read a process's memory and its place in the file; None where it has just gone."""
    process = Path("/proc") / str(pid)
    try:
        status = (process / "status").read_text()
        opened = [entry.name for entry in (process / "fd").iterdir() if entry.readlink() == file]
        place = (process / "fdinfo" / opened[0]).read_text() if opened else ""
    except OSError:
        return None
    kib = next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:")), None)
    share = int(place.split()[1]) / size if place else None
    return None if kib is None else Sample(at_s, kib * 1024 / 1e6, share)


def slope(seen: list[Sample], posts: int) -> float:
    """Return the growth between 20 % and 100 % of the file, in MB a million posts (least squares)."""
    reading = [one for one in seen if one.share is not None and one.share >= SETTLED]
    if len(reading) < 3:
        raise AssertionError("too few samples: more posts are needed")
    x = np.array([one.share for one in reading], dtype=float) * posts / 1e6
    return float(np.polyfit(x, np.array([one.rss_mb for one in reading]), 1)[0])


def table(seen: list[Sample]) -> str:
    """Return memory against progress, by tenths of the file."""
    rows = ["    of the file   after   samples   RSS, median   largest"]
    reading = [(one.share, one) for one in seen if one.share is not None]
    for tenth in range(10):
        within = [one for share, one in reading if tenth / 10 <= share < (tenth + 1) / 10 + (tenth == 9)]
        if within:
            rss = [one.rss_mb for one in within]
            rows.append(
                f"    {tenth * 10:>3} to {tenth * 10 + 10:>3} %{within[-1].at_s:>7.1f} s{len(within):>9}"
                f"{np.median(rss):>10.1f} MB{max(rss):>7.1f} MB"
            )
    last = max((one.at_s for _, one in reading), default=0.0)
    rest = [one for one in seen if one.share is None and one.at_s > last]
    if rest:
        most = max(one.rss_mb for one in rest)
        rows.append(f"    detecting   {rest[-1].at_s:>7.1f} s{len(rest):>9}{'':>13}{most:>7.1f} MB")
    return "\n".join(rows)


def measure(posts: int = SMALL, *, every_s: float = 0.1) -> tuple[list[Row], str]:
    """Return the figures, and memory against progress."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder).resolve() / "simulated.jsonl.gz"
        write(file, posts)
        mb = file.stat().st_size / 1e6
        seen = watch(file, every_s)
    rise = slope(seen, posts)
    name = f"replay of {posts:,} simulated posts ({mb:.0f} MB gzip)"
    rows = [
        Row(name=f"{name}, wall", value=seen[-1].at_s, unit="s"),
        Row(name="largest RSS", value=max(one.rss_mb for one in seen), unit="MB", at_most=GOAL_MB),
        Row(
            name="growth of RSS from 20 % to 100 % of the file",
            value=rise * posts * (1 - SETTLED) / 1e6,
            unit="MB",
            at_most=GOAL_GROWTH_MB,
        ),
        Row(name="slope from 20 % to 100 %", value=rise, unit="MB/million posts"),
    ]
    return rows, table(seen)
