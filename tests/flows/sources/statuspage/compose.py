"""One made-up story, told by every family of pages in its own shape."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

from detectors.model import Service
from flows.sources.statuspage import Page

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

DAY = datetime(2026, 2, 10, tzinfo=UTC)
PACIFIC = timezone(timedelta(hours=-8), "PST")


def at(clock: str) -> datetime:
    """Return an instant of the day of the story."""
    hours, minutes = clock.split(":")
    return DAY + timedelta(hours=int(hours), minutes=int(minutes))


@dataclass(frozen=True)
class Said:
    """An update."""

    at: datetime
    stage: str
    text: str
    edited_at: datetime | None = None


@dataclass(frozen=True)
class Told:
    """An incident; ``updates`` oldest first."""

    number: int
    component: str
    started_at: datetime
    updates: tuple[Said, ...]
    ended_at: datetime | None = None

    @property
    def title(self) -> str:
        """What it is called."""
        return f"Trouble with {self.component}"

    def then(self, *said: Said, ended_at: datetime | None = None) -> Told:
        """Return it with more updates."""
        return replace(self, updates=(*self.updates, *said), ended_at=ended_at)

    def reworded(self, old: str, new: str, when: datetime) -> Told:
        """Return it with other words in its updates, and nothing said of that."""
        updates = [
            replace(one, text=one.text.replace(old, new), edited_at=when) if old in one.text else one
            for one in self.updates
        ]
        return replace(self, updates=tuple(updates))


FIRST = Told(
    1,
    "Pigeon Post",
    at("18:02"),
    (
        Said(at("18:11"), "Investigating", "We are looking into pigeons that do not arrive."),
        Said(at("18:20"), "Identified", "A net was found & removed. Half of all customers were affected."),
    ),
)
OTHER = Told(2, "Smoke Signals", at("18:30"), (Said(at("18:41"), "Investigating", "Smoke over <Berlin> is too thin."),))
REWORDED = FIRST.reworded("Half of all customers", "A few customers", at("18:50"))
OVER = REWORDED.then(Said(at("19:05"), "Resolved", "Every pigeon is home."), ended_at=at("19:05"))


def iso(when: datetime | None) -> str | None:
    """Return an instant as JSON has it."""
    return None if when is None else when.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def packed(document: Any) -> bytes:
    """Return a document as it is sent."""
    return json.dumps(document).encode()


def statuspage(*incidents: Told) -> dict[str, bytes]:
    """Tell it as statuspage.io does."""

    def update(incident: Told, said: Said) -> dict[str, Any]:
        part = {"code": "c1", "name": incident.component, "old_status": "operational", "new_status": "partial_outage"}
        return {
            "id": f"u{incident.number}-{said.at:%H%M}-{said.stage}",
            "status": said.stage.lower(),
            "body": said.text,
            "created_at": iso(said.at),
            "display_at": iso(said.at),
            "updated_at": iso(said.edited_at or said.at),
            "affected_components": [part],
        }

    def entry(one: Told) -> dict[str, Any]:
        return {
            "id": f"incident-{one.number}",
            "name": one.title,
            "status": one.updates[-1].stage.lower(),
            "impact": "major",
            "created_at": iso(one.updates[0].at),
            "updated_at": iso(one.updates[-1].at),
            "started_at": iso(one.started_at),
            "resolved_at": iso(one.ended_at),
            "shortlink": f"https://stspg.example/{one.number}",
            "incident_updates": [update(one, said) for said in one.updates][::-1],
        }

    page = {"id": "p", "name": "Example", "url": "https://status.example.com"}
    return {
        "incidents.json": packed({"page": page, "incidents": [entry(one) for one in incidents]}),
        "summary.json": packed(
            {
                "page": page,
                "components": [],
                "incidents": [entry(one) for one in incidents if one.ended_at is None],
                "scheduled_maintenances": [],
            }
        ),
    }


def apple(*incidents: Told, wrap: str = "jsonCallback({});") -> dict[str, bytes]:
    """Tell it as Apple does: one text for each, the scope beside it."""

    def local(when: datetime | None) -> str | None:
        return None if when is None else when.astimezone(PACIFIC).strftime("%m/%d/%Y %H:%M PST")

    def ms(when: datetime | None) -> int | None:
        return None if when is None else int(when.timestamp() * 1000)

    def event(one: Told) -> dict[str, Any]:
        return {
            "messageId": f"incident-{one.number}",
            "statusType": "Outage",
            "message": " ".join(said.text for said in one.updates),
            "datePosted": local(one.updates[-1].at),
            "startDate": local(one.started_at),
            "endDate": local(one.ended_at),
            "epochStartDate": ms(one.started_at),
            "epochEndDate": ms(one.ended_at),
            "usersAffected": "",
            "affectedServices": None,
        }

    services = [{"serviceName": one.component, "redirectUrl": None, "events": [event(one)]} for one in incidents]
    quiet: dict[str, Any] = {"serviceName": "Town Crier", "redirectUrl": None, "events": []}
    return {"system status": wrap.replace("{}", json.dumps({"services": [quiet, *services]})).encode()}


def google(*incidents: Told) -> dict[str, bytes]:
    """Tell it as Google does: no ``end`` while it goes on."""

    def update(said: Said) -> dict[str, Any]:
        return {
            "created": iso(said.at),
            "modified": iso(said.edited_at or said.at),
            "when": iso(said.at),
            "text": said.text,
            "status": "AVAILABLE" if said.stage == "Resolved" else "SERVICE_DISRUPTION",
            "affected_locations": [{"title": "Loft 7", "id": "loft-7"}],
        }

    def entry(one: Told) -> dict[str, Any]:
        end = {"end": iso(one.ended_at)} if one.ended_at else {}
        return {
            "id": f"incident-{one.number}",
            "begin": iso(one.started_at),
            "created": iso(one.updates[0].at),
            "modified": iso(one.updates[-1].at),
            "external_desc": one.title,
            "updates": [update(said) for said in one.updates][::-1],
            "status_impact": "SERVICE_DISRUPTION",
            "severity": "medium",
            "service_name": one.component,
            "affected_products": [{"title": one.component, "id": "x"}],
            "uri": f"incidents/incident-{one.number}",
            "currently_affected_locations": [{"title": "Loft 7", "id": "loft-7"}],
            **end,
        }

    return {"incidents.json": packed([entry(one) for one in incidents])}


def slack(*incidents: Told) -> dict[str, bytes]:
    """Tell it as Slack does: what goes on in one document, what is over in the other."""

    def entry(one: Told) -> dict[str, Any]:
        notes = [{"date_created": said.at.astimezone(PACIFIC).isoformat(), "body": said.text} for said in one.updates]
        return {
            "id": one.number,
            "date_created": one.started_at.astimezone(PACIFIC).isoformat(),
            "date_updated": one.updates[-1].at.astimezone(PACIFIC).isoformat(),
            "title": one.title,
            "type": "outage",
            "status": "active" if one.ended_at is None else "resolved",
            "url": f"https://slack-status.example/{one.number}",
            "services": [one.component],
            "notes": notes[::-1],
        }

    is_open = [entry(one) for one in incidents if one.ended_at is None]
    current = {"status": "active" if is_open else "ok", "active_incidents": is_open}
    return {
        "current": packed(current),
        "history": packed([entry(one) for one in incidents if one.ended_at is not None]),
    }


def atom(*incidents: Told) -> dict[str, bytes]:
    """Tell it as a feed does: every update in one text, stamps without a year."""

    def update(said: Said) -> str:
        day, clock = f"<var data-var='date'>{said.at.day:2}</var>", f"<var data-var='time'>{said.at:%H:%M}</var>"
        stamp = f"<small>{said.at:%b} {day}, {clock} UTC</small>"
        return f"<p>{stamp}<br><strong>{said.stage}</strong> - {escape(said.text)}</p>"

    def entry(one: Told) -> str:
        newest = one.updates[-1].at.strftime("%Y-%m-%dT%H:%M:%SZ")
        html = " ".join(update(said) for said in reversed(one.updates))
        return (
            f"<entry><id>incident-{one.number}</id><published>{newest}</published><updated>{newest}</updated>"
            f"<link rel='alternate' href='https://status.example.com/{one.number}'/><title>{escape(one.title)}</title>"
            f"<content type='html'>{escape(html)}</content></entry>"
        )

    body = "".join(entry(one) for one in incidents)
    feed = f"<?xml version='1.0' encoding='UTF-8'?><feed xmlns='http://www.w3.org/2005/Atom'>{body}</feed>"
    return {"feed": feed.encode()}


FAMILIES: dict[str, Callable[..., dict[str, bytes]]] = {
    "statuspage": statuspage,
    "apple": apple,
    "google": google,
    "slack": slack,
    "atom": atom,
}

PATHS = {
    "statuspage": "",
    "apple": "/data/system_status_en_US.js",
    "google": "/dashboard/incidents.json",
    "slack": "/api/v2.0.0/current",
    "atom": "/history.atom",
}


def service(name: str, *aliases: str) -> Service:
    """Build a service."""
    return Service(
        id=name.lower().replace(" ", "-"), name=name, vendor="example", family="mail", aliases=(name.lower(), *aliases)
    )


PIGEONS, SMOKE = service("Pigeon Post", "pigeons"), service("Smoke Signals")


def page(family: str, base: str = "https://status.example.com", services: Sequence[Service] = (PIGEONS, SMOKE)) -> Page:
    """Return a page of a family."""
    return Page(family, base + PATHS.get(family, ""), tuple(services))


def number_of(incident_id: str) -> int:
    """Return the number of a told incident."""
    return int(incident_id.removeprefix("incident-"))
