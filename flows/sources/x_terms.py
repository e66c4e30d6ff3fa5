"""What X is asked for, and what it may not be asked for; what it costs.

The cue words are a judgement, not fitted to any labels: the commonest ones of the lexicon in the languages that X is
used in most. What a query brings is matched again, with the whole lexicon.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from detectors.errors import InputError
from detectors.reference import catalogue
from flows.sources.packing import Cues, Syntax

if TYPE_CHECKING:
    from collections.abc import Sequence

    from detectors.model import Service

PLATFORM = "x"

USD_COUNTS = 0.005
"""A request for recent counts, US dollars. Source: X's price list, docs.x.com, "Pricing", read in November 2026."""

USD_POST, USD_USER = 0.005, 0.010
"""A post, and a user, that an answer holds; US dollars. From the same list."""

LIMIT = 512
"""Characters of a query for those who pay per use (docs.x.com, "Build a query")."""

SYNTAX = Syntax(suffix=" -is:retweet", limit=LIMIT)

CUES = Cues(
    plain=(
        "down", "outage", "offline", "broken", "crashed", "not working", "won't load", "can't connect", "caído",
        "fora do ar", "panne", "störung", "не работает", "障害", "落ちてる", "不具合", "장애",
    ),
    strict=("outage", "is down", "went down", "not working", "won't load", "障害"),
)  # fmt: skip


def allowed(services: Sequence[Service] | None) -> list[Service]:
    """Return the services that X may be asked for: for None all of the catalogue, X itself silently left out.

    X's developer agreement does not let its interface be used to measure the availability of X. A service that was
    named is therefore refused if it is X, or goes by one of X's names.

    Raises
    ------
    InputError
        X itself was named.
    """
    if services is None:
        return [service for service in catalogue().values() if not _is_x(service)]
    for service in services:
        if _is_x(service):
            raise InputError(
                f"X may not be asked about itself: its terms forbid measuring the availability of X with its own "
                f"interface. Take '{service.id}' from another source, for instance bluesky or reddit"
            )
    return list(services)


def _is_x(service: Service) -> bool:
    """Say whether a service is X, under whatever id: a catalogue of the user's may know it by another."""
    names = (service.id, service.name, *service.aliases, *service.ambiguous)
    found = [catalogue().resolve(name) for name in names]
    return any(one is not None and one.id == PLATFORM for one in found)
