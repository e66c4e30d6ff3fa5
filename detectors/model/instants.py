"""Instants: aware, UTC, in fields that end in ``_at``."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from msgspec import Meta, Struct

Instant = Annotated[datetime, Meta(tz=True)]  # naive times are refused when decoded


def utc(seconds: float) -> datetime:
    """Return the instant ``seconds`` after 1970-01-01 00:00 UTC.

    >>> utc(0).isoformat()
    '1970-01-01T00:00:00+00:00'
    """
    return datetime.fromtimestamp(seconds, UTC)


class Estimate(Struct, frozen=True):
    """An instant that we estimate, with its interval (90 %)."""

    at: Instant
    low_at: Instant
    high_at: Instant
