"""The detector at its default thresholds on the development data, beside the figures that its recipe states.

Development data: no held-out result. The bounds leave room for a borderline alarm or two, not for a fault.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from detectors.evaluation.scoring import Score, alarm_runs, score_real
from detectors.evaluation.truth import DEVELOPMENT_VENDORS, build_truth, read_labels
from detectors.model import CountSeries
from detectors.spikes import Scored, score

if TYPE_CHECKING:
    from pathlib import Path

    from detectors.evaluation.truth import Truth
    from detectors.model import Severity

WIDTH = timedelta(minutes=20)


@pytest.fixture(scope="module")
def counts(shared_data: Path) -> dict[str, pd.Series]:
    found = {}
    for service in DEVELOPMENT_VENDORS:
        frame = pd.read_csv(shared_data / "counts" / "outage_report" / f"{service}.csv.gz")
        index = pd.DatetimeIndex(pd.to_datetime(frame["timestamp"], utc=True))
        found[service] = pd.Series(frame["value"].to_numpy(float), index=index)
    return found


@pytest.fixture(scope="module")
def scored(counts: dict[str, pd.Series]) -> dict[str, Scored]:
    found = {}
    for service, series in counts.items():
        y = np.array(series, dtype=np.float64)
        start_at = series.index[0].to_pydatetime()
        found[service] = score(CountSeries(service, "test", start_at, 1200, y, y, np.where(np.isnan(y), 0.0, 1.0)))
    return found


@pytest.fixture(scope="module")
def truth(counts: dict[str, pd.Series], shared_data: Path) -> Truth:
    labels = json.loads((shared_data / "truth" / "labels_dev.json").read_text(encoding="utf-8"))
    return build_truth(counts, read_labels(labels), DEVELOPMENT_VENDORS)


BOUNDS = {"page": (130, 0.2, 0.8), "watch": (130, 0.85, 3.2)}
"""Events hit of 132, and unexplained alarms a service-month: all, the worst service. The recipe's own: page 131, .21,
.89; watch 131, .81, 2.85. Measured here: 131, .17, .69; 131, .74, 2.95."""


@pytest.mark.real
@pytest.mark.parametrize("severity", ["page", "watch"])
def test_figures_of_the_recipe(
    counts: dict[str, pd.Series], scored: dict[str, Scored], truth: Truth, severity: Severity
) -> None:
    hits, unexplained, worst = BOUNDS[severity]
    found = []
    for service, series in counts.items():
        runs = alarm_runs(pd.Series(scored[service].of(severity)[0], index=series.index), WIDTH)
        found.append(score_real(runs, truth.of(service)))
    total = sum(found, Score((), (), 0.0))
    assert total.recall().n == 132
    assert total.recall().hits >= hits
    assert total.unexplained.value <= unexplained
    assert max(one.unexplained.value for one in found) <= worst
