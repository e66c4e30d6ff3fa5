"""Which part of the earth a map shows: the United States, a window around what is affected, or the world.

The smallest that shows what is known without hiding where it is: a national service is not drawn on a map of the
world, and a small country that stands out is not drawn as a dot on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from detectors.location import level
from detectors.location.names import region_centre, region_homes
from flows.report.projections import (
    ALASKA,
    CENTRE,
    HAWAII,
    PUERTO_RICO,
    US,
    Azimuthal,
    Fit,
    Projection,
    equal_earth,
)
from flows.report.shapes import layer

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from detectors.model.spread import Spread

    Floats = NDArray[np.float64]

Place = Literal["us", "window", "world"]

WIDTH = 1000
"""Width of every map in pixels of its view box."""

TERRITORIES = ("PR", "VI")
"""What the map of the United States shows beside the states; in ISO 3166-1 these are countries."""

_FAR, _WIDE, _NEAR = 20.0, 28.0, 9.0
"""Degrees around the middle: what is affected of a service known everywhere is looked at closely up to the first, all
that is known of a service up to the second; nothing more closely than the third."""

_MARGIN = 1.3
_WINDOW_HEIGHT = 640
_STEPS = 64


@dataclass(frozen=True)
class View:
    """What part is shown, and how.

    Attributes
    ----------
    height
        In pixels of the view box.
    fits
        Fits by the code of the area that one is for; ``""`` is for all others.
    detail
        The layer that is drawn.
    """

    place: Place
    height: int
    fits: dict[str, Fit]
    detail: str

    def fit(self, code: str, homes: Sequence[str] = ()) -> Fit:
        """Return the fit of an area, or of what lies in it."""
        return next((self.fits[one] for one in (code, *homes) if one in self.fits), self.fits[""])

    def holds(self, x: float, y: float) -> bool:
        """Tell whether a pixel is on the map."""
        return 0 <= x <= WIDTH and 0 <= y <= self.height


def choose(spread: Spread) -> View:
    """Return the view that suits a spread."""
    known = [region.code for region in spread.regions if region.verdict != "no data"]
    affected = [region.code for region in spread.affected]
    if known and all(is_american(code) for code in known):
        return american()
    parts = [code for code in affected if level(code) != "country"]
    if parts and all(is_american(code) for code in affected) and not _is_most(known, affected):
        return american()
    for codes, reach in ((known, _WIDE), (affected, _FAR)):
        middle, radius = _around(codes)
        if 0 <= radius <= reach:
            return window(middle, max(radius * _MARGIN, _NEAR))
    return whole()


def is_american(code: str) -> bool:
    """Tell whether a region is on the map of the United States."""
    return bool({"US", *TERRITORIES} & {code, *region_homes(code)})


def _is_most(known: Sequence[str], affected: Sequence[str]) -> bool:
    """Tell whether the United States as a whole are affected rather than parts of them."""
    states = sum(code.startswith("US-") for code in known)
    return "US" in affected and 2 * sum(code.startswith("US-") for code in affected) >= states


# --- the three ------------------------------------------------------------------------------------------------


def whole() -> View:
    """Return the world between 56 degrees south and 84 north."""
    edge, _ = equal_earth(np.array([CENTRE + 180]), np.array([0.0]))
    _, y = equal_earth(np.array([CENTRE, CENTRE]), np.array([84.0, -56.0]))
    scale = WIDTH / (2 * float(edge[0]))
    fit = Fit(equal_earth, scale, WIDTH / 2, scale * float(y[0]))
    return View("world", round(scale * float(y[0] - y[1])), {"": fit}, "world")


def american() -> View:
    """Return the United States, with Alaska, Hawaii and Puerto Rico set in below."""
    alaska, hawaii, islands = Fit(ALASKA, 440, 118, 540), Fit(HAWAII, 1260, 300, 575), Fit(PUERTO_RICO, 1900, 905, 598)
    others = Fit(US, 1240, 505, 310)
    fits = {"": others, "US-AK": alaska, "US-HI": hawaii, **dict.fromkeys(TERRITORIES, islands)}
    return View("us", 640, fits, "states")


def window(middle: tuple[float, float], radius: float) -> View:
    """Return what lies around a point (longitude, latitude), ``radius`` degrees up and down at least."""
    projection: Projection = Azimuthal(*middle)
    scale = _WINDOW_HEIGHT / 2 / (2 * np.sin(np.radians(radius) / 2))
    return View("window", _WINDOW_HEIGHT, {"": Fit(projection, float(scale), WIDTH / 2, _WINDOW_HEIGHT / 2)}, "near")


# --- how far regions reach ------------------------------------------------------------------------------------


def _around(codes: Iterable[str]) -> tuple[tuple[float, float], float]:
    """Return the middle of regions (longitude, latitude) and how far they reach from it in degrees.

    The smallest circle, by steps towards what is farthest (Badoiu and Clarkson 2003). The radius is -1 where there is
    nothing to be around of.
    """
    points = [found for code in codes if (found := _vectors(code)) is not None]
    if not points:
        return (0.0, 0.0), -1.0
    vectors = np.concatenate(points)
    middle = vectors.mean(axis=0)
    for step in range(1, _STEPS):
        middle = middle / max(float(np.linalg.norm(middle)), 1e-9)
        middle = middle + (vectors[np.argmin(vectors @ middle)] - middle) / (step + 1)
    middle = middle / max(float(np.linalg.norm(middle)), 1e-9)
    radius = float(np.degrees(np.arccos(np.clip((vectors @ middle).min(), -1, 1))))
    longitude, latitude = np.degrees(np.arctan2(middle[1], middle[0])), np.degrees(np.arcsin(np.clip(middle[2], -1, 1)))
    return (float(longitude), float(latitude)), radius


def _vectors(code: str) -> Floats | None:
    """Return a region's outline, or its centre, as points on the unit sphere, shape (points, 3)."""
    ring = (layer("world").get(code) or layer("states-far").get(code) or (None,))[0]
    if ring is not None:
        longitude, latitude = ring
    elif (centre := region_centre(code)) is not None:
        longitude, latitude = np.array([centre.longitude]), np.array([centre.latitude])
    else:
        return None
    east, north = np.radians(longitude), np.radians(latitude)
    return np.column_stack([np.cos(north) * np.cos(east), np.cos(north) * np.sin(east), np.sin(north)])
