"""Which share of the usual voices lives in affected regions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from detectors.model.spread import Share

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

UNKNOWN = Share(float("nan"), float("nan"), float("nan"))


def affected_share(usual: Floats, parts: Floats, *, error: Floats, rng: np.random.Generator) -> Share:
    """Return the share and its 90 % interval.

    Parameters
    ----------
    usual
        Shape (units,): their usual voices.
    parts
        Shape (units, draws): which part of each is affected, drawn from what is believed.
    error
        Shape (units,): by how much the usual of each may be wrong by itself (standard deviation of the logarithm).
    """
    if not usual.sum() > 0:
        return UNKNOWN
    weights = usual[:, None] * np.exp(error[:, None] * rng.standard_normal(parts.shape))
    shares = (weights * parts).sum(axis=0) / weights.sum(axis=0)
    low, at, high = np.quantile(shares, (0.05, 0.5, 0.95))
    return Share(float(at), float(low), float(high))
