"""What the store tests talk with."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from detectors.model import Batch, Estimate, Incident, Post, Report, SeriesKey, Span, Transition
from flows.store.schema import metadata
from tests.builders import START, post

if TYPE_CHECKING:
    from flows.store import Committed, Store

KEY = SeriesKey("imessage", "x")
Pair = tuple[Post, Report]


def at(minute: float) -> datetime:
    return START + timedelta(minutes=minute)


def span(start: float, end: float, coverage: float = 1.0) -> Span:
    return Span(at(start), at(end), coverage)


def pair(number: int, minute: float = 0, service: str = "imessage", **fields: Any) -> Pair:
    """Build a post and its report; fields of either."""
    of_report = {name: fields.pop(name) for name in ("weight", "symptoms", "regions") if name in fields}
    return post(number, minute=minute, **fields), Report(service, **of_report)


def commit(store: Store, *pairs: Pair, observed: tuple[Span, ...] = (), cursor: str = "c", **fields: Any) -> Committed:
    batch = Batch(tuple(one for one, _ in pairs), cursor, observed=observed, **fields)
    return store.commit("x", "everything", batch, pairs)


def dump(store: Store) -> dict[str, list[tuple[Any, ...]]]:
    """Return every row of every table."""
    with store._engine.connect() as connection:
        return {
            name: sorted((tuple(row) for row in connection.execute(select(table))), key=repr)
            for name, table in metadata.tables.items()
        }


def incident(number: int = 1, onset: float = 10, **fields: Any) -> Incident:
    """Build an incident of :data:`KEY`."""
    given: dict[str, Any] = {
        "id": f"incident-{number}",
        "service": KEY.service,
        "source": KEY.source,
        "severity": "page",
        "state": "confirmed",
        "onset": Estimate(at(onset), at(onset - 1), at(onset + 1)),
        "suspected_at": at(onset + 2),
        "alarmed_at": at(onset + 3),
        "score": 2.5,
        "peak": 12.0,
        "peak_at": at(onset + 4),
        "expected_at_peak": 0.5,
        "n_reports": 40,
        "n_authors": 38,
        "symptoms": (("messages", 0.75), ("login", 0.25)),
    }
    return Incident(**(given | fields))


def step(number: int = 1, revision: int = 1, minute: float = 12, **fields: Any) -> Transition:
    given: dict[str, Any] = {"old": None, "new": "suspected", "severity": "watch", "reason": "a rise"}
    return Transition(incident_id=f"incident-{number}", revision=revision, at=at(minute), **(given | fields))
