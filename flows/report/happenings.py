"""What happened, as an event that others can act on: a transition of an incident, a fault of collecting.

The id of an event is derived from what happened, so that a tick that is told twice is one event with one id.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

import msgspec

from detectors.text import printable
from flows.report.record import incident_record

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from detectors.model import Incident, Transition
    from flows.store import Fault

_NAMESPACE = UUID("0c7c8a52-7b60-5d39-9d5c-6f1c55c5a1a7")


@dataclass(frozen=True)
class Happening:
    """An event.

    Attributes
    ----------
    id
        The same whenever the same thing is told again.
    name
        ``uproar.incident.confirmed``, ``uproar.source.failing``, ``uproar.source.recovered`` and so on.
    at
        When it could be known (UTC).
    resource
        What it happened to, as Prefect's automations match it.
    payload
        The record, as JSON can hold it: no text of a post, no author.
    """

    id: UUID
    name: str
    at: datetime
    resource: dict[str, str]
    payload: dict[str, Any]


def transition_happening(step: Transition, incident: Incident) -> Happening:
    """Return the event of a transition."""
    return Happening(
        id=uuid5(_NAMESPACE, f"{step.incident_id}|{step.revision}"),
        name=f"uproar.incident.{step.new}",
        at=step.at,
        resource={
            "prefect.resource.id": f"uproar.incident.{step.incident_id}",
            "prefect.resource.name": incident.service,
            "uproar.service": incident.service,
            "uproar.severity": step.severity,
            "uproar.state": step.new,
        },
        payload={"reason": step.reason, "incident": _plain(incident_record(incident))},
    )


def fault_happening(fault: Fault) -> Happening:
    """Return the event of a fault of collecting that began, or is over."""
    at = fault.ended_at or fault.began_at
    what = "recovered" if fault.ended_at else fault.kind
    return Happening(
        id=uuid5(_NAMESPACE, f"{fault.source}|{fault.service}|{fault.kind}|{at.isoformat()}|{what}"),
        name=f"uproar.source.{what}",
        at=at,
        resource={
            "prefect.resource.id": f"uproar.source.{fault.source}",
            "prefect.resource.name": fault.source,
            "uproar.service": fault.service,
            "uproar.fault": fault.kind,
        },
        payload={"message": fault.message, "service": fault.service},
    )


def tick_markdown(headlines: Sequence[str], began: Sequence[Fault], ended: Sequence[Fault]) -> str:
    """Return what a tick changed, as Markdown in which nothing that people wrote can act."""
    lines = ["# What has changed", ""]
    lines += [f"- {_inert(sentence)}" for sentence in headlines]
    lines += [f"- Collecting: {_inert(fault.message)}" for fault in began]
    lines += [f"- Collecting, no longer: {_inert(fault.message)}" for fault in ended]
    return "\n".join(lines)


def _plain(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record with instants as text."""
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(record))
    return plain


def _inert(text: str) -> str:
    """Escape what Markdown or HTML would act on."""
    return "".join(f"\\{char}" if char in "\\`*_{}[]<>()#!|~" else char for char in printable(text, limit=1000))
