"""Several sources at the border: series in, scores and a saved state out, and what is refused."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from detectors.errors import SeriesError, StateError
from detectors.incidents.lifecycle import build_histories
from detectors.model import CountSeries
from detectors.spikes import Scores, score
from detectors.spikes.sources import COMBINED, Combiner, ScoredSources, resume_sources, score_sources
from tests.builders import START
from tests.detectors.spikes.several import DAY, NAMES, UNSEEN, WIDTH_S, assert_same, brought, combiner, three

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


def one_series(y: Floats, source: str, start: int = 0, width_s: int = WIDTH_S) -> CountSeries:
    start_at = START + start * timedelta(seconds=width_s)
    return CountSeries("imessage", source, start_at, width_s, y, y + 1, np.where(np.isnan(y), 0.0, 1.0))


def test_one_source_is_scored_as_without_combining() -> None:
    y = brought((5,), 5)[0, 0]
    y[200:206] += 60
    y[250:260] = UNSEEN
    series = one_series(y, "mastodon")
    both, alone = score_sources([series]), score(series)
    assert_same(both.scores, alone.scores)
    assert both.alarms("page") == alone.alarms("page") != []
    assert build_histories(both.series, both) == build_histories(series, alone)
    for name in ("observed", "raw", "coverage"):
        np.testing.assert_array_equal(getattr(both.series, name), getattr(series, name))
    assert (both.series.source, both.start_at) == ("mastodon", START)


def test_the_order_of_the_series_does_not_matter() -> None:
    y = three(5)[0]
    y[0, 300:] = UNSEEN
    series = [one_series(y[j], name) for j, name in enumerate(NAMES)]
    assert_same(score_sources(series).scores, score_sources(series[::-1]).scores)


@pytest.mark.parametrize(
    "counts", [np.ones((1, 2, 4)), np.ones((3, 4)), np.full((1, 3, 2), -1.0), np.full((1, 3, 2), np.inf)]
)
def test_wrong_counts_are_refused_and_change_nothing(counts: Floats) -> None:
    many = combiner()
    many.run(three(0.5))
    before = many.state()
    with pytest.raises(SeriesError):
        many.run(counts)
    assert many.state() == before


@pytest.mark.parametrize("names", [(), ("a", "a")])
def test_wrong_sources_are_refused(names: tuple[str, ...]) -> None:
    with pytest.raises(SeriesError, match="each once"):
        Combiner(names, bin_width_s=WIDTH_S, start_at=START)


@pytest.mark.parametrize(
    "change",
    [
        {"version": "uproar-bank-1"},
        {"version": None},
        {"sources": ["a"]},
        {"sources": None},
        {"bank": {}},
        {"bank": None},
        {"arrays": {}},
        {"arrays": {"share": "!"}},
    ],
)
def test_states_that_do_not_fit_are_refused(change: dict[str, Any]) -> None:
    many = combiner()
    many.run(three(1))
    with pytest.raises(StateError, match="score the series again"):
        Combiner.from_state({**many.state(), **change})


def test_series_of_different_length_are_laid_on_one_grid() -> None:
    y = three(4)[0]
    series = [one_series(y[0], "a"), one_series(y[1, 100:200], "b", 100), one_series(y[2, 1:], "c", 1)]
    found = score_sources(series)
    assert isinstance(found, ScoredSources)
    assert found.sources == ("a", "b", "c")
    assert (found.series.source, len(found.series), found.series.start_at) == (COMBINED, 4 * DAY, START)
    assert found.series.observed[0] == y[0, 0]
    assert found.series.raw[0] == y[0, 0] + 1
    assert found.series.observed[99] == y[0, 99] + y[2, 99]
    assert found.is_faulty.shape == (3, 4 * DAY)
    assert found.baseline.expected.shape == (4 * DAY,)


def test_what_was_scored_can_be_gone_on_with() -> None:
    y = three(6)[0]
    y[0, 5 * DAY : 5 * DAY + 40] = UNSEEN
    cut = 5 * DAY + 10
    whole = score_sources([one_series(y[j], name) for j, name in enumerate(NAMES)])
    first = score_sources([one_series(y[j, :cut], name) for j, name in enumerate(NAMES)])
    state = json.loads(json.dumps(first.detector.state()))
    rest = resume_sources(state, [one_series(y[j, cut:], NAMES[j], cut) for j in (2, 1, 0)])
    assert_same(rest.scores, replace(whole.scores, **_tail(whole.scores, cut)))
    assert rest.start_at == START + cut * timedelta(seconds=WIDTH_S)
    missing = resume_sources(state, [one_series(y[j, cut : cut + 30], NAMES[j], cut) for j in (1, 2)])
    assert_same(missing.scores, replace(whole.scores, **_tail(whole.scores, cut, cut + 30)))


def _tail(scores: Scores, first: int, last: int | None = None) -> dict[str, Any]:
    return {field.name: getattr(scores, field.name)[first:last] for field in fields(Scores)}


def test_what_does_not_follow_is_refused() -> None:
    y = three(1)[0]
    state = score_sources([one_series(y[0], "a")]).detector.state()
    with pytest.raises(StateError, match="without the sources b"):
        resume_sources(state, [one_series(y[0], "b", DAY)])
    with pytest.raises(SeriesError, match="do not follow"):
        resume_sources(state, [one_series(y[0], "a", DAY - 1)])


def test_series_that_do_not_belong_together_are_refused() -> None:
    one = one_series(three(1)[0, 0], "a")
    with pytest.raises(SeriesError, match="no series"):
        score_sources([])
    with pytest.raises(SeriesError, match="twice"):
        score_sources([one, one])
    with pytest.raises(SeriesError, match="not the same service"):
        score_sources([one, replace(one, source="b", service="outlook")])
    with pytest.raises(SeriesError, match="not the same service"):
        score_sources([one, replace(one, source="b", bin_width_s=60)])
    with pytest.raises(SeriesError, match="one grid"):
        score_sources([one, replace(one, source="b", start_at=START + timedelta(seconds=7))])
