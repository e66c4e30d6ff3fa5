"""When it began in each region, and in which order.

A change of the rate at one instant, from what is usual to so many times of it, averaged over factors; all regions
at once. The estimate for one series (:mod:`detectors.incidents.onset`) knows rises and wandering levels, for which
sparse regions have too few voices.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from detectors.model.instants import Estimate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detectors.spread.frames import Frames

    Floats = NDArray[np.float64]

FACTORS = np.geomspace(1.4, 60.0, 16)
TOO_WIDE = 0.75
"""An interval that covers more than this part of the time says nothing."""


def onsets(frames: Frames, rows: NDArray[np.int64], stop: int) -> list[Estimate | None]:
    """Return when it began in each of some regions (rows of ``frames``); only bins before ``stop`` are used."""
    y, mu = frames.observed[rows, :stop], frames.expected[rows, :stop]
    phi = np.maximum(frames.dispersion[rows, :stop], 1e-3)
    usual = np.maximum(mu, 1e-9)

    def loglik(factor: float) -> Floats:
        mean = factor * usual
        value = y * np.log(factor) - (y + 1 / phi) * np.log1p(phi * mean)
        return np.asarray(np.where(frames.seen[rows, :stop], value, 0.0))

    quiet = loglik(1.0)
    gains = np.stack([loglik(factor) - quiet for factor in FACTORS])
    after = np.cumsum(gains[..., ::-1], axis=2)[..., ::-1]
    top = after.max(axis=(0, 2), keepdims=True)
    density = np.exp(after - top).sum(axis=0)
    return [_estimate(frames, density[row]) for row in range(len(rows))]


def _estimate(frames: Frames, density: Floats) -> Estimate | None:
    """Return the median and the 90 % interval of an onset; None where it says nothing.

    The change lies within the bin before the first that is raised, or at its start; so it is spread over both halves.
    """
    reached = np.concatenate(([0.0], np.cumsum(density / density.sum())))
    edges = np.concatenate(([0.0], np.arange(len(density)) + 0.5))
    low, at, high = np.interp((0.05, 0.5, 0.95), reached, edges)
    if high - low > TOO_WIDE * len(density) and len(density) > 1:
        return None
    return Estimate(*(frames.at(value).to_pydatetime() for value in (at, low, high)))


def order(found: list[Estimate | None]) -> list[int | None]:
    """Return each onset's place in the order, 1 = first; those whose intervals do not separate share theirs."""
    known = sorted((one.low_at, one.high_at, number) for number, one in enumerate(found) if one is not None)
    places: list[int | None] = [None] * len(found)
    place, latest = 0, None
    for low_at, high_at, number in known:
        if latest is None or low_at > latest:
            place += 1
        latest = high_at if latest is None else max(latest, high_at)
        places[number] = place
    return places
