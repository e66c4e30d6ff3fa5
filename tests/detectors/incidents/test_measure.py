"""What the counts say about one alarm."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
import pytest

from detectors.incidents.measure import Measures, beginnings, followers, measure
from detectors.model import Alarm, Baseline, CountSeries
from tests.builders import START
from tests.detectors.incidents.scores import at, series

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

DAY = 1440
USUAL = 2.0


def usual(observed: Floats) -> Baseline:
    expected = np.full(len(observed), USUAL)
    return Baseline(expected, np.full(len(observed), 0.01), expected * 4)


def alarm(first: int, last: int, *, closed: int | None = None, window: int = 1) -> Alarm:
    """Build an alarm that fired in bins ``first`` to ``last``."""
    return Alarm(
        "page",
        at(first + 1),
        at(last + 1),
        5.0,
        at(first + 1 - window),
        closed_at=None if closed is None else at(closed),
    )


def outage(seed: int = 0, *, start: int = DAY + 300, length: int = 40, n_bins: int = 2 * DAY) -> Floats:
    rng = np.random.default_rng(seed)
    observed = rng.poisson(USUAL, n_bins).astype(float)
    observed[start : start + length] += rng.poisson(10 * USUAL, length)
    return observed


def measured(observed: Floats, one: Alarm) -> Measures:
    return measure(series(observed), usual(observed), one)


def test_an_outage_is_measured_from_its_beginning_to_its_end() -> None:
    observed = outage()
    found = measured(observed, alarm(DAY + 300, DAY + 340, closed=DAY + 401))
    assert abs(found.onset.at - at(DAY + 300)) < timedelta(minutes=2)
    assert found.onset.low_at <= found.onset.at <= found.onset.high_at
    assert found.ended is not None
    assert abs(found.ended.at - at(DAY + 340)) < timedelta(minutes=4)
    assert found.ended.low_at <= found.ended.at <= found.ended.high_at
    assert found.peak == observed[DAY + 300 : DAY + 341].max()
    assert observed[int((found.peak_at - START) / timedelta(minutes=1))] == found.peak
    assert found.expected_at_peak == USUAL
    assert found.n_reports == pytest.approx(observed[DAY + 300 : DAY + 341].sum(), abs=10)


def test_an_open_alarm_has_no_end_while_reports_keep_coming() -> None:
    observed = outage()[: DAY + 330]
    assert measured(observed, alarm(DAY + 300, DAY + 329)).ended is None


def test_raw_reports_are_counted_beside_independent_voices() -> None:
    observed = outage()
    doubled = CountSeries("a", "b", START, 60, observed, 2 * observed, np.ones(len(observed)))
    found = measure(doubled, usual(observed), alarm(DAY + 300, DAY + 340, closed=DAY + 401))
    assert found.n_reports == 2 * found.n_authors


def test_a_hole_around_the_peak_is_unknown_and_not_the_peak() -> None:
    observed = outage()
    observed[DAY + 310] = 90.0
    whole = measured(observed, alarm(DAY + 300, DAY + 340, closed=DAY + 401))
    assert whole.peak_at == at(DAY + 310)
    observed[DAY + 308 : DAY + 314] = np.nan
    holed = measured(observed, alarm(DAY + 300, DAY + 340, closed=DAY + 401))
    assert np.nanmax(observed) == holed.peak < whole.peak
    assert holed.n_reports < whole.n_reports
    assert abs(holed.onset.at - whole.onset.at) < timedelta(minutes=2)


def test_a_closed_alarm_after_which_nothing_was_seen_still_gets_an_end() -> None:
    """Where the counts do not show how it ended, it ended between its beginning and its closing."""
    observed = outage(length=1, start=DAY + 300)
    observed[DAY + 301 : DAY + 301 + 500] = np.nan
    closing = DAY + 301 + 560
    found = measured(observed, alarm(DAY + 300, DAY + 300, closed=closing))
    assert found.ended is not None
    assert found.onset.at <= found.ended.at <= at(closing)
    assert found.ended.low_at <= found.ended.at <= found.ended.high_at <= at(closing)


def test_an_alarm_in_the_first_bins_is_measured_too() -> None:
    observed = outage(start=3, length=30, n_bins=200)
    found = measured(observed, alarm(3, 32, closed=93, window=27))
    assert found.onset.low_at >= START
    assert found.peak == observed[:40].max()


def test_how_far_back_each_alarm_may_reach() -> None:
    one, two, three = alarm(100, 110, closed=170), alarm(200, 205, closed=266), alarm(400, 400)
    assert beginnings([one, two, three]) == {one: None, two: at(111), three: at(206)}
    assert beginnings([]) == {}


def test_where_the_next_alarm_begins() -> None:
    one, two = alarm(100, 110, closed=170), alarm(200, 205, closed=266, window=5)
    assert followers([one, two]) == {one: at(196), two: None}
    assert followers([]) == {}


def test_a_level_that_follows_the_outage_does_not_move_its_end() -> None:
    """The cause of most wrong ends: what passes for usual rises with the outage, so that its plateau looks like one."""
    lasts, n_bins = 300, 3 * DAY
    observed = outage(seed=4, length=lasts, n_bins=n_bins)
    since = np.clip(np.arange(n_bins) - DAY - 300, 0, None)
    expected = USUAL * (1 + 10 * -np.expm1(-since / 60))
    following = Baseline(expected, np.full(n_bins, 0.01), expected * 4)
    one = alarm(DAY + 300, DAY + 345, closed=DAY + 406)
    found = measure(series(observed), following, one)
    assert found.ended is not None
    assert found.ended.low_at <= at(DAY + 300 + lasts) <= found.ended.high_at
    assert abs(found.ended.at - at(DAY + 300 + lasts)) < timedelta(minutes=5)
    assert found.n_authors == pytest.approx(np.nansum(observed[DAY + 300 : DAY + 300 + lasts]), rel=0.05)


def test_a_level_that_followed_a_slow_beginning_does_not_hide_it() -> None:
    observed = np.random.default_rng(2).poisson(USUAL, 3 * DAY).astype(float)
    start = 2 * DAY + 300
    observed[start : start + 150] += np.random.default_rng(3).poisson(2 * USUAL, 150)
    since = np.clip(np.arange(len(observed)) - start, 0, None)
    expected = USUAL * (1 + 2 * -np.expm1(-since / 60))
    following = Baseline(expected, np.full(len(observed), 0.01), expected * 4)
    found = measure(series(observed), following, alarm(start + 45, start + 60, closed=start + 121, window=5))
    assert found.onset.low_at <= at(start) <= found.onset.high_at
    assert abs(found.onset.at - at(start)) < timedelta(minutes=6)


@pytest.mark.parametrize("gap", [62, 90, 170])
def test_an_outage_does_not_inherit_the_beginning_of_the_one_before(gap: int) -> None:
    observed = outage(length=30)
    start = DAY + 330 + gap
    observed[start : start + 30] += np.random.default_rng(1).poisson(10 * USUAL, 30)
    first, second = alarm(DAY + 300, DAY + 329, closed=DAY + 391), alarm(start, start + 29, closed=start + 90)
    since_at = beginnings([first, second])[second]
    found = measure(series(observed), usual(observed), second, since_at=since_at)
    assert abs(found.onset.at - at(start)) < timedelta(minutes=2)
    assert found.onset.low_at > at(DAY + 330)
