"""What a platform gave us, and what we read in it."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from detectors.model.instants import Instant  # noqa: TC001 - msgspec reads annotations

ShortText = Annotated[str, Meta(min_length=1, max_length=512)]


class Geo(Struct, frozen=True, gc=False, omit_defaults=True):
    """Where a platform says that a post comes from; ``lat`` and ``lon`` in degrees."""

    country: str | None = None
    state: str | None = None
    city: str | None = None
    zip: str | None = None
    lat: Annotated[float, Meta(ge=-90, le=90)] | None = None
    lon: Annotated[float, Meta(ge=-180, le=180)] | None = None


class PostExtra(Struct, frozen=True, gc=False, omit_defaults=True):
    """What only some platforms know. ``service``, where given, makes the post a report without matching."""

    service: str | None = None
    symptom: str | None = None
    subreddit: str | None = None
    instance: str | None = None
    url: str | None = None
    account_created_at: Instant | None = None
    received_at: Instant | None = None


class Post(Struct, frozen=True, gc=False, omit_defaults=True):
    """One post, as a platform gave it to us. A null author counts as a voice of its own.

    >>> import msgspec
    >>> line = b'{"id":"1","platform":"x","created_at":"2026-03-01T18:05:00Z","text":"imessage down?"}'
    >>> msgspec.json.decode(line, type=Post).text
    'imessage down?'
    """

    id: ShortText
    platform: ShortText
    created_at: Instant
    text: str
    lang: str | None = None
    author_id: str | None = None
    user_location: str | None = None
    geo: Geo | None = None
    is_repost: bool = False
    extra: PostExtra | None = None


class Span(Struct, frozen=True, gc=False):
    """``start_at <= t < end_at`` (UTC), of which a source has seen the share ``coverage``, in (0, 1]."""

    start_at: Instant
    end_at: Instant
    coverage: float = 1.0


class Gap(Struct, frozen=True, gc=False):
    """A stretch that a source could not show us, and why: neither health nor outage."""

    start_at: Instant
    end_at: Instant
    reason: str


class Batch(Struct, frozen=True):
    """What one fetch from a source brought: committed whole, or not at all.

    Attributes
    ----------
    posts
        In the order in which the source gave them.
    cursor
        Opaque to everybody but the source: where the next fetch goes on.
    observed
        What of the time the source vouches for; a minute outside every span is unknown.
    deleted
        ``(platform, id)`` of posts that are to be forgotten.
    deleted_authors
        ``(platform, author_id)`` of accounts of which everything is to be forgotten.
    gap
        A hole in what the source could show.
    skipped
        Lines that could not be used: ``file:line: what is wrong``.
    file, lines
        Where each of the posts stands, if they come from a file.
    """

    posts: tuple[Post, ...]
    cursor: str
    observed: tuple[Span, ...] = ()
    deleted: tuple[tuple[str, str], ...] = ()
    deleted_authors: tuple[tuple[str, str], ...] = ()
    gap: Gap | None = None
    skipped: tuple[str, ...] = ()
    file: str = ""
    lines: tuple[int, ...] = ()


class Report(Struct, frozen=True, gc=False):
    """A post judged to be about trouble with one service. It travels beside its post: ``(post, report)``.

    Attributes
    ----------
    service
        The service's id in the catalogue, for instance ``imessage``.
    weight
        P(first-hand or asking), in (0, 1]. 1 until the first-hand filter tells them apart.
    label
        What kind of post it is; ``report`` until the first-hand filter tells them apart.
    is_repost
        Kept and counted beside, never in the series that the detector reads.
    symptoms
        What is broken, in the words of the symptom lexicon or of the form that was filled in; empty where the
        post does not say.
    regions
        Where it comes from: (region, part of the report that counts there), of every level; empty where nothing
        says so.
    """

    service: str
    weight: float = 1.0
    label: str = "report"
    is_repost: bool = False
    symptoms: tuple[str, ...] = ()
    regions: tuple[tuple[str, float], ...] = ()
