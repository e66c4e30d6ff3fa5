"""Which share of the usual voices lives in affected regions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from detectors.model.spread import Share

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

UNKNOWN = Share(float("nan"), float("nan"), float("nan"))


def doubt(p_value: float) -> float:
    """Return how likely it is, at least, that nothing is the matter (Sellke, Bayarri and Berger 2001).

    Examples
    --------
    >>> round(doubt(0.05), 2), doubt(0.8)
    (0.29, 0.5)
    """
    odds = -np.e * p_value * np.log(p_value) if p_value < 1 / np.e else 1.0
    return float(odds / (1.0 + odds))


def affected_share(usual: Floats, parts: Floats, *, error: float, rng: np.random.Generator) -> Share:
    """Return the share and its 90 % interval.

    Parameters
    ----------
    usual
        Shape (units,): their usual voices.
    parts
        Shape (units, draws): which part of each is affected, drawn from what is believed.
    error
        By how much the usual voices of each may be wrong by itself (standard deviation of the logarithm).
    """
    if not usual.sum() > 0:
        return UNKNOWN
    weights = usual[:, None] * np.exp(error * rng.standard_normal(parts.shape))
    shares = (weights * parts).sum(axis=0) / weights.sum(axis=0)
    low, at, high = np.quantile(shares, (0.05, 0.5, 0.95))
    return Share(*(min(1.0, round(float(value), 9)) for value in (at, low, high)))
