"""``uproar init``: a commented configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from detectors.errors import InputError
from flows.cli.output import DONE, emit, say
from flows.settings import DEFAULT_FILE, TEMPLATE

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
