"""What the loss of a source does: ``python -m benchmarks.sources [--seeds N] [--purpose test] [--json]``.

Simulated services of .2 to 50 posts a minute, each seen by three sources (70, 20 and 10 %) for 28 days. The largest is
lost five times, for an hour to a day, known (NaN) and silent (zeros) in turns; in every fifth loss an outage begins.
The combined series is compared with a plain sum of whatever came, and with the same counts had nothing been lost. False
alarms in losses are those that start in a loss or in the four hours after it, apart from outages. Once with sources
whose people live in the same places, once with one in the United States, one in Europe and one elsewhere, so that
shares change with the hour of the day.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass, replace
from datetime import timedelta
from statistics import median
from typing import TYPE_CHECKING, cast

import numpy as np
from msgspec import to_builtins

from benchmarks.table import Row, render
from detectors.evaluation.scoring import Outage as Happened
from detectors.evaluation.scoring import Score, join_bins, score_simulated
from detectors.evaluation.simulate import MIXES, Hole, Outage, Scenario, random_scenario, seeds, simulate_counts
from detectors.model import CountSeries
from detectors.spikes import score
from detectors.spikes.sources import score_sources

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from detectors.evaluation.simulate.draw import Purpose
    from detectors.model import Severity
    from detectors.spikes import Scored

SHARES = {"large": 0.7, "middle": 0.2, "small": 0.1}
ZONES = {"large": "us", "middle": "europe", "small": "elsewhere"}
RATES = (0.2, 50.0)
DAYS, MONTHS = 28, 28 / 30
LOSSES, OUTAGE_IN_EVERY = 5, 5
LOSS_MIN, OUTAGE_MIN, FACTORS = (60, 1440), (20, 240), (3, 50)
DETECTABLE_NATS = 12
SEVERITIES: tuple[Severity, Severity] = ("page", "watch")
MINUTE, AFTERWARDS = timedelta(minutes=1), timedelta(hours=4)


@dataclass(frozen=True)
class Service:
    """One simulated service: what its sources brought, when the largest was lost, and the outages in the losses.

    ``holes`` are ``(hole, is_silent)``; ``outages`` those that can be found in what was left.
    """

    series: tuple[CountSeries, ...]
    holes: tuple[tuple[Hole, bool], ...]
    outages: tuple[Happened, ...]
    undetectable: tuple[Happened, ...]


def draw(seed: int, *, is_spread: bool, is_lost: bool = True) -> Service:
    """Simulate one service; the same one with its losses and without."""
    rng = np.random.default_rng([seed, 404])
    quiet = random_scenario(seed, days=DAYS, n_services=1)
    whole = replace(quiet.services[0], rate_per_min=float(np.exp(rng.uniform(*np.log(RATES)))))
    places = {name: MIXES[ZONES[name]] if is_spread else whole.regions for name in SHARES}
    services = tuple(
        replace(whole, id=name, rate_per_min=whole.rate_per_min * share, regions=places[name])
        for name, share in SHARES.items()
    )
    holes, outages = _events(quiet, seed, rng)
    scenario = Scenario(
        quiet.start_at,
        DAYS,
        services,
        outages=tuple(replace(outage, service=name) for outage in outages for name in SHARES),
        gaps=tuple(hole for hole, is_silent in holes if is_lost and not is_silent),
        silent_gaps=tuple(hole for hole, is_silent in holes if is_lost and is_silent),
    )
    made = simulate_counts(scenario, seed=seed)
    series = tuple(replace(one, service="service", source=one.service) for one in made.series)
    nats = [sum(o.evidence_nats for o in made.truth.outages if o.onset_at == one.onset_at) for one in outages]
    happened = [Happened(one.onset_at, one.end_at) for one in outages]
    return Service(
        series,
        holes,
        tuple(one for one, much in zip(happened, nats, strict=True) if much >= DETECTABLE_NATS),
        tuple(one for one, much in zip(happened, nats, strict=True) if much < DETECTABLE_NATS),
    )


def _events(
    scenario: Scenario, seed: int, rng: np.random.Generator
) -> tuple[tuple[tuple[Hole, bool], ...], list[Outage]]:
    """Draw when the largest source is lost, and outages that begin meanwhile."""
    holes, outages, at = [], [], 3 * 1440.0
    each = (DAYS - 4) * 1440 / LOSSES
    for number in range(LOSSES):
        length = float(np.exp(rng.uniform(*np.log(LOSS_MIN))))
        start = at + number * each + float(rng.uniform(0, each - length - 600))
        start_at = scenario.start_at + int(start) * MINUTE
        holes.append((Hole(start_at, start_at + int(length) * MINUTE, "large"), (number + seed) % 2 == 0))
        if (number + seed) % OUTAGE_IN_EVERY == 0:
            minutes, factor = (float(np.exp(rng.uniform(*np.log(limits)))) for limits in (OUTAGE_MIN, FACTORS))
            onset_at = start_at + int(rng.uniform(0, length)) * MINUTE
            outages.append(Outage("large", onset_at, int(minutes), factor, rise_min=float(rng.uniform(1, 15))))
    return tuple(holes), outages


def plain_sum(series: Sequence[CountSeries]) -> CountSeries:
    """Return what a sum makes of it: whatever came, whoever was there."""
    observed = np.array([one.observed for one in series])
    total = np.where(np.isnan(observed).all(axis=0), np.nan, np.nansum(observed, axis=0))
    first = series[0]
    return CountSeries("service", "sum", first.start_at, first.bin_width_s, total, total, np.ones(len(total)))


def judge(scored: Scored, severity: Severity, service: Service) -> Score:
    """Judge the alarms of one service; those of outages that nobody could find are left out."""
    fired = np.flatnonzero(scored.of(severity)[0] >= 1)
    start_us = round(scored.start_at.timestamp() * 1e6)
    runs = join_bins(start_us + fired * scored.bin_width_s * 1_000_000, MINUTE)
    return score_simulated(runs, service.outages, service_months=MONTHS, bumps=service.undetectable)


def in_losses(found: Score, service: Service) -> int:
    """Count the false alarms in a loss or in the hours after it."""
    spans = [(hole.start_at, hole.end_at + AFTERWARDS) for hole, _ in service.holes]
    false = [at for at, kind in found.starts if kind == "unexplained"]
    return sum(any(first <= at <= last for first, last in spans) for at in false)


def compare(purpose: Purpose, n: int, *, is_spread: bool) -> Iterator[Row]:
    """Yield the figures of combined series and plain sums over ``n`` services."""
    where = "in three zones" if is_spread else "in one zone"
    services = [draw(seed, is_spread=is_spread) for seed in seeds(purpose, n)]
    whole = [draw(seed, is_spread=is_spread, is_lost=False) for seed in seeds(purpose, n)]
    combined = [score_sources(service.series) for service in services]
    methods: dict[str, Sequence[Scored]] = {
        "had nothing been lost": [score_sources(service.series) for service in whole],
        "plain sum": [score(plain_sum(service.series)) for service in services],
        "combined": combined,
    }
    for severity in SEVERITIES:
        undisturbed = 0
        for name, every in methods.items():
            judged = [judge(one, severity, service) for one, service in zip(every, services, strict=True)]
            false = sum(in_losses(one, service) for one, service in zip(judged, services, strict=True))
            undisturbed = false if every is methods["had nothing been lost"] else undisturbed
            total, is_ours = sum(judged[1:], judged[0]), every is combined
            yield from _rows(f"{where}, {severity}, {name}", false, total, undisturbed if is_ours else None)
    yield from faults(where, services, [one.is_faulty for one in combined])


def _rows(title: str, false: int, total: Score, at_most: int | None) -> Iterator[Row]:
    yield Row(name=f"{title}: false alarms in losses", value=false, unit="", at_most=at_most)
    rate = total.unexplained.value
    yield Row(name=f"{title}: false alarms", value=rate, unit="a service-month")
    hits, goal = total.recall(), None if at_most is None else 1.0
    yield Row(
        name=f"{title}: outages in losses",
        value=hits.hits,
        unit="",
        ratio=hits.value,
        beside=f"of {hits.n}",
        at_least=goal,
    )


def faults(where: str, services: Sequence[Service], flags: Sequence[np.ndarray]) -> Iterator[Row]:
    """Yield how well silent sources are told."""
    yield Row(name=f"{where}: losses", value=sum(len(service.holes) for service in services), unit="")
    delays, silent, wrong = [], 0, 0
    for service, flagged in zip(services, flags, strict=True):
        start_at = service.series[0].start_at
        rest = flagged.copy()
        for hole, is_silent in service.holes:
            first, last = ((at - start_at) // MINUTE for at in (hole.start_at, hole.end_at))
            told = np.flatnonzero(flagged[0, first:last])
            rest[0, first : last + 240] = False
            silent += is_silent
            delays += [int(told[0])] if is_silent and len(told) else []
        wrong += int((np.diff(rest.astype(np.int8), axis=1) == 1).sum())
    yield Row(
        name=f"{where}: silent losses told", value=len(delays), unit="told", ratio=len(delays) / silent, beside="of all"
    )
    yield Row(name=f"{where}: until it is told", value=median(delays), unit="min (median)")
    yield Row(name=f"{where}: told wrongly", value=wrong / (3 * MONTHS * len(services)), unit="a source-month")


def measure(purpose: Purpose = "calibration", n: int = 20) -> list[Row]:
    """Return all figures."""
    return [row for is_spread in (False, True) for row in compare(purpose, n, is_spread=is_spread)]


def main() -> None:
    """Run it and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sources", description=__doc__)
    parser.add_argument("--seeds", type=int, default=20, help="how many services")
    parser.add_argument("--purpose", choices=("calibration", "test"), default="calibration", help="which seeds")
    parser.add_argument("--json", action="store_true", help="print one JSON list")
    options = parser.parse_args()
    rows = measure(cast("Purpose", options.purpose), options.seeds)
    print(json.dumps(to_builtins(rows)) if options.json else render("sources", rows))


if __name__ == "__main__":
    main()
