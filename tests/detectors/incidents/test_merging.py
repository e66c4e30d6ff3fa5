"""Local trouble and trouble of the whole are told as one, and what was told stays told."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import replace as dataclass_replace
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from detectors.incidents.lifecycle import History, chain, closing
from detectors.incidents.merging import GOES_ON, PART, WIDER, merge
from detectors.model import Estimate, Incident
from tests.builders import START

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from detectors.incidents.lifecycle import Step
    from detectors.model import Severity, State

QUIET = 60
"""Minutes without a bin that fires after which an alarm is closed."""

FINAL = ("resolved", "dismissed")


def at(minute: float) -> datetime:
    return START + timedelta(minutes=minute)


@dataclass(frozen=True)
class Trouble:
    """An alarm: the minutes in which it fires, the first of them a watch unless ``page`` is the same."""

    fires: tuple[int, ...]
    page: int | None = None
    region: str = ""
    quiet: int = QUIET

    def until(self, minute: int) -> Trouble | None:
        """Return what can be known of it at the end of a minute."""
        fires = tuple(one for one in self.fires if one <= minute)
        page = self.page if self.page in fires else None
        return dataclass_replace(self, fires=fires, page=page) if fires else None

    def history(self, minute: int) -> tuple[History, tuple[datetime, ...]]:
        """Return its history as it is known at the end of a minute, and when it fired."""
        first, name = self.fires[0], f"{self.region or 'whole'} {self.fires[0]}"
        first_severity: Severity = "page" if self.page == first else "watch"
        severity: Severity = "watch" if self.page is None else "page"
        steps: list[Step] = [(at(first), "suspected", first_severity, f"{name} began")]
        if self.page is not None:
            steps.append((at(self.page), "confirmed", "page", f"{name} began" if self.page == first else "much"))
        closed = self.fires[-1] + self.quiet
        is_over = closed <= minute
        if is_over:
            final: State = "dismissed" if self.page is None else "resolved"
            steps.append((at(closed), final, severity, closing(sure=self.page is not None)))
        incident = Incident(
            id=name,
            service="imessage",
            source="archive",
            severity=severity,
            state=steps[-1][1],
            onset=Estimate(at(first - 3), at(first - 5), at(first)),
            suspected_at=at(first),
            alarmed_at=at(first if self.page is None else self.page),
            confirmed_at=None if self.page is None else at(self.page),
            ended=Estimate(at(self.fires[-1]), at(self.fires[-1] - 1), at(self.fires[-1] + 1)) if is_over else None,
            resolved_at=at(closed) if is_over else None,
            score=1.5,
            peak=100.0 if not self.region else 10.0,
            peak_at=at(first),
            expected_at_peak=1.0,
            n_reports=50,
            n_authors=40,
            revision=len(steps),
            region=self.region,
        )
        return History(incident, chain(name, steps)), tuple(at(one) for one in self.fires)


def told(troubles: Sequence[Trouble], minute: int = 100_000) -> list[History]:
    """Return what is told of several troubles at the end of a minute."""
    known = [one for one in (trouble.until(minute) for trouble in troubles) if one]
    whole = [one.history(minute)[0] for one in known if not one.region]
    return merge(whole, [one.history(minute) for one in known if one.region])


def said(history: History) -> list[tuple[int, State, str]]:
    minutes = [(step.at - START) // timedelta(minutes=1) for step in history.transitions]
    return [(one, step.new, step.reason) for one, step in zip(minutes, history.transitions, strict=True)]


def states(history: History) -> list[tuple[int, State]]:
    return [(minute, state) for minute, state, _ in said(history)]


def span(first: int, last: int, step: int = 5) -> tuple[int, ...]:
    return tuple(range(first, last + 1, step))


WIDE = Trouble(span(100, 200), 105)
SAN_ANTONIO = "metro:4726206"


# --- one case a rule -----------------------------------------------------------------------------------------------


def test_what_never_meets_stays_as_it_is() -> None:
    """An hour after the one is over the other begins."""
    local = Trouble(span(300, 330), 305, SAN_ANTONIO)
    found = told([local, WIDE])
    assert found == [WIDE.history(100_000)[0], local.history(100_000)[0]]
    assert told([]) == []


def test_local_trouble_within_that_of_the_whole_is_part_of_it() -> None:
    """It begins and ends inside, even where both are worth a page in the same bin."""
    for first in (105, 150):
        found = told([Trouble(span(first, 200), first, SAN_ANTONIO), WIDE])
        assert found == [WIDE.history(100_000)[0]]


def test_a_region_that_still_fires_after_the_whole_comes_into_view_then() -> None:
    """Under an id of its own, with the state that it has by then, from the first bin that fires after the whole."""
    local = Trouble(span(152, 282, 10), 162, SAN_ANTONIO)
    wide, late = told([local, WIDE])
    assert wide == WIDE.history(100_000)[0]
    assert said(late) == [
        (262, "suspected", GOES_ON),
        (262, "confirmed", "much"),
        (342, "resolved", closing(sure=True)),
    ]
    incident = late.incident
    assert (incident.region, incident.suspected_at, incident.alarmed_at) == (SAN_ANTONIO, at(262), at(262))
    assert incident.id not in (wide.incident.id, local.history(0)[0].incident.id)
    assert incident.ended is not None


def test_a_region_that_was_only_suspected_comes_into_view_as_such() -> None:
    """And is dismissed if nothing more comes, or becomes sure later on."""
    (_, late) = told([Trouble(span(200, 270, 10), None, SAN_ANTONIO), WIDE])
    assert states(late) == [(260, "suspected"), (330, "dismissed")]
    (_, late) = told([Trouble(span(200, 290, 10), 280, SAN_ANTONIO), WIDE])
    assert states(late) == [(260, "suspected"), (280, "confirmed"), (350, "resolved")]


def test_a_region_that_does_not_fire_again_stays_part_of_the_whole() -> None:
    """Its alarm is still open when that of the whole is closed; that alone says nothing."""
    assert told([Trouble(span(150, 250, 10), 150, SAN_ANTONIO), WIDE]) == [WIDE.history(100_000)[0]]


def test_a_second_outage_of_the_whole_hides_a_region_again() -> None:
    """Only what fires between or after the two is a region's own."""
    second = Trouble(span(261, 301), 261)
    local = Trouble(span(205, 370, 15), 205, SAN_ANTONIO)
    found = told([local, WIDE, second])
    assert [one.incident.region for one in found] == ["", "", SAN_ANTONIO]
    assert states(found[2]) == [(370, "suspected"), (370, "confirmed"), (430, "resolved")]


def test_a_region_grows_to_the_whole_and_keeps_its_id() -> None:
    """Who was told of the region is told that it is wider; the whole's figures are those that count."""
    local = Trouble(span(80, 140), 85, SAN_ANTONIO)
    (one,) = told([local, WIDE])
    assert said(one) == [
        (80, "suspected", f"{SAN_ANTONIO} 80 began"),
        (85, "confirmed", "much"),
        (105, "updated", f"{WIDER}: much"),
        (260, "resolved", closing(sure=True)),
    ]
    incident = one.incident
    assert (incident.id, incident.region, incident.peak) == (f"{SAN_ANTONIO} 80", "", 100.0)
    assert (incident.onset.at, incident.suspected_at, incident.alarmed_at) == (at(77), at(80), at(85))
    assert (incident.confirmed_at, incident.resolved_at, incident.severity) == (at(85), at(260), "page")
    assert incident.ended is not None
    assert incident.ended.at == at(200)


def test_a_suspicion_is_confirmed_by_the_whole() -> None:
    """A page of the whole that comes at once is told once."""
    (one,) = told([Trouble(span(80, 140), None, SAN_ANTONIO), Trouble(span(100, 200), 100)])
    assert said(one) == [
        (80, "suspected", f"{SAN_ANTONIO} 80 began"),
        (100, "confirmed", f"{WIDER}: whole 100 began"),
        (260, "resolved", closing(sure=True)),
    ]
    assert (one.incident.severity, one.incident.alarmed_at) == ("page", at(100))
    (one,) = told([Trouble(span(80, 140), 85, SAN_ANTONIO), Trouble(span(100, 200), 100)])
    assert states(one) == [(80, "suspected"), (85, "confirmed"), (100, "updated"), (260, "resolved")]


def test_where_the_whole_is_dismissed_the_region_alone_is_left() -> None:
    """It was sure of itself, and it lasts as long as its own alarm."""
    local = Trouble(span(80, 240), 85, SAN_ANTONIO)
    (one,) = told([local, Trouble(span(100, 110))])
    assert states(one) == [(80, "suspected"), (85, "confirmed"), (300, "resolved")]
    assert (one.incident.region, one.incident.peak) == (SAN_ANTONIO, 10.0)
    assert one.transitions[-1].severity == "page"


def test_where_nobody_is_sure_both_are_dismissed_together() -> None:
    (one,) = told([Trouble(span(80, 120), None, SAN_ANTONIO), Trouble(span(100, 110))])
    assert states(one) == [(80, "suspected"), (180, "dismissed")]
    assert one.incident.ended is not None


def test_a_region_that_outlasts_the_whole_keeps_the_incident_open() -> None:
    """And what it is told of later is news; a second outage of the whole joins it again."""
    local = Trouble((*span(80, 400),), 390, SAN_ANTONIO)
    (one,) = told([local, WIDE])
    assert states(one) == [(80, "suspected"), (105, "confirmed"), (390, "updated"), (460, "resolved")]
    assert one.incident.ended is not None
    assert one.incident.ended.at == at(400)
    (one,) = told([local, WIDE, Trouble(span(300, 500), 310)])
    assert states(one)[2:] == [(310, "updated"), (390, "updated"), (560, "resolved")]


def test_the_first_of_several_regions_grows_and_the_others_end_as_parts() -> None:
    """What was suspected there is dismissed, what was sure is resolved, and nothing else is said of it."""
    first = Trouble(span(70, 150), 70, SAN_ANTONIO)
    sure = Trouble(span(80, 150), 85, "US-NY")
    unsure = Trouble(span(90, 150), None, "US-WA")
    one, two, three = told([unsure, sure, first, WIDE])
    assert one.incident.id == f"{SAN_ANTONIO} 70"
    assert said(two) == [(80, "suspected", "US-NY 80 began"), (85, "confirmed", "much"), (100, "resolved", PART)]
    assert said(three) == [(90, "suspected", "US-WA 90 began"), (100, "dismissed", PART)]
    assert (two.incident.ended, two.incident.resolved_at, two.incident.region) == (None, at(100), "US-NY")


def test_a_region_that_ended_as_a_part_comes_back_if_it_still_fires() -> None:
    first = Trouble(span(70, 150), 70, SAN_ANTONIO)
    lasting = Trouble(span(80, 290), 85, "US-NY")
    found = told([first, lasting, WIDE])
    assert [one.incident.region for one in found] == ["", "US-NY", "US-NY"]
    assert states(found[2]) == [(260, "suspected"), (260, "confirmed"), (350, "resolved")]
    assert found[1].incident.id != found[2].incident.id


def test_a_region_that_has_long_been_quiet_is_not_what_the_whole_began_with() -> None:
    """Its alarm waits for news, as alarms do where little is heard: what begins elsewhere hours later is another."""
    recent, old = (Trouble((first,), first, SAN_ANTONIO, quiet=300) for first in (100 - 120, 100 - 121))
    assert [states(one)[-1] for one in told([recent, WIDE])] == [(280, "resolved")]
    wide, alone = sorted(told([old, WIDE]), key=lambda one: one.incident.region)
    assert wide == WIDE.history(100_000)[0]
    assert states(alone) == [(-21, "suspected"), (-21, "confirmed"), (279, "resolved")]


def test_a_page_of_one_region_is_not_hidden_by_a_watch_of_the_whole() -> None:
    """It is told when it is worth a page; where the whole becomes worth one, too, it ends as a part."""
    local = Trouble(span(110, 180), 120, SAN_ANTONIO)
    watch, shown = told([local, Trouble(span(100, 200))])
    assert watch.incident.region == ""
    assert states(shown) == [(120, "suspected"), (120, "confirmed"), (240, "resolved")]
    (_, part) = told([local, Trouble(span(100, 200), 150)])
    assert said(part)[-1] == (150, "resolved", PART)


def test_two_overlapping_incidents_of_the_whole_stay_two() -> None:
    other = Trouble(span(150, 160))
    found = told([WIDE, other, Trouble(span(155, 190), 155, SAN_ANTONIO)])
    assert found == [WIDE.history(100_000)[0], other.history(100_000)[0]]


# --- whatever happens ----------------------------------------------------------------------------------------------


@st.composite
def trouble(draw: st.DrawFn, regions: Sequence[str]) -> Trouble:
    """Draw an alarm; within it no longer goes by without a bin that fires than what closes it."""
    region = draw(st.sampled_from(list(regions)))
    quiet = draw(st.sampled_from((QUIET, 5 * QUIET))) if region else QUIET
    first = draw(st.integers(0, 400))
    steps = draw(st.lists(st.integers(1, quiet - 1), max_size=12))
    fires = [first]
    for step in steps:
        fires.append(fires[-1] + step)
    page = draw(st.none() | st.sampled_from(fires))
    return Trouble(tuple(fires), page, region, quiet)


def one_after_another(troubles: Sequence[Trouble]) -> list[Trouble]:
    """Leave out what a single tracker would not give: an alarm while an earlier one of the same region is open."""
    kept: list[Trouble] = []
    for one in sorted(troubles, key=lambda one: one.fires):
        before = [other for other in kept if other.region == one.region]
        if not before or before[-1].fires[-1] + before[-1].quiet < one.fires[0]:
            kept.append(one)
    return kept


SCENES = st.builds(
    lambda whole, local: one_after_another([*whole, *local]),
    st.lists(trouble([""]), max_size=3),
    st.lists(trouble([SAN_ANTONIO, "US-NY", "US-WA"]), max_size=5),
)


def check_chain(history: History) -> None:
    """Hold a history to the rules that every incident keeps."""
    incident, steps = history.incident, history.transitions
    assert [step.revision for step in steps] == list(range(1, len(steps) + 1))
    assert [step.old for step in steps] == [None, *(step.new for step in steps[:-1])]
    assert steps[0].new == "suspected"
    assert all(before.at <= after.at for before, after in pairwise(steps))
    assert all(step.new not in FINAL for step in steps[:-1])
    assert [step.new for step in steps].count("confirmed") <= 1
    is_sure = any(step.new == "confirmed" for step in steps)
    assert steps[-1].new not in FINAL or steps[-1].new == ("resolved" if is_sure else "dismissed")
    assert all(step.new != "updated" for step in steps) or is_sure
    assert all(not (a.severity == "page" and b.severity == "watch") for a, b in pairwise(steps))
    assert {step.incident_id for step in steps} == {incident.id}
    assert (incident.state, incident.revision) == (steps[-1].new, len(steps))
    assert incident.resolved_at == (steps[-1].at if steps[-1].new in FINAL else None)
    assert incident.suspected_at == steps[0].at
    assert incident.severity == steps[-1].severity
    assert incident.is_open <= (incident.ended is None)


@given(SCENES)
def test_every_history_is_well_formed_and_named_once(troubles: list[Trouble]) -> None:
    found = told(troubles)
    assert len({one.incident.id for one in found}) == len(found)
    for one in found:
        check_chain(one)


@given(SCENES, st.integers(0, 4000))
def test_what_was_told_stays_told(troubles: list[Trouble], minute: int) -> None:
    """What is told at some minute is what is later told of the time up to it: no step, no id, no state is changed."""
    early, late = told(troubles, minute), told(troubles)
    for one in early:
        check_chain(one)
    steps_then = {one.incident.id: one.transitions for one in early}
    steps_now = {
        one.incident.id: known
        for one in late
        if (known := tuple(step for step in one.transitions if step.at <= at(minute)))
    }
    assert steps_then == steps_now


@given(SCENES)
def test_the_whole_is_never_lost_and_no_two_speak_of_the_same(troubles: list[Trouble]) -> None:
    """Every outage of the whole is within an incident, and no local one goes on beside it."""
    troubles = [one for one in troubles if one.quiet == QUIET]
    found = told(troubles)
    for wide in (one for one in troubles if not one.region):
        first, last = at(wide.fires[0]), at(wide.fires[-1])
        over = [(one.incident.suspected_at, one.incident.resolved_at or at(100_000)) for one in found]
        assert any(begun <= first and last < ended for begun, ended in over)
        beside = [
            one
            for one in found
            if one.incident.region and one.transitions[0].at <= first < (one.incident.resolved_at or first)
        ]
        assert len(beside) <= 1  # the one that grew, while the whole is not sure


@given(SCENES, st.randoms(use_true_random=False))
def test_the_order_in_which_they_are_handed_in_does_not_matter(troubles: list[Trouble], rng: object) -> None:
    shuffled = list(troubles)
    rng.shuffle(shuffled)  # type: ignore[attr-defined]
    assert told(troubles) == told(shuffled)


def test_the_checks_can_fail() -> None:
    """The rules that the histories are held to do notice what breaks them."""
    (one,) = told([WIDE])
    broken = History(replace(one.incident, state="confirmed"), one.transitions)
    with pytest.raises(AssertionError):
        check_chain(broken)
