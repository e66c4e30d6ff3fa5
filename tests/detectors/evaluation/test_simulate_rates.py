"""Expected rates follow what the scenario says about days, weeks, places and events."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.evaluation.simulate import (
    MIXES,
    CommutePeak,
    NewsBump,
    Noise,
    Outage,
    Rhythm,
    Scenario,
    ServiceTraffic,
    Step,
    ViralCluster,
)
from detectors.evaluation.simulate.rates import ServiceRates, day_shape, stream
from tests.builders import START

if TYPE_CHECKING:
    from numpy.typing import NDArray

LONDON = (("GB", 1.0),)
FLAT = Rhythm(night_floor=1.0)


def usual(rhythm: Rhythm = FLAT, *, days: float = 7, width_s: int = 60, **changes: object) -> NDArray[np.float64]:
    service = ServiceTraffic("imessage", 2.0, LONDON, rhythm)
    scenario = replace(Scenario(START, days, (service,), bin_width_s=width_s), **changes)  # type: ignore[arg-type]
    return ServiceRates(scenario, scenario.services[0], seed=1).usual(0, scenario.n_bins)


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_day_averages_one_and_its_night_is_quiet(night_floor: float, evening_share: float) -> None:
    shape = day_shape(night_floor, evening_share)
    assert shape.mean() == pytest.approx(1)
    assert shape.min() >= night_floor * 0.999
    assert shape[3 * 60] <= shape[13 * 60] or shape[3 * 60] <= shape[20 * 60]


@pytest.mark.parametrize("mix", MIXES)
def test_the_rate_is_the_average_over_a_week_wherever_people_live(mix: str) -> None:
    service = ServiceTraffic("imessage", 2.0, MIXES[mix], Rhythm(weekday=(1, 1, 1, 1, 1, 0.5, 0.2)))
    scenario = Scenario(START, 7, (service,))
    rates = ServiceRates(scenario, service, seed=1)
    assert rates.usual(0, scenario.n_bins).mean() == pytest.approx(2.0)
    assert rates.by_place(0, 600).sum(axis=0) == pytest.approx(rates.usual(0, 600))


def test_local_days_lie_where_the_zone_says() -> None:
    one_zone = {code: usual_in(code) for code in ("GB", "JP", "US-CA")}
    assert np.argmin(one_zone["GB"][:1440]) == pytest.approx(np.argmin(np.roll(one_zone["JP"][:1440], 9 * 60)), abs=2)
    assert np.argmin(one_zone["GB"][:1440]) == pytest.approx(np.argmin(np.roll(one_zone["US-CA"][:1440], -480)), abs=2)


def usual_in(code: str) -> NDArray[np.float64]:
    service = ServiceTraffic("imessage", 2.0, ((code, 1.0),))
    scenario = Scenario(START, 7, (service,))
    return ServiceRates(scenario, service, seed=1).usual(0, scenario.n_bins)


def test_weekdays_holidays_drift_and_steps() -> None:
    weekend = usual(Rhythm(1.0, weekday=(1, 1, 1, 1, 1, 0.5, 0.5))).reshape(7, 1440).mean(axis=1)
    assert weekend == pytest.approx(np.array([1, 1, 1, 1, 1, 0.5, 0.5]) * 2 * 7 / 6)
    holiday = usual(Rhythm(1.0, holidays=((date(2026, 3, 4), 0.4),))).reshape(7, 1440).mean(axis=1)
    assert holiday == pytest.approx([2, 2, 0.8, 2, 2, 2, 2])
    drift = usual(Rhythm(1.0, drift_per_week=0.1), days=14)
    assert drift[10_080:].mean() / drift[:10_080].mean() == pytest.approx(1.1)
    step = Step(START + timedelta(days=3), 0.5)
    elsewhere = Step(START + timedelta(days=3), 9.0, "imessage")
    assert usual(steps=(step,)).reshape(7, 1440).mean(axis=1) == pytest.approx([2, 2, 2, 1, 1, 1, 1])
    assert usual(steps=(elsewhere,))[-1] == pytest.approx(18)


def test_commute_peaks_come_on_working_days_about_their_hour() -> None:
    peak = CommutePeak(8.5, height=2.0, width_min=20, jitter_min=10)
    days = usual(Rhythm(1.0, commute=(peak,))).reshape(7, 1440)
    assert days[5:].max() == pytest.approx(2.0)
    assert days[:5].max(axis=1) == pytest.approx([6.0] * 5, rel=0.01)
    tops = days[:5].argmax(axis=1)
    assert len(set(tops.tolist())) > 1
    assert np.abs(tops - 510).max() <= 45


def test_a_wandering_level_is_slow_and_keeps_the_mean() -> None:
    service = ServiceTraffic("imessage", 2.0, LONDON, FLAT, Noise(wander_sd=0.3))
    scenario = Scenario(START, 200, (service,), bin_width_s=3600)
    level = ServiceRates(scenario, service, seed=1).usual(0, scenario.n_bins) / 120
    assert level.mean() == pytest.approx(1, abs=0.1)
    assert np.log(level).std() == pytest.approx(0.3, abs=0.06)
    assert np.abs(np.diff(np.log(level))).max() < 0.5


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.integers(1, 79))
def test_a_stretch_is_a_slice_of_the_whole(first: int, length: int) -> None:
    rhythm = Rhythm(0.2, 0.5, drift_per_week=0.2, commute=(CommutePeak(8.5, 1.0),), holidays=((date(2026, 3, 5), 0.5),))
    service = ServiceTraffic("imessage", 2.0, MIXES["world"], rhythm, Noise(wander_sd=0.2))
    scenario = Scenario(START, 7, (service,))
    rates = ServiceRates(scenario, service, seed=1)
    assert rates.usual(first, first + length) == pytest.approx(rates.usual(0, 10_080)[first : first + length])


@pytest.mark.parametrize("width_s", [10, 60, 1200, 3600])
def test_an_outage_rises_stays_and_decays_by_its_factor(width_s: int) -> None:
    outage = Outage("imessage", START + timedelta(hours=30), 120, factor=11, rise_min=10, decay_min=30)
    service = ServiceTraffic("imessage", 2.0, LONDON, FLAT)
    scenario = Scenario(START, 3, (service,), outages=(outage,), bin_width_s=width_s)
    (cause,) = ServiceRates(scenario, service, seed=1).causes
    # By hand: 20 a minute; the rise costs half of its 10 min, the tail holds 30 * mean of the shape below.
    tail = 30 * ((1 - np.exp(-3)) / 3 - np.exp(-3)) / (1 - np.exp(-3))
    assert cause.originals.sum() == pytest.approx(20 * (115 + tail), rel=0.01)
    assert cause.originals.max() <= 20 * width_s / 60 * 1.0001
    assert cause.first * width_s == pytest.approx(30 * 3600, abs=width_s)
    assert cause.reposts.sum() == 0


def test_a_regional_outage_multiplies_only_its_places() -> None:
    service = ServiceTraffic("imessage", 2.0, (("GB", 0.75), ("IE", 0.25)), FLAT)
    outage = Outage("imessage", START + timedelta(hours=30), 120, factor=11, regions=("IE",))
    (cause,) = ServiceRates(Scenario(START, 3, (service,), outages=(outage,)), service, seed=1).causes
    assert cause.originals.max() == pytest.approx(0.25 * 2 * 10)


def test_news_and_copied_texts_hold_what_they_say() -> None:
    service = ServiceTraffic("imessage", 2.0, LONDON, FLAT)
    scenario = Scenario(
        START,
        3,
        (service,),
        news=(NewsBump("imessage", START + timedelta(hours=5), 180, factor=10, repost_share=0.8),),
        clusters=(ViralCluster("imessage", START + timedelta(hours=50), 40, 20, repost_share=0.25),),
    )
    news, cluster = ServiceRates(scenario, service, seed=1).causes
    assert (news.kind, cluster.kind) == ("news", "cluster")
    total = news.originals + news.reposts
    assert total.max() == pytest.approx(20, rel=0.02)
    assert news.reposts.sum() / total.sum() == pytest.approx(0.8)
    assert np.abs(np.diff(total)).max() < 2
    assert cluster.originals.sum() == pytest.approx(30)
    assert cluster.reposts.sum() == pytest.approx(10)


def test_an_event_past_the_end_is_cut_off() -> None:
    service = ServiceTraffic("imessage", 2.0, LONDON, FLAT)
    late = NewsBump("imessage", START + timedelta(hours=23), 180, factor=10)
    outside = ViralCluster("imessage", START + timedelta(days=4), 40)
    scenario = Scenario(START, 1, (service,), news=(late,), clusters=(outside,))
    news, cluster = ServiceRates(scenario, service, seed=1).causes
    assert news.last == 1440
    assert len(cluster.originals) == 0


def test_one_purpose_disturbs_no_other() -> None:
    first, again, other = stream(1, "a"), stream(1, "a"), stream(1, "b")
    assert first.random() == again.random() != other.random()
