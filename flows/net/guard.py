"""Addresses that a configuration or a stranger gives: resolved once, checked, and dialled exactly as checked.

A server that may be told where to send things can be told to send them to itself, to its neighbours or to the cloud's
metadata service (server-side request forgery, CWE-918). Here a name is resolved once; if any of its addresses is not
public, nothing is dialled; else one of those very addresses is, so that a name server cannot answer differently between
the check and the connection. TLS is verified against the name.
"""

from __future__ import annotations

import re
import socket
import threading
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from time import monotonic
from typing import TYPE_CHECKING

from detectors.errors import InputError, PermanentError, RetryableError
from flows.net.addresses import METADATA_HOSTS, Address, Network, canonical_host, closed, unmapped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    Resolve = Callable[[str, int], Sequence[str]]

TIMEOUT_S = 10.0
_WITH_PORT_RE = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^:\[\]]+):(?P<port>[1-9][0-9]{0,4})")
_NEVER_BY_NAME = frozenset({"link-local", "metadata", "multicast", "unspecified", "reserved"})
"""Allowed by address only: no name that somebody trusts has to lead there."""


def resolve_now(host: str, port: int) -> list[str]:
    """Return the addresses that the system's resolver gives for a host."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(info[4][0]) for info in found))


@dataclass(frozen=True)
class Allow:
    """What may be dialled although it is not public.

    Attributes
    ----------
    hosts
        ``(host, port)``: names, wherever they lead (but not to link-local or reserved addresses); port None = any.
    networks
        ``(network, port)``: addresses.
    """

    hosts: frozenset[tuple[str, int | None]] = frozenset()
    networks: tuple[tuple[Network, int | None], ...] = ()

    @classmethod
    def of(cls, entries: Iterable[str]) -> Allow:
        """Read ``host``, ``host:port``, ``192.168.0.0/16``, ``127.0.0.1:9093``, ``[::1]:9093``.

        Raises
        ------
        InputError
            An entry is none of them.

        Examples
        --------
        >>> Allow.of(["alerts.internal:9093"]).hosts
        frozenset({('alerts.internal', 9093)})
        """
        hosts: set[tuple[str, int | None]] = set()
        networks: list[tuple[Network, int | None]] = []
        for entry in entries:
            host, port = _split(entry.strip())
            try:
                networks.append((ip_network(host), port))
            except ValueError:
                hosts.add((_named(host, entry), port))
        return cls(frozenset(hosts), tuple(networks))

    def covers(self, host: str, address: Address, port: int) -> bool:
        """Whether this address may be dialled, on this port, for this host."""
        for network, only in self.networks:
            if address.version == network.version and address in network and only in {None, port}:
                return True
        is_named = (host, None) in self.hosts or (host, port) in self.hosts
        return is_named and closed(address) not in _NEVER_BY_NAME


@dataclass(frozen=True)
class Guard:
    """Says which addresses may be dialled, and dials them.

    Attributes
    ----------
    allow
        What may be dialled although it is not public.
    resolve
        ``(host, port) -> addresses``; the system's resolver.
    """

    allow: Allow = Allow()
    resolve: Resolve = field(default=resolve_now, repr=False)

    def addresses(self, host: str, port: int, *, timeout_s: float = TIMEOUT_S) -> list[Address]:
        """Return the addresses of a host, all of which may be dialled; never none.

        Raises
        ------
        PermanentError
            One of them is not public and not allowed, or the host is spelt oddly.
        RetryableError
            It has no address at present, or the resolver does not answer.
        """
        name = canonical_host(host)
        if name in METADATA_HOSTS:
            raise PermanentError(f"{name} is a metadata service, which is never asked")
        found = self._found(name, port, timeout_s)
        for address in found:
            kind = closed(address)
            if kind is not None and not self.allow.covers(name, address, port):
                raise PermanentError(f"{name} is at a {kind} address, which is not allowed; see the allow-list")
        return found

    def connect(self, host: str, port: int, *, timeout_s: float = TIMEOUT_S) -> socket.socket:
        """Return a connection to one of the checked addresses; raises as :meth:`addresses`, and `OSError`."""
        end_s = monotonic() + timeout_s
        failure: OSError = TimeoutError()
        for address in self.addresses(host, port, timeout_s=timeout_s):
            left_s = end_s - monotonic()
            if left_s <= 0:
                break
            try:
                return socket.create_connection((str(address), port), left_s)
            except OSError as error:
                failure = error
        raise failure

    def _found(self, name: str, port: int, timeout_s: float) -> list[Address]:
        try:
            return [ip_address(name)]
        except ValueError:
            texts = _within(timeout_s, lambda: self.resolve(name, port), what=name)
        if not texts:
            raise RetryableError(f"{name} has no address")
        try:
            return [unmapped(ip_address(text)) for text in texts]
        except ValueError:
            raise PermanentError(f"{name} has an address that is none") from None


def checked_address(
    host: str,
    port: int,
    allow: Allow = Allow(),
    *,
    resolve: Resolve = resolve_now,
) -> tuple[socket.AddressFamily, str]:
    """Return ``(family, address)`` of a host, which may be dialled; raises as :meth:`Guard.addresses`."""
    address = Guard(allow, resolve).addresses(host, port)[0]
    return (socket.AF_INET if address.version == 4 else socket.AF_INET6), str(address)


def _within(timeout_s: float, call: Callable[[], Sequence[str]], *, what: str) -> Sequence[str]:
    """Call the resolver, which knows no time-out of ours, and leave it alone when it takes too long."""
    answers: list[Sequence[str]] = []

    def ask() -> None:
        try:
            answers.append(call())
        except (OSError, UnicodeError):
            answers.append(())

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(timeout_s)
    if not answers:
        raise RetryableError(f"no resolver says where {what} is")
    return answers[0]


def _split(entry: str) -> tuple[str, int | None]:
    """Split a port off: of a name or an IPv4 address, or of an IPv6 address in brackets."""
    match = _WITH_PORT_RE.fullmatch(entry)
    if match is None:
        return entry.strip("[]"), None
    return match["host"].strip("[]"), int(match["port"])


def _named(host: str, entry: str) -> str:
    try:
        return canonical_host(host)
    except PermanentError:
        raise InputError(f"{entry!r}: allow host, host:port, an address or a network like 192.168.0.0/16") from None
