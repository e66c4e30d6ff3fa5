"""Where messages go: one file a kind of receiver, each escaping for its own sink.

>>> receiver_class("slack").__name__
'SlackReceiver'
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flows.notify.receivers.base import Receiver

KINDS = {
    "webhook": "WebhookReceiver",
    "slack": "SlackReceiver",
    "discord": "DiscordReceiver",
    "teams": "TeamsReceiver",
    "pagerduty": "PagerDutyReceiver",
    "alertmanager": "AlertmanagerReceiver",
    "email": "EmailReceiver",
    "apprise": "AppriseReceiver",
}
"""Class of each kind, in the module of that name; loaded when asked for, since most are never used."""


def receiver_class(kind: str) -> type[Receiver]:
    """Return the class of a kind of receiver; KeyError if there is no such kind."""
    name = KINDS[kind]
    found: type[Receiver] = getattr(import_module(f"flows.notify.receivers.{kind}"), name)
    return found
