"""Trials that are kept: a run that was killed goes on, and code that changed is measured anew."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import msgspec
import pytest

from detectors.evaluation.trial import ORACLE, Settings, Trial
from detectors.spikes import DETECTORS
from flows.scoreboard.trials import Kept, Line, chosen_detectors, code_version, missing, run_jobs

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS = Settings(days=7, n_services=1)
NAMES = ("uproar", ORACLE)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "trials.jsonl"


def trial(detector: str = "uproar", seed: int = 1) -> Trial:
    return Trial(detector, SETTINGS, seed, [1.0], [1.0], 0, [], {})


def test_a_run_that_stopped_goes_on(file: Path) -> None:
    kept = Kept(file)
    jobs = missing(kept, [SETTINGS], [1, 2, 3], NAMES)
    assert [(seed, names) for _, seed, names in jobs] == [(seed, NAMES) for seed in (1, 2, 3)]
    steps: list[int] = []
    run_jobs(kept, jobs[:2], processes=1, advance=steps.append)
    assert steps == [1, 1]
    again = Kept(file)
    assert [seed for _, seed, _ in missing(again, [SETTINGS], [1, 2, 3], NAMES)] == [3]
    assert missing(again, [SETTINGS], [1], (*NAMES, "ewma")) == [(SETTINGS, 1, ("ewma",))]
    assert missing(again, [Settings("hard", days=7, n_services=1)], [1], NAMES)
    assert again.get("uproar", SETTINGS, 1) == kept.get("uproar", SETTINGS, 1)


def test_two_processes_give_the_same_as_one(file: Path) -> None:
    jobs = missing(Kept(file), [SETTINGS], [1, 2], ("uproar",))
    one, two = Kept(file), Kept(file.with_name("two.jsonl"))
    run_jobs(one, jobs, processes=1, advance=lambda _: None)
    run_jobs(two, jobs, processes=2, advance=lambda _: None)
    for seed in (1, 2):
        found = one.get("uproar", SETTINGS, seed)
        assert found is not None
        assert found == two.get("uproar", SETTINGS, seed)


PARENT = """
import os, sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from flows.scoreboard.trials import _end_with_parent
pool = ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=_end_with_parent)
print(pool.submit(os.getpid).result(), flush=True)
sys.stdin.read()
"""


def test_a_worker_ends_when_its_parent_is_killed() -> None:
    command = [sys.executable, "-c", PARENT]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        worker = int(parent.stdout.readline())
        parent.kill()
        try:
            parent.communicate(timeout=30)  # the worker holds the other end of this pipe, too
        except subprocess.TimeoutExpired:
            os.kill(worker, signal.SIGKILL)
            pytest.fail("the worker outlives its parent")


def test_a_torn_line_is_cut_off_and_a_strange_one_is_left(file: Path) -> None:
    kept = Kept(file)
    kept.add(code_version("uproar"), trial(seed=1))
    whole = file.read_bytes()
    file.write_bytes(b'{"of": "an older form"}\n' + whole + whole[:40])
    again = Kept(file)
    assert again.get("uproar", SETTINGS, 1) == trial(seed=1)
    again.add(code_version("uproar"), trial(seed=2))
    assert len(file.read_bytes().splitlines()) == 3
    assert Kept(file).get("uproar", SETTINGS, 2) == trial(seed=2)


def test_what_other_code_gave_is_not_used(file: Path) -> None:
    kept = Kept(file)
    kept.add("0123456789ab", trial())
    assert kept.get("uproar", SETTINGS, 1) is None
    assert Kept(file).get("uproar", SETTINGS, 1) is None
    line = msgspec.json.decode(file.read_bytes(), type=Line)
    assert line == Line("0123456789ab", trial())


def test_versions_tell_ours_peers_and_the_oracle_apart() -> None:
    versions = {name: code_version(name) for name in ("uproar", "ewma", ORACLE)}
    assert len(set(versions.values())) == 3
    assert code_version("ewma") == code_version("ears-c1")
    assert all(len(version) == 12 and int(version, 16) >= 0 for version in versions.values())


def test_all_is_every_detector_ours_first() -> None:
    everyone = chosen_detectors(["all"])
    assert everyone[0] == "uproar"
    assert set(everyone) == set(DETECTORS)
    assert chosen_detectors(["ewma", "uproar", "ewma"]) == ["ewma", "uproar"]
