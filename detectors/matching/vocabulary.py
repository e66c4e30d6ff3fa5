"""All names and phrases, compiled into two automata (Aho and Corasick 1975): one pass over a text finds them all."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ahocorasick_rs import AhoCorasick, Implementation, MatchKind

from detectors.matching.boundary import is_edge
from detectors.matching.lexicon import Cue, Phrase, without_accents
from detectors.reference import squeeze
from detectors.text import normalise

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from detectors.model import Service

JOINED_CUES = (
    "isnotworking", "notworking", "servicedown", "serverdown", "isdown", "down", "downagain", "outages", "outage",
    "problems", "crash", "crashed", "fail", "issues", "caido", "caida", "caído", "caída", "caiu", "offline",
    "störung", "stoerung", "panne", "enpanne", "çöktü", "coktu", "障害", "落ち",
)  # fmt: skip
"""What is glued to a name in a hashtag: #imessagedown."""

GENERAL = "platform"
"""The family of services that stand for all of a vendor's."""

_SHORTEST_JOINED = 5
_SHORTEST_PLURAL = 5

Hit = tuple[int, int, int]
"""(index of the term, start, end) in the text that was searched."""


@dataclass(frozen=True)
class Name:
    """A service's name, as it stands in texts.

    Attributes
    ----------
    vendor
        Of the service.
    is_general
        Whether the service stands for all of its vendor's ("Apple"): it yields to any that is named.
    """

    service: str
    vendor: str
    is_ambiguous: bool = False
    is_general: bool = False


@dataclass(frozen=True)
class Term:
    """What a string that is searched for may mean: a name, something said about a state, or both."""

    text: str
    name: Name | None = None
    phrase: Phrase = field(default_factory=Phrase)


class Vocabulary:
    """The terms of a catalogue and a lexicon.

    Parameters
    ----------
    services
        Whose names are known. Names of services that nobody asks for matter too: they keep "Facebook Messenger" from
        being read as "Facebook".
    phrases
        The lexicon.
    """

    def __init__(self, services: Iterable[Service], phrases: Mapping[str, Phrase]) -> None:
        names = dict(spell_names(services))
        self.terms = tuple(Term(text, names.get(text), phrases.get(text, Phrase())) for text in {**names, **phrases})
        self._no_plural = frozenset(name for name in names if f"{name}s" in names)
        self._names = AhoCorasick(list(names), MatchKind.Standard)
        self._all = AhoCorasick([term.text for term in self.terms], MatchKind.Standard)
        cues = [text for text, phrase in phrases.items() if phrase.cue in (Cue.WEAK, Cue.STRONG)]
        # Every text goes through this one: as a DFA it is built slowly (25 ms) and runs 1.7 times as fast.
        self._cues = AhoCorasick([*cues, *JOINED_CUES], MatchKind.Standard, implementation=Implementation.DFA)
        self._first_joined = len(cues)

    def find_cues(self, joined: str) -> list[int]:
        """Return where the cues in ``joined`` begin; glued cues count without a left edge."""
        first = self._first_joined
        return [
            start
            for index, start, end in self._cues.find_matches_as_indexes(joined, overlapping=True)
            if (index >= first or is_edge(joined, start)) and is_edge(joined, end)
        ]

    def find_names(self, joined: str) -> list[int]:
        """Return where something begins that may be a name; where it ends is not looked at."""
        found = self._names.find_matches_as_indexes(joined, overlapping=True)
        return [start for _, start, _ in found if is_edge(joined, start)]

    def find(self, joined: str) -> Iterator[Hit]:
        """Yield every term in ``joined`` that stands there as a word, plural or hashtag with a cue."""
        for index, start, end in self._all.find_matches_as_indexes(joined, overlapping=True):
            if not is_edge(joined, start):
                continue
            if is_edge(joined, end):
                yield index, start, end
            elif (name := self.terms[index].name) is not None:
                is_plural = self.terms[index].text not in self._no_plural and _is_plural(joined, start, end, name)
                longer = end + 1 if is_plural else end_of_joined(joined, end)
                if longer:
                    yield index, start, longer

    def is_joined(self, hit: Hit) -> bool:
        """Say whether the hit is a name with a cue glued to it, and so needs no other cue."""
        index, start, end = hit
        return end - start > len(self.terms[index].text) + 1


def spell_names(services: Iterable[Service]) -> Iterator[tuple[str, Name]]:
    """Yield every spelling of every name; later ones take precedence, and those are the ones that are written out."""
    written: list[tuple[str, Name]] = []
    derived: list[tuple[str, Name]] = []
    for service in services:
        for names, is_ambiguous in ((service.aliases, False), (service.ambiguous, True)):
            name = Name(service.id, service.vendor, is_ambiguous, service.family == GENERAL)
            for spelling in map(normalise, names):
                written.append((spelling, name))
                derived += [(other, name) for other in _derive(spelling)]
    yield from derived
    yield from written


def _derive(spelling: str) -> Iterator[str]:
    """Yield how else a name is typed: without accents, and in one word as in a hashtag."""
    yield without_accents(spelling)
    if "-" in spelling:
        yield spelling.replace("-", " ")
    joined = squeeze(spelling)
    if len(joined) >= _SHORTEST_JOINED or not joined.isascii():
        yield joined
        yield without_accents(joined)


def end_of_joined(text: str, end: int) -> int:
    """Return where a cue that is glued to a name ends, or 0 if there is none."""
    for cue in JOINED_CUES:
        if text.startswith(cue, end) and is_edge(text, end + len(cue)):
            return end + len(cue)
    return 0


def _is_plural(text: str, start: int, end: int, name: Name) -> bool:
    """Say whether the name stands there in the plural, "imessages"; ambiguous names are words with plurals."""
    return not name.is_ambiguous and end - start >= _SHORTEST_PLURAL and text[end] == "s" and is_edge(text, end + 1)


def longest(hits: Iterable[Hit]) -> list[Hit]:
    """Keep of overlapping hits the longest, of two as long the first; in order of appearance.

    Linear in the hits but for sorting: a hit that is not longer than those kept touches them with one of its ends.
    """
    kept: list[Hit] = []
    taken: set[int] = set()
    for hit in sorted(hits, key=lambda hit: (hit[1] - hit[2], hit[1])):
        if hit[1] not in taken and hit[2] - 1 not in taken:
            kept.append(hit)
            taken.update(range(hit[1], hit[2]))
    return sorted(kept, key=lambda hit: hit[1])


def within(hit: Hit, other: Hit) -> bool:
    """Say whether ``hit`` lies in ``other``, wholly, and is shorter."""
    return other[1] <= hit[1] and hit[2] <= other[2] and hit[1:] != other[1:]
