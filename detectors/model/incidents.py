"""What we claim: alarms, incidents and how they change."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from detectors.model.instants import Estimate, Instant  # noqa: TC001 - msgspec reads annotations
from detectors.model.spread import Spread  # noqa: TC001 - likewise

Severity = Literal["watch", "page"]
"""``page``: several times usual, for waking people. ``watch``: any credible rise, for looking."""

State = Literal["suspected", "confirmed", "updated", "resolved", "dismissed"]
"""The states of an incident; ``resolved`` and ``dismissed`` are final."""


class Alarm(Struct, frozen=True):
    """The decision that a spike began: statistical, not yet a claim about the world.

    Attributes
    ----------
    alarmed_at
        When it could be known: the end of the bin that fired.
    last_alarm_at
        End of the latest bin that still fired.
    score
        The largest score so far; 1 = alarm at the default threshold.
    window_start_at
        Start of the window that fired.
    escalated_at
        When it was announced again because it had become much worse.
    closed_at
        When an observed hour had gone by without a bin that fires; None while it is open.
    """

    severity: Severity
    alarmed_at: Instant
    last_alarm_at: Instant
    score: float
    window_start_at: Instant
    escalated_at: tuple[Instant, ...] = ()
    closed_at: Instant | None = None

    @property
    def is_open(self) -> bool:
        """Whether it goes on."""
        return self.closed_at is None


class Incident(Struct, frozen=True, kw_only=True):
    """Our claim that a service is, or was, in trouble. The *outage* is the truth; this is what we say of it.

    Attributes
    ----------
    id
        Stable: the same from every run over the same counts.
    onset, ended
        When it began and when it was over, each with an interval; ``ended`` is None while it is open.
    suspected_at, confirmed_at, alarmed_at
        When we first could have known (watch), when we were sure, and when it reached ``severity``.
    peak, expected_at_peak
        Independent voices in the fullest bin, and what was usual for that bin.
    n_reports, n_authors
        Reports (reposts too) and independent voices from onset to end, or to now.
    symptoms
        By symptom, which share of the reports that name any symptom name this one, largest first. A report may name
        several; empty if none names any.
    revision
        Counts the transitions that this record has been through.
    region
        Of a local incident: the region that explains best what was heard; ``""`` where the service as a whole is in
        trouble.
    spread
        Where it is felt, with the affected regions alone; None while that has not been looked at.
    """

    id: str
    service: str
    source: str
    severity: Severity
    state: State
    onset: Estimate
    suspected_at: Instant
    alarmed_at: Instant
    confirmed_at: Instant | None = None
    ended: Estimate | None = None
    resolved_at: Instant | None = None
    score: float
    peak: float
    peak_at: Instant
    expected_at_peak: float
    n_reports: int
    n_authors: int
    symptoms: tuple[tuple[str, float], ...] = ()
    bin_width_s: int = 60
    revision: int = 1
    region: str = ""
    spread: Spread | None = None

    @property
    def factor(self) -> float:
        """Peak over expected; infinite where nothing at all was expected."""
        return self.peak / self.expected_at_peak if self.expected_at_peak > 0 else float("inf")

    @property
    def is_open(self) -> bool:
        """Whether it goes on."""
        return self.state not in ("resolved", "dismissed")


class Transition(Struct, frozen=True):
    """A change of an incident's state, and why: the unit of alerting."""

    incident_id: str
    revision: int
    at: Instant
    old: State | None
    new: State
    severity: Severity
    reason: str
