"""Flags, coordinates, postal codes."""

from __future__ import annotations

import pytest

from detectors.location.evidence import coordinates, distance_km, flags, nearest, postal, zip3


def test_flags_of_countries_and_nations() -> None:
    assert flags("plain") == ("plain", [])
    assert flags("é") == ("é", [])
    assert flags("🇩🇪🇩🇪🇯🇵")[1] == ["DE", "JP"]
    assert flags("🏴󠁧󠁢󠁷󠁬󠁳󠁿 rugby") == (", rugby", ["GB-WLS"])
    assert flags("🇽🇽")[1] == []


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("40.71,-74.00", (40.71, -74.0)),
        ("ÜT: -33.8688,151.2093", (-33.8688, 151.2093)),
        ("N 36°30' / W 115°0'", (36.5, -115.0)),
        ("33°52'S 151°12'E", (-(33 + 52 / 60), 151.2)),
        ("51.5° N", None),
        ("91.00, 10.00", None),
        ("1.5, 2.5", None),
        ("no", None),
    ],
)
def test_coordinates(text: str, place: tuple[float, float] | None) -> None:
    assert coordinates(text) == (pytest.approx(place) if place else None)


def test_zip_codes() -> None:
    assert zip3("Austin 78701") == "787"
    assert zip3("Austin 78701-1234") == "787"
    assert zip3("78701 or 10001") is None
    assert zip3("787011") is None
    assert zip3("at 12:34567") is None
    assert zip3("96201") is None


def test_postal_codes() -> None:
    assert [postal(code) for code in ("BT1 5GS", "CF10 1EP", "G1 1AA", "M1 1AE", "K1A 0B1", "X0A 0H0")] == [
        *("GB-NIR", "GB-WLS", "GB-SCT", "GB-ENG", "CA-ON", "CA")
    ]
    assert postal("nothing") is None


def test_the_nearest_city_also_across_the_date_line() -> None:
    assert nearest(0.0, -150.0) is None
    found = nearest(-16.78, -179.99)
    assert found is not None
    assert found[1] < 150
    assert distance_km(51.5074, -0.1278, 48.8566, 2.3522) == pytest.approx(343.6, abs=1)
