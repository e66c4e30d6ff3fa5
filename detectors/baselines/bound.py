"""Above which count a bin is unusual by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

Z_99 = 2.3263478740408408
"""99 % quantile of the normal distribution."""


def upper_bound(expected: Floats, dispersion: Floats) -> Floats:
    """Return the 99 % bound of negative binomial counts, to within one count of the exact quantile.

    Parameters
    ----------
    expected, dispersion
        Mean ``mu`` in reports per bin, and phi of the variance ``mu + phi mu**2``; any equal shapes. NaN gives NaN.

    Notes
    -----
    Cornish and Fisher's expansion (1938) with the distribution's skewness and kurtosis.

    Examples
    --------
    >>> upper_bound(np.array([0.0, 4.0, 100.0]), np.array([0.05, 0.05, 0.05])).round()
    array([  0.,  10., 165.])
    """
    mu, phi = np.asarray(expected, float), np.asarray(dispersion, float)
    deviation = np.sqrt(mu + phi * mu**2)
    with np.errstate(divide="ignore", invalid="ignore"):
        skew = np.where(mu > 0, (1 + 2 * phi * mu) / deviation, 0.0)
        excess = np.where(mu > 0, 6 * phi + 1 / deviation**2, 0.0)
    z = Z_99
    scale = z + skew * (z**2 - 1) / 6 + excess * (z**3 - 3 * z) / 24 - skew**2 * (2 * z**3 - 5 * z) / 36
    return np.asarray(np.maximum(mu, mu + deviation * scale))
