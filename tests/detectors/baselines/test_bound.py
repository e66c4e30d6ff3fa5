"""The 99 % bound against the exact distribution."""

from __future__ import annotations

from math import exp, lgamma, log

import numpy as np
import pytest

from detectors.baselines.bound import upper_bound


def exact(mu: float, phi: float) -> int:
    """Return the smallest count that is not exceeded with 99 %, by summing the distribution."""
    size = 1 / phi
    total, n = 0.0, -1
    while total < 0.99:
        n += 1
        log_p = (
            lgamma(n + size) - lgamma(size) - lgamma(n + 1) + size * log(size / (size + mu)) + n * log(mu / (size + mu))
        )
        total += exp(log_p)
    return n


@pytest.mark.parametrize("mu", [0.3, 1.0, 3.0, 10.0, 50.0, 200.0])
@pytest.mark.parametrize("phi", [0.003, 0.05, 0.2])
def test_bound_is_close_to_the_exact_quantile(mu: float, phi: float) -> None:
    found = float(upper_bound(np.array([mu]), np.array([phi]))[0])
    assert abs(found - exact(mu, phi)) <= max(1.0, 0.01 * exact(mu, phi))


def test_nothing_usual_and_nothing_known() -> None:
    found = upper_bound(np.array([0.0, np.nan]), np.array([0.1, 0.1]))
    assert found[0] == 0
    assert np.isnan(found[1])
