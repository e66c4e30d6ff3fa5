"""Where the readers of a subreddit, or the users of a server of the fediverse, live."""

from __future__ import annotations

import tomllib
from functools import cache
from typing import NamedTuple

from detectors.location.fold import fold
from detectors.location.gazetteer import NICKNAME, PRIMARY, gazetteer
from detectors.location.resolve import Candidate, Reading
from detectors.location.scan import Span
from detectors.location.vocabulary import vocabulary
from detectors.reference import resource

_LISTED, _NAMED, _DOMAIN = 0.8, 0.75, 0.7
"""Confidence: people read about a place from elsewhere, too, and about a country more than about a city."""

_LARGE = 250.0


class _Tables(NamedTuple):
    subreddits: dict[str, str]
    instances: dict[str, str]
    domains: dict[str, str]


def find_subreddit(name: str) -> list[Reading]:
    """Return the reading of a subreddit's name, with or without ``r/``."""
    key = name.strip().strip("/").rpartition("/")[2].lower()
    if not key.isascii() or len(key) > 40:
        return []
    region = _tables().subreddits.get(key)
    if region is not None:
        return [_reading(key, gazetteer().place(region), _LISTED, "subreddit listed")]
    squeezed = key.replace("_", "")
    places = _by_squeezed_name().get(squeezed, ())
    if not places or squeezed in vocabulary().nowhere:
        return []
    total = sum(one.weight for one in places)
    shares = tuple(Candidate(one.place, one.weight / total) for one in places)
    return [Reading(_span(key), shares, _NAMED, "subreddit named after a place")]


def find_instance(host: str) -> list[Reading]:
    """Return the reading of a server's host name."""
    key = host.strip().rpartition("@")[2].rpartition("//")[2].partition("/")[0].lower().rstrip(".")
    if not key.isascii() or len(key) > 253:
        return []
    region, because = _tables().instances.get(key), "server listed"
    if region is None:
        region, because = _tables().domains.get(key.rpartition(".")[2] if "." in key else ""), "country domain"
    if region is None:
        return []
    return [_reading(key, gazetteer().place(region), _DOMAIN, because)]


def _reading(name: str, place: int, confidence: float, because: str) -> Reading:
    return Reading(_span(name), (Candidate(place, 1.0),), confidence, because)


def _span(name: str) -> Span:
    return Span(0, 1, name, (), False, False, False)


@cache
def _tables() -> _Tables:
    text = resource("reference", "gazetteer", "communities.toml").read_text(encoding="utf-8")
    tables = tomllib.loads(text)
    domains = {end: "GB" if end == "uk" else end.upper() for end in tables["domains"]["codes"].split()}
    return _Tables(_turned(tables["subreddits"]), _turned(tables["instances"]), domains)


def _turned(table: dict[str, list[str]]) -> dict[str, str]:
    """Return name -> region."""
    return {name: region for region, names in table.items() for name in names}


@cache
def _by_squeezed_name() -> dict[str, tuple[Candidate, ...]]:
    """Return names without spaces -> the large places that have them, for names that are no ordinary words."""
    book = gazetteer()
    found: dict[str, list[Candidate]] = {}
    packed = book.packed
    for number, name in enumerate(packed.cities.split("\n")):
        place = book.first_city + number
        is_american = packed.countries[packed.city_countries[number]] == "US" and book.subdivision[place] >= 0
        if is_american and book.people[place] >= _LARGE:
            state = packed.subdivisions[book.subdivision[place]][3:].lower()
            _note(found, f"{name}{state}", Candidate(place, book.people[place]))
    for position, shown in enumerate((*packed.country_shown, *packed.subdivision_shown)):
        _note(found, fold(shown), Candidate(position, book.people[position]))
    for name, entry in book.names.items():
        for one in ((entry,) if isinstance(entry, int) else entry) if name.isascii() else ():
            place = one >> 3
            is_own = one & 7 in (PRIMARY, NICKNAME) or place < book.first_subdivision
            is_large = place < book.first_subdivision or (place >= book.first_city and book.people[place] >= _LARGE)
            if is_own and is_large:
                _note(found, name, Candidate(place, book.people[place]))
    return {name: tuple(sorted(places, key=lambda one: -one.weight)) for name, places in found.items()}


def _note(found: dict[str, list[Candidate]], name: str, candidate: Candidate) -> None:
    squeezed = name.replace(" ", "")
    if len(squeezed) < 4 or (name in gazetteer().words and candidate.place >= gazetteer().first_subdivision):
        return
    entries = found.setdefault(squeezed, [])
    if all(one.place != candidate.place for one in entries):
        entries.append(candidate)
