"""What X's interface (version 2) sends, read into our vocabulary.

Every record is read by itself: one that cannot be used is named by its place in the answer, never by its text.
"""

from __future__ import annotations

import html
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import msgspec
from msgspec import Struct

from detectors.errors import RetryableError
from detectors.model import Geo, Instant, Post, PostExtra
from detectors.text import printable
from flows.net import decode_json
from flows.sources.x_terms import PLATFORM

if TYPE_CHECKING:
    from collections.abc import Iterable

T = TypeVar("T", bound=Struct)

_ID_EPOCH_MS = 1_288_834_974_657
_ID_SHIFT = 22
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NO_LANGUAGE = frozenset({"und", "zxx", "qam", "qct", "qht", "qme", "qst", "art"})
"""What X says of posts without words: media, links, tags only."""

REFERENCES = "referenced_tweets"
POST_FIELDS = ("author_id", "created_at", "geo", "lang", REFERENCES)
PLACE_FIELDS = ("country_code", "full_name", "name", "place_type")
USER_FIELDS = ("created_at", "location")


def id_at(at: datetime) -> int:
    """Return the smallest id of a post of this instant (UTC): X's ids count milliseconds in all but their last 22 bits.

    The layout is that of Snowflake, which Twitter published in 2010.

    >>> id_at(datetime(2010, 11, 4, 1, 42, 54, 657000, tzinfo=UTC))
    0
    """
    return max(0, (at - _EPOCH) // timedelta(milliseconds=1) - _ID_EPOCH_MS) << _ID_SHIFT


def time_of(post_id: int) -> datetime:
    """Return when a post with this id was made (UTC), to the millisecond."""
    return _EPOCH + timedelta(milliseconds=(post_id >> _ID_SHIFT) + _ID_EPOCH_MS)


# --- records -------------------------------------------------------------------------------------------------


class Meta(Struct, frozen=True):
    """What an answer says of itself."""

    next_token: str | None = None
    newest_id: str | None = None
    total_tweet_count: int | None = None


class Answer(Struct, frozen=True):
    """The outer form of an answer; the records are looked at one by one."""

    meta: Meta = Meta()
    data: list[Any] = []
    includes: dict[str, Any] = {}
    errors: list[Any] = []


class Bucket(Struct, frozen=True):
    """Posts of a stretch of time (UTC)."""

    start: Instant
    end: Instant
    tweet_count: int


class Problem(Struct, frozen=True):
    """What went wrong with a part of a request."""

    type: str = ""
    title: str = ""
    resource_id: str = ""
    disconnect_type: str = ""

    @property
    def is_gone(self) -> bool:
        """Whether it says that a post is gone, or not ours to see any more."""
        return self.type.rpartition("/")[2] in {"resource-not-found", "not-authorized-for-resource"}


class Rule(Struct, frozen=True):
    """A rule of the filtered stream."""

    id: str
    value: str
    tag: str = ""


class _Message(Struct, frozen=True):
    message: str = ""


class _Refusal(Struct, frozen=True):
    title: str = ""
    detail: str = ""
    errors: tuple[_Message, ...] = ()


class _Point(Struct, frozen=True):
    coordinates: tuple[float, float]
    """Longitude, latitude."""


class _PostGeo(Struct, frozen=True):
    place_id: str | None = None
    coordinates: _Point | None = None


class _Reference(Struct, frozen=True):
    type: str = ""


class _Post(Struct, frozen=True):
    id: str
    text: str
    created_at: Instant
    author_id: str | None = None
    lang: str | None = None
    geo: _PostGeo | None = None
    referenced_tweets: tuple[_Reference, ...] = ()


class _Place(Struct, frozen=True):
    id: str
    country_code: str | None = None
    name: str | None = None
    place_type: str | None = None


class _User(Struct, frozen=True):
    id: str
    location: str | None = None
    created_at: Instant | None = None


class Read(NamedTuple):
    """The posts of an answer, and what could not be used of it."""

    posts: tuple[Post, ...]
    skipped: tuple[str, ...]


# --- reading -------------------------------------------------------------------------------------------------


def read_answer(body: bytes, *, what: str, has_meta: bool = False) -> Answer:
    """Read an answer.

    Parameters
    ----------
    body
        As it came.
    what
        Who sent it, for messages.
    has_meta
        Whether a good one says something of itself: without it, no posts would look like nobody having posted.

    Raises
    ------
    RetryableError
        It is not JSON, or has another form: X, or a proxy, is in trouble.
    """
    try:
        found = decode_json(body, what=what)
        if has_meta and not (isinstance(found, dict) and found.get("meta")):
            raise RetryableError(f"{what} sent an answer that is not whole")
        return msgspec.convert(found, Answer)
    except msgspec.ValidationError:
        raise RetryableError(f"{what} sent JSON of another form than its interface describes") from None


def read_refusal(body: bytes) -> str:
    """Return X's own words for not doing what it was asked, in one line; empty where it has none."""
    try:
        found = msgspec.json.decode(body, type=_Refusal)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return ""
    messages = [error.message for error in found.errors if error.message]
    return printable((messages or [found.detail or found.title])[0], limit=200)


def read_posts(answer: Answer) -> Read:
    """Read the posts of an answer, with the places and users that came with them."""
    places = {place.id: place for place in _all(answer.includes.get("places"), _Place)}
    users = {user.id: user for user in _all(answer.includes.get("users"), _User)}
    posts: list[Post] = []
    skipped: list[str] = []
    for number, record in enumerate(answer.data, start=1):
        try:
            raw = msgspec.convert(record, _Post)
            post = _post(raw, places, users)
            posts.append(msgspec.convert(msgspec.to_builtins(post, builtin_types=(datetime,)), Post))
        except msgspec.ValidationError as error:
            skipped.append(f"X: record {number} of an answer is no post: {_plain(error)}")
    return Read(tuple(posts), tuple(skipped))


def read_buckets(answer: Answer) -> list[Bucket]:
    """Read counts; what is none is left out, and so stays unknown."""
    return [bucket for bucket in _all(answer.data, Bucket) if bucket.tweet_count >= 0]


def read_problems(answer: Answer) -> list[Problem]:
    """Read what went wrong with parts of a request."""
    return list(_all(answer.errors, Problem))


def read_rules(answer: Answer) -> list[Rule]:
    """Read the rules of the filtered stream."""
    return list(_all(answer.data, Rule))


def _post(raw: _Post, places: dict[str, _Place], users: dict[str, _User]) -> Post:
    user = users.get(raw.author_id or "")
    born_at = user.created_at if user else None
    return Post(
        id=raw.id,
        platform=PLATFORM,
        created_at=raw.created_at.astimezone(UTC),
        text=html.unescape(raw.text),
        lang=None if raw.lang in _NO_LANGUAGE else raw.lang,
        author_id=raw.author_id,
        user_location=user.location if user else None,
        geo=_geo(raw.geo, places) if raw.geo else None,
        is_repost=any(reference.type == "retweeted" for reference in raw.referenced_tweets),
        extra=PostExtra(account_created_at=born_at) if born_at else None,
    )


def _geo(given: _PostGeo, places: dict[str, _Place]) -> Geo | None:
    """Return where a post comes from, as far as X says; None if it says nothing that we keep."""
    place = places.get(given.place_id or "")
    lon, lat = given.coordinates.coordinates if given.coordinates else (None, None)
    kind = place.place_type if place else None
    geo = Geo(
        country=place.country_code if place else None,
        state=place.name if place and kind == "admin" else None,
        city=place.name if place and kind == "city" else None,
        lat=lat,
        lon=lon,
    )
    return geo if geo != Geo() else None


def _all(records: object, kind: type[T]) -> Iterable[T]:
    """Yield the records that are of a kind."""
    for record in records if isinstance(records, list) else ():
        try:
            yield msgspec.convert(record, kind)
        except msgspec.ValidationError:
            continue


def _plain(error: msgspec.ValidationError) -> str:
    """Return a message of msgspec without its path of symbols; it never holds a value."""
    return str(error).replace("`", "'").replace("$.", "").replace("'$'", "the record")
