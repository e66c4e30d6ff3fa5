"""Alarms against a truth: what is found, what is false, and how sure the figures are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import exp, factorial, isnan

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.evaluation.scoring import (
    Outage,
    Rate,
    Run,
    Score,
    Share,
    alarm_runs,
    quantile,
    score_real,
    score_simulated,
)
from detectors.evaluation.truth import Event, Truth

START = datetime(2026, 3, 2, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def at(minute: float) -> datetime:
    return START + minute * MINUTE


def run(start: float, end: float | None = None) -> Run:
    return Run(at(start), at(start + 1), at(start + 1 if end is None else end))


def test_bins_that_fire_less_than_an_hour_apart_are_one_alarm() -> None:
    scores = pd.Series(0.0, index=pd.date_range(START, periods=400, freq="min"))
    for minute, score in ((10, 1.0), (70, 5.0), (131, 0.99), (200, 2.0), (300, np.nan)):
        scores.iloc[minute] = score
    assert alarm_runs(scores, MINUTE) == [Run(at(10), at(11), at(71)), run(200)]
    assert alarm_runs(scores, MINUTE, threshold=3.0) == [run(70)]
    scores.iloc[71 + 60] = 1.0
    assert len(alarm_runs(scores, MINUTE)) == 3


def test_an_alarm_that_stays_up_counts_again_every_twelve_hours() -> None:
    assert run(0).starts() == [at(0)]
    assert run(0, 720).starts() == [at(0)]
    assert run(0, 721).starts() == [at(0), at(720)]
    assert len(run(0, 2000).starts()) == 3


TRUTH = Truth(
    (Event("a", "label", at(100), at(200), at(140)), Event("a", "silver", at(1000), at(1100))),
    (Event("a", "grey", at(3000), at(3100)),),
    {"a": 2.0},
)


@pytest.mark.parametrize(
    ("minute", "verdict", "kind"),
    [
        (99, "missed", "unexplained"),
        (100, "found", "event"),
        (200, "found", "event"),
        (201, "missed", "tail"),
        (440, "missed", "tail"),
        (441, "missed", "unexplained"),
        (3000, "missed", "grey"),
        (3340, "missed", "tail"),
    ],
)
def test_on_real_counts_an_alarm_counts_where_it_starts(minute: float, verdict: str, kind: str) -> None:
    score = score_real([run(minute)], TRUTH)
    assert score.judged[0].verdict == verdict
    assert [found for _, found in score.starts] == [kind]
    assert score.unexplained == Rate(int(kind == "unexplained"), 2.0)


def test_an_alarm_that_was_up_covers_an_event_and_has_no_delay() -> None:
    score = score_real([run(50, 150)], TRUTH)
    assert score.judged[0].verdict == "covered"
    assert score.recall() == Share(1, 2)
    assert score.recall("label") == Share(1, 1)
    assert score.recall("silver", "pair") == Share(0, 1)
    assert score.delays_min == []
    assert score_real([run(50, 100)], TRUTH).judged[0].verdict == "missed"


def test_the_delay_runs_from_the_stated_onset_to_when_it_could_be_known() -> None:
    assert score_real([run(150, 160), run(1000)], TRUTH).delays_min == [11.0]
    assert score_real([run(120)], TRUTH).delays_min == [-19.0]


OUTAGES = [Outage(at(1000), at(1060))]


@pytest.mark.parametrize(
    ("minute", "verdict", "kind"),
    [
        (989, "missed", "unexplained"),
        (990, "found", "event"),
        (1075, "found", "event"),
        (1076, "missed", "tail"),
        (1300, "missed", "tail"),
        (1301, "missed", "unexplained"),
        (5000, "missed", "bump"),
    ],
)
def test_on_simulation_an_outage_is_found_close_to_it(minute: float, verdict: str, kind: str) -> None:
    bumps = [Outage(at(4990), at(5050))]
    score = score_simulated([run(minute)], OUTAGES, service_months=1.0, bumps=bumps)
    assert score.judged[0].verdict == verdict
    assert [found for _, found in score.starts] == [kind]


def test_scores_of_services_add_up() -> None:
    one, two = score_real([run(150)], TRUTH), score_simulated([run(5)], OUTAGES, service_months=0.5)
    both = one + two
    assert both.recall() == Share(1, 3)
    assert both.unexplained == Rate(1, 2.5)
    assert both.count("event") == 1
    assert Score((), (), 0.0) + one == one


@given(st.integers(0, 300), st.integers(1, 300))
def test_a_share_lies_in_its_interval(hits: int, more: int) -> None:
    share = Share(hits, hits + more)
    low, high = share.interval
    assert 0 <= low <= share.value <= high <= 1


def test_wilson_as_published() -> None:
    # Newcombe 1998, table I: 81 of 263 and 0 of 20
    assert Share(81, 263).interval == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert Share(0, 20).interval == pytest.approx((0.0, 0.1611), abs=1e-4)


@given(st.integers(1, 60), st.floats(0.1, 90))
def test_the_interval_of_a_rate_is_exact(count: int, exposure: float) -> None:
    low, high = (bound * exposure for bound in Rate(count, exposure).interval)
    at_most = sum(exp(-high) * high**k / factorial(k) for k in range(count + 1))
    at_least = 1 - sum(exp(-low) * low**k / factorial(k) for k in range(count))
    assert (at_least, at_most) == pytest.approx((0.025, 0.025), abs=1e-9)


def test_nothing_in_a_while_still_has_an_upper_bound() -> None:
    assert Rate(0, 1.0).interval == pytest.approx((0.0, 3.6889), abs=1e-4)


def test_nothing_has_no_figure() -> None:
    assert isnan(Share(0, 0).value)
    assert isnan(Share(0, 0).interval[0])
    assert isnan(Rate(0, 0.0).value)
    assert isnan(Rate(0, 0.0).interval[1])
    assert isnan(quantile([], 0.5))
    assert Rate(0, 4.0).interval[0] == 0
    assert quantile([1.0, 3.0], 0.5) == 2.0
