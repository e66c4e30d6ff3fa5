"""A made-up service with located reports, to measure local detection on: nothing in it was ever posted.

Places are real regions with made-up shares (a Pareto law), time zones and a day's rhythm; the weekend is quieter. What
makes it hard: rates that wander place by place, and people who write again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from detectors.baselines.lineage import level_number, parent_of
from detectors.counting.regional import RegionCounts, Sparse
from detectors.location.gazetteer import gazetteer
from detectors.model import CountSeries

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

START = datetime(2026, 3, 2, tzinfo=UTC)
DAY_MIN, LOCATED = 1440, 0.65
_ZONES = {"US": -6, "US-CA": -8, "US-WA": -8, "US-OR": -8, "US-NV": -8, "US-CO": -7, "US-AZ": -7, "US-UT": -7}


@dataclass(frozen=True)
class Wide:
    """A rise in many places at once: so many times usual, in this share of the places, from hour to hour."""

    times: float
    share: float = 1.0
    hours: tuple[int, int] = (400, 403)


@dataclass(frozen=True)
class World:
    """How a service is reported on.

    Attributes
    ----------
    kind
        ``us``: 940 ZIP areas; ``few``: two states of them; ``world``: 870 subdivisions of all countries.
    per_day
        Reports a day, located or not.
    days, bin_width_s
        How long, and how wide bins are.
    wander
        Variance of the rate of a place, drawn every six hours.
    drift
        Standard deviation of the logarithm of a place's share, and of its walk over four weeks.
    again, again_min
        Which share of the reports is followed by two more from there, and after how many minutes (on average).
    wide
        A rise in many places.
    """

    kind: str = "us"
    per_day: float = 300.0
    days: int = 28
    bin_width_s: int = 60
    wander: float = 0.0
    drift: float = 0.0
    again: float = 0.0
    again_min: float = 10.0
    wide: Wide | None = None

    @property
    def n_bins(self) -> int:
        """Bins in all."""
        return self.days * DAY_MIN * 60 // self.bin_width_s


@dataclass(frozen=True)
class Local:
    """An outage in one region: so many more located reports an hour, from a minute on, for so many minutes."""

    level: int
    extra_per_h: float
    at_min: int
    minutes: int = 120


@cache
def places(kind: str) -> tuple[tuple[str, ...], ...]:
    """Return for each place the codes of the regions that its reports are from."""
    book = gazetteer()
    if kind == "world":
        return tuple((code[:2], code) for code in book.subdivisions[::4])
    metros: dict[str, list[str]] = {}
    for number, core in enumerate(book.packed.city_metros):
        if core == number:
            code = f"metro:{book.packed.city_ids[core]}"
            metros.setdefault(parent_of(code), []).append(code)
    found = []
    for number, (digits, state) in enumerate(sorted(book.zips.items())):
        if state.startswith("US-") and (kind == "us" or state in ("US-TX", "US-OK")):
            around = metros.get(state, []) if number % 3 else []
            found.append(("US", state, f"zip3:US-{digits}", *around[number % max(1, len(around)) :][:1]))
    return tuple(found)


def _zone(codes: tuple[str, ...]) -> float:
    """Return hours from UTC, roughly right for America and made up elsewhere."""
    country = codes[0]
    return _ZONES.get(codes[1], _ZONES.get(country, sum(map(ord, country)) % 24 - 12))


def _rates(world: World, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Return reports an hour, shape (places, hours), and the shares of the places."""
    sites = places(world.kind)
    shares = rng.pareto(1.2, len(sites)) + 0.2
    shares = np.minimum(shares, 0.1 * shares.sum())
    shares /= shares.sum()
    hours = np.arange(world.days * 24)
    local = (hours + np.array([[_zone(codes)] for codes in sites])) % 24
    rhythm = np.maximum(0.08, 1 + 0.85 * np.cos((local - 15) / 12 * np.pi)) * np.where(hours // 24 % 7 > 4, 0.75, 1.0)
    rates = shares[:, np.newaxis] * rhythm * world.per_day / 24 * rng.gamma(30, 1 / 30, len(hours))
    if world.drift:
        steps = rng.normal(0, world.drift / np.sqrt(28), (len(sites), world.days)).cumsum(axis=1)
        rates *= np.exp(steps + rng.normal(0, world.drift, (len(sites), 1))).repeat(24, axis=1)
    if world.wander:
        rates *= rng.gamma(1 / world.wander, world.wander, (len(sites), world.days * 4)).repeat(6, axis=1)
    if world.wide:
        hit = rng.random(len(sites)) < world.wide.share
        rates[np.ix_(hit, np.arange(*world.wide.hours))] *= world.wide.times
    return rates, shares


def simulate(world: World, seed: int, local: Local | None = None) -> tuple[CountSeries, RegionCounts, str]:
    """Return the service's series, its regions, and where the local outage was (``""``: there was none)."""
    rng = np.random.default_rng(seed)
    rates, shares = _rates(world, rng)
    heard = rng.poisson(rates)
    site, hour = np.nonzero(heard)
    times = heard[site, hour]
    site, minute = site.repeat(times), (hour.repeat(times) + rng.random(times.sum())) * 60
    if world.again:
        first = np.flatnonzero(rng.random(len(site)) < world.again)
        waits = (rng.exponential(mean * world.again_min, len(first)) for mean in (1, 2))
        minute = np.concatenate((minute, *(minute[first] + wait for wait in waits)))
        site = np.concatenate((site, site[first], site[first]))
    where = ""
    if local:
        where, more, at = _outage(world, local, shares, rng)
        site, minute = np.concatenate((site, more)), np.concatenate((minute, at))
    bins = (minute * 60 // world.bin_width_s).astype(np.int64)
    site, bins = site[bins < world.n_bins], bins[bins < world.n_bins]
    observed = np.bincount(bins, minlength=world.n_bins).astype(float)
    seen = np.ones(world.n_bins)
    located = rng.random(len(bins)) < LOCATED
    counts = _count(world, site[located], bins[located])
    series = CountSeries("made-up", "x", START, world.bin_width_s, observed, observed, seen)
    return series, RegionCounts("made-up", "x", START, world.bin_width_s, counts, seen), where


def _outage(world: World, local: Local, shares: Floats, rng: np.random.Generator) -> tuple[str, Ints, Floats]:
    """Return where an outage is (large regions more often), and the places and minutes of its reports."""
    members: dict[str, list[int]] = {}
    for number, codes in enumerate(places(world.kind)):
        for code in codes:
            if level_number(code) == local.level:
                members.setdefault(code, []).append(number)
    regions = sorted(members)
    weights = np.array([shares[members[code]].sum() for code in regions])
    where = regions[rng.choice(len(regions), p=weights / weights.sum())]
    n = rng.poisson(local.extra_per_h / LOCATED * local.minutes / 60)
    inside = np.array(members[where])
    site = rng.choice(inside, n, p=shares[inside] / shares[inside].sum())
    return where, site, local.at_min + rng.random(n) * local.minutes


def _count(world: World, site: Ints, bins: Ints) -> dict[str, Sparse]:
    """Count the reports in every region that their places lie in."""
    sites = places(world.kind)
    codes = sorted({code for found in sites for code in found})
    number = {code: i for i, code in enumerate(codes)}
    flat = np.array([number[code] for found in sites for code in found])
    sizes = np.array([len(found) for found in sites])
    first = np.array([0, *accumulate(sizes[:-1].tolist())])
    repeats = sizes[site]
    inner = np.arange(repeats.sum()) - np.repeat(repeats.cumsum() - repeats, repeats)
    region = flat[np.repeat(first[site], repeats) + inner]
    cells, voices = np.unique(region * world.n_bins + bins.repeat(repeats), return_counts=True)
    starts = np.searchsorted(cells, np.arange(len(codes) + 1) * world.n_bins)
    return {
        code: Sparse(cells[a:b] % world.n_bins, voices[a:b].astype(float))
        for code, a, b in zip(codes, starts[:-1].tolist(), starts[1:].tolist(), strict=True)
        if a < b
    }
