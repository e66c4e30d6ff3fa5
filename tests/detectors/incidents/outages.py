"""Small simulated outages with a known onset and end, apart from the project's simulator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from detectors.incidents.likelihood import Stretch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

SETTLED_MIN, LENGTH_MIN = 1500.0, 2880.0
COVERED = (0.825, 0.975)
"""What 150 intervals may cover: 0.85 to 0.95, and one standard error of such a share on either side."""

RISES: dict[str, Callable[[Floats], Floats]] = {
    "straight": lambda x: x,
    "smooth": lambda x: x**2 * (3 - 2 * x),
    "slow": lambda x: x**2,
    "quick": lambda x: 1 - (1 - x) ** 2,
    "late": lambda x: np.expm1(3 * x) / np.expm1(3),
    "at once": lambda x: np.where(x > 0, 1.0, 0.0),
}
"""How people come to notice, over the whole of the rise: what a detector is not told."""

WINDOWS_MIN = (1, 2, 3, 5, 8, 12, 18, 27)


@dataclass(frozen=True)
class Sample:
    """A stretch with an outage that alarmed; instants in bins."""

    stretch: Stretch
    onset: float
    end: float
    alarm_bin: int
    window_bins: int
    last_alarm_bin: int
    closing_bin: int


def outages(
    seed: int, count: int, *, bin_width_s: float = 60.0, noise: str = "poisson", rise: str = "straight"
) -> Iterator[Sample]:
    """Yield outages of 0.02 to 50 reports a minute and 2 to 50 times that, which a simple scan finds."""
    rng = np.random.default_rng(seed)
    while count:
        sample = _sample(rng, bin_width_s, noise, rise)
        if sample is not None:
            count -= 1
            yield sample


def _sample(rng: np.random.Generator, bin_width_s: float, noise: str, rise: str) -> Sample | None:
    minutes = bin_width_s / 60.0
    bins, fine = int(LENGTH_MIN / minutes), 10 if bin_width_s <= 60 else 200
    t = (np.arange(bins * fine) + 0.5) * minutes / fine
    onset = SETTLED_MIN + rng.uniform(0, 60)
    end = onset + np.exp(rng.uniform(np.log(10), np.log(360)))
    base, factor = np.exp(rng.uniform(np.log(0.02), np.log(50))), np.exp(rng.uniform(np.log(2), np.log(50)))
    grown = RISES[rise](np.clip((t - onset) / rng.uniform(1, 15), 0, 1))
    left = np.exp(-np.maximum(t - end, 0) / np.exp(rng.uniform(np.log(2), np.log(60))))
    season = 1 + 0.5 * np.sin(2 * np.pi * (t / 1440 + rng.random()))
    mean = (base * season * (1 + (factor - 1) * grown * left)).reshape(bins, fine).sum(axis=1) * minutes / fine
    usual = base * season.reshape(bins, fine).mean(axis=1) * minutes * np.exp(rng.normal(0, 0.08))
    observed = _draw(rng, mean, noise, minutes)
    stretch = Stretch(observed, usual, 0.01, bin_width_s)
    return _alarmed(stretch, onset / minutes, end / minutes)


def _draw(rng: np.random.Generator, mean: Floats, noise: str, minutes: float) -> Floats:
    if noise == "overdispersed":
        return rng.poisson(mean * rng.gamma(1 / 0.02, 0.02, len(mean))).astype(float)
    if noise == "self-exciting":
        # a third of the reports are answers to others, some minutes later
        found = rng.poisson(mean * 0.67).astype(float)
        new = found
        while new.sum():
            answers = rng.poisson(0.33 * new).astype(int)
            at = np.repeat(np.arange(len(mean)), answers) + (rng.exponential(4, answers.sum()) / minutes)
            new = np.histogram(at, bins=len(mean), range=(0, len(mean)))[0].astype(float)
            found = found + new
        return found
    return rng.poisson(mean).astype(float)


def _alarmed(stretch: Stretch, onset: float, end: float) -> Sample | None:
    score, window = _scan(stretch)
    hour = stretch.bins(60)
    fired = np.flatnonzero(score >= 1)
    fired = fired[fired >= int(onset) - hour]
    if not len(fired) or fired[0] < int(onset) or fired[0] > end + stretch.bins(15):
        return None
    gaps = np.flatnonzero(np.diff(fired) > hour)
    last = int(fired[gaps[0]] if len(gaps) else fired[-1])
    if last + hour >= len(stretch):
        return None
    return Sample(stretch, onset, end, int(fired[0]), int(window[fired[0]]), last, last + hour)


def _scan(stretch: Stretch) -> tuple[Floats, Floats]:
    """Score sums against "1.5 or 3 times usual and a bit"."""
    best, window = np.zeros(len(stretch)), np.ones(len(stretch))
    for width in sorted({stretch.bins(minutes) for minutes in WINDOWS_MIN}):
        total, usual = (np.convolve(a, np.ones(width))[: len(stretch)] for a in (stretch.observed, stretch.expected))
        penalty = 0.5 * np.log(27 / min(width * stretch.minutes, 27))
        arms = [(_deviance(total, c * usual + 0.7) - penalty) / h for c, h in ((1.5, 3.7), (3.0, 2.0))]
        score = np.where(total >= 3, np.maximum(*arms), 0.0)
        window = np.where(score > best, width, window)
        best = np.maximum(best, score)
    return best, window


def _deviance(total: Floats, mean: Floats, k: float = 50.0) -> Floats:
    over = total * np.log(np.maximum(total, 1e-9) / mean) - (total + k) * np.log((total + k) / (mean + k))
    return np.where(total > mean, over, 0.0)
