"""PagerDuty, by its Events API, version 2.

Sources: PagerDuty's developer documentation, "Send an alert event" (fields, limits: summary 1,024, ``dedup_key`` 255,
512 kB in all) and "Events API v2 overview" (answers: 202 accepted, 400 bad event, 429 too many).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from detectors.errors import PermanentError
from flows.notify.receivers.alerts import alert_labels, first_link, stamp
from flows.notify.receivers.facts import clean, facts, fit, links, sentence, title
from flows.notify.receivers.sending import check, encode, send, what

if TYPE_CHECKING:
    from datetime import timedelta

    from flows.net import Http
    from flows.notify.message import Message
    from flows.notify.receivers.base import Delivery

EVENTS_URL = "https://events.pagerduty.com/v2/enqueue"
"""For accounts in the EU: https://events.eu.pagerduty.com/v2/enqueue."""

SUMMARY_LIMIT, KEY_LIMIT, TEXT_LIMIT = 1024, 255, 1000
_SEVERITIES = {"page": "critical", "watch": "warning"}


@dataclass(kw_only=True)
class PagerDutyReceiver:
    """Triggers an incident of theirs for each of ours, and resolves it.

    Attributes
    ----------
    name, http
        What it is called, and the guarded client.
    routing_key
        The integration key: a secret.
    url
        Where events go.
    """

    name: str
    routing_key: str = field(repr=False)
    http: Http = field(repr=False)
    url: str = field(default=EVENTS_URL, repr=False)
    kind: str = field(default="pagerduty", init=False)
    resend_every: timedelta | None = field(default=None, init=False)

    def deliver(self, message: Message, delivery: Delivery) -> None:
        """Post it; see :meth:`flows.notify.receivers.base.Receiver.deliver`."""
        answer = send(self.http, self.url, encode(payload(message, self.routing_key)), name=self.name)
        if answer.status == 400:
            raise PermanentError(f"{what(self.name)} answered 400: PagerDuty does not take the key, or not the event")
        check(answer, name=self.name, now=delivery.now)


def payload(message: Message, routing_key: str) -> dict[str, Any]:
    """Return an event: one ``dedup_key`` for all revisions of an incident."""
    shown = links(message)
    event: dict[str, Any] = {
        "routing_key": routing_key,
        "event_action": "resolve" if message.status == "resolved" else "trigger",
        "dedup_key": fit(f"uproar/{clean(message.incident_id, 200)}", KEY_LIMIT),
        "client": "Uproar",
        "payload": {
            "summary": fit(f"{title(message)}. {sentence(message)}", SUMMARY_LIMIT),
            "source": clean(message.service, 200) or "uproar",
            "severity": "info" if message.is_test else _SEVERITIES[message.severity],
            "timestamp": stamp(message.starts_at),
            "component": clean(message.service_name, 200),
            "group": clean(message.group or message.service, 200),
            "class": alert_labels(message)["alertname"],
            "custom_details": {fact.label: fit(fact.text, TEXT_LIMIT) for fact in facts(message)},
        },
    }
    if shown:
        event["client_url"] = first_link(message)
        event["links"] = [{"href": url, "text": label} for label, url in shown]
    return event
