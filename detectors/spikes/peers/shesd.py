"""S-H-ESD: a seasonal part taken off, then the generalised ESD test with median and MAD.

Vallis, Hochenbaum and Kejariwal (2014), "A novel technique for long-term anomaly detection in the cloud", HotCloud;
Hochenbaum, Vallis and Kejariwal (2017), "Automatic anomaly detection in the cloud via statistical learning", arXiv
1704.07706, sections 3 and 4. The test is Rosner's (1983), Technometrics 25:165-172, made robust. Of the n residuals in
the window the one farthest from the median goes first, then median and MAD are taken anew, and so on::

    R(i) = max |r - median| / (1.4826 MAD)
    lambda(i) = t (n - i) / sqrt((n - i - 1 + t**2)(n - i + 1)),
                t the quantile of Student's t with n - i - 1 degrees of freedom at 1 - a/(2 (n - i + 1)), a = .05

The largest i with R(i) > lambda(i) is the number of anomalies; at most a tenth of the window is looked at.

Adapted: they test a whole window at once; causal, the newest bin is tested as the next candidate after the anomalies
of the 14 days (their window) before it: ``R = (r - median) / (1.4826 MAD)`` of what is left, score ``R / lambda`` of
that step, upwards only. The seasonal part is, instead of a periodic STL fit, the median of each hour of the day (UTC),
and as in the paper the median takes the place of the trend. Every 6 hours the window is gone through again. It holds a
bin of every 10 min, or every bin if they are longer. The MAD, 0 where most counts are equal, counts for at least half
a report (their software finds no anomalies then). The software of the authors is GPL and was not used.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from detectors.baselines.jit import compiled
from detectors.spikes.peers.base import DAY_S, MIN_DEVIATION, WARM_UP_S, Clock, Out, Peer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detectors.spikes.peers.base import Floats, Ints

WINDOW_S, SAMPLE_S, REFIT_S = 14 * DAY_S, 600, 6 * 3600
HOURS, HOUR_S = 24, 3600
MAX_SHARE, ALPHA = 0.1, 0.05
MAD_SCALE = 1.4826


class Memory(NamedTuple):
    """The window.

    Attributes
    ----------
    ring, hour
        Shape (series, size): sampled counts (NaN = none) and the hour of the day they are from.
    fit
        Shape (series, 25): what is usual in each hour (median of the hour and of the residuals), and the residual at
        which the score is 1; NaN until there is a fit.
    """

    ring: Floats
    hour: Ints
    fit: Floats


@compiled
def normal_upper(p: float) -> float:
    """Return the z that a standard normal variable exceeds with probability ``p`` < .5 (Newton on the log tail)."""
    z = math.sqrt(-2.0 * math.log(p))
    for _ in range(20):
        tail = 0.5 * math.erfc(z / math.sqrt(2.0))
        step = (math.log(tail) - math.log(p)) * tail * math.sqrt(2.0 * math.pi) * math.exp(0.5 * z * z)
        z += step
        if abs(step) < 1e-10:
            break
    return z


@compiled
def student_upper(p: float, nu: float) -> float:
    """Return the upper quantile of Student's t (Abramowitz and Stegun 26.7.5)."""
    z = normal_upper(p)
    z2 = z * z
    t = z * (1.0 + (z2 + 1.0) / (4.0 * nu) + (5.0 * z2 * z2 + 16.0 * z2 + 3.0) / (96.0 * nu**2))
    t += z * (3.0 * z2**3 + 19.0 * z2 * z2 + 17.0 * z2 - 15.0) / (384.0 * nu**3)
    return t + z * (79.0 * z2**4 + 776.0 * z2**3 + 1482.0 * z2 * z2 - 1920.0 * z2 - 945.0) / (92160.0 * nu**4)


@compiled
def critical(n: int, i: int) -> float:
    """Return lambda(i) of n values."""
    left = n - i
    t = student_upper(ALPHA / (2.0 * (left + 1.0)), left - 1.0)
    return t * left / math.sqrt((left - 1.0 + t * t) * (left + 1.0))


@compiled
def middle(r: Floats, low: int, high: int) -> float:
    """Return the median of the sorted ``r[low:high]``."""
    return 0.5 * float(r[(low + high - 1) // 2] + r[(low + high) // 2])


@compiled
def nearest(r: Floats, low: int, high: int, k: int) -> float:
    """Return the distance to their median that ``k`` others (from 0) of the sorted ``r[low:high]`` do not exceed."""
    centre, m = middle(r, low, high), (low + high) // 2  # distances rise from m - 1 down, and from m up
    first, last = max(0, k + 1 - (high - m)), min(k + 1, m - low)
    while first < last:  # how many of the nearest k + 1 lie below m
        half = (first + last) // 2
        if centre - r[m - 1 - half] < r[m + k - half] - centre:
            first = half + 1
        else:
            last = half
    below = centre - r[m - first] if first > 0 else 0.0
    above = r[m + k - first] - centre if first <= k else 0.0
    return max(below, above)


@compiled
def mad(r: Floats, low: int, high: int) -> float:
    """Return the median distance of the sorted ``r[low:high]`` from their median."""
    n = high - low
    return 0.5 * (nearest(r, low, high, (n - 1) // 2) + nearest(r, low, high, n // 2))


@compiled
def esd(r: Floats) -> tuple[float, float, int]:
    """Return median, scaled MAD and how many are anomalies, of what the test leaves of the sorted residuals."""
    n = len(r)
    low, high = 0, n
    found = (middle(r, 0, n), max(MAD_SCALE * mad(r, 0, n), MIN_DEVIATION), 0)
    for i in range(1, int(MAX_SHARE * n) + 1):
        centre = middle(r, low, high)
        scale = max(MAD_SCALE * mad(r, low, high), MIN_DEVIATION)
        above, below = r[high - 1] - centre, centre - r[low]
        is_anomaly = max(above, below) / scale > critical(n, i)
        low, high = (low, high - 1) if above >= below else (low + 1, high)
        if is_anomaly:
            found = (middle(r, low, high), max(MAD_SCALE * mad(r, low, high), MIN_DEVIATION), i)
    return found


@compiled
def refit(ring: Floats, hour: Ints, fit: Floats) -> None:
    """Go through the window again."""
    is_there = ~np.isnan(ring)
    values, hours = ring[is_there], hour[is_there]
    usual = np.full(HOURS, np.median(values))
    for h in range(HOURS):
        of_hour = values[hours == h]
        if len(of_hour):
            usual[h] = np.median(of_hour)
    residuals = np.sort(values - usual[hours])
    centre, scale, anomalies = esd(residuals)
    fit[:HOURS] = usual + centre
    fit[HOURS] = scale * critical(len(residuals) + 1, anomalies + 1)


@compiled
def run(y: Floats, memory: Memory, clock: tuple[Ints, Ints], plan: tuple[int, int, int], out: Out) -> None:
    """Take bins of all series; plan: number of the first bin, a bin of how many is kept, values before any fit."""
    now, every, enough = plan
    hours, is_due = clock
    size = memory.ring.shape[1]
    for i in range(y.shape[0]):
        ring, hour, fit = memory.ring[i], memory.hour[i], memory.fit[i]
        for b in range(y.shape[1]):
            is_first = math.isnan(fit[HOURS]) and (now + b) % every == 0
            if (is_due[b] or is_first) and np.sum(~np.isnan(ring)) >= enough:
                refit(ring, hour, fit)
            out.expected[i, b] = fit[hours[b]]
            out.dispersion[i, b] = 0.0
            out.score[i, b] = (y[i, b] - fit[hours[b]]) / fit[HOURS]
            if (now + b) % every == 0:
                k = (now + b) // every % size
                ring[k], hour[k] = y[i, b], hours[b]


class Shesd(Peer):
    """The seasonal hybrid ESD test over the last 14 days."""

    VERSION: ClassVar[str] = "s-h-esd-1"

    @property
    def _every(self) -> int:
        return max(1, SAMPLE_S // self.bin_width_s)

    def _remember(self) -> dict[str, NDArray[Any]]:
        n, size = self.n_series, -(-WINDOW_S // (self._every * self.bin_width_s))
        ring = np.full((n, size), np.nan)
        return {"ring": ring, "hour": np.zeros((n, size), np.int64), "fit": np.full((n, HOURS + 1), np.nan)}

    def _score(self, y: Floats, out: Out) -> None:
        clock: Clock = self.clock(y.shape[1], HOUR_S)
        is_due = self.clock(y.shape[1], REFIT_S).is_new_slot.astype(np.int64)
        enough = max(2, WARM_UP_S // (self._every * self.bin_width_s))
        run(y, Memory(**self.memory), (clock.slot, is_due), (self.n_bins, self._every, enough), out)
