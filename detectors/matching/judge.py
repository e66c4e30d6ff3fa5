"""Whether a post says that a service fails now: names and cues weighed by how far apart they stand.

The rules, in order. A longer phrase swallows what it covers ("microsoft teams" is not "teams", "calm down" is not
"down"). What stands in a link does not count. A name counts with a cue in its reach:

============  ==============================  ==============
cue           plain name                      ambiguous name
============  ==============================  ==============
strong        anywhere in a short post,       4 words
              12 words in a long one
weak          5 words                         2 words
============  ==============================  ==============

A phrase that says "works again" belongs to the name next to it: it takes back the cues before it, and it parts a name
from another's cues beyond it ("iMessage is back, WhatsApp still down"). The reaches are judgement, not fitted to any
labels; the learned first-hand filter is to replace them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from detectors.matching.boundary import in_link
from detectors.matching.lexicon import Cue
from detectors.matching.vocabulary import longest, within

if TYPE_CHECKING:
    from collections.abc import Sequence

    from detectors.matching.vocabulary import Hit, Name, Vocabulary

SHORT = 300
"""Characters: a post as short as this is taken to be about one thing."""

REACH = {(Cue.STRONG, False): 12, (Cue.WEAK, False): 5, (Cue.STRONG, True): 4, (Cue.WEAK, True): 2}
"""Words between name and cue, by (cue, whether the name is ambiguous)."""

_WIDEST_WORD = 10
_MOST_NAMES, _MOST_STATES = 100, 200
"""Looked at in one post; more is an advertisement or an attack, and every name is compared with every state."""

# "down 3 %": a price. Bounded repetitions only: the text is hostile.
_MOVE = re.compile(
    r" (?:by |over |about |nearly |almost |another )?[$€£]?\d[\d.,]{0,9} ?(?:%|percent|pct|bps|points|pts)"
)


@dataclass(frozen=True)
class Verdict:
    """What a post says: services that fail, in the order in which they are named, and symptoms."""

    services: tuple[str, ...] = ()
    symptoms: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Mention:
    """A name that stands for its service, and where; ``is_joined`` where a cue is glued to it."""

    name: Name
    start: int
    end: int
    is_joined: bool


@dataclass(frozen=True)
class _Said:
    """Something that a post says about a state, and where."""

    cue: Cue
    start: int
    end: int


NOTHING = Verdict()


def judge(text: str, hits: Sequence[Hit], vocabulary: Vocabulary) -> Verdict:
    """Judge one normalised post.

    Parameters
    ----------
    text
        The post.
    hits
        The terms that :meth:`Vocabulary.find` found in it, with positions in ``text``.
    vocabulary
        What the hits refer to.
    """
    named = longest(hit for hit in hits if vocabulary.terms[hit[0]].name is not None)[:_MOST_NAMES]
    states = _states(text, hits, named, vocabulary)
    mentions = [mention for hit in named if (mention := _mention(text, hit, states, vocabulary)) is not None]
    return Verdict(_failing(text, mentions, states), _symptoms(hits, mentions, states, vocabulary))


def _states(text: str, hits: Sequence[Hit], names: Sequence[Hit], vocabulary: Vocabulary) -> list[_Said]:
    """Return what the post says about states, false friends too.

    A false friend swallows every cue that it touches, unless a longer cue holds it whole ("not working again" holds
    "working again"). It is none where it takes a word from a name ("xbox game pass down").
    """
    terms = vocabulary.terms
    cues = [(hit, cue) for hit in hits if (cue := terms[hit[0]].phrase.cue) and not in_link(text, hit[1], hit[2])]
    real = _unnegated([(hit, cue) for hit, cue in cues if cue is not Cue.BLANK])
    blanks = _false_friends([hit for hit, cue in cues if cue is Cue.BLANK], real, names, vocabulary)
    blank = {at for _, start, end in blanks for at in range(start, end)}
    said = [_Said(Cue.BLANK, start, end) for _, start, end in blanks]
    for hit in longest(hit for hit in real if blank.isdisjoint(range(hit[1], hit[2]))):
        cue = terms[hit[0]].phrase.cue
        if not (cue is Cue.WEAK and any(within(hit, name) for name in names)):  # the "dead" of "red dead online"
            said.append(_Said(Cue.BLANK if _is_price(text, hit) else cue, hit[1], hit[2]))
    return sorted(said, key=lambda one: one.start)[:_MOST_STATES]


def _false_friends(
    blanks: Sequence[Hit], real: Sequence[Hit], names: Sequence[Hit], vocabulary: Vocabulary
) -> list[Hit]:
    """Return those of the false friends that no longer cue holds and that take no word from a plain name."""
    if not blanks:
        return []
    plain = {at for hit in names if _is_plain(hit, vocabulary) for at in range(hit[1], hit[2])}
    reach: dict[int, int] = {}  # how far the cues over a character go
    for _, start, end in real:
        reach.update((at, max(end, reach.get(at, 0))) for at in range(start, end))
    return [hit for hit in blanks if reach.get(hit[1], 0) < hit[2] and plain.isdisjoint(range(hit[1], hit[2]))]


def _is_plain(hit: Hit, vocabulary: Vocabulary) -> bool:
    """Say whether a hit is a name that means nothing else."""
    name = vocabulary.terms[hit[0]].name
    return name is not None and not name.is_ambiguous


def _unnegated(cues: Sequence[tuple[Hit, Cue]]) -> list[Hit]:
    """Drop recoveries that begin inside a cue: the "working for me" of "isn't working for me"."""
    if all(cue is not Cue.OVER for _, cue in cues):
        return [hit for hit, _ in cues]
    inside = {at for hit, cue in cues if cue is not Cue.OVER for at in range(hit[1] + 1, hit[2])}
    return [hit for hit, cue in cues if cue is not Cue.OVER or hit[1] not in inside]


def _is_price(text: str, hit: Hit) -> bool:
    """Say whether a cue tells of a price: "down 3 %"."""
    return text.endswith("down", 0, hit[2]) and _MOVE.match(text, hit[2]) is not None


def _mention(text: str, hit: Hit, states: Sequence[_Said], vocabulary: Vocabulary) -> _Mention | None:
    """Return a name that stands for its service: not in a link nor, if ambiguous, in a longer phrase ("no signal")."""
    name = vocabulary.terms[hit[0]].name
    if name is None or in_link(text, hit[1], hit[2]):
        return None
    if name.is_ambiguous and any(within(hit, (0, said.start, said.end)) for said in states):
        return None
    return _Mention(name, hit[1], hit[2], vocabulary.is_joined(hit))


def _failing(text: str, mentions: Sequence[_Mention], states: Sequence[_Said]) -> tuple[str, ...]:
    """Return the services that a cue in reach says to fail."""
    if not mentions:
        return ()
    owned = [(said, _owner(said, mentions)) for said in states if said.cue is not Cue.BLANK]
    found: dict[str, Name] = {}
    for mention in mentions:
        if mention.name.service not in found and _fails(text, mention, owned):
            found[mention.name.service] = mention.name
    vendors = {mention.name.vendor for mention in mentions if not mention.name.is_general}
    return tuple(service for service, name in found.items() if not (name.is_general and name.vendor in vendors))


def _fails(text: str, mention: _Mention, owned: Sequence[tuple[_Said, str]]) -> bool:
    """Say whether a service is said to fail, and not to work again later on."""
    service = mention.name.service
    over = [said for said, _ in owned if said.cue is Cue.OVER]
    back_at = max((said.start for said, owner in owned if said.cue is Cue.OVER and owner == service), default=-1)
    before = max((said.end for said in over if said.end <= mention.start), default=0)
    after = min((said.start for said in over if said.start >= mention.end), default=len(text))
    if mention.is_joined and mention.start > back_at:
        return True
    return any(
        said.cue is not Cue.OVER
        and said.start > back_at
        and (owner == service or (said.start >= before and said.end <= after))
        and _reaches(text, mention, said)
        for said, owner in owned
    )


def _owner(said: _Said, mentions: Sequence[_Mention]) -> str:
    """Return the service that something is said of: the nearest, of two as near the first."""
    return min(mentions, key=lambda mention: (_gap(mention, said), mention.start)).name.service


def _gap(mention: _Mention, said: _Said) -> int:
    """Return the characters between a name and what is said; 0 where they overlap."""
    return max(said.start - mention.end, mention.start - said.end, 0)


def _reaches(text: str, mention: _Mention, said: _Said) -> bool:
    """Say whether a cue stands near enough to a name."""
    is_ambiguous = mention.name.is_ambiguous
    if said.cue is Cue.STRONG and not is_ambiguous and len(text) <= SHORT:
        return True
    reach = REACH[said.cue, is_ambiguous]
    gap = _gap(mention, said)
    if gap > _WIDEST_WORD * (reach + 1):
        return False
    first = min(mention.end, said.end)
    return text.count(" ", first, first + gap) <= reach + 1


def _symptoms(
    hits: Sequence[Hit], mentions: Sequence[_Mention], states: Sequence[_Said], vocabulary: Vocabulary
) -> tuple[str, ...]:
    """Return the symptoms that are named, but for what is part of a name or of a false friend."""
    covered = [(mention.start, mention.end) for mention in mentions]
    covered += [(said.start, said.end) for said in states if said.cue is Cue.BLANK]
    found: dict[str, None] = {}
    for index, start, end in sorted(hits, key=lambda hit: hit[1:]):
        symptoms = vocabulary.terms[index].phrase.symptoms
        if symptoms and not any(first <= start and end <= last for first, last in covered):
            found.update(dict.fromkeys(symptoms))
    return tuple(found)
