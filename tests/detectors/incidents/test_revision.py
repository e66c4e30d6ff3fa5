"""What is on record is never rewritten: late reports append, change or withdraw, and say so."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from detectors.incidents.lifecycle import History
from detectors.incidents.revision import LATE, reconcile
from detectors.model import Estimate, Incident, Transition
from tests.builders import START

if TYPE_CHECKING:
    from detectors.model import State

NOW = START + timedelta(days=1)


def at(minute: float) -> datetime:
    return START + timedelta(minutes=minute)


def history(identity: str = "a", *, onset: float = 0, states: tuple[tuple[float, State], ...]) -> History:
    """Build an incident that went through ``states`` at these minutes."""
    chain: list[Transition] = []
    for number, (minute, state) in enumerate(states, 1):
        old = chain[-1].new if chain else None
        chain.append(Transition(identity, number, at(minute), old, state, "page", "because"))
    last = chain[-1]
    incident = Incident(
        id=identity,
        service="imessage",
        source="archive",
        severity="page",
        state=last.new,
        onset=Estimate(at(onset), at(onset - 2), at(onset + 2)),
        suspected_at=chain[0].at,
        alarmed_at=chain[0].at,
        resolved_at=last.at if last.new in ("resolved", "dismissed") else None,
        score=2.0,
        peak=20.0,
        peak_at=at(onset + 5),
        expected_at_peak=2.0,
        n_reports=100,
        n_authors=90,
        revision=len(chain),
    )
    return History(incident, tuple(chain))


def states(result: History) -> list[State]:
    return [step.new for step in result.transitions]


def test_what_is_new_is_taken_as_it_is() -> None:
    fresh = history(states=((5, "suspected"), (6, "confirmed")))
    assert reconcile([], [fresh], at=NOW) == [fresh]


def test_nothing_new_changes_nothing() -> None:
    known = history(states=((5, "suspected"), (6, "confirmed")))
    assert reconcile([known], [known], at=NOW) == [known]


def test_going_on_appends() -> None:
    known = history(states=((5, "suspected"), (6, "confirmed")))
    fresh = history(states=((5, "suspected"), (6, "confirmed"), (90, "resolved")))
    (result,) = reconcile([known], [fresh], at=NOW)
    assert states(result) == ["suspected", "confirmed", "resolved"]
    assert [step.revision for step in result.transitions] == [1, 2, 3]
    assert result.transitions[-1].old == "confirmed"
    assert (result.incident.state, result.incident.revision) == ("resolved", 3)


def test_an_earlier_onset_is_a_revision_under_the_same_id() -> None:
    known = history("a", onset=5, states=((7, "suspected"), (8, "confirmed")))
    fresh = history("b", onset=1, states=((3, "suspected"), (4, "confirmed")))
    (result,) = reconcile([known], [fresh], at=NOW)
    assert result.incident.id == "a"
    assert {step.incident_id for step in result.transitions} == {"a"}
    assert states(result) == ["suspected", "confirmed", "updated"]
    assert result.transitions[-1].reason == f"{LATE}: onset 00:05 is now 00:01, alarm 00:07 is now 00:03"
    assert result.incident.onset.at == at(1)
    assert result.transitions[-1].at == NOW


def test_a_revision_is_said_once() -> None:
    known = history("a", onset=5, states=((7, "suspected"), (8, "confirmed")))
    fresh = history("b", onset=1, states=((3, "suspected"), (4, "confirmed")))
    (once,) = reconcile([known], [fresh], at=NOW)
    (twice,) = reconcile([once], [fresh], at=NOW + timedelta(hours=1))
    assert twice.transitions == once.transitions


def test_a_revised_incident_can_still_resolve() -> None:
    known = history("a", onset=5, states=((7, "suspected"), (8, "confirmed")))
    fresh = history("b", onset=1, states=((3, "suspected"), (4, "confirmed")))
    (revised,) = reconcile([known], [fresh], at=NOW)
    over = history("b", onset=1, states=((3, "suspected"), (4, "confirmed"), (99, "resolved")))
    (result,) = reconcile([revised], [over], at=NOW + timedelta(hours=1))
    assert states(result)[-1] == "resolved"
    assert result.incident.resolved_at is not None


def test_what_is_gone_is_dismissed_once_and_kept() -> None:
    known = history(states=((5, "suspected"),))
    (result,) = reconcile([known], [], at=NOW)
    assert states(result) == ["suspected", "dismissed"]
    assert result.incident.resolved_at == NOW
    assert reconcile([result], [], at=NOW + timedelta(hours=1)) == [result]


def test_another_trouble_is_another_incident() -> None:
    known = history("a", states=((5, "suspected"), (6, "confirmed"), (90, "resolved")))
    fresh = history("b", onset=600, states=((605, "suspected"),))
    again = replace(known.incident)
    result = reconcile([known], [known, fresh], at=NOW)
    assert [h.incident.id for h in result] == ["a", "b"]
    assert result[0].incident == again


def test_a_record_is_its_own_even_where_another_incident_overlaps_it() -> None:
    known = history("a", onset=50, states=((55, "suspected"), (56, "confirmed"), (150, "resolved")))
    before = history("b", onset=40, states=((42, "suspected"), (110, "dismissed")))
    first, second = reconcile([known], [before, known], at=NOW)
    assert (first, second) == (before, known)


def test_what_happens_after_a_revision_is_still_said() -> None:
    known = history("a", onset=5, states=((7, "suspected"), (8, "confirmed")))
    late = history("b", onset=1, states=((3, "suspected"), (4, "confirmed")))
    (revised,) = reconcile([known], [late], at=at(60))
    worse = history("b", onset=1, states=((3, "suspected"), (4, "confirmed"), (90, "updated")))
    (result,) = reconcile([revised], [worse], at=at(95))
    assert [(step.at, step.new) for step in result.transitions[-2:]] == [(at(60), "updated"), (at(90), "updated")]
    assert reconcile([result], [worse], at=at(96)) == [result]


def test_a_confirmation_is_said_where_only_the_suspicion_moved() -> None:
    known = history("a", onset=5, states=((10, "suspected"),))
    fresh = history("b", onset=5, states=((9, "suspected"), (61, "confirmed")))
    (result,) = reconcile([known], [replace_alarm(fresh, known)], at=at(70))
    assert states(result) == ["suspected", "confirmed"]


def replace_alarm(one: History, like: History) -> History:
    return History(replace(one.incident, alarmed_at=like.incident.alarmed_at), one.transitions)


def test_late_reports_open_an_incident_again() -> None:
    known = history("a", states=((5, "suspected"), (6, "confirmed"), (90, "resolved")))
    fresh = history("a", states=((5, "suspected"), (6, "confirmed")))
    (result,) = reconcile([known], [fresh], at=at(120))
    assert states(result) == ["suspected", "confirmed", "resolved", "confirmed"]
    assert result.transitions[-1].at == at(120)
    assert result.transitions[-1].reason == f"{LATE}: it is confirmed"
    assert result.incident.is_open
    over = history("a", states=((5, "suspected"), (6, "confirmed"), (200, "resolved")))
    (result,) = reconcile([result], [over], at=at(201))
    assert states(result)[-2:] == ["confirmed", "resolved"]
    assert result.transitions[-1].at == at(200)


def test_late_reports_confirm_what_had_been_dismissed() -> None:
    known = history("a", states=((5, "suspected"), (65, "dismissed")))
    fresh = history("a", states=((5, "suspected"), (7, "confirmed"), (67, "resolved")))
    (result,) = reconcile([known], [fresh], at=at(120))
    assert result.incident.state == "resolved"
    assert reconcile([result], [fresh], at=at(121)) == [result]


def test_what_was_withdrawn_can_come_back() -> None:
    known = history("a", states=((5, "suspected"),))
    (gone,) = reconcile([known], [], at=at(30))
    (back,) = reconcile([gone], [known], at=at(40))
    assert states(back) == ["suspected", "dismissed", "suspected"]
    assert back.incident.is_open


@pytest.mark.parametrize(
    ("recorded", "derived", "is_one"),
    [
        ("", "", True),
        ("US-TX", "US-TX", True),
        ("US-TX", "zip3:US-782", True),
        ("zip3:US-782", "US-TX", True),
        ("US-TX", "", False),
        ("", "US-TX", False),
        ("US-TX", "US-OH", False),
        ("zip3:US-782", "zip3:US-752", False),
    ],
)
def test_a_record_is_never_taken_for_trouble_elsewhere(recorded: str, derived: str, *, is_one: bool) -> None:
    """They overlap, but who was told of one region would read of another, or of the whole."""
    old = history("a", onset=1, states=((3, "suspected"), (4, "confirmed")))
    new = history("b", onset=5, states=((7, "suspected"), (8, "confirmed")))
    old = History(replace(old.incident, region=recorded), old.transitions)
    new = History(replace(new.incident, region=derived), new.transitions)
    result = reconcile([old], [new], at=NOW)
    assert [one.incident.id for one in result] == (["a"] if is_one else ["b", "a"])
    if not is_one:
        assert (result[0], states(result[1])) == (new, ["suspected", "confirmed", "dismissed"])


def test_an_incident_that_grew_is_still_itself() -> None:
    """The id decides, whatever the region: local trouble that became that of the whole keeps its record."""
    states_then: tuple[tuple[float, State], ...] = ((3, "suspected"), (4, "confirmed"))
    old = history("a", states=states_then)
    old = History(replace(old.incident, region="US-TX"), old.transitions)
    (result,) = reconcile([old], [history("a", states=(*states_then, (9, "updated")))], at=NOW)
    assert (result.incident.id, result.incident.region) == ("a", "")
    assert states(result) == ["suspected", "confirmed", "updated"]
