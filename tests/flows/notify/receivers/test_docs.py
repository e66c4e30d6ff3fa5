"""What docs/receivers.md shows is what is sent."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from flows.net.guard import TIMEOUT_S
from flows.net.transport import MAX_ANSWER_BYTES, TOTAL_S
from flows.notify.receivers import KINDS
from flows.notify.receivers import apprise as tail
from flows.notify.receivers.facts import TEXT_LIMIT
from tests.flows.notify.receivers.helpers import GOLDEN

DOCS = Path(__file__).resolve().parents[4] / "docs"
TEXT = (DOCS / "receivers.md").read_text("utf-8")
EXAMPLES = re.findall(r"<!-- (\S+?)-minimal( text)? -->\n```(?:json)?\n(.*?)```", TEXT, re.DOTALL)


@pytest.mark.parametrize(("kind", "part", "shown"), EXAMPLES)
def test_examples_are_golden(kind: str, part: str, shown: str) -> None:
    sent = json.loads((GOLDEN / f"{kind}-minimal.json").read_text("utf-8"))
    if part:
        assert sent["text"].replace("\r\n", "\n") == shown
    else:
        assert sent == json.loads(shown)


def test_every_kind_is_there() -> None:
    assert [kind for kind, _, _ in EXAMPLES] == list(KINDS)
    assert [head for head in re.findall(r"^## (.+)$", TEXT, re.MULTILINE) if head in KINDS] == list(KINDS)


def test_figures() -> None:
    assert f"{TIMEOUT_S:g} s without a sign of life, {TOTAL_S:g} s for all of an attempt" in TEXT
    assert f"Of an answer {MAX_ANSWER_BYTES // 1000} kB are read" in TEXT
    assert f"a text has at most {TEXT_LIMIT} characters" in TEXT
    assert f"title {tail.TITLE_LIMIT} characters, text {tail.BODY_LIMIT:,}" in TEXT


def test_links_lead_somewhere() -> None:
    for link in re.findall(r"\]\((?!https?:)([^)#]+)\)", TEXT):
        assert (DOCS / link).is_file()
