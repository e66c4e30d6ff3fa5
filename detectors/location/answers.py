"""From readings to the answer: weights and confidences by level, without what is too unsure to act on."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from detectors.location.gazetteer import gazetteer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from detectors.location.gazetteer import Gazetteer
    from detectors.location.resolve import Reading

COUNTRY, SUBDIVISION, METRO = 0.35, 0.6, 0.6
"""Least confidence of an answer of each level; what is less sure stays unlocated."""

_LEAST = {"country": COUNTRY, "subdivision": SUBDIVISION, "metro": METRO, "zip3": SUBDIVISION}
_ORDER = {"country": 0, "subdivision": 1, "zip3": 2, "metro": 3}


class Located(NamedTuple):
    """One region of an answer.

    Attributes
    ----------
    region
        Code: ``US``, ``US-TX``, ``metro:4726206``, ``zip3:US-782``.
    weight
        The part of the report that counts there; at most one in all over a level.
    confidence
        Probability that the region is right.
    """

    region: str
    weight: float
    confidence: float


def level(region: str) -> str:
    """Return ``country``, ``subdivision``, ``metro`` or ``zip3``.

    Examples
    --------
    >>> level("US"), level("US-TX"), level("metro:4726206"), level("zip3:US-782")
    ('country', 'subdivision', 'metro', 'zip3')
    """
    kind, colon, _ = region.partition(":")
    if colon:
        return kind
    return "subdivision" if "-" in region else "country"


def answer(readings: Iterable[Reading]) -> list[Located]:
    """Join the readings of all names in a string: places named side by side share the weight."""
    book = gazetteer()
    readings = list(readings)
    if not readings:
        return []
    if len(readings) == 1 and len(readings[0].shares) == 1:
        (reading,) = readings
        return ordered(Located(region, 1.0, reading.confidence) for region in regions_of(book, reading.shares[0].place))
    weights: dict[str, float] = {}
    sure: dict[str, float] = {}
    part = 1 / len(readings)
    for reading in readings:
        shares: dict[str, float] = {}
        for place, share in reading.shares:
            for region in regions_of(book, place):
                shares[region] = shares.get(region, 0.0) + share
        for region, share in shares.items():
            weights[region] = weights.get(region, 0.0) + part * share
            sure[region] = max(sure.get(region, 0.0), reading.confidence * share)
    return ordered(Located(region, weight, sure[region]) for region, weight in weights.items())


def ordered(found: Iterable[Located]) -> list[Located]:
    """Return the regions that are sure enough, best first, rounded."""
    kept = [
        Located(region, min(round(weight, 4), 1.0), round(min(confidence, 1.0), 4))
        for region, weight, confidence in found
        if confidence >= _LEAST[level(region)]
    ]
    kept.sort(key=lambda one: (-one.confidence, _ORDER[level(one.region)], -one.weight, one.region))
    return kept


def regions_of(book: Gazetteer, place: int) -> list[str]:
    """Return the codes of a place and of what it lies in."""
    found = [book.countries[book.country[place]]]
    if book.subdivision[place] >= 0:
        found.append(book.subdivisions[book.subdivision[place]])
    if place >= book.first_city:
        core = book.metro[place - book.first_city]
        if core >= 0:
            found.append(f"metro:{book.packed.city_ids[core]}")
    return found
