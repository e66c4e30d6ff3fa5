"""Reddit: cut listings, posts that vanish between two pages, records that are none, tokens, and its packing."""

from __future__ import annotations

import json
import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from detectors.errors import PermanentError, RetryableError, SourceError
from detectors.reference import catalogue
from flows.sources.base import Source
from flows.sources.reddit import MOST_SUBREDDITS, RedditComments, RedditCredentials, RedditSubmissions
from flows.sources.reddit_wire import MOST_PAGES
from tests.flows.sources.harness import NOW, FakeTime, Made
from tests.flows.sources.loopback import Fault, Told
from tests.flows.sources.platforms.reddit import CLIENT_ID, CLIENT_SECRET, TOKEN, RedditServer, told
from tests.flows.sources.platforms.reddit_comments import CommentServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from detectors.model import Batch, Post, Service
    from tests.flows.sources.loopback import Asked

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def server() -> Iterator[RedditServer]:
    made = RedditServer()
    yield made
    made.close()


@pytest.fixture
def comments() -> Iterator[CommentServer]:
    made = CommentServer()
    yield made
    made.close()


def fetch(server: RedditServer, time: FakeTime | None = None, cursor: str | None = None) -> list[Batch]:
    source = server.source((time or FakeTime()).bounds(tries=1))
    (query,) = source.queries([catalogue()["imessage"]])
    return list(source.fetch(query.text, cursor))


def made(n: int, *, every: timedelta = SECOND, until_ago: timedelta = 4 * MINUTE) -> list[Made]:
    """Return posts, the last of them four minutes ago."""
    return [Made(i, NOW - until_ago - every * (n - 1 - i)) for i in range(n)]


def ids(batches: list[Batch]) -> set[str]:
    return {post.id for batch in batches for post in batch.posts}


def only(batches: list[Batch]) -> Post:
    ((post,),) = [batch.posts for batch in batches]
    return post


def answer_with(server: RedditServer, change: Callable[[Asked, dict[str, Any]], object]) -> None:
    """Let the server's answers be changed on their way."""
    respond = server.server.respond

    def changed(asked: Asked) -> Told:
        body = json.loads(respond(asked).body)
        return told(change(asked, body) or body)

    server.server.respond = changed


# --- what is asked -------------------------------------------------------------------------------------------


def test_they_are_sources_that_tell_no_credentials(server: RedditServer) -> None:
    source: Source = server.source(FakeTime().bounds())
    assert isinstance(source, Source)
    credentials = RedditCredentials(CLIENT_ID, CLIENT_SECRET)
    assert "canary" not in repr(credentials)
    assert "canary" not in str(credentials)
    comments = RedditComments(credentials=credentials, bounds=FakeTime().bounds())
    assert {source.name, comments.name} == {"reddit", "reddit-comments"}
    assert "canary" not in repr(vars(comments))


def test_each_service_is_searched_for_by_one_query_within_the_limit() -> None:
    source = RedditSubmissions(credentials=RedditCredentials("id"), bounds=FakeTime().bounds())
    queries = source.queries(None)
    assert max(len(query.text) for query in queries) <= 512
    assert sorted(name for query in queries for name in query.services or ()) == sorted(catalogue())
    assert source.queries(list(catalogue().values())[::-1]) == queries


def test_the_comments_of_a_service_are_in_one_query_with_all_its_subreddits() -> None:
    source = RedditComments(credentials=RedditCredentials("id"), bounds=FakeTime().bounds())
    queries = source.queries(None)
    asked = [name for query in queries for name in query.services or ()]
    assert sorted(asked) == sorted(service.id for service in catalogue().values() if service.subreddits)
    for query in queries:
        subreddits = query.text.lower().split("+")
        assert len(set(subreddits)) == len(subreddits) <= MOST_SUBREDDITS
        for name in query.services or ():
            assert {subreddit.lower() for subreddit in catalogue()[name].subreddits} <= set(subreddits)
    assert source.queries(list(catalogue().values())[::-1]) == queries


def test_services_that_share_a_subreddit_are_put_together() -> None:
    source = RedditComments(credentials=RedditCredentials("id"), bounds=FakeTime().bounds())
    asked = [name for query in source.queries(None) for name in query.text.lower().split("+")]
    assert len(set(asked)) == len(asked)
    shared = {service.id for service in catalogue().values() if "applehelp" in service.subreddits}
    assert len(shared) > 1
    assert [query for query in source.queries(None) if shared <= set(query.services or ())]


def test_services_that_share_subreddits_through_others_are_put_together() -> None:
    def service(name: str, *subreddits: str) -> Service:
        return replace(catalogue()["imessage"], id=name, subreddits=subreddits)

    source = RedditComments(credentials=RedditCredentials("id"), bounds=FakeTime().bounds())
    many = tuple(f"sub{number:02}" for number in range(MOST_SUBREDDITS - 1))
    services = [service("a", "one", "Two"), service("b", "three"), service("c", "two", "three"), service("d", *many)]
    queries = source.queries([*services, service("e")])
    assert [(query.text, query.services) for query in queries] == [
        ("one+three+Two", ("a", "b", "c")),
        ("+".join(many), ("d",)),
    ]


def test_one_token_serves_many_requests_and_the_newest_come_first(server: RedditServer) -> None:
    server.publish(made(150))
    source = server.source(FakeTime().bounds())
    (query,) = source.queries([catalogue()["imessage"]])
    for _ in range(2):
        assert ids(list(source.fetch(query.text, None))) == {server.identity(post)[1] for post in made(150)}
    assert len(server.login.asked) == 1
    first, second, *_ = server.server.asked
    assert first.headers["user-agent"].startswith("test:uproar:v0 (by /u/nobody)")
    assert (first.params["raw_json"], first.params["limit"]) == ("1", "100")
    assert "after" not in first.params
    assert second.params["after"] == server.identity(made(150)[50])[1]
    assert not any("before" in asked.params for asked in server.server.asked)


def test_an_application_without_a_secret_is_an_installed_one(server: RedditServer) -> None:
    def respond(asked: Asked) -> Told:
        assert b"installed_client" in asked.body
        return told({"access_token": TOKEN, "token_type": "bearer", "expires_in": 86400, "scope": "*"})

    server.login.respond = respond
    server.publish(made(1))
    source = RedditSubmissions(
        credentials=RedditCredentials(CLIENT_ID),
        bounds=FakeTime().bounds(),
        oauth_url=server.server.url,
        reddit_url=server.login.url,
    )
    assert only(list(source.fetch("imessage", None))).id == "t3_z0"


# --- what is told --------------------------------------------------------------------------------------------


def test_a_submission_is_read_whole(server: RedditServer) -> None:
    post = Made(1, NOW - 5 * MINUTE, text="iMessage & FaceTime down?", author="jane")
    server.publish([post], selftext="since <noon>", crosspost_parent="t3_abc")
    found = only(fetch(server))
    assert found.text == "iMessage & FaceTime down?\nsince <noon>"
    assert (found.platform, found.id, found.author_id, found.is_repost) == ("reddit", "t3_z1", "t2_4a", True)
    assert found.extra is not None
    assert (found.extra.subreddit, found.extra.url) == ("iMessage", "https://www.reddit.com/r/iMessage/comments/z1/")
    assert found.extra.service is None


def test_a_comment_is_read_whole(comments: CommentServer) -> None:
    comments.publish([Made(2, NOW - 5 * MINUTE, text="down here, too")], author_fullname=None, permalink=None)
    comments.publish([Made(3, NOW - 5 * MINUTE)], subreddit="knitting")
    found = only(fetch(comments))
    assert (found.text, found.id, found.author_id) == ("down here, too", "t1_z2", "somebody")
    assert found.extra is not None
    assert found.extra.url is None
    assert [asked.path for asked in comments.server.asked] == ["/r/applehelp+iMessage+iphone/comments/"]


@pytest.mark.parametrize(
    "fields",
    [
        {"selftext": "[deleted]"},
        {"selftext": "[removed]"},
        {"author": "[deleted]", "author_fullname": None},
        {"removed_by_category": "moderator"},
    ],
)
def test_what_was_deleted_or_removed_is_no_post_but_to_be_forgotten(
    server: RedditServer, fields: dict[str, Any]
) -> None:
    server.publish(made(1), **fields)
    (batch,) = fetch(server)
    assert not batch.posts
    assert batch.deleted == (("reddit", "t3_z0"),)
    assert not batch.skipped


def test_records_that_are_none_are_named_and_passed_over(server: RedditServer) -> None:
    words = "my words"
    broken: list[object] = [
        7,
        {"kind": "more", "data": {"count": 3}},
        {"kind": "t1", "data": {"name": "t1_a", "created_utc": 1.0, "body": words}},
        {"kind": "t3", "data": {"name": "t3_b", "created_utc": "noon", "title": words}},
        {"kind": "t3", "data": {"name": f"t3_{words}", "created_utc": 1.0}},
    ]

    def add(_: Asked, body: dict[str, Any]) -> None:
        body["data"]["children"][:0] = broken

    server.publish(made(2))
    server.publish([Made(9, NOW + timedelta(hours=1))])
    answer_with(server, add)
    (batch,) = fetch(server)
    assert ids([batch]) == {"t3_z0", "t3_z1"}
    assert len(batch.skipped) == len(broken) + 1
    assert [message for message in batch.skipped if "t3_z9" in message]
    assert not [message for message in batch.skipped if words in message]
    assert batch.observed


@pytest.mark.parametrize("body", [[], {}, {"data": []}, {"data": {"children": 7}}, "listing", None])
def test_something_else_than_a_listing_is_no_silence(server: RedditServer, body: object) -> None:
    server.server.respond = lambda _: told(body)
    with pytest.raises(RetryableError, match="something else than"):
        fetch(server)


def test_a_page_of_nothing_usable_is_no_silence(server: RedditServer) -> None:
    server.publish(made(20))

    def rename(_: Asked, body: dict[str, Any]) -> None:
        for child in body["data"]["children"]:
            child["data"]["created"] = child["data"].pop("created_utc")

    answer_with(server, rename)
    with pytest.raises(RetryableError, match="nothing can be used"):
        fetch(server)


# --- time ----------------------------------------------------------------------------------------------------


def test_it_vouches_up_to_what_search_knows_and_goes_on_from_there(server: RedditServer) -> None:
    time = FakeTime()
    (first,) = fetch(server, time)
    time.at += 2 * MINUTE
    (second,) = fetch(server, time, first.cursor)
    spans = [*first.observed, *second.observed]
    assert [(span.start_at - NOW, span.end_at - NOW) for span in spans] == [
        (-15 * MINUTE, -3 * MINUTE),
        (-3 * MINUTE, -1 * MINUTE),
    ]


def test_what_search_learns_late_is_still_found(server: RedditServer) -> None:
    time = FakeTime()
    (batch,) = fetch(server, time)
    late = Made(5, NOW - 4 * MINUTE)  # before what is vouched for by now
    server.publish([late])
    time.at += MINUTE
    assert ids(fetch(server, time, batch.cursor)) == {"t3_z5"}


def test_the_loss_of_the_newest_known_post_loses_nothing(server: RedditServer) -> None:
    time = FakeTime()
    server.publish(made(3))
    *_, last = fetch(server, time)
    server.delete(made(3)[-1])
    server.publish([Made(70, NOW + SECOND)])
    time.at += MINUTE
    assert "t3_z70" in ids(fetch(server, time, last.cursor))


def test_a_listing_that_is_cut_off_leaves_a_gap(server: RedditServer) -> None:
    posts = made(1200, every=SECOND / 2)  # ten minutes of them, of which the listing holds the newest thousand
    server.publish(posts)
    batches = fetch(server)
    assert ids(batches) == {server.identity(post)[1] for post in posts[200:]}
    assert all(batch.gap is None and not batch.observed for batch in batches[:-1])
    gap, (span,) = batches[-1].gap, batches[-1].observed
    assert gap is not None
    assert gap.start_at == NOW - 15 * MINUTE
    assert gap.end_at == span.start_at
    assert posts[200].at < gap.end_at <= posts[200].at + SECOND
    assert span.end_at == NOW - 3 * MINUTE
    assert fetch(server, cursor=batches[-1].cursor)[-1].gap is None


def test_a_cut_in_what_is_read_again_is_no_gap(server: RedditServer) -> None:
    time = FakeTime()
    *_, last = fetch(server, time)  # vouches up to three minutes ago
    server.publish(made(1200, every=SECOND / 4, until_ago=2 * MINUTE))  # the newest thousand: four minutes of them
    time.at += MINUTE
    batches = fetch(server, time, last.cursor)
    assert len(ids(batches)) == 1000
    assert all(batch.gap is None for batch in batches)
    assert [span.start_at for span in batches[-1].observed] == [NOW - 3 * MINUTE]


def test_more_than_a_listing_in_the_last_minutes_vouches_for_nothing(server: RedditServer) -> None:
    server.publish(made(1200, every=SECOND / 10, until_ago=SECOND))
    *_, last = fetch(server)
    assert not last.observed
    assert last.gap is not None
    assert (last.gap.start_at, last.gap.end_at) == (NOW - 15 * MINUTE, NOW - 3 * MINUTE)


def test_a_short_listing_that_ends_is_whole(server: RedditServer) -> None:
    server.things.clear()
    server.publish(made(150))
    *_, last = fetch(server)
    assert last.gap is None
    assert [span.start_at for span in last.observed] == [NOW - 15 * MINUTE]


def test_a_post_deleted_while_pages_are_turned_loses_nothing(server: RedditServer) -> None:
    posts = made(250)
    server.publish(posts)
    source = server.source(FakeTime().bounds())
    reading = source.fetch("imessage", None)
    found = ids([next(reading)])
    server.delete(posts[150])  # the last of the first page
    server.delete(posts[151])  # and the one before it
    batches = list(reading)
    assert found | ids(batches) == {server.identity(post)[1] for post in posts}
    assert batches[-1].gap is None


def test_a_page_after_the_end_is_a_cut(server: RedditServer) -> None:
    posts = made(100)
    server.publish(posts)

    def go_on(asked: Asked, body: dict[str, Any]) -> None:
        if body["data"]["children"]:
            body["data"]["after"] = body["data"]["children"][-1]["data"]["name"]
        if "after" in asked.params:
            body["data"] |= {"children": [], "after": None}

    answer_with(server, go_on)
    *_, last = fetch(server)
    assert last.gap is not None
    assert last.gap.end_at == posts[0].at + SECOND


def test_a_listing_that_goes_in_circles_ends(server: RedditServer) -> None:
    server.publish(made(100))

    def go_round(_: Asked, body: dict[str, Any]) -> object:
        page = server.newest()[:100]
        return {"kind": "Listing", "data": {"after": page[-1]["data"]["name"], "children": page}} | {"was": len(body)}

    answer_with(server, go_round)
    batches = fetch(server)
    assert len(batches) == MOST_PAGES
    assert sum(len(batch.posts) for batch in batches) == 100
    assert batches[-1].gap is not None


def test_it_stops_when_time_is_over_and_claims_nothing(server: RedditServer) -> None:
    posts = made(250, every=timedelta(seconds=2.5))  # further back than what is read again
    server.publish(posts)
    time = FakeTime()
    source = server.source(time.bounds(stop_at=NOW + MINUTE))
    batches = []
    for batch in source.fetch("imessage", None):
        batches.append(batch)
        time.at += MINUTE
    assert len(batches) == 1
    assert not batches[0].observed
    assert ids(fetch(server, cursor=batches[0].cursor)) == {server.identity(post)[1] for post in posts}


def test_an_index_that_stands_still_is_no_silence_and_what_it_learns_later_is_found(server: RedditServer) -> None:
    time = FakeTime()
    posts = made(100, every=3 * SECOND)
    server.publish(posts)
    *_, first = fetch(server, time)
    assert [span.end_at for span in first.observed] == [NOW - 3 * MINUTE]
    time.at += timedelta(hours=2)
    *_, still = fetch(server, time, first.cursor)
    assert not still.observed
    assert still.gap is None
    late = [Made(500 + i, NOW + i * MINUTE) for i in range(119)]
    server.publish(late)
    *_, caught_up = batches = fetch(server, time, still.cursor)
    assert {server.identity(post)[1] for post in late} <= ids(batches)
    spans = [(span.start_at, span.end_at) for span in caught_up.observed]
    assert spans == [(NOW - 3 * MINUTE, time.at - 3 * MINUTE)]


@pytest.mark.parametrize(
    ("n", "every", "is_believed"),
    [(100, 20 * MINUTE, True), (19, SECOND, True), (20, SECOND, False), (50, MINUTE, False)],
)
def test_a_silence_that_chance_explains_is_believed(
    server: RedditServer, n: int, every: timedelta, *, is_believed: bool
) -> None:
    """Half an hour: not after one post a minute; well after three an hour, or where hardly any are known."""
    server.things.clear()
    server.publish(made(n, every=every, until_ago=30 * MINUTE))
    time = FakeTime()
    (batch,) = fetch(server, time)
    ends = [span.end_at for span in batch.observed]
    assert ends == ([NOW - 3 * MINUTE] if is_believed else [])


def test_no_credential_is_logged(server: RedditServer, caplog: pytest.LogCaptureFixture) -> None:
    server.publish(made(3))
    with caplog.at_level(logging.DEBUG):
        fetch(server)
        server.fail(Fault.UNAUTHORIZED)
        with pytest.raises(PermanentError):
            fetch(server)
    assert caplog.records
    assert "canary" not in caplog.text


def test_neither_a_file_nor_the_environment_has_a_say(
    server: RedditServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Praw reads both; an account of somebody else would be used, or our application told elsewhere."""
    settings = {"username": "somebody", "password": "secret", "refresh_token": "r", "client_id": "other"}
    (tmp_path / "praw.ini").write_text("\n".join(["[DEFAULT]", *(f"{k}={v}" for k, v in settings.items())]))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("praw.config.Config.CONFIG", None)  # it is read once a process
    monkeypatch.setenv("praw_site", "elsewhere")
    for key, value in settings.items():
        monkeypatch.setenv(f"praw_{key}", value)
    server.publish(made(1))
    assert only(fetch(server)).id == "t3_z0"
    assert [asked.body for asked in server.login.asked] == [b"grant_type=client_credentials"]


# --- limits and tokens ---------------------------------------------------------------------------------------


def test_an_allowance_that_is_used_up_is_waited_for_by_our_clock(server: RedditServer) -> None:
    server.publish(made(150))
    server.headers |= {"x-ratelimit-remaining": "0.0", "x-ratelimit-reset": "12"}
    time = FakeTime()
    source = server.source(time.bounds())
    reading = source.fetch("imessage", None)
    next(reading)
    assert not time.waited_s
    next(reading)
    assert 12 <= time.waited_s[0] <= 13


def test_one_that_lasts_too_long_is_left_to_the_next_tick(server: RedditServer) -> None:
    server.publish(made(150))
    server.headers |= {"x-ratelimit-remaining": "0.0", "x-ratelimit-reset": "300"}
    reading = server.source(FakeTime().bounds()).fetch("imessage", None)
    next(reading)
    with pytest.raises(RetryableError, match="no requests left") as caught:
        next(reading)
    assert caught.value.retry_at == NOW + timedelta(seconds=300)
    assert len(server.server.asked) == 1


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, {"message": "Unauthorized", "error": 401}, PermanentError),
        (200, {"error": "unsupported_grant_type"}, PermanentError),
        (503, {}, RetryableError),
        (200, {"token_type": "bearer"}, RetryableError),
        (200, ["token"], RetryableError),
    ],
)
def test_no_token(server: RedditServer, status: int, body: object, kind: type[SourceError]) -> None:
    server.login.respond = lambda _: told(body, status)
    with pytest.raises(kind) as caught:
        fetch(server)
    assert "canary" not in str(caught.value)
    assert not server.server.asked


def test_a_token_that_was_revoked_is_asked_for_anew(server: RedditServer) -> None:
    source = server.source(FakeTime().bounds())
    list(source.fetch("imessage", None))
    server.token += "-2"
    with pytest.raises(PermanentError, match="401"):
        list(source.fetch("imessage", None))
    assert list(source.fetch("imessage", None))


def test_a_broken_platform_is_asked_as_often_as_we_say(server: RedditServer) -> None:
    """The client's own retries, which sleep by the machine's clock, have no say."""
    for fault in (Fault.UNAVAILABLE, Fault.RESET):
        server.server.asked.clear()
        server.fail(fault)
        with pytest.raises(RetryableError):
            fetch(server)
        assert len(server.server.asked) == 1


# --- what has gone -------------------------------------------------------------------------------------------


def test_what_has_gone_is_asked_for_by_name(server: RedditServer) -> None:
    posts = made(130)
    server.publish(posts)
    server.delete(posts[3])
    server.things["t3_z120"]["data"] |= {"author": "[deleted]", "selftext": "[deleted]"}
    source = server.source(FakeTime().bounds())
    assert source.gone([server.identity(post)[1] for post in posts]) == (("reddit", "t3_z3"), ("reddit", "t3_z120"))
    assert len(server.server.asked) == 2
    assert server.source(FakeTime().bounds(stop_at=NOW)).gone(["t3_z3"]) == ()
