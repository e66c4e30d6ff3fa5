"""What every test may ask for: the development data, and real components where this machine has them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import settings

# No deadline: a test is not a benchmark, and a busy machine is not a defect.
# `make soak` looks three times as long.
EXAMPLES = 100 if os.environ.get("UPROAR_SOAK") else 35
settings.register_profile("uproar", deadline=None, print_blob=True, max_examples=EXAMPLES)
settings.load_profile("uproar")

SHARED_DATA = Path(__file__).resolve().parents[1].parent / "shared" / "data"


def missing(what: str) -> None:
    """Skip, or fail where CI has promised that everything is there."""
    if os.environ.get("UPROAR_REQUIRE_REAL") == "1":
        pytest.fail(f"UPROAR_REQUIRE_REAL=1, but {what}")
    pytest.skip(what)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of the development data, which is not part of the repository."""
    if not SHARED_DATA.is_dir():
        missing("the development data (../shared/data) is not here")
    return SHARED_DATA


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of a real browser."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        missing("no browser: install the Debian package chromium")
    assert path is not None
    return path


@pytest.fixture(scope="session")
def postgres_bin() -> Path:
    """Folder with PostgreSQL's ``initdb`` and ``postgres``."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True)
    if not found:
        missing("no PostgreSQL server: install the Debian package postgresql")
    return found[0].parent


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the long runs to ``make soak``."""
    if "soak" in (config.getoption("-m") or ""):
        return
    skip = pytest.mark.skip(reason="a long run: make soak")
    for item in items:
        if "soak" in item.keywords:
            item.add_marker(skip)
