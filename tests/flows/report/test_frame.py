"""The window that is drawn, and how bins are joined."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.errors import SeriesError
from detectors.model import Baseline
from flows.report.frame import MAX_BINS, day_frame, detail_frame, usual_range
from tests.flows.report.views import ONSET, all_unknown, estimate, incident, open_incident, view, without_bins

if TYPE_CHECKING:
    from flows.report.record import IncidentView


def test_the_window_holds_the_incident_and_what_is_around_it() -> None:
    frame = detail_frame(view())
    assert frame.start_at == ONSET - timedelta(hours=3, minutes=3)
    assert frame.end_at == ONSET + timedelta(minutes=53) + timedelta(hours=1)
    assert frame.bin_width_s == 300
    assert day_frame(view()).end_at == frame.end_at
    assert day_frame(view()).end_at - day_frame(view()).start_at == timedelta(hours=24)


def test_an_open_incident_is_drawn_to_the_end_of_the_series() -> None:
    shown = view(open_incident(), unknown=(0.4, 9))
    assert shown.data_until < shown.series.end_at
    assert detail_frame(shown).end_at == shown.series.end_at


def test_a_long_incident_gets_wider_bins_and_a_longer_strip() -> None:
    long = view(incident(ended=estimate(ONSET + timedelta(hours=30))), after_h=10)
    assert detail_frame(long).bin_width_s == 900
    assert day_frame(long).end_at - day_frame(long).start_at > timedelta(hours=45)


@pytest.mark.parametrize(("width", "joined"), [(1, 300), (60, 300), (1200, 1200), (3600, 3600), (7, 91)])
def test_bins_of_any_width(width: int, joined: int) -> None:
    frame = detail_frame(view(incident(bin_width_s=width), before_h=5))
    assert frame.bin_width_s == joined
    assert len(frame.observed) <= MAX_BINS + 2
    assert frame.is_known


def test_joining_loses_nothing() -> None:
    shown = view()
    frame = detail_frame(shown)
    series = shown.series
    whole = slice(1, -1)  # the first and the last bin reach beyond the window
    first = round((frame.first_at - series.start_at).total_seconds() / series.bin_width_s)
    taken = series.observed[first : first + 5 * len(frame.observed)].reshape(-1, 5).sum(axis=1)
    np.testing.assert_allclose(frame.observed[whole], taken[whole])
    np.testing.assert_allclose(
        frame.expected[whole].sum(), shown.baseline.expected[first + 5 :][: 5 * len(taken) - 10].sum()
    )


def with_unknown(first: int, last: int) -> IncidentView:
    shown = view()
    observed = shown.series.observed.copy()
    at = round((ONSET - timedelta(hours=1, minutes=5) - shown.series.start_at).total_seconds() / 60)  # 17:00
    observed[at + first : at + last] = np.nan
    return replace(shown, series=replace(shown.series, observed=observed))


@pytest.mark.parametrize("n_unknown", [1, 2, 3, 5])
def test_a_joined_bin_needs_half_of_its_minutes(n_unknown: int) -> None:
    frame = detail_frame(with_unknown(0, n_unknown))
    bin_ = round((ONSET - timedelta(hours=1, minutes=5) - frame.first_at).total_seconds() / 300)
    if n_unknown <= 2:
        minutes = with_unknown(0, n_unknown).series.observed
        at = round((ONSET - timedelta(hours=1, minutes=5) - view().series.start_at).total_seconds() / 60)
        assert frame.observed[bin_] == pytest.approx(5 * np.nanmean(minutes[at : at + 5]))
    else:
        assert math.isnan(frame.observed[bin_])
    assert frame.is_gap.nonzero()[0].tolist() == ([bin_] if n_unknown > 2 else [])
    assert frame.unknown_share == pytest.approx(n_unknown / 296)


def test_the_ragged_end_of_the_data_is_no_gap() -> None:
    frame = detail_frame(view(open_incident(), after_h=0.2))  # ends two minutes into a bin
    assert math.isnan(frame.observed[-1])
    assert not frame.is_gap.any()
    assert frame.unknown_share == 0


@pytest.mark.parametrize("shown", [without_bins(), all_unknown()])
def test_nothing_observed_is_a_gap_all_over(shown: IncidentView) -> None:
    for frame in (detail_frame(shown), day_frame(shown)):
        assert not frame.is_known
        assert frame.unknown_share == 1
        assert np.isnan(frame.upper).all()


def test_bins_that_are_not_on_the_clock_keep_their_place() -> None:
    shown = view()
    moved = replace(shown, series=replace(shown.series, start_at=shown.series.start_at + timedelta(seconds=17)))
    frame = detail_frame(moved)
    assert (frame.first_at - moved.series.start_at).total_seconds() % 60 == 0


# --- the usual range -----------------------------------------------------------------------------------------


def plain_quantiles(mean: float, phi: float) -> tuple[float, float]:
    """Do it slowly: sum negative binomial probabilities, each from the gamma function."""
    size, total, lower = 1 / phi, 0.0, -1
    for k in range(100_000):
        log = math.lgamma(size + k) - math.lgamma(size) - math.lgamma(k + 1)
        total += math.exp(
            log - size * math.log1p(phi * mean) + (k * math.log(phi * mean / (1 + phi * mean)) if k else 0)
        )
        lower = k if lower < 0 and total >= 0.01 else lower
        if total >= 0.99:
            return float(lower), float(k)
    raise AssertionError(mean, phi)


@settings(max_examples=60)
@given(st.floats(0.01, 499), st.floats(1e-3, 2))
def test_the_range_is_that_of_the_slow_sum(mean: float, phi: float) -> None:
    lower, upper = usual_range(np.array([mean]), np.array([phi]))
    assert (lower[0], upper[0]) == pytest.approx(plain_quantiles(mean, phi), abs=1)


def test_the_range_of_large_counts_goes_on_where_the_exact_one_ends() -> None:
    lower, upper = usual_range(np.array([499.9, 500.0]), np.array([0.05, 0.05]))
    assert lower[1] == pytest.approx(lower[0], rel=0.02)
    assert upper[1] == pytest.approx(upper[0], rel=0.02)


def test_the_range_knows_zero_and_the_unknown() -> None:
    lower, upper = usual_range(np.array([0.0, np.nan, 3.0]), np.array([0.1, 0.1, np.nan]))
    assert (lower[0], upper[0]) == (0, 0)
    assert np.isnan([lower[1], upper[1]]).all()
    assert (lower[2], upper[2]) == plain_quantiles(3.0, 1e-9)


def test_native_bins_show_the_baseline_s_own_bound() -> None:
    shown = view(incident(bin_width_s=1200))
    frame = detail_frame(shown)
    inside = slice(1, 5)
    first = round((frame.first_at - shown.series.start_at).total_seconds() / 1200)
    np.testing.assert_array_equal(frame.upper[inside], shown.baseline.upper[first + 1 : first + 5])


# --- the record ----------------------------------------------------------------------------------------------


def test_a_baseline_of_another_length_is_refused() -> None:
    short = Baseline(np.ones(3), np.ones(3), np.ones(3))
    with pytest.raises(SeriesError, match="one value a bin"):
        view(baseline=short)


def test_a_naive_instant_is_refused() -> None:
    with pytest.raises(SeriesError, match="data_until must be aware"):
        view(data_until=ONSET.replace(tzinfo=None))
