"""What holds for every command: help, usage, exit codes, and what the doors cost."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from flows import cli
from flows.cli import run

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.flows.cli.conftest import Said

COMMANDS = ["demo", "replay", "watch", "serve", "incidents", "show", "counts", "simulate", "init", "doctor"]
HEAVY = ["pandas", "prefect", "numba", "sqlalchemy", "numpy"]


def program(*arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "flows.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, **options)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_and_json(uproar: Callable[..., Said], command: str) -> None:
    said = uproar(command, "--help")
    assert said.code == 0
    assert f"Usage: uproar {command}" in said.out
    assert "--json" in said.out


def test_every_command_is_listed(uproar: Callable[..., Said]) -> None:
    said = uproar("--help")
    assert said.code == 0
    assert all(f" {command} " in said.out for command in COMMANDS)
    assert uproar().out == said.out


@pytest.mark.parametrize("arguments", [["--help"], ["replay", "--help"], ["--version"], ["replya"]])
def test_the_doors_are_light(arguments: list[str]) -> None:
    code = f"import sys; from flows.cli import run; run({arguments!r}); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(HEAVY).isdisjoint(done.stderr.split())


def test_the_version_is_that_of_the_package(uproar: Callable[..., Said]) -> None:
    assert uproar("--version").out.strip() == "0.1.0"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["replya", "x"], 'Did you mean "replay"?'),
        (["incident"], 'Did you mean "incidents"?'),
        (["replay"], "FILE requires an argument"),
        (["replay", "x", "--severty", "page"], "Did you mean --severity?"),
        (["replay", "x", "--severity", "loud"], 'Choose from: "watch", "page"'),
        (["replay", "x", "y"], "Unused Tokens: ['y']"),
        (["show"], "ID requires an argument"),
        (["incidents", "--since", "yesterday"], 'unable to convert "yesterday" into datetime'),
        (["watch", "--every", "0"], "Must be >= 1"),
        (["simulate", "x.jsonl", "--difficulty", "easy"], "--difficulty"),
    ],
)
def test_wrong_usage_is_said_and_ends_in_2(uproar: Callable[..., Said], arguments: list[str], message: str) -> None:
    said = uproar(*arguments)
    assert said.code == 2
    assert message in said.err
    assert said.err.startswith("uproar: ")
    assert "See: uproar --help" in said.err
    assert said.out == ""


@pytest.mark.parametrize("command", [["incidents"], ["counts"], ["doctor"], ["watch", "--once"], ["serve"]])
def test_a_mistake_in_the_configuration_is_named_with_its_place(
    uproar: Callable[..., Said], tmp_path: Path, command: list[str]
) -> None:
    (tmp_path / "my.toml").write_text("[store]\nurl = 'a.db'\n[watch]\nevery_s = 'often'\n")
    said = uproar(*command, "--config", tmp_path / "my.toml")
    assert said.code == 2
    assert f"uproar: {tmp_path}/my.toml:4:watch.every_s: " in said.err


def test_a_file_system_that_refuses_is_said_with_the_file(uproar: Callable[..., Said], posts: Path) -> None:
    said = uproar("replay", posts, "--html", "no/such/folder/page.html")
    assert said.code == 2
    assert said.err.splitlines()[-1] == "uproar: no/such/folder/page.html: No such file or directory"


def test_stopping_is_no_error(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "app", stop)
    assert run(["watch"]) == 130
    assert capsys.readouterr().err == "uproar: stopped\n"


def test_who_stops_it_does_not_wait_for_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    left: list[int] = []
    monkeypatch.setattr(cli, "run", lambda _: 130)
    monkeypatch.setattr("os._exit", left.append)
    with pytest.raises(SystemExit):
        cli.main([])
    assert left == [130]


def test_main_exits_with_the_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["uproar", "nonsense"])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    assert caught.value.code == 2


# --- as a program --------------------------------------------------------------------------------------------


def test_a_program_prints_json_alone_on_standard_output(posts: Path) -> None:
    done = program("replay", posts, "--json")
    assert done.returncode == 0
    assert [json.loads(line)["service"] for line in done.stdout.splitlines()] == ["imessage"]
    assert done.stderr == ""


def test_a_program_ends_in_2_with_a_message_on_standard_error(tmp_path: Path) -> None:
    done = program("replay", tmp_path / "nowhere.jsonl")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"uproar: {tmp_path}/nowhere.jsonl: there is no such file\n"


def test_the_installed_command_is_the_same() -> None:
    command = [str(Path(sys.executable).with_name("uproar")), "incidents"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "there is no store here yet" in done.stderr
    assert list(Path.cwd().iterdir()) == []


def test_a_reader_that_leaves_early_is_no_error(filled: Path) -> None:
    command = [sys.executable, "-m", "flows.cli", "counts", "--store", str(filled)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == 0
