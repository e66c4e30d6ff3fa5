"""Processes of this machine."""

from __future__ import annotations

import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

T = TypeVar("T")
R = TypeVar("R")


class LocalEngine:
    """Maps over items in processes of this machine.

    Parameters
    ----------
    n_workers
        How many at once; None = one a core. With one, everything runs in this process.
    """

    def __init__(self, n_workers: int | None = None) -> None:
        self.n_workers = n_workers or os.cpu_count() or 1

    def map(self, function: Callable[[T], R], items: Sequence[T]) -> Iterator[tuple[int, R]]:
        """Yield (place of the item, result) as results come in.

        ``function`` and items must be importable and picklable; what it raises is raised here.
        """
        if self.n_workers == 1 or len(items) < 2:
            yield from ((place, function(item)) for place, item in enumerate(items))
            return
        context = multiprocessing.get_context("spawn")  # a fork would share the connections of a store
        with ProcessPoolExecutor(min(self.n_workers, len(items)), mp_context=context) as pool:
            waiting = {pool.submit(function, item): place for place, item in enumerate(items)}
            for done in as_completed(waiting):
                yield waiting[done], done.result()
