"""What an official status page said, and when we saw it say so."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from detectors.model.instants import Instant  # noqa: TC001 - msgspec reads annotations

StatusState = Literal[
    "scheduled", "open", "investigating", "identified", "monitoring", "resolved", "postmortem", "unknown"
]
"""How far a page says that it is, in the words of most pages; ``unknown`` where an update does not say."""

StatusImpact = Literal["none", "minor", "major", "critical", "maintenance", "unknown"]
"""How bad a page says that it is."""

_NOT_OPEN = frozenset({"scheduled", "resolved", "postmortem"})


class StatusRevision(Struct, frozen=True, kw_only=True):
    """One observed version of something on an official status page: of an incident, or of one of its updates.

    Pages change their words without saying so. So each wording is kept, with the instant at which *we* first saw it
    (``seen_at``), apart from every time that the page claims: pages back-date.

    The row of the incident itself (``is_whole``) has a new version whenever its title, state, impact, times or list of
    updates changes; the row of an update, whenever its own words, state, time or components do. What an update's row
    says of its incident (title, times) is as it was at ``seen_at``.

    Attributes
    ----------
    page
        Address of the page, as in the catalogue.
    incident_id
        The page's own name for it.
    update_id
        The page's name for the update, or its time where updates have no name. Of the incident's own row: empty, or
        on pages that show an incident once per component, the component.
    is_whole
        Whether this is the row of the incident itself.
    position
        Place among the updates, oldest = 0; the incident's own row comes after them.
    update_ids
        Of the incident's own row: the updates that were shown, oldest first. One that is gone was taken back.
    seen_at
        When we first saw this version (our clock).
    title
        Of the incident.
    state, raw_state
        Of the incident or the update; the word as the page has it.
    impact, raw_impact
        Likewise. Of an update: what it says of its components, where it does.
    is_maintenance
        Whether it was planned.
    component
        What is affected, in the page's names, joined by ``"; "``.
    services
        Ids in the catalogue of the services that the incident concerns.
    regions
        Where, as far as the page has a field for it.
    scope_text
        Who is affected, in the page's words: its own field, or else the sentences of ``body`` that say so.
    body
        The wording.
    started_at, resolved_at
        When the page says that it began and was over; None where it does not say, or not yet.
    scheduled_at, scheduled_end_at
        From when to when it is planned, or expected, to last.
    posted_at, updated_at
        When the page says that this was posted and last edited.
    url
        Of the incident.
    sha256
        Of the row's own content, in hexadecimal; neither ``seen_at`` nor ``updated_at`` is part of it.
    """

    page: str
    incident_id: str
    update_id: str = ""
    is_whole: bool
    position: int = 0
    update_ids: tuple[str, ...] = ()
    seen_at: Instant
    title: str = ""
    state: StatusState
    raw_state: str = ""
    impact: StatusImpact = "unknown"
    raw_impact: str = ""
    is_maintenance: bool = False
    component: str = ""
    services: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    scope_text: str = ""
    body: str = ""
    started_at: Instant | None = None
    resolved_at: Instant | None = None
    scheduled_at: Instant | None = None
    scheduled_end_at: Instant | None = None
    posted_at: Instant | None = None
    updated_at: Instant | None = None
    url: str = ""
    sha256: str

    @property
    def is_open(self) -> bool:
        """Whether this is an incident that goes on."""
        return self.is_whole and self.state not in _NOT_OPEN
