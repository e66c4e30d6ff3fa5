"""Who complains about what, where and when: made-up posts of many services on three platforms, from a seed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from detectors.matching import Reader
from detectors.model import Post
from detectors.reference import catalogue
from flows.sources.tags import tags_of
from tests.builders import START
from tests.flows.sources.harness import Made

if TYPE_CHECKING:
    from datetime import datetime

    from detectors.model import Service

SHARES = {"bluesky": 0.5, "hackernews": 0.2, "mastodon": 0.3}
"""Which platform a complaint is on."""

PHRASES = (
    "is {name} down for anyone else?",
    "{name} is down again",
    "{name} not working here since ten minutes",
    "{name} outage? I cannot log in",
)
CHATTER = "such lovely weather today"
CHATTER_RATE = 6.0
"""Posts a minute and platform that name nothing."""

RATES = 0.05, 5.0
"""Complaints a minute about a service, where all is well: from the least to the most."""

MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Town:
    """How many services, for how long (minutes), and what goes wrong with one of them."""

    n_services: int = 30
    history_min: int = 13 * 60
    minutes: int = 120
    outage_begin: int = 60
    outage_end: int = 95
    outage_rate: float = 12.0
    seed: int = 1

    @property
    def starts_at(self) -> datetime:
        """When the first tick is (UTC); what was posted in the time before is history."""
        return START + self.history_min * MINUTE

    def at(self, minute: float) -> datetime:
        """Return an instant, so many minutes after the first tick."""
        return self.starts_at + minute * MINUTE

    @property
    def services(self) -> tuple[Service, ...]:
        """Return the services, the one that fails first."""
        return readable()[self.seed : self.seed + self.n_services]

    @property
    def rates(self) -> np.ndarray:
        """Complaints a minute where all is well, shape (services,): evenly spread over the orders of magnitude."""
        rng = np.random.default_rng([self.seed, 1])
        rates = np.geomspace(*RATES, self.n_services)
        rng.shuffle(rates[:-1])
        rates[[0, -1]] = np.median(rates), rates[0]  # of the one that fails: neither deafening nor silent
        return rates


@dataclass(frozen=True)
class Said:
    """A complaint, or (``service`` None) chatter."""

    made: Made
    service: Service | None

    @property
    def tag(self) -> str:
        """What it is tagged with."""
        return "weather" if self.service is None else tags_of(self.service)[0]


@lru_cache
def readable() -> tuple[Service, ...]:
    """Return the services of which each phrase is a report, and of nothing else; in an order that is no order."""
    reader, every = Reader(), tuple(catalogue().values())
    posts = [
        Post(f"{service.id} {number}", "none", START, phrase.format(name=service.name))
        for service in every
        for number, phrase in enumerate(PHRASES)
    ]
    n_right, n_wrong = Counter[str](), Counter[str]()
    for post, report in reader.read(posts).reports:
        asked = post.id.partition(" ")[0]
        (n_right if report.service == asked else n_wrong)[asked] += 1
    found = [one for one in every if n_right[one.id] == len(PHRASES) and not n_wrong[one.id] and tags_of(one)]
    order = np.random.default_rng(7).permutation(len(found))
    return tuple(found[place] for place in order)


def posts(town: Town) -> dict[str, list[Said]]:
    """Return what is posted, by platform, in order of time."""
    rng = np.random.default_rng([town.seed, 2])
    n_minutes = town.history_min + town.minutes + 1
    said: dict[str, list[Said]] = {}
    for platform, share in SHARES.items():
        when: list[tuple[float, int]] = []
        for number, rate in enumerate([*town.rates, CHATTER_RATE / share]):
            mean = np.full(n_minutes, rate * share)
            if number == 0:
                mean[town.history_min + town.outage_begin : town.history_min + town.outage_end] += (
                    town.outage_rate * share
                )
            minutes = np.repeat(np.arange(n_minutes), rng.poisson(mean))
            when += zip((minutes + rng.random(len(minutes))).tolist(), [number] * len(minutes), strict=True)
        said[platform] = [_said(town, place, minute, number) for place, (minute, number) in enumerate(sorted(when))]
    return said


def _said(town: Town, place: int, minute: float, number: int) -> Said:
    at = START + timedelta(milliseconds=int(minute * 60_000))
    if number == town.n_services:
        return Said(Made(place, at, CHATTER, f"p{place}"), None)
    service = town.services[number]
    text = PHRASES[place % len(PHRASES)].format(name=service.name)
    return Said(Made(place, at, text, f"p{place}"), service)
