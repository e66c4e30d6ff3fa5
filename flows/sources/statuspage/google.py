"""Google Cloud's and Google Workspace's ``incidents.json``: a list, the newest update of each incident first.

``end`` is missing or null while an incident is open. Updates have no names: their ``created`` stands for one, since
``when`` and ``modified`` move.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urljoin

from detectors.errors import RetryableError
from flows.sources.statuspage.notice import Notice, Reading, Update, in_order, named
from flows.sources.statuspage.reading import (
    MAX_BODY,
    MAX_KEY,
    MAX_TITLE,
    Fields,
    decode,
    impact_of,
    joined,
    objects,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


def endpoints(url: str) -> dict[str, str]:
    """Return the one document of the page."""
    return {"incidents.json": url}


def read(body: bytes, name: str, reading: Reading) -> Iterator[Notice]:
    """Yield the incidents."""
    document = decode(body, what=reading.page.name)
    if not isinstance(document, list):
        raise RetryableError(f"{reading.page.name} sent something other than its {name}")
    for one in objects(document, "incident", reading.notes):
        incident_id = reading.required(one, "id")
        if incident_id:
            yield _notice(incident_id, one, reading)


def _notice(incident_id: str, one: Fields, reading: Reading) -> Notice:
    end_at = one.at("end")
    is_over = end_at is not None and end_at <= reading.seen_at
    told, status, severity = one.text("external_desc", MAX_BODY), one.text("status_impact"), one.text("severity")
    title = told.strip().split("\n", 1)[0][:MAX_TITLE]
    affected = one.names("currently_affected_locations", "title") or one.names("previously_affected_locations", "title")
    uri = one.text("uri", MAX_TITLE)
    return Notice(
        id=incident_id,
        title=title,
        state="resolved" if is_over else "open",
        impact=impact_of(status),
        raw_impact=joined([status, severity]),
        component=joined(one.names("affected_products", "title") or [one.text("service_name", MAX_KEY)]),
        regions=tuple(affected),
        body=told if told.strip() != title else "",
        started_at=one.at("begin"),
        resolved_at=end_at if is_over else None,
        scheduled_end_at=None if is_over else end_at,
        posted_at=one.at("created"),
        updated_at=one.at("modified"),
        url=_address(reading.page.url, uri),
        updates=named(in_order(_update(update) for update in one.objects("updates", "update"))),
    )


def _update(one: Fields) -> Update:
    status = one.text("status")
    created_at = one.at("created")
    return Update(
        id=created_at.isoformat() if created_at else "",
        body=one.text("text", MAX_BODY),
        state="resolved" if status == "AVAILABLE" else "open",
        raw_state=status,
        impact=impact_of(status),
        raw_impact=status,
        regions=tuple(one.names("affected_locations", "title")),
        posted_at=one.at("when") or created_at,
        updated_at=one.at("modified"),
    )


def _address(base: str, uri: str) -> str:
    """Return the address of an incident, which is given relative to that of the list."""
    try:
        return urljoin(base, uri) if uri else ""
    except ValueError:
        return ""
