"""The analyst's door: a pandas series of counts in, scores and incidents out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from detectors.errors import InputError, SeriesError
from detectors.incidents.measure import beginnings, followers, measure
from detectors.model import MAX_BIN_WIDTH_S, MIN_BIN_WIDTH_S, CountSeries
from detectors.spikes import Scored, score

if TYPE_CHECKING:
    from detectors.incidents.explain import Explanation
    from detectors.incidents.measure import Measures
    from detectors.model import Alarm, Baseline, Severity

MAX_COUNT: Final = 1e9
"""More reports than this in a bin are a mistake, and their squares would no longer be exact."""

COLUMNS: Final = (
    "onset_at",
    "onset_low_at",
    "onset_high_at",
    "alarmed_at",
    "ended_at",
    "score",
    "peak",
    "expected_at_peak",
)


INSTANT: Final = "datetime64[us, UTC]"


@dataclass(frozen=True, eq=False)
class Detection:
    """What :func:`detect` found.

    Attributes
    ----------
    severity
        What was looked for.
    threshold
        The score at which it alarms.
    counts
        The counts as they were understood (UTC).
    scored
        Scores of both severities and everything behind them, as arrays.
    """

    severity: Severity
    threshold: float
    counts: pd.Series[float]
    scored: Scored

    @cached_property
    def scores(self) -> pd.Series[float]:
        """Like ``counts``: 1 = alarm at the default, higher = stranger, NaN while it does not know yet.

        Causal: no later bin changes a score.
        """
        return pd.Series(self.scored.of(self.severity)[0], index=self.counts.index, name="score")

    @property
    def baseline(self) -> Baseline:
        """What was usual; arrays of shape (bins,)."""
        return self.scored.baseline

    @property
    def learning_until(self) -> datetime | None:
        """From when on scores can be known (UTC); None if the series is too short for that."""
        return self.scored.learning_until

    @cached_property
    def alarms(self) -> list[Alarm]:
        """The alarms, oldest first."""
        return self.scored.alarms(self.severity, threshold=self.threshold)

    @cached_property
    def measures(self) -> list[Measures]:
        """What was measured of each alarm, oldest first: all that ``incidents`` says, and the interval of the end."""
        series, until_at = _as_count_series(self.counts), followers(self.alarms)
        return [
            measure(series, self.baseline, alarm, since_at=since_at, until_at=until_at[alarm])
            for alarm, since_at in beginnings(self.alarms).items()
        ]

    @cached_property
    def incidents(self) -> pd.DataFrame:
        """One row per alarm, oldest first, instants in UTC.

        ``onset_at, onset_low_at, onset_high_at`` (estimate and 90 % interval), ``alarmed_at`` (when it could be known:
        the end of the bin that fired), ``ended_at`` (NaT while open), ``score`` (the largest), ``peak`` (reports in
        the fullest bin), ``expected_at_peak``.
        """
        rows = []
        for alarm, found in zip(self.alarms, self.measures, strict=True):
            onset, ended = found.onset, found.ended.at if found.ended else None
            instants = (onset.at, onset.low_at, onset.high_at, alarm.alarmed_at, ended)
            rows.append((*instants, alarm.score, found.peak, found.expected_at_peak))
        frame = pd.DataFrame(rows, columns=list(COLUMNS))
        return frame.astype({name: INSTANT if name.endswith("_at") else "float64" for name in COLUMNS})

    def explain(self, which: Any = None) -> Explanation:  # noqa: ANN401 - a row of a frame has no type of its own
        """Say why a bin alarmed or did not: the window that decided, and what would have been enough.

        Parameters
        ----------
        which
            A row of ``incidents``, its number, or an :class:`~detectors.model.Alarm`: the bin that fired. Or an
            instant (aware): the latest bin that had ended by then. None = the alarm with the largest score, or the
            bin with the largest score if nothing alarmed.

        Raises
        ------
        InputError
            If the scores are another detector's than ``uproar``, or there is no such row, bin or score.
        """
        from detectors.incidents.explain import explain

        series = _as_count_series(self.counts)
        return explain(series, self.scored, self._instant(which), severity=self.severity, threshold=self.threshold)

    def _instant(self, which: Any) -> datetime:  # noqa: ANN401 - as above
        """Return the end of the bin that is meant."""
        if which is None and not self.alarms:
            best = self.scores.idxmax() if self.scores.notna().any() else self.scores.index[-1]
            return _datetime(best + (self.scores.index[1] - self.scores.index[0]))
        if which is None:
            which = max(self.alarms, key=lambda alarm: alarm.score)
        if isinstance(which, int | np.integer):
            if not 0 <= which < len(self.alarms):
                raise InputError(f"there is no row {which}: {len(self.alarms)} incidents were found")
            which = self.alarms[int(which)]
        at = getattr(which, "alarmed_at", which)
        if not isinstance(at, datetime):
            raise InputError(f"explain takes a row of incidents, its number or an instant, not {type(which).__name__}")
        return _datetime(at)


def detect(
    counts: pd.Series[float], *, severity: Severity = "page", threshold: float | None = None, detector: str = "uproar"
) -> Detection:
    """Find outages in a series of counts.

    Parameters
    ----------
    counts
        Reports per bin; the index holds the starts of the bins (aware; anything but UTC is converted), evenly spaced,
        1 s to 1 h. NaN = not observed, which is not 0.
    severity
        ``page``: several times usual, for waking people. ``watch``: any credible rise, for looking.
    threshold
        None = 1, at which the calibrated default of that severity alarms; a number replaces it.
    detector
        A name in :data:`detectors.spikes.DETECTORS`.

    Raises
    ------
    SeriesError
        If the counts cannot be used; the message says what is wrong, where, and what to do.
    InputError
        If another argument cannot be used.

    Examples
    --------
    >>> index = pd.date_range("2026-03-02", periods=200, freq="20min", tz="UTC")
    >>> counts = pd.Series(4.0, index=index)
    >>> counts.iloc[150:156] = 60.0
    >>> found = detect(counts)
    >>> [str(at) for at in found.incidents.alarmed_at]
    ['2026-03-04 02:20:00+00:00']
    """
    if severity not in ("page", "watch"):
        raise InputError(f"severity is 'page' or 'watch', not {severity!r}")
    limit = 1.0 if threshold is None else float(threshold)
    if not 0 < limit < np.inf:
        raise InputError(f"threshold must be a number above 0, not {threshold!r}")
    clean = check_counts(counts)
    return Detection(severity, limit, clean, score(_as_count_series(clean), detector=detector))


def check_counts(counts: pd.Series[float]) -> pd.Series[float]:
    """Return the counts as floats with a UTC index, or raise SeriesError with what is wrong and what to do."""
    if not isinstance(counts, pd.Series):
        raise SeriesError(f"counts must be a pandas Series, not {type(counts).__name__}")
    index = counts.index
    if not isinstance(index, pd.DatetimeIndex):
        raise SeriesError(f"counts need a DatetimeIndex of bin starts, not {type(index).__name__}")
    if index.tz is None:
        raise SeriesError("the times carry no zone: say which with counts.tz_localize('UTC')")
    if len(counts) < 2:
        raise SeriesError(f"counts of {len(counts)} bins: at least 2 are needed to tell how wide a bin is")
    try:
        values = counts.to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise SeriesError(f"counts must be numbers, not {counts.dtype}") from error
    index = index.tz_convert("UTC")
    _check_index(index)
    too_many = values > MAX_COUNT, f"a count above {MAX_COUNT:g}"
    for wrong, what in ((np.isinf(values), "an infinite count"), too_many, (values < 0, "a count below 0")):
        if wrong.any():
            raise SeriesError(f"{what} at {index[int(np.argmax(wrong))]}")
    return pd.Series(values, index=index, name=counts.name)


def _check_index(index: pd.DatetimeIndex) -> None:
    if index.hasnans:
        raise SeriesError(f"no time (NaT) in row {int(np.argmax(index.isna()))}")
    steps = np.diff(index.as_unit("ns").asi8)
    for wrong, what in ((steps < 0, "not sorted: sort_index() first, the first step back is"), (steps == 0, "twice")):
        if wrong.any():
            raise SeriesError(f"the times are {what} at {index[int(np.argmax(wrong)) + 1]}")
    width_ns = int(np.median(steps))
    if (steps % width_ns).any():
        raise SeriesError(f"not evenly spaced at {index[int(np.argmax(steps % width_ns != 0)) + 1]}")
    width_s = width_ns / 1e9
    if not MIN_BIN_WIDTH_S <= width_s <= MAX_BIN_WIDTH_S or width_s != int(width_s):
        raise SeriesError(f"bins of {width_s:g} s: whole seconds from {MIN_BIN_WIDTH_S} to {MAX_BIN_WIDTH_S} wanted")
    if (steps != width_ns).any():
        where = int(np.argmax(steps != width_ns))
        raise SeriesError(
            f"rows are missing after {index[where]}: reindex with counts.asfreq('{int(width_s)}s') (NaN = not observed)"
        )


def _datetime(at: datetime) -> datetime:
    return at.to_pydatetime() if isinstance(at, pd.Timestamp) else at


def _as_count_series(clean: pd.Series[float]) -> CountSeries:
    index = clean.index
    width_s = int((index[1] - index[0]).total_seconds())
    values = np.asarray(clean.to_numpy(), dtype=np.float64)
    coverage = np.where(np.isnan(values), 0.0, 1.0)
    return CountSeries("counts", "given", index[0].to_pydatetime(), width_s, values, values, coverage)
