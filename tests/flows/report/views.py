"""Made-up incidents, for looking at and for testing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from detectors.model import Baseline, CountSeries, Estimate, Incident, Transition
from flows.report.record import IncidentView

ONSET = datetime(2026, 3, 3, 18, 5, tzinfo=UTC)

HOSTILE = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "{{ 7 * 7 }}{% raw %}",
    "\u202etxt.exe\u2066 bidi",
    "Z" + "\u0301" * 400 + " zalgo",
    "nul \x00 escape \x1b]0;owned\x07 \ud800 surrogate",
    "W" * 5000,
    "</title></style></svg><script src=http://127.0.0.1:9/x.js></script>",
)


def estimate(at: datetime, low: float = 3, high: float = 3) -> Estimate:
    return Estimate(at, at - timedelta(minutes=low), at + timedelta(minutes=high))


def incident(**fields: Any) -> Incident:
    """Build an iMessage outage of 47 minutes, resolved; ``fields`` replace what differs."""
    onset = fields.pop("onset", estimate(ONSET))
    ready: dict[str, Any] = {
        "id": "inc-1",
        "service": "imessage",
        "source": "archive",
        "severity": "page",
        "state": "resolved",
        "onset": onset,
        "suspected_at": onset.at + timedelta(minutes=3),
        "alarmed_at": onset.at + timedelta(minutes=6),
        "ended": estimate(onset.at + timedelta(minutes=47), 6, 6),
        "score": 4.2,
        "peak": 26.0,
        "peak_at": onset.at + timedelta(minutes=15),
        "expected_at_peak": 2.0,
        "n_reports": 412,
        "n_authors": 398,
        "symptoms": (
            ("messages not sending", 0.46),
            ("delivered late", 0.27),
            ("sign-in or activation", 0.12),
            ("read receipts missing", 0.09),
            ("other", 0.06),
        ),
    }
    return Incident(**{**ready, **fields})


def open_incident(**fields: Any) -> Incident:
    return incident(**{"state": "confirmed", "ended": None, **fields})


def transitions(inc: Incident) -> tuple[Transition, ...]:
    steps: list[tuple[datetime, Any, Any, Any, str]] = [
        (inc.suspected_at, None, "suspected", "watch", "9 reports in 5 minutes against 2.5 usual"),
        (inc.alarmed_at, "suspected", "confirmed", inc.severity, "41 reports in 6 minutes against 3 usual"),
    ]
    if inc.state == "suspected":
        steps.pop()
    if inc.state == "dismissed":
        steps[1] = (inc.alarmed_at, "suspected", "dismissed", inc.severity, "one text, posted by many new accounts")
    if inc.state == "resolved" and inc.ended is not None:
        end_at = inc.ended.at + timedelta(minutes=20)
        steps.append((end_at, "confirmed", "resolved", inc.severity, "back within the usual range for 20 minutes"))
    return tuple(
        Transition(inc.id, number, at, old, new, severity, reason)
        for number, (at, old, new, severity, reason) in enumerate(steps, 1)
    )


def counts(
    inc: Incident, *, before_h: float = 24, after_h: float = 1.75, level: float = 2.0, seed: int = 7
) -> tuple[CountSeries, Baseline]:
    """Make counts that rise at the onset, peak and fall again, with a daily rhythm, which is the baseline."""
    width = inc.bin_width_s
    end_at = (inc.ended.at if inc.ended else inc.onset.at + timedelta(hours=1)) + timedelta(hours=after_h)
    start = (inc.onset.at - timedelta(hours=before_h)).timestamp() // width * width
    n = int((end_at.timestamp() - start) // width)
    at = start + width * np.arange(n)
    expected = level * (1 + 0.4 * np.sin(2 * np.pi * (at / 86400 - 0.45)))
    onset_s = inc.onset.at.timestamp()
    end_s = inc.ended.at.timestamp() if inc.ended else at[-1] + width * 20
    place = np.clip((at - onset_s) / max(end_s - onset_s, width), -1, 3)
    bump = np.where((place >= 0) & (place <= 1), np.sin(np.pi * np.clip(place * 0.92 + 0.08, 0, 1)) ** 0.7, 0)
    tail = np.where(place > 1, 0.12 * np.exp(-6 * (place - 1)), 0)
    rate = expected + (inc.peak * 0.86 - level) * (bump + tail)
    rng = np.random.default_rng(seed)
    observed = rng.poisson(rate * rng.gamma(50, 1 / 50, n)).astype(float)
    dispersion = np.full(n, 0.05)
    spread = np.sqrt(expected + dispersion * expected**2)
    series = CountSeries(
        inc.service, inc.source, datetime.fromtimestamp(start, UTC), width, observed, observed * 1.2, np.ones(n)
    )
    return series, Baseline(expected, dispersion, np.ceil(expected + 2.6 * spread))


def view(inc: Incident | None = None, *, unknown: tuple[float, float] | None = None, **fields: Any) -> IncidentView:
    """Build a whole view; ``unknown`` = hours from onset between which nothing was observed."""
    inc = inc or incident()
    keys = {"before_h", "after_h", "level", "seed"}
    series, baseline = counts(inc, **{key: fields.pop(key) for key in keys & fields.keys()})
    if unknown:
        series = with_gap(series, inc, unknown)
    known = np.flatnonzero(np.isfinite(series.observed))
    data_until = series.start_at + timedelta(seconds=series.bin_width_s * (int(known[-1]) + 1))
    ready: dict[str, Any] = {
        "incident": inc,
        "service_name": "iMessage",
        "series": series,
        "baseline": baseline,
        "transitions": transitions(inc),
        "data_until": data_until,
        "is_simulated": True,
    }
    return IncidentView(**{**ready, **fields})


def with_gap(series: CountSeries, inc: Incident, unknown: tuple[float, float]) -> CountSeries:
    at = series.start_at.timestamp() + series.bin_width_s * np.arange(len(series))
    hours = (at - inc.onset.at.timestamp()) / 3600
    hole = (hours >= unknown[0]) & (hours < unknown[1])
    observed, raw = np.where(hole, np.nan, series.observed), np.where(hole, np.nan, series.raw)
    return replace(series, observed=observed, raw=raw, coverage=np.where(hole, 0.0, 1.0))


def without_bins(inc: Incident | None = None) -> IncidentView:
    """Nothing at all: a series of no bins."""
    inc = inc or incident()
    none = np.zeros(0)
    series = CountSeries(inc.service, inc.source, inc.onset.at, inc.bin_width_s, none, none, none)
    return view(inc, series=series, baseline=Baseline(none, none, none))


def all_unknown(inc: Incident | None = None) -> IncidentView:
    """Bins, none of them observed, and no baseline."""
    inc = inc or incident()
    series, _ = counts(inc)
    nan = np.full(len(series), np.nan)
    empty = CountSeries(
        series.service, series.source, series.start_at, series.bin_width_s, nan, nan, np.zeros(len(nan))
    )
    return view(inc, series=empty, baseline=Baseline(nan, nan, nan))
