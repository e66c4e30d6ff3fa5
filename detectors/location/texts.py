"""Places named in a post: only where the words around a name say that it is where the trouble is.

"down in Chicago", "London here", "Dallas, TX", "#Chicago"; a name by itself is too often a person's or a product's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from detectors.location.answers import answer
from detectors.location.evidence import zip3
from detectors.location.gazetteer import gazetteer
from detectors.location.locate import Finding, with_zip
from detectors.location.resolve import Reading, resolve
from detectors.location.scan import UNSPACED, Scan, Span, scan
from detectors.location.vocabulary import vocabulary

if TYPE_CHECKING:
    from collections.abc import Iterator

LIMIT = 1_000
"""Characters of a post that are read."""

_TRUST = {"trigger": 0.96, "here": 0.95, "pair": 0.96, "hashtag": 0.75, "unspaced": 0.75}
_FRENCH_AT = ("\u00e0", "\u00c0")
_WITH_ARTICLE = frozenset(("us", "uk", "usa", "uae"))
_SMALLEST = 100.0
"""A town of fewer thousands counts only with its state or country."""


def find_text(text: str) -> Finding:
    """Locate the trouble that a post speaks of."""
    text = " ".join(text[: 4 * LIMIT].split())[:LIMIT]
    found = scan(text, limit=LIMIT)
    chosen = dict(_chosen(found))
    if not chosen:
        return Finding([], found, (), [], None)
    spans = [_capital(found, span) for number, span in enumerate(found.spans) if number in chosen]
    ways = {span.start: chosen[number] for number, span in enumerate(found.spans) if number in chosen}
    context = found._replace(spans=spans, known=bytearray(b"\1" * len(found.words)))
    readings = [kept for one in resolve(context, []) if (kept := _trusted(one, ways[one.span.start])) is not None]
    digits = zip3(text) if readings else None
    if digits is not None:
        return with_zip(found, readings, [], digits)
    return Finding(answer(readings), found, readings, [], None)


def _capital(found: Scan, span: Span) -> Span:
    """Return "the us" as if it were "the US"."""
    is_meant = span.name in _WITH_ARTICLE and span.start > 0 and found.words[span.start - 1] == "the"
    return span._replace(is_upper=True) if is_meant else span


def _chosen(found: Scan) -> Iterator[tuple[int, str]]:
    """Yield the names that something introduces, with what that is."""
    previous = -1
    for number, span in enumerate(found.spans):
        way = _introduced(found, span)
        before = found.spans[number - 1] if number else None
        if way:
            yield number, way
        elif before is not None and previous == number - 1 and _goes_on(found, before, span):
            yield number, "trigger"
        elif before is not None and _is_pair(found, before, span):
            if previous != number - 1:
                yield number - 1, "pair"
            yield number, "pair"
        else:
            continue
        previous = number


def _goes_on(found: Scan, before: Span, span: Span) -> bool:
    """Tell whether a name goes on with the one before: "in Dallas, TX", "in Boston and New York"."""
    if before.end == span.start:
        return found.gaps[span.start] in ("", ",", "/")
    return before.end + 1 == span.start and found.words[before.end] in vocabulary().ands and not found.gaps[span.start]


def _introduced(found: Scan, span: Span) -> str:
    """Return what introduces a name: "trigger", "here", "hashtag", or "" for nothing."""
    words, at = found.words, span.start
    follower = words[span.end] if span.end < len(words) and not found.gaps[span.end] else ""
    if follower in vocabulary().not_places or (follower == "s" and not span.is_code):
        return ""
    if follower == "here" and (at == 0 or found.gaps[at]):
        return "here"
    if found.gaps[at] == "#":
        return "hashtag"
    return "unspaced" if not span.is_code and span.name[0] >= UNSPACED else _announced(found, span)


def _announced(found: Scan, span: Span) -> str:
    """Return "trigger" if a word like "in" stands before a name, perhaps with an article between."""
    words, at = found.words, span.start
    articles = vocabulary().articles
    while at and words[at - 1] in articles and not found.gaps[at]:
        at -= 1
    if not at or found.gaps[at]:
        return ""
    return "trigger" if _triggers(found, at - 1, is_title=span.is_title) else ""


def _triggers(found: Scan, at: int, *, is_title: bool) -> bool:
    """Tell whether a word says that a place follows."""
    word, known = found.words[at], vocabulary()
    if word == "a":
        return found.raws[at] in _FRENCH_AT
    return word in known.text_triggers or (is_title and word in known.foreign_triggers)


def _is_pair(found: Scan, one: Span, two: Span) -> bool:
    """Tell whether two names side by side are a town and its state: "Dallas, TX"."""
    is_named = one.is_title and not one.is_code and (two.is_upper if two.is_code else two.is_title)
    return is_named and one.end == two.start and found.gaps[two.start] in ("", ",")


def _trusted(reading: Reading, way: str) -> Reading | None:
    """Return a reading with the confidence that it is where the trouble is; None if that is too little."""
    span, book = reading.span, gazetteer()
    best = reading.shares[0].place
    is_qualified = reading.because == "qualified"
    if way == "pair" and not is_qualified:
        return None
    if not is_qualified and best >= book.first_city and book.people[best] < _SMALLEST:
        return None
    if not span.is_title and span.name in book.words:
        return None
    if span.is_code and not span.is_upper and not is_qualified:
        return None
    return reading._replace(confidence=reading.confidence * _TRUST[way])
