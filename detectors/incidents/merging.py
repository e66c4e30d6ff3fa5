"""One incident, not two: local trouble, and trouble of the service as a whole at the same time.

What is local is part of the whole where the whole is in trouble already, and comes into view when that is over and the
region still fires. Where the whole follows, the local incident grows to it and keeps its id: who was told of the one is
told that it is wider, not of another. All of this as it could be told at the time: a longer series changes nothing.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import uuid5

from msgspec.structs import replace

from detectors.incidents.lifecycle import NAMESPACE, History, chain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from detectors.incidents.lifecycle import Step
    from detectors.model import Incident, Transition
    from detectors.spikes.local_alarms import LocalAlarm

NEVER = datetime.max.replace(tzinfo=UTC)
WIDER = "not in one region alone any more"
PART = "part of an incident that reaches further"


def merge(whole: Sequence[History], local: Sequence[tuple[History, LocalAlarm]]) -> list[History]:
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
        By when they were first suspected.
    """
    left = sorted(whole, key=lambda one: one.incident.suspected_at)
    shown = [one for one in (_in_view(history, alarm, left) for history, alarm in local) if one]
    merged: list[History] = []
    for wide in left:
        at = wide.incident.suspected_at
        waiting = sorted((one for one in shown if _began(one) < at < _over(one)), key=_began)
        if not waiting:
            merged.append(wide)
            continue
        shown = [one for one in shown if one not in waiting]
        merged += [_grown(waiting[0], wide), *(_given_up(one, at) for one in waiting[1:])]
    return sorted([*merged, *shown], key=lambda one: (_began(one), one.incident.id))


def _began(one: History) -> datetime:
    return one.incident.suspected_at


def _over(one: History) -> datetime:
    return one.incident.resolved_at or NEVER


def _in_view(history: History, alarm: LocalAlarm, whole: Sequence[History]) -> History | None:
    """Return a local incident from when on it stands alone; None where it never does."""
    began = at = _began(history)
    for wide in whole:
        if _began(wide) <= at < _over(wide):
            at = _over(wide)
    if at == began:
        return history
    if at >= alarm.alarm.last_alarm_at:
        return None
    state = _state_at(history, at)
    first: Step = (at, "suspected", history.incident.severity, "it goes on in one region")
    steps = [first]
    if state.new == "confirmed":
        steps.append((at, "confirmed", state.severity, state.reason))
    steps += [(one.at, one.new, one.severity, one.reason) for one in history.transitions if one.at > at]
    transitions = chain(str(uuid5(NAMESPACE, f"{history.incident.id}|{at}")), steps)
    return _with(history.incident, transitions, suspected_at=at)


def _state_at(history: History, at: datetime) -> Transition:
    return [one for one in history.transitions if one.at <= at][-1]


def _grown(local: History, wide: History) -> History:
    """Let a local incident grow to that of the whole; where that is dismissed, the region alone is left."""
    at = _began(wide)
    before = [one for one in local.transitions if one.at <= at]
    is_sure = any(one.new == "confirmed" for one in before)
    steps: list[Step] = [(one.at, one.new, one.severity, one.reason) for one in before]
    later = sorted(
        [(one, True) for one in wide.transitions] + [(one, False) for one in local.transitions if one.at > at],
        key=lambda pair: (pair[0].at, pair[1]),
    )
    over_at = max(_over(local), _over(wide))
    is_wide_sure = any(one.new == "confirmed" for one in wide.transitions)
    for one, is_wide in later:
        if one.new in ("resolved", "dismissed"):
            if one.at == over_at and over_at != NEVER:
                state = "resolved" if is_sure else "dismissed"
                steps.append((one.at, state, one.severity, one.reason))  # type: ignore[arg-type]
                break
            continue
        if one.new == "suspected":
            if is_wide and is_sure:
                steps.append((one.at, "updated", one.severity, f"{WIDER}: {one.reason}"))
            continue
        reason = f"{WIDER}: {one.reason}" if is_wide and one.new == "confirmed" else one.reason
        steps.append((one.at, "updated" if is_sure else "confirmed", one.severity, reason))
        is_sure = True
    transitions = chain(local.incident.id, steps)
    if not is_wide_sure and is_sure:
        return _with(local.incident, transitions)
    is_page = "page" in (local.incident.severity, wide.incident.severity)
    return _with(
        wide.incident,
        transitions,
        suspected_at=_began(local),
        alarmed_at=min(one.alarmed_at for one in (local.incident, wide.incident)),
        severity="page" if is_page else "watch",
    )


def _given_up(local: History, at: datetime) -> History:
    """End a local incident that became part of another one."""
    before: list[Step] = [(one.at, one.new, one.severity, one.reason) for one in local.transitions if one.at <= at]
    is_sure = any(one[1] == "confirmed" for one in before)
    before.append((at, "resolved" if is_sure else "dismissed", local.incident.severity, PART))
    return _with(local.incident, chain(local.incident.id, before), ended=None)


def _with(incident: Incident, transitions: tuple[Transition, ...], **fields: object) -> History:
    """Return an incident with other transitions, and what follows from them."""
    final = transitions[-1]
    sure = [one.at for one in transitions if one.new == "confirmed"]
    is_over = final.new in ("resolved", "dismissed")
    changed = replace(
        incident,
        id=final.incident_id,
        state=final.new,
        confirmed_at=sure[0] if sure else None,
        resolved_at=final.at if is_over else None,
        revision=len(transitions),
        **{"ended": incident.ended if is_over else None, **fields},
    )
    return History(changed, transitions)
