"""Which time an archive vouches for."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from detectors.counting import micros
from detectors.model import Span, utc

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

MINUTE_US = 60_000_000
MINUTE_S = 60


class Clusters:
    """The stretches from a first to a last post, without a silence longer than ``quiet`` inside.

    An archive was collected by something that ran, so that a minute without posts was quiet; after a week without
    any, it more likely did not run. The stretches depend on the posts only, not on their order.

    Parameters
    ----------
    quiet
        The longest silence that counts as observed.
    known
        (first, last) of each stretch so far, in microseconds since 1970, in order.
    """

    def __init__(self, quiet: timedelta, known: Iterable[tuple[int, int]] = ()) -> None:
        self._quiet_us = quiet // timedelta(microseconds=1)
        self.known = list(known)

    def add(self, times: Sequence[datetime]) -> None:
        """Add the instants of some posts, in any order."""
        if not times:
            return
        first_us, last_us = micros(min(times)), micros(max(times))
        if last_us - first_us <= self._quiet_us:
            new = [(first_us, last_us)]
        else:
            new = [(at_us, at_us) for at_us in map(micros, times)]
        joined: list[tuple[int, int]] = []
        for start, end in sorted([*self.known, *new]):
            if joined and start - joined[-1][1] <= self._quiet_us:
                joined[-1] = (joined[-1][0], max(joined[-1][1], end))
            else:
                joined.append((start, end))
        self.known = joined

    def spans(self, *, is_final: bool) -> tuple[Span, ...]:
        """Return the stretches in whole minutes.

        The minute of the last post is in it only when the file is at its end: before, it may be half read.
        """
        more = MINUTE_S if is_final else 0
        found = ((start // MINUTE_US * MINUTE_S, end // MINUTE_US * MINUTE_S + more) for start, end in self.known)
        return tuple(Span(utc(start), utc(end)) for start, end in found if start < end)
