"""Made-up spreads, for looking at and for testing."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from detectors.location.gazetteer import gazetteer
from detectors.model import Estimate
from detectors.model.spread import RegionSpread, Share, Spread

if TYPE_CHECKING:
    from collections.abc import Iterable

    from detectors.model.spread import Verdict

AT = datetime(2026, 3, 3, 18, 5, tzinfo=UTC)
NAN = math.nan
STATES = tuple(code for code in gazetteer().subdivisions if code.startswith("US-"))


def onset(minutes: float = 0) -> Estimate:
    at = AT + timedelta(minutes=minutes)
    return Estimate(at, at - timedelta(minutes=2), at + timedelta(minutes=3))


def region(
    code: str, verdict: Verdict = "normal", ratio: float = 1.0, usual: float = 20.0, **fields: Any
) -> RegionSpread:
    """Build a region; one without data knows nothing."""
    ready: dict[str, Any] = {
        "observed": round(ratio * usual) if math.isfinite(ratio) else NAN,
        "expected": usual,
        "ratio": ratio,
        "ratio_low": 0.7 * ratio,
        "ratio_high": 1.4 * ratio,
        "probability": 0.99 if verdict == "affected" else 0.03,
        "share": 0.1,
    }
    if verdict == "no data":
        ready = dict.fromkeys(ready, NAN)
    return RegionSpread(code=code, verdict=verdict, **{**ready, **fields})


def spread(regions: Iterable[RegionSpread] = (), **fields: Any) -> Spread:
    """Build a spread; the affected regions come first, as they do in a real one."""
    ordered = tuple(sorted(regions, key=lambda one: one.verdict != "affected"))
    ready: dict[str, Any] = {
        "extent": "regional",
        "start_at": AT,
        "end_at": AT + timedelta(hours=1),
        "p_value": 0.001,
        "zone": (),
        "regions": ordered,
        "affected_share": Share(0.23, 0.18, 0.29),
        "untestable_share": 0.12,
        "unlocated_share": 0.31,
        "n_located": 400.0,
    }
    return Spread(**{**ready, **fields})


def nothing() -> Spread:
    """Nothing is known."""
    unknown = Share(NAN, NAN, NAN)
    return spread(
        extent="undetermined",
        p_value=NAN,
        affected_share=unknown,
        untestable_share=NAN,
        unlocated_share=NAN,
        n_located=0.0,
    )


def countries(affected: dict[str, float], n_known: int = 150) -> list[RegionSpread]:
    """Return the most populous countries: those affected, 50 as usual, and too few heard from the others."""
    packed = gazetteer().packed
    largest = [code for _, code in sorted(zip(packed.country_people, packed.countries, strict=True), reverse=True)]
    found = [region(code, "affected", ratio, 60, onset=onset(), order=1) for code, ratio in affected.items()]
    for number, code in enumerate(largest[:n_known]):
        if code not in affected:
            found.append(region(code) if number < 50 else region(code, "too few", 1.5, 0.8))
    return found


def american(affected: Iterable[RegionSpread], others: Verdict = "normal") -> list[RegionSpread]:
    """Return the affected and the remaining states."""
    listed = list(affected)
    codes = {one.code for one in listed}
    return [*listed, *(region(code, others) for code in STATES if code not in codes)]


TEXAS = region("US-TX", "affected", 12.3, 33, onset=onset(), order=1)
SAN_ANTONIO = region("metro:4726206", "affected", 31, 10, onset=onset(), order=1)
ZIP = region("zip3:US-782", "affected", 40, 2)

SPREADS = {
    "world": spread(countries({"US": 6.0, "DE": 1.3, "JP": 2.0, "BR": 30.0, "SG": 4.0}), extent="global"),
    "everywhere": spread(
        countries({code: 1.2 + number for number, code in enumerate(gazetteer().countries)}, 0), extent="global"
    ),
    "one country": spread(countries({"IE": 9.0})),
    "states": spread(american([TEXAS, region("US-OK", "affected", 3.4, 8), SAN_ANTONIO, ZIP])),
    "metro": spread(american([SAN_ANTONIO, ZIP]), extent="local"),
    "nothing": nothing(),
    "too few": spread([region(one.code, "too few", 1.5, 0.8) for one in countries({})], extent="undetermined"),
    "no data": spread([region("DE", "no data"), region("FR", "no data")], extent="undetermined"),
    "not a number": spread(
        [
            region("DE", "affected", NAN, NAN, probability=NAN, share=NAN),
            region("FR", "affected", math.inf, 0.0, observed=12.0, ratio_low=4.0, ratio_high=math.inf),
            region("ES", "normal", NAN, NAN),
            region("IT", "too few", NAN, NAN),
        ],
        affected_share=Share(0.4, NAN, NAN),
        p_value=NAN,
    ),
}
