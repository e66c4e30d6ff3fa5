"""What was said, held against what the counts say now: an alarm is never withdrawn silently.

Late reports change counts that were scored already. The incidents are then derived again, and whatever differs
from what is on record becomes one more transition; a record is never rewritten and never disappears.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from detectors.incidents.lifecycle import History
from detectors.incidents.local import lies_in
from detectors.model import Transition

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from detectors.model import Incident, State

FINAL: frozenset[State] = frozenset(("resolved", "dismissed"))
LATE = "late reports changed the counts"


def reconcile(recorded: Sequence[History], derived: Sequence[History], *, at: datetime) -> list[History]:
    """Bring what is on record up to what the counts say now.

    Parameters
    ----------
    recorded
        Incidents on record with all their transitions.
    derived
        Incidents of the same series, derived from the counts as they are now.
    at
        When the counts were read (UTC): the instant of a revision.

    Returns
    -------
    list of History
        One for each incident, recorded or new, with the whole chain of transitions.
    """
    left = {history.incident.id: history for history in recorded}
    taken = {fresh.incident.id for fresh in derived} & left.keys()
    result = []
    for fresh in derived:
        match = _match(fresh.incident, left, taken)
        result.append(_merge(left.pop(match), fresh, at=at) if match else fresh)
    return result + [_withdraw(history, at=at) for history in left.values()]


def _match(incident: Incident, left: dict[str, History], taken: Collection[str]) -> str | None:
    """Return the id of the record that speaks of the same trouble: the same id, else the first that overlaps.

    Trouble in one region is another than that of the whole, or of a region elsewhere: who was told of the one would
    read of the other. Records whose own id was derived again (``taken``) are nobody else's.
    """
    if incident.id in left:
        return incident.id
    end_at = incident.resolved_at
    for identity, history in left.items():
        other = history.incident
        if identity in taken or not is_same_place(other.region, incident.region):
            continue
        begins_before = end_at is None or other.suspected_at <= end_at
        if begins_before and (other.resolved_at is None or incident.suspected_at <= other.resolved_at):
            return identity
    return None


def is_same_place(one: str, other: str) -> bool:
    """Whether two regions are one, or the one lies in the other; the whole (``""``) is only itself."""
    return one == other or bool(one and other and (lies_in(one, other) or lies_in(other, one)))


def _merge(old: History, fresh: History, *, at: datetime) -> History:
    """Append what has happened since; where the past itself has changed, say once how."""
    said = [(t.at, t.new) for t in old.transitions if not t.reason.startswith(LATE)]
    is_as_said = [(t.at, t.new) for t in fresh.transitions[: len(said)]] == said
    chain = list(old.transitions)
    last_at = chain[-1].at
    for step in fresh.transitions[len(said) :] if is_as_said else [t for t in fresh.transitions if t.at > last_at]:
        _append(chain, step)
    change = "" if is_as_said else _change(old.incident, fresh.incident)
    state = fresh.incident.state
    if chain[-1].new != state and {chain[-1].new, state} & FINAL:
        change = change or f"it is {state}"
    elif change and fresh.incident.is_open:
        state = "updated"
    if change:
        _append(chain, Transition("", 0, at, None, state, fresh.incident.severity, f"{LATE}: {change}"))
    incident = replace(fresh.incident, id=old.incident.id, revision=len(chain), state=chain[-1].new)
    return History(incident, tuple(chain))


def _withdraw(old: History, *, at: datetime) -> History:
    """Say that nothing is left of an incident, once."""
    if old.incident.state == "dismissed":
        return old
    chain = list(old.transitions)
    _append(chain, Transition("", 0, at, None, "dismissed", old.incident.severity, f"{LATE}: no longer unusual"))
    incident = replace(old.incident, state="dismissed", resolved_at=at, revision=len(chain))
    return History(incident, tuple(chain))


def _append(chain: list[Transition], step: Transition) -> None:
    last = chain[-1]
    chain.append(replace(step, incident_id=last.incident_id, revision=last.revision + 1, old=last.new))


def _change(old: Incident, new: Incident) -> str:
    """Say how the past has changed; empty if nothing that matters has."""
    changes = [
        f"{name} {before} is now {after}"
        for name, before, after in (
            ("severity", old.severity, new.severity),
            ("onset", f"{old.onset.at:%H:%M}", f"{new.onset.at:%H:%M}"),
            ("alarm", f"{old.alarmed_at:%H:%M}", f"{new.alarmed_at:%H:%M}"),
        )
        if before != after
    ]
    return ", ".join(changes)
