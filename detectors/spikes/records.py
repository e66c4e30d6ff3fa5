"""What the compiled kernel reads and writes: numpy records, and what is in them.

Records rather than arrays of each thing, because one pointer is then all that a compiled function is handed: measured,
three times the speed and a quarter of the compile time. Each dtype has a protocol beside it that says what its fields
mean.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

MAX_WINDOWS = 12
"""Room for windows in the records."""

MAX_SLOTS = 48
"""Room for the slots of a day."""

_PER_WINDOW = (MAX_WINDOWS,)
PLAN: np.dtype[np.void] = np.dtype(
    (
        np.record,
        np.dtype(
            [(name, "i8", _PER_WINDOW) for name in ("windows", "learn_every")]
            + [(f"{name}_penalty", "f8", _PER_WINDOW) for name in ("gate", "page", "watch")]
            + [("learn_decay", "f8", _PER_WINDOW), ("page_times", "f8", (2,)), ("page_threshold", "f8", (2,))]
            + [
                (name, "i8")
                for name in ("n_windows", "n_gate", "n_page", "n_watch", "silence", "silence_limit", "nothing_limit")
            ]
            + [(name, "i8") for name in ("settle", "min_age", "rebase_after", "rebase_from", "profile_window")]
            + [("unrest_window", "i8"), ("unrest_weight", "f8"), ("unrest_decay", "f8")]
            + [("burden_after", "i8"), ("burden_decay", "f8")]
            + [(name, "f8") for name in ("min_reports", "page_floor", "watch_floor", "watch_threshold")]
            + [(name, "f8") for name in ("fast_decay", "slow_decay", "warm_up", "day", "bin_min")]
        ),
    )
)


class Plan(Protocol):
    """A record of :data:`PLAN`: :class:`Parameters` in bins; arrays have shape (windows,)."""

    windows: NDArray[np.int64]
    learn_every: NDArray[np.int64]
    learn_decay: NDArray[np.float64]
    gate_penalty: NDArray[np.float64]
    page_penalty: NDArray[np.float64]
    watch_penalty: NDArray[np.float64]
    page_times: NDArray[np.float64]
    page_threshold: NDArray[np.float64]
    n_windows: int
    n_gate: int
    n_page: int
    n_watch: int
    min_reports: float
    page_floor: float
    watch_floor: float
    watch_threshold: float
    fast_decay: float
    slow_decay: float
    warm_up: float
    day: float
    bin_min: float
    silence: int
    silence_limit: int
    nothing_limit: int
    settle: int
    min_age: int
    rebase_after: int
    rebase_from: int
    profile_window: int
    unrest_window: int
    unrest_weight: float
    unrest_decay: float
    burden_after: int
    burden_decay: float


SERIES: np.dtype[np.void] = np.dtype(
    (
        np.record,
        np.dtype(
            [
                ("level", "f8"),
                ("fast_y", "f8"),
                ("fast_x", "f8"),
                ("slow_y", "f8"),
                ("slow_x", "f8"),
                ("sum_y", "f8"),
                ("sum_x", "f8"),
                ("incident_level", "f8"),
                ("incident_peak", "f8"),
                ("n_observed", "i8"),
                ("incident_from", "i8"),
                ("usable_from", "i8"),
                ("silent_from", "i8"),
                ("burden", "f8"),
                ("loud_for", "i8"),
                ("phi", "f8", (MAX_WINDOWS,)),
                ("theta", "f8", (MAX_WINDOWS,)),
                ("sums", "f8", (MAX_WINDOWS, 5)),
                ("unrest", "f8", (MAX_SLOTS,)),
                ("unrest_sums", "f8", (MAX_SLOTS, 2)),
            ]
        ),
    )
)
"""What one series remembers: see :class:`Series`."""

BIN: np.dtype[np.void] = np.dtype(
    (
        np.record,
        np.dtype(
            [
                ("expected", "f8"),
                ("dispersion", "f8"),
                ("watch", "f8"),
                ("page", "f8"),
                ("watch_window", "i4"),
                ("page_window", "i4"),
                ("is_frozen", "?"),
                ("is_silent", "?"),
            ],
            align=True,
        ),
    )
)
"""What a bin yields; see :class:`detectors.spikes.bank.Scores`."""


class Series(Protocol):
    """A record of :data:`SERIES`: what one series remembers, besides its ring.

    Attributes
    ----------
    level, fast_y, fast_x, slow_y, slow_x
        L, A_f, B_f, A_s, B_s.
    sum_y, sum_x
        Running sums of reports and of ``p x``.
    incident_from, incident_level, incident_peak
        First bin of the open baseline incident (-1: none), the level frozen there, its largest excess.
    n_observed
        Observed bins so far.
    usable_from
        First bin that windows may hold: the end of the last incident.
    silent_from
        First bin of the feed's silence (-1: none).
    burden, loud_for
        Pages of late, discounted; observed bins since the page that is up was last loud (-1: none is up).
    phi, theta, sums
        Shape (windows,) and (windows, 5): the variance, and its sums N, E, Q1, Q2, Q3.
    unrest, unrest_sums
        Shape (slots,) and (slots, 2): how many times more than phi says the forecasts err at this time of the day,
        and the sums behind it: squared errors, and their weight in days.
    """

    level: float
    fast_y: float
    fast_x: float
    slow_y: float
    slow_x: float
    sum_y: float
    sum_x: float
    incident_level: float
    incident_peak: float
    n_observed: int
    incident_from: int
    usable_from: int
    silent_from: int
    burden: float
    loud_for: int
    phi: Floats
    theta: Floats
    sums: Floats
    unrest: Floats
    unrest_sums: Floats


class Bin(Protocol):
    """A record of :data:`BIN`."""

    expected: float
    dispersion: float
    watch: float
    page: float
    watch_window: int
    page_window: int
    is_frozen: bool
    is_silent: bool


class Block(NamedTuple):
    """Consecutive bins of all series, where in the week they lie, and the history that profiles are fitted from.

    Attributes
    ----------
    observed, exposure
        Shape (series, bins); NaN or exposure 0 = not observed.
    below, above, share
        Shape (bins,): slots of the week whose centres lie on either side of the bin's, and the weight of the later.
    row, slot
        Shape (bins,): row of the history (day modulo 28) and slot of the day.
    week
        Shape (series, slots a week): the profile, mean 1.
    counts, seen
        Shape (series, 28, slots a day): sums of reports and of exposure.
    """

    observed: Floats
    exposure: Floats
    below: Ints
    above: Ints
    share: Floats
    row: Ints
    slot: Ints
    week: Floats
    counts: NDArray[np.float32]
    seen: NDArray[np.float32]
