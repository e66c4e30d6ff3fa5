"""How fast posts are read and reports are kept: ``python -m benchmarks.store [URL]``.

An archive is read beside ``json.loads`` over the same lines. Reports are committed as they come on a quiet day (over
many services and minutes: nearly every report has a cell to itself) and in an outage (many to a cell), then once more,
as duplicates. Compare only within one run. URL names an empty database; without it SQLite in a folder that is deleted.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import process_time
from typing import TYPE_CHECKING

from msgspec.json import encode

from detectors.model import Batch, Post, Report, Span
from flows.sources.archive import Archive
from flows.store import open_store

if TYPE_CHECKING:
    from collections.abc import Callable

    from flows.store import Store

START = datetime(2026, 3, 2, tzinfo=UTC)
NUMBER = 100_000
BATCH = 5000
TEXT = "imessage has been down here since this morning, is it only me or everybody in town? "


def pairs(number: int, services: int, per_minute: float) -> list[tuple[Post, Report]]:
    """Make reports up, in order of time, with ids in no order."""
    rng = random.Random(7)  # noqa: S311
    return [
        (
            Post(
                id=f"{rng.getrandbits(64):x}",
                platform="x",
                created_at=START + timedelta(minutes=place / per_minute),
                text=TEXT * 4,
                lang="en",
                author_id=f"{rng.getrandbits(17)}",
            ),
            Report(f"service-{rng.randrange(services)}", symptoms=("messages",)),
        )
        for place in range(number)
    ]


def commit(store: Store, source: str, given: list[tuple[Post, Report]]) -> int:
    """Commit in batches; return how many reports were new."""
    n_new = 0
    for start in range(0, len(given), BATCH):
        part = given[start : start + BATCH]
        batch = Batch((), str(start), observed=(Span(START, part[-1][0].created_at),))
        n_new += store.commit(source, "all", batch, part).new_reports
    return n_new


def rate(number: int, work: Callable[[], object]) -> float:
    """Return how many per CPU second of this process."""
    began = process_time()
    work()
    return number / (process_time() - began)


def main(url: str | None = None) -> None:
    """Measure and print."""
    quiet, outage = pairs(NUMBER, 200, 100), pairs(NUMBER, 3, 5000)
    lines = [encode(post) for post, _ in quiet]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "posts.jsonl"
        path.write_bytes(b"\n".join(lines))
        loads = rate(NUMBER, lambda: [json.loads(line) for line in lines])
        print(f"json.loads          {loads:10,.0f} lines per CPU s, of {len(lines[0])} bytes")
        source = Archive(path, now=START + timedelta(days=365))
        read = rate(NUMBER, lambda: [batch.cursor for batch in source.fetch("", None)])
        print(f"read an archive     {read:10,.0f} posts per CPU s, {read / loads:.2f} x json.loads")
        with open_store(url or Path(folder) / "store.db") as store:
            for name, given in (("quiet", quiet), ("outage", outage)):
                first = rate(NUMBER, lambda name=name, given=given: commit(store, name, given))  # type: ignore[misc]
                print(f"commit, {name:<12}{first:10,.0f} reports per CPU s")
            again = rate(NUMBER, lambda: commit(store, "quiet", quiet))
            print(f"commit, duplicates  {again:10,.0f} reports per CPU s")


if __name__ == "__main__":
    main(*sys.argv[1:2])
