"""Made-up posts as two platforms would give them: what the benchmarks read.

Of the texts 1 % report trouble, and every service of the catalogue occurs among them once there are 100 posts for each
service; the rest is chatter (:func:`benchmarks.matching.make_posts`). Around the text stand the fields of a platform's
own record, nested and named as there, because ``json.loads`` pays for each of them and a typed decoder skips them.
Nothing in it was ever posted.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from benchmarks.matching import make_posts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Record = dict[str, Any]

START_AT = datetime(2026, 3, 2, tzinfo=UTC)
POSTS_A_SECOND = 36
"""Bluesky at its peak; reports lie thinly over many minutes and services, which is the harder case for the store."""

N_TEXTS = 100_000
"""Texts that are made; a larger corpus says them again, under ids and at times of their own."""

_N_PEOPLE = 50_000
_N_RECORDS = 500
_HEAD_BYTES = 260
"""What the fields take that we read, typically."""

_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
_TOPICS = ("Sports", "Music", "Film and TV", "Politics", "Technology", "Food", "Travel", "Gaming", "Books", "Science")
_LANGUAGES = ("en", "ja", "es", "pt", "de")


@dataclass(frozen=True)
class Shape:
    """How a platform's records look.

    Attributes
    ----------
    platform
        Whose they are.
    n_bytes
        Length of a line; longer where the text is long.
    core
        Makes the fields that every record has beside those that we read.
    part
        Makes one of the fields that there are several of: where it belongs, and what it is.
    """

    platform: str
    n_bytes: int
    core: Callable[[random.Random], Record]
    part: Callable[[random.Random], tuple[str, Record]]


def lines(number: int, shape: Shape, *, seed: int = 7) -> Iterator[bytes]:
    """Yield lines of JSON in the record format, in order of time, without line ends."""
    rng = random.Random(seed)  # noqa: S311 - not for secrets
    texts = [json.dumps(text, ensure_ascii=False) for text in make_posts(min(number, N_TEXTS), seed=seed)]
    people = [_word(rng, 24) for _ in range(_N_PEOPLE)]
    records = [_record(rng, shape) for _ in range(_N_RECORDS)]
    filling = _words(rng, shape.n_bytes)
    for index in range(number):
        at = START_AT + timedelta(microseconds=index * 1_000_000 // POSTS_A_SECOND)
        text = texts[index % len(texts)]
        line = (
            f'{{"id": "{1_890_000_000_000_000_000 + 4_194_304 * index}", "platform": "{shape.platform}", '
            f'"created_at": "{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03}Z", "text": {text}, '
            f'"lang": "{_LANGUAGES[0 if text.isascii() else index % 5]}", '
            f'"author_id": "did:plc:{rng.choice(people)}", {rng.choice(records)}, "bio": "'
        ).encode()
        yield line + filling[: max(0, shape.n_bytes - len(line) - 2)] + b'"}'


def write(file: Path, number: int, shape: Shape) -> None:
    """Write a file of posts."""
    with file.open("wb") as target:
        target.writelines(line + b"\n" for line in lines(number, shape))


def _record(rng: random.Random, shape: Shape) -> str:
    """Return the platform's own fields, most of a line long, as they stand between the braces."""
    record = shape.core(rng)
    while True:
        where, part = shape.part(rng)
        if len(json.dumps(record)) + len(json.dumps(part)) + _HEAD_BYTES > shape.n_bytes:
            break
        record.setdefault(where, []).append(part)
    return json.dumps(record)[1:-1]


def _word(rng: random.Random, length: int) -> str:
    return "".join(rng.choices(_ALPHABET, k=length))


def _words(rng: random.Random, length: int) -> bytes:
    return " ".join(_word(rng, rng.randint(2, 9)) for _ in range(1 + length // 3))[:length].encode()


# --- Bluesky -------------------------------------------------------------------------------------------------


def _bluesky(rng: random.Random) -> Record:
    record = {"$type": "app.bsky.feed.post", "createdAt": "2026-03-02T00:00:00.027Z", "langs": ["en"]}
    return {"rev": _word(rng, 13), "operation": "create", "cid": "bafyrei" + _word(rng, 52), "record": record}


def _facet(rng: random.Random) -> tuple[str, Record]:
    start = rng.randrange(200)
    feature = {"$type": "app.bsky.richtext.facet#mention", "did": "did:plc:" + _word(rng, 24)}
    return "facets", {"index": {"byteStart": start, "byteEnd": start + 20}, "features": [feature]}


# --- X -------------------------------------------------------------------------------------------------------


def _x(rng: random.Random) -> Record:
    def counts(*names: str) -> Record:
        return {name: rng.randrange(5_000) for name in names}

    return {
        "conversation_id": str(rng.randrange(10**18, 10**19)),
        "edit_history_tweet_ids": [str(rng.randrange(10**18, 10**19))],
        "edit_controls": {
            "edits_remaining": 5,
            "is_edit_eligible": False,
            "editable_until": "2026-03-02T01:00:00.000Z",
        },
        "possibly_sensitive": False,
        "reply_settings": "everyone",
        "public_metrics": counts("retweet_count", "reply_count", "like_count", "quote_count", "impression_count"),
        "user": {
            "id": str(rng.randrange(10**12)),
            "name": _word(rng, 9),
            "username": _word(rng, 11),
            "created_at": "2013-04-05T06:07:08.000Z",
            "description": _words(rng, 110).decode(),
            "location": "Springfield",
            "verified": False,
            "protected": False,
            "profile_image_url": f"https://images.example/{_word(rng, 19)}_normal.jpg",
            "public_metrics": counts("followers_count", "following_count", "tweet_count", "listed_count"),
        },
    }


def _annotation(rng: random.Random) -> tuple[str, Record]:
    topic = rng.choice(_TOPICS)
    domain = {"id": str(rng.randrange(200)), "name": topic, "description": f"Posts about {topic}, broadly"}
    return "context_annotations", {"domain": domain, "entity": {"id": str(rng.randrange(10**18)), "name": topic}}


SHAPES = {"700 B": Shape("bluesky", 700, _bluesky, _facet), "2.2 kB": Shape("x", 2_200, _x, _annotation)}
