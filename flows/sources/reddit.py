"""Reddit: what is posted anywhere about the services, and what is said where their users meet.

Two feeds that bring different posts, and so two sources: submissions, by search in all of Reddit; comments, of the
subreddits that the catalogue names. Both are listings, newest first, that are read again at every tick until something
older than what was known comes: that is what praw's ``stream`` does, too, but for a memory of what it has seen, which
would be lost between ticks, and for waiting by a clock of its own.

Facts that this file rests on (Reddit's documentation of its interface, and praw's):

- ``q`` has at most 512 characters. A page has at most 100 posts, a listing some 1,000: what is older cannot be reached
  by paging, and becomes a gap.
- ``before`` a post that was deleted shows nothing. So nothing is asked ``before`` the last post known; what is read is
  told apart by its time.
- The interface has to be applied for; an approved application reads without an account (``client_credentials``), 100
  requests a minute, announced in ``X-Ratelimit-*``.
- Search knows a post some minutes after it was made, and nobody promises when.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, NamedTuple

import msgspec
from msgspec import Meta, Struct

from detectors.errors import InputError, PermanentError, RetryableError
from detectors.model import Batch, Gap, Instant, Post, PostExtra, Span, utc
from detectors.reference import catalogue
from flows.net.http import USER_AGENT
from flows.sources.base import Query
from flows.sources.checked import CheckedSession, heard
from flows.sources.packing import Cues, Syntax, pack

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    import praw

    from detectors.model import Service
    from flows.sources.base import Bounds

WHAT = "Reddit"
PLATFORM = "reddit"
OAUTH_URL = "https://oauth.reddit.com"
REDDIT_URL = "https://www.reddit.com"

PAGE = 100
CUT_FROM = 200
"""A listing that ends before it has reached what is known was cut off, if it had at least so many posts. Listings end
near 1,000 by documentation; where search ends is not documented, and it has ended sooner."""

AHEAD = timedelta(minutes=5)
"""What is dated later than this from now has a wrong date."""

MOST_SUBREDDITS = 25
"""How many are read as one listing: few requests, and yet a thousand comments reach back for several ticks."""

SYNTAX = Syntax(both=" AND ", limit=512)
CUES = Cues(strict=("down", "outage", "offline", "not working", "broken", "error", "issues", "problems"))
"""Names alone are asked for: matching decides. Those that mean other things, too, only beside a word of trouble."""

_GONE = frozenset({"[deleted]", "[removed]", "[ Removed by Reddit ]"})


@dataclass(frozen=True)
class RedditCredentials:
    """An approved application: of the type "script" or "web app", or, without a secret, an installed one."""

    client_id: str = field(repr=False)
    client_secret: str = field(default="", repr=False)
    user_agent: str = USER_AGENT


class _Cursor(Struct, frozen=True, tag_field="of", tag="reddit/1"):
    """Everything before ``until`` has been read, and was vouched for where it could be."""

    until: Instant


class _Thing(Struct, frozen=True):
    kind: str
    data: Any


class _Children(Struct, frozen=True):
    children: list[Any]
    after: str | None = None


class _Listing(Struct, frozen=True):
    data: _Children


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


class _Page(NamedTuple):
    """What a page brought: posts no older than wanted, and how far down it reached."""

    posts: tuple[Post, ...]
    deleted: tuple[tuple[str, str], ...]
    skipped: tuple[str, ...]
    oldest_at: datetime | None
    n_records: int
    after: str | None


class _Reddit(ABC):
    """A listing of Reddit, read from the newest down to what is known.

    Parameters
    ----------
    credentials
        The application.
    bounds
        Within what to stay.
    oauth_url, reddit_url
        Where to ask instead of Reddit.
    """

    name: ClassVar[str]
    label: ClassVar[str]
    kind: ClassVar[str]
    lag: ClassVar[timedelta]
    rewind: ClassVar[timedelta]

    def __init__(
        self,
        *,
        credentials: RedditCredentials,
        bounds: Bounds,
        oauth_url: str = OAUTH_URL,
        reddit_url: str = REDDIT_URL,
    ) -> None:
        self._credentials = credentials
        self._bounds = bounds
        self._oauth_url = oauth_url
        self._reddit_url = reddit_url
        self._made: praw.Reddit | None = None

    @abstractmethod
    def queries(self, services: Sequence[Service] | None) -> tuple[Query, ...]:
        """Return what to ask; see :meth:`flows.sources.base.Source.queries`."""

    @abstractmethod
    def _request(self, query: str) -> tuple[str, dict[str, str | int]]:
        """Return path and parameters of the listing that answers a query."""

    def fetch(self, query: str, cursor: str | None) -> Iterator[Batch]:
        """Yield what has come since; see :class:`flows.sources.base.Source`.

        Pages come with the old cursor but for the last: only then nothing is left between what was read and what was
        known. Reading that stops early begins at the newest again.
        """
        at = self._cursor(cursor)
        old = msgspec.json.encode(at).decode()
        floor = at.until if cursor is None else at.until - self.rewind
        asked_at = self._bounds.clock.now()
        seen: set[str] = set()
        n_read, after = 0, None
        while not self._bounds.is_over:
            page = self._page(query, after, floor, seen)
            n_read += page.n_records
            is_met = page.oldest_at is not None and page.oldest_at < floor
            after = page.after
            if is_met or after is None or not page.n_records:
                is_cut = not is_met and n_read >= CUT_FROM
                yield self._last(page, at, asked_at, page.oldest_at if is_cut else None)
                return
            yield Batch(page.posts, old, deleted=page.deleted, skipped=page.skipped)

    def _last(self, page: _Page, at: _Cursor, asked_at: datetime, cut_at: datetime | None) -> Batch:
        """Return the batch that vouches for what was read, from where the listing was cut off if it was."""
        until = max(at.until, asked_at - self.lag)
        start, gap = at.until, None
        if cut_at is not None and cut_at >= at.until:
            start = min(until, cut_at + timedelta(seconds=1))  # of its second, there may be more
            gap = Gap(at.until, start, "Reddit shows no more than the newest thousand")
        observed = (Span(start, until),) if until > start else ()
        cursor = msgspec.json.encode(_Cursor(until)).decode()
        return Batch(page.posts, cursor, observed=observed, deleted=page.deleted, gap=gap, skipped=page.skipped)

    # --- asking ----------------------------------------------------------------------------------------------

    @property
    def _client(self) -> praw.Reddit:
        """The platform's client, made when it is first needed: it takes a while to load."""
        if self._made is None:
            import praw

            self._made = praw.Reddit(
                "DEFAULT",  # with every setting given, neither a praw.ini nor the environment has a say
                client_id=self._credentials.client_id,
                client_secret=self._credentials.client_secret or None,
                user_agent=self._credentials.user_agent,
                oauth_url=self._oauth_url,
                reddit_url=self._reddit_url,
                username=None,
                password=None,
                refresh_token=None,
                redirect_uri=None,
                ratelimit_seconds=0,
                check_for_updates=False,
                check_for_async=False,
                requestor_kwargs={"session": CheckedSession(WHAT, self._bounds)},
            )
        return self._made

    def _page(self, query: str, after: str | None, floor: datetime, seen: set[str]) -> _Page:
        """Ask for a page, trying again as the bounds say, and read it."""
        path, params = self._request(query)
        params |= {"limit": PAGE} | ({"after": after} if after else {})

        def ask() -> _Children:
            # Undigested: the client's own objects fail as a page over one bad record, and ask for what they lack.
            answer = heard(lambda: self._client.request(method="GET", path=path, params=params), what=WHAT)
            try:
                return msgspec.convert(answer, _Listing).data
            except msgspec.ValidationError:
                raise RetryableError(f"{WHAT} sent something else than a listing") from None

        try:
            listing = self._bounds.retry.call(ask)
        except PermanentError:
            self._made = None  # its token may have been revoked
            raise
        return self._read(listing, floor, seen)

    # --- reading ---------------------------------------------------------------------------------------------

    def _cursor(self, text: str | None) -> _Cursor:
        """Read a cursor; make the first one where there is none."""
        if text is None:
            return _Cursor(self._bounds.clock.now() - self._bounds.lookback)
        try:
            return msgspec.json.decode(text, type=_Cursor)
        except msgspec.MsgspecError:
            raise InputError("the stored cursor is not that of a listing of Reddit", place=self.label) from None

    def _read(self, listing: _Children, floor: datetime, seen: set[str]) -> _Page:
        """Take what is not too old and was not seen on a page before: posts move on while pages are turned."""
        posts: list[Post] = []
        deleted: list[tuple[str, str]] = []
        skipped: list[str] = []
        oldest_at: datetime | None = None
        latest = self._bounds.clock.now() + AHEAD
        for place, record in enumerate(listing.children, start=1):
            item = self._item(record)
            if isinstance(item, str):
                skipped.append(f"{self.label}: record {place} of a page: {item}")
                continue
            oldest_at = utc(item.created_utc)
            if oldest_at > latest:
                skipped.append(f"{self.label} {item.name}: it is from the future")
            elif oldest_at >= floor and item.name not in seen:
                seen.add(item.name)
                if item.is_gone:
                    deleted.append((PLATFORM, item.name))
                else:
                    posts.append(_post(item))
        return _Page(
            tuple(posts), tuple(deleted), tuple(skipped), oldest_at, len(listing.children), listing.after or None
        )

    def _item(self, record: object) -> _Item | str:
        """Read a record; or say what is wrong with it, without its text."""
        try:
            thing = msgspec.convert(record, _Thing)
            item = msgspec.convert(thing.data, _Item) if thing.kind == self.kind else None
        except msgspec.ValidationError as error:
            return str(error)
        return item if item is not None else "it is neither a submission nor a comment, or not what was asked for"


class RedditSubmissions(_Reddit):
    """Submissions anywhere on Reddit that name a service; see :class:`_Reddit`.

    Attributes
    ----------
    name, label
        ``reddit``, the source of the series; and which feed of it.
    lag
        What is younger is not vouched for: search does not know it yet.
    rewind
        How far before the vouched time is read again: for what search learns late.
    """

    name = "reddit"
    label = "reddit submissions"
    kind = "t3"
    lag = timedelta(minutes=3)
    rewind = timedelta(minutes=10)

    def queries(self, services: Sequence[Service] | None) -> tuple[Query, ...]:
        """Return the names of services, as many a query as its 512 characters hold."""
        return pack(catalogue().values() if services is None else services, CUES, SYNTAX)

    def _request(self, query: str) -> tuple[str, dict[str, str | int]]:
        return "r/all/search", {"q": query, "sort": "new", "t": "all", "type": "link"}


class RedditComments(_Reddit):
    """Comments in the subreddits of services; see :class:`_Reddit`. A service without one is not asked for.

    Attributes
    ----------
    name, label
        ``reddit-comments``, the source of the series; and which feed of it.
    lag, rewind
        As of :class:`RedditSubmissions`; listings know a comment within seconds.
    """

    name = "reddit-comments"
    label = "reddit comments"
    kind = "t1"
    lag = timedelta(seconds=30)
    rewind = timedelta(seconds=90)

    def queries(self, services: Sequence[Service] | None) -> tuple[Query, ...]:
        """Return the subreddits of services, up to 25 a query; services that share some are put together.

        Each service is in one query with all of its subreddits; one that two queries need is read by both.
        """
        held: list[tuple[dict[str, str], list[str]]] = []
        chosen = catalogue().values() if services is None else services
        for service in sorted(chosen, key=lambda service: service.id):
            wanted = {name.lower(): name for name in service.subreddits}
            if not wanted:
                continue
            fitting = [each for each in held if len(each[0].keys() | wanted.keys()) <= MOST_SUBREDDITS]
            room = min(fitting, key=lambda each: len(wanted.keys() - each[0].keys()), default=None)
            if room is None:
                room = ({}, [])
                held.append(room)
            room[0].update(wanted)
            room[1].append(service.id)
        return tuple(Query("+".join(name for _, name in sorted(names.items())), tuple(ids)) for names, ids in held)

    def _request(self, query: str) -> tuple[str, dict[str, str | int]]:
        return f"r/{query}/comments/", {}


def _post(item: _Item) -> Post:
    return Post(
        id=item.name,
        platform=PLATFORM,
        created_at=utc(item.created_utc),
        text=item.text,
        author_id=item.author_id,
        is_repost=item.crosspost_parent is not None,
        extra=PostExtra(subreddit=item.subreddit, url=f"{REDDIT_URL}{item.permalink}" if item.permalink else None),
    )
