"""The shape of the packed gazetteer: ``scripts/gazetteer`` writes it, :mod:`detectors.location.gazetteer` reads it."""

from __future__ import annotations

import msgspec


class Packed(msgspec.Struct, frozen=True, kw_only=True):
    """Columns. Names are folded (:func:`detectors.location.fold.fold`), people are in thousands.

    Names of one place are joined by bars, places by line ends; a city's country, subdivision and metro area's core are
    positions in these columns (-1: none). ``subdivision_parts`` are the names of what lies in a
    subdivision (counties of England). Cities come by falling population. Degrees are in hundredths.
    """

    countries: list[str]
    alpha3: list[str]
    country_names: list[str]
    country_people: list[int]
    country_shown: list[str]
    subdivisions: list[str]
    subdivision_names: list[str]
    subdivision_parts: list[str]
    subdivision_people: list[int]
    subdivision_shown: list[str]
    cities: str
    city_shown: str
    city_alternates: str
    city_ids: list[int]
    city_countries: list[int]
    city_subdivisions: list[int]
    city_people: list[int]
    city_latitudes: list[int]
    city_longitudes: list[int]
    city_metros: list[int]
    words: list[str]
