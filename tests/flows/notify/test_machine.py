"""The outbox under every fault, in any order."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from tests.flows.notify.machine import CI, Machine

SOAK = settings(CI, max_examples=150, stateful_step_count=50)


def test_nothing_is_lost_doubled_reordered_or_made_up() -> None:
    run_state_machine_as_test(Machine, settings=CI)


@pytest.mark.soak
def test_nothing_is_lost_doubled_reordered_or_made_up_for_long() -> None:
    run_state_machine_as_test(Machine, settings=SOAK)
