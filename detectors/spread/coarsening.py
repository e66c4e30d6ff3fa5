"""Units: regions that can be judged alone, and pools of those that cannot.

A region stands alone if an outage would bring it enough extra voices; the others are judged together with neighbours in
the same country, then on the same continent. A pool never crosses the border of a country that can be judged, nor of a
continent that can.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from detectors.spread.index import Atoms, Regions

    Floats = NDArray[np.float64]

ENOUGH = 4.0
"""Extra voices, expected of an outage, from which on a region stands alone.

Five are wanted; what is usual, and the factor, are known to a fifth or so, and with 5 here a seventh of the regions
that truly get five were lost, with 4 a twentieth, without more false ones.
"""


@dataclass(frozen=True, eq=False)
class Units:
    """What is judged.

    Attributes
    ----------
    members
        By unit: its atoms.
    observed, expected
        Shape (units,): voices in all.
    noise
        Shape (units,): relative variance of the counts beyond Poisson, and of what is usual.
    groups
        By unit: number of what it shares its chances with, a country or a continent.
    is_pool
        Whether it may be affected in part.
    is_side
        Whether it stands beside the sums (see :class:`detectors.spread.index.Atoms`).
    of_atom
        By atom: its unit; -1 = none (side atoms that are too small).
    """

    members: tuple[tuple[int, ...], ...]
    observed: Floats
    expected: Floats
    noise: Floats
    groups: NDArray[np.int64]
    is_pool: NDArray[np.bool_]
    is_side: NDArray[np.bool_]
    of_atom: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Totals:
    """Atoms summed over the time that is looked at, each of shape (atoms,); ``variance`` is beyond Poisson."""

    observed: Floats
    expected: Floats
    variance: Floats


def coarsen(atoms: Atoms, regions: Regions, totals: Totals, *, factor: float, error: float) -> Units:
    """Return the units.

    Parameters
    ----------
    factor
        By how much the outage seems to raise the voices where it is felt.
    error
        By how much the usual of an atom may be wrong by itself (standard deviation of the logarithm).
    """
    extra = totals.expected * (factor - 1.0)
    alone = [(int(a),) for a in np.flatnonzero(extra >= ENOUGH)]
    small = np.flatnonzero((extra < ENOUGH) & (totals.expected > 0) & ~atoms.is_side)
    pools = _pools(small, extra, atoms, regions)
    members = (*alone, *pools)
    of_atom = np.full(len(extra), -1, np.int64)
    for number, unit in enumerate(members):
        of_atom[list(unit)] = number
    observed, expected = (np.array([a[list(u)].sum() for u in members]) for a in (totals.observed, totals.expected))
    spread = totals.variance + error**2 * totals.expected**2
    noise = np.array([spread[list(u)].sum() for u in members]) / np.maximum(expected, 1e-9) ** 2
    return Units(
        members,
        observed,
        expected,
        noise,
        _groups(members, atoms, regions),
        np.array([len(unit) > 1 for unit in members], bool),
        np.array([bool(atoms.is_side[unit[0]]) for unit in members], bool),
        of_atom,
    )


def _pools(small: NDArray[np.int64], extra: Floats, atoms: Atoms, regions: Regions) -> list[tuple[int, ...]]:
    """Return pools of small atoms: by the smallest region, country, continent that is large enough, and the rest."""
    left = small.tolist()
    pools: list[tuple[int, ...]] = []
    for name in _circles(atoms, regions):
        groups: dict[str, list[int]] = {}
        for atom in left:
            groups.setdefault(name(atom), []).append(atom)
        full = {key for key, group in groups.items() if key and extra[group].sum() >= ENOUGH}
        pools.extend(pool for key in sorted(full) for pool in _neighbours(groups[key], extra, atoms, regions))
        left = [atom for key, group in groups.items() if key not in full for atom in group]
    return [*pools, tuple(left)] if left else pools


def _neighbours(group: list[int], extra: Floats, atoms: Atoms, regions: Regions) -> list[tuple[int, ...]]:
    """Split atoms where they lie farthest apart, again and again, as long as both sides have enough extra voices."""
    members = np.array(group)
    north, east = np.radians(regions.places[atoms.regions[members]]).T
    points = np.stack([np.cos(north) * np.cos(east), np.cos(north) * np.sin(east), np.sin(north)])
    axis = points[int(np.argmax(np.ptp(points, axis=1)))]
    order = np.argsort(axis, kind="stable")
    reached = np.cumsum(extra[members[order]])
    half = int(np.searchsorted(reached, reached[-1] / 2.0)) + 1
    is_split = np.isfinite(points).all() and reached[half - 1] >= ENOUGH and reached[-1] - reached[half - 1] >= ENOUGH
    if not is_split:
        return [tuple(group)]
    sides = (sorted(members[order[:half]].tolist()), sorted(members[order[half:]].tolist()))
    return [pool for side in sides for pool in _neighbours(side, extra, atoms, regions)]


def _circles(atoms: Atoms, regions: Regions) -> tuple[Callable[[int], str], ...]:
    """Return what atoms are pooled by, the narrowest first: the region around them, the country, the continent."""

    def around(atom: int) -> str:
        home = int(atoms.regions[atom])
        up = int(regions.parents[home]) if atoms.is_leaf[atom] else home
        return regions.codes[up] if up >= 0 else ""

    def nation(atom: int) -> str:
        return regions.families[int(atoms.regions[atom])]

    def part_of_the_world(atom: int) -> str:
        return regions.continents[int(atoms.regions[atom])]

    return around, nation, part_of_the_world


def _groups(members: tuple[tuple[int, ...], ...], atoms: Atoms, regions: Regions) -> NDArray[np.int64]:
    """Return what each unit shares its chances with: for countries their continent, for smaller ones their country."""
    names = []
    for unit in members:
        homes = [int(atoms.regions[atom]) for atom in unit]
        families = {regions.families[home] for home in homes}
        is_country = all(regions.parents[h] < 0 and regions.levels[h] in ("country", "depth 0") for h in homes)
        wide = regions.continents[homes[0]]
        names.append(f"in {min(families)}" if len(families) == 1 and not is_country else f"of {wide}")
    number = {name: n for n, name in enumerate(sorted(set(names)))}
    return np.array([number[name] for name in names], np.int64)
