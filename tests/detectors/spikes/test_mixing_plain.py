"""The compiled mixing of sources against a slow twin, with the usual rate given.

`make test` runs this module twice: compiled, and with NUMBA_DISABLE_JIT=1, so that coverage sees every branch.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isnan, log, nan

import numpy as np
import pytest

from detectors.spikes import mixing
from detectors.spikes.source_records import SOURCE, Block, Mixing

USUAL = 30.0
NUMBERS = Mixing(silence=(1, 3, 6), recent=2, gone=12, trial=24, decay=0.99, hour_decay=0.95)


@dataclass
class Voice:
    """One source as the twin remembers it: everything, and summed anew in each bin."""

    status: str = "unseen"
    count: float = 0.0
    share: float = 0.0
    hours: list[list[float]] = field(default_factory=lambda: [[0.0, 0.0] for _ in range(24)])
    said: list[float] = field(default_factory=list)
    due: list[float] = field(default_factory=list)
    trial: list[tuple[float, float]] = field(default_factory=list)
    lost: int = 0
    is_silent: bool = False
    is_faulty: bool = False

    def times(self, hour: int) -> float:
        said, due = self.hours[hour % 24]
        return (10 + said) / (10 + due)

    def weight(self, at: float) -> float:
        """Return the share at a time of the day, linear between the middles of hours."""
        below = int(np.floor(at - 0.5))
        later = at - 0.5 - below
        return self.share * ((1 - later) * self.times(below) + later * self.times(below + 1))

    def nats(self, bins: int) -> float:
        s, m = sum(self.said[-bins:]), sum(self.due[-bins:])
        return (s * log(s / m) if s else 0.0) - (s + 20) * log((s + 20) / (m + 20)) if s < m else 0.0


class Twin:
    """One service."""

    def __init__(self, n: int) -> None:
        self.voices = [Voice() for _ in range(n)]

    @property
    def members(self) -> list[Voice]:
        return [voice for voice in self.voices if voice.status == "member"]

    def step(self, reports: list[float], usual: float, *, at: float, is_young: bool) -> tuple[float, float, float]:
        """Take a bin; return y, x, and by how much the whole has grown."""
        for voice, y in zip(self.voices, reports, strict=True):
            if voice.status == "unseen" and not isnan(y):
                voice.status, voice.count = "member" if is_young else "trial", 1 / len(reports)
        self.share_out()
        whole = sum(voice.weight(at) for voice in self.members)
        part = {id(voice): voice.weight(at) / whole for voice in self.members}
        came = [(v, y) for v, y in zip(self.voices, reports, strict=True) if v.status == "member" and not isnan(y)]
        heard = [(v, y) for v, y in came if not v.is_silent]
        used = heard or came
        y = sum(y for _, y in used) if used else nan
        x = 1.0 if len(used) == len(self.members) else sum(part[id(voice)] for voice, _ in used)
        if len(heard) == len(self.members):
            self.learn([(v, min(y, 4 * usual * part[id(v)] + 3) if not isnan(usual) else y) for v, y in heard], at)
        for voice, reported in came:
            self.listen(voice, reported, usual * part[id(voice)])
        return y, x, self.attend(reports, y / x if x else nan, is_heard=bool(heard))

    def share_out(self) -> None:
        whole = sum(voice.count for voice in self.members)
        for voice in self.voices:
            voice.share = voice.count / whole if voice.status == "member" else 0.0

    def learn(self, told: list[tuple[Voice, float]], at: float) -> None:
        whole = sum(y for _, y in told)
        for voice, y in told:
            said, due = voice.hours[int(at)]
            voice.hours[int(at)] = [0.95 * said + y, 0.95 * due + whole * voice.share]
            voice.count = 0.99 * voice.count + y
        self.share_out()

    @staticmethod
    def listen(voice: Voice, y: float, due: float) -> None:
        if isnan(due):
            return
        voice.said.append(y)
        voice.due.append(due)
        few = sum(voice.said[-2:]) < 0.2 * sum(voice.due[-2:])
        nats = max(voice.nats(bins) for bins in (1, 3, 6))
        voice.is_silent = few and nats > 5
        voice.is_faulty = voice.is_silent and (voice.is_faulty or nats > 9)

    def attend(self, reports: list[float], whole: float, *, is_heard: bool) -> float:
        by = 1.0
        for voice, y in zip(self.voices, reports, strict=True):
            if voice.status == "member":
                voice.lost = voice.lost + is_heard if voice.is_silent or isnan(y) else 0
                if voice.lost > 12 and is_heard:
                    by *= max(1 - voice.share, 0.01)
                    voice.status, voice.lost, voice.hours = "gone", 0, [[0.0, 0.0] for _ in range(24)]
                    self.share_out()
            elif voice.status == "gone":
                voice.is_silent = voice.is_faulty = not isnan(y)
                voice.status = "trial" if not isnan(y) and y > 0 else "gone"
            if voice.status == "trial" and not isnan(y) and is_heard:
                voice.is_silent = voice.is_faulty = False
                voice.trial.append((y, whole))
                if len(voice.trial) == 24:
                    by *= 1 + self.let_in(voice)
        return by

    def let_in(self, voice: Voice) -> float:
        part = sum(y for y, _ in voice.trial) / max(sum(whole for _, whole in voice.trial), 1.0)
        voice.count = part * sum(member.count for member in self.members)
        voice.status, voice.trial = "member", []
        self.share_out()
        return part


def draw(seed: int, bins: int = 260) -> np.ndarray:
    """Draw counts of four sources with losses of all kinds (no two holes near: windows count bins, not reports)."""
    rng = np.random.default_rng(seed)
    y = rng.poisson([[20.0], [6.0], [3.0], [1.0]], (4, bins)).astype(float)
    y[3, : 30 + 10 * seed] = np.nan
    y[0, 60:70] = 0
    y[1, 100:130] = 0
    y[0, 150:152] = 200
    y[0, 170:240] = np.nan
    y[:3, 245:248] = 0
    return y


@pytest.mark.parametrize("seed", range(3))
def test_compiled_mixing_agrees_with_its_twin(seed: int) -> None:
    reports = draw(seed)
    n, bins = reports.shape
    hours = np.array([b % 24 + 0.25 for b in range(bins)])
    twin, told = Twin(n), []
    every, rings = np.zeros((1, n), SOURCE), np.zeros((1, n, 16, 2))
    out = Block(reports[np.newaxis], hours, np.zeros((1, bins)), np.zeros((1, bins)))
    grown, faulty, usual = 1.0, np.zeros((1, n, bins), bool), np.full((1, bins), USUAL)
    usual[0, :10] = nan
    t = 0
    while t < bins:
        block = Block(*(np.ascontiguousarray(a[..., t : t + 16]) for a in out))
        flags, by = np.zeros(block.observed.shape, bool), np.ones(1)
        mixing.foresee(every, np.array([t < 3]), block)
        judged = usual[:, t : t + 16], np.ones(block.y.shape, bool)
        done = mixing.run(NUMBERS, (every, rings, t), block, judged, (flags, by))
        out.y[:, t : t + done], out.x[:, t : t + done] = block.y[:, :done], block.x[:, :done]
        faulty[:, :, t : t + done] = flags[:, :, :done]
        grown, t = grown * by[0], t + done
    for b in range(bins):
        told.append(twin.step(reports[:, b].tolist(), usual[0, b], at=float(hours[b]), is_young=b < 3))
        assert faulty[0, :, b].tolist() == [voice.is_faulty for voice in twin.voices], b
    np.testing.assert_allclose(out.y[0], [y for y, _, _ in told])
    np.testing.assert_allclose(out.x[0], [x for _, x, _ in told])
    assert grown == pytest.approx(np.prod([by for _, _, by in told]))
    assert np.any(faulty[0, 0]) and np.any(faulty[0, 1])  # noqa: PT018 - the two sources that fell silent
    np.testing.assert_allclose(every["share"][0], [voice.share for voice in twin.voices])


def test_what_is_not_quiet_is_not_learnt() -> None:
    every, rings = np.zeros((1, 2), SOURCE), np.zeros((1, 2, 16, 2))
    reports = np.array([[[20.0] * 5, [10.0] * 5]])
    block = Block(reports, np.full(5, 3.5), np.zeros((1, 5)), np.zeros((1, 5)))
    mixing.foresee(every, np.array([True]), block)
    flags, by = np.zeros(reports.shape, bool), np.ones(1)
    judged = np.full((1, 5), USUAL), np.zeros((1, 5), bool)
    assert mixing.run(NUMBERS, (every, rings, 0), block, judged, (flags, by)) == 5
    assert every["share"].tolist() == [[0.5, 0.5]]


def test_nobody_there_is_nothing_known() -> None:
    every = np.zeros((1, 2), SOURCE)
    block = Block(np.full((1, 2, 3), nan), np.zeros(3), np.zeros((1, 3)), np.ones((1, 3)))
    mixing.foresee(every, np.array([True]), block)
    assert np.isnan(block.y).all()
    assert (block.x == 0).all()
