"""The outbox: written with its reason, leased by one, delivered in order, and never told twice under two ids."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from detectors.errors import InputError, StoreError
from flows.store import Judged, Outgoing, Setback, Store, open_store
from flows.store.leasing import NEVER_FIRED, OVERTAKEN
from tests.flows.store.helpers import KEY, at, commit, incident, pair, step

if TYPE_CHECKING:
    from detectors.model import Incident
    from flows.store import Leased


def message(
    revision: int = 1, status: Any = "firing", *, receiver: str = "oncall", number: int = 1, **fields: Any
) -> Outgoing:
    given: dict[str, Any] = {
        "id": f"{receiver}-{number}-{revision}",
        "receiver": receiver,
        "incident_id": f"incident-{number}",
        "revision": revision,
        "status": status,
        "body": b'{"sentence":"It is down"}',
        "created_at": at(revision),
    }
    return Outgoing(**(given | fields))


def resolved(revision: int = 2, **fields: Any) -> Outgoing:
    return message(revision, "resolved", **fields)


def lease(store: Store, minute: float = 10, **fields: Any) -> list[Leased]:
    given: dict[str, Any] = {"now": at(minute), "lease_s": 60, "limit": 10, "owner": "worker"}
    return store.lease(**(given | fields))


def send(store: Store, minute: float = 10, **fields: Any) -> list[str]:
    """Deliver what is due; return the ids."""
    taken = lease(store, minute, **fields)
    assert all(store.delivered(one.id, one.owner, at(minute)) for one in taken)
    return [one.id for one in taken]


def states(store: Store) -> dict[str, str]:
    return {one.id: one.state for one in store.deliveries()}


def errors(store: Store) -> dict[str, str | None]:
    return {one.id: one.last_error for one in store.deliveries()}


def kill(store: Store, minute: float = 10) -> list[str]:
    """Give up what is due; return the ids."""
    taken = lease(store, minute)
    assert all(store.dead(one.id, one.owner, at(minute), "it answered 400") for one in taken)
    return [one.id for one in taken]


def test_a_message_is_written_with_its_reason(store: Store) -> None:
    judged = Judged(KEY, at(5), {}, (incident(),), (step(),), (message(), message(receiver="chat")))
    for _ in range(2):
        store.save_detections([judged])
    told = store.told(["incident-1", "incident-2"])
    assert {name: [one.id for one in rows] for name, rows in told["incident-1"].items()} == {
        "oncall": ["oncall-1-1"],
        "chat": ["chat-1-1"],
    }
    assert list(told) == ["incident-1"]
    assert told["incident-1"]["oncall"][0].body == message().body


def test_without_the_reason_there_is_no_message(store: Store) -> None:
    broken = Judged(KEY, at(5), {}, (incident(),), (step(),), (message(body=None),))
    with pytest.raises(StoreError):
        store.save_detections([broken])
    assert not store.incidents_of(KEY)
    assert not store.deliveries()


def test_what_is_there_stays(store: Store) -> None:
    assert store.enqueue([message(), message(2)]) == 2
    assert store.enqueue([message(body=b"{}"), message(id="another id"), message(3)]) == 1
    assert [one.body for one in store.deliveries()][-1] == message().body
    assert store.enqueue([]) == 0


def test_one_at_a_time_of_an_incident_and_receiver(store: Store) -> None:
    store.enqueue([resolved(), message(), message(receiver="chat"), message(number=2)])
    taken = lease(store)
    assert sorted(one.id for one in taken) == ["chat-1-1", "oncall-1-1", "oncall-2-1"]
    assert lease(store) == []
    first = next(one for one in taken if one.id == "oncall-1-1")
    assert (first.attempt, first.trying_since, first.leased_until) == (1, at(10), at(11))
    assert store.delivered(first.id, first.owner, at(10))
    assert [one.id for one in lease(store)] == ["oncall-1-2"]


def test_a_lease_is_asked_for_some_receivers_and_for_so_many(store: Store) -> None:
    store.enqueue([message(number=number, receiver=name) for number in range(3) for name in ("a", "b")])
    assert {one.receiver for one in lease(store, receivers=["a"])} == {"a"}
    assert lease(store, receivers=[]) == []
    assert len(lease(store, limit=2)) == 2


def test_not_before_its_time(store: Store) -> None:
    store.enqueue([message(not_before=at(20))])
    assert lease(store, 19.9) == []
    assert store.next_due(at(1), ["oncall"]) == at(20)
    assert send(store, 20) == ["oncall-1-1"]
    assert store.next_due(at(10), ["oncall"]) is None


def test_a_lease_that_ran_out_is_taken_over(store: Store) -> None:
    store.enqueue([message()])
    (first,) = lease(store, 10)
    assert lease(store, 10.9, owner="other") == []
    assert store.next_due(at(10), ["oncall"]) == at(11)
    (second,) = lease(store, 11, owner="other")
    assert second.attempt == 2
    assert not store.delivered(first.id, first.owner, at(11))
    assert not store.failed(first.id, first.owner, Setback(at=at(11), error="no", not_before=at(12)))
    assert not store.dead(first.id, first.owner, at(11), "no")
    assert store.receiver_states()[0].failing_since is None
    asks = Setback(at=at(11), error="busy", not_before=at(12), receiver_not_before=at(30))
    assert not store.failed(first.id, first.owner, asks)
    assert store.receiver_states()[0].not_before == at(30), "that it said of itself"
    assert store.delivered(second.id, second.owner, at(12))
    assert not store.delivered(second.id, second.owner, at(12)), "it is marked"


def test_leases_of_one_worker_are_told_apart(store: Store) -> None:
    store.enqueue([message()])
    (first,) = lease(store, 10)
    (second,) = lease(store, 12)
    assert not store.delivered(first.id, first.owner, at(12))
    assert store.delivered(second.id, second.owner, at(12))


def test_a_lease_that_ran_out_and_nobody_took_may_be_marked(store: Store) -> None:
    store.enqueue([message()])
    (first,) = lease(store, 10)
    assert store.delivered(first.id, first.owner, at(30))


def fail(store: Store, minute: float, **fields: Any) -> None:
    for one in lease(store, minute):
        given: dict[str, Any] = {"at": at(minute), "error": "no answer", "not_before": at(minute + 5)}
        assert store.failed(one.id, one.owner, Setback(**(given | fields)))


def test_what_failed_is_tried_again_later(store: Store) -> None:
    store.enqueue([message(), resolved()])
    fail(store, 10)
    assert lease(store, 14.9) == [], "the later one waits for it"
    assert store.next_due(at(14), ["oncall"]) == at(15)
    fail(store, 15, error="x" * 1000)
    (one,) = store.deliveries(state="pending", limit=5, receiver="oncall", incident_id="incident-1")[1:]
    assert (one.attempts, one.trying_since, len(one.last_error or "")) == (2, at(10), 300)
    (state,) = store.receiver_states()
    assert (state.failing_since, state.last_ok_at, state.n_pending) == (at(10), None, 2)
    assert send(store, 20) == ["oncall-1-1"]
    assert send(store, 20) == ["oncall-1-2"]
    (state,) = store.receiver_states()
    assert (state.failing_since, state.last_ok_at, state.n_pending) == (None, at(20), 0)


def test_a_receiver_is_left_alone_as_long_as_it_asked(store: Store) -> None:
    store.enqueue([message(), message(number=2), message(receiver="chat")])
    for one in lease(store, limit=1, receivers=["oncall"]):
        store.failed(one.id, one.owner, Setback(at=at(10), error="429", not_before=at(31), receiver_not_before=at(30)))
    (one,) = lease(store, 10, receivers=["chat", "oncall"])
    assert one.receiver == "chat"
    assert store.next_due(at(10), ["oncall"]) == at(30)
    assert [one.id for one in lease(store, 30, receivers=["oncall"])] == ["oncall-2-1"]


def test_what_a_receiver_asked_for_is_not_made_shorter(store: Store) -> None:
    store.enqueue([message(), message(number=2)])
    for one, until in zip(lease(store), (50, 20), strict=True):
        store.failed(
            one.id, one.owner, Setback(at=at(10), error="429", not_before=at(20), receiver_not_before=at(until))
        )
    assert lease(store, 49) == []
    assert len(lease(store, 50)) == 2


def test_a_receiver_that_is_gone_gets_nothing_and_loses_nothing(store: Store) -> None:
    store.enqueue([message(), message(number=2)])
    (one, _) = lease(store)
    store.failed(one.id, one.owner, Setback(at=at(10), error="it is gone (410)", is_gone=True))
    assert lease(store, 600) == []
    assert store.next_due(at(10), ["oncall"]) is None
    (state,) = store.receiver_states()
    assert (state.disabled_at, state.reason, state.n_pending) == (at(10), "it is gone (410)", 2)
    assert store.enable("oncall", at(700)) == 2
    assert lease(store, 699) == []
    assert [one.trying_since for one in lease(store, 700)] == [at(700)] * 2


def test_a_receiver_is_disabled_by_hand(store: Store) -> None:
    store.enqueue([message()])
    store.disable("oncall", at(5), "on holiday")
    store.disable("nobody", at(5), "not there")
    assert lease(store) == []
    assert [(one.name, one.reason) for one in store.receiver_states()] == [
        ("nobody", "not there"),
        ("oncall", "on holiday"),
    ]


def test_nothing_is_resolved_that_never_fired(store: Store) -> None:
    store.enqueue([message(), resolved()])
    assert kill(store) == ["oncall-1-1"]
    assert send(store) == []
    assert states(store) == {"oncall-1-1": "dead", "oncall-1-2": "dropped"}
    assert errors(store)["oncall-1-2"] == NEVER_FIRED


def test_a_dropped_one_takes_no_place_of_another(store: Store) -> None:
    store.enqueue([resolved(), message(number=2)])
    assert [one.id for one in lease(store, limit=1)] == ["oncall-2-1"]


def test_a_dead_one_comes_back_with_what_was_dropped_for_it(store: Store) -> None:
    store.enqueue([message(), resolved()])
    kill(store)
    assert send(store) == []
    assert store.receiver_states()[0].n_dead == 1
    assert store.resend(at(20)) == ["oncall-1-1"]
    assert send(store, 20) == ["oncall-1-1"]
    assert send(store, 20) == ["oncall-1-2"]
    assert set(states(store).values()) == {"delivered"}


def test_what_is_past_is_not_sent_again(store: Store) -> None:
    store.enqueue([message(), message(2), resolved(3)])
    kill(store)
    assert [send(store) for _ in range(2)] == [["oncall-1-2"], ["oncall-1-3"]]
    assert store.resend(at(20)) == []
    assert store.resend(at(20), delivery_id="oncall-1-2") == []
    assert states(store)["oncall-1-1"] == "dead"
    assert store.resend(at(20), delivery_id="oncall-1-3") == ["oncall-1-3"]
    assert send(store, 20) == ["oncall-1-3"]
    assert store.deliveries()[0].n_sent == 2


def test_only_one_receivers_dead_ones_are_sent_again(store: Store) -> None:
    store.enqueue([message(), message(receiver="chat")])
    kill(store)
    assert store.resend(at(20), receiver="chat") == ["chat-1-1"]
    assert states(store) == {"oncall-1-1": "dead", "chat-1-1": "pending"}


def test_one_that_comes_too_late_is_dropped(store: Store) -> None:
    store.enqueue([message(2)])
    assert send(store) == ["oncall-1-2"]
    store.enqueue([message(1)])
    assert lease(store) == []
    assert errors(store)["oncall-1-1"] == OVERTAKEN


def again(store: Store, minute: float, every: float = 2) -> int:
    return store.due_again(at(minute), {"oncall": timedelta(minutes=every)})


def test_what_fires_is_said_again_until_something_else_is_said(store: Store) -> None:
    store.enqueue([message(), message(receiver="chat")])
    send(store, 10)
    assert again(store, 11) == 0
    for minute in (12, 14, 16, 18, 20):
        assert again(store, minute) == 1
        assert send(store, minute) == ["oncall-1-1"]
    assert again(store, 22) == 1
    store.enqueue([resolved()])
    assert send(store, 22) == ["oncall-1-2"], "not the one before it"
    assert states(store)["oncall-1-1"] == "delivered"
    for minute in (24, 26):
        assert again(store, minute) == 1
        assert send(store, minute) == ["oncall-1-2"]
    assert again(store, 100) == 0


@pytest.mark.parametrize(("status", "n_again"), [("firing", 1), ("resolved", 0)])
def test_what_died_is_not_the_last_word_unless_it_was_the_end(store: Store, status: Any, n_again: int) -> None:
    store.enqueue([message()])
    send(store, 10)
    store.enqueue([message(2, status)])
    assert kill(store) == ["oncall-1-2"]
    assert again(store, 12) == n_again
    assert send(store, 12) == ["oncall-1-1"] * n_again


def test_what_is_only_said_again_keeps_nobody_waiting(store: Store) -> None:
    store.enqueue([message()])
    send(store, 10)
    again(store, 12)
    fail(store, 12, not_before=at(300))
    store.enqueue([resolved()])
    assert send(store, 13) == ["oncall-1-2"]
    assert lease(store, 300) == []
    assert states(store)["oncall-1-1"] == "delivered"


def test_what_is_being_said_again_is_waited_for(store: Store) -> None:
    store.enqueue([message()])
    send(store, 10)
    again(store, 12)
    (one,) = lease(store, 12)
    store.enqueue([resolved()])
    assert lease(store, 12) == []
    store.delivered(one.id, one.owner, at(12))
    assert send(store, 12) == ["oncall-1-2"]


def ended(number: int) -> Incident:
    return incident(number, state="resolved", ended=incident().onset, resolved_at=at(40))


def test_old_messages_go_when_their_incident_is_over(store: Store) -> None:
    store.enqueue([message(), resolved(), message(number=2), message(number=3)])
    store.save_detections([Judged(KEY, at(5), {}, (incident(2), ended(3)))])
    send(store, 10)
    assert store.forget_deliveries(at(30)) == 1, "3 has ended; of 1 one is pending"
    send(store, 40)
    assert store.forget_deliveries(at(30)) == 0, "the last of 1 is younger"
    assert store.forget_deliveries(at(41)) == 2
    assert [one.id for one in store.deliveries()] == ["oncall-2-1"], "2 goes on: its end will be told"


def test_dead_ones_stay_to_be_looked_at(store: Store) -> None:
    store.enqueue([message(), resolved()])
    kill(store)
    lease(store)
    assert store.forget_deliveries(at(1000)) == 0


def test_words_of_posts_go(store: Store) -> None:
    said = b'{"sentence":"It is down","posts":["canary"]}'
    store.enqueue([message(body=said, has_posts=True), message(5, body=said, has_posts=True), message(number=2)])
    assert store.forget_told_posts(at(3)) == 1
    assert store.forget_told_posts() == 1
    assert store.forget_told_posts() == 0
    assert {one.body for one in store.deliveries()} == {message().body}


def test_words_of_posts_are_not_in_the_file(tmp_path: Any) -> None:
    with open_store(tmp_path / "s.db") as store:
        store.enqueue([message(body=b'{"posts":["canary-word"]}', has_posts=True)])
        store.forget_told_posts()
    assert all(b"canary-word" not in file.read_bytes() for file in tmp_path.iterdir())


def test_a_body_that_is_no_message_is_named(store: Store) -> None:
    store.enqueue([message(body=b"[", has_posts=True)])
    with pytest.raises(InputError, match="not JSON"):
        store.forget_told_posts()


def test_the_frame_is_tidy(store: Store) -> None:
    assert store.delivery_frame().empty
    store.enqueue([message(), resolved(), message(number=2)])
    kill(store)
    frame = store.delivery_frame(incident_id="incident-1")
    assert frame.index.name == "created_at"
    assert str(frame.index.dtype) == "datetime64[us, UTC]"
    assert frame["id"].tolist() == ["oncall-1-1", "oncall-1-2"]
    assert frame["state"].tolist() == ["dead", "pending"]
    assert frame["done_at"].isna().tolist() == [False, True]
    assert "body" not in frame


@pytest.mark.parametrize("how", ["purge", "purge before", "forget", "retain"])
def test_whose_posts_are_forgotten_is_not_quoted_any_more(store: Store, how: str) -> None:
    commit(store, pair(1, 0, author_id="ada"), pair(2, 1))
    store.enqueue([message(body=b'{"sentence":"s","posts":["canary text"]}', has_posts=True)])
    if how == "purge":
        store.purge(author=("test", "nobody"))
    elif how == "purge before":
        store.purge(before=at(5))
    elif how == "retain":
        store.retain(at(5), keep_h=0)
    else:
        post, _ = pair(2)
        store.forget([(post.platform, post.id)])
    (row,) = store.deliveries()
    assert b"canary" not in row.body
    assert not row.has_posts
