"""The map: well-formed, honest about what is not known, inert, small."""

from __future__ import annotations

import re
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest

from detectors.location.names import region_name
from flows.report.map import MAX_DOTS, map_css, map_figure, world_map
from flows.report.map_labels import SIZES, Anchor, place_labels
from flows.report.map_paths import GRID
from flows.report.map_view import WIDTH, american, choose, whole, window
from flows.report.shapes import layer
from tests.flows.report.spreads import SAN_ANTONIO, SPREADS, TEXAS, ZIP, countries, region, spread
from tests.flows.report.spreads import american as states
from tests.flows.report.views import HOSTILE

SVG = "{http://www.w3.org/2000/svg}"


def parsed(text: str) -> ET.Element:
    return ET.fromstring(text)  # noqa: S314 - our own


def titles(root: ET.Element, name: str, tag: str = "path") -> list[str]:
    """Return the titles of what is drawn in a state."""
    groups = [node for node in root.iter() if name in (node.get("class") or "").split()]
    shapes = [shape for node in groups for shape in ([node] if node.tag == SVG + tag else node.findall(SVG + tag))]
    return [found.text or "" for shape in shapes if (found := shape.find(f"{SVG}title")) is not None]


def said(root: ET.Element) -> str:
    return root.findtext(f"{SVG}desc") or ""


@pytest.mark.parametrize("name", SPREADS)
def test_it_is_well_formed_and_small(name: str) -> None:
    text = world_map(SPREADS[name])
    root = parsed(text)
    assert root.get("role") == "img"
    ids = {node.get("id") for node in root.iter() if node.get("id")}
    assert set((root.get("aria-labelledby") or "").split()) <= ids
    assert said(root)
    assert len(text) < 120_000
    assert not re.search(r"nan|inf\b|<script|href|https?://(?!www\.w3\.org/2000/svg)", text, re.IGNORECASE)


@pytest.mark.parametrize("name", SPREADS)
def test_no_line_crosses_half_the_map(name: str) -> None:
    for node in parsed(world_map(SPREADS[name])).iter(f"{SVG}path"):
        path = node.get("d") or ""
        for ring in re.findall(r"l([^z]*)z", path):
            numbers = [int(one) for one in re.findall(r"-?\d+", ring)]
            assert len(numbers) % 2 == 0
            assert max(map(abs, numbers), default=0) / GRID < WIDTH / 2


@pytest.mark.parametrize("name", SPREADS)
def test_everything_lies_on_the_map(name: str) -> None:
    view = choose(SPREADS[name])
    for node in parsed(world_map(SPREADS[name])).iter(f"{SVG}circle"):
        assert view.holds(float(node.get("cx") or -1), float(node.get("cy") or -1))


# --- the states of a region -----------------------------------------------------------------------------------


def test_four_states_are_told_apart() -> None:
    root = parsed(
        world_map(
            spread(
                [
                    region("BR", "affected", 4.2, 50),
                    region("CN", "normal"),
                    region("RU", "too few", 2, 0.5),
                    region("US", "no data"),
                ]
            )
        )
    )
    assert titles(root, "band2") == ["Brazil: affected: 4.2x normal (95 %: 2.9x to 5.9x), 210 voices against 50 usual"]
    assert titles(root, "normal") == ["China: as usual: 1.0x normal (95 %: 0.7x to 1.4x), 20 voices against 20 usual"]
    assert titles(root, "few") == ["Russia: too few voices to tell: 1 against 0.5 usual"]
    assert "United States: no data" in titles(root, "none")
    assert "France: no data" in titles(root, "none"), "what the spread does not name has no data"


def test_the_states_differ_without_hue() -> None:
    """In the style, one is hatched, and the others' greys are apart, in the light and in the dark."""
    css = map_css()
    assert ".few { fill: url(#map-few)" in css
    for theme in css.split("prefers-color-scheme: dark"):
        grey = {name: luminance(found) for name, found in re.findall(r"--m-(\w+): #([0-9a-f]{3,6})", theme)}
        bands = [grey[f"{number}"] for number in range(4)]
        assert bands in (sorted(bands), sorted(bands, reverse=True)), "ordered by lightness"
        assert abs(grey["normal"] - grey["land"]) > 0.12
        assert min(abs(grey["normal"] - one) for one in bands[2:]) > 0.25
        assert min(abs(one - two) for one, two in pairwise(bands)) > 0.07


def luminance(colour: str) -> float:
    wide = colour if len(colour) == 6 else "".join(2 * digit for digit in colour)
    red, green, blue = (int(wide[at : at + 2], 16) / 255 for at in (0, 2, 4))
    return 0.3 * red + 0.59 * green + 0.11 * blue


@pytest.mark.parametrize(
    ("ratio", "name"), [(1.2, "band0"), (1.5, "band1"), (3, "band2"), (10, "band3"), (1e6, "band3")]
)
def test_how_much_is_shaded(ratio: float, name: str) -> None:
    assert len(titles(parsed(world_map(spread([region("BR", "affected", ratio)]))), name)) == 1


def test_france_lights_up_without_guiana() -> None:
    root = parsed(world_map(spread(countries({"FR": 8.0, "CN": 2.0, "ZA": 2.0}))))
    assert [one.split(":")[0] for one in titles(root, "band2")] == ["France"]
    assert "French Guiana: no data" in titles(root, "none")


def test_what_is_too_small_to_see_is_a_dot() -> None:
    root = parsed(world_map(SPREADS["world"]))
    assert [one.split(":")[0] for one in titles(root, "affected", "circle")] == ["Singapore"]


def test_metro_areas_are_dots_and_zip_areas_are_left_to_the_table() -> None:
    text = map_figure(SPREADS["metro"])
    root = parsed(world_map(SPREADS["metro"]))
    (dot,) = (node for node in root.iter(f"{SVG}circle") if "affected" in (node.get("class") or ""))
    x, y = american().fits[""].point(-98.49, 29.42)
    assert float(dot.get("cx") or 0) == pytest.approx(x, abs=2)
    assert float(dot.get("cy") or 0) == pytest.approx(y, abs=2)
    assert not [title for title in root.iter(f"{SVG}title") if "ZIP" in (title.text or "")]
    assert "ZIP" not in "".join(root.itertext()).replace(said(root), "")
    assert "1 affected region is in the table only." in text


def test_affected_states_are_drawn_upon_the_world() -> None:
    regions = [*countries({"US": 2.0, "JP": 3.0}), region("US-NY", "affected", 12, 30)]
    root = parsed(world_map(spread(regions)))
    assert [one.split(":")[0] for one in titles(root, "band3")] == ["New York, US"]
    assert [one.split(":")[0] for one in titles(root, "band1")] == ["United States"]


def test_a_subdivision_without_outline_is_a_dot_and_of_two_in_one_place_the_surest() -> None:
    regions = [region("ES"), region("ES-CT", "affected", 5), region("metro:3128760", "affected", 8)]
    root = parsed(world_map(spread(regions)))
    assert [one.split(":")[0] for one in titles(root, "affected", "circle")] == ["Catalonia, ES"]


def test_dots_are_not_without_number() -> None:
    shown = parsed(world_map(SPREADS["everywhere"]))
    assert len(titles(shown, "affected", "circle")) <= MAX_DOTS


def test_where_only_the_country_is_known_the_states_show_it() -> None:
    root = parsed(world_map(spread([region("US", "affected", 4)])))
    assert set(titles(root, "band2")) == {
        "United States: affected: 4.0x normal (95 %: 2.8x to 5.6x), 80 voices against 20 usual"
    }
    assert len(titles(root, "band2")) == 51


# --- which part of the earth ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "place"),
    [
        *(("world", "world"), ("everywhere", "world"), ("nothing", "world"), ("too few", "world")),
        *(("one country", "window"), ("states", "us"), ("metro", "us"), ("not a number", "window")),
    ],
)
def test_the_view_suits_what_is_known(name: str, place: str) -> None:
    assert choose(SPREADS[name]).place == place


def test_parts_of_the_states_are_looked_at_even_if_more_is_known() -> None:
    assert choose(spread([*states([TEXAS, SAN_ANTONIO]), *countries({})])).place == "us"
    usa = region("US", "affected", 1.4, 900)
    assert choose(spread([*states([TEXAS, usa]), *countries({})])).place == "us"
    every = [region(one.code, "affected", 5) for one in states([])]
    assert choose(spread([usa, *every, *countries({})])).place == "world"


def test_a_view_of_the_pacific_is_not_torn_apart() -> None:
    view = choose(spread([region("NZ", "affected", 3), region("FJ", "affected", 3), *countries({})]))
    assert view.place == "window"
    for code in ("NZ", "FJ"):
        longitude, latitude = layer("near")[code][0]
        x, y = view.fit(code)(longitude, latitude)
        assert all(view.holds(*point) for point in zip(x.tolist(), y.tolist(), strict=True))


def test_a_window_from_anywhere_can_be_drawn() -> None:
    for code in (*sorted(filter(None, layer("world")))[::11], "RU", "FJ", "KI", "GI"):
        others = [region(other) for other in ("AU", "BR", "CA") if other != code]
        shown = spread([region(code, "affected", 4), *others])
        root = parsed(world_map(shown))
        drawn = titles(root, "band2") + titles(root, "band2", "circle")
        assert [one for one in drawn if one.startswith(region_name(code))], code


def test_the_three_views_have_sensible_frames() -> None:
    assert 420 < whole().height < 480
    assert window((10, 50), 20).height == 640
    assert american().fit("US-AK") != american().fit("US-TX")
    assert american().fit("metro:5879400", ("US-AK", "US")) == american().fit("US-AK")


# --- words ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_text(name: str) -> None:
    shown = spread([region("BR", "affected", 4), SAN_ANTONIO, region("<script>", "affected", 4)])
    figure = parsed(map_figure(shown, names=lambda _: name))
    tags = {node.tag.rpartition("}")[2] for node in figure.iter()}
    assert tags <= set("figure svg title desc defs pattern path g circle text ul li i figcaption".split())  # noqa: SIM905
    assert not [key for node in figure.iter() for key in node.attrib if key.startswith(("on", "href"))]


def test_it_describes_itself() -> None:
    text = said(parsed(world_map(SPREADS["states"])))
    assert text.startswith(
        "Map of the United States. Affected: Texas, US 12x; Oklahoma, US 3.4x; San Antonio area, US-TX 31x"
    )
    assert text.endswith("Other regions: 49 as usual.")
    assert said(parsed(world_map(SPREADS["nothing"]))) == "Map of the world. No region stands out."
    assert "; 244 more." in said(parsed(world_map(SPREADS["everywhere"])))


def test_the_figure_says_what_its_shades_mean_and_what_is_left_out() -> None:
    text = map_figure(SPREADS["one country"])
    for words in ("10x and more", "as usual", "too few to tell", "no data"):
        assert f"</i>{words}</li>" in text
    assert re.search(r"<figcaption>\d+ countries of which something is known are not on this map\.", text)
    assert "<figcaption>" not in map_figure(SPREADS["not a number"])
    one_out = map_figure(spread([region("IE", "affected", 9), region("AU")]))
    assert "1 country of which something is known is not on this map." in one_out


@pytest.mark.parametrize("name", ["nothing", "no data"])
def test_nothing_known_is_no_map(name: str) -> None:
    assert map_figure(SPREADS[name]) == ""


def test_alone_it_carries_its_style() -> None:
    assert "<style>" in world_map(SPREADS["states"], is_standalone=True)
    assert "<style>" not in world_map(SPREADS["states"])


# --- labels ---------------------------------------------------------------------------------------------------


def texts(labels: str, name: str) -> list[tuple[float, float, str]]:
    group = re.search(rf'<g class="size {name}".*?</g>', labels)
    found = re.findall(r'<text x="(-?\d+)" y="(-?\d+)">(.*?)</text>', group[0]) if group else []
    return [(float(x), float(y), text) for x, y, text in found]


def test_labels_neither_overlap_nor_leave_the_map() -> None:
    anchors = [
        Anchor(30 + 37 * (n % 25), 20 + 61 * (n // 25), f"Place {n} 12x", 0.0 if n % 2 else 900.0) for n in range(200)
    ]
    labels = "".join(place_labels(anchors, 500))
    for name, font, _, most in SIZES:
        boxes = [(x, y - font, x + 0.6 * font * len(text), y) for x, y, text in texts(labels, name)]
        assert len(boxes) <= most
        for number, (left, top, right, bottom) in enumerate(boxes):
            assert left >= 0
            assert top >= 0
            assert right <= WIDTH
            assert bottom <= 500
            for other in boxes[:number]:
                assert left >= other[2] or other[0] >= right or top >= other[3] or other[1] >= bottom


def test_a_name_stands_on_its_area_or_beside_it() -> None:
    on = "".join(place_labels([Anchor(500, 250, "Brazil 5x", 40_000)], 500))
    (x, y, _), *_ = texts(on, "wide")
    assert x < 500
    assert abs(y - 250) < 20
    beside = "".join(place_labels([Anchor(500, 250, "Guadeloupe 5x", 90)], 500))
    (x, _, _), *_ = texts(beside, "wide")
    assert x > 500


def test_among_many_a_name_never_stands_beside_its_area() -> None:
    anchors = [Anchor(100 * n + 50, 250, "Netherlands 5x", 90) for n in range(9)]
    assert "".join(place_labels(anchors, 500)) == ""


def test_many_affected_regions_have_no_labels() -> None:
    assert "<text" not in world_map(SPREADS["everywhere"])
    assert ">Texas 12x<" in world_map(SPREADS["states"])
    assert ZIP.code not in world_map(SPREADS["states"])
