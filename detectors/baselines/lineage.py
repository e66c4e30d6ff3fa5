"""Which region lies in which: ZIP area and metro area in a subdivision, that in a country, that in the whole."""

from __future__ import annotations

from functools import cache

from detectors.location.answers import level
from detectors.location.gazetteer import gazetteer

LEVELS = ("", "country", "subdivision", "metro", "zip3")
"""Levels, the widest first; the number of a level is its place here. ``""`` is the whole."""


def level_number(code: str) -> int:
    """Return the number of a region's level in :data:`LEVELS`.

    Examples
    --------
    >>> [level_number(code) for code in ("", "US", "US-TX", "metro:4726206", "zip3:US-782")]
    [0, 1, 2, 3, 4]
    """
    return LEVELS.index(level(code)) if code else 0


@cache
def parent_of(code: str) -> str:
    """Return the smallest region of another kind that a region lies in; ``""`` if that is the whole.

    A metro area lies where its core does. What is not in the gazetteer lies in the whole, or in the country that its
    code begins with.

    Examples
    --------
    >>> parent_of("zip3:US-782"), parent_of("metro:4726206"), parent_of("US-TX"), parent_of("US")
    ('US-TX', 'US-TX', 'US', '')
    """
    kind = level(code)
    if kind == "country":
        return ""
    if kind == "subdivision":
        return code[:2]
    if kind == "zip3":
        country, _, digits = code.removeprefix("zip3:").partition("-")
        return gazetteer().zips.get(digits, country)
    book = gazetteer()
    core = _cores().get(code.removeprefix("metro:"))
    if core is None:
        return ""
    place = book.first_city + core
    home = book.subdivision[place]
    return book.subdivisions[home] if home >= 0 else book.countries[book.country[place]]


@cache
def _cores() -> dict[str, int]:
    """Return the number of each metro area's core among the cities, by its id."""
    packed = gazetteer().packed
    return {str(packed.city_ids[number]): number for number in {core for core in packed.city_metros if core >= 0}}


@cache
def homes(code: str) -> frozenset[str]:
    """Return the subdivisions that a region lies in; a metro area may reach into several, a country lies in none.

    Examples
    --------
    >>> sorted(homes("metro:4393217")), sorted(homes("zip3:US-782")), sorted(homes("US"))
    (['US-KS', 'US-MO'], ['US-TX'], [])
    """
    found = {one for one in lineage(code) if level(one) == "subdivision"}
    core = _cores().get(code.removeprefix("metro:")) if level(code) == "metro" else None
    if core is not None:
        found |= _reach()[core]
    return frozenset(found)


@cache
def _reach() -> dict[int, set[str]]:
    """Return the subdivisions that each metro area's cities lie in, by the number of its core."""
    packed = gazetteer().packed
    found: dict[int, set[str]] = {}
    for core, home in zip(packed.city_metros, packed.city_subdivisions, strict=True):
        if core >= 0 and home >= 0:
            found.setdefault(core, set()).add(packed.subdivisions[home])
    return found


def lineage(code: str) -> tuple[str, ...]:
    """Return a region and all that it lies in, the smallest first, without the whole.

    Examples
    --------
    >>> lineage("zip3:US-782")
    ('zip3:US-782', 'US-TX', 'US')
    """
    found = []
    while code:
        found.append(code)
        code = parent_of(code)
    return tuple(found)
