"""``uproar watch``, ``demo`` and the beginning of ``serve``."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from flows.settings import utc_now
from tests.flows.streams import HOUR, Outage, at, stream, write

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.flows.cli.conftest import Said


@pytest.fixture
def _configured() -> None:
    write(Path("posts.jsonl"), stream(Outage(), services=("iMessage", "Outlook")))
    Path("uproar.toml").write_text('[sources]\narchive = ["posts.jsonl"]\n')


@pytest.mark.usefixtures("_configured")
def test_one_tick(uproar: Callable[..., Said]) -> None:
    said = uproar("watch", "--once")
    assert said.code == 0
    came, headline = said.out.splitlines()
    assert re.fullmatch(r"archive:posts\.jsonl: [\d,]+ posts, [\d,]+ new reports", came)
    assert headline.startswith("iMessage: trouble from ")
    assert uproar("watch", "--once").out.splitlines()[-1] == "No incident has changed."
    assert len(uproar("incidents", "--json").records) == 1


@pytest.mark.usefixtures("_configured")
def test_one_tick_as_json(uproar: Callable[..., Said]) -> None:
    record = uproar("watch", "--once", "--json").record
    assert record["failed"] == {}
    assert [incident["service"] for incident in record["incidents"]] == ["imessage"]
    assert record["sources"]["archive:posts.jsonl"]["skipped"] == 0


@pytest.mark.usefixtures("_configured")
@pytest.mark.parametrize("options", [[], ["--json"]])
def test_what_needs_a_look_is_said_on_standard_error(uproar: Callable[..., Said], options: list[str]) -> None:
    Path("uproar.toml").write_text('[sources]\narchive = ["posts.jsonl", "nowhere.jsonl"]\n')
    file = Path("posts.jsonl")
    file.write_bytes(file.read_bytes() + b"{oops}\n")
    said = uproar("watch", "--once", *options)
    assert said.code == 1
    assert "archive:nowhere.jsonl failed: " in said.err
    assert re.search(r"^skipped posts\.jsonl:\d+: not JSON$", said.err, re.MULTILINE)
    if options:
        assert list(said.record["failed"]) == ["archive:nowhere.jsonl"]


def test_until_when_it_learns_is_said(uproar: Callable[..., Said]) -> None:
    write(Path("posts.jsonl"), stream(hours=3))
    Path("uproar.toml").write_text('[sources]\narchive = ["posts.jsonl"]\n')
    said = uproar("watch", "--once")
    assert re.search(r"^Learning what is usual until 2026-03-02 1[12]:\d\d UTC: imessage$", said.out, re.MULTILINE)


def test_nothing_configured_is_a_tick_too(uproar: Callable[..., Said]) -> None:
    said = uproar("watch", "--once")
    assert (said.code, said.out) == (0, "No incident has changed.\n")


@pytest.mark.usefixtures("_configured")
@pytest.mark.parametrize(("options", "pause"), [(["--every", "7"], 7), ([], 60)])
def test_ticks_go_on_until_stopped(
    uproar: Callable[..., Said], monkeypatch: pytest.MonkeyPatch, options: list[str], pause: int
) -> None:
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr("time.sleep", sleep)
    said = uproar("watch", "--json", *options)
    assert said.code == 130
    assert slept == [pause, pause]
    assert [len(record["incidents"]) for record in said.records] == [1, 0]
    assert said.err == "uproar: stopped\n"


def test_the_clock_is_utc() -> None:
    assert utc_now().utcoffset() == timedelta(0)


def test_serving_says_what_it_does_and_hands_over(uproar: Callable[..., Said], monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[Any] = []
    monkeypatch.setattr("flows.deploy.serve", lambda *arguments, **options: called.append((arguments, options)))
    Path("my.toml").write_text("[watch]\nevery_s = 90\n")
    said = uproar("serve", "--config", "my.toml", "--json")
    assert said.code == 0
    assert said.err == "A tick every 90 s, until stopped. Prefect: a server of our own\n"
    assert said.record == {"every_s": 90, "prefect_api_url": None}
    ((arguments, options),) = called
    assert arguments[0].watch.every_s == 90
    assert arguments[1] == Path("my.toml")
    assert callable(options["sleep"])


# --- demo ----------------------------------------------------------------------------------------------------


def test_the_demo_finds_the_simulated_outage(uproar: Callable[..., Said]) -> None:
    said = uproar("demo")
    assert said.code == 0
    assert said.out.startswith("Replaying a simulated iMessage outage")
    assert re.search(r"^iMessage: trouble from 18:0\d \(", said.out, re.MULTILINE)
    for key in ("onset", "alarmed", "ended", "peak"):
        assert re.search(rf"^  {key} ", said.out, re.MULTILINE)
    assert "Simulated truth: 18:05 to 18:52 UTC, 13x the usual." in said.out
    page = Path("uproar-demo.html").read_text()
    assert "simulated" in page.lower()
    assert "<svg" in page
    assert sorted(path.name for path in Path.cwd().iterdir()) == ["uproar-demo.html"]


def test_the_demo_as_json(uproar: Callable[..., Said]) -> None:
    record = uproar("demo", "--json", "--page", "my.html").record
    assert record["simulated"] is True
    assert record["page"] == "my.html"
    low, high = record["onset_interval"]
    assert low <= "2026-03-03T18:05:00Z" <= high
    low, high = record["ended_interval"]
    assert low <= "2026-03-03T18:52:00Z" <= high
    assert Path("my.html").is_file()


def test_a_demo_that_finds_nothing_says_so(
    uproar: Callable[..., Said], monkeypatch: pytest.MonkeyPatch, posts: Path
) -> None:
    from flows.replay import replay_posts
    from flows.sources.archive import Archive
    from flows.steps import Watched

    def calm(store: Any, **_: Any) -> Any:
        return replay_posts(store, Archive(posts, now=at(30 * HOUR)), Watched({"outlook"}))

    monkeypatch.setattr("flows.replay.replay_sample", calm)
    said = uproar("demo")
    assert said.code == 1
    assert "that is a defect" in said.err
