"""The official pages of the catalogue, and which of a page's services an incident concerns."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from detectors.text import normalise

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from detectors.model import Service

READABLE = frozenset({"statuspage", "apple", "google", "slack", "atom"})
"""The families that can be fetched."""

_NAMED_ONLY = frozenset({"apple", "google"})
"""On these pages every component is a product: one that is none of ours concerns none of ours."""


@dataclass(frozen=True)
class Page:
    """An official status page.

    Attributes
    ----------
    family
        How it is written; see :class:`detectors.model.StatusPage`.
    url
        Where it is; its name everywhere.
    services
        The services that it speaks for.
    """

    family: str
    url: str
    services: tuple[Service, ...] = ()

    @property
    def name(self) -> str:
        """Return what a person is told: the host, and whose page it is."""
        vendors = ", ".join(sorted({service.vendor for service in self.services}))
        host = urlsplit(self.url).netloc.rpartition("@")[2] or "without a host"
        return f"the status page {host}" + (f" ({vendors})" if vendors else "")

    @property
    def why_not(self) -> str | None:
        """Return why it cannot be fetched; None if it can."""
        if self.family in READABLE:
            return None
        if self.family == "account":
            return f"{self.name} is an account: its posts are read as posts (see account_revisions)"
        return f"{self.name} is not supported: it has no feed that a program may read (family {self.family})"

    @property
    def handle(self) -> str:
        """Return the name of an account on its platform; empty for a page that is none."""
        return urlsplit(self.url).path.strip("/").rpartition("/")[2] if self.family == "account" else ""

    def concerned(self, components: Sequence[str], title: str) -> tuple[str, ...]:
        """Return the ids of the services that an incident concerns.

        A service is concerned if a component is called by its name, or holds its name; else, if the title does. Where
        nothing names one, the whole page is meant, except on pages whose components are products.
        """
        if len(self.services) == 1:
            return (self.services[0].id,)
        found = sorted({service_id for one in components for service_id in self._named(one)})
        found = found or sorted(self._named(title))
        if not found and self.family not in _NAMED_ONLY:
            found = [service.id for service in self.services]
        return tuple(found)

    @cached_property
    def _names(self) -> dict[str, set[str]]:
        """Names of services in the form in which they are compared, each with the services that bear it."""
        found: dict[str, set[str]] = {}
        for service in self.services:
            for name in (service.name, *service.aliases):
                found.setdefault(_words(name), set()).add(service.id)
        return found

    def _named(self, text: str) -> set[str]:
        """Return the services that a text names; "Apple Music" names that one, not Apple too."""
        words = _words(text)
        if words in self._names:
            return self._names[words]
        within = [name for name in self._names if f" {name} " in f" {words} "]
        longest = [name for name in within if not any(f" {name} " in f" {other} " for other in within if other != name)]
        return {service_id for name in longest for service_id in self._names[name]}


def _words(text: str) -> str:
    """Return the words of a text, with one space between."""
    return " ".join("".join(char if char.isalnum() else " " for char in normalise(text)).split())


def pages_of(services: Iterable[Service]) -> tuple[Page, ...]:
    """Return the status pages of services, each once, with all of the given services that stand on it."""
    found: dict[tuple[str, str], list[Service]] = {}
    for service in services:
        if service.status is not None:
            found.setdefault((service.status.family, service.status.url), []).append(service)
    return tuple(Page(family, url, tuple(standing)) for (family, url), standing in found.items())
