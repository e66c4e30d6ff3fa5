"""Restraint: what of all that happens is told, to whom, and what is held back.

Everything is decided by comparing how incidents stand with what receivers were told, so that a tick that was lost, or
came twice, changes nothing. Per receiver and incident:

- Nothing before it is confirmed; nothing that does not fit the receiver's filters.
- Once that it fires; again only if it has become graver, reaches other countries or further, or shows another leading
  symptom, and not more often, nor oftener in all, than :class:`Restraint` allows.
- Once that it is over, if it was told that it fires: then even under a silence, since what was opened must be closed.
  But not while all that says so is a source from which nothing is heard any more.
- A service that fails with another of its company, or with one that it needs, is told with that one, not by itself: for
  as long as that one fires, and unless it is the graver of the two.
- Under a silence nothing begins to be told; when it ends, what still fires is. What was acknowledged is quiet till its
  end.
- What goes on again after it was told to be over is told as a change of the same incident, as seldom as any.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Literal, NamedTuple

from detectors.baselines.lineage import lineage
from detectors.incidents.lifecycle import WORSE

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from detectors.model import Incident, Severity
    from flows.notify.message import Message

SURE = ("confirmed", "updated")
Why = Literal["begins", "changed", "again", "over", "told with another"]


@dataclass(frozen=True)
class Restraint:
    """How little is told.

    Attributes
    ----------
    update_after
        So long after a message at the earliest comes the next about the same incident, unless it is over or graver.
    most_updates
        Of an incident, beyond its beginning and its end; reminders count too. That a watch has become a page is told
        all the same.
    together_within
        Services that fail together begin within this time of each other.
    late
        What was over longer ago than this, when it was found, is not told at all.
    """

    update_after: timedelta = timedelta(minutes=10)
    most_updates: int = 6
    together_within: timedelta = timedelta(minutes=15)
    late: timedelta = timedelta(hours=1)


@dataclass(frozen=True)
class Route:
    """What a receiver is told of.

    Attributes
    ----------
    name
        The receiver's.
    severity
        The least: ``page``, or ``watch`` for both.
    services, regions
        Only these; empty = all. A region stands for all that lies in it, and what is from nobody knows where fits none.
    repeat_after
        How often it is reminded of what still fires; None = never.
    """

    name: str
    severity: Severity = "page"
    services: frozenset[str] = frozenset()
    regions: frozenset[str] = frozenset()
    repeat_after: timedelta | None = None

    def wants(self, incident: Incident) -> bool:
        """Whether an incident fits the filters."""
        if self.severity == "page" and incident.severity != "page":
            return False
        if self.services and incident.service not in self.services:
            return False
        return not self.regions or any(self.regions & set(lineage(code)) for code in places(incident))


def places(incident: Incident) -> tuple[str, ...]:
    """Return the regions that are known to be affected, the surest first."""
    affected = tuple(region.code for region in incident.spread.affected) if incident.spread else ()
    return affected if not incident.region else (incident.region, *(one for one in affected if one != incident.region))


@dataclass(frozen=True)
class Mute:
    """A silence that holds: what fits is measured, and not told. Matchers as of :class:`flows.store.Silence`."""

    matchers: Mapping[str, Sequence[str]]

    def holds(self, incident: Incident) -> bool:
        """Whether an incident fits all matchers; of regions: whether it is felt nowhere else."""
        found = {"service": incident.service, "severity": incident.severity}
        return all(
            _lies_in(incident, wanted) if key == "region" else found.get(key) in wanted
            for key, wanted in self.matchers.items()
        )


def _lies_in(incident: Incident, regions: Iterable[str]) -> bool:
    """Whether all places where an incident is known to be felt lie in some regions: what lies wider says nothing."""
    every = (incident.region,) if incident.region else places(incident)
    above = {wider for code in every for wider in lineage(code) if wider != code}
    narrow = [code for code in every if code not in above]
    return bool(narrow) and all(set(regions) & set(lineage(code)) for code in narrow)


class Said(NamedTuple):
    """One message that a receiver was told, or that was kept from it because another said it too."""

    at: datetime
    message: Message
    is_kept_back: bool


@dataclass(frozen=True)
class Standing:
    """How things stand.

    Attributes
    ----------
    incidents
        All that are open, and those that were over lately.
    messages
        By the id of each of them: what would be told now.
    said
        By incident and receiver: what was said, in order.
    mutes, muted_lately
        Silences that hold; those that held at some time since :attr:`Restraint.late`.
    acked
        Ids of the incidents that were acknowledged.
    unheard
        Ids of the incidents whose sources bring nothing where there should be much: no word that anything is over.
    related
        Whether two services fail together.
    rising
        Incidents at whose beginning most other services rose as well: everything moved.
    """

    now: datetime
    incidents: Sequence[Incident]
    messages: Mapping[str, Message]
    said: Mapping[tuple[str, str], Sequence[Said]]
    mutes: Sequence[Mute] = ()
    muted_lately: Sequence[Mute] = ()
    acked: Collection[str] = frozenset()
    unheard: Collection[str] = frozenset()
    related: Mapping[str, frozenset[str]] = field(default_factory=dict)
    rising: Collection[str] = frozenset()


class Decision(NamedTuple):
    """That a receiver is told of an incident, and why; ``parent`` is with which other it is told instead."""

    receiver: str
    incident: Incident
    why: Why
    parent: str = ""
    reason: str = ""


def decide(standing: Standing, routes: Iterable[Route], restraint: Restraint | None = None) -> list[Decision]:
    """Decide what is told now.

    Returns
    -------
    list of Decision
        By receiver and onset. Of one incident there may be two: that it began and that it is over.
    """
    return [
        decision for route in routes for decision in _Receiver(standing, route, restraint or Restraint()).decisions()
    ]


@dataclass(frozen=True)
class _Receiver:
    """The decisions for one receiver."""

    standing: Standing
    route: Route
    restraint: Restraint
    firing: dict[str, Incident] = field(default_factory=dict)
    """What it has been told, or is told now, that fires; by id."""

    def decisions(self) -> list[Decision]:
        in_order = sorted(self.standing.incidents, key=lambda one: (one.alarmed_at, one.onset.at, one.id))
        self.firing.update({one.id: one for one in in_order if one.is_open and self._fires(one)})
        return [decision for one in in_order for decision in self._of(one)]

    def _said(self, incident: Incident) -> Sequence[Said]:
        return self.standing.said.get((incident.id, self.route.name), ())

    def _told(self, incident: Incident) -> list[Said]:
        return [one for one in self._said(incident) if not one.is_kept_back]

    def _fires(self, incident: Incident) -> bool:
        """Whether the receiver's last word on an incident is that it fires."""
        told = self._told(incident)
        return bool(told) and told[-1].message.status == "firing"

    def _of(self, incident: Incident) -> list[Decision]:
        if not incident.is_open:
            return self._over(incident)
        if incident.state not in SURE:
            return []
        return self._again(incident) if self._fires(incident) else self._begins(incident)

    def _decision(self, incident: Incident, why: Why, parent: str = "", reason: str = "") -> Decision:
        return Decision(self.route.name, incident, why, parent, reason)

    def _begins(self, incident: Incident) -> list[Decision]:
        if not self.route.wants(incident) or self._is_quiet(incident):
            return []
        parent = self._parent(incident)
        if parent is not None:
            is_known = self._kept_back_for(incident) == parent.id
            return [] if is_known else [self._decision(incident, "told with another", parent.id)]
        if self._told(incident):
            return self._begins_again(incident)
        self.firing[incident.id] = incident
        return [self._decision(incident, "begins")]

    def _begins_again(self, incident: Incident) -> list[Decision]:
        """Tell that what was told to be over goes on: late reports may say so, any number of times."""
        told = self._told(incident)
        if len(told) - 2 >= self.restraint.most_updates or not self._is_time(told[-1]):
            return []
        self.firing[incident.id] = incident
        return [self._decision(incident, "changed", reason="it goes on after all")]

    def _over(self, incident: Incident) -> list[Decision]:
        if incident.id in self.standing.unheard:
            return []
        if self._fires(incident):
            return [self._decision(incident, "over")]
        over_at = incident.resolved_at or self.standing.now
        is_news = not self._said(incident) and over_at > self.standing.now - self.restraint.late
        if not is_news or incident.state != "resolved" or incident.confirmed_at is None:
            return []
        was_muted = any(mute.holds(incident) for mute in self.standing.muted_lately)
        if not self.route.wants(incident) or self._is_quiet(incident) or was_muted or self._parent(incident):
            return []
        return [self._decision(incident, "begins"), self._decision(incident, "over")]

    def _again(self, incident: Incident) -> list[Decision]:
        if self._is_quiet(incident):
            return []
        told = self._told(incident)
        last, now = told[-1], self.standing.messages[incident.id]
        if last.message.severity == "watch" and incident.severity == "page":
            return [self._decision(incident, "changed", reason="it has become graver")]
        if len(told) - 1 >= self.restraint.most_updates:
            return []
        reason = changed([one.message for one in told], now) or self._joined(incident, last.message)
        if reason and self._is_time(last):
            return [self._decision(incident, "changed", reason=reason)]
        repeat = self.route.repeat_after
        if repeat is not None and self.standing.now - last.at >= repeat:
            return [self._decision(incident, "again", reason="it goes on")]
        return []

    def _is_time(self, last: Said) -> bool:
        return self.standing.now - last.at >= self.restraint.update_after

    def _joined(self, incident: Incident, last: Message) -> str:
        """Say which services were kept back since because they are told with this one."""
        names = [name for name in self.also(incident) if name not in last.also]
        return f"{', '.join(names[:3])}{' and others' if len(names) > 3 else ''} failed too" if names else ""

    def also(self, incident: Incident) -> list[str]:
        """Return the names of open incidents' services that were kept back in favour of this one."""
        return also_of(self.standing, self.route.name, incident.id)

    def _is_quiet(self, incident: Incident) -> bool:
        return incident.id in self.standing.acked or any(mute.holds(incident) for mute in self.standing.mutes)

    def _kept_back_for(self, incident: Incident) -> str:
        """Return with which incident this one was told last; empty if it was told by itself."""
        said = self._said(incident)
        return said[-1].message.group if said and said[-1].is_kept_back else ""

    def _parent(self, incident: Incident) -> Incident | None:
        """Return the incident with which this one is told: it fires, began with it, and they belong together."""
        before = self.firing.get(self._kept_back_for(incident))
        others = [one for one in self.firing.values() if one.id != incident.id and not _is_graver(incident, one)]
        if before in others:  # that everything rose is known at its beginning only
            return before
        return next((one for one in others if self._belong_together(incident, one)), None)

    def _belong_together(self, incident: Incident, other: Incident) -> bool:
        is_near = abs(other.onset.at - incident.onset.at) <= self.restraint.together_within
        is_related = other.service in self.standing.related.get(incident.service, frozenset())
        return is_near and other.region == incident.region and (is_related or incident.id in self.standing.rising)


def _is_graver(incident: Incident, than: Incident) -> bool:
    return incident.severity == "page" and than.severity == "watch"


def also_of(standing: Standing, receiver: str, incident_id: str) -> list[str]:
    """Return the names of the services whose open incidents a receiver was told with this one."""
    is_open = {one.id for one in standing.incidents if one.is_open}
    return sorted(
        said[-1].message.service_name
        for (other, name), said in standing.said.items()
        if name == receiver and other in is_open and said[-1].is_kept_back and said[-1].message.group == incident_id
    )


def changed(told: Sequence[Message], now: Message) -> str:
    """Say what has materially changed since the last of some messages; empty if nothing has.

    A country that comes and goes is news once; that it is much worse, if the detector says so and it is
    :data:`TIMES_WORSE` as high as any of them said.
    """
    before = told[-1]
    if now.reason == WORSE and (now.factor or 0.0) >= TIMES_WORSE * max(one.factor or 0.0 for one in told):
        return "it has become much worse"
    known = {region.code for one in told for region in one.regions}
    new = [one.name for one in now.regions if len(one.code) == 2 and one.code not in known]
    if new and known:
        return f"it reaches {', '.join(new[:3])}{' and more' if len(new) > 3 else ''}"
    wider = ("undetermined", "local", "regional", "multi-regional", "global")
    widest = max((wider.index(one.extent) for one in told if one.extent), default=None)
    if widest is not None and now.extent and wider.index(now.extent) > max(1, widest):
        return f"it is {now.extent}"
    leading, old = (dict(one.symptoms[:1]) for one in (now, before))
    if leading and old and leading.keys() != old.keys():
        name, part = next(iter(leading.items()))
        if part - dict(now.symptoms).get(next(iter(old)), 0.0) >= LEAD:
            return f"now mostly: {name}"
    return ""


LEAD = 0.1
"""A symptom leads another if so much more of the reports name it."""

TIMES_WORSE = 2.0
"""It is much worse if its factor is so many times what was told."""
