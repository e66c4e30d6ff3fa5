"""Scenarios at random, as a detector may meet them, and seeds that keep calibration and test apart."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Literal

import numpy as np

from detectors.errors import InputError
from detectors.evaluation.simulate.places import MIXES, Shares
from detectors.evaluation.simulate.scenario import (
    CommutePeak,
    Delays,
    Family,
    Hole,
    NewsBump,
    Noise,
    Outage,
    Rhythm,
    Scenario,
    ServiceTraffic,
    Step,
    ViralCluster,
)

Difficulty = Literal["standard", "hard"]
Purpose = Literal["calibration", "test", "examples"]

MAX_DAYS = 3660

START_AT = datetime(2026, 1, 5, tzinfo=UTC)
"""A Monday."""

SERVICES = (
    "imessage", "outlook", "whatsapp", "instagram", "facebook", "youtube", "gmail", "netflix", "discord", "slack",
    "zoom", "spotify", "reddit", "github", "cloudflare", "verizon", "t-mobile", "roblox", "paypal", "tiktok",
)  # fmt: skip
"""Ids that random scenarios use; fixed, so that a larger catalogue changes no calibration."""

_NAMESPACES: dict[str, int] = {"calibration": 1_000_000, "test": 2_000_000, "examples": 3_000_000}
_NAMESPACE_SIZE = 1_000_000
_SYMPTOMS: tuple[Shares, ...] = (
    (("total outage", 0.6), ("slow", 0.25), ("app crash", 0.15)),
    (("sign-in", 0.7), ("total outage", 0.3)),
    (("cannot send", 0.5), ("delayed", 0.3), ("total outage", 0.2)),
    (),
)


def seeds(purpose: Purpose, n: int) -> range:
    """Return the first ``n`` seeds of a purpose; no seed belongs to two purposes.

    Raises
    ------
    InputError
        For an unknown purpose, or more seeds than there are.

    Examples
    --------
    >>> seeds("calibration", 3), set(seeds("calibration", 1_000_000)) & set(seeds("test", 1_000_000))
    (range(1000000, 1000003), set())
    """
    if purpose not in _NAMESPACES:
        raise InputError(f"unknown purpose {purpose!r}; there are {', '.join(_NAMESPACES)}")
    if not 0 <= n <= _NAMESPACE_SIZE:
        raise InputError(f"a purpose has {_NAMESPACE_SIZE} seeds, not {n}")
    return range(_NAMESPACES[purpose], _NAMESPACES[purpose] + n)


def random_scenario(
    seed: int,
    *,
    difficulty: Difficulty = "standard",
    family: Family = "negbin",
    days: float = 35,
    n_services: int = 20,
) -> Scenario:
    """Draw a scenario.

    Usual rates are log-uniform, .02 to 200 posts a minute; outages 1.5 to 100 times usual, 10 min to 6 h, a
    quarter of them in some regions only; news, copied texts, known and silent gaps between them. ``hard`` adds
    rates from .003, leading gaps of weeks, outages of 12 to 24 h, a site-wide step, more drift and jitter.

    Raises
    ------
    InputError
        For less than 7 days or more than ten years, or another number of services than 1 to 20.
    """
    if not 7 <= days <= MAX_DAYS or not 1 <= n_services <= len(SERVICES):
        raise InputError(f"a random scenario needs 7 to {MAX_DAYS} days and 1 to {len(SERVICES)} services")
    rng = np.random.default_rng([seed, 101])
    is_hard = difficulty == "hard"
    chosen = [str(name) for name in rng.permutation(SERVICES)[:n_services]]
    services = tuple(_service(name, is_hard=is_hard, family=family, rng=rng) for name in chosen)
    calendars = [_Calendar(service, days, is_hard, rng) for service in services]
    return Scenario(
        start_at=START_AT,
        days=days,
        services=services,
        outages=tuple(event for calendar in calendars for event in calendar.outages),
        news=tuple(event for calendar in calendars for event in calendar.news),
        clusters=tuple(event for calendar in calendars for event in calendar.clusters),
        gaps=tuple(event for calendar in calendars for event in calendar.gaps),
        silent_gaps=tuple(event for calendar in calendars for event in calendar.silent_gaps),
        steps=_steps(days, rng) if is_hard else (),
        delays=Delays(),
    )


def _steps(days: float, rng: np.random.Generator) -> tuple[Step, ...]:
    at = START_AT + timedelta(minutes=int(rng.uniform(0.4, 0.9) * days * 1440))
    return (Step(at, float(np.exp(rng.choice([-1, 1]) * rng.uniform(0.4, 1.0)))),)


def _service(name: str, *, is_hard: bool, family: Family, rng: np.random.Generator) -> ServiceTraffic:
    low, high = (0.003, 2.0) if is_hard and rng.random() < 0.5 else (0.02, 200.0)
    spread = 2.0 if is_hard else 1.0
    is_work = rng.random() < 0.4
    weekday = (1.1, 1.1, 1.1, 1.1, 1.0, 0.55, 0.5) if is_work else (1.0, 1.0, 1.0, 1.0, 1.0, 1.1, 1.15)
    peaks = tuple(
        CommutePeak(hour, float(rng.uniform(0.3, 1.0) * spread), 25.0, float(rng.uniform(5, 15) * spread))
        for hour in (8.2, 17.8)
        if rng.random() < 0.3
    )
    holiday = START_AT.date() + timedelta(days=int(rng.integers(7, 28)))
    return ServiceTraffic(
        id=name,
        rate_per_min=_log_uniform(low, high, rng),
        regions=MIXES[str(rng.choice(["us", "america", "world", "elsewhere", "europe"]))],
        rhythm=Rhythm(
            night_floor=float(rng.uniform(0.03, 0.4)),
            evening_share=float(rng.uniform(0.1, 0.3) if is_work else rng.uniform(0.3, 0.8)),
            weekday=weekday,
            drift_per_week=float(rng.normal(0, 0.05 * spread)),
            commute=peaks,
            holidays=((holiday, float(rng.uniform(0.5, 1.3))),) if rng.random() < 0.5 else (),
        ),
        noise=Noise(family, phi=_log_uniform(0.01, 0.1, rng), wander_sd=float(rng.uniform(0, 0.1) * spread)),
    )


def _log_uniform(low: float, high: float, rng: np.random.Generator) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


class _Calendar:
    """The events of one service, none of them within two hours of another."""

    def __init__(self, service: ServiceTraffic, days: float, is_hard: bool, rng: np.random.Generator) -> None:  # noqa: FBT001
        self._service, self._rng = service, rng
        self._from, self._to = 2 * 1440.0, days * 1440 - 12 * 60
        self._busy: list[tuple[float, float]] = []
        self.gaps: list[Hole] = []
        if is_hard and rng.random() < 0.3:
            lead = float(rng.uniform(1, days * 0.6)) * 1440
            self.gaps.append(Hole(START_AT, self._at(lead), service.id))
            self._from = lead + 2 * 1440
        months = (self._to - self._from) / 43_200
        long_share = 0.25 if is_hard else 0.0
        self.outages = [
            made for _ in range(1 + rng.poisson(months)) if (made := self._outage(rng.random() < long_share))
        ]
        self.news = [made for made in [self._news() for _ in range(rng.poisson(months))] if made]
        self.clusters = [made for made in [self._cluster() for _ in range(rng.poisson(2 * months))] if made]
        self.gaps += [made for made in [self._hole(10, 720) for _ in range(rng.poisson(2 * months))] if made]
        self.silent_gaps = [made for made in [self._hole(30, 360) for _ in range(rng.poisson(months))] if made]

    @staticmethod
    def _at(minute: float) -> datetime:
        return START_AT + timedelta(seconds=int(60 * minute))

    def _free(self, length: float, after: float) -> datetime | None:
        """Find and take a free stretch of that many minutes; ``after`` it, more is kept free of events."""
        latest = self._to - length
        for _ in range(50 if latest > self._from else 0):
            begin = float(self._rng.uniform(self._from, latest))
            end = begin + length + after
            if all(end + 120 < low or high + 120 < begin for low, high in self._busy):
                self._busy.append((begin, end))
                return self._at(begin)
        return None

    def _outage(self, is_long: bool) -> Outage | None:  # noqa: FBT001
        rng = self._rng
        length = float(rng.uniform(720, 1440)) if is_long else _log_uniform(10, 360, rng)
        onset_at = self._free(length, 240)
        if onset_at is None:
            return None
        codes = [code for code, _ in self._service.regions]
        some = tuple(
            str(code) for code in rng.choice(codes, size=int(rng.integers(1, 1 + len(codes) // 3)), replace=False)
        )
        return Outage(
            self._service.id,
            onset_at,
            length,
            factor=_log_uniform(1.5, 100, rng),
            rise_min=float(rng.uniform(1, min(15.0, length))),
            decay_min=float(rng.uniform(5, 40)),
            regions=some if rng.random() < 0.25 else None,
            symptoms=_SYMPTOMS[int(rng.integers(len(_SYMPTOMS)))],
        )

    def _news(self) -> NewsBump | None:
        rng = self._rng
        length = float(rng.uniform(90, 480))
        start_at = self._free(length, 0)
        factor, share = _log_uniform(2, 20, rng), float(rng.uniform(0.7, 0.9))
        return None if start_at is None else NewsBump(self._service.id, start_at, length, factor, share)

    def _cluster(self) -> ViralCluster | None:
        rng = self._rng
        length = float(rng.uniform(5, 40))
        start_at = self._free(length, 0)
        size = 5 + float(rng.pareto(1.5)) * max(3.0, 5 * self._service.rate_per_min)
        return None if start_at is None else ViralCluster(self._service.id, start_at, min(size, 2_000.0), length)

    def _hole(self, shortest_min: float, longest_min: float) -> Hole | None:
        length = _log_uniform(shortest_min, longest_min, self._rng)
        start_at = self._free(length, 0)
        return None if start_at is None else Hole(start_at, start_at + timedelta(minutes=length), self._service.id)
