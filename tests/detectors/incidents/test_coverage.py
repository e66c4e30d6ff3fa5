"""Intervals of onset and end held against the truth, from simulated counts through detector and alarms to estimates."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from detectors.evaluation.simulate import random_scenario, seeds, simulate_counts
from detectors.incidents.measure import beginnings, followers, measure
from detectors.spikes import Scored, create

if TYPE_CHECKING:
    from datetime import datetime

    from detectors.evaluation.simulate.scenario import Family
    from detectors.incidents.measure import Measures

MINUTE = timedelta(minutes=1)
LOW, HIGH = 0.82, 0.98
DETECTABLE_NATS = 12


def found(seed: int, family: Family, bin_width_s: int) -> list[tuple[Measures, datetime, datetime]]:
    """Return what is said of each outage that pages, with its true onset and end."""
    scenario = replace(random_scenario(seed, family=family, days=21), bin_width_s=bin_width_s)
    made = simulate_counts(scenario, seed=seed)
    detector = create("uproar", len(made.series), bin_width_s=bin_width_s, start_at=scenario.start_at)
    scores = detector.run(np.stack([series.observed for series in made.series]))
    said = []
    for i, series in enumerate(made.series):
        scored = Scored(scenario.start_at, bin_width_s, scores.row(i), detector)
        alarms = scored.alarms("page")
        since_at, until_at = beginnings(alarms), followers(alarms)
        for truth in made.truth.outages:
            late = truth.end_at + 15 * MINUTE
            up = [a for a in alarms if truth.onset_at <= a.alarmed_at <= late and truth.service == series.service]
            if up and truth.evidence_nats >= DETECTABLE_NATS:
                near = {"since_at": since_at[up[0]], "until_at": until_at[up[0]]}
                said.append((measure(series, scored.baseline, up[0], **near), truth.onset_at, truth.end_at))
    return said


RUNS: tuple[tuple[Family, int, int], ...] = (
    ("negbin", 60, 0),
    ("hawkes", 60, 1),
    ("clusters", 60, 2),
    ("hawkes", 300, 3),
    ("negbin", 1200, 4),
)
"""Noise, width of bins, number of the calibration seed (beside those that were used to tune)."""


def test_nine_intervals_in_ten_hold_the_truth() -> None:
    numbers = seeds("calibration", 505)[500:]
    said = [one for family, width, number in RUNS for one in found(numbers[number], family, width)]
    assert len(said) >= 80
    ended = [(m.ended, end_at) for m, _, end_at in said if m.ended]
    for estimates in ([(m.onset, onset_at) for m, onset_at, _ in said], ended):
        held = np.mean([estimate.low_at <= at <= estimate.high_at for estimate, at in estimates])
        assert LOW <= held <= HIGH
    onsets, ends = (
        [abs(e.at - at) / MINUTE for e, at in pairs] for pairs in ([(m.onset, on) for m, on, _ in said], ended)
    )
    assert len(ends) >= 0.97 * len(said)
    assert np.median(onsets) <= 1.3
    assert np.quantile(onsets, 0.9) <= 7
    assert np.median(ends) <= 5
    assert np.quantile(ends, 0.9) <= 25
