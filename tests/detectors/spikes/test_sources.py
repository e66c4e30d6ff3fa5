"""Several sources as one series: no loss of a source is an outage, and no outage is lost with a source."""

from __future__ import annotations

import json
from dataclasses import fields
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.errors import SeriesError
from detectors.spikes import Bank, Scores, kernel, mixing
from detectors.spikes.sources import Combined, Combiner
from tests.builders import START
from tests.detectors.spikes.several import DAY, NAMES, UNSEEN, WIDTH_S, assert_same, brought, combiner, three

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


def run(counts: Floats) -> Combined:
    return combiner(counts.shape[1]).run(counts).row(0)


def highest(scores: Scores, first: float, last: float) -> float:
    """Return the highest score of either severity between two days."""
    bins = slice(round(first * DAY), round(last * DAY))
    return float(np.nanmax([scores.page[bins], scores.watch[bins]]))


# --- one source ----------------------------------------------------------------------------------------------


def test_one_source_gives_the_banks_scores_to_the_last_bit() -> None:
    y = brought((5,), 9)
    y[0, 0, 100:140] = UNSEEN
    y[0, 0, 250:256] += 60
    y[0, 0, 400:440] = 0
    y[0, 0, 500:550] = 90
    alone = Bank(1, bin_width_s=WIDTH_S, start_at=START).run(y[0])
    assert_same(combiner(1).run(y), alone)
    stepped = combiner(1)
    for b in range(60):
        assert_same(stepped.step(y[:, :, b]), alone.column(b))


# --- the same however it is given ----------------------------------------------------------------------------

CELL = st.one_of(st.just(UNSEEN), st.just(0.0), st.integers(0, 60).map(float))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.data())
def test_any_split_through_json_changes_nothing(seed: int, data: st.DataObject) -> None:
    rng = np.random.default_rng(seed)
    y = rng.poisson([[14.0], [4.0], [2.0]], (2, 3, 300)).astype(float)
    for _ in range(8):  # losses of all kinds, outages, leading gaps
        service, source, begin = rng.integers(2), rng.integers(3), int(rng.integers(300))
        y[service, source, begin : begin + int(rng.integers(100))] = rng.choice([np.nan, 0.0, 90.0])
    one, two = (Combiner(NAMES, 2, bin_width_s=3600, start_at=START) for _ in range(2))
    whole = one.run(y)
    cuts = sorted(data.draw(st.lists(st.integers(0, 300), min_size=1, max_size=4)))
    parts = []
    for first, last in zip([0, *cuts], [*cuts, 300], strict=True):
        parts.append(two.run(y[:, :, first:last]))
        two = Combiner.from_state(json.loads(json.dumps(two.state())))
    for field in fields(Combined):
        joined = np.concatenate([getattr(part, field.name) for part in parts], axis=-1)
        np.testing.assert_array_equal(joined, getattr(whole, field.name), err_msg=field.name)
    assert two.state() == one.state()
    assert two.now == START + timedelta(hours=300)


def test_services_do_not_disturb_each_other() -> None:
    y = np.concatenate([three(6, seed) for seed in range(3)])
    y[0, 0, 200:260], y[1, 1, 210:300], y[2, :, 150:170] = UNSEEN, 0, UNSEEN
    y[1, 2, 100:106] = 80
    together = Combiner(NAMES, 3, bin_width_s=WIDTH_S, start_at=START).run(y)
    for number in range(3):
        alone = run(y[number : number + 1])
        for field in fields(Combined):
            np.testing.assert_array_equal(getattr(alone, field.name), getattr(together.row(number), field.name))


# --- losses --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("left", [UNSEEN, 0.0])
@pytest.mark.parametrize("source", [0, 1, 2])
def test_a_loss_and_its_end_alarm_nobody(source: int, left: float) -> None:
    y = three(14, seed=3)
    y[0, source, 8 * DAY : 10 * DAY] = left
    found = run(y)
    assert highest(found, 1, 14) < 1
    rest = 1 - (0.7, 0.2, 0.1)[source]
    late = slice(8 * DAY + 15, 10 * DAY)
    np.testing.assert_allclose(found.exposure[late], rest, atol=0.06)
    np.testing.assert_array_equal(found.exposure[10 * DAY + 2 :], 1)
    np.testing.assert_allclose(found.expected[late].mean(), 30 * rest, rtol=0.12)
    assert found.is_faulty[source, late].all() == (left == 0)
    assert not np.delete(found.is_faulty, source, axis=0).any()
    assert not found.is_faulty[source, 10 * DAY + 5 :].any()


@pytest.mark.parametrize("left", [UNSEEN, 0.0])
def test_an_outage_that_begins_in_a_loss_is_found_where_a_sum_misses_it(left: float) -> None:
    y = three(12, seed=4)
    y[0, :, 9 * DAY + 20 : 9 * DAY + 26] *= 4
    y[0, 0, 9 * DAY : 9 * DAY + 60] = left
    found = run(y)
    assert highest(found, 1, 9 + 20 / DAY) < 1
    assert highest(found, 9 + 60 / DAY, 12) < 1
    assert np.nanmax(found.page[9 * DAY + 20 : 9 * DAY + 26]) >= 1
    summed = Bank(1, bin_width_s=WIDTH_S, start_at=START).run(np.nansum(y, axis=1)).row(0)
    assert np.nanmax(summed.page[9 * DAY + 20 : 9 * DAY + 26]) < 1


def test_when_every_source_is_lost_nothing_is_known() -> None:
    y = three(14)
    y[0, :, 8 * DAY : 12 * DAY] = UNSEEN
    found = run(y)
    assert np.isnan(found.page[8 * DAY : 12 * DAY]).all()
    assert np.isnan(found.combined[8 * DAY : 12 * DAY]).all()
    assert (found.exposure[8 * DAY : 12 * DAY] == 0).all()
    assert highest(found, 12, 14) < 1
    assert (found.exposure[12 * DAY :] == 1).all()  # nobody has gone: there was nobody to go on without them


def test_when_every_source_is_silent_the_bank_decides() -> None:
    y = three(10)
    y[0, :, 8 * DAY : 8 * DAY + 20] = 0
    found = run(y)
    bins = slice(8 * DAY + 10, 8 * DAY + 20)
    assert found.is_faulty[:, bins].all()
    np.testing.assert_array_equal(found.exposure[bins], 1)  # nothing tells a loss from a quiet hour
    assert found.is_silent[bins].all()
    assert not found.is_faulty[:, 8 * DAY + 25 :].any()
    assert highest(found, 4, 10) < 1


def test_a_source_that_is_everything() -> None:
    y = brought((30, 0), 14)
    y[0, 0, 8 * DAY : 9 * DAY], y[0, 0, 10 * DAY : 11 * DAY] = UNSEEN, 0
    found = run(y)
    assert highest(found, 1, 14) < 1
    assert found.exposure[8 * DAY + 20] < 0.01 > found.exposure[10 * DAY + 20]
    y[0, 1, 8 * DAY + 40 : 8 * DAY + 44] = 9  # somebody else hears of an outage
    assert np.nanmax(run(y).page[8 * DAY + 40 : 8 * DAY + 44]) >= 1


def test_a_source_that_speaks_only_in_outages() -> None:
    y = brought((20, 0), 14)
    for day in (9, 12):
        y[0, 1, day * DAY : day * DAY + 4] = 60
    found = run(y)
    assert found.page[9 * DAY] >= 1 <= found.page[12 * DAY]
    assert highest(found, 1, 9) < 1
    assert not found.is_faulty.any()


def test_an_outage_in_one_source_is_not_its_share() -> None:
    y = three(10)
    quiet, bank = combiner(), combiner()
    y[0, 2, 8 * DAY : 8 * DAY + 6] += 300
    bank.run(y)
    quiet.run(three(10))
    np.testing.assert_allclose(bank.shares, quiet.shares, atol=0.01)


# --- sources that come, go and change ------------------------------------------------------------------------


@pytest.mark.parametrize("source", [0, 1])
def test_a_new_source_is_taken_in_after_a_day_and_alarms_nobody(source: int) -> None:
    y = three(21, seed=1)
    y[0, source, : 14 * DAY] = UNSEEN
    many = combiner()
    found = many.run(y).row(0)
    rest = 30 - (21, 6)[source]
    assert highest(found, 4, 21) < 1
    assert (found.exposure[1:] == 1).all()
    np.testing.assert_allclose(found.expected[14 * DAY : 15 * DAY].mean(), rest, rtol=0.15)
    np.testing.assert_allclose(found.expected[15 * DAY : 16 * DAY].mean(), 30, rtol=0.15)
    np.testing.assert_allclose(many.shares[0], (0.7, 0.2, 0.1), atol=0.04)


def test_an_outage_on_the_trial_day_is_found_and_is_no_share() -> None:
    y = three(21, seed=2)
    y[0, 1, : 14 * DAY] = UNSEEN
    y[0, :, 14 * DAY + 30 : 14 * DAY + 36] *= 8
    many = combiner()
    assert np.nanmax(many.run(y).page[0, 14 * DAY + 30 : 14 * DAY + 36]) >= 1
    np.testing.assert_allclose(many.shares[0], (0.7, 0.2, 0.1), atol=0.04)


@pytest.mark.parametrize("left", [UNSEEN, 0.0])
def test_a_source_that_is_away_for_days_has_gone_and_may_come_back_changed(left: float) -> None:
    y = three(24, seed=5)
    y[0, 0, 8 * DAY : 16 * DAY] = left
    y[0, 0, 16 * DAY :] *= 3
    many = combiner()
    away = many.run(y[:, :, : 15 * DAY]).row(0)
    assert many.has_gone.tolist() == [[True, False, False]]
    assert np.isnan(many.shares[0, 0])
    assert (away.exposure[12 * DAY :] == 1).all()
    np.testing.assert_allclose(away.expected[12 * DAY :].mean(), 9, rtol=0.15)
    assert away.is_faulty[0, 12 * DAY :].all() == (left == 0)
    back = many.run(y[:, :, 15 * DAY :]).row(0)
    assert not many.has_gone.any()
    assert max(highest(away, 1, 15), highest(back, 0, 9)) < 1
    np.testing.assert_allclose(back.expected[-DAY:].mean(), 72, rtol=0.15)
    assert not back.is_faulty[:, 2 * DAY :].any()


def test_a_source_that_falls_to_a_tenth_is_believed_in_the_end() -> None:
    y = three(20, seed=6)
    y[0, 0, 8 * DAY :] = np.floor(y[0, 0, 8 * DAY :] / 10)
    many = combiner()
    found = many.run(y).row(0)
    assert highest(found, 1, 20) < 1
    assert many.shares[0, 0] == pytest.approx(0.16, abs=0.05)
    assert not found.is_faulty[:, 14 * DAY :].any()


def test_a_share_that_drifts_is_followed() -> None:
    rates = np.linspace(21, 3, 28 * DAY)
    y = three(28, seed=7)
    rng = np.random.default_rng(8)
    y[0, 0], y[0, 1] = rng.poisson(rates), rng.poisson(27 - rates)
    y[0, 1, 26 * DAY : 27 * DAY] = UNSEEN
    found = run(y)
    assert highest(found, 1, 28) < 1
    assert found.exposure[26 * DAY + 9] == pytest.approx(1 - (27 - rates[26 * DAY]) / 30, abs=0.05)


def test_shares_follow_the_hour_of_the_day() -> None:
    hours = np.arange(21 * DAY) / DAY * 24 % 24
    night = 1 + 0.9 * np.cos(2 * np.pi * hours / 24)  # one source's night is the other's day
    rng = np.random.default_rng(9)
    y = rng.poisson([20 * night, 20 * (2 - night)]).astype(float)[np.newaxis]
    y[0, 0, 20 * DAY :] = UNSEEN
    found = run(y)
    assert highest(found, 5, 21) < 1
    np.testing.assert_allclose(found.exposure[20 * DAY :], (2 - night[20 * DAY :]) / 2, atol=0.12)
    assert not found.is_faulty[:, 7 * DAY :].any()


def test_sources_that_start_within_the_first_hour_need_no_trial() -> None:
    y = three(3)
    y[0, 0, :2], y[0, 2, :5] = UNSEEN, UNSEEN
    many = combiner()
    found = many.run(y[:, :, : DAY + 4])
    np.testing.assert_array_equal(found.combined[0, 2:], y[0, :2, 2 : DAY + 4].sum(axis=0))
    assert np.isnan(many.shares).tolist() == [[False, False, True]]
    np.testing.assert_array_equal(many.run(y[:, :, DAY + 4 :]).combined[0, 1:], y[0, :, DAY + 5 :].sum(axis=0))
    assert not np.isnan(many.shares).any()


def test_a_source_that_is_never_there_does_not_matter() -> None:
    y = np.concatenate([three(5), np.full((1, 1, 5 * DAY), UNSEEN)], axis=1)
    y[0, 1, 4 * DAY :] = UNSEEN
    four = Combiner([*NAMES, "never"], bin_width_s=WIDTH_S, start_at=START)
    found = four.run(y)
    three_only = run(y[:, :3])
    np.testing.assert_allclose(found.page[0], three_only.page, atol=0.02)
    assert not found.is_faulty.any()


# --- the kernel's parts, by hand -----------------------------------------------------------------------------


@given(st.floats(0, 200), st.floats(0.01, 200), st.sampled_from([10.0, 20.0]))
def test_the_deviance_is_the_detectors(s: float, m: float, k: float) -> None:
    assert mixing.lower_deviance(s, m, k) == kernel.lower_deviance(s, m, k)


def test_minutes_tell_a_silent_source_within_a_quarter_of_an_hour() -> None:
    y = np.random.default_rng(2).poisson([[4.0], [1.5]], (2, 1500)).astype(float)[np.newaxis]
    y[0, 0, 1400:1460] = 0
    found = combiner(2, width_s=60).run(y).row(0)
    first = np.flatnonzero(found.is_faulty[0])
    assert 1403 <= first[0] <= 1415
    assert first[-1] <= 1465
    assert not found.is_faulty[1].any()
    assert np.nanmax(found.watch) < 1


def test_rescaling_a_bank_changes_the_measure_only() -> None:
    y = brought((24,), 8)[0]
    y[0, 6 * DAY : 6 * DAY + 4] = 200
    one, other = (Bank(1, bin_width_s=WIDTH_S, start_at=START) for _ in range(2))
    cut = 6 * DAY + 2  # in the middle of an incident
    one.run(y[:, :cut])
    other.run(y[:, :cut])
    other.rescale([2.0])
    usual = one.run(y[:, cut:])
    part = other.run(y[:, cut:], np.full((1, y.shape[1] - cut), 0.5))
    np.testing.assert_allclose(part.expected, 2 * usual.expected, rtol=0.02)
    np.testing.assert_allclose(part.page, usual.page, rtol=0.01)
    np.testing.assert_array_equal(part.is_frozen, usual.is_frozen)


@pytest.mark.parametrize("factor", [[1.0, 1.0], [0.0], [-1.0], [np.inf], [np.nan], 1.0])
def test_a_wrong_factor_is_refused(factor: Any) -> None:
    with pytest.raises(SeriesError, match="factors"):
        Bank(1, bin_width_s=WIDTH_S, start_at=START).rescale(factor)
