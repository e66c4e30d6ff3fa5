"""The services catalogue."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct


class StatusPage(Struct, frozen=True, forbid_unknown_fields=True):
    """Where a service says officially how it is."""

    family: Literal["statuspage", "apple", "google", "slack", "atom", "account", "html"]
    url: str


class Service(Struct, frozen=True, forbid_unknown_fields=True):
    """One service that people post about.

    Attributes
    ----------
    id
        Lower case, digits and hyphens: ``imessage``, ``microsoft-365``.
    vendor
        Id shared by the services of one company: sister services fail together.
    family
        What kind of service it is; decides which symptoms can be meant.
    aliases
        What people call it, any case; enough by itself beside a cue word such as "down".
    ambiguous
        Names that also mean other things ("teams", "x"): they need a cue word close by.
    needs
        Ids of services that it cannot do without.
    regions
        ISO 3166-1 codes of where its users are; empty = worldwide.
    subreddits
        Where on Reddit its users meet.
    """

    id: str
    name: str
    vendor: str
    family: str
    aliases: tuple[str, ...]
    ambiguous: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    status: StatusPage | None = None
    regions: tuple[str, ...] = ()
    subreddits: tuple[str, ...] = ()
