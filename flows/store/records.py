"""Records as JSON. As Python writes it: it keeps NaN, which is "unknown", and infinity apart from null."""

from __future__ import annotations

import json
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")


def pack(record: Any) -> str:  # noqa: ANN401 - any Struct
    """Return a record as JSON.

    >>> pack([float("nan"), None])
    '[NaN,null]'
    """
    return json.dumps(msgspec.to_builtins(record), separators=(",", ":"), ensure_ascii=False)


def unpack(text: str, kind: type[T]) -> T:
    """Return the record that :func:`pack` was given."""
    return msgspec.convert(json.loads(text), kind)
