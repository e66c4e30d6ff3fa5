"""Where the words at a chart's lines go, so that none lies on another or is crossed by a line."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

ROWS = 3
_GAP = 5.0
_EM_SHARE = 0.64
"""Width of an average bold character of the widest of the theme's fonts, in em."""


@dataclass(frozen=True)
class Placed:
    """A label beside its line: ``row`` counts upwards from the plot, ``is_left`` of the line or right of it."""

    x: float
    text: str
    row: int
    is_left: bool
    font_px: float

    @property
    def left(self) -> float:
        """Left end of the text, in pixels."""
        return self.x - _GAP - self.width if self.is_left else self.x + _GAP

    @property
    def right(self) -> float:
        """Right end of the text, in pixels."""
        return self.left + self.width

    @property
    def width(self) -> float:
        """Width of the text, in pixels, estimated."""
        return len(self.text) * self.font_px * _EM_SHARE

    @property
    def anchor_x(self) -> float:
        """Where the text is anchored."""
        return self.x - _GAP if self.is_left else self.x + _GAP


def place(marks: Sequence[tuple[float, str]], *, bounds: tuple[float, float], font_px: float) -> tuple[Placed, ...]:
    """Place each ``(x, text)`` in one of :data:`ROWS` rows, left or right of its line.

    All placements are tried (there are at most a few marks); the cheapest wins: first no overlap, no crossing and
    nothing outside ``bounds`` (pixels), then few rows, then to the right of the line.
    """
    options = [
        [Placed(x, text, row, is_left, font_px) for row in range(ROWS) for is_left in (False, True)]
        for x, text in marks
    ]
    return min(product(*options), key=lambda chosen: _cost(chosen, bounds))


def _cost(chosen: Sequence[Placed], bounds: tuple[float, float]) -> float:
    cost = 0.0
    for number, label in enumerate(chosen):
        outside = max(0.0, bounds[0] - label.left) + max(0.0, label.right - bounds[1])
        cost += 1e4 * (outside > 0) + 100 * outside + 3 * label.row + label.is_left
        cost += sum(1e3 * _overlaps(label, other) for other in chosen[:number])
        cost += sum(5e2 * _crosses(other, label) for other in _others(chosen, number))
    return cost


def _others(chosen: Sequence[Placed], number: int) -> Iterable[Placed]:
    return (label for place_, label in enumerate(chosen) if place_ != number)


def _overlaps(one: Placed, other: Placed) -> bool:
    return one.row == other.row and one.left < other.right + _GAP and other.left < one.right + _GAP


def _crosses(line: Placed, label: Placed) -> bool:
    """Whether the leader of ``line``, which ends beside its own row, runs through ``label``."""
    return line.row >= label.row and label.left - 2 < line.x < label.right + 2
