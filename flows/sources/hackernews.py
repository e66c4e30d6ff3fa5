"""Hacker News, every story and comment, over Algolia's public search (no key, no account).

The search has no OR for names, and no need of one: some fifteen items a minute come in all, so that all of them are
read and matching decides. An answer holds at most the thousand newest hits of a question, whatever the page asked for;
so the time is asked for in slices, and a slice that is too full is halved.

Items that were deleted or killed leave the index, or stay as an empty hit; nobody says that they did. An edit keeps
the item's id and time, and the first reading counts.
"""

from __future__ import annotations

from functools import partial
from html import unescape
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from detectors.errors import RetryableError
from detectors.model import Batch, Gap, Post, Span, utc
from flows.net import Http
from flows.net.bodies import MAX_BYTES
from flows.sources.base import Bounds, Query
from flows.sources.cursors import read_cursor, write_cursor
from flows.sources.markup import text_of_html

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from detectors.model import Service

WHAT = "Hacker News"
PUBLIC_URL = "https://hn.algolia.com"
QUESTION = "stories and comments"

MOST_HITS = 1000
"""What an answer holds at most (the index's limit of pagination)."""

SLICE_S = 1800
"""Width of a question, seconds: some 500 items, far enough from the limit for a busy half hour."""

INDEXING_LAG_S = 120
"""Time until an item can be found, seconds. It is seconds mostly, and nobody promises any: the last two minutes are
read, but vouched for only by a later fetch."""

REWIND_S = 180
"""How far behind what is vouched for the next fetch begins again, seconds: items that took up to five minutes to be
found are late, but counted."""

QUIET_S = 120
"""The longest silence taken for one, seconds. Even at night some four items come a minute, so that a longer one
(probability below 1 in 1,000) is rather the index standing still, as it has done for 18 hours: nothing after the newest
item is vouched for until a newer one proves that the index is alive."""


class _Cursor(Struct, frozen=True, forbid_unknown_fields=True):
    """Until when (seconds since 1970) everything has been read and vouched for."""

    until_s: int
    v: Literal[1] = 1


class _Hit(Struct, frozen=True):
    """What we read of a hit. A story has a title, and a text if it asks something; a comment has a text: HTML."""

    objectID: Annotated[str, Meta(min_length=1, max_length=512)]  # noqa: N815 - the platform's name
    created_at_i: int
    author: str | None = None
    title: str | None = None
    story_text: str | None = None
    comment_text: str | None = None

    def post(self) -> Post | None:
        """Return the post; None where there is nothing to read any more."""
        parts = (unescape(self.title or ""), text_of_html(self.story_text or self.comment_text or ""))
        text = "\n".join(part for part in parts if part)
        return Post(self.objectID, "hackernews", utc(self.created_at_i), text, author_id=self.author) if text else None


class _Answer(Struct, frozen=True):
    hits: list[dict[str, Any]]
    hitsPerPage: Annotated[int, Meta(ge=1)]  # noqa: N815
    nbHits: int = 0  # noqa: N815
    exhaustiveNbHits: bool = False  # noqa: N815

    @property
    def times_s(self) -> list[int]:
        """When the items were posted, as far as that is said."""
        times = (hit.get("created_at_i") for hit in self.hits)
        return [at for at in times if isinstance(at, int)]

    @property
    def is_full(self) -> bool:
        """Whether there may be more than was told; ``nbHits`` is an estimate unless it says otherwise."""
        return len(self.hits) >= self.hitsPerPage or (self.exhaustiveNbHits and self.nbHits > len(self.hits))


class HackerNews:
    """Every story and comment of Hacker News.

    Parameters
    ----------
    bounds
        Within what it has to stay.
    base_url
        Where the search is.
    max_bytes
        Largest answer, unpacked.

    Attributes
    ----------
    name, label
        ``hackernews``.
    """

    name = "hackernews"
    label = "hackernews"

    def __init__(self, *, bounds: Bounds, base_url: str = PUBLIC_URL, max_bytes: int = MAX_BYTES) -> None:
        self._bounds = bounds
        self._url = base_url.rstrip("/") + "/api/v1/search_by_date"
        self._max_bytes = max_bytes

    def queries(self, services: Sequence[Service] | None) -> tuple[Query, ...]:  # noqa: ARG002 - all are in it
        """Return the one question: for whatever is there."""
        return (Query(QUESTION),)

    def fetch(self, query: str, cursor: str | None) -> Iterator[Batch]:  # noqa: ARG002 - there is only one
        """Yield what has come since ``cursor``, oldest first; see :class:`flows.sources.base.Source`.

        Raises
        ------
        RetryableError, PermanentError
            The search cannot be read; what has been yielded stays good.
        InputError
            The cursor is not ours.
        """
        clock, retry = self._bounds.clock, self._bounds.retry
        now_s = int(clock.now().timestamp())
        known = read_cursor(cursor, _Cursor, whose="that of Hacker News")
        begun = None if known is None else known.until_s
        vouched_s = begun if begun is not None else now_s - int(self._bounds.lookback.total_seconds())
        reading = _Reading(now_s, vouched_s)
        slices = _slices(vouched_s - (REWIND_S if begun is not None else 0), now_s + 1)
        with Http(clock, timeout_s=self._bounds.timeout_s, max_bytes=self._max_bytes) as http:
            while slices and not self._bounds.is_over:
                start_s, end_s = slices.pop()
                answer = retry.call(partial(self._ask, http, start_s, end_s))
                if answer.is_full and end_s - start_s > 1:
                    middle_s = (start_s + end_s) // 2
                    slices += [(middle_s, end_s), (start_s, middle_s)]
                    continue
                batch = reading.batch(answer, start_s, end_s)
                if batch.posts or batch.observed or batch.gap:
                    yield batch

    def _ask(self, http: Http, start_s: int, end_s: int) -> _Answer:
        """Ask once for what was posted in ``start_s <= t < end_s``."""
        params: dict[str, str | int] = {
            "tags": "(story,comment)",
            "numericFilters": f"created_at_i>={start_s},created_at_i<{end_s}",
            "hitsPerPage": MOST_HITS,
        }
        told = http.get(self._url, what=WHAT, params=params).json()
        try:
            answer = msgspec.convert(told, _Answer)
        except msgspec.ValidationError:
            raise RetryableError(f"{WHAT} sent JSON that is no answer to a search") from None
        if not all(start_s <= at_s < end_s for at_s in answer.times_s):
            raise RetryableError(f"{WHAT} answered with items of another time than was asked for")
        return answer


class _Reading:
    """One fetch: up to where time is vouched for, and how new the newest item is; seconds since 1970."""

    def __init__(self, now_s: int, vouched_s: int) -> None:
        self._settled_s = now_s - INDEXING_LAG_S
        self._vouched_s = vouched_s
        self._newest_s: int | None = None

    def batch(self, answer: _Answer, start_s: int, end_s: int) -> Batch:
        """Make a batch of the answer for ``start_s <= t < end_s``."""
        posts, skipped = _posts(answer.hits)
        self._newest_s = max(answer.times_s, default=self._newest_s)  # slices come in order
        gap = self._gap(start_s, end_s) if answer.is_full else None
        observed = self._vouch(start_s if answer.is_full else end_s)
        if gap is not None:
            self._vouched_s = end_s
        cursor = write_cursor(_Cursor(self._vouched_s))
        return Batch(tuple(posts), cursor, observed=observed, gap=gap, skipped=tuple(skipped))

    def _gap(self, start_s: int, end_s: int) -> Gap | None:
        """Return a hole where one second held too much; None while it is to be read again, or was before."""
        if not self._vouched_s < end_s <= self._settled_s:
            return None
        return Gap(utc(start_s), utc(end_s), f"{WHAT} shows {MOST_HITS:,} items of a second at most, and had more")

    def _vouch(self, end_s: int) -> tuple[Span, ...]:
        """Vouch up to ``end_s``, but not for what may still be found, nor for the silence of a dead index."""
        if self._newest_s is None:
            return ()
        before_s = self._vouched_s
        self._vouched_s = max(before_s, min(end_s, self._settled_s, self._newest_s + QUIET_S))
        return (Span(utc(before_s), utc(self._vouched_s)),) if self._vouched_s > before_s else ()


def _posts(hits: list[dict[str, Any]]) -> tuple[list[Post], list[str]]:
    """Return the posts, oldest first, and what could not be used."""
    posts, skipped = [], []
    for place, hit in enumerate(hits):
        try:
            post = msgspec.convert(hit, _Hit).post()
        except (msgspec.ValidationError, OverflowError, OSError, ValueError):
            skipped.append(f"hackernews: hit {place + 1} of {len(hits)}: not an item")
            continue
        if post is not None:
            posts.append(post)
    posts.sort(key=lambda post: (post.created_at, post.id))
    return posts, skipped


def _slices(start_s: int, end_s: int) -> list[tuple[int, int]]:
    """Cut a stretch of seconds into questions; the first one is last, where it is popped."""
    starts = range(start_s, end_s, SLICE_S)
    return [(start, min(start + SLICE_S, end_s)) for start in reversed(starts)]
