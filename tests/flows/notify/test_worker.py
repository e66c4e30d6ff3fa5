"""The worker, one thing at a time."""

from __future__ import annotations

from datetime import timedelta
from random import Random
from threading import Barrier, Event
from typing import TYPE_CHECKING, Any

import pytest

from detectors.errors import RetryableError
from flows.notify.message import delivery_id
from flows.notify.worker import Pace, Worker, deliver_due
from tests.flows.notify.forker import LONG_AGO
from tests.flows.notify.machine import empty_store
from tests.flows.notify.model import SECRET, Ears, Killed, Time, outgoing, say

if TYPE_CHECKING:
    from flows.notify.message import Message
    from flows.notify.receivers.base import Delivery, Receiver
    from flows.notify.worker import Delivered
    from flows.store import Store


class Desk:
    """A store, a clock, and a worker at them."""

    def __init__(self) -> None:
        self.store: Store = empty_store()
        self.time = Time()
        self.worker = Worker(self.time.clock, Random(1), "worker", Pace())  # noqa: S311

    def tell(self, n: int = 1, *names: str, status: Any = "firing", revision: int = 1) -> None:
        """Have something to tell of so many incidents."""
        messages = [say(f"incident-{number}", revision, status, self.time.at) for number in range(n)]
        self.store.enqueue([outgoing(name, message) for message in messages for name in names or ("oncall",)])

    def work(self, *ears: Receiver, minutes: float = 60) -> Delivered:
        stop_at = self.time.at + timedelta(minutes=minutes)
        return deliver_due(self.store, {one.name: one for one in ears}, self.worker, stop_at=stop_at)

    def later(self, seconds: float) -> None:
        self.time.pass_s(seconds)

    def row(self, receiver: str = "oncall") -> Any:
        (row,) = self.store.deliveries(receiver=receiver, incident_id="incident-0")
        return row


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def ears(desk: Desk) -> Ears:
    return Ears("oncall", desk.time)


def test_what_is_due_is_delivered(desk: Desk, ears: Ears) -> None:
    desk.tell(5)
    done = desk.work(ears)
    assert (done.delivered, done.failed, done.dead, done.waiting, done.held, done.next_at) == (5, 0, 0, 0, 0, None)
    assert len(ears.received) == 5
    assert desk.work(ears).delivered == 0


def test_nobody_to_tell(desk: Desk) -> None:
    desk.tell()
    assert desk.work().held == 1


def test_it_goes_by_the_systems_clock_by_default(desk: Desk, ears: Ears) -> None:
    desk.tell()
    assert deliver_due(desk.store, {"oncall": ears}, stop_at=LONG_AGO).delivered == 0, "that is over"
    assert desk.work(ears).delivered == 1


def test_nothing_begins_after_the_end(desk: Desk, ears: Ears) -> None:
    desk.tell(3)
    ears.script.extend(["time-out"])
    done = desk.work(ears, minutes=0.5)
    assert (done.failed, done.delivered, done.waiting) == (1, 0, 3)


def test_a_receiver_that_fails_is_left_alone_for_now(desk: Desk, ears: Ears) -> None:
    desk.tell(9)
    ears.script.extend(["503", "503", "taken", "503", "503", "503"])
    done = desk.work(ears)
    assert (done.failed, done.delivered, done.waiting) == (5, 1, 8)


class Longest(Random):
    """Draws the longest wait."""

    def uniform(self, _: float, b: float) -> float:
        return b


def waits_s(desk: Desk, ears: Ears, fault: str) -> list[float]:
    """Fail again and again, and return how long the worker waits each time, in seconds."""
    found = []
    for _ in range(20):
        ears.script.append(fault)
        done = desk.work(ears)
        if done.next_at is None:
            break
        found.append((done.next_at - desk.time.at).total_seconds())
        desk.time.at = done.next_at
    return found


def test_waits_double_up_to_a_quarter_of_an_hour(desk: Desk, ears: Ears) -> None:
    desk.tell()
    desk.worker = Worker(desk.time.clock, Longest(), "worker")
    assert waits_s(desk, ears, "503")[:10] == [5, 10, 20, 40, 80, 160, 320, 640, 900, 900]


def test_waits_are_drawn_evenly(desk: Desk, ears: Ears) -> None:
    desk.tell()
    waits = waits_s(desk, ears, "503")
    assert all(0 <= wait <= 900 for wait in waits)
    assert len(set(waits)) == len(waits)


def test_a_receiver_waits_as_long_as_it_asks_but_for_a_day(desk: Desk, ears: Ears) -> None:
    desk.tell(2)
    ears.script.append("429, two days")
    done = desk.work(ears)
    assert (done.failed, done.delivered) == (1, 0), "it asked to be left alone, not: for this one"
    assert done.next_at is not None
    assert done.next_at - desk.time.at >= timedelta(days=1)
    assert done.next_at - desk.time.at < timedelta(days=1, minutes=1)


def test_what_nobody_takes_in_a_day_is_given_up(desk: Desk, ears: Ears) -> None:
    desk.tell()
    desk.worker = Worker(desk.time.clock, Longest(), "worker")
    began = desk.time.at
    for _ in range(200):
        ears.script.append("503")
        done = desk.work(ears)
        if done.dead:
            break
        assert done.next_at is not None
        desk.time.at = done.next_at
    assert desk.row().state == "dead"
    assert desk.row().last_error == "given up: the model answered 503"
    assert timedelta(hours=24) <= desk.time.at - began < timedelta(hours=24, minutes=15)


@pytest.mark.parametrize("fault", ["302", "400"])
def test_what_will_not_work_is_not_tried_again(desk: Desk, ears: Ears, fault: str) -> None:
    desk.tell()
    ears.script.append(fault)
    assert desk.work(ears).dead == 1
    assert fault in desk.row().last_error


def test_a_receiver_that_is_gone_keeps_its_messages(desk: Desk, ears: Ears) -> None:
    desk.tell(3)
    ears.script.append("410")
    done = desk.work(ears)
    assert (done.failed, done.held, done.waiting, done.next_at) == (1, 3, 0, None)
    assert desk.work(ears).delivered == 0
    desk.store.enable("oncall", desk.time.at)
    ears.enabled()
    assert desk.work(ears).delivered == 3


def test_messages_for_a_receiver_that_is_not_configured_are_held(desk: Desk, ears: Ears) -> None:
    desk.tell(2, "oncall", "old")
    done = desk.work(ears)
    assert (done.delivered, done.held) == (2, 2)


def test_an_adapters_mistake_is_tried_again_and_not_quoted(desk: Desk, ears: Ears) -> None:
    desk.tell()
    ears.script.append("an adapter's mistake")
    assert desk.work(ears).failed == 1
    assert desk.row().last_error == "model failed unexpectedly (ValueError)"
    assert SECRET not in str(desk.row())


def test_what_is_no_message_is_dead(desk: Desk, ears: Ears) -> None:
    import msgspec

    broken = outgoing("oncall", say("incident-0", 1))
    desk.store.enqueue([msgspec.structs.replace(broken, body=b'{"revision":1}')])
    assert desk.work(ears).dead == 1
    assert "not a message" in desk.row().last_error


def test_a_worker_that_was_too_slow_notes_nothing(desk: Desk, ears: Ears) -> None:
    desk.tell()
    other = Worker(desk.time.clock, Random(1), "other")  # noqa: S311
    ears.meanwhile = lambda: deliver_due(
        desk.store, {"oncall": ears}, other, stop_at=desk.time.at + timedelta(minutes=1)
    )
    ears.script.extend(["takes too long", "503"])
    done = desk.work(ears)
    assert (done.lost, done.delivered) == (1, 0)
    assert (desk.row().attempts, desk.row().n_failed) == (2, 1)
    desk.later(60)
    ears.script.extend(["takes too long and fails"])
    assert desk.work(ears).lost == 1
    assert desk.row().state == "delivered"


def test_who_is_killed_after_the_answer_sends_it_again_under_the_same_id(desk: Desk, ears: Ears) -> None:
    desk.tell()
    ears.script.append("killed after")
    with pytest.raises(Killed):
        desk.work(ears)
    assert desk.work(ears).delivered == 0, "its lease holds"
    desk.later(180)
    assert desk.work(ears).delivered == 1
    assert ears.received == [("incident-0", 1)] * 2
    assert desk.row().id == delivery_id("oncall", "incident-0", 1)


def test_what_fires_is_said_again_to_who_forgets(desk: Desk) -> None:
    ears = Ears("oncall", desk.time, timedelta(minutes=2))
    other = Ears("chat", desk.time)
    desk.tell(1, "oncall", "chat")
    assert desk.work(ears, other).delivered == 2
    for _ in range(5):
        assert desk.work(ears, other).delivered == 0
        desk.later(120)
        assert desk.work(ears, other).delivered == 1
    desk.tell(1, "oncall", "chat", status="resolved", revision=2)
    n_sent = []
    for _ in range(6):
        n_sent.append(desk.work(ears, other).delivered)
        desk.later(120)
    assert n_sent == [2, 1, 1, 0, 0, 0]
    assert other.received == [("incident-0", 1), ("incident-0", 2)]


def test_what_is_only_said_again_is_not_given_up(desk: Desk) -> None:
    ears = Ears("oncall", desk.time, timedelta(minutes=2))
    desk.tell()
    desk.work(ears)
    for _ in range(30):
        desk.later(3600)
        ears.script.append("503")
        assert desk.work(ears).dead == 0
    desk.later(3600)
    assert desk.work(ears).delivered == 1


class Slow:
    """A receiver that takes its time, until it is told to hurry."""

    kind = "slow"

    def __init__(self, name: str, wait: Any) -> None:
        self.name = name
        self.resend_every: timedelta | None = None
        self.wait = wait

    def deliver(self, message: Message, delivery: Delivery) -> None:
        self.wait(message, delivery)


def test_a_slow_receiver_holds_nobody_up(desk: Desk) -> None:
    hurry = Event()

    def wait(*_: object) -> None:
        if not hurry.wait(60):
            raise RetryableError("nobody else was served meanwhile")

    quick = Slow("chat", lambda message, _: hurry.set() if message.incident_id == "incident-2" else None)
    desk.tell(3, "oncall", "chat")
    done = desk.work(Slow("oncall", wait), quick)
    assert (done.delivered, done.failed) == (6, 0)


def test_receivers_are_served_at_once(desk: Desk) -> None:
    together = Barrier(3, timeout=60)
    desk.tell(1, "a", "b", "c")
    assert desk.work(*(Slow(name, lambda *_: together.wait()) for name in "abc")).delivered == 3
