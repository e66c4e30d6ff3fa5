"""From readings to the answer: weights and confidences by level, without what is too unsure to act on."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from detectors.location.gazetteer import gazetteer

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from detectors.location.resolve import Reading

COUNTRY, SMALLER = 0.35, 0.6
"""Least confidence of an answer: a country, anything smaller. What is less sure stays unlocated."""

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
    if len(region) == 2:
        return "country"
    kind, colon, _ = region.partition(":")
    return kind if colon else "subdivision"


def answer(readings: Sequence[Reading]) -> list[Located]:
    """Join the readings of all names in a string: places named side by side share the weight."""
    if not readings:
        return []
    if len(readings) == 1 and len(readings[0].shares) == 1:
        sole = readings[0]
        confidence = round(min(sole.confidence, 1.0), 4)
        regions = regions_of(sole.shares[0].place)
        if confidence >= SMALLER:
            return [Located(region, 1.0, confidence) for region in regions]
        return [Located(regions[0], 1.0, confidence)] if confidence >= COUNTRY else []
    weights: dict[str, float] = {}
    sure: dict[str, float] = {}
    part = 1 / len(readings)
    for reading in readings:
        shares: dict[str, float] = {}
        for place, share in reading.shares:
            for region in regions_of(place):
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
        if confidence >= (COUNTRY if len(region) == 2 else SMALLER)
    ]
    kept.sort(key=_rank)
    return kept


def _rank(one: Located) -> tuple[float, int, float, str]:
    return -one.confidence, _ORDER[level(one.region)], -one.weight, one.region


@lru_cache(maxsize=1 << 13)
def regions_of(place: int) -> tuple[str, ...]:
    """Return the codes of a place and of what it lies in, the widest first."""
    book = gazetteer()
    found = [book.countries[book.country[place]]]
    if book.subdivision[place] >= 0:
        found.append(book.subdivisions[book.subdivision[place]])
    if place >= book.first_city:
        core = book.metro[place - book.first_city]
        if core >= 0:
            found.append(f"metro:{book.packed.city_ids[core]}")
    return tuple(found)
