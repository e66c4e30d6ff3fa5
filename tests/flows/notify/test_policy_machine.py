"""Whatever happens, in whichever order: what each receiver is told of each incident makes a story."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from msgspec.structs import replace

from flows.notify.policy import Restraint, Route
from tests.builders import START
from tests.flows.notify.tellings import Outbox, felt_in, made, mute, over

if TYPE_CHECKING:
    from detectors.model import Incident
    from flows.notify.policy import Decision

SERVICES = ("imessage", "icloud", "facetime", "netflix")
CODES = ("US", "US-TX", "GB", "FR", "metro:4726206")
ROUTES = (
    Route("all", severity="watch"),
    Route("pager"),
    Route("texas", severity="watch", regions=frozenset({"US-TX"})),
    Route("again", services=frozenset({"imessage", "netflix"}), repeat_after=timedelta(minutes=30)),
)
RESTRAINT = Restraint(update_after=timedelta(minutes=10), most_updates=1)
SURE = ("confirmed", "updated")
which = st.integers(0, 3)


class Story(RuleBasedStateMachine):
    """Incidents live and end, people silence and acknowledge, ticks come or are lost; told is what is told."""

    @initialize()
    def begin(self) -> None:
        self.minute = 0.0
        self.box = Outbox(ROUTES, RESTRAINT)
        self.incidents: dict[str, Incident] = {}
        self.mutes: set[str] = set()
        self.is_lost = False
        self.acked: set[str] = set()
        self.unheard: set[str] = set()
        self.rising: set[str] = set()

    def chosen(self, number: int) -> Incident:
        return list(self.incidents.values())[number % len(self.incidents)]

    def now(self, one: Incident) -> None:
        self.incidents[one.id] = one

    # --- what happens -----------------------------------------------------------------------------------------

    @precondition(lambda self: len(self.incidents) < 4)
    @rule(
        service=st.sampled_from(SERVICES),
        severity=st.sampled_from(["watch", "page"]),
        is_sure=st.booleans(),
        is_rising=st.booleans(),
    )
    def suspected(self, service: str, severity: str, *, is_sure: bool, is_rising: bool) -> None:
        name = f"{len(self.incidents)}"
        self.rising |= {name} if is_rising else set()
        unsure = {} if is_sure else {"state": "suspected", "confirmed_at": None}
        self.now(made(name, service, self.minute, severity=severity, **unsure))

    @precondition(lambda self: self.incidents)
    @rule(number=which)
    def confirmed(self, number: int) -> None:
        one = self.chosen(number)
        if one.is_open:
            sure_at = one.confirmed_at or START + timedelta(minutes=self.minute)
            self.now(replace(one, state="confirmed", confirmed_at=sure_at))

    @precondition(lambda self: self.incidents)
    @rule(number=which)
    def graver(self, number: int) -> None:
        self.now(replace(self.chosen(number), severity="page"))

    @precondition(lambda self: self.incidents)
    @rule(number=which, codes=st.sets(st.sampled_from(CODES)), name=st.sampled_from("abc"))
    def elsewhere(self, number: int, codes: set[str], name: str) -> None:
        one = self.chosen(number)
        if one.is_open:
            self.now(replace(felt_in(one, *sorted(codes)), symptoms=((name, 0.9),)))

    @precondition(lambda self: self.incidents)
    @rule(number=which)
    def ends(self, number: int) -> None:
        one = self.chosen(number)
        if one.is_open:
            self.now(over(one, self.minute, "resolved" if one.confirmed_at else "dismissed"))

    @precondition(lambda self: self.incidents)
    @rule(number=which)
    def withdrawn(self, number: int) -> None:
        one = self.chosen(number)
        if one.is_open:
            self.now(over(one, self.minute, "dismissed"))

    @rule(service=st.sampled_from(SERVICES))
    def silence(self, service: str) -> None:
        self.mutes ^= {service}

    @precondition(lambda self: self.incidents)
    @rule(number=which)
    def ack(self, number: int) -> None:
        self.acked ^= {self.chosen(number).id}

    @precondition(lambda self: self.incidents)
    @rule(number=which)
    def not_heard(self, number: int) -> None:
        self.unheard ^= {self.chosen(number).id}

    @rule(minutes=st.sampled_from([1.0, 4.0, 10.0, 31.0]))
    def time_passes(self, minutes: float) -> None:
        self.minute += minutes

    @rule()
    def ticks_are_lost_or_come_again(self) -> None:
        self.is_lost = not self.is_lost

    @invariant()
    def tick(self) -> None:
        if self.is_lost:
            return
        given = {
            "mutes": [mute(service=[name]) for name in sorted(self.mutes)],
            "acked": self.acked,
            "unheard": self.unheard,
            "rising": self.rising,
        }
        every = list(self.incidents.values())
        before = {place: len(rows) for place, rows in self.box.said.items()}
        just = self.box.decide(self.minute, every, **given)
        again = self.box.decide(self.minute, every, **given)
        assert all(one.reason.endswith("failed too") for one in again), "twice without anything new"
        assert self.box.decide(self.minute, every, **given) == []
        self.rising = set()
        for one in just:
            self.was_right(one, before.get((one.incident.id, one.receiver), 0))
        self.nobody_is_forgotten()

    # --- what must hold ---------------------------------------------------------------------------------------

    def is_quiet(self, one: Incident) -> bool:
        return one.service in self.mutes or one.id in self.acked

    def was_right(self, decision: Decision, n_before: int) -> None:
        one = decision.incident
        told = [said for said in self.box.said[one.id, decision.receiver][:n_before] if not said.is_kept_back]
        if decision.why == "over":
            assert not one.is_open
            assert one.id not in self.unheard
            return
        assert not self.is_quiet(one)
        if decision.why == "told with another":
            assert self.incidents[decision.parent].is_open
            assert not self.is_graver(one, decision.parent)
        elif decision.why == "begins":
            assert not told
            assert not self.is_with_another(decision, n_before)
            assert next(route for route in ROUTES if route.name == decision.receiver).wants(one)
        else:
            assert told[-1].message.status == "firing"
            is_graver = (told[-1].message.severity, one.severity) == ("watch", "page")
            assert is_graver or timedelta(minutes=self.minute) - (told[-1].at - START) >= RESTRAINT.update_after
            assert is_graver or len(told) <= RESTRAINT.most_updates

    def is_with_another(self, decision: Decision, n_before: int) -> bool:
        """Whether it was told with one that still fires, and is as grave."""
        said = self.box.said[decision.incident.id, decision.receiver][:n_before]
        if not said or not said[-1].is_kept_back:
            return False
        parent = said[-1].message.group
        is_open = self.incidents[parent].is_open
        return is_open and self.fires(parent, decision.receiver) and not self.is_graver(decision.incident, parent)

    def is_graver(self, one: Incident, parent: str) -> bool:
        return (one.severity, self.incidents[parent].severity) == ("page", "watch")

    def nobody_is_forgotten(self) -> None:
        """Whoever wants to know, knows: by itself or with another that fires; and no end is owed."""
        for route in ROUTES:
            fires = {name: self.fires(name, route.name) for name in self.incidents}
            for one in self.incidents.values():
                if not one.is_open:
                    assert not fires[one.id] or one.id in self.unheard
                elif one.state in SURE and route.wants(one) and not self.is_quiet(one):
                    said = self.box.said[one.id, route.name][-1]
                    assert fires[one.id] or (said.is_kept_back and fires[said.message.group])
                    assert fires[one.id] or not self.is_graver(one, said.message.group)

    def fires(self, incident_id: str, receiver: str) -> bool:
        told = [said for said in self.box.said.get((incident_id, receiver), []) if not said.is_kept_back]
        return bool(told) and told[-1].message.status == "firing"

    @invariant()
    def every_story_has_a_beginning_and_at_most_one_end(self) -> None:
        whys: dict[tuple[str, str], list[str]] = {}
        for _, one in self.box.decisions:
            if one.why != "told with another":
                whys.setdefault((one.incident.id, one.receiver), []).append(one.why)
        for story in whys.values():
            assert story[0] == "begins"
            assert story.count("begins") == 1
            assert "over" not in story[:-1]


Story.TestCase.settings = settings(max_examples=120, stateful_step_count=40, deadline=None)
TestStory = Story.TestCase
