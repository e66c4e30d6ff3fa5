"""What a chart shows: a window of the series in bins wide enough to draw, with the usual range.

Bins are joined on the clock (5 minutes begin at :00, :05, ...). A joined bin is unknown unless half of it was
observed; otherwise it is the mean of what was observed times its length, so that a missing minute is neither
drawn as a quiet one nor hides the others.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from flows.report.record import IncidentView

    Floats = NDArray[np.float64]

MAX_BINS = 200
"""So many bins a chart draws at most, give or take the two at its ends."""

_NICE_WIDTHS_S = (1, 5, 10, 15, 30, 60, 300, 600, 900, 1200, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
_LEAD, _DAY = timedelta(hours=3), timedelta(hours=24)
_MIN_BINS_BEFORE = 12
_RANGE = (0.01, 0.99)
_EXACT_BELOW = 500.0
_Z99 = 2.3263478740408408  # quantile of the standard normal distribution at 0.99


@dataclass(frozen=True, eq=False)
class Frame:
    """Bins ready to draw; arrays have shape (bins,), in voices per bin, NaN where unknown.

    Attributes
    ----------
    start_at, end_at
        What the chart's time axis covers (UTC); the first and last bin may reach beyond it.
    first_at
        Start of the first bin.
    bin_width_s
        Width of a bin in seconds.
    observed, expected
        Counted, and usual.
    lower, upper
        The range in which 98 % of usual bins lie.
    is_gap
        Shape (bins,): whether it is unknown because it was not observed, and not because it lies only partly within
        the window.
    unknown_share
        Share of the window that was not observed, 0 to 1.
    """

    start_at: datetime
    end_at: datetime
    first_at: datetime
    bin_width_s: int
    observed: Floats
    expected: Floats
    lower: Floats
    upper: Floats
    is_gap: NDArray[np.bool_]
    unknown_share: float

    @property
    def edges_s(self) -> Floats:
        """Shape (bins + 1,): the edges of the bins, seconds since 1970, cut at the window's ends."""
        edges = self.first_at.timestamp() + self.bin_width_s * np.arange(len(self.observed) + 1.0)
        return np.clip(edges, self.start_at.timestamp(), self.end_at.timestamp())

    @property
    def is_known(self) -> bool:
        """Whether any bin was observed."""
        return bool(np.isfinite(self.observed).any())


def detail_frame(view: IncidentView, max_bins: int = MAX_BINS) -> Frame:
    """Return the incident with the 3 hours before it and an hour or more after it."""
    start_at, end_at = _detail_window(view)
    return _cut(view, start_at, end_at, max_bins)


def day_frame(view: IncidentView, max_bins: int = 1 + 24 * 12) -> Frame:
    """Return the 24 hours that end where the detail ends; longer if the incident is."""
    start_at, end_at = _detail_window(view)
    span = max(_DAY, 1.25 * (end_at - start_at))
    return _cut(view, end_at - span, end_at, max_bins)


def _detail_window(view: IncidentView) -> tuple[datetime, datetime]:
    incident = view.incident
    width = timedelta(seconds=view.series.bin_width_s)
    lead = max(_LEAD, _MIN_BINS_BEFORE * width)
    start_at = min(incident.onset.low_at, incident.onset.at) - lead
    last_at = max(view.data_until, view.series.end_at)
    end_at = last_at
    if incident.ended is not None:
        over_at = max(incident.ended.high_at, incident.ended.at)
        end_at = min(last_at, over_at + max(lead / 3, (over_at - incident.onset.at) / 4))
    end_at = max(end_at, incident.alarmed_at)
    return start_at.astimezone(UTC), end_at.astimezone(UTC)


def _cut(view: IncidentView, start_at: datetime, end_at: datetime, max_bins: int) -> Frame:
    """Take the bins between two instants and join them into at most about ``max_bins``."""
    series = view.series
    width = series.bin_width_s
    joined = _joined_width(width, (end_at - start_at).total_seconds(), max_bins)
    offset = series.start_at.timestamp() % width  # 0, unless the bins are not on the clock
    first_s = math.floor((start_at.timestamp() - offset) / joined) * joined + offset
    n = max(1, math.ceil((end_at.timestamp() - first_s) / joined))
    shift = round((first_s - series.start_at.timestamp()) / width)
    each = joined // width
    take = shift + np.arange(n * each)
    is_inside = (take >= 0) & (take < len(series))

    def pick(values: Floats) -> Floats:
        out = np.full(n * each, np.nan)
        out[is_inside] = values[take[is_inside]]
        return out.reshape(n, each)

    observed = pick(series.observed)
    expected = _sum(pick(view.baseline.expected))
    phi = _mean(pick(view.baseline.dispersion))
    lower, upper = usual_range(expected, phi)
    if each == 1:
        upper = pick(view.baseline.upper)[:, 0]
    at = first_s + width * np.arange(n * each)
    is_shown = ((at >= start_at.timestamp()) & (at < end_at.timestamp())).reshape(n, each)
    is_missing = np.isnan(observed) & is_shown
    joint = _sum(observed)
    return Frame(
        start_at=start_at,
        end_at=end_at,
        first_at=datetime.fromtimestamp(first_s, UTC),
        bin_width_s=joined,
        observed=joint,
        expected=expected,
        lower=lower,
        upper=upper,
        is_gap=np.isnan(joint) & is_missing.any(axis=1),
        unknown_share=float(is_missing.sum() / max(is_shown.sum(), 1)),
    )


def _joined_width(width_s: int, span_s: float, max_bins: int) -> int:
    """Return the narrowest nice multiple of ``width_s`` that needs at most ``max_bins`` bins."""
    for nice in _NICE_WIDTHS_S:
        if nice % width_s == 0 and span_s / nice <= max_bins:
            return nice
    return width_s * max(1, math.ceil(span_s / max_bins / width_s))


def _mean(values: Floats) -> Floats:
    known = np.isfinite(values)
    n = known.sum(axis=1)
    total = np.where(known, values, 0.0).sum(axis=1)
    is_enough = 2 * n >= values.shape[1]
    return np.where(is_enough, total / np.maximum(n, 1), np.nan)


def _sum(values: Floats) -> Floats:
    total: Floats = _mean(values) * values.shape[1]
    return total


def usual_range(expected: Floats, dispersion: Floats) -> tuple[Floats, Floats]:
    """Return the 1 % and 99 % quantiles of counts with variance ``mu + phi mu**2``.

    Parameters
    ----------
    expected, dispersion
        Shape (bins,): mu, in counts per bin, and phi; NaN where unknown.

    Returns
    -------
    tuple of arrays
        Shape (bins,) each, NaN where unknown. Below a mean of 500 exactly, by summing the negative binomial
        probabilities; above it as a gamma distribution in the approximation of Wilson and Hilferty (1931).
    """
    lower, upper = np.full_like(expected, np.nan), np.full_like(expected, np.nan)
    phi = np.maximum(np.where(np.isfinite(dispersion), dispersion, 0.0), 1e-9)
    small = np.isfinite(expected) & (expected < _EXACT_BELOW)
    lower[small], upper[small] = _negative_binomial(np.maximum(expected[small], 0.0), phi[small])
    large = np.isfinite(expected) & ~small
    mean = expected[large]
    ninth = (1 / mean + phi[large]) / 9  # variance over squared mean, over 9
    for z, out in ((-_Z99, lower), (_Z99, upper)):
        out[large] = mean * (1 - ninth + z * np.sqrt(ninth)) ** 3
    return lower, upper


def _negative_binomial(mean: Floats, phi: Floats) -> tuple[Floats, Floats]:
    """Sum probabilities upwards until both quantiles of every bin are passed."""
    lower, upper = np.full_like(mean, -1.0), np.full_like(mean, -1.0)
    term = np.exp(-np.log1p(phi * mean) / phi)
    total = term.copy()
    ratio = mean / (1 + phi * mean)
    k = 0
    while upper.size and (upper < 0).any():
        lower[(lower < 0) & (total >= _RANGE[0])] = k
        is_spent = (term < 1e-18) & (k > mean)  # the rest is beyond a float's reach
        upper[(upper < 0) & ((total >= _RANGE[1]) | is_spent)] = k
        term = term * ratio * (1 + phi * k) / (k + 1)
        total += term
        k += 1
    return np.maximum(lower, 0.0), upper
