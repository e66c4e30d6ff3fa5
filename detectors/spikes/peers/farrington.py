"""Farrington Flexible: a robust quasi-Poisson regression on the same time of earlier days.

Noufaily, Enki, Farrington, Garthwaite, Andrews and Charlett (2013), "An improved algorithm for outbreak detection in
multiple surveillance systems", Statistics in Medicine 32:1206-1222; after Farrington, Andrews, Beale and Catchpole
(1996), JRSS A 159:547-563. Reference counts y with mean mu and variance phi mu::

    log mu(i) = theta + beta t(i) + season
    s(i) = 3/2 (y**(2/3) - mu**(2/3)) / (mu**(1/6) sqrt(phi (1 - h(i))))       Anscombe residuals, h = leverage
    w(i) = 1 if s(i) < 2.58, else (2.58/s(i))**2; fitted once more with these weights
    phi  = max(1, sum w (y - mu)**2/mu / (n - p))
    U = .995 quantile of the negative binomial with mean mu(0), variance phi mu(0);  X = (y(0) - mu(0)) / (U - mu(0))

alarm where X >= 1 and the latest 4 weeks hold at least 5 cases. The weights are theirs, up to the constant that makes
them sum to n, which is applied in phi. Score: X, or 0 with fewer than 5 cases.

Adapted: their year of weeks is a day of slots here (30 min, or one bin, if longer). The references are the slots
within 3 of the same time of day (their w = 3) of the 28 days before (their 5 years; 28 so that each weekday counts
four times); the season is whether it is a weekend, since the same time of day is all that is looked at (their 10-level
factor serves to use the rest of the year too); the latest 4 weeks are the latest 4 slots. Regression on slot sums,
exact for the coefficients, as bins of a slot share their mean; phi, in bins, from the slots' sums of squares; weights
per slot. The trend is always fitted, as theirs, but only from 3 days on, and dropped where it forecasts more than any
reference (as in Farrington et al. 1996). References exclude the day itself, as theirs the latest half year. A slot
counts for as many bins as were observed in it. Refitted when a slot begins.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from detectors.baselines.jit import compiled
from detectors.spikes.peers.base import DAY_S, Clock, Out, Peer
from detectors.spikes.peers.tails import quantiles

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detectors.spikes.peers.base import Floats

SLOT_S, DAYS, REACH = 1800, 28, 3
ROWS = DAYS + 2
"""Days that are kept: today, the 28 before, and one that the first slots of the oldest reach into."""
MIN_REFERENCES, TREND_DAYS = 3, 3
LIMIT, ALPHA = 2.58, 0.005
RECENT_SLOTS, MIN_CASES = 4, 5.0
ITERATIONS, CONVERGED, MAX_LOG = 25, 1e-7, 20.0


class Memory(NamedTuple):
    """Sums of bins observed, counts and squared counts (series, 30, slots, 3); mean and phi of now (series, 2)."""

    slots: Floats
    now: Floats


class References(NamedTuple):
    """Reference slots, a row for each day that has any.

    Attributes
    ----------
    x
        Shape (days, 3): the regressors.
    bins, counts, squares, weights
        Shape (days, 7), a column for each slot of the window: bins observed (0 = no reference), sums of counts and of
        squared counts, weights.
    """

    x: Floats
    bins: Floats
    counts: Floats
    squares: Floats
    weights: Floats


@compiled
def solve(a: Floats, p: int) -> None:
    """Invert the symmetric ``a[:p, :p]`` in place (Gauss-Jordan; a positive definite matrix needs no pivoting)."""
    for k in range(p):
        pivot = 1.0 / a[k, k]
        a[k, k] = 1.0
        for j in range(p):
            a[k, j] *= pivot
        for i in range(p):
            if i != k:
                factor = a[i, k]
                a[i, k] = 0.0
                for j in range(p):
                    a[i, j] -= factor * a[k, j]


@compiled
def predict(x: Floats, beta: Floats, p: int) -> float:
    """Return the mean per bin that a slot with regressors ``x`` has."""
    total = 0.0
    for k in range(p):
        total += x[k] * beta[k]
    return math.exp(min(MAX_LOG, max(-MAX_LOG, total)))


@compiled
def set_up(refs: References, beta: Floats, inverse: Floats, right: Floats) -> None:
    """Set the normal equations ``X'WX`` and ``X'W(z - eta)`` of one step; slots of a day share their mean."""
    p = len(right)
    inverse[:] = 0.0
    right[:] = 0.0
    for d in range(len(refs.x)):
        mean = predict(refs.x[d], beta, p)
        weight = mean * np.sum(refs.weights[d] * refs.bins[d])
        error = np.sum(refs.weights[d] * refs.counts[d]) - weight
        for k in range(p):
            right[k] += refs.x[d, k] * error
            for j in range(p):
                inverse[k, j] += refs.x[d, k] * refs.x[d, j] * weight
    for k in range(p):
        inverse[k, k] += 1e-9 * (1.0 + inverse[k, k])


@compiled
def fit(refs: References, p: int, beta: Floats, inverse: Floats) -> None:
    """Fit the coefficients by iterated least squares, from where they are; leave ``(X'WX)**-1`` in ``inverse``."""
    right = np.zeros(p)
    for _ in range(ITERATIONS):
        set_up(refs, beta, inverse, right)
        solve(inverse, p)
        largest = 0.0
        for k in range(p):
            step = 0.0
            for j in range(p):
                step += inverse[k, j] * right[j]
            step = min(2.0, max(-2.0, step))
            beta[k] += step
            largest = max(largest, abs(step))
        if largest < CONVERGED:
            break


@compiled
def slot_phi(refs: References, p: int, means: Floats) -> float:
    """Return phi of whole slots, from Pearson's statistic; ``means`` per bin, shape (days,)."""
    pearson, n = 0.0, 0
    for d in range(len(means)):
        for k in range(refs.bins.shape[1]):
            if refs.bins[d, k] > 0.0:
                mean = refs.bins[d, k] * means[d]
                pearson += (refs.counts[d, k] - mean) ** 2 / mean
                n += 1
    return float(max(1.0, pearson / max(1, n - p)))


@compiled
def anscombe(count: float, mean: float, scale: float) -> float:
    """Return the standardised Anscombe residual; ``scale`` is phi (1 - leverage)."""
    return float(1.5 * (count ** (2.0 / 3.0) - mean ** (2.0 / 3.0)) / (mean ** (1.0 / 6.0) * math.sqrt(scale)))


@compiled
def weigh(refs: References, p: int, means: Floats, inverse: Floats) -> None:
    """Set the weights from the Anscombe residuals of the slots' sums."""
    phi = slot_phi(refs, p, means)
    for d in range(len(means)):
        x = refs.x[d]
        spread = 0.0
        for k in range(p):
            for j in range(p):
                spread += x[k] * inverse[k, j] * x[j]
        for k in range(refs.bins.shape[1]):
            mean = refs.bins[d, k] * means[d]
            if mean > 0.0:
                s = anscombe(refs.counts[d, k], mean, phi * max(1e-6, 1.0 - spread * mean))
                refs.weights[d, k] = 1.0 if s < LIMIT else (LIMIT / s) ** 2


@compiled
def bin_phi(refs: References, p: int, means: Floats) -> float:
    """Return phi of single bins, weighted; ``means`` per bin, shape (days,)."""
    total, weights, bins = 0.0, 0.0, 0.0
    for d in range(len(means)):
        mean = means[d]
        for k in range(refs.bins.shape[1]):
            n, weight = refs.bins[d, k], refs.weights[d, k]
            total += weight * (refs.squares[d, k] - 2.0 * mean * refs.counts[d, k] + n * mean * mean) / mean
            weights += weight * n
            bins += n
    return float(max(1.0, total / weights * bins / max(1.0, bins - p)))


@compiled
def gather(slots: Floats, day: int, slot: int) -> References:
    """Pick the reference slots of the days before ``day`` (0 = 1970-01-01, a Thursday)."""
    per_day, width = slots.shape[1], 2 * REACH + 1
    x, cells = np.zeros((DAYS, 3)), np.zeros((DAYS, width, 3))
    n = 0
    for back in range(DAYS, 0, -1):
        is_there = False
        for k in range(width):
            at = slot + k - REACH
            row = day - back + (at >= per_day) - (at < 0)
            for c in range(3):
                cells[n, k, c] = slots[row % ROWS, at % per_day, c]
            is_there = is_there or cells[n, k, 0] > 0.0
        if is_there:
            x[n, 0], x[n, 1] = 1.0, -float(back)
            x[n, 2] = 1.0 if (day - back) % 7 in (2, 3) else 0.0
            n += 1
    return References(x[:n], cells[:n, :, 0], cells[:n, :, 1], cells[:n, :, 2], np.ones((n, width)))


@compiled
def columns(refs: References, with_trend: bool, today: Floats) -> int:  # noqa: FBT001 - compiled
    """Put the regressors that are used first, in ``refs.x`` and in ``today``; return how many there are."""
    p = 2 if with_trend else 1
    if 0.0 < refs.x[:, 2].sum() < len(refs.x):
        refs.x[:, p] = refs.x[:, 2]
        today[p] = today[2]
        p += 1
    return p


@compiled
def day_means(refs: References, p: int, beta: Floats) -> Floats:
    """Return the mean per bin of each day, shape (days,)."""
    means = np.empty(len(refs.x))
    for d in range(len(means)):
        means[d] = predict(refs.x[d], beta, p)
    return means


@compiled
def forecast(refs: References, with_trend: bool, today: Floats) -> tuple[float, float]:  # noqa: FBT001 - compiled
    """Return mean and phi of a bin of the slot with the regressors ``today``."""
    inverse, beta = np.zeros((3, 3)), np.zeros(3)
    p = columns(refs, with_trend, today)
    beta[0] = math.log(refs.counts.sum() / refs.bins.sum())
    fit(refs, p, beta, inverse)
    weigh(refs, p, day_means(refs, p, beta), inverse)
    fit(refs, p, beta, inverse)
    return predict(today, beta, p), bin_phi(refs, p, day_means(refs, p, beta))


@compiled
def largest(refs: References) -> float:
    """Return the largest mean of a reference slot."""
    found = 0.0
    for d in range(len(refs.x)):
        for k in range(refs.bins.shape[1]):
            if refs.bins[d, k] > 0.0:
                found = max(found, refs.counts[d, k] / refs.bins[d, k])
    return found


@compiled
def refit(slots: Floats, day: int, slot: int, now: Floats) -> None:
    """Set mean and phi of a bin in the slot that begins; NaN with fewer than three references."""
    refs = gather(slots, day, slot)
    now[:] = math.nan
    if np.sum(refs.bins > 0.0) < MIN_REFERENCES:
        return
    if refs.counts.sum() == 0.0:
        now[0], now[1] = 0.0, 1.0
        return
    weekend = 1.0 if day % 7 in (2, 3) else 0.0
    with_trend = refs.x[-1, 1] - refs.x[0, 1] >= TREND_DAYS - 1
    now[0], now[1] = forecast(refs, with_trend, np.array([1.0, 0.0, weekend]))
    if with_trend and now[0] > largest(refs):
        now[0], now[1] = forecast(gather(slots, day, slot), False, np.array([1.0, 0.0, weekend]))


@compiled
def run(y: Floats, memory: Memory, clock: Clock, out: Out, cases: Floats) -> None:
    """Take bins of all series; fill mean and phi (as ``expected`` and ``dispersion``), and the cases of late."""
    per_day = memory.slots.shape[2]
    for i in range(y.shape[0]):
        slots = memory.slots[i]
        for b in range(y.shape[1]):
            day, slot, value = clock.day[b], clock.slot[b], y[i, b]
            if clock.is_new_day[b]:
                slots[day % ROWS] = 0.0
            if clock.is_new_slot[b]:
                refit(slots, day, slot, memory.now[i])
            out.expected[i, b], out.dispersion[i, b] = memory.now[i, 0], memory.now[i, 1]
            if not math.isnan(value):
                cell = slots[day % ROWS, slot]
                cell[0] += 1.0
                cell[1] += value
                cell[2] += value * value
            cases[i, b] = 0.0
            for back in range(RECENT_SLOTS):
                at = slot - back
                cases[i, b] += slots[(day - (at < 0)) % ROWS, at % per_day, 1]


class Farrington(Peer):
    """Farrington Flexible over the same time of the last 28 days."""

    VERSION: ClassVar[str] = "farrington-1"

    def _remember(self) -> dict[str, NDArray[Any]]:
        n, per_day = self.n_series, -(-DAY_S // max(SLOT_S, self.bin_width_s))
        return {"slots": np.zeros((n, ROWS, per_day, 3)), "now": np.full((n, 2), np.nan)}

    def _score(self, y: Floats, out: Out) -> None:
        clock, cases = self.clock(y.shape[1], max(SLOT_S, self.bin_width_s)), np.empty(y.shape)
        run(y, Memory(**self.memory), clock, out, cases)
        mean, phi = out.expected, out.dispersion.copy()
        with np.errstate(divide="ignore", invalid="ignore"):
            out.dispersion[...] = np.where(mean > 0, (phi - 1) / mean, 0.0)  # variance phi mu = mu + dispersion mu**2
        bound = np.empty(y.shape)
        quantiles(mean, out.dispersion, ALPHA, bound)
        excess = (y - mean) / (np.maximum(bound, 1.0) - mean)
        out.score[...] = np.where(np.isnan(mean), np.nan, np.where(cases >= MIN_CASES, excess, 0.0))
