"""Two workers, two receivers with faults, and somebody at the command line, in any order: nothing is lost."""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from random import Random
from typing import TYPE_CHECKING, Any, ClassVar

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from sqlalchemy import delete

from flows.notify.message import delivery_id
from flows.notify.worker import Pace, Worker, deliver_due
from flows.store import Store, open_store
from flows.store.leasing import NEVER_FIRED
from flows.store.outbox_tables import deliveries, receivers
from tests.flows.notify.model import FAULTS, LEASE_S, SECRET, Ears, Killed, Time, outgoing, say

if TYPE_CHECKING:
    from flows.store import Kept

NAMES = ("oncall", "forgetful")
INCIDENTS = ("incident-a", "incident-b")

names = st.sampled_from(NAMES)
# Hypothesis tries the first of a list first, and reports it if that will do.
faults = st.lists(st.sampled_from(sorted(FAULTS, key=lambda name: name != "503")), max_size=3)
hours = st.sampled_from([7.0, 1.0, 12.0])
pauses_s = st.sampled_from([0.0, 5.0, 60.0, 400.0, 3600.0, 6 * 3600.0, 25 * 3600.0])


# Shrinking takes minutes: to look at what was found, run it with all phases.
CI = settings(
    max_examples=25,
    stateful_step_count=20,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)


@cache
def _memory() -> Store:
    """Return one store for all runs: making one takes longer than a run."""
    return open_store(":memory:")


def empty_store() -> Store:
    with _memory()._writing() as connection:
        connection.execute(delete(deliveries))
        connection.execute(delete(receivers))
    return _memory()


class Machine(RuleBasedStateMachine):
    """The worker and the store as they are, with a receiver that knows what it should have got."""

    pace: ClassVar[Pace] = Pace(lease_s=LEASE_S)
    latest: ClassVar[Machine]

    def __init__(self) -> None:
        super().__init__()
        Machine.latest = self
        self.store = empty_store()
        self.time = Time()
        rng = Random(1)  # noqa: S311
        self.workers = [Worker(self.time.clock, rng, owner, self.pace) for owner in ("first", "second")]
        self.ears = {
            "oncall": Ears("oncall", self.time),
            "forgetful": Ears("forgetful", self.time, timedelta(minutes=2)),
        }
        for one in self.ears.values():
            one.meanwhile = self.other_worker(one)
        self.last = dict.fromkeys(INCIDENTS, 0)
        self.status: dict[str, tuple[str, str, int, Any]] = {}

    def other_worker(self, ears: Ears) -> Any:
        def deliver() -> None:
            self.deliver(1, ears)

        return deliver

    def deliver(self, number: int, ears: Ears) -> None:
        """Let a worker do what is due; it may be killed."""
        stop_at = self.time.at + timedelta(minutes=10)
        try:
            deliver_due(self.store, {ears.name: ears}, self.workers[number], stop_at=stop_at)
        except Killed:
            return

    @rule(incident_id=st.sampled_from(INCIDENTS), status=st.sampled_from(["firing", "resolved"]), n=st.integers(1, 2))
    def tell(self, incident_id: str, status: Any, n: int) -> None:
        """Have something to tell; the step that tells it may run twice."""
        self.last[incident_id] += 1
        message = say(incident_id, self.last[incident_id], status, self.time.at)
        for _ in range(n):
            self.store.enqueue([outgoing(name, message) for name in NAMES])
        for name in NAMES:
            told = (name, incident_id, message.revision, status)
            self.status[delivery_id(name, incident_id, message.revision)] = told

    def work(self, name: str, script: list[str], number: int) -> None:
        ears = self.ears[name]
        ears.script.extend(script)
        self.deliver(number, ears)
        ears.script.clear()

    @rule(name=names, script=faults, number=st.integers(0, 1), seconds=pauses_s)
    def wait_and_work(self, name: str, script: list[str], number: int, seconds: float) -> None:
        self.time.pass_s(seconds)
        self.work(name, script, number)

    @rule(incident_id=st.sampled_from(INCIDENTS), name=names, script=faults)
    def tell_and_work(self, incident_id: str, name: str, script: list[str]) -> None:
        """Send at once what is told."""
        self.tell(incident_id, "firing", 1)
        self.work(name, script, 0)

    @rule(name=names, fault=st.sampled_from(["503", "time-out", "reply lost"]), hours=st.lists(hours, min_size=2))
    def be_away(self, name: str, fault: str, hours: list[float]) -> None:
        """Let the receiver take nothing for a long time."""
        for pause in hours[:8]:
            self.wait_and_work(name, [fault] * 3, 0, pause * 3600)

    @rule(name=names, incident_id=st.sampled_from(INCIDENTS), fault=st.sampled_from(["400", "302"]))
    def refuse_one(self, name: str, incident_id: str, fault: str) -> None:
        """Let the receiver take a message, but not the one before it."""
        for script in ([fault], []):
            self.tell(incident_id, "firing", 1)
            self.work(name, script, 0)

    @rule(name=names)
    def enable(self, name: str) -> None:
        self.store.enable(name, self.time.at)
        self.ears[name].enabled()

    @rule(name=st.none() | names)
    def resend_dead(self, name: str | None) -> None:
        self._resent(self.store.resend(self.time.at, receiver=name))

    @rule(name=names, incident_id=st.sampled_from(INCIDENTS), revision=st.integers(1, 4))
    def resend_one(self, name: str, incident_id: str, revision: int) -> None:
        self._resent(self.store.resend(self.time.at, delivery_id=delivery_id(name, incident_id, revision)))

    def _resent(self, ids: list[str]) -> None:
        for one in ids:
            name, incident_id, revision, _ = self.status[one]
            self.ears[name].afresh([(one, incident_id, revision)])

    @invariant()
    def nothing_is_wrong(self) -> None:
        for ears in self.ears.values():
            assert not ears.wrong, ears.wrong[0]
        for row in self.store.deliveries(state="dead"):
            assert row.id in self.ears[row.receiver].may_die, f"{row.incident_id} {row.revision}: given up too early"

    def teardown(self) -> None:
        """Let every fault end, and see what became of every message."""
        for ears in self.ears.values():
            if not ears.is_gone:
                continue
            self.enable(ears.name)
        for _ in range(60):
            for ears in self.ears.values():
                ears.resend_every = None
                self.deliver(0, ears)
            due_at = self.store.next_due(self.time.at, NAMES)
            if due_at is None:
                break
            self.time.at = max(self.time.at, due_at)
        self.nothing_is_wrong()
        rows = {row.id: row for row in self.store.deliveries()}
        assert rows.keys() == self.status.keys(), "nothing is forgotten"
        for row in rows.values():
            self._is_accounted_for(row)

    def _is_accounted_for(self, row: Kept) -> None:
        """See that a message came in, or that there is a reason."""
        name, incident_id, revision, status = self.status[row.id]
        ears, what = self.ears[name], f"{name}: {incident_id} {revision}"
        assert SECRET not in str(row.last_error)
        if row.state == "delivered":
            assert (incident_id, revision) in ears.received, f"{what} is lost"
        elif row.state == "dropped":
            earlier = {at for at in ears.acked.get(incident_id, ()) if at < revision}
            has_fired = any(self.status[delivery_id(name, incident_id, at)][3] == "firing" for at in earlier)
            is_right = status == "resolved" and row.last_error == NEVER_FIRED and not has_fired
            assert is_right, f"{what} is dropped: {row.last_error}"
        else:
            assert row.state == "dead", f"{what} waits for ever"
