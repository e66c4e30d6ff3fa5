"""Incidents as the parsers find them, and the revisions that are made of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from operator import attrgetter, itemgetter
from typing import TYPE_CHECKING

import msgspec

from detectors.errors import RetryableError
from detectors.model import StatusRevision
from flows.sources.statuspage.reading import MAX_BODY, MAX_KEY, Fields, scope_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from detectors.model import StatusImpact, StatusState
    from flows.sources.statuspage.page import Page
    from flows.sources.statuspage.reading import Notes

MAX_REVISIONS = 50_000
"""Of one reading of one page; the longest history that is published has some thousands."""


@dataclass(frozen=True)
class Update:
    """One update of an incident; fields as in :class:`detectors.model.StatusRevision`."""

    id: str
    body: str
    state: StatusState = "unknown"
    raw_state: str = ""
    impact: StatusImpact = "unknown"
    raw_impact: str = ""
    component: str = ""
    regions: tuple[str, ...] = ()
    posted_at: datetime | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True)
class Notice:
    """One incident, as a page shows it; fields as in :class:`detectors.model.StatusRevision`.

    Attributes
    ----------
    part
        The component, on pages that show an incident once per component.
    updates
        Oldest first, each with an id of its own.
    """

    id: str
    title: str
    state: StatusState
    part: str = ""
    raw_state: str = ""
    impact: StatusImpact = "unknown"
    raw_impact: str = ""
    is_maintenance: bool = False
    component: str = ""
    regions: tuple[str, ...] = ()
    scope_text: str = ""
    body: str = ""
    started_at: datetime | None = None
    resolved_at: datetime | None = None
    scheduled_at: datetime | None = None
    scheduled_end_at: datetime | None = None
    posted_at: datetime | None = None
    updated_at: datetime | None = None
    url: str = ""
    updates: tuple[Update, ...] = field(default=())


@dataclass(frozen=True)
class Reading:
    """One reading of one page: whose, when (our clock, UTC), and what could not be read."""

    page: Page
    seen_at: datetime
    notes: Notes

    def fields(self, raw: object, name: str, within: str) -> Fields:
        """Return the object that a document should be, which holds a list of the name ``within``.

        Raises
        ------
        RetryableError
            It is none.
        """
        if not isinstance(raw, Mapping) or not isinstance(raw.get(within), list):
            raise RetryableError(f"{self.page.name} sent something other than its {name}")
        return Fields(raw, name, self.notes)

    def required(self, one: Fields, name: str) -> str:
        """Return a field that names something; empty, and noted, where it is missing: the thing cannot be kept."""
        found = one.text(name, MAX_BODY)
        if not found:
            self.notes.add(f"{one.where}: without {name!r}")
        return found


@dataclass(frozen=True)
class Parsed:
    """What a page said.

    Attributes
    ----------
    revisions
        Of every incident and update on it, new or not: the store knows which are. An incident's own row comes after
        its updates.
    skipped
        What could not be read: the place and what is wrong, no text of the page.
    changes_at
        When the same text will next mean something else, because a time that it names has come; None = never.
    """

    revisions: tuple[StatusRevision, ...] = ()
    skipped: tuple[str, ...] = ()
    changes_at: datetime | None = None


def numbered(stamps: Sequence[str]) -> list[str]:
    """Return names for updates that have only a time, oldest first: the same after others have been added.

    >>> numbered(["20:18", "20:25", "20:25"])
    ['20:18', '20:25', '20:25#2']
    """
    seen: dict[str, int] = {}
    found = []
    for stamp in stamps:
        seen[stamp] = seen.get(stamp, 0) + 1
        found.append(stamp if seen[stamp] == 1 else f"{stamp}#{seen[stamp]}")
    return found


def merged(notices: Iterable[Notice]) -> list[Notice]:
    """Return each incident once: as the document has it that shows most of its updates, the first such."""
    found: dict[tuple[str, str], Notice] = {}
    for notice in notices:
        key = (notice.id, notice.part)
        if key not in found or len(notice.updates) > len(found[key].updates):
            found[key] = notice
    return list(found.values())


def parsed(page: Page, notices: Iterable[Notice], seen_at: datetime, notes: Notes) -> Parsed:
    """Return the revisions that incidents are, as seen at an instant."""
    revisions: list[StatusRevision] = []
    changes: list[datetime] = []
    for notice in merged(notices):
        if len(revisions) + len(notice.updates) >= MAX_REVISIONS:
            notes.add(f"more than {MAX_REVISIONS} updates: the rest was not read")
            break
        revisions += _revisions(page, notice, seen_at)
        planned = (notice.scheduled_at, notice.scheduled_end_at)
        changes += [at for at in planned if at is not None and at > seen_at]
    return Parsed(tuple(revisions), notes.told(), min(changes, default=None))


def _revisions(page: Page, notice: Notice, seen_at: datetime) -> list[StatusRevision]:
    """Return the revisions of one incident: its updates, then itself."""
    components = [notice.component, *(update.component for update in notice.updates)]
    services = page.concerned([name for one in components for name in one.split("; ") if name], notice.title)
    common = StatusRevision(
        page=page.url,
        incident_id=_key(notice.id),
        is_whole=True,
        seen_at=seen_at,
        state=notice.state,
        title=notice.title,
        is_maintenance=notice.is_maintenance,
        services=services,
        started_at=notice.started_at,
        resolved_at=notice.resolved_at,
        scheduled_at=notice.scheduled_at,
        scheduled_end_at=notice.scheduled_end_at,
        url=notice.url,
        sha256="",
    )
    updates = [_of_update(common, update, place) for place, update in enumerate(notice.updates)]
    whole = msgspec.structs.replace(
        common,
        update_id=_key(notice.part),
        position=len(updates),
        update_ids=tuple(update.update_id for update in updates),
        raw_state=notice.raw_state,
        impact=notice.impact,
        raw_impact=notice.raw_impact,
        component=notice.component,
        regions=notice.regions,
        scope_text=notice.scope_text,
        body=notice.body,
        posted_at=notice.posted_at or (notice.updates[0].posted_at if notice.updates else None),
        updated_at=notice.updated_at,
    )
    return [*updates, _sealed(whole)]


def _of_update(common: StatusRevision, update: Update, place: int) -> StatusRevision:
    row = msgspec.structs.replace(
        common,
        update_id=_key(update.id),
        is_whole=False,
        position=place,
        state=update.state,
        raw_state=update.raw_state,
        impact=update.impact,
        raw_impact=update.raw_impact,
        component=update.component,
        regions=update.regions,
        body=update.body,
        posted_at=update.posted_at,
        updated_at=update.updated_at,
    )
    return _sealed(row)


_OWN = attrgetter(
    *("page", "incident_id", "update_id", "is_whole", "state", "raw_state", "raw_impact", "component", "regions"),
    *("scope_text", "body", "posted_at"),
)
_OF_THE_INCIDENT = attrgetter(
    *("title", "is_maintenance", "update_ids", "started_at", "resolved_at", "scheduled_at", "scheduled_end_at"),
)


def _sealed(row: StatusRevision) -> StatusRevision:
    """Return the row with its hash, and with who is affected where only the body says so.

    What we only infer (services, impact, scope) is not in the hash: to infer it better is no change of the page.
    """
    content = (_OWN(row), _OF_THE_INCIDENT(row) if row.is_whole else ())
    scope = row.scope_text or scope_of(row.body)
    return msgspec.structs.replace(row, scope_text=scope, sha256=sha256(msgspec.json.encode(content)).hexdigest())


def _key(name: str) -> str:
    """Return a name that fits into an index; a longer one is cut and told apart by a hash of the whole."""
    if len(name.encode()) <= MAX_KEY:
        return name
    return f"{name[:32]}~{sha256(name.encode()).hexdigest()[:32]}"


def in_order(updates: Iterable[Update]) -> tuple[Update, ...]:
    """Return updates that a page lists newest first oldest first, by the time that each claims if all of them do."""
    listed = list(updates)[::-1]
    dated = [(one.posted_at, place, one) for place, one in enumerate(listed) if one.posted_at is not None]
    return tuple(one for *_, one in sorted(dated, key=itemgetter(0, 1))) if len(dated) == len(listed) else tuple(listed)


def named(updates: Iterable[Update]) -> tuple[Update, ...]:
    """Return updates, oldest first, with names where they have none of their own; no two alike."""
    listed = list(updates)
    names = numbered([one.id or (one.posted_at.isoformat() if one.posted_at else "without a time") for one in listed])
    return tuple(replace(one, id=name) for one, name in zip(listed, names, strict=True))
