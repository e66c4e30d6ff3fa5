"""What is decided, folded back into what was said: as the outbox does it, in memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

from msgspec.structs import replace

from detectors.model import Estimate, RegionSpread, Share, Spread
from flows.notify.message import Message, RegionTold
from flows.notify.policy import Mute, Restraint, Route, Said, Standing, decide
from tests.builders import START
from tests.flows.store.helpers import incident

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from detectors.model import Incident
    from flows.notify.policy import Decision

RELATED = {
    "imessage": frozenset({"icloud", "facetime"}),
    "icloud": frozenset({"imessage", "facetime"}),
    "facetime": frozenset({"imessage", "icloud"}),
}
CONFIRMED, OVER = "confirmed", "resolved"


def made(name: str, service: str = "imessage", minute: float = 0, **fields: Any) -> Incident:
    """Build an incident that is confirmed and began at a minute."""
    at = START + timedelta(minutes=minute)
    given: dict[str, Any] = {
        "id": name,
        "service": service,
        "suspected_at": at,
        "alarmed_at": at,
        "confirmed_at": at,
        "symptoms": (),
    }
    return replace(incident(**(given | fields)), onset=Estimate(at, at, at))


def over(one: Incident, minute: float, state: Literal["resolved", "dismissed"] = "resolved") -> Incident:
    """Return it closed at a minute."""
    return replace(one, state=state, resolved_at=START + timedelta(minutes=minute))


def felt_in(one: Incident, *codes: str) -> Incident:
    """Return it with the regions that are affected."""
    regions = tuple(
        RegionSpread(
            code=code,
            verdict="affected",
            observed=50.0,
            expected=5.0,
            ratio=10.0,
            ratio_low=5.0,
            ratio_high=20.0,
            probability=0.99,
            share=0.5,
        )
        for code in codes
    )
    share = Share(0.5, 0.4, 0.6)
    spread = Spread(
        extent="multi-regional",
        start_at=one.onset.at,
        end_at=one.onset.at,
        p_value=0.001,
        zone=codes,
        regions=regions,
        affected_share=share,
        untestable_share=0.1,
        unlocated_share=0.3,
        n_located=100.0,
    )
    return replace(one, spread=spread)


def said_of(one: Incident, **fields: Any) -> Message:
    """Return the message that an incident makes."""
    codes = [region.code for region in one.spread.affected] if one.spread else []
    given: dict[str, Any] = {
        "incident_id": one.id,
        "revision": 0,
        "status": "firing" if one.is_open else "resolved",
        "state": one.state,
        "severity": one.severity,
        "service": one.service,
        "service_name": one.service,
        "at": START,
        "sentence": "",
        "starts_at": one.onset.at,
        "symptoms": one.symptoms,
        "factor": one.factor,
        "regions": tuple(RegionTold(code, code) for code in codes),
    }
    return Message(**(given | fields))


@dataclass
class Outbox:
    """All that was said, and what was decided in each tick."""

    routes: tuple[Route, ...] = (Route("oncall"),)
    restraint: Restraint = field(default_factory=Restraint)
    said: dict[tuple[str, str], list[Said]] = field(default_factory=dict)
    decisions: list[tuple[datetime, Decision]] = field(default_factory=list)

    def tick(self, minute: float, incidents: Iterable[Incident], **standing: Any) -> list[tuple[str, str]]:
        """Decide at a minute, and keep it; return (incident, why) of each decision."""
        return [(one.incident.id, one.why) for one in self.decide(minute, incidents, **standing)]

    def decide(self, minute: float, incidents: Iterable[Incident], **standing: Any) -> list[Decision]:
        now = START + timedelta(minutes=minute)
        every = list(incidents)
        messages = standing.pop("messages", {}) or {one.id: said_of(one) for one in every}
        standing.setdefault("related", RELATED)
        given = Standing(now=now, incidents=every, messages=messages, said=self.said, **standing)
        found = decide(given, self.routes, self.restraint)
        for one in found:
            self._keep(one, now, messages[one.incident.id])
        return found

    def _keep(self, decision: Decision, now: datetime, message: Message) -> None:
        rows = self.said.setdefault((decision.incident.id, decision.receiver), [])
        told = replace(
            message,
            revision=len(rows) + 1,
            status="resolved" if decision.why == "over" else "firing",
            group=decision.parent,
            reason=decision.reason or message.reason,
        )
        rows.append(Said(now, told, bool(decision.parent)))
        self.decisions.append((now, decision))


def mute(**matchers: Iterable[str]) -> Mute:
    """Return a silence."""
    return Mute({key: tuple(values) for key, values in matchers.items()})
