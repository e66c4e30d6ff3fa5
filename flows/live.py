"""One tick of the live pipeline, from the configuration: what ``uproar watch`` and the Prefect flow both run."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from detectors.matching import Reader
from detectors.reference import catalogue
from flows import steps
from flows.report.record import incident_record
from flows.report.sentences import headline
from flows.sources.archive import Archive
from flows.store import open_store

if TYPE_CHECKING:
    from datetime import datetime

    from detectors.model import Incident
    from flows.settings import Settings


@dataclass(frozen=True)
class Tick:
    """What one tick did.

    Attributes
    ----------
    ingested, failed
        Per source, by label: what came in, or why nothing did.
    incidents
        Those that are new or have changed.
    headlines
        One sentence for each of them.
    learning
        Services whose usual rate is not known yet, with the end of what has been seen of them (UTC).
    """

    ingested: dict[str, steps.Ingested] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    incidents: tuple[Incident, ...] = ()
    headlines: tuple[str, ...] = ()
    learning: dict[str, datetime] = field(default_factory=dict)

    @property
    def needs_a_look(self) -> bool:
        """Whether a source failed or a record could not be used."""
        return bool(self.failed) or any(came.n_skipped for came in self.ingested.values())

    def record(self) -> dict[str, Any]:
        """Return the tick as JSON can hold it."""
        return {
            "sources": {label: came.record() for label, came in self.ingested.items()},
            "failed": self.failed,
            "incidents": [incident_record(incident) for incident in self.incidents],
            "learning": sorted(self.learning),
        }


def run_tick(settings: Settings, *, now: datetime) -> Tick:
    """Ingest what is new, judge the bins that are complete, keep what changed.

    The window comes from the cursors in the store, so a tick that comes late takes more, and one that comes twice
    finds nothing to do.

    Parameters
    ----------
    settings
        The configuration.
    now
        The present (UTC).
    """
    known = catalogue()
    chosen = {known.get_or_suggest(name).id for name in settings.watch.services} or None
    watched = steps.Watched(chosen, settings.watch.bin_width_s)
    sources = [Archive(Path(name), now=now) for name in settings.sources.archive]
    with open_store(settings.store.url, secret=settings.store.secret or None) as store:
        ingested, failed = steps.ingest_all(store, sources, Reader(), watched)
        keys = steps.chosen_keys(store, chosen)
        done = steps.detect(store, keys, until=now - timedelta(seconds=settings.watch.settle_s))
        incidents = tuple(history.incident for history in done.changed)
        headlines = tuple(
            headline(one, service_name=steps.service_name(one.service), now=now, earlier=steps.earlier(store, one))
            for one in incidents
        )
    return Tick(ingested, {label: str(error) for label, error in failed.items()}, incidents, headlines, done.learning)
