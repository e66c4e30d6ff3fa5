"""Questions to platforms that search: the names of many services in as few queries as their limit of length allows.

A query asks for ``(name or name ...) and (cue or cue ...)``. Names that also mean other things stand apart, with cues
that leave less room for chance::

    (((netflix OR hulu) (down OR outage)) OR ((teams) ("is down" OR outage))) -is:retweet

What a query need not say is left out: a platform that looks for words finds ``reddit`` in "reddit app", too.

Services are put into queries by first-fit decreasing (D. S. Johnson, "Near-optimal bin packing algorithms", MIT, 1973):
at most 11/9 of the fewest queries possible, and 6/9 of a query. The same services give the same queries, in whatever
order they come. Another set of services gives other queries, and so other cursors: what a cursor stood for is begun
anew.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from detectors.errors import InputError
from detectors.text import normalise, printable
from flows.sources.base import Query

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from detectors.model import Service

_WORDS = frozenset({"or", "and", "not", "near", "to"})
"""What query languages read as an operator where it stands without quotes."""

_HARMLESS = frozenset(" .-_/&+'@")


@dataclass(frozen=True)
class Syntax:
    """How a platform writes a query.

    Attributes
    ----------
    either, both
        Between alternatives, and between what has to be there together.
    quote
        Around a phrase; it is taken out of the phrase itself, and so are backslashes.
    group
        What opens and what closes a group.
    prefix, suffix
        What every query begins with, and ends in.
    limit
        Most characters of a query, prefix and suffix included.
    """

    either: str = " OR "
    both: str = " "
    quote: str = '"'
    group: tuple[str, str] = ("(", ")")
    prefix: str = ""
    suffix: str = ""
    limit: int = 512


@dataclass(frozen=True)
class Cues:
    """Words that tell of trouble.

    Attributes
    ----------
    plain
        One of these has to be there beside a name; empty = the name is enough.
    strict
        The same for ambiguous names; empty = ambiguous names are not asked for.
    """

    plain: tuple[str, ...] = ()
    strict: tuple[str, ...] = ()


class _Names(NamedTuple):
    """Terms, ready to be written: plain ones, and those that need a strict cue."""

    plain: tuple[str, ...] = ()
    strict: tuple[str, ...] = ()

    def __add__(self, other: tuple[object, ...]) -> _Names:
        return _Names(self.plain + other[0], self.strict + other[1])  # type: ignore[operator]


def pack(services: Iterable[Service], cues: Cues, syntax: Syntax) -> tuple[Query, ...]:
    """Return queries for these services: each service in exactly one, none longer than the limit.

    Parameters
    ----------
    services
        Whom to ask for; no service twice.
    cues
        What has to be there beside a name.
    syntax
        How the platform writes it.

    Returns
    -------
    Queries, in the order of the first service id of each; the services of one are in the order of their ids.

    Raises
    ------
    InputError
        The limit leaves no room for a single name of a service.
    """
    writer = _Writer(cues, syntax)
    items = [(writer.names(service), service.id) for service in services]
    bins: list[tuple[_Size, list[tuple[_Names, str]]]] = []
    for names, service_id in sorted(items, key=lambda item: (-writer.length(writer.size(item[0])), item[1])):
        size = writer.size(names)
        for number, (taken, held) in enumerate(bins):
            if writer.length(taken + size) <= syntax.limit:
                bins[number] = (taken + size, [*held, (names, service_id)])
                break
        else:
            bins.append((size, [(names, service_id)]))
    queries = (_query(writer, held) for _, held in bins)
    return tuple(sorted(queries, key=lambda query: query.services or ()))


def ask_for(service: Service, cues: Cues, syntax: Syntax) -> Query:
    """Return the query for one service alone; see :func:`pack`."""
    writer = _Writer(cues, syntax)
    return Query(writer.write(writer.names(service)), (service.id,))


def term(name: str, quote: str = '"') -> str:
    """Return a name as a query takes it: as it is, or as a phrase that nothing in it can end.

    Examples
    --------
    >>> term("netflix"), term("prime video"), term('" OR is:retweet'), term("or")
    ('netflix', '"prime video"', '"OR is retweet"', '"or"')
    >>> term('"')
    ''
    """
    text = "".join(char if _is_harmless(char) and char != quote else " " for char in name)
    text = " ".join(text.split())
    if not _tokens(text):
        return ""
    return text if all(map(_is_of_word, text)) and text.lower() not in _WORDS else f"{quote}{text}{quote}"


def _query(writer: _Writer, held: list[tuple[_Names, str]]) -> Query:
    held = sorted(held, key=lambda item: item[1])
    names = _Names()
    for each, _ in held:
        names += each
    return Query(writer.write(names), tuple(service_id for _, service_id in held))


@dataclass(frozen=True)
class _Size:
    """How much room terms take: how many, and how many characters, on either side."""

    plain: int = 0
    plain_chars: int = 0
    strict: int = 0
    strict_chars: int = 0

    def __add__(self, other: _Size) -> _Size:
        return _Size(
            self.plain + other.plain,
            self.plain_chars + other.plain_chars,
            self.strict + other.strict,
            self.strict_chars + other.strict_chars,
        )


class _Writer:
    """Writes queries, and knows beforehand how long they get."""

    def __init__(self, cues: Cues, syntax: Syntax) -> None:
        self._syntax = syntax
        self._plain = tuple(filter(None, (term(cue, syntax.quote) for cue in cues.plain)))
        self._strict = tuple(filter(None, (term(cue, syntax.quote) for cue in cues.strict)))
        self._brackets = sum(map(len, syntax.group))
        self._plain_cues = len(syntax.both + self._any(self._plain)) if self._plain else 0
        self._strict_cues = len(syntax.both + self._any(self._strict)) if self._strict else 0

    def write(self, names: _Names) -> str:
        """Return the query."""
        sides = [self._side(names.plain, self._plain), self._side(names.strict, self._strict)]
        sides = [side for side in sides if side]
        if len(sides) == 2:
            sides = [self._group(self._syntax.either.join(self._group(side) for side in sides))]
        return self._syntax.prefix + sides[0] + self._syntax.suffix

    def length(self, size: _Size) -> int:
        """Return how long the query gets."""
        total = len(self._syntax.prefix + self._syntax.suffix)
        if size.plain:
            total += self._names_length(size.plain, size.plain_chars) + self._plain_cues
        if size.strict:
            total += self._names_length(size.strict, size.strict_chars) + self._strict_cues
        if size.plain and size.strict:
            total += 3 * self._brackets + len(self._syntax.either)
        return total

    @staticmethod
    def size(names: _Names) -> _Size:
        """Return how much room terms take."""
        return _Size(len(names.plain), sum(map(len, names.plain)), len(names.strict), sum(map(len, names.strict)))

    def names(self, service: Service) -> _Names:
        """Return the terms of a service: what it is called most, as far as the limit lets them all in.

        Raises
        ------
        InputError
            Not even one fits.
        """
        found, size = _Names(), _Size()
        for text, is_strict in self._wanted(service):
            more = _Names((), (text,)) if is_strict else _Names((text,))
            grown = size + self.size(more)
            if self.length(grown) <= self._syntax.limit:
                found, size = found + more, grown
        if found == _Names():
            limit = self._syntax.limit
            raise InputError(f"no name of {printable(service.id, limit=60)} fits into a query of {limit} characters")
        return found

    def _wanted(self, service: Service) -> Iterator[tuple[str, bool]]:
        """Yield terms, the most useful first: the catalogue gives both kinds of names in this order."""
        plain = [(name, False) for name in service.aliases]
        strict = [(name, True) for name in service.ambiguous] if self._strict else []
        wanted = [*plain[:1], *strict[:1], *plain[1:], *strict[1:]]
        terms = self._told_apart(wanted) or self._told_apart([(service.name, False), (service.id, False)])[:1]
        yield from terms

    def _told_apart(self, names: Sequence[tuple[str, bool]]) -> list[tuple[str, bool]]:
        """Return the terms of names, without those that another one finds anyway.

        A name is found by another of the same kind, or by a plain one, whose words stand in it one after the other.
        """
        kept: dict[tuple[str, ...], tuple[str, bool]] = {}
        for name, is_strict in names:
            text = term(name, self._syntax.quote)
            if text:
                kept.setdefault(_tokens(text), (text, is_strict))
        return [
            mine
            for tokens, mine in kept.items()
            if not any(_holds(tokens, other) and theirs[1] <= mine[1] for other, theirs in kept.items())
        ]

    # --- how it is written -----------------------------------------------------------------------------------

    def _side(self, names: Sequence[str], cues: Sequence[str]) -> str:
        if not names:
            return ""
        return self._any(names) + (self._syntax.both + self._any(cues) if cues else "")

    def _any(self, terms: Sequence[str]) -> str:
        return self._group(self._syntax.either.join(terms))

    def _group(self, text: str) -> str:
        opening, closing = self._syntax.group
        return opening + text + closing

    def _names_length(self, n: int, chars: int) -> int:
        return self._brackets + chars + (n - 1) * len(self._syntax.either)


def _tokens(text: str) -> tuple[str, ...]:
    """Return the words of a name, as a platform tells them apart."""
    return tuple("".join(char if _is_of_word(char) else " " for char in normalise(text, limit=512)).split())


def _holds(longer: tuple[str, ...], shorter: tuple[str, ...]) -> bool:
    """Say whether the words of one stand in the other, one after the other, and it has more."""
    n = len(shorter)
    return n < len(longer) and any(longer[i : i + n] == shorter for i in range(len(longer) - n + 1))


def _is_of_word(char: str) -> bool:
    return unicodedata.category(char)[0] in "LMN"


def _is_harmless(char: str) -> bool:
    """Say whether a character may stand in a phrase: no quotes of any kind, no backslash, nothing that is not seen."""
    return char in _HARMLESS or _is_of_word(char)
