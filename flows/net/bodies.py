"""What a platform sent, bounded and decoded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from detectors.errors import PermanentError, RetryableError

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_BYTES = 20_000_000
"""More than any answer that we ask for; 194 kB of gzip can hold 200 MB."""


def bounded(chunks: Iterable[bytes], *, what: str, max_bytes: int = MAX_BYTES) -> bytes:
    """Return the chunks as one, unpacked.

    Raises
    ------
    PermanentError
        There is more than ``max_bytes`` of it.
    """
    parts, size = [], 0
    for chunk in chunks:
        size += len(chunk)
        if size > max_bytes:
            raise PermanentError(f"{what} sent more than {max_bytes / 1e6:g} MB; the rest was not read")
        parts.append(chunk)
    return b"".join(parts)


def decode_json(body: bytes, *, what: str) -> Any:  # noqa: ANN401 - whatever JSON holds
    """Decode JSON.

    Raises
    ------
    RetryableError
        It is none (cut short, HTML, NaN) or nested too deep: a proxy or a platform in trouble may say so for a while.
    """
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        kind = "HTML" if body.lstrip()[:1] == b"<" else "something that is not JSON"
        raise RetryableError(f"{what} sent {kind} where JSON was wanted") from None
