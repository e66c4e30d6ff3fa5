"""Apple's system status, as JSON or wrapped in a call (JSONP); the wrapping is taken off, never run.

An event stands under the service that it concerns, with one text that is replaced in place. ``epochEndDate`` that is
null or still to come means that it goes on; ``eventStatus`` may be missing. Times stand twice: as local text and as
milliseconds, which tell what zone the text is in. Old events leave the feed.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from detectors.errors import RetryableError
from flows.sources.statuspage.notice import Notice, Reading
from flows.sources.statuspage.reading import (
    MAX_BODY,
    MAX_KEY,
    MAX_NAMES,
    Fields,
    decode,
    impact_of,
    plausible,
    state_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from detectors.model import StatusState

_CALL = re.compile(rb"[A-Za-z_$][\w$.]{0,100}\s*\(")
_STAMP = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4}) (\d{1,2}):(\d{2})(?: ([A-Z]{2,5}))?")
_ZONES_H = {"PST": -8, "PDT": -7, "UTC": 0, "GMT": 0}
_QUARTER = timedelta(minutes=15)
_WIDEST = timedelta(hours=15)


def endpoints(url: str) -> dict[str, str]:
    """Return the one document of the page."""
    return {"system status": url}


def read(body: bytes, name: str, reading: Reading) -> Iterator[Notice]:
    """Yield the events."""
    document = reading.fields(decode(_unwrapped(body, reading.page.name), what=reading.page.name), name, "services")
    for service in document.objects("services", "service"):
        component = service.text("serviceName", MAX_KEY)
        for event in service.objects("events", "event"):
            yield _notice(component, event, reading)


def _unwrapped(body: bytes, page: str) -> bytes:
    """Return the argument of the call that a document may be wrapped in.

    Raises
    ------
    RetryableError
        It is neither JSON nor one call with one argument; JSON itself is checked by whoever decodes it.
    """
    text = body.removeprefix(b"\xef\xbb\xbf").strip()
    if text[:1] in (b"{", b"["):
        return text
    call = _CALL.match(text)
    end = text.rstrip(b"; \t\r\n")
    if call is None or not end.endswith(b")"):
        raise RetryableError(f"{page} sent something that is neither JSON nor JSON in a call")
    return end[call.end() : -1]


def _notice(component: str, event: Fields, reading: Reading) -> Notice:
    started_at, end_at = event.epoch_ms("epochStartDate"), event.epoch_ms("epochEndDate")
    raw_state, raw_impact = event.text("eventStatus"), event.text("statusType")
    state = _state(raw_state, started_at, end_at, reading.seen_at)
    is_planned = impact_of(raw_impact) == "maintenance"
    begun = started_at.isoformat() if started_at else "at an unknown time"
    return Notice(
        id=event.text("messageId", MAX_KEY) or f"{component}, {begun}",
        part=component,
        title=component,
        state=state,
        raw_state=raw_state,
        impact=impact_of(raw_impact),
        raw_impact=raw_impact,
        is_maintenance=is_planned,
        component=component,
        scope_text=event.text("usersAffected", MAX_NAMES),
        body=event.text("message", MAX_BODY),
        started_at=started_at,
        resolved_at=end_at if state == "resolved" else None,
        scheduled_at=started_at if state == "scheduled" else None,
        scheduled_end_at=end_at if state != "resolved" else None,
        posted_at=_posted_at(event, started_at),
    )


def _state(raw: str, started_at: datetime | None, end_at: datetime | None, now: datetime) -> StatusState:
    """Return the state of an event; its end decides, and its word where it has no end."""
    if end_at is not None and end_at <= now:
        return "resolved"
    said = state_of(raw)
    if said == "resolved":
        return said
    return "scheduled" if started_at is not None and started_at > now else "open"


def _posted_at(event: Fields, started_at: datetime | None) -> datetime | None:
    """Return when the event was last posted: a local text, in the zone that the start shows."""
    local, zone = _local(event.text("datePosted"))
    if local is None:
        return None
    of_start, zone_of_start = _local(event.text("startDate"))
    if of_start is not None and started_at is not None and zone == zone_of_start:
        offset = round((of_start - started_at) / _QUARTER) * _QUARTER
        if abs(offset) <= _WIDEST:
            return plausible(local - offset)
    hours = _ZONES_H.get(zone)
    return None if hours is None else plausible(local - timedelta(hours=hours))


def _local(text: str) -> tuple[datetime | None, str]:
    """Return a local time, as if it were UTC, and the name of its zone."""
    found = _STAMP.fullmatch(text.strip())
    if found is None:
        return None, ""
    month, day, year, hour, minute, zone = found.groups()
    try:
        return datetime(int(year), int(month), int(day), int(hour), int(minute), tzinfo=UTC), zone or ""
    except ValueError:
        return None, ""
