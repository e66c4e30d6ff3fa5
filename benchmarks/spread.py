"""How well and how fast the spread of an outage is judged: ``python -m benchmarks spread``.

Outages in a simulated world (:mod:`benchmarks.spread_world`), each kind with its own draws of the hour, the counts, the
error of what is usual. Nothing here sets anything in ``detectors.spread``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from benchmarks.spread_world import CAPTIONS, Case, Setting, Shape, judge
from benchmarks.table import Row, best_of

if TYPE_CHECKING:
    from benchmarks.spread_world import Simulated
    from detectors.model.spread import Spread

INCIDENTS, NULLS = 40, 400
SHAPES: tuple[Shape, ...] = ("countries", "leaves", "tree")
ONLY_IN_TREES: tuple[Case, ...] = ("one metro",)
NOT_IN_COUNTRIES: tuple[Case, ...] = ("US East", "one state", "one metro")
ENOUGH = 5.0
"""A region can be judged, in truth, if the outage brings it so many extra voices."""

ERRORS = {"half everywhere alike": (0.14, 0.14), "each region by itself": (0.0, 0.2), "everywhere alike": (0.2, 0.0)}


@dataclass
class Tally:
    """What came out for one kind of outage."""

    captions: dict[str, int] = field(default_factory=dict)
    covered: list[bool] = field(default_factory=list)
    p_values: list[float] = field(default_factory=list)
    right: int = 0
    said: int = 0
    found: int = 0
    findable: int = 0
    pairs: int = 0
    reversed: int = 0

    def add(self, made: Simulated, spread: Spread) -> None:
        """Take in one incident."""
        self.captions[spread.extent] = self.captions.get(spread.extent, 0) + 1
        share = spread.affected_share
        self.covered.append(share.low - 1e-9 <= made.share <= share.high + 1e-9)
        self.p_values.append(spread.p_value)
        affected = {region.code: region for region in spread.affected}
        self.right += len(made.hit & set(affected))
        self.said += len(affected)
        findable = {code for code in made.hit if made.extra[code] >= ENOUGH}
        self.found += len(findable & set(affected))
        self.findable += len(findable)
        placed = [(made.began[code], one.order) for code, one in affected.items() if one.order and code in made.hit]
        for late, second in placed:
            earlier = [early for early, first in placed if first < second]
            self.pairs += len(earlier)
            self.reversed += sum(early > late for early in earlier)


def try_out(setting: Setting, number: int, *, seed: int = 0) -> Tally:
    """Simulate and judge so many incidents."""
    tally = Tally()
    for one in range(number):
        tally.add(*judge(setting, seed + one))
    return tally


def measure(incidents: int = INCIDENTS, nulls: int = NULLS) -> tuple[list[Row], str]:
    """Return the figures, and a table of what came out for each kind of outage."""
    kinds = {
        (shape, case): try_out(Setting(case=case, shape=shape, factor=8.0), incidents)
        for shape in SHAPES
        for case in CAPTIONS
        if not (shape == "countries" and case in NOT_IN_COUNTRIES) and not (shape == "leaves" and case in ONLY_IN_TREES)
    }
    rows = [*_summary(kinds), *_chance(nulls), *_order(incidents), *_speed()]
    return rows, _table(kinds)


def _summary(kinds: dict[tuple[Shape, Case], Tally]) -> list[Row]:
    every = list(kinds.values())
    covered = np.mean([one for tally in every for one in tally.covered])
    said, right = sum(t.said for t in every), sum(t.right for t in every)
    findable, found = sum(t.findable for t in every), sum(t.found for t in every)
    wide = [t for (_, case), t in kinds.items() if case in {"global", "global, US asleep", "US only", "Europe + Asia"}]
    names = [case for _, case in kinds if case in {"global", "global, US asleep", "US only", "Europe + Asia"}]
    hits = [sum(t.captions.get(c, 0) for c in CAPTIONS[case]) for case, t in zip(names, wide, strict=True)]
    return [
        Row(name="caption right: global, US asleep, US only, Europe + Asia", value=sum(hits) / _count(wide), unit=""),
        Row(name="regions said to be affected that are", value=right / max(said, 1), unit=""),
        Row(name="regions with 5 extra voices or more that are said", value=found / max(findable, 1), unit=""),
        Row(name="90 % interval of the share holds the true one", value=float(covered), unit=""),
    ]


def _count(tallies: list[Tally]) -> int:
    return sum(len(tally.p_values) for tally in tallies)


def _chance(nulls: int) -> list[Row]:
    """Return how often nothing is taken for something, at p <= .05."""
    rows = []
    for name, (shared, own) in ERRORS.items():
        setting = Setting(case="none", shape="countries", total=200.0, phi=0.3, shared=shared, own=own)
        low = np.mean([p <= 0.05 for p in try_out(setting, nulls, seed=10_000).p_values])
        rows.append(Row(name=f"p <= .05 where nothing is, error {name}", value=float(low), unit=""))
    return rows


def _order(incidents: int) -> list[Row]:
    setting = Setting(case="global", shape="countries", total=300.0, factor=6.0, history=12, delays=True)
    tally = try_out(setting, incidents, seed=20_000)
    share = tally.reversed / max(tally.pairs, 1)
    return [Row(name=f"pairs in the wrong order, of {tally.pairs} that are ordered", value=share, unit="")]


def _speed() -> list[Row]:
    """Return the CPU time of whole calls: an hour in five-minute bins."""
    import detectors
    from detectors.spread.geography import known_codes

    countries, parts, cities = known_codes()
    tasks = (
        ("246 countries, 999 replicates", countries[:246], 999, 0.1),
        ("3,489 countries and subdivisions, 199 replicates", (parts + countries)[:3489], 199, 1.0),
        ("500 cities, 999 replicates", cities[:500], 999, 0.3),
    )
    rows = []
    for name, codes, replicates, goal in tasks:
        observed, expected = crowd(codes)

        def work(
            observed: pd.DataFrame = observed, expected: pd.DataFrame = expected, replicates: int = replicates
        ) -> None:
            detectors.estimate_spread(observed, expected, dispersion=0.1, replicates=replicates)

        rows.append(Row(name=name, value=best_of(5, work)[0].cpu_s, unit="CPU s", at_most=goal))
    return rows


def crowd(codes: list[str], *, total: float = 200.0, bins: int = 12) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return an outage everywhere, with a few large regions and many small ones."""
    rng = np.random.default_rng(1)
    weights = rng.pareto(1.0, len(codes)) + 0.05
    index = pd.date_range("2026-03-04 05:00", periods=bins, freq="5min", tz="UTC")
    usual = np.outer(np.full(bins, total / bins), weights / weights.sum())
    counts = rng.poisson(5.0 * usual).astype(float)
    return pd.DataFrame(counts, index=index, columns=codes), pd.DataFrame(usual, index=index, columns=codes)


def _table(kinds: dict[tuple[Shape, Case], Tally]) -> str:
    """Return what came out for each kind of outage."""
    lines = [
        f"    {'columns':10} {'outage':26} {'found':>5} {'right':>5} {'prec.':>5} {'rec.':>5} {'cov.':>5}  captions"
    ]
    for (shape, case), tally in kinds.items():
        count = len(tally.p_values)
        figures = (
            np.mean([p <= 0.05 for p in tally.p_values]),
            sum(tally.captions.get(one, 0) for one in CAPTIONS[case]) / count,
            tally.right / tally.said if tally.said else np.nan,
            tally.found / tally.findable if tally.findable else np.nan,
            np.mean(tally.covered),
        )
        shown = " ".join("    -" if np.isnan(one) else f"{one:5.2f}" for one in figures)
        captions = ", ".join(f"{one} {n}" for one, n in sorted(tally.captions.items(), key=lambda item: -item[1]))
        lines.append(f"    {shape:10} {case:26} {shown}  {captions}")
    return "\n".join(lines)
