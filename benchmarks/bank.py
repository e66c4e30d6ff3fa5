"""How fast the detector is: ``python -m benchmarks.bank``.

Series-points a second at 1, 1,000 and 10,000 series (one-minute bins), the time of one tick of 10,000 series, the
size of the state, and that none of it depends on the length of the history. Rates run from 0.02 to 200 posts a minute.
Compare only within one run.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.table import Row, best_of, render
from detectors.baselines.profile import fit_profile
from detectors.spikes import Bank

if TYPE_CHECKING:
    from numpy.typing import NDArray

START = datetime(2026, 3, 2, tzinfo=UTC)
DAY = 1440
RUNS = ((1, 60 * DAY), (1_000, DAY), (10_000, 100))
"""Series, and bins of the timed block."""
TICKS = 50
GOAL_POINTS_PER_S, GOAL_TICK_MS = 2_000_000, 20.0
"""On one core. A tick holds both severities, at 10 ms each."""


def draw(n: int, bins: int, *, seed: int = 0) -> NDArray[np.float64]:
    """Return made-up counts of shape (n, bins), at rates spread evenly in the logarithm."""
    rng = np.random.default_rng(seed)
    rates = 10 ** rng.uniform(np.log10(0.02), np.log10(200), (n, 1))
    return rng.poisson(rates * rng.gamma(20, 1 / 20, (n, bins))).astype(float)


def warm(n: int, days: int = 1) -> Bank:
    """Return a bank that has seen ``days`` days (the same one each time), ten minutes of the next included."""
    bank = Bank(n, bin_width_s=60, start_at=START)
    day = np.tile(draw(n, DAY // 8), (1, 8))
    for _ in range(days):
        bank.run(day)
    bank.run(draw(n, 10, seed=1))
    return bank


def points_per_s(n: int, bins: int) -> float:
    """Return series-points a second, refits of the profile included where midnight lies in a block; best of 3."""
    bank, y = warm(n), draw(n, bins, seed=2)
    return y.size / min(spent.wall_s for spent in best_of(3, lambda: bank.run(y)))


def tick_ms(n: int, days: int = 1) -> tuple[float, float]:
    """Return the median and the largest time (ms) of single ticks, both severities."""
    bank, y = warm(n, days), draw(n, TICKS, seed=3)
    times = []
    for b in range(TICKS):
        began = perf_counter()
        bank.step(y[:, b])
        times.append(1e3 * (perf_counter() - began))
    return float(np.median(times)), max(times)


def refit_us(repeats: int = 200) -> float:
    """Return the time (microseconds) in which one profile is refitted, which every series is once a day."""
    rng = np.random.default_rng(0)
    counts, exposure = rng.poisson(60, (28, 48)).astype(np.float32), np.full((28, 48), 30, np.float32)
    fit_profile(counts, exposure, (20_000, 1440.0), 0.05)
    began = perf_counter()
    for _ in range(repeats):
        fit_profile(counts, exposure, (20_000, 1440.0), 0.05)
    return 1e6 * (perf_counter() - began) / repeats


def first_run_s() -> float:
    """Return the time of a first run: compilation, or loading what an earlier process compiled."""
    began = perf_counter()
    Bank(1, bin_width_s=60, start_at=START).run(np.ones((1, DAY + 1)))
    return perf_counter() - began


def state_bytes(n: int, days: int) -> tuple[float, float]:
    """Return bytes per series: in memory, and as JSON."""
    bank = warm(n, days)
    return sum(a.nbytes for a in bank._arrays().values()) / n, len(json.dumps(bank.state())) / n  # noqa: SLF001


def rows() -> list[Row]:
    """Measure everything."""
    first = first_run_s()
    found = [Row(name="first run in this process", value=first, unit="s", at_most=6)]
    for n, bins in RUNS:
        rate = points_per_s(n, bins)
        goal = GOAL_POINTS_PER_S if n == 1_000 else None
        beside = f"{GOAL_POINTS_PER_S:,} a second" if goal else ""
        ratio = rate / goal if goal else None
        found.append(
            Row(name=f"{n:,} series", value=rate, unit="points/s", ratio=ratio, beside=beside, at_least=goal and 1.0)
        )
    for n, days in ((10_000, 1), (1_000, 1), (1_000, 15)):
        median, largest = tick_ms(n, days)
        name = f"tick of {n:,} series after {days} day{'s' * (days > 1)}"
        found.append(Row(name=name, value=median, unit="ms", at_most=GOAL_TICK_MS if n == 10_000 else None))
        found.append(Row(name="  the longest", value=largest, unit="ms"))
    found.append(Row(name="refit of a profile (each, once a day)", value=refit_us(), unit="us"))
    memory, as_json = state_bytes(1_000, 30)
    found.append(Row(name="state of a series after 30 days", value=memory, unit="bytes"))
    found.append(Row(name="  as JSON", value=as_json, unit="bytes"))
    return found


def main() -> None:
    """Print the table."""
    print(render("the detector's bank, one-minute bins, both severities", rows()))


if __name__ == "__main__":
    main()
