"""What regions are called, and where they lie: for people who read, not for resolving.

A code comes from the gazetteer or it does not: nothing but the gazetteer's names and well-formed codes is ever shown.
"""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

from detectors.location.gazetteer import gazetteer
from detectors.text import printable

UNKNOWN = "a region not known"

_FORM = re.compile(r"[A-Z]{2}|[A-Z]{2}-[A-Z0-9]{1,3}|metro:[0-9]{1,9}|zip3:US-[0-9]{3}")
_ZIP = "zip3:US-"
_METRO = "metro:"


class Point(NamedTuple):
    """A place on the earth, in degrees."""

    latitude: float
    longitude: float


def region_name(code: str) -> str:
    """Return what a region is called, in English; a code without a name stays a code.

    Parameters
    ----------
    code
        ``US``, ``US-TX``, ``metro:4726206``, ``zip3:US-782``.

    Returns
    -------
    str
        One line without control characters, not escaped for HTML. What is no code at all is :data:`UNKNOWN`.

    Examples
    --------
    >>> region_name("US"), region_name("US-TX"), region_name("zip3:US-782")
    ('United States', 'Texas, US', 'ZIP 782xx (Texas)')
    >>> region_name("metro:4726206"), region_name("<b>")
    ('San Antonio area, US-TX', 'a region not known')
    """
    if _FORM.fullmatch(code) is None:
        return UNKNOWN
    if code.startswith(_ZIP):
        home = gazetteer().zips.get(code.removeprefix(_ZIP))
        digits = f"ZIP {code.removeprefix(_ZIP)}xx"
        return f"{digits} ({_own_name(home)})" if home else digits
    return _with_home(code, " area") if code.startswith(_METRO) else _with_home(code)


def short_name(code: str) -> str:
    """Return the name without what the region lies in, for a label on a map.

    Examples
    --------
    >>> short_name("US-TX"), short_name("metro:4726206"), short_name("zip3:US-782")
    ('Texas', 'San Antonio', 'ZIP 782xx')
    """
    if _FORM.fullmatch(code) is None:
        return UNKNOWN
    return f"ZIP {code.removeprefix(_ZIP)}xx" if code.startswith(_ZIP) else _own_name(code)


def region_homes(code: str) -> tuple[str, ...]:
    """Return the codes of what a region lies in, the widest first; empty for a country and for what is not known.

    Examples
    --------
    >>> region_homes("metro:4726206"), region_homes("zip3:US-782"), region_homes("US")
    (('US', 'US-TX'), ('US', 'US-TX'), ())
    """
    if _FORM.fullmatch(code) is None or len(code) == 2:
        return ()
    if code.startswith(_ZIP):
        home = gazetteer().zips.get(code.removeprefix(_ZIP), "US")
        return (home,) if len(home) == 2 else (home[:2], home)
    if not code.startswith(_METRO):
        return (code[:2],)
    book, place = gazetteer(), _place(code)
    if place < 0:
        return ()
    country, within = book.countries[book.country[place]], book.subdivision[place]
    return (country, book.subdivisions[within]) if within >= 0 else (country,)


def region_centre(code: str) -> Point | None:
    """Return where a region's people are: a metro area's core, else the largest city; None where that is not known.

    A ZIP area has none: its state's would be a false place.
    """
    if _FORM.fullmatch(code) is None or code.startswith(_ZIP):
        return None
    book = gazetteer()
    city = _place(code) - book.first_city if code.startswith(_METRO) else _largest().get(code, -1)
    if city < 0:
        return None
    return Point(book.packed.city_latitudes[city] / 100, book.packed.city_longitudes[city] / 100)


def _with_home(code: str, kind: str = "") -> str:
    name, homes = _own_name(code), region_homes(code)
    if name == code:
        return code
    return f"{name}{kind}, {homes[-1]}" if homes else f"{name}{kind}"


def _own_name(code: str) -> str:
    """Return the name alone, or the code where there is none."""
    book, place = gazetteer(), _place(code)
    if place < 0:
        return code
    if place < book.first_subdivision:
        name = book.packed.country_shown[place]
    elif place < book.first_city:
        name = book.packed.subdivision_shown[place - book.first_subdivision]
    else:
        name = _city_names()[place - book.first_city]
    return printable(name) or code


def _place(code: str) -> int:
    """Return the number of a code's place; -1 where the gazetteer has none."""
    if code.startswith(_METRO):
        return _cores().get(int(code.removeprefix(_METRO)), -1)
    return gazetteer().place(code)


@cache
def _cores() -> dict[int, int]:
    """Return the cores of metro areas: GeoNames id -> place."""
    book = gazetteer()
    return {
        book.packed.city_ids[number]: book.first_city + number
        for number, core in enumerate(book.metro)
        if number == core
    }


@cache
def _city_names() -> list[str]:
    return gazetteer().packed.city_shown.split("\n")


@cache
def _largest() -> dict[str, int]:
    """Return the largest city of each country and subdivision; cities come by falling population."""
    book, packed = gazetteer(), gazetteer().packed
    found: dict[str, int] = {}
    for number, (country, within) in enumerate(zip(packed.city_countries, packed.city_subdivisions, strict=True)):
        found.setdefault(book.countries[country], number)
        if within >= 0:
            found.setdefault(book.subdivisions[within], number)
    return found
