"""One incident of which no message can be made costs no other its own, and no incident its record."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from detectors.errors import StoreError
from flows.notify import telling
from flows.notify.policy import Route
from flows.notify.telling import Telling, tell
from flows.store import open_store
from tests.flows.store.helpers import KEY, at, incident, step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from detectors.model import Incident
    from flows.notify.message import Message
    from flows.store import Store

ONCALL = Telling((Route("oncall"),))


@pytest.fixture
def store() -> Iterator[Store]:
    with open_store(":memory:") as opened:
        opened.save_detection(
            KEY,
            at=at(30),
            state={},
            incidents=[incident(1), incident(2, onset=12, service="imessage")],
            transitions=[step(1, new="confirmed"), step(2, new="confirmed")],
        )
        yield opened


@pytest.mark.parametrize("is_ours", [True, False])
def test_the_others_are_told(store: Store, monkeypatch: pytest.MonkeyPatch, *, is_ours: bool) -> None:
    whole = telling._Book.message

    def broken(book: telling._Book, one: Incident) -> Message:
        if one.id == "incident-1":
            raise ValueError("canary words of a stranger") if is_ours else StoreError("the disk is full")
        return whole(book, one)

    monkeypatch.setattr(telling._Book, "message", broken)
    lost: list[str] = []
    if not is_ours:
        with pytest.raises(StoreError):
            tell(store, ONCALL, at(30), failed=lambda one, _: lost.append(one.id))
        return
    found = tell(store, ONCALL, at(30), failed=lambda one, _: lost.append(one.id))
    assert lost == ["incident-1"]
    assert [one.incident_id for one in found] == ["incident-2"]
    with pytest.raises(ValueError, match="canary"):
        tell(store, ONCALL, at(30))
