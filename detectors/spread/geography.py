"""Where regions lie: continents, coordinates and what they are part of, by their codes."""

from __future__ import annotations

from functools import cache

import msgspec
import numpy as np
import zstandard

from detectors.reference import resource

NO_PLACE = (float("nan"), float("nan"))

_CONTINENTS = {
    "Africa": "AO BF BI BJ BW CD CF CG CI CM CV DJ DZ EG EH ER ET GA GH GM GN GQ GW KE KM LR LS LY "
    "MA MG ML MR MU MW MZ NA NE NG RE RW SC SD SH SL SN SO SS ST SZ TD TG TN TZ UG YT ZA "
    "ZM ZW",
    "Antarctica": "AQ BV GS HM TF",
    "Asia": "AE AF AM AZ BD BH BN BT CC CN CX GE HK ID IL IN IO IQ IR JO JP KG KH KP KR KW KZ LA "
    "LB LK MM MN MO MV MY NP OM PH PK PS QA SA SG SY TH TJ TL TM TR TW UZ VN YE",
    "Europe": "AD AL AT AX BA BE BG BY CH CY CZ DE DK EE ES FI FO FR GB GG GI GR HR HU IE IM IS IT "
    "JE LI LT LU LV MC MD ME MK MT NL NO PL PT RO RS RU SE SI SJ SK SM UA VA XK",
    "North America": "AG AI AW BB BL BM BQ BS BZ CA CR CU CW DM DO GD GL GP GT HN HT JM KN KY LC MF MQ MS "
    "MX NI PA PM PR SV SX TC TT US VC VG VI",
    "Oceania": "AS AU CK FJ FM GU KI MH MP NC NF NR NU NZ PF PG PN PW SB TK TO TV UM VU WF WS",
    "South America": "AR BO BR CL CO EC FK GF GY PE PY SR UY VE",
}

_CONTINENT_OF = {code: name for name, codes in _CONTINENTS.items() for code in codes.split()}


class Places(msgspec.Struct, frozen=True):
    """The columns of the packed gazetteer that say where cities lie (see :mod:`detectors.location.packed`).

    Read apart from the gazetteer: making its names takes a second, these columns a twentieth of one.
    """

    countries: list[str]
    subdivisions: list[str]
    city_ids: list[int]
    city_countries: list[int]
    city_subdivisions: list[int]
    city_people: list[int]
    city_latitudes: list[int]
    city_longitudes: list[int]


def known_codes() -> tuple[list[str], list[str], list[str]]:
    """Return the codes of all countries, of all subdivisions, and of cities, the largest first."""
    book = _places()
    return list(book.countries), list(book.subdivisions), [f"metro:{city}" for city in book.city_ids]


def continent(code: str) -> str | None:
    """Return the continent of a country, subdivision, metro or ZIP area; None where it is not known.

    Examples
    --------
    >>> continent("US-TX"), continent("DE"), continent("north-west")
    ('North America', 'Europe', None)
    """
    return _CONTINENT_OF.get(country(code) or "")


def country(code: str) -> str | None:
    """Return the country that a code lies in; None for a code that is not one of ours.

    Examples
    --------
    >>> country("US"), country("US-TX"), country("metro:4726206"), country("zip3:US-782"), country("shop 7")
    ('US', 'US', 'US', 'US', None)
    """
    if code.startswith("metro:"):
        home = _metros().get(code)
        return home[0] if home else None
    bare = code.removeprefix("zip3:")
    own = bare[:2]
    is_plain = len(bare) == 2 or (len(bare) > 3 and bare[2] == "-")
    return own if is_plain and own in _CONTINENT_OF else None


def usual_parent(code: str) -> str | None:
    """Return what a code lies in: a metro or ZIP area in its state, a subdivision in its country.

    Examples
    --------
    >>> usual_parent("US-TX"), usual_parent("metro:4726206"), usual_parent("zip3:US-782"), usual_parent("US")
    ('US', 'US-TX', 'US-TX', None)
    """
    home = country(code)
    if home is None or code == home:
        return None
    if code.startswith("metro:"):
        return _metros()[code][1] or home
    if code.startswith("zip3:"):
        return _zip_states().get(code[-3:], home)
    return home


@cache
def _places() -> Places:
    packed = resource("reference", "gazetteer").joinpath("places.msgpack.zst").read_bytes()
    with zstandard.ZstdDecompressor().stream_reader(packed) as reader:
        return msgspec.msgpack.decode(reader.read(), type=Places)


@cache
def _metros() -> dict[str, tuple[str, str | None]]:
    """Return the country and subdivision (None: unknown) of each city's code."""
    book = _places()
    return {
        f"metro:{city}": (book.countries[home], book.subdivisions[part] if part >= 0 else None)
        for city, home, part in zip(book.city_ids, book.city_countries, book.city_subdivisions, strict=True)
    }


@cache
def _zip_states() -> dict[str, str]:
    """Return three digits -> state; territories (countries of their own) are left out."""
    import tomllib

    table = tomllib.loads(resource("reference", "gazetteer", "zip3.toml").read_text(encoding="utf-8"))
    found = {}
    for state, ranges in table["states"].items():
        for part in ranges.split():
            first, _, last = part.partition("-")
            for number in range(int(first), int(last or first) + 1):
                found[f"{number:03d}"] = f"US-{state}"
    return found


@cache
def _middles() -> dict[str, tuple[float, float]]:
    """Return the middle of the people of each country and subdivision (degrees north, east)."""
    book = _places()
    north, east = (np.radians(np.asarray(c) / 100.0) for c in (book.city_latitudes, book.city_longitudes))
    points = np.stack([np.cos(north) * np.cos(east), np.cos(north) * np.sin(east), np.sin(north)])
    weights = points * np.maximum(book.city_people, 1)
    found: dict[str, tuple[float, float]] = {}
    for codes, column in ((book.countries, book.city_countries), (book.subdivisions, book.city_subdivisions)):
        home = np.asarray(column)
        known = home >= 0
        sums = np.stack([np.bincount(home[known], row[known], len(codes)) for row in weights])
        lat = np.degrees(np.arctan2(sums[2], np.hypot(sums[0], sums[1])))
        lon = np.degrees(np.arctan2(sums[1], sums[0]))
        some = np.bincount(home[known], minlength=len(codes)) > 0
        found.update({code: (float(lat[i]), float(lon[i])) for i, code in enumerate(codes) if some[i]})
    for i, city in enumerate(book.city_ids):
        found[f"metro:{city}"] = (book.city_latitudes[i] / 100.0, book.city_longitudes[i] / 100.0)
    return found


def coordinates(code: str) -> tuple[float, float]:
    """Return where a region's people are (degrees north, degrees east); NaN where that is not known."""
    return NO_PLACE if country(code) is None else _middles().get(code, NO_PLACE)
