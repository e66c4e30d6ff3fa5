"""The tree of regions: what lies in what, where, and what makes up the whole without counting anybody twice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from detectors.errors import InputError
from detectors.spread.geography import continent, coordinates, country, usual_parent

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detectors.spread.frames import Frames

    RegionIndex = Mapping[str, str | None] | pd.DataFrame | None

LONGEST_CHAIN = 12
"""How deep regions may lie in each other; more is a circle."""


@dataclass(frozen=True, eq=False)
class Regions:
    """What is known of each region, by position.

    Attributes
    ----------
    codes
        The regions.
    parents
        Position of the region that it lies in, among those that were given; -1 = none of them.
    levels
        ``country``, ``subdivision``, ``metro``, ``zip3``; ``depth 0`` and so on for codes of other kinds.
    families
        Country, where it is known, else the code of the topmost region.
    continents
        Name; empty where it is not known.
    places
        Shape (regions, 2): degrees north and east; NaN = not known.
    """

    codes: tuple[str, ...]
    parents: NDArray[np.int64]
    levels: tuple[str, ...]
    families: tuple[str, ...]
    continents: tuple[str, ...]
    places: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Atoms:
    """What the regions consist of: each voice is in one atom only.

    An atom is a region without smaller ones in it, or what of a region lies in none of its parts. Where a region has
    parts of two kinds (metros and ZIP areas), those of the kind with more voices are its parts; the others stand
    beside it (``is_side``) and count in no sum.

    Attributes
    ----------
    observed, expected, variance
        Shape (atoms, bins); ``variance`` is that of the counts beyond Poisson, ``phi mu**2``.
    regions
        Which region each atom belongs to most closely.
    is_leaf
        Whether it is all of that region.
    is_side
        Whether it stands beside the sums.
    members
        By region: its atoms.
    """

    observed: NDArray[np.float64]
    expected: NDArray[np.float64]
    variance: NDArray[np.float64]
    regions: NDArray[np.int64]
    is_leaf: NDArray[np.bool_]
    is_side: NDArray[np.bool_]
    members: tuple[NDArray[np.int64], ...]


def build(codes: tuple[str, ...], index: RegionIndex) -> Regions:
    """Return what is known of the regions.

    Parameters
    ----------
    codes
        The regions.
    index
        Code -> parent's code; or a table by code with any of the columns ``parent``, ``lat``, ``lon`` (degrees). What
        it does not say is taken from the codes and the gazetteer.

    Raises
    ------
    InputError
        If the index is of another kind, or regions lie in each other in a circle.
    """
    parent_of, table = _given(index)
    position = {code: number for number, code in enumerate(codes)}
    chains = [_chain(code, parent_of) for code in codes]
    parents = np.array([next((position[up] for up in chain if up in position), -1) for chain in chains], np.int64)
    depths = [_depth(number, parents) for number in range(len(codes))]
    levels = tuple(_level(code, depth) for code, depth in zip(codes, depths, strict=True))
    tops = [(code, *chain)[::-1] for code, chain in zip(codes, chains, strict=True)]
    families = tuple(next((home for up in top if (home := country(up))), top[0]) for top in tops)
    continents = tuple(continent(family) or "" for family in families)
    places = np.array([_place(code, table) for code in codes], float).reshape(-1, 2)
    return Regions(codes, parents, levels, families, continents, places)


def _given(index: RegionIndex) -> tuple[dict[str, str | None], pd.DataFrame | None]:
    """Return the parents that an index names, and its coordinates."""
    if index is None:
        return {}, None
    if isinstance(index, pd.DataFrame):
        table = index.set_axis(index.index.map(str))
        table = table[~table.index.duplicated()]
        named = table["parent"] if "parent" in table.columns else pd.Series(dtype=object)
        parents = {str(code): _name(up) for code, up in named.items()}
        if not {"lat", "lon"} <= set(table.columns):
            return parents, None
        return parents, table[["lat", "lon"]].apply(pd.to_numeric, errors="coerce")
    if isinstance(index, Mapping):
        return {str(code): _name(up) for code, up in index.items()}, None
    raise InputError(f"region_index must be None, a mapping code -> parent, or a DataFrame, not {type(index).__name__}")


def _name(up: Any) -> str | None:  # noqa: ANN401 - a cell of a table
    return None if up is None or up == "" or up != up else str(up)  # noqa: PLR0124 - NaN is not itself


def _chain(code: str, parent_of: dict[str, str | None]) -> list[str]:
    """Return what a region lies in, the nearest first."""
    chain: list[str] = []
    up = parent_of[code] if code in parent_of else usual_parent(code)
    while up is not None:
        if up == code or up in chain or len(chain) > LONGEST_CHAIN:
            raise InputError(f"region_index: {code!r} lies in itself by way of {up!r}")
        chain.append(up)
        up = parent_of[up] if up in parent_of else usual_parent(up)
    return chain


def _depth(number: int, parents: NDArray[np.int64]) -> int:
    depth = 0
    while (number := int(parents[number])) >= 0:
        depth += 1
    return depth


def _level(code: str, depth: int) -> str:
    """Return the kind of a region; by its depth where the code does not say."""
    if country(code) is None:
        return f"depth {depth}"
    kind, colon, _ = code.partition(":")
    return kind if colon else "country" if len(code) == 2 else "subdivision"


def _place(code: str, table: pd.DataFrame | None) -> tuple[float, float]:
    """Return a region's coordinates: as given, else from the gazetteer."""
    if table is not None and code in table.index:
        lat, lon = float(table["lat"][code]), float(table["lon"][code])
        if np.isfinite(lat) and np.isfinite(lon):
            return float(lat), float(lon)
    return coordinates(code)


def divide(frames: Frames, regions: Regions) -> Atoms:
    """Return the atoms of the regions.

    Where a part of a region was not observed for a time, it counts to the rest of that region for that time: the
    region's own count contains it.
    """
    parts, sides = _parts(frames, regions)
    is_beside = _is_beside(regions, sides)
    leaves = [number for number in range(len(regions.codes)) if not parts[number]]
    split = [number for number in range(len(regions.codes)) if parts[number]]
    rest = [_elsewhere(frames, number, parts[number]) for number in split]
    extra = frames.dispersion * frames.expected**2
    homes = np.array(leaves + split, np.int64)
    bins = frames.bins
    observed = np.concatenate([frames.observed[leaves], *[y[None] for y, _ in rest]]).reshape(-1, bins)
    expected = np.concatenate([frames.expected[leaves], *[mu[None] for _, mu in rest]]).reshape(-1, bins)
    variance = np.concatenate(
        [extra[leaves], *[(frames.dispersion[n] * mu**2)[None] for n, (_, mu) in zip(split, rest, strict=True)]]
    )
    own = {home: number for number, home in enumerate(homes.tolist())}
    members = tuple(np.array(_below(number, parts, own), np.int64) for number in range(len(regions.codes)))
    return Atoms(
        observed,
        expected,
        variance.reshape(-1, bins),
        homes,
        np.arange(len(homes)) < len(leaves),
        is_beside[homes],
        members,
    )


def _parts(frames: Frames, regions: Regions) -> tuple[list[list[int]], list[int]]:
    """Return each region's parts, and the regions that stand beside the parts of theirs."""
    children: list[dict[str, list[int]]] = [{} for _ in regions.codes]
    for number, up in enumerate(regions.parents):
        if up >= 0:
            children[up].setdefault(regions.levels[number], []).append(number)
    usual = frames.expected.sum(axis=1)
    parts: list[list[int]] = []
    sides: list[int] = []
    for kinds in children:
        ranked = sorted(kinds, key=lambda kind: (-usual[kinds[kind]].sum(), kind))
        parts.append(kinds[ranked[0]] if ranked else [])
        sides.extend(number for kind in ranked[1:] for number in kinds[kind])
    return parts, sides


def _is_beside(regions: Regions, sides: list[int]) -> NDArray[np.bool_]:
    """Tell which regions stand beside the sums, or lie in one that does."""
    marked = np.zeros(len(regions.codes), bool)
    marked[sides] = True
    found = marked.copy()
    for number in range(len(marked)):
        up = number
        while up >= 0 and not found[number]:
            found[number] = marked[up]
            up = int(regions.parents[up])
    return found


def _elsewhere(frames: Frames, number: int, parts: list[int]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return what of a region's voices, seen and usual, is in none of its parts: never below 0, 0 where not seen."""
    seen = frames.seen[number]
    y = frames.observed[number] - frames.observed[parts].sum(axis=0)
    mu = frames.expected[number] - frames.expected[parts].sum(axis=0)
    return np.where(seen, np.maximum(y, 0.0), 0.0), np.where(seen, np.maximum(mu, 0.0), 0.0)


def _below(number: int, parts: list[list[int]], own: dict[int, int]) -> list[int]:
    """Return the atoms of a region."""
    found, waiting = [], [number]
    while waiting:
        here = waiting.pop()
        found.append(own[here])
        waiting.extend(parts[here])
    return sorted(found)
