"""Rings as SVG paths: projected, cut at the map's frame, in whole quarters of a pixel."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from flows.report.map_view import WIDTH

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from flows.report.map_view import View
    from flows.report.projections import Fit
    from flows.report.shapes import Ring

    Floats = NDArray[np.float64]

GRID = 4
"""Steps a pixel: paths are drawn in ``scale(.25)``, so that their numbers are short and whole."""

_BEYOND = 6.0
"""Pixels beyond the frame at which outlines are cut, so that the cut itself is not seen."""

_DISTANT = np.cos(np.radians(80))


class Drawn(NamedTuple):
    """An area on the map: its path, how large its largest part is (square pixels), and that part's middle."""

    path: str
    size: float
    x: float
    y: float


def draw(view: View, code: str, rings: Iterable[Ring]) -> Drawn | None:
    """Return an area as it is drawn; None where nothing of it is on the map."""
    fit = view.fit(code)
    paths, largest = [], (0.0, 0.0, 0.0)
    for ring in rings:
        x, y = fit(*ring)
        if view.place == "window" and _is_elsewhere(fit, x, y):
            continue
        points = _inside(np.column_stack([x, y]), view.height)
        if path := _path(points):
            paths.append(path)
            largest = max(largest, _middle(points))
    return Drawn("".join(paths), *largest) if paths else None


def _is_elsewhere(fit: Fit, x: Floats, y: Floats) -> bool:
    """Tell whether all of a ring is far away: only then may it reach around the other end of the earth."""
    square = ((x - fit.x) ** 2 + (y - fit.y) ** 2).min() / fit.scale**2  # 2 (1 - cosine of the angle)
    return bool(1 - square / 2 < _DISTANT)


def _inside(points: Floats, height: float) -> Floats:
    """Cut a ring at the frame, one side after the other (Sutherland and Hodgman 1974)."""
    low, high = (-_BEYOND, -_BEYOND), (WIDTH + _BEYOND, height + _BEYOND)
    for axis in (0, 1):
        for bound, sign in ((low[axis], 1.0), (high[axis], -1.0)):
            if len(points) and not (sign * (points[:, axis] - bound) >= 0).all():
                points = _cut(points, axis, bound, sign)
    return points


def _cut(points: Floats, axis: int, bound: float, sign: float) -> Floats:
    kept: list[Floats] = []
    ahead = np.roll(points, -1, axis=0)
    inside = sign * (points[:, axis] - bound) >= 0
    if not inside.any():
        return points[:0]
    inside_ahead = np.roll(inside, -1)
    for one, two, is_in, is_in_ahead in zip(points, ahead, inside, inside_ahead, strict=True):
        if is_in:
            kept.append(one)
        if is_in != is_in_ahead:
            kept.append(one + (two - one) * (bound - one[axis]) / (two[axis] - one[axis]))
    return np.array(kept).reshape(-1, 2)


def _path(points: Floats) -> str:
    """Return a closed path, empty where less than a triangle remains on the grid."""
    grid = np.round(points * GRID).astype(np.int64)
    if len(grid) == 0:
        return ""
    grid = grid[np.concatenate([[True], (np.diff(grid, axis=0) != 0).any(axis=1)])]
    if (grid[0] == grid[-1]).all():
        grid = grid[:-1]
    if len(grid) < 3:
        return ""
    steps = " ".join(f"{x} {y}" for x, y in np.diff(grid, axis=0).tolist())
    return f"M{grid[0, 0]} {grid[0, 1]}l{steps.replace(' -', '-')}z"


def _middle(points: Floats) -> tuple[float, float, float]:
    """Return area and centroid of a ring."""
    origin = points[0]
    x, y = (points - origin).T
    cross = x * np.roll(y, -1) - np.roll(x, -1) * y
    twice = float(cross.sum())
    if abs(twice) < 1e-6:
        return 0.0, float(origin[0]), float(origin[1])
    at = [float(((one + np.roll(one, -1)) * cross).sum() / (3 * twice)) for one in (x, y)]
    return abs(twice) / 2, at[0] + float(origin[0]), at[1] + float(origin[1])
