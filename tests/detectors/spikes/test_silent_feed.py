"""A feed that falls silent in the middle of an outage does not end it."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from detectors.model import CountSeries
from detectors.spikes import score
from tests.builders import START

DAY, OUTAGE, SILENCE, BACK = 1440, 3 * 1440, 3 * 1440 + 60, 3 * 1440 + 300


def series(silence: float, *, after: float) -> CountSeries:
    """Return four days of 2 reports a minute: an outage, ``silence`` reports for four hours, then ``after``."""
    mean = np.full(4 * DAY, 2.0)
    mean[OUTAGE:SILENCE] = 20.0
    mean[SILENCE:BACK] = 0.0
    mean[BACK : BACK + 60] = after
    observed = np.random.default_rng(1).poisson(mean).astype(float)
    observed[SILENCE:BACK] += silence
    return CountSeries("imessage", "x", START, 60, observed, observed, np.ones(len(observed)))


@pytest.mark.parametrize("after", [2.0, 20.0])
def test_zeros_that_a_source_vouches_for_end_no_alarm(after: float) -> None:
    (alarm,) = score(series(0.0, after=after)).alarms("page")
    assert alarm.closed_at is not None
    assert alarm.closed_at > START + timedelta(minutes=BACK)
    assert (alarm.last_alarm_at > START + timedelta(minutes=BACK)) == (after > 2)


def test_usual_counts_end_it_after_an_hour() -> None:
    (alarm,) = score(series(2.0, after=2.0)).alarms("page")
    assert alarm.closed_at is not None
    assert alarm.closed_at < START + timedelta(minutes=SILENCE + 90)
