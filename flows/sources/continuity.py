"""Up to when a feed that comes in order was seen, and where it was not.

>>> seen = Continuity(None, quiet_us=60)
>>> [seen.move(at_us) for at_us in (100, 150, 300, 310)]
[False, False, True, False]
>>> seen.take(late="")
([(100, 150), (300, 310)], (150, 300, 'nothing came'))
"""

from __future__ import annotations

from typing import TypeAlias

Stretch: TypeAlias = tuple[int, int]
Hole: TypeAlias = tuple[int, int, str]

MOVED = "the feed no longer had it, or did not go on where it was asked to"
STOOD_STILL = "nothing came"


class Continuity:
    """Follows the times of a feed; instants are microseconds since 1970.

    Parameters
    ----------
    seen_us
        The time of the last event that was ever seen; None = none was.
    quiet_us
        The longest silence in which nothing is missing.

    Attributes
    ----------
    seen_us
        The time of the latest event.
    is_fresh
        Whether no event came since connecting.
    """

    def __init__(self, seen_us: int | None, quiet_us: int) -> None:
        self.seen_us = seen_us
        self.is_fresh = True
        self._quiet_us = quiet_us
        self._from_us = seen_us
        self._stretches: list[Stretch] = []
        self._hole: Hole | None = None

    def connect(self) -> None:
        """Note that the next event is the first one of a connection."""
        self.is_fresh = True

    def move(self, at_us: int) -> bool:
        """Note an event; return whether a hole lies before it: then it is time to :meth:`take`."""
        was_fresh, self.is_fresh = self.is_fresh, False
        if self.seen_us is None or self._from_us is None:
            self.seen_us = self._from_us = at_us
            return False
        silence_us = at_us - self.seen_us
        is_hole = silence_us > (0 if was_fresh else self._quiet_us)
        if is_hole:
            self._close()
            self._hole = (self.seen_us, at_us, MOVED if was_fresh else STOOD_STILL)
            self._from_us = at_us
        self.seen_us = max(self.seen_us, at_us)
        return is_hole

    def take(self, *, late: str) -> tuple[list[Stretch], Hole | None]:
        """Return what was seen since the last time and what was not, and begin anew.

        Parameters
        ----------
        late
            Why the times of what came cannot be relied on: all of it is a hole then. Empty = they can.
        """
        self._close()
        stretches, hole = self._stretches, self._hole
        if late and stretches:
            starts = [stretches[0][0], *([hole[0]] if hole else [])]
            stretches, hole = [], (min(starts), stretches[-1][1], late)
        self._stretches, self._hole, self._from_us = [], None, self.seen_us
        return stretches, hole

    def _close(self) -> None:
        """End the stretch that was seen at the latest event."""
        if self._from_us is not None and self.seen_us is not None and self._from_us < self.seen_us:
            self._stretches.append((self._from_us, self.seen_us))
