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
- Listings leave out what was deleted, without a word; ``api/info`` looks up 100 things by their names.
- Search knows a post some minutes after it was made, and nobody promises when: it has stood still for hours. A silence
  that is too long for chance is not vouched for, and the cursor stays before it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar

from msgspec import Struct

from detectors.errors import PermanentError
from detectors.model import Batch, Gap, Instant, Span
from detectors.reference import catalogue
from flows.net.http import USER_AGENT
from flows.sources.base import Query
from flows.sources.checked import CheckedSession, heard
from flows.sources.cursors import read_cursor, write_cursor
from flows.sources.packing import Cues, Syntax, pack
from flows.sources.reddit_wire import (
    PLATFORM,
    REDDIT_URL,
    WHAT,
    Children,
    Page,
    Reader,
    Walk,
    read_listing,
    still_shown,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import praw

    from detectors.model import Service
    from flows.sources.base import Bounds

CUT = "the listing ended before it reached what was known"
OAUTH_URL = "https://oauth.reddit.com"

PAGE = 100
MOST_SUBREDDITS = 25
"""How many are read as one listing: few requests, and yet a thousand comments reach back for several ticks."""

SYNTAX = Syntax(both=" AND ", limit=512)
CUES = Cues(strict=("down", "outage", "offline", "not working", "broken", "error", "issues", "problems"))
"""Names alone are asked for: matching decides. Those that mean other things, too, only beside a word of trouble."""


@dataclass(frozen=True)
class RedditCredentials:
    """An approved application: of the type "script" or "web app", or, without a secret, an installed one."""

    client_id: str = field(repr=False)
    client_secret: str = field(default="", repr=False)
    user_agent: str = USER_AGENT


class _Cursor(Struct, frozen=True, tag_field="of", tag="reddit/1"):
    """Everything before ``until`` has been read, and was vouched for where it could be."""

    until: Instant


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
        self._reader = Reader(self.label, self.kind)
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
        old = write_cursor(at)
        floor = at.until if cursor is None else at.until - self.rewind
        walk = Walk(self._bounds.clock.now(), floor)
        while not self._bounds.is_over:
            page = self._page(query, walk)
            if not walk.turn(page):
                yield self._last(page, at, walk)
                return
            yield Batch(page.posts, old, deleted=page.deleted, skipped=page.skipped)

    def gone(self, ids: Sequence[str]) -> tuple[tuple[str, str], ...]:
        """Return which posts were deleted or removed, as ``(platform, id)``: they are to be forgotten.

        Parameters
        ----------
        ids
            Ids of our posts, of either feed.

        Raises
        ------
        RetryableError, PermanentError
            Reddit cannot be asked.
        """
        gone: list[str] = []
        for start in range(0, len(ids), PAGE):
            if self._bounds.is_over:
                break
            part = ids[start : start + PAGE]
            shown = still_shown(self._ask("api/info", {"id": ",".join(part)}))
            gone += [name for name in part if name not in shown]
        return tuple((PLATFORM, name) for name in gone)

    def _last(self, page: Page, at: _Cursor, walk: Walk) -> Batch:
        """Return the batch that vouches for what was read, from where the listing was cut off if it was."""
        until = max(at.until, min(walk.asked_at - self.lag, walk.alive_at(self.rewind)))
        start, gap = at.until, None
        if walk.is_cut and walk.oldest_at >= at.until:
            start = min(until, walk.oldest_at + timedelta(seconds=1))  # of its second, there may be more
            gap = Gap(at.until, start, CUT) if start > at.until else None
        observed = (Span(start, until),) if until > start else ()
        cursor = write_cursor(_Cursor(until))
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
                requestor_kwargs={"session": CheckedSession(WHAT, self._bounds, shape=dict)},
            )
        return self._made

    def _page(self, query: str, walk: Walk) -> Page:
        """Ask for a page, and read it."""
        path, params = self._request(query)
        params |= {"limit": PAGE} | ({"after": walk.after} if walk.after else {})
        return self._reader.read(self._ask(path, params), walk, now=self._bounds.clock.now())

    def _ask(self, path: str, params: dict[str, str | int]) -> Children:
        """Ask for a listing, trying again as the bounds say."""
        try:
            return self._bounds.retry.call(lambda: self._listing(path, params))
        except PermanentError:
            self._made = None  # its token may have been revoked
            raise

    def _listing(self, path: str, params: dict[str, str | int]) -> Children:
        """Ask once, for plain JSON.

        The client's own objects fail as a whole page over one bad record, and ask the platform for what they lack.
        """
        from prawcore.exceptions import OAuthException

        def ask() -> object:
            try:
                return self._client.request(method="GET", path=path, params=params)
            except OAuthException:
                raise PermanentError(f"{WHAT} gives no token to this application") from None

        return read_listing(heard(ask, what=WHAT))

    # --- reading ---------------------------------------------------------------------------------------------

    def _cursor(self, text: str | None) -> _Cursor:
        """Read a cursor; make the first one where there is none."""
        known = read_cursor(text, _Cursor, whose="that of a listing of Reddit", place=self.label)
        return known or _Cursor(self._bounds.clock.now() - self._bounds.lookback)


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
        """Return the subreddits of services, up to 25 a query; services that share one are in one query."""
        packed: list[_Community] = []
        for each in _communities(catalogue().values() if services is None else services):
            room = next(
                (held for held in packed if len(held.subreddits) + len(each.subreddits) <= MOST_SUBREDDITS), None
            )
            if room is None:
                packed.append(each)
            else:
                room.add(each)
        return tuple(Query(held.text, tuple(sorted(held.services))) for held in packed)

    def _request(self, query: str) -> tuple[str, dict[str, str | int]]:
        return f"r/{query}/comments/", {}


@dataclass
class _Community:
    """Subreddits, by their names in lower case, and the services whose users meet there."""

    subreddits: dict[str, str]
    services: list[str]

    def add(self, other: _Community) -> None:
        """Take another one in."""
        self.subreddits |= other.subreddits
        self.services += other.services

    @property
    def text(self) -> str:
        """The subreddits as one, in Reddit's way."""
        return "+".join(name for _, name in sorted(self.subreddits.items()))


def _communities(services: Iterable[Service]) -> list[_Community]:
    """Put together the services that share a subreddit, directly or through others; in the order of their ids."""
    found: list[_Community] = []
    for service in sorted(services, key=lambda service: service.id):
        new = _Community({name.lower(): name for name in service.subreddits}, [service.id])
        if not new.subreddits:
            continue
        for held in [each for each in found if each.subreddits.keys() & new.subreddits.keys()]:
            found.remove(held)
            new.add(held)
        found.append(new)
    return found
