"""``uproar sources`` and ``uproar purge``: how the sources are doing, and forgetting what must be forgotten."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from detectors.errors import InputError
from flows.cli.output import DONE, LOOK, emit, say
from flows.settings import World, load_settings, utc_now

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from flows.settings import Settings
    from flows.store import Fault, Feed, Store

STATUS, OFFICIAL = "status", "official status pages"
"""The source of feeds that are pages, as in :mod:`flows.store.status`, which loads too much; what they are called."""

ASKED_WITHIN = timedelta(days=1)
"""Whatever is configured is asked, or waited for, within a day."""

Flag = Annotated[bool, Parameter(negative="")]


def sources(*, config: Path | None = None, json: Flag = False) -> int:
    """Show how each source is doing: when it last went well, how far it is behind, what is wrong, what it cost.

    Parameters
    ----------
    config
        The configuration file; default uproar.toml where there is one.
    json
        Print one JSON object a source.
    """
    from flows.store import open_store

    settings = load_settings(config, environ=os.environ)
    now = utc_now()
    with open_store(settings.store.url, create=False) as store:
        records = describe(store, settings, now)
    for record in records:
        if json:
            emit(record)
        else:
            say(sentence(record, now))
    if not records and not json:
        say("No source has been asked yet. To ask them: uproar watch --once")
    return LOOK if any(record["state"] not in ("ok", "waiting") for record in records) else DONE


def describe(store: Store, settings: Settings, now: datetime) -> list[dict[str, Any]]:
    """Return one record a feed, by name; one that others were asked a day after is asked no more, and left out."""
    by_label: dict[str, list[Feed]] = {}
    feeds = store.feeds(now)
    last_at = max((feed.tried_at for feed in feeds), default=now)
    for feed in feeds:
        if last_at - feed.tried_at > ASKED_WITHIN and (feed.not_before is None or feed.not_before <= now):
            continue
        by_label.setdefault(OFFICIAL if feed.source == STATUS else feed.label, []).append(feed)
    faults = store.faults()
    spent: dict[str, float] = {}
    for one in store.spending(f"{now:%Y-%m}"):
        spent[one.source] = spent.get(one.source, 0.0) + one.usd
    records = [_record(label, feeds, faults, now) for label, feeds in sorted(by_label.items())]
    for record in records:
        if record["source"] in spent or (record["source"] == "x" and settings.x.bearer_token):
            record["spent_usd"] = spent.get(record["source"], 0.0)
            record["remaining_usd"] = max(0.0, settings.x.budget_usd - record["spent_usd"])
    return records


def _record(label: str, feeds: Sequence[Feed], faults: Sequence[Fault], now: datetime) -> dict[str, Any]:
    source = feeds[0].source
    failing = [feed for feed in feeds if feed.failed_since]
    broken = failing[0] if failing else None
    mine = [fault for fault in faults if fault.source == source and fault.kind != "failing"]
    newest = max((feed.newest_at for feed in feeds if feed.newest_at), default=None)
    not_before = max((feed.not_before for feed in feeds if feed.not_before and feed.not_before > now), default=None)
    state = "failing" if broken else mine[0].kind if mine else "waiting" if not_before else "ok"
    problem = broken.error if broken else "; ".join(fault.message for fault in mine) or None
    if len(failing) > 1:
        problem = f"{len(failing)} of {len(feeds)} fail, the first: {problem}"
    return {
        "source": source,
        "label": label,
        "state": state,
        "problem": problem,
        "failed_since": broken.failed_since if broken else None,
        "not_before": not_before,
        "queries": len(feeds),
        "ok_at": max((feed.ok_at for feed in feeds if feed.ok_at), default=None),
        "newest_at": newest,
        "lag_s": None if newest is None else round((now - newest).total_seconds()),
        "n_reports_24h": feeds[0].n_reports,
    }


def sentence(record: dict[str, Any], now: datetime) -> str:
    """Say how a source is doing, in one line."""
    parts = [f"{record['label']:28} {record['state']:8}"]
    if record["newest_at"]:
        behind = now - record["newest_at"]
        parts.append(f"read to {record['newest_at']:%Y-%m-%d %H:%M} UTC ({behind.total_seconds() / 60:.0f} min ago)")
    elif record["source"] != STATUS:
        parts.append("nothing read yet")
    if record["source"] != STATUS:
        parts.append(f"{record['n_reports_24h']:,} reports in 24 h")
    if record["queries"] > 1:
        parts.append(f"{record['queries']} queries")
    if "spent_usd" in record:
        parts.append(f"${record['spent_usd']:.2f} spent this month, ${record['remaining_usd']:.2f} left")
    if record["problem"]:
        parts.append(record["problem"])
    if record["not_before"]:
        parts.append(f"not before {record['not_before']:%H:%M} UTC")
    return parts[0] + " " + "; ".join(parts[1:])


def purge(  # noqa: PLR0913 - one parameter an option
    *,
    author: str | None = None,
    post: str | None = None,
    before: str | None = None,
    dry_run: Flag = False,
    config: Path | None = None,
    json: Flag = False,
) -> int:
    """Forget posts: by their author, by their id, or all that are older. Counts stay; it cannot be undone.

    Parameters
    ----------
    author
        PLATFORM:AUTHOR, as the platform writes it, for instance bluesky:did:plc:abc.
    post
        PLATFORM:ID.
    before
        An instant with its zone, for instance 2026-03-01T00:00Z.
    dry_run
        Only say how many reports it would be.
    config
        The configuration file; default uproar.toml where there is one.
    json
        Print one JSON object.
    """
    from flows.store import open_store

    given = {name: value for name, value in (("author", author), ("post", post), ("before", before)) if value}
    if len(given) != 1:
        raise InputError("say what is to be forgotten: one of --author, --post, --before")
    ((what, value),) = given.items()
    settings = load_settings(config, environ=os.environ)
    secret = World().secret("store.secret", settings.store.secret) or None
    with open_store(settings.store.url, secret=secret, create=False) as store:
        if what == "before":
            n = store.purge(before=_instant(value), dry_run=dry_run)
        elif what == "author":
            n = store.purge(author=_pair(what, value), dry_run=dry_run)
        else:
            n = store.purge(post=_pair(what, value), dry_run=dry_run)
    if json:
        emit({"forgotten": n, "what": what, "dry_run": dry_run})
    else:
        would = "Would be forgotten" if dry_run else "Forgotten"
        say(f"{would}: texts, ids, places and authors of {n:,} report{'' if n == 1 else 's'}. Counts stay.")
    return DONE


def _pair(what: str, value: str) -> tuple[str, str]:
    platform, _, name = value.partition(":")
    if not platform or not name:
        raise InputError(f"--{what} takes PLATFORM:{what.upper()}, for instance bluesky:did:plc:abc")
    return platform, name


def _instant(value: str) -> datetime:
    from datetime import datetime

    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise InputError("--before takes an instant with its zone, for instance 2026-03-01T00:00Z")
    return at
