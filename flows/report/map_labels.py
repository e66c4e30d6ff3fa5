"""Names on the map: a few, where they fit, set anew for a wide, a middling and a narrow screen."""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING, NamedTuple

from markupsafe import escape

from flows.report.map_view import WIDTH

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SIZES = (("wide", 14, 9, 10), ("medium", 22, 12, 6), ("narrow", 33, 19, 3))
"""Class, size of the font and radius of a dot in pixels of the view box, and how many names at most."""

_EM_SHARE = 0.62
"""Width of an average bold character, in em."""

_FEW = 5
"""Up to so many names may stand beside their areas: with more, they would seem to belong to others."""

_ACROSS = 1.7
"""How much wider than its area (as a square) a name may be that stands on it."""


class Anchor(NamedTuple):
    """What may have a name: a dot, or the middle of an area of ``size`` square pixels (0 for a dot)."""

    x: float
    y: float
    text: str
    size: float

    @property
    def is_dot(self) -> bool:
        """Whether it is a dot."""
        return self.size == 0


class _Box(NamedTuple):
    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: _Box) -> bool:
        return (
            self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom
        )


def place_labels(anchors: Sequence[Anchor], height: int) -> Iterator[str]:
    """Yield a group of labels for each size of screen; those that fit nowhere are left out.

    Parameters
    ----------
    anchors
        The most important first.
    height
        Of the map, in pixels of its view box.
    """
    for name, font, radius, most in SIZES:
        taken = [_Box(one.x - radius, one.y - radius, one.x + radius, one.y + radius) for one in anchors if one.is_dot]
        found: list[str] = []
        for anchor in anchors:
            if not anchor.is_dot and len(anchors) > _FEW and not _fits(anchor, font):
                continue
            spot = _spot(anchor, font, radius, taken, height)
            if spot is not None and len(found) < most:
                taken.append(spot)
                y = spot.bottom - 0.28 * font
                found.append(f'<text x="{spot.left:.0f}" y="{y:.0f}">{escape(anchor.text)}</text>')
        if found:
            yield f'<g class="size {name}" font-size="{font}">{"".join(found)}</g>'


def _width(anchor: Anchor, font: float) -> float:
    return len(anchor.text) * font * _EM_SHARE


def _fits(anchor: Anchor, font: float) -> bool:
    """Tell whether a name may stand on its area."""
    return _width(anchor, font) <= _ACROSS * sqrt(anchor.size)


def _spot(anchor: Anchor, font: float, radius: float, taken: Sequence[_Box], height: int) -> _Box | None:
    """Return where a label goes: the first place around its point that is free."""
    width, tall = _width(anchor, font), 1.2 * font
    gap = max(radius, sqrt(anchor.size) / 2) + 0.35 * font
    for across, down in _ways((width, tall), gap, is_on=_fits(anchor, font)):
        left, top = anchor.x + across, anchor.y + down
        box = _Box(left, top, left + width, top + tall)
        is_inside = left >= 2 and top >= 2 and box.right <= WIDTH - 2 and box.bottom <= height - 2
        if is_inside and not any(box.meets(other) for other in taken):
            return box
    return None


def _ways(size: tuple[float, float], gap: float, *, is_on: bool) -> Sequence[tuple[float, float]]:
    """Return left upper corners of a label against its point, the best first."""
    width, tall = size
    around = (
        (gap, -tall / 2),
        (-gap - width, -tall / 2),
        (-width / 2, -gap - tall),
        (-width / 2, gap),
        (gap * 0.7, -gap * 0.7 - tall),
        (gap * 0.7, gap * 0.7),
        (-gap * 0.7 - width, -gap * 0.7 - tall),
        (-gap * 0.7 - width, gap * 0.7),
    )
    return ((-width / 2, -tall / 2), *around) if is_on else around
