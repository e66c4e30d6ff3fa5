"""Two incidents beside each other: which of them is the more widespread."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from detectors.spread.caption import VERY_UNSURE

if TYPE_CHECKING:
    from detectors.model.spread import Spread

Comparison = Literal["wider", "narrower", "alike", "unknown"]


def compare(now: Spread, then: Spread) -> Comparison:
    """Tell how far ``now`` reaches beside ``then``.

    Returns
    -------
    Comparison
        ``wider`` or ``narrower`` if the intervals of the affected shares do not meet; ``alike`` if they do and say
        something; ``unknown`` where either is undetermined or wide.

    Examples
    --------
    "Not as widespread as on 25 October" is ``compare(today, october) == "narrower"``.
    """
    if "undetermined" in (now.extent, then.extent):
        return "unknown"
    one, other = now.affected_share, then.affected_share
    if one.low > other.high:
        return "wider"
    if one.high < other.low:
        return "narrower"
    is_known = all(share.high - share.low <= VERY_UNSURE for share in (one, other))
    return "alike" if is_known else "unknown"
