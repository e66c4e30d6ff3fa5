"""What the documents show is what comes out."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"


@pytest.mark.parametrize("name", ["where.md"])
def test_the_examples_are_true(name: str) -> None:
    """The fences around them are no output."""
    text = (DOCS / name).read_text("utf-8").replace("```", "\n")
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    found = doctest.DocTestParser().get_doctest(text, {}, name, name, 0)
    assert len(found.examples) > 20
    told: list[str] = []
    doctest.DocTestRunner(optionflags=flags).run(found, out=told.append)
    assert not told, "".join(told)
