"""What waits for the end of a detection: things to keep in one transaction, and whether everything moved."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from detectors.incidents.lifecycle import History
from detectors.incidents.together import COMMON_RISE, rise_of_others
from detectors.reference import catalogue
from flows.store import Outgoing

if TYPE_CHECKING:
    from detectors.model import CountSeries
    from detectors.spikes import Scored
    from flows.steps.detecting import Detected
    from flows.store import Judged

Tell = Callable[[Sequence[History], Collection[str]], Sequence[Outgoing]]
"""``(incidents that changed, ids of those at whose beginning most other services rose) -> messages``."""

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
        """Return the incidents, of those newly confirmed, at whose alarm most other services rose: everything moved."""
        fresh = {step.incident_id for step in done.news if step.new == "confirmed"}
        vendors = {name: service.vendor for name, service in catalogue().items()} if fresh else {}
        found = set()
        for history in done.changed:
            incident = history.incident
            if incident.id not in fresh or incident.region:
                continue
            window = max(incident.onset.at, incident.alarmed_at - LONGEST), incident.alarmed_at
            if rise_of_others(incident.service, window, self.scored, vendors) > COMMON_RISE:
                found.add(incident.id)
        return found
