"""Counts of a service with several sources, for the tests about them."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np

from detectors.spikes import Scores
from detectors.spikes.sources import Combiner
from tests.builders import START

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

WIDTH_S, DAY = 1200, 72
NAMES = ("large", "middle", "small")
UNSEEN = float("nan")


def brought(rates: Sequence[float], days: float, seed: int = 0) -> Floats:
    """Draw counts of shape (1, sources, bins)."""
    rng = np.random.default_rng(seed)
    return rng.poisson(np.array(rates)[:, np.newaxis], (len(rates), round(days * DAY))).astype(float)[np.newaxis]


def three(days: float, seed: int = 0) -> Floats:
    return brought((21, 6, 3), days, seed)


def combiner(n: int = 3, width_s: int = WIDTH_S) -> Combiner:
    return Combiner(NAMES[:n], bin_width_s=width_s, start_at=START)


def assert_same(one: Any, other: Any) -> None:
    for field in fields(Scores):
        np.testing.assert_array_equal(getattr(one, field.name), getattr(other, field.name), err_msg=field.name)
