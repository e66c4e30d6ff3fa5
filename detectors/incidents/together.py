"""Everything moved: many services of many companies that begin to be in trouble at once are seldom that many outages.

When a collector changes, or the platform that people post on does, every series takes a step at the same time. No
statistic of one series can tell that from an outage, and a detector that tried would be deaf to real ones; so scores,
alarms and incidents stay as they are. What can be told is that it is one event: whoever sends notifications holds the
single ones and says "everything moved" once. It is never a reason to say nothing: the Internet's great outages (a
cloud, a network that many others stand on) look the same from here.

All services of one company do fail together, so companies are counted too. And a series is compared with the others of
its own source first: a collector brings one source, and with several sources its series are a small part of all.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from detectors.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from detectors.model import Estimate, SeriesKey


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
