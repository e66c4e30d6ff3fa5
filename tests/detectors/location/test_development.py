"""The development strings: the figures reached are held, as floors. Acceptance uses other strings."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, NamedTuple

import pytest

from detectors.location import Kind, Located, level, locate

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.real


class Score(NamedTuple):
    recall: float
    precision: float


@pytest.fixture(scope="module")
def rows(shared_data: Path) -> list[dict[str, str]]:
    with (shared_data / "locations" / "public.csv").open(encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file) if row["ambiguous"] == "0"]


def answers(rows: list[dict[str, str]], kind: Kind) -> list[tuple[dict[str, str], list[Located]]]:
    is_kind = {"profile": "profile", "post_text": "text"}
    return [(row, locate(row["text"], kind=kind)) for row in rows if is_kind[row["kind"]] == kind]


def score(found: list[tuple[dict[str, str], list[Located]]], wanted: str) -> Score:
    """Score the best answer of a level against the accepted ones."""
    labelled = answered = right = 0
    for row, located in found:
        accepted = {code for code in row[wanted].split(";") if code}
        best = next((one.region for one in located if level(one.region) == wanted), None)
        labelled += bool(accepted)
        answered += bool(accepted) and best is not None
        right += best in accepted
    return Score(right / labelled, right / answered)


def test_profile_fields(rows: list[dict[str, str]]) -> None:
    found = answers(rows, "profile")
    country, subdivision = score(found, "country"), score(found, "subdivision")
    assert country.recall >= 0.97
    assert country.precision >= 0.99
    assert subdivision.recall >= 0.97
    assert subdivision.precision >= 0.99


def test_jokes(rows: list[dict[str, str]]) -> None:
    jokes = [located for row, located in answers(rows, "profile") if row["level"] == "none"]
    assert sum(map(bool, jokes)) / len(jokes) <= 0.03


def test_confidence(rows: list[dict[str, str]]) -> None:
    right = []
    for row, located in answers(rows, "profile"):
        for wanted in ("country", "subdivision"):
            accepted = {code for code in row[wanted].split(";") if code}
            best = next((one for one in located if level(one.region) == wanted), None)
            if best is not None and best.confidence >= 0.9 and (accepted or wanted == "country"):
                right.append(best.region in accepted)
    assert len(right) > 250
    assert sum(right) / len(right) >= 0.97


def test_posts(rows: list[dict[str, str]]) -> None:
    found = answers(rows, "text")
    assert score(found, "country") == (1, 1)
    assert score(found, "subdivision") == (1, 1)
    assert not any(located for row, located in found if row["level"] == "none")
