"""``uproar simulate``: made-up posts and counts that the other commands can read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.flows.cli.conftest import Said

SMALL = ["--days", "7", "--services", "1"]


@pytest.mark.parametrize("name", ["posts.jsonl", "posts.jsonl.gz"])
def test_simulated_posts_can_be_replayed(uproar: Callable[..., Said], name: str) -> None:
    said = uproar("simulate", name, *SMALL, "--max-posts", "3000")
    assert said.code == 0
    assert said.out == f"Simulated (seed 1): posts 3000, file {name}, truth posts.truth.json\n"
    truth = json.loads(Path("posts.truth.json").read_text())
    assert truth["simulated"] is True
    assert {"outages", "confounders", "seed"} <= truth.keys()
    replayed = uproar("replay", name)
    assert replayed.out.startswith("3,000 posts")


def test_the_same_seed_gives_the_same_posts(uproar: Callable[..., Said]) -> None:
    records = [
        uproar("simulate", name, *SMALL, "--max-posts", "500", "--seed", seed, "--json").record
        for name, seed in (("a.jsonl", 3), ("b.jsonl", 3), ("c.jsonl", 4))
    ]
    assert [record["posts"] for record in records] == [500] * 3
    assert records[0] == {
        "simulated": True,
        "seed": 3,
        "posts": 500,
        "file": "a.jsonl",
        "truth": "a.truth.json",
    }
    one, same, other = (Path(name).read_bytes() for name in ("a.jsonl", "b.jsonl", "c.jsonl"))
    assert one == same != other
    truths = [Path(f"{name}.truth.json").read_bytes() for name in "abc"]
    assert truths[0] == truths[1] != truths[2]


def test_simulated_counts_can_be_replayed_one_by_one(uproar: Callable[..., Said]) -> None:
    record = uproar("simulate", "made", "--counts", "--days", "7", "--services", "2", "--json").record
    assert record["series"] == 2
    files = sorted(Path("made").glob("*.csv"))
    assert len(files) == 2
    assert json.loads(Path("made/truth.json").read_text())["simulated"] is True
    for file in files:
        said = uproar("replay", "--counts", file)
        assert said.code == 0
        assert "10,080 bins, 1 series" in said.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["posts.csv", *SMALL], "posts are written to .jsonl or .jsonl.gz"),
        (["posts.jsonl", "--days", "1"], "days"),
        (["posts.jsonl", "--services", "0"], "services"),
        (["no/folder/posts.jsonl", *SMALL, "--max-posts", "1"], "no/folder/posts.jsonl: No such file"),
    ],
)
def test_what_cannot_be_simulated_is_refused(uproar: Callable[..., Said], arguments: list[str], message: str) -> None:
    said = uproar("simulate", *arguments)
    assert said.code == 2
    assert message in said.err
    assert list(Path.cwd().iterdir()) == []
