"""A week with 6 outages, 3 that come and go, 2 silent sources and 2 waves of news: one message each way per outage."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from flows.store import open_store
from tests.flows.week import SILENT, UNKNOWN, WEEK, WEEK_DAYS, Pipeline, counts, events, inbox

if TYPE_CHECKING:
    from tests.flows.week import Came, Event


def run_week(seed: int, bin_width_s: int, every: timedelta, at_rest: timedelta | None = None) -> list[Came]:
    """Return what an on-call receiver was told in the week."""
    with inbox() as sink, open_store(":memory:") as store:
        url = f"http://127.0.0.1:{sink.server_port}"
        pipeline = Pipeline(store, url, counts(seed, bin_width_s), bin_width_s)
        pipeline.run(every, WEEK + timedelta(days=WEEK_DAYS), at_rest)
        assert sink.refused == 0
        assert {one.state for one in store.deliveries()} == {"delivered"}
        assert len(store.deliveries()) == len(sink.came), "nothing came twice"
        return sink.came


def check(came: list[Came]) -> None:
    """See that each outage was told once, and that it was over once, and nothing else."""
    by_incident: dict[str, list[Came]] = {}
    for one in came:
        by_incident.setdefault(one.told["incident_id"], []).append(one)
    told = [
        (story[0].told["service"], [one.status for one in story], story[0].told["starts_at"][:16])
        for story in by_incident.values()
    ]
    expected = [(event.service, ["firing", "resolved"]) for event in events()]
    assert [one[:2] for one in told] == expected, told
    for event, story in zip(events(), by_incident.values(), strict=True):
        check_times(event, story[0], story[1])


def check_times(event: Event, firing: Came, resolved: Came) -> None:
    """See that it was told in time, and that silence did not end it."""
    assert event.begin_at < firing.at <= event.begin_at + timedelta(minutes=30), event
    assert firing.told["starts_low_at"] <= event.begin_at.isoformat().replace("+00:00", "Z"), event
    assert firing.payload["alerts"][0]["endsAt"].startswith("0001")
    assert resolved.at > event.end_at, event
    for hole in (SILENT, UNKNOWN):
        assert not hole.start_at <= resolved.at <= hole.end_at + timedelta(minutes=30), event
    assert not any(hole.start_at <= firing.at < hole.end_at + timedelta(hours=1) for hole in (SILENT, UNKNOWN))
    assert firing.payload["groupKey"] == resolved.payload["groupKey"]


def test_a_week_in_bins_of_five_minutes() -> None:
    """Every ten minutes where something goes on, else every hour: what is told late is told late, not wrong."""
    check(run_week(1, 300, timedelta(minutes=10), timedelta(hours=1)))


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(2, 5))
def test_a_week_minute_by_minute(seed: int) -> None:
    check(run_week(seed, 60, timedelta(minutes=1)))
