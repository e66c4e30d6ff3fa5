"""A bin's score taken apart: what each window held, what was expected of it, and what each arm made of that.

The kernel keeps only the best window. Here the formulas stand once more, written with arrays and without the kernel's
short cuts, and a test holds the two together: they are to agree to 1e-9 in every bin.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from detectors.baselines.profile import Slots
from detectors.errors import SeriesError
from detectors.spikes.bank import Bank
from detectors.spikes.kernel import BURDEN_FREE, BURDEN_MAX, BURDEN_PRICE, SELF_EXCITATION_FADES, UNREST_POWER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import ArrayLike, NDArray

    from detectors.model import Severity
    from detectors.spikes.bank import Scores
    from detectors.spikes.records import Plan
    from detectors.spikes.sources import Combiner

    Floats = NDArray[np.float64]


class Verdict(NamedTuple):
    """What one arm makes of one window; ``times`` and ``floor`` say what it compares with, in usual and in reports."""

    score: float
    window: int
    arm: Severity
    times: float
    floor: float


@dataclass(frozen=True, eq=False)
class Evidence:
    """What a bin's score was made from.

    Attributes
    ----------
    windows
        Shape (windows,): widths in bins of the windows that could be used, the shortest first; all end with the bin.
    reports, expected
        Shape (windows,): S and M, what was in each window and what was usual for the part of it that was observed.
    phi, theta
        Shape (windows,): dispersion of the variance ``theta M + phi M**2`` as learnt before this bin.
    unrest
        How many times phi the watch grants at this time of the day, where self-excitation does not explain it.
    harder
        What the pages of late make a page cost: 1 = the usual evidence.
    plan
        The detector's numbers, in bins.
    """

    windows: NDArray[np.int64]
    reports: Floats
    expected: Floats
    phi: Floats
    theta: Floats
    unrest: float
    harder: float
    plan: Plan

    def best(self, severity: Severity) -> Verdict:
        """Return the largest score and what reached it; 0 in the shortest window if nothing stands out."""
        best = Verdict(0.0, 0, "page", float(self.plan.page_times[0]), float(self.plan.page_floor))
        for verdict in self._verdicts(severity):
            if verdict.score > best.score:
                best = verdict
        return best

    def n_scored(self, severity: Severity) -> int:
        """Return how many of the windows, from the shortest on, a severity looks at."""
        longest = self.plan.n_page if severity == "page" else max(self.plan.n_page, self.plan.n_watch)
        return min(len(self.windows), int(longest))

    def enough(self, w: int, severity: Severity, score: float, *, part: float = 0.0) -> int:
        """Return the fewest reports, ``part`` of one beside, that give window ``w`` that score (above 0)."""
        high = 1
        while self._score_of(w, high + part, severity) < score:
            high *= 2
        low = high // 2  # not enough
        while high - low > 1:
            middle = (low + high) // 2
            is_enough = self._score_of(w, middle + part, severity) >= score
            low, high = (low, middle) if is_enough else (middle, high)
        return high

    def lacking(self, w: int, severity: Severity, score: float) -> int:
        """Return how many more reports would have given window ``w`` that score; 0 or below: it had them to spare."""
        whole, part = divmod(float(self.reports[w]), 1.0)
        return self.enough(w, severity, score, part=part) - int(whole)

    def _score_of(self, w: int, reports: float, severity: Severity) -> float:
        """Return what window ``w`` would have scored with that many reports; it grows with them."""
        return max((one.score for one in self._arms(w, reports, severity)), default=0.0)

    def _verdicts(self, severity: Severity) -> Iterator[Verdict]:
        """Yield the verdicts in the kernel's order, in which the first of equals wins: the page's before the watch's.

        A watch is the larger of both scores.
        """
        every = [one for w in range(len(self.windows)) for one in self._arms(w, float(self.reports[w]), severity)]
        yield from sorted(every, key=lambda one: one.arm != "page")

    def _arms(self, w: int, reports: float, severity: Severity) -> Iterator[Verdict]:
        plan, m, phi = self.plan, float(self.expected[w]), float(self.phi[w])
        by = self.excitation(w)
        if reports < plan.min_reports:
            return
        if w < plan.n_page:
            for times, limit in zip(plan.page_times.tolist(), plan.page_threshold.tolist(), strict=True):
                nats = deviance(reports / by, (times * m + plan.page_floor) / by, 0.5 / phi) - plan.page_penalty[w]
                yield Verdict(float(nats / limit / self.harder), w, "page", times, float(plan.page_floor))
        if severity == "watch" and w < plan.n_watch:
            phi *= max(1.0, self.unrest / by**UNREST_POWER)
            times = float(np.exp(0.5 * np.sqrt(phi)))
            nats = deviance(reports / by, (times * m + plan.watch_floor) / by, 1.0 / phi) - plan.watch_penalty[w]
            yield Verdict(float(nats / plan.watch_threshold), w, "watch", times, float(plan.watch_floor))

    def excitation(self, w: int) -> float:
        """T of window ``w``: what self-excitation divides the evidence by."""
        return float(1.0 + (self.theta[w] - 1.0) / (1.0 + self.expected[w] / SELF_EXCITATION_FADES))


def deviance(s: float, m: float, k: float) -> float:
    """Log-likelihood ratio (nats) of ``s`` reports against ``m`` expected, negative binomial of size ``k``."""
    if s <= m:
        return 0.0
    return float(s * np.log(s / m) - (s + k) * np.log((s + k) / (m + k)))


def step_with_evidence(detector: Bank | Combiner, observed: ArrayLike) -> tuple[Scores, Evidence | None]:
    """Take the next bin of one series; return its scores, and what they were made from.

    Parameters
    ----------
    detector
        Of one series; it is stepped.
    observed
        Shape (1,), or (sources,) for a combiner: the bin's counts; NaN = not observed.

    Returns
    -------
    tuple
        Scores of shape (1,); and the evidence, None where nothing was scored (not observed, still learning).

    Raises
    ------
    SeriesError
        If the detector is of several series, or a count cannot be one.
    """
    bank = detector if isinstance(detector, Bank) else detector.bank
    if bank.n_series != 1:
        raise SeriesError(f"a detector of one series wanted, not of {bank.n_series}")
    before = bank._series[0].copy()  # noqa: SLF001 - the one look inside from outside the kernel
    t = bank.n_bins
    y = np.asarray(observed, dtype=np.float64)
    scores = detector.step(y) if isinstance(detector, Bank) else detector.step(y[np.newaxis])
    if np.isnan(scores.page[0]):
        return scores, None
    return scores, _evidence(bank, before, t)


def _evidence(bank: Bank, before: np.void, t: int) -> Evidence:
    """Read the windows of bin ``t``, which the bank has just taken.

    Sums and levels as they are now: the bin has not changed those of the bins before it, but midnight may have, or
    another measure of what usual means, in which what was expected is the same. What the bin itself has changed (the
    variance; whether an incident is open) as it was ``before``.
    """
    now, ring = bank._series[0], bank._rings[0]  # noqa: SLF001 - as above
    plan = bank.parameters.plan(bank.bin_width_s)
    starts = t + 1 - plan.windows[: plan.n_windows]
    starts = starts[starts >= before["usable_from"]]
    at = ring[starts & (len(ring) - 1)]
    is_frozen = (before["incident_from"] >= 0) & (starts >= before["incident_from"])
    level = np.where(is_frozen, now["incident_level"], at[:, 2])
    n = len(starts)
    seconds = int((bank.now.timestamp() - bank.bin_width_s) % 86_400)
    return Evidence(
        windows=np.array(plan.windows[:n]),
        reports=now["sum_y"] - at[:, 0],
        expected=level * (now["sum_x"] - at[:, 1]),
        phi=np.array(before["phi"][:n]),
        theta=np.array(before["theta"][:n]),
        unrest=float(now["unrest"][seconds // Slots(bank.bin_width_s).width_s]),
        harder=min(BURDEN_MAX, 1.0 + BURDEN_PRICE * max(0.0, float(before["burden"]) - BURDEN_FREE)),
        plan=plan,
    )


def evidence_at(detector: Bank | Combiner, observed: ArrayLike, bin_number: int) -> tuple[Scores, Evidence | None]:
    """Run a new detector of one series up to a bin and return that bin's scores and evidence.

    Parameters
    ----------
    detector
        Of one series, before its first bin.
    observed
        Shape (1, bins), or (sources, bins) for a combiner: the series from its first bin on.
    bin_number
        Which bin, 0 to bins - 1.
    """
    y = np.asarray(observed, dtype=np.float64)
    past = y[:, :bin_number]
    detector.run(past if isinstance(detector, Bank) else past[np.newaxis])
    return step_with_evidence(detector, y[:, bin_number])
