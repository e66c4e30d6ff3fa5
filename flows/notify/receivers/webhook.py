"""A webhook of anybody's: the shape of Alertmanager's webhook, version 4, and our own fields; signed.

Shape: Prometheus, "Alerting: configuration", section ``webhook_config``. Signature: Standard Webhooks 1.0 (symmetric,
``v1``). How a receiver verifies it: ``docs/examples/verify_webhook.py``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace
from standardwebhooks import Webhook

from detectors.errors import InputError
from flows.notify.receivers.alerts import (
    NEVER,
    alert_annotations,
    alert_labels,
    ended_at,
    fingerprint,
    first_link,
    stamp,
)
from flows.notify.receivers.facts import clean, links
from flows.notify.receivers.sending import check, check_plain, encode, send, what

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from flows.net import Http
    from flows.notify.message import Message
    from flows.notify.receivers.base import Delivery

_SECRET_RE = re.compile(r"whsec_[A-Za-z0-9+/]{22,}={0,2}")
_MOST_ITEMS = 50


@dataclass(kw_only=True)
class WebhookReceiver:
    """Posts each message to an address of yours.

    Attributes
    ----------
    name, url, http
        What it is called, where it is, and the guarded client.
    secret
        ``whsec_`` and base64 of 16 bytes or more; several, separated by blanks, while one replaces another. Without
        one nothing is signed.
    authorization
        The header ``Authorization``, if it wants one (``Bearer ...``).
    external_url
        Where our own pages are.

    Raises
    ------
    InputError
        The secret is none, or ``authorization`` cannot stand in a header.
    """

    name: str
    url: str = field(repr=False)
    http: Http = field(repr=False)
    secret: str = field(default="", repr=False)
    authorization: str = field(default="", repr=False)
    external_url: str = field(default="", repr=False)
    kind: str = field(default="webhook", init=False)
    resend_every: timedelta | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        check_plain(self.authorization, name=self.name, setting="authorization")
        if not all(_SECRET_RE.fullmatch(secret) for secret in self.secret.split()):
            raise InputError(f"{what(self.name)}: a signing secret is whsec_ and base64 of 16 bytes or more")
        self._signers = [Webhook(secret) for secret in self.secret.split()]

    def deliver(self, message: Message, delivery: Delivery) -> None:
        """Post it; see :meth:`flows.notify.receivers.base.Receiver.deliver`."""
        body = encode(payload(message, receiver=self.name, external_url=self.external_url))
        headers = {"webhook-id": delivery.id, "webhook-timestamp": str(int(delivery.now.timestamp()))}
        if self._signers:
            headers["webhook-signature"] = self._signatures(delivery.id, delivery.now, body.decode("ascii"))
        if self.authorization:
            headers["Authorization"] = self.authorization
        answer = send(self.http, self.url, body, name=self.name, headers=headers)
        check(answer, name=self.name, now=delivery.now)

    def _signatures(self, id_: str, at: datetime, data: str) -> str:
        # The library reads an aware time of another zone as if it were UTC.
        at = at.astimezone(UTC)
        return " ".join(signer.sign(msg_id=id_, timestamp=at, data=data) for signer in self._signers)


def payload(message: Message, *, receiver: str, external_url: str = "") -> dict[str, Any]:
    """Return what is posted."""
    opened = [{"label": label, "url": url} for label, url in links(message)]
    alert: dict[str, Any] = {
        "status": message.status,
        "labels": alert_labels(message),
        "annotations": alert_annotations(message),
        "startsAt": stamp(message.starts_at),
        "endsAt": stamp(ended_at(message)) if message.status == "resolved" else NEVER,
        "generatorURL": first_link(message),
        "fingerprint": fingerprint(message),
    }
    return {
        "version": "4",
        "groupKey": f"uproar:{clean(message.group or message.incident_id)}",
        "truncatedAlerts": 0,
        "status": message.status,
        "receiver": clean(receiver),
        "groupLabels": {"alertname": alert["labels"]["alertname"]},
        "commonLabels": alert["labels"],
        "commonAnnotations": alert["annotations"],
        "externalURL": external_url,
        "alerts": [alert],
        "uproar": _inert(msgspec.to_builtins(replace(message, links=()))) | {"links": opened},
    }


def _inert(value: Any) -> Any:  # noqa: ANN401 - whatever JSON holds
    """Return the same with every text bounded, and made inert."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, (list, tuple)):
        return [_inert(item) for item in value[:_MOST_ITEMS]]
    return {key: _inert(item) for key, item in value.items()} if isinstance(value, dict) else value
