"""Located reports to regional cells: how many voices from a region spoke of a service in one bin."""

from __future__ import annotations

from collections import defaultdict
from math import fsum
from typing import TYPE_CHECKING, NamedTuple

from detectors.counting.cells import SECOND_US, CellKey

if TYPE_CHECKING:
    from collections.abc import Iterable

Regions = tuple[tuple[str, float], ...]
"""(region, part of the report that counts there); parts sum to at most 1 over the regions of a level."""


class LocatedRow(NamedTuple):
    """What counting by region needs to know of an original report that says where it is from.

    Attributes
    ----------
    at_us
        When it was posted, in microseconds since 1970 (UTC).
    author
        As in :class:`detectors.counting.ReportRow`.
    regions
        Of every level: country, subdivision, metro area, ZIP area.
    """

    service: str
    source: str
    at_us: int
    platform: str
    post_id: str
    author: str | None
    weight: float
    regions: Regions


def located_cells(rows: Iterable[LocatedRow], bin_width_s: int) -> dict[CellKey, dict[str, float]]:
    """Count voices by region, in one pass.

    A person counts once in a bin, where their best report that says where they are places them. Levels overlap by
    design: who is in San Antonio is in Texas, too. The result does not depend on the order of the rows, nor on rows
    that occur twice.

    Parameters
    ----------
    rows
        Located original reports of any services and sources, in any order.
    bin_width_s
        Width of a bin in seconds; bins start at multiples of it since 1970.

    Returns
    -------
    dict
        For each (service, source, bin) with a located report: voices by region, above 0.
    """
    width_us = bin_width_s * SECOND_US
    best: defaultdict[CellKey, dict[str | tuple[str, str], tuple[float, str, str, Regions]]] = defaultdict(dict)
    for service, source, at_us, platform, post_id, author, weight, regions in rows:
        if not weight > 0 or not regions:
            continue
        voices = best[CellKey(service, source, at_us - at_us % width_us)]
        voice = (platform, post_id) if author is None else author
        # Of equally good reports the first by name, so that their order does not matter.
        candidate = (-weight, platform, post_id, regions)
        if voice not in voices or candidate < voices[voice]:
            voices[voice] = candidate
    return {key: _by_region(voices.values()) for key, voices in best.items()}


def _by_region(voices: Iterable[tuple[float, str, str, Regions]]) -> dict[str, float]:
    parts: defaultdict[str, list[float]] = defaultdict(list)
    for minus_weight, _, _, regions in voices:
        for region, part in regions:
            parts[region].append(-minus_weight * part)
    return {region: total for region, found in parts.items() if (total := fsum(found)) > 0}
