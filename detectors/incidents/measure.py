"""What the counts say about one alarm: when it began, whether it is over, how high it went, with how many reports."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from detectors.incidents.ending import estimate_end
from detectors.incidents.likelihood import Stretch
from detectors.incidents.onset import estimate_onset
from detectors.model import Estimate

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from detectors.model import Alarm, Baseline, CountSeries

LOOKBACK = timedelta(days=1)
"""How much before the alarm is looked at: enough to tell how noisy the series is."""


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


def measure(series: CountSeries, baseline: Baseline, alarm: Alarm, *, since_at: datetime | None = None) -> Measures:
    """Estimate the extent of an alarm from the counts around it.

    Parameters
    ----------
    series, baseline
        The same bins: what was observed, and what was usual.
    alarm
        An alarm of that series, open or closed.
    since_at
        End of the incident before (UTC), whose reports are not this one's; see :func:`beginnings`.
    """
    width = timedelta(seconds=series.bin_width_s)
    start_at = max(series.start_at, alarm.alarmed_at - width - LOOKBACK, since_at or series.start_at)
    start = round((start_at - series.start_at) / width)
    start_at = series.start_at + start * width
    fired, last_fired, last = (
        round((at - start_at) / width) - 1
        for at in (alarm.alarmed_at, alarm.last_alarm_at, alarm.closed_at or series.end_at)
    )
    bins = slice(start, start + last + 1)
    stretch = Stretch(series.observed[bins], baseline.expected[bins], baseline.dispersion[bins], series.bin_width_s)
    window = min(round((alarm.alarmed_at - alarm.window_start_at) / width), fired + 1)
    is_closed = not alarm.is_open
    onset = estimate_onset(stretch, alarm_bin=fired, window_bins=window, last_bin=last, is_closed=is_closed)
    end = estimate_end(stretch, onset_bin=onset.at, last_alarm_bin=last_fired, last_bin=last, is_closed=is_closed)

    first = min(int(onset.at), fired)
    stop = (max(last_fired, int(end.at)) if end else last_fired if is_closed else last) + 1
    known = ~np.isnan(stretch.expected[first:stop])  # it may begin while nothing usual is known yet
    peak = first + int(np.nanargmax(np.where(known, stretch.observed[first:stop], np.nan)))

    def instant(bin_number: float) -> datetime:
        return start_at + bin_number * width

    return Measures(
        onset=Estimate(*(instant(b) for b in (onset.at, onset.low, onset.high))),
        ended=Estimate(*(instant(b) for b in (end.at, end.low, end.high))) if end else _over(alarm, instant(onset.at)),
        peak=float(stretch.observed[peak]),
        peak_at=instant(peak),
        expected_at_peak=float(stretch.expected[peak]),
        n_reports=round(float(np.nansum(series.raw[bins][first:stop]))),
        n_authors=round(float(np.nansum(stretch.observed[first:stop]))),
    )


def _over(alarm: Alarm, onset_at: datetime) -> Estimate | None:
    """Return what is left to say where the counts do not show how it ended: it closed after it began."""
    if alarm.closed_at is None:
        return None
    return Estimate(max(alarm.last_alarm_at, onset_at), onset_at, alarm.closed_at)
