"""Prometheus' Alertmanager, by its API, version 2: its routes, silences and inhibitions then work for our alerts.

Source: the API's OpenAPI description (``postAlerts``: 200, 400, 500). Alertmanager forgets an alert at its ``endsAt``,
and keeps alerts in memory: so what fires is sent again every ``resend_every``, ending some time after the next time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from flows.notify.receivers.alerts import alert_annotations, alert_labels, ended_at, first_link, stamp
from flows.notify.receivers.sending import check, check_plain, encode, send

if TYPE_CHECKING:
    from datetime import datetime

    from flows.net import Http
    from flows.notify.message import Message
    from flows.notify.receivers.base import Delivery

PATH = "/api/v2/alerts"
_LASTS = 4
"""An alert ends after so many times of sending it again that have failed."""


@dataclass(kw_only=True)
class AlertmanagerReceiver:
    """Tells one Alertmanager; of a cluster each member needs a receiver of its own.

    Attributes
    ----------
    name, http
        What it is called, and the guarded client.
    url
        Where its pages are, for instance ``http://127.0.0.1:9093``, which has to be in the allow-list.
    authorization
        The header ``Authorization``, if a proxy before it wants one.
    resend_every
        How often what fires is sent again.

    Raises
    ------
    InputError
        ``authorization`` cannot stand in a header.
    """

    name: str
    url: str = field(repr=False)
    http: Http = field(repr=False)
    authorization: str = field(default="", repr=False)
    resend_every: timedelta | None = timedelta(seconds=60)
    kind: str = field(default="alertmanager", init=False)

    def __post_init__(self) -> None:
        check_plain(self.authorization, name=self.name, setting="authorization")

    def deliver(self, message: Message, delivery: Delivery) -> None:
        """Post it; see :meth:`flows.notify.receivers.base.Receiver.deliver`."""
        ends_at = delivery.now + _LASTS * (self.resend_every or timedelta(seconds=60))
        body = encode(payload(message, ends_at=ends_at))
        headers = {"Authorization": self.authorization} if self.authorization else {}
        answer = send(self.http, self.url.rstrip("/") + PATH, body, name=self.name, headers=headers)
        check(answer, name=self.name, now=delivery.now)


def payload(message: Message, *, ends_at: datetime) -> list[dict[str, Any]]:
    """Return the alert; ``ends_at`` (UTC) is when it ends by itself, if it fires.

    The severity is a label, because routes and inhibitions go by it, and so another alert once it has risen. The alert
    of the lower severity, which may have been told before, is ended with it.
    """
    is_over = message.status == "resolved"
    alert: dict[str, Any] = {
        "labels": alert_labels(message),
        "annotations": alert_annotations(message),
        "startsAt": stamp(message.starts_at),
        "endsAt": stamp(ended_at(message) if is_over else max(ends_at, message.starts_at)),
    }
    if url := first_link(message):
        alert["generatorURL"] = url
    if message.severity != "page" or message.state == "confirmed":
        return [alert]
    lower = alert | {"labels": alert_labels(message) | {"severity": "watch"}}
    return [alert, lower | {"endsAt": stamp(ended_at(message) if is_over else max(message.at, message.starts_at))}]
