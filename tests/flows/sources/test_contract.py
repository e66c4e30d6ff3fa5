"""One contract, every source, every fault: nothing lost, nothing claimed that was not seen, no secret told."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING

import pytest

from detectors.errors import InputError, PermanentError, RetryableError, SourceError
from detectors.reference import catalogue
from tests.flows.sources.harness import NOW, FakeTime, Made, every_platform
from tests.flows.sources.loopback import PERMANENT, RETRY_AFTER_S, Fault

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from detectors.model import Batch
    from flows.sources.base import Bounds, Source
    from tests.flows.sources.harness import Platform

PLATFORMS = every_platform()
CASES = [(name, fault) for name, platform in PLATFORMS.items() for fault in platform.faults]
FIRST_AT = NOW - timedelta(minutes=10)
TIMEOUT_S = {Fault.TIMEOUT: 0.3}
"""Seconds until we give up, by fault; a source made with so few is not asked to read well."""

MOST_STOPS = 6


@pytest.fixture(params=PLATFORMS)
def platform(request: pytest.FixtureRequest) -> Iterator[Platform]:
    """Every platform, running."""
    made = PLATFORMS[request.param]()
    yield made
    made.close()


def bounds_for(fault: Fault, time: FakeTime, *, tries: int = 2) -> Bounds:
    """Return bounds in which a fault does not take long."""
    return time.bounds(tries=tries, timeout_s=TIMEOUT_S.get(fault, 5))


def posts(n: int, *, first: int = 0) -> list[Made]:
    """Return posts one second apart, from ten minutes before now on."""
    return [Made(first + i, FIRST_AT + timedelta(seconds=first + i)) for i in range(n)]


class Reading:
    """Reads as the pipeline does: the last cursor that came with a batch is kept."""

    def __init__(self, source: Source) -> None:
        services = [catalogue()["imessage"]]
        (self.query,) = source.queries(services)
        self.source = source
        self.cursor: str | None = None
        self.batches: list[Batch] = []

    def read(self, most: int | None = None) -> list[Batch]:
        """Take what there is, or only some batches, as if killed after them."""
        before = len(self.batches)
        for batch in islice(self.source.fetch(self.query.text, self.cursor), most):
            self.cursor = batch.cursor
            self.batches.append(batch)
        return self.batches[before:]

    @property
    def seen(self) -> Counter[tuple[str, str]]:
        """How often each post came."""
        return Counter((post.platform, post.id) for batch in self.batches for post in batch.posts)


def test_pages_are_read_to_the_end_and_vouched_for(platform: Platform) -> None:
    """Several pages, each post whole, and the time is vouched for only when all of it was read."""
    published = posts(2 * platform.page_size + 3)
    platform.publish(published)
    time = FakeTime()
    reading = Reading(platform.source(time.bounds()))
    reading.read()
    assert set(reading.seen) == {platform.identity(made) for made in published}
    by_id = {(post.platform, post.id): post for batch in reading.batches for post in batch.posts}
    for made in published:
        post = by_id[platform.identity(made)]
        assert post.created_at == made.at
        assert made.text in post.text
        assert post.author_id
        assert made.author not in post.id
    spans = [span for batch in reading.batches for span in batch.observed]
    assert spans
    assert max(span.end_at for span in spans) <= time.at
    assert all(any(s.start_at <= made.at < s.end_at for s in spans) for made in published)
    assert all(batch.gap is None for batch in reading.batches)


def test_a_second_fetch_brings_only_what_is_new(platform: Platform) -> None:
    """Nothing new costs nothing; what came since is found, and overlap is at most a rewind of seconds."""
    time = FakeTime()
    reading = Reading(platform.source(time.bounds()))
    platform.publish(posts(5))
    reading.read()
    time.at += timedelta(minutes=1)
    assert {post.id for batch in reading.read() for post in batch.posts} <= {
        platform.identity(made)[1] for made in posts(5)
    }
    late = [Made(700, NOW + timedelta(seconds=20)), Made(701, NOW + timedelta(seconds=21))]
    platform.publish(late)
    time.at += timedelta(minutes=1)
    reading.read()
    assert set(reading.seen) == {platform.identity(made) for made in [*posts(5), *late]}


def test_killed_in_the_middle_it_goes_on_without_loss(platform: Platform) -> None:
    """A consumer that stops after any batch loses nothing by going on from the cursor it has stored."""
    published = posts(3 * platform.page_size + 1)
    platform.publish(published)
    whole = Reading(platform.source(FakeTime().bounds()))
    n_batches = len(whole.read())
    for stop in range(1, n_batches + 1, 1 + n_batches // MOST_STOPS):
        reading = Reading(platform.source(FakeTime().bounds()))
        reading.read(stop)
        check_claims(reading, platform, published)
        reading.read()
        assert set(reading.seen) == set(whole.seen)


def test_when_time_is_over_nothing_is_asked_nor_lost(platform: Platform) -> None:
    """A source that is called too late begins nothing, and the next one goes on where it was."""
    published = posts(platform.page_size + 1)
    platform.publish(published)
    reading = Reading(platform.source(FakeTime().bounds(stop_at=NOW)))
    assert not reading.read()
    reading.source = platform.source(FakeTime().bounds(stop_at=NOW + timedelta(minutes=1)))
    reading.read()
    assert set(reading.seen) == {platform.identity(made) for made in published}


@pytest.mark.parametrize("cursor", ["", "7", "null", "[]", '{"file":"posts.jsonl"}', "\x00"])
def test_a_cursor_of_something_else_is_refused(platform: Platform, cursor: str) -> None:
    """Rather than read from a place that nobody meant."""
    reading = Reading(platform.source(FakeTime().bounds()))
    reading.cursor = cursor
    with pytest.raises(InputError, match="cursor"):
        reading.read()


def test_the_same_services_make_the_same_queries(platform: Platform) -> None:
    """A query's text is whose cursor it is; each service is asked for once."""
    source = platform.source(FakeTime().bounds())
    some = [catalogue()[name] for name in ("imessage", "slack", "outlook")]
    queries = source.queries(some)
    assert queries == platform.source(FakeTime().bounds()).queries(some[::-1])
    assert len({query.text for query in queries}) == len(queries)
    names = [name for query in queries for name in query.services or ()]
    assert len(names) == len(set(names))
    assert set(names) <= {service.id for service in some}
    assert source.queries(None)


@pytest.mark.parametrize(("name", "fault"), CASES)
def test_a_fault_that_stays(name: str, fault: Fault) -> None:
    """It ends in a named error without a secret; the cursor stays before what was not read; nothing is claimed."""
    platform = PLATFORMS[name]()
    try:
        published = posts(2 * platform.page_size)
        platform.publish(published)
        time = FakeTime()
        reading = Reading(platform.source(bounds_for(fault, time)))
        platform.fail(fault)
        kind = PermanentError if fault in PERMANENT else RetryableError
        with pytest.raises(kind) as caught:
            reading.read()
        check_message(caught.value, platform)
        if fault is Fault.LIMITED_UNTIL:
            assert isinstance(caught.value, RetryableError)
            assert caught.value.retry_at is not None
            assert abs(caught.value.retry_at - time.at) <= timedelta(seconds=RETRY_AFTER_S + 1)
        assert not any(batch.observed or batch.posts for batch in reading.batches)
        platform.heal()
        reading.source = platform.source(time.bounds())
        reading.read()
        assert set(reading.seen) == {platform.identity(made) for made in published}
    finally:
        platform.close()


@pytest.mark.parametrize(("name", "fault"), CASES)
def test_a_fault_between_two_pages(name: str, fault: Fault) -> None:
    """What was read before stays good, and the rest is read by the next fetch."""
    platform = PLATFORMS[name]()
    try:
        published = posts(3 * platform.page_size)
        platform.publish(published)
        reading = Reading(platform.source(bounds_for(fault, FakeTime(), tries=1)))
        platform.fail(fault, after=1)
        with pytest.raises(SourceError) as caught:
            reading.read()
        check_message(caught.value, platform)
        check_claims(reading, platform, published)
        platform.heal()
        reading.source = platform.source(FakeTime().bounds())
        reading.read()
        assert set(reading.seen) == {platform.identity(made) for made in published}
        assert max(span.end_at for batch in reading.batches for span in batch.observed) > published[-1].at
    finally:
        platform.close()


@pytest.mark.parametrize(("name", "fault"), [case for case in CASES if case[1] not in PERMANENT])
def test_a_fault_that_passes(name: str, fault: Fault) -> None:
    """One bad answer is retried, after the wait that the platform asked for, and nobody notices."""
    platform = PLATFORMS[name]()
    try:
        published = posts(platform.page_size)
        platform.publish(published)
        time = FakeTime()
        timeout_s = 1 if fault in TIMEOUT_S else 5
        reading = Reading(platform.source(time.bounds(tries=4, timeout_s=timeout_s)))
        platform.fail(fault, 1)
        reading.read()
        assert set(reading.seen) == {platform.identity(made) for made in published}
        assert time.waited_s
        if fault is Fault.LIMITED_UNTIL:
            assert time.waited_s[0] >= RETRY_AFTER_S - 1
    finally:
        platform.close()


def test_deletions_are_passed_on(platform: Platform) -> None:
    """Where a platform says that a post was taken back, so do we."""
    if not platform.can_delete:
        pytest.skip(f"{platform.name} does not say what was deleted")
    published = posts(4)
    platform.publish(published)
    time = FakeTime()
    reading = Reading(platform.source(time.bounds()))
    reading.read()
    platform.delete(published[1])
    time.at += timedelta(minutes=1)
    reading.read()
    deleted = [name for batch in reading.batches for name in batch.deleted]
    assert deleted == [platform.identity(published[1])]


def check_claims(reading: Reading, platform: Platform, published: Sequence[Made]) -> None:
    """Check that of the time vouched for, every post was seen."""
    spans = [span for batch in reading.batches for span in batch.observed]
    for made in published:
        if any(span.start_at <= made.at < span.end_at for span in spans):
            assert platform.identity(made) in reading.seen


def check_message(error: SourceError, platform: Platform) -> None:
    """Check that a message says something, and no secret; nor does what caused it."""
    told: BaseException | None = error
    assert len(str(error)) > 10
    while told is not None:
        assert not any(secret in str(told) or secret in repr(told) for secret in platform.secrets)
        told = told.__cause__
