"""Cells and observed time to a count series."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from detectors.counting.cells import SECOND_US, micros
from detectors.counting.spans import coverage, merge
from detectors.errors import SeriesError
from detectors.model import CountSeries

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from numpy.typing import NDArray

    from detectors.counting.cells import Cell
    from detectors.counting.spans import Stretch
    from detectors.model import SeriesKey

MIN_COVERAGE = 0.5
"""A bin of which less was observed is unknown. Above it the counts stay as counted, and ``coverage`` says how much
of the bin they stand for: the exposure that the detector reckons with."""


def build_series(
    key: SeriesKey, cells: Mapping[int, Cell], observed: Iterable[Stretch], start_at: datetime, end_at: datetime
) -> CountSeries:
    """Lay cells out on evenly spaced bins.

    A bin in observed time without a cell is 0; a bin of which less than :data:`MIN_COVERAGE` was observed is NaN,
    whatever was counted in it.

    Parameters
    ----------
    key
        What is counted; gives the width of the bins.
    cells
        Start of the bin (microseconds since 1970, UTC) to cell; those outside the range are left out.
    observed
        What of the time the source vouches for, in any order, overlapping or not.
    start_at, end_at
        First bin's start, and the end of the range (UTC); a bin that the end cuts is still in the series.

    Raises
    ------
    SeriesError
        A cell does not start where a bin starts, or the end lies before the start.
    """
    start_us, width_us = micros(start_at), key.bin_width_s * SECOND_US
    n_bins = -((start_us - micros(end_at)) // width_us)
    if n_bins < 0:
        raise SeriesError(f"{key.service}: the series ends before it starts")
    share = coverage(merge(observed), start_us, width_us, n_bins)
    voices, raw = _lay_out(key, cells, start_us, n_bins)
    unknown = share < MIN_COVERAGE
    voices[unknown] = raw[unknown] = np.nan
    return CountSeries(
        service=key.service,
        source=key.source,
        start_at=start_at,
        bin_width_s=key.bin_width_s,
        observed=voices,
        raw=raw,
        coverage=share,
    )


def _lay_out(
    key: SeriesKey, cells: Mapping[int, Cell], start_us: int, n_bins: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return (observed, raw) by bin, 0 where there is no cell; shape (n_bins,) each."""
    voices, raw = np.zeros(n_bins), np.zeros(n_bins)
    place, off_grid = np.divmod(np.fromiter(cells, np.int64, len(cells)) - start_us, key.bin_width_s * SECOND_US)
    if off_grid.any():
        raise SeriesError(f"{key.service}: a cell starts between two bins of {key.bin_width_s} s from the start")
    inside = (place >= 0) & (place < n_bins)
    voices[place[inside]] = np.fromiter((cell.observed for cell in cells.values()), float, len(cells))[inside]
    raw[place[inside]] = np.fromiter((cell.raw for cell in cells.values()), float, len(cells))[inside]
    return voices, raw
