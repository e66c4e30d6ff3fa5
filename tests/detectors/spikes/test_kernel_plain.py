"""The compiled recursion against its slow twin, branch by branch.

`make test` runs this module twice: compiled, and with NUMBA_DISABLE_JIT=1, so that coverage sees every branch of the
kernel and of the profile. Series are short and bins wide for that reason.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
import pytest

from detectors.baselines import profile
from detectors.spikes import kernel
from detectors.spikes.bank import Bank
from tests.builders import START
from tests.detectors.spikes.twin import Twin, week_profile

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

DAY_RHYTHM = np.array(
    [
        0.3,
        0.2,
        0.2,
        0.2,
        0.3,
        0.5,
        0.8,
        1.0,
        1.2,
        1.3,
        1.4,
        1.5,
        1.5,
        1.5,
        1.4,
        1.4,
        1.4,
        1.5,
        1.6,
        1.7,
        1.5,
        1.1,
        0.7,
        0.4,
    ]
)


def counts(bins: int, *, mean: float, width_s: int, seed: int, shape: float = 8.0) -> Floats:
    """Draw over-dispersed counts with a rhythm of the day."""
    rng = np.random.default_rng(seed)
    hours = (np.arange(bins) * width_s // 3600) % 24
    return rng.poisson(mean * DAY_RHYTHM[hours] * rng.gamma(shape, 1 / shape, bins)).astype(float)


def outage(y: Floats, start: int, bins: int, level: float) -> Floats:
    """Add reports in a stretch."""
    y = y.copy()
    y[start : start + bins] += level
    return y


def missing(y: Floats, *stretches: tuple[int, int]) -> Floats:
    """Take bins away."""
    y = y.copy()
    for start, stop in stretches:
        y[start:stop] = np.nan
    return y


def silent(y: Floats, start: int, stop: int) -> Floats:
    """Let the feed return zeros."""
    y = y.copy()
    y[start:stop] = 0.0
    return y


HOUR, THIRD, MINUTES5 = 3600, 1200, 300
CASES = {
    "an outage, then a quiet week": (HOUR, outage(counts(400, mean=5, width_s=HOUR, seed=1), 150, 4, 120)),
    "a small series": (THIRD, outage(counts(600, mean=0.3, width_s=THIRD, seed=2), 400, 3, 8)),
    "gaps, also at the start": (
        HOUR,
        missing(counts(400, mean=9, width_s=HOUR, seed=3), (0, 60), (120, 150), (300, 301)),
    ),
    "a gap inside an outage": (
        THIRD,
        missing(outage(counts(500, mean=6, width_s=THIRD, seed=4), 300, 20, 90), (304, 312)),
    ),
    "a gap inside an outage of a small series": (
        THIRD,
        missing(outage(counts(500, mean=0.6, width_s=THIRD, seed=14), 300, 20, 20), (304, 309), (317, 321)),
    ),
    "a feed that goes silent for a night, and one that stays silent": (
        HOUR,
        silent(silent(counts(500, mean=30, width_s=HOUR, seed=5), 200, 206), 400, 490),
    ),
    "a new normal": (HOUR, outage(counts(300, mean=5, width_s=HOUR, seed=6), 150, 150, 60)),
    "two outages soon after each other": (
        MINUTES5,
        outage(outage(counts(700, mean=4, width_s=MINUTES5, seed=7), 400, 12, 60), 440, 6, 40),
    ),
    "bursts that are no outage": (
        THIRD,
        counts(700, mean=3, width_s=THIRD, seed=8, shape=0.7),
    ),
    "nothing at all": (HOUR, np.zeros(120)),
    "slots that do not divide the day": (2700, outage(counts(300, mean=5, width_s=2700, seed=9), 200, 5, 90)),
}


@pytest.mark.parametrize("case", CASES)
def test_bank_agrees_with_the_twin(case: str) -> None:
    width_s, y = CASES[case]
    scores = Bank(1, bin_width_s=width_s, start_at=START).run(y[np.newaxis]).row(0)
    twin = Twin(width_s, int(START.timestamp())).run(y)
    np.testing.assert_allclose(scores.expected, twin[:, 2], rtol=1e-6)
    np.testing.assert_allclose(scores.page, twin[:, 1], rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(scores.watch, twin[:, 0], rtol=1e-5, atol=1e-7)


def test_cases_reach_what_they_are_for() -> None:
    reached = {}
    for case, (width_s, y) in CASES.items():
        reached[case] = Bank(1, bin_width_s=width_s, start_at=START).run(y[np.newaxis]).row(0)
    assert np.nanmax(reached["an outage, then a quiet week"].page) > 1
    assert reached["an outage, then a quiet week"].is_frozen.any()
    assert reached["a feed that goes silent for a night, and one that stays silent"].is_silent[203:206].all()
    assert not reached["a feed that goes silent for a night, and one that stays silent"].is_silent[475]
    assert not reached["a new normal"].is_frozen[-90:].any()
    assert reached["a new normal"].expected[-1] > 40
    assert np.nanmax(reached["nothing at all"].watch) == 0.0


@pytest.mark.parametrize("n_days", [1, 3, 6, 17])
def test_profile_agrees_with_the_twin(n_days: int) -> None:
    rng = np.random.default_rng(n_days)
    y, x = np.zeros((28, 48), np.float32), np.zeros((28, 48), np.float32)
    days = {}
    today = 20_500
    for day in range(today - n_days, today):
        exposure = np.where(rng.random(48) < 0.8, 30.0, 0.0) if day % 5 else np.zeros(48)
        found = rng.poisson(exposure * 0.2 * np.repeat(DAY_RHYTHM, 2) * (0.5 if day % 7 in (2, 3) else 1.0))
        found[day % 48] += 40 * (exposure[day % 48] > 0)
        y[day % 28], x[day % 28] = found, exposure
        days[day] = (found.astype(float), exposure)
    week = profile.fit_profile(y, x, (today, 1440.0), 0.1)
    np.testing.assert_allclose(week, week_profile(days, today, 0.1, 1440.0), rtol=1e-6)
    assert week.mean() == pytest.approx(1.0)


def test_profile_is_flat_where_nothing_is_known() -> None:
    nothing = np.zeros((28, 48), np.float32)
    assert (profile.fit_profile(nothing, nothing, (20_500, 1440.0), 0.1) == 1).all()
    seen = np.full((28, 48), 30.0, np.float32)
    assert (profile.fit_profile(nothing, seen, (20_500, 1440.0), 0.1) == 1).all()


def test_refit_forgets_the_day_28_days_ago() -> None:
    bank = Bank(1, bin_width_s=3600, start_at=START)
    bank.run(np.full((1, 24), 3.0))
    first = int(START.timestamp()) // 86400
    assert bank._counts[0, first % 28].sum() == 72
    bank.run(np.zeros((1, 24 * 27)))
    assert bank._counts[0, first % 28].sum() == 72
    bank.run(np.zeros((1, 1)))
    assert bank._counts[0, first % 28].sum() == 0


def test_an_exposure_of_next_to_nothing_is_no_division_by_zero() -> None:
    bank = Bank(1, bin_width_s=3600, start_at=START)
    bank.run(np.full((1, 30), 5.0))
    scores = bank.step([3.0], [1e-18])
    assert scores.page[0] == 0.0
    assert np.isfinite(bank.step([5.0]).expected[0])


@pytest.mark.parametrize(("s", "m", "k"), [(5.0, 1.0, 10.0), (3.0, 2.9, 300.0), (900.0, 3.0, 5.0), (4.0, 0.02, 20.0)])
def test_ceiling_is_above_the_deviance(s: float, m: float, k: float) -> None:
    assert 0 < kernel.deviance(s, m, k) <= kernel.ceiling(s, m, k)


def test_deviance_is_one_sided() -> None:
    assert kernel.deviance(2.0, 3.0, 10.0) == 0.0
    assert kernel.lower_deviance(4.0, 3.0, 10.0) == 0.0
    assert kernel.lower_deviance(0.0, 10.0, 10.0) == pytest.approx(10 * np.log(2.0))
    assert kernel.lower_deviance(5.0, 10.0, 10.0) == pytest.approx(5 * np.log(0.5) - 15 * np.log(0.75))


def test_a_week_later_is_the_same() -> None:
    width_s, y = CASES["an outage, then a quiet week"]
    scores = Bank(1, bin_width_s=width_s, start_at=START).run(y[np.newaxis])
    later = Bank(1, bin_width_s=width_s, start_at=START + timedelta(weeks=1)).run(y[np.newaxis])
    np.testing.assert_array_equal(scores.page, later.page)
    np.testing.assert_array_equal(scores.expected, later.expected)
