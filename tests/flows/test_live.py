"""Ticks of the live pipeline over a file that grows."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from detectors.errors import InputError
from flows import steps
from flows.live import run_tick
from flows.net import Clock
from flows.replay import replay_posts
from flows.settings import Settings, World
from flows.sources.archive import Archive
from flows.store import open_store
from tests.flows.streams import HOUR, Outage, add, at, line, stream, write

if TYPE_CHECKING:
    from pathlib import Path

    from detectors.incidents.lifecycle import History
    from flows.live import Tick


def settings(folder: Path, *files: Path, **watch: Any) -> Settings:
    given = {
        "store": {"url": str(folder / "live.db")},
        "watch": watch,
        "sources": {"archive": [str(file) for file in files]},
    }
    return msgspec.convert(given, Settings)


def frozen(minute: float) -> Clock:
    """Return a clock that stands still; nobody sleeps by it."""
    return Clock(lambda: at(minute), lambda seconds: pytest.fail(f"slept {seconds} s"))


def tick(folder: Path, file: Path, minute: float, **watch: Any) -> Tick:
    return run_tick(settings(folder, file, **watch), World(frozen(minute)))


def recorded(path: Path) -> list[History]:
    with open_store(path) as store:
        return steps.histories(store, store.keys())


def test_a_tick_says_what_came_and_what_was_found(tmp_path: Path) -> None:
    posts = stream(Outage())
    done = tick(tmp_path, write(tmp_path / "posts.jsonl", posts), 20 * HOUR)
    assert done.record()["sources"] == {
        "archive:posts.jsonl": {"posts": len(posts), "reports": len(posts), "duplicates": 0, "skipped": 0}
    }
    (incident,) = done.incidents
    (sentence,) = done.headlines
    assert incident.service == "imessage"
    assert re.match(r"iMessage: trouble from 1[56]:\d\d \(1[56]:\d\d-16:0\d\) to 16:\d\d ", sentence)
    assert "2 March" not in sentence, "it was today"
    assert not done.needs_a_look


def test_a_tick_that_comes_twice_finds_nothing_to_do(tmp_path: Path) -> None:
    file = write(tmp_path / "posts.jsonl", stream(Outage()))
    tick(tmp_path, file, 20 * HOUR)
    before = (tmp_path / "live.db").read_bytes()
    again = tick(tmp_path, file, 20 * HOUR)
    assert again.record() == {
        "sources": {"archive:posts.jsonl": {"posts": 0, "reports": 0, "duplicates": 0, "skipped": 0}},
        "failed": {},
        "faults": [],
        "incidents": [],
        "learning": [],
    }
    assert (tmp_path / "live.db").read_bytes() == before


@pytest.mark.parametrize("every", [7, 61])
def test_ticks_over_a_growing_file_end_as_one_replay(tmp_path: Path, every: int) -> None:
    """However the file is cut, also in the middle of a line: the same incidents and the same transitions."""
    outages = Outage(), Outage(18 * HOUR, 18 * HOUR + 20, 5.0), Outage(17 * HOUR, 17 * HOUR + 50, service="Outlook")
    posts = stream(*outages, hours=22, services=("iMessage", "Outlook"))
    whole = write(tmp_path / "whole.jsonl", posts).read_bytes()
    ends = {0.0: 0}
    for post in posts:
        ends[post.created_at.timestamp()] = list(ends.values())[-1] + len(line(post))
    file = tmp_path / "posts.jsonl"
    said: dict[str, History] = {}
    for minute in (*range(15 * HOUR, 22 * HOUR, every), 22 * HOUR + 5):
        grown = max(end for at_s, end in ends.items() if at_s <= at(minute).timestamp())
        file.write_bytes(whole[: min(len(whole), grown + 10)])
        tick(tmp_path, file, minute, settle_s=60)
        for history in recorded(tmp_path / "live.db"):
            before = said.get(history.incident.id)
            assert before is None or history.transitions[: len(before.transitions)] == before.transitions
            said[history.incident.id] = history
    with open_store(tmp_path / "replay.db") as store:
        source = Archive(tmp_path / "whole.jsonl", now=at(23 * HOUR))
        assert recorded(tmp_path / "live.db") == replay_posts(store, source, steps.Watched()).histories
    assert len(said) == 3


def test_late_lines_revise_what_was_said(tmp_path: Path) -> None:
    outage = Outage()
    posts = stream(outage)
    late = [one for one in posts if at(outage.begin) <= one.created_at < at(outage.begin + 12)]
    file = write(tmp_path / "posts.jsonl", [one for one in posts if one not in late])
    (before,) = tick(tmp_path, file, 20 * HOUR).incidents
    add(file, late)
    done = tick(tmp_path, file, 20 * HOUR + 1)
    (after,) = done.incidents
    assert after.id == before.id
    assert after.onset.at < before.onset.at
    (history,) = recorded(tmp_path / "live.db")
    assert [step.new for step in history.transitions] == ["suspected", "confirmed", "resolved", "resolved"]
    assert tick(tmp_path, file, 20 * HOUR + 2).incidents == ()


def test_only_the_services_of_the_configuration_are_watched(tmp_path: Path) -> None:
    file = write(tmp_path / "posts.jsonl", stream(Outage(), services=("iMessage", "Outlook")))
    done = tick(tmp_path, file, 20 * HOUR, services=["Outlook"])
    assert done.incidents == ()
    with open_store(tmp_path / "live.db") as store:
        assert [key.service for key in store.keys()] == ["outlook"]  # noqa: SIM118 - not a dict


def test_a_mistyped_service_is_refused_with_a_suggestion(tmp_path: Path) -> None:
    file = write(tmp_path / "posts.jsonl", stream(hours=1))
    with pytest.raises(InputError, match="imessage"):
        tick(tmp_path, file, 20 * HOUR, services=["imessagge"])


def test_a_source_that_fails_is_named_and_needs_a_look(tmp_path: Path) -> None:
    file = write(tmp_path / "posts.jsonl", stream(hours=1))
    done = run_tick(settings(tmp_path, tmp_path / "nowhere.jsonl", file), World(frozen(HOUR)))
    assert list(done.failed) == ["archive:nowhere.jsonl"]
    assert done.ingested["archive:posts.jsonl"].reports > 0
    assert done.needs_a_look


def test_a_line_that_cannot_be_used_needs_a_look(tmp_path: Path) -> None:
    file = write(tmp_path / "posts.jsonl", stream(hours=1))
    file.write_bytes(b"{oops}\n" + file.read_bytes())
    done = tick(tmp_path, file, HOUR)
    assert done.needs_a_look
    assert done.ingested["archive:posts.jsonl"].skipped == ["posts.jsonl:1: not JSON"]


def test_it_says_what_it_still_learns(tmp_path: Path) -> None:
    done = tick(tmp_path, write(tmp_path / "posts.jsonl", stream(hours=3)), 3 * HOUR)
    assert done.record()["learning"] == ["imessage"]
    assert timedelta(hours=8) < done.learning["imessage"] - at(3 * HOUR) < timedelta(hours=10)
