"""A receiver with every fault of the fault matrix, which keeps its own books and notices what must never happen."""

from __future__ import annotations

from collections import Counter, deque
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from detectors.errors import RetryableError
from flows.net.clock import Clock
from flows.net.errors import MOST_DELAY, check_status
from flows.notify.message import Message, delivery_id
from flows.notify.receivers.base import Delivery, GoneError
from flows.store import Outgoing
from tests.builders import START

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from flows.notify.message import Status

SECRET = "canary-of-an-adapter"  # noqa: S105
LIMIT = timedelta(hours=24)
LEASE_S = 180.0

Key = tuple[str, str]


class Killed(BaseException):
    """The worker's process ends here and now; nothing of it runs after that."""


class Time:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.at = START
        self.clock = Clock(lambda: self.at, self.pass_s)

    def pass_s(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


def say(incident_id: str, revision: int, status: Status = "firing", at: datetime = START) -> Message:
    return Message(
        incident_id=incident_id,
        revision=revision,
        status=status,
        state="confirmed" if status == "firing" else "resolved",
        severity="page",
        service="imessage",
        service_name="iMessage",
        at=at,
        sentence=f"{incident_id}, revision {revision}: {status}",
        starts_at=START,
    )


def outgoing(receiver: str, message: Message) -> Outgoing:
    return Outgoing(
        id=delivery_id(receiver, message.incident_id, message.revision),
        receiver=receiver,
        incident_id=message.incident_id,
        revision=message.revision,
        status=message.status,
        body=msgspec.json.encode(message),
        created_at=message.at,
    )


class Ears:
    """A receiver whose next faults are given beforehand.

    Attributes
    ----------
    script
        What becomes of the next attempts; then all are taken.
    meanwhile
        Called while an attempt takes longer than its lease: the other worker.
    received
        (incident, revision) of all that came in, in that order.
    wrong
        What must never happen, and has.
    """

    kind = "model"

    def __init__(self, name: str, time: Time, resend_every: timedelta | None = None) -> None:
        self.name = name
        self.resend_every = resend_every
        self.forgets = resend_every is not None
        self.time = time
        self.script: deque[str] = deque()
        self.meanwhile: Callable[[], object] = lambda: None
        self.received: list[tuple[str, int]] = []
        self.wrong: list[str] = []
        self.is_gone = False
        self.asked_until = START
        self._fired: set[tuple[str, int]] = set()
        self._newest: Counter[str] = Counter()
        self.acked: dict[str, set[int]] = {}
        self.may_die: set[str] = set()
        self._tries: Counter[str] = Counter()
        self._first_try: dict[str, datetime] = {}

    def deliver(self, message: Message, delivery: Delivery) -> None:
        """Check an attempt, and let it end as the script says."""
        self._check(message, delivery)
        self._first_try.setdefault(delivery.id, self.time.at)
        self._tries[delivery.id] += 1
        fault = self.script.popleft() if self.script else "taken"
        try:
            FAULTS[fault](self, message, delivery)
        except RetryableError:
            began_at = self._first_try.get(delivery.id, self.time.at)  # the other worker may have delivered it
            if self.time.at - began_at >= LIMIT:
                self.may_die.add(delivery.id)
            raise
        if "takes too long" not in fault:
            self._first_try.pop(delivery.id, None)

    def afresh(self, resent: Iterable[tuple[str, str, int]] = ()) -> None:
        """Note that somebody has had messages sent again, (id, incident, revision), or enabled the receiver.

        What came in without our answer reaching anybody may then come after what was sent later.
        """
        for name, incident_id, revision in resent:
            newest = max(self.acked.get(incident_id, ()), default=0)
            self._expect(newest <= revision, f"{incident_id}: {revision} is sent again after {newest}")
            self._newest[incident_id] = newest
            self._first_try.pop(name, None)
            self.may_die.discard(name)

    def enabled(self) -> None:
        self.is_gone = False
        self.asked_until = START
        self._first_try.clear()

    def _check(self, message: Message, delivery: Delivery) -> None:
        expected = delivery_id(self.name, message.incident_id, message.revision)
        self._expect(delivery.id == expected, "a message comes under another id")
        self._expect(not self.is_gone, "a message for a receiver that is gone")
        self._expect(self.time.at >= self.asked_until, "a message sooner than the receiver asked")

    def _expect(self, is_so: bool, wrong: str) -> None:  # noqa: FBT001
        if not is_so:
            self.wrong.append(f"{self.name}: {wrong}")

    def _take(self, message: Message) -> None:
        incident_id, revision = message.incident_id, message.revision
        newest = self._newest[incident_id]
        is_said_again = self.forgets and self._is_last_word(incident_id, revision, newest)
        self._expect(revision >= newest or is_said_again, f"{incident_id}: {revision} comes after {newest}")
        if message.status == "firing":
            self._fired.add((incident_id, revision))
        else:
            has_fired = any(one == incident_id and before < revision for one, before in self._fired)
            self._expect(has_fired, f"{incident_id}: resolved, and never fired")
        self._newest[incident_id] = max(newest, revision)
        self.received.append((incident_id, revision))

    def _is_last_word(self, incident_id: str, revision: int, newest: int) -> bool:
        """Whether what came later was an update of which no answer came, and which was given up."""
        died = all(delivery_id(self.name, incident_id, at) in self.may_die for at in range(revision + 1, newest + 1))
        return died and (incident_id, newest) in self._fired and revision in self.acked.get(incident_id, ())

    # --- what may become of an attempt -------------------------------------------------------------------------

    def taken(self, message: Message, _: Delivery) -> None:
        self._take(message)
        self.acked.setdefault(message.incident_id, set()).add(message.revision)

    def answers(self, status: int, delivery: Delivery) -> None:
        if status < 500:
            self.may_die.add(delivery.id)
        check_status(status, {}, what="the model", now=self.time.at)

    def gone(self, _message: Message, _: Delivery) -> None:
        self.is_gone = True
        raise GoneError("the model is gone")

    def asks(self, wait_s: float) -> None:
        self.asked_until = max(self.asked_until, self.time.at + min(timedelta(seconds=wait_s), MOST_DELAY))
        raise RetryableError("too many requests", retry_at=self.time.at + timedelta(seconds=wait_s))

    def silent(self, seconds: float) -> None:
        self.time.pass_s(seconds)
        raise RetryableError("no answer in time")

    def lost_reply(self, message: Message, _: Delivery) -> None:
        self._take(message)
        self.silent(30)

    def killed_before(self, _message: Message, _: Delivery) -> None:
        raise Killed

    def killed_after(self, message: Message, _: Delivery) -> None:
        self._take(message)
        raise Killed

    def too_long(self, message: Message, delivery: Delivery) -> None:
        self._take(message)
        n_tries = self._tries[delivery.id]
        self.time.pass_s(LEASE_S + 1)
        self.meanwhile()
        if self._tries[delivery.id] == n_tries:
            self.acked.setdefault(message.incident_id, set()).add(message.revision)

    def too_long_for_nothing(self, message: Message, _: Delivery) -> None:
        self._take(message)
        self.time.pass_s(LEASE_S + 1)
        self.meanwhile()
        raise RetryableError("no answer in time")

    def odd(self, _message: Message, _: Delivery) -> None:
        if self.time.at - min(self._first_try.values()) >= LIMIT:  # the worker takes it for one that may work later
            self.may_die.update(self._first_try)
        raise ValueError(SECRET)


FAULTS: dict[str, Callable[[Ears, Message, Delivery], None]] = {
    "taken": Ears.taken,
    "302": lambda ears, _, delivery: ears.answers(302, delivery),
    "400": lambda ears, _, delivery: ears.answers(400, delivery),
    "410": Ears.gone,
    "429, a minute": lambda ears, *_: ears.asks(60),
    "429, three hours": lambda ears, *_: ears.asks(3 * 3600),
    "429, two days": lambda ears, *_: ears.asks(2 * 86_400),
    "503": lambda ears, _, delivery: ears.answers(503, delivery),
    "time-out": lambda ears, *_: ears.silent(30),
    "reply lost": Ears.lost_reply,
    "slow drip": lambda ears, *_: ears.silent(60),
    "killed before": Ears.killed_before,
    "killed after": Ears.killed_after,
    "takes too long": Ears.too_long,
    "takes too long and fails": Ears.too_long_for_nothing,
    "an adapter's mistake": Ears.odd,
}
