"""Counts in bins of time, and what is usual in them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from msgspec import Struct

from detectors.errors import SeriesError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

MIN_BIN_WIDTH_S, MAX_BIN_WIDTH_S = 1, 3600


@dataclass(frozen=True, eq=False)
class CountSeries:
    """Counts of one service from one source, in evenly spaced bins.

    Attributes
    ----------
    service, source
        What is counted, and where it was seen.
    start_at
        Start of the first bin (UTC).
    bin_width_s
        Width of a bin in seconds, 1 to 3600.
    observed
        Shape (bins,): independent voices, that is distinct authors of original reports, each with the weight of
        their best report. NaN where the bin was not observed, never 0.
    raw
        Shape (bins,): every report, reposts too. NaN where the bin was not observed.
    coverage
        Shape (bins,): share of the bin that was observed, 0 to 1.
    """

    service: str
    source: str
    start_at: datetime
    bin_width_s: int
    observed: NDArray[np.float64]
    raw: NDArray[np.float64]
    coverage: NDArray[np.float64]

    def __post_init__(self) -> None:
        if self.start_at.utcoffset() != timedelta(0):
            raise SeriesError(f"{self.service}: start_at must be aware and UTC, not {self.start_at!r}")
        if not MIN_BIN_WIDTH_S <= self.bin_width_s <= MAX_BIN_WIDTH_S:
            raise SeriesError(f"{self.service}: bin_width_s must be 1 to 3600, not {self.bin_width_s}")
        if not self.observed.shape == self.raw.shape == self.coverage.shape:
            raise SeriesError(f"{self.service}: observed, raw and coverage differ in length")
        if (self.observed < 0).any():
            raise SeriesError(f"{self.service}: a count below 0")

    def __len__(self) -> int:
        return len(self.observed)

    @property
    def end_at(self) -> datetime:
        """End of the last bin (UTC)."""
        return self.start_at + timedelta(seconds=self.bin_width_s * len(self))

    def to_frame(self) -> pd.DataFrame:
        """Return the bins as a frame with a UTC index: ``observed, raw, coverage``."""
        import pandas as pd

        index = pd.date_range(self.start_at, periods=len(self), freq=f"{self.bin_width_s}s", name="bin_at")
        return pd.DataFrame({"observed": self.observed, "raw": self.raw, "coverage": self.coverage}, index=index)


class SeriesKey(Struct, frozen=True, order=True):
    """Which series: one service as one source sees it, in bins of ``bin_width_s`` seconds."""

    service: str
    source: str
    bin_width_s: int = 60


@dataclass(frozen=True, eq=False)
class Baseline:
    """What is usual: each array has shape (bins,), in reports per bin, NaN while it is not known.

    Attributes
    ----------
    expected
        The usual rate.
    dispersion
        phi of the variance ``mu + phi mu**2``, dimensionless.
    upper
        A bin above this is unusual by itself (99 % bound).
    """

    expected: NDArray[np.float64]
    dispersion: NDArray[np.float64]
    upper: NDArray[np.float64]
