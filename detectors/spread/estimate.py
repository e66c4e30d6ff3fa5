"""How far an incident reaches: region by region, each against its own usual counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from detectors.errors import InputError
from detectors.model.spread import RegionSpread, Spread
from detectors.spread.caption import CHANCE, Felt, extent
from detectors.spread.coarsening import ENOUGH, Totals, coarsen
from detectors.spread.frames import check
from detectors.spread.index import build, divide
from detectors.spread.onsets import onsets, order
from detectors.spread.posterior import fit
from detectors.spread.ratios import ratios
from detectors.spread.record import nothing, rank, unlocated_share
from detectors.spread.scan import BaselineError, Found, scan
from detectors.spread.share import affected_share, doubt
from detectors.spread.window import best_window

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from detectors.model.spread import Verdict
    from detectors.spread.coarsening import Units
    from detectors.spread.frames import Dispersion, Frames
    from detectors.spread.index import Atoms, RegionIndex, Regions
    from detectors.spread.posterior import Posterior

    Floats = NDArray[np.float64]

BASELINE_ERROR = 0.2
REPLICATES = 999
DRAWS = 400
FALSE_DISCOVERIES = 0.05
"""Which share of the regions that are said to be affected may not be, on average."""

LEAST_RAISED = 1.2
"""A region with affected parts is taken to be raised by this much or more."""

POOL_SAID = 0.9
"""From which probability on a pool takes part in the caption; it is in no list."""

FACTOR_SD = 0.5
"""How far the factor of affected regions may be from that of the zone that stands out most (of the logarithm)."""

USUAL_FACTOR = 3.0
LEAST_FACTOR, MOST_FACTOR = 2.0, 100.0
"""By how much an outage is taken to raise the voices, for telling which regions can be judged."""


def estimate_spread(  # noqa: PLR0913 - the analyst's door: everything after the tables has a name and a default
    observed: pd.DataFrame,
    expected: pd.DataFrame,
    *,
    region_index: RegionIndex = None,
    dispersion: Dispersion,
    unlocated: pd.Series[float] | float | None = None,
    seed: int = 0,
    baseline_error: float = BASELINE_ERROR,
    replicates: int = REPLICATES,
) -> Spread:
    """Estimate how far an incident reaches.

    Parameters
    ----------
    observed, expected
        Rows: evenly spaced bins of the incident's time, and hours before it if there are any (aware times). Columns:
        region codes, of one level or of several; a region contains what lies in it. Independent voices, and what is
        usual. NaN = not observed, or not known.
    region_index
        Code -> code of what it lies in (None: nothing), or a table by code with any of the columns ``parent``, ``lat``,
        ``lon``. None: from the codes and the gazetteer. Codes that are not ours are allowed.
    dispersion
        phi of the variance ``mu + phi mu**2`` of a bin: a number, one by region, or a table like ``expected``.
    unlocated
        Voices from nobody knows where: in all, or by bin. None: not counted.
    seed
        Of everything that is drawn; the order of columns does not matter.
    baseline_error
        By how much what is usual may be wrong in one region (standard deviation of the logarithm); half of that
        variance is taken to be the same everywhere.
    replicates
        How often chance is tried.

    Returns
    -------
    Spread
        The sums are over ``start_at`` to ``end_at``, which is the whole time unless part of it stands out. A region
        with others in it is affected if half of its usual voices are, or if it has twice its usual voices itself.

    Raises
    ------
    SeriesError
        If the tables do not fit together, or their rows are not evenly spaced aware times.
    InputError
        If a value or the index cannot be used.
    """
    if replicates < 1:
        raise InputError(f"replicates must be 1 or more, not {replicates}")
    frames = check(observed, expected, dispersion)
    regions = build(frames.codes, region_index)
    error = BaselineError.of(baseline_error, is_nested=bool((regions.parents >= 0).any()))
    rng = np.random.default_rng(seed)
    atoms = divide(frames, regions)
    if not atoms.expected.sum() > 0:
        return nothing(frames, unlocated)
    found, _ = scan(atoms, regions, error, rng=rng, replicates=replicates)
    view = _look(frames, regions, atoms, found)
    return _Report(view, error, found).spread(rng, unlocated)


@dataclass(frozen=True, eq=False)
class _View:
    """Everything, summed over the time that is looked at."""

    frames: Frames
    regions: Regions
    atoms: Atoms
    window: tuple[int, int]
    totals: Totals
    factor: float

    @property
    def span(self) -> slice:
        return slice(*self.window)

    def by_region(self, values: Floats) -> Floats:
        """Return sums over the time, shape (regions,)."""
        return np.asarray(values[:, self.span].sum(axis=1))


def _look(frames: Frames, regions: Regions, atoms: Atoms, found: Found) -> _View:
    """Choose the time, and say by how much the zone is raised in it."""
    members = np.unique(np.concatenate([atoms.members[number] for number in found.regions] or [np.empty(0, np.int64)]))
    window, factor = (0, frames.bins), USUAL_FACTOR
    y, mu, extra = (a[members].sum(axis=0) for a in (atoms.observed, atoms.expected, atoms.variance))
    if found.p_value <= CHANCE and len(members):
        window = best_window(y, mu, extra)
        span = slice(*window)
        raised = (y[span].sum() + 1.0) / (mu[span].sum() + 0.5)
        factor = float(np.clip(raised, LEAST_FACTOR, MOST_FACTOR))
    span = slice(*window)
    totals = Totals(*(a[:, span].sum(axis=1) for a in (atoms.observed, atoms.expected, atoms.variance)))
    return _View(frames, regions, atoms, window, totals, factor)


@dataclass(frozen=True, eq=False)
class _Report:
    """Draws up the record."""

    view: _View
    error: BaselineError
    found: Found

    def spread(self, rng: np.random.Generator, unlocated: pd.Series[float] | float | None) -> Spread:
        view, frames = self.view, self.view.frames
        own = float(np.hypot(self.error.own, self.error.family))
        units, believed = self._fit(own)
        draws = believed.draw(rng, DRAWS)
        measured = self._ratios(units, believed)
        probability, can_tell = self._judge(units, believed, draws, measured[3])
        affected = self._affected(probability, can_tell)
        seen = np.atleast_1d(frames.seen[:, view.span].any(axis=1))
        verdicts: list[Verdict] = [
            "no data" if not s else "affected" if a else "normal" if t else "too few"
            for s, a, t in zip(seen, affected, can_tell, strict=True)
        ]
        usual = view.by_region(frames.expected)
        rows = self._rows(verdicts, np.where(can_tell, probability, np.nan), measured)
        n_located = float(view.totals.observed[~view.atoms.is_side].sum())
        is_main = ~units.is_side
        weights = np.where(is_main, units.expected, 0.0)
        if self.found.p_value > CHANCE:
            draws = np.where(rng.random(DRAWS) < doubt(self.found.p_value), 0.0, draws)
        share = affected_share(weights, draws, error=own, rng=rng)
        felt = self._felt(units, believed, affected)
        return Spread(
            extent=extent(felt, view.regions, self.found.p_value),
            start_at=frames.at(view.window[0]).to_pydatetime(),
            end_at=frames.at(view.window[1]).to_pydatetime(),
            p_value=self.found.p_value,
            zone=self._zone(usual),
            regions=rows,
            affected_share=share,
            untestable_share=self._untestable(units),
            unlocated_share=unlocated_share(unlocated, n_located, frames, view.window),
            n_located=n_located,
        )

    def _fit(self, own: float) -> tuple[Units, Posterior]:
        """Fit twice: the first time tells by how much regions are raised, and so which can be judged alone."""
        view = self.view
        factor = view.factor
        for _ in range(2):
            units = coarsen(view.atoms, view.regions, view.totals, factor=factor, error=own)
            believed = fit(units, shared=self.error.shared, factor=view.factor, factor_sd=FACTOR_SD)
            if self.found.p_value > CHANCE:
                break
            factor = float(np.clip(believed.factor, LEAST_FACTOR, MOST_FACTOR))
        return units, believed

    def _judge(
        self, units: Units, believed: Posterior, draws: Floats, raised: Floats
    ) -> tuple[Floats, NDArray[np.bool_]]:
        """Return how probable it is that each region is affected, and whether it can be told at all.

        A region with parts is affected if half of its usual voices are, or if it has twice its usual voices itself.
        """
        atoms, totals = self.view.atoms, self.view.totals
        single, count = believed.probability, len(atoms.members)
        probability, can_tell = np.full(count, np.nan), np.zeros(count, bool)
        for number, members in enumerate(atoms.members):
            homes, weights = units.of_atom[members], totals.expected[members]
            if len(members) == 1:
                home = int(homes[0])
                can_tell[number] = home >= 0 and len(units.members[home]) == 1
                probability[number] = single[home] if home >= 0 else np.nan
                can_tell[number] &= weights[0] * (self.view.factor - 1.0) >= ENOUGH
                continue
            within = set(members.tolist())
            is_inside = np.array([h >= 0 and within.issuperset(units.members[h]) for h in homes])
            told = weights[is_inside].sum()
            can_tell[number] = weights.sum() * (self.view.factor - 1.0) >= ENOUGH
            probability[number] = raised[number]
            if told >= 0.5 * weights.sum() > 0:
                part = weights[is_inside] @ draws[homes[is_inside]] / told
                probability[number] = max(raised[number], float((part >= 0.5).mean()))
        return probability, can_tell

    def _affected(self, probability: Floats, can_tell: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return the largest list of regions in which few are wrong on average (Bayesian false discovery rate)."""
        affected = np.zeros(len(probability), bool)
        if self.found.p_value > CHANCE:
            return affected
        ranked = sorted(np.flatnonzero(can_tell), key=lambda n: (-probability[n], n))
        wrong = np.cumsum([1.0 - probability[n] for n in ranked]) / np.arange(1, len(ranked) + 1)
        last = int((wrong <= FALSE_DISCOVERIES).sum())
        affected[ranked[:last]] = True
        if not last:  # something stands out, and it is there: more likely than not will do
            affected[list(self.found.regions)] = True
        return affected & can_tell & (probability >= 0.5)

    def _ratios(self, units: Units, believed: Posterior) -> Floats:
        """Return each region's ratio, its interval, and how likely it is to be twice its usual voices."""
        view, frames = self.view, self.view.frames
        y, mu = view.by_region(frames.observed), view.by_region(frames.expected)
        extra = view.by_region(frames.dispersion * frames.expected**2)
        noise = extra / np.maximum(mu, 1e-9) ** 2 + self.error.total**2
        chance, factor = self._prior(units, believed)
        return ratios(y, mu, noise, chance=chance, factor=factor)

    def _rows(self, verdicts: list[Verdict], probability: Floats, measured: Floats) -> tuple[RegionSpread, ...]:
        view, frames = self.view, self.view.frames
        y, mu = view.by_region(frames.observed), view.by_region(frames.expected)
        middle, low, high, _ = measured
        is_known = np.array([verdict != "no data" for verdict in verdicts]) & (mu > 0)
        shares = self._shares(y - mu)
        hit = np.array([n for n, verdict in enumerate(verdicts) if verdict == "affected"], np.int64)
        estimates = onsets(frames, hit, view.window[1])
        began = dict(zip(hit.tolist(), estimates, strict=True))
        places = dict(zip(hit.tolist(), order(estimates), strict=True))
        nan = float("nan")
        rows = [
            RegionSpread(
                code=code,
                verdict=verdicts[n],
                observed=float(y[n]) if verdicts[n] != "no data" else nan,
                expected=float(mu[n]) if verdicts[n] != "no data" else nan,
                ratio=float(middle[n]) if is_known[n] else nan,
                ratio_low=float(low[n]) if is_known[n] else nan,
                ratio_high=float(high[n]) if is_known[n] else nan,
                probability=float(probability[n]) if is_known[n] else nan,
                share=float(shares[n]) if is_known[n] else nan,
                onset=began.get(n),
                order=places.get(n),
            )
            for n, code in enumerate(frames.codes)
        ]
        return tuple(sorted(rows, key=rank))

    def _prior(self, units: Units, believed: Posterior) -> tuple[Floats, Floats]:
        """Return how likely each region is to be raised before it is looked at itself, and by what factor.

        Of a region with affected parts it is even odds, and as much as these parts would raise it.
        """
        single, usual = believed.probability, self.view.totals.expected
        chance = np.full(len(self.view.atoms.members), float(np.mean(believed.chance)))
        factor = np.full(len(chance), believed.factor)
        for number, members in enumerate(self.view.atoms.members):
            inside = members[units.of_atom[members] >= 0]
            homes = units.of_atom[inside]
            if len(homes):
                chance[number] = believed.chance[units.groups[homes[0]]]
            if len(members) > 1 and (single[homes] > 0.5).any():
                chance[number] = max(chance[number], 0.5)
                part = usual[inside] @ single[homes] / usual[inside].sum()
                factor[number] = max(1.0 + part * (believed.factor - 1.0), LEAST_RAISED)
        return chance, factor

    def _shares(self, excess: Floats) -> Floats:
        """Return each region's part of the excess of its level."""
        levels = np.array(self.view.regions.levels)
        beyond = np.maximum(excess, 0.0)
        shares = np.full(len(beyond), np.nan)
        for level in set(levels):
            total = beyond[levels == level].sum()
            if total > 0:
                shares[levels == level] = beyond[levels == level] / total
        return shares

    def _zone(self, usual: Floats) -> tuple[str, ...]:
        if self.found.p_value > CHANCE:
            return ()
        excess = self.view.by_region(self.view.frames.observed) - usual
        codes = self.view.frames.codes
        return tuple(codes[n] for n in sorted(self.found.regions, key=lambda n: (-excess[n], n)))

    def _untestable(self, units: Units) -> float:
        """Return which share of the usual voices lives in regions that are too small to judge."""
        main = ~self.view.atoms.is_side
        usual = self.view.totals.expected
        is_pooled = np.array([home < 0 or len(units.members[home]) > 1 for home in units.of_atom])
        too_few = is_pooled | (usual * (self.view.factor - 1.0) < ENOUGH)
        return float(usual[main & too_few].sum() / max(usual[main].sum(), 1e-12))

    def _felt(self, units: Units, believed: Posterior, affected: NDArray[np.bool_]) -> Felt:
        atoms = self.view.atoms
        keep = np.flatnonzero(~units.is_side)
        homes = tuple(tuple(int(atoms.regions[a]) for a in units.members[u]) for u in keep)
        probability = believed.probability[keep]
        inside = {int(atom) for n in np.flatnonzero(affected) for atom in atoms.members[n]}
        said = np.array(
            [
                (inside.issuperset(units.members[u]) and p >= 0.5)
                or (not _is_region(units.members[u], atoms) and p > POOL_SAID and self.found.p_value <= CHANCE)
                for u, p in zip(keep, probability, strict=True)
            ],
            bool,
        )
        excess = units.observed[keep] - units.expected[keep]
        return Felt(homes, units.expected[keep], excess, probability, said)


def _is_region(members: tuple[int, ...], atoms: Atoms) -> bool:
    """Tell whether a unit is one region as a whole."""
    return len(members) == 1 and bool(atoms.is_leaf[members[0]])
