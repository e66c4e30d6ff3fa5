"""The outlines of countries and states: ``scripts/map`` writes them, the map draws them."""

from __future__ import annotations

from functools import cache
from itertools import chain, pairwise
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import zstandard

from detectors.reference import resource

if TYPE_CHECKING:
    from numpy.typing import NDArray

UNIT = 100
"""Coordinates are kept in whole hundredths of a degree."""


class Packed(msgspec.Struct, frozen=True, kw_only=True):
    """What is packaged.

    By layer (``world``, ``near``, ``states``, ``states-far``) and code, the closed rings of an area, largest first. A
    ring is ``longitude, latitude`` of its first point and then the differences from point to point, in hundredths of a
    degree; the last point, which is the first again, is left out. Longitudes go from 169 degrees west to 191 east, and
    no ring crosses that edge. Land that has no code is under ``""``.
    """

    layers: dict[str, dict[str, list[list[int]]]]


Ring = tuple["NDArray[np.float64]", "NDArray[np.float64]"]
"""Longitudes and latitudes of a ring in degrees, shape (points,); the first point is repeated at the end."""


def pack_ring(points: list[tuple[float, float]]) -> list[int]:
    """Return a closed ring of ``(longitude, latitude)``, in degrees, as it is kept; empty if nothing remains of it."""
    grid = [(round(x * UNIT), round(y * UNIT)) for x, y in points]
    kept = [one for number, one in enumerate(grid[:-1]) if number == 0 or one != grid[number - 1]]
    while len(kept) > 1 and kept[-1] == kept[0]:
        kept.pop()
    if len(kept) < 3:
        return []
    steps = [(x - a, y - b) for (a, b), (x, y) in pairwise(kept)]
    return [*kept[0], *chain.from_iterable(steps)]


def unpack_ring(packed: list[int]) -> Ring:
    """Return a ring in degrees, closed."""
    grid = np.cumsum(np.array(packed, dtype=np.int64).reshape(-1, 2), axis=0)
    points = np.concatenate([grid, grid[:1]]) / UNIT
    return points[:, 0], points[:, 1]


@cache
def layer(name: str) -> dict[str, tuple[Ring, ...]]:
    """Return a layer: code -> its rings, largest first.

    ``world`` and ``states-far`` are for the whole world, ``near`` and ``states`` for a part of it.
    """
    return {code: tuple(unpack_ring(ring) for ring in rings) for code, rings in _packed().layers[name].items()}


@cache
def _packed() -> Packed:
    data = resource("reference", "map").joinpath("shapes.msgpack.zst").read_bytes()
    with zstandard.ZstdDecompressor().stream_reader(data) as reader:
        return msgspec.msgpack.decode(reader.read(), type=Packed)
