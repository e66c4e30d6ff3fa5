"""Tells and delivers in processes that begin warm, and kills them when it is told to.

``python -m tests.flows.notify.forker`` reads lines like ``{"job": {...}, "kill_after_s": 0.3}`` and answers each with
``{"code": ..., "took_s": ...}``. What a job does is :func:`work`: with another ``tell``, which may be the real step
that detects, the rest stays as it is.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any

from detectors.model import SeriesKey, Transition
from flows.net import SYSTEM_CLOCK, Allow, Guard, guarded_http
from flows.notify.receivers.webhook import WebhookReceiver
from flows.notify.worker import Pace, Worker, deliver_due
from flows.store import Judged, Store, open_store
from tests.flows.notify.model import outgoing, say
from tests.flows.store.helpers import incident

if TYPE_CHECKING:
    from collections.abc import Iterator

RECEIVERS = ("oncall", "chat")
N_INCIDENTS, N_REVISIONS = 5, 4
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
# Leases run out soon, since whoever held them is dead by then; waits are short, since nobody has the time.
LEASE_S = 0.1


def tell(store: Store) -> Iterator[None]:
    """Find things out, one after the other, and have each told; what was found before the kill is found again."""
    for number in range(N_INCIDENTS):
        for revision in range(1, N_REVISIONS + 1):
            store.save_detections([found(number, revision)])
            yield


def found(number: int, revision: int) -> Judged:
    """Return what a detector found: an incident, what changed, and what is to be told of it."""
    is_over = revision == N_REVISIONS
    one = incident(number, revision=revision)
    new: Any = "resolved" if is_over else "confirmed"
    step = Transition(incident_id=one.id, revision=revision, at=LONG_AGO, old=None, new=new, severity="page", reason="")
    message = say(one.id, revision, "resolved" if is_over else "firing", LONG_AGO)
    messages = tuple(outgoing(name, message) for name in RECEIVERS)
    key = SeriesKey(f"service-{number}", "x")
    return Judged(key, LONG_AGO + timedelta(minutes=revision), {"revision": revision}, (one,), (step,), messages)


def work(store_url: str, sink_url: str, seed: int, *, is_telling: bool = True, lease_s: float = LEASE_S) -> None:
    """Tell, deliver what is due after every step, and go on until nothing waits."""
    http = guarded_http(Guard(Allow.of([sink_url.removeprefix("http://")])), timeout_s=60)
    with open_store(store_url) as store, http:
        pace = Pace(base_s=0.05, cap_s=0.1, lease_s=lease_s, failures_in_a_row=1000)
        worker = Worker(SYSTEM_CLOCK, Random(seed), f"worker-{os.getpid()}", pace)  # noqa: S311
        receivers = {name: WebhookReceiver(name=name, url=f"{sink_url}/{name}", http=http) for name in RECEIVERS}

        def deliver() -> int:
            stop_at = SYSTEM_CLOCK.now() + timedelta(minutes=5)
            return deliver_due(store, receivers, worker, stop_at=stop_at).waiting

        for _ in tell(store) if is_telling else ():
            deliver()
        while deliver():
            SYSTEM_CLOCK.sleep(0.005)


def main() -> None:
    """Fork for each line."""
    answers = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    for line in sys.stdin:
        os.write(answers, json.dumps(_fork(**json.loads(line))).encode() + b"\n")


def _fork(job: dict[str, Any], kill_after_s: float | None = None) -> dict[str, float]:
    begin = time.perf_counter()
    child = os.fork()
    if child == 0:
        code = 3
        try:
            work(**job)
            code = 0
        finally:
            os._exit(code)
    if kill_after_s is not None:
        time.sleep(kill_after_s)  # noqa: TID251 - the moment is what is tested
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return {"code": os.waitstatus_to_exitcode(status), "took_s": time.perf_counter() - begin}


if __name__ == "__main__":
    main()
