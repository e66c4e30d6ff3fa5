"""Posts of an official account become incidents."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.model import Post, PostExtra
from flows.sources.statuspage import Account, account_revisions
from flows.sources.statuspage.account import MAX_POSTS, stage_of
from tests.flows.sources.statuspage.compose import PIGEONS, at, page

ACCOUNT = Account(page("account", "https://x.com/example", (PIGEONS,)))


def post(number: int, clock: str, text: str, **fields: Any) -> Post:
    return Post(id=str(number), platform="x", created_at=at(clock), text=text, **({"author_id": "9"} | fields))


POSTS = (
    post(1, "18:00", "We're investigating pigeons that do not arrive. Details under MO123456."),
    post(2, "18:30", "We've identified the cause, a net. See MO123456 for half of all users."),
    post(3, "18:40", "New perches are for sale!"),
    post(4, "19:00", "We've confirmed that MO123456 is resolved."),
)


def test_posts_with_one_number_are_one_incident() -> None:
    rows = account_revisions(ACCOUNT, POSTS[::-1], at("20:00")).revisions
    whole = {row.incident_id: row for row in rows if row.is_whole}
    assert set(whole) == {"MO123456", "3"}
    assert whole["MO123456"].update_ids == ("1", "2", "4")
    assert (whole["MO123456"].state, whole["MO123456"].resolved_at) == ("resolved", at("19:00"))
    assert [row.state for row in rows if row.incident_id == "MO123456" and not row.is_whole] == [
        "investigating",
        "identified",
        "resolved",
    ]
    assert {row.services for row in rows} == {("pigeon-post",)}
    assert {row.seen_at for row in rows} == {at("20:00")}
    assert next(row for row in rows if row.update_id == "2").scope_text == "See MO123456 for half of all users."


def test_threads_hold_posts_together() -> None:
    posts = [*POSTS, post(5, "18:10", "It is a bit better."), post(6, "18:11", "Not here."), post(7, "18:12", "Yes.")]
    threads = {"1": "1", "5": "1", "6": "6", "7": "6"}
    rows = account_revisions(Account(ACCOUNT.page, threads=threads), posts, at("20:00")).revisions
    assert {row.incident_id: row.update_ids for row in rows if row.is_whole} == {
        "MO123456": ("1", "5", "2", "4"),
        "3": ("3",),
        "6": ("6", "7"),
    }


def test_others_and_reposts_are_left_out() -> None:
    posts = [*POSTS, post(8, "18:50", "MO123456 is a hoax", author_id="666"), post(9, "18:51", "x", is_repost=True)]
    rows = account_revisions(Account(ACCOUNT.page, author_ids={"9"}), posts, at("20:00")).revisions
    assert {row.update_id for row in rows if not row.is_whole} == {"1", "2", "3", "4"}


def test_a_file_is_seen_post_by_post() -> None:
    received = PostExtra(received_at=at("18:05"), url="https://x.com/example/status/1")
    posts = [post(1, "18:00", POSTS[0].text, extra=received), *POSTS[1:]]
    rows = account_revisions(ACCOUNT, posts).revisions
    own = [row for row in rows if row.is_whole and row.incident_id == "MO123456"]
    assert [(row.seen_at, row.state) for row in own] == [
        (at("18:05"), "investigating"),
        (at("18:30"), "identified"),
        (at("19:00"), "resolved"),
    ]
    assert own[0].url == "https://x.com/example/status/1"
    assert [row.seen_at for row in rows] == sorted(row.seen_at for row in rows)
    assert len([row for row in rows if row.update_id == "1"]) == 1


def test_an_incident_of_very_many_posts_is_cut() -> None:
    posts = [post(n, "18:00", "MO123456 goes on") for n in range(MAX_POSTS + 5)]
    found = account_revisions(ACCOUNT, posts)
    assert len({row.update_id for row in found.revisions if not row.is_whole}) == MAX_POSTS
    assert found.skipped == (f"an incident of more than {MAX_POSTS} posts: the rest was not read",)


@pytest.mark.parametrize(
    ("text", "stage"),
    [
        ("The issue has been fixed.", "resolved"),
        ("Service is now fully restored for all users.", "resolved"),
        ("Everything is back to normal.", "resolved"),
        ("This is not yet resolved.", "unknown"),
        ("We'll post here until it is resolved.", "unknown"),
        ("We're working to have it fixed. We're monitoring.", "monitoring"),
        ("We isolated the cause.", "identified"),
        ("We're aware of trouble and looking into it.", "investigating"),
        ("Good morning.", "unknown"),
    ],
)
def test_stages(text: str, stage: str) -> None:
    assert stage_of(text) == stage


@given(st.lists(st.tuples(st.text(max_size=50), st.booleans()), max_size=6))
def test_any_text_is_kept_and_storable(texts: list[tuple[str, bool]]) -> None:
    posts = [post(n, "18:00", text + " MO123456" * named) for n, (text, named) in enumerate(texts)]
    for seen_at in (None, at("20:00")):
        rows = account_revisions(ACCOUNT, posts, seen_at).revisions
        assert {row.update_id for row in rows if not row.is_whole} == {one.id for one in posts}
        assert all("\x00" not in row.body and row.body.encode() is not None for row in rows)
