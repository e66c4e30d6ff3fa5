"""Everything moved: many services of many companies that begin to be in trouble at once are seldom that many outages.

When a collector changes, or the platform that people post on does, every series takes a step at the same time. No
statistic of one series can tell that from an outage, and a detector that tried would be deaf to real ones; so scores,
alarms and incidents stay as they are. What can be told is that it is one event: whoever sends notifications holds the
single ones and says "everything moved" once. It is never a reason to say nothing: the Internet's great outages (a
cloud, a network that many others stand on) look the same from here.

All services of one company do fail together, so companies are counted too. And a series is compared with the others of
its own source first: a collector brings one source, and with several sources its series are a small part of all.

Measured on calibration seeds (figures in DECISIONS.md, section 26): a step of 1.5 to 2.7 times alarms 10 to 16 of 20
series within an hour. A quorum recognises 36 of 36, but by then 6 to 10 have been notified; with the rise of the others
looked at from the first alarm on, at most one has. Held in error: 0 of 1,035 other alarms, and 2 of 479 real ones.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

import numpy as np

from detectors.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from numpy.typing import ArrayLike

    from detectors.model import CountSeries, Estimate, SeriesKey
    from detectors.spikes import Scored


COMMON_RISE = 4.0
"""Standard deviations of :func:`common_rise` above which everything moves."""
LARGEST = 3.0


class Began(Protocol):
    """What is asked of an incident; :class:`~detectors.model.Incident` has it."""

    @property
    def service(self) -> str:
        """The service's id."""
        ...

    @property
    def source(self) -> str:
        """Where it was seen."""
        ...

    @property
    def onset(self) -> Estimate:
        """When it began."""
        ...

    @property
    def alarmed_at(self) -> datetime:
        """When it could be known (UTC)."""
        ...


B = TypeVar("B", bound=Began)


@dataclass(frozen=True)
class Quorum:
    """What counts as everything.

    Attributes
    ----------
    share
        At least so much of the watched series; and half as much of those of all companies but the one that moved most,
        so that two coincidences do not make everything of a company's outage,
    n_series, n_vendors
        and at least so many series, of so many companies,
    within_min
        began within so many minutes of each other.
    """

    share: float = 1 / 3
    n_series: int = 5
    n_vendors: int = 3
    within_min: float = 20.0

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise InputError(f"share must be above 0 and at most 1, not {self.share}")
        if self.n_series < 2 or self.n_vendors < 1 or self.within_min < 0:
            raise InputError("n_series must be at least 2, n_vendors at least 1, within_min not below 0")


@dataclass(frozen=True)
class Together(Generic[B]):
    """Many series that began to move at once.

    Attributes
    ----------
    at
        When it began: the median onset (UTC).
    known_at
        When it could be known: the alarm that made it enough (UTC). What alarmed earlier had been notified of by then,
        unless notifications wait.
    source
        Whose series moved; None = those of all sources.
    n_moved, n_watched
        How many series, of how many that are watched.
    incidents
        Their incidents, by alarm.
    """

    at: datetime
    known_at: datetime
    source: str | None
    n_moved: int
    n_watched: int
    incidents: tuple[B, ...]

    def sentence(self) -> str:
        """Say it in one sentence."""
        where = "" if self.source is None else f" from {self.source}"
        return (
            f"Everything moved: {self.n_moved} of {self.n_watched} series{where} began to rise"
            f" about {self.at:%H:%M} UTC; look at the collector and the platform before the services."
        )


def find_together(
    incidents: Iterable[B],
    watched: Collection[SeriesKey],
    vendors: Mapping[str, str],
    *,
    quorum: Quorum | None = None,
) -> list[Together[B]]:
    """Find the moments at which everything moved.

    Parameters
    ----------
    incidents
        Of any severity and state, in any order; what is known so far. Several of one series count once.
    watched
        Every series that is watched, moved or not; leave out those that still learn, which cannot move.
    vendors
        The company of each service; a service that is not named is a company of its own.
    quorum
        What counts as everything.

    Returns
    -------
    list
        By ``at``; no incident is in two of them.
    """
    keys = {(key.service, key.source) for key in watched}
    waiting = [one for one in incidents if (one.service, one.source) in keys]
    found: list[Together[B]] = []
    for source in (*sorted({source for _, source in keys}), None):
        series = frozenset(key for key in keys if source in (None, key[1]))
        room = _Room(source, series, vendors, quorum or Quorum())
        for group in _groups([one for one in waiting if source in (None, one.source)], room):
            found.append(_together(group, room))
            waiting = _without(waiting, group)
    return sorted(found, key=lambda one: one.at)


@dataclass(frozen=True)
class _Room:
    """Where it is looked: the series of one source, or of all."""

    source: str | None
    series: frozenset[tuple[str, str]]
    vendors: Mapping[str, str]
    quorum: Quorum

    def vendor(self, service: str) -> str:
        return self.vendors.get(service, service)

    def is_enough(self, group: Iterable[Began]) -> bool:
        """Whether a group is everything, and not only the outage of its largest company."""
        moved = {(one.service, one.source) for one in group}
        by_vendor = Counter(self.vendor(service) for service, _ in moved)
        if len(moved) < self.quorum.n_series or len(by_vendor) < self.quorum.n_vendors:
            return False
        largest, n_largest = by_vendor.most_common(1)[0]
        n_others = sum(self.vendor(service) != largest for service, _ in self.series)
        share = self.quorum.share
        return len(moved) >= share * len(self.series) and len(moved) - n_largest >= share / 2 * n_others


def common_rise(reports: ArrayLike, expected: ArrayLike, dispersion: ArrayLike) -> float:
    """Say how much the other series rose in the window of an alarm, in standard deviations of no rise at all.

    A quorum takes minutes to come together, and by then the first have been notified. But a step is in every series
    from its first minute on, though in few of them strange by itself. So at an alarm look at the series of other
    companies, in the window that fired: what each deviates by is clipped to three standard deviations, so that another
    outage does not pass for all, and the sum is divided by the root of their number. Above :data:`COMMON_RISE`,
    everything moves: hold the notification until there is a quorum, or an hour has gone by without one.

    Parameters
    ----------
    reports
        Shape (series,): reports in the window, of series of other companies than the one that alarmed; those that
        were not observed in it left out.
    expected, dispersion
        Shape (series,): what was usual for the window, and phi of the variance ``m + phi m**2``; series with nothing
        expected are left out.

    Returns
    -------
    float
        0 if there is no other series.

    Examples
    --------
    >>> round(common_rise([15, 30, 45, 60], [10, 20, 30, 40], [0.01] * 4), 1)
    4.3
    """
    s, m, phi = (np.asarray(values, dtype=np.float64) for values in (reports, expected, dispersion))
    known = m > 0
    s, m, phi = s[known], m[known], phi[known]
    if not len(m):
        return 0.0
    deviations = np.clip((s - m) / np.sqrt(m + phi * m * m), -LARGEST, LARGEST)
    return float(deviations.sum() / np.sqrt(len(m)))


def rise_of_others(
    service: str,
    window: tuple[datetime, datetime],
    others: Iterable[tuple[CountSeries, Scored]],
    vendors: Mapping[str, str],
) -> float:
    """Return the :func:`common_rise` at an alarm.

    Parameters
    ----------
    service
        The one that alarmed; all of its company are left out.
    window
        Start and end of the window that fired (UTC): ``window_start_at`` and ``alarmed_at`` of the alarm.
    others
        Counts and scores of the watched series, bin by bin; those that do not cover the window are left out.
    vendors
        As of :func:`find_together`.
    """
    own = vendors.get(service, service)
    told = [
        _in_window(series, scored, window)
        for series, scored in others
        if vendors.get(series.service, series.service) != own
    ]
    reports, expected, dispersion = np.array([one for one in told if one], dtype=np.float64).reshape(-1, 3).T
    return common_rise(reports, expected, dispersion)


def _in_window(series: CountSeries, scored: Scored, window: tuple[datetime, datetime]) -> tuple[float, ...] | None:
    """Return reports, expected and dispersion of the observed bins in a window; None where it is not known."""
    width = timedelta(seconds=series.bin_width_s)
    start, stop = (window[0] - series.start_at) // width, -((series.start_at - window[1]) // width)
    if start < 0 or stop > min(len(series), len(scored.page)):
        return None
    y, usual = series.observed[start:stop], scored.scores.expected[start:stop]
    seen = ~np.isnan(y)
    if not seen.any() or np.isnan(usual).any():
        return None
    return float(y[seen].sum()), float(usual[seen].sum()), float(scored.scores.dispersion[start])


def _groups(incidents: Sequence[B], room: _Room) -> Iterator[list[B]]:
    """Yield groups that are enough, the largest first, each as long as the window allows."""
    left = sorted(incidents, key=lambda one: (one.onset.at, one.alarmed_at, one.service, one.source))
    within = timedelta(minutes=room.quorum.within_min)
    while left:
        spans = [[two for two in left[i:] if two.onset.at - one.onset.at <= within] for i, one in enumerate(left)]
        group = max(filter(room.is_enough, spans), key=_n_series, default=None)  # the earliest of equals
        if group is None:
            return
        yield group
        left = _without(left, group)


def _together(group: Sequence[B], room: _Room) -> Together[B]:
    by_alarm = sorted(group, key=lambda one: (one.alarmed_at, one.service, one.source))
    last = next((n for n in range(1, len(group)) if room.is_enough(by_alarm[:n])), len(group))
    onsets = sorted(one.onset.at for one in group)
    return Together(
        at=onsets[(len(onsets) - 1) // 2],
        known_at=by_alarm[last - 1].alarmed_at,
        source=room.source,
        n_moved=_n_series(group),
        n_watched=len(room.series),
        incidents=tuple(by_alarm),
    )


def _n_series(group: Sequence[Began]) -> int:
    return len({(one.service, one.source) for one in group})


def _without(incidents: Sequence[B], group: Sequence[B]) -> list[B]:
    taken = {id(one) for one in group}
    return [one for one in incidents if id(one) not in taken]
