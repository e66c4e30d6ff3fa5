"""Does anything stand out anywhere: an expectation-based scan over zones and times (Kulldorff 1997; Neill 2009).

Every zone is compared with its own usual counts over each of several stretches of time. What is found is judged
against replicates in which nothing happens: counts are negative-binomial as the dispersion says, and what is usual is
itself in error, everywhere alike and in each region by itself. A zone's excess counts the less the more of it such
errors can do; so which of the errors is at work hardly matters for the largest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from detectors.errors import InputError
from detectors.spread.zones import make_zones

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detectors.spread.index import Atoms, Regions
    from detectors.spread.zones import Zones

    Floats = NDArray[np.float64]
    Floats32 = NDArray[np.float32]

BLOCKS = 4
"""Stretches of time begin and end at the borders of so many blocks of bins."""

LEAST_USUAL = 0.02
"""Fewer usual voices than so are taken for so many: of where nobody is ever heard no more is known."""

FEW = 2.0
"""Atoms with fewer usual voices than this are drawn for the whole time, and their few voices spread over the blocks."""

LEAST_PHI = 1e-4


@dataclass(frozen=True)
class BaselineError:
    """By how much what is usual may be wrong (standard deviation of the logarithm).

    Attributes
    ----------
    shared
        Everywhere alike: a service that has grown, a holiday.
    family
        In a country and all that lies in it: a platform that is on the rise there.
    own
        In a region by itself, down to the smallest: sparse data and what was borrowed from its parents.
    """

    shared: float
    family: float
    own: float

    @property
    def total(self) -> float:
        """That of one region, from all causes."""
        return float(np.sqrt(self.shared**2 + self.family**2 + self.own**2))

    @classmethod
    def of(cls, total: float, *, is_nested: bool) -> BaselineError:
        """Split the error of one region: half of the variance is everywhere alike.

        Raises
        ------
        InputError
            If it is not between 0 and 1.
        """
        if not 0 <= total <= 1:
            raise InputError(f"baseline_error must lie between 0 and 1, not {total}")
        half = total * 0.5**0.5
        return cls(half, half * 0.5**0.5, half * 0.5**0.5) if is_nested else cls(half, 0.0, half)


@dataclass(frozen=True, eq=False)
class Blocks:
    """Atoms summed over blocks of bins.

    Attributes
    ----------
    edges
        Bins at which the blocks begin, and the end.
    observed, expected, variance
        Shape (atoms, blocks).
    families
        By atom: number of its country (or topmost region).
    """

    edges: tuple[int, ...]
    observed: Floats
    expected: Floats
    variance: Floats
    families: NDArray[np.int64]

    @property
    def windows(self) -> list[tuple[int, int]]:
        """Return pairs of blocks: first, and the one after the last; the whole time first."""
        count = len(self.edges) - 1
        return [(i, j) for j in range(count, 0, -1) for i in range(j)]


@dataclass(frozen=True)
class Found:
    """What stands out most.

    Attributes
    ----------
    p_value
        How often as much comes about by chance.
    score
        Log-likelihood ratio.
    regions
        The zone, as positions of regions.
    window
        Bins: first, and the one after the last.
    """

    p_value: float
    score: float
    regions: tuple[int, ...]
    window: tuple[int, int]


def make_blocks(atoms: Atoms, regions: Regions) -> Blocks:
    """Return the sums over blocks."""
    bins = atoms.observed.shape[1]
    count = min(bins, BLOCKS)
    edges = [round(number * bins / count) for number in range(count + 1)]
    of_family = {name: number for number, name in enumerate(sorted(set(regions.families)))}
    families = np.array([of_family[regions.families[number]] for number in atoms.regions], np.int64)
    y, mu, extra = (np.add.reduceat(a, edges[:-1], axis=1) for a in (atoms.observed, atoms.expected, atoms.variance))
    return Blocks(tuple(edges), y, mu, extra, families)


def scan(
    atoms: Atoms, regions: Regions, error: BaselineError, *, rng: np.random.Generator, replicates: int
) -> tuple[Found, Zones]:
    """Look for the zone and time that stand out most."""
    blocks = make_blocks(atoms, regions)
    zones = make_zones(regions, atoms, atoms.expected.sum(axis=1))
    drawn = draw(blocks, error, rng, replicates)
    best = np.zeros(replicates, np.float32)
    found: tuple[float, tuple[int, ...], tuple[int, int]] = (0.0, (), blocks.windows[0])
    for first, stop in blocks.windows:
        counts = np.concatenate(
            [_between(drawn, first, stop), blocks.observed[:, first:stop].sum(axis=1, dtype=np.float32)[:, None]],
            axis=1,
        )
        is_suffix = stop == len(blocks.edges) - 1
        usual = _usual(blocks, first, stop, error, zones)
        for piece, total in enumerate(zones.sums(counts)):
            if piece and not is_suffix:
                break
            scores = ratio(total, *usual[piece])
            best = np.maximum(best, scores[:, :-1].max(axis=0))
            top = int(scores[:, -1].argmax())
            if scores[top, -1] > found[0] + 1e-6:
                found = (float(scores[top, -1]), zones.regions(piece, top), (first, stop))
    score, members, (first, stop) = found
    p_value = (1 + int((best >= score - 1e-6).sum())) / (replicates + 1)
    return Found(p_value, score, members, (blocks.edges[first], blocks.edges[stop])), zones


def _between(drawn: Floats32, first: int, stop: int) -> Floats32:
    """Return counts from block ``first`` to ``stop``; ``drawn`` is cumulative over blocks."""
    return np.asarray(drawn[stop] - drawn[first])


def _usual(
    blocks: Blocks, first: int, stop: int, error: BaselineError, zones: Zones
) -> list[tuple[Floats32, Floats32]]:
    """Return, for each piece of the zones, the usual counts and the size of the negative binomial, shape (zones, 1)."""
    usual = blocks.expected[:, first:stop].sum(axis=1)
    variance = blocks.variance[:, first:stop].sum(axis=1) + (error.own**2 + error.family**2) * usual**2
    together = np.stack([usual, variance], axis=1)
    found = []
    for piece in zones.sums(together):
        mean = np.maximum(piece[:, 0], LEAST_USUAL)
        spread = np.maximum(piece[:, 1] / mean**2 + error.shared**2, LEAST_PHI)
        found.append((mean.astype(np.float32)[:, None], (1.0 / spread).astype(np.float32)[:, None]))
    return found


def ratio(counts: Floats32, usual: Floats32, size: Floats32) -> Floats32:
    """Return the log-likelihood ratio of more than usual against usual: negative-binomial, 0 where there is less."""
    above = np.maximum(counts, usual)
    score = above / usual
    np.log(score, out=score)
    score *= above
    above += size
    rest = above / (usual + size)
    np.log(rest, out=rest)  # log1p would be more exact, and takes ten times as long
    rest *= above
    score -= rest
    return np.asarray(score, np.float32)


def draw(blocks: Blocks, error: BaselineError, rng: np.random.Generator, replicates: int) -> Floats32:
    """Draw counts where nothing happens.

    Returns
    -------
    Floats32
        Shape (blocks + 1, atoms, replicates): cumulative over blocks, beginning with 0.
    """
    count, number = len(blocks.edges) - 1, len(blocks.expected)
    level = rng.standard_normal(replicates, dtype=np.float32) * np.float32(error.shared)
    drift = rng.standard_normal((number, replicates), dtype=np.float32) * np.float32(error.own)
    if error.family:
        homes = rng.standard_normal((int(blocks.families.max(initial=-1)) + 1, replicates), dtype=np.float32)
        drift += homes[blocks.families] * np.float32(error.family)
    factor = np.exp(drift + level)
    usual = blocks.expected.sum(axis=1)
    many, few = np.flatnonzero(usual >= FEW), np.flatnonzero((usual < FEW) & (usual > 0))
    drawn = np.zeros((count + 1, number, replicates), np.float32)
    for block in range(count):
        drawn[block + 1, many] = _negative_binomial(
            blocks.expected[many, block], blocks.variance[many, block], factor[many], rng
        )
    _scatter(drawn, few, blocks, factor[few], rng)
    return np.cumsum(drawn, axis=0, out=drawn)


def _negative_binomial(
    usual: Floats, variance: Floats, factor: Floats32, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Draw counts of the given mean, times ``factor``, and variance beyond Poisson; shape (atoms, replicates)."""
    phi = variance / np.maximum(usual, 1e-12) ** 2
    mean = usual[:, None] * factor
    noisy = np.flatnonzero(phi > LEAST_PHI)
    shape = np.broadcast_to(1.0 / phi[noisy, None], mean[noisy].shape)
    mean[noisy] *= rng.standard_gamma(shape) * phi[noisy, None]
    return rng.poisson(mean)


def _scatter(
    drawn: Floats32, few: NDArray[np.int64], blocks: Blocks, factor: Floats32, rng: np.random.Generator
) -> None:
    """Draw the counts of sparse atoms for the whole time, and put each of their voices into a block."""
    if not len(few):
        return
    usual = blocks.expected[few].sum(axis=1)
    counts = _negative_binomial(usual, blocks.variance[few].sum(axis=1), factor, rng)
    voices = np.repeat(np.arange(counts.size), counts.ravel())
    atom, replicate = np.divmod(voices, counts.shape[1])
    reached = np.cumsum(blocks.expected[few], axis=1) / usual[:, None]
    block = (rng.random(len(voices))[:, None] >= reached[atom, :-1]).sum(axis=1)
    place = np.ravel_multi_index((block, atom, replicate), (drawn.shape[0] - 1, *counts.shape))
    added = np.bincount(place, minlength=(drawn.shape[0] - 1) * counts.size)
    drawn[1:, few] = added.reshape(-1, *counts.shape)
