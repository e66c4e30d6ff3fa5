"""The store: SQLite by default, PostgreSQL by URL.

>>> from flows.store import open_store
>>> with open_store(":memory:") as store:
...     store.keys()
[]
"""

from __future__ import annotations

from detectors.errors import StoreError
from flows.store.detection import Judged
from flows.store.feeds import Fault, Feed
from flows.store.ledger import Spent, StoredLedger
from flows.store.outgoing import Kept, Leased, Outgoing, ReceiverState, Setback
from flows.store.quiet import Ack, Silence
from flows.store.reading import Facts
from flows.store.store import Committed, Store, open_store

__all__ = [
    "Ack",
    "Committed",
    "Facts",
    "Fault",
    "Feed",
    "Judged",
    "Kept",
    "Leased",
    "Outgoing",
    "ReceiverState",
    "Setback",
    "Silence",
    "Spent",
    "Store",
    "StoreError",
    "StoredLedger",
    "open_store",
]
