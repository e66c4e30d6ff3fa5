"""Expected rates: how many posts a bin of each service would hold on average, and why."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np

from detectors.evaluation.simulate.places import PLACES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detectors.evaluation.simulate.scenario import NewsBump, Outage, Scenario, ServiceTraffic, ViralCluster

    Floats = NDArray[np.float64]

_WEEK_MIN, _DAY_MIN = 10_080, 1_440
_WANDER_HALF_LIFE_H = 12.0


def stream(seed: int, *purpose: str) -> np.random.Generator:
    """Return the random numbers of one purpose, which no other purpose disturbs.

    Adding a service, or drawing more numbers for one, leaves all others as they were.
    """
    return np.random.default_rng([seed, *(zlib.crc32(word.encode()) for word in purpose)])


@dataclass(frozen=True, eq=False)
class Cause:
    """What adds posts to a service for a while.

    Attributes
    ----------
    kind, index
        Which event of the scenario: ``scenario.outages[index]`` and so on.
    first
        The first bin that it touches.
    originals, reposts
        Shape (bins touched,): expected posts per bin.
    """

    kind: Literal["outage", "news", "cluster"]
    index: int
    first: int
    originals: Floats
    reposts: Floats

    @property
    def last(self) -> int:
        """The bin after the last one that it touches."""
        return self.first + len(self.originals)


def day_shape(night_floor: float, evening_share: float) -> Floats:
    """Return the rate over a local day, in minutes: shape (1440,), mean 1.

    Two smooth humps (von Mises), 13:00 and 20:30, over a floor.
    """
    hours = np.arange(_DAY_MIN) / 60

    def hump(centre: float, sharpness: float) -> Floats:
        raw = np.exp(sharpness * np.cos((hours - centre) * np.pi / 12))
        return np.asarray(raw / raw.mean())

    humps = (1 - evening_share) * hump(13.0, 1.4) + evening_share * hump(20.5, 2.5)
    return np.asarray(night_floor + (1 - night_floor) * humps)


class ServiceRates:
    """The expected rates of one service, on demand for any stretch of bins.

    Parameters
    ----------
    scenario, service
        What is simulated, and which of its services.
    seed
        Decides the jitter of commute peaks and the slow wander of the level.
    """

    def __init__(self, scenario: Scenario, service: ServiceTraffic, seed: int) -> None:
        self.scenario, self.service, self._seed = scenario, service, seed
        total = sum(share for _, share in service.regions)
        self.places = tuple(PLACES[code] for code, _ in service.regions)
        self.shares: Floats = np.array([share / total for _, share in service.regions])
        offsets = sorted({place.offset_h for place in self.places})
        self.zone_of_place = np.array([offsets.index(place.offset_h) for place in self.places])
        self._offsets_min = [round(60 * offset) for offset in offsets]
        self._bin_min = scenario.bin_width_s / 60
        self._start_of_week = scenario.start_at.weekday() * _DAY_MIN + _minute_of_day(scenario)

    @cached_property
    def _week(self) -> Floats:
        """Rate by minute of the local week: shape (10080,), mean 1."""
        rhythm = self.service.rhythm
        factors = np.array(rhythm.weekday) * 7 / sum(rhythm.weekday)
        return np.outer(factors, day_shape(rhythm.night_floor, rhythm.evening_share)).ravel()

    def by_zone(self, first: int, last: int) -> Floats:
        """Return the usual rate of somebody in each zone: shape (zones, last - first), posts per bin.

        The rate is that of the whole service if all its users lived in that zone.
        """
        minutes = np.asarray((np.arange(first, last) + 0.5) * self._bin_min, dtype=np.float64)
        level = self.service.rate_per_min * self._bin_min * self._level(minutes)
        rows = []
        for zone, offset in enumerate(self._offsets_min):
            local = np.floor(minutes + self._start_of_week + offset).astype(np.int64)
            row = self._week[local % _WEEK_MIN] * level
            self._holidays(row, local)
            self._commute(row, minutes, zone)
            rows.append(row)
        return np.array(rows)

    def usual(self, first: int, last: int) -> Floats:
        """Return the usual rate of original reports: shape (last - first,), posts per bin."""
        return np.asarray(self.zone_shares() @ self.by_zone(first, last))

    def by_place(self, first: int, last: int) -> Floats:
        """Return the usual rate of each place: shape (places, last - first), posts per bin."""
        return np.asarray(self.by_zone(first, last)[self.zone_of_place] * self.shares[:, None])

    def zone_shares(self, affected: NDArray[np.bool_] | None = None) -> Floats:
        """Return the share of the users in each zone, or of those ``affected`` (by place) in it."""
        weights = self.shares if affected is None else self.shares * affected
        return np.bincount(self.zone_of_place, weights, minlength=len(self._offsets_min)).astype(np.float64)

    def affected(self, outage: Outage) -> NDArray[np.bool_]:
        """Return whether each place notices the outage: shape (places,)."""
        return np.array([outage.affects(place.code) for place in self.places])

    def _level(self, minutes: Floats) -> Floats:
        rhythm = self.service.rhythm
        level = np.power(1 + rhythm.drift_per_week, minutes / _WEEK_MIN)
        for step in self.scenario.steps:
            if step.service in (None, self.service.id):
                level = np.where(minutes >= self.scenario.minute(step.at), level * step.factor, level)
        if self.service.noise.wander_sd:
            level = level * np.exp(np.interp(minutes / 60, np.arange(len(self._wander)), self._wander))
        return np.asarray(level)

    @cached_property
    def _wander(self) -> Floats:
        """Logarithm of the slow level at each full hour: a stationary autoregression."""
        hours = int(self.scenario.days * 24) + 2
        memory = 0.5 ** (1 / _WANDER_HALF_LIFE_H)
        shocks = stream(self._seed, "wander", self.service.id).normal(0, self.service.noise.wander_sd, hours)
        level = shocks.copy()
        for hour in range(1, hours):
            level[hour] = memory * level[hour - 1] + np.sqrt(1 - memory**2) * shocks[hour]
        return np.asarray(level - self.service.noise.wander_sd**2 / 2)

    def _holidays(self, row: Floats, local: NDArray[np.int64]) -> None:
        days = (local - self.scenario.start_at.weekday() * _DAY_MIN) // _DAY_MIN
        for day, factor in self.service.rhythm.holidays:
            row[days == (day - self.scenario.start_at.date()) // timedelta(days=1)] *= factor

    @cached_property
    def _jitter(self) -> Floats:
        """How late each commute peak is: shape (peaks, zones, days), in standard deviations."""
        shape = (len(self.service.rhythm.commute), len(self._offsets_min), int(self.scenario.days) + 4)
        return stream(self._seed, "commute", self.service.id).normal(size=shape)

    def _commute(self, row: Floats, minutes: Floats, zone: int) -> None:
        if not self.service.rhythm.commute:
            return
        start_of_day, weekday = _minute_of_day(self.scenario), self.scenario.start_at.weekday()
        offset = self._offsets_min[zone]
        days = range(int(minutes[0] // _DAY_MIN) - 1, int(minutes[-1] // _DAY_MIN) + 3)
        for day in days:
            if (weekday + day) % 7 >= 5:
                continue
            for number, peak in enumerate(self.service.rhythm.commute):
                late = self._jitter[number, zone, day + 1] * peak.jitter_min
                centre = day * _DAY_MIN - start_of_day + peak.local_hour * 60 - offset + late
                low, high = np.searchsorted(minutes, [centre - 4 * peak.width_min, centre + 4 * peak.width_min])
                row[low:high] *= 1 + peak.height * np.exp(-0.5 * ((minutes[low:high] - centre) / peak.width_min) ** 2)

    @cached_property
    def causes(self) -> tuple[Cause, ...]:
        """What adds posts to the service: outages, news and copied texts."""
        scenario, found = self.scenario, []
        for index, outage in enumerate(scenario.outages):
            if outage.service == self.service.id:
                found.append(self._outage(index, outage))
        for index, bump in enumerate(scenario.news):
            if bump.service == self.service.id:
                found.append(self._news(index, bump))
        for index, cluster in enumerate(scenario.clusters):
            if cluster.service == self.service.id:
                found.append(self._cluster(index, cluster))
        return tuple(found)

    def _shape(self, begin: float, length: float, knots: tuple[Floats, Floats]) -> tuple[int, Floats]:
        """Average a curve over each bin that it touches; the knots are minutes after ``begin`` and heights."""
        first = max(0, int(begin // self._bin_min))
        last = min(self.scenario.n_bins, int(np.ceil((begin + length) / self._bin_min)))
        parts = max(4, int(np.ceil(self._bin_min)))
        edges = (np.arange(max(0, last - first) * parts) + 0.5) / parts + first
        heights = np.interp(edges * self._bin_min - begin, *knots, left=0.0, right=0.0)
        return first, heights.reshape(-1, parts).mean(axis=1)

    def _outage(self, index: int, outage: Outage) -> Cause:
        begin, length = self.scenario.minute(outage.onset_at), outage.duration_min
        rising, falling = np.linspace(0, 1, 33), np.linspace(0, 1, 33)
        rise = min(outage.rise_min, length)
        times = np.concatenate([rising * rise, length + falling * outage.decay_min])
        heights = np.concatenate([rising**2 * (3 - 2 * rising), (np.exp(-3 * falling) - np.exp(-3)) / (1 - np.exp(-3))])
        first, shape = self._shape(begin, length + outage.decay_min, (times, heights))
        weights = self.zone_shares(self.affected(outage))
        extra = (outage.factor - 1) * shape * (weights @ self.by_zone(first, first + len(shape)))
        return Cause("outage", index, first, extra, np.zeros_like(extra))

    def _bump(self, begin: float, length: float) -> tuple[int, Floats]:
        """Return a smooth rise to 1 after a fifth of the length, and a long fall: first bin and shape."""
        x = np.linspace(0, 1, 129)
        height = 5 * x * np.exp(1 - 5 * x) * np.minimum(1, 8 * (1 - x))
        return self._shape(begin, length, (x * length, height))

    def _news(self, index: int, bump: NewsBump) -> Cause:
        first, shape = self._bump(self.scenario.minute(bump.start_at), bump.duration_min)
        total = bump.factor * self.service.rate_per_min * self._bin_min * shape
        return Cause("news", index, first, total * (1 - bump.repost_share), total * bump.repost_share)

    def _cluster(self, index: int, cluster: ViralCluster) -> Cause:
        first, shape = self._bump(self.scenario.minute(cluster.start_at), cluster.duration_min)
        total = cluster.n_posts * shape / max(shape.sum(), 1e-12)
        return Cause("cluster", index, first, total * (1 - cluster.repost_share), total * cluster.repost_share)


def _minute_of_day(scenario: Scenario) -> int:
    return scenario.start_at.hour * 60 + scenario.start_at.minute
