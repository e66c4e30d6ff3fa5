"""Everything moved: a step of all series is recognised, an outage of one company and coincidences are not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.errors import InputError
from detectors.evaluation.simulate import Noise, Outage, Scenario, ServiceTraffic, Step, simulate_counts
from detectors.incidents.lifecycle import build_histories
from detectors.incidents.together import (
    COMMON_RISE,
    Quorum,
    Together,
    common_rise,
    find_together,
    rise_of_others,
)
from detectors.model import CountSeries, Estimate, Incident, SeriesKey
from detectors.spikes import Bank, Scored
from tests.builders import START

VENDORS = {"whatsapp": "meta", "instagram": "meta", "facebook": "meta", "outlook": "microsoft", "teams": "microsoft"}


@dataclass(frozen=True)
class Moved:
    """An incident, as far as it is looked at; minutes after the start."""

    service: str
    began: float = 0.0
    alarmed: float = 5.0
    source: str = "x"

    @property
    def onset(self) -> Estimate:
        at = START + timedelta(minutes=self.began)
        return Estimate(at, at, at)

    @property
    def alarmed_at(self) -> datetime:
        return START + timedelta(minutes=self.alarmed)


def names(n: int, first: int = 0) -> list[str]:
    return [f"service-{i:02}" for i in range(first, first + n)]


def keys(services: list[str], source: str = "x") -> list[SeriesKey]:
    return [SeriesKey(name, source) for name in services]


def found(incidents: list[Moved], watched: list[SeriesKey], **quorum: float) -> list[Together[Moved]]:
    return find_together(incidents, watched, VENDORS, quorum=Quorum(**quorum) if quorum else None)  # type: ignore[arg-type]


def test_a_third_of_all_at_once_is_everything() -> None:
    moved = [Moved(name, began=i, alarmed=30 - i) for i, name in enumerate(names(7))]
    (one,) = found(moved, keys(names(20)))
    assert (one.n_moved, one.n_watched, one.source) == (7, 20, "x")
    assert one.incidents == tuple(reversed(moved)), "by alarm"
    assert one.at == moved[3].onset.at
    assert one.known_at == moved[0].alarmed_at, "six of twenty are not a third"
    assert one.sentence().startswith("Everything moved: 7 of 20 series from x began to rise about 00:03 UTC;")
    assert found(moved[1:], keys(names(20))) == []


def test_it_is_known_when_there_are_enough() -> None:
    moved = [Moved(name, alarmed=i) for i, name in enumerate(names(9))]
    (one,) = found(moved, keys(names(15)))
    assert (one.n_moved, one.known_at) == (9, moved[4].alarmed_at)


def test_fewer_than_five_are_not_everything_however_few_are_watched() -> None:
    assert found([Moved(name) for name in names(4)], keys(names(4))) == []
    assert len(found([Moved(name) for name in names(5)], keys(names(5)))) == 1


def test_those_that_began_at_another_time_do_not_belong() -> None:
    early = [Moved(name, began=0) for name in names(4)]
    late = [Moved(name, began=20.1) for name in names(4, 4)]
    assert found(early + late, keys(names(8))) == []
    late = [Moved(name, began=20) for name in names(4, 4)]
    assert found(early + late, keys(names(8)))[0].n_moved == 8


def test_several_incidents_of_a_series_count_once() -> None:
    twice = [Moved(name, began=k) for name in names(3) for k in (0, 4)]
    assert found(twice, keys(names(6))) == []
    more = [*twice, *(Moved(name) for name in names(2, 3))]
    (one,) = found(more, keys(names(6)))
    assert (one.n_moved, len(one.incidents)) == (5, 8)


def test_two_steps_are_two() -> None:
    moved = [Moved(name, began=began) for began in (0, 300) for name in names(6)]
    first, second = found(moved, keys(names(12)))
    assert second.at - first.at == timedelta(minutes=300)
    assert not set(first.incidents) & set(second.incidents)


def test_one_company_is_not_everything() -> None:
    meta = [Moved(name) for name in ("whatsapp", "instagram", "facebook")]
    microsoft = [Moved(name) for name in ("outlook", "teams")]
    watched = keys([*VENDORS, *names(3)])
    assert found(meta + microsoft, watched) == [], "two companies"
    (one,) = found([*meta, *microsoft, Moved("service-00")], watched)
    assert one.n_moved == 6


def test_the_largest_company_does_not_make_up_for_the_others() -> None:
    own = {f"own-{i}": "own" for i in range(8)}
    watched = keys([*own, *names(24)])
    moved = [Moved(name) for name in own] + [Moved(name) for name in names(3)]
    assert find_together(moved, watched, own) == [], "11 of 32, of four companies, but 3 of the 24 others"
    moved += [Moved(name) for name in names(1, 3)]
    assert find_together(moved, watched, own)[0].n_moved == 12


def test_a_larger_group_that_is_not_enough_hides_no_other() -> None:
    own = {f"own-{i}": "own" for i in range(9)}
    outage = [Moved(name, began=100) for name in own]
    step = [Moved(name) for name in names(6)] + [Moved("own-0"), Moved("own-1")]
    (one,) = find_together(outage + step, keys([*own, *names(8)]), own)
    assert (one.at, one.n_moved) == (START, 8)


def test_one_source_among_others_can_move() -> None:
    watched = [key for source in ("x", "reddit", "mastodon", "bluesky") for key in keys(names(10), source)]
    moved = [Moved(name, source="reddit") for name in names(6)]
    (one,) = found(moved, watched)
    assert (one.source, one.n_watched) == ("reddit", 10)


def test_all_sources_together_where_each_is_small() -> None:
    watched = [key for source in ("x", "reddit") for key in keys(names(4), source)]
    moved = [Moved(name, source=source) for source in ("x", "reddit") for name in names(3)]
    (one,) = found(moved, watched)
    assert (one.source, one.n_moved, one.n_watched) == (None, 6, 8)
    assert "6 of 8 series began to rise" in one.sentence()


def test_what_is_not_watched_does_not_count() -> None:
    assert found([Moved(name) for name in names(9)], keys(names(4))) == []
    assert found([], []) == []


@given(order=st.permutations(range(12)))
def test_the_order_does_not_matter(order: list[int]) -> None:
    moved = [Moved(name, began=3 * (i % 4), alarmed=10 + i % 3) for i, name in enumerate(names(12))]
    assert found([moved[i] for i in order], keys(names(20))) == found(moved, keys(names(20)))


@pytest.mark.parametrize(
    "quorum", [{"share": 0}, {"share": 1.1}, {"n_series": 1}, {"n_vendors": 0}, {"within_min": -1}]
)
def test_a_quorum_that_cannot_be_is_refused(quorum: dict[str, float]) -> None:
    with pytest.raises(InputError):
        Quorum(**quorum)  # type: ignore[arg-type]


# --- with the detector ------------------------------------------------------------------------------------------


def simulated(
    *, outages: tuple[Outage, ...] = (), steps: tuple[Step, ...] = ()
) -> tuple[list[tuple[CountSeries, Scored]], list[SeriesKey]]:
    """Simulate twelve services of nine companies over three days, and return what the detector says."""
    services = tuple(
        ServiceTraffic(name, rate, noise=Noise("negbin", phi=0.02))
        for name, rate in zip([*VENDORS, *names(7)], np.geomspace(0.2, 20, 12).tolist(), strict=True)
    )
    made = simulate_counts(Scenario(START, 3, services, outages=outages, steps=steps, bin_width_s=120), seed=5)
    bank = Bank(len(services), bin_width_s=120, start_at=START)
    scores = bank.run(np.stack([one.observed for one in made.series]))
    pairs = [(one, Scored(START, 120, scores.row(i), bank)) for i, one in enumerate(made.series)]
    return pairs, [SeriesKey(one.service, one.source, 120) for one in made.series]


def incidents_of(pairs: list[tuple[CountSeries, Scored]]) -> list[Incident]:
    return [history.incident for series, scored in pairs for history in build_histories(series, scored)]


STEP_AT = START + timedelta(days=2, hours=14)


def test_a_step_of_the_whole_platform_is_recognised() -> None:
    made, watched = simulated(steps=(Step(STEP_AT, 2.5),))
    (one,) = find_together(incidents_of(made), watched, VENDORS)
    assert one.n_moved >= 6
    assert abs(one.at - STEP_AT) <= timedelta(minutes=6)
    assert STEP_AT < one.known_at < STEP_AT + timedelta(hours=1)


def test_all_services_of_one_company_failing_is_an_outage() -> None:
    outages = tuple(
        Outage(name, STEP_AT + timedelta(minutes=i), 60, 15)
        for i, name in enumerate(n for n in VENDORS if VENDORS[n] == "meta")
    )
    made, watched = simulated(outages=outages)
    incidents = incidents_of(made)
    assert {one.service for one in incidents} >= {"whatsapp", "instagram", "facebook"}
    assert find_together(incidents, watched, VENDORS) == []


def test_the_first_alarm_of_a_step_sees_that_all_rose() -> None:
    made, _ = simulated(steps=(Step(STEP_AT, 2.5),))
    alarm, service = min(
        (
            (alarm, series.service)
            for series, scored in made
            for alarm in scored.alarms("page")
            if alarm.alarmed_at > STEP_AT
        ),
        key=lambda one: one[0].alarmed_at,
    )
    assert alarm.alarmed_at <= STEP_AT + timedelta(minutes=10)
    assert rise_of_others(service, (alarm.window_start_at, alarm.alarmed_at), made, VENDORS) > COMMON_RISE
    yesterday = alarm.window_start_at - timedelta(days=1), alarm.alarmed_at - timedelta(days=1)
    assert abs(rise_of_others(service, yesterday, made, VENDORS)) < COMMON_RISE / 2


def test_an_outage_of_one_company_is_no_rise_of_the_others() -> None:
    made, _ = simulated(outages=tuple(Outage(name, STEP_AT, 60, 15) for name in VENDORS if VENDORS[name] == "meta"))
    window = STEP_AT, STEP_AT + timedelta(minutes=10)
    assert abs(rise_of_others("facebook", window, made, VENDORS)) < COMMON_RISE / 2
    assert rise_of_others("outlook", window, made, {}) > 2, "three outages are not nothing"


def test_series_that_do_not_cover_the_window_are_left_out() -> None:
    made, _ = simulated(steps=(Step(STEP_AT, 2.5),))
    window = STEP_AT, STEP_AT + timedelta(minutes=10)
    late = [(replace(series, start_at=START + timedelta(days=3)), scored) for series, scored in made]
    unseen = [(replace(series, observed=np.full(len(series), np.nan)), scored) for series, scored in made]
    assert rise_of_others("x", window, [*late, *unseen], VENDORS) == 0.0
    early = START, START + timedelta(minutes=10)
    assert rise_of_others("x", early, made, VENDORS) == 0.0, "nothing is known yet"


# --- before there is a quorum -----------------------------------------------------------------------------------


def test_what_is_usual_is_no_common_rise() -> None:
    random = np.random.default_rng(1)
    m = np.geomspace(0.1, 2000, 30)
    risen = [common_rise(random.poisson(m * random.gamma(50, 1 / 50, 30)), m, np.full(30, 0.02)) for _ in range(400)]
    assert abs(float(np.mean(risen))) < 0.2
    assert max(risen) < COMMON_RISE


def test_a_small_rise_of_all_is_seen_and_a_large_one_of_some_is_not() -> None:
    m, phi = np.full(20, 40.0), np.full(20, 0.02)
    assert common_rise(m * 1.4, m, phi) > COMMON_RISE
    some = np.where(np.arange(20) < 5, 50 * m, m)
    assert common_rise(some, m, phi) == pytest.approx(5 * 3 / np.sqrt(20))
    assert 5 * 3 / np.sqrt(20) < COMMON_RISE
    assert common_rise(m / 2, m, phi) < 0


def test_series_that_cannot_tell_are_left_out() -> None:
    assert common_rise([], [], []) == 0.0
    assert common_rise([3.0, 4.0], [0.0, np.nan], [0.02, 0.02]) == 0.0
    assert common_rise([3.0, 60.0], [0.0, 40.0], [0.02, 0.02]) == common_rise([60.0], [40.0], [0.02])
