"""Many files of posts at once, as a Prefect flow. No logic lives here."""

from __future__ import annotations

from prefect import flow, get_run_logger

from flows.conductor import configuration
from flows.engines import ENGINES
from flows.replay import backfill as run
from flows.replay import parts_of


@flow(name="uproar-backfill", description="Bring files of posts into the store and judge every series once.")
def backfill(files: list[str], config: str | None = None, engine: str = "local", workers: int | None = None) -> int:
    """Bring files of posts into the store; return how many page incidents are in them.

    Parameters
    ----------
    files
        Files of posts, as the worker sees them.
    config
        The configuration file; None = ``uproar.toml`` of the working folder where there is one.
    engine
        A name in :data:`flows.engines.ENGINES`.
    workers
        How many files at once; None = one a core.
    """
    logger = get_run_logger()
    filled, found = run(parts_of(files, *configuration(config)), ENGINES[engine](workers))
    for one in filled:
        logger.info("%s: %s", one.path, one.error or f"{one.came.posts} posts, {one.came.reports} new reports")
    return len(found.at_least("page"))
