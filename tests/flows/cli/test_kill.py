"""Killed at any moment and run again, a replay ends in the tables of one that was left alone."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from flows.store import open_store
from tests.flows.store.helpers import dump
from tests.flows.streams import Outage, stream, write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CHECKOUT = Path(__file__).resolve().parents[3]
N_KILLS, KILLS_A_STORE = 20, 2


@contextmanager
def forker() -> Iterator[Callable[..., dict[str, Any]]]:
    """Start :mod:`tests.flows.cli.forker`; give a function that has it run a command."""
    command = [sys.executable, "-m", "tests.flows.cli.forker"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=CHECKOUT, text=True, bufsize=1
    ) as process:

        def call(*argv: object, kill_after_s: float | None = None) -> dict[str, Any]:
            job = {"argv": [str(part) for part in argv]} | ({"kill_after_s": kill_after_s} if kill_after_s else {})
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(json.dumps(job) + "\n")
            answer: dict[str, Any] = json.loads(process.stdout.readline())
            return answer

        yield call
        assert process.stdin is not None
        process.stdin.close()


def tables(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    with open_store(path) as store:
        store.integrity_check()
        return dump(store)


def kill_and_compare(tmp_path: Path, n_kills: int, seed: int) -> dict[str, int]:
    """Kill so many replays, a few of each store, at moments spread over the whole run; return what had been reached."""
    moments = random.Random(seed)  # noqa: S311
    reached = {"reports": 0, "incidents": 0}
    file = write(tmp_path / "posts.jsonl", stream(Outage(), services=("iMessage", "Outlook", "Slack"), rate=4.0))
    with forker() as call:
        assert call("replay", file, "--store", tmp_path / "warm.db")["code"] == 0
        whole = call("replay", file, "--store", tmp_path / "whole.db")
        assert whole["code"] == 0
        expected, landed, number = tables(tmp_path / "whole.db"), 0, 0
        assert expected["incidents"]
        while landed < n_kills:
            path = tmp_path / f"killed-{number}.db"
            share = (number * KILLS_A_STORE % n_kills + moments.random() * KILLS_A_STORE) / n_kills
            for part in (share, moments.random() * 0.5):
                done = call("replay", file, "--store", path, kill_after_s=max(0.005, part * whole["took_s"]))
                landed += done["code"] == -signal.SIGKILL
            if path.exists():
                found = tables(path)
                for name in reached:
                    reached[name] += bool(found[name])
            assert call("replay", file, "--store", path)["code"] == 0
            assert tables(path) == expected
            path.unlink()
            number += 1
            assert number < 2 * n_kills, "runs end before they are killed"
    return reached


def test_twenty_kills_leave_nothing_behind(tmp_path: Path) -> None:
    reached = kill_and_compare(tmp_path, N_KILLS, 1)
    assert reached["reports"] >= 2, "kills come while it works"


@pytest.mark.soak
def test_hundreds_of_kills_leave_nothing_behind(tmp_path: Path) -> None:
    reached = kill_and_compare(tmp_path, 400, 2)
    assert reached["incidents"] > 5, "some come after the first incident was kept"
