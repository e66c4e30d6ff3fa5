"""How good alarms are against a truth: shares and rates with their intervals and n.

An alarm is a *run*: bins that fire, less than 60 min apart. It counts where it *starts* (the start of its first bin
that fires) and can be known when that bin has ended.

On real counts an alarm is unexplained if it starts in no event, in nothing grey, and not in the 4 h after either. On
simulation an outage is found if an alarm starts from 10 min before its onset to 15 min after its end; up to 4 h after
the end is a tail, neither right nor wrong; the rest is false. In both an alarm that was up already *covers* an event,
and one that stays up counts again every 12 h.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import sqrt
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from detectors.evaluation.truth import Event, Truth

Verdict = Literal["found", "covered", "missed"]
Start = Literal["event", "grey", "tail", "bump", "unexplained"]

JOIN, AGAIN, TAIL = timedelta(minutes=60), timedelta(hours=12), timedelta(hours=4)
FOUND_BEFORE, FOUND_AFTER = timedelta(minutes=10), timedelta(minutes=15)
Z_95 = 1.959964
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Share:
    """``hits`` of ``n``, with Wilson's 95 % interval (Wilson 1927); all NaN of nothing."""

    hits: int
    n: int

    @property
    def value(self) -> float:
        """The share, 0 to 1."""
        return self.hits / self.n if self.n else float("nan")

    @property
    def interval(self) -> tuple[float, float]:
        """Lower and upper bound."""
        if not self.n:
            return float("nan"), float("nan")
        z2 = Z_95**2 / self.n
        middle = (self.value + z2 / 2) / (1 + z2)
        half = sqrt(self.value * (1 - self.value) * z2 + z2**2 / 4) / (1 + z2)
        return max(0.0, middle - half), min(1.0, middle + half)


@dataclass(frozen=True)
class Rate:
    """``count`` in ``exposure`` (service-months), with the exact 95 % interval of a Poisson rate (Garwood 1936)."""

    count: int
    exposure: float

    @property
    def value(self) -> float:
        """Events per unit of exposure."""
        return self.count / self.exposure if self.exposure else float("nan")

    @property
    def interval(self) -> tuple[float, float]:
        """Lower and upper bound."""
        if not self.exposure:
            return float("nan"), float("nan")
        low = _mean_where(self.count - 1, 0.975) if self.count else 0.0
        return low / self.exposure, _mean_where(self.count, 0.025) / self.exposure


def _mean_where(count: int, chance: float) -> float:
    """Return the Poisson mean at which ``count`` or fewer have the given chance."""
    number = np.arange(count + 1)
    log_factorials = np.concatenate(([0.0], np.cumsum(np.log(number[1:]))))
    low, high = 0.0, count + 10.0 + 10.0 * sqrt(count + 1)
    for _ in range(60):
        mean = (low + high) / 2
        at_most = np.exp(number * np.log(mean) - mean - log_factorials).sum()
        low, high = (mean, high) if at_most > chance else (low, mean)
    return (low + high) / 2


@dataclass(frozen=True)
class Run:
    """An alarm: start of its first firing bin, when that could be known (the bin's end), end of its last."""

    start_at: datetime
    known_at: datetime
    end_at: datetime

    def starts(self) -> list[datetime]:
        """Return its start, and each 12 h after it for as long as it is up."""
        count = max(0, -(-(self.end_at - self.start_at) // AGAIN) - 1)
        return [self.start_at + number * AGAIN for number in range(count + 1)]


@dataclass(frozen=True)
class Outage:
    """A simulated outage: the truth, exactly."""

    onset_at: datetime
    end_at: datetime


@dataclass(frozen=True)
class Judged:
    """An event or outage, what became of it, and the alarm that found or covered it."""

    event: Event | Outage
    verdict: Verdict
    run: Run | None = None

    @property
    def delay(self) -> timedelta | None:
        """From the onset to when the alarm could be known; None if missed, covered, or without a known onset."""
        onset_at = self.event.onset_at
        if self.run is None or self.verdict != "found" or onset_at is None:
            return None
        return self.run.known_at - onset_at


@dataclass(frozen=True)
class Score:
    """Alarms against a truth: every event with its verdict, every start of an alarm with its kind."""

    judged: tuple[Judged, ...]
    starts: tuple[tuple[datetime, Start], ...]
    service_months: float

    def recall(self, *kinds: str) -> Share:
        """Return the share of events found or covered; of the given kinds, or of all."""
        chosen = [j for j in self.judged if not kinds or getattr(j.event, "kind", "") in kinds]
        return Share(sum(j.verdict != "missed" for j in chosen), len(chosen))

    def count(self, kind: Start) -> int:
        """Return how many alarms started there."""
        return sum(found == kind for _, found in self.starts)

    @property
    def unexplained(self) -> Rate:
        """Alarms that nothing explains, per service-month."""
        return Rate(self.count("unexplained"), self.service_months)

    @property
    def delays_min(self) -> list[float]:
        """Delays in minutes, of the events that have one."""
        return [j.delay / timedelta(minutes=1) for j in self.judged if j.delay is not None]

    def __add__(self, other: Score) -> Score:
        """Return both together, for instance of two services."""
        months = self.service_months + other.service_months
        return Score(self.judged + other.judged, self.starts + other.starts, months)


def alarm_runs(scores: pd.Series, bin_width: timedelta, *, threshold: float = 1.0) -> list[Run]:
    """Return the alarms in a series of scores (UTC index of bin starts; NaN never fires)."""
    import pandas as pd

    stamps = pd.DatetimeIndex(scores.index).as_unit("us").asi8
    return join_bins(stamps[scores.to_numpy() >= threshold], bin_width)


def join_bins(fired_us: NDArray[np.int64], bin_width: timedelta) -> list[Run]:
    """Join bins that fire to alarms.

    Parameters
    ----------
    fired_us
        Shape (bins that fire,): their starts, ascending, in microseconds since 1970 (UTC).
    """
    if not len(fired_us):
        return []
    width_us = bin_width // timedelta(microseconds=1)
    breaks = np.flatnonzero(np.diff(fired_us) - width_us >= JOIN // timedelta(microseconds=1)) + 1
    firsts, lasts = fired_us[np.r_[0, breaks]].tolist(), fired_us[np.r_[breaks - 1, -1]].tolist()
    return [
        Run(_instant(first), _instant(first) + bin_width, _instant(last) + bin_width)
        for first, last in zip(firsts, lasts, strict=True)
    ]


def _instant(microseconds: int) -> datetime:
    return EPOCH + timedelta(microseconds=microseconds)


def score_real(runs: Sequence[Run], truth: Truth) -> Score:
    """Judge the alarms of one service against its truth (:meth:`~detectors.evaluation.truth.Truth.of`)."""
    judged = tuple(_judge(event, event.start_at, event.end_at, runs) for event in truth.events)
    events = [(event.start_at, event.end_at) for event in truth.events]
    grey = [(event.start_at, event.end_at) for event in truth.grey]
    tails = [(start, end + TAIL) for start, end in events + grey]
    places: list[tuple[Start, list[tuple[datetime, datetime]]]] = [("event", events), ("grey", grey), ("tail", tails)]
    return Score(judged, _classify(runs, places), sum(truth.service_months.values()))


def score_simulated(
    runs: Sequence[Run], outages: Sequence[Outage], *, service_months: float, bumps: Sequence[Outage] = ()
) -> Score:
    """Judge the alarms of one simulated series.

    Parameters
    ----------
    runs
        Its alarms.
    outages
        What really happened.
    service_months
        Length of the series, in months of 30 days, without what was not observed.
    bumps
        News and the like: many posts, no outage. Alarms there (to 4 h after) are counted apart.
    """
    windows = [(outage.onset_at - FOUND_BEFORE, outage.end_at + FOUND_AFTER) for outage in outages]
    judged = tuple(_judge(o, start, end, runs) for o, (start, end) in zip(outages, windows, strict=True))
    tails = [(outage.end_at, outage.end_at + TAIL) for outage in outages]
    echoes = [(bump.onset_at - FOUND_BEFORE, bump.end_at + TAIL) for bump in bumps]
    places: list[tuple[Start, list[tuple[datetime, datetime]]]] = [
        ("event", windows),
        ("tail", tails),
        ("bump", echoes),
    ]
    return Score(judged, _classify(runs, places), service_months)


def _judge(event: Event | Outage, start_at: datetime, end_at: datetime, runs: Sequence[Run]) -> Judged:
    """Return what became of an event that counts as found from ``start_at`` to ``end_at``."""
    for run in runs:
        if start_at <= run.start_at <= end_at:
            return Judged(event, "found", run)
    up = next((run for run in runs if run.start_at < start_at < run.end_at), None)
    return Judged(event, "covered", up) if up else Judged(event, "missed")


def _classify(
    runs: Sequence[Run], places: Sequence[tuple[Start, Sequence[tuple[datetime, datetime]]]]
) -> tuple[tuple[datetime, Start], ...]:
    """Return each start of an alarm with the first kind of place that it lies in."""
    found: list[tuple[datetime, Start]] = []
    for at in (at for run in runs for at in run.starts()):
        kinds = (kind for kind, spans in places if any(start <= at <= end for start, end in spans))
        found.append((at, next(kinds, "unexplained")))
    return tuple(found)


def quantile(values: Sequence[float], share: float) -> float:
    """Return a quantile; NaN of nothing."""
    return float(np.quantile(values, share)) if len(values) else float("nan")
