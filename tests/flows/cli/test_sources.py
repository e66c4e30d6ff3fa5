"""``uproar sources``, ``purge`` and ``backfill``, and what ``doctor`` says of live sources."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from detectors.model import SeriesKey
from flows.cli.doctor import REMEDIES
from flows.settings import utc_now
from flows.store import open_store
from tests.flows.sources.loopback import Loopback, Told
from tests.flows.streams import HOUR, Outage, at, stream, write

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.flows.cli.conftest import Said

CANARY = "canary-70411"


# --- sources -------------------------------------------------------------------------------------------------


def test_before_anything_was_asked(uproar: Callable[..., Said]) -> None:
    assert uproar("sources").code == 2
    assert "there is no store" in uproar("sources").err
    open_store("uproar.db").close()
    said = uproar("sources")
    assert (said.code, said.out) == (0, "No source has been asked yet. To ask them: uproar watch --once\n")


def test_how_each_source_is_doing(uproar: Callable[..., Said]) -> None:
    now = utc_now()
    with open_store("uproar.db") as store:
        store.note_feed("good", "q", label="good one", at=now)
        store.note_feed("bad", "q", label="bad one", at=now, error="it answered 401: no")
        store.note_feed("slow", "q", label="slow one", at=now, not_before=now + timedelta(hours=1))
        store.note_feed("mute", "q", label="mute one", at=now)
        store.set_faults(now, {("mute", "*", "silent"): "mute brings hardly anything"})
        store.ledger("x", 10.0, now=lambda: now).charge("counts", 2.5)
        store.note_feed("x", "q", label="x counts", at=now)
    Path("uproar.toml").write_text("[x]\nbudget_usd = 10\n")
    said = uproar("sources")
    assert said.code == 1
    by_name = {line.split("  ")[0]: line for line in said.out.splitlines()}
    assert " ok " in by_name["good one"]
    assert "failing" in by_name["bad one"]
    assert "it answered 401: no" in by_name["bad one"]
    assert "waiting" in by_name["slow one"]
    assert "silent" in by_name["mute one"]
    assert "$2.50 spent this month, $7.50 left" in by_name["x counts"]
    records = {record["label"]: record for record in uproar("sources", "--json").records}
    assert records["bad one"]["state"] == "failing"
    assert records["bad one"]["failed_since"].startswith(f"{now:%Y-%m-%d}")
    assert records["x counts"]["spent_usd"] == 2.5
    assert records["x counts"]["remaining_usd"] == 7.5
    assert records["good one"]["lag_s"] is None


def test_after_a_tick_it_says_how_far_it_has_read(uproar: Callable[..., Said]) -> None:
    write(Path("posts.jsonl"), stream(Outage()))
    Path("uproar.toml").write_text('[sources]\narchive = ["posts.jsonl"]\n')
    uproar("watch", "--once")
    said = uproar("sources")
    assert said.code == 0
    assert re.match(r"archive:posts\.jsonl +ok +read to 2026-03-02 1\d:\d\d UTC \(\d+ min ago\); 0 reports", said.out)


def test_what_is_asked_no_more_is_left_out(uproar: Callable[..., Said]) -> None:
    """A server that was taken out of the configuration because it is gone would fail for ever."""
    now = utc_now()
    with open_store("uproar.db") as store:
        store.note_feed("gone", "q", label="gone", at=now - timedelta(hours=25), error="nobody there")
        store.note_feed("asked", "of before", label="asked", at=now - timedelta(hours=25), error="no such service")
        store.note_feed("asked", "of now", label="asked", at=now)
        wait_until = now + timedelta(hours=1)
        store.note_feed("slow", "q", label="slow", at=now - timedelta(hours=25), not_before=wait_until)
    said = uproar("sources", "--json")
    assert {record["label"]: (record["state"], record["queries"]) for record in said.records} == {
        "asked": ("ok", 1),
        "slow": ("waiting", 1),
    }
    assert said.code == 0


def test_the_doctor_notices_that_nobody_ticks(uproar: Callable[..., Said]) -> None:
    for hours, n_notes in ((1, 0), (30, 1)):
        with open_store("uproar.db") as store:
            store.note_feed("one", "q", label="one", at=utc_now() - timedelta(hours=hours))
        lag = [one for one in uproar("doctor", "--json").records if one["check"] == "lag"]
        assert sum("no source has been asked since" in one["finding"] for one in lag) == n_notes


# --- purge ---------------------------------------------------------------------------------------------------


@pytest.fixture
def _kept(uproar: Callable[..., Said]) -> None:
    write(Path("posts.jsonl"), stream(hours=2))
    assert uproar("replay", "posts.jsonl", "--store", "uproar.db").code == 0


@pytest.mark.usefixtures("_kept")
def test_an_author_a_post_and_what_is_old_are_forgotten(uproar: Callable[..., Said]) -> None:
    dry = uproar("purge", "--author", "form:by iMessage-3", "--dry-run")
    assert dry.out == "Would be forgotten: texts, ids, places and authors of 1 report. Counts stay.\n"
    assert uproar("purge", "--author", "form:by iMessage-3", "--json").record == {
        "forgotten": 1,
        "what": "author",
        "dry_run": False,
    }
    assert uproar("purge", "--post", "form:iMessage-4", "--json").record["forgotten"] == 1
    assert uproar("purge", "--before", f"{at(HOUR):%Y-%m-%dT%H:%MZ}", "--json").record["forgotten"] > 20
    with open_store("uproar.db") as store:
        series = store.series(SeriesKey("imessage", "archive"))
        assert series.observed.sum() == len(stream(hours=2))
        assert b"by iMessage-3" not in Path("uproar.db").read_bytes()


@pytest.mark.usefixtures("_kept")
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "one of --author, --post, --before"),
        (["--author", "a:b", "--post", "a:b"], "one of --author, --post, --before"),
        (["--author", "nobody"], "--author takes PLATFORM:AUTHOR"),
        (["--post", ":7"], "--post takes PLATFORM:POST"),
        (["--before", "yesterday"], "an instant with its zone"),
        (["--before", "2026-03-01T00:00"], "an instant with its zone"),
    ],
)
def test_what_to_forget_must_be_said_plainly(uproar: Callable[..., Said], options: list[str], message: str) -> None:
    said = uproar("purge", *options)
    assert said.code == 2
    assert message in said.err


def test_a_secret_that_is_named_is_the_one_that_is_named(
    uproar: Callable[..., Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Posts kept under ``env:NAME`` can be forgotten, replayed and looked after under it."""
    monkeypatch.setenv("OF_THE_STORE", CANARY)
    write(Path("posts.jsonl"), stream(hours=2))
    Path("uproar.toml").write_text('[store]\nsecret = "env:OF_THE_STORE"\n[sources]\narchive = ["posts.jsonl"]\n')
    assert uproar("watch", "--once").code == 0
    assert uproar("purge", "--post", "form:iMessage-4", "--json").record["forgotten"] == 1
    assert uproar("replay", "posts.jsonl", "--store", "uproar.db").code in {0, 1}
    with open_store("uproar.db", secret=CANARY) as store:
        store.check_secret()
    assert [one["level"] for one in uproar("doctor", "--json").records if one["check"] == "store"] == ["ok"]
    monkeypatch.setenv("OF_THE_STORE", "another")
    (found,) = [one for one in uproar("doctor", "--json").records if one["check"] == "store"]
    assert found["level"] == "failed"
    assert "UPROAR_STORE_SECRET" in found["finding"]
    assert uproar("purge", "--post", "form:iMessage-5").code == 2
    monkeypatch.delenv("OF_THE_STORE")
    assert (
        uproar("purge", "--post", "form:iMessage-5").err
        == "uproar: store.secret: the environment has no OF_THE_STORE\n"
    )
    assert [one["level"] for one in uproar("doctor", "--json").records if one["check"] == "store"] == ["ok"]


# --- backfill ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", ["1", "2"])
def test_many_files_are_as_one(uproar: Callable[..., Said], workers: str) -> None:
    posts = stream(Outage())
    write(Path("whole.jsonl"), posts)
    names = ["a.jsonl", "b.jsonl", "c.jsonl"]
    for place, name in enumerate(names):
        write(Path(name), posts[place::3])
    whole = uproar("replay", "whole.jsonl", "--store", "one.db", "--json").record
    said = uproar("backfill", *names, "--workers", workers, "--store", "many.db", "--json")
    assert said.code == 0
    *files, incident = said.records
    assert [record["file"] for record in files] == names
    assert sum(record["reports"] for record in files) == len(posts)
    assert incident == whole
    again = uproar("backfill", *reversed(names), "--store", "many.db", "--workers", "1")
    assert again.code == 0
    assert "0 posts, 0 new reports" in again.out.splitlines()[0]


def test_files_of_one_name_in_several_folders_are_several_files(uproar: Callable[..., Said]) -> None:
    posts = stream(hours=1)
    for place, folder in enumerate(("mon", "tue")):
        Path(folder).mkdir()
        write(Path(folder, "posts.jsonl"), posts[place::2])
    given = ["mon/posts.jsonl", "tue/posts.jsonl", "./mon/posts.jsonl"]
    first = uproar("backfill", *given, "--workers", "1", "--json").records
    assert [one["file"] for one in first] == given[:2]
    assert sum(one["reports"] for one in first) == len(posts)
    assert [(one["posts"], one["error"]) for one in uproar("backfill", *given, "--json").records] == [(0, None)] * 2


def test_a_file_that_cannot_be_read_does_not_stop_the_others(uproar: Callable[..., Said]) -> None:
    write(Path("a.jsonl"), stream(hours=1))
    Path("b.jsonl").write_text("not a post\n")
    said = uproar("backfill", "a.jsonl", "b.jsonl", "nowhere.jsonl", "--workers", "1")
    assert said.code == 1
    first, second, third, _ = said.out.splitlines()
    assert re.fullmatch(r"a\.jsonl: \d+ posts, \d+ new reports", first)
    assert "none of its 1 lines is a post" in second
    assert "No such file" in third


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name at least one file"),
        (["a.jsonl", "--store", ":memory:"], "a store that lasts"),
        (["a.jsonl", "--service", "imessagge"], "imessage"),
        (["a.jsonl", "--workers", "0"], "workers"),
    ],
)
def test_a_backfill_that_cannot_be(uproar: Callable[..., Said], arguments: list[str], message: str) -> None:
    said = uproar("backfill", *arguments)
    assert said.code == 2
    assert message in said.err.lower()


# --- doctor --------------------------------------------------------------------------------------------------


def configure(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UPROAR_STORE_SECRET", CANARY)
    Path("uproar.toml").write_text(text)


def test_who_answers_and_who_does_not(uproar: Callable[..., Said], monkeypatch: pytest.MonkeyPatch) -> None:
    with Loopback(lambda _: Told(b"{}")) as server:
        text = f'[hackernews]\nenabled = true\nurl = "{server.url}"\n[bluesky]\nenabled = true\nurls = ["ws://127.0.0.1:1"]'
        configure(text, monkeypatch)
        found = uproar("doctor", "--json").records
    reach = {(one["level"], one["finding"]): one["remedy"] for one in found if one["check"] == "reach"}
    assert ("ok", "Hacker News answers") in reach
    assert reach["failed", "Bluesky (1 of 1): the connection failed (ConnectError)"].startswith("check the network")
    assert not [one for one in found if one["check"] == "clock"]


def test_a_clock_that_is_off_is_said(uproar: Callable[..., Said], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.cli.doctor.utc_now", lambda: utc_now() + timedelta(minutes=5))
    with Loopback(lambda _: Told(b"{}")) as server:
        configure(f'[hackernews]\nenabled = true\nurl = "{server.url}"\n', monkeypatch)
        (found,) = [one for one in uproar("doctor", "--json").records if one["check"] == "clock"]
    assert re.fullmatch(r"this clock is (299|300|301) s ahead of that of Hacker News", found["finding"])
    assert "timedatectl" in found["remedy"]


def test_credentials_are_looked_for_and_never_shown(
    uproar: Callable[..., Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("X_TOKEN", CANARY)
    text = """
[x]
bearer_token = "env:X_TOKEN"
[reddit]
client_id = "id"
client_secret = "env:NOWHERE"
[mastodon]
tokens = { "one.example" = "prefect:token" }
"""
    configure(text, monkeypatch)
    monkeypatch.setattr("flows.cli.doctor._reach", lambda _: iter(()))
    said = uproar("doctor", "--json")
    assert CANARY not in said.out + said.err
    found = {one["finding"]: one["level"] for one in said.records if one["check"] == "credentials"}
    assert found == {
        "x.bearer_token is set": "ok",
        "reddit.client_secret: the environment has no NOWHERE": "failed",
        "mastodon.tokens.one.example is a Prefect Secret block: read under uproar serve": "ok",
        "store.secret is set": "ok",
        "x.budget_usd is 0: X is asked for nothing": "failed",
    }


@pytest.mark.parametrize("sign", REMEDIES)
def test_what_sources_said_comes_with_a_remedy(uproar: Callable[..., Said], sign: str) -> None:
    with open_store("uproar.db") as store:
        store.note_feed("it", "q", label="it", at=utc_now(), error=f"it said {sign}, sadly")
    (found,) = [one for one in uproar("doctor", "--json").records if one["check"] == "lag"]
    assert found["level"] == "look"
    assert found["remedy"] == REMEDIES[sign]
