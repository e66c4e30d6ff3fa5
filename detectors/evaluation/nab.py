"""The score of the Numenta Anomaly Benchmark (Lavin and Ahmad 2015), for alarms in labelled windows.

A detection inside a window earns by how early it comes, only the best one of a window counts; a window without one
costs. A detection elsewhere costs, less where it follows close upon a window. The first 15 % of a series (750 rows at
most) are for learning and do not count. 100 is a detection at the start of every window and none elsewhere, 0 silence.

A yardstick against published detectors, never an objective: the windows are a day or more wide.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from detectors.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

Profile = Literal["standard", "reward_low_FP_rate", "reward_low_FN_rate"]
WEIGHTS: dict[Profile, tuple[float, float, float]] = {
    "standard": (1.0, 0.11, 1.0),
    "reward_low_FP_rate": (1.0, 0.22, 1.0),
    "reward_low_FN_rate": (1.0, 0.11, 2.0),
}
"""What a window found earns at most, a false detection costs at most, and a window missed costs."""

PROFILES: tuple[Profile, ...] = tuple(WEIGHTS)
LEARNING_SHARE, LEARNING_ROWS = 0.15, 5_000
STEEPNESS, FAR = 5.0, 3.0


def sigmoid(position: Floats) -> Floats:
    """Return what a detection is worth, from 1 to -1, at a position in windows' widths from the window's end.

    Examples
    --------
    >>> [round(float(worth), 3) for worth in sigmoid(np.array([-1.0, 0.0, 1.0, 3.5]))]
    [0.987, 0.0, -0.987, -1.0]
    """
    worth = 2 / (1 + np.exp(STEEPNESS * np.minimum(position, FAR))) - 1
    return np.asarray(np.where(position > FAR, -1.0, worth))


@dataclass(frozen=True, eq=False)
class Labelled:
    """A series as the score sees it: what a detection in each row is worth.

    Attributes
    ----------
    worth
        Shape (rows,): up to 1 inside a window, 0 to -1 elsewhere; NaN in the rows that do not count.
    window
        Shape (rows,): number of the window, -1 outside.
    n_windows
        How many there are.
    """

    worth: Floats
    window: Ints
    n_windows: int

    def raw(self, detections: Ints) -> Floats:
        """Return the score before scaling, by profile (in the order of :data:`PROFILES`), of detections in rows."""
        worth, window = self.worth[detections], self.window[detections]
        counts = ~np.isnan(worth)
        worth, window = worth[counts], window[counts]
        best = np.full(self.n_windows, -np.inf)
        inside = window >= 0
        np.maximum.at(best, window[inside], worth[inside])
        found = best > -np.inf
        earned, lost, missed = best[found].sum(), worth[~inside].sum(), (~found).sum()
        return np.array([tp * earned + fp * lost - fn * missed for tp, fp, fn in WEIGHTS.values()])


def labelled(n_rows: int, windows: Sequence[tuple[int, int]]) -> Labelled:
    """Return what detections are worth in a series.

    Parameters
    ----------
    n_rows
        Rows of the series.
    windows
        First and last row of each window, ascending, not overlapping.

    Raises
    ------
    InputError
        If a window does not lie in the series, or overlaps the one before.
    """
    worth, window = np.full(n_rows, -1.0), np.full(n_rows, -1)
    rows, before = np.arange(n_rows), -1
    for number, (first, last) in enumerate(windows):
        if not before < first <= last < n_rows:
            raise InputError(f"window {number + 1} (rows {first} to {last}) overlaps another or leaves the series")
        width = last - first + 1
        worth[last + 1 :] = sigmoid((rows[last + 1 :] - last) / max(1, width - 1))
        inside = rows[first : last + 1]
        worth[inside] = sigmoid(-(last - inside + 1) / width) / sigmoid(np.array(-1.0))
        window[inside] = number
        before = last
    worth[: learning_rows(n_rows)] = np.nan
    return Labelled(worth, window, len(windows))


def learning_rows(n_rows: int) -> int:
    """Return how many rows at the start do not count."""
    return int(LEARNING_SHARE * min(n_rows, LEARNING_ROWS))


def scaled(raw: Floats, n_windows: int) -> dict[Profile, float]:
    """Return the scores by profile: 0 is silence, 100 is perfect.

    Parameters
    ----------
    raw
        Shape (profiles,): the sum over all series.
    n_windows
        Windows of all series.

    Raises
    ------
    InputError
        If there is no window: nothing can be scored.
    """
    if not n_windows:
        raise InputError("no window, so there is no score")
    found = {}
    for profile, value in zip(PROFILES, raw.tolist(), strict=True):
        tp, _, fn = WEIGHTS[profile]
        found[profile] = 100 * (value + fn * n_windows) / ((tp + fn) * n_windows)
    return found


# --- thresholds ----------------------------------------------------------------------------------------------


def left_out(raws: Mapping[str, Floats]) -> Floats:
    """Return the raw scores when each series is scored by what is best on all the others.

    Parameters
    ----------
    raws
        By series: shape (choices, profiles), the same choices in the same order (thresholds, settings).

    Returns
    -------
    ndarray
        Shape (profiles,): summed over the series. Among equals the earliest choice is taken.
    """
    stacked = np.stack(list(raws.values()))
    others = stacked.sum(axis=0) - stacked
    chosen = others.argmax(axis=1)
    series, profiles = np.indices(chosen.shape)
    return np.asarray(stacked[series, chosen, profiles].sum(axis=0))


def best(raws: Mapping[str, Floats]) -> Floats:
    """Return the raw scores at the choice that is best on these very series: optimistic. Shape (profiles,)."""
    return np.asarray(np.stack(list(raws.values())).sum(axis=0).max(axis=0))
