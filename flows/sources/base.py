"""What a source is.

**A source divides the services among its queries: each service is asked for by at most one of them.** So the minutes
that a query has observed are the minutes that its source has observed of those services, and a report of another
service that a query happens to bring is not taken from it. Feeds of one platform that bring different posts
(submissions and comments) are different sources, which the detector combines.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from msgspec import Struct

from flows.net import SYSTEM_CLOCK, Clock, Retry

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from detectors.model import Batch, CountSeries, Gap, Service


class Query(Struct, frozen=True):
    """One question to a platform, with a cursor of its own.

    Attributes
    ----------
    text
        What is asked, as the platform takes it; whose cursor it is.
    services
        Ids of the services that it asks for; None = whatever is there, all of them.
    """

    text: str
    services: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Bounds:
    """Within what a live source has to stay.

    Attributes
    ----------
    clock, retry
        Time, and how to try again.
    stop_at
        When to begin no further request (UTC): what is left is for the next tick, which goes on from the cursor.
        None = read on until there is nothing more.
    lookback
        How far back the first fetch of a query reaches, if the platform lets it.
    timeout_s
        Seconds without a sign of life after which a request has failed.
    """

    clock: Clock = SYSTEM_CLOCK
    retry: Retry = field(default_factory=Retry)
    stop_at: datetime | None = None
    lookback: timedelta = timedelta(minutes=15)
    timeout_s: float = 15

    @property
    def is_over(self) -> bool:
        """Whether it is time to stop."""
        return self.stop_at is not None and self.clock.now() >= self.stop_at


@runtime_checkable
class Source(Protocol):
    """Somewhere that posts come from.

    Attributes
    ----------
    name
        The source of the series that its posts are counted in.
    label
        Which feed or file of that source it is: what a person is told.
    """

    @property
    def name(self) -> str:
        """The source of the series."""
        ...

    @property
    def label(self) -> str:
        """Which feed or file of it."""
        ...

    def queries(self, services: Sequence[Service] | None) -> tuple[Query, ...]:
        """Return what to ask the platform for these services (None = all of the catalogue).

        Raises
        ------
        InputError
            The platform may not be asked for one of them.
        """
        ...

    def fetch(self, query: str, cursor: str | None) -> Iterator[Batch]:
        """Yield what has come since ``cursor``; from the beginning, or as far back as is usual, where it is None.

        A consumer that stores each batch together with its cursor may be killed at any moment and go on from the
        last cursor that it stored: a cursor never stands behind a post that was not yet yielded. ``observed`` of a
        batch holds no minute of which posts are still to come. What the platform could not show is a ``gap``.

        Parameters
        ----------
        query
            The ``text`` of one of :meth:`queries`.
        cursor
            The last one that was stored; only this source reads it.

        Raises
        ------
        RetryableError, PermanentError, InputError
            The source cannot be read; what has been yielded stays good.
        """
        ...


class Counted(Struct, frozen=True):
    """Counts that a platform made itself.

    Attributes
    ----------
    counts
        Of one service; NaN where the platform said nothing.
    cursor
        Where the next fetch goes on.
    gap
        A hole in what the platform could show.
    """

    counts: CountSeries
    cursor: str
    gap: Gap | None = None


@runtime_checkable
class CountSource(Protocol):
    """Somewhere that counts come from: every query is for exactly one service. See :class:`Source`."""

    @property
    def name(self) -> str:
        """The source of the series."""
        ...

    @property
    def label(self) -> str:
        """Which feed of it."""
        ...

    def queries(self, services: Sequence[Service] | None) -> tuple[Query, ...]:
        """Return what to ask the platform; see :meth:`Source.queries`."""
        ...

    def fetch_counts(self, query: Query, cursor: str | None) -> Iterator[Counted]:
        """Yield the counts since ``cursor``; errors as of :meth:`Source.fetch`."""
        ...


@runtime_checkable
class Rechecked(Protocol):
    """A source whose feed does not tell what was deleted: it has to be asked."""

    @property
    def name(self) -> str:
        """The source of the series."""
        ...

    def gone(self, ids: Sequence[str]) -> Sequence[tuple[str, str]]:
        """Return which of our posts are no longer shown, as (platform, id); errors as of :meth:`Source.fetch`."""
        ...


class Ledger(Protocol):
    """Keeps account of requests that cost money."""

    def charge(self, what: str, usd: float) -> None:
        """Book money *before* it is spent, so that a crash cannot spend it twice.

        Raises
        ------
        PermanentError
            It would exceed the month's budget; nothing was booked.
        """
        ...

    def refund(self, what: str, usd: float) -> None:
        """Give back what was booked and not spent."""
        ...
