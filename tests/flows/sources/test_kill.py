"""Killed at any moment, ingest goes on where it was, and ends in the same tables."""

from __future__ import annotations

import multiprocessing
import os
from random import Random
from signal import SIGKILL
from typing import TYPE_CHECKING

import pytest

from detectors.model import Report
from flows.sources.archive import Archive
from flows.store import open_store
from tests.flows.sources.helpers import NOW, line, write
from tests.flows.store.helpers import dump

if TYPE_CHECKING:
    from pathlib import Path

N_POSTS = 6000
context = multiprocessing.get_context("forkserver")


def ingest(path: Path, url: Path) -> None:
    """Read a file into a store, from where the store's cursor stands."""
    source = Archive(path, now=NOW, batch_size=100)
    with open_store(url) as store:
        for batch in source.fetch("", store.cursor(source.name, source.label)):
            reports = [(post, Report("imessage" if post.id.endswith("1") else "outlook")) for post in batch.posts]
            store.commit(source.name, source.label, batch, reports)


def start(path: Path, url: Path) -> multiprocessing.process.BaseProcess:
    context.set_forkserver_preload([__name__])
    process = context.Process(target=ingest, args=(path, url))
    process.start()
    return process


def run(tmp_path: Path, n_kills: int, seed: int) -> int:
    """Kill an ingest so many times, let it finish, compare; return how often it was caught at work."""
    random = Random(seed)  # noqa: S311
    texts = [line(number, minute=random.random() * 2000, author_id=f"a{number % 50}") for number in range(N_POSTS)]
    texts[17] = b"{"
    path, whole, killed = write(tmp_path / "posts.jsonl.gz", *texts), tmp_path / "whole.db", tmp_path / "killed.db"
    ingest(path, whole)
    caught = 0
    for _ in range(n_kills):
        process = start(path, killed)
        process.join(random.uniform(0.02, 0.25))
        if process.is_alive():
            assert process.pid is not None
            os.kill(process.pid, SIGKILL)
        process.join(60)
        caught += process.exitcode == -SIGKILL
    process = start(path, killed)
    process.join(60)
    assert process.exitcode == 0
    with open_store(whole) as one, open_store(killed) as other:
        other.integrity_check()
        assert len(one.reports()) == N_POSTS - 1
        assert dump(other) == dump(one)
    return caught


def test_twenty_kills(tmp_path: Path) -> None:
    assert run(tmp_path, 20, seed=1) >= 3


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(25))
def test_many_kills(tmp_path: Path, seed: int) -> None:
    assert run(tmp_path, 40, seed) >= 3
