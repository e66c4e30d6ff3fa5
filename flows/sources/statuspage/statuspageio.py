"""Pages in the manner of statuspage.io: ``/api/v2/summary.json`` and ``/api/v2/incidents.json``.

The summary lists what is open and what maintenance is planned, the other the last fifty incidents with their ends: an
incident leaves the summary when it is over, and only ``incidents.json`` says when that was. An edit of an update shows
as ``updated_at`` after ``created_at``; the old words are gone.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from flows.sources.statuspage.notice import Notice, Reading, Update, in_order, named
from flows.sources.statuspage.reading import (
    MAX_BODY,
    MAX_KEY,
    MAX_TITLE,
    Fields,
    decode,
    impact_of,
    joined,
    state_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from detectors.model import StatusState


def endpoints(url: str) -> dict[str, str]:
    """Return the documents of a page: their names and addresses."""
    base = url.rstrip("/") + "/api/v2/"
    return {"incidents.json": base + "incidents.json", "summary.json": base + "summary.json"}


def read(body: bytes, name: str, reading: Reading) -> Iterator[Notice]:
    """Yield the incidents, planned maintenance too, of either document."""
    document = reading.fields(decode(body, what=reading.page.name), name, "incidents")
    listed = chain(
        ((one, False) for one in document.objects("incidents", "incident")),
        ((one, True) for one in document.objects("scheduled_maintenances", "maintenance")),
    )
    for one, is_planned in listed:
        incident_id = reading.required(one, "id")
        if incident_id:
            yield _notice(incident_id, one, is_planned=is_planned)


def _notice(incident_id: str, one: Fields, *, is_planned: bool) -> Notice:
    updates = tuple(_update(update) for update in one.objects("incident_updates", "update"))
    raw_impact = one.text("impact")
    names = one.names("components", "name") or [name for update in updates for name in update.component.split("; ")]
    return Notice(
        id=incident_id,
        title=one.text("name", MAX_TITLE),
        state=_state(one),
        raw_state=one.text("status"),
        impact=impact_of(raw_impact),
        raw_impact=raw_impact,
        is_maintenance=is_planned or raw_impact == "maintenance",
        component=joined(sorted(names)),
        body=one.text("postmortem_body", MAX_BODY),
        started_at=one.at("started_at"),
        resolved_at=one.at("resolved_at"),
        scheduled_at=one.at("scheduled_for"),
        scheduled_end_at=one.at("scheduled_until"),
        posted_at=one.at("created_at"),
        updated_at=one.at("updated_at"),
        url=one.text("shortlink", MAX_TITLE),
        updates=named(in_order(updates)),
    )


def _state(one: Fields) -> StatusState:
    """Return the state of an incident: by its word, or by its end where the word is new to us."""
    state = state_of(one.text("status"))
    if state != "unknown":
        return state
    return "resolved" if one.has("resolved_at") else "open"


def _update(one: Fields) -> Update:
    """Return an update; its impact is what it says of the components."""
    components = {part.text("name", MAX_KEY): part for part in one.objects("affected_components", "component")}
    new = {name: part.text("new_status") for name, part in components.items()}
    raw_state = one.text("status")
    return Update(
        id=one.text("id", MAX_KEY),
        body=one.text("body", MAX_BODY),
        state=state_of(raw_state),
        raw_state=raw_state,
        impact=impact_of(*new.values()),
        raw_impact=joined([f"{name}: {status}" for name, status in sorted(new.items())]),
        component=joined(sorted(components)),
        posted_at=one.at("display_at") or one.at("created_at"),
        updated_at=one.at("updated_at"),
    )
