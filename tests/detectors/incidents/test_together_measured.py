"""How well steps are told from outages: the figures of DECISIONS.md, section 26, in part."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pytest

from detectors.evaluation.simulate import Step, random_scenario, seeds, simulate_counts
from detectors.evaluation.truth import DEVELOPMENT_VENDORS
from detectors.incidents.lifecycle import build_histories
from detectors.incidents.together import COMMON_RISE, find_together, rise_of_others
from detectors.model import SeriesKey
from detectors.reference import catalogue
from detectors.spikes import Bank, Scored, score
from flows.scoreboard.development import as_count_series, load_counts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from detectors.model import CountSeries, Severity

    Pairs = Sequence[tuple[CountSeries, Scored]]

HOUR = timedelta(hours=1)


def rises(pairs: Pairs, severity: Severity, vendors: Mapping[str, str]) -> Iterator[tuple[datetime, float]]:
    """Yield when each alarm could be known, and how much the others had risen by then."""
    for series, scored in pairs:
        for alarm in scored.alarms(severity):
            window = alarm.window_start_at, alarm.alarmed_at
            yield alarm.alarmed_at, rise_of_others(series.service, window, pairs, vendors)


def stepped(seed: int, factor: float) -> tuple[Pairs, datetime]:
    """Simulate twenty services over ten days, with a step of everything on the ninth."""
    scenario = random_scenario(seed, days=10)
    step_at = scenario.start_at + timedelta(days=8, hours=14)
    made = simulate_counts(replace(scenario, steps=(Step(step_at, factor),)), seed=seed)
    bank = Bank(len(made.series), bin_width_s=60, start_at=scenario.start_at)
    scores = bank.run(np.stack([one.observed for one in made.series]))
    return [(one, Scored(scenario.start_at, 60, scores.row(i), bank)) for i, one in enumerate(made.series)], step_at


@pytest.mark.soak
@pytest.mark.parametrize("factor", [1.5, 2.0, 2.7])
def test_steps_of_everything(factor: float) -> None:
    vendors = {name: catalogue()[name].vendor for name in catalogue()}
    recognised, sent, alarms, in_error = 0, 0, 0, 0
    for seed in seeds("calibration", 12):
        pairs, step_at = stepped(seed, factor)
        incidents = [history.incident for series, scored in pairs for history in build_histories(series, scored)]
        keys = [SeriesKey(series.service, series.source) for series, _ in pairs]
        found = find_together(incidents, keys, vendors)
        assert all(abs(one.at - step_at) < HOUR / 2 for one in found), "nothing else is taken for a step"
        recognised += len(found)
        known_at = found[0].known_at if found else step_at + 24 * HOUR
        for at, rise in rises(pairs, "watch", vendors):
            in_error += at <= step_at and rise > COMMON_RISE
            alarms += step_at < at <= step_at + HOUR
            sent += step_at < at < min(known_at, step_at + HOUR) and rise <= COMMON_RISE
    assert recognised >= 11
    assert in_error <= 2
    assert alarms >= 100
    assert sent <= 0.06 * alarms


@pytest.mark.real
@pytest.mark.parametrize("severity", ["page", "watch"])
def test_real_alarms_are_seldom_taken_for_a_step(shared_data: Path, severity: Severity) -> None:
    pairs = [(one, score(one)) for one in map(as_count_series, load_counts(shared_data).values())]
    found = [rise for _, rise in rises(pairs, severity, DEVELOPMENT_VENDORS)]
    assert len(found) > 150
    assert abs(float(np.median(found))) < 0.5
    assert sum(rise > COMMON_RISE for rise in found) <= 3
