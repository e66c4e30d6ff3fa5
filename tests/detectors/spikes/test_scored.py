"""A scored series, and the registry that finds the detector for it."""

from __future__ import annotations

import json
from datetime import timedelta

import numpy as np
import pytest

from detectors.errors import InputError, StateError
from detectors.model import CountSeries
from detectors.spikes import DETECTORS, create, restore, score
from tests.builders import START


def series(y: np.ndarray, width_s: int = 1200) -> CountSeries:
    return CountSeries("imessage", "test", START, width_s, y, y, np.where(np.isnan(y), 0.0, 1.0))


def outage() -> np.ndarray:
    y = np.random.default_rng(0).poisson(4, 300).astype(float)
    y[200:206] += 60
    return y


@pytest.mark.parametrize("name", ["uproar", "plain-count"])
def test_score_finds_the_outage(name: str) -> None:
    scored = score(series(outage()), detector=name)
    (alarm,) = scored.alarms("page")
    assert alarm.alarmed_at == START + timedelta(minutes=20 * 201)
    assert alarm.window_start_at == START + timedelta(minutes=20 * 200)
    assert scored.alarms("watch")[-1].alarmed_at <= alarm.alarmed_at
    assert scored.alarms("page", threshold=10 * alarm.score) == []
    assert scored.learning_until == START + timedelta(hours=12)
    np.testing.assert_array_equal(scored.page, scored.of("page")[0])
    np.testing.assert_array_equal(scored.watch, scored.of("watch")[0])


def test_the_baseline_is_what_is_usual() -> None:
    baseline = score(series(outage())).baseline
    assert np.isnan(baseline.expected[:36]).all()
    assert np.isnan(baseline.upper[:36]).all()
    assert 2.5 < baseline.expected[36:].min() < baseline.expected[36:].max() < 6
    assert (baseline.upper[36:] > baseline.expected[36:] + 3).all()


def test_a_short_series_is_learning_all_the_while() -> None:
    assert score(series(np.ones(30))).learning_until is None


def test_an_unknown_name_is_refused_with_what_there_is() -> None:
    with pytest.raises(InputError, match=r"no detector 'magic'; there are .*plain-count, .*uproar"):
        create("magic", bin_width_s=60, start_at=START)


@pytest.mark.parametrize("name", DETECTORS)
def test_restore_finds_whose_state_it_is(name: str) -> None:
    detector = create(name, 2, bin_width_s=1200, start_at=START)
    again = restore(json.loads(json.dumps(detector.state())))
    assert type(again) is type(detector)
    with pytest.raises(StateError):
        DETECTORS[name].restore({"version": "other"})


def test_plain_count_is_a_count_over_a_multiple_of_the_median() -> None:
    detector = create("plain-count", bin_width_s=3600, start_at=START)
    detector.run(np.full((1, 24), 4.0))
    scores = detector.run([[30.0, 60.0, np.nan]])
    np.testing.assert_array_equal(scores.page, [[0.75, 1.5, np.nan]])
    np.testing.assert_array_equal(scores.expected, [[4.0, 4.0, 4.0]])


def test_plain_count_forgets_after_a_week() -> None:
    detector = create("plain-count", bin_width_s=3600, start_at=START)
    detector.run(np.full((1, 200), 50.0))
    scores = detector.run(np.full((1, 200), 1.0))
    assert (scores.expected[0, 0], scores.expected[0, -1]) == (50.0, 1.0)
