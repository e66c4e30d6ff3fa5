"""What is given, checked: counts and what was usual, as arrays in one order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from detectors.errors import InputError, SeriesError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Dispersion = float | pd.Series[float] | pd.DataFrame

LONE_BIN = pd.Timedelta(minutes=1)
"""Width of a bin of which there is only one, where the index does not say."""


@dataclass(frozen=True, eq=False)
class Frames:
    """Counts by region and bin; regions in the order of their codes, so that the order of columns changes nothing.

    Attributes
    ----------
    codes
        The regions.
    observed, expected
        Shape (regions, bins); both are 0 where ``seen`` is False.
    dispersion
        Shape (regions, bins): phi of the variance ``mu + phi mu**2``.
    seen
        Shape (regions, bins): whether there was something to see, and something to compare it with.
    start
        Start of the first bin (UTC).
    width
        Width of a bin.
    """

    codes: tuple[str, ...]
    observed: Floats
    expected: Floats
    dispersion: Floats
    seen: NDArray[np.bool_]
    start: pd.Timestamp
    width: pd.Timedelta

    @property
    def bins(self) -> int:
        """How many bins there are."""
        return int(self.observed.shape[1])

    def at(self, position: float) -> pd.Timestamp:
        """Return the instant ``position`` bins after the start."""
        return self.start + pd.Timedelta(round(position * self.width.value), unit="ns").floor("us")


def check(observed: pd.DataFrame, expected: pd.DataFrame, dispersion: Dispersion) -> Frames:
    """Return both tables as arrays.

    Parameters
    ----------
    observed, expected
        Rows: evenly spaced bins (aware times). Columns: regions. NaN = not observed, or not known.
    dispersion
        A number, one for each region, or a table like ``expected``.

    Raises
    ------
    SeriesError
        If the tables do not fit together, or their rows are not evenly spaced aware times.
    InputError
        If a value is below 0, infinite or no number.
    """
    for name, frame in (("observed", observed), ("expected", expected)):
        if not isinstance(frame, pd.DataFrame):
            raise SeriesError(f"{name} must be a DataFrame (rows: bins, columns: regions), not {type(frame).__name__}")
        if not frame.columns.is_unique:
            twice = min(map(str, frame.columns[frame.columns.duplicated()]))
            raise SeriesError(f"{name} has the region {twice!r} twice")
    times, width = _times(observed.index, "observed")
    if len(expected) != len(observed) or not _times(expected.index, "expected")[0].equals(times):
        raise SeriesError("observed and expected must have the same bins")
    if set(observed.columns) != set(expected.columns):
        odd = min(map(str, set(observed.columns) ^ set(expected.columns)))
        raise SeriesError(f"observed and expected must have the same regions; only one has {odd!r}")
    order = sorted(observed.columns, key=str)
    y, mu = (_numbers(frame[order], name) for name, frame in (("observed", observed), ("expected", expected)))
    phi = _dispersion(dispersion, expected, order)
    seen = np.isfinite(y) & np.isfinite(mu)
    y, mu = np.where(seen, y, 0.0), np.where(seen, mu, 0.0)
    return Frames(tuple(map(str, order)), y, mu, phi, seen, times[0], width)


def _times(index: pd.Index, name: str) -> tuple[pd.DatetimeIndex, pd.Timedelta]:
    """Return the starts of the bins in UTC, and their width."""
    if not isinstance(index, pd.DatetimeIndex) or index.tz is None:
        raise SeriesError(f"the rows of {name} must be aware times (UTC), not {getattr(index, 'dtype', type(index))}")
    if not len(index):
        raise SeriesError(f"{name} has no rows: there is no time to look at")
    times = index.tz_convert("UTC").as_unit("ns")
    if times.hasnans:
        raise SeriesError(f"the rows of {name} hold a time that is none (NaT)")
    if len(times) == 1:
        freq = getattr(index, "freq", None)
        width = pd.Timedelta(freq) if isinstance(freq, pd.tseries.offsets.Tick) else LONE_BIN
        return times, width
    steps = np.diff(times.asi8)
    if steps[0] <= 0 or (steps != steps[0]).any():
        raise SeriesError(f"the rows of {name} must be ascending and evenly spaced; reindex them, with NaN for gaps")
    return times, pd.Timedelta(int(steps[0]), unit="ns")


def _numbers(frame: pd.DataFrame, name: str) -> Floats:
    """Return a table as an array of shape (columns, rows)."""
    try:
        values = frame.to_numpy(dtype=float, na_value=np.nan).T
    except (TypeError, ValueError):
        raise InputError(f"{name} holds something that is not a number") from None
    if np.isinf(values).any() or (values < 0).any():
        row = int(np.flatnonzero((np.isinf(values) | (values < 0)).any(axis=1))[0])
        raise InputError(f"{name} of {frame.columns[row]!s} is below 0 or infinite somewhere; unknown is NaN")
    return np.ascontiguousarray(values)


def _dispersion(given: Dispersion, expected: pd.DataFrame, order: list[str]) -> Floats:
    """Return phi for each region and bin; the median of the others where it is not known."""
    shape = (len(order), len(expected))
    if isinstance(given, pd.DataFrame):
        if not set(order) <= set(given.columns) or len(given) != len(expected):
            raise SeriesError("dispersion must have the bins and regions of expected")
        phi = _numbers(given[order], "dispersion")
    elif isinstance(given, pd.Series):
        if not set(order) <= set(given.index):
            odd = min(map(str, set(order) - set(given.index)))
            raise SeriesError(f"dispersion has nothing for {odd!r}")
        phi = np.broadcast_to(_numbers(given[order].to_frame().T, "dispersion"), shape)
    else:
        phi = np.full(shape, float(given))
        if phi.size and not (np.isfinite(given) and given >= 0):
            raise InputError(f"dispersion must be 0 or more, not {given}")
    known = phi[np.isfinite(phi)]
    return np.where(np.isfinite(phi), phi, np.median(known) if known.size else 0.0)
