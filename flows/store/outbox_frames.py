"""The frame of what was told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from flows.store.frames import TEXT, TIME, WHOLE, frame

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

    from flows.store.outgoing import Kept

COLUMNS = {
    "id": TEXT,
    "receiver": TEXT,
    "incident_id": TEXT,
    "revision": WHOLE,
    "status": TEXT,
    "state": TEXT,
    "attempts": WHOLE,
    "n_sent": WHOLE,
    "not_before": TIME,
    "leased_until": TIME,
    "done_at": TIME,
    "last_error": TEXT,
}


def lay_out(messages: Iterable[Kept]) -> pd.DataFrame:
    """Return messages as a frame, in the order in which they come.

    Index ``created_at`` (UTC). The columns are fields of :class:`flows.store.outgoing.Kept`, without the body; NaT
    and NA where there is nothing.
    """
    return frame([msgspec.structs.asdict(one) for one in messages], COLUMNS, "created_at")
