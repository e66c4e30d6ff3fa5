"""The scoreboard's plot, as SVG drawn here: recall against false alarms, and how soon outages are found.

One row of two panels for each simulation. Left: a line a detector through its thresholds, a ring at its default. Right:
the share of all detectable outages found within so many minutes, beside the oracle and the bound on the mean delay.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from markupsafe import escape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

Record = dict[str, Any]
Points = list[tuple[float, float]]

WIDTH, HEIGHT_OF_ROW, TOP, PLOT = 1120, 380, 64, 250
LEFT_PX, RIGHT_PX, LEGEND_PX = (60, 440), (640, 1020), 452
FALSE_RANGE, DELAY_RANGE = (0.02, 20.0), (1.0, 360.0)
FALSE_TICKS, DELAY_TICKS = (0.03, 0.1, 0.3, 1, 3, 10), (1, 2, 5, 10, 30, 60, 180)
COLOUR, BLACK = "#0b57d0", "#1b1b1f"
COLOURS = (
    "#d55e00", "#009e73", "#a0468c", "#8a6d00", "#1f9bcf", "#b3261e", "#777777", "#5f7d00", "#7b52ab", "#00796b",
    "#c2185b", "#795548",
)  # fmt: skip
"""Ours, the oracle's, and the peers'."""

OURS, ORACLE = "uproar", "oracle"
STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#1b1b1f}.small{font-size:12px}.head{font-weight:600;font-size:15px}"
    ".axis{stroke:#8a8a8f;fill:none}.grid{stroke:#e3e3e8}.end{text-anchor:end}.mid{text-anchor:middle}"
    "path.line{fill:none;stroke-width:1.6}.ours{stroke-width:3}.watch{stroke-dasharray:6 4}"
    ".bound{stroke-dasharray:2 3}"
)


@dataclass(frozen=True)
class Panel:
    """Where a panel lies, and its scales: x is logarithmic, y from 0 to 1."""

    x_px: tuple[int, int]
    top_px: int
    x_range: tuple[float, float]
    ticks: Sequence[float]

    def x(self, value: float) -> float:
        """Return the pixel of a value; what lies outside ends up at the nearer edge."""
        low, high = (math.log(bound) for bound in self.x_range)
        place = (math.log(min(max(value, self.x_range[0]), self.x_range[1])) - low) / (high - low)
        return round(self.x_px[0] + place * (self.x_px[1] - self.x_px[0]), 1)

    def y(self, share: float) -> float:
        """Return the pixel of a share."""
        return round(self.top_px + (1 - share) * PLOT, 1)

    def path(self, points: Points, classes: str, colour: str) -> str:
        """Return a line through points."""
        steps = " ".join(f"{'L' if n else 'M'}{self.x(x)} {self.y(y)}" for n, (x, y) in enumerate(points))
        return f'<path class="line {classes}" stroke="{colour}" d="{steps}"/>'

    def frame(self, title: str, x_label: str) -> Iterator[str]:
        """Yield title, grid and axes."""
        left, right = self.x_px
        yield f'<text class="head" x="{left}" y="{self.top_px - 16}">{escape(title)}</text>'
        for tenths in range(0, 11, 2):
            y = self.y(tenths / 10)
            yield f'<path class="grid" d="M{left} {y}H{right}"/>'
            yield f'<text class="small end" x="{left - 6}" y="{y + 4}">{tenths / 10:g}</text>'
        for tick in self.ticks:
            x = self.x(tick)
            yield f'<path class="grid" d="M{x} {self.top_px}V{self.top_px + PLOT}"/>'
            yield f'<text class="small mid" x="{x}" y="{self.top_px + PLOT + 17}">{tick:g}</text>'
        yield f'<path class="axis" d="M{left} {self.top_px}V{self.top_px + PLOT}H{right}"/>'
        middle = (left + right) / 2
        yield f'<text class="small mid" x="{middle}" y="{self.top_px + PLOT + 36}">{escape(x_label)}</text>'


def plot(board: Record) -> str:
    """Return the plot of a scoreboard's simulations (decoded JSON) as an SVG document."""
    parts = board["simulation"]
    colours = _colours(parts)
    body = [
        line
        for number, part in enumerate(parts)
        for line in _row(part, TOP + number * HEIGHT_OF_ROW, colours.__getitem__)
    ]
    height = max(1, len(parts)) * HEIGHT_OF_ROW + 20
    about = "Recall against false alarms a service-month, and the share of outages found within so many minutes."
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">'
        f"<title>Scoreboard of outage detectors on simulated counts</title><desc>{about}</desc>"
        f'<style>{STYLE}</style><rect width="100%" height="100%" fill="#fff"/>{"".join(body)}</svg>\n'
    )


def _colours(parts: Sequence[Record]) -> dict[str, str]:
    names = dict.fromkeys(row["detector"] for part in parts for row in part["curves"])
    peers = [name for name in names if name not in (OURS, ORACLE)]
    return {OURS: COLOUR, ORACLE: BLACK} | {name: COLOURS[n % len(COLOURS)] for n, name in enumerate(peers)}


def _row(part: Record, top: int, colour: Callable[[str], str]) -> Iterator[str]:
    settings = part["settings"]
    title = f"{settings['difficulty']}, {settings['noise']}, {part['seeds']} {part['purpose']} seeds"
    left = Panel(LEFT_PX, top, FALSE_RANGE, FALSE_TICKS)
    yield from left.frame(f"Recall: {title}", "false alarms a service-month")
    curves = part["curves"]
    for curve in curves:
        points = [(point["false_per_month"], point["recall"]) for point in curve["points"]]
        known = [(max(x, FALSE_RANGE[0]), y) for x, y in points if x is not None and y is not None]
        if known:
            yield left.path(known, _classes(curve), colour(curve["detector"]))
            yield from _ring(left, curve, colour(curve["detector"]))
    yield from _legend(curves, top, colour)
    right = Panel(RIGHT_PX, top, DELAY_RANGE, DELAY_TICKS)
    yield from right.frame("Share found within", "minutes from the onset")
    yield from _delays(right, part["rows"], colour)


def _classes(row: Mapping[str, Any]) -> str:
    return f"{row['severity']}{' ours' if row['detector'] == OURS else ''}"


def _ring(panel: Panel, curve: Record, colour: str) -> Iterator[str]:
    for point in curve["points"]:
        if point["threshold"] == 1 and curve["detector"] != ORACLE and point["recall"] is not None:
            x, y = panel.x(point["false_per_month"]), panel.y(point["recall"])
            yield f'<circle cx="{x}" cy="{y}" r="5" fill="#fff" stroke="{colour}" stroke-width="2"/>'


def _legend(curves: Sequence[Record], top: int, colour: Callable[[str], str]) -> Iterator[str]:
    for number, curve in enumerate(curves):
        name, y = curve["detector"], top + 10 + 18 * number
        text = name if curve["severity"] == "both" else f"{name}, {curve['severity']}"
        line = f'd="M{LEGEND_PX} {y}h22"'
        yield f'<path class="line {_classes(curve)}" stroke="{colour(name)}" {line}/>'
        yield f'<text class="small" x="{LEGEND_PX + 28}" y="{y + 4}">{escape(text)}</text>'


def _delays(panel: Panel, rows: Sequence[Record], colour: Callable[[str], str]) -> Iterator[str]:
    ours = [row for row in rows if row["detector"] == OURS and row["budget"] is None]
    oracle = [row for row in rows if row["detector"] == ORACLE][-1:]
    for row in [*ours, *oracle]:
        yield panel.path([(x, y) for x, y in row["found_within"]], _classes(row), colour(row["detector"]))
    for row in [row for row in ours if row["severity"] == "watch"]:
        yield panel.path([(x, y) for x, y in row["bound_within"]], "bound", BLACK)
        x, y = panel.x_px[1] - 6, panel.top_px + PLOT - 10
        yield f'<text class="small end" x="{x}" y="{y}">dotted: bound on the mean delay</text>'
