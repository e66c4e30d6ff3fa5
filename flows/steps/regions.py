"""Where: the regions of a service beside the service as a whole, its local incidents, and where incidents are felt."""

from __future__ import annotations

from dataclasses import dataclass, field
from dataclasses import replace as dataclass_replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from msgspec.structs import replace

from detectors.baselines.lineage import level_number
from detectors.baselines.regional import usual_in
from detectors.counting import micros
from detectors.counting.regional import RegionCounts, Sparse
from detectors.incidents.local import baselines_at, build_local_histories
from detectors.incidents.merging import merge
from detectors.location import level
from detectors.model import SeriesKey
from detectors.spikes.local import LocalDetector, local_series, national_of
from detectors.spread import estimate_spread

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from numpy.typing import NDArray

    from detectors.baselines.regional import National, RegionalBaseline
    from detectors.incidents.lifecycle import History
    from detectors.model import Baseline, CountSeries, Incident, Spread
    from detectors.spikes import Scored
    from detectors.spikes.local_alarms import LocalAlarm
    from flows.steps.groups import Group
    from flows.store import Store

BEFORE = timedelta(hours=2)
"""How much before an onset is looked at, so that regions may have begun earlier."""

AT_MOST = timedelta(hours=24)
"""How much of a long incident is looked at, from its onset on."""

YOUNG, ANEW_EVERY_MIN = timedelta(minutes=30), 5
"""It is estimated again with every tick where an open incident is felt while it is young, then every few minutes."""

MIXED_OVER = timedelta(days=10)
"""From how long before an incident it is taken how much each source brings."""

MOST_NAMED, MOST_KEPT = 40, 400
"""Regions that go with an incident's record, and that are kept beside it."""


@dataclass(frozen=True)
class Located:
    """The regions of one service over the bins of its series.

    Attributes
    ----------
    unlocated
        Shape (bins,): voices from nobody knows where, of the sources that give posts; None where none does.
    heard
        Shape (sources, bins): what each source brought, NaN where it was not heard.
    is_of_posts
        Shape (sources,): whether it gives posts; bare counts are from nobody knows where.
    """

    counts: RegionCounts
    national: National
    unlocated: NDArray[np.float64] | None = None
    heard: NDArray[np.float64] | None = None
    is_of_posts: NDArray[np.bool_] | None = None

    def mixture(self, start: int, stop: int) -> NDArray[np.float64]:
        """Return by how much more of what is usual is located than when all sources are heard.

        What is usual is that of the sources that are heard. Where one of bare counts is lost, more of it says where it
        is from; where none that gives posts is heard, nothing is known (NaN).

        Parameters
        ----------
        start, stop
            Bins asked for; how much each source usually brings is taken from the ten days before them.
        """
        if self.heard is None or self.is_of_posts is None or self.is_of_posts.all():
            return np.ones(stop - start)
        past = self.heard[:, max(0, start - round(MIXED_OVER / timedelta(seconds=self.counts.bin_width_s))) : start]
        n_heard = np.maximum((~np.isnan(past)).sum(axis=1), 1)
        usual: NDArray[np.float64] = np.nansum(past, axis=1) / n_heard
        is_heard = ~np.isnan(self.heard[:, start:stop])
        every, posts = usual @ is_heard, (usual * self.is_of_posts) @ is_heard
        if not (usual * self.is_of_posts).sum() > 0:
            return np.ones(stop - start)
        whole = (usual * self.is_of_posts).sum() / usual.sum()
        return np.where(posts > 0, posts, np.nan) / np.where(every > 0, every * whole, np.nan)

    @property
    def is_anything(self) -> bool:
        """Whether anything was ever heard that says where it is from."""
        return bool(self.counts.regions)


def read_located(store: Store, group: Group, series: CountSeries, scored: Scored) -> Located:
    """Return what the regions brought in the bins of a series that was scored."""
    if not np.nansum(series.observed):  # then nobody is anywhere, and the store need not be asked
        return Located(_counts_of(series, {}), national_of(series, scored))
    found = store.region_counts(group.parts, start_at=series.start_at, end_at=series.end_at)
    start_us, width_us = micros(series.start_at), series.bin_width_s * 1_000_000
    regions = {}
    for code in sorted(found):
        bins = sorted(found[code])
        voices = np.array([found[code][at] for at in bins])
        regions[code] = Sparse((np.array(bins, np.int64) - start_us) // width_us, voices)
    return Located(_counts_of(series, regions), national_of(series, scored))


def _counts_of(series: CountSeries, regions: dict[str, Sparse]) -> RegionCounts:
    return RegionCounts(series.service, series.source, series.start_at, series.bin_width_s, regions, series.coverage)


def with_unlocated(located: Located, store: Store, parts: Sequence[CountSeries]) -> Located:
    """Add the voices from nobody knows where.

    Parameters
    ----------
    parts
        The series of the sources, as they were read from the store.
    """
    counts = located.counts
    keys = [SeriesKey(one.service, one.source, one.bin_width_s) for one in parts]
    of_posts = store.located_keys(keys)
    if not of_posts:
        return located
    heard = np.array([_aligned(one, counts) for one in parts])
    is_of_posts = np.isin(np.arange(len(parts)), [number for number, key in enumerate(keys) if key in of_posts])
    voices = np.nansum(heard[is_of_posts], axis=0)
    for code, (bins, here) in counts.regions.items():
        if level(code) == "country":
            voices[bins] -= here
    return dataclass_replace(located, unlocated=np.maximum(voices, 0.0), heard=heard, is_of_posts=is_of_posts)


def _aligned(part: CountSeries, counts: RegionCounts) -> NDArray[np.float64]:
    """Return what a source brought in the bins of the counts; NaN where it was not heard."""
    found = np.full(len(counts), np.nan)
    first = round((part.start_at - counts.start_at).total_seconds() / counts.bin_width_s)
    start, stop = max(0, first), min(len(counts), first + len(part))
    found[start:stop] = part.observed[start - first : stop - first]
    return found


@dataclass(frozen=True)
class LocalFound:
    """What was found in the regions.

    Attributes
    ----------
    alarms
        Those that were open in the bins looked at.
    detector
        As it stands after them; None where nothing was ever heard that says where it is from, or nothing was looked at.
    """

    alarms: list[LocalAlarm] = field(default_factory=list)
    detector: LocalDetector | None = None

    def state(self) -> dict[str, Any] | None:
        """Return what a checkpoint keeps; that takes longer than to look at a few bins."""
        return self.detector.state() if self.detector else None


def find_local(located: Located, state: Mapping[str, Any] | None = None) -> LocalFound:
    """Look for local alarms, from the first bin on or from where a state was saved.

    Raises
    ------
    StateError
        The state is another version's: from the first bin on, please.
    """
    counts = located.counts
    if state is None and not located.is_anything:
        return LocalFound()
    detector = LocalDetector.from_state(state) if state else LocalDetector(counts.start_at, counts.bin_width_s)
    return LocalFound(detector.run(counts, located.national), detector)


def with_local(whole: Sequence[History], located: Located, alarms: Sequence[LocalAlarm]) -> list[History]:
    """Join the incidents of the whole with those of its regions."""
    if not alarms:
        return list(whole)
    return merge(whole, build_local_histories(located.counts, located.national, alarms))


def spread_of(located: Located, incidents: Sequence[Incident]) -> dict[str, Spread]:
    """Estimate where incidents are felt, each against what was usual before it began.

    Returns
    -------
    dict
        By the incident's id; those of which nothing can be said are left out.
    """
    counts = located.counts
    if not located.is_anything or not incidents:
        return {}
    begun = {one.id: max(counts.start_at, _on_grid(counts, one.onset.low_at)) for one in incidents}
    baselines = baselines_at(counts, located.national, begun.values())
    found = {one.id: _spread(located, one, begun[one.id], baselines[begun[one.id]]) for one in incidents}
    return {key: one for key, one in found.items() if one}


def with_spread(
    histories: Sequence[History], known: Mapping[str, History], located: Located
) -> tuple[list[History], dict[str, Spread]]:
    """Say where incidents are felt; of those of which nothing has changed, and of recent looks, what was said stays.

    Parameters
    ----------
    histories
        Incidents as they stand now.
    known
        By id: incidents on record, with what was said of them.

    Returns
    -------
    list of History, dict
        The histories, and by id what was estimated anew.
    """
    due = [one.incident for one in histories if _is_due(one.incident, known.get(one.incident.id), located)]
    found = spread_of(located, due)
    told = []
    for history in histories:
        incident, before = history.incident, known.get(history.incident.id)
        spread = named(found[incident.id]) if incident.id in found else before and before.incident.spread
        told.append(dataclass_replace(history, incident=replace(incident, spread=spread)))
    return told, {key: kept(one) for key, one in found.items()}


def _is_due(incident: Incident, before: History | None, located: Located) -> bool:
    """Whether it is to be estimated where an incident is felt: it is new, it has changed, or it goes on."""
    now = located.counts.end_at
    since = now - incident.alarmed_at
    if incident.state == "dismissed":
        return False
    if before is None or (before.incident.spread is None and since < AT_MOST):
        return True
    if _what_counts(before.incident) != _what_counts(incident):
        return True
    return incident.is_open and since < AT_MOST and (since < YOUNG or not now.minute % ANEW_EVERY_MIN)


def _what_counts(incident: Incident) -> tuple[object, ...]:
    """Return what it hangs on where an incident is felt; while it is open, onset and reports change all the time."""
    found = incident.state, incident.region, incident.ended
    return found if incident.is_open else (*found, incident.onset, incident.n_reports)


def differ(one: History | None, other: History) -> bool:
    """Whether two histories say different things; unlike ``!=``, what is unknown in both is the same."""
    if one is None or one.transitions != other.transitions:
        return True
    if replace(one.incident, spread=None) != replace(other.incident, spread=None):
        return True
    return repr(one.incident.spread) != repr(other.incident.spread)


def _on_grid(counts: RegionCounts, at: datetime) -> datetime:
    """Return the start of the bin that holds an instant, at the latest the end of the counts."""
    width = timedelta(seconds=counts.bin_width_s)
    return min(counts.start_at + (at - counts.start_at) // width * width, counts.end_at)


def _spread(located: Located, incident: Incident, begun_at: datetime, baseline: RegionalBaseline) -> Spread | None:
    counts, national = located.counts, located.national
    width = timedelta(seconds=counts.bin_width_s)
    first_at = max(counts.start_at, _on_grid(counts, begun_at - BEFORE))
    until_at = _on_grid(
        counts, min((incident.ended.at if incident.ended else counts.end_at), begun_at + AT_MOST) + width
    )
    if until_at <= first_at:
        return None
    usual = usual_in(baseline, counts, national, (first_at, until_at))
    if usual.observed.empty:
        return None
    start, stop = ((at - counts.start_at) // width for at in (first_at, until_at))
    phi = national.dispersion[start:stop]
    unlocated = located.unlocated
    mixture = located.mixture(start, stop)[:, np.newaxis]
    return estimate_spread(
        usual.observed + 0.0 * mixture,  # unknown where nobody was heard who says where they are
        usual.expected * mixture,
        dispersion=usual.dispersion + (float(np.nanmedian(phi)) if np.isfinite(phi).any() else 0.0),
        unlocated=None if unlocated is None else pd.Series(unlocated[start:stop], index=usual.observed.index),
    )


def region_behind(located: Located, incident: Incident) -> tuple[CountSeries, Baseline]:
    """Return the counts of a local incident's region, and what was usual there before it began."""
    counts = located.counts
    begun_at = max(counts.start_at, _on_grid(counts, incident.onset.low_at))
    baseline = baselines_at(counts, located.national, [begun_at])[begun_at]
    return local_series(counts, located.national, baseline, incident.region)


def named(spread: Spread) -> Spread:
    """Return what goes with an incident's record: the regions that are affected."""
    return replace(spread, regions=spread.affected[:MOST_NAMED])


def kept(spread: Spread) -> Spread:
    """Return what is kept beside it: not every village of which a little is usual."""
    affected = spread.affected
    others = [one for one in spread.regions if one.verdict != "affected"]
    others.sort(key=lambda one: (level_number(one.code), -np.nan_to_num(one.expected)))
    return replace(spread, regions=(*affected, *others[: max(0, MOST_KEPT - len(affected))]))
