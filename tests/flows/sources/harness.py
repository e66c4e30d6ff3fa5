"""What the contract suite needs to know of a platform, and a clock for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pkgutil import iter_modules
from random import Random
from typing import TYPE_CHECKING, Protocol

from flows.net import Clock, Retry
from flows.sources.base import Bounds
from tests.flows.sources import platforms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flows.sources.base import Source
    from tests.flows.sources.loopback import Fault

NOW = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)


@dataclass
class FakeTime:
    """A clock that only moves when somebody sleeps."""

    at: datetime = NOW

    def __post_init__(self) -> None:
        self.waited_s: list[float] = []
        self.clock = Clock(self._now, self._sleep)

    def _now(self) -> datetime:
        return self.at

    def _sleep(self, seconds: float) -> None:
        self.waited_s.append(seconds)
        self.at += timedelta(seconds=seconds)

    def bounds(self, *, tries: int = 2, timeout_s: float = 5, stop_at: datetime | None = None) -> Bounds:
        """Return bounds on this clock.

        The time-out is real time, and long: on a busy machine a good answer takes a while. Only where nothing is to
        be answered is it short.
        """
        retry = Retry(self.clock, Random(1), tries=tries)  # noqa: S311 - jitter
        return Bounds(self.clock, retry, stop_at=stop_at, timeout_s=timeout_s)


@dataclass(frozen=True)
class Made:
    """A made-up post; ``number`` orders posts and makes their ids."""

    number: int
    at: datetime
    text: str = "iMessage is down, my messages are not sending"
    author: str = "somebody"


class Platform(Protocol):
    """A platform on loopback, and how to make our source for it.

    Attributes
    ----------
    name
        For test ids.
    secrets
        Canaries: every credential that :meth:`source` gives to the adapter. None may get into any message.
    faults
        What can go wrong with it.
    can_delete
        Whether its feed says that posts were deleted.
    page_size
        How many posts an answer holds at most: the suite publishes several pages.
    """

    name: str
    secrets: tuple[str, ...]
    faults: Sequence[Fault]
    can_delete: bool
    page_size: int

    def source(self, bounds: Bounds) -> Source:
        """Return our adapter, pointed at the loopback server, with ``max_bytes`` of some megabytes."""
        ...

    def publish(self, posts: Sequence[Made]) -> None:
        """Let the platform have these posts too."""
        ...

    def identity(self, made: Made) -> tuple[str, str]:
        """Return ``(platform, id)`` of the Post that we should make of it."""
        ...

    def delete(self, made: Made) -> None:
        """Take a post back."""
        ...

    def fail(self, fault: Fault, times: int = 1_000_000, *, after: int = 0) -> None:
        """Let the next answers that carry posts go wrong, once ``after`` of them were good."""
        ...

    def heal(self) -> None:
        """Answer well again."""
        ...

    def close(self) -> None:
        """Stop the server."""
        ...


def every_platform() -> dict[str, type[Platform]]:
    """Return the platforms by name."""
    names = sorted(module.name for module in iter_modules(platforms.__path__))
    return {name: import_module(f"{platforms.__name__}.{name}").PLATFORM for name in names}
