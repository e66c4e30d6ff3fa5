"""Where an incident is felt: region by region, against each region's own normal."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from detectors.model.instants import Estimate, Instant  # noqa: TC001 - msgspec reads annotations

Extent = Literal["global", "multi-regional", "regional", "local", "undetermined"]
"""A caption in one word; the numbers and the list are the result."""

Verdict = Literal["affected", "normal", "too few", "no data"]
"""What can be said of a region. ``too few``: too little is usually heard from there to tell; ``no data``: nothing was
observed, or nothing is known of what is usual."""


class Share(Struct, frozen=True):
    """A share, 0 to 1, with its interval (90 %); NaN where it is not known."""

    at: float
    low: float
    high: float


class RegionSpread(Struct, frozen=True, kw_only=True):
    """One region during an incident.

    Attributes
    ----------
    code
        ``US``, ``US-TX``, ``metro:4726206``, ``zip3:US-782``.
    verdict
        What can be said of it.
    observed, expected
        Independent voices from onset to end (or to now), and what was usual for that time.
    ratio, ratio_low, ratio_high
        How many times its own normal, with a 95 % interval; NaN where nothing is known.
    probability
        That it is affected; NaN where that cannot be said.
    share
        Its part of the located reports beyond what was usual, over the regions of its level; NaN where there are none.
    onset
        When it began there, with an interval; None where that cannot be said.
    order
        1 = first. Regions whose intervals do not separate have the same number; None where there is no onset, or its
        interval lies across several places.
    """

    code: str
    verdict: Verdict
    observed: float
    expected: float
    ratio: float
    ratio_low: float
    ratio_high: float
    probability: float
    share: float
    onset: Estimate | None = None
    order: int | None = None

    @property
    def excess(self) -> float:
        """Voices beyond what was usual; below 0 where there were fewer."""
        return self.observed - self.expected


class Spread(Struct, frozen=True, kw_only=True):
    """How far an incident reaches.

    Attributes
    ----------
    extent
        The caption.
    start_at, end_at
        The time that was looked at (UTC).
    p_value
        How often chance alone does as much, somewhere, with what is usual known no better than it is.
    zone
        The regions that together stand out most, the largest excess first; empty where nothing does.
    regions
        Every region of which something is known, those affected first, by probability and excess.
    affected_share
        Which share of the usual voices (of those of whom it is known where they are) lives in affected regions.
    untestable_share
        Which share lives where too few are heard to tell.
    unlocated_share
        Which share of the voices in that time are from nobody knows where; NaN where that was not counted.
    n_located
        Voices in that time of which it is known where they are.
    """

    extent: Extent
    start_at: Instant
    end_at: Instant
    p_value: float
    zone: tuple[str, ...]
    regions: tuple[RegionSpread, ...]
    affected_share: Share
    untestable_share: float
    unlocated_share: float
    n_located: float

    @property
    def affected(self) -> tuple[RegionSpread, ...]:
        """The regions that are affected, the surest first."""
        return tuple(region for region in self.regions if region.verdict == "affected")
