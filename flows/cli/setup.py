"""``uproar init`` and ``uproar doctor``."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Literal
from urllib.parse import urlsplit

from cyclopts import Parameter

from detectors.errors import InputError, StoreError, UproarError
from flows.cli.output import DONE, LOOK, emit, say
from flows.settings import DEFAULT_FILE, TEMPLATE, Settings, load_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Flag = Annotated[bool, Parameter(negative="")]


def init(
    file: Path = DEFAULT_FILE,
    /,
    *,
    force: Flag = False,
    list_services: Annotated[bool, Parameter(name="--list", negative="")] = False,
    json: Flag = False,
) -> int:
    """Write a commented configuration.

    Parameters
    ----------
    file
        Where to.
    force
        Replace a file that is there; the old one is kept beside it as FILE.bak.
    list_services
        Only list the services of the catalogue.
    json
        Print JSON.
    """
    if list_services:
        return _list_services(as_json=json)
    if file.exists():
        if not force:
            raise InputError("is there already; --force replaces it and keeps the old one as .bak", place=str(file))
        file.replace(file.with_name(file.name + ".bak"))
    file.write_text(TEMPLATE, encoding="utf-8")
    if json:
        emit({"written": str(file)})
    else:
        say(f"Wrote {file}. Name your sources in it, then: uproar doctor")
    return DONE


def _list_services(*, as_json: bool) -> int:
    from detectors.reference import catalogue

    for service in catalogue().values():
        if as_json:
            emit(service)
        else:
            say(f"{service.id:24} {service.name:28} {service.vendor}")
    return DONE


@dataclass(frozen=True)
class Finding:
    """What a check found, and what to do about it."""

    check: str
    level: Literal["ok", "look", "failed"]
    finding: str
    remedy: str = ""


def doctor(*, config: Path | None = None, json: Flag = False) -> int:
    """Check configuration, catalogue, store, sources and Prefect, and say what to do.

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
        with open_store(settings.store.url, secret=settings.store.secret or None, create=False) as store:
            store.integrity_check()
            yield Finding("store", "ok", f"{store.describe()}; {len(store.keys())} series")
    except StoreError as error:
        if MISSING not in str(error):
            raise
        yield Finding("store", "ok", f"{str(error).partition(': ')[0]}: none yet; the first run makes it")
    if not settings.store.secret:
        remedy = "set UPROAR_STORE_SECRET to a long random text before you collect from live sources"
        yield Finding("privacy", "look", "stored authors are hashed without a secret", remedy)


def _sources(settings: Settings) -> Iterator[Finding]:
    if not settings.sources.archive:
        yield Finding("sources", "look", "none configured", "name files of posts in [sources] archive")
    for name in settings.sources.archive:
        path = Path(name)
        if not path.is_file():
            yield Finding("sources", "failed", f"{name} is not a file", "correct [sources] archive")
        elif not os.access(path, os.R_OK):
            yield Finding("sources", "failed", f"{name} cannot be read", f"chmod u+r {name}")
        else:
            yield Finding("sources", "ok", f"{name}, {path.stat().st_size / 1e6:.1f} MB")


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
