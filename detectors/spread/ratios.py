"""How many times its own normal each region has, drawn towards what its neighbourhood makes likely."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from detectors.spread.posterior import log_nb

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

GRID = np.geomspace(0.05, 400.0, 130)
RAISED = 2.0
"""A region with others in it is affected, too, if its own voices are so many times as usual."""
NORMAL_SD, AFFECTED_SD = 0.15, 0.7
"""How far the ratios of normal, and of affected regions lie apart (standard deviation of the logarithm)."""


def ratios(counts: Floats, usual: Floats, noise: Floats, *, chance: Floats, factor: Floats) -> Floats:
    """Return each region's ratio, its 95 % interval, and how likely it is to be :data:`RAISED`; shape (4, regions).

    Parameters
    ----------
    counts, usual, noise
        Shape (regions,): voices, usual voices, relative variance beyond Poisson and of what is usual.
    chance
        Shape (regions,): how likely each is affected before it is looked at.
    factor
        Shape (regions,): by how much each would be raised.
    """
    loglik = log_nb(counts[:, None], np.maximum(usual, 1e-6)[:, None] * GRID, np.maximum(noise, 1e-5)[:, None])
    normal = np.exp(-0.5 * (np.log(GRID) / NORMAL_SD) ** 2)
    raised = np.exp(-0.5 * (np.log(GRID / factor[:, None]) / AFFECTED_SD) ** 2)
    prior = (1 - chance)[:, None] * normal / normal.sum() + chance[:, None] * raised / raised.sum(axis=1, keepdims=True)
    density = np.exp(loglik - loglik.max(axis=1, keepdims=True)) * prior
    reached = np.cumsum(density, axis=1)
    reached /= reached[:, -1:]
    found = [[np.interp(q, row, np.log(GRID)) for row in reached] for q in (0.5, 0.025, 0.975)]
    raised_too = 1.0 - reached[:, int(np.searchsorted(GRID, RAISED)) - 1]
    return np.asarray(np.concatenate([np.exp(np.array(found).reshape(3, -1)), raised_too[None]]))
