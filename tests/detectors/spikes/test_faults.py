"""Five faults that real data exposed in a first prototype (F1 to F5); each test fails on the form that had it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from detectors.baselines.profile import fit_profile
from detectors.spikes import Bank
from detectors.spikes.kernel import deviance
from tests.builders import START

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detectors.spikes import Scores

    Floats = NDArray[np.float64]

DAY = 1440
TODAY = 20_500


def poisson(rate: float, bins: int, seed: int = 0) -> Floats:
    return np.random.default_rng(seed).poisson(rate, bins).astype(float)


def run(y: Floats, width_s: int = 60) -> Scores:
    return Bank(1, bin_width_s=width_s, start_at=START).run(y[np.newaxis]).row(0)


def test_f1_days_without_observations_do_not_shape_the_profile() -> None:
    """The naive form kept days that were hardly observed, as if they had been quiet: flat counts got a shape."""
    y, x = np.zeros((28, 48), np.float32), np.zeros((28, 48), np.float32)
    for day in range(28):
        seen = 48 if day < 5 else 9  # five whole days; of the others only the first hours
        y[day, :seen], x[day, :seen] = poisson(60, seen, day), 30
    found = fit_profile(y, x, (TODAY, float(DAY)), 0.05)
    assert 0.8 < found.min() < found.max() < 1.25

    naive = fit_profile(y, np.full_like(x, 30), (TODAY, float(DAY)), 0.05)
    assert naive.max() / naive.min() > 3


def test_f2_a_history_that_begins_with_missing_weeks_is_no_loss() -> None:
    """The naive form divided by the exposure of those weeks: NaN for good, and 0 of 18 incidents found."""
    y = poisson(4, 72 * 40)
    y[: 72 * 33] = np.nan
    y[72 * 38 : 72 * 38 + 4] = 80
    scores = run(y, 1200)
    assert not np.isnan(scores.expected[72 * 34 :]).any()
    assert scores.expected[-1] == pytest.approx(4, rel=0.3)
    assert scores.page[72 * 38] > 5


def test_f3_a_long_incident_moves_the_fast_level_only() -> None:
    """The naive form rescaled the slow level too: 30x too high for three weeks, and blind to the next outage."""
    quiet = poisson(3, 72 * 30, 3)
    y = quiet.copy()
    y[72 * 10 : 72 * 10 + 60] *= 30  # 20 hours
    y[72 * 13 : 72 * 13 + 6] += 60
    quiet[72 * 13 : 72 * 13 + 6] += 60
    scores, never = run(y, 1200), run(quiet, 1200)
    assert np.nanmax(scores.expected[72 * 12 : 72 * 13]) < 3 * 3
    assert scores.page[72 * 13] > 0.5 * never.page[72 * 13]

    bank = Bank(1, bin_width_s=1200, start_at=START)
    after = 72 * 10 + 60
    bank.run(y[np.newaxis, :after])
    series = bank._series
    assert (
        series["incident_from"][0] == -1 or after - series["incident_from"][0] < 36
    )  # it was taken for the new normal
    series["slow_y"], series["slow_x"] = 90.0 * 50, 50.0  # what the naive form did
    naive = bank.run(y[np.newaxis, after:]).row(0)
    assert naive.expected[72 * 3 - 60] > 2.5 * scores.expected[72 * 13]


def test_f4_a_collector_that_returns_zeros_is_missing_not_quiet() -> None:
    """The naive form learnt the zeros: the level fell to nothing, and the return looked like an outage."""
    y = poisson(3, 5 * DAY, 4)
    y[3 * DAY : 3 * DAY + 360] = 0
    scores = run(y)
    assert scores.is_silent[3 * DAY + 15 : 3 * DAY + 360].all()
    assert not scores.is_silent[3 * DAY + 400 :].any()
    back = slice(3 * DAY + 360, 3 * DAY + 480)
    assert scores.expected[back].min() > 2
    assert np.nanmax(scores.page[back]) < 1
    assert np.nanmax(scores.watch[back]) < 1

    fast = 3 * 0.5 ** (360 / 60)  # what the naive form expected then
    assert deviance(float(y[3 * DAY + 360 : 3 * DAY + 370].sum()), 10 * fast, 20.0) > 8


def test_f4_a_feed_that_stays_thin_is_believed_after_eight_hours() -> None:
    y = poisson(3, 5 * DAY, 5)
    y[3 * DAY :] = poisson(0.4, 2 * DAY, 6)
    scores = run(y)
    assert scores.is_silent[3 * DAY + 400]
    assert scores.is_silent[3 * DAY + 600 :].mean() < 0.1  # by chance a quarter of an hour brings nothing
    assert scores.expected[-1] < 1


@pytest.mark.parametrize("hours", [12, 28, 60])
def test_f4_the_return_from_a_long_hole_of_zeros_is_no_outage(hours: int) -> None:
    """Believed after 8 hours, as thin feeds are, the zeros became the usual level and their end a page."""
    y = poisson(3, 8 * DAY, 5)
    y[3 * DAY : 3 * DAY + 60 * hours] = 0
    scores = run(y)
    assert scores.is_silent[3 * DAY + 60 : 3 * DAY + 60 * hours].all()
    assert np.nanmax(scores.page[3 * DAY :]) < 1


def test_f4_the_end_of_an_outage_that_became_usual_is_not_nothing() -> None:
    """After 12 hours an outage is the usual; against that level its end fell to nothing, and 3 days were not heard."""
    y = poisson(3, 9 * DAY, 5)
    y[4 * DAY : 4 * DAY + 1100] = poisson(150, 1100, 6)
    y[6 * DAY : 6 * DAY + 60] += poisson(12, 60, 7)
    scores = run(y)
    assert scores.expected[4 * DAY + 1050] > 100
    assert not scores.is_silent[4 * DAY + 1100 + 600 :].any()
    assert scores.page[6 * DAY : 6 * DAY + 30].max() > 1


def test_f4_nothing_at_all_is_believed_after_three_days() -> None:
    y = poisson(3, 8 * DAY, 5)
    y[3 * DAY :] = 0
    scores = run(y)
    assert scores.is_silent[6 * DAY - 60]
    assert not scores.is_silent[6 * DAY + 60 :].any()


def test_f5_three_reports_in_an_empty_cell_are_no_outage() -> None:
    """The naive form had no floor: against almost nothing expected, three reports scored 23 nats."""
    y = np.zeros(10 * DAY)
    y[[8 * DAY, 8 * DAY + 4, 8 * DAY + 9]] = 1
    scores = run(y)
    assert np.nanmax(scores.page) < 1
    assert np.nanmax(scores.watch) < 1
    assert deviance(3.0, 10 * float(scores.expected[8 * DAY]), 1 / 0.05) > 8


def test_f5_long_windows_do_not_pay_for_baseline_error() -> None:
    """The naive form scanned windows to 135 min against "any excess": a third above usual, all evening, paged."""
    y = poisson(20, 6 * DAY, 6)
    y[5 * DAY : 5 * DAY + 360] = poisson(27, 360, 7)
    scores = run(y)
    assert np.nanmax(scores.page) < 1
    rise = y[5 * DAY : 5 * DAY + 90]
    assert deviance(float(rise.sum()), 90 * float(scores.expected[5 * DAY - 1]), 1 / 0.01) > 4


def test_state_after_every_fault_goes_through_json() -> None:
    y = poisson(3, 72 * 14, 3)
    y[: 72 * 2], y[72 * 5 : 72 * 5 + 60], y[72 * 8 : 72 * 8 + 20] = np.nan, 90, 0
    bank, other = (Bank(1, bin_width_s=1200, start_at=START) for _ in range(2))
    whole = bank.run(y[np.newaxis])
    for b in range(0, len(y), 101):
        part = other.run(y[np.newaxis, b : b + 101])
        np.testing.assert_array_equal(part.page, whole.page[:, b : b + 101])
        other = Bank.from_state(json.loads(json.dumps(other.state())))
