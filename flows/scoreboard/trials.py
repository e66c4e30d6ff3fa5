"""Trials in parallel, each kept as soon as it is done: a run that was killed goes on where it stopped."""

from __future__ import annotations

import hashlib
import os
import threading
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import cache
from importlib.resources import files
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from typing import TYPE_CHECKING

import msgspec

import detectors
from detectors.evaluation.trial import ORACLE, Settings, Trial, run_trial
from detectors.spikes import DETECTORS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from importlib.resources.abc import Traversable
    from pathlib import Path

    Job = tuple[Settings, int, tuple[str, ...]]
    Key = tuple[str, str, Settings, int]

PEERS, OURS = ("spikes/peers", "spikes/plain"), ("spikes", "baselines")
JUDGES = tuple(f"evaluation/{part}" for part in ("simulate", "trial", "scoring", "bound"))
SHARED = (*JUDGES, "incidents", "counting", "model.py")


class Line(msgspec.Struct, frozen=True):
    """A line of the file of trials: which code gave it, and what it gave."""

    code: str
    trial: Trial


@cache
def code_version(detector: str) -> str:
    """Return what tells apart two states of the code that a detector's trials depend on: 12 hexadecimal digits.

    For ours that is all but the peers; for a peer, the peers and what judges them; for the oracle, what judges.
    """
    hasher = hashlib.sha256()
    for path, text in _sources(files(detectors), ""):
        is_peer = path.startswith(PEERS)
        is_ours = path.startswith(OURS) and not is_peer
        is_used = is_ours if detector == "uproar" else is_peer and detector != ORACLE
        if path.startswith(SHARED) or is_used:
            hasher.update(path.encode() + b"\0" + text + b"\0")
    return hasher.hexdigest()[:12]


def _sources(folder: Traversable, prefix: str) -> Iterator[tuple[str, bytes]]:
    for child in sorted(folder.iterdir(), key=lambda one: one.name):
        path = prefix + child.name
        if child.is_dir():
            yield from _sources(child, path + "/")
        elif path.endswith(".py"):
            yield path, child.read_bytes()


class Kept:
    """Trials in a file, one a line; what other code gave stays there unread, and a torn last line is cut off."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._trials: dict[Key, Trial] = {}
        file.parent.mkdir(parents=True, exist_ok=True)
        if file.exists():
            self._read()

    def _read(self) -> None:
        decoder = msgspec.json.Decoder(Line)
        whole = self._file.read_bytes()
        end = whole.rfind(b"\n") + 1
        if end < len(whole):
            with self._file.open("r+b") as opened:
                opened.truncate(end)
        for text in whole[:end].splitlines():
            try:
                line = decoder.decode(text)
            except msgspec.DecodeError:  # of an older form: made again
                continue
            self._trials[_key(line.code, line.trial)] = line.trial

    def get(self, detector: str, settings: Settings, seed: int) -> Trial | None:
        """Return a trial that today's code gave, or None."""
        return self._trials.get((detector, code_version(detector), settings, seed))

    def add(self, code: str, trial: Trial) -> None:
        """Keep a trial; it is in the file when this returns."""
        with self._file.open("ab") as opened:
            opened.write(msgspec.json.encode(Line(code, trial)) + b"\n")
        self._trials[_key(code, trial)] = trial


def _key(code: str, trial: Trial) -> Key:
    return trial.detector, code, trial.settings, trial.seed


def missing(kept: Kept, settings: Iterable[Settings], seeds: Sequence[int], names: Sequence[str]) -> list[Job]:
    """Return what is still to be done: one job a scenario, with the detectors that have not seen it."""
    jobs = []
    for one in settings:
        for seed in seeds:
            left = tuple(name for name in names if kept.get(name, one, seed) is None)
            if left:
                jobs.append((one, seed, left))
    return jobs


def run_jobs(kept: Kept, jobs: Sequence[Job], *, processes: int, advance: Callable[[int], object]) -> None:
    """Do the jobs and keep each trial as it comes; ``advance`` is told of every job done."""
    versions = {name: code_version(name) for _, _, names in jobs for name in names}
    for done in _results(jobs, processes):
        for trial in done:
            kept.add(versions[trial.detector], trial)
        advance(1)


def _results(jobs: Sequence[Job], processes: int) -> Iterator[list[Trial]]:
    if processes <= 1 or len(jobs) <= 1:
        yield from map(_work, jobs)
        return
    # Spawned, not forked: the parent has threads (the progress bar), and a child must not inherit a lock that is held.
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn"), initializer=_end_with_parent) as pool:
        waiting = [pool.submit(_work, job) for job in jobs]
        try:
            for future in as_completed(waiting):
                yield future.result()
        finally:
            pool.shutdown(cancel_futures=True)


def _end_with_parent() -> None:
    """Let this process end when the one that started it is killed, instead of waiting for work for ever."""
    parent = parent_process()
    if parent is not None:

        def watch() -> None:
            wait([parent.sentinel])
            os._exit(1)

        threading.Thread(target=watch, daemon=True).start()


def _work(job: Job) -> list[Trial]:
    settings, seed, names = job
    return list(run_trial(settings, seed, names))


def chosen_detectors(names: Sequence[str]) -> list[str]:
    """Return the registered detectors that were asked for; ``all`` stands for every one."""
    return (
        sorted(DETECTORS, key=lambda name: (name != "uproar", name)) if "all" in names else list(dict.fromkeys(names))
    )
