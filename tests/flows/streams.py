"""Streams of posts with an outage in them, for the flows: small, seeded, apart from the project's simulator."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from detectors.model import Batch, Post, PostExtra, Span, utc
from flows.sources.base import Query
from tests.builders import START

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from detectors.model import Service

HOUR = 60


def at(minute: float) -> datetime:
    """Return the instant, so many minutes after the start of the streams."""
    return START + timedelta(minutes=minute)


@dataclass(frozen=True)
class Outage:
    """What goes wrong in a stream: from when to when (minutes), and how many more reports a minute."""

    begin: int = 16 * HOUR
    end: int = 16 * HOUR + 40
    extra: float = 12.0
    service: str = "iMessage"


def stream(
    *outages: Outage, hours: float = 19, services: Sequence[str] = ("iMessage",), rate: float = 1.0, seed: int = 1
) -> list[Post]:
    """Return posts of forms that say which service they are about, sorted by time."""
    rng = np.random.default_rng(seed)
    posts = []
    for service in services:
        mean = np.full(int(hours * HOUR), rate)
        for outage in outages:
            if outage.service == service:
                mean[outage.begin : outage.end] += outage.extra
        minutes = np.repeat(np.arange(len(mean)), rng.poisson(mean)) + 0.0
        minutes += rng.random(len(minutes))
        posts += [_post(f"{service}-{n}", service, float(minute)) for n, minute in enumerate(minutes)]
    return sorted(posts, key=lambda one: one.created_at)


def _post(identity: str, service: str, minute: float) -> Post:
    created_at = utc(round(at(minute).timestamp(), 3))
    extra = PostExtra(service=service, symptom="Cannot send" if identity.endswith("7") else None)
    return Post(identity, "form", created_at, "It does not work", author_id=f"by {identity}", extra=extra)


def line(post: Post) -> bytes:
    return msgspec.json.encode(post) + b"\n"


def write(path: Path, posts: Sequence[Post]) -> Path:
    """Write posts as an archive."""
    path.write_bytes(b"".join(map(line, posts)))
    return path


def add(path: Path, posts: Sequence[Post]) -> None:
    """Let an archive grow."""
    with path.open("ab") as file:
        file.writelines(map(line, posts))


@dataclass
class Given:
    """A source that gives the batches it was given, once each."""

    batches: list[Batch]
    name: str = "given"
    label: str = "given:one"
    asked: list[tuple[str, str | None]] = field(default_factory=list)

    def queries(self, services: Sequence[Service] | None) -> tuple[Query, ...]:
        if services is None:
            return (Query(self.label),)
        names = tuple(service.id for service in services)
        return (Query(f"{self.label} for {', '.join(names)}", names),)

    def fetch(self, query: str, cursor: str | None) -> Iterator[Batch]:
        self.asked.append((query, cursor))
        yield from self.batches[int(cursor or 0) :]


def batch(number: int, posts: Sequence[Post], *, observed: tuple[Span, ...] = (), **fields: Any) -> Batch:
    """Build the ``number``-th batch of a :class:`Given`, from 1."""
    return Batch(tuple(posts), str(number), observed=observed, **fields)


def whole(posts: Sequence[Post], hours: float = 19) -> Given:
    """Return a source that gives all of it at once, and vouches for that time."""
    return Given([batch(1, posts, observed=(Span(at(0), at(hours * HOUR)),))])
