"""What Reddit's listings hold, read into our vocabulary, and the way down one of them.

Every record is read by itself: one that cannot be used is named by its place or its name, never by its text.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from math import exp
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import msgspec
from msgspec import Meta, Struct

from detectors.errors import RetryableError
from detectors.model import Post, PostExtra, utc

if TYPE_CHECKING:
    from datetime import datetime

WHAT = "Reddit"
PLATFORM = "reddit"
REDDIT_URL = "https://www.reddit.com"

CUT_FROM = 200
"""A listing that ends before it has reached what is known was cut off, if it had at least so many posts. Listings end
near 1,000 by documentation; where search ends is not documented, and it has ended sooner."""

MOST_PAGES = 30
"""Three times what a listing holds: one that goes on for longer goes in circles."""

AHEAD = timedelta(minutes=5)
"""What is dated later than this from now has a wrong date."""

FEWEST = 5
"""A page of so many records of which none can be used is no quiet time."""

RATED_FROM = 20
"""Posts from which on a page tells how often some come."""

LIKELY = 1e-4
"""A silence less likely than this, were posts still coming as often, is that of an index which stands still."""

_GONE = frozenset({"[deleted]", "[removed]", "[ Removed by Reddit ]"})


class _Thing(Struct, frozen=True):
    data: Any


class Children(Struct, frozen=True):
    """The records of a listing, and after which of them it goes on."""

    children: list[Any]
    after: str | None = None


class _Listing(Struct, frozen=True):
    data: Children


class _Item(Struct, frozen=True):
    """What we read of a submission or a comment."""

    name: Annotated[str, Meta(pattern=r"^t[13]_[0-9a-z]{1,13}$")]
    created_utc: Annotated[float, Meta(ge=0, le=1e10)]
    author: str | None = None
    author_fullname: str | None = None
    subreddit: str | None = None
    permalink: str | None = None
    title: str = ""
    selftext: str = ""
    body: str = ""
    crosspost_parent: str | None = None
    removed_by_category: str | None = None

    @property
    def created_at(self) -> datetime:
        """When it was posted (UTC)."""
        return utc(self.created_utc)

    @property
    def is_gone(self) -> bool:
        """Whether it was deleted or removed: what is left of it is nothing that somebody says."""
        parts = (self.author, self.selftext, self.body)
        return self.removed_by_category is not None or any(part in _GONE for part in parts)

    @property
    def text(self) -> str:
        """What it says."""
        return "\n".join(filter(None, (self.title, self.selftext, self.body)))

    @property
    def author_id(self) -> str | None:
        """The account's lasting name; else the one that is shown."""
        return self.author_fullname or self.author


class Page(NamedTuple):
    """What a page brought: posts no older than wanted; and of all that it showed, the names and the times."""

    posts: tuple[Post, ...]
    deleted: tuple[tuple[str, str], ...]
    skipped: tuple[str, ...]
    names: tuple[str, ...]
    times: tuple[datetime, ...]
    after: str | None


class Walk:
    """One way down a listing: where it is, what it has seen, and whether it was cut off.

    Parameters
    ----------
    asked_at
        When it began (UTC).
    floor
        What is older is known (UTC).
    """

    def __init__(self, asked_at: datetime, floor: datetime) -> None:
        self.asked_at = self.oldest_at = asked_at
        self.floor = floor
        self.after: str | None = None
        self.seen: set[str] = set()
        self.is_cut = False
        self._n_shown = self._n_pages = 0
        self._first_times: tuple[datetime, ...] = ()
        self._spare: list[str] = []

    def turn(self, page: Page) -> bool:
        """Move on past a page; return whether there is another one to be asked for.

        A page after a post that has just been deleted is empty, as is that after the end: the posts before it are
        tried before it is believed.
        """
        self._n_pages += 1
        self._n_shown += len(page.names)
        self._first_times = self._first_times or page.times
        self.oldest_at = page.times[-1] if page.times else self.oldest_at
        if not page.names and self._spare:
            self.after = self._spare.pop()
            return True
        if self.oldest_at < self.floor:
            return False
        if page.after is None or self._n_pages >= MOST_PAGES:
            self.is_cut = self._n_shown >= CUT_FROM or (not page.names and self.after is not None)
            return False
        self.after, self._spare = page.after, list(page.names[-3:-1])
        return True

    def alive_at(self, patience: timedelta) -> datetime:
        """Return until when posts, or their absence, show that the listing was kept up to date (UTC).

        Now, as a rule; the newest post, where the silence since then is longer than ``patience`` and too long for
        chance: posts that came independently of each other, as often as those of the first page, would leave it with
        a probability of exp(-rate x silence).
        """
        times = self._first_times
        if len(times) < RATED_FROM:
            return self.asked_at
        silence_s = (self.asked_at - times[0]).total_seconds()
        rate_hz = (len(times) - 1) / max(1.0, (times[0] - times[-1]).total_seconds())
        if silence_s <= patience.total_seconds() or exp(-rate_hz * silence_s) >= LIKELY:
            return self.asked_at
        return times[0] + timedelta(seconds=1)


@dataclass(frozen=True)
class Reader:
    """Reads the pages of a feed.

    Attributes
    ----------
    label
        Which feed, for messages.
    kind
        Of its things: ``t1``, comments, or ``t3``, submissions.
    """

    label: str
    kind: str

    def read(self, listing: Children, walk: Walk, *, now: datetime) -> Page:
        """Take what is not too old and was not seen on a page before: posts move on while pages are turned.

        Raises
        ------
        RetryableError
            Of a whole page, nothing can be used: to vouch for silence would be wrong.
        """
        posts: list[Post] = []
        deleted: list[tuple[str, str]] = []
        skipped: list[str] = []
        items: list[_Item] = []
        latest = now + AHEAD
        for place, record in enumerate(listing.children, start=1):
            item = self._item(record)
            if isinstance(item, str):
                skipped.append(f"{self.label}: record {place} of a page: {item}")
                continue
            items.append(item)
            if item.created_at > latest:
                skipped.append(f"{self.label} {item.name}: it is from the future")
            elif item.created_at >= walk.floor and item.name not in walk.seen:
                walk.seen.add(item.name)
                if item.is_gone:
                    deleted.append((PLATFORM, item.name))
                else:
                    posts.append(_post(item))
        if len(skipped) >= FEWEST and not items:
            raise RetryableError(f"{WHAT} sent a page of which nothing can be used: {skipped[0]}")
        names = tuple(item.name for item in items)
        times = tuple(item.created_at for item in items)
        return Page(tuple(posts), tuple(deleted), tuple(skipped), names, times, listing.after or None)

    def _item(self, record: object) -> _Item | str:
        """Read a record; or say what is wrong with it, without its text."""
        item = _read_item(record)
        if isinstance(item, str) or item.name.startswith(self.kind):
            return item
        return "it is another kind of thing than was asked for"


def _read_item(record: object) -> _Item | str:
    try:
        return msgspec.convert(msgspec.convert(record, _Thing).data, _Item)
    except msgspec.ValidationError as error:
        return str(error)


def still_shown(listing: Children) -> frozenset[str]:
    """Return the names of the things that were neither deleted nor removed."""
    items = map(_read_item, listing.children)
    return frozenset(item.name for item in items if not isinstance(item, str) and not item.is_gone)


def read_listing(answer: object) -> Children:
    """Return what a listing holds, undigested.

    Raises
    ------
    RetryableError
        It is something else.
    """
    try:
        return msgspec.convert(answer, _Listing).data
    except msgspec.ValidationError:
        raise RetryableError(f"{WHAT} sent something else than a listing") from None


def _post(item: _Item) -> Post:
    return Post(
        id=item.name,
        platform=PLATFORM,
        created_at=item.created_at,
        text=item.text,
        author_id=item.author_id,
        is_repost=item.crosspost_parent is not None,
        extra=PostExtra(subreddit=item.subreddit, url=f"{REDDIT_URL}{item.permalink}" if item.permalink else None),
    )
