"""Reading posts in batches: the door of this package.

A batch is normalised, joined and searched as a whole. The first search looks for cues only, and drops most posts; the
second looks in the rest for everything; then every post is judged by itself, so a batch gives what its posts give one
by one.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from typing import TYPE_CHECKING

from detectors.errors import InputError
from detectors.matching.joined import join_normalised
from detectors.matching.judge import NOTHING, Verdict, judge
from detectors.matching.lexicon import lexicon
from detectors.matching.symptoms import meant
from detectors.matching.vocabulary import Vocabulary
from detectors.model import Post, Report, utc
from detectors.reference import Catalogue, catalogue
from detectors.text import normalise, printable

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import datetime, tzinfo

    from detectors.matching.vocabulary import Hit

_LONGEST_SYMPTOM = 40
_MOST_SYMPTOMS = 8
_REPOST = ("RT @", "RT:")
_PLUSES = str.maketrans(",;/&|", "+++++")


@dataclass(frozen=True)
class Reading:
    """What a batch of posts says.

    Attributes
    ----------
    reports
        ``(post, report)`` in the order of the posts; a post that names several services gives several.
    unknown
        ``(post, name)`` of posts whose ``extra.service`` is no service of the catalogue. They give no report, and the
        caller is to say so.
    """

    reports: list[tuple[Post, Report]]
    unknown: list[tuple[Post, str]]


class Reader:
    """Turns posts into reports.

    Parameters
    ----------
    services
        Which services to report: ids or other names, or a catalogue of one's own; None = the packaged catalogue.

    Raises
    ------
    InputError
        A service that the catalogue does not know.
    """

    def __init__(self, services: Catalogue | Iterable[str] | None = None) -> None:
        self._catalogue = services if isinstance(services, Catalogue) else catalogue()
        self._wanted: frozenset[str] | None = None
        if services is not None and not isinstance(services, Catalogue):
            names = (services,) if isinstance(services, str) else services
            self._wanted = frozenset(self._catalogue.get_or_suggest(name).id for name in names)
        self._vocabulary = _compiled() if self._catalogue is catalogue() else _compile(self._catalogue)

    def read(self, posts: Sequence[Post]) -> Reading:
        """Read a batch; some thousands at a time are quickest.

        A post whose ``extra.service`` is known is a report of that service and no other; its symptoms are those of the
        form (``extra.symptom``, see :func:`slugs`), then those that its text names. Any other post is a report of each
        service that its text says to fail.
        """
        formed = {number for number, post in enumerate(posts) if post.extra is not None and post.extra.service}
        found: dict[int, str] = {}
        for part in join_normalised([post.text for post in posts]):
            found |= part.pick(self._vocabulary.find_cues(part.text), formed)
        candidates = _naming(found, formed, self._vocabulary)
        verdicts = _judge([(found[number], number in formed) for number in candidates], self._vocabulary)
        reading = Reading([], [])
        for number, verdict in zip(candidates, verdicts, strict=True):
            self._read_one(posts[number], verdict, reading)
        return reading

    def _read_one(self, post: Post, verdict: Verdict, reading: Reading) -> None:
        """Add what one post gives."""
        named = normalise(post.extra.service) if post.extra is not None and post.extra.service else ""
        if not named or post.extra is None:
            self._add(reading, post, verdict.services, verdict.symptoms)
        elif (service := self._catalogue.resolve(named)) is None:
            reading.unknown.append((post, printable(post.extra.service or "", limit=60)))
        else:
            self._add(reading, post, (service.id,), verdict.symptoms)

    def _add(self, reading: Reading, post: Post, services: Iterable[str], named: tuple[str, ...]) -> None:
        """Add the reports of one post; ``named`` are the symptoms that its text names."""
        ticked = slugs(post.extra.symptom or "") if post.extra is not None and post.extra.service else ()
        is_repost = post.is_repost or post.text.startswith(_REPOST)
        for service in services:
            if self._wanted is None or service in self._wanted:
                symptoms = tuple(dict.fromkeys((*ticked, *meant(named, self._catalogue[service].family))))
                reading.reports.append((post, Report(service, is_repost=is_repost, symptoms=symptoms)))


def read_post(
    text: str,
    services: Catalogue | Iterable[str] | None = None,
    *,
    posted_at: datetime | None = None,
    zone: tzinfo | None = None,
) -> list[Report]:
    """Read one text, as an analyst would try it; :class:`Reader` is for many.

    Parameters
    ----------
    text
        A post.
    services
        Which services to look for; None = the whole catalogue.
    posted_at, zone
        When and in which time zone it was posted. Not used until stated onsets ("since 5pm") are read.

    Returns
    -------
    One report a service, in the order in which they are named; empty if the text does not say that one fails.

    Examples
    --------
    >>> [report.service for report in read_post("is iMessage down? can't send anything")]
    ['imessage']
    >>> read_post("anyone down to chat on iMessage?")
    []
    """
    del posted_at, zone
    if not isinstance(text, str):
        raise InputError(f"a post is text, not {type(text).__name__}")
    reader = _reader() if services is None else Reader(services)
    return [report for _, report in reader.read([Post(id="-", platform="-", created_at=utc(0), text=text)]).reports]


def slugs(symptom: str) -> tuple[str, ...]:
    """Return the symptoms that were ticked in a form: lower case, hyphens for all that is neither letter nor digit.

    Examples
    --------
    >>> slugs("Internet+TV"), slugs("Total Blackout")
    (('internet', 'tv'), ('total-blackout',))
    """
    parts = normalise(symptom, limit=_LONGEST_SYMPTOM * _MOST_SYMPTOMS).translate(_PLUSES).split("+")
    words = ("".join(char if char.isalnum() else " " for char in part).split() for part in parts)
    found = dict.fromkeys("-".join(word)[:_LONGEST_SYMPTOM].strip("-") for word in words)
    return tuple(slug for slug in found if slug)[:_MOST_SYMPTOMS]


def _naming(texts: dict[int, str], formed: Collection[int], vocabulary: Vocabulary) -> list[int]:
    """Return the numbers of the texts that may name a service or come from a form, in order."""
    numbers = sorted(texts)
    ends = list(accumulate(len(texts[number]) + 1 for number in numbers))
    starts = vocabulary.find_names("\n".join(texts[number] for number in numbers))
    return sorted({numbers[bisect_right(ends, start)] for start in starts}.union(formed))


def _judge(candidates: Sequence[tuple[str, bool]], vocabulary: Vocabulary) -> list[Verdict]:
    """Judge texts, each with whether it comes from a form."""
    texts = [text for text, _ in candidates]
    ends = list(accumulate(len(text) + 1 for text in texts))  # where the next one begins
    hits: list[list[Hit]] = [[] for _ in texts]
    matters = [is_form for _, is_form in candidates]
    for index, start, end in vocabulary.find("\n".join(texts)):
        owner = bisect_right(ends, start)
        offset = ends[owner - 1] if owner else 0
        hits[owner].append((index, start - offset, end - offset))
        matters[owner] = matters[owner] or vocabulary.terms[index].name is not None
    return [
        judge(texts[number], hits[number], vocabulary) if matters[number] else NOTHING for number in range(len(texts))
    ]


@cache
def _compiled() -> Vocabulary:
    return _compile(catalogue())


def _compile(services: Catalogue) -> Vocabulary:
    return Vocabulary(services.values(), lexicon())


@cache
def _reader() -> Reader:
    return Reader()
