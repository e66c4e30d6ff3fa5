"""Killed while it reads, detects, tells or delivers: in the end all is told, and is as if nobody had been killed."""

from __future__ import annotations

import random
import shutil
import signal
from typing import TYPE_CHECKING, Any

import pytest

from flows.store import open_store
from tests.flows.notify.detecting import make
from tests.flows.notify.sink import listening, stories
from tests.flows.notify.test_kill import KILLS_A_STORE, forker, state

if TYPE_CHECKING:
    from pathlib import Path

from tests.flows.notify.sink import Sink


def expected_of(path: Path) -> set[tuple[str, str, int, str]]:
    """Return what the store says that receivers were told."""
    with open_store(path) as store:
        every = store.deliveries()
    assert {one.state for one in every} == {"delivered"}
    return {(one.receiver, one.incident_id, one.revision, one.status) for one in every}


def heard_by(sink: Sink) -> set[tuple[str, str, int, str]]:
    """Return what they were told; see that it came in order, and doubles under one id."""
    stories(sink.heard)
    return {one[:4] for one in sink.heard}


def kill_and_compare(tmp_path: Path, n_kills: int, seed: int) -> tuple[int, int]:
    """Kill so often; return how often after the first message had come in, and what came twice."""
    moments = random.Random(seed)  # noqa: S311
    made, whole, killed = (tmp_path / name for name in ("made.db", "whole.db", "killed.db"))
    n_killed = n_reached = n_doubles = 0
    make(made)
    shutil.copy(made, whole)
    with forker("tests.flows.notify.detecting") as call:
        with listening() as sink:
            done = call(store_url=str(whole), sink_url=sink.url, seed=seed)
            assert done["code"] == 0
            told = expected_of(whole)
            assert heard_by(sink) == told
            assert len(sink.heard) == len(told) >= 12
        expected = state(whole)
        while n_killed < n_kills:
            for file in tmp_path.glob("killed.db*"):
                file.unlink()
            shutil.copy(made, killed)
            with listening(busy_every=7, deaf_every=5) as sink:
                job: dict[str, Any] = {"store_url": str(killed), "sink_url": sink.url, "seed": moments.randrange(1000)}
                for _ in range(KILLS_A_STORE):
                    n_before = len(sink.heard)
                    answer = call(**job, kill_after_s=moments.uniform(0.005, done["took_s"] * 0.6))
                    n_killed += answer["code"] == -signal.SIGKILL
                    n_reached += len(sink.heard) > n_before
                assert call(**job)["code"] == 0
                assert heard_by(sink) == told
                n_doubles += len(sink.heard) - len(told)
            assert state(killed) == expected
    return n_reached, n_doubles


def test_twenty_kills_change_nothing(tmp_path: Path) -> None:
    n_reached, n_doubles = kill_and_compare(tmp_path, 20, 1)
    assert n_reached >= 3, "kills come while it delivers"
    assert n_doubles >= 3, "what was received and not answered comes again"


@pytest.mark.soak
def test_two_hundred_kills_change_nothing(tmp_path: Path) -> None:
    n_reached, _ = kill_and_compare(tmp_path, 200, 2)
    assert n_reached >= 30
