"""Times without a year ("Mar 3, 20:41 UTC"), as feeds of incidents have them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

STAMP = re.compile(r"([A-Z][a-z]{2})[a-z]{0,7}\.? (\d{1,2}), (\d{1,2}):(\d{2})(?: ([A-Z]{2,5}|[+-]\d{2}:?\d{2}))?")

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_HOURS = {
    "UTC": 0,
    "GMT": 0,
    "WET": 0,
    "BST": 1,
    "WEST": 1,
    "CET": 1,
    "CEST": 2,
    "EET": 2,
    "EEST": 3,
    "EST": -5,
    "EDT": -4,
    "CST": -6,
    "CDT": -5,
    "MST": -7,
    "MDT": -6,
    "PST": -8,
    "PDT": -7,
    "JST": 9,
    "AEST": 10,
    "AEDT": 11,
}
"""Zones by what pages call them; where a name means several, as American and European pages use it."""

_SLACK = timedelta(hours=36)
_QUARTER = timedelta(minutes=15)
_WIDEST = timedelta(hours=15)


def moments(stamps: Sequence[str], newest_at: datetime) -> list[datetime | None]:
    """Return the instants (UTC) of stamps, which come newest first.

    Parameters
    ----------
    stamps
        As :data:`STAMP` matches them.
    newest_at
        About when the newest was written (UTC): each is the latest such date that is not after the one before it, give
        or take a day and a half. It tells the offset of a zone, too, whose name we do not know.

    Returns
    -------
    list of datetime or None
        None where a stamp is no time ("Feb 30").

    Examples
    --------
    >>> [str(at) for at in moments(["Jan 1, 00:10 UTC", "Dec 31, 23:50 UTC"], datetime(2026, 1, 1, tzinfo=UTC))]
    ['2026-01-01 00:10:00+00:00', '2025-12-31 23:50:00+00:00']
    """
    offsets: dict[str, timedelta] = {}
    found: list[datetime | None] = []
    before = newest_at
    for stamp in stamps:
        at = _moment(stamp, before, offsets)
        found.append(at)
        before = at or before
    return found


def _moment(stamp: str, before: datetime, offsets: dict[str, timedelta]) -> datetime | None:
    match = STAMP.fullmatch(stamp)
    local = None if match is None else _latest(match, before)
    if match is None or local is None:
        return None
    zone = match[5] or "UTC"
    if zone not in offsets:
        offsets[zone] = _offset(zone, local, before)
    return local - offsets[zone]


def _latest(match: re.Match[str], before: datetime) -> datetime | None:
    """Return the latest date of a stamp that is not after an instant, as if it were UTC."""
    if match[1] not in _MONTHS:
        return None
    month, day, hour, minute = _MONTHS.index(match[1]) + 1, int(match[2]), int(match[3]), int(match[4])
    for year in range(before.year + 1, before.year - 9, -1):
        try:
            at = datetime(year, month, day, hour, minute, tzinfo=UTC)
        except ValueError:
            continue  # 29 February, or no date at all
        if at <= before + _SLACK:
            return at
    return None


def _offset(zone: str, local: datetime, at: datetime) -> timedelta:
    """Return the offset of a zone: as written, as known, or as an instant shows that the stamp stands for."""
    if zone[0] in "+-":
        digits = zone[1:].replace(":", "")
        size = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
        return size if zone[0] == "+" else -size
    if zone in _HOURS:
        return timedelta(hours=_HOURS[zone])
    shown = round((local - at) / _QUARTER) * _QUARTER
    return shown if abs(shown) <= _WIDEST else timedelta(0)
