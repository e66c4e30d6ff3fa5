"""What would have been usual during an incident, when the detector's own level has followed it."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.incidents.usual import freeze, profile
from tests.detectors.incidents.scores import series

DAY = 1440


def by_hour(days: int) -> np.ndarray:
    """Return a rate of 1 by night and 3 by day."""
    return np.tile(np.repeat([1.0, 3.0], DAY // 2), days)


def test_the_profile_is_the_shape_of_the_days_before() -> None:
    rate = by_hour(15)
    observed = np.random.default_rng(1).poisson(20 * rate).astype(float)
    found = profile(series(observed), before=14 * DAY + 300, span=slice(14 * DAY, 15 * DAY))
    night, day = found[120:600].mean(), found[840:1320].mean()
    assert day / night == pytest.approx(3.0, rel=0.05)
    assert found.mean() == pytest.approx(1.0, abs=0.03)


def test_the_profile_knows_nothing_of_the_day_that_has_begun() -> None:
    observed = np.random.default_rng(1).poisson(20 * by_hour(15)).astype(float)
    changed = observed.copy()
    changed[14 * DAY :] = 500.0
    span = slice(14 * DAY, 15 * DAY)
    one, other = (profile(series(y), before=14 * DAY + 300, span=span) for y in (observed, changed))
    assert np.array_equal(one, other)


@pytest.mark.parametrize("before", [0, 300, DAY])
def test_without_a_day_that_was_observed_all_hours_are_alike(before: int) -> None:
    observed = np.full(3 * DAY, 7.0)
    observed[:DAY] = np.nan
    assert np.array_equal(profile(series(observed), before=before, span=slice(0, 10)), np.ones(10))


def test_the_level_is_that_of_just_before() -> None:
    expected = np.concatenate((np.full(60, 9.0), np.full(40, 4.0), np.linspace(4.0, 40.0, 100)))
    shape = np.where(np.arange(200) < 150, 1.0, 0.5)
    found = freeze(expected, shape, start=100, level_bins=30)
    assert np.array_equal(found[:100], expected[:100])
    assert found[100:150] == pytest.approx(4.0)
    assert found[150:] == pytest.approx(2.0)


@pytest.mark.parametrize("start", [0, 50])
def test_where_nothing_was_known_before_it_stays_as_it_was(start: int) -> None:
    expected = np.full(100, np.nan)
    expected[start + 1 :] = 3.0
    found = freeze(expected, np.ones(100), start=start, level_bins=30)
    assert np.array_equal(found, expected, equal_nan=True)
