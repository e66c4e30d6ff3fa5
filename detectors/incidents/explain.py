"""Why a bin alarmed, or did not: the window that decided, what was usual for it, and what would have been enough."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec import Struct, to_builtins

from detectors.errors import InputError
from detectors.model import Instant, Severity  # noqa: TC001 - msgspec reads them when it decodes
from detectors.spikes.bank import Bank
from detectors.spikes.explained import evidence_at

if TYPE_CHECKING:
    from datetime import datetime

    from detectors.model import CountSeries
    from detectors.spikes import Scored
    from detectors.spikes.explained import Evidence

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
    series: CountSeries, scored: Scored, at: datetime, *, severity: Severity = "page", threshold: float = 1.0
) -> Explanation:
    """Explain a bin's score from the counts up to its end.

    Parameters
    ----------
    series
        The counts that were scored, from their first bin on.
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
    bank = _bank_of(series, scored)
    b = _bin_at(series, at)
    if np.isnan(scored.of(severity)[0][b]):
        raise InputError(_no_score(series, scored, b))
    fresh = Bank(1, bin_width_s=series.bin_width_s, start_at=series.start_at, parameters=bank.parameters)
    _, evidence = evidence_at(fresh, series.observed, b)
    score = float(scored.of(severity)[0][b])
    if evidence is None or abs(evidence.best(severity).score - score) > AGREES * max(1.0, score):
        raise InputError("these scores are not of these counts: score the series again")
    return _explanation(series, evidence, b, (severity, score, threshold))


def _explanation(series: CountSeries, evidence: Evidence, b: int, asked: tuple[Severity, float, float]) -> Explanation:
    severity, score, threshold = asked
    best = evidence.best(severity)
    # whatever the last digit says, an alarm had enough reports and what was none had too few
    limit = (
        min(threshold, best.score) if score >= threshold else max(threshold, float(np.nextafter(best.score, np.inf)))
    )
    lacking = [evidence.lacking(w, severity, limit) for w in range(evidence.n_scored(severity))]
    w = best.window if best.score > 0 else int(np.argmin(lacking))
    width = timedelta(seconds=series.bin_width_s)
    end_at, bins = series.start_at + (b + 1) * width, int(evidence.windows[w])
    seen = np.count_nonzero(~np.isnan(series.observed[max(0, b + 1 - bins) : b + 1]))
    return Explanation(
        severity=severity,
        at=end_at,
        score=score,
        threshold=threshold,
        window_start_at=end_at - bins * width,
        window_min=bins * series.bin_width_s / 60,
        observed_min=int(seen) * series.bin_width_s / 60,
        reports=float(evidence.reports[w]),
        expected=float(evidence.expected[w]),
        arm=best.arm,
        times=best.times,
        floor=best.floor,
        phi=float(evidence.phi[w]),
        theta=float(evidence.theta[w]),
        enough=evidence.enough(w, severity, limit),
        more_needed=max(0, min(lacking)),
        fewer_needed=max(0, 1 - min(lacking)),
    )


def _bank_of(series: CountSeries, scored: Scored) -> Bank:
    """Return the detector that gave the scores, if it is ours and has seen these bins and no others."""
    bank = scored.detector
    if not isinstance(bank, Bank):
        raise InputError(f"only scores of the detector 'uproar' can be explained, not those of {type(bank).__name__}")
    is_whole = bank.n_series == 1 and bank.n_bins == len(series) and bank.start_at == series.start_at
    if not is_whole or bank.bin_width_s != series.bin_width_s:
        raise InputError("the counts are not those that were scored: give the whole series, from its first bin on")
    return bank


def _bin_at(series: CountSeries, at: datetime) -> int:
    if at.tzinfo is None:
        raise InputError(f"an instant needs a zone, for instance UTC; {at} has none")
    b = (at - series.start_at) // timedelta(seconds=series.bin_width_s) - 1
    if not 0 <= b < len(series):
        raise InputError(
            f"no bin of the series had just ended at {at}: it goes from {series.start_at} to {series.end_at}"
        )
    return b


def _no_score(series: CountSeries, scored: Scored, b: int) -> str:
    """Say why a bin has no score."""
    end_at = series.start_at + timedelta(seconds=series.bin_width_s) * (b + 1)
    if np.isnan(series.observed[b]):
        return f"the bin that ends at {end_at} was not observed: it has no score"
    since = f"it knew what is usual from {scored.learning_until} on" if scored.learning_until else "it still learns"
    return f"the bin that ends at {end_at} has no score: {since}"


def _amount(value: float) -> str:
    """Return a number as people write it: two digits below 10, whole above; ``0.043``, ``2.1``, ``27``, ``1,300``."""
    if value == int(value) or value >= 9.95:
        return f"{value:,.0f}"
    return f"{value:.2g}"
