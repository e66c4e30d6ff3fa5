"""What of a post is kept: no author that could be traced back, nothing that a database would refuse."""

from __future__ import annotations

from datetime import timedelta
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import msgspec

from detectors.counting import micros

if TYPE_CHECKING:
    from detectors.model import Post, Report

_REGIONS = msgspec.json.Encoder(order="deterministic").encode

DAY_US = timedelta(days=1) // timedelta(microseconds=1)
MAX_KEY_BYTES = 256
DELETED = "deleted:"
"""How the name of a deleted post begins."""
BLANK_LENGTH = len(DELETED) + 32


def storable(text: str) -> str:
    """Replace what PostgreSQL or UTF-8 cannot hold: NUL and lone surrogates become U+FFFD.

    Nothing else: the text is kept as it was written; whoever shows it makes it safe to show.
    """
    if "\x00" in text:
        text = text.replace("\x00", "\ufffd")
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def key_text(text: str) -> str:
    """Return a text fit for a key: storable, and bounded, since an index entry has a largest size.

    A longer one is cut and told apart by a hash of the whole.
    """
    text = storable(text)
    encoded = text.encode()
    if len(encoded) <= MAX_KEY_BYTES:
        return text
    return f"{text[:32]}~{blake2b(encoded, digest_size=16).hexdigest()}"


class Pseudonyms:
    """Authors and posts under names that cannot be turned back without the secret.

    The key is derived from the secret and the day (UTC) of the post, so that nobody can be followed from one day to
    the next. Without a secret it is derived from the day alone: good enough for a file that one holds anyway, and
    two replays of it give the same tables.

    Parameters
    ----------
    secret
        Of the store; None for files that one already has.
    """

    def __init__(self, secret: str | None) -> None:
        secret_bytes = (secret or "").encode("utf-8", "surrogatepass")
        self._root = blake2b(secret_bytes, person=b"uproar-root", digest_size=64).digest()
        self._days: dict[int, bytes] = {}

    @property
    def check(self) -> str:
        """Tells whether two stores have the same secret, and nothing else about it."""
        return blake2b(b"check", key=self._root, person=b"uproar-check", digest_size=16).hexdigest()

    def author(self, platform: str, author_id: str | None, at_us: int) -> str | None:
        """Return an author's name for that day; None (a voice of its own) where there is none."""
        if not author_id:
            return None
        day = at_us // DAY_US
        key = self._days.get(day)
        if key is None:
            key = blake2b(str(day).encode(), key=self._root, person=b"uproar-day", digest_size=64).digest()
            self._days = {**self._days, day: key} if len(self._days) < 64 else {day: key}
        return blake2b(_joined(platform, author_id), key=key, digest_size=16).hexdigest()

    def post(self, platform: str, post_id: str) -> str:
        """Return the name under which a deleted post stays forgotten; of its key just as of the post itself."""
        return DELETED + self._keyed(b"uproar-post", key_text(platform), key_text(post_id))

    def account(self, platform: str, author_id: str) -> str:
        """Return the name under which a deleted account stays forgotten."""
        return "account:" + self._keyed(b"uproar-account", platform, author_id)

    def forgotten(self, author: str) -> str:
        """Return what a deleted account's name for a day becomes: still one voice, not to be found by its id."""
        return self._keyed(b"uproar-gone", author)

    def report(self, post: str, service: str) -> str:
        """Return the name of a report of which only the count was kept; ``post`` as :meth:`post` returns it."""
        return self._keyed(b"uproar-report", post, service)

    def _keyed(self, purpose: bytes, *parts: str) -> str:
        return blake2b(_joined(*parts), key=self._root, person=purpose, digest_size=16).hexdigest()


def _joined(*parts: str) -> bytes:
    return "\x00".join(parts).encode("utf-8", "surrogatepass")


def report_row(post: Post, report: Report, source: str, pseudonyms: Pseudonyms) -> dict[str, Any]:
    """Return the row of a report in the table of reports."""
    at_us = micros(post.created_at)
    return {
        "created_at": at_us,
        "platform": key_text(post.platform),
        "post_id": key_text(post.id),
        "service": key_text(report.service),
        "source": source,
        "author": pseudonyms.author(post.platform, post.author_id, at_us),
        "weight": report.weight,
        "label": report.label,
        "is_repost": report.is_repost or post.is_repost,
        "symptoms": msgspec.json.encode([storable(name) for name in report.symptoms]).decode(),
        "text": storable(post.text),
        "lang": None if post.lang is None else storable(post.lang),
        "user_location": None if post.user_location is None else storable(post.user_location),
        "geo": _geo(post),
        "regions": _REGIONS(report.regions).decode() if report.regions else "",
    }


def _geo(post: Post) -> str | None:
    """Return the place as JSON; None where the post has none."""
    if post.geo is None:
        return None
    fields = msgspec.to_builtins(post.geo)
    return msgspec.json.encode(
        {name: storable(value) if isinstance(value, str) else value for name, value in fields.items()}
    ).decode()


FORGOTTEN: dict[str, Any] = {"text": "", "lang": None, "user_location": None, "geo": None}
"""What a deleted post leaves of these columns; its symptoms and its pseudonym stay, since counts stay."""
