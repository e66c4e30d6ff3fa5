"""The windowed Gaussian: how unlikely a bin is under a normal distribution fitted to a sliding window.

A baseline detector of the Numenta Anomaly Benchmark: Lavin and Ahmad (2015), "Evaluating real-time anomaly detection
algorithms: the Numenta Anomaly Benchmark", ICMLA; Ahmad, Lavin, Purdy and Agha (2017), Neurocomputing 262:134-147.
The window holds 6,400 bins and moves on by 100 at a time; until it is full it grows bin by bin. With its mean and
standard deviation (of the window, n; at least 1e-6) the anomaly score is ``1 - Q(z)``, Q the normal upper tail, and
the benchmark's published threshold is 1.0: in double precision, Q at most 2**-54, that is z of 8.29.

Score: ``log Q(z) / log 2**-54``, 1 exactly where the benchmark's score reaches 1.0, and telling further beyond.

Adapted: upwards only. Bins that were not observed are passed over, so the window may reach further back. The window is
kept as means and squares of 64 blocks of 100 bins (merged as in Chan, Golub and LeVeque 1983), which is the same.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from detectors.baselines.jit import compiled
from detectors.spikes.peers.base import Out, Peer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detectors.spikes.peers.base import Floats, Ints

BLOCKS, BLOCK = 64, 100
MIN_SD = 1e-6
LOG_LIMIT = -54 * math.log(2.0)
"""log Q at which ``1 - Q`` is 1 in double precision."""
FAR = 30.0
"""Beyond so many deviations the tail is its asymptote: Q itself would vanish."""


class Memory(NamedTuple):
    """Blocks of the window (series, 64, 2): mean and squares; how many were filled (series,); the window itself and
    the block that is being filled (series, 3): n, mean, squares."""  # noqa: D205, D209 - one sentence

    blocks: Floats
    filled: Ints
    window: Floats
    current: Floats


@compiled
def log_tail(z: float) -> float:
    """Return the log of the normal upper tail."""
    if z > FAR:
        return -0.5 * z * z - math.log(z * math.sqrt(2.0 * math.pi))
    return math.log(0.5 * math.erfc(z / math.sqrt(2.0)))


@compiled
def add(sums: Floats, value: float) -> None:
    """Add a value to n, mean and squares (Welford 1962)."""
    sums[0] += 1.0
    delta = value - sums[1]
    sums[1] += delta / sums[0]
    sums[2] += delta * (value - sums[1])


@compiled
def merge(blocks: Floats, sums: Floats) -> None:
    """Set n, mean and squares to those of all blocks together."""
    sums[:] = 0.0
    for k in range(len(blocks)):
        n = sums[0] + BLOCK
        delta = blocks[k, 0] - sums[1]
        sums[2] += blocks[k, 1] + delta * delta * sums[0] * BLOCK / n
        sums[1] += delta * BLOCK / n
        sums[0] = n


@compiled
def move_on(memory: Memory, i: int) -> None:
    """Put the full block in the place of the oldest, and the window on it."""
    k, current = memory.filled[i] % BLOCKS, memory.current[i]
    memory.blocks[i, k, 0], memory.blocks[i, k, 1] = current[1], current[2]
    memory.filled[i] += 1
    current[:] = 0.0
    if memory.filled[i] > BLOCKS:
        merge(memory.blocks[i], memory.window[i])


@compiled
def run(y: Floats, memory: Memory, out: Out) -> None:
    """Take bins of all series."""
    for i in range(y.shape[0]):
        window, current = memory.window[i], memory.current[i]
        for b in range(y.shape[1]):
            value, mean = y[i, b], window[1]
            known = window[0] > 0.0
            variance = window[2] / window[0] if known else 0.0
            if known:
                out.expected[i, b] = mean
                out.dispersion[i, b] = max(0.0, variance - mean) / (mean * mean) if mean > 0.0 else 0.0
            if math.isnan(value):
                continue
            if known:
                out.score[i, b] = log_tail((value - mean) / max(math.sqrt(variance), MIN_SD)) / LOG_LIMIT
            if memory.filled[i] < BLOCKS:
                add(window, value)
            add(current, value)
            if current[0] == BLOCK:
                move_on(memory, i)


class WindowedGaussian(Peer):
    """The normal tail over a sliding window."""

    VERSION: ClassVar[str] = "windowed-gaussian-1"

    def _remember(self) -> dict[str, NDArray[Any]]:
        n = self.n_series
        rest = {"window": np.zeros((n, 3)), "current": np.zeros((n, 3))}
        return {"blocks": np.zeros((n, BLOCKS, 2)), "filled": np.zeros(n, np.int64), **rest}

    def _score(self, y: Floats, out: Out) -> None:
        run(y, Memory(**self.memory), out)
