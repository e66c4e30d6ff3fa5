"""Days of bad luck, drawn by chance: faults, kills and restarts in any order lose nothing and claim nothing wrong.

What the contract suite tries one by one comes together here. Each sequence is told by its seed alone.
"""

from __future__ import annotations

from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING

import pytest

from detectors.errors import SourceError
from tests.flows.sources.harness import NOW, FakeTime, Made
from tests.flows.sources.loopback import Fault
from tests.flows.sources.test_contract import PLATFORMS, Reading, check_claims, check_message

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from tests.flows.sources.harness import Platform

TICKS = 8
SLOW = frozenset({Fault.TIMEOUT, Fault.BOMB})
"""Faults that take real time or much work: the contract suite has them."""

N_SEEDS = 2
N_SOAK_SEEDS = 350


@pytest.mark.parametrize("seed", range(N_SEEDS))
@pytest.mark.parametrize("name", PLATFORMS)
def test_whatever_happens_nothing_is_lost(name: str, seed: int) -> None:
    run(name, seed)


@pytest.mark.soak
@pytest.mark.parametrize("name", PLATFORMS)
def test_whatever_happens_for_long_nothing_is_lost(name: str) -> None:
    for seed in range(N_SEEDS, N_SEEDS + N_SOAK_SEEDS):
        run(name, seed)


def run(name: str, seed: int) -> None:
    """Live through one sequence, and check what was read and claimed after every tick.

    What was posted before the first fetch that succeeded could reach back to was never promised.
    """
    rng = Random(f"{name} {seed}")  # noqa: S311 - no secret
    platform = PLATFORMS[name]()
    try:
        time = FakeTime()
        reading = Reading(platform.source(time.bounds()))
        published: list[Made] = []
        reach_at = None
        for _ in range(TICKS):
            before = time.at
            time.at += timedelta(seconds=rng.choice((20, 60, 60, 180)))
            new = draw(rng, platform, len(published), before, time.at)
            platform.publish(new)
            published += new
            tick(rng, platform, reading, time)
            if reading.batches and reach_at is None:
                reach_at = time.at - time.bounds().lookback
            check_claims(reading, platform, published)
        for _ in range(2):
            time.at += timedelta(minutes=1)
            reading.source = platform.source(time.bounds())
            reading.read()
        check_claims(reading, platform, published)
        check_all_there(reading, platform, [made for made in published if reach_at is None or made.at >= reach_at])
    finally:
        platform.close()


def draw(rng: Random, platform: Platform, first: int, start_at: datetime, end_at: datetime) -> list[Made]:
    """Return none, some, or more posts than a page holds, in the order of their time."""
    n = rng.choice((0, 1, 5, platform.page_size + 2))
    seconds = sorted(rng.randrange(1, int((end_at - start_at).total_seconds()) + 1) for _ in range(n))
    return [Made(first + i, start_at + timedelta(seconds=second)) for i, second in enumerate(seconds)]


def tick(rng: Random, platform: Platform, reading: Reading, time: FakeTime) -> None:
    """Read once, with a source made anew: perhaps with a fault, perhaps killed after some batches."""
    if rng.random() < 0.6:
        fault = rng.choice([fault for fault in platform.faults if fault not in SLOW])
        platform.fail(fault, rng.choice((1, 2, 3, 10)), after=rng.choice((0, 0, 1, 2)))
    reading.source = platform.source(time.bounds(tries=rng.choice((1, 2, 3))))
    try:
        reading.read(rng.choice((None, None, 1, 2)))
    except SourceError as error:
        check_message(error, platform)
    platform.heal()


def check_all_there(reading: Reading, platform: Platform, published: Sequence[Made]) -> None:
    """Check that every post was seen, or lies in a gap that was told."""
    gaps = [batch.gap for batch in reading.batches if batch.gap is not None]
    for made in published:
        in_gap = any(gap.start_at <= made.at < gap.end_at for gap in gaps)
        assert in_gap or platform.identity(made) in reading.seen, made.at - NOW
