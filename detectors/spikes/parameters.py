"""The detector's numbers, each with what it is for. One setting serves every service and every rate.

They were found by comparing variants on development data and calibration seeds only; none is tuned on a single
event. Lengths of time are in minutes or hours as their names say, and independent of the bin width.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from detectors.baselines.profile import SLOT_S
from detectors.errors import SeriesError
from detectors.spikes.kernel import CLOSING_MAX_MIN
from detectors.spikes.records import MAX_WINDOWS, PLAN

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detectors.spikes.records import Plan


@dataclass(frozen=True)
class Parameters:
    """What the recursion needs to know; :meth:`plan` turns it into bins.

    Attributes
    ----------
    windows_min
        Widths of the scan's windows, rounded to bins.
    page_max_min, watch_max_min, gate_max_min
        The longest window that each decision looks at (one bin, if that is longer). Long windows pay for every
        error of the baseline, so the louder a decision, the shorter its windows.
    min_reports
        Fewer reports than this in a window never count for anything.
    page_times, page_threshold
        Arms of the page: "c times usual plus a floor", and the nats that make 1 with each.
    page_floor, watch_floor
        The floor, in reports per window: a lone report in an empty series is no news.
    watch_threshold
        Nats that make a watch of 1.
    warm_up_h
        Observed time before any claim is made.
    """

    windows_min: tuple[int, ...] = (1, 2, 3, 5, 8, 12, 18, 27, 40)
    page_max_min: float = 27
    watch_max_min: float = 40
    gate_max_min: float = 20
    min_reports: float = 3
    page_times: tuple[float, float] = (1.5, 3.0)
    page_threshold: tuple[float, float] = (3.6, 1.85)
    page_floor: float = 0.7
    watch_floor: float = 0.3
    watch_threshold: float = 6.3
    warm_up_h: float = 12

    def plan(self, bin_width_s: int) -> Plan:
        """Return the same in bins of ``bin_width_s`` seconds."""
        bin_min = bin_width_s / 60

        def bins(minutes: float) -> int:
            return max(1, int(minutes / bin_min + 0.5))

        widths = sorted({bins(w) for w in self.windows_min})
        if not 1 <= len(widths) <= MAX_WINDOWS:
            raise SeriesError(f"1 to {MAX_WINDOWS} different windows wanted, not {len(widths)}")
        windows = np.array(widths, dtype=np.int64)
        minutes = windows * bin_min

        def count(limit_min: float) -> int:
            return max(1, int((minutes <= limit_min).sum()))

        def penalty(limit_min: float) -> NDArray[np.float64]:
            return np.asarray(0.5 * np.log(limit_min / np.minimum(minutes, limit_min)))

        every = np.maximum(1, windows // 4)
        gates = count(self.gate_max_min)
        unrest = count(UNREST_MIN) - 1
        weight = every[unrest] * bin_min / max(SLOT_S / 60, bin_min)
        plan = np.zeros((), PLAN)
        for name, value in {
            "windows": windows,
            "learn_every": every,
            "learn_decay": 0.5 ** (every * bin_min / VARIANCE_HALF_LIFE_MIN),
            "gate_penalty": 0.5 * np.log(np.maximum(1.0, GATE_SCAN_MIN / minutes)),
            "page_penalty": penalty(self.page_max_min),
            "watch_penalty": penalty(self.watch_max_min),
        }.items():
            plan[name][: len(windows)] = value
        for name, value in {
            "n_windows": len(windows),
            "n_gate": gates,
            "n_page": count(self.page_max_min),
            "n_watch": count(self.watch_max_min),
            "min_reports": self.min_reports,
            "page_times": self.page_times,
            "page_threshold": self.page_threshold,
            "page_floor": self.page_floor,
            "watch_floor": self.watch_floor,
            "watch_threshold": self.watch_threshold,
            "fast_decay": 0.5 ** (bin_min / FAST_HALF_LIFE_MIN),
            "slow_decay": 0.5 ** (bin_min / SLOW_HALF_LIFE_MIN),
            "warm_up": self.warm_up_h * 60 / bin_min,
            "day": 1440 / bin_min,
            "bin_min": bin_min,
            "silence": bins(SILENCE_MIN),
            "silence_limit": bins(SILENCE_LIMIT_MIN),
            "nothing_limit": bins(NOTHING_LIMIT_MIN),
            "settle": bins(SETTLE_MIN),
            "min_age": max(2, math.ceil(INCIDENT_MIN_AGE_MIN / bin_min)),
            "rebase_after": bins(REBASE_AFTER_MIN),
            "rebase_from": bins(REBASE_FROM_MIN),
            "profile_window": count(30.0) - 1,
            "unrest_window": unrest,
            "unrest_weight": weight,
            "unrest_decay": 0.5 ** (weight / UNREST_HALF_LIFE_DAYS),
            "burden_after": bins(BURDEN_QUIET_MIN) - 1,
            "burden_decay": 0.5 ** (bin_min / BURDEN_HALF_LIFE_MIN),
        }.items():
            plan[name] = value
        return cast("Plan", plan[()])

    def history_bins(self, bin_width_s: int) -> int:
        """Return how many bins back the recursion ever looks, rounded up to a power of 2."""
        longest_min = max(*self.windows_min, CLOSING_MAX_MIN, REBASE_FROM_MIN, SILENCE_MIN, SETTLE_MIN)
        return 1 << (int(longest_min * 60 / bin_width_s + 0.5) + 1).bit_length()


GATE_SCAN_MIN = 135
"""The longest window ever scanned, against which the gates handicap shorter ones."""
FAST_HALF_LIFE_MIN, SLOW_HALF_LIFE_MIN = 60, 3 * 1440
"""Half-lives of the two levels."""
VARIANCE_HALF_LIFE_MIN = 7 * 1440
UNREST_MIN, UNREST_HALF_LIFE_DAYS = 8, 7
"""The window whose errors tell at what time of the day forecasts are bad, and how long they are remembered."""
BURDEN_HALF_LIFE_MIN, BURDEN_QUIET_MIN = 7 * 1440, 60
"""How long a page is held against the next, and how long it must be quiet before it is over and counts."""
SILENCE_MIN, SILENCE_LIMIT_MIN, NOTHING_LIMIT_MIN = 15, 480, 4320
"""A feed is silent on the evidence of this long; after a limit we believe it. The limit is longer where hardly anything
comes: a service grows quiet, but only a collector falls to nothing."""
INCIDENT_MIN_AGE_MIN, SETTLE_MIN = 5, 10
REBASE_AFTER_MIN, REBASE_FROM_MIN = 720, 120
"""An incident this long is the new normal; the fast level starts again from the last two hours."""
