"""The whole pipeline as plain functions, adapters passed in: no Prefect, no clock, no settings.

``ingest`` brings posts from a source into the store as reports and counts; ``detect`` turns stored counts into
incidents. Both may be killed at any moment and called again: what they leave behind is the same.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
from msgspec.structs import replace

from detectors.errors import InputError, SourceError
from detectors.incidents.lifecycle import History, build_histories
from detectors.incidents.revision import reconcile
from detectors.spikes import score, score_from

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable
    from datetime import datetime

    from detectors.matching import Reader
    from detectors.model import Incident, SeriesKey
    from flows.sources.base import Source
    from flows.store import Store

MOST_MESSAGES = 100
"""Messages about skipped records that are kept word for word; the rest are only counted."""

CHECKPOINT_EVERY = timedelta(minutes=30)
"""How much scoring may have to be done again after a restart; a checkpoint costs a write of some kilobytes."""


@dataclass
class Ingested:
    """What one ingest did."""

    posts: int = 0
    reports: int = 0
    duplicates: int = 0
    n_skipped: int = 0
    skipped: list[str] = field(default_factory=list)

    def skip(self, messages: Iterable[str]) -> None:
        """Count records that could not be used, and keep the first messages."""
        for message in messages:
            self.n_skipped += 1
            if len(self.skipped) < MOST_MESSAGES:
                self.skipped.append(message)


@dataclass(frozen=True)
class Watched:
    """What is watched: which services, in bins of which width; ``services`` None = the whole catalogue."""

    services: Collection[str] | None = None
    bin_width_s: int = 60
    query: str = ""


def ingest(store: Store, source: Source, reader: Reader, watched: Watched) -> Ingested:
    """Read on from where the store's cursor stands, and commit batch by batch.

    Each batch is one transaction together with its cursor, so being killed loses nothing and counts nothing twice.
    """
    done = Ingested()
    query = watched.query or source.name
    for batch in source.fetch(query, store.cursor(source.name, query)):
        reading = reader.read(batch.posts)
        kept = [pair for pair in reading.reports if watched.services is None or pair[1].service in watched.services]
        committed = store.commit(source.name, query, batch, kept, bin_width_s=watched.bin_width_s)
        done.posts += len(batch.posts)
        done.reports += committed.new_reports
        done.duplicates += committed.duplicates
        done.skip(batch.skipped)
        done.skip(f"{post.platform} post: unknown service {name!r}" for post, name in reading.unknown)
    return done


@dataclass
class Tick:
    """What one run of the live pipeline did: per source what came in, and every incident that changed."""

    ingested: dict[str, Ingested] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    histories: list[History] = field(default_factory=list)


def ingest_all(store: Store, sources: Iterable[Source], reader: Reader, watched: Watched) -> Tick:
    """Ingest from every source; one that fails is named and does not stop the others."""
    tick = Tick()
    for source in sources:
        try:
            tick.ingested[source.label] = ingest(store, source, reader, watched)
        except (SourceError, InputError) as error:
            tick.failed[source.label] = str(error)
    return tick


def detect(store: Store, keys: Iterable[SeriesKey], *, until: datetime | None = None) -> list[History]:
    """Score what is new in each series and bring its incidents up to date.

    Parameters
    ----------
    store
        Where the counts are, and where incidents, transitions and checkpoints go.
    keys
        The series to look at.
    until
        No bin that ends after this is judged (UTC): it may still receive posts. None = whatever is there.

    Returns
    -------
    list of History
        Every incident that is open or has changed.
    """
    return [history for key in keys for history in _detect_one(store, key, until)]


def _detect_one(store: Store, key: SeriesKey, until: datetime | None) -> list[History]:
    saved = None if store.changed_from(key) else store.checkpoint(key)
    if saved and not store.open_incidents(key):
        scored_until, state = saved
        fresh = store.series(key, start_at=scored_until, end_at=until)
        if not len(fresh):
            return []
        scored = score_from(state, fresh)
        if not _fires(scored.watch):
            if fresh.end_at - scored_until >= CHECKPOINT_EVERY:
                store.save_detection(key, at=fresh.end_at, state=scored.state, incidents=(), transitions=())
            return []
    return _detect_anew(store, key, until)


def _detect_anew(store: Store, key: SeriesKey, until: datetime | None) -> list[History]:
    """Score the whole series from its stored counts, and revise what is on record where they differ."""
    series = store.series(key, end_at=until)
    if not len(series):
        return []
    scored = score(series)
    recorded = [History(incident, store.transitions_of(incident.id)) for incident in store.incidents_of(key)]
    derived = build_histories(series, scored)
    histories = [_with_facts(store, key, history) for history in reconcile(recorded, derived, at=series.end_at)]
    known = {history.incident.id: history for history in recorded}
    changed = [history for history in histories if known.get(history.incident.id) != history]
    store.save_detection(
        key,
        at=series.end_at,
        state=scored.state,
        incidents=[history.incident for history in changed],
        transitions=[step for history in changed for step in history.transitions],
    )
    return changed


def _fires(scores: np.ndarray) -> bool:
    return bool((scores >= 1).any())


def _with_facts(store: Store, key: SeriesKey, history: History) -> History:
    """Add what only the reports know: how many people, and what they say is broken."""
    incident = history.incident
    end_at = incident.ended.at if incident.ended else incident.resolved_at
    facts = store.facts(key, start_at=incident.onset.at, end_at=end_at)
    return History(replace(incident, **facts.fields()), history.transitions) if facts.n_reports else history
