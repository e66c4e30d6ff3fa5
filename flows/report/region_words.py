"""The figures of a region in words, the same on the map, in the table and in a line of text."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from math import isfinite, isnan
from typing import TYPE_CHECKING

from flows.report.wording import amount, factor_text, share

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from detectors.model.spread import RegionSpread, Share, Spread, Verdict

    Names = Callable[[str], str]
    """What a region is called, by its code."""

BANDS = (1.5, 3.0, 10.0)
BAND_NAMES = ("under 1.5x", "1.5x to 3x", "3x to 10x", "10x and more")
"""How far above its own normal an affected region is, as the map shades it."""

VERDICTS: dict[Verdict, str] = {
    "affected": "affected",
    "normal": "as usual",
    "too few": "too few to tell",
    "no data": "no data",
}
"""The verdicts as people read them, the most telling first."""


def band(region: RegionSpread) -> int:
    """Return which of :data:`BAND_NAMES` a region belongs to; the lowest where its ratio is not known.

    Examples
    --------
    >>> from types import SimpleNamespace as Region
    >>> [band(Region(ratio=ratio)) for ratio in (1.2, 1.5, 9.9, float("inf"), float("nan"))]
    [0, 1, 2, 3, 0]
    """
    return 0 if isnan(region.ratio) else bisect_right(BANDS, region.ratio)


def ratio_text(region: RegionSpread) -> str:
    """Return how many times its normal: ``12x``; empty where that is not known."""
    return factor_text(region.ratio) if isfinite(region.ratio) and region.ratio >= 0 else ""


def ratio_interval(region: RegionSpread) -> str:
    """Return the 95 % interval: ``8.1x to 17x``, ``over 4.0x``; empty where it is not known."""
    low, high = region.ratio_low, region.ratio_high
    if isnan(low) or isnan(high) or not 0 <= low <= high or low == float("inf"):
        return ""
    if low >= 1000:
        return factor_text(low)
    return f"{factor_text(low)} to {factor_text(high)}" if isfinite(high) else f"over {factor_text(low)}"


def voices_text(region: RegionSpread) -> tuple[str, str]:
    """Return heard and usual voices; ``?`` where unknown."""
    heard, usual = (amount(value) if isfinite(value) else "?" for value in (region.observed, region.expected))
    return heard, usual


def figures(region: RegionSpread) -> str:
    """Return a region's verdict with its figures in one line, without its name."""
    if region.verdict == "no data":
        return "no data"
    heard, usual = voices_text(region)
    voices = f"{heard} voices against {usual} usual"
    if region.verdict == "too few":
        return f"too few voices to tell: {heard} against {usual} usual"
    ratio, span = ratio_text(region), ratio_interval(region)
    times = f": {ratio} normal" + (f" (95 %: {span})" if span else "") if ratio else ""
    return f"{VERDICTS[region.verdict]}{times}, {voices}"


def share_text(part: Share) -> str:
    """Return a share with its interval: ``23 % (18-29 %)``; empty where it is not known."""
    if not isfinite(part.at):
        return ""
    if not (isfinite(part.low) and isfinite(part.high)):
        return share(part.at)
    low, high = share(part.low), share(part.high)
    return f"{share(part.at)} ({low.removesuffix(' %') if low[0].isdigit() else low}-{high})"


def unlocated_text(spread: Spread) -> str:
    """Return how much is from nobody knows where, as a sentence; empty where that was not counted."""
    if not isfinite(spread.unlocated_share):
        return ""
    if spread.unlocated_share >= 1:
        return "All voices are from nobody knows where."
    if spread.unlocated_share <= 0:
        return "Every voice could be placed."
    return f"{share(spread.unlocated_share)} of voices are from nobody knows where."


def tally(regions: Sequence[RegionSpread]) -> str:
    """Return how many regions there are of each verdict, other than affected: ``30 as usual, 4 too few to tell``."""
    n = Counter(region.verdict for region in regions)
    return ", ".join(
        f"{n[verdict]:,} {words}" for verdict, words in VERDICTS.items() if n[verdict] and verdict != "affected"
    )
