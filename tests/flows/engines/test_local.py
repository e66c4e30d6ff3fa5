"""The engine on this machine."""

from __future__ import annotations

import math

import pytest

from flows.engines import ENGINES, LocalEngine


@pytest.mark.parametrize("n_workers", [1, 2])
def test_every_item_comes_back_with_its_place(n_workers: int) -> None:
    done = dict(LocalEngine(n_workers).map(math.sqrt, [4.0, 9.0, 16.0]))
    assert done == {0: 2.0, 1: 3.0, 2: 4.0}


@pytest.mark.parametrize("n_workers", [1, 2])
def test_what_goes_wrong_comes_out(n_workers: int) -> None:
    with pytest.raises(ValueError, match=r"math domain error|expected a nonnegative"):
        list(LocalEngine(n_workers).map(math.sqrt, [4.0, -1.0]))


def test_it_uses_every_core_unless_told() -> None:
    assert LocalEngine().n_workers >= 1
    assert ENGINES["local"](3).n_workers == 3


def test_nothing_to_do_is_nothing() -> None:
    assert list(LocalEngine(2).map(math.sqrt, [])) == []
