"""The vocabulary: what flows from a post to a notification, in the field's own words.

::

    Post -> Report -> CountSeries -> Baseline -> Alarm -> Incident -> Transition

Everything is immutable. What comes from outside (:class:`Post`) is validated when it is decoded, what we make ourselves
where a mistake would be silent. Instants are aware and UTC (``_at``); units stand in the names (``bin_width_s``).
"""

from __future__ import annotations

from detectors.model.counts import MAX_BIN_WIDTH_S, MIN_BIN_WIDTH_S, Baseline, CountSeries, SeriesKey
from detectors.model.incidents import Alarm, Incident, Severity, State, Transition
from detectors.model.instants import Estimate, Instant, utc
from detectors.model.posts import Batch, Gap, Geo, Post, PostExtra, Report, ShortText, Span
from detectors.model.services import Service, StatusPage
from detectors.model.spread import Extent, RegionSpread, Share, Spread, Verdict
from detectors.model.status import StatusImpact, StatusRevision, StatusState

__all__ = [
    "MAX_BIN_WIDTH_S",
    "MIN_BIN_WIDTH_S",
    "Alarm",
    "Baseline",
    "Batch",
    "CountSeries",
    "Estimate",
    "Extent",
    "Gap",
    "Geo",
    "Incident",
    "Instant",
    "Post",
    "PostExtra",
    "RegionSpread",
    "Report",
    "SeriesKey",
    "Service",
    "Severity",
    "Share",
    "ShortText",
    "Span",
    "Spread",
    "State",
    "StatusImpact",
    "StatusPage",
    "StatusRevision",
    "StatusState",
    "Transition",
    "Verdict",
    "utc",
]
