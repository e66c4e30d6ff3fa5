"""The frame of what status pages said."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from flows.store.frames import FLAG, TEXT, THING, TIME, WHOLE, frame

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

    from detectors.model import StatusRevision

COLUMNS = {
    "page": TEXT,
    "incident_id": TEXT,
    "update_id": TEXT,
    "is_whole": FLAG,
    "is_open": FLAG,
    "position": WHOLE,
    "update_ids": THING,
    "title": TEXT,
    "state": TEXT,
    "raw_state": TEXT,
    "impact": TEXT,
    "raw_impact": TEXT,
    "is_maintenance": FLAG,
    "component": TEXT,
    "services": THING,
    "regions": THING,
    "scope_text": TEXT,
    "body": TEXT,
    "started_at": TIME,
    "resolved_at": TIME,
    "scheduled_at": TIME,
    "scheduled_end_at": TIME,
    "posted_at": TIME,
    "updated_at": TIME,
    "url": TEXT,
    "sha256": TEXT,
}


def lay_out(revisions: Iterable[StatusRevision]) -> pd.DataFrame:
    """Return versions as a frame, in the order in which we saw them.

    Index ``seen_at`` (UTC): when *we* first saw it. The columns are the fields of
    :class:`detectors.model.StatusRevision` and ``is_open``; NaT where a page does not say; ``update_ids, services,
    regions`` are tuples. One row a version: of an update, or (``is_whole``) of the incident itself.
    """
    rows = [{**msgspec.structs.asdict(one), "is_open": one.is_open} for one in revisions]
    return frame(rows, COLUMNS, "seen_at")
