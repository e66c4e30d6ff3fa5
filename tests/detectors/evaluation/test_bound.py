"""The bound on the delay, and the oracle, beside slower ways to find the same."""

from __future__ import annotations

from datetime import timedelta
from math import exp, inf, lgamma, log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.evaluation.bound import (
    ORACLE_NATS,
    WINDOWS_MIN,
    delay_bound_min,
    divergence,
    oracle_scores,
    outage_bins,
    without_outages,
)
from detectors.evaluation.simulate import (
    Hole,
    NewsBump,
    Noise,
    Outage,
    Scenario,
    ServiceTraffic,
    SimulatedCounts,
    simulate_counts,
)
from detectors.evaluation.simulate.counts import overdispersion
from tests.builders import START

RATES = st.floats(0.05, 30)
HAWKES = Noise("hawkes", branching=0.5)


def log_pmf(y: int, mean: float, phi: float | None) -> float:
    if phi is None:
        return y * log(mean) - mean - lgamma(y + 1)
    k = 1 / phi
    chance = lgamma(y + k) - lgamma(k) - lgamma(y + 1)
    return chance + k * log(k / (k + mean)) + y * log(mean / (k + mean))


@given(RATES, RATES, st.sampled_from([None, 0.02, 0.3]))
def test_the_divergence_is_that_of_the_distributions(before: float, after: float, phi: float | None) -> None:
    noise = Noise("poisson") if phi is None else Noise("negbin", phi=phi)
    own = [log_pmf(y, after, phi) for y in range(600)]
    slow = sum(exp(p) * (p - log_pmf(y, before, phi)) for y, p in enumerate(own))
    found = float(divergence(np.array([before]), np.array([after]), noise)[0])
    assert found == pytest.approx(slow, rel=1e-6, abs=1e-9)


def test_noise_that_feeds_itself_tells_less() -> None:
    before, after = np.array([2.0]), np.array([5.0])
    poisson = divergence(before, after, Noise("poisson"))
    assert divergence(before, after, HAWKES) == pytest.approx(poisson / 4)


@given(st.floats(0.1, 20), st.floats(1.5, 30), st.floats(10, 1e6))
def test_the_bound_of_a_sudden_change_is_the_textbook_one(rate: float, factor: float, arl: float) -> None:
    before, after = np.full(5_000, rate), np.full(5_000, rate * factor)
    information = float(divergence(before, after, Noise("poisson"))[0])
    bound = delay_bound_min(before, after, Noise("poisson"), arl=arl)
    assert bound == pytest.approx(max(1.0, log(arl) / information))


def test_a_rise_is_bounded_later_than_a_jump_and_a_short_one_not_at_all() -> None:
    before, jump = np.full(60, 1.0), np.full(60, 4.0)
    rise = np.minimum(4.0, 1 + 3 * np.arange(60) / 20)
    noise = Noise("negbin")
    sudden, slow = (delay_bound_min(before, after, noise, arl=43_200) for after in (jump, rise))
    assert 1 < sudden < slow < 60
    assert delay_bound_min(before, jump, noise, arl=43_200, bin_min=20) == pytest.approx(20 * sudden)
    assert delay_bound_min(before[:2], jump[:2], noise, arl=43_200) == inf
    assert delay_bound_min(before[:0], jump[:0], noise, arl=43_200) == inf


@pytest.fixture(scope="module", params=["negbin", "poisson", "hawkes"])
def made(request: pytest.FixtureRequest) -> SimulatedCounts:
    services = tuple(ServiceTraffic(name, 2.0, noise=Noise(request.param)) for name in ("imessage", "outlook"))
    scenario = Scenario(
        START,
        3,
        services,
        outages=(Outage("imessage", START + timedelta(hours=40, seconds=30), 60, factor=6),),
        news=(NewsBump("outlook", START + timedelta(hours=20), 240, factor=8, repost_share=0.5),),
        gaps=(Hole(START + timedelta(hours=10), START + timedelta(hours=11), "imessage"),),
    )
    return simulate_counts(scenario, seed=3)


def test_the_oracle_knows_the_news_but_not_the_outage(made: SimulatedCounts) -> None:
    (outage,) = made.truth.outages
    bins = outage_bins(made, outage)
    assert (bins.start, bins.stop) == (2400, 2400 + 60 + 15 + 1)
    rates = without_outages(made, "imessage")
    np.testing.assert_array_equal(rates[bins], made.usual["imessage"][bins])
    assert (made.expected["imessage"][bins] > rates[bins]).all()
    rates[bins] = made.expected["imessage"][bins]
    np.testing.assert_array_equal(rates, made.expected["imessage"])
    np.testing.assert_array_equal(without_outages(made, "outlook"), made.expected["outlook"])


def test_the_oracle_finds_the_outage_and_hardly_anything_else(made: SimulatedCounts) -> None:
    scores = oracle_scores(made)
    (outage,) = made.truth.outages
    bins = outage_bins(made, outage)
    assert np.nanmax(scores[0, bins]) > 3
    scores[0, bins.start : bins.stop + max(WINDOWS_MIN)] = 0
    assert np.nanmax(scores) < 1.2
    np.testing.assert_array_equal(np.isnan(scores), [np.isnan(series.observed) for series in made.series])


def test_the_oracle_is_the_best_window(made: SimulatedCounts) -> None:
    fast, rates, observed = oracle_scores(made)[0], without_outages(made, "imessage"), made.series[0].observed
    noise = made.scenario.services[0].noise
    for b in (0, 1, 2, 200, 602, 665, 700, 2405, 2440, 4319):
        if np.isnan(observed[b]):
            assert np.isnan(fast[b])
            continue
        best = 0.0
        for width in WINDOWS_MIN:
            window = slice(b + 1 - width, b + 1)
            if b + 1 < width:
                continue
            seen = ~np.isnan(observed[window])
            y, mu = observed[window][seen], rates[window][seen]
            s, m = y.sum(), mu.sum()
            if s < 3 or s <= m:
                continue
            cost = s - m
            if noise.family == "negbin":
                k = m**2 / (noise.phi * (mu**2).sum())
                cost = (s + k) * log((s + k) / (m + k))
            best = max(best, (s * log(s / m) - cost) / overdispersion(noise))
        assert fast[b] * ORACLE_NATS == pytest.approx(best, abs=1e-6)


def test_a_series_shorter_than_the_windows_is_scored_by_those_that_fit() -> None:
    scenario = Scenario(START, 10 / 1440, (ServiceTraffic("imessage", 2.0),))
    assert oracle_scores(simulate_counts(scenario, seed=1)).shape == (1, 10)
