"""A caption of one word, from the numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from detectors.model.spread import Extent
    from detectors.spread.index import Regions

    Floats = NDArray[np.float64]

CHANCE = 0.05
"""What chance alone does more often than so is undetermined."""

VERY_UNSURE = 0.7
"""An interval of a share that is wider than this says nothing."""

CORE, SURE = 0.9, 0.99
"""The caption speaks of the regions that make up so much of what is beyond usual, and of those that are so sure: not of
the last straggler."""

WORLD = 3
"""So many continents, or more, may be the world."""

MOST_NORMAL, MOST_NORMAL_LANDS = 0.12, 0.25
"""It is not the world if more than this share of the voices lives where it is normal: of all, or of the continents'
(so weighed that the one where the platforms are at home does not decide alone)."""

FAR_KM = 2500.0
"""Regions of one continent that lie further than this from the others are not their neighbours."""

SMALL_SHARE = 0.1
"""A region of which is not known what it is part of is a small one up to this share of the voices."""

EARTH_RADIUS_KM = 6371.0


@dataclass(frozen=True, eq=False)
class Felt:
    """Where it is felt, by unit of what makes up the whole.

    Attributes
    ----------
    homes
        By unit: the regions of its atoms.
    usual, excess
        Shape (units,): usual voices, voices beyond.
    probability
        Shape (units,): that it is affected, or which part of it.
    is_affected
        Shape (units,): whether it is said to be affected.
    """

    homes: tuple[tuple[int, ...], ...]
    usual: Floats
    excess: Floats
    probability: Floats
    is_affected: NDArray[np.bool_]


def extent(felt: Felt, regions: Regions, p_value: float) -> Extent:
    """Return the caption.

    ``global``: at least three continents, and nearly all whose voices are heard. ``multi-regional``: several countries
    that are no neighbours. ``regional``: one country, or neighbours on one continent. ``local``: one subdivision, or
    less.
    """
    core = _core(felt)
    if p_value > CHANCE or not core:
        return "undetermined"
    if _is_global(felt, regions):
        return "global"
    homes = {home for unit in core for home in felt.homes[unit]}
    continents = {regions.continents[home] for home in homes}
    if len({regions.families[home] for home in homes}) == 1:
        return "local" if _is_local(homes, regions, felt, core) else "regional"
    return "regional" if len(continents) == 1 and _are_near(homes, regions) else "multi-regional"


def _is_global(felt: Felt, regions: Regions) -> bool:
    """Tell whether it is felt nearly everywhere, on several continents."""
    lands = np.array([regions.continents[homes[0]] for homes in felt.homes])
    names = sorted(set(lands) - {""})
    usual = np.array([felt.usual[lands == name].sum() for name in names])
    hit = np.array([felt.usual[lands == name] @ felt.probability[lands == name] for name in names])
    if not usual.sum() > 0 or (hit > 0.5 * usual).sum() < WORLD:
        return False
    normal = 1.0 - hit / np.maximum(usual, 1e-12)
    weight = np.sqrt(usual)
    return bool(usual @ normal <= MOST_NORMAL * usual.sum() and weight @ normal <= MOST_NORMAL_LANDS * weight.sum())


def _core(felt: Felt) -> list[int]:
    """Return the affected units that make up most of the excess, and those that are sure."""
    ranked = [int(unit) for unit in np.argsort(-felt.excess, kind="stable") if felt.is_affected[unit]]
    gains = np.maximum(felt.excess[ranked], 0.0)
    before = np.cumsum(gains) - gains
    enough = CORE * gains.sum()
    return [u for u, reached in zip(ranked, before, strict=True) if reached < enough or felt.probability[u] >= SURE]


def _is_local(homes: Iterable[int], regions: Regions, felt: Felt, core: list[int]) -> bool:
    """Tell whether all lies in one subdivision or something smaller."""
    tops = set()
    for home in homes:
        chain = [home]
        while (up := int(regions.parents[chain[-1]])) >= 0:
            chain.append(up)
        below = [one for one in chain if not _is_nation(one, regions)]
        tops.add(below[-1] if below else -1)
    if len(tops) > 1 or -1 in tops:
        return False
    is_known = not regions.levels[next(iter(tops))].startswith("depth")
    return is_known or float(felt.usual[core].sum()) <= SMALL_SHARE * float(felt.usual.sum())


def _is_nation(region: int, regions: Regions) -> bool:
    """Tell whether a region is a country, or as good as one: the topmost of its kind, with others in it."""
    return regions.levels[region] == "country" or (
        regions.levels[region] == "depth 0" and bool((regions.parents == region).any())
    )


def _are_near(homes: set[int], regions: Regions) -> bool:
    """Tell whether the regions hang together: none far from all others."""
    places = np.radians(regions.places[sorted(homes)])
    places = places[np.isfinite(places).all(axis=1)]
    if len(places) < 2:
        return True
    north, east = places.T
    points = np.stack([np.cos(north) * np.cos(east), np.cos(north) * np.sin(east), np.sin(north)], axis=1)
    far = EARTH_RADIUS_KM * np.arccos(np.clip(points @ points.T, -1.0, 1.0))
    reached = np.zeros(len(points), bool)
    reached[0] = True
    while (grown := (far[reached] <= FAR_KM).any(axis=0)).sum() > reached.sum():
        reached = grown
    return bool(reached.all())
