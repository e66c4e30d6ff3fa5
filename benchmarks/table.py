"""What a benchmark measures, and the table that shows it."""

from __future__ import annotations

from time import perf_counter, process_time
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable


class Row(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One figure.

    Attributes
    ----------
    name
        What was measured.
    value, unit
        What came out.
    ratio, beside
        How many times as much as something else that was measured in the same run, and what that is.
    at_least
        The goal for ``ratio``; none = it is only told.
    at_most
        The goal for ``value``.
    """

    name: str
    value: float
    unit: str
    ratio: float | None = None
    beside: str = ""
    at_least: float | None = None
    at_most: float | None = None

    @property
    def is_met(self) -> bool | None:
        """Whether the goal is reached; None where there is none."""
        if self.at_least is not None:
            return self.ratio is not None and self.ratio >= self.at_least
        return None if self.at_most is None else self.value <= self.at_most

    @property
    def goal(self) -> str:
        """The goal, and whether it is reached."""
        if self.is_met is None:
            return ""
        wanted = f">= {self.at_least:g} x" if self.at_least is not None else f"<= {self.at_most:g} {self.unit}"
        return f"{wanted}: {'met' if self.is_met else 'MISSED'}"


class Spent(NamedTuple):
    """Seconds that some work took: of this process's CPU, and on the wall."""

    cpu_s: float
    wall_s: float


def spend(work: Callable[[], object]) -> Spent:
    """Do something once, and return what it took."""
    wall, cpu = perf_counter(), process_time()
    work()
    return Spent(process_time() - cpu, perf_counter() - wall)


def best_of(n: int, *works: Callable[[], object]) -> list[Spent]:
    """Do several things in turns, ``n`` times each, and return the least that each took.

    In turns, so that a busy moment of the machine does not fall on one of them only.
    """
    rounds = [[spend(work) for work in works] for _ in range(n)]
    return [least(spent) for spent in zip(*rounds, strict=True)]


def least(spent: Collection[Spent]) -> Spent:
    """Return the least CPU time and the least wall time; what is more is the machine's other business."""
    return Spent(min(one.cpu_s for one in spent), min(one.wall_s for one in spent))


def render(title: str, rows: Iterable[Row]) -> str:
    """Return a table."""
    head = ("", "measured", "", "ratio", "beside", "goal")
    cells = [(r.name, _number(r.value), r.unit, _ratio(r.ratio), r.beside, r.goal) for r in rows]
    widths = [max(len(line[column]) for line in (head, *cells)) for column in range(len(head))]
    lines = []
    for line in (head, *cells):
        aligned = (
            cell.rjust(width) if column in (1, 3) else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        lines.append("  ".join(aligned).rstrip())
    return "\n".join([f"== {title}", *lines])


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _ratio(ratio: float | None) -> str:
    return "" if ratio is None else f"{ratio:,.0f} x" if ratio >= 100 else f"{ratio:.2f} x"
