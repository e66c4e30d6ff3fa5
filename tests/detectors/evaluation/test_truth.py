"""Truth on real counts, from made-up series; and the size of the real one."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from detectors.errors import InputError, SeriesError
from detectors.evaluation.truth import (
    DEVELOPMENT_VENDORS,
    Event,
    Label,
    Truth,
    build_truth,
    read_labels,
    typical_daily_maximum,
)

if TYPE_CHECKING:
    from pathlib import Path

START = datetime(2026, 3, 2, tzinfo=UTC)
BIN = timedelta(minutes=20)
VENDORS = {"a": "x", "b": "x", "c": "y", "d": "z"}


def series(bursts: dict[int, list[float]] | None = None, *, days: int = 40, usual: float = 2.0) -> pd.Series:
    """Return counts whose typical daily maximum is ``usual``, with bursts from the given bins on."""
    values = np.zeros(days * 72)
    values[::72] = usual
    for first, burst in (bursts or {}).items():
        values[first : first + len(burst)] = burst
    return pd.Series(values, index=pd.date_range(START, periods=len(values), freq="20min"))


def at(number: float) -> datetime:
    """Return the start of a bin."""
    return START + number * BIN


def label(kind: str, onset: float = 1000, end: float | None = None) -> Label:
    return Label(id="l", service="a", onset=at(onset), end=None if end is None else at(end), label_kind=kind)


def test_a_large_burst_is_silver_from_two_bins_before_to_one_after() -> None:
    truth = build_truth({"a": series({1000: [5, 20, 6]})}, [], VENDORS)
    assert truth.events == (Event("a", "silver", at(998), at(1003)),)
    assert truth.grey == ()


@pytest.mark.parametrize(
    ("height", "usual", "kinds"),
    [
        (19, 1, ["grey"]),
        (20, 2, ["silver"]),
        (20, 2.1, ["grey"]),
        (5, 2, ["grey"]),
        (4.9, 2, []),
        (3, 0, []),
        (4, 0, ["grey"]),
    ],
)
def test_the_height_decides(height: float, usual: float, kinds: list[str]) -> None:
    truth = build_truth({"a": series({1000: [height]}, usual=usual)}, [], VENDORS)
    assert [event.kind for event in truth.events + truth.grey] == kinds


def test_a_grey_burst_reaches_an_hour_around() -> None:
    truth = build_truth({"a": series({1000: [8]})}, [], VENDORS)
    assert truth.grey == (Event("a", "grey", at(997), at(1004)),)


def test_bins_less_than_an_hour_apart_are_one_burst() -> None:
    one = build_truth({"a": series({1000: [30, 0, 0, 30]})}, [], VENDORS)
    two = build_truth({"a": series({1000: [30, 0, 0, 0, 30]})}, [], VENDORS)
    assert [len(one.events), len(two.events)] == [1, 2]


@pytest.mark.parametrize(
    ("bursts", "kind"),
    [
        ({"b": 1002}, "pair"),
        ({"b": 1003}, "grey"),
        ({"b": 998}, "pair"),
        ({"c": 1000}, "grey"),
        ({"b": 1000, "c": 1000}, "pair"),
        ({"b": 1000, "c": 1000, "d": 1001}, "grey"),
    ],
)
def test_a_sister_makes_a_pair_unless_everybody_bursts(bursts: dict[str, int], kind: str) -> None:
    counts = {"a": series({1000: [8]})} | {name: series({first: [8]}) for name, first in bursts.items()}
    truth = build_truth(counts, [], VENDORS).of("a")
    assert [event.kind for event in truth.events + truth.grey] == [kind]


def test_official_and_press_rows_score_until_their_end_or_for_two_hours() -> None:
    counts = {"a": series()}
    assert build_truth(counts, [label("press", end=1009)], VENDORS).events == (
        Event("a", "label", at(998), at(1009), at(1000)),
    )
    assert build_truth(counts, [label("official")], VENDORS).events[0].end_at == at(1006)


@pytest.mark.parametrize(
    ("bin_", "reports", "scores"), [(996, 3, True), (995, 3, False), (1002, 3, True), (1000, 2, False)]
)
def test_operator_rows_score_where_users_reported(bin_: int, reports: float, scores: bool) -> None:  # noqa: FBT001
    counts = {"a": series({bin_: [reports]}, usual=0)}
    assert bool(build_truth(counts, [label("operator", end=1002)], VENDORS).events) is scores


def test_rows_read_off_the_counts_and_other_services_never_score() -> None:
    rows = [label("data-derived, NOT independent")]
    assert build_truth({"a": series()}, rows, VENDORS).events == ()
    assert build_truth({"b": series()}, [label("press")], VENDORS).events == ()


def test_months_count_what_was_observed() -> None:
    holed = series(days=60)
    holed[:2160] = np.nan
    assert build_truth({"a": holed}, [], VENDORS).service_months == {"a": pytest.approx(1.0)}


def test_the_typical_maximum_looks_fourteen_days_both_ways() -> None:
    rising = pd.Series(np.arange(40.0), index=pd.date_range(START, periods=40, freq="D"))
    assert typical_daily_maximum(rising).iloc[[14, 20, 25]].tolist() == [14, 20, 25]


def test_overlapping_events_of_a_service_are_one_outage() -> None:
    events = [("a", 1, 5), ("a", 4, 9), ("a", 10, 12), ("b", 1, 9)]
    truth = Truth(tuple(Event(s, "silver", at(x), at(y)) for s, x, y in events), (), {})
    assert truth.distinct() == 3


def test_a_bad_label_is_named() -> None:
    rows: list[dict[str, Any]] = [
        {"id": "1", "service": "a", "onset": "2026-03-02T00:00:00Z", "label_kind": "press", "note": "left alone"},
        {"id": "2", "service": "a", "onset": "2026-03-02T00:00:00", "label_kind": "press"},
    ]
    assert read_labels(rows[:1])[0].end is None
    with pytest.raises(InputError, match=r"label 2 .*onset"):
        read_labels(rows)


def test_an_index_without_zone_or_step_is_refused() -> None:
    with pytest.raises(SeriesError, match="UTC"):
        build_truth({"a": series().tz_localize(None)}, [], VENDORS)
    with pytest.raises(SeriesError, match="evenly"):
        build_truth({"a": series().drop(at(7))}, [], VENDORS)


def test_the_development_truth_has_the_size_that_the_design_states(shared_data: Path) -> None:
    counts = {}
    for service in DEVELOPMENT_VENDORS:
        frame = pd.read_csv(shared_data / f"counts/outage_report/{service}.csv.gz")
        index = pd.to_datetime(frame["timestamp"], utc=True)
        counts[service] = pd.Series(frame["value"].to_numpy(float), index=index)
    rows = json.loads((shared_data / "truth/labels_dev.json").read_text(encoding="utf-8"))
    truth = build_truth(counts, read_labels(rows), DEVELOPMENT_VENDORS)
    assert Counter(event.kind for event in truth.events) == {"silver": 77, "pair": 36, "label": 19}
    assert sum(row["score"] and row["service"] in counts for row in rows) == 19
    assert sum(truth.service_months.values()) == pytest.approx(81, abs=0.5)
