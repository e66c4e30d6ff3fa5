"""What the profile learns, from made-up weeks with a known rhythm."""

from __future__ import annotations

import numba
import numpy as np
import pytest

from detectors.baselines import jit
from detectors.baselines.profile import DAYS, Slots, fit_profile, median, smooth

TODAY = 20_500
HOURS = np.arange(48) / 2
RHYTHM = 1 + 0.7 * np.sin(2 * np.pi * (HOURS - 8) / 24)


def weeks(rate: float, *, weekend: float = 1.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return counts and exposure of 28 days of one-minute bins at ``rate`` a bin."""
    rng = np.random.default_rng(seed)
    x = np.full((DAYS, 48), 30.0, np.float32)
    factor = np.where(np.isin(np.arange(DAYS) % 7, [2, 3]), weekend, 1.0)[:, np.newaxis]
    return rng.poisson(rate * x * RHYTHM * factor).astype(np.float32), x


def test_it_learns_the_rhythm_of_the_day() -> None:
    y, x = weeks(2.0)
    week = fit_profile(y, x, (TODAY, 1440.0), 0.01)
    assert week.mean() == pytest.approx(1)
    np.testing.assert_allclose(week, np.tile(RHYTHM, (7, 1)), atol=0.2)


def test_it_learns_the_weekend() -> None:
    y, x = weeks(2.0, weekend=0.5)
    week = fit_profile(y, x, (TODAY, 1440.0), 0.01)
    levels = week.mean(axis=1)
    assert (levels[[2, 3]] < 0.75 * levels[[0, 1, 4, 5, 6]].min()).all()


def test_few_counts_say_little() -> None:
    y, x = weeks(0.0005)
    week = fit_profile(y, x, (TODAY, 1440.0), 0.05)
    assert 0.8 < week.min() < week.max() < 1.3


def test_an_outage_stays_out() -> None:
    y, x = weeks(2.0, seed=1)
    struck = y.copy()
    struck[13, 20:24] += 3000
    before, after = (fit_profile(counts, x, (TODAY, 1440.0), 0.01) for counts in (y, struck))
    assert np.abs(after - before).max() < 0.15


@pytest.mark.parametrize("n", [1, 2, 3, 8, 27])
def test_median(n: int) -> None:
    values = np.random.default_rng(n).normal(size=n)
    assert median(values, 0, n) == pytest.approx(np.median(values))
    assert median(values, n // 2, n) == pytest.approx(np.median(values[n // 2 :]))


def test_smoothing_is_circular() -> None:
    point = np.zeros(48)
    point[0] = 1
    found = smooth(point)
    assert found[1] == found[47] == pytest.approx(np.exp(-0.5))
    assert found[4] == 0


@pytest.mark.parametrize(
    ("bin_width_s", "width_s", "per_day"),
    [(60, 1800, 48), (1, 1800, 48), (1800, 1800, 48), (3600, 3600, 24), (2700, 2700, 32), (3500, 3500, 25)],
)
def test_slots(bin_width_s: int, width_s: int, per_day: int) -> None:
    slots = Slots(bin_width_s)
    assert (slots.width_s, slots.per_day) == (width_s, per_day)
    assert slots.full_day * bin_width_s == 86400


def test_where_no_cache_can_be_kept_it_compiles_without(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*, cache: bool = False, **options: object) -> object:
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return lambda function: (function, options)

    def double(x: float) -> float:
        return 2 * x

    monkeypatch.setattr(numba, "njit", refuse)
    assert jit.compiled(double) == (double, {"error_model": "numpy"})  # type: ignore[comparison-overlap]
