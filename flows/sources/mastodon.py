"""Mastodon: the tag timelines of instances, each instance a source of its own.

An instance shows what its own people wrote (``local``) and what reached it from elsewhere. Only the former is asked
for: so the instances are disjoint, a post counts once, and the loss of one instance takes nothing from the others and
adds nothing to them.

Facts that this file rests on (Mastodon's documentation of ``timelines/tag/:hashtag`` and ``statuses``, and its source):

- Pages of at most 40; ``min_id`` gives the oldest posts after an id. Ids of local posts hold the time: milliseconds
  since 1970, shifted by 16 bits. So reading goes forward in time, and every page can be vouched for.
- ``any[]`` adds tags, four in all; further ones are dropped without a word. If the *first* tag was never used on that
  instance, the answer is empty whatever the others are: therefore each query begins with a tag that is in use
  (``anchor``), and a first answer without a post is not believed before the anchor has shown one.
- 300 requests in five minutes, announced in ``X-RateLimit-*``.
- Timelines do not tell what was deleted: :meth:`MastodonInstance.gone` asks for the posts by their ids, 20 at a time
  (Mastodon 4.3 or later).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Annotated, Any, TypeGuard, cast
from urllib.parse import quote

import msgspec
from msgspec import Meta, Struct

from detectors.errors import InputError, PermanentError, RetryableError
from detectors.model import Batch, Instant, Post, PostExtra, Span, utc
from detectors.reference import catalogue
from flows.sources.base import Query
from flows.sources.checked import CheckedSession, heard
from flows.sources.cursors import read_cursor, write_cursor
from flows.sources.markup import text_of_html
from flows.sources.tags import ANCHOR, packed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    import mastodon
    from mastodon.types_base import PaginationInfo

    from detectors.model import Service
    from flows.sources.base import Bounds

PLATFORM = "mastodon"
PAGE = 40
LOOK_UP = 20
LAG = timedelta(seconds=30)
"""A post is in its timelines at once, but its id is drawn before it is stored; half a minute is ample for that."""

REWIND = timedelta(seconds=60)
"""How far before the vouched time each fetch begins: for what was stored later than its id says."""

AHEAD = timedelta(minutes=5)
"""What is dated later than this from now has a wrong date."""

FEWEST = 5
"""A page of so many records of which none can be used is no quiet time."""

_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?")
_Digits = Annotated[str, Meta(pattern=r"^[0-9]{1,19}$")]


@dataclass(frozen=True)
class MastodonCredentials:
    """An access token with the scope ``read:statuses``; many instances show tags without one."""

    access_token: str = field(repr=False)


class _Cursor(Struct, frozen=True, tag_field="of", tag="mastodon/1"):
    """``until`` is vouched for; all local posts up to ``newest_id`` have been read."""

    until: Instant
    newest_id: int


class _Account(Struct, frozen=True):
    id: _Digits
    created_at: Instant | None = None


class _Status(Struct, frozen=True):
    """What we read of a status."""

    id: _Digits
    created_at: Instant
    content: str
    account: _Account
    spoiler_text: str = ""
    language: str | None = None
    url: str | None = None
    reblog: Any = None


class MastodonInstance:
    """Posts of one instance that carry the tags of services.

    Parameters
    ----------
    host
        Of the instance, for instance ``mastodon.social``; ``https://`` before it does no harm.
    bounds
        Within what to stay.
    credentials
        For instances that show their timelines to members only.
    base_url
        Where to ask instead of ``https://<host>``.
    anchor
        The tag that every query begins with: in use on the instance, and about outages.

    Attributes
    ----------
    name, label
        ``mastodon.<host>``, the source of the series; and which feed of it.
    """

    def __init__(
        self,
        *,
        host: str,
        bounds: Bounds,
        credentials: MastodonCredentials | None = None,
        base_url: str | None = None,
        anchor: str = ANCHOR,
    ) -> None:
        host = host.removeprefix("https://").rstrip("/").lower()
        if not _HOST.fullmatch(host):
            raise InputError("the host of a Mastodon instance is a name such as mastodon.social")
        self.name = f"{PLATFORM}.{host}"
        self.label = f"{self.name} tags"
        self._host = host
        self._bounds = bounds
        self._token = credentials.access_token if credentials else None
        self._base_url = base_url or f"https://{host}"
        self._anchor = anchor
        self._made: mastodon.Mastodon | None = None

    def queries(self, services: Sequence[Service] | None) -> tuple[Query, ...]:
        """Return one query for each few services; one that has no name that could be a tag has none."""
        chosen = tuple(catalogue().values()) if services is None else services
        return tuple(Query(",".join((self._anchor, *tags)), ids) for tags, ids in packed(chosen, anchor=self._anchor))

    def fetch(self, query: str, cursor: str | None) -> Iterator[Batch]:
        """Yield what has come since, oldest first; see :class:`flows.sources.base.Source`.

        Each batch is a page, with the cursor behind it: reading that stops early goes on from there.
        """
        tags = query.split(",")
        at = self._cursor(cursor)
        after_id = min(at.newest_id, _id_at(at.until - REWIND))
        is_new, is_over = cursor is None, False
        while not is_over and not self._bounds.is_over:
            asked_at = self._bounds.clock.now()
            page = self._page(tags, after_id=after_id)
            if is_new and not page:
                self._check_anchor(tags[0])
            is_new, is_over = False, len(page) <= PAGE // 2  # a page can hold less than 40 before the last
            after_id = self._newest(page, after_id)
            until = asked_at - LAG if is_over else min(asked_at - LAG, _time_of(after_id))
            new = _Cursor(max(at.until, until), max(at.newest_id, after_id))
            yield self._batch(page, at, new)
            at = new

    def gone(self, ids: Sequence[str]) -> tuple[tuple[str, str], ...]:
        """Return which posts are no longer shown, as ``(platform, id)``: they are to be forgotten.

        Parameters
        ----------
        ids
            Ids of our posts; those of other instances are passed over.

        Raises
        ------
        RetryableError, PermanentError
            The instance cannot be asked, or is older than Mastodon 4.3.
        """
        prefix = f"{self._host}/"
        own = [text.removeprefix(prefix) for text in ids if text.startswith(prefix)]
        gone: list[str] = []
        for start in range(0, len(own), LOOK_UP):
            if self._bounds.is_over:
                break
            part = own[start : start + LOOK_UP]
            shown = {str(_field(record, "id")) for record in self._ask(lambda part=part: self._client.statuses(part))}
            gone += [number for number in part if number not in shown]
        return tuple((PLATFORM, prefix + number) for number in gone)

    # --- asking ----------------------------------------------------------------------------------------------

    @property
    def _client(self) -> mastodon.Mastodon:
        """The platform's client, made when it is first needed: it takes a while to load."""
        if self._made is None:
            from mastodon import Mastodon

            self._made = Mastodon(
                api_base_url=self._base_url,
                ratelimit_method="throw",
                request_timeout=self._bounds.timeout_s,
                version_check_mode="none",
                session=CheckedSession(self._host, self._bounds, shape=list),
            )
            self._made.access_token = self._token  # not by the constructor, which takes it for the name of a file, too
        return self._made

    def _ask(self, ask: Any) -> list[Any]:  # noqa: ANN401 - a call of the client, which is typed loosely
        """Ask for a list of records, trying again as the bounds say."""
        answer: list[Any] = self._bounds.retry.call(lambda: heard(ask, what=self._host))
        return answer

    def _page(self, tags: Sequence[str], *, after_id: int | None, limit: int = PAGE) -> list[Any]:
        """Return the oldest records after an id; the latest ones of whatever origin where that is None."""
        asked: dict[str, Any] = {
            "_pagination_method": "GET",
            "_pagination_endpoint": f"/api/v1/timelines/tag/{quote(tags[0], safe='')}",
            "limit": limit,
        }
        if after_id is not None:
            asked |= {"any[]": list(tags[1:]), "local": "true", "min_id": after_id}
        # By name, the client has no ``any[]`` for timelines, and asks for the instance's features first.
        return self._ask(lambda: self._client.fetch_next(cast("PaginationInfo", asked)))

    def _check_anchor(self, tag: str) -> None:
        """Make sure that no posts means that there are none.

        Raises
        ------
        PermanentError
            The instance does not know the tag.
        """
        if not self._page((tag,), after_id=None, limit=1):
            raise PermanentError(
                f"{self._host} knows no post tagged #{tag}, and then shows none for any tag: choose another anchor"
            )

    # --- reading ---------------------------------------------------------------------------------------------

    def _cursor(self, text: str | None) -> _Cursor:
        """Read a cursor; make the first one where there is none."""
        start = self._bounds.clock.now() - self._bounds.lookback
        known = read_cursor(text, _Cursor, whose="that of a Mastodon timeline", place=self.label)
        return known or _Cursor(start, _id_at(start))

    def _newest(self, page: Sequence[Any], after_id: int) -> int:
        """Return the largest id of a page.

        Raises
        ------
        RetryableError
            None is larger than what was asked for: we would ask for the same page for ever.
        """
        ids = [int(number) for record in page if _is_id(number := _field(record, "id"))]
        newest = max(ids, default=after_id)
        if page and newest <= after_id:
            raise RetryableError(f"{self._host} sent posts that do not go on from where we were")
        return newest

    def _batch(self, page: Sequence[Any], old: _Cursor, new: _Cursor) -> Batch:
        """Read a page.

        Raises
        ------
        RetryableError
            Nothing of it can be used: to vouch for silence would be wrong.
        """
        posts: list[Post] = []
        skipped: list[str] = []
        for place, record in enumerate(reversed(page), start=1):
            post = self._post(record)
            if isinstance(post, Post):
                posts.append(post)
            else:
                number = _field(record, "id")
                skipped.append(f"{self._host} {number if _is_id(number) else f'record {place}'}: {post}")
        if len(skipped) >= FEWEST and not posts:
            raise RetryableError(f"{self._host} sent a page of which nothing can be used: {skipped[0]}")
        observed = (Span(old.until, new.until),) if new.until > old.until else ()
        return Batch(tuple(posts), write_cursor(new), observed=observed, skipped=tuple(skipped))

    def _post(self, record: object) -> Post | str:
        """Make a post of a record; or say what is wrong with it, without its text."""
        try:
            status = msgspec.convert(record, _Status)
        except msgspec.ValidationError as error:
            return str(error)
        if status.created_at > self._bounds.clock.now() + AHEAD:
            return "it is from the future"
        parts = (status.spoiler_text, text_of_html(status.content))
        return Post(
            id=f"{self._host}/{status.id}",
            platform=PLATFORM,
            created_at=status.created_at.astimezone(UTC),
            text="\n".join(filter(None, parts)),
            lang=status.language,
            author_id=f"{self._host}/{status.account.id}",
            is_repost=status.reblog is not None,
            extra=PostExtra(instance=self._host, url=status.url, account_created_at=status.account.created_at),
        )


def _field(record: object, name: str) -> object:
    return record.get(name) if isinstance(record, Mapping) else None


def _is_id(number: object) -> TypeGuard[str]:
    return isinstance(number, str) and number.isascii() and number.isdigit() and len(number) < 20


def _id_at(at: datetime) -> int:
    """Return the smallest id that a post of that instant can have."""
    return round(at.timestamp() * 1000) << 16


def _time_of(number: int) -> datetime:
    """Return the instant that an id holds."""
    return utc((number >> 16) / 1000)
