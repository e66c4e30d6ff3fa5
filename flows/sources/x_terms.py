"""What X is asked for, and what it may not be asked for; what it costs.

The cue words are a judgement, not fitted to any labels: the commonest ones of the lexicon in the languages that X is
used in most. What a query brings is matched again, with the whole lexicon.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from detectors.errors import InputError
from detectors.reference import catalogue
from flows.net.bodies import MAX_BYTES
from flows.sources.packing import Cues, Syntax

if TYPE_CHECKING:
    from collections.abc import Sequence

    from detectors.model import Service
    from flows.sources.base import Bounds, Ledger
    from flows.sources.x import XApi

WHOSE = "one of this feed; remove it to begin anew"
"""What a cursor is that cannot be read, for messages."""

PLATFORM = "x"

USD_COUNTS = 0.005
"""A request for recent counts, US dollars. Source: X's price list, docs.x.com, "Pricing", read in November 2026."""

USD_POST, USD_USER = 0.005, 0.010
"""A post, and a user, that an answer holds; US dollars. From the same list."""

LIMIT = 512
"""Characters of a query for those who pay per use (docs.x.com, "Build a query")."""

SYNTAX = Syntax(suffix=" -is:retweet", limit=LIMIT)

COUNTS_SYNTAX = Syntax(prefix="-is:retweet ", limit=LIMIT)
"""The same in another order: a query is whose cursor it is, and counts and posts of one service each have their own."""

REACH = timedelta(days=7) - timedelta(minutes=2)
"""How far back X looks; two minutes less than it says, because it refuses a request that is late by a second."""

LAG = timedelta(seconds=30)
"""Age from which on a post is taken to be found: X itself leaves out the last 30 s where it is not told otherwise
(docs.x.com, "Recent Post counts", "end_time")."""

PUBLIC_URL = "https://api.x.com"

CUES = Cues(
    plain=(
        "down", "outage", "offline", "broken", "crashed", "not working", "won't load", "can't connect", "caído",
        "fora do ar", "panne", "störung", "не работает", "障害", "落ちてる", "不具合", "장애",
    ),
    strict=("outage", "is down", "went down", "not working", "won't load", "障害"),
)  # fmt: skip


@dataclass(frozen=True)
class XAccount:
    """Who asks X, and who pays.

    Attributes
    ----------
    bearer_token
        App-only; never shown.
    ledger
        Charged before every request that costs money.
    base_url
        Where X listens.
    max_bytes
        Largest answer, unpacked.

    Raises
    ------
    InputError
        The token can be none.
    """

    bearer_token: str = field(repr=False)
    ledger: Ledger = field(repr=False)
    base_url: str = PUBLIC_URL
    max_bytes: int = MAX_BYTES

    def __post_init__(self) -> None:
        if not (self.bearer_token.isascii() and self.bearer_token.isprintable() and self.bearer_token.strip()):
            # later it would be refused by the standard library, in a message that holds it
            raise InputError("X: the bearer token is empty, or holds characters that no token has")


class XFeed:
    """What X's feeds share: who asks and who pays, within what, and the interface, loaded when it is first asked."""

    def __init__(self, account: XAccount, bounds: Bounds) -> None:
        self._account = account
        self._bounds = bounds

    @cached_property
    def _api(self) -> XApi:
        from flows.sources.x import XApi

        return XApi(self._account, self._bounds)


class Cost(NamedTuple):
    """What a request may cost at most: what for, and US dollars."""

    what: str
    usd: float


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
        return [service for service in catalogue().values() if not is_x(service)]
    for service in services:
        if is_x(service):
            raise InputError(
                f"X may not be asked about itself: its terms forbid measuring the availability of X with its own "
                f"interface. Take '{service.id}' from another source, for instance bluesky or reddit"
            )
    return list(services)


def is_x(service: Service) -> bool:
    """Say whether a service is X, under whatever id: a catalogue of the user's may know it by another."""
    names = (service.id, service.name, *service.aliases, *service.ambiguous)
    found = [catalogue().resolve(name) for name in names]
    return any(one is not None and one.id == PLATFORM for one in found)
