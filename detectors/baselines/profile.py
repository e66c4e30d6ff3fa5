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
"""Days in a running median of the levels; with fewer than the minimum, all of them."""

SHAPE, WEEKEND, BY_DAY = 0, 1, 3
"""First rows of the parts in the table: one row, two (weekday, weekend), seven (0 = Thursday)."""
PARTS = (SHAPE, WEEKEND, BY_DAY)


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
    """The parts that multiply, and the weights of the cells.

    Attributes
    ----------
    levels
        Shape (days,).
    table
        Shape (10, slots): the shape of the day, the ratios of weekday and weekend to it, and those of each day of the
        week to its group.
    weights
        Shape (days, slots).
    """

    levels: Floats
    table: Floats
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
def weigh(cells: Cells, parts: Parts) -> None:
    """Set the Huber weights ``min(1, (2.58 / z)**2)`` of all cells, which keep outages out of the profile."""
    for d in range(len(cells.weekday)):
        group, day = WEEKEND + is_weekend(cells.weekday[d]), BY_DAY + cells.weekday[d]
        for s in range(parts.table.shape[1]):
            week = parts.table[SHAPE, s] * parts.table[group, s] * parts.table[day, s]
            expected = cells.usual[d, s] * parts.levels[d] * week
            z2 = (cells.counts[d, s] - expected) ** 2
            variance = expected + cells.phi * expected * expected
            parts.weights[d, s] = 1.0 if z2 <= HUBER**2 * variance else HUBER**2 * variance / z2


@compiled
def fit_levels(cells: Cells, parts: Parts) -> None:
    """Refit the level of each day, then take running medians, so that one bad day does not move it."""
    levels = np.empty(len(cells.weekday))
    for d in range(len(levels)):
        group, day = WEEKEND + is_weekend(cells.weekday[d]), BY_DAY + cells.weekday[d]
        counts, expected = LEVEL_PRIOR, LEVEL_PRIOR
        for s in range(parts.table.shape[1]):
            week = parts.table[SHAPE, s] * parts.table[group, s] * parts.table[day, s]
            counts += parts.weights[d, s] * cells.counts[d, s]
            expected += parts.weights[d, s] * cells.usual[d, s] * week
        levels[d] = counts / expected
    half = LEVEL_WINDOW // 2 if len(levels) >= LEVEL_MIN_DAYS else len(levels)
    for d in range(len(levels)):
        parts.levels[d] = median(levels, max(0, d - half), min(len(levels), d + half + 1))


@compiled
def fit_rows(cells: Cells, parts: Parts, part: int) -> None:
    """Refit one part of the table: :data:`SHAPE`, :data:`WEEKEND` given the shape, or :data:`BY_DAY` given both.

    The precision of a cell is its weight over ``1 + phi m``; the prior pulls with so many reports towards 1.
    """
    n_slots = parts.table.shape[1]
    last, prior = WEEKEND, SHAPE_PRIOR
    if part == WEEKEND:
        last, prior = BY_DAY, WEEKEND_PRIOR
    elif part == BY_DAY:
        last, prior = BY_DAY + 7, WEEKDAY_PRIOR
    counts, expected = np.zeros(parts.table.shape), np.zeros(parts.table.shape)
    for d in range(len(cells.weekday)):
        group, day = WEEKEND + is_weekend(cells.weekday[d]), BY_DAY + cells.weekday[d]
        row = SHAPE if part == SHAPE else (group if part == WEEKEND else day)
        for s in range(n_slots):
            usual = cells.usual[d, s] * parts.levels[d]
            if part == SHAPE:
                usual *= parts.table[group, s] * parts.table[day, s]
                precision = parts.weights[d, s] / (1.0 + cells.phi * usual * parts.table[SHAPE, s])
            else:
                usual *= parts.table[SHAPE, s] * (parts.table[group, s] if part == BY_DAY else 1.0)
                precision = parts.weights[d, s] / (1.0 + cells.phi * usual)
            counts[row, s] += precision * cells.counts[d, s]
            expected[row, s] += precision * usual
    for row in range(part, last):
        smooth_counts, smooth_expected = smooth(counts[row]), smooth(expected[row])
        for s in range(n_slots):
            parts.table[row, s] = (prior + smooth_counts[s]) / (prior + smooth_expected[s])


@compiled
def normalise(row: Floats) -> None:
    """Divide by the mean, in place."""
    total = 0.0
    for s in range(len(row)):
        total += row[s]
    for s in range(len(row)):
        row[s] *= len(row) / total


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
    parts = Parts(np.ones(len(rows)), np.ones((BY_DAY + 7, n_slots)), np.ones(cells.counts.shape))
    for _ in range(ITERATIONS):
        weigh(cells, parts)
        for part in PARTS:  # a loop, because calls with constants would be compiled one by one
            fit_rows(cells, parts, part)
            if part == SHAPE:
                normalise(parts.table[SHAPE])
                fit_levels(cells, parts)
    for g in range(7):
        for s in range(n_slots):
            week[g, s] = parts.table[SHAPE, s] * parts.table[WEEKEND + is_weekend(g), s] * parts.table[BY_DAY + g, s]
    normalise(week.ravel())
    return week


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
