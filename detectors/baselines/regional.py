"""What is usual in each region of a service, although most regions are silent most of the time.

The usual rate of a region is the service's own forecast for that bin, times the region's share of it, times the
region's own rhythm (while Japan sleeps, America is awake). Shares are gamma-Poisson: what was heard from a region,
pulled towards an equal part of what its parent brings (metro or ZIP area, subdivision, country, the whole), so that a
region of which nothing was ever heard has an expectation, too. Rhythms are ratios to the parent's in eight slots of
the day. Both forget with a half-life of ten days, learn only from what is past, not while the service is in trouble,
and from what stands out in the region itself, unless that lasts for half a day.

Work and memory grow with the reports and the regions that bring them, not with regions times bins.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from detectors.baselines import regional_kernel as kernel
from detectors.baselines.lineage import LEVELS, level_number, parent_of
from detectors.baselines.regional_kernel import SLOTS
from detectors.baselines.regional_records import Cells, Plan, Table, Told, Whole
from detectors.errors import SeriesError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    import pandas as pd
    from numpy.typing import NDArray

    from detectors.counting.regional import RegionCounts

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

WINDOWS_MIN = (5.0, 15.0, 30.0, 60.0, 90.0, 135.0)
"""Lengths of the windows that are compared with what is usual."""
HALF_LIFE_DAYS = 10.0
MIN_REPORTS = 6.0
WARM_UP_H = 12.0
FORGIVE_H = 12.0
RHYTHM = (3.0, 1.5, 4.0, 20.0, 20.0)
"""How many reports in a slot of the day the parent's rhythm is worth, by level: little for a country, which has a time
zone of its own, much within a subdivision."""
FEWEST_USUAL = 0.01
"""Regions are named for the estimate of spread if so much is usual in the time looked at, or something was heard."""


@dataclass(frozen=True, eq=False)
class National:
    """The service as a whole, bin by bin; arrays of shape (bins,).

    Attributes
    ----------
    observed
        Reports, located or not; NaN where nothing was observed.
    expected, dispersion
        The detector's own forecast, and phi of its variance; NaN while it is not known.
    is_raised
        Whether the service as a whole was in trouble: nothing is learnt of its regions.
    """

    observed: Floats
    expected: Floats
    dispersion: Floats
    is_raised: NDArray[np.bool_]

    def __post_init__(self) -> None:
        if len({len(self.observed), len(self.expected), len(self.dispersion), len(self.is_raised)}) != 1:
            raise SeriesError("observed, expected, dispersion and is_raised differ in length")

    def __len__(self) -> int:
        return len(self.observed)

    @property
    def usual(self) -> Floats:
        """Shape (bins,): the forecast; what came while there is none yet; 0 where nothing was observed."""
        usual = np.where(np.isnan(self.expected), self.observed, self.expected)
        return np.where(np.isnan(self.observed), 0.0, usual)

    def cut(self, start: int, stop: int) -> National:
        """Return bins ``start`` to ``stop`` (left out)."""
        span = slice(start, stop)
        return National(self.observed[span], self.expected[span], self.dispersion[span], self.is_raised[span])


@dataclass(frozen=True, eq=False)
class Looked:
    """Regions and bins with at least six voices in the longest window, by bin.

    Attributes
    ----------
    bins
        Shape (cells,): number of the bin, from the first one ever taken.
    codes
        The regions.
    observed, expected, common
        Shape (cells, windows): voices in each window that ends with the bin, what is usual, and how many times usual
        the rest of the service was at the same time, at least 1.
    noise
        Shape (cells, windows): by what factor counts vary more than those of independent reports.
    error
        Shape (cells,): squared relative error of what is usual.
    tests
        Shape (cells,): in how many cells a minute something is heard, over all regions together.
    """

    bins: Ints
    codes: list[str]
    observed: Floats
    expected: Floats
    common: Floats
    noise: Floats
    error: Floats
    tests: Floats


class Usual(NamedTuple):
    """Regions in a window of time, for the estimate of spread.

    Attributes
    ----------
    observed, expected
        Frames with a row a bin (UTC) and a column a region: voices and what is usual; NaN where nothing was observed.
    dispersion
        By region: phi of the variance ``m + phi m**2``: squared relative error of what is usual.
    """

    observed: pd.DataFrame
    expected: pd.DataFrame
    dispersion: pd.Series[float]


def make_plan(bin_width_s: int, start_at: datetime) -> Plan:
    """Return the recursion's numbers for a width of bins."""
    windows = sorted({max(1, round(minutes * 60 / bin_width_s)) for minutes in WINDOWS_MIN})
    return Plan(
        windows=np.array(windows, np.int64),
        bin_s=float(bin_width_s),
        origin_s=start_at.timestamp(),
        half_life_s=HALF_LIFE_DAYS * kernel.DAY_S,
        root_prior=0.6,
        shape=1.0,
        rhythm=np.array(RHYTHM),
        drift=0.04,
        drift_reports=60.0,
        common=1.0,
        noise_voices=30.0,
        noise_pairs=3.0,
        min_reports=MIN_REPORTS,
        warm_up=WARM_UP_H * 3600 / bin_width_s,
        forgive=round(FORGIVE_H * 3600 / bin_width_s),
    )


def empty_table(n: int, plan: Plan) -> Table:
    """Return rows for regions of which nothing is known yet."""
    n_windows, span = len(plan.windows), int(plan.windows[-1])

    def numbers(value: int) -> Ints:
        return np.full(n, value, np.int64)

    return Table(
        parent=numbers(-1),
        level=numbers(0),
        is_seen=np.zeros(n, np.bool_),
        children=np.zeros((n, len(LEVELS)), np.int64),
        taught=np.zeros(n),
        slots=np.zeros((n, SLOTS)),
        last=numbers(-1),
        strange_from=numbers(-1),
        strange_to=numbers(-1),
        ring=np.zeros((n, span)),
        kept=np.zeros((n, span)),
        pending=np.zeros((n, 1 + n_windows)),
        usual=np.zeros(SLOTS),
        sums=np.zeros(6),
        pairs=np.zeros(n_windows),
    )


@dataclass(eq=False)
class RegionalBaseline:
    """What is usual, region by region; bins may come one by one or many at a time, with equal results.

    Parameters
    ----------
    start_at
        Start of the first bin (UTC).
    bin_width_s
        Width of a bin in seconds, 1 to 3600.
    parent
        Region -> the smallest region that it lies in, ``""`` for the whole.

    Raises
    ------
    SeriesError
        From :meth:`run`, if what is given does not continue what was taken.
    """

    start_at: datetime
    bin_width_s: int
    parent: Callable[[str], str] = parent_of
    n_bins: int = 0
    """Bins taken so far."""
    codes: dict[str, int] = field(default_factory=lambda: {"": 0})
    """Region -> row of the table."""

    def __post_init__(self) -> None:
        self.plan = make_plan(self.bin_width_s, self.start_at)
        self.table = empty_table(1, self.plan)
        self.past = np.zeros((4, self.span))
        """The latest bins: expected and exposure (sums), the exposure of each, whether it was held."""

    @property
    def span(self) -> int:
        """Bins of the longest window."""
        return int(self.plan.windows[-1])

    @property
    def now(self) -> datetime:
        """Start of the bin that comes next (UTC)."""
        return self.start_at + timedelta(seconds=self.n_bins * self.bin_width_s)

    @property
    def wander(self) -> float:
        """By how much the rates of regions wander, as a squared relative error."""
        return kernel.wander(self.plan, self.table, kernel.weight(self.plan, self.n_bins))

    @property
    def heard(self) -> list[str]:
        """Regions of which something was ever heard."""
        return [code for code, row in self.codes.items() if code and self.table.is_seen[row]]

    def run(self, counts: RegionCounts, national: National) -> Looked:
        """Take the next bins.

        Parameters
        ----------
        counts
            What the regions brought; its first bin is the one after the last one taken.
        national
            The same bins of the service as a whole.
        """
        if counts.bin_width_s != self.bin_width_s or counts.start_at != self.now:
            raise SeriesError(f"bins of {self.bin_width_s} s from {self.now} on wanted, not from {counts.start_at}")
        if len(counts) != len(national):
            raise SeriesError(f"{len(counts)} bins of regions, but {len(national)} of the whole")
        self._know(counts.regions)
        cells = self._cells(counts)
        whole = self._whole(national)
        told = _room(len(cells.bins), len(self.plan.windows))
        n = kernel.run((self.plan, self.table), whole, cells, (self.n_bins, len(counts)), told)
        n_bins = len(counts)
        self.past = np.stack([column[n_bins:] for column in whole[:3]] + [whole.is_held[n_bins:]]).astype(np.float64)
        self.n_bins += n_bins
        names = list(self.codes)
        chosen = told.cell[:n]
        return Looked(cells.bins[chosen], [names[row] for row in cells.rows[chosen]], *(part[:n] for part in told[1:]))

    def usual(self, codes: Sequence[str], expected: Floats, first_at: datetime) -> tuple[Floats, Floats]:
        """Return what is usual in regions, as known now.

        Parameters
        ----------
        codes
            Regions, also such as were never heard of.
        expected
            Shape (bins,): what is usual for the service as a whole.
        first_at
            Start of the first of those bins (UTC).

        Returns
        -------
        expected : shape (bins, regions)
            Voices in each bin.
        error : shape (regions,)
            Squared relative error.
        """
        self._know(codes)
        first = round((first_at - self.start_at).total_seconds() / self.bin_width_s)
        rows = np.array([self.codes[code] for code in codes], np.int64)
        bins = first + np.arange(len(expected), dtype=np.float64)
        now = (self.n_bins, float(self.past[1, 0]))
        share, error = kernel.profiles(self.plan, self.table, rows, now, bins)
        return share * expected[:, np.newaxis], error + self.wander

    def _know(self, codes: Iterable[str]) -> None:
        """Make rows for regions, and for what they lie in."""
        new: list[str] = []
        for code in codes:
            line = []
            while code not in self.codes:
                line.append(code)
                code = self.parent(code)  # noqa: PLW2901 - up the line
            for one in reversed(line):
                self.codes[one] = len(self.codes)
                new.append(one)
        if not new:
            return
        more = empty_table(len(new), self.plan)
        for i, code in enumerate(new):
            more.parent[i], more.level[i] = self.codes[self.parent(code)], level_number(code)
        joined = (np.concatenate(pair) for pair in zip(self.table[:-3], more[:-3], strict=True))
        self.table = Table._make((*joined, *self.table[-3:]))

    def _cells(self, counts: RegionCounts) -> Cells:
        """Return all reports by bin, those of the whole too: the level that says most of a bin."""
        found = [(code, *counts.regions[code]) for code in counts.regions if code]
        rows = np.repeat([self.codes[code] for code, _, _ in found], [len(bins) for _, bins, _ in found]).astype(int)
        bins = np.concatenate([np.zeros(0, np.int64), *(bins for _, bins, _ in found)]).astype(np.int64)
        voices = np.concatenate([np.zeros(0), *(voices for _, _, voices in found)])
        places, number = np.unique(bins, return_inverse=True)
        whole = np.zeros(len(places))
        for level in range(1, len(LEVELS)):
            is_level = self.table.level[rows] == level
            whole = np.maximum(whole, np.bincount(number[is_level], voices[is_level], minlength=len(places)))
        bins, rows = np.concatenate((places, bins)), np.concatenate((np.zeros(len(places), np.int64), rows))
        order = np.lexsort((self._ranks()[rows], bins))
        return Cells(bins[order] + self.n_bins, rows[order], np.concatenate((whole, voices))[order])

    def _ranks(self) -> Ints:
        """Return the place of each row's region in the alphabet: an order that does not depend on who came first."""
        ranks = np.empty(len(self.codes), np.int64)
        ranks[[self.codes[code] for code in sorted(self.codes)]] = np.arange(len(ranks))
        return ranks

    def _whole(self, national: National) -> Whole:
        usual, is_held = national.usual, np.asarray(national.is_raised, np.bool_)
        bins = self.n_bins + np.arange(len(usual))
        teaches = np.where(is_held, 0.0, usual * 2.0 ** (bins * (self.bin_width_s / self.plan.half_life_s)))
        past = self.past
        return Whole(
            expected=np.concatenate((past[0], _sum_on(past[0, -1], usual))),
            exposure=np.concatenate((past[1], _sum_on(past[1, -1], teaches))),
            teaches=np.concatenate((past[2], teaches)),
            is_held=np.concatenate((past[3] > 0, is_held)),
            is_seen=np.concatenate((np.zeros(self.span, np.bool_), ~np.isnan(national.observed))),
        )


def _sum_on(before: float, values: Floats) -> Floats:
    """Return sums that go on from ``before``, one addition after the other, so that a cut changes nothing."""
    return np.asarray(np.cumsum(np.concatenate(([before], values)))[1:])


def _room(n: int, n_windows: int) -> Told:
    wide, narrow = (n, n_windows), n
    return Told(
        np.empty(narrow, np.int64),
        *(np.empty(wide) for _ in range(4)),
        *(np.empty(narrow) for _ in range(2)),
    )


def usual_in(
    baseline: RegionalBaseline, counts: RegionCounts, national: National, span: tuple[datetime, datetime]
) -> Usual:
    """Return the regions that matter in a window of time, for the estimate of spread.

    Parameters
    ----------
    baseline
        What is usual, learnt from bins of the same width; it is taken as it stands.
    counts, national
        The same bins, of the regions and of the whole; they must cover the window.
    span
        Start and end of the window (UTC), rounded to bins.

    Raises
    ------
    SeriesError
        If the window is empty or is not covered.
    """
    import pandas as pd

    width = counts.bin_width_s
    start, stop = (round((at - counts.start_at).total_seconds() / width) for at in span)
    if not 0 <= start < stop <= min(len(counts), len(national)):
        raise SeriesError(f"the counts cover {counts.start_at} to {counts.end_at}, not {span[0]} to {span[1]}")
    inside, whole = counts.cut(start, stop), national.cut(start, stop)
    known = sorted((set(baseline.heard) | set(inside.regions)) - {""})
    expected, error = baseline.usual(known, whole.usual, inside.start_at)
    is_named = (expected.sum(axis=0) >= FEWEST_USUAL) | np.array([code in inside.regions for code in known], bool)
    names = [code for code, named in zip(known, is_named, strict=True) if named]
    index = pd.date_range(inside.start_at, periods=stop - start, freq=f"{width}s", name="bin_at")
    is_lost = ~(inside.coverage > 0) | np.isnan(whole.observed)
    observed = np.array([inside.of(code) for code in names]).reshape(len(names), stop - start).T

    def frame(values: Floats) -> pd.DataFrame:
        return pd.DataFrame(np.where(is_lost[:, np.newaxis], np.nan, values), index=index, columns=names)

    dispersion = pd.Series(error[is_named], index=names, name="dispersion")
    return Usual(frame(observed), frame(expected[:, is_named]), dispersion)
