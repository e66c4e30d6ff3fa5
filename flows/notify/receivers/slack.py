"""Slack, by an incoming webhook.

Sources: Slack's developer pages "Sending messages using incoming webhooks" and its changelog of 17 May 2016 (answers),
"Formatting text for app surfaces" (what has to be escaped), "Block Kit: blocks" (limits: header 150, section 3,000, ten
fields of 2,000).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from detectors.errors import PermanentError, RetryableError
from flows.notify.receivers.base import GoneError
from flows.notify.receivers.facts import facts, fit, links, sentence, title
from flows.notify.receivers.sending import check, encode, send, what

if TYPE_CHECKING:
    from datetime import timedelta

    from flows.net import Http
    from flows.notify.message import Message
    from flows.notify.receivers.base import Delivery

ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_IN_LINKS = ESCAPES | {"|": "/"}
HEADER_LIMIT, SECTION_LIMIT, FIELD_LIMIT, MOST_FIELDS = 150, 3000, 2000, 10
_GONE = (b"no_service", b"no_team", b"channel_not_found", b"channel_is_archived")
"""The webhook was switched off, or its channel is no more; believed whatever the status that it comes with."""


@dataclass(kw_only=True)
class SlackReceiver:
    """Posts each message into one channel: ``name``, ``url`` (a secret), ``http`` (the guarded client)."""

    name: str
    url: str = field(repr=False)
    http: Http = field(repr=False)
    kind: str = field(default="slack", init=False)
    resend_every: timedelta | None = field(default=None, init=False)

    def deliver(self, message: Message, delivery: Delivery) -> None:
        """Post it; see :meth:`flows.notify.receivers.base.Receiver.deliver`."""
        answer = send(self.http, self.url, encode(payload(message)), name=self.name)
        said = answer.body.strip()
        if said in _GONE:
            raise GoneError(f"{what(self.name)}: Slack says {said.decode('ascii')}")
        check(answer, name=self.name, now=delivery.now)
        if said != b"ok":
            kind = PermanentError if said else RetryableError
            raise kind(f"{what(self.name)} answered {answer.status}, but not with the ok that Slack gives")


def payload(message: Message) -> dict[str, Any]:
    """Return what is posted: blocks, and one line for notifications. No text is markup, only links are."""
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": _plain(title(message), HEADER_LIMIT)},
        {"type": "section", "text": _plain(sentence(message), SECTION_LIMIT)},
    ]
    rows = [_plain(f"{fact.label}: {fact.text}", FIELD_LIMIT) for fact in facts(message)]
    starts = range(0, len(rows), MOST_FIELDS)
    blocks.extend({"type": "section", "fields": rows[start : start + MOST_FIELDS]} for start in starts)
    if shown := links(message):
        text = " | ".join(f"<{url.replace('&', '&amp;')}|{fit(label, 100, _IN_LINKS)}>" for label, url in shown[:2])
        blocks.append({"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}})
    return {
        "text": fit(f"{title(message)}. {sentence(message)}", SECTION_LIMIT, ESCAPES),
        "blocks": blocks,
        "unfurl_links": False,
        "unfurl_media": False,
    }


def _plain(text: str, limit: int) -> dict[str, Any]:
    return {"type": "plain_text", "text": fit(text, limit, ESCAPES), "emoji": False}
