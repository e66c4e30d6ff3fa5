"""Ends of simulated outages, where the truth is known; and what is no end."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.errors import SeriesError
from detectors.incidents.ending import EndEstimate, _cubic, estimate_end
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
    assert COVERED[0] <= np.mean(held) <= COVERED[1]
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
