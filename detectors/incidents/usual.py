"""What would have been usual while an incident lasted: the level from before it, times the time-of-week profile.

The detector's own level forgets: it learns what it does not yet take for an incident, thaws when reports come back to
usual for some minutes, and takes any rise for the new normal after half a day. That is right for finding the next
rise and wrong for measuring this one: a plateau against a baseline that has followed it looks like an end. So what
was usual is extrapolated from before the incident, for as long as it is measured.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from detectors.baselines.profile import DAY_S, DAYS, Slots, fit_profile
from detectors.incidents.likelihood import MIN_DISPERSION

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detectors.model import CountSeries

    Floats = NDArray[np.float64]


def profile(series: CountSeries, *, before: int, span: slice) -> Floats:
    """Return the time-of-week profile of some bins, fitted to the 28 days before another.

    Parameters
    ----------
    series
        The counts; only days (UTC) that are over before bin ``before`` are used.
    span
        The bins that are wanted.

    Returns
    -------
    Shape (bins of the span,), dimensionless, mean 1 over a week; 1 where no day has been observed.
    """
    slots, first_s = Slots(series.bin_width_s), int(series.start_at.timestamp())
    today = (first_s + before * series.bin_width_s) // DAY_S
    stop = min(before, max(0, -(-(today * DAY_S - first_s) // series.bin_width_s)))
    start = max(0, ((today - DAYS) * DAY_S - first_s) // series.bin_width_s)
    seconds = first_s + series.bin_width_s * np.arange(start, stop, dtype=np.int64)
    days, second = np.divmod(seconds, DAY_S)
    cells = days % DAYS * slots.per_day + second // slots.width_s
    y = series.observed[start:stop]
    seen = np.isfinite(y)
    counts, exposure = (
        np.bincount(cells[seen], weights, minlength=DAYS * slots.per_day).reshape(DAYS, -1).astype(np.float32)
        for weights in (y[seen], None)
    )
    week = fit_profile(counts, exposure, (today, slots.full_day), MIN_DISPERSION)
    return _read(week, slots, first_s + series.bin_width_s * (np.arange(span.start, span.stop) + 0.5))


def _read(week: Floats, slots: Slots, at_s: Floats) -> Floats:
    """Interpolate between the centres of the slots."""
    position = at_s % DAY_S / slots.width_s + at_s // DAY_S % 7 * slots.per_day - 0.5
    below = np.floor(position).astype(np.int64)
    share, around = position - below, week.ravel()
    value: Floats = (1 - share) * around[below % len(around)] + share * around[(below + 1) % len(around)]
    return value


def freeze(expected: Floats, shape: Floats, *, start: int, level_bins: int) -> Floats:
    """Return what was expected, from bin ``start`` on with the level of just before it.

    Parameters
    ----------
    expected
        Shape (bins,): the detector's forecasts; NaN where it knew none.
    shape
        Shape (bins,): the profile; see :func:`profile`.
    start
        The first bin that the incident may have touched.
    level_bins
        From how many bins before ``start`` the level is taken.
    """
    past = slice(max(0, start - level_bins), max(1, start))
    known = np.isfinite(expected[past])
    if not known.any():
        return expected
    level = expected[past][known].sum() / shape[past][known].sum()
    return np.concatenate((expected[:start], level * shape[start:]))
