"""The whole pipeline as plain functions, adapters passed in: no Prefect, no clock.

``ingest`` brings posts from a source into the store as reports and counts; ``detect`` turns stored counts into
incidents; ``view`` gathers what is needed to show one. The first two may be killed at any moment and called again:
what they leave behind is the same.
"""

from flows.steps.detecting import CHECKPOINT_EVERY, LEARNS_FOR, Detected, detect
from flows.steps.health import FeedBook, faults_now, plain
from flows.steps.ingesting import (
    MOST_MESSAGES,
    Ingested,
    Into,
    Watched,
    ingest,
    ingest_all,
    ingest_uncounted,
)
from flows.steps.showing import (
    SHOWN_AFTER,
    SHOWN_BEFORE,
    chosen_keys,
    earlier,
    histories,
    page,
    series_behind,
    service_name,
    view,
)

__all__ = [
    "CHECKPOINT_EVERY",
    "LEARNS_FOR",
    "MOST_MESSAGES",
    "SHOWN_AFTER",
    "SHOWN_BEFORE",
    "Detected",
    "FeedBook",
    "Ingested",
    "Into",
    "Watched",
    "chosen_keys",
    "detect",
    "earlier",
    "faults_now",
    "histories",
    "ingest",
    "ingest_all",
    "ingest_uncounted",
    "page",
    "plain",
    "series_behind",
    "service_name",
    "view",
]
