"""The recursion: one bin of one series at a time, each part under the name it has in the recipe.

A scalar algorithm, compiled. The same code steps one series through a year and ten thousand series through a minute,
so the two agree to the last bit. Work per bin does not depend on the length of the history: window sums are
differences of running sums kept in a ring.

Everything compiled stays in this file (see :func:`detectors.baselines.jit.compiled`).

Notation: ``y`` reports in the bin, ``p`` profile (mean 1), ``x`` exposure in [0, 1], ``level`` reports per bin at
``p = x = 1``; ``s`` reports in a window and ``m`` what was expected of it; ``phi`` dispersion of the variance
``m + phi m**2``; ``t`` bins since the series began; ``i`` the series.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from detectors.baselines.jit import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detectors.spikes.parameters import Plan

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

PRIOR_REPORTS = 40.0
"""K: how many reports' worth the fast level leans on the slow one."""
FIRST_LEVEL = 0.2
"""Reports per bin that a series is believed to bring before its first bin."""
GATE_LEARN, GATE_OPEN = 5.0, 8.0
"""Nats of "twice usual + 1" above which nothing is learnt, and above which an incident opens."""
SILENCE_NATS, SILENCE_OVER_NATS, SILENCE_K = 5.0, 2.5, 10.0
CLOSED_NATS, FADED_NATS, FADED_SHARE, CLOSING_K = 1.5, 6.0, 0.1, 20.0
CLOSING_REPORTS, CLOSING_MIN_MIN, CLOSING_MAX_MIN, CLOSING_MIN_EXPOSURE = 6.0, 10.0, 90.0, 0.3
PHI_MIN, PHI_MAX, THETA_MAX, Q_PHI_MAX = 0.003, 0.2, 8.0, 0.1
WEIGHT = 20.0
"""Pseudo-observations behind the first variance."""
SELF_EXCITATION_FADES = 5.0


class State(NamedTuple):
    """What a series remembers; each array's first axis is the series.

    Attributes
    ----------
    level, fast_y, fast_x, slow_y, slow_x
        L, A_f, B_f, A_s, B_s.
    n_observed
        Observed bins so far.
    sum_y, sum_x
        Running sums of reports and of ``p x``.
    ring_y, ring_x, ring_level
        Shape (series, ring): the running sums and the level as they were before each of the latest bins.
    sums
        Shape (series, windows, 5): N, E, Q1, Q2, Q3 of the variance.
    phi, theta
        Shape (series, windows).
    incident_from, incident_level, incident_peak
        First bin of the open baseline incident (-1: none), the level frozen there, its largest excess.
    usable_from
        First bin that windows may hold: the end of the last incident.
    silent_from
        First bin of the feed's silence (-1: none).
    """

    level: Floats
    fast_y: Floats
    fast_x: Floats
    slow_y: Floats
    slow_x: Floats
    n_observed: Ints
    sum_y: Floats
    sum_x: Floats
    ring_y: Floats
    ring_x: Floats
    ring_level: Floats
    sums: Floats
    phi: Floats
    theta: Floats
    incident_from: Ints
    incident_level: Floats
    incident_peak: Floats
    usable_from: Ints
    silent_from: Ints


class Block(NamedTuple):
    """Consecutive bins of all series, where in the week they lie, and the history that profiles are fitted from.

    Attributes
    ----------
    observed, exposure
        Shape (series, bins); NaN or exposure 0 = not observed.
    below, above, share
        Shape (bins,): slots of the week whose centres lie on either side of the bin's, and the weight of the later.
    row, slot
        Shape (bins,): row of the history (day modulo 28) and slot of the day.
    week
        Shape (series, slots a week): the profile, mean 1.
    counts, seen
        Shape (series, 28, slots a day): sums of reports and of exposure.
    """

    observed: Floats
    exposure: Floats
    below: Ints
    above: Ints
    share: Floats
    row: Ints
    slot: Ints
    week: Floats
    counts: NDArray[np.float32]
    seen: NDArray[np.float32]


class Output(NamedTuple):
    """What a bin yields; each of shape (series, bins). See :class:`detectors.spikes.bank.Scores`."""

    expected: Floats
    dispersion: Floats
    watch: Floats
    page: Floats
    watch_window: Ints
    page_window: Ints
    is_frozen: NDArray[np.bool_]
    is_silent: NDArray[np.bool_]


# --- deviance ------------------------------------------------------------------------------------------------


@compiled
def deviance(s: float, m: float, k: float) -> float:
    """Log-likelihood ratio (nats) of ``s`` reports against ``m`` expected, negative binomial of size ``k``."""
    if s <= m:
        return 0.0
    return s * math.log(s / m) - (s + k) * math.log((s + k) / (m + k))


@compiled
def lower_deviance(s: float, m: float, k: float) -> float:
    """Return the same for fewer reports than expected."""
    if s >= m:
        return 0.0
    tail = s * math.log(s / m) if s > 0.0 else 0.0
    return tail - (s + k) * math.log((s + k) / (m + k))


@compiled
def ceiling(s: float, m: float, k: float) -> float:
    """Return an upper bound of the deviance without logarithms: most windows need no more than this."""
    return 0.5 * (s - m) * (s - m) / (m * (1.0 + m / k))


# --- windows -------------------------------------------------------------------------------------------------


@compiled
def reports_since(state: State, i: int, start: int) -> float:
    """Reports from bin ``start`` to now."""
    return float(state.sum_y[i] - state.ring_y[i, start % state.ring_y.shape[1]])


@compiled
def exposure_since(state: State, i: int, start: int) -> float:
    """Sum of ``p x`` from bin ``start`` to now."""
    return float(state.sum_x[i] - state.ring_x[i, start % state.ring_x.shape[1]])


@compiled
def level_before(state: State, i: int, start: int) -> float:
    """Level before bin ``start``; inside an open incident, that before the incident."""
    if 0 <= state.incident_from[i] <= start:
        return float(state.incident_level[i])
    return float(state.ring_level[i, start % state.ring_level.shape[1]])


@compiled
def push(state: State, i: int, t: int, p: float) -> None:
    """Remember how things stood before bin ``t``."""
    slot = t % state.ring_y.shape[1]
    state.ring_y[i, slot] = state.sum_y[i]
    state.ring_x[i, slot] = state.sum_x[i]
    state.ring_level[i, slot] = state.level[i]


@compiled
def fill_windows(plan: Plan, state: State, i: int, t: int, window: Floats) -> int:
    """Fill ``window`` (2, windows) with s and m; return how many windows, from the shortest on, can be used."""
    for w in range(len(plan.windows)):
        start = t + 1 - plan.windows[w]
        if start < state.usable_from[i]:
            return w
        window[0, w] = reports_since(state, i, start)
        window[1, w] = level_before(state, i, start) * exposure_since(state, i, start)
        if window[1, w] <= 0.0:
            return w
    return len(plan.windows)


# --- gates (for the baseline only) ---------------------------------------------------------------------------


@compiled
def gate(plan: Plan, state: State, i: int, window: Floats, usable: int) -> tuple[float, int]:
    """G: the largest deviance from "twice usual + 1", and its window; 0 if it is below all that matters."""
    best, best_w = 0.0, 0
    for w in range(min(usable, plan.n_gate)):
        s, m, k = window[0, w], 2.0 * window[1, w] + 1.0, 1.0 / state.phi[i, w]
        if s < plan.min_reports or s <= m or ceiling(s, m, k) - plan.gate_penalty[w] < GATE_LEARN:
            continue
        value = deviance(s, m, k) - plan.gate_penalty[w]
        if value > best:
            best, best_w = value, w
    return best, best_w


@compiled
def n_quiet(plan: Plan, state: State, i: int, window: Floats, usable: int) -> int:
    """Count the windows, from the shortest on, before the first with Q of 5 nats: those that may learn."""
    for w in range(usable):
        s, m, k = window[0, w], window[1, w], 1.0 / min(state.phi[i, w], Q_PHI_MAX)
        limit = GATE_LEARN + plan.gate_penalty[w]
        if s < plan.min_reports or s <= m or ceiling(s, m, k) < limit:
            continue
        if deviance(s, m, k) >= limit:
            return w
    return usable


# --- page and watch ------------------------------------------------------------------------------------------


@compiled
def excitation(theta: float, m: float) -> float:
    """T: how much self-excitation divides the evidence by; it fades where many reports are expected."""
    return 1.0 + (theta - 1.0) / (1.0 + m / SELF_EXCITATION_FADES)


@compiled
def page(plan: Plan, state: State, i: int, window: Floats, usable: int) -> tuple[float, int]:
    """Return the page score, "several times usual", and the window that reached it."""
    best, best_w = 0.0, 0
    for w in range(min(usable, plan.n_page)):
        s, m = window[0, w], window[1, w]
        if s < plan.min_reports or s <= plan.page_times[0] * m + plan.page_floor:
            continue
        by = excitation(state.theta[i, w], m)
        k = 0.5 / state.phi[i, w]
        for arm in range(2):
            usual = (plan.page_times[arm] * m + plan.page_floor) / by
            least = best * plan.page_threshold[arm] + plan.page_penalty[w]
            if s / by <= usual or ceiling(s / by, usual, k) <= least:
                continue
            value = (deviance(s / by, usual, k) - plan.page_penalty[w]) / plan.page_threshold[arm]
            if value > best:
                best, best_w = value, w
    return best, best_w


@compiled
def watch(plan: Plan, state: State, i: int, window: Floats, usable: int) -> tuple[float, int]:
    """Return the watch score, "any credible rise", and the window that reached it."""
    best, best_w = 0.0, 0
    for w in range(min(usable, plan.n_watch)):
        s, m = window[0, w], window[1, w]
        if s < plan.min_reports or s <= m + plan.watch_floor:
            continue
        phi, by = state.phi[i, w], excitation(state.theta[i, w], m)
        least = best * plan.watch_threshold + plan.watch_penalty[w]
        if ceiling(s / by, (m + plan.watch_floor) / by, 1.0 / phi) <= least:
            continue
        usual = (math.exp(0.5 * math.sqrt(phi)) * m + plan.watch_floor) / by
        value = (deviance(s / by, usual, 1.0 / phi) - plan.watch_penalty[w]) / plan.watch_threshold
        if value > best:
            best, best_w = value, w
    return best, best_w


# --- variance ------------------------------------------------------------------------------------------------


@compiled
def learn_variance(plan: Plan, state: State, i: int, t: int, quiet: tuple[Floats, int]) -> None:
    """Learn phi and theta of each quiet window from its own forecast errors, winsorised."""
    window, n = quiet
    for w in range(n):
        if t % plan.learn_every[w] != 0:
            continue
        s, m, phi, sums, decay = window[0, w], window[1, w], state.phi[i, w], state.sums[i, w], plan.learn_decay[w]
        error = (s - m) * (s - m)
        weight = (m / (1.0 + phi * m)) ** 2
        sums[0] = decay * sums[0] + weight * (min(error, 16.0 * (m + min(phi, 0.1) * m * m)) - m) / (m * m)
        sums[1] = decay * sums[1] + weight
        sums[2] = decay * sums[2] + min(error, 25.0 * (m + 0.1 * m * m + 0.5))
        sums[3] = decay * sums[3] + m
        sums[4] = decay * sums[4] + m * m
        phi = min(max((sums[0] + 1.0) / (sums[1] + WEIGHT), PHI_MIN), PHI_MAX)
        state.phi[i, w] = phi
        state.theta[i, w] = min(max((sums[2] - phi * sums[4] + WEIGHT) / (sums[3] + WEIGHT), 1.0), THETA_MAX)


# --- level ---------------------------------------------------------------------------------------------------


@compiled
def set_level(state: State, i: int) -> None:
    """L: the fast level, leaning on the slow one."""
    slow = (state.slow_y[i] + FIRST_LEVEL) / (state.slow_x[i] + 1.0)
    state.level[i] = (PRIOR_REPORTS + state.fast_y[i]) / (PRIOR_REPORTS / slow + state.fast_x[i])


@compiled
def learn_level(plan: Plan, state: State, i: int, y: float, px: float) -> None:
    """Take one bin into both levels, clipped to what is plausible once a day has been seen."""
    if state.n_observed[i] > plan.day:
        usual = state.level[i] * px
        reach = 4.0 * math.sqrt(usual + 0.1 * usual * usual)
        y = min(max(y, usual - reach), usual + reach + 2.0)
    state.fast_y[i] = plan.fast_decay * state.fast_y[i] + y
    state.fast_x[i] = plan.fast_decay * state.fast_x[i] + px
    state.slow_y[i] = plan.slow_decay * state.slow_y[i] + y
    state.slow_x[i] = plan.slow_decay * state.slow_x[i] + px
    set_level(state, i)


# --- silence -------------------------------------------------------------------------------------------------


@compiled
def hear_silence(plan: Plan, state: State, i: int, t: int) -> bool:
    """Whether the feed is silent: far fewer reports than usual for 15 minutes, and not for more than 8 hours."""
    start = t + 1 - plan.silence
    if start < 0 or state.n_observed[i] < plan.warm_up:
        return False
    usual = level_before(state, i, start) * exposure_since(state, i, start)
    nats = lower_deviance(reports_since(state, i, start), usual, SILENCE_K) if usual > 0.0 else 0.0
    if state.silent_from[i] < 0 and nats > SILENCE_NATS:
        state.silent_from[i] = t
    elif state.silent_from[i] >= 0 and nats < SILENCE_OVER_NATS:
        state.silent_from[i] = -1
    return bool(state.silent_from[i] >= 0 and t - state.silent_from[i] < plan.silence_limit)


# --- baseline incident ---------------------------------------------------------------------------------------


@compiled
def excess_now(plan: Plan, state: State, i: int, t: int) -> tuple[float, float]:
    """Return reports and expectation of the last 10 minutes, against the frozen level."""
    start = max(0, t + 1 - plan.settle)
    return reports_since(state, i, start), state.incident_level[i] * exposure_since(state, i, start)


@compiled
def open_incident(plan: Plan, state: State, i: int, t: int, w: int) -> None:
    """Freeze the level as it was before window ``w``."""
    start = t + 1 - plan.windows[w]
    level = level_before(state, i, start)
    state.incident_from[i] = start
    state.incident_level[i] = level
    state.incident_peak[i] = 0.0
    state.level[i] = level


@compiled
def is_over(plan: Plan, state: State, i: int, t: int, p: float) -> bool:
    """Whether the open incident's reports are back to usual, or have faded."""
    s, m = excess_now(plan, state, i, t)
    state.incident_peak[i] = max(state.incident_peak[i], s - m)
    if t + 1 - state.incident_from[i] < plan.min_age:
        return False
    per_min = state.incident_level[i] * p / plan.bin_min
    minutes = min(max(CLOSING_REPORTS / per_min, CLOSING_MIN_MIN), CLOSING_MAX_MIN)
    bins = max(1, int(minutes / plan.bin_min + 0.5))
    start = max(0, t + 1 - bins)
    seen = exposure_since(state, i, start)
    if seen <= CLOSING_MIN_EXPOSURE * p * bins:
        return False
    if deviance(reports_since(state, i, start), state.incident_level[i] * seen, CLOSING_K) < CLOSED_NATS:
        return True
    return s - m < FADED_SHARE * state.incident_peak[i] and deviance(s, m, CLOSING_K) < FADED_NATS


@compiled
def tend_incident(plan: Plan, state: State, i: int, t: int, p: float) -> None:
    """Close the open incident if it is over; after 12 hours take it for the new normal (the fast level only)."""
    if t + 1 - state.incident_from[i] > plan.rebase_after:
        start = max(0, t + 1 - plan.rebase_from)
        state.fast_y[i] = reports_since(state, i, start)
        state.fast_x[i] = exposure_since(state, i, start)
    elif not is_over(plan, state, i, t, p):
        return
    state.incident_from[i] = -1
    state.usable_from[i] = t + 1
    set_level(state, i)


# --- one bin, and many ---------------------------------------------------------------------------------------


@compiled
def decide(plan: Plan, state: State, i: int, t: int, scratch: tuple[Floats, Output, int]) -> float:
    """Score the newest bin and learn the variance; return G, and open an incident where it says so."""
    window, out, b = scratch
    usable = fill_windows(plan, state, i, t, window)
    value, w = page(plan, state, i, window, usable)
    out.page[i, b] = value
    out.page_window[i, b] = plan.windows[w]
    credible, w2 = watch(plan, state, i, window, usable)
    out.watch[i, b] = max(credible, value)
    out.watch_window[i, b] = plan.windows[w2] if credible > value else plan.windows[w]
    g, w = gate(plan, state, i, window, usable)
    if state.incident_from[i] < 0:
        if g < GATE_LEARN:
            learn_variance(plan, state, i, t, (window, n_quiet(plan, state, i, window, usable)))
        elif g >= GATE_OPEN:
            open_incident(plan, state, i, t, w)
    return g


@compiled
def step(plan: Plan, state: State, i: int, t: int, given: tuple[float, float, float, Floats, Output, int]) -> bool:
    """Take one bin of one series; return whether it may enter the profile's history."""
    y, x, p, window, out, b = given
    push(state, i, t, p)
    out.expected[i, b] = state.level[i] * p
    out.dispersion[i, b] = state.phi[i, 0]
    out.page[i, b] = math.nan
    out.watch[i, b] = math.nan
    out.is_frozen[i, b] = state.incident_from[i] >= 0
    out.is_silent[i, b] = state.silent_from[i] >= 0
    is_warm = state.n_observed[i] >= plan.warm_up
    if not is_warm:
        out.expected[i, b] = math.nan
        out.dispersion[i, b] = math.nan
    if math.isnan(y) or x <= 0.0:
        return False
    state.sum_y[i] += y
    state.sum_x[i] += p * x
    state.n_observed[i] += 1
    g = decide(plan, state, i, t, (window, out, b)) if is_warm else 0.0
    is_silent = hear_silence(plan, state, i, t)
    out.is_silent[i, b] = is_silent
    if state.incident_from[i] >= 0:
        out.is_frozen[i, b] = True
        tend_incident(plan, state, i, t, p)
    elif g < GATE_LEARN and not is_silent:
        learn_level(plan, state, i, y, p * x)
    return not is_silent


@compiled
def run(plan: Plan, state: State, span: tuple[int, int, int], block: Block, out: Output) -> None:
    """Step every series through consecutive bins of one day.

    Parameters
    ----------
    plan, state
        The numbers; what the series remember, changed in place.
    span
        First and last (exclusive) bin of the block, and the number of the block's bin 0.
    block
        What was observed, and where in the week.
    out
        Filled in the span; each of shape (series, bins).
    """
    first, last, t0 = span
    window = np.zeros((2, len(plan.windows)))
    for i in range(block.observed.shape[0]):
        for b in range(first, last):
            share = block.share[b]
            p = (1.0 - share) * block.week[i, block.below[b]] + share * block.week[i, block.above[b]]
            y, x = block.observed[i, b], block.exposure[i, b]
            if step(plan, state, i, t0 + b, (y, x, p, window, out, b)):
                block.counts[i, block.row[b], block.slot[b]] += y
                block.seen[i, block.row[b], block.slot[b]] += x
