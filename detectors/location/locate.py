"""Locate one string: the evidence in its order of precedence, then the answer."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from detectors.location.answers import Located, answer, ordered
from detectors.location.evidence import NEAR_KM, coordinates, flags, nearest, postal, zip3
from detectors.location.fold import LIMIT
from detectors.location.gazetteer import gazetteer
from detectors.location.resolve import Candidate, Reading, resolve
from detectors.location.scan import Scan, Span, scan

if TYPE_CHECKING:
    from collections.abc import Sequence

_DIGIT = re.compile("[0-9]")
_NOTHING = Span(0, 0, "", (), False, False, False)


class Finding(NamedTuple):
    """An answer and what it rests on.

    Attributes
    ----------
    located
        The answer.
    scan
        Words and names.
    readings
        What the names were taken for, and why.
    flags
        Regions of the flags in the text.
    zip3
        The first three digits of a US ZIP code; None without.
    """

    located: list[Located]
    scan: Scan
    readings: Sequence[Reading]
    flags: list[str]
    zip3: str | None


def find_profile(text: str) -> Finding:
    """Locate the author of a profile's location field."""
    text, flown = flags(" ".join(text[: 4 * LIMIT].split())[:LIMIT])
    has_digits = _DIGIT.search(text) is not None
    if has_digits:
        given = coordinates(text)
        if given is not None:
            readings = locate_point(*given)
            return Finding(answer(readings), scan(""), readings, flown, None)
    found = scan(text)
    readings = resolve(found, flown)
    if not has_digits:
        return Finding(answer(readings), found, readings, flown, None)
    digits = zip3(text)
    if digits is not None:
        return with_zip(found, readings, flown, digits)
    region = postal(text)
    if region is not None and not readings:
        readings = [_certain(region, 0.97, "postal code")]
    return Finding(answer(readings), found, readings, flown, None)


def locate_point(latitude: float, longitude: float) -> list[Reading]:
    """Return the reading of coordinates in degrees: the nearest city, or what it lies in where it is far."""
    near = nearest(latitude, longitude)
    if near is None:
        return []
    place, km = near
    book = gazetteer()
    if km > NEAR_KM:
        home = book.subdivision[place]
        place = book.first_subdivision + home if home >= 0 else book.country[place]
    return [Reading(_NOTHING, (Candidate(place, 1.0),), 0.98 if km <= NEAR_KM else 0.85, "coordinates")]


def _certain(region: str, confidence: float, because: str) -> Reading:
    return Reading(_NOTHING, (Candidate(gazetteer().place(region), 1.0),), confidence, because)


def with_zip(found: Scan, readings: list[Reading], flown: list[str], digits: str) -> Finding:
    """Join a ZIP code with what else the text says: other countries have five digits, too."""
    region = gazetteer().zips[digits]
    located = answer(readings)
    named = {one.region for one in located}
    if region in named:
        sure = 0.99
    elif "US" in named and not any(one.startswith("US-") for one in named):
        sure = 0.97
    elif named:
        return Finding(located, found, readings, flown, None)
    else:
        # Alone, or beside words that are no place: five digits may be anything.
        sure = 0.8 if len(found.words) <= 1 else 0.4
    state = answer([_certain(region, sure, "ZIP code")])
    metro = [one for one in located if one.region.startswith("metro:") and region in named]
    area = [Located(f"zip3:US-{digits}", 1.0, sure)]
    return Finding(ordered([*state, *metro, *area]), found, readings, flown, digits)
