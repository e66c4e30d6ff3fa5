"""Many trials in a few figures, each with its n and its 95 % interval; what is written is plain JSON.

Shares have Wilson's interval, rates the exact one (Garwood), quantiles that of the order statistics, ratios that of
2,000 resamplings of the outages (seeded). A *detectable* outage is one of at least 12 nats for one who knows the rates.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from detectors.evaluation.scoring import Z_95, Rate, Share
from detectors.evaluation.trial import GRID

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from detectors.evaluation.trial import AtThreshold, Case, Extent, Trial
    from detectors.model import Severity

DETECTABLE_NATS = 12.0
LARGE = 3.0
DECILES = tuple(float(edge) for edge in np.geomspace(0.02, 200, 11))
"""Edges of the classes of usual rates, in posts a minute; below the first one there is one more class."""

RESAMPLES = 2_000
WITHIN_MIN = (1, 1.5, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 30, 45, 60, 90, 120, 180, 360)
"""Delays at which the share found by then is told, in minutes."""

Record = dict[str, Any]


# --- figures as JSON -----------------------------------------------------------------------------------------


def share_record(share: Share) -> Record:
    """Return a share with its interval and n."""
    return {"value": _number(share.value), "hits": share.hits, "n": share.n, "interval": _interval(share.interval)}


def rate_record(rate: Rate) -> Record:
    """Return a rate with its interval, count and exposure."""
    record = {"value": _number(rate.value), "count": rate.count, "per": _number(rate.exposure)}
    return record | {"interval": _interval(rate.interval)}


def quantile_record(values: Sequence[float], share: float) -> Record:
    """Return a quantile with the interval of its order statistics (normal approximation of their ranks) and n."""
    n = len(values)
    if not n:
        return {"value": None, "n": 0, "interval": None}
    ordered = np.sort(np.asarray(values, dtype=np.float64))
    half = Z_95 * np.sqrt(n * share * (1 - share))
    rank = (n - 1) * share
    low, high = max(0, int(np.floor(rank - half))), min(n - 1, int(np.ceil(rank + half)))
    value = float(np.quantile(ordered, share))
    return {"value": _number(value), "n": n, "interval": _interval((float(ordered[low]), float(ordered[high])))}


def mean_record(values: Sequence[float]) -> Record:
    """Return a mean with the interval of its standard error and n."""
    n = len(values)
    if not n:
        return {"value": None, "n": 0, "interval": None}
    mean = float(np.mean(values))
    half = Z_95 * float(np.std(values, ddof=1)) / np.sqrt(n) if n > 1 else float("nan")
    return {"value": _number(mean), "n": n, "interval": _interval((mean - half, mean + half))}


def ratio_record(over: Sequence[float], under: Sequence[float]) -> Record:
    """Return mean(over) / mean(under) of pairs, with the interval of resampled pairs and n."""
    a, b = np.asarray(over, dtype=np.float64), np.asarray(under, dtype=np.float64)
    if not len(a) or b.mean() <= 0:
        return {"value": None, "n": len(a), "interval": None}
    drawn = np.random.default_rng(0).integers(0, len(a), (RESAMPLES, len(a)))
    ratios = a[drawn].mean(axis=1) / np.maximum(b[drawn].mean(axis=1), 1e-9)
    low, high = np.quantile(ratios, (0.025, 0.975))
    return {"value": _number(a.mean() / b.mean()), "n": len(a), "interval": _interval((float(low), float(high)))}


def _number(value: float) -> float | None:
    return round(float(value), 4) if np.isfinite(value) else None


def _interval(bounds: tuple[float, float]) -> list[float | None] | None:
    return [_number(bound) for bound in bounds] if np.isfinite(bounds).all() else None


# --- trials put together -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Pool:
    """Trials of one detector under the same settings, read for one severity at one threshold."""

    trials: Sequence[Trial]
    severity: Severity
    threshold: float = 1.0

    @property
    def months(self) -> float:
        """Observed service-months."""
        return sum(sum(trial.months) for trial in self.trials)

    def at(self, trial: Trial) -> AtThreshold:
        """Return what the threshold found in a trial."""
        found = trial.severities[self.severity].at(self.threshold)
        if found is None:
            raise LookupError(f"threshold {self.threshold:g} was not tried with seed {trial.seed}")
        return found

    @property
    def false(self) -> Rate:
        """False alarms per service-month."""
        return Rate(sum(self.at(trial).false for trial in self.trials), self.months)

    def recall(self, wanted: Callable[[Case], bool]) -> Share:
        """Return the share of the detectable outages of a kind that were found or covered."""
        hits = n = 0
        for trial in self.trials:
            at = self.at(trial)
            hit = {*at.found, *at.covered}
            chosen = [i for i, case in enumerate(trial.cases) if is_detectable(case) and wanted(case)]
            hits, n = hits + sum(i in hit for i in chosen), n + len(chosen)
        return Share(hits, n)

    def delays(self) -> dict[tuple[int, int], float]:
        """Return the delays in minutes of the detectable outages found, by (seed, index)."""
        delays = {}
        for trial in self.trials:
            at = self.at(trial)
            for i, delay in zip(at.found, at.delays_min, strict=True):
                if is_detectable(trial.cases[i]):
                    delays[trial.seed, i] = delay
        return delays

    def bounds(self) -> dict[tuple[int, int], float]:
        """Return the bound on the mean delay in minutes, where there is one, by (seed, index)."""
        pairs = [((t.seed, i), case.bound_min[self.severity]) for t in self.trials for i, case in enumerate(t.cases)]
        return {key: bound for key, bound in pairs if bound is not None}


def is_detectable(case: Case) -> bool:
    """Whether somebody who knows the true rates could be sure of it."""
    return case.evidence_nats >= DETECTABLE_NATS


def figures(pool: Pool, oracle: Sequence[Trial] = ()) -> Record:
    """Return all figures of a pool.

    Parameters
    ----------
    oracle
        The oracle's trials of the same seeds; without them nothing is said about it.
    """
    delays, bounds = pool.delays(), pool.bounds()
    both = [key for key in delays if key in bounds]
    covered = sum(is_detectable(trial.cases[i]) for trial in pool.trials for i in pool.at(trial).covered)
    n_bumps = sum(trial.bumps for trial in pool.trials)
    record: Record = {
        "threshold": round(pool.threshold, 4),
        "trials": len(pool.trials),
        "outages": sum(len(trial.cases) for trial in pool.trials),
        "recall": share_record(pool.recall(lambda _: True)),
        "recall_3x": share_record(pool.recall(lambda case: case.series_factor >= LARGE)),
        "recall_3x_in_places": share_record(pool.recall(lambda case: case.factor >= LARGE)),
        "covered": covered,
        "delay_min": _spread(list(delays.values())),
        "bound_min": _spread([bounds[key] for key in both]),
        "found_within": _within(pool, list(delays.values())),
        "bound_within": _within(pool, [bound for key, bound in bounds.items() if key in _detectable(pool)]),
        "delay_over_bound": ratio_record([delays[key] for key in both], [bounds[key] for key in both]),
        "false_per_month": rate_record(pool.false),
        "alarms_per_bump": rate_record(Rate(sum(pool.at(t).bumps for t in pool.trials), float(n_bumps))),
    }
    if oracle:
        record["delay_over_oracle"] = _against_oracle(pool, oracle)
    if pool.threshold == 1:
        record |= _in_detail(pool)
    return record


def _detectable(pool: Pool) -> set[tuple[int, int]]:
    return {(trial.seed, i) for trial in pool.trials for i, case in enumerate(trial.cases) if is_detectable(case)}


def _within(pool: Pool, delays: Sequence[float]) -> list[list[float]]:
    """Return pairs of minutes and the share of all detectable outages (missed ones too) found by then."""
    n = max(1, len(_detectable(pool)))
    return [[minutes, round(sum(delay <= minutes for delay in delays) / n, 4)] for minutes in WITHIN_MIN]


def _spread(values: Sequence[float]) -> Record:
    return {
        "median": quantile_record(values, 0.5),
        "p90": quantile_record(values, 0.9),
        "mean": mean_record(values),
    }


def _against_oracle(pool: Pool, oracle: Sequence[Trial]) -> Record:
    """Compare mean delays, over what both found, with the oracle at no more false alarms than the pool has."""
    allowed = max(pool.false.value, 1 / pool.months)
    threshold = retuned(oracle, pool.severity, allowed)
    if threshold is None:
        return ratio_record([], [])
    best, mine = Pool(oracle, pool.severity, threshold).delays(), pool.delays()
    both = [key for key in mine if key in best]
    record = ratio_record([mine[key] for key in both], [best[key] for key in both])
    return record | {"oracle_threshold": round(threshold, 4)}


def _in_detail(pool: Pool) -> Record:
    """Return what is kept at the default threshold only: false alarms by cause and rate, onset and end."""
    judged = [(trial, trial.severities[pool.severity]) for trial in pool.trials]
    extents = [extent for trial, one in judged for extent in one.extents if is_detectable(trial.cases[extent.case])]
    causes = Counter(alarm.cause for _, one in judged for alarm in one.false_alarms)
    return {
        "false_elsewhere_per_month": rate_record(Rate(causes.total() - causes["cluster"], pool.months)),
        "false_by_cause": dict(sorted(causes.items())),
        "by_rate": [_class(pool, number) for number in range(len(DECILES))],
        "onset": _errors([(e.onset_error_min, e.has_onset, e.onset_width_min) for e in extents]),
        "end": _errors(_ends(extents)),
    }


def _ends(extents: Sequence[Extent]) -> list[tuple[float, bool, float]]:
    said = [(e.end_error_min, bool(e.has_end), e.end_width_min or 0.0) for e in extents]
    return [(error, has, width) for error, has, width in said if error is not None]


def _errors(said: Sequence[tuple[float, bool, float]]) -> Record:
    """Return figures of estimates: error in minutes, whether the interval held the truth, its width in minutes."""
    errors_min = [error for error, _, _ in said]
    absolute = [abs(error) for error in errors_min]
    return {
        "error_median_min": quantile_record(absolute, 0.5),
        "error_p90_min": quantile_record(absolute, 0.9),
        "bias_median_min": quantile_record(errors_min, 0.5),
        "width_median_min": quantile_record([width for _, _, width in said], 0.5),
        "coverage": share_record(Share(sum(has for _, has, _ in said), len(said))),
    }


def rate_class(per_min: float) -> int:
    """Return the class of a usual rate: 0 below .02 posts a minute, then ten up to 200, equally wide in logarithm."""
    return int(np.clip(np.searchsorted(DECILES, per_min, side="right"), 0, len(DECILES) - 1))


def _class(pool: Pool, number: int) -> Record:
    """Return false alarms and recall of the services of one class of usual rates."""
    count, months, hits, n = 0, 0.0, 0, 0
    for trial in pool.trials:
        inside = {i for i, rate in enumerate(trial.rates) if rate_class(rate) == number}
        at = pool.at(trial)
        hit = {*at.found, *at.covered}
        months += sum(trial.months[i] for i in inside)
        count += sum(alarm.service in inside for alarm in trial.severities[pool.severity].false_alarms)
        chosen = [i for i, case in enumerate(trial.cases) if case.service in inside and is_detectable(case)]
        hits, n = hits + sum(i in hit for i in chosen), n + len(chosen)
    low = 0.0 if number == 0 else DECILES[number - 1]
    return {
        "from_per_min": round(low, 4),
        "to_per_min": round(DECILES[number], 4),
        "false_per_month": rate_record(Rate(count, months)),
        "recall": share_record(Share(hits, n)),
    }


# --- other thresholds ----------------------------------------------------------------------------------------


def tried(trials: Sequence[Trial], severity: Severity) -> list[float]:
    """Return the thresholds that every trial has tried, highest first."""
    sets = [{one.threshold for one in trial.severities[severity].thresholds} for trial in trials]
    return [threshold for threshold in GRID if sets and all(threshold in one for one in sets)]


def retuned(trials: Sequence[Trial], severity: Severity, budget: float) -> float | None:
    """Return the lowest threshold that keeps, like all above it, to so many false alarms a month; None if none does."""
    best = None
    for threshold in tried(trials, severity):
        if Pool(trials, severity, threshold).false.value > budget:
            break
        best = threshold
    return best


def curve(trials: Sequence[Trial], severity: Severity) -> list[Record]:
    """Return recall against false alarms a month, one point a threshold, highest first."""
    points = []
    for threshold in tried(trials, severity):
        pool = Pool(trials, severity, threshold)
        recall, large = pool.recall(lambda _: True), pool.recall(lambda case: case.series_factor >= LARGE)
        point = {"threshold": round(threshold, 4), "false_per_month": _number(pool.false.value)}
        points.append(point | {"recall": _number(recall.value), "recall_3x": _number(large.value)})
    return points
