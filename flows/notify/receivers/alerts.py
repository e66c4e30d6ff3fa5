"""A message as an alert of Prometheus' Alertmanager: labels that stay the same, annotations that may change."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING

from flows.notify.receivers.facts import clean, facts, links, sentence, title

if TYPE_CHECKING:
    from flows.notify.message import Message

ALERT_NAME = "UproarOutage"
NEVER = "0001-01-01T00:00:00Z"
"""The end of what is not over, as Alertmanager writes it."""


def alert_labels(message: Message) -> dict[str, str]:
    """Return what identifies the alert: the same for all revisions of an incident, unless its severity rises.

    Not the group, which an incident may join late: with other labels it would be another alert.
    """
    named = {
        "alertname": "UproarTest" if message.is_test else ALERT_NAME,
        "service": clean(message.service, 120),
        "severity": message.severity,
        "incident": clean(message.incident_id, 120),
    }
    return {name: value for name, value in named.items() if value}


def alert_annotations(message: Message) -> dict[str, str]:
    """Return what is said: ``summary``, ``description``, and each fact under its own name."""
    said = {"title": title(message), "summary": sentence(message)}
    said["description"] = "\n".join(f"{fact.label}: {fact.text}" for fact in facts(message))
    if message.group:
        said["group"] = clean(message.group, 120)
    return said | {fact.label.lower().replace(" ", "_"): fact.text for fact in facts(message)}


def fingerprint(message: Message) -> str:
    """Return 16 hexadecimal digits that stay the same for an incident."""
    return sha256(message.incident_id.encode("utf-8", "replace")).hexdigest()[:16]


def first_link(message: Message) -> str:
    """Return the address where more is to be read; empty if there is none."""
    return next((url for _, url in links(message)), "")


def ended_at(message: Message) -> datetime:
    """Return when something that is over ended, not before it began: what was dismissed ended when that was known."""
    return max(message.ends_at or message.at, message.starts_at)


def stamp(at: datetime) -> str:
    """Return RFC 3339 in UTC."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
