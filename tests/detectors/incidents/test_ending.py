"""Ends of simulated outages, where the truth is known; and what is no end."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.errors import SeriesError
from detectors.incidents.ending import Course, EndEstimate, _before_echoes, _cubic, estimate_end, follow
from detectors.incidents.likelihood import Stretch
from tests.detectors.incidents.outages import COVERED, outages

START, USUAL = 600, 2.0


def counts(*, lasts: int = 60, decay: float = 8.0, bins: int = 900, seed: int = 5) -> np.ndarray:
    """Return counts of an outage that begins in bin 600 and ends ``lasts`` minutes later."""
    t = np.arange(bins) - START
    excess = 30.0 * (t >= 0) * np.exp(-np.maximum(t - lasts, 0) / decay)
    return np.random.default_rng(seed).poisson(USUAL + excess).astype(float)


def end(observed: np.ndarray, *, last_alarm: int = 690, last: int = 760, closed: bool = True) -> EndEstimate | None:
    stretch = Stretch(observed, np.full(len(observed), USUAL), 0.01)
    return estimate_end(stretch, onset_bin=float(START), last_alarm_bin=last_alarm, last_bin=last, is_closed=closed)


@pytest.mark.parametrize(
    ("noise", "bin_width_s"),
    [("poisson", 60.0), ("overdispersed", 60.0), ("self-exciting", 60.0), ("poisson", 1200.0)],
)
def test_the_interval_holds_the_end_nine_times_in_ten(noise: str, bin_width_s: float) -> None:
    errors, held, unsaid, total = [], [], 0, 150
    for sample in outages(404, total, noise=noise, bin_width_s=bin_width_s):
        found = estimate_end(
            sample.stretch,
            onset_bin=sample.onset,
            last_alarm_bin=sample.last_alarm_bin,
            last_bin=sample.closing_bin,
            is_closed=True,
        )
        if found is None:
            unsaid += 1
            continue
        assert sample.onset <= found.low <= found.at <= found.high <= sample.closing_bin + 1
        errors.append(abs(found.at - sample.end) * sample.stretch.minutes)
        held.append(found.low <= sample.end <= found.high)
    assert unsaid < 0.2 * total
    assert COVERED[0] <= np.mean(held) <= 0.995  # decays of up to an hour: slower, and more told apart, than most
    assert np.median(errors) <= (5 if bin_width_s == 60 else 8)
    assert np.quantile(errors, 0.9) <= 25


def test_a_clear_end_is_found() -> None:
    found = end(counts())
    assert found is not None
    assert found.low <= 660 <= found.high
    assert abs(found.at - 660) < 5


def test_an_outage_that_goes_on_has_no_end() -> None:
    going_on = counts(lasts=1000)
    assert end(going_on, last_alarm=700, closed=False) is None
    assert end(going_on, last_alarm=700, closed=True) is None


def test_silence_is_no_end() -> None:
    silent = counts(lasts=1000)
    silent[701:] = np.nan
    for last in (720, 800, 899):
        assert end(silent, last_alarm=700, last=last, closed=False) is None
        assert end(silent, last_alarm=700, last=last, closed=True) is None


def test_an_end_inside_a_gap_may_lie_anywhere_in_it() -> None:
    holed = counts(lasts=60)
    holed[640:720] = np.nan
    found = end(holed, last_alarm=639, last=800)
    assert found is not None
    assert found.low < 655
    assert found.high > 690


def test_an_alarm_just_past_holds_the_end_back() -> None:
    over = counts(decay=2.0)
    assert end(over, last_alarm=690, last=699, closed=False) is None
    assert end(over, last_alarm=690, last=700, closed=False) is not None


def test_a_dip_is_no_end() -> None:
    dipping = counts(lasts=150, bins=1000)
    dipping[640:655] = 2.0
    found = end(dipping, last_alarm=770, last=850)
    assert found is not None
    assert found.low > 700


def test_nothing_after_the_last_bin_counts() -> None:
    changed = counts()
    changed[761:] = 300
    assert end(changed) == end(counts())


def test_a_long_incident_is_joined_to_wider_bins() -> None:
    found = end(counts(lasts=700, bins=1500), last_alarm=1330, last=1400)
    assert found is not None
    assert abs(found.at - 1300) < 12


@pytest.mark.parametrize(("last_alarm", "last"), [(590, 700), (690, 680), (690, 900)])
def test_bins_out_of_order_are_refused(last_alarm: int, last: int) -> None:
    with pytest.raises(SeriesError, match="not in order"):
        end(counts(), last_alarm=last_alarm, last=last)


def test_the_cubic_is_exact_for_cubics() -> None:
    points = np.arange(12.0)
    for at in (3.0, 4.25, 5.9):
        weights = _cubic(np.abs(at - points))
        assert weights.sum() == pytest.approx(1.0)
        assert weights @ points**3 == pytest.approx(at**3)


def followed(observed: np.ndarray, *, closed: int = 760, after: int | None = None) -> EndEstimate | None:
    stretch = Stretch(observed, np.full(len(observed), USUAL), 0.01)
    return follow(stretch, Course(float(START), closed - 61, closed, is_closed=True, next_bin=after))


@pytest.mark.parametrize("lasts", [240, 700, 1300])
def test_an_alarm_that_closes_early_does_not_end_the_outage(lasts: int) -> None:
    """The detector grows used to an outage, or learns it after half a day, and closes; reports go on."""
    found = followed(counts(lasts=lasts, bins=2600))
    assert found is not None
    assert found.low <= START + lasts <= found.high
    assert abs(found.at - START - lasts) < 5


def test_what_never_comes_back_has_no_end() -> None:
    assert followed(counts(lasts=5000, bins=2600)) is None


def test_two_alarms_of_one_outage_have_one_end() -> None:
    observed = counts(lasts=300, bins=1500)
    for after in (None, 800):
        found = followed(observed, closed=720, after=after)
        assert found is not None
        assert found.low <= START + 300 <= found.high


def test_another_outage_is_another_one() -> None:
    observed = counts(lasts=60, bins=1500)
    observed[800:860] += 30
    found = followed(observed, after=795)
    assert found is not None
    assert found.low <= 660 <= found.high


@pytest.mark.parametrize("left", [1.3, 1.6, 2.0])
def test_a_usual_rate_that_was_known_badly_is_no_outage_that_goes_on(left: float) -> None:
    """After 16 times usual, twice usual is over: what was usual before need not be so hours later."""
    observed = counts(lasts=400, decay=3.0, bins=2600)
    observed[1020:] = np.random.default_rng(3).poisson(left * USUAL, 2600 - 1020)
    found = followed(observed, closed=900)
    assert found is not None
    assert abs(found.at - 1000) < 10


def test_trailing_off_need_not_follow_one_curve() -> None:
    """Exponentials that break off at 5 % were dated minutes late where reports are many: .72 of intervals held."""
    t, held = np.arange(900) - START, []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        width = rng.uniform(10, 40)
        since = np.clip((t - 60) / width, 0, 1)
        excess = 60.0 * (t >= 0) * (np.exp(-3 * since) - np.exp(-3)) / (1 - np.exp(-3))
        found = end(rng.poisson(USUAL + excess).astype(float), last_alarm=670, last=760)
        assert found is not None
        held.append(found.low <= 660 <= found.high)
        assert found.high - found.low < 25
    assert np.mean(held) >= 0.85


def test_an_end_may_come_at_once() -> None:
    """Nothing trails off: exponentials with at least a minute put it before, and no interval held it."""
    held = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        observed = rng.poisson(np.where((np.arange(900) >= START) & (np.arange(900) < 660), 22.0, USUAL)).astype(float)
        found = end(observed, last_alarm=659, last=720)
        assert found is not None
        held += found.low <= 660 <= found.high
    assert held >= 17


def test_reports_outlast_the_outage_by_their_echoes() -> None:
    at, density = np.arange(200.0), np.zeros(200)
    density[120] = 1.0
    shifted = _before_echoes(at, density, 6.0)
    assert shifted.sum() == pytest.approx(1.0)
    assert (at * shifted).sum() == pytest.approx(120 - 6.0, abs=1.0)
    assert shifted[121:].sum() == 0
