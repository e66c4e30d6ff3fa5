"""What the platforms do to us, minute by minute, from a seed."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from tests.flows.soak.town import SHARES
from tests.flows.sources.loopback import Fault

if TYPE_CHECKING:
    from collections.abc import Iterable

ALWAYS = 1_000_000
LASTING = (Fault.UNAVAILABLE, Fault.BROKEN, Fault.LIMITED, Fault.LIMITED_UNTIL, Fault.UNAUTHORIZED, Fault.RESET)
"""What a platform that is out does; each costs little time."""


@dataclass(frozen=True)
class Spell:
    """In the ticks of some minutes, a platform spoils its next answers, once some were good."""

    platform: str
    begin: int
    end: int
    fault: Fault
    times: int = ALWAYS
    after: int = 0


def squalls(minutes: Iterable[int], seed: int, *, share: float = 0.25) -> list[Spell]:
    """Return single bad ticks: every fault, also in the middle of what is being read."""
    rng, found = Random(seed), []  # noqa: S311
    for minute in minutes:
        for platform in SHARES:
            if rng.random() < share:
                fault = rng.choice(tuple(Fault))
                most = 2 if fault is Fault.TIMEOUT else 6
                times, after = rng.randint(1, most), rng.choice((0, 0, 1, 2, 5))
                found.append(Spell(platform, minute, minute + 1, fault, times, after))
    return found


def outage(platform: str, begin: int, length: int, seed: int) -> Spell:
    """Return a time in which a platform does not answer well at all."""
    return Spell(platform, begin, begin + length, Random(f"{platform} {seed}").choice(LASTING))  # noqa: S311
