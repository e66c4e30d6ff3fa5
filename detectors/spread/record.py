"""The record where there is little to say, and the order and the counts that all records share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from detectors.errors import InputError
from detectors.model.spread import RegionSpread, Spread
from detectors.spread.share import UNKNOWN

if TYPE_CHECKING:
    from detectors.spread.frames import Frames


def rank(row: RegionSpread) -> tuple[int, float, float, str]:
    """Affected regions first, by probability and excess."""
    known = 0.0 if np.isnan(row.probability) else row.probability
    beyond = 0.0 if np.isnan(row.excess) else row.excess
    return ("affected", "normal", "too few", "no data").index(row.verdict), -known, -beyond, row.code


def unlocated_share(
    given: pd.Series[float] | float | None, n_located: float, frames: Frames, window: tuple[int, int]
) -> float:
    """Return which share of the voices is from nobody knows where."""
    if given is None:
        return float("nan")
    if isinstance(given, pd.Series):
        if len(given) != frames.bins:
            raise InputError(f"unlocated has {len(given)} bins, observed {frames.bins}")
        count = float(np.nansum(given.to_numpy(dtype=float)[slice(*window)])) if given.notna().any() else float("nan")
    else:
        count = float(given)
    if count < 0:
        raise InputError("unlocated must not be below 0")
    total = count + n_located
    return count / total if total > 0 else float("nan")


def nothing(frames: Frames, unlocated: pd.Series[float] | float | None) -> Spread:
    """Return the answer where nothing is known of what is usual."""
    nan = float("nan")
    seen = np.atleast_1d(frames.seen.any(axis=1))
    rows = [
        RegionSpread(
            code=code,
            verdict="too few" if seen[n] else "no data",
            observed=float(frames.observed[n].sum()) if seen[n] else nan,
            expected=0.0 if seen[n] else nan,
            ratio=nan,
            ratio_low=nan,
            ratio_high=nan,
            probability=nan,
            share=nan,
        )
        for n, code in enumerate(frames.codes)
    ]
    n_located = float(frames.observed.sum())
    return Spread(
        extent="undetermined",
        start_at=frames.at(0).to_pydatetime(),
        end_at=frames.at(frames.bins).to_pydatetime(),
        p_value=1.0,
        zone=(),
        regions=tuple(sorted(rows, key=rank)),
        affected_share=UNKNOWN,
        untestable_share=nan,
        unlocated_share=unlocated_share(unlocated, n_located, frames, (0, frames.bins)),
        n_located=n_located,
    )
