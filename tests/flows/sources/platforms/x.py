"""X on loopback: recent search, recent counts and post lookup, composed from X's documentation of its version 2."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from detectors.errors import PermanentError
from flows.sources.x_search import XSearch
from flows.sources.x_terms import XAccount
from flows.sources.x_wire import id_at
from tests.flows.sources.harness import FakeTime
from tests.flows.sources.loopback import Asked, Fault, Loopback, Told

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flows.sources.base import Bounds, Source
    from tests.flows.sources.harness import Made

TOKEN = "canary-x-bearer-4d1f"  # noqa: S105 - a canary
MINUTE = timedelta(minutes=1)
WEEK = timedelta(days=7)
ID_PARAMS, TIME_PARAMS = {"since_id", "until_id"}, {"start_time", "end_time"}


class Book:
    """A ledger that remembers every booking, and has a limit."""

    def __init__(self, limit_usd: float = 1e9) -> None:
        self.limit_usd = limit_usd
        self.booked: list[tuple[str, float]] = []

    def charge(self, what: str, usd: float) -> None:
        assert usd > 0
        if self.spent_usd + usd > self.limit_usd + 1e-9:
            raise PermanentError(f"{what}: the month's budget is used up")
        self.booked.append((what, usd))

    def refund(self, what: str, usd: float) -> None:
        assert usd > 0
        self.booked.append((what, -usd))

    @property
    def spent_usd(self) -> float:
        return round(sum(usd for _, usd in self.booked), 6)


def post_id(made: Made) -> str:
    """Return the id that X would give."""
    return str(id_at(made.at) + made.number % 4096)


def record(made: Made, **fields: Any) -> dict[str, Any]:
    """Return a post as X sends it with the fields that we ask for."""
    return {
        "id": post_id(made),
        "text": made.text,
        "created_at": made.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "author_id": "77" + str(sum(map(ord, made.author))),
        "lang": "en",
        "edit_history_tweet_ids": [post_id(made)],
        **fields,
    }


def problem(status: int, title: str, **more: Any) -> Told:
    """Return a refusal as X words it."""
    body = {"title": title, "status": status, "type": "about:blank", "detail": title, **more}
    return Told(msgspec.json.encode(body), status, {"Content-Type": "application/problem+json"})


class X:
    """X, with a world of posts."""

    name = "x"
    secrets = (TOKEN,)
    faults: Sequence[Fault] = tuple(Fault)
    can_delete = False
    page_size = 100

    def __init__(self) -> None:
        self.clock = FakeTime().clock
        self.book = Book()
        self.world: dict[str, dict[str, Any]] = {}
        self.places: list[dict[str, Any]] = []
        self.users: dict[str, dict[str, Any]] = {}
        self.count_pages = 1
        self.server = Loopback(self._respond)

    # --- as the contract suite wants it ----------------------------------------------------------------------

    def source(self, bounds: Bounds) -> Source:
        self.clock = bounds.clock
        return XSearch(self.account(), bounds, max_pages=50)

    def account(self, token: str = TOKEN) -> XAccount:
        return XAccount(token, self.book, base_url=self.server.url, max_bytes=4_000_000)

    def publish(self, posts: Sequence[Made]) -> None:
        for made in posts:
            self.world[post_id(made)] = record(made)

    def identity(self, made: Made) -> tuple[str, str]:
        return "x", post_id(made)

    def delete(self, made: Made) -> None:
        del self.world[post_id(made)]

    def fail(self, fault: Fault, times: int = 1_000_000, *, after: int = 0) -> None:
        self.server.fail(fault, times, after=after)

    def heal(self) -> None:
        self.server.heal()

    def close(self) -> None:
        self.server.close()

    @property
    def now(self) -> datetime:
        """X's clock is right, and so is ours."""
        return self.clock.now()

    # --- as X answers ----------------------------------------------------------------------------------------

    def _respond(self, asked: Asked) -> Told:
        if asked.headers.get("authorization") != f"Bearer {TOKEN}":
            return problem(401, "Unauthorized")
        routes = {
            "/2/tweets/search/recent": self._search,
            "/2/tweets/counts/recent": self._counts,
            "/2/tweets": self._lookup,
        }
        if asked.method != "GET" or asked.path not in routes:
            return problem(404, "Not Found")
        query = asked.params.get("query", "q")
        if not 1 <= len(query) <= 512:
            return problem(400, "Invalid Request", errors=[{"message": "query length"}])
        if ID_PARAMS & asked.params.keys() and TIME_PARAMS & asked.params.keys():
            return problem(400, "Invalid Request", errors=[{"message": "Invalid use of 'since_id' with 'start_time'"}])
        return routes[asked.path](asked)

    def _search(self, asked: Asked) -> Told:
        size = int(asked.params.get("max_results", "10"))
        since, until = int(asked.params.get("since_id", "0")), int(asked.params.get("until_id", str(2**63)))
        if not 10 <= size <= 100 or since < id_at(self.now - WEEK) or until > id_at(self.now - timedelta(seconds=10)):
            return problem(400, "Invalid Request")
        found = sorted((int(one) for one in self.world if since < int(one) < until), reverse=True)
        start = int(asked.params.get("next_token", "t0").removeprefix("t"))
        page = found[start : start + size]
        fields = {"id", "text", "edit_history_tweet_ids", *asked.params.get("tweet.fields", "").split(",")}
        data = [{k: v for k, v in self.world[str(one)].items() if k in fields} for one in page]
        meta: dict[str, Any] = {"result_count": len(page)}
        if page:
            meta |= {"newest_id": str(page[0]), "oldest_id": str(page[-1])}
        if start + size < len(found):
            meta["next_token"] = f"t{start + size}"
        body: dict[str, Any] = {"data": data} if data else {}
        if includes := self._includes(asked, data):
            body["includes"] = includes
        return Told(msgspec.json.encode({**body, "meta": meta}))

    def _includes(self, asked: Asked, data: list[dict[str, Any]]) -> dict[str, Any]:
        wanted = asked.params.get("expansions", "").split(",")
        includes: dict[str, Any] = {}
        if "geo.place_id" in wanted and self.places:
            includes["places"] = self.places
        if "author_id" in wanted:
            authors = dict.fromkeys(post["author_id"] for post in data)
            includes["users"] = [self.users.get(one, {"id": one, "name": "n", "username": "u"}) for one in authors]
        return includes

    def _counts(self, asked: Asked) -> Told:
        start, end = (datetime.fromisoformat(asked.params[name]) for name in ("start_time", "end_time"))
        if start < self.now - WEEK or end > self.now - timedelta(seconds=10) or start >= end:
            return problem(400, "Invalid Request")
        if asked.params.get("granularity") != "minute":
            return problem(400, "Invalid Request")
        minutes = [start + i * MINUTE for i in range((end - start) // MINUTE)]
        per_page = -(-len(minutes) // self.count_pages)
        page = int(asked.params.get("next_token", "t0").removeprefix("t"))
        last = len(minutes) - page * per_page  # the newest page comes first
        some = minutes[max(0, last - per_page) : last]
        data = [self._bucket(at) for at in some]
        meta: dict[str, Any] = {"total_tweet_count": sum(bucket["tweet_count"] for bucket in data)}
        if page + 1 < self.count_pages:
            meta["next_token"] = f"t{page + 1}"
        return Told(msgspec.json.encode({"data": data, "meta": meta}))

    def _bucket(self, at: datetime) -> dict[str, Any]:
        n = sum(id_at(at) <= int(one) < id_at(at + MINUTE) for one in self.world)
        return {"start": _z(at), "end": _z(at + MINUTE), "tweet_count": n}

    def _lookup(self, asked: Asked) -> Told:
        ids = asked.params["ids"].split(",")
        if len(ids) > 100:
            return problem(400, "Invalid Request")
        errors = [
            {
                "resource_id": one,
                "resource_type": "tweet",
                "parameter": "ids",
                "value": one,
                "title": "Not Found Error",
                "type": "https://api.twitter.com/2/problems/resource-not-found",
            }
            for one in ids
            if one not in self.world
        ]
        body: dict[str, Any] = {"errors": errors} if errors else {}
        if data := [{"id": one, "text": self.world[one]["text"]} for one in ids if one in self.world]:
            body["data"] = data
        return Told(msgspec.json.encode(body))


def _z(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.000Z")


PLATFORM = X
