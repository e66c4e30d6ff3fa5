"""Lines in, reports and counts committed: the whole way of a post, beside ``json.loads`` over the same lines.

Run with ``python -m benchmarks end_to_end``. The corpus (:mod:`benchmarks.corpus`) lies in memory, and goes through
:func:`flows.steps.ingest` in batches of 5,000 into a new SQLite file. A naive pandas pipeline does the same for a
sample, without storing anything. Then the command line: ``uproar replay`` of a large file, ``--help``, ``demo``.
"""

from __future__ import annotations

import cProfile
import io
import json
import pstats
import resource
import subprocess
import sys
import tempfile
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from benchmarks import corpus
from benchmarks.table import Row, Spent, best_of, least, spend
from detectors.matching import Reader
from detectors.model import Batch
from detectors.reference import catalogue
from flows import steps
from flows.sources.base import Query
from flows.sources.observed import Clusters
from flows.sources.reading import judge_all
from flows.store import open_store

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from detectors.model import Service

BATCH = 5_000
ROUNDS = 5
PANDAS_SAMPLE = 2_000
CLI = (sys.executable, "-c", "from flows.cli import main; main()")
CUES = "down|outage|not working|isn't working|issues"

GOALS = {"700 B": 1.2, "2.2 kB": 2.5}
GOAL_PANDAS, GOAL_HELP_S, GOAL_DEMO_S = 100.0, 0.5, 15.0


@dataclass(frozen=True)
class Size:
    """How much is measured: posts in memory, and in the file that is replayed (0 = none)."""

    posts: int = 100_000
    replayed: int = 1_000_000


class InMemory:
    """Lines that are there already, as a source; read like those of an archive."""

    name = "archive"
    label = "archive:memory"

    def __init__(self, lines: Sequence[bytes]) -> None:
        self._lines = lines

    def queries(self, services: Sequence[Service] | None) -> tuple[Query, ...]:
        """Return the one question."""
        del services
        return (Query(self.label),)

    def fetch(self, query: str, cursor: str | None) -> Iterator[Batch]:
        """Yield them in batches."""
        del query, cursor
        seen = Clusters(timedelta(days=7))
        limit = datetime(2027, 1, 1, tzinfo=UTC)
        for start in range(0, len(self._lines), BATCH):
            posts, _, skipped = judge_all(self._lines[start : start + BATCH], limit)
            if skipped:
                raise AssertionError(skipped[0])
            seen.add([post.created_at for post in posts])
            yield Batch(posts, str(start), observed=seen.spans(is_final=False))


def measure(size: Size | None = None) -> list[Row]:
    """Return every figure."""
    size = size or Size()
    rows: list[Row] = []
    for name in corpus.SHAPES:
        rows += in_memory(name, size.posts)
    if size.replayed:
        rows += replayed(size.replayed)
    return rows + started()


# --- in memory -----------------------------------------------------------------------------------------------


def in_memory(name: str, number: int) -> list[Row]:
    """Return the figures of one shape of record."""
    lines = list(corpus.lines(number, corpus.SHAPES[name]))
    reader = Reader()
    _check(ingest(lines, reader)[0], number)
    plain, ours = _in_turns(lines, reader)
    sample = lines[:PANDAS_SAMPLE]
    naive = spend(lambda: pandas_naive(sample)).cpu_s / len(sample)
    return [
        _rate(f"json.loads alone, {name}", plain, number),
        _rate(f"pipeline, {name}", ours, number, plain, GOALS[name]),
        *_stages(lines, reader, ours),
        Row(
            name=f"naive pandas pipeline, {name}",
            value=1 / naive,
            unit="posts/CPU s",
            ratio=naive * number / ours.cpu_s,
            beside="ours / this",
            at_least=GOAL_PANDAS,
        ),
    ]


def _stages(lines: Sequence[bytes], reader: Reader, whole: Spent) -> list[Row]:
    """Return where the time of the pipeline goes."""
    batches = [batch.posts for batch in InMemory(lines).fetch("", None)]
    decode, read = best_of(
        ROUNDS,
        lambda: deque(InMemory(lines).fetch("", None), maxlen=0),
        lambda: deque(map(reader.read, batches), maxlen=0),
    )
    rest = whole.cpu_s - decode.cpu_s - read.cpu_s
    parts = (("decode and check", decode.cpu_s), ("match", read.cpu_s), ("commit, and the rest", rest))
    return [Row(name=f"  {what}", value=1e6 * cpu_s / len(lines), unit="CPU us/post") for what, cpu_s in parts]


def _rate(name: str, spent: Spent, number: int, base: Spent | None = None, goal: float | None = None) -> Row:
    return Row(
        name=f"{name} ({number / spent.wall_s:,.0f}/s on the wall)",
        value=number / spent.cpu_s,
        unit="posts/CPU s",
        ratio=base.cpu_s / spent.cpu_s if base else None,
        beside="json.loads" if base else "",
        at_least=goal,
    )


def load(lines: Sequence[bytes]) -> None:
    """Do the least that anybody has to do with lines of JSON."""
    for line in lines:
        json.loads(line)


def ingest(lines: Sequence[bytes], reader: Reader) -> tuple[steps.Ingested, Spent]:
    """Bring lines into a new store; what it took to make the store is not counted."""
    done: list[steps.Ingested] = []
    with tempfile.TemporaryDirectory() as folder, open_store(Path(folder) / "store.db") as store:
        spent = spend(lambda: done.append(steps.ingest(store, InMemory(lines), reader, steps.Watched())))
    return done[0], spent


def _in_turns(lines: Sequence[bytes], reader: Reader) -> tuple[Spent, Spent]:
    """Return the least that ``json.loads`` and that the pipeline took."""
    rounds = [(spend(lambda: load(lines)), ingest(lines, reader)[1]) for _ in range(ROUNDS)]
    plain, ours = zip(*rounds, strict=True)
    return least(plain), least(ours)


def _check(done: steps.Ingested, number: int) -> None:
    """Make sure that what is measured is the work that is meant."""
    if done.posts != number or done.duplicates or not number // 100 <= done.reports <= number // 50:
        raise AssertionError(done.record())


def pandas_naive(lines: Sequence[bytes]) -> int:
    """Do what a first attempt does: a frame, a search for each service, people counted by service and minute."""
    import pandas as pd

    frame = pd.read_json(io.BytesIO(b"\n".join(lines)), lines=True)
    cued = frame["text"].str.contains(CUES, case=False)
    minute = pd.to_datetime(frame["created_at"], utc=True).dt.floor("min")
    counts = []
    for service in catalogue().values():
        names = "|".join(map(_escape, (*service.aliases, *service.ambiguous)))
        found = frame[frame["text"].str.contains(names, case=False) & cued]
        counts.append(found.groupby(minute[found.index])["author_id"].nunique().rename(service.id))
    return int(pd.concat(counts, axis=1).sum().sum())


def _escape(name: str) -> str:
    return "".join(char if char.isalnum() or not char.isascii() else f"\\{char}" for char in name)


def profile(name: str, number: int) -> str:
    """Return where the time goes."""
    lines = list(corpus.lines(number, corpus.SHAPES[name]))
    reader = Reader()
    ingest(lines[:BATCH], reader)
    watch = cProfile.Profile()
    watch.runcall(ingest, lines, reader)
    out = io.StringIO()
    pstats.Stats(watch, stream=out).strip_dirs().sort_stats("tottime").print_stats(25)
    return out.getvalue()


# --- the command line ----------------------------------------------------------------------------------------


def run(*arguments: str, folder: str) -> Spent:
    """Run ``uproar`` in a process of its own."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = perf_counter()
    subprocess.run([*CLI, *arguments], check=True, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wall_s = perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Spent(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall_s)


def replayed(number: int) -> list[Row]:
    """Return what replaying a file takes, detection and start-up too, beside ``json.loads`` over its lines."""
    name = "700 B"
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "posts.jsonl"
        corpus.write(file, number, corpus.SHAPES[name])
        plain = spend(lambda: _load_file(file))
        ours = run("replay", str(file), folder=folder)
    what = f"file of {number:,} posts, {name}"
    return [
        Row(name=f"json.loads, {what} ({plain.cpu_s:.1f} s CPU)", value=plain.wall_s, unit="s"),
        Row(
            name=f"uproar replay, {what} ({ours.cpu_s:.1f} s CPU)",
            value=ours.wall_s,
            unit="s",
            ratio=plain.wall_s / ours.wall_s,
            beside="json.loads, wall",
        ),
    ]


def _load_file(file: Path) -> None:
    with file.open("rb") as lines:
        for line in lines:
            json.loads(line)


def started() -> list[Row]:
    """Return what a user waits for: the help, and the demo."""
    with tempfile.TemporaryDirectory() as folder:
        run("--help", folder=folder)
        helped = min(run("--help", folder=folder).wall_s for _ in range(ROUNDS))
        demo = run("demo", folder=folder).wall_s
    return [
        Row(name="uproar --help", value=helped, unit="s", at_most=GOAL_HELP_S),
        Row(name="uproar demo", value=demo, unit="s", at_most=GOAL_DEMO_S),
    ]
