"""From a string to the names of places in it: words, breaks, and what each run of words may stand for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from detectors.location.fold import BREAK, LIMIT, TOKEN, fold_word, tidy
from detectors.location.gazetteer import NICKNAME, PRIMARY, gazetteer
from detectors.location.vocabulary import vocabulary

if TYPE_CHECKING:
    from detectors.location.gazetteer import Gazetteer

MOST_WORDS = 120
MOST_SPANS = 10
_URL = re.compile(r"[a-z]+://\S*|www\.\S*", re.IGNORECASE)
_AND = frozenset("&+")
UNSPACED = "\u0e00"
"""From here on scripts put no spaces between words, or hardly any."""

_SUFFIXES = frozenset("市区區县縣都府県道省州郡町村시도구군읍면동在住在の出身에서")


class Span(NamedTuple):
    """A run of words that may name a place.

    Attributes
    ----------
    start, end
        Words, the end exclusive.
    name
        Folded.
    entries
        What it may stand for, as in :attr:`Gazetteer.names`.
    is_code
        It is a code, not a name.
    is_upper, is_title
        It is written in capitals throughout; each word begins with a capital, or the script has none.
    """

    start: int
    end: int
    name: str
    entries: tuple[int, ...]
    is_code: bool
    is_upper: bool
    is_title: bool


class Scan(NamedTuple):
    """What was found: ``words`` folded, ``gaps`` the break before each word ("" if none), ``known`` by word."""

    words: list[str]
    raws: list[str]
    gaps: list[str]
    spans: list[Span]
    known: bytearray

    def unknown(self, first: int = 0, last: int | None = None) -> int:
        """Return how many words are neither part of a name nor fillers."""
        return self.known[first:last].count(0)


def _without_addresses(text: str) -> str:
    return _URL.sub("|", text) if "://" in text or "www." in text else text


def split(text: str, limit: int = LIMIT) -> tuple[list[str], list[str], list[str]]:
    """Return the words folded, the words as written, and the break before each."""
    words: list[str] = []
    raws: list[str] = []
    gaps: list[str] = []
    gap = ""
    skip = False
    for piece in TOKEN.findall(tidy(_without_addresses(text[:limit]), limit)):
        if piece in _AND:
            words.append("and")
            raws.append(piece)
            gaps.append(gap)
            gap = ""
        elif len(piece) == 1 and BREAK.match(piece):
            gap = piece if not gap or piece != "," else gap
        elif piece in "#@":
            skip = piece == "@"
            gap = gap or "#"
        elif skip:
            skip, gap = False, gap or "|"
        else:
            word = fold_word(piece)
            if word:
                words.append(word)
                raws.append(piece)
                gaps.append(gap)
                gap = ""
            if len(words) == MOST_WORDS:
                break
    return words, raws, gaps


def scan(text: str, *, limit: int = LIMIT) -> Scan:
    """Find the longest names, from the left."""
    book = gazetteer()
    words, raws, gaps = split(text, limit)
    known = bytearray(len(words))
    fillers = vocabulary().fillers
    spans: list[Span] = []
    at = 0
    while at < len(words):
        if len(spans) == MOST_SPANS:
            break
        found = _longest(book, words, raws, gaps, at)
        if found is not None:
            if found.entries:
                spans.append(found)
            known[at : found.end] = (b"\1" if found.entries else b"\2") * (found.end - at)
            at = found.end
            continue
        word = words[at]
        if word in fillers or word.isdigit():
            known[at] = 2
        elif word[0] >= UNSPACED:
            _unspaced(book, word, at, spans, known)
        at += 1
    return Scan(words, raws, gaps, spans, known)


def _longest(book: Gazetteer, words: list[str], raws: list[str], gaps: list[str], at: int) -> Span | None:
    """Return the longest name that begins at a word, else a code; None if there is neither."""
    word = words[at]
    names = book.names
    most = book.longest.get(word, 1)
    if most > 1:
        last = at + 1
        while last < len(words) and last - at < most and not gaps[last]:
            last += 1
        while last > at + 1:
            name = " ".join(words[at:last])
            entry = names.get(name)
            if entry is not None:
                return _span(name, entry, raws, at, last)
            last -= 1
    entry = names.get(word)
    is_filler = word in vocabulary().fillers
    if is_filler and not raws[at].isupper() and gaps[at] != ",":
        return None
    if len(word) <= 5 and word in book.codes:
        return _code(book, word, entry, raws[at], at)
    if entry is None or is_filler:
        return None
    return _span(word, entry, raws, at, at + 1)


def _span(name: str, entry: int | tuple[int, ...], raws: list[str], start: int, end: int) -> Span:
    entries = (entry,) if isinstance(entry, int) else entry
    first = raws[start]
    if end == start + 1:
        return Span(start, end, name, entries, False, first.isupper(), not first[0].islower())
    is_upper = all(raw.isupper() for raw in raws[start:end])
    return Span(start, end, name, entries, False, is_upper, not (first[0].islower() or raws[end - 1][0].islower()))


def _code(book: Gazetteer, word: str, entry: int | tuple[int, ...] | None, raw: str, at: int) -> Span:
    """Return a code with what it may stand for, and what its word is the name of."""
    places = book.codes[word]
    named = () if entry is None else (entry,) if isinstance(entry, int) else entry
    is_name = any(one & 7 in (PRIMARY, NICKNAME) for one in named) and len(word) > 2
    entries = named if is_name else places if not named else tuple(dict.fromkeys((*named, *places)))
    return Span(at, at + 1, word, entries, not is_name, raw.isupper(), not raw[0].islower())


def _unspaced(book: Gazetteer, word: str, at: int, spans: list[Span], known: bytearray) -> None:
    """Find names in a run of a script that puts no spaces between words."""
    position, left = 0, 0
    while position < len(word) and len(spans) < MOST_SPANS:
        size = min(book.short.get(word[position], 0), len(word) - position)
        while size > 1 and word[position : position + size] not in book.names:
            size -= 1
        if size > 1:
            name = word[position : position + size]
            spans.append(_span(name, book.names[name], [name], 0, 1)._replace(start=at, end=at + 1))
            position += size
        else:
            left += word[position] not in _SUFFIXES
            position += 1
    known[at] = 1 if left <= 1 else 0
