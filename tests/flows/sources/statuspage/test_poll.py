"""Pages on loopback: every fault named, nothing asked twice, no page held up by another."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import timedelta
from email.utils import format_datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from detectors.errors import InputError, PermanentError, RetryableError, SourceError, UproarError
from flows.sources.base import Bounds
from flows.sources.statuspage import Page, Polled, StatusPages
from tests.flows.sources.harness import FakeTime
from tests.flows.sources.loopback import PERMANENT, RETRY_AFTER_S, Asked, Fault, Loopback, Told
from tests.flows.sources.statuspage.compose import (
    FAMILIES,
    FIRST,
    OTHER,
    OVER,
    PATHS,
    PIGEONS,
    REWORDED,
    apple,
    at,
    page,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

SECRET = "canary-in-the-address"  # noqa: S105 - that is what it is for
MINUTE = timedelta(minutes=1)
# Of a page of two documents, and of one in XML; to wait for a time-out once is enough.
CASES = [
    (family, fault)
    for family in ("statuspage", "atom")
    for fault in Fault
    if (family, fault) != ("statuspage", "time-out")
]
PASSING = [case for case in CASES if case[1] not in PERMANENT]


class Site:
    """A status page on loopback, with validators as a real one has."""

    def __init__(self, family: str) -> None:
        self.family = family
        self.documents: dict[str, bytes] = {}
        self.validators: tuple[str, ...] = ("etag",)
        self.broken: set[str] = set()
        self.pages: StatusPages | None = None
        self.server = Loopback(self._respond)
        self.page = page(family, self.server.url + ("" if family == "statuspage" else f"/{SECRET}"))

    def say(self, *incidents: Any) -> None:
        """Say this from now on."""
        self.documents = FAMILIES[self.family](*incidents)

    def _respond(self, asked: Asked) -> Told:
        last = asked.path.rpartition("/")[2]
        if last in self.broken:
            return Told(b"{}", 404)
        body = self.documents.get(last, next(iter(self.documents.values())))
        etag = f'"{sha256(body).hexdigest()[:12]}"'
        modified = format_datetime(at("00:00") + timedelta(seconds=int(etag[1:5], 16)), usegmt=True)
        known = {asked.headers.get("if-none-match"), asked.headers.get("if-modified-since")}
        headers = {"ETag": etag} if "etag" in self.validators else {}
        headers |= {"Last-Modified": modified} if "modified" in self.validators else {}
        if known & set(headers.values()):
            return Told(b"", 304, headers)
        return Told(body, headers=headers)

    def close(self) -> None:
        """Stop."""
        self.server.close()
        if self.pages is not None:
            self.pages.close()

    @property
    def n_asked(self) -> int:
        """How many requests there were."""
        return len(self.server.asked)


@pytest.fixture(params=FAMILIES)
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    """Serve a page of every family."""
    made = Site(request.param)
    made.say(FIRST, OTHER)
    yield made
    made.close()


@pytest.fixture
def time() -> FakeTime:
    """Let it be the evening of the story."""
    return FakeTime(at("20:00"))


def poll(site: Site, time: FakeTime, cursor: str | None = None) -> Polled:
    """Poll a site, always by the same client."""
    if site.pages is None:
        site.pages = StatusPages([site.page], time.bounds(), max_bytes=2_000_000)
    return site.pages.poll(site.page, cursor)


def incidents(polled: Polled) -> set[str]:
    """Return what it was about."""
    return {row.incident_id for row in polled.revisions}


def check_message(error: BaseException) -> None:
    assert SECRET not in str(error)
    assert "127.0.0.1" in str(error)
    assert "(example)" in str(error)
    assert error.__cause__ is None


def test_a_page_is_read(site: Site, time: FakeTime) -> None:
    polled = poll(site, time)
    assert len(incidents(polled)) == 2
    assert polled.seen_at == time.at
    assert {row.seen_at for row in polled.revisions} == {time.at}
    assert (polled.skipped, polled.errors) == ((), ())
    assert {asked.method for asked in site.server.asked} == {"GET"}
    assert site.n_asked == len(site.documents)


@pytest.mark.parametrize("site", ["slack", "google"], indirect=True)
@pytest.mark.parametrize("validators", [("etag",), ("modified",), ("etag", "modified")])
def test_what_has_not_changed_is_not_sent(site: Site, time: FakeTime, validators: tuple[str, ...]) -> None:
    site.validators = validators
    first = poll(site, time)
    time.at += MINUTE
    second = poll(site, time, first.cursor)
    assert (second.revisions, second.seen_at) == ((), time.at)
    asked = site.server.asked[-1].headers
    assert ("if-none-match" in asked, "if-modified-since" in asked) == ("etag" in validators, "modified" in validators)


def test_a_page_without_validators_is_known_by_its_bytes(site: Site, time: FakeTime) -> None:
    site.validators = ()
    first = poll(site, time)
    time.at += MINUTE
    assert poll(site, time, first.cursor).revisions == ()
    time.at += MINUTE
    site.say(REWORDED, OTHER)
    assert len(incidents(poll(site, time, first.cursor))) == 2


def test_a_change_brings_the_whole_page(site: Site, time: FakeTime) -> None:
    """Slack's history changes as well as its current; a document that did not change is fetched again all the same."""
    site.say(OVER)
    first = poll(site, time)
    time.at += MINUTE
    site.say(OVER, OTHER)
    second = poll(site, time, first.cursor)
    assert len(incidents(second)) == 2
    time.at += MINUTE
    assert poll(site, time, second.cursor).revisions == ()


def test_an_incident_that_left_is_not_mentioned(site: Site, time: FakeTime) -> None:
    first = poll(site, time)
    time.at += MINUTE
    site.say(OTHER)
    second = poll(site, time, first.cursor)
    assert len(incidents(second)) == 1
    assert all("1" not in row.incident_id for row in second.revisions)


@pytest.mark.parametrize("site", ["apple"], indirect=True)
def test_a_page_is_asked_once_a_minute(site: Site, time: FakeTime) -> None:
    """A scheduler that is a little early is served, but not more often than once a minute in the long run."""
    polled = poll(site, time)
    n_asked = site.n_asked
    for seconds, is_due in ((0, False), (54, False), (56, True), (100, False), (114, False), (116, True), (600, True)):
        time.at = at("20:00") + timedelta(seconds=seconds)
        again = poll(site, time, polled.cursor)
        assert (again.seen_at is not None, site.n_asked > n_asked) == (is_due, is_due)
        polled, n_asked = again, site.n_asked
    times, start, cursor = [], time.at, polled.cursor
    for n in range(1, 31):
        time.at = start + timedelta(seconds=55 * n)
        again = poll(site, time, cursor)
        cursor = again.cursor
        times += [] if again.seen_at is None else [time.at]
    assert len(times) <= (times[-1] - times[0]) / MINUTE + 2


@pytest.mark.parametrize(("site", "fault"), CASES, indirect=["site"])
def test_a_fault_that_stays(site: Site, time: FakeTime, fault: Fault) -> None:
    site.server.fail(fault)
    kind = PermanentError if fault in PERMANENT else RetryableError
    bounds = time.bounds(timeout_s=0.5 if fault is Fault.TIMEOUT else 5)
    with StatusPages([], bounds, max_bytes=2_000_000) as pages, pytest.raises(kind) as caught:
        pages.poll(site.page, None)
    check_message(caught.value)
    if fault is Fault.LIMITED_UNTIL:
        assert isinstance(caught.value, RetryableError)
        assert caught.value.retry_at is not None
        assert abs(caught.value.retry_at - time.at) <= timedelta(seconds=RETRY_AFTER_S + 1)
    site.server.heal()
    assert len(incidents(poll(site, time))) == 2


@pytest.mark.parametrize(("site", "fault"), PASSING, indirect=["site"])
def test_a_fault_that_passes(site: Site, time: FakeTime, fault: Fault) -> None:
    site.server.fail(fault, 1)
    with StatusPages([], time.bounds(timeout_s=2), max_bytes=2_000_000) as pages:
        polled = pages.poll(site.page, None)
    assert len(incidents(polled)) == 2
    assert polled.errors == ()
    assert time.waited_s


@pytest.mark.parametrize("family", ["statuspage", "slack"])
def test_one_document_of_two_that_fails(family: str, time: FakeTime) -> None:
    """What the other said is kept, the failure is told, and its validators stay as they were."""
    site = Site(family)
    try:
        site.say(OTHER, OVER)
        first = poll(site, time)
        name = list(site.documents)[0 if family == "statuspage" else 1]
        site.broken = {name}
        site.say(OTHER.then(*OVER.updates[-1:]), OVER)
        time.at += MINUTE
        second = poll(site, time, first.cursor)
        assert [type(error) for error in second.errors] == [PermanentError]
        check_message(second.errors[0])
        assert len(incidents(second)) == 1
        site.broken = set()
        time.at += MINUTE
        third = poll(site, time, second.cursor)
        assert third.errors == ()
        assert len(incidents(third)) == (2 if family == "statuspage" else 0), "Slack's history had not changed"
    finally:
        site.close()


def test_a_time_on_the_page_that_comes_is_a_change(time: FakeTime) -> None:
    """Not modified, but over: Apple's expected end has come."""
    site = Site("apple")
    try:
        expected = FIRST.then(ended_at=at("20:02"))
        site.documents = apple(expected)
        first = poll(site, time)
        assert [row.state for row in first.revisions] == ["open"]
        time.at += MINUTE
        second = poll(site, time, first.cursor)
        assert second.revisions == ()
        time.at += MINUTE
        third = poll(site, time, second.cursor)
        assert [row.state for row in third.revisions] == ["resolved"]
        time.at += MINUTE
        assert poll(site, time, third.cursor).revisions == ()
    finally:
        site.close()


def test_an_unasked_304_is_an_error(time: FakeTime) -> None:
    with Loopback(lambda _: Told(b"", 304)) as server:
        told = page("apple", server.url)
        with (
            StatusPages([told], time.bounds()) as pages,
            pytest.raises(RetryableError, match="304 to a request without conditions"),
        ):
            pages.poll(told, None)


@pytest.mark.parametrize("etag", ["x" * 600, '"\u00e9"', '"a\tb"'])
def test_validators_that_cannot_be_sent_back_are_left(etag: str, time: FakeTime) -> None:
    answer = Told(apple(FIRST)["system status"], headers={"ETag": etag})
    with Loopback(lambda _: answer) as server, StatusPages([], time.bounds()) as pages:
        told = page("apple", server.url)
        first = pages.poll(told, None)
        time.at += MINUTE
        assert pages.poll(told, first.cursor).revisions == ()
        assert "if-none-match" not in server.asked[-1].headers


@pytest.mark.parametrize("site", ["google"], indirect=True)
@pytest.mark.parametrize("cursor", ["", "x", "{}", '{"version":9,"page":"p","due_at":"2026-01-01T00:00:00Z"}'])
def test_cursors_that_are_not_ours(site: Site, time: FakeTime, cursor: str) -> None:
    with pytest.raises(InputError, match="the cursor is not one of the status page") as caught:
        poll(site, time, cursor)
    check_message(caught.value)
    other = msgspec.json.decode(poll(site, time).cursor)
    with pytest.raises(InputError):
        poll(site, time, msgspec.json.encode(other | {"page": "https://other.example"}).decode())


def test_pages_that_cannot_be_read_are_refused(time: FakeTime) -> None:
    told = Page("html", "https://status.example.com", (PIGEONS,))
    with pytest.raises(PermanentError, match="is not supported"):
        StatusPages([told], time.bounds()).poll(told, None)
    assert list(StatusPages([told], time.bounds()).poll_all({})) == []


def test_one_page_that_fails_does_not_stop_the_others(time: FakeTime) -> None:
    with ExitStack() as closing:
        sites = [Site(family) for family in FAMILIES]
        for site in sites:
            closing.callback(site.close)
            site.say(FIRST)
        sites[1].server.fail(Fault.FORBIDDEN)
        bounds = Bounds(time.clock, time.bounds(tries=1).retry, timeout_s=5)
        pages = closing.enter_context(StatusPages([site.page for site in sites], bounds, workers=3))
        first: dict[str, Polled | UproarError] = {told.url: polled for told, polled in pages.poll_all({})}
        assert len(first) == len(sites)
        for number, site in enumerate(sites):
            polled = first[site.page.url]
            if number == 1:
                assert isinstance(polled, SourceError)
                check_message(polled)
            else:
                assert isinstance(polled, Polled)
                assert polled.revisions
        cursors = {url: polled.cursor for url, polled in first.items() if isinstance(polled, Polled)}
        cursors[sites[0].page.url] = "damaged"
        sites[1].server.heal()
        again = {told.url: polled for told, polled in pages.poll_all(cursors)}
        assert isinstance(again[sites[0].page.url], InputError)
        healed = again[sites[1].page.url]
        assert isinstance(healed, Polled)
        assert healed.revisions


def test_when_time_is_up_nothing_is_begun(site: Site, time: FakeTime) -> None:
    bounds = Bounds(time.clock, time.bounds().retry, stop_at=time.at)
    with StatusPages([site.page], bounds) as pages:
        ((_, polled),) = pages.poll_all({})
    assert isinstance(polled, Polled)
    assert (polled.revisions, polled.seen_at, site.n_asked) == ((), None, 0)
    assert poll(site, time, polled.cursor).revisions, "and the page is due as before"


def test_paths_are_those_of_real_pages() -> None:
    assert set(PATHS) == set(FAMILIES)
