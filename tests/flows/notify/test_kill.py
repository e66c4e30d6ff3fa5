"""Killed at any moment and run again: every revision is told, in order, and doubles have one id."""

from __future__ import annotations

import json
import random
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from flows.store import open_store
from tests.flows.notify.forker import N_INCIDENTS, N_REVISIONS, RECEIVERS
from tests.flows.notify.sink import listening, stories
from tests.flows.store.helpers import dump

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.flows.notify.sink import Sink

CHECKOUT = Path(__file__).resolve().parents[3]
KILLS_A_STORE = 4


@contextmanager
def forker(*module: str) -> Iterator[Callable[..., dict[str, Any]]]:
    """Start :mod:`tests.flows.notify.forker`, or what does the same; give a function that has it do a job."""
    command = [sys.executable, "-m", *(module or ("tests.flows.notify.forker",))]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=CHECKOUT, text=True, bufsize=1
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        write, read = process.stdin, process.stdout

        def call(*, kill_after_s: float | None = None, **job: Any) -> dict[str, Any]:
            write.write(json.dumps({"job": job, "kill_after_s": kill_after_s}) + "\n")
            answer: dict[str, Any] = json.loads(read.readline())
            return answer

        yield call
        write.close()


def state(path: Path) -> dict[str, Any]:
    """Return all that is stored, but for what tells how often and when it was tried."""
    with open_store(path) as store:
        store.integrity_check()
        messages = sorted(
            (one.id, one.receiver, one.incident_id, one.revision, one.status, one.body, one.state, one.n_sent)
            for one in store.deliveries()
        )
        tables = dump(store)
    return {
        "messages": messages,
        **{name: tables[name] for name in ("incidents", "transitions", "checkpoints", "series")},
    }


def is_told_whole(sink: Sink) -> int:
    """See that every revision of every incident came to every receiver; return how many came twice."""
    told = stories(sink.heard)
    assert len(told) == len(RECEIVERS) * N_INCIDENTS
    for story in told.values():
        assert {one.revision for one in story} == set(range(1, N_REVISIONS + 1))
    return len(sink.heard) - len(RECEIVERS) * N_INCIDENTS * N_REVISIONS


def kill_and_compare(tmp_path: Path, n_kills: int, seed: int) -> tuple[int, int]:
    """Kill so often, at moments all over the run; return how often something had been told, and what came twice."""
    moments = random.Random(seed)  # noqa: S311
    n_killed = n_doubles = n_reached = 0
    open_store(tmp_path / "empty.db").close()  # that takes longer than the work, which is what is to be killed
    with forker() as call:
        shutil.copy(tmp_path / "empty.db", tmp_path / "whole.db")
        with listening() as sink:
            whole = call(store_url=str(tmp_path / "whole.db"), sink_url=sink.url, seed=seed)
            assert whole["code"] == 0
            assert is_told_whole(sink) == 0
        expected = state(tmp_path / "whole.db")
        while n_killed < n_kills:
            path = tmp_path / "killed.db"
            shutil.copy(tmp_path / "empty.db", path)
            with listening(busy_every=7, deaf_every=11) as sink:
                job = {"store_url": str(path), "sink_url": sink.url, "seed": moments.randrange(1000)}
                for _ in range(KILLS_A_STORE):
                    done = call(**job, kill_after_s=moments.uniform(0.005, whole["took_s"] * 0.5))
                    n_killed += done["code"] == -signal.SIGKILL
                    n_reached += bool(sink.heard)
                assert call(**job)["code"] == 0
                n_doubles += is_told_whole(sink)
            assert state(path) == expected
            for file in tmp_path.glob("killed.db*"):
                file.unlink()
    return n_reached, n_doubles


def test_eight_kills_lose_nothing(tmp_path: Path) -> None:
    n_reached, n_doubles = kill_and_compare(tmp_path, 8, 1)
    assert n_reached >= 2, "kills come while it delivers"
    assert n_doubles >= 2, "what was received and not answered comes again"


@pytest.mark.soak
def test_two_hundred_kills_lose_nothing(tmp_path: Path) -> None:
    n_reached, _ = kill_and_compare(tmp_path, 200, 2)
    assert n_reached >= 50
