"""Counts that came as counts."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from detectors.errors import StoreError
from detectors.model import CountSeries, SeriesKey
from tests.builders import START
from tests.flows.store.helpers import at, commit, dump, pair

if TYPE_CHECKING:
    from flows.store import Store

KEY = SeriesKey("youtube", "counts", 300)


def series(*values: float | None, minute: float = 0, **fields: Any) -> CountSeries:
    counts = np.array([np.nan if value is None else value for value in values], dtype=float)
    given: dict[str, Any] = {
        "service": "youtube",
        "source": "counts",
        "start_at": at(minute),
        "bin_width_s": 300,
    } | fields
    return CountSeries(**given, observed=counts, raw=counts.copy(), coverage=(~np.isnan(counts)).astype(float))


def values(store: Store) -> list[float]:
    return list(store.series(KEY).observed)


def test_they_come_back_as_they_were(store: Store) -> None:
    given = series(1, None, 0, 2.5, minute=2)
    assert store.commit_counts(given) == KEY
    found = store.series(KEY)
    assert found.start_at == given.start_at
    np.testing.assert_array_equal(found.observed, given.observed)
    np.testing.assert_array_equal(found.raw, given.raw)
    np.testing.assert_array_equal(found.coverage, given.coverage)


def test_again_changes_nothing(store: Store) -> None:
    store.commit_counts(series(1, None, 0, 2))
    store.save_detection(KEY, at=at(20), state={})
    before = dump(store)
    store.commit_counts(series(1, None, 0, 2))
    assert dump(store) == before
    assert store.changed_from(KEY) is None


def test_they_replace_what_was_known_of_that_time(store: Store) -> None:
    store.commit_counts(series(1, 2, 3, 4))
    store.save_detection(KEY, at=at(20), state={})
    store.commit_counts(series(7, None, minute=5))
    np.testing.assert_array_equal(values(store), [1, 7, np.nan, 4])
    assert store.changed_from(KEY) == at(5)


def test_a_count_that_becomes_unknown_is_a_change(store: Store) -> None:
    store.commit_counts(series(0, 0, 0))
    store.save_detection(KEY, at=at(15), state={})
    store.commit_counts(series(None, 0, minute=5))
    np.testing.assert_array_equal(values(store), [0, np.nan, 0])
    assert store.changed_from(KEY) == at(5)


def test_more_of_the_series(store: Store) -> None:
    store.commit_counts(series(1, 2))
    store.save_detection(KEY, at=at(10), state={})
    store.commit_counts(series(3, minute=10))
    assert values(store) == [1, 2, 3]
    assert store.changed_from(KEY) is None


def test_coverage_is_kept(store: Store) -> None:
    given = CountSeries("youtube", "counts", START, 300, np.ones(2), np.ones(2), np.array([1, 0.75]))
    store.commit_counts(given)
    assert store.series(KEY).coverage.tolist() == [1, 0.75]


@pytest.mark.parametrize("shift", [timedelta(seconds=1), timedelta(microseconds=1)])
def test_another_grid_is_refused_whole(store: Store, shift: timedelta) -> None:
    store.commit_counts(series(1, 2))
    before = dump(store)
    with pytest.raises(StoreError, match="bins that start at other seconds"):
        store.commit_counts(series(9, 9, start_at=START + shift))
    assert dump(store) == before


def test_posts_and_counts_do_not_mix(store: Store) -> None:
    commit(store, pair(1))
    with pytest.raises(StoreError, match="imessage from x is already stored, made of posts"):
        store.commit_counts(series(1, service="imessage", source="x", bin_width_s=60))
