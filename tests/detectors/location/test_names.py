"""Names and places of regions: complete, inert, never invented."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.location.gazetteer import gazetteer
from detectors.location.names import UNKNOWN, region_centre, region_homes, region_name, short_name

HOSTILE = (
    "<b>US</b>",
    "US\n",
    "us",
    "",
    "metro:",
    "metro:-1",
    "metro:1x",
    "zip3:US-7820",
    "zip3:DE-782",
    "US-",
    "\u202e",
)


@pytest.mark.parametrize(
    ("code", "name", "short", "homes"),
    [
        ("US", "United States", "United States", ()),
        ("US-TX", "Texas, US", "Texas", ("US",)),
        ("GB-ENG", "England, GB", "England", ("GB",)),
        ("metro:4726206", "San Antonio area, US-TX", "San Antonio", ("US", "US-TX")),
        ("zip3:US-782", "ZIP 782xx (Texas)", "ZIP 782xx", ("US", "US-TX")),
        ("zip3:US-009", "ZIP 009xx (Puerto Rico)", "ZIP 009xx", ("PR",)),
        ("zip3:US-000", "ZIP 000xx", "ZIP 000xx", ("US",)),
        ("XX", "XX", "XX", ()),
        ("XX-1", "XX-1", "XX-1", ("XX",)),
        ("metro:1", "metro:1", "metro:1", ()),
    ],
)
def test_names(code: str, name: str, short: str, homes: tuple[str, ...]) -> None:
    assert region_name(code) == name
    assert short_name(code) == short
    assert region_homes(code) == homes


def test_a_metro_area_without_a_subdivision_is_named_with_its_country() -> None:
    book = gazetteer()
    number = next(
        number for number, core in enumerate(book.metro) if number == core and book.packed.city_subdivisions[number] < 0
    )
    code = f"metro:{book.packed.city_ids[number]}"
    country = book.countries[book.packed.city_countries[number]]
    assert region_homes(code) == (country,)
    assert region_name(code).endswith(f" area, {country}")


def test_a_city_that_is_no_core_is_no_metro_area() -> None:
    book = gazetteer()
    number = next(number for number, core in enumerate(book.metro) if number != core)
    assert region_name(f"metro:{book.packed.city_ids[number]}") == f"metro:{book.packed.city_ids[number]}"


@pytest.mark.parametrize("code", HOSTILE)
def test_what_is_no_code_is_never_shown(code: str) -> None:
    assert region_name(code) == short_name(code) == UNKNOWN
    assert region_homes(code) == ()
    assert region_centre(code) is None


@given(st.text(max_size=20))
def test_no_text_gets_through(code: str) -> None:
    for text in (region_name(code), short_name(code)):
        assert text == UNKNOWN or not set(text) & set("<>&\"'\n\x00\u202e")


def test_every_code_has_a_name_of_one_line() -> None:
    book = gazetteer()
    metros = [f"metro:{book.packed.city_ids[number]}" for number, core in enumerate(book.metro) if number == core]
    for code in (*book.countries, *book.subdivisions, *metros):
        name = region_name(code)
        assert name != UNKNOWN
        assert name.isprintable()
        assert name == name.strip()


def test_centres_are_where_the_people_are() -> None:
    centre = region_centre("metro:4726206")
    assert centre is not None
    assert (round(centre.latitude), round(centre.longitude)) == (29, -98)
    assert region_centre("GB") == region_centre("GB-ENG")
    assert region_centre("zip3:US-782") is None
    assert region_centre("AQ") is None
    assert region_centre("metro:1") is None
