"""Every peer gives what its slow twin gives."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.spikes.peers import focus, shesd, tails
from detectors.spikes.peers.base import Out, Peer
from detectors.spikes.peers.ears import EarsC1, EarsC2, EarsC3
from detectors.spikes.peers.ewma import Ewma
from detectors.spikes.peers.farrington import Farrington
from detectors.spikes.peers.focus import PoissonFocus
from detectors.spikes.peers.gaussian import WindowedGaussian
from detectors.spikes.peers.gnip import GnipPoisson, eta
from detectors.spikes.peers.nb_tail import NegBinTail
from tests.builders import START
from tests.detectors.spikes.peers import twins

WIDTHS = (300, 1200, 3600)
FIRST_DAY = int(START.timestamp()) // 86_400


def counts(width_s: int, days: float, *, rate: float = 4.0, seed: int = 0) -> np.ndarray:
    """Return counts with a rhythm, gaps, and an outage on the last day."""
    rng = np.random.default_rng(seed)
    n = int(days * 86_400 / width_s)
    rhythm = 1 + 0.7 * np.sin(2 * np.pi * np.arange(n) * width_s / 86_400)
    y = rng.negative_binomial(5, 1 / (1 + rate * rhythm / 5)).astype(float)
    y[-30:-20] += 5 * rate
    y[rng.random(n) < 0.05] = np.nan
    y[n // 3 : n // 3 + 20] = np.nan
    return y


def scores(kind: type[Peer], y: np.ndarray, width_s: int) -> np.ndarray:
    """Return what a peer says of one series."""
    return np.asarray(kind(1, bin_width_s=width_s, start_at=START).run(y[np.newaxis]).page[0])


def assert_agree(found: np.ndarray, wanted: np.ndarray, *, tolerance: float = 1e-9) -> None:
    """Equal where the peer has warmed up; the twin never keeps quiet, and goes below 0."""
    known = ~np.isnan(found)
    assert known.sum() > 20
    np.testing.assert_allclose(found[known], np.maximum(0.0, wanted[known]), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("width_s", WIDTHS)
@pytest.mark.parametrize(("kind", "guard", "is_sum"), [(EarsC1, 0, False), (EarsC2, 2, False), (EarsC3, 2, True)])
def test_ears(kind: type[Peer], guard: int, is_sum: bool, width_s: int) -> None:  # noqa: FBT001
    y = counts(width_s, 3)
    unit = max(1, 1200 // width_s)
    assert_agree(scores(kind, y, width_s), twins.ears(y, unit, guard, is_sum=is_sum))


@pytest.mark.parametrize("width_s", WIDTHS)
def test_ewma(width_s: int) -> None:
    y = counts(width_s, 3)
    assert_agree(scores(Ewma, y, width_s), twins.ewma(y, width_s, 0.25, 2.998))


def test_gaussian_beyond_a_full_window() -> None:
    y = counts(600, 52, rate=50)
    assert (~np.isnan(y)).sum() > 6400 + 300
    assert_agree(scores(WindowedGaussian, y, 600), twins.gaussian(y))


@pytest.mark.parametrize("width_s", WIDTHS)
def test_gnip(width_s: int) -> None:
    y = counts(width_s, 32 if width_s == 3600 else 3)
    wanted = eta(*(part[np.newaxis] for part in twins.gnip(y, width_s)))[0]
    found = scores(GnipPoisson, y, width_s)
    assert_agree(found, wanted)
    first_day = 86_400 // width_s
    np.testing.assert_array_equal(np.isnan(found[first_day:]), np.isnan(wanted[first_day:]) | np.isnan(y[first_day:]))


@pytest.mark.parametrize("rate", [0.05, 3.0, 40.0])
def test_focus_is_the_search_over_every_beginning(rate: float) -> None:
    y = counts(1200, 3, rate=rate)
    y[-60:-56] = 20 * rate + 5
    usual = rate * (1 + 0.3 * np.sin(np.arange(len(y))))
    usual[:5] = np.nan
    found = Out(usual[np.newaxis], usual[np.newaxis], np.full((1, len(y)), np.nan), np.ones((1, len(y)), np.int64))
    PoissonFocus(1, bin_width_s=1200, start_at=START)._test(y[np.newaxis], found)
    np.testing.assert_allclose(found.score[0], twins.focus(y, usual), rtol=1e-9, atol=1e-9)
    assert (found.score[0] > 1).any()


def test_focus_keeps_so_many_beginnings_and_no_more() -> None:
    y = np.geomspace(20.0, 400.0, 3 * focus.MAX_CANDIDATES)[np.newaxis]  # a ratio that rises: every tau counts
    out = Out(np.full(y.shape, 10.0), y.copy(), np.full(y.shape, np.nan), np.ones(y.shape, np.int64))
    peer = PoissonFocus(1, bin_width_s=60, start_at=START)
    peer._test(y, out)
    assert abs(peer.memory["size"][0]) == focus.MAX_CANDIDATES
    assert (np.diff(out.score[0]) > 0).all()


def test_nb_tail() -> None:
    y = counts(1200, 4)
    peer = NegBinTail(1, bin_width_s=1200, start_at=START)
    found = peer.run(y[np.newaxis])
    mu, phi = found.expected[0], found.dispersion[0]
    known = ~np.isnan(y) & ~np.isnan(mu)
    tail = np.full(len(y), np.nan)
    for b in np.flatnonzero(known):
        tail[b] = math.log(twins.nb_tail(int(y[b]), mu[b], phi[b])) / math.log(0.001)
    assert_agree(found.page[0], twins.two_of_three(tail), tolerance=1e-6)
    assert (found.page[0] > 1).any()


@given(
    count=st.integers(0, 60),
    mu=st.floats(0.01, 40),
    phi=st.floats(0.003, 2),
)
def test_tails_are_sums_of_probabilities(count: int, mu: float, phi: float) -> None:
    found = math.exp(tails.log_tail(float(count), mu, phi))
    assert found == pytest.approx(twins.nb_tail(count, mu, phi), rel=1e-6, abs=1e-11)


@given(mu=st.floats(0, 300), phi=st.one_of(st.just(0.0), st.floats(0.003, 1)), upper=st.floats(1e-6, 0.999))
def test_a_quantile_is_the_first_count_that_is_rarely_passed(mu: float, phi: float, upper: float) -> None:
    k = tails.quantile(mu, phi, upper)
    assert k >= 0
    assert k == int(k)
    assert tails.log_tail(k + 1, mu, phi) <= math.log(upper)
    if k > 0:
        assert tails.log_tail(k, mu, phi) > math.log(upper)


def test_tails_far_out_and_at_the_edges() -> None:
    assert tails.log_tail(0.0, 3.0, 0.1) == 0.0
    assert tails.log_tail(1.0, 0.0, 0.1) == -math.inf
    assert tails.log_tail(1e6, 1e6, 0.0) == pytest.approx(math.log(0.5), abs=1e-3)
    assert tails.log_tail(2e6, 1e6, 0.0) == pytest.approx(1e6 - 2e6 * math.log(2), rel=1e-4)  # Chernoff's exponent
    assert tails.log_tail(4.0, 3.0, 1e-8) == pytest.approx(tails.log_tail(4.0, 3.0, 2e-7), rel=1e-5)


@given(st.lists(st.integers(-20, 60), min_size=10, max_size=80))
def test_esd(values: list[int]) -> None:
    residuals = np.sort(np.array(values, dtype=float)) / 4
    *found, anomalies = shesd.esd(residuals)
    *wanted, expected_anomalies = twins.esd(residuals, shesd.critical)
    assert found == pytest.approx(wanted)
    assert anomalies == expected_anomalies


@pytest.mark.parametrize("width_s", WIDTHS)
def test_shesd(width_s: int) -> None:
    """The newest bin against what the test leaves of the window, as it was at the last refit."""
    y = counts(width_s, 16)
    found = scores(shesd.Shesd, y, width_s)
    every, per_day = max(1, 600 // width_s), 86_400 // width_s
    for b in (len(y) - 25, 15 * per_day + 3, per_day + per_day // 2 + 2):
        if np.isnan(y[b]):
            continue
        due = b // (per_day // 4) * (per_day // 4)
        kept = np.arange(0, due, every)[-14 * per_day // every :]
        kept = kept[~np.isnan(y[kept])]
        hour = kept * width_s % 86_400 // 3600
        usual = np.array(
            [np.median(y[kept[hour == h]]) if (hour == h).any() else np.median(y[kept]) for h in range(24)]
        )
        centre, scale, n = twins.esd(y[kept] - usual[hour], shesd.critical)
        r = y[b] - usual[b * width_s % 86_400 // 3600] - centre
        assert found[b] == pytest.approx(max(0.0, r / scale / shesd.critical(len(kept) + 1, n + 1)))
    assert (found[-30:-20] > 1).any()


@pytest.mark.parametrize(("width_s", "days"), [(300, 5), (1200, 32), (3600, 32), (3600, 4)])
def test_farrington(width_s: int, days: int) -> None:
    y = counts(width_s, days, rate=6 * width_s / 1200)
    found = Farrington(1, bin_width_s=width_s, start_at=START).run(y[np.newaxis])
    slot = max(1800, width_s)
    for b in range(2 * 86_400 // width_s, len(y), len(y) // 23):
        first = -(-(b * width_s // slot * slot) // width_s)  # of its slot: then it was fitted
        past = np.where(np.arange(len(y)) < first, y, np.nan)
        mean, phi = twins.farrington(past, width_s, b, FIRST_DAY)
        assert found.expected[0, b] == pytest.approx(mean, rel=1e-5)
        assert found.dispersion[0, b] == pytest.approx((phi - 1) / mean, rel=1e-4, abs=1e-6)


def test_farrington_wants_five_cases() -> None:
    y = np.zeros((1, 5 * 24))
    y[0, -1] = 4.0
    assert Farrington(1, bin_width_s=3600, start_at=START).run(y).page[0, -1] == 0.0
    y[0, -1] = 5.0
    assert Farrington(1, bin_width_s=3600, start_at=START).run(y).page[0, -1] == 5.0


def test_farrington_says_nothing_without_references() -> None:
    y = np.full((1, 4 * 24), 3.0)
    y[0, 24:48] = np.nan
    scored = Farrington(1, bin_width_s=3600, start_at=START).run(y)
    assert np.isnan(scored.page[0, :23]).all()  # the first slots of the day are within 3 of its last, a day before
    assert not np.isnan(scored.page[0, 48:]).any()
