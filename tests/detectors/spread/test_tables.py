"""What is given: tables, the tree of regions, the atoms it consists of."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.errors import InputError, SeriesError
from detectors.spread.frames import check
from detectors.spread.geography import continent, coordinates, country, known_codes, usual_parent
from detectors.spread.index import build, divide

INDEX = pd.date_range("2026-03-04 05:00", periods=4, freq="15min", tz="UTC")


def table(**columns: list[float] | float) -> pd.DataFrame:
    return pd.DataFrame({code.replace("_", "-"): values for code, values in columns.items()}, index=INDEX, dtype=float)


ONES = table(US=3.0, US_TX=1.0, US_CA=1.0)


@pytest.mark.parametrize(
    ("observed", "expected", "says"),
    [
        ([1, 2], ONES, "must be a DataFrame"),
        (ONES.tz_localize(None), ONES, "aware times"),
        (ONES.reset_index(drop=True), ONES, "aware times"),
        (ONES.iloc[:0], ONES.iloc[:0], "no rows"),
        (ONES.iloc[[0, 1, 3]], ONES.iloc[[0, 1, 3]], "evenly spaced"),
        (ONES.iloc[::-1], ONES.iloc[::-1], "ascending"),
        (ONES.set_axis([*INDEX[:3], pd.NaT]), ONES, "NaT"),
        (ONES.iloc[:2], ONES, "same bins"),
        (ONES.drop(columns="US"), ONES, "'US'"),
        (pd.concat([ONES, ONES], axis=1), ONES, "twice"),
    ],
)
def test_tables_that_do_not_fit_are_refused(observed: pd.DataFrame, expected: pd.DataFrame, says: str) -> None:
    with pytest.raises(SeriesError, match=says):
        check(observed, expected, 0.1)


@pytest.mark.parametrize(
    ("observed", "dispersion", "says"),
    [
        (-ONES, 0.1, "below 0"),
        (ONES * np.inf, 0.1, "infinite"),
        (ONES.astype(object).replace(3.0, "three"), 0.1, "not a number"),
        (ONES, -0.1, "dispersion"),
        (ONES, float("nan"), "dispersion"),
        (ONES, pd.Series({"US": 0.1}), "nothing for 'US-CA'"),
        (ONES, ONES.iloc[:2], "bins and regions"),
    ],
)
def test_values_that_cannot_be_are_refused(observed: pd.DataFrame, dispersion: float, says: str) -> None:
    with pytest.raises(InputError, match=says):
        check(observed, ONES, dispersion)


def test_dispersion_comes_in_three_forms() -> None:
    by_region = pd.Series({"US": 0.3, "US-TX": np.nan, "US-CA": 0.1})
    assert (check(ONES, ONES, 0.2).dispersion == 0.2).all()
    found = check(ONES, ONES, by_region)
    assert found.codes == ("US", "US-CA", "US-TX")
    assert found.dispersion[:, 0].tolist() == pytest.approx([0.3, 0.1, 0.2])  # the median where it is not known
    assert check(ONES, ONES, ONES / 10).dispersion[0, 0] == pytest.approx(0.3)


def test_times_are_told_in_utc_whatever_their_zone_and_order_of_columns() -> None:
    there = ONES.tz_convert("Asia/Tokyo")
    found = check(there[["US-TX", "US", "US-CA"]], there, 0.1)
    assert found.start == INDEX[0]
    assert found.at(1.5) == INDEX[1] + pd.Timedelta("7min30s")


def test_a_lone_bin_has_the_width_of_its_frequency_or_a_minute() -> None:
    assert check(ONES.iloc[:1], ONES.iloc[:1], 0.1).width == pd.Timedelta("15min")
    bare = ONES.iloc[:1].set_axis(pd.DatetimeIndex([INDEX[0]]))
    assert check(bare, bare, 0.1).width == pd.Timedelta("1min")


def test_every_country_has_a_continent_and_nearly_all_have_coordinates() -> None:
    countries, parts, _ = known_codes()
    assert [code for code in countries if continent(code) is None] == ["AN", "CS"]  # which are no more
    assert {code for code in countries if not np.isfinite(coordinates(code)).all()} < {
        *["AN", "AQ", "BV", "CC", "CS", "CX", "GS", "HM", "IO", "NF", "PN", "SJ", "TF", "TK", "UM", "VA"]
    }  # fmt: skip
    north, east = coordinates("NZ")
    assert -48 < north < -34
    assert 166 < east < 179
    assert sum(np.isfinite(coordinates(code)[0]) for code in parts) > 0.8 * len(parts)


@pytest.mark.parametrize(
    ("code", "home", "up"),
    [
        ("US", "US", None),
        ("GB-ENG", "GB", "GB"),
        ("metro:4726206", "US", "US-TX"),
        ("zip3:US-782", "US", "US-TX"),
        ("zip3:US-999", "US", "US-AK"),
        ("metro:1", None, None),
        ("QQ", None, None),
        ("store 12", None, None),
    ],
)
def test_codes_say_what_they_lie_in(code: str, home: str | None, up: str | None) -> None:
    assert country(code) == home
    assert usual_parent(code) == up


def test_parents_are_the_nearest_that_are_there() -> None:
    found = build(("US", "metro:4726206", "zip3:US-782", "x"), None)
    assert found.parents.tolist() == [-1, 0, 0, -1]
    assert found.levels == ("country", "metro", "zip3", "depth 0")
    assert found.families == ("US", "US", "US", "x")
    assert found.continents == ("North America",) * 3 + ("",)


def test_an_index_may_be_a_mapping_or_a_table() -> None:
    codes = ("a", "b", "c", "US-TX")
    by_mapping = build(codes, {"b": "a", "c": "b", "US-TX": None})
    assert by_mapping.parents.tolist() == [-1, 0, 1, -1]
    rows = {"parent": ["a", "b", np.nan, ""], "lat": [1.0, np.nan, 3.0, 4.0], "lon": [5.0, 6.0, 7.0, 8.0]}
    by_table = build(codes, pd.DataFrame(rows, index=["b", "c", "a", "US-TX"]))
    assert by_table.parents.tolist() == [-1, 0, 1, -1]
    assert by_table.places[[0, 1, 3]].tolist() == [[3.0, 7.0], [1.0, 5.0], [4.0, 8.0]]
    assert np.isnan(by_table.places[2]).all()
    assert build(codes, pd.DataFrame({"parent": ["a"]}, index=["b"])).parents.tolist() == [-1, 0, -1, -1]


@pytest.mark.parametrize("index", [{"a": "a"}, {"a": "b", "b": "a"}, ["a"]])
def test_circles_and_other_kinds_of_index_are_refused(index: object) -> None:
    with pytest.raises(InputError, match="region_index"):
        build(("a", "b"), index)  # type: ignore[arg-type]


def test_nobody_is_counted_twice() -> None:
    observed = table(US=10.0, US_TX=4.0, **{"metro:4726206": 3.0, "metro:4699066": 0.5, "zip3:US_782": 2.0}, DE=1.0)
    frames = check(observed, observed, 0.1)
    regions = build(frames.codes, None)
    atoms = divide(frames, regions)
    main = ~atoms.is_side
    assert atoms.observed[main].sum(axis=0).tolist() == [11.0] * 4
    by_code = {code: atoms.observed[atoms.members[n], 0].sum() for n, code in enumerate(frames.codes)}
    assert by_code == observed.iloc[0].to_dict()
    beside = [frames.codes[n] for n in atoms.regions[atoms.is_side]]
    assert beside == ["zip3:US-782"]  # the metros hold more of Texas than the ZIP areas


def test_what_is_not_observed_of_a_part_counts_to_the_rest() -> None:
    observed = table(US=[5.0, 5.0, np.nan, 5.0], US_TX=[3.0, np.nan, 3.0, 9.0])
    frames = check(observed, table(US=5.0, US_TX=3.0), 0.1)
    atoms = divide(frames, build(frames.codes, None))
    rest = atoms.observed[~atoms.is_leaf][0]
    assert rest.tolist() == [2.0, 5.0, 0.0, 0.0]  # never below 0
    assert atoms.expected[~atoms.is_leaf][0].tolist() == [2.0, 5.0, 0.0, 2.0]


@given(st.lists(st.sampled_from(known_codes()[0] + known_codes()[1][:200]), min_size=1, max_size=30, unique=True))
def test_every_region_has_atoms_and_the_top_has_all(codes: list[str]) -> None:
    frame = pd.DataFrame(1.0, index=INDEX, columns=codes)
    frames = check(frame, frame, 0.1)
    regions = build(frames.codes, None)
    atoms = divide(frames, regions)
    assert all(len(members) for members in atoms.members)
    tops = np.concatenate([atoms.members[n] for n in range(len(codes)) if regions.parents[n] < 0])
    assert sorted(tops.tolist()) == np.flatnonzero(~atoms.is_side).tolist()
