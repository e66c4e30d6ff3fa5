"""A seasonal negative-binomial tail with persistence: two of three bins that are each too high.

Common practice where counts are overdispersed, for instance Hoehle and Paul (2008), "Count data regression charts for
the monitoring of surveillance time series", Computational Statistics & Data Analysis 52:4357-4368 (negative binomial
with a seasonal mean), used as a Shewhart chart with a runs rule ("2 of 3", Western Electric 1956). With the usual rate
mu and dispersion phi of each bin::

    p(t) = P(Y >= y(t)),  Y negative-binomial with mean mu(t) and variance mu + phi mu**2
    alarm where p <= alpha = .001 in at least 2 of the latest 3 observed bins

Score: the second largest of the three ``log p / log alpha``.

Adapted: the seasonal mean is that of our own bank, so that only the test differs from ours.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from detectors.baselines.jit import compiled
from detectors.spikes.peers.base import BankPeer, Out
from detectors.spikes.peers.tails import log_tails

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detectors.spikes.peers.base import Floats

ALPHA = 0.001
BINS = 3
"""Of so many bins, two."""
MIN_RATE = 1e-9


@compiled
def persist(tails: Floats, before: Floats, score: Floats) -> None:
    """Fill the second largest of three in a row; ``before``, shape (series, 2), holds the two before the next."""
    for i in range(tails.shape[0]):
        for b in range(tails.shape[1]):
            value = tails[i, b]
            if math.isnan(value):
                continue
            first, second = before[i, 0], before[i, 1]
            score[i, b] = max(min(first, second), min(max(first, second), value))
            before[i, 0], before[i, 1] = second, value


class NegBinTail(BankPeer):
    """The tail of a seasonal negative binomial, in two of three bins."""

    VERSION: ClassVar[str] = "nb-tail-1"

    def _remember(self) -> dict[str, NDArray[Any]]:
        return {"before": np.zeros((self.n_series, 2))}

    def _test(self, y: Floats, out: Out) -> None:
        tails = np.empty(y.shape)
        log_tails(y, np.maximum(out.expected, MIN_RATE), out.dispersion, tails)
        persist(tails / math.log(ALPHA), self.memory["before"], out.score)
        out.window[...] = BINS
