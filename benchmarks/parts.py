"""The parts by themselves, as rows: matching, store and bank."""

from __future__ import annotations

import sqlite3
import tempfile
from contextlib import closing
from math import log, log10
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from benchmarks import bank as detector
from benchmarks import corpus
from benchmarks import store as reports
from benchmarks.end_to_end import BATCH, ROUNDS, load
from benchmarks.matching import PANDAS_SAMPLE, decode_and_read, make_posts, pandas_naive, read_all
from benchmarks.table import Row, best_of, spend
from detectors.matching import Reader
from detectors.model import Batch, Post, Span
from detectors.reference import Catalogue, Entry, catalogue
from flows.store import open_store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from detectors.model import Report

    Pairs = Sequence[tuple[Post, Report]]

POSTS = 50_000
TENTH = 10
REPORTS = 50_000
BASE, MORE_SERIES, MORE_HISTORY = "1,000 series after 1 day", "10,000 series after 1 day", "1,000 series after 15 days"


def matching(number: int = POSTS) -> list[Row]:
    """Return how fast posts are read, and how that depends on the number of services."""
    lines = list(corpus.lines(number, corpus.SHAPES["700 B"]))
    posts = msgspec.json.decode(b"[" + b",".join(lines) + b"]", type=list[Post])
    whole, tenth = Reader(), Reader(_every_tenth())
    known = [post for post, _ in tenth.read(posts).reports]  # as many reports for both, or it is them that cost
    same = [known[place // 100 % len(known)] if place % 100 == 0 else post for place, post in enumerate(posts)]
    plain, read, both, many, few = best_of(
        ROUNDS,
        lambda: load(lines),
        lambda: read_all(whole, posts),
        lambda: decode_and_read(whole, lines),
        lambda: read_all(whole, same),
        lambda: read_all(tenth, same),
    )
    texts = make_posts(PANDAS_SAMPLE)
    naive = spend(lambda: pandas_naive(texts)).cpu_s / PANDAS_SAMPLE
    n_services = len(catalogue())
    per_s = "posts/CPU s"
    return [
        Row(name="json.loads alone, 700 B", value=number / plain.cpu_s, unit=per_s),
        Row(
            name=f"decode and read, {n_services} services, 700 B",
            value=number / both.cpu_s,
            unit=per_s,
            ratio=plain.cpu_s / both.cpu_s,
            beside="json.loads",
        ),
        Row(
            name=f"read, {n_services} services",
            value=number / read.cpu_s,
            unit=per_s,
            ratio=naive * number / read.cpu_s,
            beside="str.contains for each service",
        ),
        Row(
            name=f"cost exponent in services, the same reports ({n_services} against {n_services // TENTH})",
            value=log(many.cpu_s / few.cpu_s, TENTH),
            unit="",
            at_most=0.1,
        ),
    ]


def _every_tenth() -> Catalogue:
    """Return a tenth of the catalogue."""
    some = list(catalogue().values())[::TENTH]
    return Catalogue(tuple(Entry(replace(service, needs=()), "benchmark", {}) for service in some))


def store(number: int = REPORTS) -> list[Row]:
    """Return how fast reports are committed, in batches as they come, beside bare inserts of the same rows."""
    quiet, outage = reports.pairs(number, 200, 100), reports.pairs(number, 3, 5_000)
    few = quiet[: number // 10]
    per_s = "reports/CPU s"
    bare, ours, crowded, small = best_of(
        2,
        lambda: _bare(quiet),
        lambda: _commit(quiet, BATCH),
        lambda: _commit(outage, BATCH),
        lambda: _commit(few, BATCH // 100),
    )
    commits = len(few) / (BATCH // 100)
    return [
        Row(name="bare sqlite3 executemany of the same reports", value=number / bare.cpu_s, unit=per_s),
        *(
            Row(
                name=f"commit with counts, {BATCH:,} reports each, {name}",
                value=number / spent.cpu_s,
                unit=per_s,
                ratio=bare.cpu_s / spent.cpu_s,
                beside="bare inserts",
            )
            for name, spent in (("200 services", ours), ("3 services in an outage", crowded))
        ),
        Row(name=f"one commit of {BATCH // 100} reports", value=1e3 * small.cpu_s / commits, unit="CPU ms"),
    ]


def _commit(pairs: Pairs, size: int) -> None:
    with tempfile.TemporaryDirectory() as folder, open_store(Path(folder) / "store.db") as kept:
        for start in range(0, len(pairs), size):
            page = pairs[start : start + size]
            observed = (Span(reports.START, page[-1][0].created_at),)
            kept.commit("archive", "benchmark", Batch((), str(start), observed=observed), page)


def _bare(pairs: Pairs) -> None:
    rows = [
        (int(post.created_at.timestamp()), post.platform, post.id, report.service, post.author_id, post.text)
        for post, report in pairs
    ]
    with tempfile.TemporaryDirectory() as folder, closing(sqlite3.connect(Path(folder) / "bare.db")) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute(
            "CREATE TABLE reports (at, platform, id, service, author, text, PRIMARY KEY (at, platform, id, service)) "
            "WITHOUT ROWID"
        )
        for start in range(0, len(rows), BATCH):
            with database:
                database.executemany("INSERT INTO reports VALUES (?, ?, ?, ?, ?, ?)", rows[start : start + BATCH])


def bank() -> list[Row]:
    """Return what the detector costs, and how that depends on history and on the number of series."""
    rows = detector.rows()
    tick = {row.name.removeprefix("tick of "): row.value for row in rows if row.name.startswith("tick of ")}
    base, more, longer = (tick[name] for name in (BASE, MORE_SERIES, MORE_HISTORY))
    return [
        *rows,
        Row(
            name=f"cost exponent in series ({MORE_SERIES} against {BASE})", value=log10(more / base), unit="", at_most=1
        ),
        Row(name=f"cost exponent in history ({MORE_HISTORY})", value=log(longer / base, 15), unit="", at_most=0.05),
    ]
