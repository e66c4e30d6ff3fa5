"""What the counts say about one alarm: when it began, whether it is over, how high it went, with how many reports."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from detectors.incidents.ending import LOOK_ON_MIN, Course, follow
from detectors.incidents.likelihood import Stretch
from detectors.incidents.onset import OnsetEstimate, estimate_onset
from detectors.incidents.usual import freeze, profile
from detectors.model import Estimate

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from detectors.model import Alarm, Baseline, CountSeries

LOOKBACK = timedelta(days=1)
"""How much before the alarm is looked at: enough to tell how noisy the series is."""

LOOK_ON = timedelta(minutes=LOOK_ON_MIN[-1])
"""How much after the alarm was closed."""

RISEN = timedelta(minutes=10)
"""So long before the window that fired reports may have been rising already: what is usual is taken from before."""

LEVEL = timedelta(minutes=30)
"""From how long before an incident its usual level is taken: no longer, because usual rates wander."""


@dataclass(frozen=True)
class Measures:
    """Estimates of one incident; instants are UTC, counts are independent voices unless named otherwise.

    The peak is the fullest bin of those whose usual count is known.
    """

    onset: Estimate
    ended: Estimate | None
    peak: float
    peak_at: datetime
    expected_at_peak: float
    n_reports: int
    n_authors: int


def beginnings(alarms: Sequence[Alarm]) -> dict[Alarm, datetime | None]:
    """Return for each alarm of one severity how far back it may reach: to the last bin that fired of the one before.

    Without this bound an outage that follows another within hours is given the beginning of the first: its rise is
    the sharper one to see.
    """
    return {
        alarm: before.last_alarm_at if before else None for before, alarm in zip([None, *alarms], alarms, strict=False)
    }


def followers(alarms: Sequence[Alarm]) -> dict[Alarm, datetime | None]:
    """Return for each alarm of one severity where the next one begins (UTC): the start of its window."""
    return {
        alarm: after.window_start_at if after else None
        for alarm, after in zip(alarms, [*alarms[1:], *[None] * bool(alarms)], strict=True)
    }


def measure(
    series: CountSeries,
    baseline: Baseline,
    alarm: Alarm,
    *,
    since_at: datetime | None = None,
    until_at: datetime | None = None,
) -> Measures:
    """Estimate the extent of an alarm from the counts around it.

    The end is where the counts show it, which may be hours after the alarm was closed (the detector grows used to an
    outage, and few reports in a small series may not fire), and after a later alarm of the same outage.

    Parameters
    ----------
    series, baseline
        The same bins: what was observed, and what was usual.
    alarm
        An alarm of that series, open or closed.
    since_at
        End of the incident before (UTC), whose reports are not this one's; see :func:`beginnings`.
    until_at
        Beginning of the next alarm (UTC), which may be of another outage; see :func:`followers`.
    """
    view, onset = _begun(series, _View.around(series, baseline, alarm, since_at))
    stretch, fired, is_closed = view.stretch, view.fired, view.is_closed
    following = None if until_at is None else max(view.last, view.bin_of(until_at))
    end = follow(stretch, Course(onset.at, view.last_fired, view.last, is_closed, following))

    first = min(int(onset.at), fired)
    stop = (max(view.last_fired, int(end.at)) if end else view.last_fired if is_closed else view.last) + 1
    known = ~np.isnan(baseline.expected[view.start :][first:stop])  # it may begin while nothing usual is known yet
    peak = first + int(np.nanargmax(np.where(known, stretch.observed[first:stop], np.nan)))

    instant = view.instant
    return Measures(
        onset=Estimate(*(instant(b) for b in (onset.at, onset.low, onset.high))),
        ended=Estimate(*(instant(b) for b in (end.at, end.low, end.high))) if end else _over(alarm, instant(onset.at)),
        peak=float(stretch.observed[peak]),
        peak_at=instant(peak),
        expected_at_peak=float(baseline.expected[view.start + peak]),
        n_reports=round(float(np.nansum(series.raw[view.start :][first:stop]))),
        n_authors=round(float(np.nansum(stretch.observed[first:stop]))),
    )


@dataclass(frozen=True, eq=False)
class _View:
    """The bins around an alarm, numbered from bin :attr:`start` of the series.

    Attributes
    ----------
    start_at, width
        Start of bin 0 (UTC), width of a bin.
    fired, last_fired, last
        The bin that fired first, the latest, and the one in which the alarm was closed (or the last of the series).
    window
        Bins of the window that fired.
    is_closed
        Whether the alarm was closed.
    """

    stretch: Stretch
    start: int
    start_at: datetime
    width: timedelta
    fired: int
    last_fired: int
    last: int
    window: int
    is_closed: bool

    @classmethod
    def around(cls, series: CountSeries, baseline: Baseline, alarm: Alarm, since_at: datetime | None) -> _View:
        width = timedelta(seconds=series.bin_width_s)
        start_at = max(series.start_at, alarm.alarmed_at - width - LOOKBACK, since_at or series.start_at)
        start = round((start_at - series.start_at) / width)
        start_at = series.start_at + start * width
        fired, last_fired, last = (
            round((at - start_at) / width) - 1
            for at in (alarm.alarmed_at, alarm.last_alarm_at, alarm.closed_at or series.end_at)
        )
        bins = slice(start, min(len(series), start + last + 1 + round(LOOK_ON / width)))
        stretch = Stretch(series.observed[bins], baseline.expected[bins], baseline.dispersion[bins], series.bin_width_s)
        window = min(round((alarm.alarmed_at - alarm.window_start_at) / width), fired + 1)
        return cls(stretch, start, start_at, width, fired, last_fired, last, window, not alarm.is_open)

    def bin_of(self, at: datetime) -> int:
        return round((at - self.start_at) / self.width)

    def instant(self, bin_number: float) -> datetime:
        return self.start_at + bin_number * self.width

    def frozen(self, series: CountSeries, *, before: int) -> _View:
        """Return the view with what was usual before a bin, from there on."""
        span = slice(self.start, self.start + len(self.stretch))
        shape = profile(series, before=self.start + before, span=span)
        level_bins = max(1, round(LEVEL / self.width))
        expected = freeze(self.stretch.expected, shape, start=before, level_bins=level_bins)
        return replace(self, stretch=replace(self.stretch, expected=expected))

    def onset(self) -> OnsetEstimate:
        return estimate_onset(
            self.stretch,
            alarm_bin=self.fired,
            window_bins=self.window,
            last_bin=self.last,
            is_closed=self.is_closed,
        )


def _begun(series: CountSeries, view: _View) -> tuple[_View, OnsetEstimate]:
    """Return when it began, and the view with what was usual before that.

    Where it may have begun long before it fired, what was usual then had followed it already: once more, from there.
    """
    before = max(0, view.fired + 1 - view.window - max(1, round(RISEN / view.width)))
    view = view.frozen(series, before=before)
    onset = view.onset()
    if onset.low >= before:
        return view, onset
    view = view.frozen(series, before=int(onset.low))
    return view, view.onset()


def _over(alarm: Alarm, onset_at: datetime) -> Estimate | None:
    """Return what is left to say where the counts do not show how it ended: it closed after it began."""
    if alarm.closed_at is None:
        return None
    return Estimate(max(alarm.last_alarm_at, onset_at), onset_at, alarm.closed_at)
