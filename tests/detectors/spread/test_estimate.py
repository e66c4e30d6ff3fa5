"""How far an incident reaches, from tables to the record."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

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
