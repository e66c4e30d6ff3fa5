"""Discord, by a webhook of a channel.

Sources: Discord's developer documentation, "Webhook resource: execute webhook" (``allowed_mentions``, ``wait``), "Embed
limits" (title 256, description 4,096, 25 fields of 256 and 1,024, 6,000 in all), "JSON error codes" (10015).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx

from detectors.errors import PermanentError
from flows.notify.receivers.alerts import stamp
from flows.notify.receivers.base import GoneError
from flows.notify.receivers.facts import facts, fit, links, sentence, title
from flows.notify.receivers.sending import check, code_in, encode, send, what

if TYPE_CHECKING:
    from datetime import timedelta

    from flows.net import Http
    from flows.notify.message import Message
    from flows.notify.receivers.base import Delivery

ESCAPES = {char: f"\\{char}" for char in "\\*_~`|<>[]#@"}
CONTENT_LIMIT, TITLE_LIMIT, TEXT_LIMIT, NAME_LIMIT, VALUE_LIMIT = 2000, 256, 4096, 256, 1024
EMBED_LIMIT, MOST_FIELDS = 6000, 25
UNKNOWN_WEBHOOK = 10015
_COLOURS = {"page": 0xC0392B, "watch": 0xD68910, "resolved": 0x1E8449}


@dataclass(kw_only=True)
class DiscordReceiver:
    """Posts each message into one channel: ``name``, ``url`` (a secret), ``http`` (the guarded client)."""

    name: str
    url: str = field(repr=False)
    http: Http = field(repr=False)
    kind: str = field(default="discord", init=False)
    resend_every: timedelta | None = field(default=None, init=False)

    def deliver(self, message: Message, delivery: Delivery) -> None:
        """Post it; see :meth:`flows.notify.receivers.base.Receiver.deliver`."""
        answer = send(self.http, self._waiting(), encode(payload(message)), name=self.name)
        if answer.status == 404 and code_in(answer) == UNKNOWN_WEBHOOK:
            raise GoneError(f"{what(self.name)}: Discord does not know this webhook any more")
        check(answer, name=self.name, now=delivery.now)

    def _waiting(self) -> str:
        """Return the address that answers once the message is there, not before."""
        try:
            return str(httpx.URL(self.url).copy_merge_params({"wait": "true"}))
        except httpx.InvalidURL:
            raise PermanentError(f"{what(self.name)}: its address is none") from None


def payload(message: Message) -> dict[str, Any]:
    """Return what is posted: one embed without markup, which mentions nobody."""
    head = fit(title(message), TITLE_LIMIT, ESCAPES)
    embed: dict[str, Any] = {
        "title": head,
        "description": _described(message),
        "color": _COLOURS["resolved" if message.status == "resolved" else message.severity],
        "timestamp": stamp(message.at),
    }
    if shown := links(message):
        embed["url"] = shown[0][1]
    left = EMBED_LIMIT - _units(head) - _units(embed["description"])
    fields = []
    for fact in facts(message)[:MOST_FIELDS]:
        name, value = fit(fact.label, NAME_LIMIT, ESCAPES), fit(fact.text, VALUE_LIMIT, ESCAPES)
        left -= _units(name) + _units(value)
        if left < 0:
            break
        fields.append({"name": name, "value": value, "inline": False})
    if fields:
        embed["fields"] = fields
    return {"content": head, "embeds": [embed], "allowed_mentions": {"parse": []}}


def _described(message: Message) -> str:
    shown = [f"[{fit(label, 100, ESCAPES)}]({url})" for label, url in links(message)[1:3]]
    return "\n".join([fit(sentence(message), TEXT_LIMIT - 2500, ESCAPES), *shown])


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2
