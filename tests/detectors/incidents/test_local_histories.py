"""Local alarms to incidents: states, names, figures, and nothing that a longer series takes back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from detectors.baselines.regional import National
from detectors.counting.regional import RegionCounts, Sparse
from detectors.incidents.lifecycle import LOOKS_AGAIN, History
from detectors.incidents.local import baselines_at, build_local_histories, lies_in
from detectors.model import Alarm
from detectors.spikes.local import LocalDetector
from detectors.spikes.local_alarms import LocalAlarm

START = datetime(2026, 3, 2, tzinfo=UTC)
WIDTH_S, DAY = 300, 288
PLACES = (
    ("US", "US-TX", "metro:4726206", "zip3:US-782"),
    ("US", "US-TX", "metro:4684888", "zip3:US-752"),
    ("US", "US-OH", "metro:4509177", "zip3:US-430"),
    ("JP", "JP-13", "metro:1850147"),
    ("DE", "DE-BE"),
)
FIRST = 3 * DAY + 100


def at(b: float) -> datetime:
    return START + timedelta(seconds=b * WIDTH_S)


@cache
def world(seed: int = 1, extra: tuple[tuple[int, int, int, float], ...] = ()) -> tuple[RegionCounts, National]:
    """Return four and a half days of reports; ``extra``: (place, first bin, bins, reports a bin)."""
    rng = np.random.default_rng(seed)
    n = 9 * DAY // 2
    heard = rng.poisson(np.array([0.02, 0.05, 0.1, 0.1, 0.3]), (n, len(PLACES)))
    for place, first, bins, rate in extra:
        heard[first : first + bins, place] += rng.poisson(rate, bins)
    dense: dict[str, Any] = {}
    for i, codes in enumerate(PLACES):
        for code in codes:
            dense[code] = dense.get(code, 0) + heard[:, i]
    regions = {code: Sparse(np.flatnonzero(values), values[values > 0].astype(float)) for code, values in dense.items()}
    usual = np.full(n, 0.57)
    national = National(heard.sum(axis=1).astype(float), usual, np.full(n, 0.02), np.zeros(n, bool))
    return RegionCounts("acme", "x", START, WIDTH_S, regions, np.ones(n)), national


SAN_ANTONIO = ((0, FIRST, 24, 2.0),)
SEVERAL = (*SAN_ANTONIO, (1, FIRST + 6, 12, 1.0), (3, FIRST + 20, 3, 2.5), (0, FIRST + 70, 6, 1.5), (2, FIRST, 4, 1.2))


def told(seed: int, extra: Any, stop: int) -> list[tuple[History, tuple[datetime, ...]]]:
    """Return what is told of the first ``stop`` bins, by a detector that has seen no more."""
    every, whole = world(seed, extra)
    counts, national = every.cut(0, stop), whole.cut(0, stop)
    detector = LocalDetector(counts.start_at, counts.bin_width_s)
    return build_local_histories(counts, national, detector.run(counts, national))


def alarm(severity: Any, first: int, region: str, *, closed: int | None = None, **fields: Any) -> LocalAlarm:
    """Build an alarm that fires in one bin, and in others of ``since``."""
    since = fields.pop("since", ((region, at(first + 1)),))
    fired_at = tuple(sorted({one for _, one in since}))
    made = Alarm(severity, at(first + 1), fired_at[-1], 1.5, at(first - 5), (), None if closed is None else at(closed))
    named = fields.pop("name", region)
    related = tuple(code for code, _ in since if code != named)
    return LocalAlarm(named, region, related, made, 9.0, 0.3, 1.0, fired_at, since)


def histories(*alarms: LocalAlarm) -> list[History]:
    return [one for one, _ in build_local_histories(*world(1, SAN_ANTONIO), alarms)]


def states(history: History) -> list[str]:
    return [step.new for step in history.transitions]


def test_a_local_outage_is_one_incident_with_its_figures() -> None:
    ((history, fired_at),) = told(1, SAN_ANTONIO, 9 * DAY // 2)
    incident = history.incident
    assert states(history) == ["suspected", "confirmed", "resolved"]
    assert (incident.service, incident.source, incident.bin_width_s) == ("acme", "x", WIDTH_S)
    assert lies_in(incident.region, "US-TX")
    assert at(FIRST - 6) <= incident.onset.low_at <= incident.onset.at <= incident.onset.high_at
    assert abs(incident.onset.at - at(FIRST)) <= timedelta(minutes=20)
    assert incident.ended is not None
    assert abs(incident.ended.at - at(FIRST + 24)) <= timedelta(minutes=20)
    assert 30 <= incident.n_reports <= 60
    assert incident.n_authors == incident.n_reports
    assert incident.peak >= 4
    assert incident.expected_at_peak < 0.1
    assert incident.suspected_at <= incident.alarmed_at == incident.confirmed_at
    assert incident.resolved_at == history.transitions[-1].at
    assert fired_at[0] == incident.suspected_at
    assert list(fired_at) == sorted(set(fired_at))
    assert "San Antonio" in history.transitions[0].reason or "782" in history.transitions[0].reason


def test_nothing_is_made_of_nothing() -> None:
    assert build_local_histories(*world(), []) == []


def test_a_watch_alone_is_dismissed_when_it_closes() -> None:
    (open_one,) = histories(alarm("watch", FIRST, "US-TX"))
    assert states(open_one) == ["suspected"]
    assert (open_one.incident.severity, open_one.incident.is_open) == ("watch", True)
    (closed,) = histories(alarm("watch", FIRST, "US-TX", closed=FIRST + 20))
    assert states(closed) == ["suspected", "dismissed"]
    assert closed.incident.resolved_at == at(FIRST + 20)
    assert closed.incident.id == open_one.incident.id


def test_a_page_confirms_what_was_suspected_in_the_region_or_around_it() -> None:
    """The id stays that of the first alarm, the region is that of the page alarm."""
    watch = alarm("watch", FIRST, "zip3:US-782")
    (before,) = histories(watch)
    for region in ("zip3:US-782", "US-TX", "US"):
        (one,) = histories(watch, alarm("page", FIRST + 2, region))
        assert states(one) == ["suspected", "confirmed"]
        assert (one.incident.id, one.incident.region) == (before.incident.id, region)
        assert [step.severity for step in one.transitions] == ["watch", "page"]
        assert (one.incident.suspected_at, one.incident.alarmed_at) == (at(FIRST + 1), at(FIRST + 3))


def test_elsewhere_is_another_incident() -> None:
    """A state beside it, or the same state when the first alarm is over."""
    watch = alarm("watch", FIRST, "zip3:US-782", closed=FIRST + 20)
    found = histories(watch, alarm("page", FIRST + 2, "US-OH"), alarm("page", FIRST + 30, "US-TX"))
    sure = ["suspected", "confirmed"]
    assert [states(one) for one in found] == [["suspected", "dismissed"], sure, sure]
    assert len({one.incident.id for one in found}) == 3


def test_a_watch_within_a_page_says_nothing_new() -> None:
    found = histories(alarm("page", FIRST, "US-TX"), alarm("watch", FIRST + 3, "zip3:US-782"))
    assert [states(one) for one in found] == [["suspected", "confirmed"]]


def test_what_joined_an_alarm_later_does_not_decide_what_was_one_then() -> None:
    """Ohio fires under the Texan alarm half an hour after a page in Ohio: that page had been told by itself."""
    page = alarm("page", FIRST + 2, "US-OH")
    since = (("US-TX", at(FIRST + 1)), ("US-OH", at(FIRST + 8)))
    assert len(histories(alarm("watch", FIRST, "US-TX", since=since), page)) == 2
    since = (("US-TX", at(FIRST + 1)), ("US-OH", at(FIRST + 2)))
    assert len(histories(alarm("watch", FIRST, "US-TX", since=since), page)) == 1


def test_what_is_usual_is_known_as_it_was_then() -> None:
    counts, national = world(1, SAN_ANTONIO)
    found = baselines_at(counts, national, [at(500), counts.end_at, at(500), counts.start_at])
    assert [found[key].n_bins for key in sorted(found)] == [0, 500, len(counts)]
    assert baselines_at(counts, national, []) == {}


@pytest.mark.parametrize(
    ("region", "other", "is_so"),
    [
        ("zip3:US-782", "US-TX", True),
        ("US-TX", "US-TX", True),
        ("US", "US-TX", False),
        ("US-OH", "US-TX", False),
    ],
)
def test_lying_in(region: str, other: str, is_so: bool) -> None:  # noqa: FBT001 - a table
    assert lies_in(region, other) is is_so


@settings(max_examples=15)
@given(st.sampled_from([1, 2]), st.integers(FIRST - 5, FIRST + 150))
@example(1, FIRST + 10)
@example(1, FIRST + 40)
def test_a_longer_series_only_appends(seed: int, stop: int) -> None:
    """What a detector tells that has seen a part is what one tells that has seen all, up to that time."""
    early, late = told(seed, SEVERAL, stop), told(seed, SEVERAL, 9 * DAY // 2)
    then = {one.incident.id: (one.transitions, fired) for one, fired in early}
    now = {
        one.incident.id: (known, tuple(when for when in fired if when <= at(stop)))
        for one, fired in late
        if (known := tuple(step for step in one.transitions if step.at <= at(stop)))
    }
    assert then == now


def test_the_figures_of_what_is_over_change_at_the_looks_alone() -> None:
    """The end is looked at again two times after the alarm was closed; in between, later bins change nothing."""
    ((final, _),) = told(1, SAN_ANTONIO, 9 * DAY // 2)
    assert final.incident.resolved_at is not None
    closed = (final.incident.resolved_at - START) // timedelta(seconds=WIDTH_S)
    looks = [closed, *(closed + look // timedelta(seconds=WIDTH_S) for look in LOOKS_AGAIN), 9 * DAY // 2]
    for first, following in pairwise(looks):
        between = [told(1, SAN_ANTONIO, stop)[0][0] for stop in (first, (first + following) // 2, following - 1)]
        assert between[0] == between[1] == between[2]


def test_histories_are_comparable() -> None:
    """An alarm that names another region in the end is another incident's figure, under the same id."""
    one, other = (histories(alarm("page", FIRST, "US-TX", name=name))[0] for name in ("US-TX", "zip3:US-782"))
    assert one.transitions == other.transitions
    assert replace(one.incident, region="") != replace(other.incident, region="")
