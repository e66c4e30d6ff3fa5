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
MAX_REFERENCES, MIN_REFERENCES, TREND_DAYS = DAYS * (2 * REACH + 1), 3, 3
LIMIT, ALPHA = 2.58, 0.005
RECENT_SLOTS, MIN_CASES = 4, 5.0
ITERATIONS, CONVERGED, MAX_LOG = 25, 1e-7, 20.0


class Memory(NamedTuple):
    """Sums of bins observed, counts and squared counts (series, 30, slots, 3); mean and phi of now (series, 2)."""

    slots: Floats
    now: Floats


class References(NamedTuple):
    """Reference slots: regressors (n, 3), bins, sums of counts and of squared counts, weights; each of shape (n,)."""

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
    """Set the normal equations ``X'WX`` and ``X'W(z - eta)`` of one step."""
    p = len(right)
    inverse[:] = 0.0
    right[:] = 0.0
    for i in range(len(refs.bins)):
        mean = predict(refs.x[i], beta, p)
        weight = refs.weights[i] * refs.bins[i] * mean
        error = refs.weights[i] * (refs.counts[i] - refs.bins[i] * mean)
        for k in range(p):
            right[k] += refs.x[i, k] * error
            for j in range(p):
                inverse[k, j] += refs.x[i, k] * refs.x[i, j] * weight
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
def weigh(refs: References, p: int, beta: Floats, inverse: Floats) -> None:
    """Set the weights from the Anscombe residuals of the slots' sums."""
    n = len(refs.bins)
    pearson = 0.0
    for i in range(n):
        mean = refs.bins[i] * predict(refs.x[i], beta, p)
        pearson += (refs.counts[i] - mean) ** 2 / mean
    phi = max(1.0, pearson / max(1, n - p))
    for i in range(n):
        mean = refs.bins[i] * predict(refs.x[i], beta, p)
        leverage = 0.0
        for k in range(p):
            for j in range(p):
                leverage += refs.x[i, k] * inverse[k, j] * refs.x[i, j] * mean
        third = refs.counts[i] ** (2.0 / 3.0) - mean ** (2.0 / 3.0)
        s = 1.5 * third / (mean ** (1.0 / 6.0) * math.sqrt(phi * max(1e-6, 1.0 - leverage)))
        refs.weights[i] = 1.0 if s < LIMIT else (LIMIT / s) ** 2


@compiled
def dispersion(refs: References, p: int, beta: Floats) -> float:
    """Return phi of single bins."""
    total, weights, bins = 0.0, 0.0, 0.0
    for i in range(len(refs.bins)):
        mean = predict(refs.x[i], beta, p)
        squares = refs.squares[i] - 2.0 * mean * refs.counts[i] + refs.bins[i] * mean * mean
        total += refs.weights[i] * squares / mean
        weights += refs.weights[i] * refs.bins[i]
        bins += refs.bins[i]
    return float(max(1.0, total / weights * bins / max(1.0, bins - p)))


@compiled
def gather(slots: Floats, day: int, slot: int) -> References:
    """Pick the reference slots of the days before ``day`` (0 = 1970-01-01, a Thursday)."""
    per_day = slots.shape[1]
    x, sums = np.zeros((MAX_REFERENCES, 3)), np.zeros((MAX_REFERENCES, 3))
    n = 0
    for back in range(DAYS, 0, -1):
        for near in range(-REACH, REACH + 1):
            at = slot + near
            shift = (at >= per_day) - (at < 0)
            cell = slots[(day - back + shift) % ROWS, at % per_day]
            if cell[0] == 0.0:
                continue
            x[n, 0], x[n, 1] = 1.0, -float(back)
            x[n, 2] = 1.0 if (day - back + shift) % 7 in (2, 3) else 0.0
            for k in range(3):
                sums[n, k] = cell[k]
            n += 1
    return References(x[:n], sums[:n, 0], sums[:n, 1], sums[:n, 2], np.ones(n))


@compiled
def columns(refs: References, with_trend: bool, today: Floats) -> int:  # noqa: FBT001 - compiled
    """Put the regressors that are used first, in ``refs.x`` and in ``today``; return how many there are."""
    weekends = refs.x[:, 2].sum()
    with_weekend = 0.0 < weekends < len(refs.bins)
    p = 1
    if with_trend:
        p += 1
    if with_weekend:
        refs.x[:, p] = refs.x[:, 2]
        today[p] = today[2]
        p += 1
    return p


@compiled
def forecast(refs: References, is_weekend: bool, with_trend: bool) -> tuple[float, float, float]:  # noqa: FBT001
    """Return mean and phi of a bin of now, and the largest mean of a reference slot."""
    today, inverse = np.zeros(3), np.zeros((3, 3))
    today[0], today[2] = 1.0, 1.0 if is_weekend else 0.0
    p = columns(refs, with_trend, today)
    if with_trend:
        today[1] = 0.0
    refs.weights[:] = 1.0
    beta = np.zeros(3)
    beta[0] = math.log(refs.counts.sum() / refs.bins.sum())
    fit(refs, p, beta, inverse)
    weigh(refs, p, beta, inverse)
    fit(refs, p, beta, inverse)
    return predict(today, beta, p), dispersion(refs, p, beta), (refs.counts / refs.bins).max()


@compiled
def refit(slots: Floats, day: int, slot: int, now: Floats) -> None:
    """Set mean and phi of a bin in the slot that begins; NaN with fewer than three references."""
    refs = gather(slots, day, slot)
    now[:] = math.nan
    if len(refs.bins) < MIN_REFERENCES:
        return
    if refs.counts.sum() == 0.0:
        now[0], now[1] = 0.0, 1.0
        return
    is_weekend = day % 7 in (2, 3)
    with_trend = refs.x[-1, 1] - refs.x[0, 1] >= TREND_DAYS - 1
    mean, phi, largest = forecast(refs, is_weekend, with_trend)
    if with_trend and mean > largest:
        mean, phi, largest = forecast(gather(slots, day, slot), is_weekend, False)
    now[0], now[1] = mean, phi


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
