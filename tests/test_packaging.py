"""The wheel: built, installed in an environment of its own outside the tree, and run there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.xdist_group("packaging")

CHECKOUT = Path(__file__).resolve().parents[1]
DATA = "detectors/_data"
TEMPLATES = "flows/report/templates"


def done(*command: object, **options: Any) -> str:
    """Run a program that has to succeed; return what it printed."""
    options |= {"capture_output": True, "text": True, "timeout": 300}
    ran: subprocess.CompletedProcess[str] = subprocess.run([*map(str, command)], check=False, **options)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel, without the network."""
    folder = tmp_path_factory.mktemp("wheel")
    done(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, CHECKOUT)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """Install the wheel in a clean environment; return a function that runs its ``uproar`` in another folder.

    What it depends on is taken from the environment of the tests. The ``.pth`` of a folder that is itself named by a
    ``.pth`` is not read, so that the checkout stays out of sight.
    """
    folder = tmp_path_factory.mktemp("clean")
    done(sys.executable, "-m", "venv", "--without-pip", folder / "venv")
    python = folder / "venv" / "bin" / "python"
    done(sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index", wheel)
    (site_packages,) = (folder / "venv").glob("lib/python*/site-packages")
    (site_packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "UPROAR", "COV"))}

    def call(program: str, *arguments: object) -> str:
        return done(python.with_name(program), *arguments, cwd=elsewhere, env=environ)

    return call


def test_the_wheel_carries_what_the_program_reads(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for folder, place in (("services", DATA), ("reference", DATA), ("samples", DATA)):
        root = CHECKOUT / "data" / folder
        found = [path for path in root.rglob("*") if path.is_file() and not path.name.startswith(".")]
        files = [path.relative_to(root).as_posix() for path in found]
        assert files
        assert {f"{place}/{folder}/{name}" for name in files} <= names
    assert {f"{TEMPLATES}/{path.name}" for path in (CHECKOUT / TEMPLATES).iterdir()} <= names
    assert "flows/store/migrations/versions/v0001_first.py" in names
    assert {"flows/py.typed", "detectors/py.typed"} <= names


def test_the_wheel_carries_nothing_else(wheel: Path) -> None:
    roots = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert roots == {"flows", "detectors", "uproar-0.1.0.dist-info"}
    names = zipfile.ZipFile(wheel).namelist()
    assert not [name for name in names if name.endswith((".pyc", ".db", ".nbi", ".nbc", ".log"))]
    licences = [name for name in names if name.endswith(("LICENSE", "NOTICE"))]
    assert len(licences) == 2


def test_the_installed_demo_runs_elsewhere(installed: Callable[..., str]) -> None:
    assert installed("uproar", "--version").strip() == "0.1.0"
    where = installed(
        "python", "-c", "import detectors, flows, sys; print(flows.__file__, detectors.__file__, *sys.path)"
    )
    assert str(CHECKOUT) not in where.replace(sysconfig.get_path("purelib"), "")
    record = json.loads(installed("uproar", "demo", "--json", "--page", "page.html"))
    assert record["simulated"] is True
    assert record["service"] == "imessage"
    page = installed("python", "-c", "print(open('page.html', encoding='utf-8').read())")
    assert "<svg" in page
    assert "</html>" in page


def test_the_installed_store_migrates_and_is_asked(installed: Callable[..., str]) -> None:
    code = "from importlib.resources import files; print(files('detectors') / '_data' / 'samples')"
    sample = Path(installed("python", "-c", code).strip()) / "imessage_simulated.jsonl.gz"
    installed("uproar", "replay", sample, "--store", "kept.db", "--service", "imessage")
    lines = installed("uproar", "incidents", "--store", "kept.db", "--json").splitlines()
    assert "imessage" in {json.loads(line)["service"] for line in lines}
