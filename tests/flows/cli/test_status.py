"""``uproar status``: what official pages and accounts say."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from detectors.model import Post
from detectors.reference import catalogue
from flows.settings import utc_now
from flows.sources.statuspage import Page
from tests.flows.sources.loopback import Asked, Loopback, Told

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    from tests.flows.cli.conftest import Said

BEGAN = utc_now().replace(microsecond=0) - timedelta(minutes=20)


def payload(words: str) -> bytes:
    """Return what a page of the statuspage.io family says."""
    stamp = f"{BEGAN:%Y-%m-%dT%H:%M:%SZ}"
    times = {"created_at": stamp, "updated_at": stamp}
    update = {"id": "u1", "status": "investigating", "body": words, **times}
    incident = {"id": "i1", "name": "Late pages", "status": "investigating", "impact": "minor", **times}
    whole = {**incident, "incident_updates": [update], "components": []}
    return msgspec.json.encode({"page": {"id": "p"}, "components": [], "incidents": [whole]})


def test_a_wording_that_was_changed_silently_is_kept(
    uproar: Callable[..., Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["30 percent of users are affected.", "Some users are affected."]

    def respond(_: Asked) -> Told:
        return Told(payload(words[0]))

    with Loopback(respond) as server:
        page = Page("statuspage", server.url, (catalogue()["github"],))
        monkeypatch.setattr("flows.live.pages_of", lambda _: (page,))
        first = uproar("status", "github", "--poll")
        assert first.code == 0
        assert any("30 percent" in line for line in first.out.splitlines())
        words.pop(0)
        monkeypatch.setattr("flows.sources.statuspage.poll.EVERY", timedelta(0))
        monkeypatch.setattr("flows.sources.statuspage.poll.EARLY", timedelta(minutes=2))
        second = uproar("status", "github", "--poll")
        assert not any("30 percent" in line for line in second.out.splitlines())
        assert any("Some users" in line for line in second.out.splitlines())
    bodies = [row["body"] for row in uproar("status", "github", "--history", "--json").records if row["update_id"]]
    assert bodies == ["30 percent of users are affected.", "Some users are affected."]


def test_a_page_that_fails_is_said(uproar: Callable[..., Said], monkeypatch: pytest.MonkeyPatch) -> None:
    with Loopback(lambda _: Told(b"", 404)) as server:
        page = Page("statuspage", server.url, (catalogue()["github"],))
        monkeypatch.setattr("flows.live.pages_of", lambda _: (page,))
        said = uproar("status", "github", "--poll")
    assert said.code == 1
    assert "404" in said.err
    assert said.out == "No official page has said anything. To ask them: uproar status --poll\n"


def test_an_official_account_from_a_file(uproar: Callable[..., Said]) -> None:
    texts = ["We are investigating MO123456: mail is late.", "MO123456 is resolved: mail is delivered again."]
    posts = [Post(str(n), "x", BEGAN + timedelta(minutes=5 * n), text) for n, text in enumerate(texts)]
    Path("account.jsonl").write_bytes(b"".join(msgspec.json.encode(post) + b"\n" for post in posts) + b"{oops}\n")
    said = uproar("status", "outlook", "--account", "account.jsonl", "--history", "--json")
    assert said.code == 1, "a line could not be used"
    bodies = [row["body"] for row in said.records if row["update_id"]]
    assert bodies == texts
    assert uproar("status", "outlook").out.startswith("No official page"), "it is over"


def test_whose_account_it_is_must_be_said(uproar: Callable[..., Said]) -> None:
    Path("account.jsonl").write_text("")
    said = uproar("status", "--account", "account.jsonl")
    assert said.code == 2
    assert "name the one service" in said.err
