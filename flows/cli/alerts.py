"""``uproar silence``, ``ack``, ``deliveries`` and ``test-receiver``: what is told, and what is not."""

from __future__ import annotations

import getpass
import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal
from uuid import uuid4

from cyclopts import Parameter

from detectors.errors import InputError, SourceError
from detectors.text import printable
from flows.cli.incidents import find, opened
from flows.cli.output import DONE, LOOK, emit, note, say
from flows.settings import World, load_settings, utc_now

if TYPE_CHECKING:
    from flows.settings import Settings
    from flows.store import Kept, ReceiverState, Silence, Store

Flag = Annotated[bool, Parameter(negative="")]
_SPAN = re.compile(r"(\d+(?:\.\d+)?)\s*(m|min|h|d)")
_UNITS = {"m": timedelta(minutes=1), "min": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
LONGEST = timedelta(days=365)


def silence(  # noqa: PLR0913 - one parameter an option
    *,
    service: tuple[str, ...] = (),
    region: tuple[str, ...] = (),
    severity: Literal["page", "watch"] | None = None,
    for_: Annotated[str, Parameter(name="--for")] = "",
    from_: Annotated[datetime | None, Parameter(name="--from")] = None,
    until: datetime | None = None,
    comment: str = "",
    end: str = "",
    all_: Annotated[bool, Parameter(name="--all", negative="")] = False,
    store: str | None = None,
    config: Path | None = None,
    json: Flag = False,
) -> int:
    """Mute what fits, for a while: it is still measured. Without options: list the silences that hold.

    What fires when a silence begins is quiet until its end, which is told; what begins under a silence is told when the
    silence ends, if it still goes on. A maintenance window is a silence that begins later: --from.

    Parameters
    ----------
    service
        Only these services; may be given several times.
    region
        Only incidents in these regions (US, US-TX, metro:4726206).
    severity
        Only these.
    for_
        For how long: 30m, 2h, 1d.
    from_
        From when on (UTC); default now.
    until
        Until when (UTC), instead of --for.
    comment
        Why; shown in the list.
    end
        End the silence of this id (or of its first characters) now.
    all_
        List those that are over or to come, too.
    store
        The store; default: that of the configuration.
    config
        The configuration file; default uproar.toml where there is one.
    json
        Print one JSON object a silence.
    """
    now = utc_now()
    with opened(store, config) as kept:
        if end:
            return _end_silence(kept, end, now)
        if for_ or until:
            matchers = _matchers(service, region, severity)
            starts_at = _utc(from_) or now
            ends_at = _utc(until) or starts_at + _span(for_)
            return _add_silence(kept, (starts_at, ends_at), matchers, comment, is_json=json)
        if service or region or severity or comment or from_:
            raise InputError("say for how long: --for 2h, or --until 2026-03-01T18:00")
        found = kept.silences(None if all_ else now)
        for one in found:
            if json:
                emit(_silence_record(one))
            else:
                say(_silence_line(one, now))
        if not found and not json:
            say("Nothing is silenced. For instance: uproar silence --service imessage --for 2h --comment maintenance")
    return DONE


def _add_silence(
    store: Store,
    span: tuple[datetime, datetime],
    matchers: dict[str, tuple[str, ...]],
    comment: str,
    *,
    is_json: bool,
) -> int:
    from flows.store import Silence

    if span[1] - span[0] > LONGEST:
        raise InputError("a silence lasts a year at most; a receiver's own filters are for what is never wanted")
    made = Silence(
        id=uuid4().hex[:12],
        created_at=utc_now(),
        starts_at=span[0],
        ends_at=span[1],
        matchers=matchers,
        comment=comment,
        author=_who(),
    )
    store.add_silence(made)
    if is_json:
        emit(_silence_record(made))
    else:
        say(_silence_line(made, utc_now()))
    return DONE


def _end_silence(store: Store, prefix: str, now: datetime) -> int:
    found = [one for one in store.silences() if one.id.startswith(prefix) and one.ends_at > now]
    if len(found) != 1:
        what = "none" if not found else f"{len(found)}"
        raise InputError(f"{what} of the silences that hold begins with {prefix!r}; uproar silence --all lists them")
    store.expire_silence(found[0].id, now)
    say(f"{found[0].id} has ended; what still fires is told with the next tick")
    return DONE


def _matchers(services: tuple[str, ...], regions: tuple[str, ...], severity: str | None) -> dict[str, tuple[str, ...]]:
    from detectors.location.names import UNKNOWN, region_name
    from detectors.reference import catalogue

    for code in regions:
        if region_name(code) == UNKNOWN:
            raise InputError(f"{code!r} is no region: US, US-TX, metro:4726206 and zip3:US-782 are")
    named = tuple(catalogue().get_or_suggest(name).id for name in services)
    found = {"service": named, "region": regions, "severity": (severity,) if severity else ()}
    return {key: values for key, values in found.items() if values}


def _silence_record(one: Silence) -> dict[str, object]:
    return {
        "id": one.id,
        "starts_at": one.starts_at,
        "ends_at": one.ends_at,
        "matchers": one.matchers,
        "comment": one.comment,
        "author": one.author,
    }


def _silence_line(one: Silence, now: datetime) -> str:
    what = ", ".join(f"{key} {' or '.join(values)}" for key, values in one.matchers.items()) or "everything"
    state = "over" if one.ends_at <= now else "to come" if one.starts_at > now else "holds"
    span = f"{one.starts_at:%Y-%m-%d %H:%M} to {one.ends_at:%Y-%m-%d %H:%M} UTC"
    return printable(f"{one.id} {state}: {span}, {what}{'; ' + one.comment if one.comment else ''}", limit=500)


def ack(
    incident_id: Annotated[str, Parameter(name="ID")],
    /,
    *,
    comment: str = "",
    undo: Flag = False,
    store: str | None = None,
    config: Path | None = None,
) -> int:
    """Acknowledge an incident: receivers hear no more of it until it is over.

    Parameters
    ----------
    incident_id
        The incident's id, or its first characters.
    comment
        Who takes care, and how.
    undo
        Take the acknowledgement back.
    store
        The store; default: that of the configuration.
    config
        The configuration file; default uproar.toml where there is one.
    """
    with opened(store, config) as kept:
        incident = find(kept, incident_id)
        if undo:
            was = kept.unack(incident.id)
            say(f"{incident.id[:8]} is {'no longer' if was else 'not'} acknowledged")
            return DONE
        if not incident.is_open:
            note(f"{incident.id[:8]} is over already ({incident.state}); nothing more is told of it")
        kept.ack(incident.id, utc_now(), _who(), comment)
        say(f"{incident.id[:8]} is acknowledged: receivers hear of it when it is over")
    return DONE


def deliveries(  # noqa: PLR0913 - one parameter an option
    *,
    receiver: str | None = None,
    incident: str | None = None,
    state: Literal["pending", "delivered", "dead", "dropped"] | None = None,
    limit: int = 50,
    resend: str = "",
    enable: str = "",
    store: str | None = None,
    config: Path | None = None,
    json: Flag = False,
) -> int:
    """Show what was told to whom, what waits, and what could not be delivered.

    Parameters
    ----------
    receiver, incident, state
        Only of this receiver, about this incident (or the first characters of its id), in this state.
    limit
        So many at most, the newest first.
    resend
        Send again: the id of a message (or its first characters), or "dead" for all that were given up.
    enable
        Send messages to a receiver again that had said that it is gone.
    store
        The store; default: that of the configuration.
    config
        The configuration file; default uproar.toml where there is one.
    json
        Print one JSON object a message.
    """
    with opened(store, config) as kept:
        if resend:
            return _resend(kept, resend, receiver)
        if enable:
            say(f"{enable}: {_waiting(kept.enable(enable, utc_now()))}")
            return DONE
        which = find(kept, incident).id if incident else None
        rows = kept.deliveries(receiver=receiver, incident_id=which, state=state, limit=limit)
        states = kept.receiver_states()
    for row in rows:
        if json:
            emit(_delivery_record(row))
        else:
            say(_delivery_line(row))
    troubled = [one for one in states if one.disabled_at or one.failing_since or one.n_dead]
    for one in troubled:
        note(_trouble(one))
    if not rows and not json:
        say("Nothing was told yet. Receivers are named in the configuration: [receivers.NAME], see uproar init")
    return LOOK if troubled else DONE


def _resend(store: Store, what: str, receiver: str | None) -> int:
    if what == "dead":
        sent = store.resend(utc_now(), receiver=receiver)
    else:
        found = [row for row in store.deliveries(receiver=receiver) if row.id.startswith(what)]
        if len(found) != 1:
            many = "none" if not found else f"{len(found)}"
            raise InputError(f"{many} of the messages begins with {what!r}; uproar deliveries lists them")
        sent = store.resend(utc_now(), delivery_id=found[0].id)
    say(_waiting(len(sent)))
    return DONE


def _waiting(n: int) -> str:
    return f"{n:,} {'message waits' if n == 1 else 'messages wait'} for the next tick"


def _delivery_record(row: Kept) -> dict[str, object]:
    return {
        "id": row.id,
        "receiver": row.receiver,
        "incident_id": row.incident_id,
        "revision": row.revision,
        "status": row.status,
        "state": row.state,
        "created_at": row.created_at,
        "done_at": row.done_at,
        "attempts": row.attempts,
        "error": row.last_error,
        "sentence": _sentence(row),
    }


def _sentence(row: Kept) -> str:
    import msgspec

    from flows.notify.message import Message

    try:
        return msgspec.json.decode(row.body, type=Message).sentence
    except msgspec.MsgspecError:
        return ""


def _delivery_line(row: Kept) -> str:
    tries = f", {row.attempts} attempts" if row.attempts > 1 else ""
    why = f" ({row.last_error})" if row.last_error else ""
    head = f"{row.id[:8]}  {row.created_at:%Y-%m-%d %H:%M} UTC  {row.receiver}  {row.status}: {row.state}{tries}{why}"
    return printable(f"{head}  {_sentence(row)}", limit=600)


def _trouble(one: ReceiverState) -> str:
    parts = []
    if one.disabled_at:
        parts.append(f"it said that it is gone ({one.reason}); when it is back: uproar deliveries --enable {one.name}")
    elif one.failing_since:
        parts.append(f"it has taken nothing since {one.failing_since:%Y-%m-%d %H:%M} UTC")
    if one.n_dead:
        parts.append(f"{one.n_dead:,} given up; to try again: uproar deliveries --resend dead")
    what = "; ".join(parts)
    return printable(f"{one.name}: {what}", limit=500)


def try_receiver(name: str, /, *, config: Path | None = None) -> int:
    """Send a receiver a test: one message that fires, and one that it is over.

    Parameters
    ----------
    name
        As in the configuration: [receivers.NAME].
    config
        The configuration file; default uproar.toml where there is one.
    """
    from flows.notify.alerts import send_test
    from flows.notify.configured import told_by

    settings = load_settings(config, environ=os.environ)
    if name not in settings.receivers:
        there = ", ".join(settings.receivers) or "none; uproar init writes an example"
        raise InputError(f"the configuration has no receiver {name!r}; it has {there}")
    receiver = told_by(_only(settings, name), World()).receivers[name]
    try:
        send_test(receiver, utc_now())
    except SourceError as error:
        note(f"uproar: {error}")
        return LOOK
    say(f"{name} took both messages of the test ({receiver.kind})")
    return DONE


def _only(settings: Settings, name: str) -> Settings:
    from msgspec.structs import replace

    return replace(settings, receivers={name: settings.receivers[name]})


def _span(text: str) -> timedelta:
    found = _SPAN.fullmatch(text.strip())
    if not found or not float(found[1]):
        raise InputError(f"{text!r} is no length of time: 30m, 2h and 1d are")
    return float(found[1]) * _UNITS[found[2]]


def _utc(at: datetime | None) -> datetime | None:
    return at if at is None or at.tzinfo else at.replace(tzinfo=UTC)


def _who() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""
