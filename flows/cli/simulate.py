"""``uproar simulate``: made-up posts or counts, with the truth about them beside."""

from __future__ import annotations

import gzip
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from cyclopts import Parameter

from detectors.errors import InputError
from flows.cli.output import DONE, emit, progress_steps, say

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import IO

    from detectors.evaluation.simulate import Scenario, Truth


def simulate(  # noqa: PLR0913 - one parameter an option
    target: Path,
    /,
    *,
    counts: Annotated[bool, Parameter(negative="")] = False,
    days: float = 7,
    services: int = 2,
    seed: int = 1,
    difficulty: Literal["standard", "hard"] = "standard",
    noise: Literal["poisson", "negbin", "hawkes", "clusters"] = "negbin",
    max_posts: int | None = None,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Write simulated posts, or counts, and the truth about them.

    Popular services are written about a lot: a week of two services can be two million posts; --max-posts stops
    earlier.

    Posts go to TARGET (.jsonl or .jsonl.gz), their truth to TARGET.truth.json. With --counts TARGET is a folder that
    gets one CSV a service, and truth.json.

    Parameters
    ----------
    target
        Where to.
    counts
        Counts instead of posts.
    days
        How long, at least 7.
    services
        How many services.
    seed
        The same seed gives the same posts.
    difficulty
        hard adds rarely mentioned services, leading gaps, outages of a day and site-wide steps.
    noise
        How counts scatter about their expected rate.
    max_posts
        Stop after so many posts.
    json
        Print JSON.
    """
    from detectors.evaluation.simulate import random_scenario

    if max_posts is not None and max_posts < 1:
        raise InputError(f"--max-posts must be at least 1, not {max_posts}")
    scenario = random_scenario(seed, difficulty=difficulty, family=noise, days=days, n_services=services)
    written = _write_counts(target, scenario, seed) if counts else _write_posts(target, scenario, seed, max_posts)
    if json:
        emit({"simulated": True, "seed": seed} | written)
    else:
        say(f"Simulated (seed {seed}): " + ", ".join(f"{name} {value}" for name, value in written.items()))
    return DONE


def _write_posts(target: Path, scenario: Scenario, seed: int, max_posts: int | None) -> dict[str, object]:
    from detectors.evaluation.simulate import in_arrival_order, posts_truth, simulate_posts, to_lines

    if not target.name.endswith((".jsonl", ".jsonl.gz")):
        raise InputError(f"{target}: posts are written to .jsonl or .jsonl.gz")
    lines = to_lines(in_arrival_order(simulate_posts(scenario, seed=seed)))
    n_posts = _write_lines(target, lines, max_posts)
    truth = target.with_name(target.name.split(".")[0] + ".truth.json")
    _write_truth(truth, posts_truth(scenario, seed=seed), seed)
    return {"posts": n_posts, "file": str(target), "truth": str(truth)}


def _write_lines(target: Path, lines: Iterable[bytes], most: int | None) -> int:
    n_lines = 0
    with _opened(target) as file, progress_steps(f"Writing {target.name}", most) as advance:
        for n_lines, line in enumerate(lines, 1):
            file.write(line)
            if n_lines % 10_000 == 0:
                advance(10_000)
            if n_lines == most:
                break
    return n_lines


@contextmanager
def _opened(target: Path) -> Iterator[IO[bytes] | gzip.GzipFile]:
    if target.suffix == ".gz":
        with gzip.open(target, "wb", compresslevel=6) as packed:
            yield packed
    else:
        with target.open("wb") as plain:
            yield plain


def _write_counts(folder: Path, scenario: Scenario, seed: int) -> dict[str, object]:
    from detectors.evaluation.simulate import simulate_counts

    folder.mkdir(parents=True, exist_ok=True)
    made = simulate_counts(scenario, seed=seed)
    for series in made.series:
        frame = series.to_frame()["observed"].rename_axis("timestamp").rename("value")
        frame.to_csv(folder / f"{series.service}.csv", date_format="%Y-%m-%dT%H:%M:%SZ")
    _write_truth(folder / "truth.json", made.truth, seed)
    return {"series": len(made.series), "folder": str(folder), "truth": str(folder / "truth.json")}


def _write_truth(file: Path, truth: Truth, seed: int) -> None:
    record = {"simulated": True, "seed": seed, "outages": truth.outages, "confounders": truth.confounders}
    file.write_bytes(msgspec.json.format(msgspec.json.encode(record), indent=2) + b"\n")
