"""Mastodon on loopback: tag timelines and the look-up of statuses, as its documentation describes them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from html import escape
from typing import TYPE_CHECKING

from flows.sources.mastodon import MastodonCredentials, MastodonInstance
from tests.flows.sources.loopback import Asked, Fault, Loopback, Told

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flows.sources.base import Bounds
    from tests.flows.sources.harness import Made

HOST = "social.example"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TOKEN = "canary-mastodon-token"  # noqa: S105 - made up
MOST_TAGS = 4
TIMELINE = "/api/v1/timelines/tag/"


class Mastodon:
    """One instance: its own people's posts, and one that came from elsewhere."""

    name = "mastodon"
    secrets = (TOKEN,)
    faults = tuple(Fault)
    can_delete = False  # timelines do not say it; see MastodonInstance.gone
    page_size = 40

    def __init__(self) -> None:
        self.server = Loopback(self._respond)
        self.known_tags = {"outage", "imessage"}
        self.statuses: dict[int, dict[str, object]] = {}
        self.allowance: dict[str, str] = {}
        self.needs_token = True

    def source(self, bounds: Bounds) -> MastodonInstance:
        return MastodonInstance(
            host=HOST, bounds=bounds, credentials=MastodonCredentials(TOKEN), base_url=self.server.url
        )

    def publish(self, posts: Sequence[Made], *, tags: Sequence[str] = ("iMessage",)) -> None:
        for made in posts:
            self.statuses[self.number(made)] = self.status(made, tags)

    @staticmethod
    def number(made: Made) -> int:
        """Return the id: the whole milliseconds of the time, as a status tells it, then a sequence."""
        return ((made.at - EPOCH) // timedelta(milliseconds=1) << 16) + made.number

    def identity(self, made: Made) -> tuple[str, str]:
        return "mastodon", f"{HOST}/{self.number(made)}"

    def delete(self, made: Made) -> None:
        del self.statuses[self.number(made)]

    def fail(self, fault: Fault, times: int = 1_000_000, *, after: int = 0) -> None:
        self.server.fail(fault, times, after=after)

    def heal(self) -> None:
        self.server.heal()

    def close(self) -> None:
        self.server.close()

    def status(self, made: Made, tags: Sequence[str]) -> dict[str, object]:
        """Return a Status entity."""
        url = f"https://{HOST}/@{made.author}/{self.number(made)}"
        links = " ".join(f'<a href="https://{HOST}/tags/{tag}" rel="tag">#<span>{tag}</span></a>' for tag in tags)
        return {
            "id": str(self.number(made)),
            "created_at": _stamp(made.at),
            "in_reply_to_id": None,
            "sensitive": False,
            "spoiler_text": "",
            "visibility": "public",
            "language": "en",
            "uri": url,
            "url": url,
            "content": f"<p>{escape(made.text)}</p><p>{links}</p>",
            "reblog": None,
            "account": {
                "id": str(1000 + len(made.author)),
                "username": made.author,
                "acct": made.author,
                "created_at": "2022-11-05T00:00:00.000Z",
                "bot": False,
                "url": f"https://{HOST}/@{made.author}",
                "emojis": [],
                "fields": [],
            },
            "media_attachments": [],
            "mentions": [],
            "tags": [{"name": tag.lower(), "url": f"https://{HOST}/tags/{tag}"} for tag in tags],
            "emojis": [],
            "card": None,
            "poll": None,
        }

    # --- the server ------------------------------------------------------------------------------------------

    def _respond(self, asked: Asked) -> Told:
        if self.needs_token and asked.headers.get("authorization") != f"Bearer {TOKEN}":
            return _told({"error": "The access token is invalid"}, 401)
        if asked.path.startswith(TIMELINE):
            return _told(self._timeline(asked), headers=self.allowance)
        if asked.path == "/api/v1/statuses":
            wanted = [value for name, value in asked.pairs if name == "id[]"]
            if len(wanted) > 20:
                return _told({"error": "Validation failed"}, 422)
            return _told([self.statuses[int(number)] for number in wanted if int(number) in self.statuses])
        return _told({"error": "Record not found"}, 404)

    def _timeline(self, asked: Asked) -> list[dict[str, object]]:
        first = asked.path.removeprefix(TIMELINE)
        if first not in self.known_tags:
            return []
        named = dict.fromkeys([first, *(value for name, value in asked.pairs if name == "any[]")])
        tags = set(list(named)[:MOST_TAGS])
        limit = min(int(asked.params.get("limit", 20)), 40)
        after = int(asked.params.get("min_id", 0))
        found = [
            number
            for number, status in sorted(self.statuses.items())
            if number > after and tags & {tag["name"] for tag in status["tags"]}  # type: ignore[attr-defined]
        ]
        if "local" in asked.params and asked.params["local"] not in {"true", "1"}:
            return []
        if "local" not in asked.params and not found:
            return [{"id": "1", "account": {"acct": "somebody@elsewhere.example"}}]
        page = found[:limit] if "min_id" in asked.params else found[-limit:]
        return [self.statuses[number] for number in reversed(page)]


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


def _told(body: object, status: int = 200, *, headers: dict[str, str] | None = None) -> Told:
    json_type = {"Content-Type": "application/json; charset=utf-8"}
    return Told(json.dumps(body).encode(), status, {**json_type, **(headers or {})})


PLATFORM = Mastodon
