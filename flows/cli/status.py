"""``uproar status``: what the official pages say, and every wording that they had."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from detectors.errors import InputError
from detectors.text import printable
from flows.cli.output import DONE, LOOK, emit, note, say, skipped
from flows.settings import load_settings, utc_now

if TYPE_CHECKING:
    from collections.abc import Sequence

    from detectors.model import Service, StatusRevision
    from flows.store import Store

Flag = Annotated[bool, Parameter(negative="")]


def status(
    *services: str,
    poll: Flag = False,
    history: Flag = False,
    account: Path | None = None,
    config: Path | None = None,
    json: Flag = False,
) -> int:
    """Show what the official status pages say, as we last saw them.

    Parameters
    ----------
    services
        Only these; default: those of [watch] services, or all.
    poll
        Ask the pages that are due first.
    history
        Every wording that was ever seen, oldest first, with when it was first seen.
    account
        First bring in what an official account of one service posted: a file of posts (.jsonl).
    config
        The configuration file; default uproar.toml where there is one.
    json
        Print one JSON object a wording.
    """
    from detectors.reference import catalogue
    from flows.live import read_status
    from flows.store import open_store

    settings = load_settings(config, environ=os.environ)
    known = catalogue()
    chosen = [known.get_or_suggest(name) for name in services or settings.watch.services] or list(known.values())
    code = DONE
    if poll:
        from msgspec.structs import replace

        wanted = replace(settings, watch=replace(settings.watch, services=tuple(one.id for one in chosen)))
        done = read_status(wanted)
        for reason in done.failed.values():
            note(f"official: {reason}")
        code = LOOK if done.failed else DONE
    with open_store(settings.store.url, create=account is not None) as store:  # pages are nobody's posts: no secret
        if account:
            code = max(code, _bring_in(store, chosen, account))
        rows = _every(store, chosen) if history else _now(store, chosen)
    for row in rows:
        if json:
            emit(row)
        else:
            say(sentence(row))
    if not rows and not json:
        say("No official page has said anything. To ask them: uproar status --poll")
    return code


def _bring_in(store: Store, chosen: Sequence[Service], file: Path) -> int:
    """Read the posts of an official account from a file."""
    from flows.sources.archive import Archive
    from flows.sources.statuspage import Account, Page
    from flows.steps.status import keep_account

    if len(chosen) != 1:
        raise InputError("name the one service whose account this is: uproar status SERVICE --account FILE")
    (service,) = chosen
    source = Archive(file, now=utc_now())
    posts = [post for batch in source.fetch("account", None) for post in batch.posts]
    url = service.status.url if service.status else f"account:{service.id}"
    n_new = keep_account(store, Account(Page("account", url, (service,))), posts)
    note(f"{file.name}: {len(posts):,} posts, {n_new:,} new wordings")
    return skipped(source.tally.messages, source.tally.n_skipped)


def _now(store: Store, chosen: Sequence[Service]) -> list[StatusRevision]:
    """Return the last wordings of what is open, each once."""
    at = utc_now()
    found: dict[tuple[str, str, str], StatusRevision] = {}
    for service in chosen:
        found |= {(row.page, row.incident_id, row.update_id): row for row in store.status_at(service.id, at)}
    return list(found.values())


def _every(store: Store, chosen: Sequence[Service]) -> list[StatusRevision]:
    """Return every wording that was ever seen, each once."""
    found: dict[tuple[str, str, str, str], StatusRevision] = {}
    for service in chosen:
        for row in store.status_records(service.id):
            found[row.page, row.incident_id, row.update_id, row.sha256] = row
    return sorted(found.values(), key=lambda row: (row.seen_at, row.page, row.incident_id, row.is_whole, row.position))


def sentence(row: StatusRevision) -> str:
    """Say what a wording is, in one line."""
    who = ", ".join(row.services) or row.page
    what: Any = f"{row.title!r}, began {row.started_at:%Y-%m-%d %H:%M} UTC" if row.is_whole and row.started_at else None
    text = what or row.body or row.title
    return printable(f"{row.seen_at:%Y-%m-%d %H:%M} {who}: {row.state}: {text}", limit=1_000)
