"""How likely a name means a place at all: by itself, and among the words around it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from detectors.location.gazetteer import ALTERNATE, NICKNAME, PART
from detectors.location.vocabulary import vocabulary

if TYPE_CHECKING:
    from detectors.location.gazetteer import Gazetteer
    from detectors.location.scan import Scan, Span

# Confidence in a name that stands alone, by its people in thousands; set from general knowledge, then compared with
# what the development strings show.
_ALONE = ((1000.0, 0.96), (300.0, 0.95), (100.0, 0.92), (40.0, 0.85), (15.0, 0.7), (0.0, 0.5))
_COUNTRY, _SUBDIVISION, _CODED = 0.975, 0.965, 0.95

_EVERYDAY = frozenset(("us", "uk", "usa", "uae", "nz", "gb", "eng"))
"""Codes of countries that people write by themselves."""


def trust_alone(book: Gazetteer, span: Span, entry: int) -> tuple[float, str]:
    """Return how likely a name without a qualifier means a place at all, and the kind of evidence."""
    name, best = span.name, entry >> 3
    if span.is_code:
        return _code_alone(book, span, best), "code"
    if best < book.first_subdivision:
        return _COUNTRY, "country"
    if name in vocabulary().nowhere:
        return 0.0, "nowhere"
    if best < book.first_city:
        return _subdivision_alone(book, span, entry), "subdivision"
    return _city_alone(book, span, entry), "city"


def _code_alone(book: Gazetteer, span: Span, best: int) -> float:
    """Return the trust in a code by itself: those of the United States, Canada and Australia are in everyday use."""
    if best >= book.first_city:
        return 0.9
    if best < book.first_subdivision:
        sure = _CODED if span.name in _EVERYDAY else 0.7 if book.inhabitants[best] >= 1000 else 0.2
    else:
        home = book.countries[book.country[best]]
        sure = _CODED if home in {"US", "CA", "AU"} else 0.55 if home in {"BR", "MX", "IN"} else 0.2
    if not span.is_upper:
        return sure * (0.5 if span.name in vocabulary().word_codes else 0.8)
    return sure * (0.3 if span.name in vocabulary().shouted else 1.0)


def _subdivision_alone(book: Gazetteer, span: Span, entry: int) -> float:
    if len(span.name) < 3 and span.name.isascii():
        return 0.2
    if span.name in book.words:
        return 0.92 if span.is_title and book.weigh(entry) >= 300 else 0.5
    return 0.93 if entry & 7 == PART else _SUBDIVISION


def _city_alone(book: Gazetteer, span: Span, entry: int) -> float:
    people, name = book.inhabitants[entry >> 3], span.name
    confidence = next(sure for least, sure in _ALONE if people >= least)
    if name in book.words and people < 1000:
        confidence *= 0.85 if span.is_title and people >= 150 else 0.4
    if len(name) <= 3 and name.isascii() and entry & 7 != NICKNAME:
        confidence *= 0.8 if span.is_title and people >= 1000 else 0.3
    elif entry & 7 == ALTERNATE and people < 100:
        confidence *= 0.8
    return confidence


def trust_amid(found: Scan, span: Span, people: float) -> float:
    """Return what the words around a name take from the trust in it."""
    if _is_something_else(found, span):
        return 0.3
    unknown = found.unknown()
    if not unknown:
        return 1.0
    first, last = span.start, span.end
    while first and not found.gaps[first]:
        first -= 1
    while last < len(found.words) and not found.gaps[last]:
        last += 1
    strange = found.unknown(first, last)
    if not strange:
        return 0.97 if unknown < 5 else 0.9
    if span.start and found.words[span.start - 1] in vocabulary().triggers:
        return 0.95 if span.is_title or people >= 100 else 0.6
    return _amid(strange, people, is_first=span.start == first) if span.is_title else 0.2


def _is_something_else(found: Scan, span: Span) -> bool:
    """Tell whether the next word or the one before makes the name another thing's."""
    known = vocabulary()
    if span.end < len(found.words) and not found.gaps[span.end] and found.words[span.end] in known.not_places:
        return True
    return span.start > 0 and not found.gaps[span.start] and found.words[span.start - 1] in known.namesakes


def _amid(strange: int, people: float, *, is_first: bool) -> float:
    """Return the trust in a name among words that we do not know."""
    if people >= 1000 and strange <= 2:
        return 0.75
    return 0.6 if people >= 300 and strange <= 1 + is_first else 0.2
