"""Tails and quantiles of negative-binomial and Poisson counts, without scipy.

Formulas: Abramowitz and Stegun (1964), 6.5.29 (series of the incomplete gamma function), 6.5.31 and 26.5.8 (continued
fractions of the incomplete gamma and beta functions), evaluated by Lentz's method (Lentz 1976). Counts need not be
whole: the tail of the continuous extension is meant then.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from detectors.baselines.jit import compiled

if TYPE_CHECKING:
    from detectors.spikes.peers.base import Floats

MAX_TERMS = 50_000
ENOUGH = 1e-15
TINY = 1e-300
POISSON_PHI = 1e-7
"""Counts of less dispersion are taken for Poisson."""


@compiled
def log_gamma_lower(a: float, x: float) -> float:
    """Return the log of the regularised lower incomplete gamma function P(a, x), a > 0, x > 0."""
    scale = a * math.log(x) - x - math.lgamma(a)
    if x < a + 1.0:
        term = total = 1.0 / a
        for n in range(1, MAX_TERMS):
            term *= x / (a + n)
            total += term
            if term < total * ENOUGH:
                break
        return scale + math.log(total)
    b = x + 1.0 - a
    c, d = 1.0 / TINY, 1.0 / b
    h = d
    for n in range(1, MAX_TERMS):
        an = -n * (n - a)
        b += 2.0
        d = 1.0 / (an * d + b)
        c = b + an / c
        h *= d * c
        if abs(d * c - 1.0) < ENOUGH:
            break
    return math.log1p(-min(1.0 - ENOUGH, math.exp(scale + math.log(h))))


@compiled
def beta_fraction(a: float, b: float, x: float) -> float:
    """Return the continued fraction of the incomplete beta function, for x < (a + 1)/(a + b + 2)."""
    c = 1.0
    d = 1.0 / (1.0 - (a + b) * x / (a + 1.0))
    h = d
    for m in range(1, MAX_TERMS):
        even = m * (b - m) * x / ((a + 2 * m - 1.0) * (a + 2 * m))
        d = 1.0 / (1.0 + even * d)
        c = 1.0 + even / c
        h *= d * c
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1.0))
        d = 1.0 / (1.0 + odd * d)
        c = 1.0 + odd / c
        h *= d * c
        if abs(d * c - 1.0) < ENOUGH:
            break
    return h


@compiled
def log_beta_lower(a: float, b: float, x: float) -> float:
    """Return the log of the regularised incomplete beta function I_x(a, b), 0 < x < 1."""
    scale = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    if x < (a + 1.0) / (a + b + 2.0):
        return scale - math.log(a) + math.log(beta_fraction(a, b, x))
    upper = math.exp(scale - math.log(b)) * beta_fraction(b, a, 1.0 - x)
    return math.log1p(-min(1.0 - ENOUGH, upper))


@compiled
def log_tail(count: float, mu: float, phi: float) -> float:
    """Return log P(Y >= count) for counts of mean ``mu`` and variance ``mu + phi mu**2``."""
    if count <= 0.0:
        return 0.0
    if mu <= 0.0:
        return -math.inf
    if phi < POISSON_PHI:
        return log_gamma_lower(count, mu)
    return log_beta_lower(count, 1.0 / phi, mu * phi / (1.0 + mu * phi))


@compiled
def log_tails(counts: Floats, mu: Floats, phi: Floats, out: Floats) -> None:
    """Fill ``out`` with log P(Y >= count), elementwise over shape (series, bins); NaN stays NaN."""
    for i in range(counts.shape[0]):
        for b in range(counts.shape[1]):
            if math.isnan(counts[i, b]) or math.isnan(mu[i, b]):
                out[i, b] = math.nan
            else:
                out[i, b] = log_tail(counts[i, b], mu[i, b], phi[i, b])


@compiled
def quantile(mu: float, phi: float, upper: float) -> float:
    """Return the smallest whole k with P(Y > k) <= ``upper``."""
    limit = math.log(upper)
    low = 1.0 * math.floor(mu)  # grows or shrinks until P(Y > low) > upper >= P(Y > high)
    step = max(1.0, 1.0 * math.floor(math.sqrt(mu + phi * mu * mu)))
    high = low
    while high >= 0.0 and log_tail(high + 1.0, mu, phi) > limit:
        low = high
        high += step
    while low >= 0.0 and log_tail(low + 1.0, mu, phi) <= limit:
        high = low
        low -= step
    low = max(low, -1.0)
    while high - low > 1.0:
        middle = 1.0 * math.floor(0.5 * (low + high))
        if log_tail(middle + 1.0, mu, phi) <= limit:
            high = middle
        else:
            low = middle
    return high


@compiled
def quantiles(mu: Floats, phi: Floats, upper: float, out: Floats) -> None:
    """Fill ``out`` with quantiles, elementwise over shape (series, bins); equal neighbours cost nothing."""
    for i in range(mu.shape[0]):
        mu_before = phi_before = -1.0
        found = 0.0
        for b in range(mu.shape[1]):
            if math.isnan(mu[i, b]):
                out[i, b] = math.nan
                continue
            if mu[i, b] != mu_before or phi[i, b] != phi_before:
                mu_before, phi_before = mu[i, b], phi[i, b]
                found = quantile(mu_before, phi_before, upper)
            out[i, b] = found
