"""The scan: sums over zones, the score, and that chance is chance."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.errors import InputError
from detectors.spread.frames import check
from detectors.spread.geography import coordinates
from detectors.spread.index import Atoms, Regions, build, divide
from detectors.spread.scan import BaselineError, draw, make_blocks, ratio, scan
from detectors.spread.window import best_window
from detectors.spread.zones import make_zones

CODES = ("US", "US-TX", "US-CA", "US-NY", "US-FL", "US-WA", "DE", "FR", "GB", "IT", "JP", "KR", "BR", "shop", "stall")


def parts(codes: tuple[str, ...] = CODES, *, usual: float = 4.0, phi: float = 0.2) -> tuple[Atoms, Regions]:
    index = pd.date_range("2026-03-04", periods=8, freq="10min", tz="UTC")
    expected = pd.DataFrame(usual / 8, index=index, columns=list(codes))
    if "US" in codes:
        expected["US"] = 6 * usual / 8
    frames = check(expected, expected, phi)
    regions = build(frames.codes, None)
    return divide(frames, regions), regions


def test_sums_over_zones_are_the_sums_of_their_regions() -> None:
    atoms, regions = parts()
    zones = make_zones(regions, atoms, atoms.expected.sum(axis=1))
    values = np.random.default_rng(0).random((len(atoms.regions), 3)).astype(np.float32)
    seen = set()
    for piece, sums in enumerate(zones.sums(values)):
        for row, total in enumerate(sums):
            members = zones.regions(piece, row)
            is_rest = piece == 0 and row < len(values) and not atoms.is_leaf[row]
            held = [row] if is_rest else sorted({int(a) for n in members for a in atoms.members[n]})
            np.testing.assert_allclose(total, values[held].sum(axis=0), rtol=1e-5)
            seen.add(tuple(sorted(regions.codes[n] for n in members)))
    assert ("US",) in seen
    assert ("BR", "DE", "FR", "GB", "IT", "JP", "KR", "US", "shop", "stall") in seen  # everything, once
    assert ("JP", "KR") in seen
    assert ("DE", "FR", "GB", "IT") in seen  # Europe
    with pytest.raises(IndexError):
        zones.regions(99, 0)


def test_neighbours_are_the_nearest_on_one_level() -> None:
    atoms, regions = parts(("DE", "FR", "JP", "KR", "BR", "AR"))
    ((here, nearest),) = make_zones(regions, atoms, atoms.expected.sum(axis=1)).near
    pairs = {regions.codes[here[a]]: regions.codes[here[b]] for a, b in nearest[:, :2]}
    assert pairs == {"DE": "FR", "FR": "DE", "JP": "KR", "KR": "JP", "BR": "AR", "AR": "BR"}
    assert coordinates("JP")[1] > 130


def log_nb(count: float, mean: float, size: float) -> float:
    return count * math.log(mean) - (count + size) * math.log(size + mean)


@given(st.floats(0, 500), st.floats(0.05, 300), st.floats(1, 1000))
def test_the_score_is_the_negative_binomial_likelihood_ratio(count: float, usual: float, size: float) -> None:
    arrays = (np.array([[one]], np.float32) for one in (count, usual, size))
    found = float(ratio(*arrays)[0, 0])
    wanted = log_nb(count, count, size) - log_nb(count, usual, size) if count > usual else 0.0
    assert found == pytest.approx(wanted, rel=2e-3, abs=2e-3)


def test_what_is_drawn_has_the_mean_and_the_variance_that_are_said() -> None:
    atoms, regions = parts(("DE", "JP"), usual=40.0)
    blocks = make_blocks(atoms, regions)
    error = BaselineError(0.0, 0.0, 0.1)
    drawn = draw(blocks, error, np.random.default_rng(0), 20_000)[-1]
    usual, beyond = blocks.expected.sum(axis=1), blocks.variance.sum(axis=1)
    np.testing.assert_allclose(drawn.mean(axis=1), usual, rtol=0.02)
    np.testing.assert_allclose(drawn.var(axis=1), usual + beyond + 0.1**2 * usual**2, rtol=0.06)


def test_sparse_regions_are_drawn_like_the_others() -> None:
    atoms, regions = parts(("DE", "JP", "BR"), usual=1.5)
    blocks = make_blocks(atoms, regions)
    drawn = np.diff(draw(blocks, BaselineError.of(0.0, is_nested=False), np.random.default_rng(0), 20_000), axis=0)
    np.testing.assert_allclose(drawn.mean(axis=2).T, blocks.expected, rtol=0.04)


def test_shared_errors_move_everything_together_and_a_family_s_what_is_in_it() -> None:
    atoms, regions = parts(("US", "US-TX", "US-CA", "DE"), usual=4000.0, phi=0.0)
    blocks = make_blocks(atoms, regions)

    def correlation(error: BaselineError, one: str, other: str) -> float:
        drawn = draw(blocks, error, np.random.default_rng(0), 4000)[-1]
        rows = {regions.codes[home]: row for home, row in zip(atoms.regions, drawn, strict=True)}
        return float(np.corrcoef(rows[one], rows[other])[0, 1])

    assert correlation(BaselineError(0.2, 0, 0), "US-TX", "DE") > 0.9
    assert correlation(BaselineError(0, 0.2, 0), "US-TX", "US-CA") > 0.9
    assert abs(correlation(BaselineError(0, 0.2, 0), "US-TX", "DE")) < 0.1
    assert abs(correlation(BaselineError(0, 0, 0.2), "US-TX", "US-CA")) < 0.1


def test_errors_add_up_to_the_total() -> None:
    for is_nested in (False, True):
        error = BaselineError.of(0.2, is_nested=is_nested)
        assert error.total == pytest.approx(0.2)
    with pytest.raises(InputError, match="baseline_error"):
        BaselineError.of(20, is_nested=False)


@pytest.mark.parametrize(("shared", "own"), [(0.2, 0.0), (0.0, 0.2), (0.14, 0.14)])
def test_p_values_are_uniform_where_nothing_happens(shared: float, own: float) -> None:
    """The errors at work are not those that are assumed; 5 % of 300 are 15, and 99.9 % of draws lie in 4 to 30."""
    codes = ("US", "DE", "FR", "GB", "IT", "JP", "KR", "BR", "CA", "MX", "AU", "ES")
    rng = np.random.default_rng(7)
    weights = np.array([40.0, 12, 10, 10, 8, 14, 6, 12, 8, 6, 4, 6])
    index = pd.date_range("2026-03-04", periods=6, freq="20min", tz="UTC")
    p_values = []
    for seed in range(300):
        expected = pd.DataFrame(np.outer(np.full(6, 1 / 6), weights), index=index, columns=list(codes))
        wrong = np.exp(shared * rng.standard_normal() + own * rng.standard_normal(len(codes)))
        rate = expected.to_numpy() * wrong * rng.gamma(5.0, 0.2, expected.shape)
        observed = pd.DataFrame(rng.poisson(rate).astype(float), index=index, columns=list(codes))
        frames = check(observed, expected, 0.2)
        regions = build(frames.codes, None)
        error = BaselineError.of(0.2, is_nested=False)
        found, _ = scan(divide(frames, regions), regions, error, rng=np.random.default_rng(seed), replicates=99)
        assert 0 < found.p_value <= 1
        p_values.append(found.p_value)
    assert 4 <= sum(p <= 0.05 for p in p_values) <= 30
    assert 0.35 < float(np.mean(p_values)) < 0.65


def test_the_time_is_found_where_it_is_a_part() -> None:
    rng = np.random.default_rng(0)
    usual = np.full(300, 2.0)
    raised = usual.copy()
    raised[120:200] *= 4.0
    found = best_window(rng.poisson(raised).astype(float), usual, 0.05 * usual**2)
    assert found[0] == pytest.approx(120, abs=6)
    assert found[1] == pytest.approx(200, abs=6)
    assert best_window(4.0 * usual, usual, 0.05 * usual**2) == (0, 300)
