"""Slack's status, ``/api/v2.0.0/current`` (an object, what goes on) and ``/history`` (a list, what is over).

Notes have no names and keep their date when they are edited, so that the date stands for a name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flows.sources.statuspage.notice import Notice, Reading, Update, in_order, named
from flows.sources.statuspage.reading import (
    MAX_BODY,
    MAX_KEY,
    MAX_TITLE,
    Fields,
    clean,
    decode,
    impact_of,
    joined,
    objects,
    state_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


def endpoints(url: str) -> dict[str, str]:
    """Return the documents of the page: their names and addresses."""
    base = url.rstrip("/").rpartition("/")[0] if url.rstrip("/").endswith("/current") else url.rstrip("/")
    return {"current": f"{base}/current", "history": f"{base}/history"}


def read(body: bytes, name: str, reading: Reading) -> Iterator[Notice]:
    """Yield the incidents of either document."""
    document = decode(body, what=reading.page.name)
    if isinstance(document, list):
        listed = objects(document, "incident", reading.notes)
    else:
        listed = reading.fields(document, name, "active_incidents").objects("active_incidents", "incident")
    for one in listed:
        incident_id = reading.required(one, "id")
        if incident_id:
            yield _notice(incident_id, one)


def _notice(incident_id: str, one: Fields) -> Notice:
    raw_state, kind = one.text("status"), one.text("type")
    state = state_of(raw_state)
    state = "open" if state == "unknown" else state
    updated_at, started_at = one.at("date_updated"), one.at("date_created")
    return Notice(
        id=incident_id,
        title=one.text("title", MAX_TITLE),
        state=state,
        raw_state=raw_state,
        impact=impact_of(kind),
        raw_impact=kind,
        is_maintenance=kind == "maintenance",
        component=joined(_services(one)),
        started_at=started_at,
        resolved_at=updated_at if state == "resolved" else None,
        updated_at=updated_at,
        url=one.text("url", MAX_TITLE),
        updates=named(in_order(_update(note) for note in one.objects("notes", "note"))),
    )


def _services(one: Fields) -> list[str]:
    return [clean(name, MAX_KEY) for name in one.values("services") if isinstance(name, str)]


def _update(note: Fields) -> Update:
    posted_at = note.at("date_created")
    return Update(
        id=posted_at.isoformat() if posted_at else "",
        body=note.text("body", MAX_BODY),
        posted_at=posted_at,
    )
