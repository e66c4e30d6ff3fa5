"""Scores to alarms: when a spike is announced, announced again, and over.

An alarm begins with the first bin whose score reaches the threshold. It closes when an hour of observed time has gone
by without such a bin. It is announced again (it *escalates*) when, an hour or more after it was last announced, it
becomes so much worse that what was announced is no longer what is happening.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
from msgspec import structs

from detectors.model import Alarm

if TYPE_CHECKING:
    from datetime import datetime

    from numpy.typing import ArrayLike

    from detectors.model import Severity

QUIET_S = 3600
"""An alarm closes after so many observed seconds without a bin that fires; escalations are as far apart."""

ESCALATION_TIMES, ESCALATION_SCORE = 8.0, 5.0
"""It escalates at so many times its largest score before, if that is at least so much."""


@dataclass
class Tracker:
    """Follows the scores of one series and keeps its alarms; bins may come one by one or many at a time.

    Parameters
    ----------
    severity
        Which score is followed.
    start_at
        Start of the first bin (UTC).
    bin_width_s
        Width of a bin in seconds.
    threshold
        The score that fires.
    """

    severity: Severity
    start_at: datetime
    bin_width_s: int
    threshold: float = 1.0
    alarms: list[Alarm] = field(default_factory=list)
    """Every alarm so far, oldest first; at most the last one is open."""
    n_bins: int = 0
    """Bins taken so far."""
    _quiet: int = 0
    _announced: int = 0

    def extend(self, scores: ArrayLike, windows: ArrayLike) -> None:
        """Take the next bins.

        Parameters
        ----------
        scores
            Shape (bins,); NaN = not known, which neither fires nor counts as quiet.
        windows
            Shape (bins,): bins of the window behind each score, which ends with the bin.
        """
        values, widths = np.atleast_1d(np.asarray(scores, float)), np.atleast_1d(np.asarray(windows))
        known = np.cumsum(~np.isnan(values))
        before = -1  # the latest bin looked at
        for b in np.flatnonzero(values >= self.threshold).tolist():
            self._rest(known, before, b)
            self._fire(self.n_bins + b, float(values[b]), int(widths[b]))
            before = b
        self._rest(known, before, len(values))
        self.n_bins += len(values)

    def _rest(self, known: np.ndarray[tuple[int], np.dtype[np.int64]], before: int, until: int) -> None:
        """Let the bins between ``before`` and ``until`` go by, in which nothing fired."""
        if not self.alarms or not self.alarms[-1].is_open or until == before + 1:
            return
        start = int(known[before]) if before >= 0 else 0
        wait = -(-QUIET_S // self.bin_width_s) - self._quiet
        seen = int(known[until - 1]) - start
        if seen < wait:
            self._quiet += seen
            return
        closing = int(np.searchsorted(known, start + wait))
        self.alarms[-1] = structs.replace(self.alarms[-1], closed_at=self._end_of(self.n_bins + closing))

    def _fire(self, b: int, score: float, window: int) -> None:
        self._quiet = 0
        end = self._end_of(b)
        if not self.alarms or not self.alarms[-1].is_open:
            start = self._end_of(max(-1, b - window))
            self.alarms.append(Alarm(self.severity, end, end, score, start))
            self._announced = b
            return
        alarm = self.alarms[-1]
        is_late = (b - self._announced) * self.bin_width_s >= QUIET_S
        if is_late and score >= max(ESCALATION_SCORE, ESCALATION_TIMES * alarm.score):
            alarm = structs.replace(alarm, escalated_at=(*alarm.escalated_at, end))
            self._announced = b
        self.alarms[-1] = structs.replace(alarm, last_alarm_at=end, score=max(alarm.score, score))

    def _end_of(self, b: int) -> datetime:
        return self.start_at + timedelta(seconds=(b + 1) * self.bin_width_s)
