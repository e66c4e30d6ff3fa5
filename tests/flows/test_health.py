"""What an operator is told of the sources, and what becomes an event."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from detectors.errors import PermanentError, RetryableError
from detectors.matching import Reader
from detectors.model import Estimate, Incident, SeriesKey, Transition
from flows.net import Clock
from flows.report.happenings import fault_happening, tick_markdown, transition_happening
from flows.sources.base import Query
from flows.steps import Detected, FeedBook, Ingested, Into, Watched, faults_now, plain
from flows.store import Fault, open_store
from tests.flows.streams import Given

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from detectors.model import Service
    from flows.store import Store

NOW = datetime(2026, 3, 3, 12, tzinfo=UTC)
SOURCE, QUERY = Given([], name="given", label="given:one"), Query("q", ("imessage",))


class Asked(Given):
    """A source of four queries."""

    def queries(self, services: Sequence[Service] | None) -> tuple[Query, ...]:
        del services
        return tuple(Query(name, (name,)) for name in ("a", "b", "c", "d"))


@pytest.fixture
def store() -> Iterator[Store]:
    with open_store(":memory:") as opened:
        yield opened


def book(store: Store, at: datetime = NOW) -> FeedBook:
    return FeedBook(store, Clock(lambda: at, lambda _: None))


def test_a_platform_is_left_alone_until_it_wants_to_be_asked(store: Store) -> None:
    wait_until = NOW + timedelta(minutes=15)
    book(store).note(SOURCE, QUERY, RetryableError("too many requests", retry_at=wait_until))
    before, after = book(store, NOW + timedelta(minutes=14)), book(store, wait_until)
    assert not before.may_ask(SOURCE, QUERY)
    assert before.waiting == {"given:one": wait_until}
    assert before.may_ask(SOURCE, Query("another"))
    assert after.may_ask(SOURCE, QUERY)


def test_a_long_query_is_the_same_the_next_time(store: Store) -> None:
    """Platforms take 512 characters; the store keeps the names of long queries cut."""
    long = Query("imessage OR " * 40, ("imessage",))
    book(store).note(SOURCE, long, RetryableError("too many requests", retry_at=NOW + timedelta(hours=1)))
    again = book(store, NOW + timedelta(minutes=1))
    assert again.in_turn(SOURCE, [long, Query("new")]) == [Query("new"), long]
    assert not again.may_ask(SOURCE, long)
    assert [feed.error for feed in again.feeds()] == ["too many requests"]


def test_what_there_was_no_time_for_is_as_it_was_and_comes_first_the_next_time(store: Store) -> None:
    """A platform of many queries that is out takes all the time: those that were not asked did not go well."""
    queries = Asked([]).queries(None)
    for query in queries:
        book(store).note(SOURCE, query, RetryableError("it answered 503"))
    asked: list[str] = []
    time = [NOW + timedelta(minutes=1)]
    within = FeedBook(store, Clock(lambda: time[0], lambda _: None), time[0] + timedelta(seconds=45))

    def take(query: Query) -> None:
        asked.append(query.text)
        time[0] += timedelta(seconds=30)

    source, done = Asked([], name="given", label="given:one"), Ingested()
    Into(store, Reader(), Watched(), within).ask(source, done, take)
    assert asked == ["a", "b"]
    assert done.waiting == 2
    assert [feed.failed_since is None for feed in store.feeds()] == [True, True, False, False]
    later = book(store, NOW + timedelta(minutes=2))
    assert [query.text for query in later.in_turn(source, [*queries, Query("new")])] == ["new", "c", "d", "a", "b"]


def test_a_source_that_fails_is_a_fault_until_it_does_not(store: Store) -> None:
    book(store).note(SOURCE, QUERY, PermanentError("it answered 401"))
    told = faults_now(store.feeds(), [SOURCE], Detected(), now=NOW)
    assert told == {("given", "*", "failing"): "given:one fails: it answered 401"}
    assert faults_now(store.feeds(), [Given([], name="other")], Detected(), now=NOW) == {}, "no longer configured"
    book(store).note(SOURCE, QUERY)
    assert faults_now(store.feeds(), [SOURCE], Detected(), now=NOW) == {}


def test_silence_of_many_services_is_one_of_the_source() -> None:
    every = {SeriesKey(name, "given") for name in ("a", "b", "c", "d", "e")}
    few = Detected(silent=set(sorted(every)[:2]), judged=every)
    many = Detected(silent=set(sorted(every)[:3]), judged=every)
    assert sorted(faults_now([], [SOURCE], few, now=NOW)) == [("given", "a", "silent"), ("given", "b", "silent")]
    assert list(faults_now([], [SOURCE], many, now=NOW)) == [("given", "*", "silent")]


def test_what_is_not_ours_is_told_by_its_kind_only() -> None:
    assert plain(PermanentError("it answered 401")) == "it answered 401"
    assert plain(ZeroDivisionError("token=canary")) == "an unexpected ZeroDivisionError; please report it"


def incident() -> Incident:
    estimate = Estimate(NOW, NOW - timedelta(minutes=2), NOW + timedelta(minutes=1))
    return Incident(
        id="i",
        service="imessage",
        source="given",
        severity="page",
        state="confirmed",
        onset=estimate,
        suspected_at=NOW,
        alarmed_at=NOW,
        score=3.0,
        peak=30.0,
        peak_at=NOW,
        expected_at_peak=2.0,
        n_reports=60,
        n_authors=50,
    )


def test_the_same_transition_is_the_same_event() -> None:
    step = Transition("i", 2, NOW, "suspected", "confirmed", "page", "30 voices in 5 min")
    one, again = transition_happening(step, incident()), transition_happening(step, incident())
    assert one == again
    assert one.name == "uproar.incident.confirmed"
    assert one.resource["prefect.resource.id"] == "uproar.incident.i"
    assert one.payload["incident"]["onset_at"] == "2026-03-03T12:00:00Z"
    later = Transition("i", 3, NOW, "confirmed", "resolved", "page", "an hour")
    assert transition_happening(later, incident()).id != one.id


def test_a_fault_begins_and_ends_as_two_events() -> None:
    began = Fault("given", "*", "failing", NOW, None, "given:one fails")
    ended = Fault("given", "*", "failing", NOW, NOW + timedelta(minutes=3), "given:one fails")
    assert fault_happening(began).name == "uproar.source.failing"
    assert fault_happening(ended).name == "uproar.source.recovered"
    assert fault_happening(began).id != fault_happening(ended).id


def test_what_people_wrote_does_not_act_in_a_page() -> None:
    hostile = "<script>x</script> [a](http://b) `c` ![d](e)\x1b[31m"
    fault = Fault("given", "*", "failing", NOW, None, hostile)
    text = tick_markdown([hostile], [fault], [fault])
    assert "<script>" not in text.replace("\\<", "")
    assert "](" not in text
    assert "\x1b" not in text
    assert text.count("\n- ") == 3
