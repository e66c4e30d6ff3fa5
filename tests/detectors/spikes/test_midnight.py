"""Midnight: a new profile moves no forecast, and what the day was hard to forecast for is remembered."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.spikes import Bank
from tests.builders import START

PER_DAY = 72
BIN = np.arange(PER_DAY)
RHYTHM = np.interp(BIN / 3, [0, 5, 10, 20, 24], [0.6, 0.2, 1.4, 1.6, 0.6])


def day(rng: np.random.Generator, *, mean: float = 60.0, rush_at: float | None = None) -> np.ndarray:
    """Draw a day of 20-min bins, with a rush hour of twice the usual if asked for."""
    rush = 0.0 if rush_at is None else np.exp(-0.5 * ((BIN - rush_at) / 1.2) ** 2)
    return rng.poisson(mean * RHYTHM * (1 + rush)).astype(float)


def test_the_first_profile_moves_no_forecast() -> None:
    rng = np.random.default_rng(1)
    y = np.concatenate([day(rng) for _ in range(3)])
    expected = Bank(1, bin_width_s=1200, start_at=START).run(y[np.newaxis]).expected[0]
    error = np.abs(np.log(expected / (60 * np.tile(RHYTHM, 3))))
    for midnight in (PER_DAY, 2 * PER_DAY):
        assert error[midnight : midnight + 3].max() < 0.25
        assert error[midnight] < error[midnight - 1] + 0.05
    assert error[2 * PER_DAY :].mean() < 0.06


def test_an_open_incident_keeps_its_level_over_midnight() -> None:
    rng = np.random.default_rng(2)
    y = np.concatenate([day(rng) for _ in range(4)])
    y[2 * PER_DAY - 9 : 2 * PER_DAY + 9] += 900
    y[3 * PER_DAY - 30 : 3 * PER_DAY + 6] += 900  # longer before midnight than the bank remembers bins
    scores = Bank(1, bin_width_s=1200, start_at=START).run(y[np.newaxis]).row(0)
    usual = 60 * np.tile(RHYTHM, 4)
    for midnight in (2 * PER_DAY, 3 * PER_DAY):
        assert scores.is_frozen[midnight - 1 : midnight + 2].all()
        assert scores.expected[midnight] / usual[midnight] == pytest.approx(1.0, abs=0.3)
        assert scores.expected[midnight] / scores.expected[midnight - 1] == pytest.approx(1.0, abs=0.2)


def test_a_rush_that_comes_when_it_likes_is_watched_with_patience() -> None:
    rng = np.random.default_rng(3)
    days = [day(rng, mean=400, rush_at=24 + rng.normal(0, 1.5)) for _ in range(14)]
    bank = Bank(1, bin_width_s=1200, start_at=START)
    early = day(rng, mean=400, rush_at=20.5)[np.newaxis]
    bank.run(np.concatenate([*days, early[0, :1]])[np.newaxis])
    unrest = bank._series["unrest"][0]
    assert unrest[14:18].min() > 2
    assert unrest[30:42].max() < 1.5
    assert ((unrest >= 1) & (unrest <= 6)).all()

    calm = Bank.from_state(bank.state())
    calm._series["unrest"] = 1.0
    assert np.nanmax(bank.run(early[:, 1:]).watch) < 0.9 * np.nanmax(calm.run(early[:, 1:]).watch)
