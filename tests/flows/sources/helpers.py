"""What the source tests talk with."""

from __future__ import annotations

import gzip
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import zstandard

from flows.sources.archive import Archive, Rules
from tests.builders import START, post

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from detectors.model import Batch

NOW = START + timedelta(days=2)
PACKED: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.compress,
    ".zst": zstandard.ZstdCompressor().compress,
}


def at(minute: float) -> datetime:
    return START + timedelta(minutes=minute)


def line(number: int, minute: float | None = None, **fields: Any) -> bytes:
    """Return the line of a post."""
    return msgspec.json.encode(post(number, minute=number if minute is None else minute, **fields))


def write(path: Path, *lines: bytes, end: bytes = b"\n") -> Path:
    """Write lines, packed as the path's suffix says."""
    packed = PACKED.get(path.suffix, bytes)
    path.write_bytes(packed(b"\n".join(lines) + end))
    return path


def archive(path: Path, **fields: Any) -> Archive:
    given: dict[str, Any] = {"now": NOW, "rules": Rules()} | fields
    return Archive(path, **given)


def fetch(path: Path, cursor: str | None = None, **fields: Any) -> tuple[list[Batch], Archive]:
    """Read a file to its end."""
    source = archive(path, **fields)
    return list(source.fetch("", cursor)), source


def ids(batches: list[Batch]) -> list[str]:
    return [one.id for batch in batches for one in batch.posts]


def skipped(batches: list[Batch]) -> list[str]:
    return [message for batch in batches for message in batch.skipped]
