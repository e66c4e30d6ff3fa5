"""The long tail: whatever ``apprise`` can reach.

It is a tail, because apprise (1.13.1) tells only whether all went well: a status, ``Retry-After`` and 410 stay unknown,
and so each failure is to be tried again; nothing is resolved, it is one more message. Its own retries, redirects and
unverified certificates are switched off, its logs, which hold secrets at DEBUG, are muted.

What is dialled is checked connection by connection (an audit hook of Python, PEP 578), by the address that is dialled,
so that neither redirects nor name servers lead home. What cannot be guaranteed: a plugin that dials from a thread or a
program of its own, or speaks on the system's bus, is not seen (those that are known to are in `REFUSED`); a service may
itself fetch what it is told. A proxy of the environment, which apprise uses, has to be in the allow-list.
"""

from __future__ import annotations

import logging
import sys
import threading
import warnings
from dataclasses import dataclass, field
from functools import cache
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from detectors.errors import PermanentError, RetryableError, SourceError
from flows.net import Guard
from flows.net.addresses import canonical_host, closed, unmapped
from flows.notify.receivers.facts import fit, text_block, title
from flows.notify.receivers.sending import what

if TYPE_CHECKING:
    from datetime import timedelta

    import apprise

    from flows.notify.message import Message
    from flows.notify.receivers.base import Delivery

REFUSED = frozenset(
    {
        *("dbus", "kde", "qt", "glib", "gio", "gnome", "macosx", "windows", "syslog", "blink1"),  # this machine's own
        *("mqtt", "mqtts", "xmpp", "xmpps"),  # threads of their own
    }
)
ESCAPES = {
    "<": "\N{SINGLE LEFT-POINTING ANGLE QUOTATION MARK}",
    ">": "\N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK}",
} | {
    "@": "\N{FULLWIDTH COMMERCIAL AT}",
    "`": "'",
    "*": "\N{ASTERISK OPERATOR}",
    "[": "(",
    "]": ")",
}
"""There is no escape that all sinks know, so what begins markup or mentions somebody becomes what looks like it."""

TITLE_LIMIT, BODY_LIMIT = 250, 4000
_MUTED = ("apprise", "urllib3.connectionpool", "requests", "requests_oauthlib")
_here = threading.local()


@dataclass(kw_only=True)
class AppriseReceiver:
    """Notifies by one address of apprise: ``name``, ``url`` (a secret), ``guard``; ``total_s`` seconds at most."""

    name: str
    url: str = field(repr=False)
    guard: Guard = field(default_factory=Guard, repr=False)
    total_s: float = field(default=30.0, repr=False)
    kind: str = field(default="apprise", init=False)
    resend_every: timedelta | None = field(default=None, init=False)

    def deliver(self, message: Message, delivery: Delivery) -> None:  # noqa: ARG002 - apprise has no ids
        """Notify; see :meth:`flows.notify.receivers.base.Receiver.deliver`.

        What takes longer than ``total_s`` goes on in the background and may come twice.
        """
        _prepare()
        attempt = _Attempt(self)
        thread = threading.Thread(target=attempt.run, args=(message,), daemon=True)
        thread.start()
        thread.join(self.total_s)
        if attempt.refusal is not None:
            raise attempt.refusal
        if thread.is_alive():
            raise RetryableError(f"{what(self.name)} took more than {self.total_s:g} s")
        if not attempt.is_sent:
            raise RetryableError(f"{what(self.name)}: apprise could not deliver, and does not say why")


class _Attempt:
    """One notification in a thread of its own, in which nothing is dialled that the guard does not let through."""

    def __init__(self, receiver: AppriseReceiver) -> None:
        self._receiver = receiver
        self._host = ""
        self.is_sent = False
        self.refusal: SourceError | None = None

    def run(self, message: Message) -> None:
        _here.attempt = self
        try:
            self.is_sent = self._notify(message)
        except SourceError as error:
            self.refusal = error
        except Exception:  # noqa: BLE001 - some 150 plugins by as many hands; what they say may hold a secret
            self.is_sent = False
        finally:
            _here.attempt = None

    def _notify(self, message: Message) -> bool:
        import apprise

        asset = apprise.AppriseAsset(http_redirects=False, secure_logging=True, async_mode=False)
        sender = apprise.Apprise(asset=asset)
        sender.add(self._plugin(asset))
        kind = apprise.NotifyType.SUCCESS if message.status == "resolved" else apprise.NotifyType.FAILURE
        body, head = fit(text_block(message), BODY_LIMIT, ESCAPES), fit(title(message), TITLE_LIMIT, ESCAPES)
        return sender.notify(body, title=head, notify_type=kind, body_format="text") is True

    def _plugin(self, asset: apprise.AppriseAsset) -> apprise.NotifyBase:
        """Return the plugin that the address asks for, with what is unsafe switched off."""
        import apprise

        name, url = what(self._receiver.name), self._receiver.url
        schema = url.partition(":")[0].strip().lower()
        if schema in REFUSED:
            raise PermanentError(f"{name}: {schema}:// cannot be guarded; use another service")
        plugin = apprise.Apprise.instantiate(url, asset=asset, suppress_exceptions=True)
        if plugin is None:
            raise PermanentError(f"{name}: apprise does not know what to do with this address")
        if not plugin.verify_certificate:
            raise PermanentError(f"{name}: certificates are always verified; take verify=no away")
        plugin.redirects = False
        # Where the plugin knows its own host, a token stands in the place of one.
        if "host" in plugin.template_tokens and plugin.host:
            self._host = canonical_host(plugin.host)
            self._receiver.guard.addresses(self._host, plugin.port or (443 if plugin.secure else 80))
        return plugin

    def check(self, address: Any) -> None:  # noqa: ANN401 - whatever a socket takes
        """Refuse what is not to be dialled: by an error after which plugins tidy up, and by a note of why."""
        name = what(self._receiver.name)
        try:
            dialled, port = unmapped(ip_address(address[0])), int(address[1])
        except (TypeError, ValueError, IndexError):
            self.refusal = PermanentError(f"{name}: it dials something that is no checked address")
            raise ConnectionRefusedError from None
        kind = closed(dialled)
        if kind is not None and not self._receiver.guard.allow.covers(self._host, dialled, port):
            self.refusal = PermanentError(f"{name} leads to a {kind} address, which is not allowed")
            raise ConnectionRefusedError


@cache
def _prepare() -> None:
    """Load the plugins, mute what logs secrets, and hook in: once for all of the process."""
    import apprise

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # apprise's own, of modules that Python will drop
        apprise.Apprise.instantiate("json://127.0.0.1/")
    for name in _MUTED:
        logging.getLogger(name).addFilter(_is_harmless)
    sys.addaudithook(_audit)


def _is_harmless(_: logging.LogRecord) -> bool:
    """Whether a record may be seen: none of those that stem from a notification of ours."""
    return getattr(_here, "attempt", None) is None


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if event not in {"socket.connect", "socket.sendto", "socket.sendmsg"}:
        return
    attempt = getattr(_here, "attempt", None)
    if attempt is not None and arguments[1] is not None:
        attempt.check(arguments[1])
