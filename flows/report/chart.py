"""The charts: reports against the usual range, as SVG drawn here, without script, font or network.

Time runs to the right in UTC, counts upwards from zero. Unobserved time is hatched and never drawn as zero. The
SVG carries a title and a description for those who do not see it; colours come from ``chart.css``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from importlib.resources import files
from typing import TYPE_CHECKING, Literal

import numpy as np
from markupsafe import escape

from flows.report.axes import Scale, count_ticks, time_ticks
from flows.report.frame import day_frame, detail_frame
from flows.report.labels import place
from flows.report.wording import amount, clock, date, interval, outwards, per_bin, plain, step_s

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from numpy.typing import NDArray

    from detectors.model import Estimate
    from flows.report.frame import Frame
    from flows.report.record import IncidentView

    Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Size:
    """How large a chart is drawn, in pixels of its view box.

    Attributes
    ----------
    name
        Tells the ids of several charts on one page apart.
    n_ticks_x, n_ticks_y
        So many ticks at most.
    """

    name: str
    width: int
    plot_height: int
    font_px: int
    n_ticks_x: int
    n_ticks_y: int = 5


WIDE = Size("wide", 1080, 270, 13, 12)
MEDIUM = Size("medium", 640, 240, 13, 8)
NARROW = Size("narrow", 330, 215, 12, 5)
SIZES = (WIDE, MEDIUM, NARROW)

Kind = Literal["detail", "day"]
_STRIP_PX = 84


def detail_chart(view: IncidentView, size: Size = WIDE, *, is_standalone: bool = False) -> str:
    """Return the chart of the incident, from 3 hours before it to after its end.

    Parameters
    ----------
    view
        What is drawn.
    size
        One of :data:`WIDE`, :data:`MEDIUM`, :data:`NARROW`.
    is_standalone
        True carries the style inside, for a notebook, a mail or a file; False leaves it to the page.

    Returns
    -------
    str
        One ``<svg>`` element, well-formed as XML.
    """
    return _Drawing(view, detail_frame(view), size, "detail").svg(is_standalone=is_standalone)


def day_strip(view: IncidentView, size: Size = WIDE, *, is_standalone: bool = False) -> str:
    """Return the low strip of the 24 hours around the incident; parameters as for :func:`detail_chart`."""
    return _Drawing(view, day_frame(view), size, "day").svg(is_standalone=is_standalone)


def chart_css() -> str:
    """Return the style of the charts, light and dark."""
    return files("flows.report").joinpath("templates", "chart.css").read_text("utf-8")


def describe(frame: Frame) -> str:
    """Return the chart in a sentence or two, from what it draws."""
    unit = per_bin(frame.bin_width_s)
    if not frame.is_known:
        return "No data: nothing was observed in this time."
    top = int(np.nanargmax(frame.observed))
    at = clock(_instant(frame, top), step_s(frame.bin_width_s))
    text = f"At most {amount(float(frame.observed[top]))} reports {unit}, from {at} UTC"
    usual = float(frame.expected[top])
    text += f", against {amount(usual)} usual." if np.isfinite(usual) else "; what is usual is not known yet."
    if frame.unknown_share >= 0.005:
        text += f" {100 * frame.unknown_share:.0f} % of the time was not observed and is hatched."
    return text


def _instant(frame: Frame, index: int) -> datetime:
    return frame.first_at + timedelta(seconds=index * frame.bin_width_s)


# --- drawing -------------------------------------------------------------------------------------------------


class _Drawing:
    """One chart: the places of things, and a method for each layer, drawn from back to front."""

    def __init__(self, view: IncidentView, frame: Frame, size: Size, kind: Kind) -> None:
        self.view, self.frame, self.size = view, frame, size
        self.is_detail = kind == "detail"
        self.id = f"{kind}-{size.name}"
        font = size.font_px
        self.ticks = count_ticks(_highest(frame), size.n_ticks_y if self.is_detail else 3)
        self.left = round(font * (2.1 + 0.6 * len(f"{self.ticks[-1]:,}")), 1)
        self.right = size.width - 6.0
        self.x = Scale(frame.start_at.timestamp(), frame.end_at.timestamp(), self.left, self.right)
        edges = frame.edges_s
        self.gaps = [(self.x(edges[first]), self.x(edges[last])) for first, last in _runs(frame.is_gap)]
        marks = [(self.x(at.timestamp()), text) for _, at, text in self._marks()]
        self.labels = place(marks, bounds=(self.left, size.width), font_px=font) if self.is_detail else ()
        self.row_px = font * 1.5
        self.top = round(font * 0.6 + self.row_px * (1 + max((label.row for label in self.labels), default=-1)), 1)
        self.bottom = self.top + (size.plot_height if self.is_detail else _STRIP_PX)
        self.y = Scale(0, self.ticks[-1], self.bottom, self.top)
        self.height = round(self.bottom + 3.1 * font)

    def svg(self, *, is_standalone: bool) -> str:
        name = plain(self.view.service_name)
        title = f"{name}: reports {per_bin(self.frame.bin_width_s)}"
        style = f"<style>{chart_css()}</style>" if is_standalone else ""
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" role="img" font-size="{self.size.font_px}" '
            f'viewBox="0 0 {self.size.width} {self.height}" aria-labelledby="{self.id}-t {self.id}-d">'
            f'<title id="{self.id}-t">{escape(title)}</title>'
            f'<desc id="{self.id}-d">{escape(describe(self.frame))}</desc>{style}'
        )
        return head + "".join(self._layers()) + "</svg>"

    def _layers(self) -> Iterator[str]:
        yield (
            f'<defs><pattern id="{self.id}-h" width="7" height="7" patternUnits="userSpaceOnUse" '
            'patternTransform="rotate(45)"><path class="hatch" d="M0 0V7"/></pattern></defs>'
        )
        yield from self._gaps()
        yield from self._grid()
        yield from self._incident()
        yield from self._usual()
        edges = [self.x(edge) for edge in self.frame.edges_s]
        yield f'<path class="observed" d="{_steps(edges, self._px(self.frame.observed))}"/>'
        yield from self._lines()
        yield from self._gap_words()
        yield from self._time_axis()

    def _px(self, values: Floats) -> list[float | None]:
        return [self.y(value) if np.isfinite(value) else None for value in values]

    def _marks(self) -> list[tuple[str, datetime, str]]:
        """Return what the vertical lines stand for: ``(class, instant, words)``."""
        incident = self.view.incident
        step = step_s(incident.bin_width_s)
        is_short = self.size.width < WIDE.width
        marks = [("onset", incident.onset.at, f"onset {_span(incident.onset, step, is_short)}")]
        marks.append(("flagged", incident.alarmed_at, f"flagged {clock(incident.alarmed_at, step)}"))
        if incident.ended is not None:
            marks.append(("end", incident.ended.at, f"end {_span(incident.ended, step, is_short)}"))
        return marks

    def _gaps(self) -> Iterator[str]:
        """Hatch what was not observed."""
        for x, end in self.gaps:
            yield (
                f'<rect class="gap" x="{x:g}" y="{self.top:g}" width="{end - x:.1f}" '
                f'height="{self.bottom - self.top:g}" fill="url(#{self.id}-h)"/>'
            )

    def _gap_words(self) -> Iterator[str]:
        """Say what a hatched stretch is, where there is room."""
        y = (self.top + self.bottom) / 2
        for x, end in self.gaps:
            if end - x > 5 * self.size.font_px:
                yield f'<text class="nothing" x="{(x + end) / 2:.1f}" y="{y:.1f}" text-anchor="middle">no data</text>'

    def _grid(self) -> Iterator[str]:
        font = self.size.font_px
        for tick in self.ticks:
            y = self.y(tick)
            yield f'<path class="{"grid" if tick else "axis"}" d="M{self.left:g} {y:g}H{self.right:g}"/>'
            yield f'<text x="{self.left - 6:g}" y="{y + font * 0.35:.1f}" text-anchor="end">{tick:,}</text>'
        middle = (self.top + self.bottom) / 2
        unit = per_bin(self.frame.bin_width_s, is_short=True)
        words = f"reports {unit}" if self.is_detail else unit
        yield f'<text transform="translate({font:g} {middle:.1f})rotate(-90)" text-anchor="middle">{words}</text>'

    def _incident(self) -> Iterator[str]:
        """Shade the incident, and more strongly the intervals of its onset and end."""
        incident = self.view.incident
        end_at = incident.ended.at if incident.ended else self.frame.end_at
        yield self._shade("during", incident.onset.at, end_at)
        if self.is_detail:
            step = step_s(incident.bin_width_s)
            yield self._shade("onset-range", *outwards(incident.onset, step)[1:])
            if incident.ended is not None:
                yield self._shade("end-range", *outwards(incident.ended, step)[1:])

    def _shade(self, name: str, start_at: datetime, end_at: datetime) -> str:
        x, end = self.x(start_at.timestamp()), self.x(end_at.timestamp())
        height = self.bottom - self.top
        return f'<rect class="{name}" x="{x:g}" y="{self.top:g}" width="{max(end - x, 0):.1f}" height="{height:g}"/>'

    def _usual(self) -> Iterator[str]:
        frame = self.frame
        edges = [self.x(edge) for edge in frame.edges_s]
        lower, upper, expected = self._px(frame.lower), self._px(frame.upper), self._px(frame.expected)
        yield f'<path class="range" d="{_band(edges, lower, upper)}"/>'
        yield f'<path class="expected" d="{_steps(edges, expected)}"/>'

    def _lines(self) -> Iterator[str]:
        font = self.size.font_px
        for (name, _, _), label in zip(self._marks(), self.labels, strict=False):
            middle = self.top - self.row_px * (label.row + 0.5)
            anchor = "end" if label.is_left else "start"
            yield f'<path class="mark {name}" d="M{label.x:g} {middle - font / 2:.1f}V{self.bottom:g}"/>'
            yield (
                f'<text class="mark-text {name}" x="{label.anchor_x:.1f}" y="{middle + font * 0.3:.1f}" '
                f'text-anchor="{anchor}">{label.text}</text>'
            )

    def _time_axis(self) -> Iterator[str]:
        frame, font = self.frame, self.size.font_px
        y = self.bottom + 1.5 * font
        for tick in time_ticks(frame.start_at.timestamp(), frame.end_at.timestamp(), self.size.n_ticks_x):
            x = self.x(tick.at_s)
            if x <= self.size.width - len(tick.text) * font * 0.3:
                name = ' class="day"' if tick.is_day else ""
                yield f'<path class="axis" d="M{x:g} {self.bottom:g}v5"/>'
                yield f'<text{name} x="{x:g}" y="{y:.1f}" text-anchor="middle">{tick.text}</text>'
        days = dict.fromkeys((date(frame.start_at), date(frame.end_at - timedelta(microseconds=1))))
        words = f"UTC, {' - '.join(days)}"
        yield f'<text x="{self.right:g}" y="{y + 1.3 * font:.1f}" text-anchor="end">{words}</text>'


def _span(estimate: Estimate, step: int, is_short: bool) -> str:  # noqa: FBT001
    return clock(estimate.at, step) if is_short else interval(estimate, step)


def _highest(frame: Frame) -> float:
    known = np.concatenate([frame.observed, frame.upper])
    return float(np.nanmax(known)) if np.isfinite(known).any() else 0.0


def _runs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return the half-open runs of True."""
    turns = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return [(int(first), int(last)) for first, last in turns.reshape(-1, 2)]


def _stairs(edges: list[float], levels: list[float | None], first: int, last: int) -> str:
    """Return ``x y`` and the stairs to the right of it, equal steps joined."""
    path, level = f"{edges[first]:g} {levels[first]:g}", levels[first]
    for number in range(first + 1, last):
        if levels[number] != level:
            level = levels[number]
            path += f"H{edges[number]:g}V{level:g}"
    return f"{path}H{edges[last]:g}"


def _steps(edges: list[float], levels: list[float | None]) -> str:
    """Return a path of stairs, broken where the level is unknown."""
    known = np.array([level is not None for level in levels], dtype=bool)
    return "".join("M" + _stairs(edges, levels, first, last) for first, last in _runs(known))


def _band(edges: list[float], lower: list[float | None], upper: list[float | None]) -> str:
    """Return the area between two stairs."""
    pairs = zip(lower, upper, strict=True)
    known = np.array([low is not None and high is not None for low, high in pairs], dtype=bool)
    path = ""
    for first, last in _runs(known):
        path += f"M{_stairs(edges, upper, first, last)}V{lower[last - 1]:g}"
        for number in range(last - 1, first, -1):
            if lower[number - 1] != lower[number]:
                path += f"H{edges[number]:g}V{lower[number - 1]:g}"
        path += f"H{edges[first]:g}Z"
    return path
