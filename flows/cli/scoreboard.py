"""``uproar scoreboard``: every detector on simulation, real counts and NAB, in one table."""

from __future__ import annotations

import platform
import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from cyclopts import Parameter

from detectors.errors import InputError
from flows.cli.output import DONE, emit, note, progress_steps, say
from flows.settings import utc_now

if TYPE_CHECKING:
    from collections.abc import Sequence

    from detectors.evaluation.trial import Settings, Trial

Flag = Annotated[bool, Parameter(negative="")]
Part = Literal["simulation", "real", "nab", "all"]
Record = dict[str, Any]

DATA = Path("../shared/data")


def scoreboard(  # noqa: PLR0913 - one parameter an option
    *,
    detector: Annotated[tuple[str, ...], Parameter(consume_multiple=True, negative="")] = ("uproar",),
    part: Part = "all",
    trials: int = 5,
    difficulty: Annotated[tuple[Literal["standard", "hard"], ...], Parameter(consume_multiple=True, negative="")] = (
        "standard",
    ),
    noise: Annotated[
        tuple[Literal["negbin", "poisson", "hawkes", "clusters"], ...], Parameter(consume_multiple=True, negative="")
    ] = ("negbin",),
    seeds: Literal["calibration", "test"] = "calibration",
    days: float = 35,
    services: int = 20,
    sweep: Flag = False,
    data: Path = DATA,
    out: Path = Path("scoreboard"),
    jobs: int = 2,
    json: Flag = False,
) -> int:
    """Measure detectors on simulation, real counts and NAB, and write the table.

    OUT gets scoreboard.json, scoreboard.md, scoreboard.svg, and trials.jsonl: what is done already, so that a run that
    was stopped goes on.

    Parameters
    ----------
    detector
        Names of detectors, or all.
    part
        simulation; real and nab need the data; all.
    trials
        Simulated scenarios for each difficulty and noise.
    difficulty
        hard adds rarely mentioned services, leading gaps, outages of a day and site-wide steps.
    noise
        How counts scatter about their expected rate.
    seeds
        calibration: for choosing; test: for reporting, once.
    days
        Length of a scenario.
    services
        Services in a scenario.
    sweep
        Also at thresholds re-tuned to 0.1, 0.3 and 1 false alarm a service-month; defaults stay as they are.
    data
        Folder with the real counts.
    out
        Folder for the results.
    jobs
        Processes.
    json
        Print the figures as JSON.
    """
    from detectors.evaluation.trial import Settings
    from flows.scoreboard.board import BUDGETS, markdown
    from flows.scoreboard.plot import plot
    from flows.scoreboard.trials import chosen_detectors

    names = chosen_detectors(detector)
    _check(names, trials, jobs)
    out.mkdir(parents=True, exist_ok=True)
    budgets = BUDGETS if sweep else ()
    board: Record = _head()
    if part in ("simulation", "all"):
        settings = [Settings(one, family, days, services) for one in difficulty for family in noise]
        board["simulation"] = _simulation(names, settings, (seeds, trials), (out, jobs), budgets)
    if part in ("real", "all"):
        board["real"] = _real(data, names, budgets)
    if part in ("nab", "all"):
        board["nab"] = _nab(data, names)
    (out / "scoreboard.json").write_bytes(msgspec.json.format(msgspec.json.encode(board), indent=1) + b"\n")
    board = msgspec.json.decode((out / "scoreboard.json").read_bytes())
    (out / "scoreboard.md").write_text(markdown(board), encoding="utf-8")
    (out / "scoreboard.svg").write_text(plot(board), encoding="utf-8")
    if json:
        emit(board)
    else:
        say(markdown(board))
    note(f"wrote scoreboard.json, .md and .svg in {out}")
    return DONE


def _check(names: Sequence[str], trials: int, jobs: int) -> None:
    from detectors.spikes import DETECTORS

    for name in names:
        if name not in DETECTORS:
            raise InputError(f"no detector {name!r}; there are {', '.join(sorted(DETECTORS))}, and all")
    if trials < 1 or jobs < 1:
        raise InputError("--trials and --jobs are at least 1")


def _head() -> Record:
    packages = ("uproar", "numpy", "numba", "pandas")
    return {
        "made_at": utc_now(),
        "commit": _commit(),
        "versions": {"python": platform.python_version(), **{name: version(name) for name in packages}},
        "simulation": [],
        "real": None,
        "nab": None,
    }


def _commit() -> str | None:
    """Return the commit of the checkout that this code runs from; None outside of one."""
    git = shutil.which("git")
    if git is None:
        return None
    asked = [git, "-C", str(Path(__file__).parent), "rev-parse", "--short=12", "HEAD"]
    told = subprocess.run(asked, capture_output=True, text=True, check=False)  # noqa: S603 - nothing of it is input
    return told.stdout.strip() or None


def _simulation(
    names: Sequence[str],
    settings: Sequence[Settings],
    seeds: tuple[Literal["calibration", "test"], int],
    where: tuple[Path, int],
    budgets: Sequence[float],
) -> list[Record]:
    from detectors.evaluation.simulate import seeds as seeds_of
    from detectors.evaluation.trial import ORACLE
    from flows.scoreboard.board import simulation_part
    from flows.scoreboard.trials import Kept, missing, run_jobs

    (purpose, n), (out, processes) = seeds, where
    numbers = seeds_of(purpose, n)
    kept = Kept(out / "trials.jsonl")
    everybody = (*names, ORACLE)
    jobs = missing(kept, settings, numbers, everybody)
    with progress_steps("Simulating", len(jobs)) as advance:
        run_jobs(kept, jobs, processes=processes, advance=advance)
    parts = []
    for one in settings:
        trials: dict[str, list[Trial]] = {
            name: [trial for seed in numbers if (trial := kept.get(name, one, seed))] for name in everybody
        }
        parts.append(simulation_part(trials, one, budgets) | {"purpose": purpose, "seeds": n})
    return parts


def _real(data: Path, names: Sequence[str], budgets: Sequence[float]) -> Record | None:
    from flows.scoreboard.development import has_counts, real_part

    if not has_counts(data):
        note(f"real counts left out: they are not in {data} (--data)")
        return None
    with progress_steps("Real counts", None):
        return real_part(data, names, budgets)


def _nab(data: Path, names: Sequence[str]) -> Record | None:
    from flows.scoreboard.nab import has_tweets, nab_part

    if not has_tweets(data):
        note(f"NAB left out: its counts are not in {data} (--data)")
        return None
    with progress_steps("NAB", None):
        return nab_part(data, names)
