"""The recursion behind :mod:`detectors.baselines.regional`, compiled: it goes from report to report.

Weights grow with time instead of memories that fade (forward decay; Cormode et al. 2009), so that a region of which
nothing is heard needs no work. Reports teach only when the longest window has passed, which leaves time to see that
they were unusual.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from detectors.baselines.jit import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detectors.baselines.regional_records import Cells, Plan, Table, Told, Whole

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

SLOTS, DAY_S = 8, 86_400
DEEP = 5
VOICES, TESTS, MINUTES, SQUARES, USUAL, SEEN = range(6)
"""Places in ``Table.sums``: voices, cells that were looked at, minutes, squared errors beyond chance and what was usual
(all of them weighted), and bins observed so far."""
BUSY = 2.0
"""So many reports must be usual in the longest window to tell how rates of regions wander."""
UNUSUAL, FLOOR = 3.0, 0.3
"""Standard deviations above which a window is unusual, and the floor below what is usual in one."""
FEW, SHY = 3.0, 0.2
"""Voices beyond so many do not make a cluster larger: it may be an outage. And how much more than thought a region may
usually bring once it has been heard."""


@compiled
def weight(plan: Plan, b: float) -> float:
    """Weight of what happened in a bin."""
    return float(2.0 ** (b * plan.bin_s / plan.half_life_s))


@compiled
def slot_of(plan: Plan, b: int) -> int:
    """Slot of the day in which a bin begins."""
    return int((plan.origin_s + b * plan.bin_s) % DAY_S * SLOTS / DAY_S)


@compiled
def usual_of(plan: Plan, table: Table, row: int, state: tuple[float, float], place: Floats) -> tuple[float, float]:
    """Return the rate of a region, as a share of the service's reports, at times of the day; and its squared error.

    Parameters
    ----------
    state
        The exposure so far, and what one report weighs now.
    place
        Times of the day, in slots from the centre of slot 0; replaced by the share at each.
    """
    exposure, unit = state[0] / state[1], state[1]
    path = np.empty(DEEP, np.int64)
    depth, node = 0, row
    while node >= 0:
        path[depth] = node
        depth += 1
        node = table.parent[node]
    ratio, unsure = np.ones(SLOTS), np.zeros(SLOTS)
    rate, counted = plan.root_prior, 0.0
    for i in range(depth - 1, -1, -1):
        node = path[i]
        prior = rate
        if i < depth - 1:
            prior = rate / (1.0 + table.children[path[i + 1], table.level[node]])
        counted = table.taught[node] / unit
        rate = (plan.shape + counted) / (plan.shape / prior + exposure)
        pull = plan.rhythm[table.level[node]]
        for s in range(SLOTS):
            forecast = rate * ratio[s] * table.usual[s] / unit
            ratio[s] *= (pull + table.slots[node, s] / unit) / (pull + forecast)
            unsure[s] += 1.0 / (pull + forecast)
    error = 0.0
    for i in range(len(place)):
        below = math.floor(place[i])
        part = place[i] - below
        s = int(below) % SLOTS
        place[i] = rate * ((1.0 - part) * ratio[s] + part * ratio[(s + 1) % SLOTS])
        error = max(error, (1.0 - part) * unsure[s] + part * unsure[(s + 1) % SLOTS])
    return rate, error + 1.0 / (plan.shape + counted)


@compiled
def push(plan: Plan, table: Table, cell: tuple[int, int, float], is_held: bool) -> None:  # noqa: FBT001 - compiled
    """Take the voices of a region in a bin, and let those teach that the longest window has left."""
    b, row, voices = cell
    span = table.ring.shape[1]
    if not table.is_seen[row]:
        table.is_seen[row] = True
        if row > 0:
            table.children[table.parent[row], table.level[row]] += 1
    elif b - table.last[row] >= span:
        settle(table, row)
    for old in range(max(0, table.last[row] - span + 1), min(table.last[row], b - span) + 1):
        i = old % span
        if table.ring[row, i] > 0.0:
            taught = weight(plan, old) * table.ring[row, i] * table.kept[row, i]
            table.taught[row] += taught
            table.slots[row, slot_of(plan, old)] += taught
        table.ring[row, i] = 0.0
    table.ring[row, b % span] = voices
    table.kept[row, b % span] = 0.0 if is_held else 1.0
    table.last[row] = b


@compiled
def sum_windows(plan: Plan, table: Table, row: int, b: int) -> Floats:
    """Return the voices in each window that ends with a bin."""
    span = table.ring.shape[1]
    sums = np.zeros(len(plan.windows))
    total, back = 0.0, 0
    oldest = table.last[row] - span
    for w in range(len(plan.windows)):
        while back < plan.windows[w] and b - back > oldest and b - back >= 0:
            if b - back <= table.last[row]:
                total += table.ring[row, (b - back) % span]
            back += 1
        sums[w] = total
    return sums


@compiled
def expect(plan: Plan, table: Table, whole: Whole, cell: tuple[int, int, int]) -> tuple[Floats, float]:
    """Return what is usual in each window that ends with a bin (at index ``at``), and its squared relative error."""
    row, b, at = cell
    span = table.ring.shape[1]
    n = len(plan.windows)
    place = np.empty(n)
    for w in range(n):
        middle = plan.origin_s + (b + 1 - 0.5 * plan.windows[w]) * plan.bin_s
        place[w] = middle % DAY_S * SLOTS / DAY_S - 0.5
    state = (whole.exposure[at - span], weight(plan, b))
    _, error = usual_of(plan, table, row, state, place)
    for w in range(n):
        place[w] *= whole.expected[at] - whole.expected[at - plan.windows[w]]
    return place, error


@compiled
def restrain(plan: Plan, table: Table, cell: tuple[int, int], seen: tuple[float, float, float]) -> None:
    """Let a window that stands out teach no more than what is just unusual (winsorise it), unless it goes on and on.

    ``seen`` is what was observed in the longest window, what is usual, and the squared error of that.
    """
    row, b = cell
    observed, usual, error = seen
    span = table.ring.shape[1]
    limit = usual + UNUSUAL * math.sqrt(usual + error * usual * usual)
    if observed <= limit or table.sums[SEEN] <= 2.0 * plan.warm_up:  # at first everything stands out
        return
    if table.strange_to[row] < 0 or b - table.strange_to[row] > span:
        table.strange_from[row] = b
    table.strange_to[row] = b
    for w in range(table.pending.shape[1]):
        table.pending[row, w] = 0.0
    if b - table.strange_from[row] <= plan.forgive:
        for i in range(span):
            table.kept[row, i] = min(table.kept[row, i], limit / observed)


@compiled
def cluster(table: Table, row: int, voices: float, seen: tuple[Floats, Floats, float], unit: float) -> None:
    """Count pairs of reports that came close to each other, beyond chance; where more than one was usual it is moot.

    ``seen`` is what was observed in each window, what is usual, and the squared error of that: who was heard once is
    heard more often than was thought.
    """
    observed, expected, error = seen
    if table.level[row] < 2 or expected[len(expected) - 1] >= 1.0:
        return
    own = min(voices, FEW)
    for w in range(len(observed)):
        pairs = own * min(observed[w] - voices, FEW) + 0.5 * own * max(0.0, own - 1.0)
        table.pending[row, 1 + w] += unit * (pairs - own * expected[w] * (1.0 + min(error, SHY)))
    table.pending[row, 0] += unit * own


@compiled
def settle(table: Table, row: int) -> None:
    """Take for noise what was no outage: nothing followed it, and it did not stand out."""
    table.sums[VOICES] += table.pending[row, 0]
    for w in range(len(table.pairs)):
        table.pairs[w] += table.pending[row, 1 + w]
    for w in range(table.pending.shape[1]):
        table.pending[row, w] = 0.0


@compiled
def clustering(plan: Plan, table: Table, w: int, unit: float) -> float:
    """By what factor counts in a window vary more than independent reports do (index of dispersion), at least 1."""
    pairs = plan.noise_pairs + table.pairs[w] / unit
    return float(1.0 + 2.0 * max(0.0, pairs) / (plan.noise_voices + table.sums[VOICES] / unit))


@compiled
def wander(plan: Plan, table: Table, unit: float) -> float:
    """By how much rates of regions wander, beyond chance and what is not known of them: a squared relative error."""
    drift = (plan.drift * plan.drift_reports + table.sums[SQUARES] / unit) / (
        plan.drift_reports + table.sums[USUAL] / unit
    )
    return float(min(max(drift, 0.5 * plan.drift), 1.0))


@compiled
def follow_wander(table: Table, row: int, seen: tuple[float, float, float], now: tuple[float, float]) -> None:
    """Learn from the longest window of a region by how much rates wander; ``now``: that so far, a report's weight.

    A window is met once for each report in it; divided by their number it counts once. Errors are winsorised.
    """
    observed, usual, error = seen
    drift, unit = now
    if table.level[row] >= 2 and usual >= BUSY and observed >= 1.0:
        chance = usual + error * usual * usual
        square = min((observed - usual) ** 2, UNUSUAL**2 * (chance + drift * usual * usual))
        table.sums[SQUARES] += unit * (square - chance) / (observed * usual)
        table.sums[USUAL] += unit * usual / observed


@compiled
def measure_rest(known: tuple[Plan, Table], whole: Whole, cell: tuple[int, int, int], rest: Floats) -> None:
    """Fill in what is heard and what is usual of all that is located; see :func:`look`."""
    plan, table = known
    heard = sum_windows(plan, table, cell[0], cell[1])
    usual, _ = expect(plan, table, whole, cell)
    for w in range(len(heard)):  # one by one: assigning slices takes the compiler a second
        rest[0, w] = heard[w]
        rest[1, w] = usual[w]


@compiled
def look(
    known: tuple[Plan, Table], whole: Whole, cell: tuple[int, int, int], rest: Floats, told: tuple[Told, int]
) -> int:
    """Compare a region's windows with what is usual; return 1 if that was told, at the index in ``told``.

    ``rest`` holds what is heard and what is usual of all that is located, window by window. A region that usually
    brings more than half of it is the service as a whole: it is no part that could stand out.
    """
    plan, table = known
    row, b, _ = cell
    out, i = told
    n = len(plan.windows)
    unit = weight(plan, b)
    observed = sum_windows(plan, table, row, b)
    expected, error = expect(plan, table, whole, cell)
    y, m = observed[n - 1], expected[n - 1]
    is_part = 2.0 * m <= rest[1, n - 1]
    if is_part:
        table.sums[TESTS] += unit
    drift = wander(plan, table, unit)
    follow_wander(table, row, (y, m, error), (drift, unit))
    error += drift
    if y < plan.min_reports:
        cluster(table, row, table.ring[row, b % table.ring.shape[1]], (observed, expected, error), unit)
        return 0
    for w in range(n):
        others = max(0.0, rest[0, w] - observed[w]) + plan.common
        out.common[i, w] = max(1.0, others / (max(0.0, rest[1, w] - expected[w]) + plan.common))
        out.observed[i, w] = observed[w]
        out.expected[i, w] = expected[w]
        out.noise[i, w] = clustering(plan, table, w, unit)
    restrain(plan, table, (row, b), (y, m * out.common[i, n - 1] + FLOOR, error))
    out.error[i] = error
    out.tests[i] = table.sums[TESTS] / max(table.sums[MINUTES], 1e-300)
    return 1 if is_part and table.sums[SEEN] > plan.warm_up else 0


@compiled
def run(known: tuple[Plan, Table], whole: Whole, cells: Cells, block: tuple[int, int], out: Told) -> int:
    """Go through ``block`` (first bin, number of bins) and return how many cells were told in ``out``.

    All reports of a bin are taken in before any region is looked at, so that their order does not matter.
    """
    plan, table = known
    first, n_bins = block
    span = table.ring.shape[1]
    rest = np.zeros((2, len(plan.windows)))
    root = told = first - first  # 0, but no literal: for these the compiler would make all that they reach twice
    i = 0
    for b in range(first, first + n_bins):
        at = b - first + span
        if b >= span:
            table.usual[slot_of(plan, b - span)] += whole.teaches[at - span]
        if whole.is_seen[at]:
            table.sums[MINUTES] += weight(plan, b) * plan.bin_s / 60.0
            table.sums[SEEN] += 1.0
        stop = i
        while stop < len(cells.bins) and cells.bins[stop] == b:
            push(plan, table, (b, cells.rows[stop], cells.voices[stop]), whole.is_held[at])
            stop += 1
        if stop > i:
            measure_rest((plan, table), whole, (root, b, at), rest)
        for j in range(i, stop):
            if cells.rows[j] > 0:
                out.cell[told] = j
                told += look(known, whole, (cells.rows[j], b, at), rest, (out, told))
        i = stop
    return told


@compiled
def profiles(plan: Plan, table: Table, rows: Ints, now: tuple[int, float], bins: Floats) -> tuple[Floats, Floats]:
    """Return shares of regions in bins, shape (bins, regions), and their squared errors, shape (regions,).

    ``now`` is the bin that comes next and the exposure that taught.
    """
    share, error = np.empty((len(bins), len(rows))), np.empty(len(rows))
    state = (now[1], weight(plan, now[0]))
    place = np.empty(len(bins))
    for r in range(len(rows)):
        for i in range(len(bins)):
            place[i] = (plan.origin_s + (bins[i] + 0.5) * plan.bin_s) % DAY_S * SLOTS / DAY_S - 0.5
        _, error[r] = usual_of(plan, table, rows[r], state, place)
        for i in range(len(bins)):
            share[i, r] = place[i]
    return share, error
