"""Poisson-FOCuS: the likelihood ratio of a rise that began at any earlier bin, in bounded time and memory.

Ward, Dilillo, Eckley and Fearnhead (2023), "Poisson-FOCuS: an efficient online method for detecting count bursts with
application to gamma ray burst detection", Journal of the American Statistical Association 119:2191-2202 (arXiv
2208.01494), sections 2 and 3. With counts x of known background rate lambda, an anomaly that began with bin tau and
multiplies the rate by mu has the log-likelihood ratio ``X log mu - Lambda (mu - 1)``, X and Lambda the sums since tau::

    S(t) = max over tau <= t and mu >= mu_min of  X log mu - Lambda (mu - 1)
    alarm where S > k**2 / 2,  k = 5 (their "5 sigma");  mu_min = 1.1

Only those tau matter that are best for some mu: the vertices of the lower convex hull of (Lambda, X), between which the
ratio X / Lambda rises from old to new. A tau whose ratio up to the next one is at most ``(mu_min - 1) / log mu_min``
can never be best again and is dropped; that is the pruning of the paper, written for sums between neighbours.
Score: ``2 S / k**2``. Window: the bins since the best tau.

Adapted: lambda is the usual rate of our own bank, not their exponential smoothing, so that only the test differs from
ours. At most 48 tau are kept: beyond, the oldest is given up. A trigger ends their run; ours starts again with the
first bin at or below its usual rate after S passed the threshold. A bin that was not observed adds neither counts nor
rate. Written from the paper (the authors' own packages are GPL and were not used).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from detectors.baselines.jit import compiled
from detectors.spikes.peers.base import BankPeer, Out

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detectors.spikes.peers.base import Floats, Ints

SIGMAS, MU_MIN = 5.0, 1.1
MAX_CANDIDATES = 48
MIN_RATE = 1e-9
MIN_RATIO = (MU_MIN - 1.0) / math.log(MU_MIN)
THRESHOLD = 0.5 * SIGMAS**2


class Memory(NamedTuple):
    """Sums from each tau to the next (series, 48, 3): counts, rate, bins; and how many tau there are (series,),
    negative while S is over the threshold."""  # noqa: D205, D209 - one sentence

    parts: Floats
    size: Ints


@compiled
def drop(parts: Floats, n: int, oldest: int) -> int:
    """Give up the oldest candidates, and return how many are left."""
    for j in range(oldest, n):
        for k in range(3):
            parts[j - oldest, k] = parts[j, k]
    return n - oldest


@compiled
def take(parts: Floats, n: int, count: float, rate: float) -> int:
    """Add an observed bin as the newest candidate, prune, and return how many candidates there are."""
    if n == len(parts):
        n = drop(parts, n, 1)
    parts[n, 0], parts[n, 1], parts[n, 2] = count, rate, 1.0
    n += 1
    while n >= 2 and parts[n - 1, 0] * parts[n - 2, 1] <= parts[n - 2, 0] * parts[n - 1, 1]:
        for k in range(3):
            parts[n - 2, k] += parts[n - 1, k]
        n -= 1
    dropped = 0
    while dropped < n and parts[dropped, 0] <= MIN_RATIO * parts[dropped, 1]:
        dropped += 1
    return drop(parts, n, dropped)


@compiled
def best(parts: Floats, n: int) -> tuple[float, float]:
    """Return S and the bins since the tau that reaches it; 0 and 1 without a candidate."""
    found, window = 0.0, 1.0
    counts = rate = bins = 0.0
    for j in range(n - 1, -1, -1):
        counts += parts[j, 0]
        rate += parts[j, 1]
        bins += parts[j, 2]
        mu = max(MU_MIN, counts / rate)
        ratio = counts * math.log(mu) - rate * (mu - 1.0)
        if ratio > found:
            found, window = ratio, bins
    return found, window


@compiled
def run(y: Floats, memory: Memory, out: Out) -> None:
    """Take bins of all series, whose usual rates are in ``out``."""
    for i in range(y.shape[0]):
        parts = memory.parts[i]
        n, is_alarm = abs(memory.size[i]), memory.size[i] < 0
        for b in range(y.shape[1]):
            value = y[i, b]
            if n > 0:
                parts[n - 1, 2] += 1.0 if math.isnan(value) else 0.0
            if math.isnan(value) or math.isnan(out.expected[i, b]):
                continue
            rate = max(out.expected[i, b], MIN_RATE)
            if is_alarm and value <= rate:
                n = 0
            n = take(parts, n, value, rate)
            found, window = best(parts, n)
            is_alarm = found > THRESHOLD
            out.score[i, b] = found / THRESHOLD
            out.window[i, b] = int(window)
        memory.size[i] = -n if is_alarm else n


class PoissonFocus(BankPeer):
    """Poisson-FOCuS over the usual rate of our bank."""

    VERSION: ClassVar[str] = "poisson-focus-1"

    def _remember(self) -> dict[str, NDArray[Any]]:
        n = self.n_series
        return {"parts": np.zeros((n, MAX_CANDIDATES, 3)), "size": np.zeros(n, np.int64)}

    def _test(self, y: Floats, out: Out) -> None:
        run(y, Memory(**self.memory), out)
