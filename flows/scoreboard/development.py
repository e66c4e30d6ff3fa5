"""Real counts and labels from the folder of development data, and how detectors do on them.

The data is not part of the repository. What is said of it is *development data*: no held-out result.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pandas as pd

from detectors.errors import InputError
from detectors.evaluation.scoring import Score, Share, alarm_runs, score_real
from detectors.evaluation.summary import quantile_record, rate_record, share_record
from detectors.evaluation.trial import GRID, SEVERITIES
from detectors.evaluation.truth import DEVELOPMENT_VENDORS, Event, Truth, build_truth, read_labels
from detectors.model import CountSeries
from detectors.spikes import Scored, score

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from detectors.model import Severity

SILVER_BINS_BEFORE = 2
"""An event of a burst starts so many bins before the burst's first bin."""

KINDS = ("label", "silver", "pair")
COUNTS, LABELS = "counts/outage_report", "truth/labels_dev.json"

Record = dict[str, Any]


def has_counts(folder: Path) -> bool:
    """Whether the development counts and their labels are in the folder."""
    return (folder / COUNTS).is_dir() and (folder / LABELS).is_file()


def load_counts(folder: Path) -> dict[str, pd.Series[float]]:
    """Return the counts of the development services: reports per 20 min (UTC), NaN where unobserved.

    Raises
    ------
    InputError
        Naming the file that is not there or cannot be read.
    """
    return {service: read_series(folder / COUNTS / f"{service}.csv.gz") for service in DEVELOPMENT_VENDORS}


def read_series(path: Path) -> pd.Series[float]:
    """Return the values of a file with the columns timestamp (read as UTC) and value; InputError if it has not."""
    try:
        frame = pd.read_csv(path, usecols=["timestamp", "value"])
        index = pd.DatetimeIndex(pd.to_datetime(frame["timestamp"], utc=True))
        return pd.Series(frame["value"].to_numpy(dtype=np.float64), index=index, name=path.name.split(".")[0])
    except (OSError, ValueError) as error:
        raise InputError(f"not a file of counts: {error}", place=str(path)) from error


def load_truth(folder: Path, counts: Mapping[str, pd.Series[float]]) -> Truth:
    """Return the truth of the development counts, by the rules of :mod:`detectors.evaluation.truth`."""
    path = folder / LABELS
    try:
        rows = msgspec.json.decode(path.read_bytes())
    except (OSError, msgspec.DecodeError) as error:
        raise InputError(f"not a file of labels: {error}", place=str(path)) from error
    return build_truth(counts, read_labels(rows), DEVELOPMENT_VENDORS)


def describe_truth(truth: Truth) -> Record:
    """Return how much truth there is."""
    kinds = Counter(str(event.kind) for event in truth.events)
    months = round(sum(truth.service_months.values()), 1)
    return {**kinds, "events": len(truth.events), "distinct": truth.distinct(), "service_months": months}


def as_count_series(series: pd.Series[float]) -> CountSeries:
    """Return evenly spaced counts with a UTC index as the detectors take them."""
    values: NDArray[np.float64] = np.asarray(series.to_numpy(), dtype=np.float64)
    width_s = int((series.index[1] - series.index[0]).total_seconds())
    coverage = (~np.isnan(values)).astype(np.float64)
    return CountSeries(str(series.name), "given", series.index[0].to_pydatetime(), width_s, values, values, coverage)


class Judge:
    """One detector on the development counts: scored once, read at any threshold and for both severities."""

    def __init__(self, counts: Mapping[str, pd.Series[float]], truth: Truth, detector: str) -> None:
        self._counts, self._truth = counts, truth
        self._scored: dict[str, Scored] = {
            service: score(as_count_series(series), detector=detector) for service, series in counts.items()
        }

    @property
    def knows_one(self) -> bool:
        """Whether watch and page are the same to this detector."""
        pairs = [(scored.watch, scored.page) for scored in self._scored.values()]
        return all(np.array_equal(watch, page, equal_nan=True) for watch, page in pairs)

    def by_service(self, severity: Severity, threshold: float = 1.0) -> dict[str, Score]:
        """Return the judgement of each service."""
        found = {}
        for service, series in self._counts.items():
            scores = pd.Series(self._scored[service].of(severity)[0], index=series.index)
            width = timedelta(seconds=self._scored[service].bin_width_s)
            found[service] = score_real(alarm_runs(scores, width, threshold=threshold), self._truth.of(service))
        return found

    def figures(self, severity: Severity, threshold: float = 1.0) -> Record:
        """Return the figures of all services together, and of each."""
        found = self.by_service(severity, threshold)
        rows = {service: score_record(one) for service, one in found.items()}
        rates = [one.unexplained.value for one in found.values()]
        record = {"threshold": round(threshold, 4), **score_record(together(found.values()))}
        return record | {"worst_per_month": round(max(rates), 4), "services": rows}

    def retuned(self, severity: Severity, budget: float) -> float | None:
        """Return the lowest threshold of the grid that keeps, like all above it, to so many unexplained a month."""
        best = None
        for threshold in GRID:
            if together(self.by_service(severity, threshold).values()).unexplained.value > budget:
                break
            best = threshold
        return best


def together(scores: Iterable[Score]) -> Score:
    """Return the judgements of several services as one."""
    return sum(scores, Score((), (), 0.0))


def score_record(score: Score) -> Record:
    """Return the figures of a judgement on real counts, as JSON."""
    delays = score.delays_min
    return {
        **{kind: share_record(score.recall(kind)) for kind in KINDS},
        "events": share_record(score.recall()),
        "silver_in_first_bin": share_record(_in_first_bin(score)),
        "covered": sum(judged.verdict == "covered" for judged in score.judged),
        "delay_min": {"median": quantile_record(delays, 0.5), "p90": quantile_record(delays, 0.9)},
        "grey": score.count("grey"),
        "tail": score.count("tail"),
        "unexplained_per_month": rate_record(score.unexplained),
    }


def _in_first_bin(score: Score) -> Share:
    """Return the share of silver events whose burst had raised an alarm by the end of its first bin."""
    silver = [
        (one.event, one.run) for one in score.judged if isinstance(one.event, Event) and one.event.kind == "silver"
    ]
    hits = [
        run is not None and run.start_at <= event.start_at + SILVER_BINS_BEFORE * (run.known_at - run.start_at)
        for event, run in silver
    ]
    return Share(sum(hits), len(hits))


def real_part(folder: Path, detectors: Sequence[str], budgets: Sequence[float] = ()) -> Record:
    """Return the figures of the detectors on the development counts, at the default and at re-tuned thresholds."""
    counts = load_counts(folder)
    truth = load_truth(folder, counts)
    rows: list[Record] = []
    for name in detectors:
        judge = Judge(counts, truth, name)
        for severity in SEVERITIES[:1] if judge.knows_one else SEVERITIES:
            head = {"detector": name, "severity": "both" if judge.knows_one else severity}
            rows.append(head | {"budget": None} | judge.figures(severity))
            for budget in budgets:
                threshold = judge.retuned(severity, budget)
                if threshold is not None:
                    rows.append(head | {"budget": budget} | judge.figures(severity, threshold))
    return {"data": "development data, not held out", "truth": describe_truth(truth), "rows": rows}
