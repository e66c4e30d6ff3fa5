"""Detects, tells and delivers tick by tick, in processes that are killed: what the forker does, with the real step.

``python -m tests.flows.notify.detecting`` does what :mod:`tests.flows.notify.forker` does. The time of a tick follows
from what has been read, so that whoever goes on after a kill goes on at the same instant.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from detectors.evaluation.simulate import Noise, Outage, Scenario, ServiceTraffic, simulate_counts
from detectors.model import SeriesKey
from flows import steps
from flows.notify.policy import Route
from flows.notify.telling import Telling, tell
from flows.steps.groups import cut
from flows.store import open_store
from tests.flows.notify import forker

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

    from detectors.incidents.lifecycle import History
    from detectors.model import CountSeries
    from flows.store import Outgoing, Store

BIN_S, BINS_A_TICK = 300, 3
START = datetime(2026, 1, 5, tzinfo=UTC)
LEARNT_BINS = 3 * 288
NAMES = ("netflix", "paypal", "spotify")
N_TICKS = 11


def _scenario() -> Scenario:
    begin_at = START + timedelta(days=3, minutes=10)
    outages = tuple(Outage(name, begin_at + timedelta(minutes=10 * n), 30, 12) for n, name in enumerate(NAMES))
    services = tuple(ServiceTraffic(name, 2.0, noise=Noise("negbin", 0.03)) for name in NAMES)
    return Scenario(START, 3.2, services, outages=outages, bin_width_s=BIN_S)


SERIES: dict[str, CountSeries] = {one.service: one for one in simulate_counts(_scenario(), seed=3).series}
TELLING = Telling(tuple(Route(name, severity="watch") for name in forker.RECEIVERS))


def ticks(store: Store) -> Iterator[None]:
    """Detect at the instant up to which everything was read, tell, and read on."""
    for number in range(_reached(store), N_TICKS + 1):
        now = START + timedelta(seconds=BIN_S * (LEARNT_BINS + number * BINS_A_TICK))
        _read(store, number)
        detect(store, now)
        yield


def detect(store: Store, now: datetime) -> None:
    """Bring incidents up to date, and write what is to be told."""

    def told(changed: Sequence[History], rising: Collection[str]) -> list[Outgoing]:
        return tell(store, TELLING, now, changed=changed, rising=rising)

    steps.detect(store, [SeriesKey(name, "simulated", BIN_S) for name in NAMES], until=now, tell=told)


def _reached(store: Store) -> int:
    """Return the number of the last tick that everything was read for."""
    return min(int(store.cursor("simulated", name) or 0) for name in NAMES)


def _read(store: Store, number: int) -> None:
    """Read what is there for a tick, service by service."""
    for name, series in SERIES.items():
        known = store.cursor("simulated", name)
        if known is None or int(known) < number:
            first = 0 if known is None else LEARNT_BINS + int(known) * BINS_A_TICK
            stretch = cut(series, slice(first, LEARNT_BINS + number * BINS_A_TICK))
            store.commit_counts(stretch, query=name, cursor=str(number))


def make(path: Path) -> None:
    """Make a store that has learnt what is usual."""
    with open_store(path) as store:
        _read(store, 0)
        detect(store, START + timedelta(seconds=BIN_S * LEARNT_BINS))


if __name__ == "__main__":
    with open_store(":memory:") as warm:  # what is compiled is read once, not in every fork
        for _ in ticks(warm):
            pass
    forker.tell = ticks
    forker.main()
