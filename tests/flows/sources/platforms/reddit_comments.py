"""Reddit's listings of comments on loopback."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flows.sources.reddit import RedditComments
from tests.flows.sources.platforms.reddit import RedditServer

if TYPE_CHECKING:
    from tests.flows.sources.loopback import Asked


class CommentServer(RedditServer):
    """The comments of several subreddits in one listing."""

    name = "reddit-comments"
    kind = "t1"
    source_class = RedditComments

    def _found(self, asked: Asked) -> list[dict[str, Any]] | None:
        parts = asked.path.split("/")
        if len(parts) != 5 or parts[1] != "r" or parts[3:] != ["comments", ""]:
            return None
        wanted = set(parts[2].lower().split("+"))
        return [thing for thing in self.newest() if thing["data"]["subreddit"].lower() in wanted]


PLATFORM = CommentServer
