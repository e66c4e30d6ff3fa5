"""Algolia's search of Hacker News on loopback: search_by_date as https://hn.algolia.com/api describes it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from flows.sources.hackernews import HackerNews
from tests.flows.sources.loopback import Asked, Fault, Loopback, Told

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flows.sources.base import Bounds
    from tests.flows.sources.harness import Made

FILTERS = re.compile(r"created_at_i>=(\d+),created_at_i<(\d+)")


def item(made: Made) -> dict[str, Any]:
    """Return a hit: a story where the number divides by three, else a comment."""
    number = 40_000_000 + made.number
    hit: dict[str, Any] = {
        "objectID": str(number),
        "author": made.author,
        "created_at": made.at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "created_at_i": int(made.at.timestamp()),
        "updated_at": made.at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "story_id": number,
    }
    if made.number % 3 == 0:
        kind = {"title": made.text, "url": "https://status.example", "points": 1, "num_comments": 0, "children": []}
        return hit | kind | {"_tags": ["story", f"author_{made.author}", f"story_{number}"]}
    said = {"comment_text": f"<p>{made.text}</p><p>Anyone&#x27;s else?", "parent_id": 1, "story_title": "Ask HN"}
    return hit | said | {"_tags": ["comment", f"author_{made.author}", "story_1"]}


class PLATFORM:
    name = "hackernews"
    secrets = ()
    faults = tuple(Fault)
    can_delete = False
    page_size = 8

    def __init__(self) -> None:
        self.items: list[dict[str, Any]] = []
        self.server = Loopback(self.respond)

    def respond(self, asked: Asked) -> Told:
        """Answer a search: newest first, and never more than the index's limit of pagination."""
        if (asked.method, asked.path) != ("GET", "/api/v1/search_by_date"):
            return Told(b'{"message":"not found"}', 404)
        filters = FILTERS.fullmatch(asked.params["numericFilters"])
        if asked.params["tags"] != "(story,comment)" or filters is None:
            return Told(b'{"message":"invalid filter"}', 400)
        start_s, end_s = map(int, filters.groups())
        found = [one for one in self.items if start_s <= one["created_at_i"] < end_s]
        found.sort(key=lambda one: one["created_at_i"], reverse=True)
        most = min(int(asked.params["hitsPerPage"]), self.page_size)
        body = {
            "hits": found[:most],
            "nbHits": len(found),
            "page": 0,
            "nbPages": -(-min(len(found), self.page_size) // most),
            "hitsPerPage": most,
            "exhaustiveNbHits": True,
            "query": "",
        }
        return Told(json.dumps(body).encode())

    def source(self, bounds: Bounds) -> HackerNews:
        return HackerNews(bounds=bounds, base_url=self.server.url, max_bytes=2_000_000)

    def publish(self, posts: Sequence[Made]) -> None:
        self.items += [item(made) for made in posts]

    def identity(self, made: Made) -> tuple[str, str]:
        return "hackernews", str(40_000_000 + made.number)

    def delete(self, made: Made) -> None:
        raise NotImplementedError

    def fail(self, fault: Fault, times: int = 1_000_000, *, after: int = 0) -> None:
        self.server.fail(fault, times, after=after)

    def heal(self) -> None:
        self.server.heal()

    def close(self) -> None:
        self.server.close()
