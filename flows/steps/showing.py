"""What is in the store, gathered for showing."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from detectors.incidents.lifecycle import History
from detectors.incidents.revision import is_same_place
from detectors.model import Baseline, SeriesKey
from detectors.reference import catalogue
from detectors.spikes import COMBINED
from flows.report.page import incident_page
from flows.report.record import IncidentView
from flows.steps.groups import Group, cut, groups
from flows.steps.regions import read_located, region_behind

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from detectors.model import CountSeries, Incident
    from detectors.spikes import Scored
    from flows.store import Store

SHOWN_BEFORE, SHOWN_AFTER = timedelta(hours=24), timedelta(hours=2)
"""How much of a series is shown before an onset, and after the incident was over."""


def chosen_keys(store: Store, services: Collection[str] | None) -> list[SeriesKey]:
    """Return the series of these services; None = of all."""
    every = store.keys()
    return [key for key in every if services is None or key.service in services]


def histories(store: Store, keys: Iterable[SeriesKey]) -> list[History]:
    """Return the incidents of these series, and of what they were combined to, with their transitions, by onset."""
    keys = list(keys)
    combined = [SeriesKey(key.service, COMBINED, key.bin_width_s) for key in keys]
    found = [incident for key in dict.fromkeys([*keys, *combined]) for incident in store.incidents_of(key)]
    found.sort(key=lambda incident: (incident.onset.at, incident.service))
    return [History(incident, store.transitions_of(incident.id)) for incident in found]


def view(store: Store, incident: Incident, *, is_simulated: bool = False) -> IncidentView:
    """Gather what is needed to show an incident; what was expected is computed again from the counts."""
    series, scored = series_behind(store, incident)
    baseline = scored.baseline
    if incident.region:
        series, baseline = series_of_region(store, incident, series, scored)
    shown = slice(*_shown_bins(incident, series))
    return IncidentView(
        incident=incident,
        service_name=service_name(incident.service),
        series=cut(series, shown),
        baseline=Baseline(baseline.expected[shown], baseline.dispersion[shown], baseline.upper[shown]),
        transitions=store.transitions_of(incident.id),
        earlier=earlier(store, incident),
        spread=store.spread(incident.id) or incident.spread,
        data_until=series.end_at,
        is_simulated=is_simulated,
    )


def _shown_bins(incident: Incident, series: CountSeries) -> tuple[int, int]:
    """Return from which bin on, and up to which, a series is shown: more around what took longer.

    It may have gone on after its alarm was closed.
    """
    width = timedelta(seconds=series.bin_width_s)
    ends = [incident.resolved_at or series.end_at, incident.ended.high_at if incident.ended else incident.onset.at]
    around = max(timedelta(0), (max(ends) - incident.onset.at) / 2 - SHOWN_AFTER)
    span = incident.onset.at - SHOWN_BEFORE - around, max(ends) + SHOWN_AFTER + around
    first, last = ((at - series.start_at) // width for at in span)
    return max(0, first), max(last, 1)


def series_behind(store: Store, incident: Incident) -> tuple[CountSeries, Scored]:
    """Return the counts that an incident was found in, with scores computed again, of whatever sources they are."""
    group = group_behind(store, incident)
    return group.score(group.read(store, None))


def group_behind(store: Store, incident: Incident) -> Group:
    """Return the series that an incident was found in."""
    key = SeriesKey(incident.service, incident.source, incident.bin_width_s)
    if key.source != COMBINED:
        return Group((key,))
    keys = [one for one in chosen_keys(store, [key.service]) if one.bin_width_s == key.bin_width_s]
    return max(groups(store, keys), key=lambda one: len(one.parts))


def series_of_region(
    store: Store, incident: Incident, series: CountSeries, scored: Scored
) -> tuple[CountSeries, Baseline]:
    """Return the counts of a local incident's region, and what was usual there before it began."""
    located = read_located(store, group_behind(store, incident), series, scored)
    return region_behind(located, incident)


def earlier(store: Store, incident: Incident) -> tuple[Incident, ...]:
    """Return the incidents before this one, of its region or of the whole, that were not dismissed, newest first."""
    key = SeriesKey(incident.service, incident.source, incident.bin_width_s)
    every = [one for one in store.incidents_of(key) if one.onset.at < incident.onset.at and one.state != "dismissed"]
    return tuple(reversed([one for one in every if is_same_place(one.region, incident.region)]))


def service_name(service: str) -> str:
    """Return a service's name as people write it; the id itself for a series of one's own."""
    known = catalogue().get(service)
    return known.name if known else service


def page(store: Store, incident: Incident, *, is_simulated: bool = False) -> str:
    """Return an incident's page: one HTML file that needs nothing else."""
    return incident_page(view(store, incident, is_simulated=is_simulated))
