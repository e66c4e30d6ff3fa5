"""What is to be simulated, said in full: a :class:`Scenario` and a seed decide every count and every post.

Rates are in posts a minute, durations carry their unit in the name, instants are aware UTC.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Literal

from detectors.errors import InputError
from detectors.evaluation.simulate.places import MIXES, PLACES, Shares
from detectors.model import MAX_BIN_WIDTH_S, MIN_BIN_WIDTH_S

Family = Literal["poisson", "negbin", "hawkes", "clusters"]
"""How counts scatter about their expected rate."""

MAX_DELAY_S = 86_400
"""No simulated post arrives later than a day after it was written."""


def _check(is_right: bool, message: str) -> None:  # noqa: FBT001 - the sentence reads better this way
    if not is_right:
        raise InputError(message)


@dataclass(frozen=True)
class Noise:
    """How counts scatter about their expected rate.

    Attributes
    ----------
    family
        ``poisson``; ``negbin``: variance ``mu + phi mu**2`` in each bin; ``hawkes``: each post draws on average
        ``branching`` more within minutes (Hawkes 1971); ``clusters``: posts come in copies whose number has the
        tail ``P(k) ~ k**-tail``. The mean is the same in all four.
    phi
        Dispersion of ``negbin``, dimensionless.
    branching
        Share of the posts that another post brought about (``hawkes``), 0 to below 1.
    memory_min
        Mean delay of such a post, and of the members of a cluster, in minutes.
    tail, max_cluster
        Exponent and largest size of ``clusters``.
    wander_sd
        Standard deviation of the logarithm of a slow random level (half-life 12 h) that no profile can learn.
    """

    family: Family = "negbin"
    phi: float = 0.03
    branching: float = 0.5
    memory_min: float = 4.0
    tail: float = 2.5
    max_cluster: int = 300
    wander_sd: float = 0.0

    def __post_init__(self) -> None:
        _check(0 <= self.branching < 1, f"branching must be in [0, 1), not {self.branching}")
        _check(self.phi > 0, f"phi must be above 0, not {self.phi}")
        _check(self.max_cluster >= 1 and self.tail > 1, "clusters need max_cluster >= 1 and tail > 1")


@dataclass(frozen=True)
class CommutePeak:
    """A rush every working day at the same local time, give or take.

    ``height`` is what it adds at its top, as a multiple of the usual rate; ``width_min`` and ``jitter_min`` are
    standard deviations of its shape and of its time from day to day.
    """

    local_hour: float
    height: float
    width_min: float = 25.0
    jitter_min: float = 15.0


@dataclass(frozen=True)
class Rhythm:
    """When people post about a service.

    Attributes
    ----------
    night_floor
        Rate in the depth of the local night, as a share of an average hour.
    evening_share
        How much of the rest comes in the evening (20:30) rather than in working hours (13:00), local time.
    weekday
        Factors for Monday to Sunday, local; scaled so that they average 1.
    drift_per_week
        Growth, for instance .05 for 5 % a week.
    holidays
        Local days with a factor of their own.
    """

    night_floor: float = 0.15
    evening_share: float = 0.4
    weekday: tuple[float, ...] = (1.0,) * 7
    drift_per_week: float = 0.0
    commute: tuple[CommutePeak, ...] = ()
    holidays: tuple[tuple[date, float], ...] = ()

    def __post_init__(self) -> None:
        _check(len(self.weekday) == 7 and min(self.weekday) >= 0 < sum(self.weekday), "weekday needs seven factors")
        _check(self.drift_per_week > -1, "drift_per_week must be above -1")


@dataclass(frozen=True)
class ServiceTraffic:
    """One service and what people usually post about it.

    Attributes
    ----------
    id
        Id in the services catalogue.
    rate_per_min
        Usual original reports a minute, averaged over a week: somebody always has trouble.
    regions
        Place code and share of its users; see :data:`~detectors.evaluation.simulate.places.PLACES`.
    symptoms
        Shares of what is usually broken.
    chatter_ratio
        Posts that name the service without reporting trouble, per usual report.
    names
        What people call it; empty = name and aliases of the catalogue.
    devices
        What people use it on; empty = anything.
    """

    id: str
    rate_per_min: float
    regions: Shares = MIXES["world"]
    rhythm: Rhythm = Rhythm()
    noise: Noise = Noise()
    symptoms: Shares = (("total outage", 0.45), ("app crash", 0.2), ("sign-in", 0.2), ("slow", 0.15))
    chatter_ratio: float = 0.5
    names: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check(self.rate_per_min > 0, f"{self.id}: rate_per_min must be above 0, not {self.rate_per_min}")
        _check(bool(self.regions) and bool(self.symptoms), f"{self.id}: needs regions and symptoms")
        for code, _ in self.regions:
            _check(code in PLACES, f"{self.id}: unknown place {code!r}; the simulator knows {', '.join(PLACES)}")


@dataclass(frozen=True)
class Outage:
    """A service fails: the truth that a detector is to find.

    Attributes
    ----------
    onset_at, duration_min
        When it fails and for how long; posts go on for ``decay_min`` after the end.
    factor
        How many times the usual number of posts come from the affected places once all have noticed.
    rise_min
        From the onset until all have noticed.
    regions
        Places affected; a country stands for all its states. None = everywhere.
    symptoms
        Shares of what is broken; empty = the service's usual ones.
    """

    service: str
    onset_at: datetime
    duration_min: float
    factor: float
    rise_min: float = 5.0
    decay_min: float = 15.0
    regions: tuple[str, ...] | None = None
    symptoms: Shares = ()

    def __post_init__(self) -> None:
        _check(self.factor > 1, f"{self.service}: an outage's factor must be above 1, not {self.factor}")
        _check(min(self.duration_min, self.rise_min, self.decay_min) > 0, f"{self.service}: a duration is not above 0")

    @property
    def end_at(self) -> datetime:
        """When the service works again (UTC)."""
        return self.onset_at + timedelta(minutes=self.duration_min)

    def affects(self, code: str) -> bool:
        """Whether users in the place ``code`` notice."""
        return self.regions is None or code in self.regions or code[:2] in self.regions


@dataclass(frozen=True)
class NewsBump:
    """The news speaks of a service: a smooth rise for hours, mostly reposts. Not an outage.

    ``factor`` is its largest rate, reposts and all, as a multiple of the service's ``rate_per_min``.
    """

    service: str
    start_at: datetime
    duration_min: float
    factor: float
    repost_share: float = 0.8

    def __post_init__(self) -> None:
        _check(0 <= self.repost_share <= 1, "repost_share must be 0 to 1")
        _check(min(self.duration_min, self.factor) > 0, f"{self.service}: duration_min and factor must be above 0")


@dataclass(frozen=True)
class ViralCluster:
    """One joke or spam text, copied ``n_posts`` times (expected) within minutes. Not an outage."""

    service: str
    start_at: datetime
    n_posts: float
    duration_min: float = 15.0
    repost_share: float = 0.5

    def __post_init__(self) -> None:
        _check(0 <= self.repost_share <= 1, "repost_share must be 0 to 1")
        _check(min(self.duration_min, self.n_posts) > 0, f"{self.service}: duration_min and n_posts must be above 0")


@dataclass(frozen=True)
class Hole:
    """A stretch without posts, ``start_at <= t < end_at``: of one service, or of all (None)."""

    start_at: datetime
    end_at: datetime
    service: str | None = None

    def __post_init__(self) -> None:
        _check(self.start_at < self.end_at, "a hole must end after it starts")


@dataclass(frozen=True)
class Step:
    """From ``at`` on, everything (or one service) runs at ``factor`` times its level: the platform changed."""

    at: datetime
    factor: float
    service: str | None = None

    def __post_init__(self) -> None:
        _check(self.factor > 0, f"a step's factor must be above 0, not {self.factor}")


@dataclass(frozen=True)
class Delays:
    """How late posts reach us: ``late_share`` of them, log-normally about ``median_min``, at most a day."""

    late_share: float = 0.03
    median_min: float = 20.0
    log_sd: float = 1.5


@dataclass(frozen=True)
class Scenario:
    """All that is simulated.

    Attributes
    ----------
    gaps
        Known holes: NaN in the counts. A leading gap is one that starts at ``start_at``.
    silent_gaps
        The collector was broken and did not say so: zeros, although people posted.
    background_per_min
        Posts that name none of the services.
    delays
        None: every post reaches us at once.
    """

    start_at: datetime
    days: float
    services: tuple[ServiceTraffic, ...]
    outages: tuple[Outage, ...] = ()
    news: tuple[NewsBump, ...] = ()
    clusters: tuple[ViralCluster, ...] = ()
    gaps: tuple[Hole, ...] = ()
    silent_gaps: tuple[Hole, ...] = ()
    steps: tuple[Step, ...] = ()
    bin_width_s: int = 60
    background_per_min: float = 0.0
    delays: Delays | None = None
    source: str = field(default="simulated")

    def __post_init__(self) -> None:
        _check(self.start_at.utcoffset() == timedelta(0), f"start_at must be aware and UTC, not {self.start_at!r}")
        _check(MIN_BIN_WIDTH_S <= self.bin_width_s <= MAX_BIN_WIDTH_S, "bin_width_s must be 1 to 3600")
        _check(self.n_bins >= 1, f"days must hold at least one bin, not {self.days}")
        ids = [service.id for service in self.services]
        _check(bool(ids) and len(set(ids)) == len(ids), "needs services, each once")
        named: set[str | None] = {step.service for step in self.steps}
        named |= {hole.service for hole in (*self.gaps, *self.silent_gaps)}
        named |= {outage.service for outage in self.outages} | {bump.service for bump in self.news}
        named |= {cluster.service for cluster in self.clusters}
        unknown = named - {*ids, None}
        _check(not unknown, f"events of services that are not simulated: {sorted(map(str, unknown))}")
        self._check_outages()

    def _check_outages(self) -> None:
        for outage in self.outages:
            inside = self.start_at <= outage.onset_at and outage.end_at <= self.end_at
            _check(inside, f"{outage.service}: the outage at {outage.onset_at} does not lie inside the scenario")
            touched = any(outage.affects(code) for code, _ in self.service(outage.service).regions)
            _check(touched, f"{outage.service}: nobody is in the regions of the outage at {outage.onset_at}")
        for one, other in pairwise(sorted(self.outages, key=lambda each: (each.service, each.onset_at))):
            apart = one.service != other.service or one.end_at <= other.onset_at
            _check(apart, f"{one.service}: two outages overlap at {other.onset_at}")

    @property
    def n_bins(self) -> int:
        """Number of bins."""
        return round(self.days * 86_400 / self.bin_width_s)

    @property
    def end_at(self) -> datetime:
        """End of the last bin (UTC)."""
        return self.start_at + timedelta(seconds=self.n_bins * self.bin_width_s)

    def service(self, service_id: str) -> ServiceTraffic:
        """Return the traffic of one service.

        Raises
        ------
        InputError
            If the scenario has no such service.
        """
        for service in self.services:
            if service.id == service_id:
                return service
        raise InputError(f"no service {service_id!r} in the scenario")

    def minute(self, at: datetime) -> float:
        """Return the minutes from the start of the scenario to ``at``."""
        return (at - self.start_at) / timedelta(minutes=1)
