"""The analyst's door: what it takes, what it refuses and how it says so, and what it gives."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest

import detectors
from detectors.errors import InputError, SeriesError
from detectors.incidents.detect import COLUMNS, Detection, detect


def made_up(*, freq: str = "20min", bins: int = 400, unit: str = "ns", tz: str = "UTC") -> pd.Series[float]:
    index = pd.date_range("2026-03-02", periods=bins, freq=freq, tz=tz).as_unit(unit)  # type: ignore[arg-type]
    y = np.random.default_rng(0).poisson(4, bins).astype(float)
    y[300:306] += 60
    return pd.Series(y, index=index)


def only(incidents: pd.DataFrame) -> Any:
    """Return the one row there is."""
    (row,) = incidents.itertuples()
    return row


def test_it_is_the_public_name() -> None:
    assert detectors.detect is detect
    assert detectors.Detection is Detection


def test_importing_detectors_loads_nothing_heavy() -> None:
    code = "import sys, detectors; sys.exit(bool({'numpy', 'pandas', 'numba'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_it_finds_the_outage() -> None:
    counts = made_up()
    found = detect(counts)
    assert tuple(found.incidents.columns) == COLUMNS
    row = only(found.incidents)
    onset = counts.index[300]
    assert row.onset_low_at <= row.onset_at <= row.onset_high_at <= row.alarmed_at
    assert abs(row.onset_at - onset) <= pd.Timedelta("20min")
    assert row.alarmed_at == counts.index[301]
    assert counts.index[304] <= row.ended_at <= counts.index[308]
    assert row.score == found.scores.max() > 5
    assert row.peak == counts.iloc[300:306].max()
    assert 2 < row.expected_at_peak < 7
    assert found.severity == "page"
    assert found.learning_until == counts.index[36]
    assert len(found.baseline.expected) == len(counts)
    assert [alarm.alarmed_at for alarm in found.alarms] == [row.alarmed_at]
    (measured,) = found.measures
    assert measured.onset.at == row.onset_at
    assert measured.ended is not None
    assert measured.ended.low_at <= measured.ended.at == row.ended_at <= measured.ended.high_at


def test_scores_are_like_the_counts() -> None:
    counts = made_up()
    counts.iloc[100:103] = np.nan
    scores = detect(counts).scores
    assert scores.index.equals(counts.index)
    assert scores.iloc[:36].isna().all()
    assert scores.iloc[100:103].isna().all()
    assert not scores.iloc[103:].isna().any()
    pd.testing.assert_series_equal(detect(counts.iloc[:250]).scores, scores.iloc[:250], check_freq=False)


def test_what_is_open_has_no_end() -> None:
    found = detect(made_up().iloc[:303])
    row = only(found.incidents)
    assert row.ended_at is pd.NaT
    assert found.alarms[0].is_open


def test_no_incidents_is_an_empty_frame_with_the_same_columns() -> None:
    frame = detect(made_up().iloc[:290]).incidents
    assert frame.empty
    assert {name: str(kind) for name, kind in frame.dtypes.items()} == {
        name: "datetime64[us, UTC]" if name.endswith("_at") else "float64" for name in COLUMNS
    }


def test_dtypes_do_not_depend_on_what_is_found() -> None:
    frames = [detect(made_up().iloc[:bins]).incidents for bins in (290, 303, 400)]
    assert frames[0].dtypes.equals(frames[1].dtypes)
    assert frames[1].dtypes.equals(frames[2].dtypes)


def test_threshold_replaces_the_default() -> None:
    counts = made_up()
    found = detect(counts)
    top = float(found.scores.max())
    assert detect(counts, threshold=2 * top).incidents.empty
    assert len(detect(counts, threshold=top).incidents) == 1
    low = detect(counts, threshold=0.01)
    assert len(low.incidents) > 1
    pd.testing.assert_series_equal(low.scores, found.scores)


def test_watch_sees_no_less_than_page() -> None:
    counts = made_up()
    page, watch = detect(counts), detect(counts, severity="watch")
    assert (watch.scores.dropna() >= page.scores.dropna()).all()
    assert watch.severity == "watch"


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_units_of_the_index_do_not_matter(unit: str) -> None:
    wanted, found = detect(made_up()), detect(made_up(unit=unit))
    np.testing.assert_array_equal(found.scores.to_numpy(), wanted.scores.to_numpy())
    pd.testing.assert_frame_equal(found.incidents, wanted.incidents)


def test_other_zones_are_converted() -> None:
    counts = made_up()
    wanted, found = detect(counts), detect(counts.tz_convert("America/New_York"))
    pd.testing.assert_frame_equal(found.incidents, wanted.incidents)
    assert str(found.scores.index.tz) == "UTC"  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", ["int64", "Int64", "float32", "Float64", "object"])
def test_numbers_of_any_kind(kind: str) -> None:
    counts = made_up()
    found = detect(counts.astype(kind))  # type: ignore[call-overload]
    np.testing.assert_array_equal(found.scores.to_numpy(), detect(counts).scores.to_numpy())


def test_missing_of_any_kind() -> None:
    counts: Any = made_up().astype("Int64")
    counts.iloc[50] = pd.NA
    assert np.isnan(detect(counts).scores.iloc[50])


@pytest.mark.parametrize(("freq", "bins"), [("1s", 600), ("7min", 400), ("1h", 400)])
def test_other_bin_widths(freq: str, bins: int) -> None:
    found = detect(made_up(freq=freq, bins=bins))
    assert len(found.scores) == bins


def test_the_plain_peer_is_behind_the_same_door() -> None:
    assert len(detect(made_up(), detector="plain-count").incidents) == 1


def changed(where: int, value: Any) -> pd.Series[float]:
    counts = made_up()
    counts.iloc[where] = value
    return counts


def relabelled(where: int, by: str) -> pd.Series[float]:
    counts = made_up()
    labels = counts.index.tolist()
    labels[where] += pd.Timedelta(by)
    return counts.set_axis(pd.DatetimeIndex(labels))


REFUSED = {
    "a list": ([1.0, 2.0], "pandas Series"),
    "no times": (pd.Series([1.0, 2.0]), "DatetimeIndex"),
    "naive": (made_up().tz_localize(None), "no zone"),
    "empty": (made_up().iloc[:0], "0 bins"),
    "one bin": (made_up().iloc[:1], "1 bins"),
    "text": (pd.Series(["a", "b"], index=made_up().index[:2]), "must be numbers"),
    "backwards": (made_up().iloc[::-1], "not sorted"),
    "one step back": (relabelled(7, "3h"), r"not sorted.*2026-03-02 02:40"),
    "twice": (pd.concat([made_up().iloc[:5], made_up().iloc[4:9]]), r"twice at 2026-03-02 01:20"),
    "uneven": (relabelled(7, "7min"), r"not evenly spaced at 2026-03-02 02:"),
    "a row missing": (made_up().drop(made_up().index[9]), r"after 2026-03-02 02:40.*asfreq\('1200s'\)"),
    "no time": (made_up().set_axis(made_up().index.where(np.arange(400) != 3)), "NaT.*row 3"),
    "too many": (changed(5, 2e9), r"a count above 1e\+09 at 2026-03-02 01:40"),
    "negative": (changed(5, -1.0), r"below 0 at 2026-03-02 01:40"),
    "infinite": (changed(5, np.inf), r"infinite count at 2026-03-02 01:40"),
    "half a second": (made_up(freq="500ms"), "0.5 s"),
    "a second and a half": (made_up(freq="1500ms"), "1.5 s"),
    "two hours": (made_up(freq="2h"), "7200 s"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_used_is_refused_with_a_reason(case: str) -> None:
    counts, message = REFUSED[case]
    with pytest.raises(SeriesError, match=message):
        detect(counts)


def test_the_advice_for_a_missing_row_works() -> None:
    counts = made_up()
    broken = counts.drop(counts.index[9])
    assert len(detect(broken.asfreq("1200s")).scores) == len(counts)


@pytest.mark.parametrize(
    "arguments",
    [
        {"severity": "loud"},
        {"threshold": 0.0},
        {"threshold": float("nan")},
        {"threshold": float("inf")},
        {"detector": "magic"},
    ],
)
def test_other_arguments_are_checked(arguments: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        detect(made_up(), **arguments)
