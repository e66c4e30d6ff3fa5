"""Regions that fire to local alarms: what belongs together is one, and is named by the region that explains it best."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from itertools import groupby
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from msgspec import Struct

from detectors.baselines.lineage import homes, level_number, lineage
from detectors.baselines.regional import make_plan
from detectors.model import Alarm
from detectors.model.instants import Instant  # noqa: TC001 - msgspec reads annotations
from detectors.spikes.alarms import QUIET_S

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from numpy.typing import NDArray

    from detectors.model import Severity

QUIET_REPORTS, LONGEST_QUIET_S = 2.0, 8 * 3600
"""An alarm is over when it was quiet for as long as two usual reports take: an hour of nothing is no news from where an
hour of nothing is usual. At least the hour of all alarms, at most a night."""

WIDE = 3
"""In so many subdivisions of a country at once it is the country's trouble."""


class Firing(Struct, frozen=True):
    """A region whose window stands out.

    Attributes
    ----------
    bin, region
        When (the bin that ends the window) and where.
    score
        1 = alarm.
    window, shortest
        Which of the windows it is, and which is the shortest that stands out.
    observed, expected, common
        Voices in the window, what is usual in it, and how many times usual the rest of the service was.
    """

    bin: int
    region: str
    score: float
    window: int
    shortest: int
    observed: float
    expected: float
    common: float

    @property
    def excess(self) -> float:
        """Voices beyond what is usual, given the rest of the service."""
        return self.observed - self.expected * self.common


class LocalAlarm(Struct, frozen=True):
    """The decision that a region is in trouble of its own.

    Attributes
    ----------
    region
        The one that explains best what was heard; it may change while the alarm is open.
    first_region
        The one that fired first; with ``alarm.alarmed_at`` and the severity it names the alarm for good.
    related
        The others that fired, the strangest first.
    alarm
        When, and how strange; ``score`` is that of ``region``.
    fired_at
        Ends of the bins in which anything of it fired, oldest first.
    since
        Regions, each with the end of the bin in which it fired first.
    observed, expected
        Voices in the window in which ``region`` stood out most, and what is usual in it.
    common
        How many times usual the rest of the service was in that window, at least 1: above it much, the service as a
        whole was in trouble, and the region more than the rest.
    """

    region: str
    first_region: str
    related: tuple[str, ...]
    alarm: Alarm
    observed: float
    expected: float
    common: float
    fired_at: tuple[Instant, ...] = ()
    since: tuple[tuple[str, Instant], ...] = ()

    @property
    def excess(self) -> float:
        """Voices beyond what is usual, given the rest of the service."""
        return self.observed - self.expected * self.common

    def heard_by(self, at: datetime) -> set[str]:
        """Return the regions that had fired by an instant (UTC): what could be told then."""
        return {region for region, since in self.since if since <= at}


class Open(Struct):
    """An alarm that goes on.

    Attributes
    ----------
    first
        What fired first.
    best
        By region, where it stood out most.
    n_seen
        How many bins had been observed by the end of the latest that fired.
    bins
        The bins that fired, ascending.
    since
        By region, the first bin in which it fired.
    quiet
        Observed bins without a firing after which it is over.
    closed_bin
        The bin in which it was closed; -1 while it is open.
    """

    first: Firing
    best: dict[str, Firing]
    n_seen: int = 0
    bins: list[int] = msgspec.field(default_factory=list)
    since: dict[str, int] = msgspec.field(default_factory=dict)
    quiet: int = 0
    closed_bin: int = -1

    @property
    def last_bin(self) -> int:
        """The latest bin that fired."""
        return self.bins[-1]

    def take(self, fired: Firing, n_seen: int) -> None:
        """Add a region that fires."""
        self.n_seen = n_seen
        if self.bins[-1:] != [fired.bin]:
            self.bins.append(fired.bin)
        self.since.setdefault(fired.region, fired.bin)
        if fired.region not in self.best or fired.score > self.best[fired.region].score:
            self.best[fired.region] = fired


@dataclass
class LocalTracker:
    """Follows the regions of one service for one severity.

    Parameters
    ----------
    severity
        Which.
    start_at
        Start of the first bin (UTC).
    bin_width_s
        Width of a bin in seconds.
    """

    severity: Severity
    start_at: datetime
    bin_width_s: int
    open: list[Open] = field(default_factory=list)
    closed: list[Open] = field(default_factory=list)
    """Those closed of late, whose reports the longest window still holds."""
    n_seen: int = 0
    """Bins observed so far."""

    def __post_init__(self) -> None:
        self._windows = make_plan(self.bin_width_s, self.start_at).windows
        self._quiet, self._longest_quiet = (-(-seconds // self.bin_width_s) for seconds in (QUIET_S, LONGEST_QUIET_S))

    def extend(self, firings: Sequence[Firing], first: int, is_seen: NDArray[np.bool_]) -> list[LocalAlarm]:
        """Take the next bins and return the alarms that were open in them, the oldest first.

        Parameters
        ----------
        firings
            What fired in them, by bin.
        first
            Number of the first of them.
        is_seen
            Shape (bins,): whether they were observed.
        """
        seen = self.n_seen + np.cumsum(is_seen)
        touched = list(self.open)
        for number, group in groupby(firings, key=lambda one: one.bin):
            self._rest(seen[: number - first], first)
            for one in sorted(group, key=lambda one: (-one.score, one.region)):
                alarm = self._home_of(one)
                if alarm is None and self._is_old(one):
                    continue
                if alarm is None:
                    alarm = Open(one, {})
                    self.open.append(alarm)
                    touched.append(alarm)
                if alarm.bins[-1:] != [number]:  # the strangest of this bin says how long to wait
                    alarm.quiet = self._wait(one)
                alarm.take(one, int(seen[number - first]))
        self._rest(seen, first)
        self.n_seen = int(seen[-1]) if len(seen) else self.n_seen
        return [self._told(one) for one in touched]

    def _wait(self, fired: Firing) -> int:
        """Return how many quiet bins end an alarm: those in which two usual reports would come from the region."""
        usual = fired.expected / float(self._windows[fired.window])
        bins = QUIET_REPORTS / usual if usual > 0 else float(self._longest_quiet)
        return int(min(max(bins, self._quiet), self._longest_quiet))

    def _rest(self, seen: NDArray[np.int64], first: int) -> None:
        """Close what has been quiet for long enough in observed time."""
        for one in self.open:
            closing = int(np.searchsorted(seen, one.n_seen + one.quiet))
            if closing < len(seen):
                one.closed_bin = first + closing
        self.closed += [one for one in self.open if one.closed_bin >= 0]
        self.open = [one for one in self.open if one.closed_bin < 0]
        span = int(self._windows[-1])
        self.closed = [one for one in self.closed if one.last_bin > first + len(seen) - span]

    def _is_old(self, fired: Firing) -> bool:
        """Whether a window only stands out because of reports of an alarm that is over."""
        start = fired.bin - int(self._windows[fired.shortest])
        return any(start < one.last_bin and _is_one(one, fired) for one in self.closed)

    def _home_of(self, fired: Firing) -> Open | None:
        """Return the open alarm that a region belongs to: after a quiet hour that of the same region alone."""
        late = [one for one in self.open if fired.bin - one.last_bin <= self._quiet]
        for one in self.open:
            if fired.region in one.best or (one in late and _is_one(one, fired)):
                return one
        country = lineage(fired.region)[-1]
        near = [one for one in late if lineage(one.first.region)[-1] == country]
        return near[0] if len(near) >= WIDE - 1 else None

    def _told(self, one: Open) -> LocalAlarm:
        region = _name(one)
        ranked = sorted(one.best.values(), key=lambda fired: (-fired.score, fired.region))
        best = one.best.get(region, ranked[0])
        start = max(0, one.first.bin + 1 - int(self._windows[one.first.window]))
        alarm = Alarm(
            self.severity,
            self._at(one.first.bin + 1),
            self._at(one.last_bin + 1),
            best.score,
            self._at(start),
            (),
            self._at(one.closed_bin + 1) if one.closed_bin >= 0 else None,
        )
        related = tuple(fired.region for fired in ranked if fired.region != region)
        return LocalAlarm(
            region,
            one.first.region,
            related,
            alarm,
            best.observed,
            best.expected,
            best.common,
            tuple(self._at(number + 1) for number in one.bins),
            tuple((code, self._at(number + 1)) for code, number in one.since.items()),
        )

    def _at(self, b: int) -> datetime:
        return self.start_at + timedelta(seconds=b * self.bin_width_s)


def _is_one(alarm: Open, fired: Firing) -> bool:
    """Whether a region lies in the same subdivision as one that fired, in a country that did, or is that country."""
    own, line = homes(fired.region), lineage(fired.region)
    return any(own & homes(code) or code in line or fired.region in lineage(code) for code in alarm.best)


def _name(alarm: Open) -> str:
    """Return the region that explains an alarm: the country of many subdivisions, else what stands out most."""
    small = [code for code in alarm.best if level_number(code) > 1]
    states = {min(homes(code) or {code}) for code in small}
    if len(states) >= WIDE:
        return lineage(alarm.first.region)[-1]
    return max(alarm.best.values(), key=lambda one: (one.score, level_number(one.region), one.region)).region
