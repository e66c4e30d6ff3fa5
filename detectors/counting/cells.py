"""Reports to cells: who spoke of a service, through one source, in one bin."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import fsum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
SECOND_US = 1_000_000


class ReportRow(NamedTuple):
    """What counting needs to know of a report.

    Attributes
    ----------
    at_us
        When it was posted, in microseconds since 1970 (UTC).
    author
        Who posted it, in whatever form tells people apart; None is a voice of its own.
    weight
        In (0, 1]; anything else is no voice, though the report still counts as raw.
    """

    service: str
    source: str
    at_us: int
    platform: str
    post_id: str
    author: str | None
    weight: float
    is_repost: bool


class CellKey(NamedTuple):
    """Which cell; ``bin_us`` is the start of the bin in microseconds since 1970 (UTC)."""

    service: str
    source: str
    bin_us: int


class Cell(NamedTuple):
    """What was counted in a bin.

    Attributes
    ----------
    raw
        Every report, reposts too.
    authors
        Distinct authors of original reports; None where a file gave counts without saying.
    observed
        The same people, each with the weight of their best report. This is what the detector reads.
    """

    raw: float
    authors: int | None
    observed: float


def micros(at: datetime) -> int:
    """Return an aware instant as microseconds since 1970 (UTC), exactly.

    Examples
    --------
    >>> micros(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC))
    1000000
    """
    return (at - EPOCH) // MICROSECOND


def cells(rows: Iterable[ReportRow], bin_width_s: int) -> dict[CellKey, Cell]:
    """Count reports into cells, in one pass.

    The result does not depend on the order of the rows, nor on rows that occur twice: people are told apart by
    author, reports by (platform, id), and the weights are summed without rounding error.

    Parameters
    ----------
    rows
        Reports of any services and sources, in any order.
    bin_width_s
        Width of a bin in seconds; bins start at multiples of it since 1970.

    Returns
    -------
    dict
        One cell for each (service, source, bin) that has a report. Empty bins are not in it.
    """
    width_us = bin_width_s * SECOND_US
    posts: dict[CellKey, set[tuple[str, str]]] = {}
    voices: dict[CellKey, dict[str | tuple[str, str], float]] = {}
    for service, source, at_us, platform, post_id, author, weight, is_repost in rows:
        key = CellKey(service, source, at_us - at_us % width_us)
        post = (platform, post_id)
        if key not in posts:
            posts[key], voices[key] = set(), {}
        posts[key].add(post)
        if not is_repost:
            voice = post if author is None else author
            if weight > voices[key].get(voice, 0.0):
                voices[key][voice] = weight
    return {
        key: Cell(raw=len(found), authors=len(voices[key]), observed=fsum(voices[key].values()))
        for key, found in posts.items()
    }
