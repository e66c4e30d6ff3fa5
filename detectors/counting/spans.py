"""Observed time: which stretches a source vouches for, and how much of each bin they cover."""

from __future__ import annotations

from heapq import heappop, heappush
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from detectors.errors import SeriesError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray


class Stretch(NamedTuple):
    """An observed stretch, ``start_us <= t < end_us``, in microseconds since 1970 (UTC).

    It is :class:`detectors.model.Span` in the numbers that are stored and reckoned with.
    """

    start_us: int
    end_us: int
    coverage: float = 1.0


def merge(stretches: Iterable[Stretch]) -> tuple[Stretch, ...]:
    """Return the stretches sorted, disjoint and joined where they touch.

    Where several overlap, the best coverage holds: the same minute read twice is not seen twice as well. The
    result does not depend on the order or the grouping of what is merged.

    Raises
    ------
    SeriesError
        A stretch ends before it starts, or its coverage is not in (0, 1].

    Examples
    --------
    >>> merge([Stretch(10, 20), Stretch(0, 10), Stretch(15, 30, 0.5)])
    (Stretch(start_us=0, end_us=20, coverage=1.0), Stretch(start_us=20, end_us=30, coverage=0.5))
    """
    todo = sorted(stretch for stretch in stretches if _usable(stretch))
    edges = sorted({edge for stretch in todo for edge in stretch[:2]})
    merged: list[Stretch] = []
    active: list[tuple[float, int]] = []  # (-coverage, end): the best on top, those that are over leave lazily
    upcoming = iter(todo)
    following = next(upcoming, None)
    for start, end in pairwise(edges):
        while following is not None and following.start_us <= start:
            heappush(active, (-following.coverage, following.end_us))
            following = next(upcoming, None)
        while active and active[0][1] <= start:
            heappop(active)
        if active:
            _extend(merged, Stretch(start, end, -active[0][0]))
    return tuple(merged)


def _usable(stretch: Stretch) -> bool:
    """Tell whether a stretch has any length; refuse one that makes no sense."""
    if stretch.end_us < stretch.start_us:
        raise SeriesError("an observed span ends before it starts")
    if not 0 < stretch.coverage <= 1:
        raise SeriesError(f"the coverage of an observed span must be in (0, 1], not {stretch.coverage}")
    return stretch.end_us > stretch.start_us


def _extend(merged: list[Stretch], new: Stretch) -> None:
    """Add a stretch at the end, joined to the last where the two are one."""
    if merged and merged[-1].end_us == new.start_us and merged[-1].coverage == new.coverage:
        merged[-1] = merged[-1]._replace(end_us=new.end_us)
    else:
        merged.append(new)


def coverage(stretches: Sequence[Stretch], start_us: int, width_us: int, n_bins: int) -> NDArray[np.float64]:
    """Return which share of each bin was observed.

    Parameters
    ----------
    stretches
        As :func:`merge` returns them.
    start_us, width_us, n_bins
        The bins: start of the first, width (microseconds), how many.

    Returns
    -------
    numpy.ndarray
        Shape (n_bins,), 0 to 1: the time-weighted mean of the coverage over each bin.
    """
    if not stretches or n_bins == 0:
        return np.zeros(n_bins)
    # The observed time up to t is piecewise linear in t: its increments over the bins are what is asked for.
    # Instants are taken from the start of the bins on, where whole microseconds are exact in float64.
    at: list[float] = []
    seen: list[float] = []
    total = 0.0
    for stretch in stretches:
        at += [stretch.start_us - start_us, stretch.end_us - start_us]
        seen += [total, total + (stretch.end_us - stretch.start_us) * stretch.coverage]
        total = seen[-1]
    edges = np.arange(n_bins + 1, dtype=np.float64) * width_us
    share: NDArray[np.float64] = np.clip(np.diff(np.interp(edges, at, seen)) / width_us, 0, 1)
    return share


def first_difference(old: Sequence[Stretch], new: Sequence[Stretch]) -> int | None:
    """Return the earliest instant (microseconds) at which two merged sets of stretches differ; None if nowhere."""
    for before, after in zip(old, new, strict=False):
        if before != after:
            if before[::2] == after[::2]:  # they begin alike, one goes on longer
                return min(before.end_us, after.end_us)
            return min(before.start_us, after.start_us)
    if len(old) == len(new):
        return None
    longer = old if len(old) > len(new) else new
    return longer[min(len(old), len(new))].start_us
