"""The bank at its border: what it refuses, what it saves, and that a saved bank goes on as if nothing had been."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.errors import SeriesError, StateError
from detectors.spikes import Bank, Parameters, kernel
from detectors.spikes.state import pack, unpack
from tests.builders import START

COUNTS = st.lists(
    st.one_of(st.integers(0, 60).map(float), st.just(float("nan")), st.floats(0, 9)), min_size=40, max_size=90
)


@settings(max_examples=25, deadline=None)
@given(COUNTS, st.data())
def test_any_split_through_json_changes_nothing(values: list[float], data: st.DataObject) -> None:
    y = np.array([values])
    cut = data.draw(st.integers(0, len(values)))
    whole = Bank(1, bin_width_s=3600, start_at=START).run(y)
    bank = Bank(1, bin_width_s=3600, start_at=START)
    first = bank.run(y[:, :cut])
    again = Bank.from_state(json.loads(json.dumps(bank.state())))
    second = again.run(y[:, cut:])
    for name in ("page", "watch", "expected", "dispersion"):
        joined = np.concatenate([getattr(first, name), getattr(second, name)], axis=1)
        np.testing.assert_array_equal(joined, getattr(whole, name))
    assert again.now == START + timedelta(hours=len(values))


@settings(max_examples=25, deadline=None)
@given(COUNTS)
def test_scores_are_known_or_nan_and_never_negative(values: list[float]) -> None:
    y = np.array([values])
    scores = Bank(1, bin_width_s=3600, start_at=START).run(y)
    known = scores.page[~np.isnan(scores.page)]
    assert (known >= 0).all()
    assert np.isfinite(known).all()
    assert (scores.watch[~np.isnan(scores.watch)] >= known).all()
    np.testing.assert_array_equal(np.isnan(scores.page), np.isnan(scores.watch))
    assert np.isnan(scores.page[np.isnan(y)]).all()


def test_parameters_are_saved() -> None:
    parameters = Parameters(windows_min=(1, 2, 3, 5, 8, 12, 18, 27, 40, 60, 90, 135), page_max_min=135, min_reports=6)
    bank = Bank(2, bin_width_s=60, start_at=START, parameters=parameters)
    again = Bank.from_state(json.loads(json.dumps(bank.state())))
    assert again.parameters == parameters
    assert again._rings.shape == (2, 256, 3)


def test_windows_are_rounded_to_bins_and_distinct() -> None:
    plan = Parameters().plan(1200)
    assert plan.windows[: plan.n_windows].tolist() == [1, 2]
    assert (plan.n_page, plan.n_watch, plan.n_gate) == (1, 2, 1)
    hourly = Parameters().plan(3600)
    assert hourly.windows[: hourly.n_windows].tolist() == [1]
    assert hourly.page_penalty[0] == 0
    minutes = Parameters().plan(60)
    assert minutes.windows[: minutes.n_windows].tolist() == [1, 2, 3, 5, 8, 12, 18, 27, 40]
    assert (minutes.n_page, minutes.n_watch, minutes.n_gate) == (8, 9, 7)
    assert Parameters().plan(1).windows[8] == 2400


def test_too_many_windows_are_refused() -> None:
    with pytest.raises(SeriesError, match="windows"):
        Bank(1, bin_width_s=1, start_at=START, parameters=Parameters(windows_min=tuple(range(1, 20))))


def test_half_the_exposure_expects_half_the_reports() -> None:
    y = np.full((1, 200), 6.0)
    whole, half = (Bank(1, bin_width_s=1200, start_at=START) for _ in range(2))
    full = whole.run(y)
    part = half.run(y / 2, np.full(y.shape, 0.5))
    np.testing.assert_allclose(part.expected[0, 100:], full.expected[0, 100:], rtol=0.02)
    assert np.isnan(half.run([[3.0]], [[0.0]]).page[0, 0])


@pytest.mark.parametrize(
    ("exposure", "message"), [([[0.5]], "shape"), ([[0.5, 1.5]], "share"), ([[0.5, float("nan")]], "share")]
)
def test_wrong_exposure_is_refused(exposure: Any, message: str) -> None:
    with pytest.raises(SeriesError, match=message):
        Bank(1, bin_width_s=60, start_at=START).run([[1.0, 1.0]], exposure)


@pytest.mark.parametrize("change", [{"n_series": 0}, {"bin_width_s": 0}, {"start_at": START.replace(tzinfo=None)}])
def test_wrong_arguments_are_refused(change: dict[str, Any]) -> None:
    arguments = {"n_series": 1, "bin_width_s": 60, "start_at": START, **change}
    with pytest.raises(SeriesError):
        Bank(arguments.pop("n_series"), **arguments)


@pytest.mark.parametrize("counts", [[[1.0, -1.0]], [[np.inf, 1.0]], [1.0], [[1.0], [1.0]]])
def test_wrong_counts_are_refused(counts: Any) -> None:
    bank = Bank(1, bin_width_s=60, start_at=START)
    with pytest.raises(SeriesError):
        bank.run(counts)
    assert bank.n_bins == 0


def test_refused_bins_leave_the_bank_as_it_was() -> None:
    bank = Bank(1, bin_width_s=60, start_at=START)
    bank.run([[1.0, 2.0]])
    before = bank.state()
    with pytest.raises(SeriesError):
        bank.run([[1.0, -2.0]])
    assert bank.state() == before


@pytest.mark.parametrize(
    "change",
    [
        {"version": "uproar-bank-0"},
        {"version": None},
        {"n_series": 2},
        {"bin_width_s": 1200},
        {"bin_width_s": 0},
        {"start_at": "yesterday"},
        {"start_at": "2026-03-02T00:00:00"},
        {"n_bins": "many"},
        {"n_bins": -1},
        {"parameters": {"windows_min": [1], "colour": "red"}},
        {"arrays": {}},
        {"arrays": None},
        {"arrays": {"level": "!"}},
    ],
)
def test_states_that_do_not_fit_are_refused(change: dict[str, Any]) -> None:
    bank = Bank(1, bin_width_s=60, start_at=START)
    bank.run([[1.0, 2.0]])
    with pytest.raises(StateError, match="score the series again"):
        Bank.from_state({**bank.state(), **change})


def test_a_damaged_array_is_refused() -> None:
    state = Bank(1, bin_width_s=60, start_at=START).state()
    for text in (state["arrays"]["rings"][:-8], "AAAA", pack(np.zeros(10**6))):
        with pytest.raises(StateError):
            Bank.from_state({**state, "arrays": {**state["arrays"], "rings": text}})


def test_read_only_counts_do_not_compile_again() -> None:
    y = np.full((1, 3), 2.0)
    y.flags.writeable = False
    bank = Bank(1, bin_width_s=60, start_at=START)
    bank.run(np.full((1, 3), 2.0))
    compiled = getattr(kernel.run, "signatures", [])[:]
    bank.run(y, y / 2)
    assert getattr(kernel.run, "signatures", []) == compiled


def test_packing_is_exact() -> None:
    for array in (np.array([0.1, np.nan, -0.0, 1e300]), np.arange(6, dtype=np.int64).reshape(2, 3)):
        again = unpack(pack(array), array)
        assert again.tobytes() == array.tobytes()
        assert again.shape == array.shape


def test_bins_that_cross_midnight_in_one_block_or_in_many() -> None:
    y = np.random.default_rng(1).poisson(5, (2, 7 * 30)).astype(float)
    start_at = START + timedelta(hours=23, minutes=13)  # bins of 50 min do not divide the day
    whole = Bank(2, bin_width_s=3000, start_at=start_at).run(y)
    bank = Bank(2, bin_width_s=3000, start_at=start_at)
    parts = [bank.run(y[:, b : b + 13]).page for b in range(0, y.shape[1], 13)]
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), whole.page)
    assert bank.n_observed.tolist() == [210, 210]
