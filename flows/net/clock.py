"""The clock, as an argument: tests and simulations bring their own."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Clock:
    """What time it is (aware, UTC), and how to let time pass (seconds)."""

    now: Callable[[], datetime]
    sleep: Callable[[float], None]


def utc_now() -> datetime:
    """Read the clock: for entry points only, everything below them is given a :class:`Clock` or ``now``."""
    return datetime.now(UTC)  # noqa: TID251 - the one place


SYSTEM_CLOCK = Clock(utc_now, time.sleep)  # noqa: TID251 - the one place
