"""The packaged outlines: whole, coded, cut at the map's edge, small."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.location.gazetteer import gazetteer
from detectors.reference import resource
from flows.report.projections import ALASKA, CENTRE, US, Azimuthal, Fit, equal_earth
from flows.report.shapes import layer, pack_ring, unpack_ring

LAYERS = ("world", "near", "states", "states-far")
OVERSEAS = {"FR": ("GF", "GP", "MQ", "RE", "YT"), "NO": ("SJ",), "NL": ("BQ",)}


def area(longitude: np.ndarray, latitude: np.ndarray) -> float:
    return abs(float((longitude[:-1] * latitude[1:] - longitude[1:] * latitude[:-1]).sum())) / 2


@pytest.mark.parametrize("name", LAYERS)
def test_rings_are_closed_and_do_not_cross_the_edge(name: str) -> None:
    for code, rings in layer(name).items():
        assert rings, code
        for longitude, latitude in rings:
            assert len(longitude) >= 4, code
            assert (longitude[0], latitude[0]) == (longitude[-1], latitude[-1]), code
            assert longitude.min() >= CENTRE - 180, code
            assert longitude.max() <= CENTRE + 180, code
            assert np.abs(latitude).max() <= 84, code
            assert np.abs(np.diff(longitude)).max() < 60, code
            assert area(longitude, latitude) > 0, code


@pytest.mark.parametrize("name", LAYERS)
def test_codes_are_iso(name: str) -> None:
    known = {*gazetteer().countries, *gazetteer().subdivisions}
    assert {code for code in layer(name) if code} <= known


@pytest.mark.parametrize("name", ["world", "near"])
def test_nearly_every_country_has_an_outline(name: str) -> None:
    lacking = set(gazetteer().countries) - set(layer(name))
    assert lacking == {"AN", "AQ", "BV", "CS", "GI", "TK", "TV", "UM"} - set(layer(name))


@pytest.mark.parametrize("name", ["states", "states-far"])
def test_every_state_has_an_outline(name: str) -> None:
    states = {code for code in gazetteer().subdivisions if code.startswith("US-")}
    assert states | {"PR", "VI"} == set(layer(name))


@pytest.mark.parametrize("name", ["world", "near"])
def test_overseas_parts_do_not_light_up_with_their_country(name: str) -> None:
    for longitude, latitude in layer(name)["FR"]:
        assert longitude.min() > -6
        assert longitude.max() < 10
        assert latitude.min() > 41
        assert latitude.max() < 52
    for country, parts in OVERSEAS.items():
        assert set(parts) <= set(layer(name)), country
    assert max(ring[1].max() for ring in layer(name)["NO"]) < 72
    assert min(ring[1].min() for ring in layer(name)["NL"]) > 50


@pytest.mark.parametrize(
    ("code", "longitude", "latitude"),
    [
        ("US", -98, 39),
        ("DE", 10, 51),
        ("RU", 100, 62),
        ("BR", -53, -10),
        ("AU", 134, -25),
        ("XK", 21, 42.5),
        ("GF", -53, 4),
    ],
)
def test_the_largest_ring_comes_first_and_lies_where_it_should(code: str, longitude: float, latitude: float) -> None:
    rings = layer("world")[code]
    assert area(*rings[0]) == max(area(*ring) for ring in rings)
    assert rings[0][0].min() < longitude < rings[0][0].max()
    assert rings[0][1].min() < latitude < rings[0][1].max()


def test_neighbours_share_their_border() -> None:
    def points(code: str) -> set[tuple[float, float]]:
        return {point for ring in layer("near")[code] for point in zip(*(axis.tolist() for axis in ring), strict=True)}

    for one, two in (("FR", "DE"), ("US", "CA"), ("ES", "PT"), ("ZA", "LS")):
        assert len(points(one) & points(two)) > 5


def test_they_are_small() -> None:
    assert len(resource("reference", "map").joinpath("shapes.msgpack.zst").read_bytes()) < 200_000
    assert "Bostock" in resource("reference", "map").joinpath("LICENSES.txt").read_text("utf-8")


def test_a_ring_is_kept_to_the_hundredth_of_a_degree() -> None:
    ring = [(10.004, 50.0), (11.0, 50.0), (11.001, 50.001), (11.0, 51.0), (10.004, 50.0)]
    longitude, latitude = unpack_ring(pack_ring(ring))
    assert longitude.tolist() == [10.0, 11.0, 11.0, 10.0]
    assert latitude.tolist() == [50.0, 50.0, 51.0, 50.0]
    assert pack_ring([(1, 1), (1.001, 1), (1, 1.002), (1, 1)]) == []
    back = [(1.0, 1.0), (2.0, 1.0), (2.0, 2.0), (1.001, 1.001), (1.0, 1.0)]
    assert pack_ring(back) == [100, 100, 100, 0, 0, 100], "a point that falls upon the first is the first"


# --- projections ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("project", [equal_earth, US, ALASKA, Azimuthal(10, 50), Azimuthal(175, -40)])
def test_areas_are_equal(project: object) -> None:
    """A cell of a degree by a degree has the same area on the plane as on the sphere, wherever it is."""
    assert callable(project)
    for longitude, latitude in ((-150.0, 60.0), (-98.0, 30.0), (12.0, 48.0), (100.0, 10.0), (170.0, -35.0)):
        if isinstance(project, Azimuthal) and abs(longitude - project.longitude) > 170:
            continue
        steps = np.linspace(0, 1, 20)
        east = np.concatenate([steps, np.ones(20), 1 - steps, np.zeros(20)])
        north = np.concatenate([np.zeros(20), steps, np.ones(20), 1 - steps])
        x, y = project(longitude + east, latitude + north)
        flat = abs(float((x * np.roll(y, -1) - np.roll(x, -1) * y).sum())) / 2
        round_ = np.radians(1) * (np.sin(np.radians(latitude + 1)) - np.sin(np.radians(latitude)))
        assert flat == pytest.approx(round_, rel=0.01)


def test_equal_earth_has_its_published_extent() -> None:
    x, y = equal_earth(np.array([CENTRE + 180, CENTRE]), np.array([0.0, 90.0]))
    assert x[0] == pytest.approx(2.7066, abs=1e-3)
    assert y[1] == pytest.approx(1.3173, abs=1e-3)


def test_a_fit_turns_the_plane_upside_down() -> None:
    fit = Fit(Azimuthal(10, 50), 100, 500, 300)
    assert fit.point(10, 50) == (500, 300)
    assert fit.point(10, 51)[1] < 300
    assert fit.point(11, 50)[0] > 500
