"""The flows inside Prefect: its server in this process, its Secret blocks, events and artifacts."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import httpx
import msgspec
import pytest

from detectors.model import SeriesKey
from flows.settings import utc_now
from flows.store import open_store
from tests.flows.streams import Outage, stream, write

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [
    pytest.mark.xdist_group("prefect"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),  # Prefect leaves sockets open
]

CANARY = "canary-90210"


@pytest.fixture(scope="module", autouse=True)
def _prefect() -> Iterator[None]:
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=240):
        yield


@pytest.fixture
def config(tmp_path: Path) -> str:
    """Return a configuration whose secret is a Prefect block."""
    from prefect.blocks.system import Secret
    from pydantic import SecretStr

    Secret(value=SecretStr(CANARY)).save("uproar-secret", overwrite=True)
    write(tmp_path / "posts.jsonl", stream(Outage()))
    file = tmp_path / "my.toml"
    file.write_text(
        f'[store]\nurl = "{tmp_path}/a.db"\nsecret = "prefect:uproar-secret"\n'
        f'[sources]\narchive = ["{tmp_path}/posts.jsonl"]\n'
    )
    return str(file)


def test_a_tick_leaves_events_and_an_artifact(
    config: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from prefect.artifacts import Artifact

    from flows import conductor
    from flows.watch import watch

    emitted: list[dict[str, Any]] = []
    monkeypatch.setattr(conductor, "emit_event", lambda **event: emitted.append(event))
    assert watch(config) == 1
    with open_store(tmp_path / "a.db", secret=CANARY, create=False) as store:
        (incident,) = store.find_incidents()
        steps = store.transitions_of(incident.id)
    assert [event["event"] for event in emitted] == [f"uproar.incident.{step.new}" for step in steps]
    assert len({event["id"] for event in emitted}) == len(steps)
    assert {event["resource"]["uproar.service"] for event in emitted} == {"imessage"}
    artifact = cast("Artifact | None", Artifact.get("uproar-tick"))
    assert artifact is not None
    assert "iMessage: trouble from" in str(artifact.data)
    assert watch(config) == 0
    assert len(emitted) == len(steps), "what is known already is not told again"
    assert CANARY not in caplog.text + str(emitted) + str(artifact.data)


def test_a_block_that_is_not_there_is_an_error_without_a_secret(config: str, tmp_path: Path) -> None:
    assert config.endswith("my.toml")
    from flows.watch import watch

    file = tmp_path / "other.toml"
    file.write_text((tmp_path / "my.toml").read_text().replace("uproar-secret", "no-such-block"))
    with pytest.raises(ValueError, match="no-such-block"):
        watch(str(file))


def test_housekeeping_forgets_what_is_old(config: str, tmp_path: Path) -> None:
    from flows.housekeeping import housekeeping
    from flows.watch import watch

    watch(config)
    with open_store(tmp_path / "a.db", secret=CANARY) as store:
        before = store.series(SeriesKey("imessage", "archive")).observed.sum()
    n_forgotten = housekeeping(config)
    assert n_forgotten == len(stream(Outage())), "all of it is from March"
    with open_store(tmp_path / "a.db", secret=CANARY) as store:
        assert store.series(SeriesKey("imessage", "archive")).observed.sum() == before
    assert b"It does not work" not in (tmp_path / "a.db").read_bytes()


def test_a_backfill(config: str, tmp_path: Path) -> None:
    from flows.backfill import backfill

    assert backfill([str(tmp_path / "posts.jsonl")], config, workers=1) == 1
    with open_store(tmp_path / "a.db", secret=CANARY) as store:
        assert len(store.find_incidents()) == 1


def test_official_pages_are_read(config: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from detectors.reference import catalogue
    from flows.sources.statuspage import Page
    from flows.status import status
    from tests.flows.sources.loopback import Loopback, Told

    began = utc_now() - timedelta(minutes=5)
    update = {"id": "u1", "status": "investigating", "body": "We are looking into it.", "created_at": f"{began:%FT%TZ}"}
    incident = {
        "id": "i1",
        "name": "Messages are late",
        "status": "investigating",
        "impact": "minor",
        "created_at": f"{began:%FT%TZ}",
        "updated_at": f"{began:%FT%TZ}",
        "incident_updates": [{**update, "updated_at": f"{began:%FT%TZ}"}],
        "components": [],
    }
    body = msgspec.json.encode({"page": {"id": "p"}, "components": [], "incidents": [incident]})
    with Loopback(lambda _: Told(body)) as server:
        page = Page("statuspage", server.url, (catalogue()["github"],))
        monkeypatch.setattr("flows.live.pages_of", lambda _: (page,))
        assert status(config) > 0
        assert status(config) == 0, "not due yet, or nothing new"
    with open_store(tmp_path / "a.db", secret=CANARY) as store:
        said = store.status_at("github", utc_now())
    assert "We are looking into it." in [one.body for one in said]


def test_the_deployments_for_work_pools_can_be_deployed(tmp_path: Path) -> None:
    """By Prefect's own command, against a real server, as the file's first lines say."""
    from prefect.settings import PREFECT_API_URL

    root = Path(__file__).resolve().parents[2]
    environ = {**os.environ, "PREFECT_API_URL": str(PREFECT_API_URL.value()), "UPROAR_HOME": str(tmp_path)}
    prefect = [sys.executable, "-m", "prefect", "--no-prompt"]
    for command in (["work-pool", "create", "uproar", "--type", "process"], ["deploy", "--all"]):
        done = subprocess.run(
            [*prefect, *command], cwd=root, env=environ, capture_output=True, text=True, timeout=240, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
    answer = httpx.post(f"{PREFECT_API_URL.value()}/deployments/filter", json={}, timeout=30)
    deployed = {one["name"]: one for one in answer.json()}
    assert sorted(deployed) == ["backfill", "housekeeping", "status", "watch"]
    for name, one in deployed.items():
        module, _, function = one["entrypoint"].rpartition(".")
        assert callable(getattr(import_module(module), function)), name
        assert one["concurrency_options"]["collision_strategy"] == "CANCEL_NEW"
        assert one["global_concurrency_limit"]["limit"] == 1
