"""``uproar init`` and ``uproar doctor``."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from detectors.reference import catalogue
from flows.settings import TEMPLATE, Settings, load_settings
from flows.store import open_store
from tests.flows.streams import stream, write

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.flows.cli.conftest import Said


def test_a_configuration_is_written_that_states_the_defaults(uproar: Callable[..., Said]) -> None:
    said = uproar("init")
    assert (said.code, said.out) == (0, "Wrote uproar.toml. Name your sources in it, then: uproar doctor\n")
    assert load_settings(None, environ={}) == Settings()


def test_a_configuration_that_is_there_is_not_overwritten(uproar: Callable[..., Said]) -> None:
    Path("mine.toml").write_text("# mine\n")
    said = uproar("init", "mine.toml")
    assert said.code == 2
    assert said.err.startswith("uproar: mine.toml: is there already; --force replaces it")
    assert Path("mine.toml").read_text() == "# mine\n"
    assert uproar("init", "mine.toml", "--force", "--json").record == {"written": "mine.toml"}
    assert Path("mine.toml").read_text() == TEMPLATE
    assert Path("mine.toml.bak").read_text() == "# mine\n"


def test_the_services_are_listed(uproar: Callable[..., Said]) -> None:
    said = uproar("init", "--list")
    assert len(said.out.splitlines()) == len(catalogue())
    assert any(line.startswith("imessage ") for line in said.out.splitlines())
    records = uproar("init", "--list", "--json").records
    assert [record["id"] for record in records] == list(catalogue())
    assert list(Path.cwd().iterdir()) == []


def findings(said: Said) -> dict[str, dict[str, str]]:
    return {record["check"]: record for record in said.records if record["check"] != "prefect"}


def configure(text: str) -> None:
    Path("uproar.toml").write_text(text)


@pytest.fixture
def _healthy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UPROAR_STORE_SECRET", "canary-of-the-doctor-tests")
    write(Path("posts.jsonl"), stream(hours=1))
    configure('[store]\nurl = "my.db"\n[sources]\narchive = ["posts.jsonl"]\n[watch]\nservices = ["imessage"]\n')


@pytest.mark.usefixtures("_healthy")
def test_a_healthy_installation(uproar: Callable[..., Said]) -> None:
    said = uproar("doctor")
    assert said.code == 0
    lines = said.out.splitlines()
    assert [line.split()[:2] for line in lines] == [
        ["ok", name]
        for name in ("catalogue", "store", "sources", "credentials", "receivers", "detector", *["prefect"] * 4)
    ]
    assert "my.db: none yet; the first run makes it" in said.out
    assert not Path("my.db").exists(), "a doctor only looks"
    assert {record["level"] for record in uproar("doctor", "--json").records} == {"ok"}


@pytest.mark.usefixtures("_healthy")
def test_a_store_that_is_there_is_examined(uproar: Callable[..., Said]) -> None:
    uproar("watch", "--once")
    found = findings(uproar("doctor", "--json"))
    assert found["store"]["finding"] == "SQLite my.db; 1 series"


@pytest.mark.usefixtures("_healthy")
def test_a_damaged_store_is_a_finding(uproar: Callable[..., Said]) -> None:
    Path("my.db").write_bytes(b"this is no database, whatever its name says" * 100)
    said = uproar("doctor", "--json")
    assert said.code == 1
    assert findings(said)["store"]["level"] == "failed"
    assert "the file is not a SQLite database; name another store" in findings(said)["store"]["finding"]


@pytest.mark.parametrize(
    ("configuration", "check", "finding", "remedy"),
    [
        ("", "sources", "none configured", "name sources in the configuration"),
        ("", "privacy", "hashed without a secret", "set UPROAR_STORE_SECRET"),
        (
            '[sources]\narchive = ["nowhere.jsonl"]',
            "sources",
            "nowhere.jsonl is not a file",
            "correct [sources] archive",
        ),
        ('[watch]\nservices = ["imessagge"]', "catalogue", "has 'imessagge'", "uproar init --list"),
        ('[store]\nurl = "mysql://u:canary@host/db"', "store", "URL is not understood", "see the message"),
        ('[store]\nurl = "postgresql://u:canary@127.0.0.1:1/db"', "store", "no connection to the server", "see the"),
    ],
)
def test_what_is_wrong_is_found_with_a_remedy(
    uproar: Callable[..., Said], configuration: str, check: str, finding: str, remedy: str
) -> None:
    configure(configuration)
    said = uproar("doctor", "--json")
    assert said.code == 1
    found = findings(said)[check]
    assert found["level"] in ("look", "failed")
    assert finding in found["finding"]
    assert remedy in found["remedy"]
    assert "canary" not in said.out + said.err
    shown = uproar("doctor").out
    assert f"-> {found['remedy']}" in shown


def test_a_source_that_cannot_be_read_is_a_finding(
    uproar: Callable[..., Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    write(Path("posts.jsonl"), stream(hours=1))
    configure('[sources]\narchive = ["posts.jsonl"]')
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may read everything
    found = findings(uproar("doctor", "--json"))
    assert found["sources"]["finding"] == "posts.jsonl cannot be read"
    assert found["sources"]["remedy"] == "chmod u+r posts.jsonl"


def test_a_prefect_server_that_was_named_is_asked(uproar: Callable[..., Said], monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        monkeypatch.setenv("PREFECT_API_URL", f"http://user:canary@127.0.0.1:{port}/api")
        said = uproar("doctor", "--json")
        assert said.records[-1]["finding"] == f"server: 127.0.0.1:{port}"
    said = uproar("doctor", "--json")
    assert said.records[-1]["finding"] == f"server: 127.0.0.1:{port} does not listen"
    assert "prefect server start" in said.records[-1]["remedy"]
    assert "canary" not in said.out


@pytest.mark.parametrize(
    ("have", "level"), [("3.8.8", "ok"), ("3.9.1", "failed"), ("3.7.9", "failed"), (None, "failed")]
)
def test_versions_under_which_schedules_never_start_are_found(
    uproar: Callable[..., Said], monkeypatch: pytest.MonkeyPatch, have: str | None, level: str
) -> None:
    from importlib import metadata

    real = metadata.version

    def version(name: str) -> str:
        if name != "prefect":
            return real(name)
        if have is None:
            raise metadata.PackageNotFoundError(name)
        return have

    monkeypatch.setattr(metadata, "version", version)
    found = next(one for one in uproar("doctor", "--json").records if one["check"] == "prefect")
    assert found["level"] == level
    assert bool(found["remedy"]) == (level == "failed")


def test_a_store_of_a_newer_version_is_a_finding(uproar: Callable[..., Said]) -> None:
    from sqlalchemy import text

    with open_store("uproar.db") as store, store._writing() as connection:
        connection.execute(text("UPDATE uproar_version SET version_num = '9999'"))
    found = findings(uproar("doctor", "--json"))
    assert "written by a newer Uproar" in found["store"]["finding"]
