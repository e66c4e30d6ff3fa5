"""How many posts X has about trouble with a service, minute by minute: the cheapest way to listen there.

**What it costs.** A request costs $0.005, whatever it counts, and reaches back up to seven days; every service has one
of its own. So a service costs ``86,400 / every_s * $0.005`` a day:

=========  =================  =====================  ===================
every_s    a service, a day   30 services, a day     30 services, 30 days
=========  =================  =====================  ===================
60         $7.20              $216.00                $6,480
300        $1.44              $43.20                 $1,296
900        $0.48              $14.40                 $432
3600       $0.12              $3.60                  $108
=========  =================  =====================  ===================

X answers 300 of them in 15 minutes: at 300 s that is 100 services.

A request that failed and may have been charged all the same is not repeated before its time, tries at once apart: an
hour in which X sends nonsense costs no more than ``tries`` hours in which it does not.

The counts are of posts, not of distinct authors as our own counts are: X does not say who wrote them. Retweets are left
out by the query.
"""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Literal

import numpy as np
from msgspec import Struct

from detectors.errors import InputError, RetryableError, SourceError
from detectors.model import CountSeries, Gap, Instant
from flows.sources.base import Counted
from flows.sources.cursors import read_cursor, write_cursor
from flows.sources.packing import ask_for
from flows.sources.x_terms import (
    COUNTS_SYNTAX,
    CUES,
    LAG,
    REACH,
    USD_COUNTS,
    WHOSE,
    Cost,
    XFeed,
    allowed,
)
from flows.sources.x_wire import Meta, read_buckets

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from numpy.typing import NDArray

    from detectors.model import Service
    from flows.sources.base import Bounds, Query
    from flows.sources.x_terms import XAccount
    from flows.sources.x_wire import Answer

MINUTE = timedelta(minutes=1)

MOST_PAGES = 20
"""Requests for one stretch of time. Seven days of minutes are 10,080 counts, and X has them in one answer or a few."""


class CountsCursor(Struct, frozen=True, forbid_unknown_fields=True, tag="x-counts", tag_field="feed"):
    """Until when (UTC, a whole minute) everything was counted, and in which minute that was asked for."""

    until_at: Instant
    asked_at: Instant
    v: Literal[1] = 1


class XCounts(XFeed):
    """Recent counts of X, per minute, one query a service; see :class:`flows.sources.base.CountSource`.

    However often it is called, a service is asked for once in ``every_s`` seconds; both are taken by the whole minute,
    so that a scheduler that is late by a second now and then does not make it six minutes of five.

    Parameters
    ----------
    account
        Who asks, and who pays.
    bounds
        Within what it stays.
    every_s
        Seconds between two requests for a service, at least 60.
    lookback
        How far the first fetch of a service reaches back, seven days at most; None = as ``bounds`` say. Longer costs
        no more, and gives the detector its baseline at once.
    """

    name = "x"
    label = "X counts"

    def __init__(
        self, account: XAccount, bounds: Bounds, *, every_s: float = 300, lookback: timedelta | None = None
    ) -> None:
        super().__init__(account, bounds)
        self._every = max(MINUTE, timedelta(seconds=every_s))
        self._lookback = bounds.lookback if lookback is None else lookback

    def queries(self, services: Sequence[Service] | None) -> tuple[Query, ...]:
        """Return one query a service; None = all of the catalogue but X itself.

        Raises
        ------
        InputError
            X itself was named: its terms do not let it be measured with its own interface.
        """
        return tuple(ask_for(service, CUES, COUNTS_SYNTAX) for service in allowed(services))

    def fetch_counts(self, query: Query, cursor: str | None) -> Iterator[Counted]:
        """Yield the counts of the whole minutes since ``cursor``, if it is time to ask again.

        The last :data:`~flows.sources.x_terms.LAG` is left for the next time: posts of it may not be found yet. What
        is older than seven days is a gap. A minute that X leaves out is NaN.

        Raises
        ------
        RetryableError, PermanentError
            X did not answer well, or the month's budget is used up; the cursor stays before what was not counted.
        InputError
            The cursor is another feed's, or the query is not for one service.
        """
        if query.services is None or len(query.services) != 1:
            raise InputError(f"{self.label}: a query is for exactly one service")
        known = read_cursor(cursor, CountsCursor, whose=WHOSE, place=self.label)
        now = self._bounds.clock.now()
        end_at, oldest_at = _minute(now - LAG), _minute(now - REACH) + MINUTE
        start_at = known.until_at if known else max(oldest_at, _minute(now - self._lookback))
        is_due = known is None or _minute(now) - known.asked_at >= self._every
        if self._bounds.is_over or not is_due or end_at <= start_at:
            return
        gap = None
        if start_at < oldest_at:
            gap = Gap(start_at, oldest_at, "X keeps counts for seven days")
            start_at = oldest_at
        n_booked = self._api.n_booked
        try:
            counts = self._read(query.text, start_at, end_at)
        except SourceError:
            if self._api.n_booked > n_booked:  # the cursor stays, but knows that it was asked
                nothing = _series(query.services[0], start_at, np.zeros(0))
                before_at = known.until_at if known else start_at
                yield Counted(nothing, write_cursor(CountsCursor(before_at, _minute(now))))
            raise
        series = _series(query.services[0], start_at, counts)
        yield Counted(series, write_cursor(CountsCursor(end_at, _minute(now))), gap)

    def _read(self, text: str, start_at: datetime, end_at: datetime) -> NDArray[np.float64]:
        """Return the counts of each minute, shape (minutes,), NaN where X says nothing.

        Raises
        ------
        RetryableError
            Also where X says nothing of any minute: it may yet.
        """
        counts = np.full((end_at - start_at) // MINUTE, np.nan)
        params = {"query": text, "granularity": "minute", "start_time": _text(start_at), "end_time": _text(end_at)}
        for _ in range(MOST_PAGES):
            answer = self._bounds.retry.call(partial(self._api.counts, params, Cost("X counts", USD_COUNTS)))
            _fill(counts, answer, start_at)
            token = answer.meta.next_token
            if token is None:
                break
            params = {**params, "next_token": token}
        if np.isnan(counts).all():
            raise RetryableError("X sent no counts for the minutes that it was asked for")
        return counts


def _series(service: str, start_at: datetime, counts: NDArray[np.float64]) -> CountSeries:
    """Return counts of minutes as a series."""
    return CountSeries(
        service=service,
        source=XCounts.name,
        start_at=start_at,
        bin_width_s=60,
        observed=counts,
        raw=counts.copy(),
        coverage=np.where(np.isnan(counts), 0.0, 1.0),
    )


def _fill(counts: NDArray[np.float64], answer: Answer, start_at: datetime) -> None:
    """Put the counts of an answer into their places."""
    if not answer.data and answer.meta == Meta(total_tweet_count=0):  # no pages, no counts: nobody posted
        counts[np.isnan(counts)] = 0
    for bucket in read_buckets(answer):
        place, rest = divmod(bucket.start - start_at, MINUTE)
        if 0 <= place < len(counts) and not rest and bucket.end - bucket.start == MINUTE:
            counts[place] = bucket.tweet_count


def _minute(at: datetime) -> datetime:
    """Return the whole minute that ``at`` lies in."""
    return at.replace(second=0, microsecond=0)


def _text(at: datetime) -> str:
    """Return an instant as X takes it: seconds, and Z."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
