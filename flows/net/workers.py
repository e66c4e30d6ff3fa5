"""Threads that are waited for; not by somebody who stops us."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def workers(n_workers: int) -> Iterator[ThreadPoolExecutor]:
    """Give a pool of threads, and wait for all of its work in the end.

    After a :class:`KeyboardInterrupt` nobody waits: what has not begun is left out, and what waits for a platform, for
    as long as its time-outs let it, is left alone. Whatever it was reading is read again the next time.

    Parameters
    ----------
    n_workers
        Threads at most; at least one.
    """
    pool, is_stopped = ThreadPoolExecutor(max(1, n_workers)), False
    try:
        yield pool
    except KeyboardInterrupt:
        is_stopped = True
        raise
    finally:
        pool.shutdown(wait=not is_stopped, cancel_futures=is_stopped)
