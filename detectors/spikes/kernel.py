"""The recursion: one bin of one series at a time, each part under the name it has in the recipe.

A scalar algorithm, compiled. The same code steps one series through a year and ten thousand series through a minute,
so the two agree to the last bit. Work per bin does not depend on the length of the history: window sums are
differences of running sums kept in a ring. Everything compiled here stays in this file (see
:func:`detectors.baselines.jit.compiled`).

Notation: ``y`` reports in the bin, ``p`` profile (mean 1), ``x`` exposure in [0, 1], ``level`` reports per bin at
``p = x = 1``; ``s`` reports in a window and ``m`` what was expected of it; ``phi`` dispersion of the variance
``m + phi m**2``; ``t`` number of the bin since the series began; ``w`` number of the window.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from detectors.baselines.jit import compiled
from detectors.spikes.records import MAX_WINDOWS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detectors.spikes.records import Bin, Block, Plan, Series

    Floats = NDArray[np.float64]

PRIOR_REPORTS = 60.0
"""K: how many reports' worth the fast level leans on the slow one."""
FIRST_LEVEL = 0.2  # reports per bin that a series is believed to bring before its first bin
GATE_LEARN, GATE_OPEN = 5.0, 8.0
"""Nats of "twice usual + 1" above which nothing is learnt, and above which an incident opens."""
SILENCE_NATS, SILENCE_OVER_NATS, SILENCE_K, NOTHING_SHARE = 5.0, 2.5, 10.0, 0.05
CLOSED_NATS, FADED_NATS, FADED_SHARE, CLOSING_K = 1.5, 6.0, 0.1, 20.0
CLOSING_REPORTS, CLOSING_MIN_MIN, CLOSING_MAX_MIN, CLOSING_MIN_EXPOSURE = 6.0, 10.0, 90.0, 0.3
"""The window that must look usual again is as long as six usual reports take, within bounds, and well observed."""
PHI_MIN, PHI_MAX, THETA_MAX, Q_PHI_MAX = 0.003, 0.2, 8.0, 0.1
LEARN_FLOOR, LEARN_FLOOR_BINS = 1.0, 5
"""What is granted to short windows before they are too much to learn from: small series must learn their noise too."""
WEIGHT, PHI_PRIOR, PHI_NOISE = 20.0, 0.02, 0.5
"""Pseudo-observations behind the first variance, their phi, and what a few reports say less of phi than many."""
SELF_EXCITATION_FADES, UNREST_CLIP, UNREST_POWER = 5.0, 16.0, 8.0
BURDEN_FREE, BURDEN_PRICE, BURDEN_MAX, BURDEN_EXCITATION = 2.0, 0.3, 1.4, 1.1
"""What recent pages cost the next: so many are free, each more makes it harder, to a limit."""


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


@compiled
def since(series: Series, ring: Floats, start: int) -> tuple[float, float]:
    """Return the reports from bin ``start`` to now, and the sum of ``p x``."""
    at = start & (len(ring) - 1)
    return series.sum_y - float(ring[at, 0]), series.sum_x - float(ring[at, 1])


@compiled
def level_before(series: Series, ring: Floats, start: int) -> float:
    """Return the level before bin ``start``; inside an open incident, that before the incident."""
    if 0 <= series.incident_from <= start:
        return series.incident_level
    return float(ring[start & (len(ring) - 1), 2])


@compiled
def fill_windows(plan: Plan, series: Series, ring: Floats, t: int, window: Floats) -> int:
    """Fill ``window`` (2, windows) with s and m; return how many windows, from the shortest on, can be used."""
    for w in range(plan.n_windows):
        start = t + 1 - plan.windows[w]
        if start < series.usable_from:
            return w
        window[0, w], seen = since(series, ring, start)
        window[1, w] = level_before(series, ring, start) * seen
        if window[1, w] <= 0.0:
            return w
    return int(plan.n_windows)


@compiled
def gate(plan: Plan, series: Series, window: Floats, usable: int) -> tuple[float, int]:
    """G: the largest deviance from "twice usual + 1", and its window; 0 if it is below all that matters."""
    best, best_w = 0.0, 0
    for w in range(min(usable, plan.n_gate)):
        s, m, k = window[0, w], 2.0 * window[1, w] + 1.0, 1.0 / series.phi[w]
        if s < plan.min_reports or s <= m or ceiling(s, m, k) - plan.gate_penalty[w] < GATE_LEARN:
            continue
        value = deviance(s, m, k) - plan.gate_penalty[w]
        if value > best:
            best, best_w = value, w
    return best, best_w


@compiled
def n_quiet(plan: Plan, series: Series, window: Floats, usable: int) -> int:
    """Count the windows, from the shortest on, before the first with Q of 5 nats: those that may learn."""
    for w in range(usable):
        floor = LEARN_FLOOR if plan.windows[w] <= LEARN_FLOOR_BINS else 0.0
        s, m, k = window[0, w], window[1, w] + floor, 1.0 / min(series.phi[w], Q_PHI_MAX)
        limit = GATE_LEARN + plan.gate_penalty[w]
        if s < plan.min_reports or s <= m or ceiling(s, m, k) < limit:
            continue
        if deviance(s, m, k) >= limit:
            return w
    return usable


@compiled
def excitation(theta: float, m: float) -> float:
    """T: how much self-excitation divides the evidence by; it fades where many reports are expected."""
    return 1.0 + (theta - 1.0) / (1.0 + m / SELF_EXCITATION_FADES)


@compiled
def page(plan: Plan, series: Series, window: Floats, usable: int) -> tuple[float, int]:
    """Return the page score, "several times usual", and the window that reached it."""
    best, best_w = 0.0, 0
    for w in range(min(usable, plan.n_page)):
        s, m = window[0, w], window[1, w]
        if s < plan.min_reports or s <= plan.page_times[0] * m + plan.page_floor:
            continue
        by = excitation(series.theta[w], m)
        k = 0.5 / series.phi[w]
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
def watch(plan: Plan, series: Series, window: Floats, usable: int, unrest: float) -> tuple[float, int]:
    """Return the watch score, "any credible rise", and the window that reached it."""
    best, best_w = 0.0, 0
    for w in range(min(usable, plan.n_watch)):
        s, m = window[0, w], window[1, w]
        if s < plan.min_reports or s <= m + plan.watch_floor:
            continue
        by = excitation(series.theta[w], m)
        phi = series.phi[w]
        if unrest > 1.0:  # seldom, and a power is dear
            phi *= max(1.0, unrest / by**UNREST_POWER)  # not charged twice for one excess
        least = best * plan.watch_threshold + plan.watch_penalty[w]
        if ceiling(s / by, (m + plan.watch_floor) / by, 1.0 / phi) <= least:
            continue
        usual = (math.exp(0.5 * math.sqrt(phi)) * m + plan.watch_floor) / by
        value = (deviance(s / by, usual, 1.0 / phi) - plan.watch_penalty[w]) / plan.watch_threshold
        if value > best:
            best, best_w = value, w
    return best, best_w


@compiled
def bear(plan: Plan, series: Series, loud: float, by: float) -> float:
    """Return how much harder a page is for those of late; of self-excited bursts ``by`` has taken its share already."""
    harder = 1.0 + BURDEN_PRICE * max(0.0, series.burden - BURDEN_FREE)
    series.burden *= plan.burden_decay
    if loud >= 1.0 and (series.loud_for >= 0 or by <= BURDEN_EXCITATION):
        series.loud_for = 0
    elif series.loud_for >= plan.burden_after:
        series.loud_for = -1
        series.burden += 1.0
    elif series.loud_for >= 0:
        series.loud_for += 1
    return min(harder, BURDEN_MAX)


@compiled
def learn_variance(plan: Plan, series: Series, t: int, window: Floats, n_quiet: int) -> None:
    """Learn phi and theta of each quiet window from its own forecast errors, winsorised."""
    for w in range(n_quiet):
        if plan.learn_every[w] > 1 and t % plan.learn_every[w] != 0:
            continue
        s, m, phi, sums, decay = window[0, w], window[1, w], series.phi[w], series.sums[w], plan.learn_decay[w]
        error = (s - m) * (s - m)
        weight = m * m / ((1.0 + phi * m) ** 2 + PHI_NOISE / m)
        sums[0] = decay * sums[0] + weight * (min(error, 16.0 * (m + min(phi, 0.1) * m * m)) - m) / (m * m)
        sums[1] = decay * sums[1] + weight
        sums[2] = decay * sums[2] + min(error, 25.0 * (m + 0.1 * m * m + 0.5))
        sums[3] = decay * sums[3] + m
        sums[4] = decay * sums[4] + m * m
        phi = min(max((sums[0] + PHI_PRIOR * WEIGHT) / (sums[1] + WEIGHT), PHI_MIN), PHI_MAX)
        series.phi[w] = phi
        series.theta[w] = min(max((sums[2] - phi * sums[4] + WEIGHT) / (sums[3] + WEIGHT), 1.0), THETA_MAX)


@compiled
def learn_unrest(plan: Plan, series: Series, window: Floats, slot: int) -> None:
    """Learn at what time of the day forecasts err more than phi says; :mod:`detectors.spikes.midnight` uses it."""
    w = plan.unrest_window
    s, m = window[0, w], window[1, w]
    square = min((s - m) * (s - m) / (m + series.phi[w] * m * m), UNREST_CLIP)
    sums = series.unrest_sums[slot]
    sums[0] = plan.unrest_decay * sums[0] + plan.unrest_weight * square
    sums[1] = plan.unrest_decay * sums[1] + plan.unrest_weight


@compiled
def set_level(series: Series) -> None:
    """L: the fast level, leaning on the slow one."""
    slow = (series.slow_y + FIRST_LEVEL) / (series.slow_x + 1.0)
    series.level = (PRIOR_REPORTS + series.fast_y) / (PRIOR_REPORTS / slow + series.fast_x)


@compiled
def learn_level(plan: Plan, series: Series, y: float, px: float) -> None:
    """Take one bin into both levels, clipped to what is plausible once a day has been seen."""
    if series.n_observed > plan.day:
        usual = series.level * px
        reach = 4.0 * math.sqrt(usual + 0.1 * usual * usual)
        y = min(max(y, usual - reach), usual + reach + 2.0)
    series.fast_y = plan.fast_decay * series.fast_y + y
    series.fast_x = plan.fast_decay * series.fast_x + px
    series.slow_y = plan.slow_decay * series.slow_y + y
    series.slow_x = plan.slow_decay * series.slow_x + px
    set_level(series)


@compiled
def hear_silence(plan: Plan, series: Series, ring: Floats, t: int) -> bool:
    """Whether the feed is silent: far fewer reports than usual for 15 minutes. A few are believed after some hours."""
    start = t + 1 - plan.silence
    if start < 0 or series.n_observed < plan.warm_up:
        return False
    heard, seen = since(series, ring, start)
    usual = level_before(series, ring, start) * seen
    nats = lower_deviance(heard, usual, SILENCE_K) if usual > 0.0 else 0.0
    if series.silent_from < 0 and nats > SILENCE_NATS:
        series.silent_from = t
    elif series.silent_from >= 0 and nats < SILENCE_OVER_NATS:
        series.silent_from = -1
    slow = seen * (series.slow_y + FIRST_LEVEL) / (series.slow_x + 1.0)
    is_nothing = heard < NOTHING_SHARE * min(usual, slow)  # after a long outage the fast level is that of the outage
    limit = plan.nothing_limit if is_nothing else plan.silence_limit
    return bool(series.silent_from >= 0 and t - series.silent_from < limit)


@compiled
def open_incident(plan: Plan, series: Series, ring: Floats, t: int, w: int) -> None:
    """Freeze the level as it was before window ``w``."""
    start = t + 1 - plan.windows[w]
    level = level_before(series, ring, start)
    series.incident_from = start
    series.incident_level = level
    series.incident_peak = 0.0
    series.level = level


@compiled
def is_over(plan: Plan, series: Series, ring: Floats, t: int, p: float) -> bool:
    """Whether the open incident's reports are back to usual, or have faded."""
    s, seen = since(series, ring, max(0, t + 1 - plan.settle))
    m = series.incident_level * seen
    series.incident_peak = max(series.incident_peak, s - m)
    if t + 1 - series.incident_from < plan.min_age:
        return False
    per_min = series.incident_level * p / plan.bin_min
    minutes = min(max(CLOSING_REPORTS / per_min, CLOSING_MIN_MIN), CLOSING_MAX_MIN)
    bins = max(1, int(minutes / plan.bin_min + 0.5))
    reports, seen = since(series, ring, max(0, t + 1 - bins))
    if seen <= CLOSING_MIN_EXPOSURE * p * bins:
        return False
    if deviance(reports, series.incident_level * seen, CLOSING_K) < CLOSED_NATS:
        return True
    return s - m < FADED_SHARE * series.incident_peak and deviance(s, m, CLOSING_K) < FADED_NATS


@compiled
def tend_incident(plan: Plan, series: Series, ring: Floats, t: int, p: float) -> None:
    """Close the open incident if it is over; after 12 hours take it for the new normal (the fast level only)."""
    if t + 1 - series.incident_from > plan.rebase_after:
        series.fast_y, series.fast_x = since(series, ring, max(0, t + 1 - plan.rebase_from))
    elif not is_over(plan, series, ring, t, p):
        return
    series.incident_from = -1
    series.usable_from = t + 1
    set_level(series)


@compiled
def decide(plan: Plan, series: Series, ring: Floats, t: int, given: tuple[int, Floats, Bin]) -> float:
    """Score the newest bin and learn the variance; return G, and open an incident where it says so."""
    slot, window, out = given
    usable = fill_windows(plan, series, ring, t, window)
    loud, w_page = page(plan, series, window, usable)
    loud /= bear(plan, series, loud, excitation(series.theta[w_page], window[1, w_page]))
    credible, w_watch = watch(plan, series, window, usable, series.unrest[slot])
    out.page = loud
    out.watch = max(credible, loud)
    out.page_window = plan.windows[w_page]
    out.watch_window = plan.windows[w_watch if credible > loud else w_page]
    g, w = gate(plan, series, window, usable)
    if series.incident_from < 0:
        if g < GATE_LEARN:
            quiet = n_quiet(plan, series, window, usable)
            if quiet > plan.unrest_window and t % plan.learn_every[plan.unrest_window] == 0:
                learn_unrest(plan, series, window, slot)
            learn_variance(plan, series, t, window, quiet)
        elif g >= GATE_OPEN:
            open_incident(plan, series, ring, t, w)
    return g


@compiled
def begin(plan: Plan, series: Series, ring: Floats, t: int, given: tuple[float, Bin]) -> bool:
    """Remember how things stand and forecast bin ``t``, before it is seen; return whether the warm-up is over."""
    p, out = given
    slot = t & (len(ring) - 1)
    ring[slot, 0] = series.sum_y
    ring[slot, 1] = series.sum_x
    ring[slot, 2] = series.level
    is_warm = series.n_observed >= plan.warm_up
    out.expected = series.level * p if is_warm else math.nan
    out.dispersion = series.phi[0] if is_warm else math.nan
    out.page = out.watch = math.nan
    out.page_window = out.watch_window = plan.windows[0]
    out.is_frozen = series.incident_from >= 0
    out.is_silent = series.silent_from >= 0
    return is_warm


@compiled
def step(plan: Plan, series: Series, ring: Floats, t: int, given: tuple[float, float, float, int, Floats, Bin]) -> bool:
    """Take one bin of one series; return whether it may enter the profile's history."""
    y, x, p, slot, window, out = given
    is_warm = begin(plan, series, ring, t, (p, out))
    if math.isnan(y) or x <= 0.0:
        return False
    series.sum_y += y
    series.sum_x += p * x
    series.n_observed += 1
    g = decide(plan, series, ring, t, (slot, window, out)) if is_warm else 0.0
    is_silent = hear_silence(plan, series, ring, t)
    out.is_silent = is_silent
    if series.incident_from >= 0:
        out.is_frozen = True
        tend_incident(plan, series, ring, t, p)
    elif g < GATE_LEARN and not is_silent:
        learn_level(plan, series, y, p * x)
    return not is_silent


@compiled
def run(plan: Plan, state: tuple[Any, Floats], span: tuple[int, int, int], block: Block, out: Any) -> None:  # noqa: ANN401
    """Step every series through consecutive bins of one day.

    Parameters
    ----------
    plan, span
        The numbers; first and last (exclusive) bin of the block, and the number of the block's bin 0.
    state
        Records of :data:`SERIES`, shape (series,), and rings, shape (series, a power of 2, 3), of the running sums and
        the level as they were before each of the latest bins; both changed in place.
    block, out
        What was observed, and where in the week; records of :data:`BIN`, shape (series, bins), filled in the span.
    """
    all_series, rings = state
    first, last, t0 = span
    window = np.zeros((2, MAX_WINDOWS))
    for i in range(len(all_series)):
        series, ring = all_series[i], rings[i]
        for b in range(first, last):
            share = block.share[b]
            p = (1.0 - share) * block.week[i, block.below[b]] + share * block.week[i, block.above[b]]
            y, x, slot = block.observed[i, b], block.exposure[i, b], block.slot[b]
            if step(plan, series, ring, t0 + b, (y, x, p, slot, window, out[i, b])):
                block.counts[i, block.row[b], slot] += y
                block.seen[i, block.row[b], slot] += x
