"""How improbable counts are, compiled."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from detectors.baselines.jit import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

MIN_PHI = 1e-6


@compiled
def tail(count: float, mean: float, phi: float) -> float:
    """Nats against a negative-binomial count being so large by chance: ``-log P(N >= count)``.

    ``phi`` is that of the variance ``mean + phi mean**2``. A count that is not whole is rounded down.
    """
    n = math.floor(count + 1e-9)
    if n <= mean:
        return 0.0
    size = 1.0 / max(phi, MIN_PHI)
    odds = mean / (size + mean)
    log_first = (
        math.lgamma(n + size)
        - math.lgamma(size)
        - math.lgamma(n + 1.0)
        + n * math.log(odds)
        - size * math.log1p(mean / size)
    )
    total, term = 1.0, 1.0
    for k in range(n, n + 1000):
        term *= odds * (k + size) / (k + 1.0)
        total += term
        if term < 1e-6 * total:
            break
    return -min(0.0, log_first + math.log(total))


@compiled
def strangeness(observed: Floats, usual: tuple[Floats, Floats, Floats], ask: tuple[float, float, float]) -> Floats:
    """Return nats of windows, shape (cells, windows), 0 where there are too few reports.

    Parameters
    ----------
    observed
        Shape (cells, windows).
    usual
        ``expected`` and ``common`` of the same shape, squared relative ``error`` of shape (cells,).
    ask
        How many times usual it must be, the floor (reports a window), and the fewest reports.
    """
    expected, common, error = usual
    times, floor, fewest = ask
    nats = np.zeros(observed.shape)
    for i in range(observed.shape[0]):
        for w in range(observed.shape[1]):
            if observed[i, w] >= fewest:
                usually = times * expected[i, w] * common[i, w]
                mean = usually + floor
                nats[i, w] = tail(observed[i, w], mean, error[i] * (usually / mean) ** 2)
    return nats
