"""Reading what others wrote: field by field, bounded, storable; what cannot be read is noted, never fatal."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NoReturn

from detectors.errors import RetryableError
from flows.net import decode_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from detectors.model import StatusImpact, StatusState

MAX_BODY, MAX_TITLE, MAX_NAMES, MAX_KEY, MAX_WORD = 20_000, 1_000, 2_000, 200, 200
"""Longest wording, title, list of components, name and word that is kept, in characters."""

MAX_NOTES = 50
_EARLIEST, _LATEST = datetime(1995, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)

STATES: dict[str, StatusState] = {
    "scheduled": "scheduled",
    "upcoming": "scheduled",
    "planned": "scheduled",
    "active": "open",
    "ongoing": "open",
    "update": "open",
    "in progress": "open",
    "investigating": "investigating",
    "identified": "identified",
    "monitoring": "monitoring",
    "verifying": "monitoring",
    "resolved": "resolved",
    "completed": "resolved",
    "closed": "resolved",
    "cancelled": "resolved",
    "canceled": "resolved",
    "available": "resolved",
    "postmortem": "postmortem",
}
"""What the words that pages use for a state mean."""

IMPACTS: dict[str, StatusImpact] = {
    "none": "none",
    "notice": "none",
    "operational": "none",
    "service information": "none",
    "available": "none",
    "minor": "minor",
    "issue": "minor",
    "incident": "minor",
    "performance": "minor",
    "degraded performance": "minor",
    "service disruption": "minor",
    "major": "major",
    "outage": "major",
    "partial outage": "major",
    "service outage": "major",
    "critical": "critical",
    "major outage": "critical",
    "maintenance": "maintenance",
    "under maintenance": "maintenance",
}
"""What the words that pages use for an impact mean."""

_GRAVITY: tuple[StatusImpact, ...] = ("unknown", "none", "maintenance", "minor", "major", "critical")
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")
_SCOPE = re.compile(
    r"%|\b(?:percent|users?|customers?|subscribers?|members?|accounts?|tenants?|organi[sz]ations?|people|everyone)\b",
    re.IGNORECASE,
)


def clean(value: str, limit: int) -> str:
    r"""Return the text as it was written, but bounded and storable: NUL and lone surrogates become U+FFFD.

    >>> ascii(clean("a\x00b", 10))
    "'a\\ufffdb'"
    >>> clean("a long story", 6)
    'a long'
    """
    cut = value[:limit].replace("\x00", "\ufffd")
    return cut.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def word_of(raw: str) -> str:
    """Return a state or an impact as it is looked up.

    >>> word_of("In_Progress ")
    'in progress'
    """
    return " ".join(raw.replace("_", " ").replace("-", " ").lower().split())


def state_of(raw: str) -> StatusState:
    """Return what a word for a state means; ``unknown`` where it is none that we know."""
    return STATES.get(word_of(raw), "unknown")


def impact_of(*raw: str) -> StatusImpact:
    """Return what words for an impact mean, the gravest of them."""
    return max((IMPACTS.get(word_of(one), "unknown") for one in raw), key=_GRAVITY.index, default="unknown")


def scope_of(body: str) -> str:
    """Return the sentences that say who is affected.

    >>> scope_of("We found the cause. 30 percent of users were affected. Sorry.")
    '30 percent of users were affected.'
    """
    return " ".join(one.strip() for one in _SENTENCE.split(body) if _SCOPE.search(one))[:MAX_NAMES]


def joined(names: list[str]) -> str:
    """Return names as one text, each once, in their order."""
    return "; ".join(dict.fromkeys(name for name in names if name))[:MAX_NAMES]


def plausible(at: datetime) -> datetime | None:
    """Return the instant in UTC; None where no status page can mean it."""
    try:
        at = at.astimezone(UTC)
    except (OverflowError, ValueError):
        return None
    return at if _EARLIEST <= at < _LATEST else None


def decode(body: bytes, *, what: str) -> Any:  # noqa: ANN401 - whatever JSON holds
    r"""Decode JSON, also where it holds half a character (``\ud800``): one hostile word must not hide a page.

    Raises
    ------
    RetryableError
        It is none.
    """
    try:
        return decode_json(body, what=what)
    except RetryableError:
        if b"\\u" not in body:
            raise
        try:
            return json.loads(body, parse_constant=_refuse)
        except (ValueError, RecursionError):
            pass
        raise


def _refuse(_: str) -> NoReturn:
    raise ValueError


class Notes:
    """What could not be read on a page, in words that repeat nothing of it."""

    def __init__(self) -> None:
        self._all: list[str] = []
        self._n_more = 0

    def add(self, note: str) -> None:
        """Note something; beyond a number of notes they are only counted."""
        if len(self._all) < MAX_NOTES:
            self._all.append(note)
        else:
            self._n_more += 1

    def told(self) -> tuple[str, ...]:
        """Return the notes."""
        return (*self._all, f"and {self._n_more} more like these") if self._n_more else tuple(self._all)


class Fields:
    """One JSON object, read field by field: what is missing is empty, what is malformed is noted and empty.

    Parameters
    ----------
    raw
        What the page sent.
    where
        Its place on the page, for notes ("incident 3").
    """

    def __init__(self, raw: Mapping[str, Any], where: str, notes: Notes) -> None:
        self._raw = raw
        self.where = where
        self.notes = notes

    def has(self, name: str) -> bool:
        """Tell whether there is such a field, and not null."""
        return self._raw.get(name) is not None

    def text(self, name: str, limit: int = MAX_WORD) -> str:
        """Return a text, or a whole number as text."""
        found = self._raw.get(name)
        if isinstance(found, str):
            return clean(found, limit)
        if isinstance(found, int) and not isinstance(found, bool) and abs(found) < 10**40:
            return str(found)
        if found is not None:
            self.notes.add(f"{self.where}: {name!r} is not a text")
        return ""

    def at(self, name: str) -> datetime | None:
        """Return an instant (UTC) from ISO 8601 with an offset."""
        text = self.text(name)
        if not text:
            return None
        try:
            at = datetime.fromisoformat(text)
        except ValueError:
            at = None
        found = None if at is None or at.tzinfo is None else plausible(at)
        if found is None:
            self.notes.add(f"{self.where}: {name!r} is not a time with an offset")
        return found

    def epoch_ms(self, name: str) -> datetime | None:
        """Return an instant (UTC) from milliseconds since 1970."""
        found = self._raw.get(name)
        if found is None:
            return None
        try:
            at = plausible(datetime.fromtimestamp(float(found) / 1000, UTC))
        except (TypeError, ValueError, OverflowError, OSError):
            at = None
        if at is None:
            self.notes.add(f"{self.where}: {name!r} is not a time in milliseconds")
        return at

    def objects(self, name: str, what: str) -> Iterator[Fields]:
        """Yield the objects of a list."""
        found = self._raw.get(name)
        if found is not None:
            yield from objects(found, f"{self.where}, {what}", self.notes)

    def values(self, name: str) -> list[Any]:
        """Return a list."""
        found = self._raw.get(name)
        if found is not None and not isinstance(found, list):
            self.notes.add(f"{self.where}: {name!r} is not a list")
        return found if isinstance(found, list) else []

    def names(self, name: str, key: str) -> list[str]:
        """Return one field of each object of a list, those that have it."""
        return [text for one in self.objects(name, name) if (text := one.text(key, MAX_KEY))]


def objects(raw: Any, what: str, notes: Notes) -> Iterator[Fields]:  # noqa: ANN401 - whatever JSON holds
    """Yield the objects of a list that should hold only objects."""
    if not isinstance(raw, list):
        notes.add(f"{what}: not a list")
        return
    for number, one in enumerate(raw, 1):
        if isinstance(one, Mapping):
            yield Fields(one, f"{what} {number}", notes)
        else:
            notes.add(f"{what} {number}: not an object")
