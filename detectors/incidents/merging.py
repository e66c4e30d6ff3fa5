"""One incident, not two: local trouble, and trouble of the service as a whole at the same time.

What is local is part of the whole where the whole is in trouble already. It comes into view when that is over and the
region still fires, or when the region is worth a page and the whole is not. Where the whole follows, the local incident
grows to it and keeps its id: who was told of the one is told that it is wider, not of another. What was said of other
regions ends there.

The histories are told again in order of time, and each event changes what is told from then on and nothing before: so
a longer series changes nothing that was said.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple
from uuid import uuid5

from msgspec.structs import replace

from detectors.incidents.lifecycle import NAMESPACE, History, chain, closing

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from detectors.incidents.lifecycle import Step
    from detectors.model import Incident, Severity, State, Transition

LATELY = timedelta(hours=2)
"""A region that last fired longer before the whole is not what the whole's trouble began with."""

WIDER = "not in one region alone any more"
PART = "part of an incident that reaches further"
GOES_ON = "it goes on in one region"


def merge(whole: Sequence[History], local: Sequence[tuple[History, Sequence[datetime]]]) -> list[History]:
    """Join the incidents of a service as a whole with its local ones.

    Parameters
    ----------
    whole
        As :func:`detectors.incidents.lifecycle.build_histories` returns them.
    local
        As :func:`detectors.incidents.local.build_local_histories` returns them.

    Returns
    -------
    list of History
        By when they were first suspected. What is the whole's alone, or a region's alone, stays as it is.
    """
    scene = _Scene({one.incident.id for one in whole})
    for event in sorted(_events(whole, local), key=_in_order):
        scene.take(event)
    found = [one.history() for one in scene.told]
    return sorted(found, key=lambda one: (one.incident.suspected_at, one.incident.id))


class _Event(NamedTuple):
    """What happens to one history: a transition, or (None) that its region fires."""

    at: datetime
    rank: int
    """Of what happens in the same instant: what ends comes first, then the whole, then regions."""
    history: History
    step: Transition | None


def _events(whole: Sequence[History], local: Sequence[tuple[History, Sequence[datetime]]]) -> Iterator[_Event]:
    for rank, histories in ((1, whole), (2, [history for history, _ in local])):
        for history in histories:
            for step in history.transitions:
                yield _Event(step.at, 0 if _is_final(step) else rank, history, step)
    for history, fired_at in local:
        yield from (_Event(at, 3, history, None) for at in fired_at)


def _in_order(event: _Event) -> tuple[datetime, int, datetime, str, int]:
    incident, step = event.history.incident, event.step
    return event.at, event.rank, incident.suspected_at, incident.id, step.revision if step else 0


def _is_final(step: Transition) -> bool:
    return step.new in ("resolved", "dismissed")


@dataclass
class _Told:
    """An incident as it is told.

    Attributes
    ----------
    parts
        What belongs to it, as it came; of a local incident that grew, the region's own comes first.
    open
        Ids of the parts that go on.
    fired_at
        When its region fired last.
    is_cut
        Whether it ended as part of another.
    """

    id: str
    parts: list[History]
    open: set[str]
    fired_at: datetime
    severity: Severity = "watch"
    steps: list[Step] = field(default_factory=list)
    is_sure: bool = False
    is_cut: bool = False

    def say(self, at: datetime, new: State, severity: Severity, reason: str) -> None:
        """Add a step; once it was a page it is not less, and no update says again what was said in that instant."""
        if new == "updated" and (self.steps[-1][0], self.steps[-1][3]) == (at, reason):
            return
        self.severity = "page" if "page" in (severity, self.severity) else "watch"
        self.is_sure = self.is_sure or new == "confirmed"
        self.steps.append((at, new, self.severity, reason))

    def is_news(self, step: Transition) -> bool:
        """Whether what the whole does says more: a watch is none where one region alone is worth a page."""
        return step.severity == "page" or self.severity == "watch"

    def end(self, at: datetime, reason: str = "") -> None:
        """Say that it is over."""
        self.say(at, "resolved" if self.is_sure else "dismissed", self.severity, reason or closing(sure=self.is_sure))

    def history(self) -> History:
        """Return the incident as it stands."""
        only = self.parts[0]
        if len(self.parts) == 1 and self.id == only.incident.id and not self.is_cut:
            return only
        transitions = chain(self.id, self.steps)
        final, confirmed = transitions[-1], [one.at for one in transitions if one.new == "confirmed"]
        incident = replace(
            self._figures(),
            id=self.id,
            severity=self.severity,
            state=final.new,
            suspected_at=transitions[0].at,
            confirmed_at=confirmed[0] if confirmed else None,
            resolved_at=final.at if _is_final(final) else None,
            revision=len(transitions),
        )
        return History(incident, transitions)

    def _figures(self) -> Incident:
        """Return what was measured: of the region, unless we are sure that the whole is in trouble."""
        region = self.parts[0].incident
        wide = [one.incident for one in self.parts[1:] if one.incident.confirmed_at]
        wide = [one for one in wide if one.severity == "page" or region.severity == "watch"]
        every = [region, *wide]
        severe = [one.alarmed_at for one in every if one.severity == self.severity]
        ends = [one.ended for one in every if one.ended and not self.is_cut]
        return replace(
            (wide or [region])[0],
            onset=min((one.onset for one in every), key=lambda onset: onset.at),
            alarmed_at=max(min(severe, default=region.alarmed_at), self.steps[0][0]),
            ended=max(ends, key=lambda ended: ended.at) if ends and not self.open else None,
        )


@dataclass
class _Scene:
    """All that is told of one service.

    Attributes
    ----------
    wide
        Ids of the incidents of the whole.
    told
        What is told, as it began.
    home
        By a history's id: what it is told in, while it goes on.
    hidden
        Ids of local histories that go on within an incident of the whole.
    """

    wide: set[str]
    told: list[_Told] = field(default_factory=list)
    home: dict[str, _Told] = field(default_factory=dict)
    hidden: set[str] = field(default_factory=set)

    def take(self, event: _Event) -> None:
        """Let one thing happen."""
        history, step = event.history, event.step
        identity = history.incident.id
        if step is None:
            self._fire(history, event.at)
        elif _is_final(step):
            self._end(identity, step)
        elif step.new != "suspected":
            self._news(identity, step)
        elif identity in self.wide:
            self._begin_wide(history, step)
        elif self._is_part(is_page=False):
            self.hidden.add(identity)
        else:
            self._begin(history, step)

    def _fire(self, history: History, at: datetime) -> None:
        identity = history.incident.id
        is_page = any(step.at <= at and step.severity == "page" for step in history.transitions)
        if identity in self.hidden and not self._is_part(is_page=is_page):
            self._come_back(history, at)
        elif identity in self.home:
            self.home[identity].fired_at = at

    def _is_part(self, *, is_page: bool) -> bool:
        """Whether what is local is part of the whole now: a page is not part of what is only a watch."""
        above = [self.home[identity].severity for identity in self.wide & self.home.keys()]
        return "page" in above or bool(above and not is_page)

    def _begin(self, history: History, step: Transition, identity: str = "") -> _Told:
        told = _Told(identity or history.incident.id, [history], {history.incident.id}, step.at)
        told.say(step.at, "suspected", step.severity, step.reason)
        self.told.append(told)
        self.home[history.incident.id] = told
        return told

    def _begin_wide(self, history: History, step: Transition) -> None:
        """Let the first of the local incidents grow to that of the whole, and end the others as parts of it."""
        local = self._lately(step.at)
        if not local:
            self._begin(history, step)
            return
        grown, *others = local
        grown.parts.append(history)
        grown.open.add(history.incident.id)
        self.home[history.incident.id] = grown
        if grown.is_sure and grown.is_news(step):
            grown.say(step.at, "updated", step.severity, f"{WIDER}: {step.reason}")
        self._give_up(others, step.at)

    def _lately(self, at: datetime) -> list[_Told]:
        """Return the local incidents that go on and have fired lately."""
        local = [one for one in self.told if one.open and self.wide.isdisjoint(one.open)]
        return [one for one in local if one.fired_at >= at - LATELY]

    def _give_up(self, others: Sequence[_Told], at: datetime) -> None:
        """End local incidents that became part of that of the whole."""
        for other in others:
            self.hidden |= other.open
            for identity in other.open:
                del self.home[identity]
            other.open, other.is_cut = set(), True
            other.end(at, PART)

    def _come_back(self, history: History, at: datetime) -> None:
        """Tell of a region that still fires when the whole does not any more, or that is worth more."""
        self.hidden.discard(history.incident.id)
        until_now = [step for step in history.transitions if step.at <= at]
        first = until_now[0]
        first = replace(first, at=at, reason=first.reason if first.at == at else GOES_ON)
        told = self._begin(history, first, str(uuid5(NAMESPACE, f"{history.incident.id}|{at}")))
        if until_now[-1].new != "suspected":
            told.say(at, "confirmed", until_now[-1].severity, until_now[-1].reason)

    def _news(self, identity: str, step: Transition) -> None:
        told = self.home.get(identity)
        if told is None:
            return
        if identity in self.wide and step.severity == "page":
            self._give_up(self._lately(step.at), step.at)
        if identity in self.wide and not told.is_news(step):
            return
        is_wider = identity in self.wide and len(told.parts) > 1 and step.new == "confirmed"
        reason = f"{WIDER}: {step.reason}" if is_wider else step.reason
        told.say(step.at, "updated" if told.is_sure else "confirmed", step.severity, reason)

    def _end(self, identity: str, step: Transition) -> None:
        """End a history, and what it is told in if nothing else of that goes on."""
        self.hidden.discard(identity)
        told = self.home.pop(identity, None)
        if told is None:
            return
        told.open.discard(identity)
        if not told.open:
            told.end(step.at, step.reason if told.is_sure == (step.new == "resolved") else "")
