"""Whether an incident is over, and when it ended: an instant with a 90 % interval, from the counts alone.

While an outage lasts, reports stay on a plateau that wanders; when it is over they trail off towards usual, with a
time constant of minutes to an hour. The end is where trailing off begins. The wandering plateau is a hidden Markov
chain, summed over by its forward recursion (Rabiner 1989); trailing off is followed backwards from the last bin for
each level and time constant, and may break off at any time; the two meet at each possible end. Reports outlast the
outage a little, the longer the more they excite each other.

An incident is followed past its closing, and if need be through the next alarm, until the counts show its end.

Silence proves nothing: a bin that was not observed counts neither for an end nor against it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from detectors.errors import SeriesError
from detectors.incidents.likelihood import (
    LEVEL_SPACING,
    WORST_LOG,
    Stretch,
    emission,
    levels_above,
    log_likelihood,
    log_mean,
    log_sum,
    noise_before,
    noise_within,
    quantiles,
    usual_before,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

DECAYS_MIN = (0.1, 1.0, 2.0, 3.5, 5.5, 8.5, 13.0, 20.0, 35.0, 60.0)
AT_ONCE = 1.0
"""Time constants of trailing off that are averaged over, in minutes; the first is at once, and weighs so much."""

STOPS = 0.3
"""How often, in a time constant, trailing off breaks off at once: no one curve is the right one to the last."""

LOOK_ON_MIN = (300.0, 900.0, 1800.0)
"""How far past its closing an incident is looked at, as long as the counts do not show that it is over.

An alarm closes when its detector has grown used to the reports, or while few of them come; outages go on.
"""

LAG_MIN, LAG_SHARE, NOISY_LAG_MIN, NOISY = (0.7, 2.0), 0.35, 3.0, 3.0
"""Mean time for which reports go on after the end, in minutes: from, to, as a share of a bin (wide bins hide echoes).

And how much longer for each unit of excess noise above 1, up to :data:`NOISY`: where reports excite each other.
"""

OWN_SHARE = 0.25
"""What is left of an outage below this share of its own level is trailing off, and no plateau."""

SURE_OF_NOISE = 50.0
"""With so many usual reports before it, the noise is learnt from them as much as from the outage itself."""

ZOOM_MIN = 45.0
TAIL_MIN = 240.0
RISE_MIN = 15.0
MAX_BINS = 120
FRACTION_MIN = 2.5
QUIET_MIN = 10.0

NEVER = -1e9

OPEN_ODDS, CLOSED_ODDS = 19.0, 3.0
"""Odds for "it is over" that an end needs, while the incident is open and once it is closed."""

LOWEST_TAIL, LOWEST_PLATEAU = 0.03, 0.5
"""Smallest excess that is followed while reports trail off, and that of an outage, as multiples of the usual rate."""

ERROR_SD, ERROR_MIN = 0.08, 15.0
"""Relative error of any such model, and for how many minutes it lasts: one number stands for all those bins."""

WANDER = 0.025
"""Wandering of the plateau, in log units per square root of a minute."""

RISING_MIN, LEAP_MIN = 5.0, 2000.0
"""The level goes to any other once in so many minutes: during the rise, and afterwards."""

NEAR_USUAL = (0.8, 1.0, 1.25)
"""What passes for usual again: the usual rate is known from before the incident, and may have moved."""


@dataclass(frozen=True)
class EndEstimate:
    """When it ended, in bins from the start of the stretch; the interval is 90 %, ``low <= at <= high``."""

    at: float
    low: float
    high: float


@dataclass(frozen=True)
class Course:
    """What is known of an incident before its end is.

    Attributes
    ----------
    onset_bin
        When it began, in bins from the start of the stretch.
    last_alarm_bin
        Index of the latest bin that fired.
    last_bin
        Index of the bin in which it was closed, or else of the last bin that may be used.
    is_closed
        Whether the detector has closed it; if not, an end needs better evidence and some minutes without an alarm.
    next_bin
        Index of the first bin of the next alarm, which may be of the same outage or of another; None = no other.
    """

    onset_bin: float
    last_alarm_bin: int
    last_bin: int
    is_closed: bool
    next_bin: int | None = None

    def horizons(self, stretch: Stretch) -> list[int]:
        """Return up to which bins (left out) to look, one after the other until it is over.

        What another alarm holds is looked at only if the counts before it do not say that this one is over.
        """
        if not self.is_closed:
            return [min(self.last_bin, self.last_alarm_bin + stretch.bins(TAIL_MIN)) + 1]
        stops = [min(self.last_bin + stretch.bins(minutes) + 1, len(stretch)) for minutes in LOOK_ON_MIN]
        if self.next_bin is not None:
            nearest = max(self.last_bin + 1, min(self.next_bin, stops[0]))
            stops = [nearest, *(stop for stop in stops if stop > nearest)]
        return stops


def estimate_end(
    stretch: Stretch, *, onset_bin: float, last_alarm_bin: int, last_bin: int, is_closed: bool
) -> EndEstimate | None:
    """Estimate when an incident ended from what was known in bin ``last_bin``, and no later one.

    Parameters
    ----------
    stretch, onset_bin, last_alarm_bin, last_bin, is_closed
        See :func:`follow` and :class:`Course`, also for what is returned and raised.
    """
    return follow(stretch.until(last_bin + 1), Course(onset_bin, last_alarm_bin, last_bin, is_closed))


def follow(stretch: Stretch, course: Course) -> EndEstimate | None:
    """Estimate when an incident ended.

    Parameters
    ----------
    stretch
        The series around the incident; bins before the onset (a day of them, if there are) tell how noisy it is, bins
        after it was closed whether it went on. What was usual must not have followed the outage
        (:mod:`detectors.incidents.usual`).
    course
        What is known of it.

    Returns
    -------
    EndEstimate or None
        None where it cannot be said that it is over, in particular where nothing was observed.

    Raises
    ------
    SeriesError
        If the bins do not follow each other, or lie outside the stretch.
    """
    onset_bin, fired, last = course.onset_bin, course.last_alarm_bin, course.last_bin
    if not 0 <= onset_bin <= fired + 1 or not fired <= last < len(stretch):
        raise SeriesError(f"not in order: onset {onset_bin}, last alarm {fired}, last bin {last}")
    if not course.is_closed and last - fired < stretch.bins(QUIET_MIN):
        return None
    first = min(int(onset_bin), fired)
    outage = _known(stretch, first, fired + 1)
    needed = float(np.log(CLOSED_ODDS if course.is_closed else OPEN_ODDS))
    for stop in course.horizons(stretch):
        found = _locate(stretch, first, stop, outage)
        if found.odds >= needed:
            found = _zoom(stretch, (first, stop), found, outage)
            return EndEstimate(*(max(float(onset_bin), value) for value in (found.at, found.low, found.high)))
    return None


class _Found(NamedTuple):
    """Log odds for an end, and where it lies, in bins from the start of the stretch."""

    odds: float
    low: float
    at: float
    high: float


class _Outage(NamedTuple):
    """What the bins up to the last alarm tell: excess noise (1 to 8), and the mean excess in reports per bin."""

    noise: float
    level: float


def _known(stretch: Stretch, first: int, stop: int) -> _Outage:
    """Return what is known of the outage in bins ``first`` to ``stop`` (left out)."""
    during, noise = stretch.cut(first, stop), noise_before(stretch, first)
    weight = SURE_OF_NOISE / (SURE_OF_NOISE + usual_before(stretch, first))
    noise += weight * max(0.0, noise_within(during, noise) - noise)
    seen = np.isfinite(during.observed)
    if not seen.any():
        return _Outage(noise, 0.0)
    return _Outage(noise, max(0.0, float((during.observed - during.expected)[seen].mean())))


def _locate(stretch: Stretch, first: int, stop: int, outage: _Outage) -> _Found:
    """Look for the end in bins ``first`` to ``stop`` (left out), joined to at most :data:`MAX_BINS`."""
    step = -(-(stop - first) // MAX_BINS)
    core = stretch.cut(first, stop, step)
    at, scores, going_on = _scores(core, _Outage(outage.noise, outage.level * step))
    odds = float(log_mean(scores, axis=0)) - going_on
    lag = np.clip(LAG_SHARE * stretch.minutes, *LAG_MIN) + NOISY_LAG_MIN * (min(outage.noise, NOISY) - 1.0)
    density = _before_echoes(at, np.exp(scores - scores.max()), lag / core.minutes)
    return _Found(odds, *(first + step * value for value in quantiles(at, density, (0.05, 0.5, 0.95))))


def _zoom(stretch: Stretch, span: tuple[int, int], found: _Found, outage: _Outage) -> _Found:
    """Look again where the end is likely, in finer bins, if they had to be joined."""
    first, stop = span
    for _ in range(2):
        step = -(-(stop - first) // MAX_BINS)
        margin = max(stretch.bins(ZOOM_MIN), 4 * step)
        first, stop = max(first, int(found.low) - margin), min(stop, int(found.high) + 1 + margin)
        if -(-(stop - first) // MAX_BINS) < step:
            found = _locate(stretch, first, stop, outage)
    return found


def _before_echoes(at: Floats, density: Floats, lag: float) -> Floats:
    """Return the density of an end that reports outlast by ``lag`` bins on average (exponential), at evenly spaced."""
    spacing = float(at[1] - at[0]) if len(at) > 1 else 1.0
    weights = np.exp(-np.arange(0.0, 5.0 * lag, spacing) / lag)
    padded = np.concatenate((density, np.zeros(len(weights) - 1)))
    return np.convolve(padded, weights[::-1] / weights.sum(), mode="valid")


def _scores(core: Stretch, outage: _Outage) -> tuple[Floats, Floats, float]:
    """Return instants (bins of ``core``), the log-likelihood of an end at each, and that of no end at all."""
    levels, shape = levels_above(core, lowest=LOWEST_TAIL)
    loglik = _log_likelihoods(core, levels, shape, outage.noise)
    usual = float(core.expected.mean())
    lowest = max(LOWEST_PLATEAU * usual, OWN_SHARE * outage.level)
    floor = 1 + min(int(np.searchsorted(levels, lowest)), len(levels) - 1)
    plateau, going_on = _plateau(core, loglik, floor)
    decays = np.array(DECAYS_MIN) / core.minutes
    tail = _trailing_off(loglik, decays)
    weights = np.log(np.where(np.arange(len(decays)) == 0, AT_ONCE, 1.0) / (len(decays) - 1.0 + AT_ONCE))
    count = int(np.clip(core.minutes / FRACTION_MIN, 1, 8))
    parts = []
    for fraction in np.arange(count) / count:
        left = 1.0 - fraction
        inside = _shifted(len(levels), fraction + decays * -np.expm1(-left / decays))
        onward = _shifted(len(levels), np.exp(-left / decays))
        meet = plateau[:, None, :] + _read(inside, loglik[:, None]) + _read(onward, tail[1:])
        parts.append(log_sum(log_sum(meet, axis=2) + weights, axis=1))
    at = (np.arange(len(core))[:, None] + np.arange(count) / count).ravel()
    return at, np.stack(parts, axis=1).ravel(), going_on


def _log_likelihoods(core: Stretch, levels: Floats, shape: Floats, noise: float) -> Floats:
    """Return the log-likelihood of each bin at each level, shape (bins, levels + 1); the first level is usual."""
    y = core.observed[:, None]
    phi = np.maximum(core.phi, ERROR_SD**2 * max(1.0, ERROR_MIN / core.minutes))[:, None]
    above = log_likelihood(y, core.expected[:, None] + shape[:, None] * levels, phi)
    usual = log_mean(log_likelihood(y, core.expected[:, None] * np.array(NEAR_USUAL), phi), axis=1)
    loglik = np.column_stack((usual, above)) / noise
    bounded: Floats = np.maximum(loglik, loglik.max(axis=1, keepdims=True) + WORST_LOG)
    return bounded


def _plateau(core: Stretch, loglik: Floats, floor: int) -> tuple[Floats, float]:
    """Return the log-likelihood of the bins before t and the level at t, and that of all bins with no end.

    The level of an outage is never below that of index ``floor``.
    """
    likely, top = emission(loglik[:, floor:]), loglik[:, floor:].max(axis=1)
    count = likely.shape[1]
    rising, steady = (_moves(count, core.minutes, every) for every in (RISING_MIN, LEAP_MIN))
    message, scale = np.full(count, 1.0 / count), 0.0
    plateau = np.full_like(loglik, NEVER)
    for t in range(len(core)):
        plateau[t, floor:] = np.log(np.maximum(message, 1e-300)) + scale
        message = (message * likely[t]) @ (rising if t * core.minutes < RISE_MIN else steady)
        largest = message.max()
        message, scale = message / largest, scale + top[t] + np.log(largest)
    return plateau, float(scale + np.log(message.sum()))


def _moves(count: int, minutes: float, every: float) -> Floats:
    """Return the chances with which each level moves to each other in one bin, shape (levels, levels)."""
    steps = np.arange(count)
    aside = min(0.25, 0.5 * WANDER**2 * minutes / LEVEL_SPACING**2)
    near = np.where(abs(steps[:, None] - steps) == 1, aside, 0.0) + (1.0 - 2.0 * aside) * np.eye(count)
    leap = 1.0 - np.exp(-minutes / every)
    moves: Floats = (1.0 - leap) * near / near.sum(axis=1, keepdims=True) + leap / count
    return moves


def _shifted(count: int, factors: Floats) -> Floats:
    """Return matrices that read a function of the level at ``factors`` times each level: (factors, levels, levels).

    What falls below the lowest level is usual (index 0). Interpolated with cubics: repeated from bin to bin, straight
    lines would smear the levels, and slow decays would look impossible.
    """
    position = np.arange(count + 1) + np.log(np.maximum(factors, 1e-30))[:, None] / LEVEL_SPACING
    position[:, 0] = 0.0
    position = np.maximum(position, 0.0)
    away = position[..., None] - np.arange(count + 1)
    straight = np.maximum(0.0, 1.0 - np.abs(away))
    is_inside = (position >= 2.0) & (position <= count - 1.0)
    weights: Floats = np.where(is_inside[..., None], _cubic(np.abs(away)), straight)
    return weights


def _cubic(away: Floats) -> Floats:
    """Return the weight of a point ``away`` steps in Lagrange's cubic through the four nearest points."""
    near = (1.0 - away**2) * (2.0 - away) / 2.0
    far = (1.0 - away) * (2.0 - away) * (3.0 - away) / 6.0
    return np.where(away < 1.0, near, np.where(away < 2.0, far, 0.0))


def _read(matrices: Floats, values: Floats) -> Floats:
    """Return ``values``, shape (bins, decays or 1, levels), read at the shifted levels of each decay."""
    read: Floats = (matrices @ values.transpose(1, 2, 0)).transpose(2, 0, 1)
    return read


def _trailing_off(loglik: Floats, decays: Floats) -> Floats:
    """Return the log-likelihood of the bins from t on, by time constant and level at t: (bins + 1, decays, levels)."""
    count = loglik.shape[1] - 1
    inside = _read(_shifted(count, decays * -np.expm1(-1.0 / decays)), loglik[:, None])
    onward = _shifted(count, np.exp(-1.0 / decays))
    tail = np.zeros((len(loglik) + 1, *onward.shape[:2]))
    hazard = (STOPS / decays)[:, None]
    stay, stop = -hazard, np.log(-np.expm1(-hazard))
    for t in range(len(loglik) - 1, -1, -1):
        later = (onward @ tail[t + 1][..., None])[..., 0]
        tail[t] = inside[t] + np.logaddexp(stay + later, stop + tail[t + 1][:, :1])
    return tail
