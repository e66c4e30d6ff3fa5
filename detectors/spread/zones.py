"""Zones: the sets of regions that are looked at together."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from detectors.spread.index import Atoms, Regions

    Floats32 = NDArray[np.float32]

SIZES = (2, 4, 8)
"""How many neighbours, oneself among them, are looked at together."""

CHUNK = 256
"""Regions whose neighbours are looked for at once: their distances fit into the processor's cache."""

FEWEST_NEIGHBOURS = 4
"""Levels with fewer located regions have no neighbourhoods: their regions and the whole say it all."""


@dataclass(frozen=True, eq=False)
class Zones:
    """Sets of regions, so laid out that sums over all of them are fast.

    Attributes
    ----------
    wide
        Sets of atoms of regions with parts, and of what is summed over regions: countries, continents, everything.
    wide_regions
        The regions that each of these stands for.
    near
        Levels: positions of their located regions, shape (n,), and for each its nearest, shape (n, largest size),
        as positions among those n.
    atom_of
        By region: its one atom; -1 for a region with parts (then it is in ``wide``).
    slot_of
        By region: the row of its sums.
    """

    wide: tuple[NDArray[np.int64], ...]
    wide_regions: tuple[tuple[int, ...], ...]
    near: tuple[tuple[NDArray[np.int64], NDArray[np.int64]], ...]
    atom_of: NDArray[np.int64]
    slot_of: NDArray[np.int64] = field(repr=False)

    def sums(self, values: NDArray[np.floating]) -> Iterator[NDArray[np.floating]]:
        """Yield sums over the zones, in pieces of shape (zones, ...), always in the same order.

        Parameters
        ----------
        values
            Shape (atoms, ...).
        """
        wide = np.stack([values[atoms].sum(axis=0) for atoms in self.wide]) if self.wide else values[:0]
        own = np.concatenate([values, wide])
        yield own
        for here, nearest in self.near:
            rows = own[self.slot_of[here]]
            total = rows.copy()
            for number in range(1, nearest.shape[1]):
                total += rows[nearest[:, number]]
                if number + 1 in SIZES:
                    yield total

    def regions(self, piece: int, row: int) -> tuple[int, ...]:
        """Return the regions of the zone in row ``row`` of piece ``piece`` of :meth:`sums`."""
        if piece == 0:
            wide = row - (len(self._atoms))
            return self.wide_regions[wide] if wide >= 0 else (int(self._atoms[row]),)
        piece -= 1
        for here, nearest in self.near:
            sizes = [size for size in SIZES if size <= nearest.shape[1]]
            if piece < len(sizes):
                return tuple(int(here[one]) for one in nearest[row, : sizes[piece]])
            piece -= len(sizes)
        raise IndexError(piece)

    _atoms: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64), repr=False)


def make_zones(regions: Regions, atoms: Atoms, usual: NDArray[np.float64]) -> Zones:
    """Return the zones: every region, neighbours on one level, countries, continents, everything.

    Parameters
    ----------
    usual
        Shape (atoms,): voices that are usual in all; atoms without any have no neighbourhood.
    """
    is_whole = np.array([len(members) == 1 for members in atoms.members], bool)
    with_parts = np.flatnonzero(~is_whole)
    wide = [atoms.members[number] for number in with_parts]
    named: list[tuple[int, ...]] = [(int(number),) for number in with_parts]
    roots = [n for n in range(len(regions.codes)) if regions.parents[n] < 0]
    for group in _groups(regions, roots):
        wide.append(np.concatenate([atoms.members[number] for number in group]))
        named.append(tuple(group))
    slot = np.array([int(members[0]) for members in atoms.members], np.int64)
    slot[with_parts] = len(atoms.regions) + np.arange(len(with_parts))
    total = np.array([usual[members].sum() for members in atoms.members])
    near = tuple(_near(regions, level, total) for level in sorted(set(regions.levels)))
    return Zones(
        tuple(wide),
        tuple(named),
        tuple(one for one in near if one is not None),
        np.where(is_whole, slot, -1),
        slot,
        atoms.regions,
    )


def _groups(regions: Regions, roots: list[int]) -> list[list[int]]:
    """Return the topmost regions by country and by continent, and all of them; none of one region only."""
    found: dict[tuple[int, ...], None] = {}
    for names in (regions.families, regions.continents):
        by_name: dict[str, list[int]] = {}
        for number in roots:
            by_name.setdefault(names[number], []).append(number)
        found.update((tuple(group), None) for name, group in by_name.items() if name and len(group) > 1)
    if len(roots) > 1:
        found[tuple(roots)] = None
    return [list(group) for group in found]


def _near(
    regions: Regions, level: str, total: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]] | None:
    """Return the located regions of a level and, for each, its nearest, itself first."""
    is_here = np.array([one == level for one in regions.levels], bool) & np.isfinite(regions.places).all(axis=1)
    here = np.flatnonzero(is_here & (total > 0))
    if len(here) < FEWEST_NEIGHBOURS:
        return None
    north, east = np.radians(regions.places[here].astype(np.float32)).T
    points = np.stack([np.cos(north) * np.cos(east), np.cos(north) * np.sin(east), np.sin(north)], axis=1)
    most = min(max(SIZES), len(here))
    return here, np.concatenate([_nearest(points, first, most) for first in range(0, len(here), CHUNK)])


def _nearest(points: Floats32, first: int, most: int) -> NDArray[np.int64]:
    """Return the nearest of some points, themselves first; the largest a few times over, which beats sorting."""
    rows = np.arange(first, min(first + CHUNK, len(points)))
    closeness = points[rows] @ points.T
    found = np.empty((len(rows), most), np.int64)
    nearest = rows
    for number in range(most):
        found[:, number] = nearest
        closeness[np.arange(len(rows)), nearest] = -np.inf
        nearest = closeness.argmax(axis=1)
    return found
