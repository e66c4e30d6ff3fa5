"""The arithmetic under onset and end, against obvious twins."""

from __future__ import annotations

from math import lgamma, log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.errors import SeriesError
from detectors.incidents.likelihood import (
    Stretch,
    excess_noise,
    levels_above,
    log_likelihood,
    log_mean,
    noise_before,
    noise_within,
    quantiles,
    usual_before,
)


def plain(y: int, mu: float, phi: float) -> float:
    k = 1 / phi
    return lgamma(y + k) - lgamma(k) - lgamma(y + 1) + k * log(k / (k + mu)) + y * log(mu / (k + mu))


@given(st.integers(0, 200), st.floats(0.05, 300), st.floats(0.05, 300), st.floats(0.02, 0.5))
def test_likelihood_ratios_are_those_of_the_negative_binomial(y: int, a: float, b: float, phi: float) -> None:
    ours = log_likelihood(np.array(float(y)), np.array([a, b]), np.array(phi))
    assert ours[0] - ours[1] == pytest.approx(plain(y, a, phi) - plain(y, b, phi), rel=1e-6, abs=1e-6)


def test_what_was_not_observed_says_nothing() -> None:
    assert (log_likelihood(np.array(np.nan), np.array([0.0, 5.0]), np.array(0.1)) == 0).all()


def test_joined_bins_count_what_was_observed_against_what_was_expected_there() -> None:
    stretch = Stretch(np.array([1, np.nan, 2, 3, np.nan, np.nan, 9]), np.arange(1.0, 8.0), 0.1).cut(0, 7, 2)
    assert stretch.observed[:2].tolist() == [1, 5]
    assert np.isnan(stretch.observed[2])
    assert stretch.expected.tolist() == [1, 7, 0]
    assert stretch.bin_width_s == 120


def test_noise_is_learnt_and_one_burst_does_not_pass_for_it() -> None:
    rng = np.random.default_rng(8)
    mean = np.full(1440, 2.0)
    calm = rng.poisson(2.0, 1440).astype(float)
    bursts = np.repeat(rng.poisson(2.0, 240), 6).astype(float)
    spiked = calm.copy()
    spiked[700:708] = 300
    assert excess_noise(Stretch(calm, mean, 0.0)) < 1.3
    assert excess_noise(Stretch(bursts, mean, 0.0)) > 3
    assert excess_noise(Stretch(spiked, mean, 0.0)) < 1.4
    assert noise_before(Stretch(calm, mean, 0.0), 0) == pytest.approx(1.2)
    assert 1.0 <= noise_before(Stretch(calm, mean, 0.0), 5) <= 1.3


def test_levels_reach_from_a_share_of_usual_to_above_the_peak() -> None:
    levels, shape = levels_above(Stretch(np.array([1.0, 50.0]), np.array([1.0, 3.0]), 0.1), lowest=0.5)
    assert levels[0] == pytest.approx(1.0)
    assert levels[-1] >= 50
    assert shape.tolist() == [0.5, 1.5]
    assert levels_above(Stretch(np.zeros(2), np.zeros(2), 0.1), lowest=0.5)[1].tolist() == [1, 1]


def test_log_mean_survives_large_numbers() -> None:
    assert log_mean(np.array([1000.0, 1000.0]), axis=0) == pytest.approx(1000.0)


def test_quantiles_of_a_point_are_the_point() -> None:
    assert quantiles(np.array([1.0, 2.0]), np.array([1.0, 1.0]), (0.5,)) == [1.5]
    assert quantiles(np.array([3.0, 3.0]), np.array([1.0, 0.5]), (0.05, 0.95)) == [3.0, 3.0]


def test_what_does_not_fit_together_is_refused() -> None:
    with pytest.raises(SeriesError, match="one axis"):
        Stretch(np.zeros(0), np.zeros(0), 0.1)
    with pytest.raises(SeriesError, match="differ"):
        Stretch(np.zeros(2), np.zeros(3), 0.1)
    with pytest.raises(SeriesError, match="above 0"):
        Stretch(np.zeros(2), np.zeros(2), 0.1, 0.0)


@pytest.mark.parametrize("family", ["apart", "echoing"])
def test_noise_is_what_sums_vary_more_than_their_bins(family: str) -> None:
    """A dispersion that has learnt the echoes must not hide them: it belongs to the bins, not to their sum."""
    rng = np.random.default_rng(6)
    mean = np.full(1440, 10.0)
    if family == "apart":
        observed = rng.poisson(mean * rng.gamma(1 / 0.1, 0.1, 1440)).astype(float)
    else:
        observed = 5.0 * np.convolve(rng.poisson(2.0, 1440 + 3), np.full(4, 0.25), mode="valid")
    found = excess_noise(Stretch(observed, mean, 0.1))
    assert found < 1.3 if family == "apart" else found > 1.5


def test_a_sparse_series_shows_its_noise_during_the_outage() -> None:
    rng = np.random.default_rng(7)
    rate = np.linspace(2.0, 4.0, 400)
    calm, bursts = rng.poisson(rate).astype(float), np.zeros(400)
    for at in np.flatnonzero(rng.random(400) < 0.08):
        bursts[at : at + 4] += 9
    usual = np.full(400, 0.01)
    assert noise_within(Stretch(calm, usual, 0.003), 1.2) < 1.5
    assert noise_within(Stretch(bursts, usual, 0.003), 1.2) > 3
    assert noise_within(Stretch(calm[:20], usual[:20], 0.003), 1.7) == 1.7
    holed = calm.copy()
    holed[8:390] = np.nan
    assert noise_within(Stretch(holed, usual, 0.003), 1.7) == 1.7


def test_usual_reports_of_the_day_before_are_those_of_observed_bins() -> None:
    observed = np.ones(3000)
    observed[1500:1600] = np.nan
    assert usual_before(Stretch(observed, np.full(3000, 0.5), 0.0), 2000) == pytest.approx(0.5 * 1340)
    assert usual_before(Stretch(observed, np.full(3000, 0.5), 0.0), 0) == 0.0
