"""How far an incident reaches, from tables to the record."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.json import encode

import detectors
from detectors.errors import InputError, SeriesError

if TYPE_CHECKING:
    from detectors.model.spread import Spread

STATES = ("US-TX", "US-CA", "US-NY", "US-FL", "US-WA")
LANDS = ("DE", "FR", "JP", "IN", "BR", "AU")


def tables(
    factors: dict[str, float], *, usual: float = 40.0, codes: tuple[str, ...] = (*STATES, *LANDS), seed: int = 0
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return an hour in five-minute bins: Poisson counts, ``usual`` voices a region, times its factor."""
    index = pd.date_range("2026-03-04 05:00", periods=12, freq="5min", tz="UTC")
    expected = pd.DataFrame(usual / 12, index=index, columns=list(codes))
    rates = expected * pd.Series({code: factors.get(code, 1.0) for code in codes})
    return pd.DataFrame(np.random.default_rng(seed).poisson(rates).astype(float), index, list(codes)), expected


def judge(factors: dict[str, float], **options: object) -> Spread:
    observed, expected = tables(factors, **options)  # type: ignore[arg-type]
    return detectors.estimate_spread(observed, expected, dispersion=0.05, replicates=199)


def verdicts(spread: Spread) -> dict[str, str]:
    return {region.code: region.verdict for region in spread.regions}


def test_everything_everywhere_is_global() -> None:
    found = judge(dict.fromkeys((*STATES, *LANDS), 5.0))
    assert found.extent == "global"
    assert set(verdicts(found).values()) == {"affected"}
    assert found.affected_share.low > 0.9
    assert found.p_value == 1 / 200


@pytest.mark.parametrize(
    ("hit", "extent"),
    [
        (STATES, "regional"),
        (("US-TX",), "local"),
        (("DE", "FR"), "regional"),
        (("DE", "FR", "JP", "IN"), "multi-regional"),
        (("BR",), "regional"),
        ((), "undetermined"),
    ],
)
def test_the_caption_says_where(hit: tuple[str, ...], extent: str) -> None:
    found = judge(dict.fromkeys(hit, 5.0))
    assert found.extent == extent
    assert {code for code, verdict in verdicts(found).items() if verdict == "affected"} == set(hit)


def test_what_is_not_observed_is_no_data_and_never_zero() -> None:
    observed, expected = tables({"US-TX": 5.0})
    observed["JP"] = np.nan
    found = detectors.estimate_spread(observed, expected, dispersion=0.05, replicates=99)
    japan = next(region for region in found.regions if region.code == "JP")
    assert japan.verdict == "no data"
    assert np.isnan([japan.observed, japan.expected, japan.ratio, japan.probability]).all()


def test_wrong_tables_are_refused() -> None:
    observed, expected = tables({})
    with pytest.raises(SeriesError, match="aware"):
        detectors.estimate_spread(observed.tz_localize(None), expected, dispersion=0.1)
    with pytest.raises(SeriesError, match="same regions"):
        detectors.estimate_spread(observed.drop(columns="JP"), expected, dispersion=0.1)
    with pytest.raises(InputError, match="below 0"):
        detectors.estimate_spread(-1 - observed, expected, dispersion=0.1)


def test_the_order_of_columns_changes_nothing() -> None:
    observed, expected = tables({"US-TX": 4.0, "US-NY": 4.0, "JP": 4.0})
    shuffled = detectors.estimate_spread(
        observed.iloc[:, ::-1], expected[sorted(expected.columns, key=str)], dispersion=0.1, replicates=99
    )
    straight = detectors.estimate_spread(observed, expected, dispersion=0.1, replicates=99)
    assert encode(shuffled) == encode(straight)


def test_the_same_seed_gives_the_same_and_another_does_not_matter_much() -> None:
    observed, expected = tables({"US-TX": 1.6, "DE": 1.3})
    one, again, other = (
        detectors.estimate_spread(observed, expected, dispersion=0.1, replicates=199, seed=seed) for seed in (1, 1, 2)
    )
    assert encode(one) == encode(again)
    assert one.p_value == pytest.approx(other.p_value, abs=0.12)


codes_of = st.lists(st.sampled_from([*STATES, *LANDS, "US", "metro:4726206", "x", "y"]), max_size=8, unique=True)


@given(codes_of, st.integers(1, 6), st.floats(0, 1), st.integers(0, 1000))
@settings(max_examples=40)
def test_whatever_comes_the_record_is_sound(codes: list[str], bins: int, phi: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    index = pd.date_range("2026-03-04 05:00", periods=bins, freq="30min", tz="UTC")
    expected = pd.DataFrame(rng.gamma(0.5, 4.0, (bins, len(codes))), index=index, columns=codes)
    observed = pd.DataFrame(rng.poisson(3 * expected).astype(float), index=index, columns=codes)
    observed = observed.mask(rng.random(observed.shape) < 0.2)
    found = detectors.estimate_spread(observed, expected, dispersion=phi, replicates=19, seed=seed)
    assert 0 < found.p_value <= 1
    assert {region.code for region in found.regions} == set(codes)
    assert index[0] <= found.start_at < found.end_at <= index[-1] + pd.Timedelta("30min")
    share = found.affected_share
    assert np.isnan(share.at) or 0 <= share.low <= share.at <= share.high <= 1
    assert np.isnan(found.untestable_share) or 0 <= found.untestable_share <= 1 + 1e-9
    for region in found.regions:
        if region.verdict == "no data":
            assert observed[region.code].loc[found.start_at : found.end_at].isna().iloc[:-1].all() or bins == 1
        else:
            assert region.expected >= 0
            assert np.isnan(region.ratio) or region.ratio_low <= region.ratio <= region.ratio_high
        assert region.verdict != "affected" or region.probability >= 0.5
        assert (region.order is None) or region.onset is not None


@pytest.mark.parametrize("codes", [("US",), ("shop 7",)])
def test_one_region_is_enough(codes: tuple[str, ...]) -> None:
    assert judge({codes[0]: 6.0}, codes=codes).extent == "regional"
    assert judge({}, codes=codes).extent == "undetermined"


def test_no_region_and_nothing_usual_are_undetermined() -> None:
    observed, expected = tables({})
    none = detectors.estimate_spread(observed[[]], expected[[]], dispersion=0.1, unlocated=3.0)
    assert (none.extent, none.regions, none.unlocated_share) == ("undetermined", (), 1.0)
    nothing = detectors.estimate_spread(observed, expected * 0, dispersion=0.1)
    assert set(verdicts(nothing).values()) == {"too few"}
    unknown = detectors.estimate_spread(observed * np.nan, expected, dispersion=0.1)
    assert set(verdicts(unknown).values()) == {"no data"}
    assert (unknown.p_value, unknown.n_located) == (1.0, 0.0)


def test_unlocated_voices_are_counted_over_the_same_time() -> None:
    observed, expected = tables(dict.fromkeys(LANDS, 4.0))
    located = observed.sum().sum()
    given_at_once, by_bin, unknown, gap = (
        detectors.estimate_spread(observed, expected, dispersion=0.05, replicates=19, unlocated=voices)
        for voices in (located, observed.sum(axis=1), None, observed.sum(axis=1) * np.nan)
    )
    assert given_at_once.n_located == located
    assert given_at_once.unlocated_share == pytest.approx(0.5)
    assert by_bin.unlocated_share == pytest.approx(0.5)
    assert np.isnan([unknown.unlocated_share, gap.unlocated_share]).all()
    with pytest.raises(InputError, match="below 0"):
        detectors.estimate_spread(observed, expected, dispersion=0.1, replicates=1, unlocated=-1.0)
    with pytest.raises(InputError, match="bins"):
        detectors.estimate_spread(observed, expected, dispersion=0.1, replicates=1, unlocated=pd.Series([1.0]))
    with pytest.raises(InputError, match="replicates"):
        detectors.estimate_spread(observed, expected, dispersion=0.1, replicates=0)


def test_the_time_is_found_in_the_hours_before_and_after() -> None:
    rng = np.random.default_rng(4)
    index = pd.date_range("2026-03-04 05:00", periods=72, freq="5min", tz="UTC")
    expected = pd.DataFrame(2.0, index=index, columns=list(LANDS))
    rates = expected.copy()
    rates.iloc[30:54] *= [5.0, 5.0, 1.0, 1.0, 1.0, 1.0]  # Germany and France, 07:30 to 09:30
    observed = pd.DataFrame(rng.poisson(rates).astype(float), index=index, columns=expected.columns)
    found = detectors.estimate_spread(observed, expected, dispersion=0.05, replicates=199)
    assert {region.code for region in found.affected} == {"DE", "FR"}
    assert abs(found.start_at - index[30]) <= pd.Timedelta("10min")
    assert abs(found.end_at - index[54]) <= pd.Timedelta("10min")
    for region in found.affected:
        assert region.onset is not None
        assert region.onset.low_at <= index[30] + pd.Timedelta("5min")
        assert region.onset.high_at >= index[30] - pd.Timedelta("5min")
        assert region.order == 1
    germany = next(region for region in found.regions if region.code == "DE")
    assert germany.ratio_low < 5 < germany.ratio_high
    assert germany.observed == observed["DE"].loc[found.start_at : found.end_at].iloc[:-1].sum()


def test_regions_in_each_other_are_not_counted_twice_and_the_smallest_is_named() -> None:
    observed, expected = tables({"US-TX": 5.0}, usual=60.0)
    observed["US"], expected["US"] = observed[list(STATES)].sum(axis=1) + 5, expected[list(STATES)].sum(axis=1) + 5
    found = detectors.estimate_spread(observed, expected, dispersion=0.05, replicates=199)
    assert found.n_located == observed[["US", *LANDS]].sum().sum()
    assert verdicts(found)["US-TX"] == "affected"
    assert verdicts(found)["US"] == "normal"  # most of its voices are, and there are not twice as many
    assert found.extent == "local"
    assert found.zone == ("US-TX",)
    everywhere = observed.copy()
    everywhere[[*STATES, "US"]] = 5 * expected[[*STATES, "US"]]
    everywhere[list(LANDS)] = expected[list(LANDS)]
    found = detectors.estimate_spread(everywhere, expected, dispersion=0.05, replicates=199)
    assert {region.code for region in found.affected} == {"US", *STATES}
    assert found.extent == "regional"
    assert sum(region.share for region in found.regions if region.code in ("US", *LANDS)) == pytest.approx(1)


def test_too_few_are_heard_from_small_regions_to_tell() -> None:
    index = pd.date_range("2026-03-04 05:00", periods=6, freq="10min", tz="UTC")
    usual = {"US": 60.0, "DE": 20.0, "LU": 0.1, "MT": 0.1, "IS": 0.1}
    expected = pd.DataFrame({code: [voices / 6] * 6 for code, voices in usual.items()}, index=index)
    found = detectors.estimate_spread((expected * [5, 5, 0, 0, 0]).round(), expected, dispersion=0.1, replicates=99)
    assert {code: v for code, v in verdicts(found).items() if v == "too few"}.keys() == {"LU", "MT", "IS"}
    assert found.untestable_share == pytest.approx(0.3 / 80.3)
    assert all(np.isnan(region.probability) for region in found.regions if region.verdict == "too few")


def test_wrong_levels_everywhere_alike_are_no_outage() -> None:
    """Everything half a standard deviation above usual: that is what the error of a fifth allows."""
    _, expected = tables({}, usual=200.0)
    found = detectors.estimate_spread((expected * 1.12).round(), expected, dispersion=0.05, replicates=199)
    assert found.extent == "undetermined"
    assert found.zone == ()
    assert found.affected_share.low == 0
