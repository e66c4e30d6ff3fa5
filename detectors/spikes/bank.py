"""Many series at once, stepped bin by bin or in blocks, with a state that can be saved at any moment.

Scores depend on the counts only: a series gives the same scores, to the last bit, alone or among others, in one block
or bin by bin, and after its state has been through JSON.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from detectors.baselines.profile import DAY_S, DAYS, Slots, refit
from detectors.errors import SeriesError
from detectors.model import MAX_BIN_WIDTH_S, MIN_BIN_WIDTH_S
from detectors.spikes import kernel
from detectors.spikes.midnight import Past, Place, pass_midnight, set_levels
from detectors.spikes.parameters import SLOW_HALF_LIFE_MIN, Parameters
from detectors.spikes.records import BIN, SERIES, Block
from detectors.spikes.state import pack, restoring, unpack

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

STATE_VERSION = "uproar-bank-5"


@dataclass(frozen=True, eq=False)
class Scores:
    """What the detector says of each bin; arrays of shape (series,) from a step, (series, bins) from a run.

    Attributes
    ----------
    expected
        The usual rate in reports per bin, forecast from earlier bins; NaN until the warm-up is over.
    dispersion
        phi of the variance ``mu + phi mu**2`` of one bin; NaN until the warm-up is over.
    watch, page
        1 = alarm at the default threshold, higher = stranger. NaN where the bin was not observed and until 12 hours
        of the series have been.
    watch_window, page_window
        Bins of the window that reached the score; it ends with this bin.
    is_frozen
        Whether a baseline incident was open: nothing was learnt.
    is_silent
        Whether the feed seems to be silent: a collector's fault, not a quiet hour. Nothing was learnt.
    """

    expected: NDArray[np.float64]
    dispersion: NDArray[np.float64]
    watch: NDArray[np.float64]
    page: NDArray[np.float64]
    watch_window: NDArray[np.int64]
    page_window: NDArray[np.int64]
    is_frozen: NDArray[np.bool_]
    is_silent: NDArray[np.bool_]

    def row(self, i: int) -> Scores:
        """Return one series' part."""
        return Scores(*(getattr(self, f.name)[i] for f in fields(self)))

    def column(self, b: int) -> Scores:
        """Return one bin of every series."""
        return Scores(*(getattr(self, f.name)[:, b] for f in fields(self)))


class Bank:
    """The detector, for many series with bins of the same width.

    Parameters
    ----------
    n_series
        How many series.
    bin_width_s
        Width of a bin in seconds, 1 to 3600.
    start_at
        Start of the first bin (aware).
    parameters
        The detector's numbers.

    Raises
    ------
    SeriesError
        If an argument is out of range or ``start_at`` is naive.

    Examples
    --------
    >>> bank = Bank(1, bin_width_s=1200, start_at=datetime(2026, 3, 2, tzinfo=UTC))
    >>> quiet = bank.run(np.full((1, 72), 4.0))
    >>> bool(np.isnan(quiet.page[0, 35])), float(quiet.page[0, 71])
    (True, 0.0)
    >>> bool(bank.step([90.0]).page[0] >= 1)
    True
    """

    def __init__(
        self, n_series: int, *, bin_width_s: int, start_at: datetime, parameters: Parameters | None = None
    ) -> None:
        if start_at.tzinfo is None:
            raise SeriesError(f"start_at must be aware, not {start_at!r}")
        if not MIN_BIN_WIDTH_S <= bin_width_s <= MAX_BIN_WIDTH_S:
            raise SeriesError(f"bin_width_s must be {MIN_BIN_WIDTH_S} to {MAX_BIN_WIDTH_S}, not {bin_width_s}")
        if n_series < 1:
            raise SeriesError(f"a bank needs at least one series, not {n_series}")
        self.n_series = n_series
        self.bin_width_s = bin_width_s
        self.start_at = start_at.astimezone(UTC)
        self.parameters = parameters or Parameters()
        self.n_bins = 0
        """Bins taken so far."""
        self._start_s = int(self.start_at.timestamp())
        self._slots = Slots(bin_width_s)
        self._plan = self.parameters.plan(bin_width_s)
        self._series = _new_series(n_series)
        self._rings = np.zeros((n_series, self.parameters.history_bins(bin_width_s), 3))
        shape = (n_series, DAYS, self._slots.per_day)
        self._counts = np.zeros(shape, np.float32)
        self._exposure = np.zeros(shape, np.float32)
        self._week = np.ones((n_series, 7, self._slots.per_day))

    @property
    def now(self) -> datetime:
        """Start of the bin that comes next (UTC)."""
        return self.start_at + timedelta(seconds=self.n_bins * self.bin_width_s)

    @property
    def n_observed(self) -> NDArray[np.int64]:
        """Shape (series,): how many bins were observed so far."""
        return np.array(self._series["n_observed"])

    def step(self, observed: ArrayLike, exposure: ArrayLike | None = None) -> Scores:
        """Take the next bin of every series; ``observed`` (and ``exposure``) of shape (series,). See :meth:`run`."""
        column = np.asarray(observed, dtype=np.float64)[:, np.newaxis]
        share = None if exposure is None else np.asarray(exposure, dtype=np.float64)[:, np.newaxis]
        return self.run(column, share).column(0)

    def run(self, observed: ArrayLike, exposure: ArrayLike | None = None) -> Scores:
        """Take the next bins of every series.

        Parameters
        ----------
        observed
            Shape (series, bins): reports; NaN = not observed.
        exposure
            Shape (series, bins), in [0, 1]: the share of the series' sources that was observed; 1 if left out.

        Raises
        ------
        SeriesError
            If the shapes do not fit, or a count is negative or infinite.
        """
        y = np.array(
            observed, dtype=np.float64, order="C"
        )  # a copy: the kernel would be compiled anew for a read-only one
        if y.ndim != 2 or len(y) != self.n_series:
            raise SeriesError(f"counts of shape ({self.n_series}, bins) wanted, not {y.shape}")
        if (y < 0).any() or np.isinf(y).any():
            raise SeriesError("a count below 0, or infinite")
        x = np.ones(y.shape) if exposure is None else _checked_exposure(exposure, y)
        out = np.zeros(y.shape, BIN)
        block, days = self._block(y, x)
        first_bin = self.n_bins
        for first, last in _runs(days):
            self._begin_day(int(days[first]))
            kernel.run(self._plan, (self._series, self._rings), (first, last, first_bin), block, out)
            self.n_bins += last - first
        return Scores(*(np.ascontiguousarray(out[f.name]) for f in fields(Scores)))

    def rescale(self, factor: ArrayLike) -> None:
        """Change what exposure 1 means, as if it had always meant ``factor`` times as much; shape (series,), above 0.

        For a source that is added to a series, or taken out of it: levels and profile go on in the new measure.

        Raises
        ------
        SeriesError
            If the shape does not fit, or a factor is not above 0.
        """
        by = np.asarray(factor, dtype=np.float64)
        if by.shape != (self.n_series,) or not ((by > 0) & np.isfinite(by)).all():
            raise SeriesError(f"{self.n_series} factors above 0 wanted, not {factor!r}")
        for name in ("level", "incident_level"):
            self._series[name] *= by
        for name in ("fast_x", "slow_x", "sum_x"):
            self._series[name] /= by
        self._rings[:, :, 1] /= by[:, np.newaxis]
        self._rings[:, :, 2] *= by[:, np.newaxis]
        self._counts *= by.astype(np.float32)[:, np.newaxis, np.newaxis]

    def _places(self, first: int, last: int) -> tuple[NDArray[np.int64], NDArray[np.int64], Place]:
        """Place bins in the week; return, of shape (bins,), days since 1970-01-01, second of the day, and where."""
        seconds = self._start_s + self.bin_width_s * np.arange(first, last, dtype=np.int64)
        days, second = np.divmod(seconds, DAY_S)
        width, per_day = self._slots.width_s, self._slots.per_day
        centre = (days % 7) * per_day + (second + 0.5 * self.bin_width_s) / width - 0.5
        below = np.floor(centre).astype(np.int64)
        return days, second, Place(below % (7 * per_day), (below + 1) % (7 * per_day), centre - below)

    def _block(self, y: NDArray[np.float64], x: NDArray[np.float64]) -> tuple[Block, NDArray[np.int64]]:
        """Return the next bins for the kernel and, of shape (bins,), days since 1970-01-01."""
        days, second, place = self._places(self.n_bins, self.n_bins + y.shape[1])
        block = Block(
            observed=y,
            exposure=x,
            below=place.below,
            above=place.above,
            share=place.share,
            row=days % DAYS,
            slot=second // self._slots.width_s,
            week=self._week.reshape(self.n_series, -1),
            counts=self._counts,
            seen=self._exposure,
        )
        return block, days

    def _begin_day(self, today: int) -> None:
        """Refit the profiles when a day begins, and carry over what was learnt with the old ones."""
        if self.n_bins == 0 or (self._start_s + (self.n_bins - 1) * self.bin_width_s) // DAY_S == today:
            return
        phi = np.ascontiguousarray(self._series["phi"][:, self._plan.profile_window])
        old = self._week.reshape(self.n_series, -1).copy()
        refit(self._counts, self._exposure, (today, self._slots.full_day), (phi, self._week))
        first = max(0, self.n_bins - self._rings.shape[1])
        slow_decay = 0.5 ** (self._slots.width_s / 60 / SLOW_HALF_LIFE_MIN)
        past = Past(first, self._places(first, self.n_bins)[2], today, float(self._plan.fast_decay), slow_decay)
        weeks = old, self._week.reshape(self.n_series, -1)
        pass_midnight((self._series, self._rings), self._exposure, past, weeks)
        set_levels(self._series)

    def _arrays(self) -> dict[str, NDArray[Any]]:
        """Return all that changes, by the name it has in a saved state."""
        names = SERIES.names or ()
        records = {name: self._series[name] for name in names}
        return {**records, "rings": self._rings, "counts": self._counts, "seen": self._exposure, "week": self._week}

    # --- state ---------------------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """Return everything that the future depends on, as JSON can carry it."""
        return {
            "version": STATE_VERSION,
            "n_series": self.n_series,
            "bin_width_s": self.bin_width_s,
            "start_at": self.start_at.isoformat(),
            "n_bins": self.n_bins,
            "parameters": {name: _plain(value) for name, value in asdict(self.parameters).items()},
            "arrays": {name: pack(array) for name, array in self._arrays().items()},
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Bank:
        """Return the bank that :meth:`state` was asked of.

        Raises
        ------
        StateError
            If the state is of another version, or damaged.
        """
        with restoring(state, STATE_VERSION):
            parameters = Parameters(**{name: _plain(v, tuple) for name, v in state["parameters"].items()})
            bank = cls(
                int(state["n_series"]),
                bin_width_s=int(state["bin_width_s"]),
                start_at=datetime.fromisoformat(state["start_at"]),
                parameters=parameters,
            )
            bank.n_bins = int(state["n_bins"])
            if bank.n_bins < 0:
                raise ValueError("bins below 0")
            for name, target in bank._arrays().items():
                target[...] = unpack(state["arrays"][name], target)
        return bank


def _plain(value: Any, sequence: type = list) -> Any:  # noqa: ANN401 - a parameter's value, whatever it is
    return sequence(value) if isinstance(value, list | tuple) else value


def _runs(days: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Split bins where the day changes: (first, last + 1) of each run."""
    if len(days) == 0:
        return []
    cuts = [0, *(np.flatnonzero(np.diff(days)) + 1).tolist(), len(days)]
    return list(pairwise(cuts))


def _checked_exposure(exposure: ArrayLike, like: NDArray[np.float64]) -> NDArray[np.float64]:
    x = np.array(exposure, dtype=np.float64, order="C")
    if x.shape != like.shape:
        raise SeriesError(f"exposure of shape {like.shape} wanted, not {x.shape}")
    if not ((x >= 0) & (x <= 1)).all():
        raise SeriesError("exposure is a share: 0 to 1")
    return x


def _new_series(n: int) -> NDArray[np.void]:
    series = np.zeros(n, SERIES)
    series["level"] = kernel.FIRST_LEVEL
    series["phi"] = 1.0 / kernel.WEIGHT
    series["theta"] = series["unrest"] = 1.0
    series["incident_from"] = series["silent_from"] = series["loud_for"] = -1
    return series
