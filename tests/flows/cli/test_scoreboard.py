"""``uproar scoreboard``: figures, files, and going on where it stopped."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.flows.cli.conftest import Said

SMALL = {"--trials": "2", "--days": "7", "--services": "2", "--jobs": "1", "--data": "nowhere"}


def small(**others: str) -> list[str]:
    """Return options of a small run, and others."""
    options = SMALL | {f"--{name}": value for name, value in others.items()}
    return [word for pair in options.items() for word in pair]


def test_the_scoreboard_is_written_printed_and_goes_on(uproar: Callable[..., Said]) -> None:
    said = uproar("scoreboard", *small(out="board"))
    assert said.code == 0
    assert "real counts left out: they are not in nowhere (--data)" in said.err
    assert "NAB left out: its counts are not in nowhere (--data)" in said.err
    folder = Path("board")
    assert said.out.startswith("# Scoreboard\n")
    assert (folder / "scoreboard.md").read_text() in said.out
    assert (folder / "scoreboard.svg").read_text().startswith("<svg")
    board = json.loads((folder / "scoreboard.json").read_text())
    assert board["real"] is board["nab"] is None
    assert {"made_at", "commit", "versions"} <= board.keys()
    assert "uproar" in board["versions"]
    (part,) = board["simulation"]
    assert (part["purpose"], part["seeds"]) == ("calibration", 2)
    assert part["settings"] == {"difficulty": "standard", "noise": "negbin", "days": 7, "n_services": 2}
    kept = (folder / "trials.jsonl").read_bytes()
    assert len(kept.splitlines()) == 4  # two seeds, ours and the oracle

    again = uproar("scoreboard", *small(out="board", part="simulation"), "--json", "--sweep")
    assert again.err.strip() == "wrote scoreboard.json, .md and .svg in board"
    assert (folder / "trials.jsonl").read_bytes() == kept
    assert again.record["simulation"][0]["rows"][0] == part["rows"][0]
    assert len(again.record["simulation"][0]["rows"]) > len(part["rows"])


def test_calibration_and_test_seeds_are_others(uproar: Callable[..., Said]) -> None:
    for seeds in ("calibration", "test"):
        said = uproar("scoreboard", *small(trials="1", seeds=seeds, part="simulation", out="board"))
        assert said.code == 0
    lines = [json.loads(line) for line in Path("board/trials.jsonl").read_text().splitlines()]
    assert {line["trial"]["seed"] for line in lines} == {1_000_000, 2_000_000}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"detector": "nobody"}, "no detector 'nobody'; there are "),
        ({"trials": "0"}, "--trials and --jobs are at least 1"),
        ({"days": "1"}, "a random scenario needs 7 to 3660 days"),
        ({"noise": "loud"}, "loud"),
    ],
)
def test_what_cannot_be_is_refused(uproar: Callable[..., Said], wrong: dict[str, str], said: str) -> None:
    found = uproar("scoreboard", *small(**wrong))
    assert found.code == 2
    assert said in found.err
    assert not Path("scoreboard/scoreboard.json").exists()


@pytest.mark.real
def test_real_counts_and_tweets(uproar: Callable[..., Said], shared_data: Path) -> None:
    said = uproar("scoreboard", "--part", "real", "--data", shared_data, "--json")
    assert said.record["real"]["truth"]["events"] == 132
    assert said.record["nab"] is None
    said = uproar("scoreboard", "--part", "nab", "--data", shared_data)
    assert "## NAB realTweets: 10 series, 33 windows" in said.out
