"""Whole files through the pipeline: the bundled sample with its truth, posts and counts."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
import pytest

from detectors.errors import InputError
from flows.replay import Replay, replay_counts, replay_posts, replay_sample, sample_truth
from flows.sources.archive import Archive
from flows.steps import Watched
from flows.store import open_store
from tests.builders import START
from tests.flows.streams import HOUR, Outage, at, stream, write

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def sample() -> Replay:
    with open_store(":memory:") as store:
        return replay_sample(store)


def test_the_simulated_truth_lies_inside_the_intervals(sample: Replay) -> None:
    truth = sample_truth()
    assert (f"{truth.onset_at:%H:%M}", f"{truth.end_at:%H:%M}") == ("18:05", "18:52")
    found = max((one.incident for one in sample.at_least("page")), key=lambda incident: incident.score)
    assert found.service == truth.service
    assert found.ended is not None
    assert found.onset.low_at <= truth.onset_at <= found.onset.high_at
    assert found.ended.low_at <= truth.end_at <= found.ended.high_at
    assert found.alarmed_at - truth.onset_at < timedelta(minutes=10)
    assert found.factor > 5
    assert found.n_authors < found.n_reports, "the sample has people who post twice, and reposts"
    assert found.symptoms[0][0] == "cannot-send"


def test_all_of_the_sample_is_read(sample: Replay) -> None:
    assert sample.came.posts == 20_680
    assert sample.came.n_skipped == 0
    assert sample.learning == {}


def test_every_severity_is_kept_and_chosen_from(sample: Replay) -> None:
    assert sample.at_least("watch") == sample.histories
    assert {one.incident.severity for one in sample.at_least("page")} == {"page"}


def test_progress_is_told(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    with open_store(tmp_path / "sample.db") as store:
        replay_sample(store, progress=lambda done, total: told.append((done, total)))
    assert told[-1][0] == told[-1][1] > 100_000


def replay(path: Path, url: Path, *services: str, detector: str = "uproar") -> Replay:
    with open_store(url) as store:
        source = Archive(path, now=at(30 * HOUR))
        return replay_posts(store, source, Watched(set(services) or None), detector=detector)


def test_the_order_of_the_lines_does_not_matter(tmp_path: Path) -> None:
    posts = stream(Outage(), services=("iMessage", "Outlook"))
    shuffled = [posts[i] for i in np.random.default_rng(1).permutation(len(posts))]
    first = replay(write(tmp_path / "sorted.jsonl", posts), tmp_path / "1.db")
    second = replay(write(tmp_path / "shuffled.jsonl", shuffled), tmp_path / "2.db")
    assert first.histories == second.histories
    assert len(first.histories) == 1


def test_lines_that_come_twice_count_once(tmp_path: Path) -> None:
    posts = stream(Outage())
    once = replay(write(tmp_path / "once.jsonl", posts), tmp_path / "1.db")
    twice = replay(write(tmp_path / "twice.jsonl", [*posts, *posts]), tmp_path / "2.db")
    assert once.histories == twice.histories
    assert twice.came.duplicates == len(posts)


def test_a_second_replay_into_the_same_store_gives_the_same(tmp_path: Path) -> None:
    file = write(tmp_path / "posts.jsonl", stream(Outage()))
    first, second = replay(file, tmp_path / "1.db"), replay(file, tmp_path / "1.db")
    assert first.histories == second.histories
    assert second.came.posts == 0


def test_only_the_service_that_is_asked_for_is_judged(tmp_path: Path) -> None:
    posts = stream(Outage(), Outage(service="Outlook"), services=("iMessage", "Outlook"))
    file = write(tmp_path / "posts.jsonl", posts)
    one = replay(file, tmp_path / "1.db", "outlook")
    assert [history.incident.service for history in one.histories] == ["outlook"]
    every = replay(file, tmp_path / "1.db")
    assert {history.incident.service for history in every.histories} == {"imessage", "outlook"}


def test_other_sources_of_the_store_are_left_alone(tmp_path: Path) -> None:
    counts = csv(tmp_path / "imessage.csv")
    with open_store(tmp_path / "1.db") as store:
        replay_counts(store, counts, service="imessage", now=at(30 * HOUR))
    done = replay(write(tmp_path / "posts.jsonl", stream(Outage())), tmp_path / "1.db")
    assert {key.source for key in done.keys} == {"archive"}
    assert {one.incident.source for one in done.histories} == {"archive"}


def csv(path: Path, *, outage: slice = slice(16 * HOUR, 16 * HOUR + 40)) -> Path:
    rng = np.random.default_rng(1)
    values = rng.poisson(3, 20 * HOUR)
    values[outage] += 30
    rows = [f"{START + timedelta(minutes=minute):%Y-%m-%dT%H:%M:%SZ},{value}" for minute, value in enumerate(values)]
    path.write_text("\n".join(["timestamp,value", *rows, ""]))
    return path


@pytest.mark.parametrize(("service", "name"), [("iMessage", "imessage"), (None, "my-api")])
def test_counts_are_judged_under_a_known_name_or_that_of_the_file(
    tmp_path: Path, service: str | None, name: str
) -> None:
    with open_store(tmp_path / "1.db") as store:
        done = replay_counts(store, csv(tmp_path / "my-api.csv"), service=service, now=at(30 * HOUR))
    (history,) = done.histories
    assert history.incident.service == name
    assert abs(history.incident.onset.at - at(16 * HOUR)) < timedelta(minutes=2)
    assert done.came.posts == 20 * HOUR


def test_counts_of_a_mistyped_service_are_refused(tmp_path: Path) -> None:
    with open_store(tmp_path / "1.db") as store, pytest.raises(InputError, match="imessage"):
        replay_counts(store, csv(tmp_path / "x.csv"), service="imessagge", now=at(30 * HOUR))


def test_counts_that_are_given_again_replace_what_was_known(tmp_path: Path) -> None:
    with open_store(tmp_path / "1.db") as store:
        first = replay_counts(store, csv(tmp_path / "x.csv"), service=None, now=at(30 * HOUR))
        same = replay_counts(store, csv(tmp_path / "x.csv"), service=None, now=at(30 * HOUR))
        assert first.histories == same.histories
        calm = csv(tmp_path / "x.csv", outage=slice(0, 0))
        (withdrawn,) = replay_counts(store, calm, service=None, now=at(30 * HOUR)).histories
    assert withdrawn.incident.state == "dismissed"
    assert withdrawn.transitions[-1].reason == "late reports changed the counts: no longer unusual"


def test_another_detector_finds_it_too(tmp_path: Path) -> None:
    file = write(tmp_path / "posts.jsonl", stream(Outage(extra=40)))
    done = replay(file, tmp_path / "1.db", detector="plain-count")
    assert len(done.at_least("page")) == 1
