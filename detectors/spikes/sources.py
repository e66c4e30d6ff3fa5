"""Several sources of one service as one series, in which the loss of a source is no quiet and its return no outage.

Each source brings a share of a service's reports. What those that can be heard bring is compared with their shares of
what is usual: a source that was not observed is left out on both sides, and so is one that has fallen silent without
saying so.

Beyond the recipe: shares follow the hour of the day (people in different zones use different platforms); a source that
starts later, or comes back after days, is on trial until its share is known, and the usual level then changes measure
instead of jumping.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from detectors.errors import SeriesError, StateError
from detectors.model import CountSeries
from detectors.spikes import mixing
from detectors.spikes.bank import Bank, Scores
from detectors.spikes.mixing import GONE, MEMBER
from detectors.spikes.scored import Scored
from detectors.spikes.source_records import SOURCE, Block, Mixing
from detectors.spikes.state import pack, restoring, unpack

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

SOURCES_STATE_VERSION = "uproar-sources-1"

COMBINED = "all"
"""The source of a series that several sources were combined to."""

SILENCE_MIN, RECENT_BINS = (15, 60, 240), 5
SHARE_HALF_LIFE_MIN, HOUR_HALF_LIFE_MIN = 3 * 1440, 14 * 60
"""Half-lives of the counts behind the shares, and of an hour's (in minutes of that hour: 14 days)."""
GONE_MIN = 3 * 1440
"""A source that is lost for longer has gone: the rest is the whole, and it is on trial when it comes back."""
TRIAL_MIN = 1440
"""Time on trial: every hour of a day."""
YOUNG_MIN = 60
"""Sources that start within the first observed hour of a series need no trial: no claims are made for long enough."""
LONGEST_BLOCK = 4096


@dataclass(frozen=True, eq=False)
class Combined(Scores):
    """What the detector says of each bin of services with several sources.

    Arrays have the shapes of :class:`~detectors.spikes.bank.Scores`; ``expected`` is what was usual for the sources
    that were heard in the bin (for all of them, where none was).

    Attributes
    ----------
    combined
        Reports of the sources that were heard; NaN where none was.
    exposure
        Their part of what is usual, 0 to 1.
    is_faulty
        Shape (series, sources) from a step, (series, sources, bins) from a run: whether a source says that there is
        nothing where there should be much. A collector's fault; never an outage.
    """

    combined: Floats
    exposure: Floats
    is_faulty: NDArray[np.bool_]

    def row(self, i: int) -> Combined:
        """Return one series' part."""
        return Combined(*(getattr(self, f.name)[i] for f in fields(self)))

    def column(self, b: int) -> Combined:
        """Return one bin of every series."""
        return Combined(*(getattr(self, f.name)[..., b] for f in fields(self)))


class Combiner:
    """The detector for services with several sources each, all of them in bins of the same width.

    Scores depend on the counts only: in one block or bin by bin, and after the state has been through JSON, they are
    the same to the last bit. Those of a single source are the :class:`~detectors.spikes.bank.Bank`'s.

    Parameters
    ----------
    sources
        Names of the sources, each once; the second axis of all counts is in this order. One that a service does not
        have is NaN throughout.
    n_series
        How many services.
    bin_width_s, start_at
        As of a bank.

    Raises
    ------
    SeriesError
        If an argument cannot be used.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> both = Combiner(["mastodon", "x"], bin_width_s=1200, start_at=datetime(2026, 3, 2, tzinfo=UTC))
    >>> usual = np.repeat([[[10.0], [30.0]]], 72, axis=2)
    >>> known = both.run(usual)
    >>> both.shares.round(2).tolist()
    [[0.25, 0.75]]
    >>> alone = both.step([[10.0, np.nan]])
    >>> float(alone.combined[0]), bool(alone.exposure[0] < 0.3), float(alone.page[0])
    (10.0, True, 0.0)
    """

    def __init__(self, sources: Sequence[str], n_series: int = 1, *, bin_width_s: int, start_at: datetime) -> None:
        self.sources = tuple(sources)
        if not self.sources or len(set(self.sources)) < len(self.sources):
            raise SeriesError(f"sources wanted, each once, not {list(self.sources)}")
        self.bank = Bank(n_series, bin_width_s=bin_width_s, start_at=start_at)
        self._mixing = _mixing(bin_width_s)
        shape = (n_series, len(self.sources))
        self._every = np.zeros(shape, SOURCE)
        longest = max(*self._mixing.silence, self._mixing.recent)
        self._rings = np.zeros((*shape, 1 << longest.bit_length(), 2))

    @property
    def shares(self) -> Floats:
        """Shape (series, sources): the part of what is usual that each brings; NaN for one that does not count."""
        return np.where(self._every["status"] == MEMBER, self._every["share"], np.nan)

    @property
    def has_gone(self) -> NDArray[np.bool_]:
        """Shape (series, sources): whether a source was lost for so long that the rest has become the whole."""
        return np.asarray(self._every["status"] == GONE)

    @property
    def now(self) -> datetime:
        """Start of the bin that comes next (UTC)."""
        return self.bank.now

    def step(self, observed: ArrayLike) -> Combined:
        """Take the next bin of every source, shape (series, sources). See :meth:`run`."""
        return self.run(np.asarray(observed, dtype=np.float64)[..., np.newaxis]).column(0)

    def run(self, observed: ArrayLike) -> Combined:
        """Take the next bins.

        Parameters
        ----------
        observed
            Shape (series, sources, bins): reports; NaN = not observed.

        Raises
        ------
        SeriesError
            If the shape does not fit, or a count is negative or infinite.
        """
        reports = np.array(observed, dtype=np.float64, order="C")  # a copy, as in the bank
        if reports.ndim != 3 or reports.shape[:2] != self._every.shape:
            raise SeriesError(f"counts of shape {(*self._every.shape, 'bins')} wanted, not {reports.shape}")
        if (reports < 0).any() or np.isinf(reports).any():
            raise SeriesError("a count below 0, or infinite")
        parts: list[Combined] = []
        first, length = 0, 1
        while first < reports.shape[2]:
            tried = np.ascontiguousarray(reports[:, :, first : first + length])
            parts.append(self._advance(tried))
            done = parts[-1].page.shape[1]
            length = min(2 * length, LONGEST_BLOCK) if done == tried.shape[2] else done
            first += done
        if len(parts) == 1:
            return parts[0]
        parts = parts or [self._nothing()]
        joined = (np.concatenate([getattr(part, f.name) for part in parts], axis=-1) for f in fields(Combined))
        return Combined(*joined)

    def _advance(self, reports: Floats) -> Combined:
        """Take as many of these bins as one mixing holds for, at least one.

        What is mixed from a bin depends on what the detector made of those before it. So the bins are mixed as if no
        source fell silent or came back, judged, and then looked through; where that was wrong, it is done again up to
        there.
        """
        n, _, n_bins = reports.shape
        width_s, start = self.bank.bin_width_s, self.bank.now.timestamp()
        hours = (start + width_s * (np.arange(n_bins) + 0.5)) / 3600 % 24
        block = Block(reports, hours, np.empty((n, n_bins)), np.empty((n, n_bins)))
        before = deepcopy(self.bank) if n_bins > 1 else None
        t = self.bank.n_bins
        mixing.foresee(self._every, self.bank.n_observed * width_s < YOUNG_MIN * 60, block)
        scores = self.bank.run(block.y, block.x)
        is_quiet = ~(scores.is_frozen | scores.is_silent | (scores.watch >= 1))
        is_faulty, by = np.zeros(reports.shape, np.bool_), np.ones(n)
        state = (self._every, self._rings, t)
        done = mixing.run(self._mixing, state, block, (scores.expected, is_quiet), (is_faulty, by))
        y, x = block.y[:, :done], block.x[:, :done]
        if before is not None and done < n_bins:
            self.bank = before
            scores = self.bank.run(y, x)
        if (by != 1).any():
            self.bank.rescale(by)
        return _joined(scores, y, x, is_faulty[:, :, :done])

    def _nothing(self) -> Combined:
        """Return what is said of no bin at all."""
        none = np.empty((self.bank.n_series, 0))
        return _joined(self.bank.run(none), none, none, np.zeros((*self._every.shape, 0), np.bool_))

    # --- state ---------------------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """Return everything that the future depends on, as JSON can carry it."""
        return {
            "version": SOURCES_STATE_VERSION,
            "sources": list(self.sources),
            "bank": self.bank.state(),
            "arrays": {name: pack(array) for name, array in self._arrays().items()},
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Combiner:
        """Return the combiner that :meth:`state` was asked of.

        Raises
        ------
        StateError
            If the state is of another version, or damaged.
        """
        with restoring(state, SOURCES_STATE_VERSION):
            bank = Bank.from_state(state["bank"])
            made = cls(state["sources"], bank.n_series, bin_width_s=bank.bin_width_s, start_at=bank.start_at)
            made.bank = bank
            for name, target in made._arrays().items():
                target[...] = unpack(state["arrays"][name], target)
        return made

    def _arrays(self) -> dict[str, NDArray[Any]]:
        return {**{name: self._every[name] for name in SOURCE.names or ()}, "rings": self._rings}


@dataclass(frozen=True, eq=False)
class ScoredSources(Scored):
    """Scores of one service as several sources see it.

    Attributes
    ----------
    series
        What was scored: the reports of the sources that were heard, with their part of the whole as coverage.
    sources
        Names of the sources.
    is_faulty
        Shape (sources, bins): a collector's fault.
    """

    series: CountSeries
    sources: tuple[str, ...]
    is_faulty: NDArray[np.bool_]


def score_sources(series: Sequence[CountSeries]) -> ScoredSources:
    """Score one service as all its sources together see it.

    Parameters
    ----------
    series
        One for each source, in any order, with bins of one width on one grid; they may start and end at different
        times, and are unknown outside.

    Raises
    ------
    SeriesError
        If there is none, or they are not of one service, one width and one grid, or a source is there twice.
    """
    ordered = _checked(series)
    start_at = min(one.start_at for one in ordered)
    names = [one.source for one in ordered]
    return _run(Combiner(names, bin_width_s=ordered[0].bin_width_s, start_at=start_at), ordered)


def resume_sources(state: Mapping[str, Any], series: Sequence[CountSeries]) -> ScoredSources:
    """Score the bins that follow those after which ``state`` was saved.

    Parameters
    ----------
    state
        What ``ScoredSources.detector.state()`` gave.
    series
        The bins that follow, of the same sources; one that has none is left out.

    Raises
    ------
    StateError
        If the state is of another version, damaged, or without one of these sources: score the whole series again.
    SeriesError
        As of :func:`score_sources`; or if bins do not follow.
    """
    combiner, ordered = Combiner.from_state(state), _checked(series)
    unknown = sorted({one.source for one in ordered} - set(combiner.sources))
    if unknown:
        raise StateError(f"detector state without the sources {', '.join(unknown)}: score the series again")
    return _run(combiner, ordered)


def _checked(series: Sequence[CountSeries]) -> list[CountSeries]:
    ordered = sorted(series, key=lambda one: one.source)
    if not ordered:
        raise SeriesError("no series to combine")
    for one, other in pairwise(ordered):
        if (one.service, one.bin_width_s) != (other.service, other.bin_width_s):
            raise SeriesError(f"{one.service} and {other.service}: not the same service in bins of one width")
        if one.source == other.source:
            raise SeriesError(f"{one.service}: the source {one.source} is there twice")
        if (other.start_at - one.start_at).total_seconds() % one.bin_width_s:
            raise SeriesError(f"{one.service}: the bins of {one.source} and {other.source} are not on one grid")
    return ordered


def _run(combiner: Combiner, ordered: Sequence[CountSeries]) -> ScoredSources:
    width_s, start_at = ordered[0].bin_width_s, combiner.now
    firsts = [(one.start_at - start_at).total_seconds() / width_s for one in ordered]
    if min(firsts) < 0 or any(first % 1 for first in firsts):
        raise SeriesError(f"{ordered[0].service}: the bins do not follow those that have been scored")
    n_bins = max(int(first) + len(one) for first, one in zip(firsts, ordered, strict=True))
    observed, raw, coverage = np.full((3, len(combiner.sources), n_bins), np.nan)
    for first, one in zip(map(int, firsts), ordered, strict=True):
        j, bins = combiner.sources.index(one.source), slice(first, first + len(one))
        observed[j, bins], raw[j, bins], coverage[j, bins] = one.observed, one.raw, one.coverage
    found = combiner.run(observed[np.newaxis]).row(0)
    is_observed = ~np.isnan(observed)
    seen = np.where(is_observed, coverage, 0).sum(axis=0) / np.maximum(is_observed.sum(axis=0), 1)
    series = CountSeries(
        ordered[0].service,
        ordered[0].source if len(combiner.sources) == 1 else COMBINED,
        start_at,
        width_s,
        found.combined,
        np.where(np.isnan(found.combined), np.nan, np.where(is_observed, raw, 0).sum(axis=0)),
        found.exposure * seen,
    )
    scores = Scores(*(getattr(found, f.name) for f in fields(Scores)))
    return ScoredSources(start_at, width_s, scores, combiner, series, combiner.sources, found.is_faulty)


def _joined(scores: Scores, y: Floats, x: Floats, is_faulty: NDArray[np.bool_]) -> Combined:
    """Put together what is said of some bins; expected becomes what was usual for those that were heard."""
    usual = scores.expected[:, : x.shape[1]] * np.where(x > 0, x, 1.0)
    told = {f.name: getattr(scores, f.name) for f in fields(Scores)}
    return Combined(**{**told, "expected": usual}, combined=y, exposure=x, is_faulty=is_faulty)


def _mixing(bin_width_s: int) -> Mixing:
    """Return the numbers in bins of this width."""
    bin_min = bin_width_s / 60

    def bins(minutes: float) -> int:
        return max(1, int(minutes / bin_min + 0.5))

    one, two, three = (bins(minutes) for minutes in SILENCE_MIN)
    return Mixing(
        silence=(one, two, three),
        recent=RECENT_BINS,
        gone=bins(GONE_MIN),
        trial=bins(TRIAL_MIN),
        decay=0.5 ** (bin_min / SHARE_HALF_LIFE_MIN),
        hour_decay=0.5 ** (bin_min / HOUR_HALF_LIFE_MIN),
    )
