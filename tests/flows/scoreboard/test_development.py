"""Real counts in the folder: read, judged, re-tuned; and what is said when they are not as they should be."""

from __future__ import annotations

import gzip
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from detectors.errors import InputError
from detectors.evaluation.truth import DEVELOPMENT_VENDORS
from flows.scoreboard.development import (
    Judge,
    describe_truth,
    has_counts,
    load_counts,
    load_truth,
    read_series,
    real_part,
)
from flows.scoreboard.nab import detections, has_tweets, load_tweets, nab_part
from tests.builders import START

if TYPE_CHECKING:
    from pathlib import Path

BINS = 72 * 40
BURST = 72 * 30 + 10


def made_up(seed: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    counts = np.random.default_rng(seed).poisson(2.0, BINS).astype(float)
    counts[BURST : BURST + 6] += [4, 30, 90, 80, 60, 20]
    counts[500:520] = np.nan
    return counts


def write_counts(path: Path, counts: np.ndarray[tuple[int], np.dtype[np.float64]], width: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    index = pd.date_range(START, periods=len(counts), freq=width).strftime("%Y-%m-%d %H:%M:%S")
    pd.DataFrame({"timestamp": index, "value": counts}).to_csv(path, index=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a folder like that of the development data, with made-up counts: one burst in each series."""
    folder = tmp_path_factory.mktemp("data")
    for seed, service in enumerate(DEVELOPMENT_VENDORS):
        write_counts(folder / f"counts/outage_report/{service}.csv.gz", made_up(seed), "20min")
    onset = START + timedelta(minutes=20 * BURST)
    label = {"id": "1", "service": "gmail", "onset": onset.isoformat(), "label_kind": "press"}
    (folder / "truth").mkdir()
    (folder / "truth/labels_dev.json").write_text(json.dumps([label]))
    tweets = folder / "counts/nab_realtweets"
    counts = np.random.default_rng(1).poisson(20, 3_000).astype(float)
    counts[2_000:2_010] += 400
    write_counts(tweets / "volume.csv.gz", counts, "5min")
    write_counts(tweets / "volume2.csv.gz", counts, "5min")
    spans = [[str((START + timedelta(minutes=5 * b)).replace(tzinfo=None)) for b in (1_990, 2_089)]]
    (tweets / "labels_windows.json").write_text(json.dumps({"volume.csv": spans, "volume2.csv": spans}))
    (tweets / "peers.csv").write_text(
        "detector,thr,standard,reward_low_FP_rate,reward_low_FN_rate\nnull,,0,0,0\nB,1,5,4,6\n"
    )
    return folder


def test_made_up_bursts_are_found(folder: Path) -> None:
    assert has_counts(folder)
    record = real_part(folder, ["uproar"], [0.5])
    assert record["truth"]["silver"] == 8
    assert record["truth"]["label"] == 1
    rows = {(row["severity"], row["budget"]): row for row in record["rows"]}
    assert set(rows) == {(severity, budget) for severity in ("page", "watch") for budget in (None, 0.5)}
    page = rows["page", None]
    assert (page["silver"]["hits"], page["silver"]["n"]) == (8, 8)
    assert (page["label"]["hits"], page["events"]["n"]) == (1, 9)
    assert page["silver_in_first_bin"]["n"] == 8
    assert page["delay_min"]["median"]["value"] in (20.0, 40.0)
    assert len(page["services"]) == 8
    assert page["worst_per_month"] >= page["unexplained_per_month"]["value"]
    assert rows["page", 0.5]["unexplained_per_month"]["value"] <= 0.5


def test_a_detector_that_knows_one_severity_has_one_row(folder: Path) -> None:
    rows = real_part(folder, ["plain-count"])["rows"]
    assert [(row["severity"], row["budget"]) for row in rows] == [("both", None)]
    tweets = nab_part(folder, ["uproar", "plain-count"])["rows"]
    severities = [row["severity"] for row in tweets if row["detector"] == "plain-count"]
    assert severities == ["watch"] * 3 + ["either"]
    assert len(tweets) == 7 + 4


def test_a_burst_is_seen_in_its_first_bin_only_if_the_alarm_starts_there(folder: Path) -> None:
    counts = load_counts(folder)
    judge = Judge(counts, load_truth(folder, counts), "uproar")
    shares = [judge.figures("page", threshold)["silver_in_first_bin"] for threshold in (0.7, 1e9)]
    assert shares[1]["hits"] == 0
    scored = {service: one["silver_in_first_bin"] for service, one in judge.figures("page", 20)["services"].items()}
    assert {(share["hits"], share["n"]) for share in scored.values()} <= {(0, 1), (1, 1)}
    late = judge.figures("page", 20)
    assert late["silver"]["hits"] > late["silver_in_first_bin"]["hits"]


def test_a_budget_that_nothing_keeps_gives_no_threshold(folder: Path) -> None:
    counts = load_counts(folder)
    judge = Judge(counts, load_truth(folder, counts), "uproar")
    assert judge.retuned("page", -1.0) is None
    lowest = judge.retuned("page", 1e9)
    assert lowest is not None
    assert lowest < 0.4


def test_files_that_cannot_be_used_are_named(folder: Path, tmp_path: Path) -> None:
    assert not has_counts(tmp_path)
    assert not has_tweets(tmp_path)
    with pytest.raises(InputError, match=r"facebook\.csv\.gz: not a file of counts"):
        load_counts(tmp_path)
    for content in ("a,b\n1,2\n", "timestamp,value\nsoon,1\n", "timestamp,value\n2026-01-01,many\n"):
        bad = tmp_path / "bad.csv.gz"
        bad.write_bytes(gzip.compress(content.encode()))
        with pytest.raises(InputError, match=r"bad\.csv\.gz: not a file of counts"):
            read_series(bad)
    (tmp_path / "truth").mkdir()
    (tmp_path / "truth/labels_dev.json").write_text("{")
    with pytest.raises(InputError, match=r"labels_dev\.json: not a file of labels"):
        load_truth(tmp_path, {})
    tweets = tmp_path / "counts/nab_realtweets"
    tweets.mkdir(parents=True)
    (tweets / "labels_windows.json").write_text('{"volume.csv": "now"}')
    with pytest.raises(InputError, match=r"labels_windows\.json: not a file of windows"):
        load_tweets(tmp_path)
    (tweets / "labels_windows.json").write_bytes((folder / "counts/nab_realtweets/labels_windows.json").read_bytes())
    for name in ("volume.csv.gz", "volume2.csv.gz"):
        (tweets / name).write_bytes((folder / "counts/nab_realtweets" / name).read_bytes())
    (tweets / "peers.csv").write_text("who,what\n")
    with pytest.raises(InputError, match=r"peers\.csv: not a table of published scores"):
        nab_part(tmp_path, [])
    (tweets / "peers.csv").unlink()
    assert nab_part(tmp_path, [])["published"] == []


# --- tweets --------------------------------------------------------------------------------------------------


def test_detections_are_bins_alarms_or_days() -> None:
    scores = np.zeros(2_000)
    scores[[0, 5, 17, 30, 400, 1_000, 1_300]] = 2.0
    scores[50] = np.nan
    assert detections(scores, 1.0, "bins").tolist() == [0, 5, 17, 30, 400, 1_000, 1_300]
    assert detections(scores, 1.0, "alarms").tolist() == [0, 30, 400, 1_000, 1_300]
    assert detections(scores, 1.0, "days").tolist() == [0, 400, 1_000, 1_300]
    assert not len(detections(scores, 3.0, "days"))


def test_made_up_tweets_are_scored(folder: Path) -> None:
    record = nab_part(folder, ["uproar"])
    assert (record["series"], record["windows"]) == (2, 2)
    assert [row["detector"] for row in record["published"]] == ["B", "null"]
    assert record["published"][0] | {"detector": ""} == {
        "detector": "",
        "standard": 5,
        "reward_low_FP_rate": 4,
        "reward_low_FN_rate": 6,
    }
    rows: dict[tuple[str, str], Any] = {(row["severity"], row["reading"]): row for row in record["rows"]}
    assert len(rows) == 7
    for row in rows.values():
        assert row["left_out"]["standard"] <= 100
        if "best" in row:
            # Both series are the same, so what is best on one is best on the other.
            assert row["left_out"] == row["best"]
            assert row["default"]["standard"] <= row["best"]["standard"]
    assert rows["page", "days"]["best"]["standard"] > 85
    assert rows["either", "either"]["left_out"]["standard"] == max(row["left_out"]["standard"] for row in rows.values())


@pytest.mark.real
def test_published_facts_about_the_tweets(shared_data: Path) -> None:
    tweets = load_tweets(shared_data)
    points = json.loads((shared_data / "counts/nab_realtweets/labels_points.json").read_text())
    n_windows = sum(worth.n_windows for _, worth in tweets.values())
    assert (len(tweets), n_windows) == (10, 33)
    from detectors.evaluation.nab import scaled

    raw = np.zeros(3)
    for name, (series, worth) in tweets.items():
        raw += worth.raw(series.index.get_indexer(pd.to_datetime(points[name], utc=True)).astype(np.int64))
    assert scaled(raw, n_windows)["standard"] == pytest.approx(93.3, abs=0.05)
    published = {row["detector"]: row for row in nab_part(shared_data, [])["published"]}
    assert published["null"]["standard"] == 0
    # What a missed window costs more when misses are punished tells how many were missed: 4 of 33.
    advec = published["twitterADVec"]
    missed = (2 * 33 * advec["standard"] - 3 * 33 * advec["reward_low_FN_rate"]) / 100 + 33
    assert missed == pytest.approx(4.0)


@pytest.mark.real
def test_there_are_132_events_in_the_development_counts(shared_data: Path) -> None:
    counts = load_counts(shared_data)
    truth = describe_truth(load_truth(shared_data, counts))
    assert truth == {"label": 19, "silver": 77, "pair": 36, "events": 132, "distinct": 117, "service_months": 81.1}
