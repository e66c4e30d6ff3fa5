"""Lines to posts: what is wrong with those that are none, without repeating them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from detectors.model import Post
from flows.sources.bounded import Limits

if TYPE_CHECKING:
    from collections.abc import Sequence

BOM = b"\xef\xbb\xbf"
MOST_MESSAGES = 100
OLDEST = datetime(2000, 1, 1, tzinfo=UTC)
"""No public post is older; an earlier time is a mistake, and would make a series of millions of bins."""

TOO_LONG, NOT_JSON, NOT_UTF8, TOO_DEEP = "line too long", "not JSON", "not UTF-8", "nested too deeply"
NOT_A_POST, NO_ZONE, FUTURE, TOO_OLD = "not a post", "no time zone", "in the future", "before 2000"
UNFINISHED, DAMAGED = "unfinished line", "damaged file"

_decode = msgspec.json.Decoder(Post).decode


class Rules(Struct, frozen=True):
    """What is believed of an archive.

    Attributes
    ----------
    limits
        How much is unpacked, and how long a line may be.
    ahead
        How far a post may lie after ``now``: clocks differ. One further in the future is skipped.
    quiet
        A stretch without any post that is longer than this was not observed; a shorter one was just quiet.
    """

    limits: Limits = Limits()
    ahead: timedelta = timedelta(minutes=5)
    quiet: timedelta = timedelta(days=7)


class Tally(Struct):
    """What has been found in a file so far, in earlier runs too.

    Attributes
    ----------
    n_lines, n_posts
        Lines read, and those that were posts.
    skipped
        How many lines could not be used, by reason.
    out_of_order
        Posts that are older than one before them; they are counted where they belong.
    first_out_of_order
        Where the first of those stands, as ``file:line``.
    messages
        The first hundred lines of this run that could not be used, as ``file:line: what is wrong``.
    """

    n_lines: int = 0
    n_posts: int = 0
    skipped: dict[str, int] = {}
    out_of_order: int = 0
    first_out_of_order: str | None = None
    messages: list[str] = []

    @property
    def n_skipped(self) -> int:
        """How many lines could not be used."""
        return sum(self.skipped.values())

    def skip(self, reason: str, message: str) -> None:
        """Count a line that could not be used."""
        self.skipped[reason] = self.skipped.get(reason, 0) + 1
        if len(self.messages) < MOST_MESSAGES:
            self.messages.append(message)


class Verdict(NamedTuple):
    """A post, or why a line is none: ``reason`` is one of a few, ``detail`` says it in full."""

    post: Post | None
    reason: str = ""
    detail: str = ""


class Judged(NamedTuple):
    """Posts with their places among the lines, and what is wrong with the others."""

    posts: tuple[Post, ...]
    places: Sequence[int]
    skipped: tuple[tuple[int, Verdict], ...]


def judge_all(lines: Sequence[bytes], limit: datetime) -> Judged:
    """Judge many lines: at once where all are good, one by one where not.

    Parameters
    ----------
    limit
        Posts after this are from the future (UTC).
    """
    try:
        posts = tuple(map(_decode, lines))
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return _one_by_one(lines, limit)
    for post in posts:
        if post.created_at.tzinfo is not UTC or not OLDEST <= post.created_at <= limit:
            return _one_by_one(lines, limit)
    return Judged(posts, range(len(posts)), ())


def _one_by_one(lines: Sequence[bytes], limit: datetime) -> Judged:
    found = [(place, judge(line, limit)) for place, line in enumerate(lines) if line.strip()]
    good = [(place, verdict.post) for place, verdict in found if verdict.post is not None]
    return Judged(
        tuple(post for _, post in good),
        [place for place, _ in good],
        tuple((place, verdict) for place, verdict in found if verdict.post is None),
    )


def judge(line: bytes, limit: datetime) -> Verdict:
    """Tell whether a line is a post."""
    try:
        post = _decode(line.removeprefix(BOM))
    except RecursionError:
        return Verdict(None, TOO_DEEP, "nested too deeply")
    except UnicodeError:
        return Verdict(None, NOT_UTF8, "not UTF-8")
    except msgspec.ValidationError as error:
        return _not_a_post(str(error))
    except msgspec.DecodeError:
        return Verdict(None, NOT_JSON, "not JSON")
    return _in_time(post, limit)


def _in_time(post: Post, limit: datetime) -> Verdict:
    """Refuse a post whose time cannot be; give the others in UTC."""
    if post.created_at < OLDEST:
        return Verdict(None, TOO_OLD, f"created_at is before {OLDEST.year}")
    if post.created_at > limit:
        return Verdict(None, FUTURE, "created_at lies in the future")
    if post.created_at.tzinfo is not UTC:
        post = replace(post, created_at=post.created_at.astimezone(UTC))
    return Verdict(post)


def _not_a_post(message: str) -> Verdict:
    """Say what of the record is wrong; the decoder's message names fields and types, never values."""
    if "timezone" in message and "$.created_at" in message:
        return Verdict(None, NO_ZONE, "created_at has no time zone; write it like 2026-03-01T18:05:00Z")
    message = message.replace(" - at `$.", " in `").replace("`$`", "the record")
    return Verdict(None, NOT_A_POST, f"not a post: {message[:1].lower()}{message[1:]}")
