"""The time-of-week profile: how the usual rate moves over the day and over the week, learnt from slot sums.

History is kept as sums of counts and of exposure in slots of half an hour (or one bin, if that is wider) over the
last 28 days, never bin by bin, so that it stays small. The profile is refitted once a day, at 00:00 UTC, from
complete days only: it is causal. Days are counted from 1970-01-01, which was a Thursday.

Method: iterated multiplicative model (common day shape x day level x weekend ratio x day-of-week ratio), each part
shrunk towards 1 by a few pseudo-counts, with Huber-type weights (Huber 1964) that keep outages out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from detectors.baselines.jit import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Sums = NDArray[np.float32]
    Ints = NDArray[np.int64]

DAYS = 28
"""How many days are remembered; a multiple of 7, so that a row of the history is always the same day of the week."""

DAY_S, SLOT_S = 86_400, 1_800

ITERATIONS = 4
MIN_SHARE_OF_DAY = 0.25
"""A day observed less than this says nothing about the shape of a day (F1 in the tests)."""

SHAPE_PRIOR, LEVEL_PRIOR, WEEKEND_PRIOR, WEEKDAY_PRIOR = 10.0, 0.5, 40.0, 300.0
"""Pseudo-counts that pull each part towards "as usual"."""

HUBER = 2.58
REACH = 3
"""Slots on either side that the smoothing kernel ``exp(-d**2 / 2)`` looks at."""

LEVEL_WINDOW, LEVEL_MIN_DAYS = 7, 5


@dataclass(frozen=True)
class Slots:
    """How a day is cut into slots for a bin width (seconds); the last slot is shorter where it does not divide."""

    bin_width_s: int

    @property
    def width_s(self) -> int:
        """Width of a slot in seconds."""
        return max(SLOT_S, self.bin_width_s)

    @property
    def per_day(self) -> int:
        """Number of slots in a day."""
        return -(-DAY_S // self.width_s)

    @property
    def full_day(self) -> float:
        """Exposure of a completely observed day, in bins."""
        return DAY_S / self.bin_width_s


class Cells(NamedTuple):
    """What one series brought, day by slot: ``counts`` and ``usual`` of shape (days, slots), ``weekday`` (days,)."""

    counts: Floats
    usual: Floats
    weekday: Ints
    phi: float
    total: float


class Parts(NamedTuple):
    """The parts that multiply: levels (days,), shape (slots,), weekend (2, slots), by_day (7, slots); the weights."""

    levels: Floats
    shape: Floats
    weekend: Floats
    by_day: Floats
    weights: Floats


@compiled
def smooth(values: Floats) -> Floats:
    """Smooth circularly with ``exp(-d**2 / 2)``, ``|d| <= 3`` slots; the kernel sums to 2.5."""
    n = len(values)
    out = np.zeros(n)
    for d in range(-REACH, REACH + 1):
        weight = math.exp(-0.5 * d * d)
        for s in range(n):
            out[s] += weight * values[(s + d) % n]
    return out


@compiled
def median(values: Floats, start: int, stop: int) -> float:
    """Median of ``values[start:stop]``, by insertion: they are a few, and a general sort takes long to compile."""
    n = stop - start
    ordered = np.empty(n)
    for i in range(n):
        j = i
        while j > 0 and ordered[j - 1] > values[start + i]:
            ordered[j] = ordered[j - 1]
            j -= 1
        ordered[j] = values[start + i]
    return 0.5 * float(ordered[(n - 1) // 2] + ordered[n // 2])


@compiled
def running_median(levels: Floats) -> Floats:
    """Median of the 7 days around each day, cut at the ends; of all days if there are fewer than 5."""
    n = len(levels)
    half = LEVEL_WINDOW // 2 if n >= LEVEL_MIN_DAYS else n
    out = np.empty(n)
    for d in range(n):
        out[d] = median(levels, max(0, d - half), min(n, d + half + 1))
    return out


@compiled
def observed_days(exposure: Sums, today: int, full_day: float) -> Ints:
    """Rows of the days before ``today``, oldest first, that were observed for at least a quarter."""
    rows = np.empty(DAYS, np.int64)
    n = 0
    for day in range(today, today + DAYS):  # the row of `today` still holds the day 28 days ago
        seen = 0.0
        for s in range(exposure.shape[1]):
            seen += exposure[day % DAYS, s]
        if seen >= MIN_SHARE_OF_DAY * full_day:
            rows[n] = day % DAYS
            n += 1
    return rows[:n]


@compiled
def is_weekend(weekday: int) -> int:
    """1 on Saturday and Sunday (weekday 0 = Thursday), else 0."""
    return 1 if weekday in (2, 3) else 0


@compiled
def new_parts(days: int, slots: int) -> Parts:
    """Return parts that say "as usual" everywhere."""
    return Parts(np.ones(days), np.ones(slots), np.ones((2, slots)), np.ones((7, slots)), np.ones((days, slots)))


@compiled
def weigh(cells: Cells, parts: Parts) -> None:
    """Set the Huber weights ``min(1, (2.58 / z)**2)`` of all cells, which keep outages out of the profile."""
    for d in range(len(cells.weekday)):
        day = cells.weekday[d]
        for s in range(len(parts.shape)):
            week = parts.weekend[is_weekend(day), s] * parts.by_day[day, s]
            expected = cells.usual[d, s] * parts.levels[d] * parts.shape[s] * week
            z2 = (cells.counts[d, s] - expected) ** 2
            variance = expected + cells.phi * expected * expected
            parts.weights[d, s] = 1.0 if z2 <= HUBER**2 * variance else HUBER**2 * variance / z2


@compiled
def fit_shape(cells: Cells, parts: Parts) -> None:
    """Refit the shape that all days share; mean 1."""
    n = len(parts.shape)
    counts, exposure = np.zeros(n), np.zeros(n)
    for d in range(len(cells.weekday)):
        day = cells.weekday[d]
        for s in range(n):
            usual = cells.usual[d, s] * parts.levels[d] * parts.weekend[is_weekend(day), s] * parts.by_day[day, s]
            precision = parts.weights[d, s] / (1.0 + cells.phi * usual * parts.shape[s])
            counts[s] += precision * cells.counts[d, s]
            exposure[s] += precision * usual
    counts, exposure = smooth(counts), smooth(exposure)
    total = 0.0
    for s in range(n):
        parts.shape[s] = (counts[s] + SHAPE_PRIOR) / (exposure[s] + SHAPE_PRIOR)
        total += parts.shape[s]
    for s in range(n):
        parts.shape[s] *= n / total


@compiled
def fit_levels(cells: Cells, parts: Parts) -> None:
    """Refit the level of each day, then take running medians, so that one bad day does not move it."""
    for d in range(len(cells.weekday)):
        day = cells.weekday[d]
        counts, expected = LEVEL_PRIOR, LEVEL_PRIOR
        for s in range(len(parts.shape)):
            week = parts.weekend[is_weekend(day), s] * parts.by_day[day, s]
            counts += parts.weights[d, s] * cells.counts[d, s]
            expected += parts.weights[d, s] * cells.usual[d, s] * parts.shape[s] * week
        parts.levels[d] = counts / expected
    smoothed = running_median(parts.levels)
    for d in range(len(smoothed)):
        parts.levels[d] = smoothed[d]


@compiled
def fit_ratios(cells: Cells, parts: Parts, n_groups: int) -> None:
    """Refit the ratio of weekend and weekdays to all days (2 groups), or of each day of the week to that (7)."""
    by_day = n_groups == 7
    table = parts.by_day if by_day else parts.weekend
    prior = WEEKDAY_PRIOR if by_day else WEEKEND_PRIOR
    counts, expected = np.zeros(table.shape), np.zeros(table.shape)
    for d in range(len(cells.weekday)):
        day = cells.weekday[d]
        group = day if by_day else is_weekend(day)
        for s in range(table.shape[1]):
            usual = cells.usual[d, s] * parts.levels[d] * parts.shape[s]
            if by_day:
                usual *= parts.weekend[is_weekend(day), s]
            precision = parts.weights[d, s] / (1.0 + cells.phi * usual)
            counts[group, s] += precision * cells.counts[d, s]
            expected[group, s] += precision * usual
    for g in range(table.shape[0]):
        smooth_counts, smooth_expected = smooth(counts[g]), smooth(expected[g])
        for s in range(table.shape[1]):
            table[g, s] = (prior + smooth_counts[s]) / (prior + smooth_expected[s])


@compiled
def gather(counts: Sums, exposure: Sums, rows: Ints, phi: float) -> Cells:
    """Pick the days that count, and what each cell would bring on an average day at the average rate."""
    n, n_slots = len(rows), counts.shape[1]
    picked, usual = np.empty((n, n_slots)), np.empty((n, n_slots))
    total, seen = 0.0, 0.0
    for d in range(n):
        for s in range(n_slots):
            picked[d, s] = counts[rows[d], s]
            usual[d, s] = exposure[rows[d], s]
            total += picked[d, s]
            seen += usual[d, s]
    for d in range(n):
        for s in range(n_slots):
            usual[d, s] *= total / seen
    return Cells(picked, usual, rows % 7, phi, total)


@compiled
def fit_profile(counts: Sums, exposure: Sums, day: tuple[int, float], phi: float) -> Floats:
    """Fit the profile of one series.

    Parameters
    ----------
    counts, exposure
        Shape (28, slots a day): sums of reports, and of exposure in bins; row = day modulo 28.
    day
        The day that begins, in days since 1970-01-01 (only days before it are used), and the exposure of a
        completely observed day, in bins.
    phi
        Dispersion of the series' counts.

    Returns
    -------
    Shape (7, slots a day), mean 1; row = day modulo 7, 0 = Thursday. All 1 where nothing is known.
    """
    n_slots = counts.shape[1]
    week = np.ones((7, n_slots))
    rows = observed_days(exposure, day[0], day[1])
    if len(rows) == 0:
        return week
    cells = gather(counts, exposure, rows, phi)
    if cells.total <= 0.0:
        return week
    parts = new_parts(len(rows), n_slots)
    for _ in range(ITERATIONS):
        weigh(cells, parts)
        fit_shape(cells, parts)
        fit_levels(cells, parts)
        fit_ratios(cells, parts, 2)
        fit_ratios(cells, parts, 7)
    multiply(parts, week)
    return week


@compiled
def multiply(parts: Parts, week: Floats) -> None:
    """Fill the week, shape (7, slots), with the product of the parts; mean 1."""
    n_slots = week.shape[1]
    total = 0.0
    for g in range(7):
        for s in range(n_slots):
            week[g, s] = parts.shape[s] * parts.weekend[is_weekend(g), s] * parts.by_day[g, s]
            total += week[g, s]
    for g in range(7):
        for s in range(n_slots):
            week[g, s] *= 7 * n_slots / total


def refit(counts: Sums, exposure: Sums, day: tuple[int, float], fit: tuple[Floats, Floats]) -> None:
    """Refit every series of a bank in place and make room for the day that begins.

    Parameters
    ----------
    counts, exposure
        Shape (series, 28, slots a day).
    day
        See :func:`fit_profile`.
    fit
        ``phi`` of shape (series,), and the profiles to fill, shape (series, 7, slots a day).
    """
    phi, profiles = fit
    for i in range(len(counts)):
        profiles[i] = fit_profile(counts[i], exposure[i], day, phi[i])
    counts[:, day[0] % DAYS] = 0.0
    exposure[:, day[0] % DAYS] = 0.0
