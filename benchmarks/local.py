"""Local detection: false alarms, what is found how soon, and speed: ``python -m benchmarks local``.

Everything is simulated (``local_world.py``); a service-month is 28 days of all its regions together, and the national
series is scored by the detector itself. An outage counts as found if an alarm begins while it lasts, or within an hour,
and is of a region that lies in it or holds it; *named* is its very region.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.local_world import DAY_MIN, START, Local, Wide, World, simulate
from benchmarks.table import Row, spend
from detectors.baselines.lineage import homes, lineage
from detectors.spikes import score
from detectors.spikes.local import LocalDetector, national_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from detectors.baselines.regional import National
    from detectors.counting.regional import RegionCounts
    from detectors.spikes.local_alarms import LocalAlarm

MONTHS, OUTAGES = 10, 12
AT_MIN, DAYS = 20 * DAY_MIN + 15 * 60, 21
GOALS = {"page": 0.1, "watch": 0.5}

CALM = {
    "300 reports a day": World(),
    "30 a day": World(per_day=30),
    "3,000 a day": World(per_day=3000),
    "3,000 a day, bins of 15 min": World(per_day=3000, bin_width_s=900),
    "two states, 300 a day": World(kind="few"),
    "870 subdivisions of the world, 300 a day": World(kind="world"),
    "the same, 3,000 a day, shares drift": World(kind="world", per_day=3000, drift=0.3),
    "300 a day, rates wander, shares drift": World(wander=0.5, drift=0.3),
    "3,000 a day, rates wander": World(per_day=3000, wander=0.3),
    "300 a day, a tenth write thrice": World(again=0.1),
    "3,000 a day, a tenth write thrice": World(per_day=3000, again=0.1),
    "news everywhere, five times usual": World(per_day=3000, wide=Wide(5)),
    "an outage everywhere, twenty times usual": World(wide=Wide(20)),
}

OUTAGES_IN = {
    "ZIP area, 6 more an hour": (World(days=DAYS), Local(4, 6, AT_MIN)),
    "ZIP area, 12 more an hour": (World(days=DAYS), Local(4, 12, AT_MIN)),
    "metro area, 12 more an hour": (World(days=DAYS), Local(3, 12, AT_MIN)),
    "state, 15 more an hour": (World(days=DAYS), Local(2, 15, AT_MIN)),
    "ZIP area, 12 more, 3,000 a day": (World(days=DAYS, per_day=3000), Local(4, 12, AT_MIN)),
    "state, 40 more, 3,000 a day": (World(days=DAYS, per_day=3000), Local(2, 40, AT_MIN)),
    "country, 40 more, 3,000 a day": (World(days=DAYS, per_day=3000, kind="world"), Local(1, 40, AT_MIN)),
}


@dataclass(frozen=True)
class Found:
    """What was found of one outage: minutes from its beginning to the alarm, and whether it was named."""

    after_min: float
    is_named: bool


def detect(world: World, seed: int, local: Local | None = None) -> tuple[list[LocalAlarm], str]:
    """Simulate and detect; return the alarms and where the outage was."""
    counts, national, where = prepare(world, seed, local)
    return LocalDetector(START, world.bin_width_s).run(counts, national), where


def prepare(world: World, seed: int, local: Local | None = None) -> tuple[RegionCounts, National, str]:
    """Simulate, and score the national series."""
    series, counts, where = simulate(world, seed, local)
    return counts, national_of(series, score(series)), where


def find(alarms: Sequence[LocalAlarm], where: str, local: Local) -> Found | None:
    """Return what was found of an outage."""
    for one in alarms:
        after = (one.alarm.alarmed_at - START).total_seconds() / 60 - local.at_min
        if 0 <= after <= local.minutes + 60 and is_near(one, where):
            return Found(after, one.region == where)
    return None


def is_near(alarm: LocalAlarm, where: str) -> bool:
    """Whether any region of an alarm lies in a region, holds it, or shares a subdivision with it."""
    return any(
        where in lineage(code) or code in lineage(where) or homes(code) & homes(where)
        for code in (alarm.region, *alarm.related)
    )


def false_alarms(months: int = MONTHS) -> list[Row]:
    """Count alarms where nothing local is."""
    rows = []
    for name, world in CALM.items():
        found = [one.alarm.severity for seed in range(months) for one in detect(world, seed)[0]]
        for severity, goal in GOALS.items():
            rate = found.count(severity) / months  # type: ignore[arg-type]
            rows.append(Row(name=f"{name}: false {severity}", value=rate, unit="a service-month", at_most=goal))
    return rows


def recall(outages: int = OUTAGES) -> list[Row]:
    """Say what is found of local outages, and how soon."""
    rows = []
    for name, (world, local) in OUTAGES_IN.items():
        every = [detect(world, 1000 + seed, local) for seed in range(outages)]
        for severity in ("watch", "page"):
            found = [
                find([one for one in alarms if one.alarm.severity == severity], where, local) for alarms, where in every
            ]
            known = [one for one in found if one]
            after = float(np.median([one.after_min for one in known])) if known else float("nan")
            named = sum(one.is_named for one in known)
            title = f"{severity}: {name} ({len(known)} of {outages} found, {named} by its name)"
            rows.append(Row(name=title, value=after, unit="min, median"))
    return rows


def speed() -> list[Row]:
    """Measure 28 days of minutes from scratch, and one minute more."""
    return [*_speed(360, 500.0), *_speed(3600, None)]


def _speed(per_day: int, goal_ms: float | None) -> list[Row]:
    counts, national, _ = prepare(World(per_day=per_day), 1)
    n = len(counts) - 1
    LocalDetector(START, 60).run(counts.cut(0, 10), national.cut(0, 10))  # compiles
    detector = LocalDetector(START, 60)
    spent = spend(lambda: detector.run(counts.cut(0, n), national.cut(0, n)))
    state = detector.state()
    minute = counts.cut(n, n + 1), national.cut(n, n + 1)
    tick = spend(lambda: LocalDetector.from_state(state).run(*minute))
    about = f"{per_day * 28:,} reports, {len(counts.regions):,} regions"
    return [
        Row(name=f"28 days of minutes, {about}", value=spent.cpu_s * 1e3, unit="CPU ms", at_most=goal_ms),
        Row(name="one minute more, from the saved state", value=tick.cpu_s * 1e3, unit="CPU ms", at_most=10),
    ]


def measure() -> list[Row]:
    """Return all figures."""
    return [*speed(), *false_alarms(), *recall()]
