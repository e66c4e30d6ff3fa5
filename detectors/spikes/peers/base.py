"""What every peer needs: checks, the clock, the warm-up and a state that can be saved."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self

import numpy as np

from detectors.errors import SeriesError
from detectors.model import MAX_BIN_WIDTH_S, MIN_BIN_WIDTH_S
from detectors.spikes.bank import Bank, Scores
from detectors.spikes.state import pack, restoring, unpack

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

DAY_S = 86_400
WARM_UP_S = 12 * 3600
"""Observed time before anything is said."""

UNIT_S = 1200
"""What stands for the one "time unit" of papers that count days, where bins are shorter: 20 min, or one bin."""

MIN_DEVIATION = 0.5
"""Half a report: the least standard deviation that is believed. Sparse series have many spans without any report,
and a deviation of 0 would make an alarm of every report after one."""


class Out(NamedTuple):
    """What a kernel fills; each of shape (series, bins). NaN in what a method cannot tell."""

    expected: Floats
    dispersion: Floats
    score: Floats
    window: Ints


class Clock(NamedTuple):
    """Where bins lie, shape (bins,): day since 1970-01-01, slot of the day (UTC), and whether either is new."""

    day: Ints
    slot: Ints
    is_new_day: NDArray[np.bool_]
    is_new_slot: NDArray[np.bool_]


class Peer:
    """A published detector of many series. Parameters and errors as for :class:`detectors.spikes.Bank`.

    A method gives :meth:`_remember` and :meth:`_score`; all it remembers is in ``memory``, arrays whose size does not
    grow with time.
    """

    VERSION: ClassVar[str]

    def __init__(self, n_series: int, *, bin_width_s: int, start_at: datetime) -> None:
        if start_at.tzinfo is None:
            raise SeriesError(f"start_at must be aware, not {start_at!r}")
        if not MIN_BIN_WIDTH_S <= bin_width_s <= MAX_BIN_WIDTH_S:
            raise SeriesError(f"bin_width_s must be {MIN_BIN_WIDTH_S} to {MAX_BIN_WIDTH_S}, not {bin_width_s}")
        if n_series < 1:
            raise SeriesError(f"a detector needs at least one series, not {n_series}")
        self.n_series = n_series
        self.bin_width_s = bin_width_s
        self.start_at = start_at.astimezone(UTC)
        self.n_bins = 0
        """Bins taken so far."""
        self.n_observed = np.zeros(n_series, np.int64)
        self.memory = self._remember()

    def _remember(self) -> dict[str, NDArray[Any]]:
        """Return new arrays for what the method remembers of its series."""
        raise NotImplementedError

    def _score(self, y: Floats, out: Out) -> None:
        """Take the next bins, shape (series, bins), and fill ``out``."""
        raise NotImplementedError

    def step(self, observed: ArrayLike) -> Scores:
        """Take the next bin of every series, shape (series,)."""
        return self.run(np.asarray(observed, dtype=np.float64)[:, np.newaxis]).column(0)

    def run(self, observed: ArrayLike) -> Scores:
        """Take the next bins of every series, shape (series, bins); SeriesError if they cannot be used."""
        y = np.array(observed, dtype=np.float64, order="C")  # a copy: see Bank.run
        if y.ndim != 2 or len(y) != self.n_series:
            raise SeriesError(f"counts of shape ({self.n_series}, bins) wanted, not {y.shape}")
        if (y < 0).any() or np.isinf(y).any():
            raise SeriesError("a count below 0, or infinite")
        expected, dispersion, score = np.full((3, *y.shape), np.nan)
        out = Out(expected, dispersion, score, np.ones(y.shape, np.int64))
        self._score(y, out)
        self._hold_back(y, out)
        self.n_bins += y.shape[1]
        score, nothing = np.maximum(out.score, 0.0), np.zeros(y.shape, np.bool_)
        return Scores(
            expected=out.expected,
            dispersion=out.dispersion,
            watch=score,
            page=score.copy(),
            watch_window=out.window,
            page_window=out.window.copy(),
            is_frozen=nothing,
            is_silent=nothing.copy(),
        )

    def _hold_back(self, y: Floats, out: Out) -> None:
        """Say nothing of bins that were not observed, nor before 12 observed hours."""
        is_seen = ~np.isnan(y)
        before = self.n_observed[:, np.newaxis] + np.cumsum(is_seen, axis=1) - is_seen
        is_known = before * self.bin_width_s >= WARM_UP_S
        out.expected[~is_known] = np.nan
        out.dispersion[np.isnan(out.expected)] = np.nan
        out.score[~(is_known & is_seen)] = np.nan
        self.n_observed += is_seen.sum(axis=1)

    def bins(self, seconds: float) -> int:
        """Return a span in bins, at least one."""
        return max(1, int(seconds / self.bin_width_s + 0.5))

    def clock(self, n_bins: int, slot_s: int) -> Clock:
        """Return where the next bins lie, in slots of ``slot_s`` seconds."""
        first = int(self.start_at.timestamp()) + self.bin_width_s * (self.n_bins - 1)
        day, second = np.divmod(first + self.bin_width_s * np.arange(n_bins + 1, dtype=np.int64), DAY_S)
        slot = second // slot_s
        is_new_day = day[1:] != day[:-1]
        is_new_slot = is_new_day | (slot[1:] != slot[:-1])
        if self.n_bins == 0 and n_bins:
            is_new_day[0] = is_new_slot[0] = True
        return Clock(day[1:].copy(), slot[1:].copy(), is_new_day, is_new_slot)

    # --- state ---------------------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """Return everything that the future depends on, as JSON can carry it."""
        return {
            "version": self.VERSION,
            "n_series": self.n_series,
            "bin_width_s": self.bin_width_s,
            "start_at": self.start_at.isoformat(),
            "n_bins": self.n_bins,
            "n_observed": pack(self.n_observed),
            "memory": {name: pack(array) for name, array in self.memory.items()},
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """Return the detector that :meth:`state` was asked of; StateError if it is damaged or of another version."""
        with restoring(state, cls.VERSION):
            start_at = datetime.fromisoformat(state["start_at"])
            made = cls(int(state["n_series"]), bin_width_s=int(state["bin_width_s"]), start_at=start_at)
            made._restore(state)
        return made

    def _restore(self, state: Mapping[str, Any]) -> None:
        self.n_bins = int(state["n_bins"])
        self.n_observed[...] = unpack(state["n_observed"], self.n_observed)
        for name, target in self.memory.items():
            target[...] = unpack(state["memory"][name], target)


class BankPeer(Peer):
    """A peer that takes the usual rate as known, and gets it from our own bank: so that only the tests differ."""

    def __init__(self, n_series: int, *, bin_width_s: int, start_at: datetime) -> None:
        super().__init__(n_series, bin_width_s=bin_width_s, start_at=start_at)
        self.bank = Bank(n_series, bin_width_s=bin_width_s, start_at=start_at)

    def _score(self, y: Floats, out: Out) -> None:
        usual = self.bank.run(y)
        out.expected[...] = usual.expected
        out.dispersion[...] = usual.dispersion
        self._test(y, out)

    def _test(self, y: Floats, out: Out) -> None:
        """Fill the scores, given the usual rate and its dispersion in ``out`` (NaN while they are not known)."""
        raise NotImplementedError

    def state(self) -> dict[str, Any]:
        """Return everything that the future depends on, as JSON can carry it."""
        return {**super().state(), "bank": self.bank.state()}

    def _restore(self, state: Mapping[str, Any]) -> None:
        super()._restore(state)
        self.bank = Bank.from_state(state["bank"])
