"""Scales and ticks: where a value or an instant is drawn, and which of them are written at an axis."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime

from flows.report.wording import date

_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 14400, 21600, 43200, 86400)
_DAY_S = 86400


@dataclass(frozen=True)
class Scale:
    """A straight line from values to pixels; what lies outside ends up at the nearer edge."""

    low: float
    high: float
    from_px: float
    to_px: float

    def __call__(self, value: float) -> float:
        """Return the pixel of ``value``, to a tenth."""
        span = self.high - self.low
        place = min(1.0, max(0.0, (value - self.low) / span)) if span > 0 else 0.0
        return round(self.from_px + place * (self.to_px - self.from_px), 1)


@dataclass(frozen=True)
class TimeTick:
    """An instant at the axis; ``is_day`` where its text is a date (midnight UTC)."""

    at_s: float
    text: str
    is_day: bool


def count_ticks(highest: float, most: int) -> list[int]:
    """Return round whole numbers from 0 up to the first at or above ``highest``: at most ``most`` + 1 of them.

    Examples
    --------
    >>> count_ticks(226, 5), count_ticks(0, 4), count_ticks(7, 4)
    ([0, 50, 100, 150, 200, 250], [0, 1, 2, 3, 4], [0, 2, 4, 6, 8])
    """
    highest = max(highest, 4.0)
    power = 10 ** max(0, math.floor(math.log10(highest / most)))
    step = next(power * nice for nice in (1, 2, 5, 10) if math.ceil(highest / (power * nice)) <= most)
    return [step * number for number in range(math.ceil(highest / step) + 1)]


def time_ticks(start_s: float, end_s: float, most: int) -> list[TimeTick]:
    """Return the instants (seconds since 1970) to write at an axis: whole steps of the clock, in UTC."""
    span = max(end_s - start_s, 1.0)
    step = next((s for s in _STEPS_S if span / s <= most), 0) or _DAY_S * math.ceil(span / _DAY_S / most)
    first = math.ceil(start_s / step) * step
    return [_time_tick(first + number * step, step) for number in range(int((end_s - first) // step) + 1)]


def _time_tick(at_s: float, step_s: int) -> TimeTick:
    at = datetime.fromtimestamp(at_s, UTC)
    if at_s % _DAY_S == 0:
        day, month = date(at, has_year=False).split()
        return TimeTick(at_s, f"{day} {month[:3]}", is_day=True)
    return TimeTick(at_s, at.strftime("%H:%M" if step_s >= 60 else "%H:%M:%S"), is_day=False)
