"""The one record that everything about an incident is drawn from, and the incident as plain JSON values."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Any

from detectors.errors import SeriesError
from detectors.location.names import region_name

if TYPE_CHECKING:
    from datetime import datetime

    from detectors.model import Baseline, CountSeries, Estimate, Incident, RegionSpread, Spread, Transition


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
    spread
        Where it is felt, region by region; None where that is not known.
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
    spread: Spread | None = None
    data_until: datetime
    is_simulated: bool = False

    def __post_init__(self) -> None:
        expected, dispersion, upper = self.baseline.expected, self.baseline.dispersion, self.baseline.upper
        if not self.series.observed.shape == expected.shape == dispersion.shape == upper.shape:
            raise SeriesError(f"{self.incident.service}: the baseline has not one value a bin of the series")
        if self.data_until.utcoffset() != timedelta(0):
            raise SeriesError(f"{self.incident.service}: data_until must be aware and UTC, not {self.data_until!r}")


def incident_record(incident: Incident) -> dict[str, Any]:
    """Return an incident as ``--json`` prints it: plain values, times in ISO 8601 (UTC).

    What is not known is None, and where nobody looked where it is felt, the fields that say so are absent. ``symptoms``
    is a list of ``{"symptom", "share"}``, the largest first, ``regions`` one of those that are affected, the surest
    first, and the intervals are ``[low, high]``.
    """
    record = {
        "id": incident.id,
        "service": incident.service,
        "source": incident.source,
        "severity": incident.severity,
        "state": incident.state,
        "onset_at": _iso(incident.onset.at),
        "onset_interval": _ends(incident.onset),
        "suspected_at": _iso(incident.suspected_at),
        "alarmed_at": _iso(incident.alarmed_at),
        "confirmed_at": _iso(incident.confirmed_at),
        "ended_at": _iso(incident.ended.at if incident.ended else None),
        "ended_interval": _ends(incident.ended),
        "resolved_at": _iso(incident.resolved_at),
        "score": _number(incident.score),
        "peak": _number(incident.peak),
        "peak_at": _iso(incident.peak_at),
        "expected_at_peak": _number(incident.expected_at_peak),
        "n_reports": incident.n_reports,
        "n_authors": incident.n_authors,
        "symptoms": [{"symptom": name, "share": round(part, 4)} for name, part in incident.symptoms],
        "bin_width_s": incident.bin_width_s,
        "revision": incident.revision,
    }
    if incident.region:
        record["region"] = incident.region
    return record | (_spread_record(incident.spread) if incident.spread else {})


def _spread_record(spread: Spread) -> dict[str, Any]:
    return {
        "extent": spread.extent,
        "regions": [_region_record(region) for region in spread.affected],
        "unknown_region_share": _number(spread.unlocated_share),
        "affected_share": _number(spread.affected_share.at),
        "affected_share_interval": [_number(spread.affected_share.low), _number(spread.affected_share.high)],
        "untestable_share": _number(spread.untestable_share),
        "n_located": _number(spread.n_located),
    }


def _region_record(region: RegionSpread) -> dict[str, Any]:
    """Return a region: ``share`` of the excess over its level, ``interval`` of its onset."""
    return {
        "code": region.code,
        "name": region_name(region.code),
        "share": _number(region.share),
        "excess": _number(region.excess),
        "observed": _number(region.observed),
        "expected": _number(region.expected),
        "ratio": _number(region.ratio),
        "ratio_interval": [_number(region.ratio_low), _number(region.ratio_high)],
        "probability": _number(region.probability),
        "onset_at": _iso(region.onset.at if region.onset else None),
        "interval": _ends(region.onset),
        "order": region.order,
    }


def _iso(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z") if at else None


def _ends(estimate: Estimate | None) -> list[str | None] | None:
    return [_iso(estimate.low_at), _iso(estimate.high_at)] if estimate else None


def _number(value: float) -> float | None:
    """Return a number that JSON can hold, to six digits; None where it is not known."""
    return float(f"{value:.6g}") if math.isfinite(value) else None
