"""Why a bin alarmed, or did not: the window that decided, what was usual for it, and what would have been enough."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from msgspec import Struct, to_builtins

from detectors.errors import InputError
from detectors.model import CountSeries, Instant, Severity  # msgspec reads them when it decodes
from detectors.spikes.bank import Bank
from detectors.spikes.explained import evidence_at
from detectors.spikes.sources import Combiner, ScoredSources

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from numpy.typing import NDArray

    from detectors.spikes import Scored
    from detectors.spikes.explained import Evidence, Verdict

AGREES = 1e-9
"""How far a score may lie from the one that is to be explained, relatively."""


class Explanation(Struct, frozen=True, kw_only=True):
    """Why a bin has the score that it has. Instants are UTC, counts are reports of independent voices.

    Attributes
    ----------
    severity, threshold
        What was looked for, and the score that alarms.
    at
        When it could be known: the end of the bin, and of the window.
    score
        The bin's score; 1 = alarm at the default threshold.
    window_start_at, window_min, observed_min
        The window that reached the score: its start, its length, and how much of it was observed, in minutes. If no
        window stands out (score 0), the one that was nearest to an alarm.
    reports, expected
        What was in the window, and what was usual for the part of it that was observed.
    arm, times, floor
        What decided: the score is the evidence against ``times`` the expected plus ``floor`` reports. A watch is
        also reached by the arms of the page.
    phi, theta
        The variance of the window's count as it had been learnt, ``theta expected + phi expected**2``. The watch grants
        ``phi`` as many times as forecasts erred at this time of the day; the page grants twice ``phi``.
    enough
        The smallest number of reports in this window that would have reached the threshold.
    more_needed
        How many more reports in the last bin would have made it alarm, by whichever window; 0 if it did.
    fewer_needed
        How many fewer of the latest reports, and no window would have alarmed; 0 if none did.
    """

    severity: Severity
    at: Instant
    score: float
    threshold: float
    window_start_at: Instant
    window_min: float
    observed_min: float
    reports: float
    expected: float
    arm: Severity
    times: float
    floor: float
    phi: float
    theta: float
    enough: int
    more_needed: int
    fewer_needed: int

    @property
    def is_alarm(self) -> bool:
        """Whether the score reaches the threshold."""
        return self.score >= self.threshold

    @property
    def factor(self) -> float:
        """Reports over expected."""
        return self.reports / self.expected

    def sentence(self) -> str:
        """Say it in one sentence: ``27 reports in the 5 min to 18:09 UTC where 2.1 were expected (13x); ...``."""
        what = f"a {self.severity}" + ("" if self.threshold == 1 else f" at threshold {self.threshold:g}")
        if self.is_alarm:
            return f"{self._evidence()}; {self.enough:,} would have been enough for {what}."
        return f"{self._evidence()}; {self.more_needed:,} more would have been needed for {what}."

    def _evidence(self) -> str:
        noun = "report" if self.reports == 1 else "reports"
        window = f"the {self.window_min:.3g} min"
        if self.observed_min < self.window_min:
            window = f"the observed {self.observed_min:.3g} of {window}"
        clock = f"{self.at:%H:%M:%S}" if self.at.second else f"{self.at:%H:%M}"
        usual = _amount(self.expected)
        verb = "was" if usual == "1" else "were"
        return (
            f"{_amount(self.reports)} {noun} in {window} to {clock} UTC where {usual} {verb} expected"
            f" ({_amount(self.factor)}x)"
        )

    def record(self) -> dict[str, Any]:
        """Return it as JSON can hold it, with ``factor``, ``is_alarm`` and ``sentence``."""
        fields: dict[str, Any] = to_builtins(self)
        return fields | {"factor": self.factor, "is_alarm": self.is_alarm, "sentence": self.sentence()}


def explain(
    series: CountSeries | Sequence[CountSeries],
    scored: Scored,
    at: datetime,
    *,
    severity: Severity = "page",
    threshold: float = 1.0,
) -> Explanation:
    """Explain a bin's score from the counts up to its end.

    Parameters
    ----------
    series
        The counts that were scored, from their first bin on; where several sources were combined, those of each.
    scored
        What ``uproar`` made of them.
    at
        An instant (aware): the latest bin that had ended by then is explained. An alarm's ``alarmed_at`` is the end
        of the bin that fired.
    severity, threshold
        Which score, and what alarms.

    Raises
    ------
    InputError
        If the scores are another detector's or other counts', or that bin has none; the message says why.
    """
    parts = sorted([series] if isinstance(series, CountSeries) else series, key=lambda one: one.source)
    fresh = _anew(parts, scored)
    b = _bin_at(scored, at)
    score = float(scored.of(severity)[0][b])
    counted = scored.series.observed if isinstance(scored, ScoredSources) else parts[0].observed
    if np.isnan(score):
        raise InputError(_no_score(counted, scored, b))
    _, evidence = evidence_at(fresh, _matrix(parts, scored), b)
    if evidence is None or abs(evidence.best(severity).score - score) > AGREES * max(1.0, score):
        raise InputError("these scores are not of these counts: score the series again")
    told = _told(evidence, severity, score, threshold)
    return _explanation(evidence, told, scored, np.isnan(counted[: b + 1]))


class _Told(NamedTuple):
    """What was decided, in which window, and how much each window lacked."""

    severity: Severity
    score: float
    threshold: float
    best: Verdict
    window: int
    enough: int
    lacking: int


def _told(evidence: Evidence, severity: Severity, score: float, threshold: float) -> _Told:
    best = evidence.best(severity)
    # whatever the last digit says, an alarm had enough reports and what was none had too few
    above = float(np.nextafter(best.score, np.inf))
    limit = min(threshold, best.score) if score >= threshold else max(threshold, above)
    lacking = [evidence.lacking(w, severity, limit) for w in range(evidence.n_scored(severity))]
    window = best.window if best.score > 0 else int(np.argmin(lacking))
    enough = evidence.enough(window, severity, limit)
    return _Told(severity, score, threshold, best, window, enough, min(lacking))


def _explanation(evidence: Evidence, told: _Told, scored: Scored, missing: NDArray[np.bool_]) -> Explanation:
    w, width = told.window, timedelta(seconds=scored.bin_width_s)
    end_at, bins = scored.start_at + len(missing) * width, int(evidence.windows[w])
    seen = bins - int(np.count_nonzero(missing[-bins:]))
    return Explanation(
        severity=told.severity,
        at=end_at,
        score=told.score,
        threshold=told.threshold,
        window_start_at=end_at - bins * width,
        window_min=bins * scored.bin_width_s / 60,
        observed_min=seen * scored.bin_width_s / 60,
        reports=float(evidence.reports[w]),
        expected=float(evidence.expected[w]),
        arm=told.best.arm,
        times=told.best.times,
        floor=told.best.floor,
        phi=float(evidence.phi[w]),
        theta=float(evidence.theta[w]),
        enough=told.enough,
        more_needed=max(0, told.lacking),
        fewer_needed=max(0, 1 - told.lacking),
    )


def _anew(parts: Sequence[CountSeries], scored: Scored) -> Bank | Combiner:
    """Return the detector that gave the scores as it was before the first bin, if it is ours and these its series."""
    ours = scored.detector
    if not isinstance(ours, Bank | Combiner):
        raise InputError(f"only scores of the detector 'uproar' can be explained, not those of {type(ours).__name__}")
    bank = ours if isinstance(ours, Bank) else ours.bank
    sources = tuple(one.source for one in parts)
    is_all = len(parts) == 1 if isinstance(ours, Bank) else sources == ours.sources
    is_whole = bank.n_series == 1 and bank.n_bins == len(scored.page) and bank.start_at == scored.start_at
    same_bins = {one.bin_width_s for one in parts} == {bank.bin_width_s}
    if not (is_all and is_whole and same_bins and min(one.start_at for one in parts) == scored.start_at):
        raise InputError("the counts are not those that were scored: give the whole series, from its first bin on")
    if isinstance(ours, Combiner):
        return Combiner(sources, bin_width_s=bank.bin_width_s, start_at=bank.start_at)
    return Bank(1, bin_width_s=bank.bin_width_s, start_at=bank.start_at, parameters=bank.parameters)


def _matrix(parts: Sequence[CountSeries], scored: Scored) -> NDArray[np.float64]:
    """Return the counts as they were scored: shape (sources, bins), NaN where a source has none."""
    width = timedelta(seconds=scored.bin_width_s)
    longest = max((one.end_at - scored.start_at) // width for one in parts)
    matrix = np.full((len(parts), max(longest, len(scored.page))), np.nan)
    for row, one in zip(matrix, parts, strict=True):
        first = (one.start_at - scored.start_at) // width
        row[first : first + len(one)] = one.observed
    return matrix


def _bin_at(scored: Scored, at: datetime) -> int:
    if at.tzinfo is None:
        raise InputError(f"an instant needs a zone, for instance UTC; {at} has none")
    width = timedelta(seconds=scored.bin_width_s)
    b = (at - scored.start_at) // width - 1
    if not 0 <= b < len(scored.page):
        until = scored.start_at + len(scored.page) * width
        raise InputError(f"no bin of the series had just ended at {at}: it goes from {scored.start_at} to {until}")
    return b


def _no_score(counted: NDArray[np.float64], scored: Scored, b: int) -> str:
    """Say why a bin has no score."""
    end_at = scored.start_at + timedelta(seconds=scored.bin_width_s) * (b + 1)
    if np.isnan(counted[b]):
        return f"the bin that ends at {end_at} was not observed: it has no score"
    since = f"it knew what is usual from {scored.learning_until} on" if scored.learning_until else "it still learns"
    return f"the bin that ends at {end_at} has no score: {since}"


def _amount(value: float) -> str:
    """Return a number as people write it: two digits below 10, whole above; ``0.043``, ``2.1``, ``27``, ``1,300``."""
    if value == int(value) or value >= 9.95:
        return f"{value:,.0f}"
    return f"{value:.2g}"
