"""Microsoft Teams, by a workflow that starts "when a Teams webhook request is received".

Sources: Microsoft Learn, "Create incoming webhooks with Workflows for Microsoft Teams" (envelope, 28 kB), the schema of
Adaptive Cards 1.4. All text stands in ``TextRun``, which knows no Markdown.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from flows.notify.receivers.facts import facts, fit, links, sentence, title
from flows.notify.receivers.sending import check, encode, send

if TYPE_CHECKING:
    from datetime import timedelta

    from flows.net import Http
    from flows.notify.message import Message
    from flows.notify.receivers.base import Delivery

ESCAPES = {"{": "(", "}": ")"}
"""``{{DATE(...)}}`` is a function in cards, for which there is no escape."""

CARD_LIMIT = 28_000
TEXT_LIMIT = 1000
_COLOURS = {"page": "attention", "watch": "warning", "resolved": "good"}


@dataclass(kw_only=True)
class TeamsReceiver:
    """Posts each message where the workflow says: ``name``, ``url`` (a secret), ``http`` (the guarded client)."""

    name: str
    url: str = field(repr=False)
    http: Http = field(repr=False)
    kind: str = field(default="teams", init=False)
    resend_every: timedelta | None = field(default=None, init=False)

    def deliver(self, message: Message, delivery: Delivery) -> None:
        """Post it; see :meth:`flows.notify.receivers.base.Receiver.deliver`. 202: the workflow has begun."""
        answer = send(self.http, self.url, encode(payload(message)), name=self.name)
        check(answer, name=self.name, now=delivery.now)


def payload(message: Message) -> dict[str, Any]:
    """Return what is posted: a message with one card, of at most 28 kB."""
    rows = [_line(_run(f"{fact.label}: ", weight="bolder"), _run(fact.text)) for fact in facts(message)]
    while True:
        posted = _message(message, rows)
        if len(encode(posted)) <= CARD_LIMIT or not rows:
            return posted
        rows.pop()


def _message(message: Message, rows: list[dict[str, Any]]) -> dict[str, Any]:
    colour = _COLOURS["resolved" if message.status == "resolved" else message.severity]
    card: dict[str, Any] = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "fallbackText": fit(sentence(message), TEXT_LIMIT, ESCAPES),
        "msteams": {"width": "Full"},
        "body": [
            _line(_run(title(message), weight="bolder", size="large", color=colour)),
            _line(_run(sentence(message))),
            *rows,
        ],
    }
    if shown := links(message):
        card["actions"] = [
            {"type": "Action.OpenUrl", "title": fit(label, 60, ESCAPES), "url": url} for label, url in shown
        ]
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [attachment]}


def _line(*runs: dict[str, Any]) -> dict[str, Any]:
    return {"type": "RichTextBlock", "inlines": list(runs)}


def _run(text: str, **style: str) -> dict[str, Any]:
    return {"type": "TextRun", "text": fit(text, TEXT_LIMIT, ESCAPES), **style}
