"""The development payloads, polled in their order, and the real history of one page's wordings."""

from __future__ import annotations

import gzip
import json
from collections import Counter, defaultdict
from datetime import UTC, datetime
from html import escape
from typing import TYPE_CHECKING, Any

import pytest

from flows.sources.statuspage import Page, parse
from flows.store import Store, open_store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from detectors.model import StatusRevision

FAMILIES = {"google_cloud": "google"}
PROVIDERS = ("statuspage", "apple", "google_cloud", "slack", "atom")
LATER = datetime(2026, 3, 4, tzinfo=UTC)


@pytest.fixture(scope="module")
def manifest(shared_data: Path) -> Any:
    """Read what the payloads should show."""
    return json.loads((shared_data / "status" / "payloads" / "manifest.json").read_bytes())


@pytest.fixture
def store() -> Iterator[Store]:
    """Open an empty store."""
    with open_store(":memory:") as opened:
        yield opened


def page_of(provider: str) -> Page:
    return Page(FAMILIES.get(provider, provider), f"https://{provider}.example.com/current")


def read(folder: Path, poll: dict[str, Any]) -> list[StatusRevision]:
    """Parse one payload."""
    body = (folder / poll["file"]).read_bytes()
    name = poll["endpoint"].rpartition("/")[2]
    found = parse(page_of(poll["provider"]), {name: body}, datetime.fromisoformat(poll["polled_at"]))
    assert found.skipped == ()
    return list(found.revisions)


@pytest.mark.real
def test_every_payload_shows_what_the_manifest_says(shared_data: Path, manifest: Any) -> None:
    folder = shared_data / "status" / "payloads"
    assert len(manifest["polls"]) == 15
    for poll in manifest["polls"]:
        rows = read(folder, poll)
        own = [row for row in rows if row.is_whole]
        assert {row.incident_id for row in own if row.is_open} == {str(one) for one in poll["open"]}
        assert {row.incident_id for row in own if row.state == "resolved"} == {str(one) for one in poll["resolved"]}
        if poll["contains"]:
            assert any(poll["contains"] in row.scope_text.lower() for row in rows), poll["file"]
        true = {str(manifest["ids"][poll["provider"]][name]): fact for name, fact in manifest["facts"].items()}
        for row in own:
            fact = true[row.incident_id]
            if poll["provider"] != "atom":  # which does not say
                assert row.started_at == datetime.fromisoformat(fact["started_at"])
            if row.state == "resolved":
                assert row.resolved_at == datetime.fromisoformat(fact["resolved_at"])
            if row.update_ids:
                assert row.posted_at == datetime.fromisoformat(fact["first_posted_at"])


@pytest.mark.real
@pytest.mark.parametrize("provider", PROVIDERS)
def test_polled_in_their_order(shared_data: Path, manifest: Any, store: Store, provider: str) -> None:
    """Both wordings are kept with the instants at which we saw them; what vanished is not over, what is over is."""
    folder = shared_data / "status" / "payloads"
    polls = sorted((one for one in manifest["polls"] if one["provider"] == provider), key=lambda one: one["polled_at"])
    address = page_of(provider).url
    for _ in range(2):  # the second time adds nothing
        n_new = [
            store.commit_status(address, read(folder, one), "c", datetime.fromisoformat(one["polled_at"]))
            for one in polls
        ]
    assert sum(n_new) == 0
    frame = store.status_revisions(page=address)
    texts = frame["scope_text"].str.lower()
    wording = manifest["wording"]
    before = frame[texts.str.contains(wording["before"]) & (frame["incident_id"] == str(_id(manifest, provider, "A")))]
    after = frame[texts.str.contains(wording["after"]) & (frame["incident_id"] == str(_id(manifest, provider, "A")))]
    assert list(before.index) == [datetime(2026, 3, 3, 20, 35, tzinfo=UTC)]
    reworded_at = "2026-03-03T20:40:00Z" if provider == "statuspage" else "2026-03-03T21:45:00Z"
    assert list(after.index) == [datetime.fromisoformat(reworded_at)]
    assert before["update_id"].iloc[0] == after["update_id"].iloc[0]
    last = frame[frame["is_whole"]].groupby("incident_id").last()
    for name, is_open in (("A", False), ("B", True), ("C", False)):
        assert bool(last.loc[str(_id(manifest, provider, name)), "is_open"]) is is_open


def _id(manifest: Any, provider: str, name: str) -> Any:
    return manifest["ids"][provider][name]


@pytest.mark.real
def test_the_summary_alone_never_ends_an_incident(shared_data: Path, manifest: Any, store: Store) -> None:
    folder = shared_data / "status" / "payloads"
    for poll in manifest["polls"]:
        if "summary" in poll["file"]:
            polled_at = datetime.fromisoformat(poll["polled_at"])
            store.commit_status(page_of("statuspage").url, read(folder, poll), "c", polled_at)
    frame = store.status_revisions()
    assert frame[frame["is_whole"]].groupby("incident_id").last()["is_open"].tolist() == [True, True]
    assert frame["resolved_at"].isna().all()


# --- a real history of wordings --------------------------------------------------------------------------------


def entry(one: dict[str, Any]) -> str:
    """Write a snapshot as the feed that it was taken from is written."""
    html = ""
    for update in reversed(one["updates"]):
        when = datetime.fromisoformat(update["at"])
        stamp = f"{when:%b} <var data-var='date'>{when.day:2}</var>, <var data-var='time'>{when:%H:%M}</var> UTC"
        text = escape(update["message"]).replace("\n", "<br />")
        html += f"<p><small>{stamp}</small><br><strong>{escape(update['status'])}</strong> - {text}</p>"
    return (
        f"<entry><id>{one['incident_id']}</id><title>{escape(one['title'])}</title><link href='{one['url']}'/>"
        f"<published>{one['published_at']}</published><content type='html'>{escape(html)}</content></entry>"
    )


def plain(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.real
def test_every_real_rewording_is_found(shared_data: Path) -> None:
    """337 incidents in 702 snapshots: what changed from one to the next is what the history says, in kind.

    One of its rewordings is a blank before a line end, which nobody sees in HTML.
    """
    with gzip.open(shared_data / "status" / "github_revisions.jsonl.gz", "rb") as file:
        snapshots = [json.loads(line) for line in file]
    by_revision: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for one in snapshots:
        by_revision[one["revision"]].append(one)
    page = Page("atom", "https://status.example.com/history.atom")
    before: dict[str, dict[str, StatusRevision]] = {}
    found: Counter[str] = Counter()
    for number in sorted(by_revision):
        entries = "".join(map(entry, by_revision[number]))
        body = f"<feed xmlns='http://www.w3.org/2005/Atom'>{entries}</feed>".encode()
        parsed = parse(page, {"feed": body}, LATER)
        assert parsed.skipped == ()
        rows: dict[str, list[StatusRevision]] = defaultdict(list)
        for row in parsed.revisions:
            rows[row.incident_id].append(row)
        for one in by_revision[number]:
            *updates, own = rows[one["incident_id"]]
            assert [row.posted_at for row in updates] == [datetime.fromisoformat(u["at"]) for u in one["updates"]]
            assert [row.raw_state for row in updates] == [u["status"] for u in one["updates"]]
            assert [plain(row.body) for row in updates] == [plain(u["message"]) for u in one["updates"]]
            now = {row.update_id: row for row in [*updates, own]}
            changes = _changes(before.get(one["incident_id"]), now)
            found["as the history says" if changes == set(one["change"]) else "otherwise"] += 1
            found.update(changes)
            before[one["incident_id"]] = now
    tags = Counter(tag for one in snapshots for tag in one["change"])
    assert found["otherwise"] == 1
    assert {tag: found[tag] for tag in tags} == dict(tags) | {"reworded": tags["reworded"] - 1}


def _changes(old: dict[str, StatusRevision] | None, new: dict[str, StatusRevision]) -> set[str]:
    """Return what changed from one version of an incident to the next, by the hashes of its rows."""
    if old is None:
        return {"first"}
    is_reworded = any(name and name in old and old[name].sha256 != row.sha256 for name, row in new.items())
    found = {"reworded"} if is_reworded else set()
    found |= {"added"} if new.keys() - old.keys() else set()
    found |= {"removed"} if old.keys() - new.keys() else set()
    return found | ({"title"} if old[""].title != new[""].title else set())
