"""Which series are judged together: those of one service from every source that is still heard."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from typing import TYPE_CHECKING

from detectors.model import CountSeries, SeriesKey
from detectors.spikes import COMBINED, resume, resume_sources, score, score_sources

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime
    from typing import Any

    from detectors.spikes import Scored
    from flows.store import Store

TOGETHER = timedelta(days=28)
"""A source that was last heard this much earlier than another is history, judged by itself."""

LAG = timedelta(minutes=3)
"""How long a source is waited for that is behind the others; one that is further behind is lost."""


@dataclass(frozen=True)
class Group:
    """The series of one service, one for each source, that are judged as one.

    Attributes
    ----------
    parts
        Their keys, by source.
    detector
        Published detectors know one source only; they are given groups of one.
    """

    parts: tuple[SeriesKey, ...]
    detector: str = "uproar"

    @property
    def key(self) -> SeriesKey:
        """The series that incidents and checkpoints belong to."""
        first = self.parts[0]
        return first if len(self.parts) == 1 else SeriesKey(first.service, COMBINED, first.bin_width_s)

    @property
    def is_combined(self) -> bool:
        """Whether there are several sources."""
        return len(self.parts) > 1

    def read(self, store: Store, until: datetime | None, start_at: datetime | None = None) -> list[CountSeries]:
        """Return what is there to judge, source by source: as far as it was observed, and no further than ``until``."""
        every = [store.series(key, start_at=start_at) for key in self.parts]
        ends = [one.end_at for one in every if len(one)]
        if not ends:
            return []
        waited_for = min(end for end in ends if end >= max(ends) - LAG)
        until = waited_for if until is None else min(until, waited_for)
        return [one for one in (_until(one, until) for one in every) if len(one)]

    def score(self, series: Sequence[CountSeries]) -> tuple[CountSeries, Scored]:
        """Score whole series; return what was scored with its scores."""
        if not self.is_combined:
            return series[0], score(series[0], detector=self.detector)
        scored = score_sources(series)
        return scored.series, scored

    def resume(self, state: Mapping[str, Any], series: Sequence[CountSeries]) -> tuple[CountSeries, Scored]:
        """Score the bins that follow those of ``state``; errors as of :func:`detectors.spikes.resume`."""
        if not self.is_combined:
            return series[0], resume(state, series[0])
        scored = resume_sources(state, series)
        return scored.series, scored


def groups(store: Store, keys: Iterable[SeriesKey], detector: str = "uproar") -> list[Group]:
    """Put the series that are judged together into groups.

    Series of one service with bins of one width, from sources that were heard within four weeks of each other, are
    one group; every other series is a group of its own.
    """
    found: list[Group] = []
    keys = list(keys)
    ends = store.ends(keys)
    in_order = sorted(keys, key=lambda key: (key.service, key.bin_width_s, key.source))
    for _, of_service in groupby(in_order, key=lambda key: (key.service, key.bin_width_s)):
        parts = tuple(of_service)
        if len(parts) == 1 or detector != "uproar":
            found += [Group((part,), detector) for part in parts]
            continue
        newest = max((ends[part] for part in parts if part in ends), default=None)
        heard = tuple(part for part in parts if newest and part in ends and ends[part] > newest - TOGETHER)
        found += [Group(heard)] if heard else []
        found += [Group((part,)) for part in parts if part not in heard]
    return found


def _until(series: CountSeries, until: datetime) -> CountSeries:
    """Return a series up to the last bin that ends by ``until``."""
    if series.end_at <= until:
        return series
    return cut(series, slice(0, max(0, (until - series.start_at) // timedelta(seconds=series.bin_width_s))))


def cut(series: CountSeries, bins: slice) -> CountSeries:
    """Return a stretch of a series."""
    start_at = series.start_at + bins.start * timedelta(seconds=series.bin_width_s)
    arrays = (array[bins] for array in (series.observed, series.raw, series.coverage))
    return CountSeries(series.service, series.source, start_at, series.bin_width_s, *arrays)
