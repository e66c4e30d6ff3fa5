"""``uproar backfill``: many files of posts at once."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter, validators

from flows.cli.output import DONE, LOOK, emit, note, progress_steps, say, skipped
from flows.settings import World, load_settings

Flag = Annotated[bool, Parameter(negative="")]


def backfill(  # noqa: PLR0913 - one parameter an option
    *files: Path,
    engine: Literal["local"] = "local",
    workers: Annotated[int | None, Parameter(validator=validators.Number(gte=1, lte=64))] = None,
    store: str | None = None,
    service: str | None = None,
    config: Path | None = None,
    json: Flag = False,
) -> int:
    """Bring many files of posts into the store, several at a time, then judge every series once.

    A file that was read before is read on from where it was left; interrupted, the same command goes on.

    Parameters
    ----------
    files
        Files of posts (.jsonl, .jsonl.gz, .jsonl.zst).
    engine
        Where the reading runs: local, in processes of this machine.
    workers
        How many files at once; default: one a core.
    store
        Where to keep it; default: [store] url of the configuration.
    service
        Only this service.
    config
        The configuration file; default uproar.toml where there is one.
    json
        Print one JSON object a file, then one an incident.
    """
    from msgspec.structs import replace

    from flows.cli.replay import summary
    from flows.engines import ENGINES
    from flows.replay import backfill as run
    from flows.replay import parts_of
    from flows.report.record import incident_record
    from flows.sources.archive import names_of

    settings = load_settings(config, environ=os.environ)
    if store:
        settings = replace(settings, store=replace(settings.store, url=store))
    if service:
        settings = replace(settings, watch=replace(settings.watch, services=(service,)))
    parts = parts_of([str(file) for file in files], settings, World())
    with progress_steps("Reading files", len(parts)) as advance:
        filled, found = run(parts, ENGINES[engine](workers), progress=advance)
    for file, one in zip(names_of(files), filled, strict=True):
        if json:
            emit({"file": str(file), **one.came.record(), "error": one.error})
        else:
            say(f"{file}: {one.error or f'{one.came.posts:,} posts, {one.came.reports:,} new reports'}")
    chosen = found.at_least("page")
    for history in chosen if json else ():
        emit(incident_record(history.incident))
    if not json:
        say(summary(found, chosen, "posts"))
    skipped(found.came.skipped, found.came.n_skipped)
    if found.came.duplicates:
        note(f"{found.came.duplicates:,} reports had come before; they were counted once")
    return LOOK if found.needs_a_look else DONE
