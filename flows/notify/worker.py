"""The worker: takes what is due from the outbox, delivers it, and notes what became of it.

At least once, and under one id: a message is marked after the receiver has answered, so whoever is killed in between
has it sent again. Leases, order, and what is not worth sending are the store's (:mod:`flows.store.outbox`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Literal
from uuid import uuid4

import msgspec

from detectors.errors import PermanentError, RetryableError
from flows.net.clock import SYSTEM_CLOCK, Clock
from flows.net.errors import MOST_DELAY
from flows.net.workers import workers
from flows.notify.message import Message
from flows.notify.receivers.base import Delivery, GoneError
from flows.store import Setback

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flows.notify.receivers.base import Receiver
    from flows.store import Leased, Store

Outcome = Literal["delivered", "failed", "dead", "lost"]

_message = msgspec.json.Decoder(Message)


@dataclass(frozen=True)
class Pace:
    """How fast, and for how long, a worker tries.

    Attributes
    ----------
    base_s, cap_s
        Bound of the first wait, which doubles, and the largest bound; seconds.
    give_up_after
        A message that nobody has taken since its first attempt, so long ago, is dead.
    lease_s
        For how long a message is one worker's, in seconds: longer than any attempt takes, and each gets its own lease.
    failures_in_a_row
        After so many a receiver is left alone until the next call: it will not do better with the next message.
    """

    base_s: float = 5.0
    cap_s: float = 900.0
    give_up_after: timedelta = timedelta(hours=24)
    lease_s: float = 180.0
    failures_in_a_row: int = 3


@dataclass(frozen=True)
class Worker:
    """Who delivers.

    Attributes
    ----------
    clock
        Whose time passes.
    rng
        Draws the waits.
    owner
        Its name in leases; no two workers have the same.
    """

    clock: Clock = SYSTEM_CLOCK
    rng: Random = field(default_factory=Random)
    owner: str = field(default_factory=lambda: uuid4().hex)
    pace: Pace = field(default_factory=Pace)


@dataclass(frozen=True)
class Delivered:
    """What became of messages in one call.

    Attributes
    ----------
    delivered, failed, dead
        Attempts: taken by the receiver; to be tried again (those of a receiver that is gone too); given up.
    lost
        Attempts that took longer than their lease, so that somebody else has the message by now.
    waiting
        Messages that wait for their time.
    held
        Messages of receivers that are disabled, or that the configuration does not name any more.
    next_at
        When the next may be sent (UTC); None = none waits.
    """

    delivered: int = 0
    failed: int = 0
    dead: int = 0
    lost: int = 0
    waiting: int = 0
    held: int = 0
    next_at: datetime | None = None

    def record(self) -> dict[str, int]:
        """Return the numbers, for JSON."""
        return {name: getattr(self, name) for name in ("delivered", "failed", "dead", "waiting", "held")}


def deliver_due(
    store: Store, receivers: Mapping[str, Receiver], worker: Worker | None = None, *, stop_at: datetime
) -> Delivered:
    """Deliver what is due, each receiver in a thread of its own: a slow one does not hold up the others.

    Parameters
    ----------
    receivers
        By name. Messages for others are kept.
    worker
        Who delivers; None = somebody new, by the system's clock.
    stop_at
        No attempt begins after it (aware); one that has begun ends in time by itself.

    Raises
    ------
    StoreError
        The database failed. What was being delivered is delivered again, under the same id.
    """
    worker = worker or Worker()
    every = {name: one.resend_every for name, one in receivers.items() if one.resend_every is not None}
    if every:
        store.due_again(worker.clock.now(), every)
    if len(receivers) == 1:  # nobody else is held up
        outcomes = [
            outcome for name, one in receivers.items() for outcome in _serve(store, name, one, (worker, stop_at))
        ]
    else:
        with workers(len(receivers)) as pool:
            running = [pool.submit(_serve, store, name, one, (worker, stop_at)) for name, one in receivers.items()]
        outcomes = [outcome for one in running for outcome in one.result()]
    states = store.receiver_states()
    served = {one.name for one in states if one.disabled_at is None} & receivers.keys()
    return Delivered(
        **{kind: outcomes.count(kind) for kind in ("delivered", "failed", "dead", "lost")},
        waiting=sum(one.n_pending for one in states if one.name in served),
        held=sum(one.n_pending for one in states if one.name not in served),
        next_at=store.next_due(worker.clock.now(), served),
    )


def _serve(store: Store, name: str, receiver: Receiver, how: tuple[Worker, datetime]) -> list[Outcome]:
    """Deliver what is due for one receiver, one message after the other."""
    worker, stop_at = how
    outcomes: list[Outcome] = []
    n_in_a_row = 0
    while n_in_a_row < worker.pace.failures_in_a_row and worker.clock.now() < stop_at:
        leased = store.lease(worker.clock.now(), worker.pace.lease_s, 1, worker.owner, [name])
        if not leased:
            break
        outcomes.append(_deliver(store, leased[0], receiver, worker))
        n_in_a_row = n_in_a_row + 1 if outcomes[-1] == "failed" else 0
    return outcomes


def _deliver(store: Store, leased: Leased, receiver: Receiver, worker: Worker) -> Outcome:
    """Make one attempt, and note what became of it."""
    setback = _attempt(leased, receiver, worker)
    if setback is None:
        is_marked = store.delivered(leased.id, leased.owner, worker.clock.now())
        return "delivered" if is_marked else "lost"
    if not store.failed(leased.id, leased.owner, setback):
        return "lost"
    return "dead" if setback.not_before is None and not setback.is_gone else "failed"


def _attempt(leased: Leased, receiver: Receiver, worker: Worker) -> Setback | None:
    """Make one attempt; return why it failed, and what follows."""
    try:
        message = _message.decode(leased.body)
    except msgspec.MsgspecError:
        error = "what is in the outbox is not a message that this version can read"
        return Setback(at=worker.clock.now(), error=error)
    try:
        receiver.deliver(message, delivery_of(leased, worker.clock.now()))
    except GoneError as error:
        return Setback(at=worker.clock.now(), error=str(error), is_gone=True)
    except PermanentError as error:
        return Setback(at=worker.clock.now(), error=str(error))
    except RetryableError as error:
        return try_again(leased, receiver, worker, error)
    except Exception as error:  # noqa: BLE001 - an adapter's mistake is no reason to lose a message, nor its text safe
        unexpected = RetryableError(f"{receiver.kind} failed unexpectedly ({type(error).__name__})")
        return try_again(leased, receiver, worker, unexpected)
    return None


def delivery_of(leased: Leased, now: datetime) -> Delivery:
    """Return what a receiver is told of an attempt: the id is the same for every one."""
    return Delivery(leased.id, leased.attempt, now)


def try_again(leased: Leased, receiver: Receiver, worker: Worker, error: RetryableError) -> Setback:
    """Return when to try again: full jitter, but not before the receiver asked; never, if it was long enough.

    What is only said again is never given up: it ends when something else is said.
    """
    now, pace = worker.clock.now(), worker.pace
    asked_at = asked_for(error, now)
    is_again = receiver.resend_every is not None and leased.n_sent > 0
    if not is_again and now - leased.trying_since >= pace.give_up_after:
        return Setback(at=now, error=f"given up: {error}", receiver_not_before=asked_at)
    # Nobody needs the doublings beyond the cap, and a float has no room for all of them.
    bound_s = min(pace.cap_s, pace.base_s * 2.0 ** min(leased.n_failed, 32))
    return Setback(
        at=now,
        error=str(error),
        not_before=(asked_at or now) + timedelta(seconds=worker.rng.uniform(0, bound_s)),
        receiver_not_before=asked_at,
    )


def asked_for(error: RetryableError, now: datetime) -> datetime | None:
    """Return until when a receiver asked to be left alone (UTC); no more than a day, which is as long as any tries."""
    return None if error.retry_at is None else min(max(error.retry_at, now), now + MOST_DELAY)
