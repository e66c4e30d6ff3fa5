"""Scores taken apart: the arrays' formulas against the kernel, in every bin."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from detectors.errors import SeriesError
from detectors.evaluation.simulate import (
    Hole,
    Noise,
    Outage,
    Rhythm,
    Scenario,
    ServiceTraffic,
    simulate_counts,
)
from detectors.spikes import Bank
from detectors.spikes.explained import evidence_at, step_with_evidence
from detectors.spikes.sources import Combiner
from tests.builders import START

DAYS = {60: 2.2, 300: 5.2, 1200: 9.2}


def simulated(width_s: int, rate_per_min: float, *, family: str = "negbin", seed: int = 1) -> np.ndarray:
    """Simulate a series with two outages, one of them at midnight, a hole, a silent hole and a leading gap."""
    days = DAYS[width_s]

    def at(share: float) -> timedelta:
        return timedelta(days=days * share)

    service = ServiceTraffic("imessage", rate_per_min, rhythm=Rhythm(), noise=Noise(family))  # type: ignore[arg-type]
    scenario = Scenario(
        START,
        days,
        (service,),
        outages=(
            Outage("imessage", START + at(0.6), 70.0, 20.0),
            Outage("imessage", START + timedelta(days=int(days), minutes=-90), 180.0, 15.0),
        ),
        gaps=(
            Hole(START, START + at(0.04)),
            Hole(START + at(0.6) + timedelta(minutes=20), START + at(0.6) + timedelta(minutes=44)),
        ),
        silent_gaps=(Hole(START + at(0.7), START + at(0.72)),),
        bin_width_s=width_s,
    )
    return simulate_counts(scenario, seed=seed).series[0].observed


@pytest.mark.parametrize("width_s", [60, 300, 1200])
@pytest.mark.parametrize(("rate_per_min", "family"), [(0.3, "hawkes"), (5.0, "negbin")])
def test_it_agrees_with_the_kernel_in_every_bin(width_s: int, rate_per_min: float, family: str) -> None:
    y = simulated(width_s, rate_per_min, family=family)
    whole = Bank(1, bin_width_s=width_s, start_at=START).run(y[np.newaxis]).row(0)
    bank = Bank(1, bin_width_s=width_s, start_at=START)
    looked, above, frozen = 0, 0, 0
    for t in range(len(y)):
        scores, evidence = step_with_evidence(bank, y[t : t + 1])
        np.testing.assert_array_equal(scores.page, whole.page[t])
        assert (evidence is None) == np.isnan(whole.page[t])
        if evidence is None:
            continue
        for severity, score, window in (
            ("page", whole.page[t], whole.page_window[t]),
            ("watch", whole.watch[t], whole.watch_window[t]),
        ):
            best = evidence.best(severity)  # type: ignore[arg-type]
            assert best.score == pytest.approx(score, rel=1e-9, abs=1e-12)
            assert evidence.windows[best.window] == window
            above += score >= 1
        last = y[max(0, t + 1 - int(evidence.windows[-1])) : t + 1]
        assert evidence.reports[-1] == np.nansum(last)
        looked += 1
        frozen += bool(whole.is_frozen[t])
    assert looked > len(y) / 2
    assert above > 5, "there are alarms among what was compared"
    assert frozen, "and a frozen level"


def test_it_agrees_where_several_sources_are_combined() -> None:
    y = simulated(300, 5.0)
    rng = np.random.default_rng(2)
    first = np.where(np.isnan(y), np.nan, rng.binomial(np.nan_to_num(y).astype(int), 0.7))
    both = np.stack([first, y - first])
    both[0, 400:460] = np.nan  # the larger one is lost
    both[1, 700:720] = 0.0  # the smaller one falls silent
    both[1, :300] = np.nan  # and it starts late, on trial
    whole = Combiner(["a", "b"], bin_width_s=300, start_at=START).run(both[np.newaxis]).row(0)
    combiner = Combiner(["a", "b"], bin_width_s=300, start_at=START)
    above = 0
    for t in range(both.shape[1]):
        scores, evidence = step_with_evidence(combiner, both[:, t])
        assert (evidence is None) == np.isnan(whole.page[t])
        np.testing.assert_array_equal(scores.watch[0], whole.watch[t])
        if evidence is not None:
            assert evidence.best("page").score == pytest.approx(whole.page[t], rel=1e-9, abs=1e-12)
            assert evidence.best("watch").score == pytest.approx(whole.watch[t], rel=1e-9, abs=1e-12)
            above += whole.page[t] >= 1
    assert above > 5


def test_the_fewest_reports_that_are_enough() -> None:
    y = simulated(300, 2.0)
    scores, evidence = evidence_at(Bank(1, bin_width_s=300, start_at=START), y[np.newaxis], len(y) - 400)
    assert evidence is not None
    for severity in ("page", "watch"):
        for w in range(evidence.n_scored(severity)):
            n = evidence.enough(w, severity, 1.0)
            reached = [evidence._score_of(w, n + more, severity) >= 1 for more in range(-3, 4)]
            assert reached == [False] * 3 + [True] * 4
            assert evidence.lacking(w, severity, 1.0) == n - evidence.reports[w]
    assert evidence.n_scored("page") < evidence.n_scored("watch") == len(evidence.windows)
    assert scores.page.shape == (1,)


def test_weighted_reports_lack_whole_ones() -> None:
    y = simulated(1200, 0.5)
    y[-1] = 2.25
    _, evidence = evidence_at(Bank(1, bin_width_s=1200, start_at=START), y[np.newaxis], len(y) - 1)
    assert evidence is not None
    more = evidence.lacking(0, "page", 1.0)
    assert evidence._score_of(0, 2.25 + more, "page") >= 1 > evidence._score_of(0, 1.25 + more, "page")


def test_only_a_bank_of_one_series_is_taken_apart() -> None:
    with pytest.raises(SeriesError, match="a detector of one series wanted, not of 2"):
        step_with_evidence(Bank(2, bin_width_s=60, start_at=START), [1.0, 1.0])
