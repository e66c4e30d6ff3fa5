"""The whole pipeline as plain functions, adapters passed in: no Prefect, no clock.

``ingest`` brings posts from a source into the store as reports and counts; ``detect`` turns stored counts into
incidents; ``view`` gathers what is needed to show one. The first two may be killed at any moment and called again:
what they leave behind is the same.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec import Struct, ValidationError, convert
from msgspec.structs import asdict, replace

from detectors.errors import InputError, SourceError, StateError
from detectors.incidents.lifecycle import History, build_histories
from detectors.incidents.revision import reconcile
from detectors.model import Baseline, CountSeries, SeriesKey
from detectors.reference import catalogue
from detectors.spikes import Parameters, resume, score
from flows.report.page import incident_page
from flows.report.record import IncidentView

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from detectors.matching import Reader
    from detectors.model import Batch, Incident, Post, Report, Service
    from detectors.spikes import Scored
    from flows.sources.base import Source
    from flows.store import Store

MOST_MESSAGES = 100
"""Messages about skipped records that are kept word for word; the rest are only counted."""

SHOWN_BEFORE, SHOWN_AFTER = timedelta(hours=24), timedelta(hours=2)
"""How much of a series is shown before an onset, and after the incident was over."""

LEARNS_FOR = timedelta(hours=Parameters().warm_up_h)
"""Observed time before any claim is made."""

CHECKPOINT_EVERY = timedelta(minutes=30)
"""How much scoring may have to be done again after a restart; a checkpoint costs a write of some kilobytes."""


@dataclass
class Ingested:
    """What one ingest did; ``repeated`` and ``skipped`` hold the first messages, ``file:line: what is the matter``."""

    posts: int = 0
    reports: int = 0
    duplicates: int = 0
    repeated: list[str] = field(default_factory=list)
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

    def record(self) -> dict[str, int]:
        """Return the numbers, for JSON."""
        return {"posts": self.posts, "reports": self.reports, "duplicates": self.duplicates, "skipped": self.n_skipped}


@dataclass(frozen=True)
class Watched:
    """What is watched: which services (None = the whole catalogue), in bins of which width."""

    services: Collection[str] | None = None
    bin_width_s: int = 60

    def catalogued(self) -> list[Service] | None:
        """Return the services as the catalogue has them; None = all of it."""
        return None if self.services is None else [catalogue()[name] for name in sorted(self.services)]


@dataclass
class Detected:
    """What one detection did.

    Attributes
    ----------
    changed
        Incidents that are new or changed.
    learning
        Services whose usual rate is not known yet, with the instant (UTC) from which on it will be, if they are
        observed until then.
    """

    changed: list[History] = field(default_factory=list)
    learning: dict[str, datetime] = field(default_factory=dict)


def ingest(store: Store, source: Source, reader: Reader, watched: Watched) -> Ingested:
    """Read on from where the store's cursor stands, and commit batch by batch.

    Each batch is one transaction together with its cursor, so being killed loses nothing and counts nothing twice.
    """
    done = Ingested()
    for query in source.queries(watched.catalogued()):
        for batch in source.fetch(query.text, store.cursor(source.name, query.text)):
            reading = reader.read(batch.posts)
            kept = [pair for pair in reading.reports if query.services is None or pair[1].service in query.services]
            committed = store.commit(source.name, query.text, batch, kept, bin_width_s=watched.bin_width_s)
            done.posts += len(batch.posts)
            done.reports += committed.new_reports
            done.repeat(batch, kept, committed.duplicates)
            done.skip(batch.skipped)
            done.skip(f"{_place(batch, post)}: unknown service {name!r}" for post, name in reading.unknown)
    return done


def _place(batch: Batch, post: Post) -> str:
    """Say where a post stands: file and line where it came from a file."""
    if not batch.file:
        return f"a post of {post.platform}"
    return f"{batch.file}:{next(line for line, one in zip(batch.lines, batch.posts, strict=True) if one is post)}"


def ingest_all(
    store: Store, sources: Iterable[Source], reader: Reader, watched: Watched
) -> tuple[dict[str, Ingested], dict[str, str]]:
    """Ingest from every source, by label; one that fails is named, with the reason, and does not stop the others."""
    came: dict[str, Ingested] = {}
    failed: dict[str, str] = {}
    for source in sources:
        try:
            came[source.label] = ingest(store, source, reader, watched)
        except (SourceError, InputError) as error:
            failed[source.label] = str(error)
    return came, failed


def detect(
    store: Store, keys: Iterable[SeriesKey], *, until: datetime | None = None, detector: str = "uproar"
) -> Detected:
    """Score what is new in each series and bring its incidents up to date.

    Parameters
    ----------
    store
        Where the counts are, and where incidents, transitions and checkpoints go.
    keys
        The series to look at.
    until
        No bin that ends after this is judged (UTC): it may still receive posts. None = whatever is there.
    detector
        A name in :data:`detectors.spikes.DETECTORS`.
    """
    detection = _Detection(store, until, detector)
    for key in keys:
        detection.bring_up_to_date(key)
    return detection.done


class _Saved(Struct, frozen=True):
    """What a checkpoint holds: whose it is, until when it learns (None = it knows), and the detector's state."""

    detector: str
    learning_until: datetime | None
    state: dict[str, Any]


@dataclass(frozen=True)
class _Detection:
    """One detection; the arguments are those of :func:`detect`."""

    store: Store
    until: datetime | None
    detector: str
    done: Detected = field(default_factory=Detected)

    def bring_up_to_date(self, key: SeriesKey) -> None:
        """Go on from the checkpoint where that is enough, else score the whole series."""
        checkpoint = self._checkpoint(key)
        if checkpoint is None or not self._nothing_new(key, *checkpoint):
            self._detect_anew(key)

    def _checkpoint(self, key: SeriesKey) -> tuple[datetime, _Saved] | None:
        """Return up to where a series has been scored, and what was saved there.

        Raises
        ------
        InputError
            The incidents on record are another detector's: mixed with ours they would be nobody's.
        """
        try:
            found = self.store.checkpoint(key)
            saved = found and (found[0], convert(found[1], _Saved))
        except (StateError, ValidationError):  # another version's: score the series again
            return None
        if saved and saved[1].detector != self.detector:
            raise InputError(
                f"{key.service} was judged by the detector {saved[1].detector} in this store; "
                f"name another store for {self.detector}"
            )
        return saved or None

    def _nothing_new(self, key: SeriesKey, scored_until: datetime, saved: _Saved) -> bool:
        """Go on from the checkpoint; False where the series has to be scored again from its beginning.

        That is so if scored counts have changed, an incident is open (its onset and end are still being estimated), a
        new bin fires or the usual rate is being learnt. All this is rare or short, and scoring a month of minutes
        takes milliseconds, and so a checkpoint needs no history.
        """
        if self.store.changed_from(key) or self.store.open_incidents(key):
            return False
        fresh = self._series(key, scored_until)
        if saved.learning_until:
            self.done.learning[key.service] = saved.learning_until
        if not len(fresh) or saved.learning_until:
            return not len(fresh)
        try:
            scored = resume(saved.state, fresh)
        except StateError:
            return False
        if (scored.watch >= 1).any() or (scored.page >= 1).any():
            return False
        if fresh.end_at - scored_until >= CHECKPOINT_EVERY:
            self.store.save_detection(key, at=fresh.end_at, state=self._state(scored, None))
        return True

    def _detect_anew(self, key: SeriesKey) -> None:
        """Score the whole series from its stored counts, and revise what is on record where they differ."""
        series = self._series(key)
        if not len(series):
            return
        scored = score(series, detector=self.detector)
        learning_until = _learning_until(series) if scored.learning_until is None else None
        self.done.learning.pop(key.service, None)
        if learning_until:
            self.done.learning[key.service] = learning_until
        recorded = [
            History(incident, self.store.transitions_of(incident.id)) for incident in self.store.incidents_of(key)
        ]
        derived = build_histories(series, scored)
        histories = [_with_facts(self.store, key, one) for one in reconcile(recorded, derived, at=series.end_at)]
        known = {history.incident.id: history for history in recorded}
        changed = [history for history in histories if known.get(history.incident.id) != history]
        self.store.save_detection(
            key,
            at=series.end_at,
            state=self._state(scored, learning_until),
            incidents=[history.incident for history in changed],
            transitions=[step for history in changed for step in history.transitions],
        )
        self.done.changed += changed

    def _series(self, key: SeriesKey, start_at: datetime | None = None) -> CountSeries:
        """Return a series as far as it was observed and may be judged: months after the last post, no bin is added."""
        series = self.store.series(key, start_at=start_at)
        if self.until is None or series.end_at <= self.until:
            return series
        return cut(series, slice(0, max(0, (self.until - series.start_at) // timedelta(seconds=key.bin_width_s))))

    def _state(self, scored: Scored, learning_until: datetime | None) -> dict[str, Any]:
        saved = _Saved(self.detector, learning_until, scored.detector.state())
        return {**asdict(saved), "learning_until": learning_until and learning_until.isoformat()}


def _learning_until(series: CountSeries) -> datetime:
    """Return from when on the usual rate is known, if the series is observed until then (UTC)."""
    observed = timedelta(seconds=series.bin_width_s) * int(np.count_nonzero(~np.isnan(series.observed)))
    return series.end_at + max(LEARNS_FOR - observed, timedelta(0))


def _with_facts(store: Store, key: SeriesKey, history: History) -> History:
    """Add what only the reports know: how many people, and what they say is broken."""
    incident = history.incident
    end_at = incident.ended.at if incident.ended else incident.resolved_at
    facts = store.facts(key, start_at=incident.onset.at, end_at=end_at)
    return History(replace(incident, **facts.fields()), history.transitions) if facts.n_reports else history


def chosen_keys(store: Store, services: Collection[str] | None) -> list[SeriesKey]:
    """Return the series of these services; None = of all."""
    every = store.keys()
    return [key for key in every if services is None or key.service in services]


def histories(store: Store, keys: Iterable[SeriesKey]) -> list[History]:
    """Return the incidents of these series with their transitions, by onset."""
    found = [incident for key in keys for incident in store.incidents_of(key)]
    found.sort(key=lambda incident: (incident.onset.at, incident.service))
    return [History(incident, store.transitions_of(incident.id)) for incident in found]


def view(store: Store, incident: Incident, *, is_simulated: bool = False) -> IncidentView:
    """Gather what is needed to show an incident; what was expected is computed again from the counts."""
    key = SeriesKey(incident.service, incident.source, incident.bin_width_s)
    series = store.series(key)
    baseline = score(series).baseline
    until = (incident.resolved_at or series.end_at) + SHOWN_AFTER
    bins = [
        (at - series.start_at) // timedelta(seconds=key.bin_width_s) for at in (incident.onset.at - SHOWN_BEFORE, until)
    ]
    shown = slice(max(0, bins[0]), max(bins[1], 1))
    return IncidentView(
        incident=incident,
        service_name=service_name(incident.service),
        series=cut(series, shown),
        baseline=Baseline(baseline.expected[shown], baseline.dispersion[shown], baseline.upper[shown]),
        transitions=store.transitions_of(incident.id),
        earlier=earlier(store, incident),
        data_until=series.end_at,
        is_simulated=is_simulated,
    )


def earlier(store: Store, incident: Incident) -> tuple[Incident, ...]:
    """Return the incidents of the same series before this one that were not dismissed, newest first."""
    key = SeriesKey(incident.service, incident.source, incident.bin_width_s)
    before = [o for o in store.incidents_of(key) if o.onset.at < incident.onset.at and o.state != "dismissed"]
    return tuple(reversed(before))


def service_name(service: str) -> str:
    """Return a service's name as people write it; the id itself for a series of one's own."""
    known = catalogue().get(service)
    return known.name if known else service


def cut(series: CountSeries, bins: slice) -> CountSeries:
    """Return a stretch of a series."""
    start_at = series.start_at + bins.start * timedelta(seconds=series.bin_width_s)
    arrays = (array[bins] for array in (series.observed, series.raw, series.coverage))
    return CountSeries(series.service, series.source, start_at, series.bin_width_s, *arrays)


def page(store: Store, incident: Incident, *, is_simulated: bool = False) -> str:
    """Return an incident's page: one HTML file that needs nothing else."""
    return incident_page(view(store, incident, is_simulated=is_simulated))
