"""Detectors side by side on the development data: at their default thresholds, and at equal false alarms.

A detector that alarms more finds more; so each is also judged at the threshold where 0.3 alarms per service-month stay
unexplained, as the design's table of peers was made. Only the threshold moves; it is found on the same data, so this
column flatters every detector alike.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from detectors import detect
from detectors.evaluation.scoring import Score, alarm_runs, score_real

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    import pandas as pd

    from detectors.evaluation.truth import Truth
    from detectors.model import Severity

BUDGET = 0.3
"""Unexplained alarms per service-month."""
MAX_FIRING, LEAST, STEPS = 0.1, 0.02, 160
"""The least threshold that is tried lets this share of the bins fire (0.02, if that is more); so many are tried."""

ONE_SEVERITY: tuple[Severity, ...] = ("page",)
TWO_SEVERITIES: dict[str, tuple[Severity, ...]] = {"uproar": ("page", "watch")}
"""The peers know one severity: watch and page are the same."""

DESIGN = {
    "uproar": 131,
    "gnip-poisson": 128,
    "s-h-esd": 125,
    "ears-c2": 120,
    "windowed-gaussian": 113,
    "plain-count": 113,
    "ewma": 117,
}
"""Events found of 132 in the design document's own study (development part), by implementations that are not these."""


class Bench(NamedTuple):
    """What detectors are judged on: counts and truth of the development services."""

    counts: dict[str, pd.Series]
    truth: Truth


def scores_of(bench: Bench, detector: str, severity: Severity) -> dict[str, pd.Series]:
    """Return the scores of every service."""
    return {
        service: detect(counts, severity=severity, detector=detector).scores for service, counts in bench.counts.items()
    }


def judge_at(bench: Bench, scores: dict[str, pd.Series], threshold: float) -> Score:
    """Return how good the alarms at a threshold are, over all services."""
    total = Score((), (), 0.0)
    for service, series in scores.items():
        width: timedelta = (series.index[1] - series.index[0]).to_pytimedelta()
        total += score_real(alarm_runs(series, width, threshold=threshold), bench.truth.of(service))
    return total


def threshold_for(bench: Bench, scores: dict[str, pd.Series], budget: float = BUDGET) -> float:
    """Return the least threshold, of a grid, at which the unexplained alarms are within the budget.

    Not by bisection: a higher threshold can cut one long alarm into several that start where nothing explains them.
    """
    values = np.concatenate([series.to_numpy() for series in scores.values()])
    values = values[~np.isnan(values)]
    least = max(float(np.quantile(values, 1 - MAX_FIRING)), LEAST)
    grid = np.geomspace(least, values.max() * 1.001, STEPS)
    for threshold in grid:
        if judge_at(bench, scores, float(threshold)).unexplained.value <= budget:
            return float(threshold)
    raise AssertionError("nothing alarms at the last of them")


def compare(bench: Bench, detector: str, severity: Severity) -> dict[str, Any]:
    """Return the figures of a detector: at threshold 1, and where the budget is used up."""
    scores = scores_of(bench, detector, severity)
    threshold = threshold_for(bench, scores)
    return {
        "detector": detector,
        "severity": severity,
        "default": _figures(judge_at(bench, scores, 1.0)),
        "at_budget": {"threshold": threshold, **_figures(judge_at(bench, scores, threshold))},
        "design": DESIGN.get(detector) if severity == "page" else None,
    }


def report(bench: Bench, detectors: Sequence[str], *, as_json: bool = False) -> str:
    """Return the comparison of some detectors, in each severity that they know."""
    rows = [compare(bench, name, severity) for name in detectors for severity in TWO_SEVERITIES.get(name, ONE_SEVERITY)]
    return json.dumps(rows) if as_json else f"Development data.\n\n{render(rows)}"


def _figures(score: Score) -> dict[str, Any]:
    kinds = {kind: score.recall(kind).hits for kind in ("label", "silver", "pair")}
    events, rate = score.recall(), score.unexplained
    return {"events": events.hits, "of": events.n, **kinds, "grey": score.count("grey"), "unexplained": rate.value}


def render(rows: Sequence[dict[str, Any]]) -> str:
    """Return the comparison as a table."""
    at_budget = f"at {BUDGET}: events (label, silver, pair)"
    names = ["detector", "severity", "default: events (label, silver, pair)", "unexplained a month", "grey"]
    lines = ["| " + " | ".join([*names, at_budget, "threshold", "design's events"]) + " |", "|" + "---|" * 8]
    for row in rows:
        first, second = row["default"], row["at_budget"]
        found = [f"{f['events']}/{f['of']} ({f['label']}, {f['silver']}, {f['pair']})" for f in (first, second)]
        cells = [row["detector"], row["severity"], found[0], f"{first['unexplained']:.2f}", str(first["grey"])]
        cells += [found[1], f"{second['threshold']:.3g}", str(row["design"] or "")]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)
