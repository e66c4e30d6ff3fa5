"""A week with 6 outages, 3 that come and go, 2 silent sources and 2 waves of news: one message each way per outage."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from detectors.spikes import score
from flows.store import open_store
from tests.flows.week import SILENT, UNKNOWN, WEEK, WEEK_DAYS, Pipeline, counts, events, inbox

if TYPE_CHECKING:
    from detectors.model import CountSeries
    from tests.flows.week import Came, Event


def run_week(
    series: dict[str, CountSeries], bin_width_s: int, every: timedelta, at_rest: timedelta | None = None
) -> list[Came]:
    """Return what an on-call receiver was told in the week."""
    with inbox() as sink, open_store(":memory:") as store:
        url = f"http://127.0.0.1:{sink.server_port}"
        Pipeline(store, url, series, bin_width_s).run(every, WEEK + timedelta(days=WEEK_DAYS), at_rest)
        assert sink.refused == 0
        assert {one.state for one in store.deliveries()} == {"delivered"}
        assert len(store.deliveries()) == len(sink.came), "nothing came twice"
        return sink.came


def check(came: list[Came]) -> list[list[Came]]:
    """See that each outage was told once, and that it was over once; return what was told of anything else."""
    by_incident: dict[str, list[Came]] = {}
    for one in came:
        by_incident.setdefault(one.told["incident_id"], []).append(one)
    stories = list(by_incident.values())
    assert all([one.status for one in story] == ["firing", "resolved"] for story in stories)
    for event in events():
        mine = [story for story in stories if is_about(story, event)]
        assert len(mine) == 1, (event, [story[0].told["sentence"] for story in mine])
        check_times(event, *mine[0])
        stories.remove(mine[0])
    return stories


def is_about(story: list[Came], event: Event) -> bool:
    """Whether it was told during an outage of that service."""
    return story[0].told["service"] == event.service and event.begin_at < story[0].at <= event.end_at


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
    series = counts(1, 300, learnt_days=7)
    assert check(run_week(series, 300, timedelta(minutes=10), timedelta(hours=1))) == []


@pytest.mark.soak
@pytest.mark.parametrize(("seed", "n_false"), [(1, 0), (2, 1), (3, 0), (4, 0)])
def test_a_week_minute_by_minute(seed: int, n_false: int) -> None:
    """A page by chance is the detector's, and known: of 12 seeds (48 services' weeks) the second alone has one."""
    series = counts(seed, 60, learnt_days=14)
    false = check(run_week(series, 60, timedelta(minutes=1)))
    alarmed = {(name, alarm.alarmed_at) for name, one in series.items() for alarm in score(one).alarms("page")}
    assert len(false) == n_false
    assert all((story[0].told["service"], story[0].at) in alarmed for story in false)
