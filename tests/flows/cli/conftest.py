"""The command line, called in this process, and a store to ask."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from flows import steps
from flows.cli import run
from flows.replay import replay_posts
from flows.sources.archive import Archive
from flows.store import open_store
from tests.flows.streams import HOUR, Outage, at, stream, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@dataclass(frozen=True)
class Said:
    """What a command said: its exit code, its result and what stands beside it."""

    code: int
    out: str
    err: str

    @property
    def records(self) -> list[dict[str, Any]]:
        """The result, where it is one JSON object a line and nothing else."""
        records = [json.loads(line, parse_constant=_refuse) for line in self.out.splitlines()]
        assert all(isinstance(record, dict) for record in records)
        return records

    @property
    def record(self) -> dict[str, Any]:
        (record,) = self.records
        return record


def _refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is not JSON")


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every command run in a folder of its own, without the tester's environment."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for name in ("UPROAR_STORE_URL", "UPROAR_STORE_SECRET", "PREFECT_API_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def uproar(capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Run a command in this process."""

    def call(*arguments: object) -> Said:
        capsys.readouterr()
        code = run([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return Said(code, out, err)

    return call


@pytest.fixture(scope="session")
def posts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write posts: iMessage fails for 40 minutes, Outlook does not."""
    path = tmp_path_factory.mktemp("posts") / "posts.jsonl"
    return write(path, stream(Outage(), services=("iMessage", "Outlook")))


@pytest.fixture(scope="session")
def filled(posts: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fill a store with two incidents of iMessage, one a page."""
    path = tmp_path_factory.mktemp("filled") / "filled.db"
    slight = [Outage(18 * HOUR, 18 * HOUR + 40, 0.9)]
    more = write(posts.with_name("more.jsonl"), stream(Outage(), *slight, hours=21, services=("iMessage", "Outlook")))
    with open_store(path) as store:
        replay_posts(store, Archive(more, now=at(30 * HOUR)), steps.Watched())
        severities = [one.severity for one in store.find_incidents()]
    assert severities == ["page", "watch"]
    return path
