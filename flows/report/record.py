"""The one record that everything about an incident is drawn from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from detectors.errors import SeriesError

if TYPE_CHECKING:
    from datetime import datetime

    from detectors.model import Baseline, CountSeries, Incident, Transition


@dataclass(frozen=True, eq=False, kw_only=True)
class IncidentView:
    """An incident and what is needed to show it: sentence, charts and page are functions of this alone.

    Attributes
    ----------
    incident
        The claim.
    service_name
        The service as people write it; untrusted, made safe where it is shown.
    series
        Counts around the incident, for instance from 24 h before its onset to some hours after its end.
    baseline
        What was usual in the same bins, NaN while that is not known.
    transitions
        What became of the incident, oldest first.
    earlier
        Earlier incidents of the service, newest first; empty if there are none that we know of.
    data_until
        End of the last observed bin (UTC).
    is_simulated
        True where the posts are made up: the page then says so at its top.

    Raises
    ------
    SeriesError
        If the baseline has not one value a bin of the series, or ``data_until`` is not UTC.
    """

    incident: Incident
    service_name: str
    series: CountSeries
    baseline: Baseline
    transitions: tuple[Transition, ...] = ()
    earlier: tuple[Incident, ...] = ()
    data_until: datetime
    is_simulated: bool = False

    def __post_init__(self) -> None:
        expected, dispersion, upper = self.baseline.expected, self.baseline.dispersion, self.baseline.upper
        if not self.series.observed.shape == expected.shape == dispersion.shape == upper.shape:
            raise SeriesError(f"{self.incident.service}: the baseline has not one value a bin of the series")
        if self.data_until.utcoffset() != timedelta(0):
            raise SeriesError(f"{self.incident.service}: data_until must be aware and UTC, not {self.data_until!r}")
