"""Scored series made by hand: each bin's scores are given, so that a test says itself what fired and when."""

from __future__ import annotations

from dataclasses import fields
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from detectors.model import CountSeries
from detectors.spikes import Scored, Scores, create
from tests.builders import START

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

USUAL = 2.0
LENGTH = 400


def at(minute: float) -> datetime:
    """Return the instant, so many minutes after the series' start: the end of bin ``minute - 1``."""
    return START + timedelta(minutes=minute)


def series(observed: Floats, *, service: str = "imessage", bin_width_s: int = 60) -> CountSeries:
    return CountSeries(
        service, "test", START, bin_width_s, observed, observed.copy(), np.where(np.isnan(observed), 0.0, 1.0)
    )


def scored(
    watch: Mapping[int, float], page: Mapping[int, float] | None = None, *, unknown: slice | None = None
) -> Scored:
    """Build a scored series of quiet bins, apart from these bins' scores."""
    arrays = {}
    for name, given in (("watch", watch), ("page", page or {})):
        values = np.full(LENGTH, 0.2)
        values[list(given)] = list(given.values())
        if unknown is not None:
            values[unknown] = np.nan  # what was not observed does not fire
        arrays[name] = values
    return Scored(START, 60, _scores(**arrays), create("plain-count", bin_width_s=60, start_at=START))


def _scores(*, watch: Floats, page: Floats) -> Scores:
    window = np.full(len(watch), 3, np.int64)
    flags = np.zeros(len(watch), np.bool_)
    usual = np.full(len(watch), USUAL)
    return Scores(usual, usual * 0, watch, page, window, window, flags, flags)


def prefix(whole: Scored, n_bins: int) -> Scored:
    """Return what had been known after so many bins."""
    known: dict[str, Any] = {f.name: getattr(whole.scores, f.name)[:n_bins] for f in fields(Scores)}
    return Scored(whole.start_at, whole.bin_width_s, Scores(**known), whole.detector)


def counts(whole: Scored) -> Floats:
    """Return counts that go with the scores: much where something fires, usual elsewhere, NaN where not known."""
    fires = np.maximum(np.nan_to_num(whole.watch), np.nan_to_num(whole.page)) >= 1
    observed = np.where(fires, 10 * USUAL, USUAL)
    return np.where(np.isnan(whole.watch), np.nan, observed)
