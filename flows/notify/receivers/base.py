"""What every receiver is: something that takes one message, once, or says why not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from detectors.errors import PermanentError

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from flows.notify.message import Message


class GoneError(PermanentError):
    """The receiver is not there any more (410): it is to be left alone until somebody looks at it."""


@dataclass(frozen=True)
class Delivery:
    """One attempt to deliver one message.

    Attributes
    ----------
    id
        The same for every attempt; receivers tell doubles by it.
    attempt
        1 for the first.
    now
        When it is made (UTC).
    """

    id: str
    attempt: int
    now: datetime


class Receiver(Protocol):
    """Where messages go.

    Attributes
    ----------
    name
        As the configuration names it.
    kind
        ``webhook``, ``slack``, ``discord``, ``teams``, ``pagerduty``, ``alertmanager``, ``email``, ``apprise``.
    resend_every
        How often what still fires has to be said again, where the receiver forgets; None = never.
    """

    name: str
    kind: str
    resend_every: timedelta | None

    def deliver(self, message: Message, delivery: Delivery) -> None:
        """Deliver a message: one attempt, which ends in time.

        Raises
        ------
        RetryableError
            It may work later: no answer, 408, 425, 429, 5xx; with when to try again, where the receiver said so.
        GoneError
            410.
        PermanentError
            It will not work until somebody changes something: any other answer, a redirect, an address that is not
            allowed.
        """
