"""Keeping the promise of forgetting, as a Prefect flow. No logic lives here."""

from __future__ import annotations

from prefect import flow, get_run_logger

from flows.conductor import configuration
from flows.live import keep_house


@flow(name="uproar-housekeeping", description="Forget texts, ids and places of posts that are old enough.")
def housekeeping(config: str | None = None) -> int:
    """Forget what is older than the configuration says; return how many reports that were.

    Parameters
    ----------
    config
        The configuration file; None = ``uproar.toml`` of the working folder where there is one.
    """
    settings, world = configuration(config)
    logger = get_run_logger()
    done = keep_house(settings, world)
    logger.info("%d reports are older than %g h: only counts stay", done.n_old, settings.privacy.keep_h)
    logger.info("%d reports are gone from their platform", done.n_gone)
    for label, reason in done.failed.items():
        logger.error("%s: %s", label, reason)
    return done.n_old + done.n_gone
