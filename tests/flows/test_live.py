"""Ticks of the live pipeline over a file that grows."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from detectors.errors import InputError, PermanentError, SettingsError
from detectors.matching import Reader
from detectors.model import Batch, Post, PostExtra, SeriesKey
from detectors.reference import catalogue
from flows import steps
from flows.live import keep_house, read_status, run_tick
from flows.net import Clock
from flows.replay import replay_posts
from flows.settings import Settings, World
from flows.settings.sections import StoreSettings
from flows.sources.archive import Archive
from flows.sources.statuspage import Page
from flows.store import open_store
from tests.flows.streams import HOUR, Given, Outage, add, at, batch, line, stream, write

if TYPE_CHECKING:
    from collections.abc import Iterator
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


def test_what_was_asked_for_services_of_before_is_history(tmp_path: Path) -> None:
    """A query that is asked no more cannot recover, and would stay behind more and more."""
    file = tmp_path / "posts.jsonl"
    (fault,) = tick(tmp_path, file, HOUR, services=["outlook"]).faults_began
    write(file, stream(hours=1))
    done = tick(tmp_path, file, HOUR + 1, services=["imessage"])
    assert not done.faults
    assert [ended.message for ended in done.faults_ended] == [fault.message]
    assert not done.needs_a_look


def test_files_of_one_name_are_read_on_each_from_its_own_place(tmp_path: Path) -> None:
    posts, files = stream(hours=2), [tmp_path / folder / "posts.jsonl" for folder in ("mon", "tue")]
    for place, file in enumerate(files):
        file.parent.mkdir()
        write(file, posts[place:100:2])
    run_tick(settings(tmp_path, *files), World(frozen(3 * HOUR)))
    add(files[0], posts[100:])
    done = run_tick(settings(tmp_path, *files), World(frozen(3 * HOUR + 1)))
    assert done.failed == {}
    assert {label: one.posts for label, one in done.ingested.items()} == {
        "archive:mon/posts.jsonl": len(posts) - 100,
        "archive:tue/posts.jsonl": 0,
    }


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


class Gone(Given):
    """A source that knows which posts were deleted."""

    def gone(self, ids: list[str]) -> list[tuple[str, str]]:
        if self.label == "broken":
            raise PermanentError("it answered 401")
        return [("form", one) for one in ids if one.endswith("-3")]


def test_housekeeping_asks_what_was_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    posts = stream(hours=1)
    given = Gone([batch(1, posts)], label="whole")
    with open_store(tmp_path / "live.db") as store:
        steps.ingest(store, given, Reader(), steps.Watched())
    sources = [given, Gone([], name="other", label="broken"), Given([], label="cannot say")]
    monkeypatch.setattr("flows.live.configured", lambda *_: sources)
    done = keep_house(settings(tmp_path), World(frozen(HOUR)))
    assert (done.n_old, done.n_gone, done.failed) == (0, 1, {"broken": "it answered 401"})
    with open_store(tmp_path / "live.db") as store:
        assert "iMessage-3" not in store.post_ids("given")
        assert len(store.post_ids("given")) == len(posts) - 1
        assert store.series(SeriesKey("imessage", "given"), start_at=at(0), end_at=at(HOUR)).raw.size == HOUR
    assert keep_house(settings(tmp_path), World(frozen(60 * HOUR))).n_old == len(posts)


def test_posts_are_read_once_for_each_time_that_we_become_surer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    class Search(Given):
        def fetch(self, query: str, cursor: str | None) -> Iterator[Batch]:  # noqa: ARG002
            asked.append(query)
            extra = PostExtra(service="imessage")
            yield Batch((Post("p1", "x", at(16 * HOUR + 5), "not sending", extra=extra),), "1")

    monkeypatch.setattr("flows.live.after_alarm", lambda *_: Search([], name="archive", label="search"))
    file = write(tmp_path / "posts.jsonl", [one for one in stream(Outage()) if one.created_at < at(16 * HOUR + 10)])
    (incident,) = tick(tmp_path, file, 16 * HOUR + 11).incidents
    assert incident.is_open
    assert asked == ["search for imessage"]
    tick(tmp_path, file, 16 * HOUR + 12)
    assert asked == ["search for imessage"], "nothing new was learnt"
    with open_store(tmp_path / "live.db") as store:
        key = SeriesKey("imessage", "archive")
        assert len(store.reports(service="imessage")) == store.series(key).raw.sum() + 1, "read, and not counted"


def test_live_sources_want_a_secret(tmp_path: Path) -> None:
    given = {"store": {"url": str(tmp_path / "live.db")}, "hackernews": {"enabled": True}}
    with pytest.raises(SettingsError, match=r"^store.secret: live sources need a secret"):
        run_tick(msgspec.convert(given, Settings), World(frozen(0), {}))
    assert not (tmp_path / "live.db").exists()


def test_an_official_account_is_read_where_x_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    words = "We are investigating MO123456: mail is late."

    class Search(Given):
        def fetch(self, query: str, cursor: str | None) -> Iterator[Batch]:  # noqa: ARG002
            asked.append(query)
            yield Batch((Post("p1", "x", at(5), words),), "1")

    page = Page("account", "https://x.com/SomeStatus", (catalogue()["outlook"],))
    monkeypatch.setattr("flows.live.pages_of", lambda _: (page,))
    monkeypatch.setattr("flows.live.search_of_x", lambda *_: Search([]))
    given = msgspec.to_builtins(settings(tmp_path)) | {"x": {"bearer_token": "t", "budget_usd": 1.0}}
    configured = msgspec.convert(given, Settings)
    configured = msgspec.structs.replace(configured, store=StoreSettings(str(tmp_path / "live.db"), "a secret"))
    done = read_status(configured, World(frozen(10), {}))
    assert asked == ["from:SomeStatus -is:retweet"]
    assert done.n_new[page.url] > 0
    assert done.unsupported == {}
    read_status(configured, World(frozen(12), {}))
    assert len(asked) == 1, "not more often than anything is asked of X"
    with open_store(tmp_path / "live.db", secret=configured.store.secret) as store:
        assert words in [row.body for row in store.status_at("outlook", at(10))]


def test_an_end_is_estimated_again_when_more_of_the_aftermath_is_known(tmp_path: Path) -> None:
    """The detector takes fifteen hours of it for the usual and closes; what follows shows that it went on."""
    outage = Outage(16 * HOUR, 31 * HOUR, 4.0)
    posts = stream(outage, hours=66)
    whole = write(tmp_path / "whole.jsonl", posts)
    file = tmp_path / "posts.jsonl"
    ends: list[float] = []
    for minute in range(15 * HOUR, 66 * HOUR, 50):
        write(file, [post for post in posts if post.created_at < at(minute)])
        tick(tmp_path, file, minute + 1)
        pages = [one.incident for one in recorded(tmp_path / "live.db") if one.incident.severity == "page"]
        if pages and pages[0].ended:
            ends.append((pages[0].ended.at - at(0)).total_seconds() / 60)
    assert len(set(ends)) <= 1 + 3, "it is looked at again three times"
    assert abs(ends[0] - outage.end) > 60
    assert abs(ends[-1] - outage.end) < 20
    with open_store(tmp_path / "replay.db") as store:
        source = Archive(whole, now=at(100 * HOUR))
        assert recorded(tmp_path / "live.db") == replay_posts(store, source, steps.Watched()).histories
