"""Which addresses of the network belong to the public, and how a host may be spelt.

The tables are IANA's registries of special-purpose addresses for IPv4 and IPv6 (as of 2025), written out so that the
answer does not depend on the version of Python, with what else must never be asked by way of a stranger: multicast,
link-local metadata services and the one of Azure, which has a public address (168.63.129.16).
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

import httpx

from detectors.errors import PermanentError

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

METADATA_HOSTS = frozenset({"metadata.google.internal", "metadata.goog", "metadata", "instance-data"})
"""Names under which clouds tell a machine its own credentials."""

_CLOSED = tuple(
    (ip_network(network), what)
    for network, what in (
        ("0.0.0.0/8", "unspecified"),
        ("10.0.0.0/8", "private"),
        ("100.64.0.0/10", "shared"),
        ("127.0.0.0/8", "loopback"),
        ("168.63.129.16/32", "metadata"),
        ("169.254.0.0/16", "link-local"),
        ("172.16.0.0/12", "private"),
        ("192.0.0.0/24", "reserved"),
        ("192.0.2.0/24", "reserved"),
        ("192.88.99.0/24", "reserved"),
        ("192.168.0.0/16", "private"),
        ("198.18.0.0/15", "reserved"),
        ("198.51.100.0/24", "reserved"),
        ("203.0.113.0/24", "reserved"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved"),
        # IPv6: whatever lies outside 2000::/3 is closed as well, see `closed`; these give it its name.
        ("::/128", "unspecified"),
        ("::1/128", "loopback"),
        ("fc00::/7", "private"),
        ("fe80::/10", "link-local"),
        ("fec0::/10", "private"),
        ("ff00::/8", "multicast"),
        # Inside 2000::/3: tunnels whose other end cannot be judged (Teredo, 6to4), and what is nobody's.
        ("2001::/23", "reserved"),
        ("2001:db8::/32", "reserved"),
        ("2002::/16", "reserved"),
        ("3fff::/20", "reserved"),
    )
)
_GLOBAL_V6 = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")
"""Translated by the network into the IPv4 address in its last 32 bits (RFC 6052)."""

_ISATAP = frozenset({0x0000_5EFE, 0x0200_5EFE})
"""Third quarter of an address that is tunnelled to the IPv4 address in its last (RFC 5214)."""

_LABEL_RE = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_NUMBER_RE = re.compile(r"[0-9]+|0x[0-9a-f]*")


def closed(address: Address) -> str | None:
    """Return what kind of address it is that is not to be dialled for a stranger; None where anybody may.

    >>> closed(ip_address("169.254.169.254")), closed(ip_address("::ffff:10.0.0.1")), closed(ip_address("1.1.1.1"))
    ('link-local', 'private', None)
    """
    address = unmapped(address)
    for network, what in _CLOSED:
        if address.version == network.version and address in network:
            return what
    if isinstance(address, IPv4Address):
        return None
    if address in _NAT64:
        return closed(_last_32_bits(address))
    if address not in _GLOBAL_V6:
        return "reserved"
    is_tunnel = int(address) >> 32 & 0xFFFF_FFFF in _ISATAP
    return closed(_last_32_bits(address)) if is_tunnel else None


def unmapped(address: Address) -> Address:
    """Return the IPv4 address that an address of IPv6 only wraps (``::ffff:127.0.0.1``), else the address itself."""
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def canonical_host(host: str) -> str:
    """Return a host in its one spelling: an address as four decimal numbers or IPv6, a name in lower-case ASCII.

    Raises
    ------
    PermanentError
        It has an odd spelling: ``127.1``, ``0x7f.0.0.1``, ``0177.0.0.1``, invisible characters, empty labels. What
        programs read them as differs, so they are not read at all.
    """
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if ":" in bare:
        return str(unmapped(_address(bare)))
    name = _ascii(bare).removesuffix(".")
    labels = name.split(".")
    if len(name) > 253 or not all(_LABEL_RE.fullmatch(label) for label in labels):
        raise PermanentError("the host of the address has characters that no host has")
    if _NUMBER_RE.fullmatch(labels[-1]):
        return str(_address(name))
    return name


def _ascii(host: str) -> str:
    """Return a name as the resolver is given it: IDNA 2008, which refuses what cannot be seen or looks like others."""
    try:
        return httpx.URL(scheme="http", host=host).raw_host.decode("ascii").lower()
    except (httpx.InvalidURL, UnicodeError):
        raise PermanentError("the host of the address has characters that no host has") from None


def _address(text: str) -> Address:
    try:
        address = ip_address(text)
    except ValueError:
        raise PermanentError("spell the host as four decimal numbers, as IPv6 or as a name") from None
    if isinstance(address, IPv6Address) and address.scope_id is not None:
        raise PermanentError("the address of the host names a network interface, which is not allowed")
    return address


def _last_32_bits(address: IPv6Address) -> IPv4Address:
    return IPv4Address(int(address) & 0xFFFF_FFFF)
