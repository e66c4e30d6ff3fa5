"""Instants as they are stored and as they are used."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def instant(at_us: int) -> datetime:
    """Return an instant (UTC) from microseconds since 1970, exactly.

    Examples
    --------
    >>> instant(1_000_000).isoformat()
    '1970-01-01T00:00:01+00:00'
    """
    return EPOCH + timedelta(microseconds=at_us)
