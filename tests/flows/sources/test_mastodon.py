"""Mastodon: tags and their packing, reading forward in time, anchors, statuses that are none, what has gone."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.errors import InputError, PermanentError, RetryableError
from detectors.reference import catalogue
from flows.sources.base import Source
from flows.sources.mastodon import MastodonCredentials, MastodonInstance
from tests.flows.sources.harness import NOW, FakeTime, Made
from tests.flows.sources.loopback import Fault
from tests.flows.sources.platforms.mastodon import HOST, TIMELINE, TOKEN, Mastodon

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from detectors.model import Batch, Post
    from tests.flows.sources.loopback import Asked, Told

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
ANCHOR_AND_TAG = "outage,imessage"


@pytest.fixture
def server() -> Iterator[Mastodon]:
    made = Mastodon()
    yield made
    made.close()


def fetch(server: Mastodon, time: FakeTime | None = None, cursor: str | None = None) -> list[Batch]:
    source = server.source((time or FakeTime()).bounds(tries=1))
    return list(source.fetch(ANCHOR_AND_TAG, cursor))


def made(n: int, *, every: timedelta = SECOND, first_ago: timedelta = 10 * MINUTE) -> list[Made]:
    return [Made(i, NOW - first_ago + every * i) for i in range(n)]


def ids(batches: list[Batch]) -> list[str]:
    return [post.id for batch in batches for post in batch.posts]


def only(batches: list[Batch]) -> Post:
    (post,) = [post for batch in batches for post in batch.posts]
    return post


def answer_with(server: Mastodon, change: Callable[[Asked, Any], object]) -> None:
    """Let the server's answers be changed on their way."""
    respond = server.server.respond

    def changed(asked: Asked) -> Told:
        told = respond(asked)
        body = change(asked, json.loads(told.body))
        return type(told)(json.dumps(body).encode(), told.status, told.headers)

    server.server.respond = changed


# --- what is asked -------------------------------------------------------------------------------------------


def test_each_instance_is_a_source_of_its_own_that_tells_no_token() -> None:
    credentials = MastodonCredentials(TOKEN)
    source: Source = MastodonInstance(host="https://Mastodon.Social/", bounds=FakeTime().bounds())
    other = MastodonInstance(host="hachyderm.io", bounds=FakeTime().bounds())
    assert isinstance(source, Source)
    assert (source.name, other.name) == ("mastodon.mastodon.social", "mastodon.hachyderm.io")
    assert TOKEN not in repr(credentials)


@pytest.mark.parametrize("host", ["", "http://a.example", "a.example/path", "user@a.example", "a b", "a.example?x"])
def test_what_is_no_host_is_refused(host: str) -> None:
    with pytest.raises(InputError, match="a name such as"):
        MastodonInstance(host=host, bounds=FakeTime().bounds())


def test_each_service_is_in_one_query_of_four_tags() -> None:
    source = MastodonInstance(host=HOST, bounds=FakeTime().bounds())
    queries = source.queries(None)
    assert sorted(name for query in queries for name in query.services or ()) == sorted(catalogue())
    assert all(query.text.split(",")[0] == "outage" for query in queries)
    assert max(len(query.text.split(",")) for query in queries) == 4


def test_local_posts_with_any_of_the_tags_are_asked_for_from_the_oldest_on(server: Mastodon) -> None:
    server.publish(made(1), tags=("Outage",))
    fetch(server)
    (asked,) = server.server.asked  # no probing of the instance beforehand
    assert asked.path == f"{TIMELINE}outage"
    assert ("any[]", "imessage") in asked.pairs
    assert asked.params["local"] == "true"
    assert asked.params["limit"] == "40"
    start = datetime.fromtimestamp((int(asked.params["min_id"]) >> 16) / 1000, UTC)
    assert start == NOW - 16 * MINUTE  # the lookback, and what is read again
    assert asked.headers["authorization"] == f"Bearer {TOKEN}"


def test_no_token_is_needed(server: Mastodon) -> None:
    server.needs_token = False
    server.publish(made(1))
    source = MastodonInstance(host=HOST, bounds=FakeTime().bounds(), base_url=server.server.url)
    assert ids(list(source.fetch(ANCHOR_AND_TAG, None)))
    assert "authorization" not in server.server.asked[0].headers


def test_a_token_is_never_taken_for_the_name_of_a_file(
    server: Mastodon, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path_factory.mktemp("cwd"))
    with open(TOKEN, "w", encoding="utf-8") as file:  # noqa: PTH123 - relative on purpose
        file.write("another\nhttps://elsewhere.example\n")
    server.publish(made(1))
    assert ids(fetch(server))


# --- what is told --------------------------------------------------------------------------------------------


def test_a_status_is_read_whole(server: Mastodon) -> None:
    post = Made(1, NOW - 5 * MINUTE + timedelta(milliseconds=250), text="is <iMessage> & co. down?")
    server.publish([post])
    server.statuses[server.number(post)] |= {"spoiler_text": "outage", "reblog": {"id": "5"}}
    found = only(fetch(server))
    assert found.text == "outage\nis <iMessage> & co. down?\n#iMessage"
    assert (found.platform, found.id) == ("mastodon", f"{HOST}/{server.number(post)}")
    assert (found.created_at, found.lang, found.is_repost) == (post.at, "en", True)
    assert found.author_id == f"{HOST}/1008"
    assert found.extra is not None
    assert (found.extra.instance, found.extra.account_created_at) == (HOST, datetime(2022, 11, 5, tzinfo=UTC))
    assert found.extra.url
    assert found.extra.url.startswith(f"https://{HOST}/")


def test_records_that_are_none_are_named_and_passed_over(server: Mastodon) -> None:
    posts = made(4)
    server.publish([*posts, Made(9, NOW + timedelta(hours=1))])
    numbers = [server.number(post) for post in posts]
    server.statuses[numbers[0]]["content"] = 7
    server.statuses[numbers[1]]["created_at"] = "my words"
    server.statuses[numbers[2]]["account"] = None
    (batch,) = fetch(server)
    assert ids([batch]) == [f"{HOST}/{numbers[3]}"]
    assert len(batch.skipped) == 4
    assert all(any(str(number) in message for message in batch.skipped) for number in numbers[:3])
    assert "my words" not in str(batch.skipped)
    assert batch.observed


def test_a_record_without_an_id_is_named_by_its_place(server: Mastodon) -> None:
    server.publish(made(2))
    answer_with(server, lambda _, body: [*body, 5, {"id": "../7"}])
    (batch,) = fetch(server)
    assert len(batch.posts) == 2
    assert [message.split(":")[0] for message in batch.skipped] == [f"{HOST} record 1", f"{HOST} record 2"]


def test_a_page_of_nothing_usable_is_no_silence(server: Mastodon) -> None:
    server.publish(made(10))
    answer_with(server, lambda _, body: [{"id": status["id"]} for status in body])
    with pytest.raises(RetryableError, match="nothing can be used"):
        fetch(server)


@pytest.mark.parametrize("body", [{}, {"error": "no"}, None, "posts", "", 7])
def test_something_else_than_a_list_is_no_silence(server: Mastodon, body: object) -> None:
    (batch,) = fetch(server)
    answer_with(server, lambda *_: body)
    with pytest.raises(RetryableError, match="something else"):
        fetch(server, cursor=batch.cursor)


def test_pages_that_do_not_go_on_are_not_read_for_ever(server: Mastodon) -> None:
    server.publish(made(100))
    first = json.dumps([server.statuses[number] for number in sorted(server.statuses)[:40]])
    answer_with(server, lambda *_: json.loads(first))
    reading = server.source(FakeTime().bounds()).fetch(ANCHOR_AND_TAG, None)
    next(reading)
    with pytest.raises(RetryableError, match="do not go on"):
        next(reading)


# --- time ----------------------------------------------------------------------------------------------------


def test_each_page_is_vouched_for_as_far_as_it_reaches(server: Mastodon) -> None:
    posts = made(60)
    server.publish(posts)
    first, second = fetch(server)
    assert [(span.start_at, span.end_at) for span in first.observed] == [(NOW - 15 * MINUTE, posts[39].at)]
    assert [(span.start_at, span.end_at) for span in second.observed] == [(posts[39].at, NOW - 30 * SECOND)]


def test_a_page_that_reaches_the_present_is_not_vouched_for_as_far(server: Mastodon) -> None:
    server.publish(made(40, every=SECOND / 4, first_ago=10 * SECOND))
    first, *_ = fetch(server)
    assert [span.end_at for span in first.observed] == [NOW - 30 * SECOND]


def test_what_was_stored_late_is_still_found(server: Mastodon) -> None:
    time = FakeTime()
    server.publish([Made(1, NOW - SECOND)])
    (batch,) = fetch(server, time)
    late = Made(2, NOW - 20 * SECOND)
    server.publish([late])
    time.at += MINUTE
    assert f"{HOST}/{server.number(late)}" in ids(fetch(server, time, batch.cursor))


def test_old_posts_do_not_come_again(server: Mastodon) -> None:
    time = FakeTime()
    server.publish(made(3))
    (batch,) = fetch(server, time)
    time.at += timedelta(days=3)
    (later,) = fetch(server, time, batch.cursor)
    assert not later.posts
    assert [span.start_at for span in later.observed] == [NOW - 30 * SECOND]


def test_posts_of_an_hour_that_was_slept_through_are_all_read(server: Mastodon) -> None:
    time = FakeTime()
    (batch,) = fetch(server, time)
    slept = [Made(i, NOW + 20 * SECOND * i) for i in range(180)]
    server.publish(slept)
    time.at += timedelta(hours=1)
    batches = fetch(server, time, batch.cursor)
    assert ids(batches) == [server.identity(post)[1] for post in slept]
    spans = [span for each in batches for span in each.observed]
    assert [span.start_at for span in spans[1:]] == [span.end_at for span in spans[:-1]]
    assert (spans[0].start_at, spans[-1].end_at) == (NOW - 30 * SECOND, time.at - 30 * SECOND)


def test_it_stops_when_time_is_over_and_goes_on_there(server: Mastodon) -> None:
    server.publish(made(100))
    time = FakeTime()
    source = server.source(time.bounds(stop_at=NOW + MINUTE))
    batches = []
    for batch in source.fetch(ANCHOR_AND_TAG, None):
        batches.append(batch)
        time.at += MINUTE
    assert len(batches) == 1
    rest = fetch(server, cursor=batches[0].cursor)
    published = [server.identity(post)[1] for post in made(100)]
    assert ids(batches) == published[:40]
    assert ids(rest) == published  # what is younger than a minute before is read again


# --- anchors and limits --------------------------------------------------------------------------------------


def test_silence_of_an_instance_that_does_not_know_the_anchor_is_not_believed(server: Mastodon) -> None:
    server.publish(made(3))
    server.known_tags = {"imessage"}
    with pytest.raises(PermanentError, match="#outage"):
        fetch(server)


def test_silence_is_believed_where_the_anchor_is_known(server: Mastodon) -> None:
    (batch,) = fetch(server)
    assert batch.observed
    assert len(server.server.asked) == 2
    assert "local" not in server.server.asked[1].params
    fetch(server, cursor=batch.cursor)
    assert len(server.server.asked) == 3  # it is asked once


def test_an_allowance_that_is_used_up_is_kept_to(server: Mastodon) -> None:
    reset = (NOW + timedelta(minutes=4)).isoformat().replace("+00:00", ".000Z")
    server.allowance = {"X-RateLimit-Limit": "300", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset}
    server.publish(made(100))
    reading = server.source(FakeTime().bounds()).fetch(ANCHOR_AND_TAG, None)
    next(reading)
    with pytest.raises(RetryableError, match="no requests left") as caught:
        next(reading)
    assert caught.value.retry_at == NOW + timedelta(minutes=4)
    assert len(server.server.asked) == 1


@pytest.mark.parametrize("reset", ["", "soon", "99999999999999999999"])
def test_nonsense_in_a_header_does_no_harm(server: Mastodon, reset: str) -> None:
    server.allowance = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset, "Link": "<<>;rel", "Date": "once"}
    server.publish(made(50))
    assert len(ids(fetch(server))) == 50


def test_no_token_is_logged(server: Mastodon, caplog: pytest.LogCaptureFixture) -> None:
    server.publish(made(3))
    with caplog.at_level(logging.DEBUG):
        fetch(server)
        server.server.fail(Fault.UNAUTHORIZED)
        with pytest.raises(PermanentError):
            fetch(server)
    assert caplog.records
    assert TOKEN not in caplog.text


# --- what has gone -------------------------------------------------------------------------------------------


def test_what_has_gone_is_asked_for_twenty_at_a_time(server: Mastodon) -> None:
    posts = made(45)
    server.publish(posts)
    names = [server.identity(post)[1] for post in posts]
    for number in (0, 19, 20, 44):
        server.delete(posts[number])
    source = server.source(FakeTime().bounds())
    gone = source.gone([*names, "elsewhere.example/1"])
    assert gone == tuple(("mastodon", names[number]) for number in (0, 19, 20, 44))
    assert len(server.server.asked) == 3


def test_nobody_is_asked_about_nothing(server: Mastodon) -> None:
    assert server.source(FakeTime().bounds()).gone(["elsewhere.example/1"]) == ()
    assert server.source(FakeTime().bounds(stop_at=NOW)).gone([f"{HOST}/1"]) == ()
    assert not server.server.asked


@given(st.datetimes(datetime(2017, 1, 1), datetime(2100, 1, 1)))  # noqa: DTZ001 - made aware below
def test_ids_hold_the_time(at: datetime) -> None:
    from flows.sources.mastodon import _id_at, _time_of

    at = at.replace(tzinfo=UTC)
    assert abs(_time_of(_id_at(at) + 77) - at) <= timedelta(milliseconds=1)
