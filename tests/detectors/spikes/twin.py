# ruff: noqa: N802, N803, N806 - the letters are the recipe's
"""The recipe once more, written slowly and plainly from its text: what the compiled detector is compared with.

Nothing here is shared with :mod:`detectors`: every window is summed anew from all bins, every profile from all days.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil, exp, floor, log, nan, sqrt

import numpy as np

WINDOWS_MIN = (1, 2, 3, 5, 8, 12, 18, 27, 40)


def D(S: float, M: float, k: float) -> float:
    return S * log(S / M) - (S + k) * log((S + k) / (M + k)) if S > M else 0.0


def lower(S: float, M: float, k: float) -> float:
    if S >= M:
        return 0.0
    return (S * log(S / M) if S else 0.0) - (S + k) * log((S + k) / (M + k))


def clip(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)


def smoothed(values: np.ndarray) -> np.ndarray:
    return np.asarray(sum(exp(-(d**2) / 2) * np.roll(values, d) for d in range(-3, 4)))


def week_profile(days: dict[int, tuple[np.ndarray, np.ndarray]], today: int, phi: float, full_day: float) -> np.ndarray:
    """Return p of shape (7, slots); ``days`` gives counts and exposure per slot of each day."""
    kept = [d for d in range(today - 28, today) if d in days and days[d][1].sum() >= 0.25 * full_day]
    n_slots = len(next(iter(days.values()))[0]) if days else 48
    if not kept or not sum(days[d][0].sum() for d in kept):
        return np.ones((7, n_slots))
    y = np.array([days[d][0] for d in kept])
    x = np.array([days[d][1] for d in kept])
    dow = np.array([d % 7 for d in kept])  # 0 = Thursday
    group = np.isin(dow, [2, 3]).astype(int)
    rate = y.sum() / x.sum()
    shape, level, week, day = np.ones(n_slots), np.ones(len(kept)), np.ones((2, n_slots)), np.ones((7, n_slots))
    for _ in range(4):
        M = rate * x * level[:, None] * shape * week[group] * day[dow]
        z2 = (y - M) ** 2 / np.maximum(M + phi * M**2, 1e-300)
        weight = np.where(z2 > 2.58**2, 2.58**2 / np.maximum(z2, 1e-300), 1.0)

        relative = x * level[:, None] * week[group] * day[dow]
        fine = weight / (1 + phi * M)
        shape = (smoothed((fine * y).sum(0)) + 10) / (smoothed((fine * relative).sum(0)) + 10 / rate)
        shape = shape / shape.mean()

        expected = rate * x * shape * week[group] * day[dow]
        raw = ((weight * y).sum(1) + 0.5) / ((weight * expected).sum(1) + 0.5)
        n = len(raw)
        level = np.array([np.median(raw if n < 5 else raw[max(0, i - 3) : i + 4]) for i in range(n)])

        M = rate * x * level[:, None] * shape
        fine = weight / (1 + phi * M)
        for g in range(2):
            of = group == g
            week[g] = (40 + smoothed((fine * y)[of].sum(0))) / (40 + smoothed((fine * M)[of].sum(0)))
        M = M * week[group]
        fine = weight / (1 + phi * M)
        for g in range(7):
            of = dow == g
            day[g] = (300 + smoothed((fine * y)[of].sum(0))) / (300 + smoothed((fine * M)[of].sum(0)))
    p = np.array([shape * week[int(g in (2, 3))] * day[g] for g in range(7)])
    return np.asarray(p / p.mean())


@dataclass
class Window:
    bins: int
    N: float = 0.0
    E: float = 0.0
    Q1: float = 0.0
    Q2: float = 0.0
    Q3: float = 0.0
    phi: float = 0.05
    theta: float = 1.0


@dataclass
class Twin:
    """One series; :meth:`run` gives (watch, page, expected) of each bin."""

    width_s: int
    start_s: int
    y: list[float] = field(default_factory=list)
    px: list[float] = field(default_factory=list)
    L: list[float] = field(default_factory=list)
    level: float = 0.2
    fast: tuple[float, float] = (0.0, 0.0)
    slow: tuple[float, float] = (0.0, 0.0)
    n_observed: int = 0
    incident: tuple[int, float] | None = None
    peak: float = 0.0
    last_end: int = 0
    silent_since: int | None = None
    silent: bool = False
    burden: float = 0.0
    loud_for: int | None = None

    def __post_init__(self) -> None:
        self.b = self.width_s / 60
        self.windows = [Window(n) for n in sorted({self.bins(w) for w in WINDOWS_MIN})]
        self.days: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        self.slot_s = max(1800, self.width_s)
        self.n_slots = ceil(86400 / self.slot_s)
        self.p = np.ones((7, self.n_slots))
        self.unrest = [1.0] * self.n_slots
        self.unrest_sums = [(0.0, 0.0)] * self.n_slots

    def bins(self, minutes: float) -> int:
        return max(1, floor(minutes / self.b + 0.5))

    def up_to(self, minutes: float) -> list[Window]:
        return [w for i, w in enumerate(self.windows) if i == 0 or w.bins * self.b <= minutes]

    def sums(self, bins: int) -> tuple[float, float]:
        return sum(self.y[-bins:]), sum(self.px[-bins:])

    def SM(self, w: Window, t: int) -> tuple[float, float] | None:
        """Return S and M of a window that ends with bin t; None if it cannot be used."""
        start = t + 1 - w.bins
        if start < self.last_end:
            return None
        inside = self.incident is not None and start >= self.incident[0]
        level = self.incident[1] if self.incident and inside else self.L[start]
        S, px = self.sums(w.bins)
        return (S, level * px) if px else None

    def run(self, observed: np.ndarray) -> np.ndarray:
        return np.array([self.step(t, float(y)) for t, y in enumerate(observed)])

    def carry_over(self, old: np.ndarray, t: int, today: int) -> None:
        """Read what is remembered against the new profile instead of the old one."""
        ratio = {
            b: self.profile_at(self.start_s + b * self.width_s) / self.profile_at(self.start_s + b * self.width_s, old)
            for b in range(max(0, t - self.remembered()), t)
        }
        start = t if self.incident is None else self.incident[0]
        first = min(ratio)
        kept = [(0.5 ** (self.b * (start - b) / 60) * self.px[b], ratio[b]) for b in ratio if b < start]
        by = sum(px * r for px, r in kept) / sum(px for px, r in kept) if any(px for px, r in kept) else 1.0
        if self.incident is not None:
            at_start = ratio[max(start, first)]
            self.incident = (start, self.incident[1] / at_start)
            by = by if any(px for px, r in kept) else at_start
        self.fast = (self.fast[0], self.fast[1] * by)
        for b, r in ratio.items():
            self.px[b] *= r
            self.L[b] /= r
        was, now = 0.0, 0.0
        for d in range(today - 27, today):
            exposure = self.days[d][1] if d in self.days else np.zeros(self.n_slots)
            age = 0.5 ** (((today - d) * self.n_slots - np.arange(self.n_slots)) * self.slot_s / (3 * 86400))
            was += float((age * exposure * old[d % 7]).sum())
            now += float((age * exposure * self.p[d % 7]).sum())
        if was:
            self.slow = (self.slow[0], self.slow[1] * now / was)
        self.set_level()
        if self.incident is not None:
            self.level = self.incident[1]
        raw = [(z + 7) / (n + 7) for z, n in self.unrest_sums]
        last = self.n_slots - 1
        self.unrest = [clip(max(raw[s - 1], raw[s], raw[0 if s == last else s + 1]), 1, 6) for s in range(self.n_slots)]

    def remembered(self) -> int:
        """Return how many bins the bank's ring holds."""
        n = 1
        while n <= floor(120 / self.b + 0.5) + 1:
            n *= 2
        return n

    def profile_at(self, second: int, week: np.ndarray | None = None) -> float:
        at = ((second // 86400) % 7) * self.n_slots + (second % 86400 + self.width_s / 2) / self.slot_s - 0.5
        below = floor(at)
        flat = (self.p if week is None else week).ravel()
        return float((1 - at + below) * flat[below % flat.size] + (at - below) * flat[(below + 1) % flat.size])

    def step(self, t: int, y: float) -> tuple[float, float, float]:
        second = self.start_s + t * self.width_s
        today = second // 86400
        if t and (second - self.width_s) // 86400 != today:
            phi = self.up_to(max(30.0, self.b))[-1].phi
            old, self.p = self.p, week_profile(self.days, today, phi, 86400 / self.width_s)
            if self.p.shape != old.shape:  # flat, for want of a day
                self.p = np.ones_like(old)
            self.carry_over(old, t, today)
        p = self.profile_at(second)
        warm = self.n_observed * self.b >= 12 * 60
        expected = self.level * p if warm else nan
        self.L.append(self.level)
        seen = not np.isnan(y)
        self.y.append(y if seen else 0.0)
        self.px.append(p if seen else 0.0)
        if not seen:
            return nan, nan, expected
        self.n_observed += 1
        usable = [(w, sm) for w in self.windows if (sm := self.SM(w, t))] if warm else []
        page, watch = (self.page(usable), self.watch(usable, second)) if warm else (nan, nan)
        G = self.gates(usable, t, second)
        self.hear(t)
        if self.incident is not None:
            self.tend(t, p)
        elif G < 5 and not self.silent:
            self.learn_level(y, p)
        if not self.silent:
            counts, exposure = self.days.setdefault(today, (np.zeros(self.n_slots), np.zeros(self.n_slots)))
            counts[second % 86400 // self.slot_s] += y
            exposure[second % 86400 // self.slot_s] += 1
        return max(watch, page), page, expected

    def page(self, usable: list[tuple[Window, tuple[float, float]]]) -> float:
        """Return the page; what those of the last days make it cost is divided out."""
        best, by = 0.0, 1.0
        if usable:
            w, (_, M) = usable[0]
            by = 1 + (w.theta - 1) / (1 + M / 5)
        for w, (S, M) in usable:
            if w not in self.up_to(27) or S < 3:
                continue
            T = 1 + (w.theta - 1) / (1 + M / 5)
            for c, h in ((1.5, 3.6), (3.0, 1.85)):
                penalty = 0.5 * log(27 / min(w.bins * self.b, 27))
                score = (D(S / T, (c * M + 0.7) / T, 1 / (2 * w.phi)) - penalty) / h
                best, by = (score, T) if score > best else (best, by)
        return best / self.price(best, by)

    def price(self, loud: float, by: float) -> float:
        price = clip(1 + 0.3 * (self.burden - 2), 1, 1.4)
        self.burden *= 0.5 ** (self.b / (7 * 1440))
        if loud >= 1 and (self.loud_for is not None or by <= 1.1):
            self.loud_for = 0
        elif self.loud_for is not None:
            self.loud_for += 1
            if self.loud_for == self.bins(60):
                self.loud_for, self.burden = None, self.burden + 1
        return price

    def watch(self, usable: list[tuple[Window, tuple[float, float]]], second: int) -> float:
        best = 0.0
        unrest = self.unrest[second % 86400 // self.slot_s]
        for w, (S, M) in usable:
            if w not in self.up_to(40) or S < 3:
                continue
            T = 1 + (w.theta - 1) / (1 + M / 5)
            penalty = 0.5 * log(40 / min(w.bins * self.b, 40))
            phi = w.phi * max(1.0, unrest / T**8)
            usual = exp(0.5 * sqrt(phi)) * M + 0.3
            best = max(best, (D(S / T, usual / T, 1 / phi) - penalty) / 6.3)
        return best

    def handicap(self, w: Window) -> float:
        return max(0.0, 0.5 * log(135 / (w.bins * self.b)))

    def gates(self, usable: list[tuple[Window, tuple[float, float]]], t: int, second: int) -> float:
        """Return G; learn the variance; open an incident."""
        G, at = 0.0, self.windows[0]
        for w, (S, M) in usable:
            if w in self.up_to(20) and S >= 3 and (value := D(S, 2 * M + 1, 1 / w.phi) - self.handicap(w)) > G:
                G, at = value, w
        if self.incident is None and G < 5:
            self.learn_where_quiet(usable, t, second % 86400 // self.slot_s)
        elif self.incident is None and G >= 8:
            start = t + 1 - at.bins
            self.incident, self.peak = (start, self.L[start]), 0.0
            self.level = self.L[start]
        return G

    def learn_where_quiet(self, usable: list[tuple[Window, tuple[float, float]]], t: int, slot: int) -> None:
        for w, (S, M) in usable:
            if S >= 3 and D(S, M + (1 if w.bins <= 5 else 0), 1 / min(w.phi, 0.1)) - self.handicap(w) >= 5:
                return
            if t % max(1, w.bins // 4) == 0:
                if w is self.up_to(8)[-1]:
                    self.learn_unrest(w, S, M, slot)
                self.learn_variance(w, S, M)

    def learn_unrest(self, w: Window, S: float, M: float, slot: int) -> None:
        days = max(1, w.bins // 4) * self.width_s / self.slot_s
        z2 = min((S - M) ** 2 / (M + w.phi * M**2), 16)
        z, n = self.unrest_sums[slot]
        self.unrest_sums[slot] = (0.5 ** (days / 7) * z + days * z2, 0.5 ** (days / 7) * n + days)

    def learn_variance(self, w: Window, S: float, M: float) -> None:
        d = 0.5 ** (max(1, w.bins // 4) * self.b / (7 * 1440))
        o = M**2 / ((1 + w.phi * M) ** 2 + 0.5 / M)
        w.N = d * w.N + o * (min((S - M) ** 2, 16 * (M + min(w.phi, 0.1) * M**2)) - M) / M**2
        w.E = d * w.E + o
        w.Q1 = d * w.Q1 + min((S - M) ** 2, 25 * (M + 0.1 * M**2 + 0.5))
        w.Q2 = d * w.Q2 + M
        w.Q3 = d * w.Q3 + M**2
        w.phi = clip((w.N + 0.4) / (w.E + 20), 0.003, 0.2)
        w.theta = clip((w.Q1 - w.phi * w.Q3 + 20) / (w.Q2 + 20), 1, 8)

    def learn_level(self, y: float, p: float) -> None:
        usual = self.level * p
        if self.n_observed * self.b > 1440:
            s = sqrt(usual + 0.1 * usual**2)
            y = clip(y, usual - 4 * s, usual + 4 * s + 2)
        d = 0.5 ** (self.b / 60)
        self.fast = (d * self.fast[0] + y, d * self.fast[1] + p)
        d = 0.5 ** (self.b / (3 * 1440))
        self.slow = (d * self.slow[0] + y, d * self.slow[1] + p)
        self.set_level()

    def set_level(self) -> None:
        slow = (self.slow[0] + 0.2) / (self.slow[1] + 1)
        self.level = (60 + self.fast[0]) / (60 / slow + self.fast[1])

    def hear(self, t: int) -> None:
        self.silent = False
        n = self.bins(15)
        if t + 1 < n or self.n_observed * self.b < 12 * 60:
            return
        S, px = self.sums(n)
        start = t + 1 - n
        inside = self.incident is not None and start >= self.incident[0]
        M = (self.incident[1] if self.incident and inside else self.L[start]) * px
        nats = lower(S, M, 10) if M else 0.0
        if self.silent_since is None and nats > 5:
            self.silent_since = t
        elif self.silent_since is not None and nats < 2.5:
            self.silent_since = None
        slow = (self.slow[0] + 0.2) / (self.slow[1] + 1)
        limit = 4320 if 0.05 * min(M, slow * px) > S else 480
        self.silent = self.silent_since is not None and (t - self.silent_since) * self.b < limit

    def tend(self, t: int, p: float) -> None:
        assert self.incident is not None
        start, level = self.incident
        if (t + 1 - start) * self.b > 720:
            self.fast = self.sums(self.bins(120))
        elif not self.over(t, p, start, level):
            return
        self.incident, self.last_end = None, t + 1
        self.set_level()

    def over(self, t: int, p: float, start: int, level: float) -> bool:
        S10, px10 = self.sums(self.bins(10))
        self.peak = max(self.peak, S10 - level * px10)
        age = t + 1 - start
        if age < 2 or age * self.b < 5:
            return False
        n = self.bins(clip(6 / (level * p / self.b), 10, 90))
        S, px = self.sums(n)
        if px <= 0.3 * p * n:
            return False
        return D(S, level * px, 20) < 1.5 or (S10 - level * px10 < 0.1 * self.peak and D(S10, level * px10, 20) < 6)
