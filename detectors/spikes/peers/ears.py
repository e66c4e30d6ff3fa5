"""EARS C1, C2 and C3, the early-aberration rules of the CDC.

Hutwagner, Thompson, Seeman and Treadwell (2003), "The bioterrorism preparedness and response Early Aberration
Reporting System (EARS)", Journal of Urban Health 80:i89-i96; formulas as in Fricker, Hegler and Dunfee (2008),
"Comparing syndromic surveillance detection methods: EARS' versus a CUSUM-based methodology", Statistics in Medicine
27:3407-3429, section 2, which are also those of ``earsC`` in R's ``surveillance``::

    C1(t) = (y(t) - mean(t-7 .. t-1)) / sd(t-7 .. t-1)              alarm above 3
    C2(t) = (y(t) - mean(t-9 .. t-3)) / sd(t-9 .. t-3)              alarm above 3
    C3(t) = sum of max(0, C2(i) - 1) over i = t-2 .. t              alarm above 2

with the sample standard deviation (n - 1). Score: C1/3, C2/3, C3/2.

Adapted: the paper's day is 20 min here (or one bin, if that is longer): the baseline is the *bins* of seven such
units, the guard band of C2 and C3 two of them; C3 adds up three consecutive bins. In 20-min bins these are the paper's
formulas with a bin for a day. Bins that were not observed are passed over: the baseline holds the latest observed
ones. The deviation is at least half a report (``minSigma`` of ``earsC``, whose default is 0).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from detectors.baselines.jit import compiled
from detectors.spikes.peers.base import MIN_DEVIATION, UNIT_S, Out, Peer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detectors.spikes.peers.base import Floats, Ints

BASELINE, GUARD = 7, 2
"""Units in the baseline, and between it and the bin that is judged."""

C_THRESHOLD, C3_THRESHOLD = 3.0, 2.0


class Memory(NamedTuple):
    """The latest observed counts (series, size), how many there were (series,), the two latest C2 (series, 2)."""

    ring: Floats
    taken: Ints
    before: Floats


class Plan(NamedTuple):
    """In bins: baseline and guard band; whether excesses of three bins are added up; the least deviation."""

    baseline: int
    guard: int
    is_sum: bool
    floor: float


@compiled
def moments(ring: Floats, last: int, n: int) -> tuple[float, float]:
    """Mean and sample variance of the ``n`` counts that end before number ``last``."""
    size = len(ring)
    total = 0.0
    for k in range(last - n, last):
        total += ring[k % size]
    mean = total / n
    squares = 0.0
    for k in range(last - n, last):
        squares += (ring[k % size] - mean) ** 2
    return mean, squares / (n - 1)


@compiled
def run(y: Floats, memory: Memory, plan: Plan, out: Out) -> None:
    """Take bins of all series."""
    size = memory.ring.shape[1]
    for i in range(y.shape[0]):
        ring, before = memory.ring[i], memory.before[i]
        for b in range(y.shape[1]):
            last = memory.taken[i] - plan.guard
            n = min(last, plan.baseline)
            known = n >= 2
            mean, variance = moments(ring, last, n) if known else (0.0, 0.0)
            if known:
                out.expected[i, b] = mean
                out.dispersion[i, b] = max(0.0, variance - mean) / (mean * mean) if mean > 0.0 else 0.0
            if math.isnan(y[i, b]):
                continue
            if known:
                c = (y[i, b] - mean) / max(math.sqrt(variance), plan.floor)
                excess = max(0.0, c - 1.0)
                out.score[i, b] = (before[0] + before[1] + excess) / C3_THRESHOLD if plan.is_sum else c / C_THRESHOLD
                before[0], before[1] = before[1], excess
            ring[memory.taken[i] % size] = y[i, b]
            memory.taken[i] += 1


class EarsC1(Peer):
    """EARS C1: the bin against the seven units before it."""

    VERSION: ClassVar[str] = "ears-c1-1"
    LAG: ClassVar[int] = 0
    IS_SUM: ClassVar[bool] = False
    FLOOR: ClassVar[float] = MIN_DEVIATION

    def _remember(self) -> dict[str, NDArray[Any]]:
        n, size = self.n_series, (BASELINE + self.LAG) * self.bins(UNIT_S)
        return {"ring": np.zeros((n, size)), "taken": np.zeros(n, np.int64), "before": np.zeros((n, 2))}

    def _score(self, y: Floats, out: Out) -> None:
        unit = self.bins(UNIT_S)
        run(y, Memory(**self.memory), Plan(BASELINE * unit, self.LAG * unit, self.IS_SUM, self.FLOOR), out)


class EarsC2(EarsC1):
    """EARS C2: as C1, with a guard band of two units, so that a slow rise does not hide itself."""

    VERSION = "ears-c2-1"
    LAG = GUARD


class EarsC3(EarsC2):
    """EARS C3: the excesses of C2 over 1 deviation, summed over three bins."""

    VERSION = "ears-c3-1"
    IS_SUM = True
