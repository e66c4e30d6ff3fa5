"""Simulated outages whose extent is known, for :mod:`benchmarks.spread`.

The world: sixty countries, with more voices where the platforms are at home, the US by states and some metros, all by
their local time. What is usual is known only up to an error, in part the same everywhere; counts are overdispersed; of
the voices, 50 to 70 % are located. Nothing here is used to set anything in ``detectors.spread``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from detectors.model.spread import Extent, Spread

    Floats = NDArray[np.float64]

COUNTRIES = {
    "US": 400, "JP": 75, "GB": 75, "BR": 60, "IN": 55, "DE": 40, "CA": 38, "FR": 36, "MX": 30, "ES": 24,
    "AU": 24, "TR": 22, "IT": 22, "ID": 22, "PH": 18, "NL": 16, "PL": 13, "AR": 13, "SA": 12, "TH": 10,
    "KR": 10, "SE": 9, "CO": 8, "MY": 8, "CL": 7, "ZA": 7, "EG": 7, "NG": 7, "BE": 6, "IE": 6, "PT": 6, "CH": 6,
    "AE": 6, "AT": 5, "DK": 5, "NO": 5, "FI": 5, "NZ": 5, "SG": 5, "RU": 5, "PK": 5, "VN": 5, "KE": 4, "UA": 4,
    "CZ": 4, "GR": 4, "RO": 4, "HU": 3, "IL": 3, "PE": 3, "EC": 2, "MA": 2, "BD": 2, "GH": 2, "LK": 1, "UY": 1,
    "CR": 1, "LU": 0.5, "IS": 0.4, "MT": 0.3,
}  # fmt: skip
"""Voices per thousand or so: people times how much the platforms are used; by our own judgement."""

STATES = {
    "CA": 39, "TX": 30.5, "FL": 22.6, "NY": 19.6, "PA": 13, "IL": 12.5, "OH": 11.8, "GA": 11, "NC": 10.8,
    "MI": 10, "NJ": 9.3, "VA": 8.7, "WA": 7.8, "AZ": 7.4, "TN": 7.1, "MA": 7, "IN": 6.9, "MO": 6.2, "MD": 6.2,
    "WI": 5.9, "CO": 5.9, "MN": 5.7, "SC": 5.4, "AL": 5.1, "LA": 4.6, "KY": 4.5, "OR": 4.2, "OK": 4.1,
    "CT": 3.6, "UT": 3.4, "IA": 3.2, "NV": 3.2, "AR": 3.1, "KS": 2.9, "MS": 2.9, "NM": 2.1, "NE": 2, "ID": 2,
    "WV": 1.8, "HI": 1.4, "NH": 1.4, "ME": 1.4, "MT": 1.1, "RI": 1.1, "DE": 1, "SD": 0.9, "ND": 0.8, "AK": 0.7,
    "DC": 0.7, "VT": 0.6, "WY": 0.6,
}  # fmt: skip

METROS = {
    "TX": {"4726206": 0.09, "4699066": 0.24, "4684888": 0.26, "4671654": 0.08},
    "NY": {"5128581": 0.65},
    "CA": {"5368361": 0.34, "5391811": 0.08},
    "IL": {"4887398": 0.7},
    "AZ": {"5308655": 0.65},
    "WA": {"5809844": 0.5},
    "FL": {"4164138": 0.27},
    "GA": {"4180439": 0.55},
    "MA": {"4930956": 0.65},
    "CO": {"5419384": 0.5},
}

EAST = tuple("NY PA NJ MA CT RI NH VT ME MD DE DC VA NC SC GA FL WV OH MI".split())  # noqa: SIM905
CONTINENTS = ("Europe", "Asia")

Shape = Literal["countries", "leaves", "tree"]
"""Columns: countries only; the US by states and the others; everything, with parents."""

Case = Literal[
    "global", "global, US asleep", "US only", "US East", "Europe + Asia", "US, Europe, parts of Asia", "one state",
    "one metro", "a 1 % country", "none",
]  # fmt: skip

CAPTIONS: dict[Case, set[Extent]] = {
    "global": {"global"},
    "global, US asleep": {"global"},
    "US only": {"regional"},
    "US East": {"regional"},
    "Europe + Asia": {"multi-regional"},
    "US, Europe, parts of Asia": {"multi-regional"},
    "one state": {"local"},
    "one metro": {"local"},
    "a 1 % country": {"regional", "local"},
    "none": {"undetermined"},
}
ASIAN_PARTS = ("JP", "IN", "KR", "SG", "TH")
SMALL = ("MY", "CL", "ZA", "CO", "SE", "KR")


@dataclass(frozen=True)
class Setting:
    """What one simulated incident is like.

    Attributes
    ----------
    total
        Usual voices in the time of the outage, located or not.
    factor
        How many times as many there are where it is felt.
    phi
        Dispersion of each bin and smallest region.
    shared, own
        Error of what is usual: everywhere alike, in each region by itself (standard deviation of the logarithm).
    history
        Bins before the onset.
    bins
        Bins of ten minutes of the outage.
    """

    case: Case = "global"
    shape: Shape = "leaves"
    total: float = 100.0
    factor: float = 5.0
    phi: float = 0.1
    shared: float = 0.14
    own: float = 0.14
    history: int = 0
    bins: int = 12
    delays: bool = False
    """Whether it begins up to an hour later in some regions."""


@dataclass(frozen=True, eq=False)
class World:
    """The smallest regions, and what each column of a table is made of."""

    leaves: tuple[str, ...]
    weights: Floats
    hours: Floats
    columns: dict[str, list[int]]


@dataclass(frozen=True, eq=False)
class Simulated:
    """An incident and its truth.

    Attributes
    ----------
    hit
        Regions that are affected: half of their true usual voices are, or they have twice as many.
    share, given_share
        Which share of the usual voices lives in affected regions: in truth, and by what is given as usual.
    began
        By region: minutes from the first bin.
    extra
        By region: extra voices that the outage brings on average.
    """

    observed: pd.DataFrame
    expected: pd.DataFrame
    unlocated: float
    hit: frozenset[str]
    share: float
    given_share: float
    began: dict[str, float]
    extra: dict[str, float]


def world(shape: Shape) -> World:
    """Return the regions, with their usual shares and their offset from UTC in hours."""
    from detectors.spread.geography import coordinates

    leaves: list[tuple[str, float]] = [(code, share) for code, share in COUNTRIES.items() if code != "US"]
    columns: dict[str, list[int]] = {code: [number] for number, (code, _) in enumerate(leaves)}
    people = sum(STATES.values())
    columns["US"] = []
    for state, size in STATES.items():
        share = COUNTRIES["US"] * size / people
        parts = METROS.get(state, {})
        rows = [(f"metro:{city}", share * part) for city, part in parts.items()]
        rows.append((f"US-{state}", share * (1 - sum(parts.values()))))
        numbers = list(range(len(leaves), len(leaves) + len(rows)))
        columns.update({code: [number] for (code, _), number in zip(rows, numbers, strict=True)})
        columns[f"US-{state}"] = numbers
        columns["US"] += numbers
        leaves += rows
    weights = np.array([share for _, share in leaves])
    hours = np.array([coordinates(code)[1] / 15.0 for code, _ in leaves])
    kept = {code: numbers for code, numbers in columns.items() if _is_kept(code, shape)}
    return World(tuple(code for code, _ in leaves), weights / weights.sum(), hours, kept)


def _is_kept(code: str, shape: Shape) -> bool:
    """Tell whether a region has a column."""
    if shape == "countries":
        return len(code) == 2
    return shape == "tree" or code.startswith("US-") or (len(code) == 2 and code != "US")


def simulate(setting: Setting, rng: np.random.Generator) -> Simulated:
    """Return an incident."""
    place = world(setting.shape)
    hour = 8.0 if setting.case == "global, US asleep" else rng.uniform(0, 24)
    bins = setting.history + setting.bins
    clock = hour + (np.arange(bins) - setting.history)[None, :] / 6.0 + place.hours[:, None]
    diurnal = 1.0 + 0.75 * np.cos(2 * np.pi * (clock - 20.0) / 24.0)
    true = place.weights[:, None] * diurnal
    true *= setting.total * rng.uniform(0.5, 0.7) / true[:, setting.history :].sum()
    affected = _affected(setting.case, place, rng)
    factor = np.where(affected, setting.factor * np.exp(0.2 * rng.standard_normal(len(affected))), 1.0)
    late = _delays(place, setting, rng)
    since = (np.arange(bins) - setting.history)[None, :] * 10.0
    rate = true * np.where(since >= late[:, None], factor[:, None], 1.0)
    noisy = rate * rng.gamma(1 / setting.phi, setting.phi, rate.shape)
    counts = rng.poisson(noisy).astype(float)
    error = np.exp(setting.shared * rng.standard_normal() + setting.own * rng.standard_normal(len(true)))
    given = true * error[:, None]
    index = pd.date_range("2026-03-04 05:00", periods=bins, freq="10min", tz="UTC")

    def table(values: Floats) -> pd.DataFrame:
        return pd.DataFrame({code: values[numbers].sum(axis=0) for code, numbers in place.columns.items()}, index=index)

    span = slice(setting.history, None)
    usual, known = true[:, span].sum(axis=1), given[:, span].sum(axis=1)
    hit = frozenset(code for code, n in place.columns.items() if _is_hit(usual[n], affected[n], factor[n]))
    extra = {code: float(((factor - 1) * usual)[n].sum()) for code, n in place.columns.items()}
    began = {code: setting.history * 10.0 + float(late[n].min()) for code, n in place.columns.items()}
    return Simulated(
        table(counts), table(given), setting.total * 0.4, hit,
        min(1.0, float(usual @ affected / usual.sum())), min(1.0, float(known @ affected / known.sum())), began, extra,
    )  # fmt: skip


def _is_hit(usual: Floats, affected: NDArray[np.bool_], factor: Floats) -> bool:
    """Tell whether a region is affected: half of its usual voices are, or it has twice its usual voices."""
    return bool(usual @ affected >= 0.5 * usual.sum() or usual @ factor >= 2.0 * usual.sum())


def _delays(place: World, setting: Setting, rng: np.random.Generator) -> Floats:
    """Return after how many minutes it begins: in a country, or in a state of the US, everywhere at once."""
    from detectors.spread.geography import country, usual_parent

    if not setting.delays:
        return np.zeros(len(place.leaves))
    homes = [usual_parent(code) if code.startswith("metro") else code for code in place.leaves]
    names = [
        str(country(code)) if setting.shape == "countries" else str(home)
        for code, home in zip(place.leaves, homes, strict=True)
    ]
    drawn = {name: float(rng.integers(0, 7)) * 10.0 for name in dict.fromkeys(names)}
    return np.array([drawn[name] for name in names])


def _affected(case: Case, place: World, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Tell which of the smallest regions are affected."""
    from detectors.spread.geography import continent, country, usual_parent

    homes = [country(code) for code in place.leaves]
    states = [code if code.startswith("US-") else usual_parent(code) for code in place.leaves]
    lands = [continent(code) for code in place.leaves]
    state, metro, small = "US-" + rng.choice(["TX", "CA", "FL", "NY"]), "metro:4699066", rng.choice(SMALL)
    rules: dict[str, Callable[[int], bool]] = {
        "US only": lambda n: homes[n] == "US",
        "US East": lambda n: homes[n] == "US" and str(states[n])[3:] in EAST,
        "Europe + Asia": lambda n: lands[n] in CONTINENTS,
        "US, Europe, parts of Asia": lambda n: homes[n] == "US" or lands[n] == "Europe" or homes[n] in ASIAN_PARTS,
        "one state": lambda n: states[n] == state,
        "one metro": lambda n: place.leaves[n] == metro,
        "a 1 % country": lambda n: homes[n] == small,
        "none": lambda _: False,
    }
    rule = rules.get(case)
    return np.array([rule is None or rule(n) for n in range(len(place.leaves))], np.bool_)


def judge(setting: Setting, seed: int, *, replicates: int = 199) -> tuple[Simulated, Spread]:
    """Simulate and estimate."""
    import detectors

    made = simulate(setting, np.random.default_rng(seed))
    found = detectors.estimate_spread(
        made.observed, made.expected, dispersion=setting.phi, unlocated=made.unlocated, seed=seed, replicates=replicates
    )
    return made, found
