"""What becomes of a series at midnight, when its profile is fitted anew.

Levels and window sums are in units of the profile that they were learnt with. Read against another one they would be
wrong until they are forgotten: a rise or a fall that nobody reported, above all on the first days. So they are carried
over. And the forecast errors of the day before tell at what time of the day forecasts are not to be trusted: where
the commute comes earlier or later, where Sunday becomes Monday.

Everything compiled stays in this file (see :func:`detectors.baselines.jit.compiled`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from detectors.baselines.jit import compiled
from detectors.baselines.profile import DAYS
from detectors.spikes.kernel import FIRST_LEVEL, PRIOR_REPORTS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detectors.spikes.records import Series

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

UNREST_PRIOR_DAYS, UNREST_MAX = 7.0, 6.0
"""Days of usual errors behind the first unrest, and the largest."""


class Place(NamedTuple):
    """Where consecutive bins lie in the week: slots on either side, and the weight of the later; shape (bins,)."""

    below: Ints
    above: Ints
    share: Floats


class Past(NamedTuple):
    """The latest bins, oldest first, and how fast the levels forget.

    Attributes
    ----------
    first
        Number of the first of these bins since the series began.
    place
        Where they lie in the week.
    today
        The day that begins, in days since 1970-01-01.
    fast_decay, slow_decay
        What is left of the fast level after a bin, and of the slow one after a slot of the profile.
    """

    first: int
    place: Place
    today: int
    fast_decay: float
    slow_decay: float


@compiled
def profile_at(week: Floats, place: Place, b: int) -> float:
    """Return the profile in bin ``b`` of a stretch."""
    return float((1.0 - place.share[b]) * week[place.below[b]] + place.share[b] * week[place.above[b]])


@compiled
def carry_fast(series: Series, ring: Floats, past: Past, weeks: tuple[Floats, Floats]) -> None:
    """Carry over the fast level and that of an open incident, by the bins in which they were learnt."""
    old, new = weeks
    bins = len(past.place.share)
    until = series.incident_from - past.first if series.incident_from >= 0 else bins
    before, after = 0.0, 0.0
    for b in range(until):
        slot, following = (past.first + b) & (len(ring) - 1), (past.first + b + 1) & (len(ring) - 1)
        px = (ring[following, 1] if b + 1 < bins else series.sum_x) - ring[slot, 1]
        before = past.fast_decay * before + px
        after = past.fast_decay * after + px * profile_at(new, past.place, b) / profile_at(old, past.place, b)
    ratio = after / before if before > 0.0 else 1.0
    if series.incident_from >= 0:
        b = max(0, until)
        at_start = profile_at(new, past.place, b) / profile_at(old, past.place, b)
        series.incident_level /= at_start
        ratio = ratio if before > 0.0 else at_start
    series.fast_x *= ratio


@compiled
def carry_windows(series: Series, ring: Floats, past: Past, weeks: tuple[Floats, Floats]) -> None:
    """Carry over the sums of ``p x`` and the levels before each of the latest bins, so that forecasts stay."""
    old, new = weeks
    later_old, later_new = series.sum_x, series.sum_x
    for b in range(len(past.place.share) - 1, -1, -1):
        slot = (past.first + b) & (len(ring) - 1)
        ratio = profile_at(new, past.place, b) / profile_at(old, past.place, b)
        later_new -= (later_old - ring[slot, 1]) * ratio
        later_old = ring[slot, 1]
        ring[slot, 1] = later_new
        ring[slot, 2] /= ratio


@compiled
def carry_slow(series: Series, seen: NDArray[np.float32], past: Past, weeks: tuple[Floats, Floats]) -> None:
    """Carry over the slow level, by the slots of the days that it remembers."""
    old, new = weeks
    n_slots = seen.shape[1]
    before, after = 0.0, 0.0
    for day in range(past.today - DAYS + 1, past.today):
        for s in range(n_slots):
            exposure, at = seen[day % DAYS, s], day % 7 * n_slots + s
            before = past.slow_decay * before + exposure * old[at]
            after = past.slow_decay * after + exposure * new[at]
    if before > 0.0:
        series.slow_x *= after / before


@compiled
def refresh_unrest(series: Series, n_slots: int) -> None:
    """Set how much more than phi says the forecasts err in each slot: the most of it and its neighbours."""
    for s in range(n_slots):
        most = 1.0
        for near in range(s - 1, s + 2):
            sums = series.unrest_sums[near % n_slots]
            most = max(most, (sums[0] + UNREST_PRIOR_DAYS) / (sums[1] + UNREST_PRIOR_DAYS))
        series.unrest[s] = min(most, UNREST_MAX)


@compiled
def pass_midnight(
    state: tuple[Any, Floats], seen: NDArray[np.float32], past: Past, weeks: tuple[Floats, Floats]
) -> None:
    """Carry every series over from one profile to another; the levels themselves are set anew by the caller.

    Parameters
    ----------
    state
        Records of shape (series,) and rings; see :func:`detectors.spikes.kernel.run`. Changed in place.
    seen
        Shape (series, 28, slots a day): sums of exposure.
    past
        As many of the latest bins as the ring holds, or as there are.
    weeks
        The old and the new profile, each of shape (series, slots a week).
    """
    all_series, rings = state
    for i in range(len(all_series)):
        series, ring, pair = all_series[i], rings[i], (weeks[0][i], weeks[1][i])
        carry_fast(series, ring, past, pair)
        carry_windows(series, ring, past, pair)
        carry_slow(series, seen[i], past, pair)
        refresh_unrest(series, seen.shape[2])


def set_levels(series: NDArray[np.void]) -> None:
    """Set the levels of all series anew (see :func:`detectors.spikes.kernel.set_level`); an incident keeps its own."""
    slow = (series["slow_y"] + FIRST_LEVEL) / (series["slow_x"] + 1.0)
    level = (PRIOR_REPORTS + series["fast_y"]) / (PRIOR_REPORTS / slow + series["fast_x"])
    series["level"] = np.where(series["incident_from"] >= 0, series["incident_level"], level)
