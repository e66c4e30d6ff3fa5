"""Simulated counts: their mean, their scatter, their holes and the truth about them."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

import msgspec
import numpy as np
import pytest

from detectors.evaluation.simulate import (
    MIXES,
    Hole,
    NewsBump,
    Noise,
    Outage,
    Rhythm,
    Scenario,
    ServiceTraffic,
    Step,
    Truth,
    ViralCluster,
    simulate_counts,
)
from detectors.evaluation.simulate.counts import overdispersion, scatter
from tests.builders import START

NOISES = (
    Noise("poisson"),
    Noise("negbin", phi=0.3),
    Noise("hawkes", branching=0.6, memory_min=3),
    Noise("clusters", tail=2.7, max_cluster=100),
)
OUTAGE = Outage("imessage", START + timedelta(hours=40, minutes=7), 60, factor=8, rise_min=5, decay_min=20)


def hours(first: float, last: float, service: str | None = None) -> Hole:
    return Hole(START + timedelta(hours=first), START + timedelta(hours=last), service)


def scenario(noise: Noise = NOISES[1], **changes: Any) -> Scenario:
    services = (
        ServiceTraffic("imessage", 1.5, MIXES["america"], noise=noise),
        ServiceTraffic("outlook", 0.4, MIXES["world"], noise=noise),
    )
    given: dict[str, Any] = {"start_at": START, "days": 3, "services": services, "outages": (OUTAGE,)} | changes
    return Scenario(**given)


def test_the_same_seed_gives_the_same_and_another_seed_does_not() -> None:
    one, same, other = (simulate_counts(scenario(), seed=seed) for seed in (1, 1, 2))
    for mine, again, different in zip(one.series, same.series, other.series, strict=True):
        np.testing.assert_array_equal(mine.observed, again.observed)
        np.testing.assert_array_equal(mine.raw, again.raw)
        assert (mine.observed != different.observed).any()
    assert one.truth == same.truth


def test_a_further_service_leaves_the_others_as_they_were() -> None:
    small, large = scenario(), scenario(services=(ServiceTraffic("slack", 3.0), *scenario().services))
    few, more = (simulate_counts(each, seed=3).series for each in (small, large))
    np.testing.assert_array_equal(few[0].observed, more[1].observed)


@pytest.mark.parametrize("noise", NOISES, ids=lambda noise: noise.family)
def test_every_family_keeps_the_mean(noise: Noise) -> None:
    mean = np.full(120_000, 0.8)
    drawn = scatter(mean, noise, 1.0, np.random.default_rng(5))
    error = math.sqrt((overdispersion(noise) + noise.phi * 0.8) / (0.8 * len(mean)))
    assert drawn.mean() == pytest.approx(0.8, rel=4 * error + 2e-4)


def test_families_scatter_as_they_say() -> None:
    mean = np.full(150_000, 2.0)
    by_family: dict[str, Any] = {noise.family: scatter(mean, noise, 1.0, np.random.default_rng(7)) for noise in NOISES}
    assert by_family["poisson"].var() == pytest.approx(2.0, rel=0.03)
    assert by_family["negbin"].var() == pytest.approx(2 + 0.3 * 4, rel=0.03)
    for family, noise in (("hawkes", NOISES[2]), ("clusters", NOISES[3])):
        hourly = by_family[family].reshape(-1, 60).sum(axis=1)
        assert hourly.var() / hourly.mean() == pytest.approx(overdispersion(noise), rel=0.2)
    assert overdispersion(NOISES[2]) == pytest.approx(6.25)
    assert overdispersion(NOISES[3]) > 5


def test_counts_follow_the_expected_rate() -> None:
    made = simulate_counts(scenario(days=14), seed=1)
    for series in made.series:
        expected = made.expected[series.service]
        daily, due = (values.reshape(-1, 1440).sum(axis=1) for values in (series.observed, expected))
        assert np.abs(daily - due).max() < 5 * np.sqrt(due + 0.3 * (expected**2).reshape(-1, 1440).sum(axis=1)).max()
    usual, expected = made.usual["imessage"], made.expected["imessage"]
    during = slice(40 * 60 + 15, 41 * 60)
    assert expected[during] / usual[during] == pytest.approx(np.full(45, 8.0))
    assert (expected[: 40 * 60] == usual[: 40 * 60]).all()


def test_known_gaps_are_unknown_and_silent_gaps_are_zero() -> None:
    gaps = (hours(0, 6), hours(20, 20.01, "imessage"))
    made = simulate_counts(scenario(gaps=gaps, silent_gaps=(hours(30, 31, "imessage"),)), seed=1)
    imessage, outlook = made.series
    assert np.isnan(imessage.observed[:360]).all()
    assert np.isnan(imessage.raw[:360]).all()
    assert np.isnan(imessage.observed[1200])
    assert np.isfinite(imessage.observed[[360, 1199, 1201]]).all()
    assert (imessage.observed[1800:1860] == 0).all()
    assert (imessage.coverage == np.isfinite(imessage.observed)).all()
    assert np.isnan(outlook.observed).sum() == 360
    assert outlook.observed[1800:1860].sum() > 0
    kinds = [(each.kind, each.service) for each in made.truth.confounders]
    assert kinds == [("gap", None), ("gap", "imessage"), ("silent gap", "imessage")]


def test_reposts_stand_in_raw_only() -> None:
    bump = NewsBump("imessage", START + timedelta(hours=60), 240, factor=20, repost_share=0.85)
    made = simulate_counts(scenario(news=(bump,)), seed=1)
    imessage = made.series[0]
    reposts = imessage.raw - imessage.observed
    assert reposts.min() >= 0
    assert reposts[3600:3840].sum() > 5 * reposts[3300:3540].sum()
    assert reposts[:2000].sum() / imessage.observed[:2000].sum() == pytest.approx(0.08, abs=0.02)


def test_truth_says_what_there_was() -> None:
    events: dict[str, Any] = {
        "news": (NewsBump("outlook", START, 60, 3),),
        "clusters": (ViralCluster("outlook", START + timedelta(hours=2), 10),),
        "steps": (Step(START + timedelta(days=2), 1.2),),
    }
    truth = simulate_counts(scenario(**events), seed=1).truth
    (outage,) = truth.outages
    assert truth.simulated
    assert (outage.onset_at, outage.end_at, outage.quiet_at - outage.end_at) == (
        OUTAGE.onset_at,
        OUTAGE.onset_at + timedelta(hours=1),
        timedelta(minutes=20),
    )
    assert [each.kind for each in truth.confounders] == ["news", "cluster", "step"]
    assert sum(share for code, share in outage.region_shares.items() if len(code) == 2) == pytest.approx(1, abs=1e-3)
    assert sum(outage.symptoms.values()) == pytest.approx(1, abs=1e-3)
    frame = truth.outages_frame()
    assert frame.loc[0, "service"] == "imessage"
    assert frame.loc[0, "factor"] == 8
    assert msgspec.json.decode(msgspec.json.encode(truth), type=Truth) == truth


def test_a_regional_outage_names_its_places_only() -> None:
    outage = Outage("imessage", OUTAGE.onset_at, 60, 9, regions=("US-TX", "CA"))
    (told,) = simulate_counts(scenario(outages=(outage,)), seed=1).truth.outages
    assert set(told.region_shares) == {"US", "US-TX", "CA", "CA-ON", "CA-QC", "CA-BC"}
    assert told.region_shares["US"] == told.region_shares["US-TX"]


def log_probability(y: float, mean: float, noise: Noise) -> float:
    """Return the logarithm of the probability of a count, written out."""
    if noise.family == "poisson":
        return y * math.log(mean) - mean - math.lgamma(y + 1)
    k = 1 / noise.phi
    return (
        math.lgamma(y + k)
        - math.lgamma(k)
        - math.lgamma(y + 1)
        + k * math.log(k / (k + mean))
        + y * math.log(mean / (k + mean))
    )


@pytest.mark.parametrize("noise", NOISES[:2], ids=lambda noise: noise.family)
def test_evidence_is_the_log_likelihood_ratio(noise: Noise) -> None:
    made = simulate_counts(scenario(noise), seed=4)
    y, usual, expected = made.series[0].observed, made.usual["imessage"], made.expected["imessage"]
    slow = sum(
        log_probability(y[t], expected[t], noise) - log_probability(y[t], usual[t], noise)
        for t in range(40 * 60, 42 * 60)
        if expected[t] > usual[t]
    )
    assert made.truth.outages[0].evidence_nats == pytest.approx(slow, abs=0.01)
    assert made.truth.outages[0].expected_extra == pytest.approx((expected - usual).sum(), abs=0.01)


def test_evidence_is_blind_in_holes_and_smaller_in_wilder_noise() -> None:
    blind = simulate_counts(scenario(gaps=(hours(40, 40.5),), silent_gaps=(hours(40.5, 42),)), seed=4)
    assert blind.truth.outages[0].evidence_nats == 0
    assert blind.truth.outages[0].expected_extra > 100
    tame, _, *wild = (simulate_counts(scenario(noise), seed=4).truth.outages[0].evidence_nats for noise in NOISES)
    assert max(wild) < tame / 2


def test_bins_of_an_hour_hold_sixty_times_a_minute() -> None:
    flat = Rhythm(night_floor=1.0)
    for width_s in (15, 3600):
        service = ServiceTraffic("imessage", 6.0, rhythm=flat, noise=NOISES[0])
        (series,) = simulate_counts(Scenario(START, 2, (service,), bin_width_s=width_s), seed=1).series
        assert series.bin_width_s == width_s
        assert series.observed.mean() == pytest.approx(6 * width_s / 60, rel=0.03)
