"""What detectors keep: checkpoints, incidents, transitions, and what reports say of them."""

from __future__ import annotations

from math import inf, isnan, nan
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from detectors.errors import StateError
from detectors.model import Estimate, SeriesKey
from flows.store import Judged
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
