"""What is told of an incident: one sentence, and the fields that it was made of.

What is not known is absent. Nothing here was written by a stranger, except ``posts``, which is empty unless it was
switched on; receivers escape every text all the same.
"""

from __future__ import annotations

from typing import Literal
from uuid import UUID, uuid5

from msgspec import Struct

from detectors.model import Instant, Severity, State  # noqa: TC001 - msgspec reads annotations

_NAMESPACE = UUID("5a7d0c9e-0f0e-5d0b-8d0a-6d3f6c1f2b11")

Status = Literal["firing", "resolved"]


class RegionTold(Struct, frozen=True, omit_defaults=True):
    """A region that is affected: code, name, and how many times its own normal."""

    code: str
    name: str
    ratio: float | None = None


class Link(Struct, frozen=True):
    """Where more is to be read."""

    label: str
    url: str


class Message(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One message about one revision of one incident. The same for every receiver.

    Attributes
    ----------
    incident_id, revision
        Of what; ``group`` is the same for all incidents that are told as one (services that fail together).
    status
        ``resolved`` also where the incident was dismissed: ``state`` says which.
    is_test
        Sent by ``uproar test-receiver``: no service is in trouble.
    at
        When what it says could be known (UTC).
    sentence
        All of it in one line of text, without markup.
    reason
        Why it is told now: what changed.
    starts_at, starts_low_at, starts_high_at, ends_at, ends_low_at, ends_high_at
        Onset and end with their 90 % intervals (UTC).
    factor
        The fullest bin over what was usual for it.
    n_reports, n_authors
        Reports, and independent voices, from onset to end, or to now.
    sources, coverage
        Where they were heard, and which share of that time was observed.
    regions, unlocated_share, extent
        Those affected, the surest first; which share of the voices is from nobody knows where; the caption.
    symptoms
        (symptom, share of the reports that name any), the largest first.
    official
        What the official page says, in one phrase, and when.
    recurrence
        "second in 7 days".
    also
        Names of other services that fail at the same time.
    would_change
        What would change our mind.
    links
        Where more is to be read.
    posts
        Texts of posts, only where that was switched on.
    """

    incident_id: str
    revision: int
    status: Status
    state: State
    severity: Severity
    service: str
    service_name: str
    at: Instant
    sentence: str
    starts_at: Instant
    group: str = ""
    is_test: bool = False
    reason: str = ""
    starts_low_at: Instant | None = None
    starts_high_at: Instant | None = None
    ends_at: Instant | None = None
    ends_low_at: Instant | None = None
    ends_high_at: Instant | None = None
    factor: float | None = None
    n_reports: int | None = None
    n_authors: int | None = None
    sources: tuple[str, ...] = ()
    coverage: float | None = None
    regions: tuple[RegionTold, ...] = ()
    unlocated_share: float | None = None
    extent: str = ""
    symptoms: tuple[tuple[str, float], ...] = ()
    official: str = ""
    recurrence: str = ""
    also: tuple[str, ...] = ()
    would_change: str = ""
    links: tuple[Link, ...] = ()
    posts: tuple[str, ...] = ()


def delivery_id(receiver: str, incident_id: str, revision: int) -> str:
    """Return the id of a delivery: the same for every attempt, and from every run.

    >>> delivery_id("oncall", "abc", 2) == delivery_id("oncall", "abc", 2) != delivery_id("oncall", "abc", 3)
    True
    """
    return str(uuid5(_NAMESPACE, f"{receiver}|{incident_id}|{revision}"))
