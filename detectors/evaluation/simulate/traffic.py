"""Who posts when, where and why, before a word is written: columns of numbers, chunk by chunk."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from detectors.evaluation.simulate.counts import REPOSTS_PER_REPORT, in_holes, latent
from detectors.evaluation.simulate.places import PLACES
from detectors.evaluation.simulate.rates import ServiceRates, stream
from detectors.evaluation.simulate.scenario import ServiceTraffic

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from detectors.evaluation.simulate.counts import Latent
    from detectors.evaluation.simulate.rates import Floats
    from detectors.evaluation.simulate.scenario import Scenario

    Ints = NDArray[np.int64]
    Bools = NDArray[np.bool_]
    Columns = tuple[Ints, Ints, Ints, Ints, Ints]

REPORT, REPOST, NAMED, ECHO, BACKGROUND = range(5)
"""Kinds of posts: original reports, reposts, chatter about a service, what an outage brings besides, the rest."""

ECHO_SHARE = 0.35
"""Jokes, "works for me" and the like, per report that an outage brings."""

CHUNK_POSTS, CHUNK_BINS = 8_192, 2_880
"""How much is made at once, about."""

_PLACE_NUMBER = {code: number for number, code in enumerate(PLACES)}
_TINY = 1e-300


@dataclass(frozen=True, eq=False)
class Chunk:
    """Posts of some bins, in time order; each array has shape (posts,).

    Attributes
    ----------
    seconds
        Whole seconds since the start of the scenario.
    service
        Index in ``scenario.services``, -1 for none.
    kind
        REPORT, REPOST, NAMED, ECHO or BACKGROUND.
    cause
        Index in the service's ``ServiceRates.causes``, -1 for what is usual.
    place
        Index in ``PLACES``.
    rng
        Where further chance of this chunk comes from.
    """

    seconds: Ints
    service: Ints
    kind: Ints
    cause: Ints
    place: Ints
    rng: np.random.Generator

    def __len__(self) -> int:
        return len(self.seconds)


class Traffic:
    """All counts of a scenario, and the way from them to single posts."""

    def __init__(self, scenario: Scenario, seed: int) -> None:
        self.scenario, self.seed = scenario, seed
        self.drawn = latent(scenario, seed)
        holes = (*scenario.gaps, *scenario.silent_gaps)
        self._seen = [~in_holes(scenario, holes, one.rates.service.id) for one in self.drawn]
        everybody = ServiceTraffic("", max(scenario.background_per_min, _TINY))
        self._background = ServiceRates(scenario, everybody, seed)
        self._background_seen = ~in_holes(scenario, holes, "")

    def chunks(self) -> Iterator[Chunk]:
        """Yield the chunks in time order."""
        edges = self._edges()
        for first, last in pairwise(edges):
            yield self._chunk(first, last)

    def _edges(self) -> list[int]:
        """Cut the bins so that a chunk holds about ``CHUNK_POSTS`` posts."""
        total = np.zeros(self.scenario.n_bins)
        for one in self.drawn:
            total += one.originals + one.reposts + one.rates.service.chatter_ratio * one.usual
        total += self.scenario.background_per_min * self.scenario.bin_width_s / 60
        number = np.cumsum(total) // CHUNK_POSTS + np.arange(len(total)) // CHUNK_BINS
        cuts = np.flatnonzero(np.diff(number)) + 1
        return [0, *cuts.tolist(), self.scenario.n_bins]

    def _chunk(self, first: int, last: int) -> Chunk:
        rng = stream(self.seed, "posts", str(first))
        parts = [self._background_posts(first, last, rng)]
        for index, (one, seen) in enumerate(zip(self.drawn, self._seen, strict=True)):
            own = stream(self.seed, one.rates.service.id, str(first))
            parts += [(np.full(len(part[0]), index), *part) for part in _posts_of(one, seen, (first, last), own)]
        service, bins, kind, cause, place = (np.concatenate(column) for column in zip(*parts, strict=True))
        width = self.scenario.bin_width_s
        seconds = (bins + first) * width + (rng.random(len(bins)) * width).astype(np.int64)
        order = np.argsort(seconds, kind="stable")
        return Chunk(seconds[order], service[order], kind[order], cause[order], place[order], rng)

    def _background_posts(self, first: int, last: int, rng: np.random.Generator) -> Columns:
        by_place = self._background.by_place(first, last)
        counts = rng.poisson(by_place.sum(axis=0)) * self._background_seen[first:last]
        bins = np.repeat(np.arange(last - first), counts)
        place = _numbers(self._background)[_choose(by_place, bins, rng)]
        n = len(bins)
        return np.full(n, -1), bins, np.full(n, BACKGROUND), np.full(n, -1), place


def _numbers(rates: ServiceRates) -> Ints:
    """Return the index in ``PLACES`` of each of the service's places."""
    return np.array([_PLACE_NUMBER[place.code] for place in rates.places])


def _choose(weights: Floats, bins: Ints, rng: np.random.Generator) -> Ints:
    """Choose a row for each post, by the weights (rows, bins) of its bin."""
    shares = np.cumsum(weights, axis=0)
    shares /= np.maximum(shares[-1], _TINY)
    return np.asarray((rng.random(len(bins)) < shares[:, bins]).argmax(axis=0))


def _posts_of(
    one: Latent, seen: Bools, span: tuple[int, int], rng: np.random.Generator
) -> list[tuple[Ints, Ints, Ints, Ints]]:
    """Return (bin, kind, cause, place) of a service's posts in a span of bins, kind by kind."""
    first, last = span
    usual, visible = one.usual[first:last], seen[first:last]
    ordinary = np.asarray(REPOSTS_PER_REPORT * one.originals[first:last] + _TINY, dtype=np.float64)
    originals = one.originals[first:last] * visible
    causes = _in_span(one, span, (usual, "originals"))
    outages = np.array([cause.kind == "outage" for cause in one.rates.causes], dtype=float)
    echoes = ECHO_SHARE * causes[1:] * outages[:, None]
    by_place = one.rates.by_place(first, last)
    drawn = [
        (REPORT, originals, causes),
        (
            REPOST,
            one.reposts[first:last] * visible,
            _in_span(one, span, (ordinary, "reposts")),
        ),
        (NAMED, rng.poisson(one.rates.service.chatter_ratio * usual) * visible, usual[None]),
    ]
    if len(echoes):
        drawn.append((ECHO, rng.poisson(echoes.sum(axis=0)) * visible, np.vstack([np.zeros_like(usual), echoes])))
    parts = []
    for kind, counts, weights in drawn:
        bins = np.repeat(np.arange(last - first), counts)
        cause = _choose(weights, bins, rng) - 1
        parts.append((bins, np.full(len(bins), kind), cause, _where(one, by_place, (bins, cause), rng)))
    return parts


def _in_span(one: Latent, span: tuple[int, int], base: tuple[Floats, str]) -> Floats:
    """Stack the usual rate and that of each cause over a span of bins: shape (1 + causes, bins)."""
    usual, name = base
    rows = np.zeros((1 + len(one.rates.causes), span[1] - span[0]))
    rows[0] = usual
    for row, cause in zip(rows[1:], one.rates.causes, strict=True):
        low, high = max(span[0], cause.first), min(span[1], cause.last)
        if low < high:
            row[low - span[0] : high - span[0]] = getattr(cause, name)[low - cause.first : high - cause.first]
    return rows


def _where(one: Latent, by_place: Floats, posts: tuple[Ints, Ints], rng: np.random.Generator) -> Ints:
    """Return the place of each post: what an outage in some regions brings comes from there."""
    bins, cause = posts
    place = _choose(by_place, bins, rng)
    for index, each in enumerate(one.rates.causes):
        if each.kind == "outage" and (mine := cause == index).any():
            affected = one.rates.affected(one.rates.scenario.outages[each.index])
            place[mine] = _choose(by_place * affected[:, None], bins[mine], rng)
    return _numbers(one.rates)[place]
