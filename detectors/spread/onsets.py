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
    """Return each onset's place in the order, 1 = first.

    Two places differ only if the intervals do not meet. What lies across the borders of several places has none; so few
    regions are left out that the others can be told apart.
    """
    known = [number for number, one in enumerate(found) if one is not None]
    places: list[int | None] = [None] * len(found)
    spans = {n: (one.low_at.timestamp(), one.high_at.timestamp()) for n, one in enumerate(found) if one is not None}
    for place, group in enumerate(_groups(known, spans), start=1):
        for number in group:
            places[number] = place
    return places


def _groups(members: list[int], spans: dict[int, tuple[float, float]]) -> list[list[int]]:
    """Split at the instant that tells most pairs apart, if not too many lie across it; then both sides."""
    if not members:
        return []
    low, high = np.array([spans[number] for number in members]).T
    before = (high[:, None] <= high).sum(axis=0)  # what has ended when each of them ends
    after = (low[:, None] > high).sum(axis=0)
    across = len(members) - before - after
    gain = np.where(across < 2 * np.minimum(before, after), before * after, 0)
    best = int(gain.argmax())
    if not gain[best]:
        return [members]
    cut = high[best]
    earlier = [number for number in members if spans[number][1] <= cut]
    later = [number for number in members if spans[number][0] > cut]
    return [*_groups(earlier, spans), *_groups(later, spans)]
