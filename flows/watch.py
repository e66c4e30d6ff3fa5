"""The live pipeline as a Prefect flow: one run a tick, for all services. No logic lives here.

A run takes its window from the cursors in the store, so a run that comes late, twice or after a crash is a cheap
no-op. Retries are not Prefect's: a run that fails is followed by the next tick.
"""

from __future__ import annotations

from prefect import flow, get_run_logger, task

from flows.conductor import configuration, tell
from flows.live import Tick, run_tick


@task(name="tick", description="Ingest what is new, judge the bins that are complete, keep what changed.")
def tick(config: str | None) -> Tick:
    """Run the pipeline once."""
    return run_tick(*configuration(config))


@flow(name="uproar-watch", description="Find outages in what people post.")
def watch(config: str | None = None) -> int:
    """Run the live pipeline once.

    Parameters
    ----------
    config
        The configuration file; None = ``uproar.toml`` of the working folder where there is one.

    Returns
    -------
    int
        Number of incidents that changed.
    """
    logger = get_run_logger()
    done = tick(config)
    for label, came in done.ingested.items():
        logger.info("%s: %d posts, %d new reports, %d skipped", label, came.posts, came.reports, came.n_skipped)
    for label, reason in done.failed.items():
        logger.error("%s: %s", label, reason)
    for sentence in done.headlines:
        logger.warning("%s", sentence)
    tell(done)
    return len(done.incidents)
