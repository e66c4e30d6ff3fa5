"""How fast every registered detector is: ``python -m benchmarks.peers``.

Series-points a second of one core, over a block of two days of one-minute bins after two weeks of them. Compare only
within one run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.bank import DAY, START, draw
from benchmarks.table import Row, best_of, render
from detectors.spikes import DETECTORS, create

if TYPE_CHECKING:
    from collections.abc import Sequence

SERIES, WARM_DAYS, DAYS = 20, 14, 2
GOAL_POINTS_PER_S = 100_000


def points_per_s(name: str) -> float:
    """Return series-points a second; best of 3."""
    detector = create(name, SERIES, bin_width_s=60, start_at=START)
    y = draw(SERIES, DAYS * DAY)
    for _ in range(WARM_DAYS // DAYS):
        detector.run(y)
    (spent,) = best_of(3, lambda: detector.run(y))
    return y.size / spent.cpu_s


def rows(names: Sequence[str] = tuple(DETECTORS)) -> list[Row]:
    """Measure them."""
    beside = f"{GOAL_POINTS_PER_S:,} a second"
    rates = {name: points_per_s(name) for name in names}
    return [
        Row(name=name, value=rate, unit="points/s", ratio=rate / GOAL_POINTS_PER_S, beside=beside, at_least=1.0)
        for name, rate in rates.items()
    ]


def main() -> None:
    """Print the table."""
    print(render("every registered detector, one-minute bins", rows()))


if __name__ == "__main__":
    main()
