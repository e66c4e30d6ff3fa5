"""Words for a simulated post: a line of the grammar, expanded and roughened by chance."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from detectors.evaluation.simulate.grammar import LANGUAGES, phrases_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy as np

    from detectors.evaluation.simulate.grammar import Lines, Phrases

    Piece = str | tuple["Line", ...]
    Line = tuple[Piece, ...]

STORY = "story"
"""The symptom of a long first-hand post that names none."""

CITY = "\x00"
"""Stands for the author's city in a compiled line."""

_TOKEN = re.compile(r"\{(\w)\}|\[([^\]]*)\]")
_NUMBERS = ("2", "3", "5", "7", "10", "12", "15", "20", "25", "30", "40", "45", "50")
_LINKS = tuple(
    f"https://news.example/{word}" for word in ("a1x7", "b2k9", "c3m4", "d4q8", "e5z2", "f6t6", "g7w3", "h8p5")
)
_OTHERS = ("Instagram", "WhatsApp", "Discord", "Snapchat", "Telegram", "Gmail", "Facebook", "TikTok", "Slack")
_EMOJI = ("😭", "😤", "🙃", "💀", "😩", "🤦", "😡", "🤔", "😂", "🥲")
_NOT_SAID = re.compile(r"down|outage|#|support|cares|^ask|^1\.")
_NO_SPACES = ("ja",)
_FIRST_HAND = ("first_hand", "asking")


class Wanted(NamedTuple):
    """What a text is to say: ``service`` is the index of its names, ``symptom`` only for first-hand reports."""

    service: int
    label: str
    symptom: str
    language: str
    city: str


class Writer:
    """Writes posts about the services whose names it is given.

    Parameters
    ----------
    names
        For each service what people call it, the commonest first.
    dice
        Endless random integers from 0 on.
    devices
        For each service what people use it on; empty = anything.
    """

    def __init__(
        self, names: tuple[Lines, ...], dice: Iterator[int], *, devices: tuple[Lines, ...] | None = None
    ) -> None:
        self._names, self._dice = names, dice
        self._devices = devices or ((),) * len(names)
        self._compiled: dict[tuple[int, str, str], Line] = {}

    def write(self, wanted: Wanted) -> tuple[str, str]:
        """Return a text and its language, which is English where the wanted one has no words for it."""
        language, section = _where(wanted)
        dice = self._dice
        parts = [self._line(wanted.service, language, section)]
        if wanted.label in _FIRST_HAND and wanted.symptom != STORY:
            roll = next(dice)
            if roll % 100 < 25:
                parts.insert(0, self._line(wanted.service, language, "openers"))
            if roll // 100 % 100 < 28:
                parts.append(self._line(wanted.service, language, "tails"))
            if wanted.label == "first_hand" and roll // 10_000 % 100 < 22:
                parts.append(self._line(wanted.service, language, "closers"))
        out: list[str] = []
        for part in parts:
            self._expand(part, out)
            out.append(" ")
        text = "".join(out).replace(CITY, wanted.city)
        text = " ".join(text.split()).replace(" ,", ",").replace(" ?", "?")
        if language in _NO_SPACES:
            text = text.replace("、 ", "、")
        return self._roughen(text, wanted), language

    def _expand(self, line: Line, out: list[str]) -> None:
        for piece in line:
            if isinstance(piece, str):
                out.append(piece)
            else:
                self._expand(piece[next(self._dice) % len(piece)], out)

    def _line(self, service: int, language: str, section: str) -> Line:
        """Return the choice among all lines of a section."""
        key = (service, language, section)
        line = self._compiled.get(key)
        if line is None:
            phrases = phrases_in(language)
            slots = _slots(phrases, self._names[service] if service >= 0 else ("",))
            if service >= 0 and self._devices[service]:
                slots["d"] = self._devices[service]
            line = self._compiled[key] = (tuple(compile_line(text, slots) for text in phrases[section]),)
        return line

    def _roughen(self, text: str, wanted: Wanted) -> str:
        """Write as people do: careless case, slips, hashtags, emoji."""
        roll = next(self._dice)
        style, roll = roll % 100, roll // 100
        if style < 42:
            text = text.lower()
        elif style < 45:
            text = text.upper()
        elif style < 52 and len(text) > 12:
            text = _slip(text, roll)
        roll, extra = roll // 100, roll % 100
        if extra < 9 and wanted.service >= 0 and wanted.label not in ("background", "news_or_brand"):
            tag = self._names[wanted.service][0].replace(" ", "")
            text += f" #{tag}" + ("down", "", "outage", "down", "")[roll % 5] * (wanted.label in _FIRST_HAND)
        elif extra < 19:
            text += " " + _EMOJI[roll % len(_EMOJI)] * (1 + roll // 10 % 3 // 2)
        elif extra < 27 and text[-1].isalnum():
            text += ("!", "!!", "...", ".", "!!!")[roll % 5]
        return text


def _where(wanted: Wanted) -> tuple[str, str]:
    """Return the language and the section of the lines that say what is wanted."""
    section = f"symptom {wanted.symptom}" if wanted.label == "first_hand" else f"label {wanted.label}"
    if wanted.symptom == STORY:
        section = "label story"
    has_words = wanted.language in LANGUAGES and section in phrases_in(wanted.language)
    return wanted.language if has_words else "en", section


def _slots(phrases: Phrases, names: tuple[str, ...]) -> dict[str, Lines]:
    """Return what may stand for each letter; the first name is used three times out of four."""
    slots = {**phrases_in("en").slots, **phrases.slots}
    slots["n"] = (names[0],) * max(1, 3 * len(names) - 3) + names[1:]
    slots["k"], slots["u"] = _NUMBERS, _LINKS
    slots["o"] = tuple(other for other in _OTHERS if other.casefold() not in {name.casefold() for name in names})
    return slots


def compile_line(text: str, slots: Mapping[str, Lines]) -> Line:
    """Turn a line of the grammar into literals and choices.

    Examples
    --------
    >>> compile_line("[oh|ah], {n}", {"n": ("X",)})
    ((('oh',), ('ah',)), ', ', (('X',),))
    """
    line: list[Piece] = []
    at = 0
    for match in _TOKEN.finditer(text):
        if match.start() > at:
            line.append(text[at : match.start()])
        letter, choice = match.groups()
        if letter == "c":
            line.append(CITY)
        elif letter == "n":
            line.append(tuple((name,) for name in slots["n"]))
        else:
            options = slots[letter] if letter else tuple(choice.split("|"))
            line.append(tuple(compile_line(option, slots) for option in options))
        at = match.end()
    if at < len(text):
        line.append(text[at:])
    return tuple(line)


def _slip(text: str, roll: int) -> str:
    """Swap, drop or double a letter."""
    at = 1 + roll % (len(text) - 3)
    kind = roll // len(text) % 3
    if kind == 0:
        return text[:at] + text[at + 1] + text[at] + text[at + 2 :]
    if kind == 1:
        return text[:at] + text[at + 1 :]
    return text[:at] + text[at] + text[at:]


def dice(rng: np.random.Generator) -> Iterator[int]:
    """Yield random integers for ever: 0 to 2**40."""
    while True:
        yield from rng.integers(0, 1 << 40, 16_384).tolist()


@cache
def names_of(service_id: str) -> tuple[str, ...]:
    """Return what people call a service, from the catalogue: its name first; its id if the catalogue lacks it."""
    from detectors.reference import catalogue

    service = catalogue().get(service_id)
    if service is None:
        return (service_id.replace("-", " "),)
    usual = (name for name in service.aliases if name.isascii() and not _NOT_SAID.search(name.casefold()))
    seen = {service.name.casefold(): service.name}
    for name in usual:
        seen.setdefault(name.casefold(), name)
    return tuple(seen.values())[:6]
