"""What detectors keep: checkpoints, incidents, transitions, and what reports say of them."""

from __future__ import annotations

from datetime import timedelta
from math import inf, isnan, nan
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.strategies import integers, lists, sampled_from, tuples
from sqlalchemy import text

from detectors.errors import StateError
from detectors.model import Batch, CountSeries, Estimate, SeriesKey
from flows.store import Judged, open_store
from tests.flows.store.helpers import KEY, at, commit, dump, incident, pair, span, step

if TYPE_CHECKING:
    from flows.store import Store


def test_nothing_is_there_at_first(store: Store) -> None:
    assert store.checkpoint(KEY) is None
    assert store.changed_from(KEY) is None
    assert store.incident("incident-1") is None
    assert store.open_incidents(KEY) == []
    assert store.transitions_of("incident-1") == ()


def test_a_detection_can_be_read(store: Store) -> None:
    state = {"level": 0.1 + 0.2, "sums": [1, 2.5], "name": "é"}
    store.save_detection(KEY, at=at(30), state=state, incidents=[incident()], transitions=[step()])
    assert store.checkpoint(KEY) == (at(30), state)
    assert store.incident("incident-1") == incident()
    assert store.open_incidents(KEY) == store.incidents_of(KEY) == [incident()]
    assert store.transitions_of("incident-1") == (step(),)
    assert store.open_incidents(SeriesKey("outlook", "x")) == []


def test_the_same_detection_again_changes_nothing(store: Store) -> None:
    for _ in range(2):
        store.save_detection(KEY, at=at(30), state={}, incidents=[incident()], transitions=[step()])
        before = dump(store)
    assert dump(store) == before
    assert len(before["incidents"]) == len(before["transitions"]) == 1


def test_incidents_are_replaced_and_transitions_stay(store: Store) -> None:
    store.save_detection(KEY, at=at(30), state={}, incidents=[incident()], transitions=[step()])
    over = incident(state="resolved", ended=Estimate(at(40), at(38), at(42)), resolved_at=at(60), revision=2)
    resolved = step(revision=2, minute=60, old="confirmed", new="resolved")
    store.save_detection(KEY, at=at(61), state={}, incidents=[over], transitions=[step(reason="other"), resolved])
    assert store.open_incidents(KEY) == []
    assert store.incidents_of(KEY) == [over]
    assert store.transitions_of("incident-1") == (step(), resolved)


def test_incidents_come_by_onset(store: Store) -> None:
    late, early = incident(1, onset=20), incident(2, onset=10)
    store.save_detection(KEY, at=at(30), state={}, incidents=[late, early])
    assert store.incidents_of(KEY) == [early, late]


def test_many_series_at_once(store: Store) -> None:
    keys = [SeriesKey(f"service-{number}", "x") for number in range(3)]
    store.save_detections(Judged(key, at(5), {"of": key.service}) for key in keys)
    store.save_detections([])
    assert [store.checkpoint(key) for key in keys] == [(at(5), {"of": key.service}) for key in keys]


def test_a_state_keeps_nan_and_infinity_apart_from_null(store: Store) -> None:
    store.save_detection(KEY, at=at(1), state={"values": [nan, inf, -inf, None]})
    checkpoint = store.checkpoint(KEY)
    assert checkpoint is not None
    first, *rest = checkpoint[1]["values"]
    assert isnan(first)
    assert rest == [inf, -inf, None]


def test_a_state_that_cannot_be_read_says_so(store: Store) -> None:
    store.save_detection(KEY, at=at(1), state={})
    with store._engine.begin() as connection:
        connection.execute(text("UPDATE checkpoints SET state = :state"), {"state": b"{"})
    with pytest.raises(StateError, match="imessage cannot be read"):
        store.checkpoint(KEY)


def test_facts(store: Store) -> None:
    commit(
        store,
        pair(1, 1, symptoms=("messages",)),
        pair(2, 2, symptoms=("messages", "login")),
        pair(3, 3, author_id="author-1"),
        pair(4, 3, author_id=None),
        pair(5, 3, author_id=None, symptoms=("calls",)),
        pair(6, 3, is_repost=True),
        pair(7, 9),
        pair(8, 3, service="outlook", symptoms=("calls",)),
        observed=(span(0, 10),),
    )
    found = store.facts(KEY, start_at=at(1), end_at=at(9))
    assert (found.n_reports, found.n_authors) == (6, 4)
    assert found.symptoms == (("messages", 2), ("calls", 1), ("login", 1))
    assert found.fields()["symptoms"] == (("messages", 2 / 3), ("calls", 1 / 3), ("login", 1 / 3))
    assert store.facts(KEY, start_at=at(1)).n_reports == 7
    nothing = store.facts(KEY, start_at=at(20))
    assert nothing.fields() == {"n_reports": 0, "n_authors": 0, "symptoms": ()}


def test_incidents_are_found_by_service_and_onset(store: Store) -> None:
    early, late = incident(1, onset=10), incident(2, onset=90)
    store.save_detection(KEY, at=at(100), state={}, incidents=[late, early])
    assert store.find_incidents() == [early, late]
    assert store.find_incidents(service="imessage", start=at(10), end=at(90)) == [early]
    assert store.find_incidents(start=at(11)) == [late]
    assert store.find_incidents(service="outlook") == []


@given(
    spans=lists(tuples(integers(0, 600), integers(1, 200), sampled_from(["imessage", "outlook", None])), max_size=4),
    width_s=sampled_from([60, 90]),
    phase_s=integers(0, 59),
)
@settings(max_examples=25)
def test_series_end_where_reading_them_says(
    spans: list[tuple[int, int, str | None]], width_s: int, phase_s: int
) -> None:
    """Asked of all at once, as of each: seen by itself or with all others, and whatever the grid of its bins is."""
    counted = CountSeries("outlook", "counts", at(0) + timedelta(seconds=phase_s), width_s, *np.ones((3, 4)))
    keys = [SeriesKey(name, source, width_s) for name in ("imessage", "outlook") for source in ("x", "counts")]
    with open_store(":memory:") as store:
        store.commit_counts(counted)
        for number, (start_s, length_s, scope) in enumerate(spans):
            seen = span(start_s / 60, (start_s + length_s) / 60)
            batch = Batch((), str(number), observed=(seen,))
            store.commit("x", f"query {number}", batch, [], bin_width_s=width_s, scope=scope and (scope,))
        every = {key: store.series(key) for key in keys}
        assert store.ends(keys) == {key: one.end_at for key, one in every.items() if len(one)}


def test_what_has_changed_and_where_something_goes_on_is_known_of_all_at_once(store: Store) -> None:
    other = SeriesKey("outlook", "x")
    commit(store, pair(1, 5), pair(2, 5, "outlook"), observed=(span(0, 30),))
    for key in (KEY, other):
        store.series(key)
    store.save_detections([Judged(KEY, at(30), {}, [incident()]), Judged(other, at(30), {})])
    assert store.troubled() == {KEY}
    assert store.changed([KEY, other]) == set()
    commit(store, pair(3, 8, "outlook"), cursor="d")
    assert store.changed([KEY, other]) == {other}
    assert store.changed([KEY]) == set()
    commit(store, pair(4, 9, "outlook"), cursor="e")
    store.save_detection(other, at=at(30), state={})
    assert store.changed([other]) == {other}, "what came in after it was asked is still to be scored"
    store.save_detection(other, at=at(30), state={}, incidents=[])
    store.save_detection(KEY, at=at(31), state={}, incidents=[incident(state="resolved", resolved_at=at(60))])
    assert store.changed([other]) == set()
    assert store.troubled() == set()
