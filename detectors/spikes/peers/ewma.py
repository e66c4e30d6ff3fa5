"""The exponentially weighted moving average, as used on outage tweets.

Motoyama, Meeder, Levchenko, Voelker and Savage (2010), "Measuring online service availability using Twitter", WOSN,
raise an alarm where an EWMA of the "is down" tweets leaves what is usual. Its limits are those of Lucas and Saccucci
(1990), "Exponentially weighted moving average control schemes: properties and enhancements", Technometrics 32:1-12::

    z(t) = w y(t) + (1 - w) z(t-1)                 w = .25
    alarm where z(t) > mean + L sd sqrt(w / (2 - w))    L = 2.998 (their table for an in-control run length of 500)

Score: ``(z - mean) / (L sd sqrt(w / (2 - w)))``.

Adapted: target and deviation of the chart, which the papers take from a quiet period, are an exponentially weighted
mean and deviation with a half-life of a day (West 1979's update), always learning; the deviation is at least half a
report. The limit for a chart that has run for long is used, since nothing is said in the first 12 hours. A bin that
was not observed changes nothing but the age of what the target was learnt from. The settings of Motoyama et al. for
Twitter's own tweets could not be verified and are not used.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from detectors.baselines.jit import compiled
from detectors.spikes.peers.base import DAY_S, MIN_DEVIATION, Out, Peer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detectors.spikes.peers.base import Floats

HALF_LIFE_S = DAY_S


class Memory(NamedTuple):
    """Each of shape (series,): z, the target's mean, its sum of squares, and the sum of the weights in them."""

    smooth: Floats
    mean: Floats
    squares: Floats
    weight: Floats


class Plan(NamedTuple):
    """Weight of the newest bin, limit in deviations of z, and what a bin's age multiplies weights with."""

    weight: float
    limit: float
    decay: float


@compiled
def run(y: Floats, memory: Memory, plan: Plan, out: Out) -> None:
    """Take bins of all series."""
    factor = plan.limit * math.sqrt(plan.weight / (2.0 - plan.weight))
    for i in range(y.shape[0]):
        for b in range(y.shape[1]):
            weight = memory.weight[i] * plan.decay
            memory.weight[i] = weight
            memory.squares[i] *= plan.decay
            known = weight > 0.0
            mean = memory.mean[i]
            variance = memory.squares[i] / weight if known else 0.0
            if known:
                out.expected[i, b] = mean
                out.dispersion[i, b] = max(0.0, variance - mean) / (mean * mean) if mean > 0.0 else 0.0
            value = y[i, b]
            if math.isnan(value):
                continue
            memory.smooth[i] = plan.weight * value + (1.0 - plan.weight) * memory.smooth[i] if known else value
            if known:
                deviation = max(math.sqrt(variance), MIN_DEVIATION)
                out.score[i, b] = (memory.smooth[i] - mean) / (factor * deviation)
            memory.weight[i] += 1.0
            memory.mean[i] += (value - mean) / memory.weight[i]
            memory.squares[i] += (value - mean) * (value - memory.mean[i])


class Ewma(Peer):
    """A control chart of the exponentially weighted moving average."""

    VERSION: ClassVar[str] = "ewma-1"
    WEIGHT: ClassVar[float] = 0.25
    LIMIT: ClassVar[float] = 2.998

    def _remember(self) -> dict[str, NDArray[Any]]:
        return {name: np.zeros(self.n_series) for name in Memory._fields}

    def _score(self, y: Floats, out: Out) -> None:
        decay = 0.5 ** (self.bin_width_s / HALF_LIFE_S)
        run(y, Memory(**self.memory), Plan(self.WEIGHT, self.LIMIT, decay), out)
