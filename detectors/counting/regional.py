"""Counts of one service region by region: sparse, because most regions are silent in most bins."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from detectors.errors import SeriesError
from detectors.model import MAX_BIN_WIDTH_S, MIN_BIN_WIDTH_S, CountSeries

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from numpy.typing import NDArray


class Sparse(NamedTuple):
    """What one region brought: numbers of the bins that are not empty (int64, ascending), and the voices in them."""

    bins: NDArray[np.int64]
    voices: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class RegionCounts:
    """Located reports of one service in evenly spaced bins.

    A report counts in the regions of every level that it is known to be from (country, subdivision, metro area, ZIP
    area), so that levels overlap; over one level its weights sum to at most 1.

    Attributes
    ----------
    service, source
        What is counted, and where it was seen.
    start_at
        Start of bin 0 (UTC).
    bin_width_s
        Width of a bin in seconds, 1 to 3600.
    regions
        Code -> its bins and voices. A region that is not named brought nothing. ``""`` (not located) is left alone.
    coverage
        Shape (bins,): share of each bin that was observed, 0 to 1.

    Raises
    ------
    SeriesError
        If a region's bins do not ascend or lie outside, or a count is not above 0.
    """

    service: str
    source: str
    start_at: datetime
    bin_width_s: int
    regions: Mapping[str, Sparse]
    coverage: NDArray[np.float64]

    def __post_init__(self) -> None:
        if self.start_at.utcoffset() != timedelta(0):
            raise SeriesError(f"{self.service}: start_at must be aware and UTC, not {self.start_at!r}")
        if not MIN_BIN_WIDTH_S <= self.bin_width_s <= MAX_BIN_WIDTH_S:
            raise SeriesError(f"{self.service}: bin_width_s must be 1 to 3600, not {self.bin_width_s}")
        for code, (bins, voices) in self.regions.items():
            if len(bins) != len(voices):
                raise SeriesError(f"{self.service} {code}: {len(bins)} bins, but {len(voices)} counts")
            if len(bins) and (bins[0] < 0 or bins[-1] >= len(self) or (np.diff(bins) <= 0).any()):
                raise SeriesError(f"{self.service} {code}: bins must ascend from 0 to {len(self) - 1}")
            if not (np.isfinite(voices).all() and (voices > 0).all()):
                raise SeriesError(f"{self.service} {code}: a count that is not above 0")

    def __len__(self) -> int:
        return len(self.coverage)

    @property
    def end_at(self) -> datetime:
        """End of the last bin (UTC)."""
        return self.start_at + timedelta(seconds=self.bin_width_s * len(self))

    def of(self, code: str) -> NDArray[np.float64]:
        """Return the voices of one region, shape (bins,): NaN where nothing was observed, else 0 where it is silent."""
        counts = np.where(self.coverage > 0, 0.0, np.nan)
        found = self.regions.get(code)
        if found is not None:
            counts[found.bins] = found.voices
        return counts

    def series(self, code: str) -> CountSeries:
        """Return one region as a series of its own; its ``raw`` is what is observed."""
        observed = self.of(code)
        return CountSeries(
            self.service, self.source, self.start_at, self.bin_width_s, observed, observed, self.coverage
        )

    def cut(self, start: int, stop: int) -> RegionCounts:
        """Return bins ``start`` to ``stop`` (left out)."""
        regions = {}
        for code, (bins, voices) in self.regions.items():
            first, last = np.searchsorted(bins, (start, stop))
            if first < last:
                regions[code] = Sparse(bins[first:last] - start, voices[first:last])
        start_at = self.start_at + timedelta(seconds=start * self.bin_width_s)
        return RegionCounts(self.service, self.source, start_at, self.bin_width_s, regions, self.coverage[start:stop])


def sum_regions(reports: Iterable[tuple[int, str, float]]) -> dict[str, Sparse]:
    """Sum reports by region and bin.

    Parameters
    ----------
    reports
        Number of the bin, region, weight; in any order. Weights of 0 or less are left out.

    Examples
    --------
    >>> sum_regions([(3, "US", 1.0), (1, "US", 0.5), (3, "US", 1.0)])["US"].voices.tolist()
    [0.5, 2.0]
    """
    cells: dict[str, dict[int, float]] = {}
    for number, code, weight in reports:
        if weight > 0:
            region = cells.setdefault(code, {})
            region[number] = region.get(number, 0.0) + weight
    return {
        code: Sparse(np.array(sorted(found), np.int64), np.array([found[b] for b in sorted(found)]))
        for code, found in sorted(cells.items())
    }
