"""How the round earth is laid flat: three equal-area projections, each with a scale that fills a box of pixels.

Equal area, because a map of an outage is read by its areas. Angles are in degrees outside and radians within.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, radians, sin
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

CENTRE = 11.0
"""The world's middle meridian: its edge is then 169 degrees west, between Siberia and Alaska."""

_A = (1.340264, -0.081106, 0.000893, 0.003796)
_M = 3**0.5 / 2


class Projection(Protocol):
    """Longitudes and latitudes, in degrees, to a plane whose y grows upwards."""

    def __call__(self, longitude: Floats, latitude: Floats, /) -> tuple[Floats, Floats]:
        """Return x and y of points, arrays of one shape."""
        ...


def equal_earth(longitude: Floats, latitude: Floats) -> tuple[Floats, Floats]:
    """Project the whole earth around :data:`CENTRE`; longitudes from 169 degrees west to 191 east.

    The Equal Earth projection of Savric, Patterson and Jenny (2018, International Journal of Geographical Information
    Science 33).
    """
    theta = np.arcsin(_M * np.sin(np.radians(latitude)))
    square = theta * theta
    sixth = square**3
    x = np.radians(longitude - CENTRE) * np.cos(theta)
    x = x / (_M * (_A[0] + 3 * _A[1] * square + sixth * (7 * _A[2] + 9 * _A[3] * square)))
    return x, theta * (_A[0] + _A[1] * square + sixth * (_A[2] + _A[3] * square))


@dataclass(frozen=True)
class Azimuthal:
    """Lambert's azimuthal equal-area projection: right in the middle of a window, good around it."""

    longitude: float
    latitude: float

    def __call__(self, longitude: Floats, latitude: Floats) -> tuple[Floats, Floats]:
        """Project points; what lies at the other end of the earth is smeared over the rim."""
        east, north = np.radians(longitude - self.longitude), np.radians(latitude)
        up, over = sin(radians(self.latitude)), cos(radians(self.latitude))
        cosine = up * np.sin(north) + over * np.cos(north) * np.cos(east)
        scale = np.sqrt(2 / np.maximum(1 + cosine, 1e-9))
        x = scale * np.cos(north) * np.sin(east)
        return x, scale * (over * np.sin(north) - up * np.cos(north) * np.cos(east))


@dataclass(frozen=True)
class Albers:
    """Albers' equal-area conic projection between two standard parallels."""

    longitude: float
    latitude: float
    south: float
    north: float

    def __call__(self, longitude: Floats, latitude: Floats) -> tuple[Floats, Floats]:
        """Project points; longitudes are taken the short way around."""
        low, high = sin(radians(self.south)), sin(radians(self.north))
        n = (low + high) / 2
        c = cos(radians(self.south)) ** 2 + 2 * n * low
        east = (longitude - self.longitude + 180) % 360 - 180
        rho = np.sqrt(np.maximum(c - 2 * n * np.sin(np.radians(latitude)), 0)) / n
        middle = max(c - 2 * n * sin(radians(self.latitude)), 0) ** 0.5 / n
        angle = n * np.radians(east)
        return rho * np.sin(angle), middle - rho * np.cos(angle)


US = Albers(-96, 38, 29.5, 45.5)
ALASKA = Albers(-154, 60, 55, 65)
HAWAII = Albers(-157.5, 20.5, 8, 18)
PUERTO_RICO = Albers(-66, 18.2, 8, 18)


@dataclass(frozen=True)
class Fit:
    """A projection with the scale and the shift that bring its plane into a box of pixels, y downwards.

    Attributes
    ----------
    scale
        Pixels a unit of the plane (a radian in the middle).
    x, y
        The pixel of the plane's origin.
    """

    projection: Projection
    scale: float
    x: float
    y: float

    def __call__(self, longitude: Floats, latitude: Floats) -> tuple[Floats, Floats]:
        """Return the pixels of points."""
        across, up = self.projection(longitude, latitude)
        return self.x + self.scale * across, self.y - self.scale * up

    def point(self, longitude: float, latitude: float) -> tuple[float, float]:
        """Return the pixel of one point."""
        x, y = self(np.array([longitude]), np.array([latitude]))
        return float(x[0]), float(y[0])
