"""How the sources are doing: what each query last said, and what an operator has to know.

A source that fails, falls silent or stays behind is a fault of collecting. It is told to the operator and never
taken for an outage, for health, or for the end of either.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from traceback import extract_tb
from typing import TYPE_CHECKING

from detectors.errors import InputError, RetryableError, SourceError
from flows.sources.archive import Archive
from flows.store.privacy import key_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from flows.net import Clock
    from flows.sources.base import CountSource, Query, Source
    from flows.steps.detecting import Detected
    from flows.store import Feed, Store

    AnySource = Source | CountSource

BEHIND = timedelta(minutes=10)
"""A source that reads well and is further behind than this cannot keep up."""

AT_LEAST = 3
"""So many services, and half of those judged, make a silence one of the whole source."""


NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass
class FeedBook:
    """Writes down how each query went, and keeps to when a platform wants to be asked again.

    Attributes
    ----------
    store
        Where it is written.
    clock
        When it was.
    stop_at
        When to begin with no further query (UTC); None = never.
    waiting
        Labels of sources of which a query was left out, with the instant (UTC) from which on it may be asked.
    current
        (source, query) of what there is to ask. What was asked for services that are no longer watched, or packed
        differently, is history: it would seem to stay behind more and more.
    """

    store: Store
    clock: Clock
    stop_at: datetime | None = None
    waiting: dict[str, datetime] = field(default_factory=dict)
    current: set[tuple[str, str]] = field(default_factory=set)

    def __post_init__(self) -> None:
        feeds = self.store.feeds()
        self._not_before = {(feed.source, feed.query): feed.not_before for feed in feeds}
        self._tried_at = {(feed.source, feed.query): feed.tried_at for feed in feeds}

    def in_turn(self, source: AnySource, queries: Iterable[Query]) -> list[Query]:
        """Return queries, those that were tried longest ago first: where time is short, each has its turn."""
        queries = list(queries)
        self.current.update(_key(source, query) for query in queries)
        return sorted(queries, key=lambda query: self._tried_at.get(_key(source, query), NEVER))

    def may_ask(self, source: AnySource, query: Query) -> bool:
        """Whether the platform is to be asked now: what is not asked is neither well nor ill."""
        not_before = self._not_before.get(_key(source, query))
        now = self.clock.now()
        if self.stop_at is not None and now >= self.stop_at:
            return False
        if not_before is None or not_before <= now:
            return True
        self.waiting[source.label] = max(not_before, self.waiting.get(source.label, not_before))
        return False

    def feeds(self) -> list[Feed]:
        """Return how the queries are doing that there are to ask."""
        return [feed for feed in self.store.feeds(self.clock.now()) if (feed.source, feed.query) in self.current]

    def note(self, source: AnySource, query: Query, error: Exception | None = None) -> None:
        """Write down how a query went."""
        told = None if error is None else plain(error)
        not_before = error.retry_at if isinstance(error, RetryableError) else None
        self.store.note_feed(
            source.name, query.text, label=source.label, at=self.clock.now(), error=told, not_before=not_before
        )


def _key(source: AnySource, query: Query) -> tuple[str, str]:
    """Return the name of a feed in the store, which keeps long ones cut."""
    return key_text(source.name), key_text(query.text)


def plain(error: Exception) -> str:
    """Say what went wrong. Of an error that is not ours only its kind and place: its message may hold anything."""
    if isinstance(error, (SourceError, InputError)):
        return str(error)
    frames = [frame for frame in extract_tb(error.__traceback__) if "flows" in frame.filename]
    where = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    return f"an unexpected {type(error).__name__}{where}; please report it"


def faults_now(
    feeds: Iterable[Feed], sources: Sequence[AnySource], detected: Detected, *, now: datetime
) -> dict[tuple[str, str, str], str]:
    """Return what is wrong with the sources at the moment.

    Parameters
    ----------
    feeds
        How the queries are doing.
    sources
        Those that are configured; what is known of others is history.
    detected
        What the last detection found silent.
    now
        The present (UTC).

    Returns
    -------
    dict
        (source, service or ``*``, kind) to message.
    """
    names = {source.name for source in sources}
    found: dict[tuple[str, str, str], str] = {}
    for feed in feeds:
        if feed.source not in names:
            continue
        if feed.failed_since is not None:
            found.setdefault((feed.source, "*", "failing"), f"{feed.label} fails: {feed.error}")
        elif feed.source != Archive.name and feed.newest_at is not None and now - feed.newest_at > BEHIND:
            late_min = (now - feed.newest_at) // timedelta(minutes=1)
            found[feed.source, "*", "lagging"] = f"{feed.label} is {late_min} min behind"
    return found | _silences(detected)


def _silences(detected: Detected) -> dict[tuple[str, str, str], str]:
    """Return which sources say that there is nothing where there should be much: a service's query, or all of them."""
    judged = Counter(key.source for key in detected.judged)
    silent = Counter(key.source for key in detected.silent)
    whole = {name for name, n in silent.items() if n >= AT_LEAST and 2 * n >= judged[name]}
    found = {(name, "*", "silent"): f"{name} brings hardly anything of what is usual" for name in whole}
    return found | {
        (key.source, key.service, "silent"): f"{key.source} brings hardly anything about {key.service}"
        for key in detected.silent
        if key.source not in whole
    }
