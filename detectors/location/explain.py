"""Say why a string was located where it was."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from detectors.location.api import Kind, find
from detectors.location.gazetteer import gazetteer
from detectors.text import printable

if TYPE_CHECKING:
    from detectors.location.answers import Located
    from detectors.location.gazetteer import Gazetteer
    from detectors.location.resolve import Reading

_MOST = 5

_BECAUSE = {
    "qualified": "another name, or a flag, agrees with it",
    "country": "a country's name alone",
    "subdivision": "a subdivision's name alone",
    "city": "a city's name alone; its people decide between namesakes",
    "code": "a code alone",
    "nowhere": "a word that people write for fun",
}


class Name(NamedTuple):
    """A name that was found and what it was taken for.

    Attributes
    ----------
    name
        As compared: folded.
    candidates
        Region code, name and probability of the likeliest readings, given that a place is meant.
    evidence
        What speaks for it.
    confidence
        Probability that a place is meant.
    """

    name: str
    candidates: tuple[tuple[str, str, float], ...]
    evidence: str
    confidence: float


class Account(NamedTuple):
    """Why a string was located where it was; ``str()`` gives it in sentences.

    Attributes
    ----------
    located
        The answer.
    names
        What was answered from.
    unused
        Names that only qualify others or were held to mean no place.
    unknown
        Words that are no names.
    flags, zip3
        Regions whose flags were seen; the ZIP code's first three digits.
    """

    located: list[Located]
    names: tuple[Name, ...]
    unused: tuple[str, ...]
    unknown: tuple[str, ...]
    flags: tuple[str, ...]
    zip3: str | None

    def __str__(self) -> str:
        lines = [f"{one.region}: weight {one.weight:.2f}, confidence {one.confidence:.2f}" for one in self.located]
        lines = lines or ["nowhere: nothing in it says where"]
        for name in self.names:
            read = ", ".join(f"{shown} ({code}) {share:.2f}" for code, shown, share in name.candidates)
            lines.append(f'"{printable(name.name)}" is {read}: {name.evidence} ({name.confidence:.2f})')
        for title, words in (("qualifies or unused", self.unused), ("unknown", self.unknown), ("flags", self.flags)):
            if words:
                lines.append(f"{title}: {', '.join(printable(word) for word in words)}")
        if self.zip3:
            lines.append(f"ZIP code {self.zip3}xx")
        return "\n".join(lines)


def explain(text: str, kind: Kind = "profile") -> Account:
    """Say why :func:`detectors.location.locate` answers as it does.

    Raises
    ------
    InputError
        There is no such kind.

    Examples
    --------
    >>> print(explain("Paris, TX").names[0].evidence)
    another name, or a flag, agrees with it
    """
    book = gazetteer()
    finding = find(text, kind)
    used = {reading.span.start for reading in finding.readings if reading.span.name != "flag"}
    words = zip(finding.scan.words, finding.scan.known, strict=True)
    return Account(
        located=finding.located,
        names=tuple(_name(book, reading) for reading in finding.readings),
        unused=tuple(span.name for span in finding.scan.spans if span.start not in used),
        unknown=tuple(word for word, known in words if not known),
        flags=tuple(finding.flags),
        zip3=finding.zip3,
    )


def _name(book: Gazetteer, reading: Reading) -> Name:
    candidates = tuple((book.code(one.place), _shown(book, one.place), one.weight) for one in reading.shares[:_MOST])
    evidence = _BECAUSE.get(reading.because, reading.because)
    return Name(reading.span.name or reading.because, candidates, evidence, reading.confidence)


def _shown(book: Gazetteer, place: int) -> str:
    packed = book.packed
    if place < book.first_subdivision:
        return packed.country_shown[place]
    if place < book.first_city:
        return packed.subdivision_shown[place - book.first_subdivision]
    return packed.city_shown.split("\n")[place - book.first_city]
