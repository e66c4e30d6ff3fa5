"""What waits for the end of a detection: things to keep in one transaction, and whether everything moved."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from detectors.incidents.lifecycle import History
from detectors.incidents.together import COMMON_RISE, Quorum, rise_of_others
from detectors.reference import catalogue
from flows.store import Outgoing

if TYPE_CHECKING:
    from datetime import datetime

    from detectors.model import CountSeries, Incident
    from detectors.spikes import Scored
    from flows.steps.detecting import Detected
    from flows.store import Judged

Tell = Callable[[Sequence[History], Collection[str]], Sequence[Outgoing]]
"""``(incidents that changed, ids of those at whose beginning most other services rose) -> messages``."""

FEWEST = Quorum().n_series
"""So many services must be watched before everything can be said to move."""

LONGEST = timedelta(minutes=15)
"""Of a rise that took longer, so much before its alarm is compared with the other services."""


@dataclass
class Waiting:
    """What waits; without ``tell`` nothing does.

    Attributes
    ----------
    found
        What is to be kept.
    scored
        The series that were judged, with their scores.
    """

    tell: Tell | None = None
    found: list[Judged] = field(default_factory=list)
    scored: list[tuple[CountSeries, Scored]] = field(default_factory=list)

    def note(self, series: CountSeries, scored: Scored) -> None:
        """Note what was judged, for as long as the detection lasts."""
        if self.tell is not None:
            self.scored.append((series, scored))

    def rising(self, done: Detected) -> set[str]:
        """Return the incidents, of those newly confirmed, at whose alarm most other services rose: everything moved.

        None where few services are watched: two that fail with it are not everything.
        """
        fresh = {step.incident_id for step in done.news if step.new == "confirmed"}
        if not fresh or len({series.service for series, _ in self.scored}) < FEWEST:
            return set()
        vendors = {name: service.vendor for name, service in catalogue().items()}
        incidents = [one.incident for one in done.changed if one.incident.id in fresh and not one.incident.region]
        return {
            one.id
            for one in incidents
            if rise_of_others(one.service, self._window(one), self.scored, vendors) > COMMON_RISE
        }

    def _window(self, incident: Incident) -> tuple[datetime, datetime]:
        """Return when an incident rose, as far as most series that were judged reach back.

        Those that are scored from their checkpoint on begin there, all of them at about the same time.
        """
        starts = sorted(series.start_at for series, _ in self.scored)
        start_at = max(incident.onset.at, incident.alarmed_at - LONGEST, starts[len(starts) // 2])
        return min(start_at, incident.alarmed_at), incident.alarmed_at
