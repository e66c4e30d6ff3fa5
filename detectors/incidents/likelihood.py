"""What the estimates of onset and end share: a stretch of one series, its noise, and levels above usual.

Counts are negative-binomial, with variance ``mu + phi mu**2``. Series that excite themselves (people who repeat or
answer each other) vary more than that over minutes; :func:`excess_noise` measures by how much, and the likelihoods
are divided by it (quasi-likelihood; McCullagh and Nelder 1989).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from detectors.errors import SeriesError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

LEVEL_SPACING = 0.16
"""Distance of neighbouring levels, in log units: about the wobble of a real plateau."""

MIN_DISPERSION = 0.02
"""A usual rate is never known better than to a seventh."""

DAY_MIN = 1440.0
NOISE_BLOCK_MIN = 8.0
NOISE_PRIOR, USUAL_NOISE = 20.0, 1.2
MAX_NOISE = 8.0
WORST_LOG = -30.0
"""No single bin may say more than this against a level: one odd bin must not decide."""


@dataclass(frozen=True, eq=False)
class Stretch:
    """A stretch of one series, with what would have been usual.

    Parameters
    ----------
    observed
        Shape (bins,): reports per bin, NaN = not observed.
    expected
        Shape (bins,): the usual reports per bin; frozen while an incident lasts.
    dispersion
        phi of the variance ``mu + phi mu**2``: a number, or shape (bins,).
    bin_width_s
        Width of a bin in seconds.

    Raises
    ------
    SeriesError
        If the shapes differ or nothing is there.
    """

    observed: Floats
    expected: Floats
    dispersion: Floats | float
    bin_width_s: float = 60.0

    def __post_init__(self) -> None:
        shape = np.shape(self.observed)
        if len(shape) != 1 or not shape[0]:
            raise SeriesError(f"a stretch needs one axis of bins, not shape {shape}")
        if np.shape(self.expected) != shape or np.shape(self.dispersion) not in ((), shape):
            raise SeriesError("observed, expected and dispersion differ in length")
        if not self.bin_width_s > 0:
            raise SeriesError(f"bin_width_s must be above 0, not {self.bin_width_s}")

    def __len__(self) -> int:
        return len(self.observed)

    @property
    def minutes(self) -> float:
        """Width of a bin in minutes."""
        return self.bin_width_s / 60.0

    @property
    def phi(self) -> Floats:
        """Dispersion, shape (bins,), not below :data:`MIN_DISPERSION` and never NaN."""
        phi = np.broadcast_to(np.asarray(self.dispersion, float), np.shape(self.observed))
        return np.asarray(np.fmax(phi, MIN_DISPERSION))

    def bins(self, minutes: float, *, at_least: int = 1) -> int:
        """Return how many bins ``minutes`` are, rounded."""
        return max(at_least, round(minutes / self.minutes))

    def until(self, stop: int) -> Stretch:
        """Return the bins before ``stop``."""
        dispersion = self.dispersion[:stop] if isinstance(self.dispersion, np.ndarray) else self.dispersion
        return replace(self, observed=self.observed[:stop], expected=self.expected[:stop], dispersion=dispersion)

    def cut(self, start: int, stop: int, step: int = 1) -> Stretch:
        """Return bins ``start`` to ``stop`` (left out), each ``step`` of them joined; an incomplete last one goes.

        A joined bin counts what was observed in it against what was expected of just those bins.
        """
        stop = start + (stop - start) // step * step
        y, mu, phi = (np.reshape(a[start:stop], (-1, step)) for a in (self.observed, self.expected, self.phi))
        seen = np.isfinite(y) & np.isfinite(mu)
        total = np.where(seen.any(axis=1), np.where(seen, y, 0.0).sum(axis=1), np.nan)
        usual = np.where(seen, mu, 0.0).sum(axis=1)
        return Stretch(total, usual, phi.mean(axis=1), self.bin_width_s * step)


def log_likelihood(observed: Floats, mean: Floats, dispersion: Floats) -> Floats:
    """Return the log-likelihood of negative-binomial counts, without the part that no mean changes.

    All three must broadcast; where ``observed`` is NaN the answer is 0: what was not seen says nothing.
    """
    mean = np.maximum(mean, 1e-6)
    y = np.where(np.isfinite(observed), observed, 0.0)
    value = y * np.log(mean) - (y + 1.0 / dispersion) * np.log1p(dispersion * mean)
    return np.asarray(np.where(np.isfinite(observed), value, 0.0))


def noise_before(stretch: Stretch, start: int) -> float:
    """Return :func:`excess_noise` of the day before bin ``start``."""
    quiet = max(0, start - stretch.bins(DAY_MIN))
    return excess_noise(stretch.cut(quiet, start)) if start > quiet else USUAL_NOISE


def usual_before(stretch: Stretch, start: int) -> float:
    """Return how many reports were usual in the day before bin ``start``, where it was observed."""
    past = slice(max(0, start - stretch.bins(DAY_MIN)), start)
    return float(np.nansum(stretch.expected[past][np.isfinite(stretch.observed[past])]))


def excess_noise(quiet: Stretch) -> float:
    """Return by what factor sums over some minutes vary more than ``mu + phi mu**2`` says, 1 to 8.

    Parameters
    ----------
    quiet
        Bins from before the incident; with few reports in them the answer stays near 1.2.
    """
    step = min(quiet.bins(NOISE_BLOCK_MIN), len(quiet))
    stop = len(quiet) // step * step
    y, mu, phi = (np.reshape(a[:stop], (-1, step)) for a in (quiet.observed, quiet.expected, quiet.phi))
    seen = np.isfinite(y) & np.isfinite(mu)
    error = np.where(seen, y - mu, 0.0).sum(axis=1)
    # bins vary apart from each other, so their variances add; a dispersion of the sum would hide that they do not
    usual = np.where(seen, mu + phi * mu**2, 0.0).sum(axis=1)
    squares = np.minimum(error**2, 25.0 * (usual + 0.5))  # winsorised: an earlier burst must not pass for noise
    factor = (squares.sum() + NOISE_PRIOR * USUAL_NOISE) / (usual.sum() + NOISE_PRIOR)
    return float(np.clip(factor, 1.0, MAX_NOISE))


def noise_within(outage: Stretch, before: float) -> float:
    """Return by what factor sums over some minutes vary more than ``mu + phi mu**2`` says while an outage lasts.

    Series with few usual reports show only then whether they excite themselves. Every sum is compared with the mean of
    its neighbours (a second difference), which takes out what rises or falls steadily.

    Parameters
    ----------
    outage
        Bins from the onset to the last alarm.
    before
        What :func:`excess_noise` said: the answer where the outage says little.
    """
    step = outage.bins(NOISE_BLOCK_MIN)
    count = len(outage) // step
    y, phi = (np.reshape(a[: count * step], (count, step)) for a in (outage.observed, outage.phi))
    seen = np.isfinite(y)
    known = seen.mean(axis=1) > 0.5
    if known.sum() < 3:
        return before
    total = step * np.nanmean(y[known], axis=1)
    near = (total[2:] + total[:-2]) / 2.0
    mean = (total[1:-1] + 2.0 * near) / 3.0
    usual = mean + phi[known].mean(axis=1)[1:-1] * mean**2 / step
    squares = np.minimum((total[1:-1] - near) ** 2 / 1.5, 25.0 * (usual + 0.5))
    factor = (squares.sum() + NOISE_PRIOR * before) / (usual.sum() + NOISE_PRIOR)
    return float(np.clip(factor, 1.0, MAX_NOISE))


def levels_above(stretch: Stretch, *, lowest: float) -> tuple[Floats, Floats]:
    """Return a grid of excess rates for a stretch, and the shape in time of the excess.

    Parameters
    ----------
    stretch
        The bins that hold the incident.
    lowest
        The smallest excess, as a multiple of the usual rate.

    Returns
    -------
    levels : shape (levels,)
        Reports per bin above usual, evenly spaced in logarithm.
    shape : shape (bins,)
        Mean 1: an outage at a busy hour brings more reports.
    """
    usual = float(stretch.expected.mean())
    shape = stretch.expected / usual if usual > 0 else np.ones(len(stretch))
    top = max(1.3 * float(np.nanmax(np.nan_to_num(stretch.observed))), 2.0, 4.0 * lowest * usual)
    bottom = min(max(lowest * usual, top / 1000.0), top / 4.0)
    count = int(np.ceil(np.log(top / bottom) / LEVEL_SPACING)) + 1
    return np.geomspace(bottom, top, count), shape


def emission(loglik: Floats) -> Floats:
    """Return likelihoods over the last axis, scaled so that the best is 1, and none hopelessly small."""
    return np.asarray(np.exp(np.maximum(loglik - loglik.max(axis=-1, keepdims=True), WORST_LOG)))


def log_mean(values: Floats, axis: int) -> Floats:
    """Return the logarithm of the mean of exponentials along ``axis``."""
    return log_sum(values, axis) - float(np.log(values.shape[axis]))


def log_sum(values: Floats, axis: int) -> Floats:
    """Return the logarithm of the sum of exponentials along ``axis``."""
    top = values.max(axis=axis, keepdims=True)
    total: Floats = np.log(np.exp(values - top).sum(axis=axis)) + np.squeeze(top, axis=axis)
    return total


def quantiles(at: Floats, density: Floats, shares: tuple[float, ...]) -> list[float]:
    """Return where the cumulative density over ``at`` (ascending) reaches each of ``shares``."""
    steps = np.diff(at) * (density[1:] + density[:-1]) / 2.0
    cumulative = np.concatenate(([0.0], np.cumsum(steps)))
    if not cumulative[-1] > 0:
        return [float(at[int(np.argmax(density))])] * len(shares)
    return [float(value) for value in np.interp(shares, cumulative / cumulative[-1], at)]
