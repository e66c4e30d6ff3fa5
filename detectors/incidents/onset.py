"""When an incident began: an instant with a 90 % interval, from the counts alone.

The rate goes from usual to a level above it over a rise of 1 to 15 minutes, and the level may wander afterwards. The
likelihood of each beginning averages over rises and levels (flat priors); a bin holds the integral of the rate, so a
beginning inside a wide bin can be told. The wandering level is a hidden Markov chain, summed over by its backward
recursion (Rabiner 1989).

The onset is that of the *reports*: people notice and write later than a service fails.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from detectors.errors import SeriesError
from detectors.incidents.likelihood import (
    DAY_MIN,
    LEVEL_SPACING,
    Stretch,
    emission,
    levels_above,
    log_likelihood,
    log_mean,
    log_sum,
    noise_before,
    quantiles,
    usual_before,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

STRAIGHT, SMOOTH, BENT, SLOW, QUICK = (
    (0.0, 0.5),
    (0.0, 0.0, 1.0, -0.5),
    (0.0, 0.0, 0.0, 2.5, -3.0, 1.0),
    (0.0, 0.0, 1 / 3),
    (0.0, 1.0, -1 / 3),
)
"""How a rate may grow from 0 to 1, as the area below it: coefficients of x, x**2, and so on.

A straight line; an S (smoothstep) and a sharper one; slow at first (a square), and quick at first.
"""

RISES = (
    (0.05, STRAIGHT, 5.0),  # at once
    *((minutes, STRAIGHT, 1.0) for minutes in (1.0, 2.0, 3.5, 5.5, 8.0, 11.0, 15.0)),
    *((minutes, SMOOTH, 1.0) for minutes in (2.0, 4.0, 7.0, 10.0, 15.0)),
    *((minutes, BENT, 0.6) for minutes in (2.0, 4.0, 7.0, 10.0, 15.0)),
    *((minutes, SLOW, 0.8) for minutes in (2.0, 4.0, 7.0, 10.0, 15.0)),
    *((minutes, QUICK, 1.0) for minutes in (4.0, 10.0)),
)
"""Rises that are averaged over: minutes, shape, weight. How people come to notice is not known, and slow beginnings
cannot be seen: with straight lines alone the truth came before the interval in a fifth of simulated outages."""

LONGEST_RISE_MIN = 15.0

REFINE_AFTER_MIN = 30.0
LOOKBACK_MIN = 180.0
MIN_WIDTH_S = 30.0
COARSE, FINE = 19, 29
"""Beginnings that are scored where one may lie at all, and then where it is likely."""

SHARES = (0.07, 0.5, 0.93)
"""Which parts of the posterior are told. It averages over shapes of a rise; given the true one it is narrower."""

REACH = 10.0
"""Beginnings that a sharp step puts this many nats below the best are not looked at again."""

WANDER = 0.06
"""Wandering of a level, in log units per square root of a minute."""

FALL_MIN = 60.0
"""A level falls to any lower one once in so many minutes."""

AGAIN_MIN, AGAIN_NOISY_MIN, AGAIN_SPARSE_MIN = 3000.0, 800.0, 400.0
"""A level leaps to any higher one once in so many minutes: what alarms need not be the beginning.

How often at all; how much more often for each unit of excess noise above 1 (where people repeat each other, one text
does it), up to :data:`NOISY`; and in series of so few reports that their noise cannot be known.
"""

LEAP = 20
"""It leaps by so many steps of the grid at most, to some twenty-five times as much."""

NOISY, FEW = 3.0, 30.0
"""Excess noise beyond which leaps grow no more frequent; and how many usual reports in a day are few."""


@dataclass(frozen=True)
class OnsetEstimate:
    """When it began, in bins from the start of the stretch (3.25 = a quarter into the fourth bin).

    Attributes
    ----------
    at, low, high
        The estimate and its 90 % interval, ``low <= at <= high``, none later than the end of the bin that alarmed.
    is_refined
        False while only what was known at the alarm has been used.
    """

    at: float
    low: float
    high: float
    is_refined: bool = False


def estimate_onset(
    stretch: Stretch, *, alarm_bin: int, window_bins: int, last_bin: int | None = None, is_closed: bool = False
) -> OnsetEstimate:
    """Estimate when the incident that alarmed began.

    Parameters
    ----------
    stretch
        The series around the alarm, beginning after any earlier incident. Bins before the incident (a day of them,
        if there are) tell how noisy the series is.
    alarm_bin
        Index of the bin that fired; an onset is never after its end.
    window_bins
        Length of the window that fired, in bins.
    last_bin
        Index of the last bin that may be used; None = the last one there is.
    is_closed
        Whether the incident is over: then what is there has to do.

    Returns
    -------
    OnsetEstimate
        The median of the posterior, and its 5 % and 95 % quantiles. Already at the alarm this is closer than the
        start of the window that fired (simulated outages: median error 0.8 against 1.6 min, 90 % within 4.4
        against 7.8).

    Raises
    ------
    SeriesError
        If ``alarm_bin`` lies outside the stretch or ``last_bin`` before it.
    """
    last = len(stretch) - 1 if last_bin is None else min(last_bin, len(stretch) - 1)
    if not 0 <= alarm_bin <= last:
        raise SeriesError(f"alarm_bin {alarm_bin} lies outside the bins 0 to {last}")
    edge = alarm_bin + 1
    step = min(edge, max(1, int(MIN_WIDTH_S // stretch.bin_width_s)))
    horizon = edge + stretch.bins(REFINE_AFTER_MIN, at_least=2)
    back = min(edge, stretch.bins(DAY_MIN)) // step
    start = edge - back * step
    view = stretch.cut(start, min(last + 1, horizon), step)
    window = window_bins / step

    at, density = _posterior(view, back, window)
    low, middle, high = (start + step * value for value in quantiles(at, density, SHARES))
    is_refined = is_closed or last + 1 >= horizon
    return OnsetEstimate(middle, low, high, is_refined)


def _posterior(view: Stretch, edge: int, window: float) -> tuple[Floats, Floats]:
    """Return instants (bins from the start of the view, ascending) and the density of the onset there."""
    first = max(0, edge - max(view.bins(LOOKBACK_MIN, at_least=4), int(np.ceil(window)) + 1))
    noise = noise_before(view, first)
    core = view.cut(first, len(view))
    levels, shape = levels_above(core, lowest=0.3)
    moves = _moves(len(levels) + 1, view.minutes, _again(noise, usual_before(view, first)))
    after = _wandering(core, (np.append(0.0, levels), shape), noise, moves)[:, 1:]
    quiet = log_likelihood(core.observed, core.expected, core.phi) / noise
    before = np.concatenate(([0.0], np.cumsum(quiet)))

    joint = before[:, None] + after
    sharp = log_mean(joint, axis=1)[: edge - first + 1]
    near = np.flatnonzero(sharp > sharp.max() - REACH)
    kept = (joint[near] > joint[near].max() - 1.5 * REACH).any(axis=0)
    ramps = _Ramps(core, core.phi, levels[kept], shape, noise, before, after[:, kept])
    lowest = max(0.0, near[0] - 1 - LONGEST_RISE_MIN / view.minutes)
    at = np.linspace(lowest, min(float(edge - first), near[-1] + 1.0), COARSE)
    likely = np.flatnonzero((score := ramps.score(at)) > score.max() - REACH)
    at = np.linspace(at[max(0, likely[0] - 1)], at[min(COARSE - 1, likely[-1] + 1)], FINE)
    score = ramps.score(at)
    return first + at, np.exp(score - score.max())


def _again(noise: float, usual: float) -> float:
    """Return how often, per minute, a level leaps up; ``usual`` are the usual reports in the day before."""
    return 1 / AGAIN_MIN + (min(noise, NOISY) - 1) / AGAIN_NOISY_MIN + FEW / (FEW + usual) / AGAIN_SPARSE_MIN


def _wandering(core: Stretch, above: tuple[Floats, Floats], noise: float, move: Floats) -> Floats:
    """Return the log-likelihood of the bins from t on, given the level just before: shape (bins + 1, levels).

    The first level is 0, where an outage goes that is over already; none comes back from there.
    """
    levels, shape = above
    mean = core.expected[:, None] + shape[:, None] * levels
    loglik = log_likelihood(core.observed[:, None], mean, core.phi[:, None]) / noise
    likely, top = emission(loglik), loglik.max(axis=1)
    after = np.zeros((len(core) + 1, len(levels)))
    message, scale = np.ones(len(levels)), 0.0
    for t in range(len(core) - 1, -1, -1):
        message = move @ (likely[t] * message)
        largest = message.max()
        message, scale = message / largest, scale + top[t] + np.log(largest)
        after[t] = np.log(np.maximum(message, 1e-300)) + scale
    return after


def _moves(count: int, minutes: float, again: float) -> Floats:
    """Return the chances with which each level moves to each other in one bin, shape (levels, levels).

    A level wanders a little, now and then falls to any lower one, and ``again`` times a minute leaps to a higher one.
    """
    steps = np.arange(count)
    sd = max(WANDER * np.sqrt(minutes) / LEVEL_SPACING, 0.4)
    near = np.exp(-0.5 * ((steps[:, None] - steps) / sd) ** 2)
    near[0], near[1:, 0] = 0.0, 0.0
    lower, higher = np.tri(count), np.triu(np.ones((count, count)), 1) - np.triu(np.ones((count, count)), LEAP + 1)
    higher[0], higher[-1, -1] = 0.0, 1.0
    near[0, 0] = higher[0, 0] = 1.0
    fall, leap = (0.5 * -np.expm1(-2.0 * minutes * rate) for rate in (1.0 / FALL_MIN, again))
    parts = ((1.0 - fall - leap, near), (fall, lower), (leap, higher))
    moves: Floats = np.sum([share * to / to.sum(axis=1, keepdims=True) for share, to in parts], axis=0)
    return moves


@dataclass(frozen=True, eq=False)
class _Ramps:
    """Scores beginnings with a rise: what goes before and after them is known already."""

    core: Stretch
    phi: Floats
    levels: Floats
    shape: Floats
    noise: float
    before: Floats
    after: Floats

    def score(self, at: Floats) -> Floats:
        """Return the log-likelihood of each beginning, averaged over rises."""
        scores = [
            self._score(at, minutes / self.core.minutes, shape) + np.log(weight) for minutes, shape, weight in RISES
        ]
        return log_sum(np.stack(scores), axis=0)

    def _score(self, at: Floats, rise: float, shape: tuple[float, ...]) -> Floats:
        """Return the log-likelihood of a rise of ``rise`` bins that begins at each of ``at``."""
        whole = np.floor(at).astype(int)
        index = whole[:, None] + np.arange(int(np.ceil(rise)) + 1)
        inside = np.minimum(index, len(self.core) - 1)
        grown = _ramp(index + 1 - at[:, None], rise, shape) - _ramp(index - at[:, None], rise, shape)
        observed = np.where(index < len(self.core), self.core.observed[inside], np.nan)
        mean = self.core.expected[inside][..., None] + (self.shape[inside] * grown)[..., None] * self.levels
        loglik = log_likelihood(observed[..., None], mean, self.phi[inside][..., None]).sum(axis=1)
        past = np.minimum(whole, len(self.core))
        end = np.minimum(index[:, -1] + 1, len(self.core))
        return log_mean(self.before[past][:, None] + loglik / self.noise + self.after[end], axis=1)


def _ramp(since: Floats, rise: float, shape: tuple[float, ...]) -> Floats:
    """Return the integral of a rate that grows from 0 to 1 over ``rise`` bins, ``since`` bins after it began."""
    part = np.clip(since / rise, 0.0, 1.0)
    area = np.zeros_like(part)
    for coefficient in reversed(shape):
        area = (area + coefficient) * part
    total: Floats = rise * area + np.maximum(since - rise, 0.0)
    return total
