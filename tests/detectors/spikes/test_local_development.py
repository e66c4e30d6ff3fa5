"""Local outages in eight days of real located reports (development data; nothing is tuned on it)."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest

from detectors.counting.regional import RegionCounts, sum_regions
from detectors.incidents.measure import measure
from detectors.location import locate_post
from detectors.model import CountSeries, Post
from detectors.spikes import score
from detectors.spikes.local import LocalDetector, local_series, national_of

if TYPE_CHECKING:
    from pathlib import Path

START, END = datetime(2026, 6, 16, 17, tzinfo=UTC), datetime(2026, 6, 24, tzinfo=UTC)
ATTESTED = datetime(2026, 6, 20, 6, tzinfo=UTC), datetime(2026, 6, 20, 7, tzinfo=UTC)
WIDTH_S = 300


@pytest.mark.real
def test_san_antonio_is_named_with_its_onset(shared_data: Path) -> None:
    with gzip.open(shared_data / "reports" / "spectrum_2026-06-16_23.jsonl.gz") as lines:
        posts = [post for line in lines if (post := msgspec.json.decode(line, type=Post)).created_at >= START]
    bins = [int((post.created_at - START).total_seconds()) // WIDTH_S for post in posts]
    n = int((END - START).total_seconds()) // WIDTH_S
    observed, seen = np.bincount(bins, minlength=n).astype(float), np.ones(n)
    series = CountSeries("spectrum", "crowd", START, WIDTH_S, observed, observed, seen)
    regions = sum_regions(
        (b, one.region, one.weight) for b, post in zip(bins, posts, strict=True) for one in locate_post(post)
    )
    counts = RegionCounts("spectrum", "crowd", START, WIDTH_S, regions, seen)
    national, detector = national_of(series, score(series)), LocalDetector(START, WIDTH_S)
    alarms = detector.run(counts, national)
    texas = [
        one
        for one in alarms
        if {"zip3:US-782", "metro:4726206"} & {one.region, *one.related}
        and ATTESTED[0] <= one.alarm.alarmed_at <= ATTESTED[1] + timedelta(days=1)
    ]
    assert {one.alarm.severity for one in texas} == {"watch", "page"}
    first = min(texas, key=lambda one: one.alarm.alarmed_at)
    assert first.alarm.alarmed_at < ATTESTED[1] + timedelta(hours=2)
    found = measure(*local_series(counts, national, detector.baseline, first.region), first.alarm)
    assert found.onset.low_at < ATTESTED[1]
    assert found.onset.high_at > ATTESTED[0]
    assert sum(one.alarm.severity == "page" for one in alarms) <= 12  # eight days, about as many dense clusters
