"""The doors: one string, many strings, a post."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Literal, get_args

from detectors.errors import InputError
from detectors.location.answers import Located, answer, level, ordered
from detectors.location.communities import find_instance, find_subreddit
from detectors.location.gazetteer import gazetteer
from detectors.location.locate import Finding, find_profile, locate_point
from detectors.location.scan import Scan
from detectors.location.texts import find_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from detectors.model import Geo, Post

Kind = Literal["profile", "text", "subreddit", "instance"]
KINDS: tuple[str, ...] = get_args(Kind)

CACHED = 1 << 14
"""Strings whose answers are kept, about a kilobyte each: a few thousand fields make up most of a stream."""


def find(text: str, kind: Kind) -> Finding:
    """Locate a string, with what the answer rests on.

    Raises
    ------
    InputError
        There is no such kind.
    """
    if kind == "profile":
        return find_profile(text)
    if kind == "text":
        return find_text(text)
    if kind not in KINDS:
        raise InputError(f"kind is one of {', '.join(KINDS)}")
    readings = find_subreddit(text) if kind == "subreddit" else find_instance(text)
    return Finding(answer(readings), Scan([], [], [], [], bytearray()), readings, [], None)


def locate(text: str, *, kind: Kind = "profile") -> list[Located]:
    """Say where a string places its author, or its trouble.

    Parameters
    ----------
    text
        A profile's location field, a post, the name of a subreddit or the host of a server.
    kind
        Which of these: ``profile``, ``text``, ``subreddit``, ``instance``.

    Returns
    -------
    list of (region, weight, confidence)
        Best first. Regions are ISO 3166-1 countries (``US``), ISO 3166-2 subdivisions (``US-TX``), metro areas by the
        GeoNames id of their core (``metro:4726206``) and three-digit ZIP areas (``zip3:US-782``). Weights sum to at
        most 1 over a level; what is missing is unknown. Confidence is the probability that the region is right; what
        has less than .35 for a country or .6 for the others is left out. Empty if the string does not say.

    Raises
    ------
    InputError
        There is no such kind.

    Examples
    --------
    >>> [(one.region, one.weight) for one in locate("Austin, Texas")]
    [('US', 1.0), ('US-TX', 1.0), ('metro:4671654', 1.0)]
    >>> locate("in your dreams")
    []
    """
    return list(_cached(text, kind))


def locate_batch(texts: Iterable[str], kind: Kind = "profile") -> list[list[Located]]:
    """Locate many strings; equal to :func:`locate` of each, in order.

    Answers are kept for the strings seen last (:data:`CACHED` of them), as most fields of a stream repeat.

    Raises
    ------
    InputError
        There is no such kind.
    """
    known: dict[str, tuple[Located, ...]] = {}
    found = []
    for text in texts:
        located = known.get(text)
        if located is None:
            located = _cached(text, kind)
            if len(known) < CACHED:
                known[text] = located
        found.append(list(located))
    return found


@lru_cache(maxsize=CACHED)
def _cached(text: str, kind: Kind) -> tuple[Located, ...]:
    return tuple(find(text, kind).located)


def forget() -> None:
    """Forget the answers that are kept."""
    _cached.cache_clear()


def locate_post(post: Post) -> list[Located]:
    """Locate a post by the first evidence that says something.

    In this order: what the platform says (coordinates, ZIP code, place), a place named in the text, the author's
    profile, the subreddit, the server.

    Returns
    -------
    list of (region, weight, confidence)
        As from :func:`locate`.
    """
    if post.geo is not None:
        located = locate_geo(post.geo)
        if located:
            return located
    ways: list[tuple[str | None, Kind]] = [(post.text, "text"), (post.user_location, "profile")]
    if post.extra is not None:
        ways += [(post.extra.subreddit, "subreddit"), (post.extra.instance, "instance")]
    for text, kind in ways:
        located = locate(text, kind=kind) if text else []
        if located:
            return located
    return []


def locate_geo(geo: Geo) -> list[Located]:
    """Locate what the platform says of a post's place: coordinates, then the ZIP code, then names."""
    found: dict[str, Located] = {}
    if geo.lat is not None and geo.lon is not None:
        _join(found, answer(locate_point(geo.lat, geo.lon)))
    book = gazetteer()
    country = (geo.country or "").strip().upper()
    digits = (geo.zip or "").strip()[:3]
    state = book.zips.get(digits) if country in ("", "US", "USA") and len(digits) == 3 else None
    if state is not None:
        codes = (state, state[:2], f"zip3:US-{digits}") if state.startswith("US-") else (state,)
        _join(found, [Located(code, 1.0, 0.99) for code in codes])
    place = book.place(country) if len(country) == 2 else -1
    if place >= 0:
        _join(found, [Located(country, 1.0, 0.99)])
    name = book.packed.country_shown[place] if place >= 0 else "USA" if state is not None else geo.country
    parts = [part for part in (geo.city, geo.state, name) if part]
    _join(found, locate(", ".join(parts)))
    return ordered(found.values())


def _join(found: dict[str, Located], more: list[Located]) -> None:
    """Take in regions of levels that are not known yet, if they lie in the country and subdivision that are."""
    known = {level(region): region for region in found}
    new = {level(one.region): one.region for one in more}
    contradicts = any(kind in new and new[kind] != known[kind] for kind in ("country", "subdivision") if kind in known)
    if not contradicts:
        found.update({one.region: one for one in more if level(one.region) not in known})
