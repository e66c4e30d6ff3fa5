"""Explanations: what they say is what the detector does when the counts are changed accordingly."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import detectors
from detectors.errors import InputError
from detectors.incidents.explain import Explanation, explain
from detectors.spikes import resume, score, score_sources
from tests.builders import START
from tests.detectors.incidents.scores import series

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detectors.model import CountSeries, Severity

    Floats = NDArray[np.float64]

THIRD = timedelta(minutes=20)


def made_up(mean: float = 4.0, *, seed: int = 0, height: float = 40.0) -> Floats:
    """Draw five days of 20-minute bins with two outages and a hole."""
    rng = np.random.default_rng(seed)
    y = rng.poisson(mean, 360).astype(float)
    y[200:204] += rng.poisson(height, 4)
    y[300:310] += rng.poisson(height / 4, 10)
    y[250:256] = np.nan
    return y


def frame(y: Floats, freq: str = "20min") -> pd.Series[float]:
    return pd.Series(y, index=pd.date_range(START, periods=len(y), freq=freq))


def scores_with(y: Floats, b: int, count: float, severity: Severity, width_s: int = 1200) -> float:
    """Score the series once more, up to bin ``b``, with another count in it."""
    changed = y[: b + 1].copy()
    changed[b] = count
    return float(score(series(changed, bin_width_s=width_s)).of(severity)[0][b])


@settings(max_examples=40)
@given(
    seed=st.integers(0, 20),
    b=st.integers(40, 359),
    mean=st.sampled_from([0.2, 4.0, 60.0]),
    severity=st.sampled_from(["page", "watch"]),
    threshold=st.sampled_from([0.5, 1.0, 3.0]),
)
def test_the_counterfactuals_hold(seed: int, b: int, mean: float, severity: Severity, threshold: float) -> None:
    y = made_up(mean, seed=seed, height=10 + 5 * mean)
    if np.isnan(y[b]):
        return
    whole = series(y, bin_width_s=1200)
    told = explain(whole, score(whole), START + (b + 1) * THIRD, severity=severity, threshold=threshold)
    if told.is_alarm:
        assert (told.more_needed, told.fewer_needed > 0) == (0, True)
        assert told.enough <= told.reports
        if told.fewer_needed <= y[b]:
            assert scores_with(y, b, y[b] - told.fewer_needed, severity) < threshold
            assert scores_with(y, b, y[b] - told.fewer_needed + 1, severity) >= threshold
    else:
        assert (told.more_needed > 0, told.fewer_needed) == (True, 0)
        assert told.enough >= told.reports + told.more_needed
        assert scores_with(y, b, y[b] + told.more_needed, severity) >= threshold
        assert scores_with(y, b, y[b] + told.more_needed - 1, severity) < threshold


@pytest.mark.parametrize("severity", ["page", "watch"])
def test_where_there_is_one_window_only_enough_is_enough(severity: Severity) -> None:
    y = np.random.default_rng(3).poisson(9, 200).astype(float)
    y[150] = 80
    whole = series(y, bin_width_s=3600)
    told = explain(whole, score(whole), START + timedelta(hours=151), severity=severity)
    assert (told.window_min, told.reports) == (60, 80)
    assert told.window_start_at == START + timedelta(hours=150)
    assert scores_with(y, 150, told.enough, severity, 3600) >= 1 > scores_with(y, 150, told.enough - 1, severity, 3600)
    assert told.enough == 80 - told.fewer_needed + 1


def test_it_tells_the_score_the_window_and_the_arm() -> None:
    whole = series(made_up(), bin_width_s=1200)
    scored = score(whole)
    for severity in ("page", "watch"):
        values, windows = scored.of(severity)
        for b in np.flatnonzero(values > 0).tolist():
            told = explain(whole, scored, START + (b + 1) * THIRD, severity=severity)
            assert told.score == values[b]
            assert told.window_min == 20 * windows[b]
            assert told.arm == "page" if severity == "page" else told.arm in ("page", "watch")
            assert told.reports == np.nansum(whole.observed[b + 1 - windows[b] : b + 1])
            assert told.reports > told.times * told.expected + told.floor
            assert told.factor == told.reports / told.expected
    assert explain(whole, scored, START + 201 * THIRD).expected == pytest.approx(scored.baseline.expected[200])


def test_an_instant_between_two_bins_means_the_one_that_has_ended() -> None:
    whole = series(made_up(), bin_width_s=1200)
    scored = score(whole)
    end = START + 201 * THIRD
    assert explain(whole, scored, end + timedelta(minutes=19)) == explain(whole, scored, end)
    assert explain(whole, scored, end + THIRD).at == end + THIRD


def test_windows_with_a_hole_say_what_was_observed() -> None:
    y = np.random.default_rng(1).poisson(2, 1000).astype(float)
    y[900:904] += 3
    y[904:906] = np.nan
    y[906:910] += 4
    whole = series(y)
    scored = score(whole)
    b = next(b for b in range(906, 912) if scored.scores.watch_window[b] > 6 and scored.watch[b] > 0)
    told = explain(whole, scored, START + timedelta(minutes=b + 1), severity="watch")
    assert told.observed_min == told.window_min - 2
    assert f"reports in the observed {told.observed_min:g} of the {told.window_min:g} min to" in told.sentence()


# --- several sources --------------------------------------------------------------------------------------------


def two_sources() -> list[CountSeries]:
    """Share a series between two sources, of which the second starts a day late and goes on for longer."""
    y = np.nan_to_num(made_up(20.0, height=120.0), nan=3.0)
    first = np.random.default_rng(9).binomial(y.astype(int), 0.6).astype(float)
    second = (y - first)[72:]
    late = replace(series(second, bin_width_s=1200), start_at=START + timedelta(days=1), source="b")
    return [late, replace(series(first[:-5], bin_width_s=1200), source="a")]


def test_a_service_of_several_sources_is_explained_from_those_of_each() -> None:
    parts = two_sources()
    scored = score_sources(parts)
    told = explain(parts, scored, START + 201 * THIRD)
    assert told.is_alarm
    assert told.score == scored.page[200]
    assert told.expected == pytest.approx(scored.baseline.expected[200])
    assert told.reports == scored.series.observed[200]
    assert told == explain(parts[::-1], scored, told.at), "in any order"


def test_the_counts_may_go_on_after_those_that_were_scored() -> None:
    whole = series(made_up(), bin_width_s=1200)
    scored = score(series(whole.observed[:250], bin_width_s=1200))
    assert explain(whole, scored, START + 201 * THIRD) == explain(whole, score(whole), START + 201 * THIRD)
    with pytest.raises(InputError, match=r"it goes from .* to 2026-03-05 11:20:00"):
        explain(whole, scored, START + 251 * THIRD)


def test_a_source_too_few_is_refused() -> None:
    parts = two_sources()
    with pytest.raises(InputError, match="the counts are not those that were scored"):
        explain(parts[:1], score_sources(parts), START + 201 * THIRD)
    with pytest.raises(InputError, match="the counts are not those that were scored"):
        explain(parts, score(parts[1]), START + 201 * THIRD)


# --- the analyst's door ----------------------------------------------------------------------------------------


def test_the_names_are_public() -> None:
    assert detectors.explain is explain
    assert detectors.Explanation is Explanation


def test_every_way_to_name_an_alarm() -> None:
    found = detectors.detect(frame(made_up()))
    first, second = (found.explain(i) for i in range(2))
    assert first.at == found.incidents.alarmed_at[0] == START + 201 * THIRD
    assert second.at == found.incidents.alarmed_at[1]
    ways: list[Any] = [found.incidents.iloc[0], next(found.incidents.itertuples()), found.alarms[0], np.int64(0)]
    ways += [found.incidents.alarmed_at[0], found.alarms[0].alarmed_at, pd.Timestamp(first.at).tz_convert("Asia/Tokyo")]
    assert [found.explain(way) for way in ways] == [first] * len(ways)
    assert found.explain() == first, "the alarm with the largest score"


def test_without_an_alarm_the_largest_score_is_explained() -> None:
    found = detectors.detect(frame(made_up()), threshold=1000)
    assert not found.alarms
    told = found.explain()
    assert told.score == found.scores.max()
    assert told.at == pd.Timestamp(str(found.scores.idxmax())) + THIRD
    assert told.more_needed > 0
    assert told.sentence().endswith("more would have been needed for a page at threshold 1000.")


@pytest.mark.parametrize(
    ("which", "message"),
    [
        (2, "there is no row 2: 2 incidents were found"),
        (-1, "there is no row -1"),
        ("2026-03-03", "explain takes a row of incidents, its number or an instant, not str"),
        (datetime(2026, 3, 3), "an instant needs a zone"),  # noqa: DTZ001 - that is what is refused
        (START, "no bin of the series had just ended at 2026-03-02 00:00:00"),
        (START + 361 * THIRD, "no bin of the series had just ended"),
        (START + THIRD, "has no score: it knew what is usual from 2026-03-02 12:00:00"),
        (START + 251 * THIRD, "was not observed: it has no score"),
    ],
)
def test_what_cannot_be_explained_is_refused(which: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        detectors.detect(frame(made_up())).explain(which)


def test_a_series_that_is_too_short_has_nothing_to_explain() -> None:
    with pytest.raises(InputError, match="has no score: it still learns"):
        detectors.detect(frame(made_up()[:30])).explain()


@pytest.mark.parametrize("peer", ["plain-count", "ears-c2"])
def test_other_detectors_cannot_be_explained(peer: str) -> None:
    with pytest.raises(InputError, match="only scores of the detector 'uproar' can be explained, not those of"):
        detectors.detect(frame(made_up()), detector=peer).explain()


def test_other_counts_than_those_scored_are_refused() -> None:
    whole = series(made_up(), bin_width_s=1200)
    scored = score(whole)
    at = START + 201 * THIRD
    with pytest.raises(InputError, match="these scores are not of these counts"):
        explain(series(whole.observed + 1, bin_width_s=1200), scored, at)
    with pytest.raises(InputError, match="give the whole series, from its first bin on"):
        explain(replace(whole, start_at=START + THIRD), scored, at)
    part, rest = (series(whole.observed[bins], bin_width_s=1200) for bins in (slice(300), slice(300, None)))
    with pytest.raises(InputError, match="give the whole series"):
        explain(rest, resume(score(part).detector.state(), rest), at)


# --- in words -------------------------------------------------------------------------------------------------


def told(**changed: Any) -> Explanation:
    at = datetime(2026, 3, 3, 18, 9, tzinfo=UTC)
    fields: dict[str, Any] = {
        "severity": "page", "at": at, "score": 3.2, "threshold": 1.0, "window_start_at": at - timedelta(minutes=5),
        "window_min": 5.0, "observed_min": 5.0, "reports": 27.0, "expected": 2.1, "arm": "page", "times": 3.0,
        "floor": 0.7, "phi": 0.03, "theta": 1.2, "enough": 9, "more_needed": 0, "fewer_needed": 19,
    }  # fmt: skip
    return Explanation(**(fields | changed))


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        (
            {},
            "27 reports in the 5 min to 18:09 UTC where 2.1 were expected (13x); 9 would have been enough for a page.",
        ),
        (
            {"score": 0.4, "reports": 1.0, "expected": 1.0, "more_needed": 8, "threshold": 0.5, "severity": "watch"},
            (
                "1 report in the 5 min to 18:09 UTC where 1 was expected (1x); "
                "8 more would have been needed for a watch at threshold 0.5."
            ),
        ),
        (
            {"at": datetime(2026, 3, 3, 18, 9, 30, tzinfo=UTC), "reports": 2.5, "expected": 0.0431, "window_min": 0.5},
            (
                "2.5 reports in the 0.5 min to 18:09:30 UTC where 0.043 were expected (58x); "
                "9 would have been enough for a page."
            ),
        ),
        (
            {"reports": 12000.0, "expected": 9.96, "enough": 1234},
            (
                "12,000 reports in the 5 min to 18:09 UTC where 10 were expected (1,205x); "
                "1,234 would have been enough for a page."
            ),
        ),
    ],
)
def test_the_sentence(changed: dict[str, Any], sentence: str) -> None:
    assert told(**changed).sentence() == sentence


def test_the_record_is_json_and_comes_back() -> None:
    record = told().record()
    assert record["at"] == "2026-03-03T18:09:00Z"
    assert (record["factor"], record["is_alarm"]) == (27 / 2.1, True)
    assert record["sentence"] == told().sentence()
    assert json.loads(json.dumps(record)) == record
    assert msgspec.convert(record, Explanation) == told()
