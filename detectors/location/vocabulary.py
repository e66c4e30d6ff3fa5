"""Words around names of places, and what they make of the name."""

from __future__ import annotations

import tomllib
from functools import cache
from typing import NamedTuple

from detectors.location.fold import fold_word
from detectors.reference import resource

LIST_BREAKS = frozenset("/|&+;~-\u2022\u00b7\u30fb\u2219\u25cf\u2192\u2190\u2194\u2708\u21c4\u2013\u2014\u2015")
"""Between two names these say that both are meant, where a comma says that one lies in the other."""


class Vocabulary(NamedTuple):
    """The lists of ``words.toml``, where each is described; words are folded."""

    fillers: frozenset[str]
    triggers: frozenset[str]
    text_triggers: frozenset[str]
    foreign_triggers: frozenset[str]
    articles: frozenset[str]
    not_places: frozenset[str]
    namesakes: frozenset[str]
    nowhere: frozenset[str]
    word_codes: frozenset[str]
    shouted: frozenset[str]
    ands: frozenset[str]


@cache
def vocabulary() -> Vocabulary:
    """Return the packaged lists."""
    lists = tomllib.loads(resource("reference", "gazetteer", "words.toml").read_text(encoding="utf-8"))
    return Vocabulary(**{name: frozenset(map(fold_word, words.split())) for name, words in lists.items()})
