"""Reddit on loopback: tokens, search and listings of comments, as its documentation describes them."""

from __future__ import annotations

import json
from base64 import b64encode
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from flows.sources.reddit import RedditComments, RedditCredentials, RedditSubmissions
from tests.flows.sources.harness import NOW, Made
from tests.flows.sources.loopback import Asked, Fault, Loopback, Told

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flows.sources.base import Bounds

CLIENT_ID, CLIENT_SECRET, TOKEN = "canary-reddit-id", "canary-reddit-secret", "canary-reddit-token"
MOST_LISTED = 1000
MOST_QUERY = 512
OLD = Made(900_000, NOW - timedelta(days=400), text="iMessage is down, years ago", author="of-old")


class RedditServer:
    """Both hosts of Reddit: the one that gives out tokens, and the one that has the posts.

    A listing holds the newest thousand; ``after`` a post that is not in it comes nothing.
    """

    secrets = (CLIENT_ID, CLIENT_SECRET, TOKEN)
    faults = tuple(Fault)
    can_delete = False  # what was deleted leaves the listings
    page_size = 100
    name = "reddit"
    kind = "t3"
    source_class: type[RedditSubmissions | RedditComments] = RedditSubmissions

    def __init__(self) -> None:
        self.login = Loopback(self._give_token)
        self.server = Loopback(self._respond)
        self.things: dict[str, dict[str, Any]] = {}
        self.headers = {"x-ratelimit-used": "1", "x-ratelimit-remaining": "599.0", "x-ratelimit-reset": "600"}
        self.most_listed = MOST_LISTED
        self.token = TOKEN
        self.publish([OLD])  # there is always something older

    def source(self, bounds: Bounds) -> RedditSubmissions | RedditComments:
        credentials = RedditCredentials(CLIENT_ID, CLIENT_SECRET, "test:uproar:v0 (by /u/nobody)")
        return self.source_class(
            credentials=credentials, bounds=bounds, oauth_url=self.server.url, reddit_url=self.login.url
        )

    def publish(self, posts: Sequence[Made], **fields: Any) -> None:
        for made in posts:
            self.things[self.identity(made)[1]] = self.thing(made, **fields)

    def identity(self, made: Made) -> tuple[str, str]:
        return "reddit", f"{self.kind}_z{made.number}"

    def delete(self, made: Made) -> None:
        del self.things[self.identity(made)[1]]

    def fail(self, fault: Fault, times: int = 1_000_000, *, after: int = 0) -> None:
        self.server.fail(fault, times, after=after)

    def heal(self) -> None:
        self.server.heal()

    def close(self) -> None:
        self.server.close()
        self.login.close()

    def thing(self, made: Made, **fields: Any) -> dict[str, Any]:
        """Return a thing: kind and data."""
        name = self.identity(made)[1]
        own = {"title": made.text, "selftext": "", "over_18": False} if self.kind == "t3" else {"body": made.text}
        data = {
            "id": name[3:],
            "name": name,
            "author": made.author,
            "author_fullname": f"t2_{len(made.author)}a",
            "subreddit": "iMessage",
            "permalink": f"/r/iMessage/comments/{name[3:]}/",
            "created_utc": made.at.timestamp(),
            "score": 1,
            **own,
            **fields,
        }
        return {"kind": self.kind, "data": data}

    # --- the servers -----------------------------------------------------------------------------------------

    def _give_token(self, asked: Asked) -> Told:
        basic = "Basic " + b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        if asked.path != "/api/v1/access_token" or asked.method != "POST":
            return told({"message": "Not Found", "error": 404}, 404)
        if asked.headers.get("authorization") != basic:
            return told({"message": "Unauthorized", "error": 401}, 401)
        if parse_qs(asked.body.decode()).get("grant_type") != ["client_credentials"]:
            return told({"error": "unsupported_grant_type"})
        return told({"access_token": self.token, "token_type": "bearer", "expires_in": 86400, "scope": "*"})

    def _respond(self, asked: Asked) -> Told:
        if asked.headers.get("authorization") != f"bearer {self.token}":
            return told({"message": "Unauthorized", "error": 401}, 401)
        if asked.path == "/api/info":
            return told(self._looked_up(asked.params["id"].split(",")), headers=self.headers)
        found = self._found(asked)
        if found is None:
            return told({"message": "Not Found", "error": 404}, 404)
        return told(self._listing(asked, found[: self.most_listed]), headers=self.headers)

    def _found(self, asked: Asked) -> list[dict[str, Any]] | None:
        """Return what the listing holds, newest first; None where there is no such listing."""
        query = asked.params.get("q", "")
        if asked.path != "/r/all/search" or asked.params.get("sort") != "new" or not 0 < len(query) <= MOST_QUERY:
            return None
        words = {word.strip('"').lower() for word in query.strip("()").split(" OR ")}
        return [thing for thing in self.newest() if any(word in thing["data"]["title"].lower() for word in words)]

    def _looked_up(self, names: list[str]) -> dict[str, object]:
        children = [self.things[name] for name in names[:100] if name in self.things]
        return {"kind": "Listing", "data": {"after": None, "before": None, "children": children}}

    def newest(self) -> list[dict[str, Any]]:
        return sorted(self.things.values(), key=lambda thing: -float(thing["data"]["created_utc"]))

    def _listing(self, asked: Asked, found: list[dict[str, Any]]) -> dict[str, object]:
        names = [thing["data"]["name"] for thing in found]
        after = asked.params.get("after")
        start = 0 if after is None else (names.index(after) + 1 if after in names else len(names))
        limit = min(int(asked.params.get("limit", 25)), 100)
        page = found[start : start + limit]
        last = page[-1]["data"]["name"] if page and start + limit < len(found) else None
        data = {"after": last, "before": None, "dist": len(page), "modhash": "", "geo_filter": "", "children": page}
        return {"kind": "Listing", "data": data}


def told(body: object, status: int = 200, *, headers: dict[str, str] | None = None) -> Told:
    json_type = {"Content-Type": "application/json; charset=UTF-8"}
    return Told(json.dumps(body).encode(), status, {**json_type, **(headers or {})})


PLATFORM = RedditServer
