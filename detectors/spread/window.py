"""From when to when: the time over which voices are summed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

PRICE = 3.0
"""Nats that a start after the first bin, or an end before the last, must bring to be believed."""

MOST_STEPS = 240


def best_window(observed: Floats, expected: Floats, variance: Floats) -> tuple[int, int]:
    """Return the bins in which one series stands out most: first, and the one after the last.

    Parameters
    ----------
    observed, expected, variance
        Shape (bins,); ``variance`` is that beyond Poisson. Errors of what is usual are alike in all bins, and say
        nothing of where it begins.
    """
    bins = len(observed)
    step = -(-bins // MOST_STEPS)
    edges = np.array([*range(0, bins, step), bins])
    y, mu, extra = (np.concatenate(([0.0], np.cumsum(a)))[edges] for a in (observed, expected, variance))
    counts, usual, beyond = (np.maximum(a[None, :] - a[:, None], 0.0) for a in (y, mu, extra))
    usual = np.maximum(usual, 0.02)
    size = 1.0 / np.maximum(beyond / usual**2, 1e-4)
    above = np.maximum(counts, usual)
    score = above * np.log(above / usual) - (above + size) * np.log1p((above - usual) / (usual + size))
    inner = np.arange(len(edges))
    score = score - PRICE * (inner > 0)[:, None] - PRICE * (inner < len(edges) - 1)[None, :]
    score[np.tril_indices(len(edges))] = -np.inf
    first, stop = divmod(int(score.argmax()), len(edges))
    return int(edges[first]), int(edges[stop])
