"""From a source into the store: posts as reports and counts, batch by batch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from msgspec.structs import replace

from detectors.errors import StoreError
from detectors.location import locate_post
from detectors.reference import catalogue
from flows.net import workers
from flows.sources.base import CountSource

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from detectors.matching import Reader
    from detectors.model import Batch, Post, Report, Service
    from flows.settings import Settings
    from flows.sources.base import Query, Source
    from flows.steps.health import FeedBook
    from flows.store import Store

MOST_MESSAGES = 100
"""Messages about skipped records that are kept word for word; the rest are only counted."""


@dataclass
class Ingested:
    """What one ingest did.

    Attributes
    ----------
    gaps
        Holes in what could be shown.
    waiting
        Queries that were left out, because the platform does not want to be asked yet or there was no time.
    repeated, skipped
        The first messages, ``file:line: what is the matter``.
    """

    posts: int = 0
    reports: int = 0
    duplicates: int = 0
    repeated: list[str] = field(default_factory=list)
    gaps: int = 0
    waiting: int = 0
    n_skipped: int = 0
    skipped: list[str] = field(default_factory=list)

    def repeat(self, batch: Batch, kept: Sequence[tuple[Post, Report]], n_known: int) -> None:
        """Count reports that the store had already, and say where they stand: each one, or at least the batch."""
        self.duplicates += n_known
        if not n_known or not batch.file or len(self.repeated) >= MOST_MESSAGES:
            return
        seen: set[tuple[str, str, str]] = set()
        again = []
        for post, report in kept:
            identity = post.platform, post.id, report.service
            if identity in seen:
                again.append(_place(batch, post))
            seen.add(identity)
        if len(again) == n_known:
            self.repeated += [f"{place}: the same post as before" for place in again][
                : MOST_MESSAGES - len(self.repeated)
            ]
        else:
            lines = f"{batch.lines[0]}-{batch.lines[-1]}"
            self.repeated.append(f"{batch.file}:{lines}: {n_known:,} posts that the store has already")

    def skip(self, messages: Iterable[str]) -> None:
        """Count records that could not be used, and keep the first messages."""
        for message in messages:
            self.n_skipped += 1
            if len(self.skipped) < MOST_MESSAGES:
                self.skipped.append(message)

    def add(self, other: Ingested) -> None:
        """Add what another ingest did."""
        for name in ("posts", "reports", "duplicates", "gaps", "waiting", "n_skipped"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.repeated += other.repeated[: MOST_MESSAGES - len(self.repeated)]
        self.skipped += other.skipped[: MOST_MESSAGES - len(self.skipped)]

    def record(self) -> dict[str, int]:
        """Return the numbers, for JSON."""
        return {"posts": self.posts, "reports": self.reports, "duplicates": self.duplicates, "skipped": self.n_skipped}


@dataclass(frozen=True)
class Watched:
    """What is watched: which services (None = the whole catalogue), in bins of which width."""

    services: Collection[str] | None = None
    bin_width_s: int = 60

    @classmethod
    def configured(cls, settings: Settings) -> Watched:
        """Return what a configuration says; raises InputError where it names a service that there is not."""
        known = catalogue()
        names = frozenset(known.get_or_suggest(name).id for name in settings.watch.services)
        return cls(names or None, settings.watch.bin_width_s)

    def catalogued(self) -> list[Service] | None:
        """Return the services as the catalogue has them; None = all of it."""
        return None if self.services is None else [catalogue()[name] for name in sorted(self.services)]


@dataclass(frozen=True)
class Into:
    """Where posts go: which store, read by whom, of which services; and who writes down how it went, if anybody."""

    store: Store
    reader: Reader
    watched: Watched
    book: FeedBook | None = None

    def ask(self, source: Source | CountSource, done: Ingested, take: Callable[[Query], None]) -> None:
        """Ask query by query; one that fails does not stop the others, and the first failure is raised at the end."""
        failures: list[Exception] = []
        queries = source.queries(self.watched.catalogued())
        for query in self.book.in_turn(source, queries) if self.book else queries:
            if self.book and not self.book.may_ask(source, query):
                done.waiting += 1
                continue
            error: Exception | None = None
            try:
                take(query)
            except StoreError:
                raise
            except Exception as caught:  # noqa: BLE001 - whatever a platform's client raises, the others go on
                error = caught
                failures.append(caught)
            if self.book:
                self.book.note(source, query, error)
        if failures:
            raise failures[0]


def ingest(store: Store, source: Source, reader: Reader, watched: Watched) -> Ingested:
    """Read on from where the store's cursors stand, query by query, and commit batch by batch.

    Each batch is one transaction together with its cursor, so being killed loses nothing and counts nothing twice.
    A query that fails does not stop the others: what is wrong with the first that failed is raised at the end.

    Raises
    ------
    RetryableError, PermanentError, InputError
        Of the source; whatever was committed stays.
    """
    done = Ingested()
    _take_posts(Into(store, reader, watched), source, done)
    return done


def ingest_uncounted(store: Store, source: Source, reader: Reader, watched: Watched) -> Ingested:
    """Read posts as :func:`ingest` does, for what they say only: they are counted elsewhere, or were looked for."""
    done = Ingested()
    _take_posts(Into(store, reader, watched), source, done, is_counted=False)
    return done


def _take_posts(into: Into, source: Source, done: Ingested, *, is_counted: bool = True) -> None:
    store, watched = into.store, into.watched

    def take(query: Query) -> None:
        for batch in source.fetch(query.text, store.cursor(source.name, query.text)):
            reading = into.reader.read(batch.posts)
            kept = _located(pair for pair in reading.reports if _is_asked_for(query, pair[1]))
            committed = store.commit(
                source.name,
                query.text,
                batch,
                kept,
                bin_width_s=watched.bin_width_s,
                scope=query.services,
                is_counted=is_counted,
            )
            done.posts += len(batch.posts)
            done.reports += committed.new_reports
            done.gaps += batch.gap is not None
            done.repeat(batch, kept, committed.duplicates)
            done.skip(batch.skipped)
            done.skip(f"{_place(batch, post)}: unknown service {name!r}" for post, name in reading.unknown)

    into.ask(source, done, take)


def _is_asked_for(query: Query, report: Report) -> bool:
    return query.services is None or report.service in query.services


def _located(pairs: Iterable[tuple[Post, Report]]) -> list[tuple[Post, Report]]:
    """Say of each report where it is from, as far as its post says so; a report that came with regions keeps them."""
    return [
        (post, report if report.regions else replace(report, regions=tuple(one[:2] for one in locate_post(post))))
        for post, report in pairs
    ]


def _take_counts(into: Into, source: CountSource, done: Ingested) -> None:
    store = into.store

    def take(query: Query) -> None:
        for counted in source.fetch_counts(query, store.cursor(source.name, query.text)):
            store.commit_counts(counted.counts, query=query.text, cursor=counted.cursor, gap=counted.gap)
            done.posts += int(np.nansum(counted.counts.raw))
            done.gaps += counted.gap is not None

    into.ask(source, done, take)


def ingest_all(into: Into, sources: Sequence[Source | CountSource]) -> tuple[dict[str, Ingested], dict[str, Exception]]:
    """Ingest from every source at the same time; one that fails does not stop the others.

    Returns
    -------
    dict, dict
        By label: what came in, and why something did not. A source of which one query failed is in both: what its
        other queries brought stays.

    Raises
    ------
    StoreError
        Nothing can be kept.
    """
    came: dict[str, Ingested] = {source.label: Ingested() for source in sources}
    failed: dict[str, Exception] = {}

    def take(source: Source | CountSource) -> None:
        try:
            if isinstance(source, CountSource):
                _take_counts(into, source, came[source.label])
            else:
                _take_posts(into, source, came[source.label])
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001 - as in Into.ask; also where a source cannot say what to ask
            failed[source.label] = error

    with workers(len(sources)) as pool:
        for waiting in [pool.submit(take, source) for source in sources]:
            waiting.result()
    whole = {label: one for label, one in came.items() if label not in failed or one.posts}
    return whole, {source.label: failed[source.label] for source in sources if source.label in failed}


def _place(batch: Batch, post: Post) -> str:
    """Say where a post stands: file and line where it came from a file."""
    if not batch.file:
        return f"a post of {post.platform}"
    return f"{batch.file}:{next(line for line, one in zip(batch.lines, batch.posts, strict=True) if one is post)}"
