"""Counts straight from a scenario, without writing the posts, and the truth about them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from msgspec import Struct

from detectors.evaluation.simulate.rates import ServiceRates, stream
from detectors.model import CountSeries

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from detectors.evaluation.simulate.rates import Cause
    from detectors.evaluation.simulate.scenario import Hole, Noise, Scenario

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

VERSION = 1
"""Version of the simulator: goes up when the same scenario and seed no longer give the same posts."""

REPOSTS_PER_REPORT = 0.08
"""Ordinary reposts per original report."""


# --- the truth -----------------------------------------------------------------------------------------------


class OutageTruth(Struct, frozen=True):
    """What there was to find.

    Attributes
    ----------
    onset_at, end_at
        When the service failed and when it worked again; posts decay afterwards, until ``quiet_at``.
    factor
        How many times the usual number of posts came from the affected places.
    regions
        The places affected; None = everywhere.
    region_shares
        Share of the outage's expected posts by place and by country, largest first.
    symptoms
        Share of what is broken, largest first.
    expected_extra
        Original reports more than usual (expected, over all bins, gaps included).
    evidence_nats
        Log-likelihood ratio of the observed counts, outage against usual, for one who knows the true rates
        (quasi-likelihood where the noise is self-exciting or clustered). Below 12 nobody can be asked to find it.
    """

    service: str
    onset_at: datetime
    end_at: datetime
    quiet_at: datetime
    factor: float
    regions: tuple[str, ...] | None
    region_shares: dict[str, float]
    symptoms: dict[str, float]
    expected_extra: float
    evidence_nats: float


class Confounder(Struct, frozen=True):
    """What there was that is no outage: ``kind`` is news, cluster, gap, silent gap or step (None = all services)."""

    kind: str
    service: str | None
    start_at: datetime
    end_at: datetime


class Truth(Struct, frozen=True):
    """The whole truth about a simulation. ``simulated`` is always true: it must never pass for real."""

    simulated: bool
    simulator_version: int
    seed: int
    start_at: datetime
    end_at: datetime
    outages: tuple[OutageTruth, ...]
    confounders: tuple[Confounder, ...]

    def outages_frame(self) -> pd.DataFrame:
        """Return the outages as a frame, one row each."""
        import pandas as pd

        fields = OutageTruth.__struct_fields__
        return pd.DataFrame([[getattr(outage, name) for name in fields] for outage in self.outages], columns=fields)


@dataclass(frozen=True, eq=False)
class SimulatedCounts:
    """Counts, their true rates, and the truth.

    Attributes
    ----------
    series
        One for each service, in the scenario's order.
    usual
        By service, shape (bins,): expected original reports with nothing wrong and no news.
    expected
        By service, shape (bins,): the same with outages, news and copied texts.
    """

    scenario: Scenario
    seed: int
    series: tuple[CountSeries, ...]
    usual: dict[str, Floats]
    expected: dict[str, Floats]
    truth: Truth


# --- drawing -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Latent:
    """What people posted about one service, whether or not the collector saw it.

    Attributes
    ----------
    originals, reposts
        Shape (bins,): how many.
    usual
        Shape (bins,): expected originals with nothing wrong.
    """

    rates: ServiceRates
    usual: Floats
    originals: Ints
    reposts: Ints

    @cached_property
    def expected(self) -> Floats:
        """Expected originals, outages and all: shape (bins,)."""
        return _add(self.usual, self.rates.causes)


def latent(scenario: Scenario, seed: int) -> tuple[Latent, ...]:
    """Draw how many posts there are in every bin of every service."""
    drawn = []
    for service in scenario.services:
        rates = ServiceRates(scenario, service, seed)
        usual = rates.usual(0, scenario.n_bins)
        rng = stream(seed, "counts", service.id)
        originals = scatter(_add(usual, rates.causes), service.noise, scenario.bin_width_s / 60, rng)
        reposts = REPOSTS_PER_REPORT * originals
        for cause in rates.causes:
            reposts[cause.first : cause.last] += cause.reposts
        drawn.append(Latent(rates, usual, originals, rng.poisson(reposts)))
    return tuple(drawn)


def _add(usual: Floats, causes: tuple[Cause, ...]) -> Floats:
    expected = usual.copy()
    for cause in causes:
        expected[cause.first : cause.last] += cause.originals
    return expected


def scatter(mean: Floats, noise: Noise, bin_min: float, rng: np.random.Generator) -> Ints:
    """Draw counts about their expected rate.

    Parameters
    ----------
    mean
        Shape (bins,): expected counts per bin.
    bin_min
        Width of a bin in minutes.

    Returns
    -------
    ndarray
        Shape (bins,): counts. With ``hawkes`` and ``clusters`` their mean follows ``mean`` some minutes late.
    """
    if noise.family == "poisson":
        return rng.poisson(mean)
    if noise.family == "negbin":
        return rng.poisson(mean * rng.gamma(1 / noise.phi, noise.phi, len(mean)))
    memory = noise.memory_min / bin_min
    if noise.family == "hawkes":
        total = born = rng.poisson(mean * (1 - noise.branching))
        while born.any():
            born = _later(born, rng.poisson(noise.branching * born), memory, rng)
            total = total + born
        return total
    sizes = _sizes(noise)
    seeds = rng.poisson(mean / (sizes @ np.arange(1, len(sizes) + 1)))
    each = np.searchsorted(np.cumsum(sizes)[:-1], rng.random(int(seeds.sum()))) + 1
    begin = np.repeat(np.arange(len(mean)), seeds)
    copies = np.bincount(begin, each - 1, minlength=len(mean)).astype(np.int64)
    return seeds + _later(seeds, copies, memory, rng)


def _later(parents: Ints, children: Ints, memory_bins: float, rng: np.random.Generator) -> Ints:
    """Place children after their parents, exponentially late; those past the end are lost."""
    where = np.repeat(np.arange(len(parents)), children)
    where = (where + rng.random(len(where)) + rng.exponential(memory_bins, len(where))).astype(np.int64)
    return np.bincount(where[where < len(parents)], minlength=len(parents))


def _sizes(noise: Noise) -> Floats:
    """Return P(size) of a cluster, from size 1."""
    weights = np.arange(1, noise.max_cluster + 1, dtype=float) ** -noise.tail
    return np.asarray(weights / weights.sum())


def overdispersion(noise: Noise) -> float:
    """Return variance over mean in long windows, apart from ``phi``."""
    if noise.family == "hawkes":
        return 1.0 / (1 - noise.branching) ** 2
    if noise.family == "clusters":
        sizes, k = _sizes(noise), np.arange(1, noise.max_cluster + 1)
        return float((sizes @ k**2) / (sizes @ k))
    return 1.0


def in_holes(scenario: Scenario, holes: tuple[Hole, ...], service_id: str) -> NDArray[np.bool_]:
    """Return which bins the holes of a service touch: shape (bins,)."""
    touched = np.zeros(scenario.n_bins, dtype=bool)
    bin_min = scenario.bin_width_s / 60
    for hole in holes:
        if hole.service in (None, service_id):
            first = int(max(0, scenario.minute(hole.start_at)) // bin_min)
            touched[first : int(np.ceil(max(0, scenario.minute(hole.end_at)) / bin_min))] = True
    return touched


def simulate_counts(scenario: Scenario, *, seed: int) -> SimulatedCounts:
    """Simulate counts with their truth; the same scenario and seed always give the same.

    ``observed`` holds original reports (each its own voice), ``raw`` reposts too. Known gaps are NaN with
    coverage 0, silent gaps are zeros with coverage 1.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> from detectors.evaluation.simulate import Scenario, ServiceTraffic
    >>> scenario = Scenario(datetime(2026, 3, 2, tzinfo=UTC), 1, (ServiceTraffic("imessage", 2.0),))
    >>> made = simulate_counts(scenario, seed=1)
    >>> len(made.series[0]), made.truth.outages
    (1440, ())
    """
    drawn = latent(scenario, seed)
    series = tuple(_series(scenario, one) for one in drawn)
    return SimulatedCounts(
        scenario,
        seed,
        series,
        usual={one.rates.service.id: one.usual for one in drawn},
        expected={one.rates.service.id: one.expected for one in drawn},
        truth=tell_truth(scenario, seed, drawn),
    )


def _series(scenario: Scenario, one: Latent) -> CountSeries:
    service_id = one.rates.service.id
    unknown = in_holes(scenario, scenario.gaps, service_id)
    silent = in_holes(scenario, scenario.silent_gaps, service_id)
    observed, raw = one.originals.astype(float), (one.originals + one.reposts).astype(float)
    for values in (observed, raw):
        values[silent] = 0.0
        values[unknown] = np.nan
    coverage = np.where(unknown, 0.0, 1.0)
    return CountSeries(service_id, scenario.source, scenario.start_at, scenario.bin_width_s, observed, raw, coverage)


# --- telling the truth ---------------------------------------------------------------------------------------


def tell_truth(scenario: Scenario, seed: int, drawn: tuple[Latent, ...]) -> Truth:
    """Say what there was to find and what there was that is no outage."""
    outages = [
        _outage_truth(scenario, one, cause) for one in drawn for cause in one.rates.causes if cause.kind == "outage"
    ]
    return Truth(
        simulated=True,
        simulator_version=VERSION,
        seed=seed,
        start_at=scenario.start_at,
        end_at=scenario.end_at,
        outages=tuple(sorted(outages, key=lambda outage: (outage.onset_at, outage.service))),
        confounders=_confounders(scenario),
    )


def _confounders(scenario: Scenario) -> tuple[Confounder, ...]:
    rows = [Confounder("gap", hole.service, hole.start_at, hole.end_at) for hole in scenario.gaps]
    rows += [Confounder("silent gap", hole.service, hole.start_at, hole.end_at) for hole in scenario.silent_gaps]
    rows += [Confounder("step", step.service, step.at, step.at) for step in scenario.steps]
    for kind, events in (("news", scenario.news), ("cluster", scenario.clusters)):
        for event in events:
            end_at = event.start_at + timedelta(minutes=event.duration_min)
            rows.append(Confounder(kind, event.service, event.start_at, end_at))
    return tuple(sorted(rows, key=lambda row: (row.start_at, row.kind, row.service or "")))


def _outage_truth(scenario: Scenario, one: Latent, cause: Cause) -> OutageTruth:
    outage = scenario.outages[cause.index]
    return OutageTruth(
        service=outage.service,
        onset_at=outage.onset_at,
        end_at=outage.end_at,
        quiet_at=outage.end_at + timedelta(minutes=outage.decay_min),
        factor=outage.factor,
        regions=outage.regions,
        region_shares=_region_shares(scenario, one, cause),
        symptoms=_normed(dict(outage.symptoms or one.rates.service.symptoms)),
        expected_extra=round(float(cause.originals.sum()), 3),
        evidence_nats=round(_evidence(scenario, one, cause), 3),
    )


def _normed(shares: dict[str, float]) -> dict[str, float]:
    total = sum(shares.values())
    ranked = sorted(shares.items(), key=lambda item: (-item[1], item[0]))
    return {name: round(share / total, 4) for name, share in ranked}


def _region_shares(scenario: Scenario, one: Latent, cause: Cause) -> dict[str, float]:
    affected = one.rates.affected(scenario.outages[cause.index])
    by_place = one.rates.by_place(cause.first, cause.last) * affected[:, None]
    weights = (by_place / by_place.sum(axis=0)) @ cause.originals
    places: dict[str, float] = {}
    for place, weight in zip(one.rates.places, weights.tolist(), strict=True):
        for code in {place.code, place.code[:2]} if weight else ():
            places[code] = places.get(code, 0.0) + weight
    total = float(cause.originals.sum())
    return {code: round(part / total, 4) for code, part in sorted(places.items(), key=lambda item: (-item[1], item[0]))}


def _evidence(scenario: Scenario, one: Latent, cause: Cause) -> float:
    span, noise = slice(cause.first, cause.last), one.rates.service.noise
    holes = (*scenario.gaps, *scenario.silent_gaps)
    seen = ~in_holes(scenario, holes, one.rates.service.id)[span]
    y, with_it = one.originals[span][seen], one.expected[span][seen]
    without = np.maximum(with_it - cause.originals[seen], 1e-12)
    if noise.family == "negbin":
        k = 1 / noise.phi
        cost = (y + k) * np.log((k + with_it) / (k + without))
    else:
        cost = with_it - without
    return float((y * np.log(with_it / without) - cost).sum() / overdispersion(noise))
