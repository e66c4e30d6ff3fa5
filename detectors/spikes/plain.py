"""The plainest peer: a count of at least 20 that is at least ten times the median. What many a script does."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from detectors.errors import SeriesError
from detectors.model import MAX_BIN_WIDTH_S, MIN_BIN_WIDTH_S
from detectors.spikes.bank import Scores
from detectors.spikes.state import restoring

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike

PLAIN_STATE_VERSION = "plain-count-1"
MIN_COUNT, MIN_TIMES = 20.0, 10.0
MEMORY_S, WARM_UP_S = 7 * 86_400, 12 * 3600


class PlainCount:
    """Score of a bin: its count over the larger of 20 and 10 x the median of the observed bins of the last week.

    It knows one severity: watch and page are the same. Parameters and errors as for :class:`detectors.spikes.Bank`.
    """

    def __init__(self, n_series: int, *, bin_width_s: int, start_at: datetime) -> None:
        if start_at.tzinfo is None:
            raise SeriesError(f"start_at must be aware, not {start_at!r}")
        if not MIN_BIN_WIDTH_S <= bin_width_s <= MAX_BIN_WIDTH_S:
            raise SeriesError(f"bin_width_s must be {MIN_BIN_WIDTH_S} to {MAX_BIN_WIDTH_S}, not {bin_width_s}")
        self.bin_width_s = bin_width_s
        self.start_at = start_at.astimezone(UTC)
        self._memory: list[deque[float]] = [deque() for _ in range(n_series)]
        self._sorted: list[list[float]] = [[] for _ in range(n_series)]

    def step(self, observed: ArrayLike) -> Scores:
        """Take the next bin of every series, shape (series,)."""
        block = self.run(np.asarray(observed, dtype=np.float64)[:, np.newaxis])
        return block.column(0)

    def run(self, observed: ArrayLike) -> Scores:
        """Take the next bins of every series, shape (series, bins); SeriesError if they cannot be used."""
        y = np.asarray(observed, dtype=np.float64)
        if y.ndim != 2 or len(y) != len(self._memory):
            raise SeriesError(f"counts of shape ({len(self._memory)}, bins) wanted, not {y.shape}")
        if (y < 0).any() or np.isinf(y).any():
            raise SeriesError("a count below 0, or infinite")
        pairs = [[self._score(i, float(count)) for count in row] for i, row in enumerate(y)]
        values = np.array(pairs, dtype=np.float64).reshape((*y.shape, 2))
        score, median = values[..., 0], values[..., 1]
        one, no = np.ones(y.shape, np.int64), np.zeros(y.shape, np.bool_)
        nothing = np.where(np.isnan(median), np.nan, 0.0)
        return Scores(median, nothing, score, score.copy(), one, one.copy(), no, no.copy())

    def _score(self, i: int, count: float) -> tuple[float, float]:
        """Return the score of the next bin of one series, and the median before it."""
        memory, ordered = self._memory[i], self._sorted[i]
        n = len(ordered)
        median = 0.5 * (ordered[(n - 1) // 2] + ordered[n // 2]) if n * self.bin_width_s >= WARM_UP_S else np.nan
        if np.isnan(count):
            return np.nan, median
        score = np.nan if np.isnan(median) else count / max(MIN_COUNT, MIN_TIMES * median)
        memory.append(count)
        insort(ordered, count)
        if len(memory) * self.bin_width_s > MEMORY_S:
            del ordered[bisect_left(ordered, memory.popleft())]
        return score, median

    def state(self) -> dict[str, Any]:
        """Return everything that the future depends on, as JSON can carry it."""
        return {
            "version": PLAIN_STATE_VERSION,
            "bin_width_s": self.bin_width_s,
            "start_at": self.start_at.isoformat(),
            "memory": [list(memory) for memory in self._memory],
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> PlainCount:
        """Return the detector that :meth:`state` was asked of; StateError if it is damaged or of another version."""
        with restoring(state, PLAIN_STATE_VERSION):
            start_at = datetime.fromisoformat(state["start_at"])
            made = cls(len(state["memory"]), bin_width_s=int(state["bin_width_s"]), start_at=start_at)
            made._memory = [deque(float(v) for v in memory) for memory in state["memory"]]
        made._sorted = [sorted(memory) for memory in made._memory]
        return made
