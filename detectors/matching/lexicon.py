"""What people say when something fails: cue phrases, false friends and symptoms, read from packaged data.

The data (``data/reference/lexicon.toml``) says what its fields mean. Everything in it is a literal.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from itertools import product
from typing import TYPE_CHECKING

import msgspec

from detectors.errors import CatalogueError
from detectors.reference import find_lines, parse_tables, resource
from detectors.text import normalise

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

TABLE = "phrases"
_FILE = ("reference", "lexicon.toml")


class Cue(IntEnum):
    """What a phrase says about the state of a service; of two phrases of one length the higher wins."""

    NONE = 0
    WEAK = 1
    STRONG = 2
    OVER = 3
    BLANK = 4


@dataclass(frozen=True)
class Phrase:
    """What one phrase of the lexicon says."""

    cue: Cue = Cue.NONE
    symptoms: tuple[str, ...] = ()


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One table of the file."""

    lang: str
    cue: str | None = None
    symptom: str | None = None
    texts: tuple[str, ...] = ()
    combine: tuple[tuple[str, ...], ...] = ()

    def phrases(self) -> Iterator[str]:
        """Yield every phrase that the table stands for, normalised, with and without accents."""
        written = [*self.texts, *(" ".join(parts) for parts in product(*self.combine) if parts)]
        for phrase in map(normalise, written):
            yield phrase
            if phrase != (bare := without_accents(phrase)):
                yield bare


@cache
def lexicon() -> Mapping[str, Phrase]:
    """Return the packaged lexicon: normalised phrase -> what it says."""
    return parse_lexicon(resource(*_FILE).read_text(encoding="utf-8"), place="data/" + "/".join(_FILE))


def parse_lexicon(text: str, *, place: str) -> dict[str, Phrase]:
    """Read a lexicon file.

    Raises
    ------
    CatalogueError
        With ``file:line`` in front: not as described, or one phrase with two meanings.
    """
    found: dict[str, Phrase] = {}
    lines = find_lines(text, TABLE)
    for number, raw in enumerate(parse_tables(text, TABLE, place=place)):
        where = f"{place}:{lines[number][''] if number < len(lines) else 1}"
        table, cue = _check(raw, where)
        for phrase in table.phrases():
            found[phrase] = _merge(
                found.get(phrase, Phrase()), Phrase(cue, _one(table.symptom)), f"{where}: {phrase!r}"
            )
    return found


def without_accents(text: str) -> str:
    """Return Latin text as people type it without accents; other scripts stay as they are.

    Examples
    --------
    >>> without_accents("está caído"), without_accents("が")
    ('esta caido', 'が')
    """
    if text.isascii():  # as most are; this is done for all of them whenever a process begins
        return text
    bare = "".join(char for char in unicodedata.normalize("NFD", text) if not unicodedata.combining(char))
    bare = bare.replace("\N{LATIN SMALL LETTER DOTLESS I}", "i")
    return bare if bare.isascii() else text


def _check(raw: object, where: str) -> tuple[_Table, Cue]:
    """Validate one table."""
    try:
        table = msgspec.convert(raw, _Table)
    except msgspec.ValidationError as error:
        raise CatalogueError(str(error), place=where) from None
    name = (table.cue or "none").upper()
    if name not in Cue.__members__:
        raise CatalogueError("cue must be strong, weak, over or blank", place=f"{where}:cue")
    if not (table.cue or table.symptom):
        raise CatalogueError("neither cue nor symptom: it says nothing", place=where)
    if not any(True for _ in table.phrases()) or not all(table.phrases()):
        raise CatalogueError("no phrase, or an empty one", place=f"{where}:texts")
    return table, Cue[name]


def _one(symptom: str | None) -> tuple[str, ...]:
    return (symptom,) if symptom else ()


def _merge(old: Phrase, new: Phrase, what: str) -> Phrase:
    """Join two tables' word on one phrase."""
    if Cue.NONE not in (old.cue, new.cue) and old.cue is not new.cue:
        raise CatalogueError(f"is {old.cue.name.lower()} and {new.cue.name.lower()}", place=what)
    return Phrase(max(old.cue, new.cue), tuple(dict.fromkeys(old.symptoms + new.symptoms)))
