"""Mistakes that were made on purpose, each of which the machine of :mod:`tests.flows.notify.machine` finds."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy import true

from detectors.errors import PermanentError
from flows.notify import worker
from flows.notify.worker import Pace
from flows.store import Setback, Store, leasing, outbox
from flows.store.leasing import NEVER_FIRED
from tests.flows.notify.machine import CI, Machine
from tests.flows.notify.model import LEASE_S

if TYPE_CHECKING:
    from collections.abc import Callable

    from flows.notify.receivers.base import Delivery

# As often as the machine runs by itself; the same draws in every run, so that what is caught stays caught.
BUDGET = settings(CI, phases=(Phase.generate,), database=None, print_blob=False)


def skip_a_retry(patch: pytest.MonkeyPatch) -> None:
    failed = Store.failed

    def forgets(store: Store, delivery_id: str, owner: str, setback: Setback) -> bool:
        if setback.not_before is None:
            return failed(store, delivery_id, owner, setback)
        return store.delivered(delivery_id, owner, setback.at)

    patch.setattr(Store, "failed", forgets)


def reorder(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(leasing, "is_first", lambda _: true())
    patch.setattr(leasing, "_query", leasing._query.__wrapped__)  # otherwise it is put together already


def give_up_early(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Machine, "pace", Pace(lease_s=LEASE_S, give_up_after=timedelta(hours=6)))


def resolve_without_firing(patch: pytest.MonkeyPatch) -> None:
    judge = leasing.judge

    def lets_pass(head: Any) -> Any:
        verdict = judge(head)
        return None if verdict is not None and verdict["last_error"] == NEVER_FIRED else verdict

    patch.setattr(leasing, "judge", lets_pass)


def new_id_on_retry(patch: pytest.MonkeyPatch) -> None:
    delivery_of = worker.delivery_of

    def renames(leased: Any, now: Any) -> Delivery:
        delivery = delivery_of(leased, now)
        return replace(delivery, id=f"{delivery.id}-{delivery.attempt}") if delivery.attempt > 1 else delivery

    patch.setattr(worker, "delivery_of", renames)


# --- and some that nobody asked for ----------------------------------------------------------------------------


def come_sooner_than_asked(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(worker, "asked_for", lambda *_: None)


def mark_before_the_answer(patch: pytest.MonkeyPatch) -> None:
    attempt = worker._attempt

    def hurries(leased: Any, receiver: Any, how: Any) -> Setback | None:
        Machine.latest.store.delivered(leased.id, leased.owner, how.clock.now())
        return attempt(leased, receiver, how)

    patch.setattr(worker, "_attempt", hurries)


def take_redirects_for_success(patch: pytest.MonkeyPatch) -> None:
    attempt = worker._attempt

    def follows(leased: Any, receiver: Any, how: Any) -> Setback | None:
        setback = attempt(leased, receiver, how)
        return None if setback is not None and "302" in setback.error else setback

    patch.setattr(worker, "_attempt", follows)


def go_on_after_410(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(worker, "GoneError", type("OtherError", (PermanentError,), {}))


def send_again_what_is_past(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(outbox, "_sent_later", lambda: ~true())


ASKED_FOR = [skip_a_retry, reorder, give_up_early, resolve_without_firing, new_id_on_retry]
MORE = [
    come_sooner_than_asked,
    mark_before_the_answer,
    take_redirects_for_success,
    go_on_after_410,
    send_again_what_is_past,
]


@pytest.mark.parametrize("plant", ASKED_FOR, ids=lambda plant: plant.__name__)
def test_a_planted_fault_is_found(plant: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch)
    is_found()


@pytest.mark.soak
@pytest.mark.parametrize("plant", MORE, ids=lambda plant: plant.__name__)
def test_more_are_found(plant: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch)
    is_found()


def is_found() -> None:
    """See that the machine fails, and print how."""
    with pytest.raises(AssertionError) as caught:
        run_state_machine_as_test(seed(1)(Machine), settings=BUDGET)
    steps = [line.strip() for line in getattr(caught.value, "__notes__", []) for line in line.splitlines()]
    found = [line for line in steps if line.startswith("state.") and "nothing_is_wrong" not in line]
    print(f"{caught.value}\n  " + "\n  ".join(found))  # noqa: T201 - shown with -rP
    assert found
