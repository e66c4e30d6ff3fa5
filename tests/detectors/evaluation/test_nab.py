"""The benchmark's score beside its published definition and published facts."""

from __future__ import annotations

from math import exp

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.errors import InputError
from detectors.evaluation.nab import PROFILES, best, labelled, learning_rows, left_out, scaled, sigmoid

ROWS, WINDOWS = 1_000, [(300, 399), (600, 699)]


def rows(*found: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array(found, dtype=np.int64)


def score(*found: int) -> dict[str, float]:
    return {str(name): value for name, value in scaled(labelled(ROWS, WINDOWS).raw(rows(*found)), 2).items()}


def test_silence_is_0_and_the_start_of_every_window_100() -> None:
    assert score() == pytest.approx(dict.fromkeys(PROFILES, 0.0))
    assert score(300, 600) == pytest.approx(dict.fromkeys(PROFILES, 100.0))


def test_only_the_first_detection_of_a_window_counts() -> None:
    assert score(300, 310, 350, 399, 600) == score(300, 600)
    assert score(350, 399, 600) == score(350, 600)


def test_what_detections_are_worth_by_hand() -> None:
    def worth(position: float) -> float:
        return 2 / (1 + exp(5 * position)) - 1

    raw = labelled(ROWS, WINDOWS).raw(rows(350, 200, 420, 999))
    inside = worth(-(399 - 350 + 1) / 100) / worth(-1)
    false = -1 + worth((420 - 399) / 99) - 1 + (1 + worth((999 - 699) / 99) if (999 - 699) / 99 <= 3 else 0)
    assert raw == pytest.approx([inside - 1 + 0.11 * false, inside - 1 + 0.22 * false, inside - 2 + 0.11 * false])


def test_false_detections_cost_more_the_farther_they_are() -> None:
    worth = labelled(ROWS, WINDOWS).worth
    assert worth[:150] == pytest.approx(np.full(150, np.nan), nan_ok=True)
    assert (worth[150:300] == -1).all()
    after = worth[400:600]
    assert after[0] == pytest.approx(2 / (1 + exp(5 / 99)) - 1)
    assert (np.diff(after) <= 0).all()
    assert (worth[699 + 3 * 99 + 1 :] == -1).all()


def test_the_first_rows_do_not_count() -> None:
    assert [learning_rows(n) for n in (100, 5_000, 15_902)] == [15, 750, 750]
    assert score(0, 149) == score()
    assert score(150)["standard"] < 0


@given(st.sets(st.integers(0, ROWS - 1), max_size=30), st.integers(0, ROWS - 1))
def test_one_more_false_detection_never_helps(found: set[int], more: int) -> None:
    if not any(first <= more <= last for first, last in WINDOWS):
        before, after = score(*sorted(found)), score(*sorted(found | {more}))
        assert all(after[name] <= before[name] + 1e-12 for name in before)
    assert all(value <= 100 for value in score(*sorted(found)).values())


def test_the_sigmoid_is_odd_and_flat_far_away() -> None:
    near = np.linspace(-3, 3, 61)
    assert sigmoid(near) == pytest.approx(-sigmoid(-near))
    assert (sigmoid(np.array([3.0001, 50.0, 1e9])) == -1).all()
    assert sigmoid(np.array([3.0]))[0] > -1


@pytest.mark.parametrize("windows", [[(10, 5)], [(10, 20), (20, 30)], [(900, 1_000)], [(-1, 5)]])
def test_windows_that_cannot_be_are_refused(windows: list[tuple[int, int]]) -> None:
    with pytest.raises(InputError, match="window"):
        labelled(ROWS, windows)


def test_without_windows_there_is_no_score() -> None:
    with pytest.raises(InputError, match="no window"):
        scaled(np.zeros(3), 0)


def test_a_left_out_threshold_never_sees_its_own_series() -> None:
    raws = {
        "a": np.array([[9.0] * 3, [0.0] * 3]),
        "b": np.array([[1.0] * 3, [4.0] * 3]),
        "c": np.array([[2.0] * 3, [3.0] * 3]),
    }
    assert best(raws).tolist() == [12.0] * 3
    # Without a: choice 1 (7 > 3) gives a 0. Without b: choice 0 (11 > 3) gives 1. Without c: choice 0 (10 > 4) gives 2.
    assert left_out(raws).tolist() == [3.0] * 3


@given(st.integers(1, 6), st.integers(1, 5), st.integers(0, 1_000))
def test_leaving_out_is_never_better_than_the_best(n_series: int, n_choices: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    raws = {str(i): rng.normal(size=(n_choices, 3)) for i in range(n_series)}
    if n_series > 1:
        assert (left_out(raws) <= sum(raw.max(axis=0) for raw in raws.values()) + 1e-9).all()
    if n_choices == 1:
        assert left_out(raws) == pytest.approx(best(raws))
