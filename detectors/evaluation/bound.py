"""How fast and how well anybody could detect: the bound on the delay, and a detector that knows the true rates.

For a change whose size is known, no rule that raises a false alarm every ``ARL`` bins on average detects it sooner on
average than after about ``ln(ARL) / KL(after || before)`` bins (Lorden 1971; CUSUM attains it, Moustakides 1986).
Outages rise, so the information is added up bin by bin until it reaches ``ln(ARL)``.

The oracle is the scan over windows that the detectors do, told what they must learn: the true rate of every bin without
the outage, and how counts scatter about it. It does not know when an outage comes, how large it is, how long it lasts.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from detectors.evaluation.simulate.counts import overdispersion

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detectors.evaluation.simulate import Noise, OutageTruth, SimulatedCounts

    Floats = NDArray[np.float64]

ARLS = {"watch": 43_200, "page": 432_000}
"""Bins of a minute between false alarms that are granted: one a service-month for a watch, a tenth for a page."""

WINDOWS_MIN = (1, 2, 3, 5, 8, 12, 18, 27, 40, 60, 90, 135)
ORACLE_NATS = 10.0
"""What the oracle's score of 1 stands for; where it is compared, its threshold is set anew."""

MIN_REPORTS = 3
_TINY = 1e-9


def divergence(before: Floats, after: Floats, noise: Noise) -> Floats:
    """Return KL(after || before) of one bin's count, in nats.

    Parameters
    ----------
    before, after
        Shape (bins,): expected counts without and with the outage.
    noise
        ``negbin``: of two negative binomials with the same phi. The other families: Poisson over the overdispersion,
        as :attr:`~detectors.evaluation.simulate.OutageTruth.evidence_nats` does.
    """
    before, after = np.maximum(before, _TINY), np.maximum(after, _TINY)
    if noise.family == "negbin":
        k = 1 / noise.phi
        return np.asarray(after * np.log(after / before) - (after + k) * np.log((k + after) / (k + before)))
    return np.asarray((after * np.log(after / before) - after + before) / overdispersion(noise))


def delay_bound_min(before: Floats, after: Floats, noise: Noise, *, arl: float, bin_min: float = 1.0) -> float:
    """Return the bound on the mean delay of an outage in minutes; infinite where it ends before that.

    Parameters
    ----------
    before, after
        Shape (bins,): expected counts from the onset on, unobserved bins left out.
    arl
        Mean number of bins between two false alarms that is granted.

    Notes
    -----
    Information comes in whole bins, so the bound is at least one bin; inside a bin it is not interpolated below that.

    Examples
    --------
    >>> from detectors.evaluation.simulate import Noise
    >>> usual, failing = np.full(60, 1.0), np.full(60, 3.0)
    >>> round(delay_bound_min(usual, failing, Noise("poisson"), arl=43_200), 1)
    8.2
    """
    wanted = np.log(arl)
    gained = np.concatenate([[0.0], np.cumsum(divergence(before, after, noise))])
    if gained[-1] < wanted:
        return float("inf")
    bins = float(np.interp(wanted, gained, np.arange(len(gained))))
    return max(1.0, bins) * bin_min


def without_outages(made: SimulatedCounts, service: str) -> Floats:
    """Return what was to be expected in every bin but for the outages (events never overlap): shape (bins,)."""
    rates = made.expected[service].copy()
    for outage in made.truth.outages:
        if outage.service == service:
            bins = outage_bins(made, outage)
            rates[bins] = made.usual[service][bins]
    return rates


def outage_bins(made: SimulatedCounts, outage: OutageTruth) -> slice:
    """Return the bins that an outage touches, the decay of its posts included."""
    width = timedelta(seconds=made.scenario.bin_width_s)
    first = (outage.onset_at - made.scenario.start_at) // width
    last = -((made.scenario.start_at - outage.quiet_at) // width)
    return slice(first, min(last, made.scenario.n_bins))


def oracle_scores(made: SimulatedCounts) -> Floats:
    """Return the oracle's scores, shape (services, bins); NaN where a bin was not observed."""
    bin_min = made.scenario.bin_width_s / 60
    rows = []
    for series, traffic in zip(made.series, made.scenario.services, strict=True):
        rates = without_outages(made, series.service)
        rows.append(_scan(series.observed, rates, traffic.noise, bin_min) / ORACLE_NATS)
    return np.stack(rows)


def _scan(observed: Floats, rates: Floats, noise: Noise, bin_min: float) -> Floats:
    """Return the largest log-likelihood ratio of a rise over the windows that end with each bin: shape (bins,)."""
    is_seen = ~np.isnan(observed)
    y, mean = np.where(is_seen, observed, 0.0), np.where(is_seen, rates, 0.0)
    sums = [np.concatenate([[0.0], np.cumsum(values)]) for values in (y, mean, mean**2)]
    best = np.zeros(len(y))
    phi = noise.phi if noise.family == "negbin" else 0.0
    for width in sorted({max(1, round(minutes / bin_min)) for minutes in WINDOWS_MIN}):
        if width > len(y):
            break
        s, m, m2 = (total[width:] - total[:-width] for total in sums)
        value = _deviance(s, np.maximum(m, _TINY), phi * m2) / overdispersion(noise)
        best[width - 1 :] = np.maximum(best[width - 1 :], np.where(s >= MIN_REPORTS, value, 0.0))
    best[~is_seen] = np.nan
    return best


def _deviance(s: Floats, m: Floats, extra: Floats) -> Floats:
    """Return the nats for a rise above the mean ``m``, whose variance is ``m + extra``."""
    with np.errstate(divide="ignore", invalid="ignore"):
        poisson = s * np.log(s / m) - (s - m)
        k = m**2 / extra
        negbin = s * np.log(s / m) - (s + k) * np.log1p((s - m) / (m + k))
    return np.where(s > m, np.where(extra > 0, negbin, poisson), 0.0)
