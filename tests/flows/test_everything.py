"""Everything moved: told apart from outages when incidents are confirmed, also from checkpoints."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from detectors.evaluation.simulate import Noise, Outage, Scenario, ServiceTraffic, Step, simulate_counts
from detectors.model import SeriesKey
from flows import steps
from flows.store import Store, open_store
from tests.builders import START

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from detectors.incidents.lifecycle import History

NAMES = ("netflix", "paypal", "spotify", "zoom", "reddit", "roblox", "tiktok", "verizon")
"""Each of a company of its own."""
RISE_AT = START + timedelta(days=3, minutes=10)


@pytest.fixture
def store() -> Iterator[Store]:
    with open_store(":memory:") as opened:
        yield opened


def give(store: Store, names: Sequence[str], *, steps_at: float = 1.0, outages: int = 0) -> None:
    """Keep the counts of services of which all rise at once, or some fail."""
    scenario = Scenario(
        START,
        3.1,
        tuple(ServiceTraffic(name, 3.0, noise=Noise("negbin", 0.03)) for name in names),
        outages=tuple(Outage(name, RISE_AT, 60, 10) for name in names[:outages]),
        steps=(Step(RISE_AT, steps_at),),
        bin_width_s=300,
    )
    for series in simulate_counts(scenario, seed=1).series:
        store.commit_counts(series)


def rising(store: Store, names: Sequence[str]) -> tuple[set[str], set[str]]:
    """Judge bin by bin; return the services whose incident was confirmed, and those that rose with all."""
    confirmed: set[str] = set()
    moved: set[str] = set()

    def tell(changed: Sequence[History], found: Collection[str]) -> list[object]:
        confirmed.update(one.incident.service for one in changed if one.incident.confirmed_at)
        moved.update(one.incident.service for one in changed if one.incident.id in found)
        return []

    for minute in range(-40, 50, 5):
        keys = [SeriesKey(name, "simulated", 300) for name in names]
        steps.detect(store, keys, until=RISE_AT + timedelta(minutes=minute), tell=tell)  # type: ignore[arg-type]
    return confirmed, moved


def test_when_all_rise_most_are_told_with_the_first(store: Store) -> None:
    give(store, NAMES, steps_at=4.0)
    confirmed, moved = rising(store, NAMES)
    assert len(confirmed) >= 5
    assert len(confirmed - moved) <= 1


def test_the_outage_of_one_is_not_everything(store: Store) -> None:
    give(store, NAMES, outages=1)
    confirmed, moved = rising(store, NAMES)
    assert NAMES[0] in confirmed
    assert moved == set()


def test_where_few_are_watched_two_are_not_everything(store: Store) -> None:
    few = NAMES[:3]
    give(store, few, outages=3)
    assert rising(store, few) == (set(few), set())
