"""``uproar doctor``: what is well, what is not, and what to do about it."""

from __future__ import annotations

import os
import re
import socket
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Literal
from urllib.parse import urlsplit

from cyclopts import Parameter

from detectors.errors import SettingsError, SourceError, StoreError, UproarError
from flows.cli.output import DONE, LOOK, emit, say
from flows.net import Http
from flows.settings import Settings, World, load_settings, utc_now

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Flag = Annotated[bool, Parameter(negative="")]

MOST_SKEW_S = 20.0
"""A clock that is further off puts posts into the wrong minute, or takes them for posts from the future."""

ASLEEP = timedelta(hours=2)
"""Ticks come at least once an hour."""

REMEDIES = {
    "401": "the credentials are not accepted: make new ones, and put them where the configuration names them",
    "402": "the platform wants to be paid: look at the account there",
    "403": "the account may not do this: look at its permissions on the platform",
    "429": "asked too often: raise every_s, or watch fewer services",
    "budget": "the month's budget is spent: raise [x] budget_usd, or wait for the next month",
    "did not answer": "the platform or the network is slow: raise [sources] timeout_s, or wait",
    "connection failed": "check the network, the proxy and the address in the configuration",
    "behind": "it cannot keep up: raise [watch] every_s, or watch fewer services",
    "hardly anything": "the collector may be broken: look at the platform itself, then at its credentials",
}
"""What to do, by a word in what a source said."""


@dataclass(frozen=True)
class Finding:
    """What a check found, and what to do about it."""

    check: str
    level: Literal["ok", "look", "failed"]
    finding: str
    remedy: str = ""


def doctor(*, config: Path | None = None, json: Flag = False) -> int:
    """Check configuration, credentials, store, sources, reachability, clock, lag and Prefect; say what to do.

    Parameters
    ----------
    config
        The configuration file; default uproar.toml where there is one.
    json
        Print one JSON object a check.
    """
    settings = load_settings(config, environ=os.environ)
    findings = list(examine(settings))
    for found in findings:
        if json:
            emit(found)
            continue
        say(
            f"{ {'ok': 'ok    ', 'look': 'look  ', 'failed': 'FAILED'}[found.level] }  {found.check:14} {found.finding}"
        )
        if found.remedy:
            say(f"        {'':14} -> {found.remedy}")
    return DONE if all(found.level == "ok" for found in findings) else LOOK


def examine(settings: Settings) -> Iterator[Finding]:
    """Run every check; one that breaks is a finding, not a crash."""
    checks: dict[str, Callable[[Settings], Iterator[Finding]]] = {
        "catalogue": _catalogue,
        "store": _store,
        "sources": _sources,
        "credentials": _credentials,
        "reach": _reach,
        "lag": _lag,
        "receivers": _receivers,
        "detector": _detector,
        "prefect": _prefect,
    }
    for name, check in checks.items():
        try:
            yield from check(settings)
        except UproarError as error:
            yield Finding(name, "failed", str(error), "see the message")


def _catalogue(settings: Settings) -> Iterator[Finding]:
    from detectors.reference import catalogue

    known = catalogue()
    yield Finding("catalogue", "ok", f"{len(known)} services")
    for name in settings.watch.services:
        if known.resolve(name) is None:
            yield Finding("catalogue", "failed", f"[watch] services has {name!r}", "uproar init --list shows the ids")


def _store(settings: Settings) -> Iterator[Finding]:
    from flows.store import open_store
    from flows.store.engine import MISSING

    try:
        with open_store(settings.store.url, secret=_secret(settings), create=False) as store:
            store.integrity_check()
            if _secret(settings) or not settings.store.secret:
                store.check_secret()
            yield Finding("store", "ok", f"{store.describe()}; {len(store.keys())} series")
    except StoreError as error:
        if MISSING not in str(error):
            raise
        yield Finding("store", "ok", f"{str(error).partition(': ')[0]}: none yet; the first run makes it")
    if not settings.store.secret:
        remedy = "set UPROAR_STORE_SECRET to a long random text before you collect from live sources"
        yield Finding("privacy", "look", "stored authors are hashed without a secret", remedy)


def _receivers(settings: Settings) -> Iterator[Finding]:
    """Make every receiver, without telling it anything, and look how those do that were told something."""
    from flows.notify.configured import told_by
    from flows.store import open_store

    if not settings.receivers:
        yield Finding("receivers", "ok", "none: incidents are kept, and nobody is told")
        return
    made = told_by(settings, World()).receivers
    named = ", ".join(f"{name} ({one.kind})" for name, one in made.items())
    yield Finding("receivers", "ok", f"{named}; uproar test-receiver NAME sends a test")
    try:
        with open_store(settings.store.url, create=False) as store:
            states = store.receiver_states()
    except StoreError:
        return  # the check of the store says why
    for state in states:
        if state.disabled_at:
            remedy = f"look at it, then: uproar deliveries --enable {state.name}"
            yield Finding("receivers", "failed", f"{state.name} said that it is gone: {state.reason}", remedy)
        elif state.failing_since or state.n_dead:
            what = f"{state.name} does not take its messages: {state.n_pending:,} wait, {state.n_dead:,} were given up"
            yield Finding("receivers", "look", what, "uproar deliveries shows why")


def _secret(settings: Settings) -> str | None:
    """Return the secret of the store; None where there is none that can be known here (see :func:`_credentials`)."""
    try:
        return World().secret("store.secret", settings.store.secret) or None
    except SettingsError:
        return None


def _sources(settings: Settings) -> Iterator[Finding]:
    if not settings.sources.archive and not settings.is_live:
        remedy = "set UPROAR_STORE_SECRET to listen to Bluesky and Hacker News, or name sources in the configuration"
        yield Finding("sources", "look", "none configured", remedy)
    for name in settings.sources.archive:
        path = Path(name)
        if not path.is_file():
            yield Finding("sources", "failed", f"{name} is not a file", "correct [sources] archive")
        elif not os.access(path, os.R_OK):
            yield Finding("sources", "failed", f"{name} cannot be read", f"chmod u+r {name}")
        else:
            yield Finding("sources", "ok", f"{name}, {path.stat().st_size / 1e6:.1f} MB")


def _credentials(settings: Settings) -> Iterator[Finding]:
    """Look whether every secret that is named is there; none is shown."""
    named = {
        "x.bearer_token": settings.x.bearer_token,
        "reddit.client_secret": settings.reddit.client_secret,
        **{f"mastodon.tokens.{host}": token for host, token in settings.mastodon.tokens.items()},
        "store.secret": settings.store.secret,
    }
    if settings.reddit.client_id and not settings.reddit.client_secret:
        yield Finding("credentials", "failed", "reddit.client_secret is missing", "name it: env:REDDIT_CLIENT_SECRET")
    for key, value in named.items():
        if not value:
            continue
        if value.startswith("prefect:"):
            yield Finding("credentials", "ok", f"{key} is a Prefect Secret block: read under uproar serve")
            continue
        try:
            World().secret(key, value)
        except SettingsError as error:
            yield Finding("credentials", "failed", str(error), "set it, or name another in the configuration")
        else:
            yield Finding("credentials", "ok", f"{key} is set")
    if settings.x.bearer_token and not settings.x.budget_usd:
        remedy = "set [x] budget_usd to what may be spent in a month"
        yield Finding("credentials", "failed", "x.budget_usd is 0: X is asked for nothing", remedy)


def _addresses(settings: Settings) -> dict[str, str]:
    """Return whom the configured sources ask, with an address."""
    found: dict[str, str] = {}
    if settings.is_on(settings.bluesky.enabled):
        for number, url in enumerate(settings.bluesky.urls, 1):
            found[f"Bluesky ({number} of {len(settings.bluesky.urls)})"] = re.sub("^ws", "http", url)
    if settings.is_on(settings.hackernews.enabled):
        found["Hacker News"] = settings.hackernews.url
    found |= {host: settings.mastodon.of(host) for host in settings.mastodon.instances}
    if settings.reddit.client_id:
        found["Reddit"] = "https://oauth.reddit.com"
    if settings.x.bearer_token:
        found["X"] = settings.x.url
    return found


def _reach(settings: Settings) -> Iterator[Finding]:
    """Knock at every platform, and compare clocks."""
    for name, url in _addresses(settings).items():
        with Http(timeout_s=min(5.0, settings.sources.timeout_s)) as http:
            try:
                there_at = http.probe(url, what=name)
            except SourceError as error:
                remedy = "check the network, the proxy and the address in the configuration"
                yield Finding("reach", "failed", str(error), remedy)
                continue
        yield Finding("reach", "ok", f"{name} answers")
        skew_s = 0.0 if there_at is None else (utc_now() - there_at).total_seconds()
        if abs(skew_s) > MOST_SKEW_S:
            what = f"this clock is {abs(skew_s):.0f} s {'ahead of' if skew_s > 0 else 'behind'} that of {name}"
            yield Finding("clock", "failed", what, "set the clock (timedatectl set-ntp true): minutes are compared")


def _lag(settings: Settings) -> Iterator[Finding]:
    """Say what the sources said when they were last asked."""
    from flows.cli.sources import describe, sentence
    from flows.store import open_store
    from flows.store.engine import MISSING

    try:
        with open_store(settings.store.url, create=False) as store:
            records = describe(store, settings, utc_now())
            asked_at = max((feed.tried_at for feed in store.feeds()), default=None)
    except StoreError as error:
        if MISSING not in str(error):
            raise
        return
    if asked_at and utc_now() - asked_at > ASLEEP:
        what = f"no source has been asked since {asked_at:%Y-%m-%d %H:%M} UTC"
        yield Finding("lag", "look", what, "is it running? uproar watch, or uproar serve")
    for record in records:
        good = record["state"] in ("ok", "waiting")
        problem = str(record["problem"] or "")
        yield Finding("lag", "ok" if good else "look", sentence(record, utc_now()), "" if good else _remedy(problem))


def _remedy(problem: str) -> str:
    """Return what to do about what a source said."""
    for sign, remedy in REMEDIES.items():
        if sign in problem:
            return remedy
    return "if it stays: uproar watch --once, and read what it says"


def _detector(_: Settings) -> Iterator[Finding]:
    import numpy as np

    from detectors.model import CountSeries, utc
    from detectors.spikes import score

    begin = perf_counter()
    calm, seen = np.full(2000, 1.0), np.ones(2000)
    score(CountSeries("calm", "doctor", utc(0), 60, calm, calm, seen))
    yield Finding("detector", "ok", f"compiled and ready ({perf_counter() - begin:.1f} s)")


def _prefect(_: Settings) -> Iterator[Finding]:
    from importlib.metadata import PackageNotFoundError, version

    needs = {"prefect": ("3.8", "3.9"), "fastapi": ("0", "0.151"), "sqlalchemy": ("2.0", "2.1")}
    for package, (low, high) in needs.items():
        try:
            have = version(package)
        except PackageNotFoundError:
            yield Finding("prefect", "failed", f"{package} is not installed", "pip install uproar")
            continue
        good = _parts(low) <= _parts(have) < _parts(high)
        remedy = "" if good else f"pip install '{package}>={low},<{high}': outside it scheduled runs never start"
        yield Finding("prefect", "ok" if good else "failed", f"{package} {have}", remedy)
    yield _server(os.environ.get("PREFECT_API_URL", ""))


def _server(api: str) -> Finding:
    """Look whether the Prefect server that was named listens."""
    if not api:
        return Finding("prefect", "ok", "server: none set; uproar serve starts its own")
    url = urlsplit(api)
    where = f"{url.hostname}:{url.port or {'https': 443}.get(url.scheme, 80)}"
    try:
        socket.create_connection((url.hostname or "", int(where.rpartition(":")[2])), timeout=3).close()
    except OSError:
        remedy = "start it (prefect server start), or unset PREFECT_API_URL"
        return Finding("prefect", "failed", f"server: {where} does not listen", remedy)
    return Finding("prefect", "ok", f"server: {where}")


def _parts(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".")[:3] if part.isdigit())
