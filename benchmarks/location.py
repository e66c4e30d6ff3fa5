"""Strings a second through the resolver, and the memory that it takes: ``python -m benchmarks.location``.

The fields are generated: names of cities as people write them, a sixth of them jokes. They are located once
as they are, none of them twice, and once as in a stream of posts, where they repeat (a Pareto law). Memory is the peak
of a process of its own that does nothing else.
"""

from __future__ import annotations

import random
import subprocess
import sys
from resource import RUSAGE_SELF, getrusage

from benchmarks.table import Row, best_of, render, spend

DISTINCT, STREAM = 30_000, 300_000
_JOKES = ("my bed {}", "she/her {}", "in your dreams {}", "probably asleep {}", "the void | {}", "dm for promo {}")
_ROUNDS = 3
_GOAL_US = 1e6 / 30_000


def fields(number: int, *, seed: int = 1) -> list[str]:
    """Return different profile fields; large cities occur in more of them."""
    from detectors.location.gazetteer import gazetteer

    book = gazetteer()
    packed, rng = book.packed, random.Random(seed)  # noqa: S311 - a benchmark, not a secret
    names = packed.city_shown.split("\n")
    found: dict[str, None] = {}
    while len(found) < number:
        city = min(int(rng.expovariate(1 / 8_000)), len(names) - 1)
        country, home = packed.city_countries[city], packed.city_subdivisions[city]
        code, shown = packed.countries[country], packed.country_shown[country]
        state = packed.subdivisions[home][3:] if code == "US" and home >= 0 else shown
        forms = (
            names[city],
            f"{names[city]}, {state}",
            f"{names[city].lower()} {shown.lower()}",
            f"{names[city]}, {code}",
        )
        joke = rng.choice(_JOKES).format(len(found))
        found[joke if rng.random() < 1 / 6 else rng.choice(forms)] = None
    return list(found)


def stream(pool: list[str], number: int, *, seed: int = 2) -> list[str]:
    """Return fields as they come: few of them make up most of the posts."""
    rng = random.Random(seed)  # noqa: S311
    return [pool[min(int(3 * rng.paretovariate(0.7)), len(pool) - 1)] for _ in range(number)]


def measure(distinct: int = DISTINCT, streamed: int = STREAM) -> list[Row]:
    """Return the figures."""
    from detectors.location import api
    from detectors.location.gazetteer import gazetteer

    load = spend(gazetteer)
    pool = fields(distinct)
    posts = stream(pool, streamed)

    def locate(texts: list[str]) -> None:
        api.forget()
        api.locate_batch(texts)

    one, many = best_of(_ROUNDS, lambda: locate(pool), lambda: locate(posts))
    return [
        Row(name="loading the gazetteer, once", value=load.cpu_s, unit="CPU s"),
        Row(name="fields that never repeat", value=1e6 * one.cpu_s / distinct, unit="us each", at_most=_GOAL_US),
        Row(name="the same, by the second", value=distinct / one.cpu_s, unit="fields/CPU s"),
        Row(
            name="a stream in which they repeat",
            value=1e6 * many.cpu_s / streamed,
            unit="us each",
            at_most=_GOAL_US,
        ),
        Row(name="the same, by the second", value=streamed / many.cpu_s, unit="fields/CPU s"),
        Row(name="peak memory of a process that locates both", value=_peak_mb(), unit="MB", at_most=150),
    ]


def _peak_mb() -> float:
    """Return the peak memory of a process of its own."""
    found = subprocess.run([sys.executable, "-m", __name__, "--peak"], check=True, capture_output=True, text=True)
    return float(found.stdout)


def peak() -> float:
    """Locate everything once, and return this process's peak memory in MB."""
    from detectors.location import locate_batch

    pool = fields(DISTINCT)
    locate_batch(pool)
    locate_batch(stream(pool, STREAM))
    return getrusage(RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    if sys.argv[1:] == ["--peak"]:
        print(peak())
    else:
        print(render("location", measure()))
