"""That the benchmarks measure what they say: the corpus, the work that is done, the arithmetic. Never how fast."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec
import pytest

from benchmarks import __main__ as command
from benchmarks import bluesky, corpus, end_to_end, memory, outbox, tick
from benchmarks.table import Row, Spent, least, render
from detectors.matching import Reader
from detectors.model import Post
from detectors.reference import catalogue
from flows.store import open_store

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("name", corpus.SHAPES)
def test_lines_are_posts_of_the_length_that_is_said(name: str) -> None:
    shape = corpus.SHAPES[name]
    lines = list(corpus.lines(2_000, shape))
    posts = [msgspec.json.decode(line, type=Post) for line in lines]
    assert shape.n_bytes <= sum(map(len, lines)) / len(lines) < shape.n_bytes * 1.02
    assert len({post.id for post in posts}) == len(posts)
    assert [post.created_at for post in posts] == sorted(post.created_at for post in posts)
    assert lines == list(corpus.lines(2_000, shape))


def test_one_post_in_a_hundred_is_a_report_and_every_service_occurs() -> None:
    number = 100 * len(catalogue())
    texts = [msgspec.json.decode(line, type=Post) for line in corpus.lines(number, corpus.SHAPES["700 B"])]
    reports = [report.service for _, report in Reader().read(texts).reports]
    assert set(reports) == set(catalogue())
    assert 1 <= 100 * len(reports) / number < 1.1


def test_the_pipeline_that_is_measured_does_all_the_work() -> None:
    lines = list(corpus.lines(6_000, corpus.SHAPES["700 B"]))
    done, spent = end_to_end.ingest(lines, Reader())
    assert done.posts == 6_000
    assert done.duplicates == 0
    assert done.reports >= 60
    assert min(spent) > 0


def test_the_naive_pipeline_counts_too() -> None:
    assert end_to_end.pandas_naive(list(corpus.lines(200, corpus.SHAPES["700 B"]))) > 0


def test_a_simulated_file_has_as_many_posts_as_were_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "posts.jsonl.gz"
    memory.write(file, 3_000)
    seen = memory.watch(file, 0.05)
    assert max(one.rss_mb for one in seen) > 10


def test_growth_is_told_from_what_was_there_at_the_start() -> None:
    flat = [memory.Sample(share, 100 + 50 * (share < 0.1), share) for share in (0, 0.2, 0.5, 1)]
    leak = [memory.Sample(share, 100 + 40 * share, share) for share in (0.1, 0.3, 0.6, 1)]
    assert memory.slope(flat, 5_000_000) == pytest.approx(0, abs=1e-9)
    assert memory.slope(leak, 5_000_000) == pytest.approx(8)
    assert "90 to 100 %" in memory.table(leak)
    with pytest.raises(AssertionError, match="too few"):
        memory.slope(leak[:2], 100)


def test_the_feed_that_is_measured_is_read_whole() -> None:
    """Over a real connection, in ticks, by the real steps: what was sent is in the store, once."""
    with bluesky.jetstream(700, number=1_000) as port:
        outcome = bluesky.run(port, 2)
    assert len(outcome.ticks) == bluesky.FEWEST_TICKS
    assert outcome.posts_sent > 500
    assert outcome.reports_kept == outcome.reports_sent > 0
    assert sum(tick.posts for tick in outcome.ticks) >= outcome.posts_sent
    found = {row.name: row for row in bluesky.rows(outcome, 700)}
    assert found["reports lost or counted twice, and gaps"].is_met
    assert len(bluesky.table(outcome).splitlines()) == 1 + bluesky.FEWEST_TICKS


def test_a_tick_with_nothing_new_is_one_that_looks(tmp_path: Path) -> None:
    """Every platform answers, a minute more is vouched for each time, and no report comes."""
    names, file = ["imessage", "outlook"], tmp_path / "store.db"
    n_reports = tick.fill(file, names, history=timedelta(hours=2))
    with tick.platforms() as ports:
        took = tick.run(tick.configuration(file, names, ports), 0, 3)
    assert len(took["ticks_s"]) == 3
    assert min(took["ticks_s"]) > 0
    with open_store(file) as store:
        assert len(store.reports()) == n_reports > 100
        ends = store.ends(store.keys())
        assert len(ends) == len(names) * len(tick.SOURCES)
        assert min(ends.values()) >= tick.NOW
        assert all(feed.error is None for feed in store.feeds())
    found = tick.rows(tick.Ticks(2, 1, 0.25, 0.5), "two", goal_s=0.3)
    assert [row.is_met for row in found] == [True, None, None]


@pytest.mark.parametrize(
    ("row", "goal"),
    [
        (Row(name="a", value=1, unit="s"), ""),
        (Row(name="a", value=1, unit="s", at_most=2), "<= 2 s: met"),
        (Row(name="a", value=3, unit="s", at_most=2), "<= 2 s: MISSED"),
        (Row(name="a", value=3, unit="posts/s", ratio=1.25, at_least=1.2), ">= 1.2 x: met"),
        (Row(name="a", value=3, unit="posts/s", ratio=1.1, at_least=1.2), ">= 1.2 x: MISSED"),
    ],
)
def test_a_goal_is_met_or_said_to_be_missed(row: Row, goal: str) -> None:
    assert row.goal == goal
    assert render("title", [row]).startswith("== title\n")


def test_the_least_is_taken_of_each_clock() -> None:
    assert least([Spent(1, 5), Spent(2, 4)]) == Spent(1, 4)


def test_the_command_prints_json_and_refuses_unknown_names(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    row = Row(name="a", value=1.5, unit="s", at_most=2)

    def quick(_: object) -> tuple[list[Row], str]:
        return [row], ""

    monkeypatch.setattr(command, "ALL", (quick,))
    assert command.main(["--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"quick": [{"name": "a", "value": 1.5, "unit": "s", "at_most": 2.0}]}
    with pytest.raises(SystemExit):
        command.main(["slow"])


def test_the_outbox_that_is_measured_delivers() -> None:
    rows = outbox.measure(number=5, history=(10,))
    assert [row.unit for row in rows] == ["messages/s"] * 3 + ["ms"]
    assert all(row.value > 0 for row in rows)
