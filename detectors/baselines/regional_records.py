"""What the recursion of :mod:`detectors.baselines.regional` works on."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]


class Plan(NamedTuple):
    """The numbers of the recursion, in bins.

    Attributes
    ----------
    windows
        Widths, ascending, shape (windows,); the last one is the span of the rings.
    bin_s, origin_s
        Width of a bin; start of bin 0 since 1970 (seconds).
    half_life_s
        How long is remembered.
    root_prior, shape
        Which share is located, before anything is known; how many reports a prior is worth.
    rhythm
        How many reports the parent's rhythm is worth, in each slot; by level.
    drift, drift_reports
        Squared relative error of a share that is known as well as can be, before that was seen, and how many usual
        reports that is worth.
    common
        How many usual reports pull the common factor to 1.
    noise_voices, noise_pairs
        What is held of the clustering of reports before anything is known.
    min_reports
        Windows with less are not told.
    warm_up, forgive
        Bins observed before anything is told; and after which an unusual rate is the new normal.
    """

    windows: Ints
    bin_s: float
    origin_s: float
    half_life_s: float
    root_prior: float
    shape: float
    rhythm: Floats
    drift: float
    drift_reports: float
    common: float
    noise_voices: float
    noise_pairs: float
    min_reports: float
    warm_up: float
    forgive: int


class Table(NamedTuple):
    """What is remembered: one row a region (row 0 is the whole), and sums over all.

    Attributes
    ----------
    parent, level, is_seen
        Shape (regions,): the row of the parent (-1 for the whole), the number of the level, whether it ever reported.
    children
        Shape (regions, levels): how many regions of a level have ever reported from there.
    taught, slots
        Shape (regions,) and (regions, 8): voices, weighted; by time of the day.
    last, strange_from, strange_to
        Shape (regions,): the bin of the latest report; where the latest unusual time began, and its latest bin.
    ring, kept
        Shape (regions, span): voices of the latest bins, at bin modulo span; the share of them that may teach.
    pending
        Shape (regions, 1 + windows): voices and pairs of the reports that may yet turn out to be an outage.
    usual
        Shape (8,): exposure by time of the day, weighted.
    sums
        Shape (6,); see ``VOICES`` and so on in the kernel.
    pairs
        Shape (windows,): pairs of reports from one region within each window, beyond chance, weighted.
    """

    parent: Ints
    level: Ints
    is_seen: NDArray[np.bool_]
    children: Ints
    taught: Floats
    slots: Floats
    last: Ints
    strange_from: Ints
    strange_to: Ints
    ring: Floats
    kept: Floats
    pending: Floats
    usual: Floats
    sums: Floats
    pairs: Floats


class Whole(NamedTuple):
    """The service as a whole; index i is bin ``first - span + i``, so that a span of history comes first.

    Attributes
    ----------
    expected
        Usual reports, summed from the beginning to the end of each bin.
    exposure
        The same, weighted, without the bins that must not teach.
    teaches
        The weighted exposure of each bin by itself.
    is_held, is_seen
        Whether reports of a bin must not teach; whether it was observed.
    """

    expected: Floats
    exposure: Floats
    teaches: Floats
    is_held: NDArray[np.bool_]
    is_seen: NDArray[np.bool_]


class Cells(NamedTuple):
    """Reports: bin (ascending), row of the region, voices; shape (cells,)."""

    bins: Ints
    rows: Ints
    voices: Floats


class Told(NamedTuple):
    """Windows that hold enough reports to be looked at; see :class:`detectors.baselines.regional.Looked`."""

    cell: Ints
    observed: Floats
    expected: Floats
    common: Floats
    noise: Floats
    error: Floats
    tests: Floats
