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
from cues beyond it ("iMessage is back, WhatsApp still down"). The reaches are judgement, not fitted to any labels; the
learned first-hand filter is to replace them.
"""

from __future__ import annotations

import re
from collections import defaultdict
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
class _Said:
    """Something that a post says about a state, and where."""

    cue: Cue
    start: int
    end: int


NOTHING = Verdict()


def judge(text: str, hits: Sequence[Hit], vocabulary: Vocabulary, *, is_form: bool = False) -> Verdict:
    """Judge one normalised post.

    Parameters
    ----------
    text
        The post.
    hits
        The terms that :meth:`Vocabulary.find` found in it, with positions in ``text``.
    vocabulary
        What the hits refer to.
    is_form
        Whether the service is known from elsewhere, so that symptoms matter although no service is named.
    """
    named = longest(hit for hit in hits if vocabulary.terms[hit[0]].name is not None)[:_MOST_NAMES]
    if not named and not is_form:
        return NOTHING
    states = _states(text, hits, named, vocabulary)
    names = [hit for hit in named if _is_meant(text, hit, states, vocabulary)]
    services = _failing(text, names, states, vocabulary) if names else ()
    return Verdict(services, _symptoms(hits, names, states, vocabulary))


def _states(text: str, hits: Sequence[Hit], names: Sequence[Hit], vocabulary: Vocabulary) -> list[_Said]:
    """Return what the post says about states, false friends too.

    A false friend swallows every cue that it touches, unless a longer cue holds it whole ("not working again" holds
    "working again"). It is none where it takes a word from a name ("xbox game pass down").
    """
    terms = vocabulary.terms
    plain = {at for hit in names if _is_plain(hit, vocabulary) for at in range(hit[1], hit[2])}
    cues = [(hit, cue) for hit in hits if (cue := terms[hit[0]].phrase.cue) and not in_link(text, hit[1], hit[2])]
    real = _unnegated([(hit, cue) for hit, cue in cues if cue is not Cue.BLANK])
    reach: dict[int, int] = {}  # how far the cues over a character go
    for _, start, end in real:
        reach.update((at, max(end, reach.get(at, 0))) for at in range(start, end))
    blanks = [
        hit
        for hit, cue in cues
        if cue is Cue.BLANK and reach.get(hit[1], 0) < hit[2] and plain.isdisjoint(range(hit[1], hit[2]))
    ]
    blank = {at for _, start, end in blanks for at in range(start, end)}
    said = [_Said(Cue.BLANK, start, end) for _, start, end in blanks]
    for hit in longest(hit for hit in real if blank.isdisjoint(range(hit[1], hit[2]))):
        cue = terms[hit[0]].phrase.cue
        if not (cue is Cue.WEAK and any(within(hit, name) for name in names)):  # the "dead" of "red dead online"
            said.append(_Said(Cue.BLANK if _is_price(text, hit) else cue, hit[1], hit[2]))
    return sorted(said, key=lambda one: one.start)[:_MOST_STATES]


def _is_plain(hit: Hit, vocabulary: Vocabulary) -> bool:
    """Say whether a hit is a name that means nothing else."""
    name = vocabulary.terms[hit[0]].name
    return name is not None and not name.is_ambiguous


def _unnegated(cues: Sequence[tuple[Hit, Cue]]) -> list[Hit]:
    """Drop recoveries that begin inside a cue: the "working for me" of "isn't working for me"."""
    inside = {at for hit, cue in cues if cue is not Cue.OVER for at in range(hit[1] + 1, hit[2])}
    return [hit for hit, cue in cues if cue is not Cue.OVER or hit[1] not in inside]


def _is_price(text: str, hit: Hit) -> bool:
    """Say whether a cue tells of a price: "down 3 %"."""
    return text.endswith("down", 0, hit[2]) and _MOVE.match(text, hit[2]) is not None


def _is_meant(text: str, hit: Hit, states: Sequence[_Said], vocabulary: Vocabulary) -> bool:
    """Say whether a name stands for its service: not in a link, nor, if ambiguous, in a longer phrase ("no signal")."""
    name = vocabulary.terms[hit[0]].name
    if name is None or in_link(text, hit[1], hit[2]):
        return False
    return not name.is_ambiguous or not any(within(hit, (0, said.start, said.end)) for said in states)


def _failing(text: str, names: Sequence[Hit], states: Sequence[_Said], vocabulary: Vocabulary) -> tuple[str, ...]:
    """Return the services that a cue in reach says to fail."""
    over = _recoveries(names, states, vocabulary)
    found: dict[str, Name] = {}
    for hit in names:
        name = vocabulary.terms[hit[0]].name
        if (
            name is not None
            and name.service not in found
            and _fails(text, hit, over[name.service], (states, vocabulary))
        ):
            found[name.service] = name
    named = {
        name.vendor for hit in names if (name := vocabulary.terms[hit[0]].name) is not None and not name.is_general
    }
    return tuple(service for service, name in found.items() if not (name.is_general and name.vendor in named))


def _fails(text: str, hit: Hit, back_at: int, context: tuple[Sequence[_Said], Vocabulary]) -> bool:
    """Say whether the service is said to fail here, and not to work again later on."""
    states, vocabulary = context
    name = vocabulary.terms[hit[0]].name
    if name is None:
        return False
    if vocabulary.is_joined(hit) and hit[1] > back_at:
        return True
    return any(said.start > back_at and _reaches(text, hit, name, said) for said in _clear(hit, states))


def _recoveries(names: Sequence[Hit], states: Sequence[_Said], vocabulary: Vocabulary) -> dict[str, int]:
    """Return for each service where the post last says that it works again."""
    over: dict[str, int] = defaultdict(lambda: -1)
    for said in states:
        if said.cue is Cue.OVER:
            nearest = min(names, key=lambda hit: (_gap(hit, said), hit[1]))
            name = vocabulary.terms[nearest[0]].name
            if name is not None:
                over[name.service] = max(over[name.service], said.start)
    return over


def _clear(hit: Hit, states: Sequence[_Said]) -> list[_Said]:
    """Return the cues that no recovery parts from the name."""
    _, start, end = hit
    before = max((said.end for said in states if said.cue is Cue.OVER and said.end <= start), default=0)
    after = min((said.start for said in states if said.cue is Cue.OVER and said.start >= end), default=None)
    return [
        said
        for said in states
        if said.cue in (Cue.WEAK, Cue.STRONG) and said.start >= before and (after is None or said.end <= after)
    ]


def _gap(hit: Hit, said: _Said) -> int:
    """Return the characters between a name and what is said; 0 where they overlap."""
    return max(said.start - hit[2], hit[1] - said.end, 0)


def _reaches(text: str, hit: Hit, name: Name, said: _Said) -> bool:
    """Say whether a cue stands near enough to a name."""
    if said.cue is Cue.STRONG and not name.is_ambiguous and len(text) <= SHORT:
        return True
    reach = REACH[said.cue, name.is_ambiguous]
    gap = _gap(hit, said)
    if gap > _WIDEST_WORD * (reach + 1):
        return False
    first = min(hit[2], said.end)
    return text.count(" ", first, first + gap) <= reach + 1


def _symptoms(
    hits: Sequence[Hit], names: Sequence[Hit], states: Sequence[_Said], vocabulary: Vocabulary
) -> tuple[str, ...]:
    """Return the symptoms that are named, but for what is part of a name or of a false friend."""
    covered = [(start, end) for _, start, end in names]
    covered += [(said.start, said.end) for said in states if said.cue is Cue.BLANK]
    found: dict[str, None] = {}
    for index, start, end in sorted(hits, key=lambda hit: hit[1:]):
        symptoms = vocabulary.terms[index].phrase.symptoms
        if symptoms and not any(first <= start and end <= last for first, last in covered):
            found.update(dict.fromkeys(symptoms))
    return tuple(found)
