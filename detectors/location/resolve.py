"""From names to places: which reading of each name fits the others, and how sure that is.

Each candidate weighs its people; one that lies in, or holds, a candidate of another name gains by a thousand ("Paris,
TX"). Names that others lie in only qualify; the rest are the answers, and share the weight.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from detectors.location.gazetteer import gazetteer
from detectors.location.scan import Span
from detectors.location.trust import trust_alone, trust_amid
from detectors.location.vocabulary import LIST_BREAKS, vocabulary

if TYPE_CHECKING:
    from detectors.location.gazetteer import Gazetteer
    from detectors.location.scan import Scan

INSIDE, SAME_METRO, SAME_STATE, SAME_COUNTRY, APART = 1.0, 0.5, 0.02, 0.003, 0.0001
"""How well two candidates fit."""

_MOST_CANDIDATES = 48

_QUALIFIED = 0.985
_FLATTENED, _LISTED = 0.85, 0.4
_ENOUGH = 0.6
"""From here on a name goes before an unrelated flag."""

_CAPITALS = {"la": "los angeles"}
"""Codes that stand for a city where they are written in capitals and nothing else decides."""


class Candidate(NamedTuple):
    """A reading of a name: a place and its weight."""

    place: int
    weight: float


class Reading(NamedTuple):
    """What one name was taken for.

    Attributes
    ----------
    span
        The name.
    shares
        Candidates with their probabilities, given that a place is meant; best first.
    confidence
        Probability that a place is meant.
    because
        Why, for :func:`detectors.location.explain`.
    """

    span: Span
    shares: tuple[Candidate, ...]
    confidence: float
    because: str


def resolve(found: Scan, flags: list[str]) -> list[Reading]:
    """Return what the names are taken for, without those that only qualify others or mean no place.

    Parameters
    ----------
    found
        The names.
    flags
        Regions whose flags stand in the text.
    """
    book = gazetteer()
    spans, options = [], []
    seen = set()
    for span in found.spans:
        if span.name in seen:
            continue
        candidates = _candidates(book, found, span)
        if candidates:
            seen.add(span.name)
            spans.append(span)
            options.append(candidates)
        else:
            found.known[span.start : span.end] = bytes(span.end - span.start)
    hoisted = [[Candidate(book.place(code), book.people[book.place(code)])] for code in flags]
    readings = _settle(book, found, spans, (options, hoisted)) if spans else []
    if readings and max(reading.confidence for reading in readings) >= _ENOUGH:
        return readings
    return readings + _flown(found, hoisted)


def _settle(
    book: Gazetteer, found: Scan, spans: list[Span], options: tuple[list[list[Candidate]], list[list[Candidate]]]
) -> list[Reading]:
    """Return the readings of the names, which flags may qualify."""
    named, hoisted = options
    everything = [*named, *hoisted]
    if len(everything) == 1 and not spans[0].is_code:
        alone = _read(book, found, spans[0], (everything[0], []))
        return [] if alone is None else [alone]
    if len(everything) > 1:
        everything = _fit(book, everything, _lists(found, spans))
    _forget_chance_codes(book, found, spans, everything)
    named = everything[: len(spans)]
    readings = []
    for number in _answers(book, found, spans, named):
        others = [rivals[0] for other, rivals in enumerate(everything) if other != number]
        reading = _read(book, found, spans[number], (named[number], others))
        if reading is not None:
            readings.append(reading)
    return readings


def _forget_chance_codes(book: Gazetteer, found: Scan, spans: list[Span], options: list[list[Candidate]]) -> None:
    """Take away codes in lower case that no place in the text lies in: they were words.

    A US state's may stand behind the name of a town that we do not know, if it is no word ("tx").
    """
    for number in range(len(spans) - 1, -1, -1):
        span, best = spans[number], options[number][0].place
        if not span.is_code or span.is_upper:
            continue
        is_state = book.first_subdivision <= best < book.first_city and book.countries[book.country[best]] == "US"
        if span.name == "uk":
            continue
        if (
            is_state
            and span.name not in vocabulary().word_codes
            and found.gaps[span.start] in (",", "")
            and len(span.name) == 2
        ):
            continue
        if not any(fits(book, best, other[0].place) == INSIDE for at, other in enumerate(options) if at != number):
            found.known[span.start : span.end] = bytes(span.end - span.start)
            del spans[number], options[number]


def _flown(found: Scan, hoisted: list[list[Candidate]]) -> list[Reading]:
    """Return the readings of flags where no name says more: several, or a cause's, are often flown from elsewhere."""
    book = gazetteer()
    readings = []
    for (one,) in hoisted:
        confidence = 0.93 if len(hoisted) < 3 else 0.4
        if book.countries[book.country[one.place]] in {"UA", "PS", "IL"}:
            confidence = min(confidence, 0.6)
        span = Span(0, 0, "flag", (one.place << 3,), False, True, True)
        readings.append(
            Reading(span, (Candidate(one.place, 1.0),), confidence if not found.unknown() else confidence * 0.9, "flag")
        )
    return readings


# --- candidates ----------------------------------------------------------------------------------------------


def _candidates(book: Gazetteer, found: Scan, span: Span) -> list[Candidate]:
    """Return what a name may stand for, the most populous first."""
    return _coded(book, found, span) if span.is_code else _named(span.entries)


@lru_cache(maxsize=1 << 14)
def _named(entries: tuple[int, ...]) -> list[Candidate]:
    """Return the candidates of a name; the list is shared, and nobody changes it."""
    book = gazetteer()
    candidates = [Candidate(entry >> 3, book.weigh(entry)) for entry in entries]
    if len(candidates) > 1:
        candidates = _city_before_state(book, candidates)
        candidates.sort(key=lambda one: -one.weight)
    return candidates[:_MOST_CANDIDATES]


def _city_before_state(book: Gazetteer, candidates: list[Candidate]) -> list[Candidate]:
    """Return the candidates, those of large cities gaining: who writes "Buenos Aires" rarely means the province."""
    if not any(book.first_subdivision <= one.place < book.first_city for one in candidates):
        return candidates
    is_large = [one.place >= book.first_city and one.weight >= 1000 for one in candidates]
    return [
        Candidate(one.place, one.weight * (6 if large else 1)) for one, large in zip(candidates, is_large, strict=True)
    ]


def _coded(book: Gazetteer, found: Scan, span: Span) -> list[Candidate]:
    """Return what a code may stand for; nothing where it is more likely a word."""
    is_first = span.start == 0
    is_whole = is_first and span.end == len(found.words)
    gap = found.gaps[span.start]
    if span.is_upper or len(span.name) > 3:
        damp = 1.0 if is_whole or not is_first or found.gaps[span.end] else 0.3
    elif is_whole:
        damp = 0.0 if span.name in vocabulary().word_codes else 0.5
    elif is_first:
        damp = 0.0
    else:
        damp = 0.02 if span.name in vocabulary().word_codes else 0.3
        if not gap and found.unknown(span.start - 1, span.start):
            damp = 0.0
    if not damp:
        return []
    out = [Candidate(place, damp * _code_weight(book, place, span.name)) for place in (e >> 3 for e in span.entries)]
    if span.name in _CAPITALS and span.is_upper:
        city = book.names[_CAPITALS[span.name]]
        first = city if isinstance(city, int) else city[0]
        out.append(Candidate(first >> 3, 20 * book.weigh(first)))
    out.sort(key=lambda one: -one.weight)
    return out


def _code_weight(book: Gazetteer, place: int, name: str) -> float:
    """Return how many people a code speaks of: the codes of US states are in everyday use, most others are not."""
    if place >= book.first_city:
        return book.people[place]
    if place < book.first_subdivision:
        return book.people[place] * (0.3 if len(name) > 2 or name in {"uk", "us"} else 0.005)
    country = book.countries[book.country[place]]
    return book.people[place] * {"US": 1.0, "CA": 0.5, "AU": 0.5, "BR": 0.3}.get(country, 0.02)


# --- fitting -------------------------------------------------------------------------------------------------


def fits(book: Gazetteer, one: int, two: int) -> float:
    """Return how well two places fit as parts of one address."""
    if book.country[one] != book.country[two]:
        return APART
    here, there = book.subdivision[one], book.subdivision[two]
    if here < 0 or there < 0:
        return INSIDE if min(one, two) < book.first_subdivision else SAME_COUNTRY
    if here != there:
        return SAME_COUNTRY
    if one < book.first_city or two < book.first_city:
        return INSIDE
    metro = book.metro[one - book.first_city]
    return SAME_METRO if metro >= 0 and metro == book.metro[two - book.first_city] else SAME_STATE


def _fit(book: Gazetteer, options: list[list[Candidate]], lists: list[int]) -> list[list[Candidate]]:
    """Return the candidates weighted by how well they fit the other names' best fitting ones.

    Parameters
    ----------
    book
        The gazetteer.
    options
        By name: candidates, the heaviest first.
    lists
        By name: how many signs of a list stand before it; flags may have none left. Two names with such a sign between
        need not lie in each other, so that it counts less if they do ("New York and Boston").
    """
    fitted = []
    for number, candidates in enumerate(options):
        if len(candidates) == 1:
            fitted.append(candidates)
            continue
        weights = [one.weight for one in candidates]
        for other, rivals in enumerate(options):
            if other != number:
                is_list = max(number, other) < len(lists) and lists[number] != lists[other]
                power = _LISTED if is_list else 1.0
                near = 1.0 if abs(other - number) == 1 else 0.5
                total = rivals[0].weight
                for at, one in enumerate(candidates):
                    place, fit = one.place, 0.0
                    for rival in rivals:
                        found = fits(book, place, rival.place) * (0.2 + rival.weight / total)
                        fit = max(fit, found)
                    weights[at] *= near * (fit**power if is_list else fit)
        scored = [Candidate(one.place, weight) for one, weight in zip(candidates, weights, strict=True)]
        scored.sort(key=lambda one: -one.weight)
        fitted.append(scored)
    return fitted


def _lists(found: Scan, spans: list[Span]) -> list[int]:
    """Return, by name, how many signs of a list stand before it."""
    ands = vocabulary().ands
    counts, seen, at = [], 0, 0
    for span in spans:
        while at <= span.start:
            seen += found.gaps[at] in LIST_BREAKS or found.words[at] in ands
            at += 1
        counts.append(seen)
        at = max(at, span.end)
    return counts


def _holds(book: Gazetteer, outer: int, inner: int) -> bool:
    """Tell whether one place is the country or subdivision of the other."""
    if outer == inner or outer >= book.first_city or book.country[outer] != book.country[inner]:
        return False
    if outer < book.first_subdivision:
        return inner >= book.first_subdivision
    return inner >= book.first_city and book.subdivision[outer] == book.subdivision[inner]


def _answers(book: Gazetteer, found: Scan, spans: list[Span], options: list[list[Candidate]]) -> list[int]:
    """Return the names that are answers: no container of another, no part of an unknown name before a container."""
    best = [candidates[0].place for candidates in options]
    kept = []
    for number, span in enumerate(spans):
        if any(_holds(book, best[number], other) for other in best):
            continue
        if any(other == best[number] for other in best[:number]):
            continue
        if number + 1 < len(spans) and _is_unknown_town(
            book, found, span, (spans[number + 1], best[number], best[number + 1])
        ):
            continue
        kept.append(number)
    return kept


def _is_unknown_town(book: Gazetteer, found: Scan, span: Span, around: tuple[Span, int, int]) -> bool:
    """Tell whether a name is a namesake, unknown to us, in the region that follows it ("North Hastings, Ontario")."""
    following, place, region = around
    if place < book.first_city or region >= book.first_city or fits(book, place, region) == INSIDE:
        return False
    between = range(span.end, following.start)
    if any(found.gaps[at] in LIST_BREAKS for at in (*between, following.start)) or any(
        found.known[at] for at in between
    ):
        return False
    return region >= book.first_subdivision or book.inhabitants[place] < 1000


# --- confidence ----------------------------------------------------------------------------------------------


def _read(book: Gazetteer, found: Scan, span: Span, weighed: tuple[list[Candidate], list[Candidate]]) -> Reading | None:
    """Return the reading of a name with the probability that a place is meant."""
    options, others = weighed
    shares = _shares(options)
    best = shares[0].place
    if any(_holds(book, other.place, best) or _is_beside(book, other.place, best) for other in others):
        return Reading(span, shares, _QUALIFIED, "qualified")
    entry = next((one for one in span.entries if one >> 3 == best), best << 3)
    confidence, because = trust_alone(book, span, entry)
    if confidence:
        confidence *= trust_amid(found, span, book.inhabitants[best] * book.share_of(entry))
    return Reading(span, shares, min(confidence, 0.99), because) if confidence > 0.2 else None


def _shares(options: list[Candidate]) -> tuple[Candidate, ...]:
    """Return the candidates with probabilities, flatter than their weights: people are no perfect prior."""
    least = options[0].weight / 500
    if len(options) == 1 or options[1].weight <= least:
        return (Candidate(options[0].place, 1.0),)
    kept = [Candidate(one.place, one.weight**_FLATTENED) for one in options if one.weight > least]
    total = sum(one.weight for one in kept)
    return tuple(Candidate(one.place, one.weight / total) for one in kept)


def _is_beside(book: Gazetteer, one: int, two: int) -> bool:
    """Tell whether two names speak of the same region, or of towns side by side."""
    return one == two or fits(book, one, two) == SAME_METRO
