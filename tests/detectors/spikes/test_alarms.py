"""When an alarm begins, escalates and closes."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.spikes.alarms import Tracker
from tests.builders import START

if TYPE_CHECKING:
    from datetime import datetime

    from detectors.model import Alarm

NAN = float("nan")


def alarms(scores: list[float], *, width_s: int = 600, threshold: float = 1.0, window: int = 2) -> list[Alarm]:
    tracker = Tracker("page", START, width_s, threshold)
    tracker.extend(scores, [window] * len(scores))
    return tracker.alarms


def minute(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def test_the_first_bin_that_reaches_the_threshold_alarms_at_its_end() -> None:
    (alarm,) = alarms([0, 0.99, 1.0, 3.0, 0])
    assert alarm.severity == "page"
    assert alarm.alarmed_at == minute(30)
    assert alarm.window_start_at == minute(10)
    assert alarm.last_alarm_at == minute(40)
    assert alarm.score == 3
    assert alarm.is_open


def test_a_window_does_not_begin_before_the_series() -> None:
    (alarm,) = alarms([2.0], window=5)
    assert alarm.window_start_at == START


def test_an_hour_without_a_bin_that_fires_closes_it() -> None:
    (alarm,) = alarms([2.0] + [0.0] * 5)
    assert alarm.is_open
    (alarm,) = alarms([2.0] + [0.0] * 6 + [0.0])
    assert alarm.closed_at == minute(70)
    first, second = alarms([2.0] + [0.0] * 6 + [5.0])
    assert (first.closed_at, second.alarmed_at) == (minute(70), minute(80))
    (alarm,) = alarms([2.0] + [0.0] * 5 + [5.0])
    assert alarm.last_alarm_at == minute(70)


def test_unobserved_bins_do_not_close_it() -> None:
    (alarm,) = alarms([2.0] + [NAN] * 50 + [0.0] * 5)
    assert alarm.is_open
    (alarm,) = alarms([2.0, 0.0] + [NAN] * 50 + [0.0] * 5)
    assert alarm.closed_at == minute(570)


def test_bins_wider_than_half_an_hour_close_it_after_one() -> None:
    (alarm,) = alarms([2.0, 0.0], width_s=3600)
    assert alarm.closed_at == minute(120)


def test_much_worse_after_an_hour_is_announced_again() -> None:
    scores = [1.0, 1.5, 1.2, 1.0, 1.0, 1.0, 12.0, 100.0, 1.0, 1.0, 1.0, 1.0, 900.0]
    (alarm,) = alarms(scores)
    assert alarm.escalated_at == (minute(70), minute(130))


def test_worse_is_not_announced_again_too_soon_or_too_small() -> None:
    assert alarms([1.0, 50.0])[0].escalated_at == ()
    assert alarms([0.4] * 7 + [4.0], threshold=0.4)[0].escalated_at == ()
    assert alarms([1.0] * 7 + [7.9])[0].escalated_at == ()


def test_threshold_is_what_fires() -> None:
    assert alarms([1.5, 1.9]) != []
    assert alarms([1.5, 1.9], threshold=2.0) == []


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from([0.0, 0.5, 1.0, 2.0, 9.0, 80.0, NAN]), max_size=60), st.integers(1, 7))
def test_bin_by_bin_is_the_same(scores: list[float], size: int) -> None:
    whole = Tracker("watch", START, 600)
    whole.extend(scores, [1] * len(scores))
    parts = Tracker("watch", START, 600)
    for b in range(0, len(scores), size):
        parts.extend(scores[b : b + size], [1] * len(scores[b : b + size]))
    assert parts.alarms == whole.alarms


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from([0.0, 1.0, 9.0, NAN]), max_size=60))
def test_alarms_follow_each_other(scores: list[float]) -> None:
    found = alarms(scores)
    for before, after in pairwise(found):
        assert before.closed_at is not None
        assert before.last_alarm_at < before.closed_at < after.alarmed_at
    fired = [minute(10 * (b + 1)) for b in np.flatnonzero(np.array(scores) >= 1).tolist()]
    assert all(any(a.alarmed_at <= at <= a.last_alarm_at for a in found) for at in fired)


def test_no_bins_change_nothing() -> None:
    tracker = Tracker("page", START, 60)
    tracker.extend([], [])
    assert (tracker.alarms, tracker.n_bins) == ([], 0)
    tracker.extend(2.0, 1)
    tracker.extend([], [])
    assert tracker.alarms[0].is_open
