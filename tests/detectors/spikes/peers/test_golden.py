"""Every peer gives what was published, or what can be worked out by hand (``tests/golden/peers.json``)."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from detectors.spikes.peers import shesd, tails
from detectors.spikes.peers.base import Out
from detectors.spikes.peers.ears import EarsC1, EarsC2, EarsC3
from detectors.spikes.peers.ewma import Ewma
from detectors.spikes.peers.farrington import Farrington
from detectors.spikes.peers.focus import PoissonFocus
from detectors.spikes.peers.gaussian import WindowedGaussian, log_tail
from detectors.spikes.peers.gnip import GnipPoisson
from detectors.spikes.peers.nb_tail import NegBinTail
from tests.builders import START

GOLDEN: dict[str, Any] = json.loads((Path(__file__).resolve().parents[3] / "golden" / "peers.json").read_text("utf-8"))
WIDTH_S, DAY = 1200, 72


def blank(n_bins: int, usual: float, dispersion: float) -> Out:
    """Return an Out of one series whose usual rate is given."""
    expected, phi = np.full((1, n_bins), usual), np.full((1, n_bins), dispersion)
    return Out(expected, phi, np.full((1, n_bins), np.nan), np.ones((1, n_bins), np.int64))


class MontgomeryChart(Ewma):
    WEIGHT = 0.1
    LIMIT = 2.7


def test_ewma_gives_the_published_chart() -> None:
    golden = GOLDEN["ewma"]
    chart = MontgomeryChart(1, bin_width_s=WIDTH_S, start_at=START)
    chart.n_observed[:] = 1000
    chart.memory["smooth"][:] = chart.memory["mean"][:] = 10.0
    chart.memory["weight"][:] = chart.memory["squares"][:] = 1e15  # a target that is known: sd 1
    score = chart.run([golden["observed"]]).page[0]
    limit = 2.7 * math.sqrt(0.1 / 1.9)
    wanted = np.maximum(0.0, (np.array(golden["statistic"]) - 10.0) / limit)
    np.testing.assert_allclose(score, wanted, atol=1e-4)
    assert int(np.argmax(score >= 1)) == golden["first_above_limit"]


def test_ears_by_hand() -> None:
    golden = GOLDEN["ears"]
    y = np.array([golden["cycle"] * golden["repeats"] + golden["then"]], dtype=float)
    c1, c2, c3 = (kind(1, bin_width_s=WIDTH_S, start_at=START).run(y).page[0] for kind in (EarsC1, EarsC2, EarsC3))
    assert 3 * c1[-2] == pytest.approx(golden["c1_of_9"], abs=1e-6)
    np.testing.assert_allclose(3 * c2[-3:], golden["c2"], atol=1e-6)
    assert 2 * c3[-1] == pytest.approx(golden["c3_of_12"], abs=1e-6)


def test_critical_values_of_rosner_and_grubbs() -> None:
    golden = GOLDEN["rosner"]
    found = [shesd.critical(golden["n"], i) for i in range(1, 11)]
    np.testing.assert_allclose(np.floor(1000 * np.array(found)) / 1000, golden["critical"], atol=1e-9)
    assert shesd.critical(10, 1) == pytest.approx(golden["grubbs_10"], abs=2e-3)


def test_quantiles_of_normal_and_student() -> None:
    for p, z in GOLDEN["normal"]["upper"]:
        assert shesd.normal_upper(p) == pytest.approx(z, abs=1e-6)
    for p, freedom, t in GOLDEN["student"]["upper"]:
        assert shesd.student_upper(p, freedom) == pytest.approx(t, abs=1e-4)


def test_esd_by_hand() -> None:
    golden = GOLDEN["esd"]
    *found, anomalies = shesd.esd(np.array(golden["residuals"], dtype=float))
    assert found == pytest.approx([golden["median"], golden["scale"]])
    assert anomalies == golden["anomalies"]


def test_quantiles_of_poisson() -> None:
    for mean, share, wanted in GOLDEN["poisson"]["quantiles"]:
        assert tails.quantile(float(mean), 0.0, 1 - share) == wanted


def test_negative_binomial_tails() -> None:
    for count, mean, wanted in GOLDEN["nb_tail"]["geometric"]:
        assert math.exp(tails.log_tail(float(count), float(mean), 1.0)) == pytest.approx(wanted, rel=1e-12)
    for count, mean, wanted in GOLDEN["nb_tail"]["poisson"]:
        assert math.exp(tails.log_tail(float(count), float(mean), 0.0)) == pytest.approx(wanted, abs=1e-6)


def test_nb_tail_wants_two_of_three() -> None:
    peer = NegBinTail(1, bin_width_s=WIDTH_S, start_at=START)
    out = blank(6, 1.0, 1.0)
    peer._test(np.array([[10.0, 0.0, 20.0, 0.0, 0.0, 0.0]]), out)  # P(Y >= 10) = 2**-10 < .001
    ten = 10 * math.log(2) / math.log(1000)
    np.testing.assert_allclose(out.score[0], [0, 0, ten, 0, 0, 0], atol=1e-12)
    assert ten > 1


def test_focus_by_hand() -> None:
    golden = GOLDEN["focus"]
    peer = PoissonFocus(1, bin_width_s=WIDTH_S, start_at=START)
    count, usual = float(golden["count"]), float(golden["usual"])
    out = blank(4, usual, 0.0)
    peer._test(np.array([[usual, count, count, usual]]), out)
    np.testing.assert_allclose(12.5 * out.score[0], [0, golden["statistic"], 2 * golden["statistic"], 0], atol=1e-5)
    np.testing.assert_array_equal(out.window[0], [1, 1, 2, 1])


def test_farrington_by_hand() -> None:
    golden = GOLDEN["farrington"]
    y = np.repeat([float(level) for level in golden["days"]], 24)
    for count, wanted in golden["exceedance"]:
        peer = Farrington(1, bin_width_s=3600, start_at=START)
        peer.run([y])
        peer.run([[5.0] * 12])
        found = peer.run([[float(count)]])
        assert found.expected[0, 0] == pytest.approx(golden["mean"])
        assert found.page[0, 0] == pytest.approx(wanted)


def test_gnip_by_hand() -> None:
    golden = GOLDEN["gnip"]
    peer = GnipPoisson(1, bin_width_s=WIDTH_S, start_at=START)
    peer.run([[float(golden["usual"])] * DAY])
    assert peer.run([[float(golden["count"])]]).page[0, 0] == golden["eta"]


def test_the_gaussian_alarms_where_the_benchmarks_score_is_one() -> None:
    peer = WindowedGaussian(1, bin_width_s=WIDTH_S, start_at=START)
    peer.run([[8.0, 12.0] * DAY])  # mean 10, sd 2
    for z in (1.0, 4.0, 8.2, 8.4, 40.0):
        again = WindowedGaussian.from_state(peer.state())
        score = again.run([[10 + 2 * z]]).page[0, 0]
        assert (score >= 1) == (1 - 0.5 * math.erfc(z / math.sqrt(2)) == 1.0)
    for p, z in GOLDEN["normal"]["upper"]:
        assert math.exp(log_tail(z)) == pytest.approx(p, rel=1e-5)
    assert log_tail(30.0) == pytest.approx(log_tail(30.0 + 1e-9), rel=2e-3)  # where the asymptote takes over
