"""The receivers that a configuration names, ready to be told, and what each of them wants."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from detectors.errors import InputError, SettingsError
from detectors.location.names import UNKNOWN, region_name
from detectors.reference import catalogue
from flows.net.guard import Allow, Guard
from flows.net.transport import guarded_http
from flows.notify.policy import Restraint, Route
from flows.notify.receivers import receiver_class
from flows.notify.telling import Telling

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flows.notify.receivers.base import Receiver
    from flows.settings import Settings, World
    from flows.settings.sections import ReceiverSettings

TOLD_BY: dict[str, tuple[str, ...]] = {
    "webhook": ("url", "secret", "authorization"),
    "slack": ("url",),
    "discord": ("url",),
    "teams": ("url",),
    "pagerduty": ("routing_key", "url"),
    "alertmanager": ("url", "authorization"),
    "email": ("host", "sender", "to", "port", "security", "username", "password"),
    "apprise": ("url",),
}
"""The settings that each kind takes."""

NEEDED: dict[str, tuple[str, ...]] = {"pagerduty": ("routing_key",), "email": ("host", "sender", "to")}
"""Those that it cannot do without; for every other kind it is the address."""

SECRET = frozenset({"url", "secret", "authorization", "routing_key", "password"})
"""Those that may be named (``env:NAME``) instead of written down; the address of a webhook is a secret, too."""

_OF_EVERY_KIND = frozenset({"kind", "severity", "services", "regions", "repeat_h"})


@dataclass(frozen=True)
class Told:
    """Who is told, and what."""

    receivers: dict[str, Receiver]
    telling: Telling


def told_by(settings: Settings, world: World) -> Told:
    """Return the configured receivers by name, and what they want.

    Raises
    ------
    SettingsError
        Something that a receiver needs is missing, does not belong to its kind, or cannot be used; a secret that is
        named is not there. The message names the key and no value.
    """
    alerts = settings.alerts
    telling = Telling(
        tuple(route(name, one) for name, one in settings.receivers.items()),
        Restraint(
            update_after=timedelta(minutes=alerts.update_after_min),
            most_updates=alerts.most_updates,
            together_within=timedelta(minutes=alerts.together_min),
        ),
        alerts.link,
        alerts.with_posts,
    )
    made = {name: make(name, one, settings, world) for name, one in settings.receivers.items()}
    return Told(made, telling)


def route(name: str, one: ReceiverSettings) -> Route:
    """Return what a receiver wants."""
    try:
        services = frozenset(catalogue().get_or_suggest(service).id for service in one.services)
    except InputError as error:
        raise SettingsError(error.message, place=f"receivers.{name}.services") from None
    for code in one.regions:
        if region_name(code) == UNKNOWN:
            message = f"{code!r} is no region: US, US-TX, metro:4726206 and zip3:US-782 are"
            raise SettingsError(message, place=f"receivers.{name}.regions")
    repeat_after = timedelta(hours=one.repeat_h) if one.repeat_h else None
    return Route(name, one.severity, services, frozenset(one.regions), repeat_after)


def make(name: str, one: ReceiverSettings, settings: Settings, world: World) -> Receiver:
    """Make a receiver; errors as of :func:`told_by`."""
    given = dict(_given(name, one, world))
    try:
        guard = Guard(Allow.of(settings.alerts.allow))
    except InputError as error:
        raise SettingsError(error.message, place="alerts.allow") from None
    if one.kind in ("email", "apprise"):
        given["guard"] = guard
    else:
        given["http"] = guarded_http(guard, clock=world.clock)
    if one.kind == "webhook" and settings.alerts.link:
        given["external_url"] = settings.alerts.link.partition("{")[0]
    maker: Any = receiver_class(one.kind)
    try:
        made: Receiver = maker(name=name, **given)
    except InputError as error:
        raise SettingsError(error.message, place=f"receivers.{name}") from None
    return made


def _given(name: str, one: ReceiverSettings, world: World) -> Iterator[tuple[str, Any]]:
    """Yield the settings of its kind that are set, with the secrets that they name."""
    place = f"receivers.{name}"
    for key in NEEDED.get(one.kind, ("url",)):
        if not getattr(one, key):
            raise SettingsError(f"a receiver of kind {one.kind} needs {key}", place=f"{place}.{key}")
    plain = type(one)(kind=one.kind)
    for key in one.__struct_fields__:
        value = getattr(one, key)
        if key in _OF_EVERY_KIND or value == getattr(plain, key):
            continue
        if key not in TOLD_BY[one.kind]:
            takes = ", ".join(TOLD_BY[one.kind])
            raise SettingsError(f"a receiver of kind {one.kind} takes {takes}", place=f"{place}.{key}")
        yield key, world.secret(f"{place}.{key}", value) if key in SECRET else value
