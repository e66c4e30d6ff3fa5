"""Two workers at one outbox: each message goes out once, and none before its turn."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from random import Random
from threading import Barrier, Lock
from typing import TYPE_CHECKING

from flows.net import SYSTEM_CLOCK
from flows.notify.worker import Worker, deliver_due
from flows.store import open_store
from tests.flows.notify.forker import LONG_AGO
from tests.flows.notify.model import outgoing, say
from tests.flows.notify.sink import listening, stories

if TYPE_CHECKING:
    from flows.notify.message import Message
    from flows.notify.receivers.base import Delivery
    from flows.store import Outgoing

CHECKOUT = Path(__file__).resolve().parents[3]
NAMES = ("oncall", "chat")
N_INCIDENTS, N_REVISIONS = 50, 5


def everything() -> list[Outgoing]:
    """Return 500 messages."""
    return [
        outgoing(
            name, say(f"incident-{number}", revision, "firing" if revision < N_REVISIONS else "resolved", LONG_AGO)
        )
        for number in range(N_INCIDENTS)
        for revision in range(1, N_REVISIONS + 1)
        for name in NAMES
    ]


class Tally:
    """A receiver that counts."""

    kind = "tally"

    def __init__(self, name: str) -> None:
        self.name = name
        self.resend_every: timedelta | None = None
        self.ids: Counter[str] = Counter()
        self.revisions: dict[str, list[int]] = {}
        self._lock = Lock()

    def deliver(self, message: Message, delivery: Delivery) -> None:
        with self._lock:
            self.ids[delivery.id] += 1
            self.revisions.setdefault(message.incident_id, []).append(message.revision)


def test_two_workers_in_threads_deliver_each_once(store_url: str) -> None:
    receivers = {name: Tally(name) for name in NAMES}
    together = Barrier(2, timeout=60)

    def work(number: int) -> int:
        worker, n_sent = Worker(rng=Random(number), owner=f"worker-{number}"), 0  # noqa: S311
        with open_store(store_url) as store:
            together.wait()
            while True:
                done = deliver_due(store, receivers, worker, stop_at=SYSTEM_CLOCK.now() + timedelta(minutes=5))
                n_sent += done.delivered
                if not done.waiting:
                    return n_sent

    with open_store(store_url) as store:
        store.enqueue(everything())
    with ThreadPoolExecutor(2) as pool:
        n_sent = list(pool.map(work, range(2)))
    assert sum(n_sent) == 500
    assert min(n_sent) > 50, "both did something"
    ids = receivers["oncall"].ids + receivers["chat"].ids
    assert ids == Counter({one.id: 1 for one in everything()})
    for one in receivers.values():
        assert set(map(tuple, one.revisions.values())) == {tuple(range(1, N_REVISIONS + 1))}


def test_two_processes_deliver_each_once(tmp_path: Path) -> None:
    store_url = str(tmp_path / "uproar.db")
    with open_store(store_url) as store:
        store.enqueue(everything())
    with listening() as sink:
        jobs = [
            {"store_url": store_url, "sink_url": sink.url, "seed": seed, "is_telling": False, "lease_s": 120}
            for seed in (1, 2)
        ]
        running = [
            subprocess.Popen(
                [sys.executable, "-m", "tests.flows.notify.forker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                cwd=CHECKOUT,
                text=True,
            )
            for _ in jobs
        ]
        for process, job in zip(running, jobs, strict=True):
            assert process.stdin is not None
            process.stdin.write(json.dumps({"job": job}) + "\n")
            process.stdin.close()
        for process in running:
            assert process.stdout is not None
            assert json.loads(process.stdout.read())["code"] == 0
            process.stdout.close()
            assert process.wait() == 0
    assert Counter(one.id for one in sink.heard) == Counter({one.id: 1 for one in everything()})
    assert {len(story) for story in stories(sink.heard).values()} == {N_REVISIONS}
    with open_store(store_url) as store:
        assert {(one.state, one.attempts, one.n_sent) for one in store.deliveries()} == {("delivered", 1, 1)}
