"""Every notebook runs from its first cell to its last, on the bundled sample."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((CHECKOUT / "notebooks").glob("*.py"))


def run(*arguments: object, folder: Path) -> None:
    """Run a module of ours in a folder, as a reader would who has cloned the project."""
    environ = {
        name: value for name, value in os.environ.items() if not name.startswith(("UPROAR", "COV", "PYTEST", "MPL"))
    }
    environ |= {"PYTHONPATH": str(CHECKOUT), "JUPYTER_PLATFORM_DIRS": "1", "HOME": str(folder)}
    command = [sys.executable, "-m", *map(str, arguments)]
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout[-5_000:] + done.stderr[-2_000:]


@pytest.mark.parametrize("source", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(source: Path, tmp_path: Path) -> None:
    path = tmp_path / f"{source.stem}.ipynb"
    run("jupytext", "--to", "ipynb", "--output", path, source, folder=tmp_path)
    options = ["--nbmake", "--overwrite", "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", tmp_path]
    run("pytest", *options, path, folder=tmp_path)
    cells = [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]
    assert all(cell["execution_count"] for cell in cells)
    outputs = [output for cell in cells for output in cell["outputs"]]
    assert not [output for output in outputs if output.get("name") == "stderr"], "no warnings in what a reader sees"
    assert sum("image/png" in output.get("data", {}) for output in outputs) >= 1, "there is a picture"


@pytest.mark.parametrize("source", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_says_first_what_is_simulated(source: Path) -> None:
    beginning, _, _ = source.read_text().partition("# %%\n")
    assert "**What you see here is simulated.**" in beginning


def test_there_are_notebooks() -> None:
    assert NOTEBOOKS
