"""``uproar replay``: a file in, incidents out."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from flows.cli.replay import perform
from flows.replay import replay_posts
from flows.sources.archive import Archive
from flows.steps import Watched
from flows.store import open_store
from tests.flows.store.helpers import dump
from tests.flows.streams import HOUR, Outage, at, stream, write

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.flows.cli.conftest import Said

PUBLIC = {
    "service",
    "severity",
    "onset_at",
    "onset_interval",
    "alarmed_at",
    "ended_at",
    "state",
    "peak",
    "expected_at_peak",
    "symptoms",
    "n_reports",
    "n_authors",
}


def test_an_incident_is_told_in_a_block_and_what_was_read_in_a_line(uproar: Callable[..., Said], posts: Path) -> None:
    said = uproar("replay", posts)
    assert said.code == 0
    first, *block = said.out.split("\n\n")[0].splitlines()
    assert first.startswith("iMessage: trouble from 1")
    assert [line.split()[0] for line in block] == ["onset", "alarmed", "ended", "peak", "reports", "symptoms"]
    summary = said.out.splitlines()[-1]
    assert summary.endswith("new reports, 2 series: 1 incident")
    assert said.err == ""


def test_an_incident_as_json_keeps_the_public_contract(uproar: Callable[..., Said], posts: Path) -> None:
    record = uproar("replay", posts, "--json").record
    assert record.keys() >= PUBLIC
    assert (record["service"], record["severity"], record["state"]) == ("imessage", "page", "resolved")
    instants = [record["onset_interval"][0], record["onset_at"], record["onset_interval"][1], record["alarmed_at"]]
    assert instants == sorted(instants)
    assert all(datetime.fromisoformat(text).utcoffset() is not None for text in [*instants, record["ended_at"]])
    assert record["peak"] > 5 * record["expected_at_peak"]
    assert record["symptoms"] == [{"symptom": "cannot-send", "share": 1.0}]
    assert record["n_reports"] >= record["n_authors"] > 300


def test_no_incident_is_no_error(uproar: Callable[..., Said], posts: Path) -> None:
    said = uproar("replay", posts, "--service", "outlook")
    assert (said.code, said.err) == (0, "")
    assert said.out.endswith("1 series: 0 incidents\n")
    assert uproar("replay", posts, "--service", "outlook", "--json") == type(said)(0, "", "")


def test_a_service_may_be_named_as_people_write_it(uproar: Callable[..., Said], posts: Path) -> None:
    assert len(uproar("replay", posts, "--service", "iMessage", "--json").records) == 1


def test_a_watch_shows_what_a_page_leaves_out(uproar: Callable[..., Said], posts: Path) -> None:
    more = posts.with_name("more.jsonl")
    write(more, stream(Outage(), Outage(18 * HOUR, 18 * HOUR + 40, 0.9), hours=21))
    assert [one["severity"] for one in uproar("replay", more, "--json").records] == ["page"]
    watch = uproar("replay", more, "--severity", "watch", "--json").records
    assert [one["severity"] for one in watch] == ["page", "watch"]


def test_another_detector_may_be_named(uproar: Callable[..., Said], tmp_path: Path) -> None:
    file = write(tmp_path / "much.jsonl", stream(Outage(extra=40)))
    record = uproar("replay", file, "--detector", "plain-count", "--json").record
    assert record["alarmed_at"] == "2026-03-02T16:01:00Z"
    said = uproar("replay", file, "--detector", "oracle")
    assert said.code == 2
    assert said.err.startswith("uproar: no detector 'oracle'; there are ")
    assert "plain-count" in said.err


def test_a_second_replay_into_a_store_changes_nothing_and_says_the_same(
    uproar: Callable[..., Said], posts: Path, tmp_path: Path
) -> None:
    first = uproar("replay", posts, "--store", tmp_path / "a.db", "--json")
    with open_store(tmp_path / "a.db") as store:
        before = dump(store)
    second = uproar("replay", posts, "--store", tmp_path / "a.db", "--json")
    assert second == first
    with open_store(tmp_path / "a.db") as store:
        assert dump(store) == before


def test_a_store_is_kept_under_the_secret_of_the_environment(
    uproar: Callable[..., Said], posts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UPROAR_STORE_SECRET", "canary-of-the-replay-tests")
    assert uproar("replay", posts, "--store", tmp_path / "a.db").code == 0
    monkeypatch.delenv("UPROAR_STORE_SECRET")
    posts = write(tmp_path / "more.jsonl", stream(hours=1))
    said = uproar("replay", posts, "--store", tmp_path / "a.db")
    assert said.code == 2
    assert "begun with another secret" in said.err
    assert "canary" not in said.err


def test_detectors_are_not_mixed_in_a_store(uproar: Callable[..., Said], posts: Path, tmp_path: Path) -> None:
    uproar("replay", posts, "--store", tmp_path / "a.db")
    said = uproar("replay", posts, "--store", tmp_path / "a.db", "--detector", "plain-count")
    assert said.code == 2
    assert "judged by the detector uproar in this store; name another store for plain-count" in said.err


def test_the_page_of_the_largest_incident_can_be_written(
    uproar: Callable[..., Said], posts: Path, tmp_path: Path
) -> None:
    said = uproar("replay", posts, "--html", tmp_path / "page.html", "--json")
    assert said.code == 0
    assert said.err == f"wrote {tmp_path}/page.html\n"
    assert len(said.records) == 1
    assert "<svg" in (tmp_path / "page.html").read_text()


def test_no_page_is_written_where_there_is_no_incident(
    uproar: Callable[..., Said], posts: Path, tmp_path: Path
) -> None:
    said = uproar("replay", posts, "--service", "outlook", "--html", tmp_path / "page.html")
    assert said.code == 0
    assert "no page was written" in said.err
    assert not (tmp_path / "page.html").exists()


def test_too_short_a_file_says_that_too_little_was_seen(uproar: Callable[..., Said], tmp_path: Path) -> None:
    said = uproar("replay", write(tmp_path / "short.jsonl", stream(hours=2)))
    assert said.code == 0
    assert said.out.endswith("0 incidents; too little seen to judge imessage (12 hours are needed)\n")


def test_wider_bins(uproar: Callable[..., Said], posts: Path) -> None:
    assert uproar("replay", posts, "--bin-width-s", "300", "--json").record["bin_width_s"] == 300


# --- at the pace of life -------------------------------------------------------------------------------------


def test_a_performance_tells_what_happened_at_its_pace(posts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with open_store(":memory:") as store:
        histories = replay_posts(store, Archive(posts, now=at(30 * HOUR)), Watched()).histories
    slept: list[float] = []
    perform(histories, 60.0, sleep=slept.append)
    told = capsys.readouterr().err.splitlines()
    (history,) = histories
    instants = [step.at for step in history.transitions]
    assert len(told) == len(instants) == 3
    assert told[0].startswith(f"{instants[0]:%Y-%m-%d %H:%M} imessage: suspected (")
    assert slept == [(after - before).total_seconds() / 60 for before, after in pairwise(instants)]


def test_a_very_fast_performance(uproar: Callable[..., Said], posts: Path) -> None:
    said = uproar("replay", posts, "--speed", "1000000x", "--json")
    assert len(said.records) == 1
    assert [line.split()[3] for line in said.err.splitlines()] == ["suspected", "confirmed", "resolved"]


@pytest.mark.parametrize("speed", ["fast", "0x", "-1x", "nan", "inf", ""])
def test_a_pace_that_is_none_is_refused(uproar: Callable[..., Said], posts: Path, speed: str) -> None:
    said = uproar("replay", posts, f"--speed={speed}")
    assert said.code == 2
    assert "--speed is max or a number of times like 1x or 60x" in said.err


# --- counts --------------------------------------------------------------------------------------------------


def csv(path: Path) -> Path:
    values = np.random.default_rng(1).poisson(4, 20 * HOUR).astype(object)
    values[16 * HOUR : 16 * HOUR + 30] += 40
    values[10 * HOUR : 11 * HOUR] = ""
    rows = [f"{at(minute):%Y-%m-%dT%H:%M:%SZ},{value}" for minute, value in enumerate(values)]
    path.write_text("\n".join(["timestamp,value", *rows, ""]))
    return path


def test_counts_are_judged(uproar: Callable[..., Said], tmp_path: Path) -> None:
    file = csv(tmp_path / "errors.csv")
    record = uproar("replay", "--counts", file, "--service", "YouTube", "--json").record
    assert record["service"] == "youtube"
    assert record["n_reports"] == record["n_authors"]
    said = uproar("replay", "--counts", file)
    assert said.out.startswith("errors: trouble from ")
    assert said.out.endswith("1,200 bins, 1 series: 1 incident\n")


def test_counts_of_times_without_a_zone_need_to_be_told(uproar: Callable[..., Said], tmp_path: Path) -> None:
    file = csv(tmp_path / "errors.csv")
    file.write_text(file.read_text().replace("Z,", ","))
    said = uproar("replay", "--counts", file)
    assert said.code == 2
    assert "errors.csv:2" in said.err
    assert uproar("replay", "--counts", file, "--assume-utc").code == 0


def test_the_store_is_given_by_a_url_too(uproar: Callable[..., Said], posts: Path) -> None:
    assert uproar("replay", posts, "--store", "sqlite:///kept.db").code == 0
    assert Path("kept.db").is_file()
    assert len(uproar("incidents", "--store", "kept.db", "--json").records) == 1
