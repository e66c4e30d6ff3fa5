"""Gnip's Poisson model, cycle-corrected: how far a count lies from the mean of the same hour on other days.

Hendrickson, Kolb, Lehman and Montague (2015), "Trend detection in social data", Gnip/Twitter white paper, sections
"Point-by-point" and "Cycle-corrected Poisson model", and the published configuration (alpha = .99, periods of an
hour). With the mean nu of the same hour on previous days and the Poisson interval around it::

    eta = (count - nu) / (q(1 - (1 - alpha)/2; nu) - q((1 - alpha)/2; nu))      trending where eta >= theta

q being the quantile function of the Poisson distribution of mean nu, as in their published software; the paper names
no theta, and 1 is where its text begins to call a count atypical. Score: eta.

Adapted: the count is that of the latest 20 min (or one bin, if longer), because the paper's bins of hours would cost
an hour and those of minutes its precision; nu is scaled by the share of them that was observed. Days are the latest 28
instead of all. Until the hour has been seen on another day there is no score. The interval is at least one report
wide: where nu is 0, their software gives no verdict at all. ``expected`` is nu per bin.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from detectors.baselines.jit import compiled
from detectors.spikes.peers.base import UNIT_S, Clock, Out, Peer
from detectors.spikes.peers.tails import quantiles

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detectors.spikes.peers.base import Floats

HOUR_S, HOURS, DAYS = 3600, 24, 28
ALPHA, THETA = 0.99, 1.0


class Memory(NamedTuple):
    """Sums and observed bins of hours (series, 28, 24, 2); the same without today (series, 24, 2); the latest bins
    (series, bins), NaN = not observed."""  # noqa: D205, D209 - one sentence

    hours: Floats
    usual: Floats
    ring: Floats


@compiled
def begin_day(hours: Floats, usual: Floats, row: int) -> None:
    """Sum up the days before, then make room for the day that begins."""
    hours[row] = 0.0
    for h in range(HOURS):
        for k in range(2):
            total = 0.0
            for d in range(DAYS):
                total += hours[d, h, k]
            usual[h, k] = total


@compiled
def run(y: Floats, memory: Memory, clock: Clock, now: int, wanted: tuple[Floats, Floats]) -> None:
    """Take bins of all series; fill the counts of the windows and the means nu of as many bins as they hold."""
    counts, means = wanted
    size = memory.ring.shape[1]
    for i in range(y.shape[0]):
        hours, usual, ring = memory.hours[i], memory.usual[i], memory.ring[i]
        for b in range(y.shape[1]):
            row, hour = clock.day[b] % DAYS, clock.slot[b]
            if clock.is_new_day[b]:
                begin_day(hours, usual, row)
            value = y[i, b]
            ring[(now + b) % size] = value
            if not math.isnan(value):
                hours[row, hour, 0] += value
                hours[row, hour, 1] += 1.0
            if usual[hour, 1] == 0.0:
                continue
            total, seen = 0.0, 0.0
            for k in range(size):
                if not math.isnan(ring[k]):
                    total += ring[k]
                    seen += 1.0
            counts[i, b] = total
            means[i, b, 0] = usual[hour, 0] / usual[hour, 1]
            means[i, b, 1] = seen


class GnipPoisson(Peer):
    """The cycle-corrected Poisson model."""

    VERSION: ClassVar[str] = "gnip-poisson-1"

    def _remember(self) -> dict[str, NDArray[Any]]:
        n = self.n_series
        ring = np.full((n, self.bins(UNIT_S)), np.nan)
        return {"hours": np.zeros((n, DAYS, HOURS, 2)), "usual": np.zeros((n, HOURS, 2)), "ring": ring}

    def _score(self, y: Floats, out: Out) -> None:
        counts, means = np.full(y.shape, np.nan), np.full((*y.shape, 2), np.nan)
        run(y, Memory(**self.memory), self.clock(y.shape[1], HOUR_S), self.n_bins, (counts, means))
        out.expected[...] = means[..., 0]
        out.dispersion[...] = 0.0
        out.window[...] = self.memory["ring"].shape[1]
        out.score[...] = eta(counts, means[..., 0] * means[..., 1]) / THETA


def eta(counts: Floats, nu: Floats) -> Floats:
    """Return by how many Poisson intervals counts exceed their means; shapes (series, bins), NaN gives NaN.

    Examples
    --------
    The central 99 % of Poisson counts of mean 10 are 3 to 19:

    >>> eta(np.array([[42.0, 10.0]]), np.array([[10.0, 10.0]]))
    array([[2., 0.]])
    """
    low, high, none = np.empty(nu.shape), np.empty(nu.shape), np.zeros(nu.shape)
    quantiles(nu, none, 0.5 + ALPHA / 2, low)
    quantiles(nu, none, 0.5 - ALPHA / 2, high)
    return np.asarray((counts - nu) / np.maximum(high - low, 1.0))
