"""Simulated people: who they are is a function of their number, so that millions of them need no memory."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from detectors.evaluation.simulate.places import city_of, profile_location
from detectors.model import Geo, PostExtra, utc

if TYPE_CHECKING:
    from datetime import datetime

    from numpy.typing import NDArray

    from detectors.evaluation.simulate.places import Place

CROWD = 400_000
"""People in each place who may post."""

LOUD_SHARE, LOUD = 0.05, 120
"""Share of the posts that come from the few loud people of a place, and how many those are."""

NAMELESS_SHARE = 0.02
"""Share of the posts whose author the platform does not name."""

_PLATFORMS = (("x", 62), ("reddit", 78), ("bluesky", 89), ("mastodon", 98), ("hackernews", 100))
_RESHARING = ("x", "bluesky", "mastodon")
_INSTANCES = ("social.example", "masto.example", "town.example")
_DAY_S = 86_400


def choose(place: NDArray[np.int64], seed: int, rng: np.random.Generator) -> NDArray[np.uint64]:
    """Return an author for each post: shape (posts,), 64 bits that decide all about them.

    Heavy-tailed: most post once, the loudest many times a day.

    Parameters
    ----------
    place
        Shape (posts,): where each post is written; people stay in their place.
    """
    n = len(place)
    crowd = rng.integers(LOUD, CROWD, n)
    loud = (LOUD * rng.random(n) ** 3).astype(np.int64)
    number = np.where(rng.random(n) < LOUD_SHARE, loud, crowd)
    salt = np.random.default_rng([seed, 7]).integers(0, 1 << 62)
    return _mix((place.astype(np.uint64) << np.uint64(32)) + number.astype(np.uint64) ^ np.uint64(salt))


def _mix(bits: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Spread the bits (the finaliser of SplitMix64, Steele, Lea and Flood 2014)."""
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))


def platform_of(key: int, *, is_repost: bool) -> str:
    """Return where an author posts; reposts exist on three platforms only."""
    roll = key % 100
    found = next(name for name, below in _PLATFORMS if roll < below)
    return found if not is_repost or found in _RESHARING else "x"


def name_of(key: int) -> str:
    """Return an author's id."""
    return f"u{key >> 24:010x}"


def location_of(key: int, place: Place) -> str | None:
    """Return the author's location field."""
    return profile_location(place, key >> 8)


def home_of(key: int, place: Place) -> str:
    """Return the author's city, the one that the location field names if it names one."""
    return city_of(place, (key >> 8) // 100).name


def geo_of(key: int, place: Place, platform: str) -> Geo | None:
    """Return the platform's own word about where: 2 % of the people on X let it say so."""
    if platform != "x" or (key >> 40) % 50:
        return None
    city = city_of(place, (key >> 8) // 100)
    return Geo(country=place.code[:2], state=place.state, city=city.name, lat=city.lat, lon=city.lon)


def extra_of(key: int, place: Place, platform: str, at: tuple[datetime, datetime | None]) -> PostExtra | None:
    """Return what only some platforms tell.

    Account ages are heavy-tailed, 4 % are younger than a month; half of Reddit is in a sub of the author's city.

    Parameters
    ----------
    at
        Start of the scenario, and when the post reached us (None = at once).
    """
    start_at, received_at = at
    created_at: datetime | None = None
    instance: str | None = None
    subreddit: str | None = None
    if platform == "mastodon":
        instance = _INSTANCES[key % len(_INSTANCES)]
    elif platform == "reddit":
        subreddit = home_of(key, place).lower().replace(" ", "") if (key >> 20) % 2 else "techsupport"
    elif platform == "x" and (key >> 20) % 5 < 2:
        created_at = utc(start_at.timestamp() // _DAY_S * _DAY_S) - timedelta(
            days=_age_d(((key >> 30) % 10_000) / 10_000)
        )
    if created_at is None and instance is None and subreddit is None and received_at is None:
        return None
    return PostExtra(subreddit=subreddit, instance=instance, account_created_at=created_at, received_at=received_at)


def _age_d(share: float) -> int:
    """Return the age of an account in days at that quantile."""
    return 1 + int(750 * share) if share < 0.04 else int(30 + 5_400 * share**1.4)
