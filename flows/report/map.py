"""The map: where an incident is felt, as SVG drawn here, without script, font or network.

Four states are told apart without hue: affected areas are dark with an outline, normal ones pale, those of which too
little is heard hatched, those without data empty. Affected metro areas, and places too small to see, are dots; what
has no place of its own (ZIP areas) is in the table only. Colours come from ``map.css``.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from markupsafe import Markup, escape

from detectors.location import level
from detectors.location.names import region_centre, region_homes, region_name, short_name
from flows.report.map_labels import Anchor, place_labels
from flows.report.map_paths import GRID, Drawn, draw
from flows.report.map_view import WIDTH, View, choose, is_american
from flows.report.region_words import BAND_NAMES, band, figures, ratio_text, tally
from flows.report.shapes import layer
from flows.report.wording import counted, plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from detectors.model.spread import RegionSpread, Spread
    from flows.report.region_words import Names

MAX_DOTS = 80
MAX_NAMED, MAX_LABELLED = 8, 14

_SMALL_PX, _SMALL_AFFECTED_PX = 20.0, 36.0
"""Square pixels below which an area is given a dot."""

_CLASSES = {"normal": "normal", "too few": "few", "no data": "none"}


class Dot(NamedTuple):
    """A region drawn as a dot, at pixels."""

    region: RegionSpread
    x: float
    y: float


@dataclass(frozen=True)
class _Area:
    """A region drawn as an area."""

    code: str
    region: RegionSpread | None
    drawn: Drawn


def map_figure(spread: Spread, *, names: Names = region_name) -> Markup:
    """Return the map with its legend and caption: one ``<figure>`` for the page, which needs :func:`map_css`.

    Empty where nothing is known of any region: an empty map says less than a sentence.
    """
    if all(region.verdict == "no data" for region in spread.regions):
        return Markup()
    drawing = _Drawing(spread, names)
    return Markup(f'<figure class="map">{drawing.svg()}{_legend(drawing)}{_caption(drawing)}</figure>')  # noqa: S704 - escaped


def world_map(spread: Spread, *, names: Names = region_name, is_standalone: bool = False) -> Markup:
    """Return the map alone.

    Parameters
    ----------
    spread
        What is drawn; regions that it does not name have no data.
    names
        What a region is called; what it returns is cut, cleaned and escaped.
    is_standalone
        True carries the style inside, for a notebook, a mail or a file; False leaves it to the page.

    Returns
    -------
    Markup
        One ``<svg>`` element, well-formed as XML. The United States where all that is known lies there, or parts of
        them are affected; a window around what is affected, or known, where that is small; else the world.
    """
    return Markup(_Drawing(spread, names).svg(is_standalone=is_standalone))  # noqa: S704 - escaped


def map_css() -> str:
    """Return the style of the map and its legend, light and dark."""
    return files("flows.report").joinpath("templates", "map.css").read_text("utf-8")


# --- drawing -------------------------------------------------------------------------------------------------


class _Drawing:
    """One map: its areas and dots, and a method for each layer, drawn from back to front."""

    def __init__(self, spread: Spread, names: Names) -> None:
        self.spread, self.names = spread, names
        self.view: View = choose(spread)
        self.regions = {region.code: region for region in spread.regions}
        self.areas = tuple(self._areas())
        self.over = tuple(self._over())
        self.sizes = {area.code: area.drawn.size for area in (*self.areas, *self.over)}
        dots = tuple(self._dots())[:MAX_DOTS]
        self.dots = tuple({(dot.x, dot.y): dot for dot in reversed(dots)}.values())[::-1]  # of several, the surest
        self.shown = {area.region.code for area in (*self.areas, *self.over) if area.region is not None}
        self.shown |= {dot.region.code for dot in dots}

    def name(self, code: str) -> str:
        return plain(self.names(code))

    def svg(self, *, is_standalone: bool = False) -> str:
        style = f"<style>{map_css()}</style>" if is_standalone else ""
        outer = ' class="map"' if is_standalone else ""
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg"{outer} role="img" viewBox="0 0 {WIDTH} {self.view.height}" '
            f'aria-labelledby="map-t map-d"><title id="map-t">Where it is felt</title>'
            f'<desc id="map-d">{escape(self.describe())}</desc>{style}{"".join(self._layers())}</svg>'
        )

    def describe(self) -> str:
        """Return the map in a few sentences."""
        where = {"us": "Map of the United States", "world": "Map of the world", "window": "Map of a part of the world"}
        affected = self.spread.affected
        listed = [
            f"{self.name(one.code)}{' ' + ratio_text(one) if ratio_text(one) else ''}" for one in affected[:MAX_NAMED]
        ]
        more = [f"{len(affected) - MAX_NAMED} more"] if len(affected) > MAX_NAMED else []
        said = f"Affected: {'; '.join(listed + more)}." if affected else "No region stands out."
        rest = tally(self.spread.regions)
        return f"{where[self.view.place]}. {said}" + (f" Other regions: {rest}." if rest else "")

    # --- what is drawn ---

    def _areas(self) -> Iterator[_Area]:
        """Yield the countries, or the states; these as their country where only the country is known."""
        has_states = any(code.startswith("US-") for code in self.regions)
        for code, rings in layer(self.view.detail).items():
            region = self.regions.get(code)
            if region is None and code.startswith("US-") and not has_states:
                region = self.regions.get("US")
            if drawn := draw(self.view, code, rings):
                yield _Area(code, region, drawn)

    def _over(self) -> Iterator[_Area]:
        """Yield the affected states that are drawn upon the United States."""
        if self.view.place == "us":
            return
        outlines = layer("states" if self.view.place == "window" else "states-far")
        for region in self.spread.affected:
            rings = outlines.get(region.code, ()) if len(region.code) > 2 else ()
            if rings and (drawn := draw(self.view, region.code, rings)):
                yield _Area(region.code, region, drawn)

    def _dots(self) -> Iterator[Dot]:
        for region in self.spread.regions:
            least = _SMALL_AFFECTED_PX if region.verdict == "affected" else _SMALL_PX
            is_shown = self.sizes.get(region.code, 0.0) >= least
            is_place = region.verdict == "affected" or (level(region.code) == "country" and region.verdict != "no data")
            if is_shown or not is_place or (self.view.place == "us" and region.code == "US"):
                continue
            if self.view.place == "us" and not is_american(region.code):
                continue
            centre = region_centre(region.code)
            if centre is not None:
                homes = region_homes(region.code)
                longitude = centre.longitude + (360 if centre.longitude < -169 else 0)
                x, y = self.view.fit(region.code, homes[::-1]).point(longitude, centre.latitude)
                if self.view.holds(x, y):
                    yield Dot(region, round(x, 1), round(y, 1))

    # --- layers ---

    def _layers(self) -> Iterator[str]:
        yield _patterns()
        yield f'<g transform="scale({1 / GRID:g})">'
        ordered = sorted(self.areas, key=lambda area: (_rank(area.region), area.code))
        for name, areas in groupby(ordered, key=lambda area: _class(area.region)):
            yield f'<g class="{name}">{"".join(self._path(area) for area in areas)}</g>'
        for area in self.over:
            yield f'<g class="{_class(area.region)}">{self._path(area)}</g>'
        yield "</g>"
        for dot in sorted(self.dots, key=lambda dot: _rank(dot.region)):
            yield from self._dot(dot)
        yield from place_labels(tuple(self._anchors()), self.view.height)

    def _path(self, area: _Area) -> str:
        if area.region is not None:
            title = f"{self.name(area.region.code)}: {figures(area.region)}"
        elif area.code:
            title = f"{self.name(area.code)}: no data"
        else:
            return f'<path d="{area.drawn.path}"/>'
        return f'<path d="{area.drawn.path}"><title>{escape(title)}</title></path>'

    def _dot(self, dot: Dot) -> Iterator[str]:
        title = escape(f"{self.name(dot.region.code)}: {figures(dot.region)}")
        at = f'cx="{dot.x:g}" cy="{dot.y:g}"'
        if dot.region.verdict == "affected":
            yield f'<circle class="{_class(dot.region)} affected" {at} r="7"><title>{title}</title></circle>'
            yield f'<circle class="rim" {at} r="8"/>'
        else:
            yield f'<circle class="{_class(dot.region)}" {at} r="4"><title>{title}</title></circle>'

    def _anchors(self) -> Iterator[Anchor]:
        """Yield what may be labelled: the affected regions, the surest first; none where they are many."""
        if len(self.spread.affected) > MAX_LABELLED:
            return
        dots = {dot.region.code: dot for dot in self.dots}
        areas = {area.code: area.drawn for area in (*self.areas, *self.over)}
        for region in self.spread.affected:
            label = " ".join(part for part in (plain(short_name(region.code), 30), ratio_text(region)) if part)
            if region.code in dots:
                yield Anchor(dots[region.code].x, dots[region.code].y, label, 0.0)
            elif (drawn := areas.get(region.code)) and self.view.holds(drawn.x, drawn.y):
                yield Anchor(drawn.x, drawn.y, label, drawn.size)


def _class(region: RegionSpread | None) -> str:
    if region is None:
        return "none"
    return f"band{band(region)}" if region.verdict == "affected" else _CLASSES[region.verdict]


def _rank(region: RegionSpread | None) -> int:
    """Return when to draw: what stands out comes last, on top."""
    return ("none", "few", "normal", "band0", "band1", "band2", "band3").index(_class(region))


def _patterns() -> str:
    """Return the hatches: of a wide map and of a narrow one, for areas, which are drawn in a finer grid."""
    patterns = ""
    for name, px in (("", 5.5), ("-narrow", 13.0)):
        step, thick = px * GRID, 0.24 * px * GRID
        patterns += (
            f'<pattern id="map-few{name}" width="{step:g}" height="{step:g}" patternUnits="userSpaceOnUse" '
            f'patternTransform="rotate(45)"><path class="lines" d="M0 0H{thick:g}V{step:g}H0z"/></pattern>'
        )
    return f"<defs>{patterns}</defs>"


# --- words ----------------------------------------------------------------------------------------------------


def _legend(drawing: _Drawing) -> str:
    rows = [(f"band{number}", f"{name}{' normal' if number == 0 else ''}") for number, name in enumerate(BAND_NAMES)]
    rows += [("normal", "as usual"), ("few", "too few to tell"), ("none", "no data")]
    if any(dot.region.verdict == "affected" for dot in drawing.dots):
        rows.append(("dot", "affected metro area, or a place too small to draw"))
    return "<ul>" + "".join(f'<li><i class="{name}"></i>{words}</li>' for name, words in rows) + "</ul>"


def _caption(drawing: _Drawing) -> str:
    """Return what the map leaves out, where it leaves out something that is known."""
    left = [one for one in drawing.spread.regions if one.code not in drawing.shown and one.verdict != "no data"]
    if drawing.view.place == "us":
        left = [one for one in left if one.code != "US"]
    n_affected = sum(one.verdict == "affected" for one in left)
    n_outside = sum(level(one.code) == "country" for one in left)
    parts = []
    if n_outside:
        verb = "is" if n_outside == 1 else "are"
        words = counted(n_outside, "country", "countries")
        parts.append(f"{words} of which something is known {verb} not on this map.")
    if n_affected:
        parts.append(f"{counted(n_affected, 'affected region is', 'affected regions are')} in the table only.")
    return f"<figcaption>{escape(' '.join(parts))}</figcaption>" if parts else ""
