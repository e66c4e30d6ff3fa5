"""Official pages into the store, in one step."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import pytest

from detectors.errors import InputError
from detectors.model import Batch, Post, Service
from flows.sources.base import Bounds, Query
from flows.sources.statuspage import Account, Page
from flows.steps.status import StatusPolled, keep_account, poll_status, read_account
from flows.store import Store, open_store
from tests.flows.sources.harness import FakeTime
from tests.flows.sources.loopback import Asked, Fault, Loopback, Told
from tests.flows.sources.statuspage.compose import FAMILIES, FIRST, PIGEONS, REWORDED, at, page

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.flows.sources.statuspage.compose import Told as Incident

MINUTE = timedelta(minutes=1)
SILENT = Page("html", "https://status.example.com", (PIGEONS,))


class World:
    """Two pages on loopback, a store and a clock."""

    def __init__(self, store: Store, closing: ExitStack) -> None:
        self.store = store
        self.time = FakeTime(at("18:30"))
        self.said: dict[str, bytes] = {}
        self.say(FIRST)
        self.servers = {
            family: closing.enter_context(Loopback(partial(self._respond, family))) for family in ("apple", "google")
        }
        self.pages = [page(family, server.url) for family, server in self.servers.items()]

    def say(self, *incidents: Incident) -> None:
        """Have both pages say this."""
        self.said = {family: next(iter(FAMILIES[family](*incidents).values())) for family in ("apple", "google")}

    def _respond(self, family: str, _: Asked) -> Told:
        return Told(self.said[family])

    def poll(self) -> StatusPolled:
        """Poll once, with an answer or a failure at once."""
        bounds = Bounds(self.time.clock, self.time.bounds(tries=1).retry, timeout_s=5)
        return poll_status(self.store, [*self.pages, SILENT], bounds)


@pytest.fixture
def world() -> Iterator[World]:
    """Make a world."""
    with ExitStack() as closing:
        yield World(closing.enter_context(open_store(":memory:")), closing)


def test_every_page_is_kept(world: World) -> None:
    done = world.poll()
    assert done.n_new == {world.pages[0].url: 1, world.pages[1].url: 3}
    assert done.failed == {}
    assert list(done.unsupported) == [SILENT.url]
    assert "is not supported" in done.unsupported[SILENT.url]
    assert world.poll().n_new == {}, "not due"
    world.time.at += MINUTE
    assert set(world.poll().n_new.values()) == {0}
    world.time.at += MINUTE
    world.say(REWORDED)
    assert set(world.poll().n_new.values()) == {1}
    assert world.store.status_watched(world.pages[0].url) == [(at("18:30"), at("18:32"))]
    assert world.store.feeds() == [], "pages without trouble are not written down"


def test_a_page_that_fails_is_told_and_its_recovery_too(world: World) -> None:
    first = world.pages[0]
    world.servers["apple"].fail(Fault.FORBIDDEN)
    done = world.poll()
    assert set(done.n_new) == {world.pages[1].url}
    assert "answered 403" in done.failed[first.url]
    (feed,) = world.store.feeds()
    assert (feed.source, feed.query, feed.label, feed.error) == (
        "status",
        first.url,
        first.name,
        done.failed[first.url],
    )
    world.servers["apple"].heal()
    world.time.at += MINUTE
    assert set(world.poll().n_new) == {one.url for one in world.pages}
    assert world.store.feeds()[0].failed_since is None


def test_a_page_that_asks_for_time_is_given_it(world: World) -> None:
    world.servers["apple"].fail(Fault.LIMITED_UNTIL)
    assert set(world.poll().failed) == {world.pages[0].url}
    n_asked = len(world.servers["apple"].asked)
    world.time.at += timedelta(seconds=5)
    world.poll()
    assert len(world.servers["apple"].asked) == n_asked
    world.servers["apple"].heal()
    world.time.at += MINUTE
    assert set(world.poll().n_new) == {one.url for one in world.pages}


def test_what_cannot_be_read_on_a_page_is_told(world: World) -> None:
    world.said["google"] = b'[{"begin": "2026-02-10T18:00:00Z"}]'
    assert world.poll().skipped == [f"{world.pages[1].name}: incident 1: without 'id'"]


def test_one_document_of_a_page_that_fails_is_told_and_the_other_kept(world: World) -> None:
    documents = FAMILIES["statuspage"](FIRST)

    def respond(path: str) -> Told:
        name = path.rpartition("/")[2]
        return Told(b"{}", 404) if name == "incidents.json" else Told(documents[name])

    with Loopback(lambda asked: respond(asked.path)) as server:
        world.pages = [page("statuspage", server.url)]
        done = world.poll()
    assert list(done.n_new.values()) == [3]
    assert "answered 404" in done.failed[world.pages[0].url]
    assert world.store.feeds()[0].failed_since is not None


def test_posts_of_an_account(world: World) -> None:
    account = Account(Page("account", "https://x.com/example", (PIGEONS,)))
    posts = [
        Post(id="1", platform="x", created_at=at("18:00"), text="Investigating MO123456."),
        Post(id="2", platform="x", created_at=at("19:00"), text="MO123456 is resolved."),
    ]
    assert keep_account(world.store, account, []) == 0
    assert keep_account(world.store, account, posts) == 4
    assert keep_account(world.store, account, posts) == 0
    assert len(world.store.status_at("pigeon-post", at("18:30"))) == 2
    assert world.store.status_at("pigeon-post", at("19:00")) == ()
    assert world.store.status_watched(account.page.url) == []
    assert keep_account(world.store, account, posts, at("20:00")) == 0
    assert world.store.status_watched(account.page.url) == [(at("20:00"), at("20:00"))]


class Feed:
    """A source that has these batches, one a fetch."""

    name = label = "x-search"

    def __init__(self, *batches: Batch) -> None:
        self.batches = list(batches)
        self.asked: list[tuple[str, str | None]] = []

    def queries(self, _: Sequence[Service] | None) -> tuple[Query, ...]:
        """Ask nothing by itself."""
        return ()

    def fetch(self, query: str, cursor: str | None) -> Iterator[Batch]:
        """Yield the next batch."""
        self.asked.append((query, cursor))
        yield self.batches.pop(0)


def test_an_account_is_read_as_its_posts_come(world: World) -> None:
    """An incident stays one over several reads, and what was deleted is forgotten."""

    def post(number: int, clock: str, text: str) -> Post:
        return Post(id=str(number), platform="x", created_at=at(clock), text=text, author_id="9")

    first = Batch((post(1, "18:00", "Investigating MO123456."), post(2, "18:05", "Sorry, my canary.")), "one")
    second = Batch((post(3, "19:00", "MO123456 is resolved."),), "two", deleted=(("x", "2"),))
    feed = Feed(first, second, Batch((), "three"))
    account = Account(Page("account", "https://x.com/ExampleStatus", (PIGEONS,)), author_ids={"9"})
    assert read_account(world.store, feed, account, at("18:30")) == 4
    assert {row.incident_id for row in world.store.status_at("pigeon-post", at("18:31"))} == {"MO123456", "2"}
    assert read_account(world.store, feed, account, at("19:30")) == 2
    assert {row.incident_id for row in world.store.status_at("pigeon-post", at("19:31"))} == {"2"}
    own = [row for row in world.store.status_records("pigeon-post") if row.is_whole and row.incident_id == "MO123456"]
    assert [row.update_ids for row in own] == [("1",), ("1", "3")]
    assert "canary" not in repr(world.store.status_records())
    assert read_account(world.store, feed, account, at("20:30")) == 0
    assert feed.asked == [("from:ExampleStatus -is:retweet", cursor) for cursor in (None, "one", "two")]
    with pytest.raises(InputError, match="is not an account"):
        read_account(world.store, feed, Account(SILENT), at("20:30"))
