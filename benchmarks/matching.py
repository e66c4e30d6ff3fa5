"""Posts a second through the reader, beside ``json.loads`` on the same lines and a naive pandas pipeline.

Run with ``python -m benchmarks.matching [posts]``. The corpus is generated: 1 % of the posts report trouble, and every
service of the catalogue occurs among them; some others hold a name, some a cue, and almost half are not ASCII.
Times are CPU seconds of this process, the best of three; compare only within one run.
"""

from __future__ import annotations

import json
import random
import sys
from time import process_time
from typing import TYPE_CHECKING

import msgspec

from detectors.matching import Reader
from detectors.model import Post
from detectors.reference import catalogue

if TYPE_CHECKING:
    from collections.abc import Callable

BATCH = 5_000
RECORD_BYTES = 700
PANDAS_SAMPLE = 500

_WORDS = tuple(
    "the a my your this that morning coffee walk dog cat train late early game match goal team win lose song album "  # noqa: SIM905 - a hundred quotes read worse
    "listen book read write draft paper lunch dinner pasta bread garden rain sun snow wind city street bus bike work "
    "meeting friend mother brother kids school class exam night sleep dream movie scene actor paint color photo light "
    "happy tired funny weird great awful maybe never always again today tomorrow yesterday think know want need make "
    "take give find look feel try leave call ask help start stop run move live believe bring happen".split()
)
_ENDINGS = ("!", ".", "", "", " lol", " 😀", "… \u2019til then", " ❤️", " déjà vu", " — really", "\n\n#mood")
_OTHER = (
    "今日はとても天気がいいので散歩に行きました。",
    "오늘 점심은 김치찌개였어요",
    "сегодня был хороший день",
    "que tarde más bonita, ¿no?",
)
_CUES = (
    "sat down with {}",
    "had a problem with my bike {}",
    "the slow train {}",
    "my heart is broken {}",
    "error in my draft {}",
)
_NAMES = ("watching {} tonight", "new video on {}", "follow me on {}", "my {} playlist")
_REPORTS = (
    "is {} down?",
    "{} isn't working for me",
    "anyone else having issues with {}",
    "{} outage again",
    "{} no funciona",
)


def make_posts(number: int, *, seed: int = 7) -> list[str]:
    """Return the texts of ``number`` posts."""
    rng = random.Random(seed)  # noqa: S311 - not for secrets
    names = [(service.aliases or service.ambiguous)[0] for service in catalogue().values()]
    return [_text(rng, index, names) for index in range(number)]


def _text(rng: random.Random, index: int, names: list[str]) -> str:
    chatter = " ".join(rng.choices(_WORDS, k=rng.randint(4, 28)))
    draw = rng.random()
    if index % 100 == 0:
        return rng.choice(_REPORTS).format(names[index // 100 % len(names)])
    if draw < 0.05:
        return rng.choice(_CUES).format(chatter)
    if draw < 0.10:
        return f"{rng.choice(_NAMES).format(rng.choice(names))} {chatter}"
    if draw < 0.20:
        return rng.choice(_OTHER) * rng.randint(1, 3)
    return chatter + rng.choice(_ENDINGS)


def make_lines(texts: list[str]) -> list[bytes]:
    """Return the posts as JSON lines of about 700 bytes, the rest of which nobody reads."""
    lines = []
    for index, text in enumerate(texts):
        record = {
            "id": f"{index}", "platform": "bluesky", "created_at": "2026-03-01T18:05:00Z", "text": text,
            "lang": "en", "author_id": f"did:plc:{index:024d}",
        }  # fmt: skip
        size = len(json.dumps(record, ensure_ascii=False).encode())
        record["record"] = "x" * max(RECORD_BYTES - size, 0)  # what the platform says beside
        lines.append(json.dumps(record, ensure_ascii=False).encode())
    return lines


def rate(work: Callable[[], object], number: int) -> float:
    """Return how many of ``number`` things ``work`` does in a CPU second, at best."""
    times = []
    for _ in range(3):
        start = process_time()
        work()
        times.append(process_time() - start)
    return number / min(times)


def read_all(reader: Reader, posts: list[Post]) -> int:
    """Read in batches and return the number of reports."""
    return sum(len(reader.read(posts[at : at + BATCH]).reports) for at in range(0, len(posts), BATCH))


def decode_and_read(reader: Reader, lines: list[bytes]) -> int:
    """Decode and read in batches and return the number of reports."""
    decode = msgspec.json.Decoder(Post).decode
    found = 0
    for at in range(0, len(lines), BATCH):
        found += len(reader.read([decode(line) for line in lines[at : at + BATCH]]).reports)
    return found


def pandas_naive(texts: list[str]) -> int:
    """Do what a first attempt does: one ``str.contains`` for each service."""
    import pandas as pd

    column = pd.Series(texts)
    found = 0
    for service in catalogue().values():
        names = "|".join(map(_escape, (*service.aliases, *service.ambiguous)))
        hits = column.str.contains(names, case=False) & column.str.contains("down|outage|not working", case=False)
        found += int(hits.sum())
    return found


def _escape(name: str) -> str:
    return "".join(char if char.isalnum() else f"\\{char}" if char.isascii() else char for char in name)


def main() -> None:
    """Print the table."""
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    reader = Reader()
    texts = make_posts(number)
    lines = make_lines(texts)
    posts = [msgspec.json.decode(line, type=Post) for line in lines]
    reported = {report.service for _, report in reader.read(posts).reports}
    missing = sorted(set(catalogue()) - reported)
    base = rate(lambda: [json.loads(line) for line in lines], number)
    rows = [
        ("json.loads, 700 B", base),
        ("read", rate(lambda: read_all(reader, posts), number)),
        ("decode (msgspec) and read, 700 B", rate(lambda: decode_and_read(reader, lines), number)),
        ("pandas str.contains per service", rate(lambda: pandas_naive(texts[:PANDAS_SAMPLE]), PANDAS_SAMPLE)),
    ]
    print(f"{number} posts, {len(catalogue())} services, not heard of: {len(missing)} {missing[:5]}")
    for name, per_second in rows:
        print(f"{name:36}{per_second:>12,.0f} posts/s{per_second / base:>8.2f} x json.loads")


if __name__ == "__main__":
    main()
