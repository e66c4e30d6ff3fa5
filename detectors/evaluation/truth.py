"""What was an outage on real counts, by written rules, so that alarms can be judged.

Labels are few, and most large bursts of complaints were outages that nobody wrote down. So truth has four kinds:

label
    Official and press rows: from 40 min before the onset to the end (or 2 h after the onset). Operator rows only
    where users reported: a bin of 3 reports or more from 80 min before the onset to the end. Rows derived from the
    counts themselves never score.
silver
    A burst with a bin of at least 20 reports and 10 times the typical daily maximum: the median of the daily maxima
    of the 29 days centred on the day, which no online detector can compute. From 2 bins before to 1 bin after it.
pair
    A smaller burst that begins within 40 min of a burst of a sister service of the same vendor, while fewer than two
    other vendors burst: the only truth made of small bursts.
grey
    At least 4 reports and 2.5 typical daily maxima, give or take an hour: neither right nor wrong.

A *burst* is a run of bins that are at least grey, less than 60 min apart. The same outage may be both a label and
silver: each kind is counted by itself (:attr:`Truth.events`), and :meth:`Truth.distinct` counts what is left when
overlapping windows of a service are one. Nothing here reads files; all instants are UTC.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import numpy as np

from detectors.errors import InputError, SeriesError
from detectors.model import Instant  # noqa: TC001 - msgspec reads it when it decodes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pandas as pd

Kind = Literal["label", "silver", "pair", "grey"]

DEVELOPMENT_VENDORS = {
    "facebook": "meta",
    "facebook-messenger": "meta",
    "instagram": "meta",
    "youtube": "google",
    "gmail": "google",
    "skype": "microsoft",
    "github": "microsoft",
    "netflix": "netflix",
}
"""Vendor of each service of the development counts: sister services fail together."""

MONTH = timedelta(days=30)
LABEL_BEFORE, LABEL_LASTS, OPERATOR_BEFORE = timedelta(minutes=40), timedelta(hours=2), timedelta(minutes=80)
OPERATOR_REPORTS = 3
SILVER_REPORTS, SILVER_FACTOR = 20, 10.0
GREY_REPORTS, GREY_FACTOR, GREY_AROUND = 4, 2.5, timedelta(hours=1)
BURST_GAP = timedelta(minutes=60)
PAIR_WITHIN, PAIR_OTHER_VENDORS = timedelta(minutes=40), 2
TYPICAL_DAYS = 29


class Label(msgspec.Struct, frozen=True, kw_only=True):
    """One row of a file of labels; other fields of the row are left alone."""

    id: str
    service: str
    onset: Instant
    end: Instant | None = None
    label_kind: str


@dataclass(frozen=True)
class Event:
    """A stretch in which an alarm is right (or, if grey, not wrong): ``start_at <= t <= end_at``.

    ``onset_at`` is when the outage began, where a source says so.
    """

    service: str
    kind: Kind
    start_at: datetime
    end_at: datetime
    onset_at: datetime | None = None


@dataclass(frozen=True)
class Truth:
    """What is known about some series.

    Attributes
    ----------
    events
        Labels, silver and pairs; one outage may stand there under more than one kind.
    grey
        Bursts of which nothing can be said.
    service_months
        By service: its observed bins, in months of 30 days.
    """

    events: tuple[Event, ...]
    grey: tuple[Event, ...]
    service_months: dict[str, float]

    def of(self, service: str) -> Truth:
        """Return what is known about one service."""
        months = {name: value for name, value in self.service_months.items() if name == service}
        events = tuple(event for event in self.events if event.service == service)
        grey = tuple(event for event in self.grey if event.service == service)
        return Truth(events, grey, months)

    def distinct(self) -> int:
        """Return how many events there are when overlapping ones of a service count as one."""
        latest: dict[str, datetime] = {}
        count = 0
        for event in sorted(self.events, key=lambda e: e.start_at):
            is_new = event.service not in latest or event.start_at > latest[event.service]
            count += is_new
            latest[event.service] = max(event.end_at, latest.get(event.service, event.end_at))
        return count


@dataclass(frozen=True)
class _Burst:
    service: str
    first_at: datetime
    last_at: datetime
    is_silver: bool


def read_labels(rows: Iterable[Mapping[str, Any]]) -> list[Label]:
    """Return labels from decoded JSON rows.

    Raises
    ------
    InputError
        Naming the row, counted from 1, that cannot be used.
    """
    labels = []
    for number, row in enumerate(rows, start=1):
        try:
            labels.append(msgspec.convert(row, Label))
        except msgspec.ValidationError as error:
            raise InputError(f"label {number} cannot be used: {error}") from error
    return labels


def build_truth(counts: Mapping[str, pd.Series], labels: Sequence[Label], vendors: Mapping[str, str]) -> Truth:
    """Build the truth of some count series by the rules above.

    Parameters
    ----------
    counts
        By service: reports per bin, with an evenly spaced UTC index of bin starts; NaN = unobserved.
    labels
        Rows about other services are left out.
    vendors
        Vendor of each service.

    Raises
    ------
    SeriesError
        If an index carries no zone or is not evenly spaced.
    """
    widths = {service: _bin_width(service, series) for service, series in counts.items()}
    bursts = [burst for service, series in counts.items() for burst in _bursts(service, series, widths[service])]
    events = [event for label in labels if label.service in counts for event in _label(label, counts[label.service])]
    grey: list[Event] = []
    for burst in bursts:
        kind = _kind(burst, bursts, vendors)
        (grey if kind == "grey" else events).append(_event(burst, kind, widths[burst.service]))
    months = {name: float(series.notna().sum()) * (widths[name] / MONTH) for name, series in counts.items()}
    return Truth(tuple(events), tuple(grey), months)


def _bin_width(service: str, series: pd.Series) -> timedelta:
    """Return the width of the bins."""
    import pandas as pd

    index = series.index
    if not isinstance(index, pd.DatetimeIndex) or index.tz is None:
        raise SeriesError(f"{service}: the index must be UTC instants")
    steps = np.unique(np.diff(index.asi8))
    if len(steps) != 1 or steps[0] <= 0:
        raise SeriesError(f"{service}: the bins are not evenly spaced")
    return (index[1] - index[0]).to_pytimedelta()


def typical_daily_maximum(series: pd.Series) -> pd.Series:
    """Return for each bin the median of the daily maxima of the 29 days centred on its day."""
    import pandas as pd

    daily = series.resample("1D").max()
    typical = daily.rolling(TYPICAL_DAYS, center=True, min_periods=1).median()
    days = pd.DatetimeIndex(series.index).floor("D")
    return typical.reindex(days).set_axis(series.index)


def _bursts(service: str, series: pd.Series, bin_width: timedelta) -> list[_Burst]:
    """Return the runs of bins that are at least grey."""
    typical = typical_daily_maximum(series)
    is_grey = (series >= GREY_REPORTS) & (series >= GREY_FACTOR * typical)
    is_silver = (series >= SILVER_REPORTS) & (series >= SILVER_FACTOR * typical)
    found = series.index[is_grey]
    if not len(found):
        return []
    breaks = [
        0,
        *(i for i, (a, b) in enumerate(pairwise(found), start=1) if b - a - bin_width >= BURST_GAP),
        len(found),
    ]
    runs = [found[a:b] for a, b in pairwise(breaks)]
    return [
        _Burst(service, run[0].to_pydatetime(), run[-1].to_pydatetime(), bool(is_silver[run].any())) for run in runs
    ]


def _kind(burst: _Burst, bursts: Sequence[_Burst], vendors: Mapping[str, str]) -> Kind:
    """Return what a burst is, given all bursts of all services."""
    if burst.is_silver:
        return "silver"
    near = [
        other
        for other in bursts
        if other.service != burst.service
        and other.first_at - PAIR_WITHIN <= burst.first_at <= other.last_at + PAIR_WITHIN
    ]
    mine = vendors[burst.service]
    others = {vendors[other.service] for other in near} - {mine}
    has_sister = any(vendors[other.service] == mine for other in near)
    return "pair" if has_sister and len(others) < PAIR_OTHER_VENDORS else "grey"


def _event(burst: _Burst, kind: Kind, bin_width: timedelta) -> Event:
    """Return the window of a burst; ``last_at`` is the start of its last bin."""
    before, after = (GREY_AROUND, GREY_AROUND + bin_width) if kind == "grey" else (2 * bin_width, bin_width)
    return Event(burst.service, kind, burst.first_at - before, burst.last_at + after)


def _label(label: Label, series: pd.Series) -> list[Event]:
    """Return the event of a label, or nothing if it cannot be scored on these counts."""
    end_at = label.end or label.onset + LABEL_LASTS
    if label.label_kind.startswith("data-derived"):
        return []
    if label.label_kind == "operator":
        seen = series[label.onset - OPERATOR_BEFORE : end_at]
        if not (seen >= OPERATOR_REPORTS).any():
            return []
    return [Event(label.service, "label", label.onset - LABEL_BEFORE, end_at, label.onset)]
