"""Pages of late make the next one harder, in series that page often and are not self-exciting; nothing else does."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.spikes import Bank, Scores
from detectors.spikes.kernel import BURDEN_MAX
from tests.builders import START

PER_DAY = 72


def day(rng: np.random.Generator, *bursts_at: int) -> np.ndarray:
    """Draw a day of 20-min bins, with single bins of ten times the usual."""
    y = rng.poisson(4.0, PER_DAY).astype(float)
    y[list(bursts_at)] = 40
    return y


def scored(days: list[np.ndarray]) -> tuple[Bank, Scores]:
    bank = Bank(1, bin_width_s=1200, start_at=START)
    return bank, bank.run(np.concatenate(days)[np.newaxis]).row(0)


def test_the_page_after_three_within_days_needs_more() -> None:
    rng = np.random.default_rng(1)
    bank, scores = scored([day(rng) for _ in range(4)] + [day(rng, 20, 50), day(rng, 20)])
    assert (scores.page >= 1).sum() == 3
    assert bank._series["burden"][0] == pytest.approx(2.7, abs=0.2)

    spared = Bank.from_state(bank.state())
    spared._series["burden"] = 0.0
    left = bank._series["burden"][0] * 0.5 ** (30 / 72 / 7)  # half of them are forgotten in a week; two are free
    burst = day(rng, 30)[np.newaxis]
    with_burden, without = np.nanmax(bank.run(burst).page), np.nanmax(spared.run(burst).page)
    assert with_burden == pytest.approx(without / (1 + 0.3 * (left - 2)))


def test_two_pages_are_free_and_the_price_has_a_limit() -> None:
    rng = np.random.default_rng(2)
    bank, _ = scored([day(rng) for _ in range(4)] + [day(rng, 20, 50)])
    scores = {}
    burst = day(rng, 30)[np.newaxis]
    for burden in (0.0, 2.0, 6.0, 60.0):
        other = Bank.from_state(bank.state())
        other._series["burden"] = burden
        scores[burden] = np.nanmax(other.run(burst).page)
    assert scores[2.0] == scores[0.0]
    assert scores[60.0] == pytest.approx(scores[0.0] / BURDEN_MAX)
    assert scores[6.0] == pytest.approx(scores[60.0])


def test_a_page_that_stays_up_counts_once_and_only_when_it_is_over() -> None:
    rng = np.random.default_rng(3)
    calm, up = [day(rng) for _ in range(4)], day(rng, *range(30, 40))
    bank, scores = scored([*calm, up[:40]])
    assert (scores.page >= 1).sum() > 5
    assert bank._series["burden"][0] == 0
    bank.run(up[np.newaxis, 40:43])
    assert bank._series["burden"][0] == 1
    bank.run(up[np.newaxis, 43:])
    assert bank._series["burden"][0] == pytest.approx(1, abs=0.05)


def test_pages_of_self_excitation_do_not_count() -> None:
    rng = np.random.default_rng(4)
    bank, _ = scored([day(rng) for _ in range(4)])
    calm = Bank.from_state(bank.state())
    bank._series["sums"][:, :, 2] += 0.6 * bank._series["sums"][:, :, 3]  # squared errors, as self-excited bursts leave
    burst = day(rng, 20)[np.newaxis]
    assert np.nanmax(bank.run(burst).page) >= 1
    assert bank._series["theta"][0, 0] == pytest.approx(1.6, abs=0.2)
    assert bank._series["burden"][0] == 0
    calm.run(burst)
    assert calm._series["burden"][0] > 0.9
