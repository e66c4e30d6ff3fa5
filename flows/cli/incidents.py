"""``uproar incidents``, ``uproar show`` and ``uproar counts``: what is in the store."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from detectors.errors import InputError
from flows.cli.output import DONE, LOOK, emit, note, say
from flows.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from detectors.incidents.explain import Explanation
    from detectors.model import Incident
    from flows.store import Store

Flag = Annotated[bool, Parameter(negative="")]


@contextmanager
def opened(url: str | None, config: Path | None) -> Iterator[Store]:
    """Open the store that is named, else that of the configuration."""
    from flows.store import open_store

    settings = load_settings(config, environ=os.environ)
    with open_store(url or settings.store.url, create=False) as store:
        yield store


def incidents(  # noqa: PLR0913 - one parameter an option
    *,
    service: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    store: str | None = None,
    config: Path | None = None,
    json: Flag = False,
) -> int:
    """List the incidents in the store, the latest last.

    Parameters
    ----------
    service
        Only this service.
    since, until
        Only incidents whose onset lies between (UTC).
    store
        The store; default: that of the configuration.
    config
        The configuration file; default uproar.toml where there is one.
    json
        Print one JSON object an incident.
    """
    from flows.report.record import incident_record
    from flows.report.sentences import headline

    with opened(store, config) as kept:
        found = kept.find_incidents(service=_known(kept, service), start=_utc(since), end=_utc(until))
        for incident in found:
            if json:
                emit(incident_record(incident))
            else:
                say(f"{incident.id[:8]}  {headline(incident, service_name=_name(incident.service))}")
    if not found and not json:
        say("No incidents.")
    return DONE


def show(  # noqa: PLR0913 - one parameter an option
    incident_id: Annotated[str, Parameter(name="ID")],
    /,
    *,
    explain: Flag = False,
    receipt: Flag = False,
    html: Path | None = None,
    store: str | None = None,
    config: Path | None = None,
    json: Flag = False,
) -> int:
    """Show one incident: its record and its history, or write its page.

    Parameters
    ----------
    incident_id
        The incident's id, or its first characters.
    explain
        Say why it alarmed, and what would have been enough; computed again from the counts in the store.
    receipt
        Compute the alarm again from the counts in the store, and say whether it agrees with what was told.
    html
        Write the incident's page there.
    store
        The store; default: that of the configuration.
    config
        The configuration file; default uproar.toml where there is one.
    json
        Print one JSON object with the record and the transitions.
    """
    from flows import steps
    from flows.report.record import incident_record
    from flows.report.sentences import lines

    with opened(store, config) as kept:
        incident = find(kept, incident_id)
        if html:
            html.write_text(steps.page(kept, incident), encoding="utf-8")
            note(f"wrote {html}")
        transitions = kept.transitions_of(incident.id)
        if receipt:
            return _show_receipt(kept, incident, is_json=json)
        why = _explanation(kept, incident) if explain else None
        if json:
            emit(
                incident_record(incident)
                | {"transitions": transitions}
                | ({"explanation": why.record()} if why else {})
            )
            return DONE
        view = steps.view(kept, incident)
        say("\n".join(lines(incident, service_name=view.service_name, earlier=view.earlier)))
        if why:
            say(f"  why       {why.sentence()}")
        for step in transitions:
            say(f"  {step.at:%Y-%m-%d %H:%M} UTC  {step.new:10} {step.reason}")
    return DONE


def counts(  # noqa: PLR0913 - one parameter an option
    *,
    service: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    store: str | None = None,
    config: Path | None = None,
    json: Flag = False,
) -> int:
    """Print the counts in the store as CSV; a bin that was not observed has no value.

    Parameters
    ----------
    service
        Only this service.
    since, until
        Only bins that start between (UTC).
    store
        The store; default: that of the configuration.
    config
        The configuration file; default uproar.toml where there is one.
    json
        Print one JSON object a bin instead.
    """
    with opened(store, config) as kept:
        frame = kept.counts(service=_known(kept, service), start=_utc(since), end=_utc(until)).reset_index()
        if json and len(frame):
            frame.to_json(sys.stdout, orient="records", lines=True, date_format="iso", date_unit="s")
        elif json:
            pass
        else:
            frame.to_csv(sys.stdout, index=False, date_format="%Y-%m-%dT%H:%M:%SZ")
    return DONE


def _show_receipt(store: Store, incident: Incident, *, is_json: bool) -> int:
    from flows.steps.receipt import make_receipt

    made = make_receipt(store, incident)
    if is_json:
        emit(made.record())
    else:
        for line in made.lines():
            say(line)
    return DONE if made.agrees else LOOK


def _explanation(store: Store, incident: Incident) -> Explanation:
    """Explain the bin that fired, from the counts as they are in the store now.

    Raises
    ------
    InputError
        If another detector than ours found it.
    """
    from detectors import explain
    from detectors.model import SeriesKey
    from detectors.spikes import ScoredSources
    from flows import steps

    key = SeriesKey(incident.service, incident.source, incident.bin_width_s)
    checkpoint = store.checkpoint(key)
    name = checkpoint[1].get("detector", "uproar") if checkpoint else "uproar"
    if name != "uproar":
        raise InputError(f"only alarms of the detector 'uproar' can be explained; {name!r} found this one")
    _, scored = steps.series_behind(store, incident)
    sources = scored.sources if isinstance(scored, ScoredSources) else [key.source]
    parts = [store.series(SeriesKey(key.service, source, key.bin_width_s)) for source in sources]
    return explain(parts, scored, incident.alarmed_at, severity=incident.severity)


def _known(store: Store, service: str | None) -> str | None:
    """Return the id of a service of the catalogue, or the name of a series of one's own that is in the store."""
    from detectors.reference import catalogue

    if service is None or any(key.service == service for key in store.keys()):  # noqa: SIM118 - not a dict
        return service
    return catalogue().get_or_suggest(service).id


def _name(service: str) -> str:
    """Return a service's name, without loading all of the pipeline."""
    from detectors.reference import catalogue

    found = catalogue().get(service)
    return found.name if found else service


def _utc(at: datetime | None) -> datetime | None:
    return at if at is None or at.tzinfo else at.replace(tzinfo=UTC)


def find(store: Store, prefix: str) -> Incident:
    """Return the incident whose id begins so.

    Raises
    ------
    InputError
        None does, or several do.
    """
    found = [incident for incident in store.find_incidents() if prefix and incident.id.startswith(prefix)]
    if len(found) == 1:
        return found[0]
    if found:
        raise InputError(f"{len(found)} incidents begin with {prefix!r}; give more characters")
    raise InputError(f"there is no incident {prefix!r}; uproar incidents lists them")
