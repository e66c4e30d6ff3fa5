"""Silences hold from their beginning to their end; the last acknowledgement counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from detectors.errors import InputError
from flows.store import Ack, Silence
from tests.flows.store.helpers import at

if TYPE_CHECKING:
    from flows.store import Store


def silence(name: str = "a", starts: float = 10, ends: float = 20) -> Silence:
    matchers = {"service": ("imessage", "slack"), "region": ("US",)}
    return Silence(
        id=name,
        created_at=at(0),
        starts_at=at(starts),
        ends_at=at(ends),
        matchers=matchers,
        comment="maintenance\x00",
        author="Ann",
    )


def test_a_silence_holds_for_its_time(store: Store) -> None:
    store.add_silence(silence())
    store.add_silence(silence("b", 15, 30))
    store.add_silence(silence(ends=1000))
    found = {minute: [one.id for one in store.silences(at(minute))] for minute in (9, 10, 15, 20, 30)}
    assert found == {9: [], 10: ["a"], 15: ["a", "b"], 20: ["b"], 30: []}
    (one, _) = store.silences()
    assert one.matchers == silence().matchers
    assert (one.comment, one.author, one.created_at) == ("maintenance\ufffd", "Ann", at(0))


def test_a_silence_is_ended(store: Store) -> None:
    store.add_silence(silence())
    assert store.expire_silence("a", at(12))
    assert not store.expire_silence("a", at(15)), "it has ended"
    assert not store.expire_silence("b", at(15))
    assert store.silences(at(12)) == []
    assert store.silences()[0].ends_at == at(12)


def test_a_silence_that_ends_before_it_begins_is_refused(store: Store) -> None:
    with pytest.raises(InputError, match="ends after"):
        store.add_silence(silence(starts=20, ends=20))


def test_an_incident_is_acknowledged_and_not(store: Store) -> None:
    store.ack("incident-1", at(1), "Ann")
    store.ack("incident-1", at(2), "Bob", "on it")
    assert store.acks() == {"incident-1": Ack("incident-1", at(2), "Bob", "on it")}
    assert store.unack("incident-1")
    assert not store.unack("incident-1")
    assert store.acks() == {}
