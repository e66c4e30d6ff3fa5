"""Two processes that read, detect, tell and deliver on one store at once: as if there were one."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests.flows.notify.detecting import make
from tests.flows.notify.sink import listening, stories
from tests.flows.notify.test_kill import forker, state

if TYPE_CHECKING:
    from pathlib import Path

    from tests.flows.notify.sink import Sink

N_WATCHERS = 2
MODULE = "tests.flows.notify.detecting"


def told(sink: Sink) -> dict[tuple[str, str], list[str]]:
    """Return what receivers were told of each incident, doubles once; see that nothing is out of order."""
    return {
        place: [status for _, status in sorted({(one.revision, one.status) for one in story})]
        for place, story in stories(sink.heard).items()
    }


def watch_together(tmp_path: Path, n_times: int) -> None:
    made, whole, shared = (tmp_path / name for name in ("made.db", "whole.db", "shared.db"))
    make(made)
    shutil.copy(made, whole)
    with ExitStack() as opened:
        calls = [opened.enter_context(forker(MODULE)) for _ in range(N_WATCHERS)]
        pool = opened.enter_context(ThreadPoolExecutor(N_WATCHERS))
        with listening() as sink:
            assert calls[0](store_url=str(whole), sink_url=sink.url, seed=1, lease_s=60)["code"] == 0
            alone = told(sink)
        expected = state(whole)
        assert set(map(tuple, alone.values())) == {("firing", "resolved")}
        for number in range(n_times):
            for file in tmp_path.glob("shared.db*"):
                file.unlink()
            shutil.copy(made, shared)
            with listening() as sink:
                job = {"store_url": str(shared), "sink_url": sink.url, "lease_s": 60}
                done = [pool.submit(call, **job, seed=number + nth) for nth, call in enumerate(calls)]
                assert [one.result()["code"] for one in done] == [0] * N_WATCHERS
                assert told(sink) == alone
                assert len(sink.heard) == len({one.id for one in sink.heard}), "nothing is told twice"
            found = state(shared)
            assert {name: found[name] for name in ("incidents", "transitions")} == {
                name: expected[name] for name in ("incidents", "transitions")
            }


def test_two_at_once_tell_each_thing_once(tmp_path: Path) -> None:
    watch_together(tmp_path, 2)


@pytest.mark.soak
def test_two_at_once_tell_each_thing_once_however_often(tmp_path: Path) -> None:
    watch_together(tmp_path, 50)
