"""The alerts of one tick: what follows from what was found is written down, then delivered."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING
from uuid import uuid4

from msgspec.structs import replace

from flows.notify.configured import told_by
from flows.notify.message import Message, delivery_id
from flows.notify.receivers.base import Delivery
from flows.notify.telling import tell
from flows.notify.worker import Worker, deliver_due

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from detectors.incidents.lifecycle import History
    from detectors.model import Incident
    from flows.notify.configured import Told
    from flows.notify.receivers.base import Receiver
    from flows.notify.worker import Delivered
    from flows.settings import Settings, World
    from flows.store import Outgoing, Store

AT_LEAST = timedelta(seconds=20)
"""Delivering gets so much time even where the sources have taken all of theirs."""


@dataclass
class Alerts:
    """What is told in one tick.

    Attributes
    ----------
    error
        Why nothing could be decided, in which kind of error; the next tick decides again. Empty where all is well.
    """

    settings: Settings
    world: World
    store: Store
    error: str = field(default="", init=False)

    @property
    def is_on(self) -> bool:
        """Whether anybody is to be told."""
        return bool(self.settings.receivers)

    @cached_property
    def told(self) -> Told:
        """Who is told, and what; errors as of :func:`flows.notify.configured.told_by`."""
        return told_by(self.settings, self.world)

    def check(self) -> None:
        """Make the receivers, so that a mistake in the configuration is said before anything is done.

        Raises
        ------
        SettingsError
            As of :func:`flows.notify.configured.told_by`.
        """
        if self.is_on:
            _ = self.told

    def tell(self, changed: Sequence[History], rising: Collection[str]) -> list[Outgoing]:
        """Return the messages that follow.

        A mistake of ours in a sentence must not cost the incident: then nothing is told in this tick, which says so.
        """
        telling = self.told.telling
        try:
            now = self.world.clock.now()
            return tell(self.store, telling, now, changed=changed, rising=rising, failed=self._failed)
        except Exception as error:  # noqa: BLE001 - whatever it is; its text may hold what strangers wrote
            self.error = f"nothing could be told ({type(error).__name__}); it is tried again with the next tick"
            return []

    def _failed(self, incident: Incident, error: Exception) -> None:
        self.error = (
            f"no message could be made of {incident.service} {incident.id[:8]} ({type(error).__name__}); "
            "it is tried again with the next tick"
        )

    def deliver(self, stop_at: datetime) -> Delivered:
        """Deliver what is due; no attempt begins after ``stop_at``, or after a few seconds if that is earlier."""
        clock = self.world.clock
        until = max(stop_at, clock.now() + AT_LEAST)
        return deliver_due(self.store, self.told.receivers, Worker(clock), stop_at=until)


def send_test(receiver: Receiver, now: datetime) -> None:
    """Send a receiver a test: that something fires, and that it is over; errors as of ``Receiver.deliver``."""
    incident_id = f"test-{uuid4().hex[:12]}"
    firing = Message(
        incident_id=incident_id,
        revision=1,
        status="firing",
        state="confirmed",
        severity="page",
        service="uproar-test",
        service_name="Uproar test",
        at=now,
        sentence="This is a test of Uproar: nothing is in trouble.",
        starts_at=now,
        is_test=True,
        reason="somebody asked for a test",
    )
    over = replace(firing, revision=2, status="resolved", state="resolved", ends_at=now)
    for message in (firing, over):
        identity = delivery_id(receiver.name, incident_id, message.revision)
        receiver.deliver(message, Delivery(identity, 1, now))
