"""Threads that are waited for, except by somebody who stops us."""

from __future__ import annotations

from threading import Event

import pytest

from flows.net import workers


def test_work_is_waited_for() -> None:
    done: list[int] = []
    with workers(0) as pool:
        pool.submit(done.append, 1)
    assert done == [1]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_who_stops_us_waits_for_nothing(error: type[BaseException]) -> None:
    begun, go_on, done = Event(), Event(), list[str]()

    def ask() -> None:
        begun.set()
        if error is KeyboardInterrupt:
            go_on.wait(60)
        done.append("first")

    def stop() -> None:
        with workers(1) as pool:
            pool.submit(ask)
            pool.submit(done.append, "second")
            begun.wait()
            raise error

    with pytest.raises(error):
        stop()
    assert done == ([] if error is KeyboardInterrupt else ["first", "second"])
    go_on.set()
