"""From stored counts to incidents, and no more work than what is new asks for."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec import Struct, ValidationError, convert
from msgspec.structs import asdict, replace

from detectors.errors import InputError, StateError
from detectors.incidents.lifecycle import LOOKS_AGAIN, History, build_histories
from detectors.incidents.revision import reconcile
from detectors.spikes import Parameters, ScoredSources
from flows.steps.everything import Waiting
from flows.steps.groups import groups
from flows.steps.regions import (
    LocalFound,
    differ,
    find_local,
    read_located,
    with_local,
    with_spread,
    with_unlocated,
)
from flows.store import Facts, Judged

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from detectors.model import CountSeries, SeriesKey, Spread, Transition
    from detectors.spikes import Scored
    from flows.steps.everything import Tell
    from flows.steps.groups import Group
    from flows.store import Store

_ADDED = ("n_reports", "n_authors", "n_naming")

LEARNS_FOR = timedelta(hours=Parameters().warm_up_h)
"""Observed time before any claim is made."""

CHECKPOINT_EVERY = timedelta(minutes=30)
"""How much scoring may have to be done again after a restart; a checkpoint costs a write of some kilobytes."""


@dataclass
class Detected:
    """What one detection did.

    Attributes
    ----------
    changed
        Incidents that are new or changed.
    learning
        Services whose usual rate is not known yet, with the instant (UTC) from which on it will be, if they are
        observed until then.
    news
        The transitions that were not known before.
    silent
        Series in which a source says that there is nothing where there should be much, as of their last bin: a
        collector's fault, never an outage.
    judged
        Series whose last bin is new; of the others nothing new is known.
    """

    changed: list[History] = field(default_factory=list)
    learning: dict[str, datetime] = field(default_factory=dict)
    news: list[Transition] = field(default_factory=list)
    silent: set[SeriesKey] = field(default_factory=set)
    judged: set[SeriesKey] = field(default_factory=set)


def detect(
    store: Store,
    keys: Iterable[SeriesKey],
    *,
    until: datetime | None = None,
    detector: str = "uproar",
    tell: Tell | None = None,
) -> Detected:
    """Score what is new in each series and bring its incidents up to date.

    Several sources of one service are judged together, so that the loss of one neither hides an outage nor makes one;
    see :func:`flows.steps.groups.groups`.

    Parameters
    ----------
    store
        Where the counts are, and where incidents, transitions and checkpoints go.
    keys
        The series to look at.
    until
        No bin that ends after this is judged (UTC): it may still receive posts. None = whatever is there.
    detector
        A name in :data:`detectors.spikes.DETECTORS`.
    tell
        Returns the messages that follow; they are kept in one transaction with all that was found. Without it, what was
        found is kept series by series.
    """
    every = groups(store, keys, detector)
    parts = [key for group in every for key in group.parts]
    detection = _Detection(store, until, detector, store.changed(parts) | store.troubled(), Waiting(tell))
    for group in every:
        detection.bring_up_to_date(group)
    detection.keep_what_waits()
    return detection.done


class _Saved(Struct, frozen=True):
    """What a checkpoint holds: whose it is, until when it learns (None = it knows), and the detector's state.

    ``regions`` is the state of the local detector; None where nothing was ever heard that says where it is from.
    """

    detector: str
    learning_until: datetime | None
    state: dict[str, Any]
    regions: dict[str, Any] | None = None


@dataclass(frozen=True)
class _Found:
    """What is new in one group: incidents with their transitions, and by their id where they are felt."""

    changed: Sequence[History] = ()
    spreads: Mapping[str, Spread] = field(default_factory=dict)


@dataclass(frozen=True)
class _Detection:
    """One detection; the arguments are those of :func:`detect`.

    Attributes
    ----------
    restless
        Series in which scored counts have changed, or an incident is open.
    """

    store: Store
    until: datetime | None
    detector: str
    restless: set[SeriesKey] = field(default_factory=set)
    waiting: Waiting = field(default_factory=Waiting)
    done: Detected = field(default_factory=Detected)

    def keep_what_waits(self) -> None:
        """Keep what was found together with what is to be told of it."""
        tell, found = self.waiting.tell, self.waiting.found
        if tell is None:
            return
        messages = tell(self.done.changed, self.waiting.rising(self.done))
        if found or messages:
            self.store.save_detections(found, messages)

    def bring_up_to_date(self, group: Group) -> None:
        """Go on from the checkpoint where that is enough, else score the whole series."""
        checkpoint = self._checkpoint(group.key)
        if checkpoint and self.until and self.until < checkpoint[0]:
            return  # somebody else is further: with fewer bins we would take back what they have seen
        if checkpoint is None or not self._nothing_new(group, *checkpoint):
            self._detect_anew(group)

    def _checkpoint(self, key: SeriesKey) -> tuple[datetime, _Saved] | None:
        """Return up to where a series has been scored, and what was saved there.

        Raises
        ------
        InputError
            The incidents on record are another detector's: mixed with ours they would be nobody's.
        """
        try:
            found = self.store.checkpoint(key)
            saved = found and (found[0], convert(found[1], _Saved))
        except (StateError, ValidationError):  # another version's: score the series again
            return None
        if saved and saved[1].detector != self.detector:
            raise InputError(
                f"{key.service} was judged by the detector {saved[1].detector} in this store; "
                f"name another store for {self.detector}"
            )
        return saved or None

    def _nothing_new(self, group: Group, scored_until: datetime, saved: _Saved) -> bool:
        """Go on from the checkpoint; False where the series has to be scored again from its beginning.

        That is so if scored counts have changed, an incident is open (its onset and end are still being estimated) or
        was closed some hours ago (its end is estimated again), a new bin fires or the usual rate is being learnt. All
        this is rare or short, and scoring a month of minutes takes milliseconds, and so a checkpoint needs no history.
        """
        if not self.restless.isdisjoint([group.key, *group.parts]):
            return False
        fresh = group.read(self.store, self.until, scored_until)
        if saved.learning_until:
            self.done.learning[group.key.service] = saved.learning_until
        if not fresh or saved.learning_until:
            return not fresh
        is_due = max(one.end_at for one in fresh) - scored_until >= CHECKPOINT_EVERY
        resumed = self._resumed(group, saved, fresh, is_due=is_due)
        if resumed is None:
            return False
        series, scored, local = resumed
        if is_due and self._is_to_look_again(group.key, scored_until, series.end_at):
            return False
        self._note_silence(group, series, scored)
        if is_due:
            self._save(group, series.end_at, self._state(scored, None, local), _Found())
        return True

    def _resumed(
        self, group: Group, saved: _Saved, fresh: Sequence[CountSeries], *, is_due: bool
    ) -> tuple[CountSeries, Scored, LocalFound] | None:
        """Score what is fresh; None where something fires, or where the state does not fit."""
        try:
            series, scored = group.resume(saved.state, fresh)
            if (scored.watch >= 1).any() or (scored.page >= 1).any():
                return None
            located = read_located(self.store, group, series, scored)
            if located.is_anything and saved.regions is None and self.detector == "uproar":
                return None  # the first time that anything is heard that says where it is from
            local = LocalFound()
            if saved.regions and (located.is_anything or is_due):
                local = find_local(located, saved.regions)
        except StateError:
            return None
        return None if local.alarms else (series, scored, local)

    def _is_to_look_again(self, key: SeriesKey, scored_until: datetime, now: datetime) -> bool:
        """Whether the end of a closed incident is to be estimated again, now that more of its aftermath is known."""
        closed = [one.resolved_at for one in self.store.incidents_of(key) if one.resolved_at]
        return any(scored_until < at + later <= now for at in closed for later in LOOKS_AGAIN)

    def _detect_anew(self, group: Group) -> None:
        """Score the whole series from its stored counts, and revise what is on record where they differ."""
        every = group.read(self.store, self.until)
        if not every:
            return
        series, scored = group.score(every)
        learning_until = _learning_until(series) if scored.learning_until is None else None
        self.done.learning.pop(group.key.service, None)
        if learning_until:
            self.done.learning[group.key.service] = learning_until
        self._note_silence(group, series, scored)
        recorded = self._recorded(group)
        located = with_unlocated(read_located(self.store, group, series, scored), self.store, every)
        local = find_local(located) if self.detector == "uproar" else LocalFound()
        derived = with_local(build_histories(series, scored), located, local.alarms)
        known = {history.incident.id: history for history in recorded}
        reconciled = reconcile(recorded, derived, at=series.end_at)
        histories = [_with_facts(self.store, group, one, known.get(one.incident.id)) for one in reconciled]
        histories, spreads = with_spread(histories, known, located)
        changed = [history for history in histories if differ(known.get(history.incident.id), history)]
        self._save(group, series.end_at, self._state(scored, learning_until, local), _Found(changed, spreads))
        self.done.changed += changed
        said = {step for history in recorded for step in history.transitions}
        self.done.news += [step for history in changed for step in history.transitions if step not in said]

    def _recorded(self, group: Group) -> list[History]:
        """Return what is on record, also from the time when there was one source only."""
        keys = dict.fromkeys([group.key, *group.parts])
        incidents = [incident for key in keys for incident in self.store.incidents_of(key)]
        return [History(incident, self.store.transitions_of(incident.id)) for incident in incidents]

    def _save(self, group: Group, at: datetime, state: dict[str, Any], found: _Found) -> None:
        """Keep what was found; the parts are marked as scored as well, so that late reports of theirs are noticed."""
        incidents = [history.incident for history in found.changed]
        steps = [step for history in found.changed for step in history.transitions]
        parts = [Judged(key, at, {"part_of": group.key.source}) for key in group.parts if key != group.key]
        every = [*parts, Judged(group.key, at, state, incidents, steps, spreads=found.spreads)]
        if self.waiting.tell is None:
            self.store.save_detections(every)
        else:
            self.waiting.found += every

    def _note_silence(self, group: Group, series: CountSeries, scored: Scored) -> None:
        """Note which sources were silent in the last bin, where they say that there was nothing."""
        self.done.judged.update(group.parts)
        self.waiting.note(series, scored)
        if isinstance(scored, ScoredSources):
            silent = {name for name, is_so in zip(scored.sources, scored.is_faulty[:, -1], strict=True) if is_so}
            self.done.silent.update(key for key in group.parts if key.source in silent)
        elif bool(scored.scores.is_silent[-1]):
            self.done.silent.add(group.key)

    def _state(self, scored: Scored, learning_until: datetime | None, local: LocalFound) -> dict[str, Any]:
        saved = _Saved(self.detector, learning_until, scored.detector.state(), local.state())
        return {**asdict(saved), "learning_until": learning_until and learning_until.isoformat()}


def _learning_until(series: CountSeries) -> datetime:
    """Return from when on the usual rate is known, if the series is observed until then (UTC)."""
    observed = timedelta(seconds=series.bin_width_s) * int(np.count_nonzero(~np.isnan(series.observed)))
    return series.end_at + max(LEARNS_FOR - observed, timedelta(0))


def _with_facts(store: Store, group: Group, history: History, before: History | None) -> History:
    """Add what only the reports know: how many people, and what they say is broken.

    There are no more new people than new reports: of those that are no longer kept, people can only be told apart
    within a bin, and what was known ``before`` is better.
    """
    incident = history.incident
    end_at = incident.ended.at if incident.ended else incident.resolved_at
    start_at, region = incident.onset.at, incident.region
    facts = _joined(store.facts(key, start_at=start_at, end_at=end_at, region=region) for key in group.parts)
    if not facts.n_reports:
        return history
    fields = facts.fields()
    if before:
        new = max(0, facts.n_reports - before.incident.n_reports)
        fields["n_authors"] = min(facts.n_authors, before.incident.n_authors + new)
        if incident.region and not facts.n_naming:  # what they named is not kept by region
            fields["symptoms"] = before.incident.symptoms
    return History(replace(incident, **fields), history.transitions)


def _joined(parts: Iterable[Facts]) -> Facts:
    """Add up what several sources say: their posts are different ones, and so are their authors."""
    every = list(parts)
    symptoms = Counter[str]()
    for one in every:
        symptoms.update(dict(one.symptoms))
    n_reports, n_authors, n_naming = (sum(getattr(one, name) for one in every) for name in _ADDED)
    return Facts(n_reports, n_authors, n_naming, tuple(symptoms.most_common()))
