"""X beyond the contract: counts, what is paid for, what a page holds, and what X may not be asked."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest

from detectors.errors import InputError, PermanentError, RetryableError, SourceError
from detectors.model import Service
from detectors.reference import catalogue
from flows.sources.base import CountSource, Query
from flows.sources.x_counts import XCounts
from flows.sources.x_search import XSearch
from flows.sources.x_terms import CUES, LIMIT, XAccount
from flows.sources.x_wire import id_at, time_of
from tests.flows.sources.harness import NOW, FakeTime, Made
from tests.flows.sources.loopback import PERMANENT, STATUSES, Asked, Fault, Told
from tests.flows.sources.platforms.x import TOKEN, X, post_id, record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from detectors.model import Batch
    from flows.sources.base import Counted

MINUTE = timedelta(minutes=1)


@pytest.fixture
def x() -> Iterator[X]:
    made = X()
    yield made
    made.close()


@pytest.fixture
def time(x: X) -> FakeTime:
    made = FakeTime()
    x.clock = made.clock
    return made


def counting(x: X, time: FakeTime, *, timeout_s: float = 5, **given: Any) -> XCounts:
    return XCounts(x.account(), time.bounds(timeout_s=timeout_s), **given)


def searching(x: X, time: FakeTime, **given: Any) -> XSearch:
    return XSearch(x.account(), time.bounds(), **given)


def query_of(source: XCounts | XSearch) -> Query:
    (query,) = source.queries([catalogue()["imessage"]])
    return query


def fetched(source: XSearch, cursor: str | None = None) -> list[Batch]:
    return list(source.fetch(query_of(source).text, cursor))


def counted(source: XCounts, cursor: str | None = None) -> list[Counted]:
    return list(source.fetch_counts(query_of(source), cursor))


def posts(n: int, first_at: Any = NOW - timedelta(minutes=12), step_s: float = 1.0) -> list[Made]:
    return [Made(i, first_at + timedelta(seconds=i * step_s)) for i in range(n)]


def ids_of(batches: list[Batch]) -> list[str]:
    return [post.id for batch in batches for post in batch.posts]


def answer(x: X, body: Any, status: int = 200, **headers: str) -> None:
    """Let X answer everything so."""
    x.server.respond = lambda _: Told(msgspec.json.encode(body), status, headers)


# --- counts --------------------------------------------------------------------------------------------------


def test_counts_by_the_minute(x: X, time: FakeTime) -> None:
    """As many as were posted, up to the last whole minute that is old enough, for half a cent."""
    x.publish(posts(100, step_s=7))
    (got,) = counted(counting(x, time))
    series = got.counts
    assert isinstance(counting(x, time), CountSource)
    assert (series.service, series.source, series.bin_width_s) == ("imessage", "x", 60)
    assert series.start_at == NOW - timedelta(minutes=15)
    assert series.end_at == NOW - MINUTE
    bins = [(made.at - series.start_at) // MINUTE for made in posts(100, step_s=7)]
    expected = np.bincount([place for place in bins if place < len(series)], minlength=len(series))
    np.testing.assert_array_equal(series.observed, expected)
    np.testing.assert_array_equal(series.raw, expected)
    assert series.coverage.tolist() == [1.0] * 14
    assert got.gap is None
    assert x.book.booked == [("X counts", 0.005)]


def test_ticks_cost_what_they_should(x: X, time: FakeTime) -> None:
    """A tick a minute, a request every five, $1.44 a day: each minute is counted once, none is left out."""
    time.at += timedelta(seconds=7)
    source, cursor = counting(x, time), None
    got: list[Counted] = []
    for _ in range(3 * 60):
        for one in counted(source, cursor):
            got.append(one)
            cursor = one.cursor
        time.at += timedelta(seconds=60.1 if len(got) % 2 else 59.9)
    assert len(x.server.asked) == len(got) == 36
    assert x.book.spent_usd == pytest.approx(1.44 / 8)
    assert all(a.counts.end_at == b.counts.start_at for a, b in zip(got, got[1:], strict=False))  # noqa: RUF007


def test_nothing_is_asked_before_its_time(x: X, time: FakeTime) -> None:
    """Another interval, another price."""
    source = counting(x, time, every_s=900)
    (first,) = counted(source)
    time.at += timedelta(seconds=899)
    assert counted(source, first.cursor) == []
    time.at += timedelta(seconds=1)
    (second,) = counted(source, first.cursor)
    assert second.counts.start_at == first.counts.end_at
    assert len(second.counts) == 15
    time.at -= timedelta(days=1)
    assert counted(source, second.cursor) == []  # a clock that was put back
    assert len(x.server.asked) == 2


def test_seven_days_at_first_in_pages(x: X, time: FakeTime) -> None:
    """As far back as X goes, every page paid for."""
    x.publish([Made(1, NOW - timedelta(days=6)), Made(2, NOW - timedelta(minutes=5))])
    x.count_pages = 3
    time.at += timedelta(seconds=29.5)
    (got,) = counted(counting(x, time, lookback=timedelta(days=30)))
    assert timedelta(days=7) - 5 * MINUTE < got.counts.end_at - got.counts.start_at < timedelta(days=7)
    assert not np.isnan(got.counts.observed).any()
    assert got.counts.observed.sum() == 2
    assert len(x.server.asked) == 3
    assert x.book.spent_usd == pytest.approx(0.015)


def test_what_x_has_forgotten_is_a_gap(x: X, time: FakeTime) -> None:
    """Counts older than seven days are unknown."""
    source = counting(x, time)
    (first,) = counted(source)
    time.at += timedelta(days=10)
    (second,) = counted(source, first.cursor)
    assert second.gap is not None
    assert second.gap.start_at == first.counts.end_at
    assert second.gap.end_at == second.counts.start_at
    assert second.counts.end_at == time.at - MINUTE


@pytest.mark.parametrize("fault", list(Fault))
@pytest.mark.parametrize("after", [0, 1])
def test_counts_and_every_fault(fault: Fault, after: int) -> None:
    """Named, no secret told, nothing claimed; what X refused was not paid for, and the next fetch counts it all."""
    x = X()
    try:
        time = FakeTime()
        x.clock = time.clock
        x.publish(posts(50))
        x.count_pages = 2
        source = counting(x, time, timeout_s=0.3 if fault is Fault.TIMEOUT else 5)
        x.fail(fault, after=after)
        got: list[Counted] = []
        with pytest.raises(PermanentError if fault in PERMANENT else RetryableError) as caught:
            got.extend(source.fetch_counts(query_of(source), None))
        assert TOKEN not in f"{caught.value!r} {caught.value.__cause__!r}"
        if fault is Fault.LIMITED_UNTIL:
            assert isinstance(caught.value, RetryableError)
            assert caught.value.retry_at is not None
        n_failed = 1 if fault in PERMANENT else 2
        n_paid = after + (0 if fault in STATUSES else n_failed)
        assert x.book.spent_usd == pytest.approx(0.005 * n_paid)
        assert len(got) == (n_paid > 0)
        x.heal()
        cursor = None
        if n_paid:  # what may have been paid for is not repeated at once
            (vain,) = got
            assert len(vain.counts) == 0
            cursor = vain.cursor
            assert counted(counting(x, time), cursor) == []
            time.at += timedelta(minutes=5)
        (whole,) = counted(counting(x, time), cursor)
        assert whole.counts.start_at == NOW - timedelta(minutes=15)
        assert whole.counts.observed.sum() == 50
    finally:
        x.close()


def test_a_fault_that_passes_is_not_noticed(x: X, time: FakeTime) -> None:
    """Tried again, and paid for once, because X refused at first."""
    x.publish(posts(50))
    x.fail(Fault.UNAVAILABLE, 1)
    (got,) = counted(counting(x, time))
    assert got.counts.observed.sum() == 50
    assert [usd for _, usd in x.book.booked] == [0.005, -0.005, 0.005]


def test_nobody_there_costs_nothing(x: X, time: FakeTime) -> None:
    """A connection that was never made is given back."""
    x.close()
    with pytest.raises(RetryableError, match="connection failed"):
        counted(counting(x, time))
    assert len(x.book.booked) == 4
    assert x.book.spent_usd == 0
    x.server = X().server


def test_the_budget_comes_first(x: X, time: FakeTime) -> None:
    """Nothing is sent that is not allowed."""
    x.book.limit_usd = 0.004
    with pytest.raises(PermanentError, match="budget"):
        counted(counting(x, time))
    assert x.server.asked == []


def test_minutes_that_x_leaves_out_are_unknown(x: X, time: FakeTime) -> None:
    """NaN, not zero; a count that is none, or of another width, is left out too."""
    start = NOW - timedelta(minutes=15)

    def bucket(minute: float, width: float = 1, count: object = 3) -> dict[str, Any]:
        at = start + minute * MINUTE
        return {"start": at.isoformat(), "end": (at + width * MINUTE).isoformat(), "tweet_count": count}

    some = [bucket(0), bucket(2, 60), bucket(3, count=-1), bucket(4, count="x"), bucket(5.5), bucket(-1), bucket(99), 7]
    answer(x, {"data": [*some, bucket(6)], "meta": {"total_tweet_count": 6}})
    (got,) = counted(counting(x, time))
    assert np.flatnonzero(~np.isnan(got.counts.observed)).tolist() == [0, 6]
    assert got.counts.coverage.sum() == 2


def test_no_counts_at_all(x: X, time: FakeTime) -> None:
    """Nobody posted, or X does not say: the one is zero, of the other the cursor stays."""
    answer(x, {"meta": {"total_tweet_count": 0}})
    (got,) = counted(counting(x, time))
    assert got.counts.observed.tolist() == [0.0] * 14
    answer(x, {"meta": {"total_tweet_count": 3}})
    with pytest.raises(RetryableError, match="no counts"):
        counted(counting(x, time))
    answer(x, {"errors": [{"title": "Partial"}]})
    with pytest.raises(RetryableError, match="not whole"):
        counted(counting(x, time))
    answer(x, {"meta": {"next_token": "for ever"}, "data": []})
    x.server.asked.clear()
    with pytest.raises(RetryableError, match="no counts"):
        counted(counting(x, time))
    assert len(x.server.asked) == 20


def test_when_it_is_over_nothing_is_counted(x: X, time: FakeTime) -> None:
    source = XCounts(x.account(), replace(time.bounds(), stop_at=NOW))
    assert counted(source) == []
    assert x.server.asked == []


def test_cursors_and_queries_of_others(x: X, time: FakeTime) -> None:
    """Counts and posts each refuse what the other one wrote, and ask in other words."""
    counts, search = counting(x, time), searching(x, time)
    (from_counts,) = counted(counts)
    from_search = fetched(search)[-1]
    assert query_of(counts).text != query_of(search).text
    with pytest.raises(InputError, match="X counts: the stored cursor is not one of this feed"):
        counted(counts, from_search.cursor)
    with pytest.raises(InputError, match="X search: the stored cursor is not one of this feed"):
        fetched(search, from_counts.cursor)
    for services in (None, (), ("netflix", "imessage")):
        with pytest.raises(InputError, match="exactly one service"):
            list(counts.fetch_counts(Query("down", services), None))


# --- X about X -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "service",
    [
        catalogue()["x"],
        Service("mine", "Mine", "v", "f", ("my thing", "Twitter")),
        Service("mine", "X", "v", "f", ("my thing",)),
        Service("twitter", "T", "v", "f", ("my thing",)),
    ],
)
def test_x_may_not_be_asked_about_itself(x: X, time: FakeTime, service: Service) -> None:
    """Whatever it is called."""
    for source in (counting(x, time), searching(x, time)):
        with pytest.raises(InputError, match="X may not be asked about itself"):
            source.queries([catalogue()["netflix"], service])


def test_the_whole_catalogue_but_x(x: X, time: FakeTime) -> None:
    """Where all are meant, X is left out; counts need a query each, posts share fewer than a hundred."""
    for source, n_most in ((counting(x, time), 336), (searching(x, time), 99)):
        queries = source.queries(None)
        asked = [name for query in queries for name in query.services or ()]
        assert sorted(asked) == sorted(set(catalogue()) - {"x"})
        assert all(len(query.text) <= LIMIT for query in queries)
        assert len(queries) <= n_most


def test_cue_words_are_those_of_the_lexicon() -> None:
    """What X is asked for is what matching looks for."""
    from detectors.matching.lexicon import Cue, lexicon

    cues = {cue: lexicon().get(cue) for cue in CUES.plain + CUES.strict}
    assert [cue for cue, phrase in cues.items() if phrase is None or phrase.cue not in {Cue.STRONG, Cue.WEAK}] == []
    assert all(lexicon()[cue].cue is Cue.STRONG for cue in CUES.strict)


# --- search --------------------------------------------------------------------------------------------------


def test_what_a_post_becomes(x: X, time: FakeTime) -> None:
    """Every field that X gives, in our words; authors' fields only where they were bought."""
    made = Made(5, NOW - timedelta(minutes=5), "fish &amp; chips &lt;down&gt;")
    full = record(
        made,
        lang="und",
        geo={"place_id": "p1", "coordinates": {"type": "Point", "coordinates": [-0.1, 51.5]}},
        referenced_tweets=[{"type": "retweeted", "id": "1"}],
    )
    x.world[post_id(made)] = full
    x.places = [
        {"id": "p1", "country_code": "GB", "full_name": "London, England", "name": "London", "place_type": "city"}
    ]
    x.users = {
        full["author_id"]: {"id": full["author_id"], "location": "Leeds", "created_at": "2020-01-01T00:00:00.000Z"}
    }
    ((post,),) = [batch.posts for batch in fetched(searching(x, time))]
    assert post.text == "fish & chips <down>"
    assert (post.platform, post.lang, post.author_id, post.is_repost) == ("x", None, full["author_id"], True)
    assert post.geo is not None
    assert (post.geo.country, post.geo.city, post.geo.state, post.geo.lat, post.geo.lon) == (
        "GB",
        "London",
        None,
        51.5,
        -0.1,
    )
    assert post.user_location is None
    assert post.extra is None
    assert x.book.spent_usd == pytest.approx(0.005)
    ((post,),) = [batch.posts for batch in fetched(searching(x, time, with_users=True))]
    assert post.user_location == "Leeds"
    assert post.extra is not None
    assert post.extra.account_created_at is not None
    assert post.extra.account_created_at.year == 2020
    assert x.book.spent_usd == pytest.approx(0.005 + 0.005 + 0.010)
    assert x.book.booked[-4:-2] == [("X posts", 0.5), ("X users", 1.0)]


@pytest.mark.parametrize(
    ("geo", "place"),
    [
        ({"place_id": "p1"}, {"id": "p1", "place_type": "admin", "name": "Bavaria", "country_code": "DE"}),
        ({"place_id": "p2"}, {"id": "p1", "name": "Bavaria"}),
        ({}, {"name": "no id"}),
    ],
)
def test_places_that_say_less(x: X, time: FakeTime, geo: dict[str, str], place: dict[str, str]) -> None:
    """A state, or nothing."""
    made = Made(5, NOW - timedelta(minutes=5))
    x.world[post_id(made)] = record(made, geo=geo)
    x.places = [place]
    ((post,),) = [batch.posts for batch in fetched(searching(x, time))]
    assert (post.geo.state if post.geo else None) == ("Bavaria" if geo.get("place_id") == place.get("id", 0) else None)


def test_records_that_are_no_posts(x: X, time: FakeTime) -> None:
    """Named by their place, never by their text; the others are read, and all were paid for."""
    good, *bad = posts(5, NOW - timedelta(minutes=5))
    words = "words of somebody"
    broken: list[dict[str, Any]] = [
        {"created_at": words},
        {"text": None},
        {"geo": {"coordinates": {"coordinates": [999, 99]}}},
    ]
    x.publish([good])
    for made, fields in zip(bad, broken, strict=False):
        x.world[post_id(made)] = record(made, **{"text": words, **fields})
    (batch,) = fetched(searching(x, time))
    assert [post.id for post in batch.posts] == [post_id(good)]
    assert len(batch.skipped) == 3
    assert not any(words in text for text in batch.skipped)
    assert x.book.spent_usd == pytest.approx(4 * 0.005)


def test_a_page_is_bought_once(x: X, time: FakeTime) -> None:
    """Stopped in the middle of a stretch, the next fetch goes on with the next page, and then with what is new."""
    made = posts(350, step_s=0.5)
    x.publish(made)
    respond = x.server.respond

    def slowly(asked: Asked) -> Told:
        time.at += timedelta(seconds=10)
        return respond(asked)

    x.server.respond = slowly
    source = XSearch(x.account(), replace(time.bounds(), stop_at=NOW + timedelta(seconds=15)))
    first = fetched(source)
    assert len(ids_of(first)) == 200
    assert not any(batch.observed for batch in first)
    assert fetched(source, first[-1].cursor) == []
    late = Made(900, NOW - timedelta(seconds=10))
    x.publish([late])
    time.at += timedelta(minutes=1)
    second = fetched(searching(x, time), first[-1].cursor)
    assert sorted(ids_of(first + second)) == sorted(post_id(one) for one in [*made, late])
    spans = [span for batch in second for span in batch.observed]
    assert len(spans) == 2
    assert spans[0].start_at == NOW - timedelta(minutes=15)
    assert spans[0].end_at == spans[1].start_at == NOW - timedelta(seconds=30)
    assert x.book.spent_usd == pytest.approx(351 * 0.005)


def test_pages_beyond_the_cap_are_a_gap(x: X, time: FakeTime) -> None:
    """The newest posts are read, the time of the others is unknown, and the next fetch begins after them all."""
    made = posts(350)
    x.publish(made)
    source = searching(x, time, max_pages=2)
    batches = fetched(source)
    assert sorted(ids_of(batches)) == [post_id(one) for one in made[150:]]
    (gap,) = [batch.gap for batch in batches if batch.gap]
    (span,) = batches[-1].observed
    assert gap.start_at == NOW - timedelta(minutes=15)
    assert made[149].at < gap.end_at == span.start_at
    assert span.start_at <= made[150].at + timedelta(milliseconds=1)
    assert span.end_at == NOW - timedelta(seconds=30)
    time.at += timedelta(minutes=2)
    (after,) = fetched(source, batches[-1].cursor)
    assert after.posts == ()
    assert after.gap is None


def test_a_full_stretch_of_unreadable_posts(x: X, time: FakeTime) -> None:
    """Pages without a single id: nothing of it was seen."""
    answer(x, {"data": [{"id": "a"}, 7], "meta": {"result_count": 2, "next_token": "t"}})
    batches = fetched(searching(x, time, max_pages=2))
    assert batches[-1].gap is not None
    assert batches[-1].gap.end_at == NOW - timedelta(seconds=30)
    assert batches[-1].observed == ()


def test_posts_older_than_a_week_are_a_gap(x: X, time: FakeTime) -> None:
    """The gap comes first, with a cursor of its own; then X is asked for what it still has."""
    x.publish(posts(3))
    source = searching(x, time)
    cursor = fetched(source)[-1].cursor
    time.at += timedelta(days=9)
    x.publish([Made(800, time.at - timedelta(minutes=3))])
    gap, rest = fetched(source, cursor)
    assert gap.gap is not None
    assert gap.posts == ()
    assert gap.gap.start_at == NOW - timedelta(seconds=30)
    assert [span.start_at for span in rest.observed] == [gap.gap.end_at]
    assert ids_of([rest]) == [post_id(Made(800, time.at - timedelta(minutes=3)))]


def test_a_quiet_week_is_no_gap(x: X, time: FakeTime) -> None:
    """The newest post may be older than X's memory, as long as we have looked since."""
    x.publish(posts(3))
    source, cursor = searching(x, time), None
    for _ in range(10):
        batches = fetched(source, cursor)
        cursor = batches[-1].cursor
        assert all(batch.gap is None for batch in batches)
        time.at += timedelta(days=1)


def test_a_post_that_is_found_late_is_read_all_the_same(x: X, time: FakeTime) -> None:
    """The next question begins at the newest post that is known, not at the end of the last question."""
    x.publish(posts(3))
    source = searching(x, time)
    cursor = fetched(source)[-1].cursor
    late = Made(7, NOW - timedelta(minutes=2))
    x.publish([late])
    time.at += MINUTE
    assert ids_of(fetched(source, cursor)) == [post_id(late)]


def test_the_budget_stops_a_search_between_two_pages(x: X, time: FakeTime) -> None:
    """What was paid for stays good; with users, either both are booked or none."""
    x.publish(posts(250))
    x.book.limit_usd = 0.99
    source = searching(x, time)
    got: list[Batch] = []
    with pytest.raises(PermanentError, match="budget"):
        got.extend(source.fetch(query_of(source).text, None))
    assert x.book.spent_usd == pytest.approx(0.5)
    x.book.limit_usd = 1.5
    with pytest.raises(PermanentError, match="budget"):
        fetched(searching(x, time, with_users=True))
    assert x.book.spent_usd == pytest.approx(0.5)


def test_which_posts_are_gone(x: X, time: FakeTime) -> None:
    """Those that X does not show any more; the others cost what a post costs."""
    made = posts(150)
    x.publish(made)
    x.delete(made[3])
    x.delete(made[120])
    gone = searching(x, time).no_longer_shown([post_id(one) for one in made])
    assert gone == [post_id(made[3]), post_id(made[120])]
    assert x.book.spent_usd == pytest.approx(148 * 0.005)
    assert searching(x, time).no_longer_shown([]) == []


# --- the client ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "headers", "kind", "said"),
    [
        (302, {"Location": "http://127.0.0.1:9/"}, PermanentError, "302: it sends us elsewhere"),
        (304, {}, RetryableError, "its client refuses"),
        (400, {}, PermanentError, "400"),
        (402, {}, PermanentError, "402: payment is due"),
        (429, {"x-rate-limit-reset": "soon"}, RetryableError, "429"),
    ],
)
def test_answers_that_tweepy_makes_trouble_of(
    x: X, status: int, headers: dict[str, str], kind: type[SourceError], said: str
) -> None:
    """Named by us, before its client can trip over them."""
    time = FakeTime()
    x.clock = time.clock
    x.server.respond = lambda _: Told(b"[1" if status != 304 else b"", status, headers)
    with pytest.raises(kind, match=said):
        counted(counting(x, time))


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"errors": [{"message": "Invalid 'end_time'"}], "detail": "more"}, "; it says: Invalid 'end_time'"),
        ({"title": "Client Forbidden", "detail": "attach\nthe App\x1b[2J"}, "; it says: attach the App[2J"),
        ({"title": f"bad {TOKEN}"}, "; it says: bad ..."),
        ({"errors": [{"code": 88}]}, ""),
        ({"errors": "no"}, ""),
        ([], ""),
    ],
)
def test_x_may_say_why(x: X, time: FakeTime, body: Any, said: str) -> None:
    """Its own words, made harmless, tell the operator what to change."""
    answer(x, body, 403)
    with pytest.raises(PermanentError) as caught:
        counted(counting(x, time))
    assert str(caught.value) == f"X answered 403: it refuses access{said}"
    answer(x, body, 503, **{"Retry-After": "3"})
    with pytest.raises(RetryableError) as later:
        counted(counting(x, time))
    assert later.value.retry_at == time.at + timedelta(seconds=3)
    assert TOKEN not in str(later.value)


@pytest.mark.parametrize("body", [[], {"meta": 5}, {"meta": {"result_count": 0}, "data": {}}, {}, {"meta": {}}])
def test_json_of_another_form(x: X, time: FakeTime, body: Any) -> None:
    """It may pass; nothing is taken for a quiet time."""
    answer(x, body)
    with pytest.raises(RetryableError, match=r"another form|not whole"):
        fetched(searching(x, time))


def test_when_the_limit_ends(x: X, time: FakeTime) -> None:
    """X says it in seconds since 1970; nobody waits a quarter of an hour in a fetch."""
    x.server.respond = lambda _: Told(b"{}", 429, {"x-rate-limit-reset": str(int(NOW.timestamp()) + 900)})
    with pytest.raises(RetryableError) as caught:
        counted(counting(x, time))
    assert caught.value.retry_at == NOW + timedelta(seconds=900)
    assert time.waited_s == []
    assert len(x.server.asked) == 1


def test_a_wrong_token_is_refused(x: X, time: FakeTime) -> None:
    """Without telling it."""
    source = XSearch(x.account("another-canary"), time.bounds())
    with pytest.raises(PermanentError, match="401: it does not accept the credentials") as caught:
        fetched(source)
    assert "another-canary" not in repr(caught.value)
    assert x.book.spent_usd == 0


@pytest.mark.parametrize("token", ["", " ", "tok\nen", "t\u00f6ken", "token\n"])
def test_a_token_that_can_be_none(x: X, token: str) -> None:
    """Refused without being told."""
    with pytest.raises(InputError, match="bearer token") as caught:
        x.account(token)
    assert "ken" not in repr(caught.value).replace("token", "")


def test_no_secret_and_no_text_gets_into_a_log(x: X, time: FakeTime, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever level somebody sets: tweepy writes headers and whole answers at DEBUG."""
    caplog.set_level(logging.DEBUG)
    logging.getLogger("tweepy.client").setLevel(logging.INFO)  # as importing it has set it; caplog may not undo that
    x.publish(posts(3))
    fetched(searching(x, time))
    assert "127.0.0.1" in caplog.text
    assert TOKEN not in caplog.text
    assert "iMessage is down" not in caplog.text
    account = XAccount(TOKEN, x.book)
    assert TOKEN not in repr(account)


def test_ids_tell_the_time() -> None:
    """To the millisecond, both ways."""
    at = NOW + timedelta(milliseconds=123)
    assert time_of(id_at(at)) == at
    assert time_of(id_at(at) - 1) < at
    assert id_at(NOW.replace(year=2001)) == 0
