"""Which units are affected: a two-component, hierarchical gamma-Poisson model, fitted to all units at once.

What is not affected has its usual voices, up to an error that all share; what is affected has ``factor`` times as many,
give or take. Units of one country (or continent) share how likely each is to be affected, and the countries share what
such chances look like (empirical Bayes; Efron 2010). Everything else is averaged over a grid. Pools may be affected in
part.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detectors.spread.coarsening import Units

    Floats = NDArray[np.float64]

PARTS = np.array([0.0, 0.25, 0.5, 0.75, 1.0])
"""How much of a unit may be affected; alone-standing regions are so all or not at all."""

INSIDE = 0.3
"""Prior probability that a pool is affected in part."""

FACTORS = np.geomspace(1.5, 150.0, 18)
UNEVEN = np.array([0.1, 0.35])
"""How unevenly affected regions are hit: standard deviation of the logarithm of their factors."""

LEVELS, LEVEL_WEIGHTS = np.polynomial.hermite_e.hermegauss(5)
CHANCES = np.array([0.0005, 0.03, 0.2, 0.5, 0.8, 0.97, 0.9995])
CHANCE_PRIOR = np.array([0.4, 0.15, 0.15, 0.15, 0.15, 0.15, 0.4])
"""Pseudo-counts of groups for each chance of being affected: mostly nothing or everything in a country is."""

ROUNDS = 5


@dataclass(frozen=True, eq=False)
class Posterior:
    """What is believed of the units.

    Attributes
    ----------
    worlds
        Shape (worlds,): probability of each setting of what all units share: factor, unevenness, level.
    chances
        Shape (groups, worlds, chances): probability of each chance of being affected.
    parts
        Shape (units, worlds, chances, parts): probability of each affected part.
    groups
        By unit: its group.
    factors
        Shape (worlds,): the factor.
    """

    worlds: Floats
    chances: Floats
    parts: Floats
    groups: NDArray[np.int64]
    factors: Floats

    @property
    def marginal(self) -> Floats:
        """Probability of each affected part, shape (units, parts)."""
        weights = self.worlds[None, :, None] * self.chances[self.groups]
        return np.asarray(np.einsum("uhc,uhcf->uf", weights, self.parts))

    @property
    def probability(self) -> Floats:
        """Shape (units,): how much of each unit is affected, on average; of a region alone, that it is."""
        return np.asarray(self.marginal @ PARTS)

    @property
    def chance(self) -> Floats:
        """Shape (groups,): how likely a unit of each group is to be affected, before it is looked at itself."""
        return np.asarray(np.einsum("h,ghc,c->g", self.worlds, self.chances, CHANCES))

    @property
    def factor(self) -> float:
        """The factor of what is affected (geometric mean)."""
        return float(np.exp(self.worlds @ np.log(self.factors)))

    def draw(self, rng: np.random.Generator, number: int) -> Floats:
        """Return affected parts drawn from the posterior, shape (units, number)."""
        groups, worlds, _ = self.chances.shape
        world = rng.choice(worlds, number, p=self.worlds)
        reached = np.cumsum(self.chances[:, world], axis=2)
        chance = (rng.random((groups, number, 1)) > reached[..., :-1]).sum(axis=2)
        given = self.parts[np.arange(len(self.groups))[:, None], world, chance[self.groups]]
        part = (rng.random((*given.shape[:2], 1)) > np.cumsum(given, axis=2)[..., :-1]).sum(axis=2)
        return np.asarray(PARTS[part])


def fit(units: Units, *, shared: float, factor: float, factor_sd: float) -> Posterior:
    """Fit the model.

    Parameters
    ----------
    shared
        By how much what is usual may be wrong everywhere alike (standard deviation of the logarithm).
    factor, factor_sd
        By how much affected regions are raised, as far as it is known before, and the standard deviation of its
        logarithm.
    """
    likely, prior, factors = _likelihood(units, shared)
    prior = prior - 0.5 * (np.log(factors / factor) / factor_sd) ** 2
    which = _parts_prior(units.is_pool)
    # u: units, h: worlds, c: chances, f: parts
    joint = likely[:, :, None, :] * which[:, None, :, :]
    single = np.maximum(joint.sum(axis=3), 1e-300)
    number = int(units.groups.max(initial=-1)) + 1
    logs = np.zeros((number, *single.shape[1:]))
    weight = np.where(units.is_side, 0.0, 1.0)
    np.add.at(logs, units.groups, np.log(single) * weight[:, None, None])
    top = logs.max(axis=2, keepdims=True)
    scaled = np.exp(logs - top)
    mix = CHANCE_PRIOR / CHANCE_PRIOR.sum()
    for _ in range(ROUNDS):
        by_group = scaled @ mix
        score = prior + (np.log(by_group) + top[..., 0]).sum(axis=0)
        worlds = np.exp(score - score.max())
        worlds /= worlds.sum()
        chances = scaled * mix / by_group[..., None]
        mix = CHANCE_PRIOR + np.einsum("h,ghc->c", worlds, chances)
        mix /= mix.sum()
    return Posterior(worlds, chances, joint / single[..., None], units.groups, factors)


def _parts_prior(is_pool: NDArray[np.bool_]) -> Floats:
    """Return the prior of each affected part given the chance, shape (units, chances, parts)."""
    ends = np.zeros((len(CHANCES), len(PARTS)))
    ends[:, 0], ends[:, -1] = 1 - CHANCES, CHANCES
    # a part has the odds that so many of some few regions are affected
    inside = np.array([[c ** (4 * p) * (1 - c) ** (4 * (1 - p)) for p in PARTS] for c in CHANCES])
    inside *= np.array([1, 4, 6, 4, 1])
    pooled = (1 - INSIDE) * ends + INSIDE * inside
    return np.where(is_pool[:, None, None], pooled, ends)


def _likelihood(units: Units, shared: float) -> tuple[Floats, Floats, Floats]:
    """Return likelihoods (units, worlds, parts; the best of a unit is 1), the worlds' log prior, their factors."""
    level, uneven, factor = (a.ravel() for a in np.meshgrid(np.exp(shared * LEVELS), UNEVEN, FACTORS, indexing="ij"))
    prior = np.repeat(np.log(LEVEL_WEIGHTS / LEVEL_WEIGHTS.sum()), len(UNEVEN) * len(FACTORS))
    raised = 1.0 + PARTS * (factor[:, None] - 1.0)
    raised_part = PARTS * factor[:, None] / raised
    phi = units.noise[:, None, None] + (uneven[:, None] * raised_part) ** 2
    mean = np.maximum(units.expected, 1e-6)[:, None, None] * level[:, None] * raised
    loglik = log_nb(units.observed[:, None, None], mean, np.maximum(phi, 1e-5))
    return np.exp(loglik - loglik.max(axis=(1, 2), keepdims=True)), prior, factor


def log_nb(counts: Floats, mean: Floats, phi: Floats) -> Floats:
    """Return the log-likelihood of negative-binomial counts, without what only the counts decide."""
    size = 1.0 / phi
    return np.asarray(
        _log_gamma(counts + size)
        - _log_gamma(size)
        + counts * np.log(mean / (mean + size))
        - size * np.log1p(mean * phi)
    )


def _log_gamma(x: Floats) -> Floats:
    """Return the logarithm of the gamma function for x > 0 (Stirling's series after five steps up)."""
    steps = x * (x + 1) * (x + 2) * (x + 3) * (x + 4)
    y = x + 5
    series = (1 / 12 - (1 / 360 - 1 / (1260 * y * y)) / (y * y)) / y
    return np.asarray((y - 0.5) * np.log(y) - y + 0.5 * np.log(2 * np.pi) + series - np.log(steps))
