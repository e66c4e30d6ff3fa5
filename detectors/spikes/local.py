"""Local outages: rises in one region that are too small for the service's total.

Whenever something is reported from a region, windows of 5 to 135 minutes that end there are compared with what is
usual in it (:mod:`detectors.baselines.regional`): how improbable are so many voices, of which six at least are wanted,
under a negative-binomial law with the error of what is usual in it, times what the rest of the service shares of the
rise? Where reports cluster anyway (one household writes thrice), more is asked.

All regions of a service share one false-alarm budget: there are as many chances to be wrong as there are cells in
which something is heard, whatever the number of regions, and the nats that are asked grow with their logarithm.
Regions that fire together and lie in each other, or in the same subdivision, are one alarm; so is what fires in many
subdivisions at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec import convert, to_builtins

from detectors.baselines.regional import MIN_REPORTS, National, RegionalBaseline
from detectors.model import Baseline
from detectors.spikes.local_alarms import Firing, LocalAlarm, LocalTracker, Open
from detectors.spikes.local_kernel import strangeness
from detectors.spikes.local_state import pack_baseline, unpack_baseline
from detectors.spikes.state import restoring

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from numpy.typing import NDArray

    from detectors.baselines.regional import Looked
    from detectors.counting.regional import RegionCounts
    from detectors.model import CountSeries, Severity
    from detectors.spikes.scored import Scored

    Floats = NDArray[np.float64]

STATE_VERSION = "uproar-local-2"
MONTH_MIN = 30 * 1440


@dataclass(frozen=True)
class Ask:
    """What a severity asks for.

    Attributes
    ----------
    times, floor
        So many times usual, plus so many reports a window, must be too few to explain what was heard.
    margin
        Nats beyond the logarithm of the chances a month to be wrong.
    """

    times: float
    floor: float
    margin: float


ASKS: dict[Severity, Ask] = {"watch": Ask(1.5, 0.3, 1.0), "page": Ask(2.0, 0.3, 3.5)}
CLUSTERED = 0.25
"""The power of the clustering by which nats are divided.

All of these were found by simulation (``benchmarks/local.py``): of the settings that keep the budget where reports
cluster and rates wander, those that find outages soonest.
"""


def national_of(series: CountSeries, scored: Scored) -> National:
    """Return the service as a whole for its regions, from its series and the scores of the same bins.

    Where the detector had frozen its baseline or a watch fired, nothing is learnt of regions.
    """
    scores = scored.scores
    is_raised = scores.is_frozen | scores.is_silent | (np.nan_to_num(scores.watch) >= 1.0)
    return National(series.observed, scores.expected, scores.dispersion, is_raised)


class LocalDetector:
    """Finds local outages of one service; bins may come one by one or many at a time, with equal results.

    Parameters
    ----------
    start_at
        Start of the first bin (UTC).
    bin_width_s
        Width of a bin in seconds, 1 to 3600.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> detector = LocalDetector(datetime(2026, 3, 2, tzinfo=UTC), 60)
    >>> detector.baseline.now.isoformat()
    '2026-03-02T00:00:00+00:00'
    """

    def __init__(self, start_at: datetime, bin_width_s: int) -> None:
        self.baseline = RegionalBaseline(start_at, bin_width_s)
        self._trackers: dict[Severity, LocalTracker] = {
            severity: LocalTracker(severity, start_at, bin_width_s) for severity in ASKS
        }

    def run(self, counts: RegionCounts, national: National) -> list[LocalAlarm]:
        """Take the next bins.

        Parameters
        ----------
        counts
            What the regions brought; its first bin is the one after the last one taken.
        national
            The same bins of the service as a whole; see :func:`national_of`.

        Returns
        -------
        list of LocalAlarm
            All that were open in those bins, as they stand after them, by severity and time.

        Raises
        ------
        SeriesError
            If the bins do not continue what was taken.
        """
        first = self.baseline.n_bins
        looked = self.baseline.run(counts, national)
        is_seen = ~np.isnan(national.observed)
        found: list[LocalAlarm] = []
        for severity, tracker in self._trackers.items():
            found += tracker.extend(_firings(looked, ASKS[severity]), first, is_seen)
        return found

    # --- state ---------------------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """Return everything that the future depends on, as JSON can carry it."""
        return {
            "version": STATE_VERSION,
            "baseline": pack_baseline(self.baseline),
            "trackers": {
                severity: {
                    "open": to_builtins(tracker.open),
                    "closed": to_builtins(tracker.closed),
                    "n_seen": tracker.n_seen,
                }
                for severity, tracker in self._trackers.items()
            },
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> LocalDetector:
        """Return the detector that :meth:`state` was asked of.

        Raises
        ------
        StateError
            If the state is of another version, or damaged: take the counts from the beginning again.
        """
        with restoring(state, STATE_VERSION):
            baseline = unpack_baseline(state["baseline"])
            made = cls(baseline.start_at, baseline.bin_width_s)
            made.baseline = baseline
            for severity, tracker in made._trackers.items():
                kept = state["trackers"][severity]
                tracker.open, tracker.closed = (convert(kept[name], list[Open]) for name in ("open", "closed"))
                tracker.n_seen = int(kept["n_seen"])
        return made


def detect_local(counts: RegionCounts, national: National, *, severity: Severity = "page") -> list[LocalAlarm]:
    """Find the local outages in counts that are all there.

    Parameters
    ----------
    counts
        What the regions brought.
    national
        The same bins of the service as a whole; see :func:`national_of`.
    severity
        ``page``: at most about one false alarm in ten service-months, over all regions together; ``watch``: one in two.

    Returns
    -------
    list of LocalAlarm
        The oldest first.
    """
    found = LocalDetector(counts.start_at, counts.bin_width_s).run(counts, national)
    return [one for one in found if one.alarm.severity == severity]


def local_series(
    counts: RegionCounts, national: National, baseline: RegionalBaseline, code: str
) -> tuple[CountSeries, Baseline]:
    """Return one region as a series with what is usual, for :func:`detectors.incidents.measure.measure`.

    Parameters
    ----------
    counts, national
        The same bins, of the regions and of the whole.
    baseline
        What is usual in the regions, as it stands.
    code
        The region.
    """
    from detectors.baselines.bound import upper_bound

    expected, error = baseline.usual(
        [code], np.where(np.isnan(national.observed), np.nan, national.usual), counts.start_at
    )
    usual = expected[:, 0]
    dispersion = np.where(np.isnan(usual), np.nan, error[0] + np.nan_to_num(national.dispersion))
    return counts.series(code), Baseline(usual, dispersion, upper_bound(usual, dispersion))


def _firings(looked: Looked, ask: Ask) -> list[Firing]:
    """Return the cells that fire, by bin."""
    if not len(looked.bins):
        return []
    usual = (looked.expected, looked.common, looked.error)
    nats = strangeness(looked.observed, usual, (ask.times, ask.floor, MIN_REPORTS)) / looked.noise**CLUSTERED
    limit = np.log(np.maximum(looked.tests * MONTH_MIN, 100.0)) + ask.margin
    scores = nats / limit[:, np.newaxis]
    best = scores.argmax(axis=1)
    fired = np.flatnonzero(scores.max(axis=1) >= 1.0)
    return [
        Firing(
            bin=int(looked.bins[i]),
            region=looked.codes[i],
            score=float(scores[i, w]),
            window=w,
            shortest=int(np.argmax(scores[i] >= 1.0)),
            observed=float(looked.observed[i, w]),
            expected=float(looked.expected[i, w]),
            common=float(looked.common[i, w]),
        )
        for i, w in zip(fired.tolist(), best[fired].tolist(), strict=True)
    ]
