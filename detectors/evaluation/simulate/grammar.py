"""The grammar that simulated posts are written with.

A text of sections. ``# symptom NAME``: sentences that say first-hand that this is broken. ``# label NAME``: whole
posts of that kind. ``# openers``, ``# tails``, ``# closers``: what may stand before a report, what may follow, and
a question at its end. ``# slot LETTER``: what that slot may stand for. One line is one phrase; ``-`` is nothing.

In a phrase ``[a|b]`` is a choice; ``{n}`` is the service's name, ``{o}`` another service, ``{d}`` a device, ``{t}`` a
time, ``{c}`` the author's city, ``{k}`` a number, ``{u}`` a link, ``{w}`` somebody.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cache

from detectors.evaluation.simulate import phrases_en, phrases_more, phrases_world

Lines = tuple[str, ...]

_TEXTS = {
    "en": phrases_en.ENGLISH,
    "es": phrases_world.SPANISH,
    "fr": phrases_world.FRENCH,
    "de": phrases_world.GERMAN,
    "pt": phrases_world.PORTUGUESE,
    "it": phrases_world.ITALIAN,
    "nl": phrases_more.DUTCH,
    "tr": phrases_more.TURKISH,
    "ja": phrases_more.JAPANESE,
    "hi": phrases_more.HINDI,
    "id": phrases_more.INDONESIAN,
}
LANGUAGES = tuple(_TEXTS)
"""Every language of the simulator; what one lacks is said in English, as many people do."""


@dataclass(frozen=True)
class Phrases:
    """What one language offers, by ``kind name``: ``symptom slow``, ``label joke``, ``openers``, ``slot t``."""

    sections: dict[str, Lines]

    def __contains__(self, section: str) -> bool:
        return section in self.sections

    def __getitem__(self, section: str) -> Lines:
        return self.sections[section]

    @property
    def slots(self) -> dict[str, Lines]:
        """What each slot may stand for, by its letter."""
        return {name[-1]: lines for name, lines in self.sections.items() if name.startswith("slot ")}


def read_grammar(text: str) -> Phrases:
    r"""Read the sections of a grammar.

    Examples
    --------
    >>> read_grammar("# symptom slow\n{n} is [so |]slow").sections
    {'symptom slow': ('{n} is [so |]slow',)}
    """
    sections: defaultdict[str, list[str]] = defaultdict(list)
    name = ""
    for line in text.strip().splitlines():
        if line.startswith("# "):
            name = line[2:]
        else:
            sections[name].append("" if line == "-" else line)
    return Phrases({section: tuple(lines) for section, lines in sections.items()})


@cache
def phrases_in(language: str) -> Phrases:
    """Return what one of :data:`LANGUAGES` offers."""
    return read_grammar(_TEXTS[language])
