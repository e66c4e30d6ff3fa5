"""Slow, obvious twins of the peers, written from the papers' formulas over whole histories."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

DAY_S = 86_400


def times(n: int, width_s: int) -> np.ndarray:
    """Seconds since Monday midnight, of bins."""
    return np.arange(n) * width_s


def ears(y: np.ndarray, unit: int, guard: int, *, is_sum: bool) -> np.ndarray:
    """C1 (guard 0), C2 or C3 of each bin; NaN where it is not known."""
    seen: list[float] = []
    c2: list[float] = [0.0, 0.0]
    found = np.full(len(y), np.nan)
    for b, value in enumerate(y):
        if np.isnan(value):
            continue
        usable = seen[: len(seen) - guard * unit][-7 * unit :]
        if len(usable) >= 2 and len(seen) >= guard * unit:
            c = (value - np.mean(usable)) / max(np.std(usable, ddof=1), 0.5)
            c2.append(max(0.0, c - 1))
            found[b] = sum(c2[-3:]) / 2 if is_sum else c / 3
        seen.append(float(value))
    return found


def ewma(y: np.ndarray, width_s: int, weight: float, limit: float) -> np.ndarray:
    found = np.full(len(y), np.nan)
    z = math.nan
    for b, value in enumerate(y):
        if np.isnan(value):
            continue
        past = y[:b]
        weights = np.where(np.isnan(past), 0.0, 0.5 ** ((b - np.arange(b)) * width_s / DAY_S))
        if math.isnan(z):
            z = value
        else:
            z = weight * value + (1 - weight) * z
            mean = np.nansum(weights * past) / weights.sum()
            sd = math.sqrt(np.nansum(weights * (past - mean) ** 2) / weights.sum())
            found[b] = (z - mean) / (limit * max(sd, 0.5) * math.sqrt(weight / (2 - weight)))
    return found


def gaussian(y: np.ndarray) -> np.ndarray:
    window: list[float] = []
    waiting: list[float] = []
    found = np.full(len(y), np.nan)
    for b, value in enumerate(y):
        if np.isnan(value):
            continue
        if window:
            z = (value - np.mean(window)) / max(np.std(window), 1e-6)
            tail = 0.5 * math.erfc(z / math.sqrt(2))
            found[b] = math.log(tail) / math.log(2.0**-54) if tail > 0 else np.inf
        if len(window) < 6400:
            window.append(float(value))
        else:
            waiting.append(float(value))
            if len(waiting) == 100:
                window, waiting = window[100:] + waiting, []
    return found


def gnip(y: np.ndarray, width_s: int) -> tuple[np.ndarray, np.ndarray]:
    """Return counts of the windows and their means."""
    t, size = times(len(y), width_s), max(1, 1200 // width_s)
    counts, means = np.full(len(y), np.nan), np.full(len(y), np.nan)
    for b in range(len(y)):
        day, hour = t // DAY_S, t % DAY_S // 3600
        same = y[(hour == hour[b]) & (day < day[b]) & (day > day[b] - 28)]
        same = same[~np.isnan(same)]
        if len(same):
            window = y[max(0, b + 1 - size) : b + 1]
            counts[b] = np.nansum(window)
            means[b] = same.mean() * (~np.isnan(window)).sum()
    return counts, means


def focus(y: np.ndarray, usual: np.ndarray) -> np.ndarray:
    """Go through every beginning since the last restart."""
    found, since, is_alarm = np.full(len(y), np.nan), 0, False
    for b in range(len(y)):
        if np.isnan(y[b]) or np.isnan(usual[b]):
            continue
        if is_alarm and y[b] <= usual[b]:
            since = b
        best = 0.0
        for tau in range(since, b + 1):
            part = slice(tau, b + 1)
            known = ~np.isnan(y[part]) & ~np.isnan(usual[part])
            counts, rate = y[part][known].sum(), usual[part][known].sum()
            if known.any():
                mu = max(1.1, counts / rate)
                best = max(best, counts * math.log(mu) - rate * (mu - 1))
        is_alarm = best > 12.5
        found[b] = best / 12.5
    return found


def nb_tail(count: int, mu: float, phi: float) -> float:
    """P(Y >= count), by adding up probabilities."""
    r, p = 1 / phi, mu * phi / (1 + mu * phi)
    log_p = [
        math.lgamma(k + r) - math.lgamma(r) - math.lgamma(k + 1) + k * math.log(p) + r * math.log1p(-p)
        for k in range(count)
    ]
    return 1.0 - sum(math.exp(value) for value in log_p)


def two_of_three(tails: np.ndarray) -> np.ndarray:
    found = np.full(len(tails), np.nan)
    seen = [0.0, 0.0]
    for b, value in enumerate(tails):
        if not np.isnan(value):
            seen.append(float(value))
            found[b] = sorted(seen[-3:])[1]
    return found


def esd(residuals: np.ndarray, critical: Callable[[int, int], float]) -> tuple[float, float, int]:
    """Median, scale and number of anomalies of the robust generalised ESD."""
    left, n, steps = list(residuals), len(residuals), []
    for i in range(int(0.1 * n) + 1):
        centre = float(np.median(left))
        scale = max(1.4826 * float(np.median(np.abs(np.array(left) - centre))), 0.5)
        far = max(left, key=lambda value: (abs(value - centre), value))
        steps.append((centre, scale, abs(far - centre) / scale > critical(n, i + 1)))
        left.remove(far)
    anomalies = max([i + 1 for i, (*_, is_far) in enumerate(steps[:-1]) if is_far], default=0)
    return (*steps[anomalies][:2], anomalies)


def farrington(y: np.ndarray, width_s: int, b: int, first_day: int) -> tuple[float, float]:
    """Return mean and phi of bin ``b``, from the bins before it."""
    t = times(len(y), width_s)
    slot_s = max(1800, width_s)
    per_day = DAY_S // slot_s
    slot = t // slot_s  # counted from the start
    rows = []
    for back in range(28, 0, -1):
        for near in range(-3, 4):
            at = slot[b] - back * per_day + near
            bins = y[(slot == at) & ~np.isnan(y)]
            weekend = float((first_day + t[b] // DAY_S - back) % 7 in (2, 3))
            if len(bins):
                rows.append((-float(back), weekend, bins))
    today = np.array([1.0, 0.0, float((first_day + t[b] // DAY_S) % 7 in (2, 3))])
    days = np.array([row[0] for row in rows])
    weekends = {row[1] for row in rows}
    columns = [0] + [1] * bool(np.ptp(days) >= 2) + [2] * (len(weekends) == 2)
    mean, phi = _fit(rows, columns, today)
    if 1 in columns and mean > max(bins.mean() for _, _, bins in rows):
        columns.remove(1)
        mean, phi = _fit(rows, columns, today)
    return mean, phi


def _fit(rows: list[tuple[float, float, np.ndarray]], columns: list[int], today: np.ndarray) -> tuple[float, float]:
    x = np.array([(1.0, back, weekend) for back, weekend, _ in rows])[:, columns]
    n, s = np.array([len(bins) for *_, bins in rows]), np.array([bins.sum() for *_, bins in rows])
    p, weights = x.shape[1], np.ones(len(rows))
    for round_number in range(2):
        beta = np.zeros(p)
        beta[0] = math.log(s.sum() / n.sum())
        for _ in range(100):
            mu = n * np.exp(x @ beta)
            beta = beta + np.linalg.solve((x.T * (weights * mu)) @ x, x.T @ (weights * (s - mu)))
        mu = n * np.exp(x @ beta)
        if round_number == 0:
            phi = max(1.0, ((s - mu) ** 2 / mu).sum() / (len(rows) - p))
            hat = np.diag(x @ np.linalg.inv((x.T * mu) @ x) @ (x.T * mu))
            residual = 1.5 * (s ** (2 / 3) - mu ** (2 / 3)) / (mu ** (1 / 6) * np.sqrt(phi * np.maximum(1 - hat, 1e-6)))
            weights = np.where(residual < 2.58, 1.0, (2.58 / np.maximum(residual, 1e-9)) ** 2)
    total = weight = 0.0
    for w, m, (*_, bins) in zip(weights, mu / n, rows, strict=True):
        total += w * ((bins - m) ** 2 / m).sum()
        weight += w * len(bins)
    phi = max(1.0, total / weight * n.sum() / (n.sum() - p))
    return float(np.exp(today[columns] @ beta)), phi
