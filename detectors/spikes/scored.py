"""One series with its scores: what the detector says of every bin, and the alarms that follow."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from detectors.baselines.bound import upper_bound
from detectors.model import Baseline
from detectors.spikes.alarms import Tracker
from detectors.spikes.registry import create, restore

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from numpy.typing import NDArray

    from detectors.model import Alarm, CountSeries, Severity
    from detectors.spikes.bank import Scores
    from detectors.spikes.registry import Detector


@dataclass(frozen=True, eq=False)
class Scored:
    """Scores of consecutive bins of one series.

    Attributes
    ----------
    start_at
        Start of the first bin (UTC).
    bin_width_s
        Width of a bin in seconds.
    scores
        Arrays of shape (bins,); see :class:`detectors.spikes.Scores`.
    detector
        What gave them, as it stands after the last bin.
    """

    start_at: datetime
    bin_width_s: int
    scores: Scores
    detector: Detector

    @property
    def watch(self) -> NDArray[np.float64]:
        """Shape (bins,): 1 = "any credible rise" at its default threshold; NaN = not known."""
        return self.scores.watch

    @property
    def page(self) -> NDArray[np.float64]:
        """Shape (bins,): 1 = "several times usual" at its default threshold; NaN = not known."""
        return self.scores.page

    @property
    def baseline(self) -> Baseline:
        """What was usual in each bin, forecast from the bins before it."""
        expected, dispersion = self.scores.expected, self.scores.dispersion
        return Baseline(expected, dispersion, upper_bound(expected, dispersion))

    @property
    def learning_until(self) -> datetime | None:
        """From when on scores are known (UTC); None if there is none yet."""
        known = np.flatnonzero(~np.isnan(self.scores.expected))
        if not len(known):
            return None
        return self.start_at + timedelta(seconds=int(known[0]) * self.bin_width_s)

    def of(self, severity: Severity) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return the scores of a severity and the windows (bins) behind them."""
        if severity == "page":
            return self.scores.page, self.scores.page_window
        return self.scores.watch, self.scores.watch_window

    def alarms(self, severity: Severity, *, threshold: float = 1.0) -> list[Alarm]:
        """Return the alarms of a severity, oldest first.

        A feed that has fallen silent says nothing: such bins neither fire nor let an alarm close.
        """
        tracker = Tracker(severity, self.start_at, self.bin_width_s, threshold)
        scores, windows = self.of(severity)
        tracker.extend(np.where(self.scores.is_silent & ~(scores >= threshold), np.nan, scores), windows)
        return tracker.alarms


def score(series: CountSeries, *, detector: str = "uproar") -> Scored:
    """Score a whole series.

    Parameters
    ----------
    series
        The counts; ``observed`` is what is scored.
    detector
        A name in :data:`detectors.spikes.DETECTORS`.

    Raises
    ------
    InputError
        If there is no such detector; SeriesError if it cannot use the counts.
    """
    return _run(create(detector, bin_width_s=series.bin_width_s, start_at=series.start_at), series)


def resume(state: Mapping[str, Any], series: CountSeries) -> Scored:
    """Score the bins that follow those after which ``state`` was saved.

    Parameters
    ----------
    state
        What ``Scored.detector.state()`` gave.
    series
        The bins that follow; the first one starts where the last one that was scored ended.

    Raises
    ------
    StateError
        If the state is of another version, or damaged: score the whole series again.
    """
    return _run(restore(state), series)


def _run(detector: Detector, series: CountSeries) -> Scored:
    scores = detector.run(series.observed[np.newaxis]).row(0)
    return Scored(series.start_at, series.bin_width_s, scores, detector)
