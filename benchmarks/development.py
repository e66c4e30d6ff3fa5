"""How the detector does on real counts: ``python -m benchmarks.development [--json] [--detector NAME|all]``.

Runs :func:`detectors.detect` at its default thresholds over the development data in ``../shared/data``, which is not
part of the repository, and judges it by the rules of :mod:`detectors.evaluation`. What it prints is *development data*:
no held-out result. One setting for all services.

``--detector`` puts a detector of the registry (or all of them) beside ours, at the default threshold and at equal
unexplained alarms: :mod:`benchmarks.sweep`.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from benchmarks import sweep
from detectors import detect
from detectors.evaluation.scoring import Score, alarm_runs, quantile, score_real
from detectors.spikes import DETECTORS
from flows.scoreboard.development import describe_truth, load_counts, load_truth

if TYPE_CHECKING:
    from collections.abc import Sequence

    from detectors.evaluation.truth import Truth
    from detectors.model import Severity

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
REPORTS = "reports/spectrum_2026-06-16_23.jsonl.gz"
SEVERITIES: tuple[Severity, Severity] = ("page", "watch")
HOUR = timedelta(hours=1)


def judge(counts: dict[str, pd.Series], truth: Truth, severity: Severity) -> list[dict[str, Any]]:
    """Return a row of figures for each service, and one for all of them."""
    rows, total, incidents = [], Score((), (), 0.0), 0
    for service, series in counts.items():
        detection = detect(series, severity=severity)
        bin_width = (series.index[1] - series.index[0]).to_pytimedelta()
        score = score_real(alarm_runs(detection.scores, bin_width), truth.of(service))
        rows.append(_row(service, severity, len(detection.incidents), score))
        total, incidents = total + score, incidents + len(detection.incidents)
    return [*rows, _row("all", severity, incidents, total)]


def _row(service: str, severity: Severity, incidents: int, score: Score) -> dict[str, Any]:
    """Return the figures of one service."""
    delays = score.delays_min
    kinds = {kind: score.recall(kind) for kind in ("label", "silver", "pair")}
    return {
        "service": service,
        "severity": severity,
        "incidents": incidents,
        **{kind: {"hit": share.hits, "of": share.n} for kind, share in kinds.items()},
        "events": {"hit": score.recall().hits, "of": score.recall().n, "interval": score.recall().interval},
        "covered": sum(judged.verdict == "covered" for judged in score.judged),
        "delay_min": {"median": quantile(delays, 0.5) if delays else None, "n": len(delays)},
        "grey": score.count("grey"),
        "tail": score.count("tail"),
        "unexplained": score.count("unexplained"),
        "service_months": score.service_months,
        "unexplained_per_month": score.unexplained.value,
        "unexplained_interval": score.unexplained.interval,
    }


def spectrum(folder: Path) -> dict[str, Any]:
    """Return what is seen of a provider's outages nationally, with 1-min bins, and of the attested regional one."""
    with gzip.open(folder / REPORTS, "rt", encoding="utf-8") as lines:
        records = [json.loads(line) for line in lines]
    labels = json.loads((folder / "truth/labels_dev.json").read_text(encoding="utf-8"))
    label = next(row for row in labels if row["data"] == REPORTS and row["score"])
    region = [r for r in records if _is_in(r, label["filter"])]
    onset_at, end_at = pd.Timestamp(label["onset"]), pd.Timestamp(label["end"])
    return {
        "reports": len(records),
        "onset_at": str(onset_at),
        "end_at": str(end_at),
        "national": {severity: _see(records, severity, onset_at, end_at) for severity in SEVERITIES},
        "region": {severity: _see(region, severity, onset_at, end_at, like=records) for severity in SEVERITIES},
    }


def _is_in(record: dict[str, Any], place: dict[str, Any]) -> bool:
    geo = record.get("geo") or {}
    return geo.get("state") == place["state"] and geo.get("city") in place["cities"]


def _see(
    records: Sequence[dict[str, Any]],
    severity: Severity,
    onset_at: pd.Timestamp,
    end_at: pd.Timestamp,
    *,
    like: Sequence[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    """Return the alarms over some reports, on the time line of all of them (``like``)."""
    minutes = _minutes(like or records)
    index = pd.date_range(minutes.min(), minutes.max(), freq="min")
    counts = _minutes(records).value_counts().reindex(index, fill_value=0).astype(float)
    detection = detect(counts, severity=severity)
    runs = alarm_runs(detection.scores, timedelta(minutes=1))
    inside = [run for run in runs if onset_at - HOUR <= run.start_at <= end_at]
    window = counts[onset_at:end_at]
    return {
        "incidents": len(detection.incidents),
        "per_day": dict(Counter(str(run.start_at.date()) for run in runs)),
        "in_window": len(inside),
        "first_delay_min": (inside[0].known_at - onset_at).total_seconds() / 60 if inside else None,
        "reports_in_window": int(window.sum()),
        "best_score_in_window": float(detection.scores[onset_at:end_at].max()),
    }


def _minutes(records: Sequence[dict[str, Any]]) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(pd.to_datetime([r["created_at"] for r in records], utc=True, format="ISO8601")).floor("min")


def render(rows: Sequence[dict[str, Any]]) -> str:
    """Return the rows as a table."""
    names = "service, severity, incidents, label, silver, pair, events, delay min (n), grey, unexplained a month"
    lines = ["| " + names.replace(", ", " | ") + " |", "|" + "---|" * 10]
    for row in rows:
        hits = " | ".join(f"{row[kind]['hit']}/{row[kind]['of']}" for kind in ("label", "silver", "pair", "events"))
        delay, (low, high) = row["delay_min"], row["unexplained_interval"]
        median = "-" if delay["median"] is None else f"{delay['median']:.0f}"
        rate = f"{row['unexplained_per_month']:.2f} ({row['unexplained']} in {row['service_months']:.1f}"
        start = f"| {row['service']} | {row['severity']} | {row['incidents']} | {hits} | {median} ({delay['n']})"
        lines.append(f"{start} | {row['grey']} | {rate}; {low:.2f} to {high:.2f}) |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--detector", choices=["all", *DETECTORS], help="compare this detector, or all of them")
    options = parser.parse_args(arguments)
    if not DATA.is_dir():
        print("skipped: the development data (../shared/data) is not here", file=sys.stderr)
        return 0
    counts = load_counts(DATA)
    truth = load_truth(DATA, counts)
    if options.detector:
        chosen = list(DETECTORS) if options.detector == "all" else list(dict.fromkeys(["uproar", options.detector]))
        print(sweep.report(sweep.Bench(counts, truth), chosen, as_json=options.json))
        return 0
    rows = [row for severity in SEVERITIES for row in judge(counts, truth, severity)]
    seen = spectrum(DATA)
    if options.json:
        print(json.dumps({"truth": describe_truth(truth), "counts": rows, "spectrum": seen}))
        return 0
    print(f"Development data, default thresholds. Truth: {describe_truth(truth)}\n")
    print(f"{render(rows)}\n\nSpectrum, 1-min bins:")
    print(json.dumps(seen, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
