"""What several sources of one service bring together, bin by bin: who can be heard, and how much of the whole they are.

Notation: ``y`` reports of a source in the bin; ``usual`` what the service usually brings in it with every member heard;
``share`` a member's part of that on average, ``portion`` its part at this hour of the day; ``x`` the sum of the
portions that were heard; ``t`` number of the bin since the series began. Everything compiled stays in this file (see
:func:`detectors.baselines.jit.compiled`).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from detectors.baselines.jit import compiled
from detectors.spikes.source_records import HOURS, Given

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from detectors.spikes.source_records import Block, Mixing, Source

    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]

UNSEEN, TRIAL, MEMBER, GONE = 0, 1, 2, 3
"""Never observed; observed, but its share is not known yet; one of those that make up the whole; lost for so long
that the rest has become the whole."""

SILENCE_NATS, FAULT_NATS, SILENCE_K, SILENT_BELOW = 5.0, 9.0, 20.0, 0.2
"""Leaving a source out for some minutes costs little, a fault that is told costs somebody's time."""
CLIP_TIMES, CLIP_PLUS = 4.0, 3.0
"""No bin counts for more than this when shares are learnt: a burst in one source is not its share."""
HOUR_REPORTS = 10.0
"""How many reports' worth an hour of the day leans on the whole day."""
LEAST_REST = 0.01
"""The rest is never taken for a smaller part of the whole than this when a source has gone."""


@compiled
def lower_deviance(s: float, m: float, k: float) -> float:
    """Return the log-likelihood ratio (nats) of only ``s`` reports against ``m``, negative binomial of size ``k``."""
    if s >= m:
        return 0.0
    tail = s * math.log(s / m) if s > 0.0 else 0.0
    return tail - (s + k) * math.log((s + k) / (m + k))


# --- who can be heard, and how much of the whole that is -----------------------------------------------------


@compiled
def times_share(source: Source, hour: int) -> float:
    """Return how many times its share a source brings at an hour of the day."""
    return float(HOUR_REPORTS + source.hour_y[hour]) / float(HOUR_REPORTS + source.hour_usual[hour])


@compiled
def set_portions(sources: Sequence[Source], hour: float) -> None:
    """Set each member's part of the whole at this time of the day, between the middles of hours: together 1."""
    below = math.floor(hour - 0.5)
    later = hour - 0.5 - below
    whole = 0.0
    for j in range(len(sources)):
        source = sources[j]
        source.portion = 0.0
        if source.status == MEMBER:
            by_hour = (1.0 - later) * times_share(source, below % HOURS) + later * times_share(
                source, (below + 1) % HOURS
            )
            source.portion = source.share * by_hour
            whole += source.portion
    for j in range(len(sources)):
        if sources[j].portion > 0.0:
            sources[j].portion = sources[j].portion / whole


@compiled
def set_shares(sources: Sequence[Source]) -> None:
    """Set the shares from the counts."""
    whole = 0.0
    for j in range(len(sources)):
        if sources[j].status == MEMBER:
            whole += sources[j].count
    for j in range(len(sources)):
        sources[j].share = sources[j].count / whole if sources[j].status == MEMBER else 0.0


@compiled
def census(sources: Sequence[Source], reports: Floats) -> tuple[int, int, int]:
    """Count the members, those that were observed, and those that are not silent either."""
    members, observed, heard = 0, 0, 0
    for j in range(len(sources)):
        if sources[j].status == MEMBER:
            members += 1
            if not math.isnan(reports[j]):
                observed += 1
                heard += 0 if sources[j].is_silent else 1
    return members, observed, heard


@compiled
def mix(sources: Sequence[Source], reports: Floats, hour: float) -> tuple[float, float]:
    """Return what those that can be heard brought, and their part of the whole: ``y`` and ``x``.

    If all that were observed are silent, nothing tells a loss from a quiet hour: they are then taken as they are.
    """
    members, observed, heard = census(sources, reports)
    if observed == 0:
        return math.nan, 0.0
    set_portions(sources, hour)
    y, x = 0.0, 0.0
    for j in range(len(sources)):
        source = sources[j]
        if source.status == MEMBER and not math.isnan(reports[j]) and (heard == 0 or not source.is_silent):
            y += reports[j]
            x += source.portion
    if heard == members or (heard == 0 and observed == members):
        return y, 1.0
    return y, min(x, 1.0)


# --- silence -------------------------------------------------------------------------------------------------


@compiled
def hear(mixing: Mixing, source: Source, ring: Floats, t: int, given: tuple[float, float]) -> None:
    """Take a member's bin (its reports, and what was usual for it) and say whether it is silent."""
    y, usual = given
    if math.isnan(y) or math.isnan(usual):
        return
    source.sum_y += y
    source.sum_usual += usual
    mask = len(ring) - 1
    since = max(0, t + 1 - mixing.recent) & mask
    if source.sum_y - ring[since, 0] >= SILENT_BELOW * (source.sum_usual - ring[since, 1]):
        source.is_silent = source.is_faulty = False
        return
    nats = 0.0
    for w in range(len(mixing.silence)):
        since = max(0, t + 1 - mixing.silence[w]) & mask
        s, m = source.sum_y - ring[since, 0], source.sum_usual - ring[since, 1]
        nats = max(nats, lower_deviance(s, m, SILENCE_K))
    source.is_silent = nats > SILENCE_NATS
    source.is_faulty = source.is_silent and (source.is_faulty or nats > FAULT_NATS)


# --- shares --------------------------------------------------------------------------------------------------


@compiled
def plausible(source: Source, y: float, usual: float) -> float:
    """Return what a bin counts for when shares are learnt."""
    return y if math.isnan(usual) else min(y, CLIP_TIMES * usual * source.portion + CLIP_PLUS)


@compiled
def learn_shares(mixing: Mixing, sources: Sequence[Source], given: Given) -> None:
    """Learn from a bin in which every member was heard."""
    whole = 0.0
    for j in range(len(sources)):
        if sources[j].status == MEMBER:
            whole += plausible(sources[j], given.reports[j], given.usual)
    hour, decay = int(given.hour), mixing.hour_decay
    for j in range(len(sources)):
        source = sources[j]
        if source.status == MEMBER:
            y = plausible(source, given.reports[j], given.usual)
            source.count = mixing.decay * source.count + y
            source.hour_y[hour] = decay * source.hour_y[hour] + y
            source.hour_usual[hour] = decay * source.hour_usual[hour] + whole * source.share
    set_shares(sources)


# --- who belongs to the whole --------------------------------------------------------------------------------


@compiled
def found(sources: Sequence[Source], reports: Floats, is_young: bool) -> None:  # noqa: FBT001 - compiled
    """Let in whoever is observed for the first time: at once while the series is young, else on trial."""
    for j in range(len(sources)):
        source = sources[j]
        if source.status == UNSEEN and not math.isnan(reports[j]):
            source.status = MEMBER if is_young else TRIAL
            source.count = 1.0 / len(sources)
            set_shares(sources)


@compiled
def leave(sources: Sequence[Source], j: int) -> float:
    """Let a member go; return by how much the whole becomes smaller."""
    source = sources[j]
    by = max(1.0 - source.share, LEAST_REST)
    source.status = GONE
    source.lost = 0
    source.hour_y[:] = 0.0
    source.hour_usual[:] = 0.0
    set_shares(sources)
    return by


@compiled
def attempt(mixing: Mixing, sources: Sequence[Source], j: int, given: tuple[float, float]) -> float:
    """Learn the share of a source on trial; return by how much the whole becomes larger when it is let in."""
    source = sources[j]
    y, whole = given
    source.trial_y += y
    source.trial_usual += whole
    source.tried += 1
    if source.tried < mixing.trial:
        return 1.0
    part = source.trial_y / max(source.trial_usual, 1.0)
    counted = 0.0
    for i in range(len(sources)):
        if sources[i].status == MEMBER:
            counted += sources[i].count
    source.status = MEMBER
    source.count = part * counted
    source.trial_y = source.trial_usual = 0.0
    source.tried = 0
    set_shares(sources)
    return 1.0 + part


@compiled
def attend(mixing: Mixing, sources: Sequence[Source], given: Given, mixed: tuple[float, float, int]) -> float:
    """Let sources come and go; return how many times as large the whole has become."""
    y, x, heard = mixed
    by = 1.0
    for j in range(len(sources)):
        source, reports = sources[j], given.reports[j]
        is_observed = not math.isnan(reports)
        if source.status == MEMBER:
            is_lost = source.is_silent or not is_observed
            source.lost = source.lost + (1 if heard > 0 else 0) if is_lost else 0
            if source.lost > mixing.gone and heard > 0:
                by *= leave(sources, j)
        elif source.status == GONE:
            source.is_silent = source.is_faulty = is_observed
            if is_observed and reports > 0.0:
                source.status = TRIAL
        if source.status == TRIAL and is_observed and heard > 0 and given.is_quiet:
            source.is_silent = source.is_faulty = False
            by *= attempt(mixing, sources, j, (reports, y / x))
    return by


# --- one bin, and many ---------------------------------------------------------------------------------------


@compiled
def learn(mixing: Mixing, sources: Sequence[Source], rings: Floats, t: int, given: Given) -> float:
    """Take one bin of one service; return how many times as large the whole has become."""
    y, x = mix(sources, given.reports, given.hour)
    members, _, heard = census(sources, given.reports)
    if heard == members and given.is_quiet:
        learn_shares(mixing, sources, given)
    for j in range(len(sources)):
        rings[j, t & (rings.shape[1] - 1), 0] = sources[j].sum_y
        rings[j, t & (rings.shape[1] - 1), 1] = sources[j].sum_usual
        if sources[j].status == MEMBER:
            usual = given.usual * sources[j].portion
            hear(mixing, sources[j], rings[j], t, (given.reports[j], usual))
    return attend(mixing, sources, given, (y, x, heard))


@compiled
def has_news(sources: Sequence[Source], reports: Floats) -> bool:
    """Whether a source is observed for the first time."""
    n_new = 0
    for j in range(len(sources)):
        n_new += 1 if sources[j].status == UNSEEN and not math.isnan(reports[j]) else 0
    return n_new > 0


@compiled
def foresee(every: Any, is_young: Flags, block: Block) -> None:  # noqa: ANN401 - records
    """Let in whom the first bin brings, and mix all bins as if nothing were to change in their course."""
    for i in range(len(every)):
        found(every[i], block.observed[i, :, 0], is_young[i])
        for b in range(len(block.hour)):
            block.y[i, b], block.x[i, b] = mix(every[i], block.observed[i, :, b], block.hour[b])


@compiled
def run(mixing: Mixing, state: tuple[Any, Floats, int], block: Block, judged: tuple[Floats, Flags], out: Any) -> int:  # noqa: ANN401
    """Learn from bins that have been mixed and judged, for as long as they were mixed rightly.

    Parameters
    ----------
    mixing
        The numbers.
    state
        Records of :data:`SOURCE`, shape (series, sources), and rings of shape (series, sources, ring, 2) with the
        running sums as they were before each of the latest bins; both changed in place. The number of the first bin.
    block
        The bins, as :func:`foresee` mixed them.
    judged
        Of shape (series, bins): what was usual for the whole, and whether the bin is an ordinary one.
    out
        ``(is_faulty, by)``: flags of shape (series, sources, bins), filled; and of shape (series,), how many times as
        large the whole has become.

    Returns
    -------
    int
        Bins that were taken, at least 1: the next one would be mixed otherwise by now.
    """
    every, rings, t = state
    usual, is_quiet = judged
    is_faulty, by = out
    n_bins = len(block.hour)
    for b in range(n_bins):
        goes_on = b + 1 < n_bins
        for i in range(len(every)):
            given = Given(block.observed[i, :, b], usual[i, b], is_quiet[i, b], block.hour[b])
            by[i] *= learn(mixing, every[i], rings[i], t + b, given)
            for j in range(every.shape[1]):
                is_faulty[i, j, b] = every[i, j].is_faulty
            if goes_on:
                after = block.observed[i, :, b + 1]
                y, x = mix(every[i], after, block.hour[b + 1])
                is_same = x == block.x[i, b + 1] and (y == block.y[i, b + 1] or math.isnan(y))
                goes_on = is_same and by[i] == 1.0 and not has_news(every[i], after)
        if not goes_on:
            return b + 1
    return n_bins
