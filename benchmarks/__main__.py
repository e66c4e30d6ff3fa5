"""Every benchmark, one after the other: ``python -m benchmarks [NAME ...]``.

Ratios are taken within this run and are what counts; absolute figures belong to the machine. A missed goal is said, and
is no failure: a benchmark is never a test. How to read them: benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING

from msgspec import to_builtins

from benchmarks.table import render

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.table import Row

    Outcome = tuple[list[Row], str]
    """Figures, and whatever is to be read below them."""


def matching(_: argparse.Namespace) -> Outcome:
    """Turn posts into reports."""
    from benchmarks import parts

    return parts.matching(), ""


def store(_: argparse.Namespace) -> Outcome:
    """Keep reports in SQLite."""
    from benchmarks import parts

    return parts.store(), ""


def bank(_: argparse.Namespace) -> Outcome:
    """Detect in many series."""
    from benchmarks import parts

    return parts.bank(), ""


def location(_: argparse.Namespace) -> Outcome:
    """Locate profile fields."""
    from benchmarks import location as bench

    return bench.measure(), ""


def spread(_: argparse.Namespace) -> Outcome:
    """Judge how far outages reach."""
    from benchmarks import spread as bench

    return bench.measure()


def local(_: argparse.Namespace) -> Outcome:
    """Find local outages, and nothing else."""
    from benchmarks import local as bench

    return bench.measure(), ""


def outbox(_: argparse.Namespace) -> Outcome:
    """Deliver messages through the outbox."""
    from benchmarks import outbox as bench

    return bench.measure(), ""


def end_to_end(options: argparse.Namespace) -> Outcome:
    """Bring lines into the store; wait for the command line."""
    from benchmarks import end_to_end as bench

    size = bench.Size(options.posts, bench.Size.replayed) if options.posts else bench.Size()
    rows = bench.measure(size)
    return rows, bench.profile("700 B", size.posts) if options.profile else ""


def memory(options: argparse.Namespace) -> Outcome:
    """Watch memory over a long replay."""
    from benchmarks import memory as bench

    if options.posts and options.posts > bench.SMALL:
        return bench.measure(options.posts, every_s=0.5)
    return bench.measure(options.posts or bench.SMALL)


def bluesky(options: argparse.Namespace) -> Outcome:
    """Keep up with Bluesky at twenty times its peak."""
    from benchmarks import bluesky as bench

    return bench.measure(options.seconds or bench.SECONDS)


def tick(_: argparse.Namespace) -> Outcome:
    """Look at three sources and find nothing new."""
    from benchmarks import tick as bench

    return bench.measure(), ""


ALL: tuple[Callable[[argparse.Namespace], Outcome], ...] = (
    matching,
    location,
    spread,
    local,
    outbox,
    store,
    bank,
    end_to_end,
    memory,
    bluesky,
    tick,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run benchmarks and print what they measure."""
    known = {bench.__name__: bench for bench in ALL}
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which: {', '.join(known)} (default: all of them)")
    parser.add_argument("--posts", type=int, help="how many posts: end_to_end (in memory) and memory")
    parser.add_argument("--seconds", type=float, help="how long: bluesky")
    parser.add_argument("--profile", action="store_true", help="say where the time goes: end_to_end")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args(arguments)
    unknown = sorted(set(options.names) - set(known))
    if unknown:
        parser.error(f"no benchmark {', '.join(unknown)}; there are {', '.join(known)}")
    found = {}
    for name in options.names or known:
        rows, below = known[name](options)
        found[name] = to_builtins(rows)
        if not options.json:
            title = f"{name}: {(known[name].__doc__ or '').rstrip('.').lower()}"
            print(render(title, rows) + (f"\n\n{below}" if below else "") + "\n", flush=True)
    if options.json:
        print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
