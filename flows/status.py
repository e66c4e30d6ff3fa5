"""The official status pages, as a Prefect flow. No logic lives here."""

from __future__ import annotations

from prefect import flow, get_run_logger

from flows.conductor import configuration
from flows.live import read_status


@flow(name="uproar-status", description="Read the official status pages and keep every wording.")
def status(config: str | None = None) -> int:
    """Read the pages that are due; return how many wordings were new.

    Parameters
    ----------
    config
        The configuration file; None = ``uproar.toml`` of the working folder where there is one.
    """
    logger = get_run_logger()
    done = read_status(*configuration(config))
    for page, n_new in done.n_new.items():
        logger.log(20 if n_new else 10, "%s: %d new wordings", page, n_new)
    for page, reason in done.failed.items():
        logger.error("%s: %s", page, reason)
    return sum(done.n_new.values())
