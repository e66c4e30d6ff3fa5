"""What is told and what is held back: case by case, and over sequences that nobody thought of."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from detectors.incidents.lifecycle import WORSE
from flows.notify.policy import Restraint, Route, changed
from tests.flows.notify.tellings import Outbox, felt_in, made, mute, over, said_of

if TYPE_CHECKING:
    from detectors.model import Incident

BEGINS, OVER, CHANGED = "begins", "over", "changed"


@pytest.fixture
def box() -> Outbox:
    return Outbox()


# --- one incident ---------------------------------------------------------------------------------------------


def test_an_incident_is_told_once_and_its_end_once(box: Outbox) -> None:
    one = made("a")
    assert box.tick(0, [replace(one, state="suspected", confirmed_at=None)]) == []
    assert box.tick(1, [one]) == [("a", BEGINS)]
    assert box.tick(2, [one]) == []
    assert box.tick(90, [over(one, 90)]) == [("a", OVER)]
    assert box.tick(91, [over(one, 90)]) == []


def test_what_was_dismissed_after_it_was_told_is_told_as_over(box: Outbox) -> None:
    one = made("a")
    box.tick(1, [one])
    (decision,) = box.decide(30, [over(one, 30, "dismissed")])
    assert decision.why == OVER
    assert decision.incident.state == "dismissed"


@pytest.mark.parametrize("was_sure", [True, False])
def test_what_was_dismissed_before_it_was_told_is_not_told(box: Outbox, *, was_sure: bool) -> None:
    one = made("a") if was_sure else made("a", confirmed_at=None)
    assert box.tick(30, [over(one, 30, "dismissed")]) == []


@pytest.mark.parametrize(("minute", "told"), [(80, [("a", BEGINS), ("a", OVER)]), (89.9, 2), (90, []), (5000, [])])
def test_what_came_and_went_between_two_ticks_is_told_as_both_or_not_at_all(
    box: Outbox, minute: float, told: list[Any] | int
) -> None:
    found = box.tick(minute, [over(made("a"), 30)])
    assert found == told or len(found) == told


@pytest.mark.parametrize(
    ("route", "is_told"),
    [
        (Route("r", severity="page"), False),
        (Route("r", severity="watch"), True),
        (Route("r", severity="watch", services=frozenset({"icloud"})), False),
        (Route("r", severity="watch", services=frozenset({"imessage"})), True),
        (Route("r", severity="watch", regions=frozenset({"US"})), True),
        (Route("r", severity="watch", regions=frozenset({"US-TX"})), True),
        (Route("r", severity="watch", regions=frozenset({"GB", "US-CA"})), False),
    ],
)
def test_filters(route: Route, *, is_told: bool) -> None:
    one = felt_in(made("a", severity="watch"), "US-TX")
    assert Outbox((route,)).tick(1, [one]) == ([("a", BEGINS)] if is_told else [])


@pytest.mark.parametrize("region", ["US", "GB", "US-TX", "unknown", "??", ""])
def test_an_unknown_region_fits_no_filter(region: str) -> None:
    box = Outbox((Route("r", regions=frozenset({region})),))
    assert box.tick(1, [made("a")]) == []
    assert box.tick(2, [felt_in(made("b"))]) == []


def test_a_region_filter_is_met_as_soon_as_it_is_known() -> None:
    box = Outbox((Route("r", regions=frozenset({"US-TX"})),))
    one = made("a")
    assert box.tick(1, [one]) == []
    assert box.tick(2, [felt_in(one, "US")]) == [], "the whole may lie elsewhere"
    assert box.tick(3, [felt_in(one, "metro:4726206")]) == [("a", BEGINS)]
    assert box.tick(4, [replace(one, region="US-TX")]) == []


def test_a_watch_that_becomes_a_page_is_told_to_who_wants_pages_only() -> None:
    box = Outbox((Route("pager"), Route("chat", severity="watch")))
    one = made("a", severity="watch")
    worse = replace(one, severity="page")
    assert [d.receiver for d in box.decide(1, [one])] == ["chat"]
    found = box.decide(2, [worse])
    assert [(d.receiver, d.why) for d in found] == [("pager", BEGINS), ("chat", CHANGED)]
    assert box.tick(3, [worse]) == []
    assert [d.receiver for d in box.decide(60, [over(worse, 60)])] == ["pager", "chat"]


def test_graver_is_told_at_once_and_beyond_the_cap() -> None:
    box = Outbox((Route("chat", severity="watch"),), Restraint(most_updates=0))
    one = made("a", severity="watch")
    assert box.tick(1, [one]) == [("a", BEGINS)]
    assert box.tick(2, [replace(one, severity="page")]) == [("a", CHANGED)]
    assert box.tick(60, [felt_in(replace(one, severity="page"), "US")]) == []


# --- changes --------------------------------------------------------------------------------------------------


def told(*codes: str, **fields: Any) -> Any:
    return said_of(felt_in(made("a"), *codes), **fields)


@pytest.mark.parametrize(
    ("before", "now", "reason"),
    [
        (told("US"), told("US", "GB"), "it reaches GB"),
        (told("US"), told("US", "A1", "A2", "A3", "A4"), "it reaches A1, A2, A3 and more"),
        (told("US"), told("US", "US-TX"), ""),
        (told(), told("US"), ""),
        (told("US", "GB"), told("US"), ""),
        (told(extent="local"), told(extent="regional"), "it is regional"),
        (told(extent="undetermined"), told(extent="local"), ""),
        (told(extent="global"), told(extent="regional"), ""),
        (told(), told(extent="global"), ""),
        (told(symptoms=(("a", 0.6),)), told(symptoms=(("b", 0.6), ("a", 0.4))), "now mostly: b"),
        (told(symptoms=(("a", 0.6),)), told(symptoms=(("b", 0.5), ("a", 0.45))), ""),
        (told(symptoms=()), told(symptoms=(("b", 0.9),)), ""),
        (told(symptoms=(("a", 0.5),)), told(symptoms=(("a", 0.9),)), ""),
        (told(factor=8.0), told(factor=16.0, reason=WORSE), "it has become much worse"),
        (told(factor=8.0), told(factor=15.0, reason=WORSE), ""),
        (told(factor=8.0), told(factor=80.0), ""),
        (told(factor=None), told(factor=None, reason=WORSE), "it has become much worse"),
        (told(n_reports=4), told(n_reports=4000), ""),
    ],
)
def test_what_is_a_material_change(before: Any, now: Any, reason: str) -> None:
    assert changed([before], now) == reason


def test_what_comes_and_goes_is_news_once() -> None:
    assert changed([told("US"), told("US", "GB"), told("US")], told("US", "GB")) == ""
    assert changed([told(extent="regional"), told(extent="global"), told(extent="local")], told(extent="global")) == ""
    assert changed([told(factor=8.0), told(factor=50.0), told(factor=8.0)], told(factor=60.0, reason=WORSE)) == ""


def test_changes_are_told_seldom_and_not_too_often() -> None:
    box = Outbox(restraint=Restraint(most_updates=2))
    one = made("a")
    codes = [f"{letter}{other}" for letter in "ABCDE" for other in "VWXYZ"]
    told_at = [minute for minute in range(1, 100) if box.tick(minute, [felt_in(one, *codes[: 1 + minute // 4])])]
    assert told_at == [1, 11, 21]
    assert box.tick(100, [over(one, 100)]) == [("a", OVER)]


def test_it_is_repeated_where_that_is_wanted_and_counts_as_an_update() -> None:
    box = Outbox((Route("r", repeat_after=timedelta(hours=1)),), Restraint(most_updates=3))
    one = made("a")
    told_at = [minute for minute in range(1, 500) if box.tick(minute, [one])]
    assert told_at == [1, 61, 121, 181]


def test_what_goes_on_after_it_was_told_to_be_over_is_told_as_a_change() -> None:
    box = Outbox(restraint=Restraint(most_updates=2))
    one = made("a")
    steps = [one, over(one, 20), one, one, over(one, 40), one, over(one, 60), one, one]
    whys = [[why for _, why in box.tick(10 * minute, [step])] for minute, step in enumerate(steps)]
    assert whys == [[BEGINS], [OVER], [CHANGED], [], [OVER], [], [], [], []]
    assert box.decisions[2][1].reason == "it goes on after all"


# --- silences and acknowledgements ----------------------------------------------------------------------------


def test_nothing_begins_under_a_silence_and_what_still_fires_is_told_after_it(box: Outbox) -> None:
    one, silent = made("a"), [mute(service=["imessage"])]
    assert box.tick(1, [one], mutes=silent) == []
    assert box.tick(2, [one], mutes=[mute(service=["icloud"])]) == [("a", BEGINS)]


def test_an_end_is_told_under_a_silence_if_the_beginning_was(box: Outbox) -> None:
    one, silent = made("a"), [mute(service=["imessage"])]
    box.tick(1, [one])
    assert box.tick(20, [felt_in(replace(one, severity="page"), "US")], mutes=silent) == []
    assert box.tick(60, [over(one, 60)], mutes=silent) == [("a", OVER)]


@pytest.mark.parametrize("when", ["mutes", "muted_lately"])
def test_what_began_and_ended_under_a_silence_is_never_told(box: Outbox, when: str) -> None:
    silent: dict[str, Any] = {when: [mute(service=["imessage"])]}
    assert box.tick(60, [over(made("a"), 59)], **silent) == []


def test_what_was_acknowledged_is_quiet_until_its_end() -> None:
    box = Outbox((Route("r", severity="watch", repeat_after=timedelta(minutes=30)), Route("pager")))
    one = made("a", severity="watch")
    box.tick(1, [one])
    worse = felt_in(replace(one, severity="page"), "US", "GB")
    assert box.tick(100, [worse], acked={"a"}) == []
    assert box.tick(200, [over(worse, 200)], acked={"a"}) == [("a", OVER)]


@pytest.mark.parametrize(
    ("matchers", "is_muted"),
    [
        ({}, True),
        ({"service": ["imessage", "icloud"]}, True),
        ({"service": ["icloud"]}, False),
        ({"severity": ["page"]}, True),
        ({"severity": ["watch"]}, False),
        ({"region": ["US"]}, True),
        ({"region": ["US-TX"]}, True),
        ({"region": ["US-CA"]}, False),
        ({"service": ["imessage"], "region": ["GB"]}, False),
        ({"colour": ["red"]}, False),
    ],
)
def test_what_a_silence_fits(matchers: dict[str, list[str]], *, is_muted: bool) -> None:
    one = felt_in(made("a"), "US-TX", "US")
    assert mute(**matchers).holds(one) is is_muted


def test_a_silence_for_a_region_does_not_hide_what_reaches_further() -> None:
    texas = mute(region=["US-TX"])
    assert not texas.holds(made("a"))
    assert not texas.holds(felt_in(made("a"), "US"))
    assert not texas.holds(felt_in(made("a"), "US-TX", "GB"))
    assert not texas.holds(felt_in(made("a"), "US-TX", "US-CA", "US"))
    assert mute(region=["US-TX", "GB"]).holds(felt_in(made("a"), "US-TX", "GB"))
    assert texas.holds(replace(felt_in(made("a"), "US"), region="metro:4726206"))


# --- silent sources -------------------------------------------------------------------------------------------


def test_silence_ends_nothing(box: Outbox) -> None:
    one = made("a")
    box.tick(1, [one])
    assert box.tick(90, [over(one, 90)], unheard={"a"}) == []
    assert box.tick(120, [over(one, 90)]) == [("a", OVER)]


def test_silence_does_not_tell_of_what_came_and_went_either(box: Outbox) -> None:
    assert box.tick(31, [over(made("a"), 30)], unheard={"a"}) == []


# --- several that belong together -----------------------------------------------------------------------------


def family(*minutes: float) -> list[Incident]:
    names = ("imessage", "icloud", "facetime")
    return [made(name[0], name, minute) for name, minute in zip(names, minutes, strict=False)]


def test_related_services_are_told_with_the_first(box: Outbox) -> None:
    first, second, third = family(0, 3, 20)
    assert box.tick(1, [first]) == [("i", BEGINS)]
    second = replace(second, id="second")
    assert box.tick(4, [first, second]) == [("second", "told with another")]
    assert box.tick(5, [first, second]) == []
    assert box.tick(21, [first, second, third]) == [("i", CHANGED), ("f", BEGINS)], "too late for the first"
    assert box.decisions[2][1].reason == "icloud failed too"
    assert box.tick(30, [first, over(second, 30), third]) == [], "its beginning was not told"


def test_who_goes_on_after_the_first_is_told_alone(box: Outbox) -> None:
    first, second, third = (replace(one, id=str(number)) for number, one in enumerate(family(0, 3, 4)))
    box.tick(5, [first, second, third])
    assert box.tick(60, [over(first, 60), second, third]) == [("0", OVER), ("1", BEGINS), ("2", "told with another")]
    assert box.tick(70, [over(second, 70), third]) == [("1", OVER), ("2", BEGINS)]
    assert box.tick(80, [over(third, 80)]) == [("2", OVER)]


def test_who_is_told_with_the_first_and_ends_with_it_is_never_told_alone(box: Outbox) -> None:
    first, second = (replace(one, id=str(number)) for number, one in enumerate(family(0, 3)))
    box.tick(5, [first, second])
    assert box.tick(60, [over(first, 60), over(second, 60)]) == [("0", OVER)]


def test_the_graver_is_not_hidden_behind_the_lighter() -> None:
    box = Outbox((Route("chat", severity="watch"),))
    first = made("0", "imessage", severity="watch")
    second = made("1", "icloud", severity="watch")
    assert box.tick(1, [first, second]) == [("0", BEGINS), ("1", "told with another")]
    assert box.tick(2, [first, replace(second, severity="page")]) == [("1", BEGINS)]


def test_who_is_not_told_of_the_first_is_told_of_the_second() -> None:
    box = Outbox((Route("chat", services=frozenset({"icloud"})),))
    assert box.tick(5, [made("0", "imessage"), made("1", "icloud")]) == [("1", BEGINS)]
    box = Outbox()
    silent = [mute(service=["imessage"])]
    assert box.tick(5, [made("0", "imessage"), made("1", "icloud")], mutes=silent) == [("1", BEGINS)]


def test_trouble_in_a_region_is_not_told_with_trouble_elsewhere(box: Outbox) -> None:
    here, there = made("0", "imessage", region="US-TX"), made("1", "icloud", region="US-CA")
    assert box.tick(5, [here, there]) == [("0", BEGINS), ("1", BEGINS)]


def test_a_rise_of_everything_is_told_with_the_first_for_as_long_as_that_fires(box: Outbox) -> None:
    first, second = made("0", "netflix"), made("1", "paypal", 5)
    assert box.tick(6, [first, second], rising={"1"}) == [("0", BEGINS), ("1", "told with another")]
    assert box.tick(7, [first, second]) == [], "that everything rose is said at the beginning only"
    assert box.tick(40, [over(first, 40), second]) == [("0", OVER), ("1", BEGINS)]


def test_unrelated_services_are_told_by_themselves(box: Outbox) -> None:
    assert box.tick(6, [made("0", "netflix"), made("1", "paypal")]) == [("0", BEGINS), ("1", BEGINS)]


def test_what_joined_is_said_in_few_words(box: Outbox) -> None:
    box.tick(1, [made("0", "imessage")])
    related = {"imessage": frozenset("abcde"), **{name: frozenset({"imessage"}) for name in "abcde"}}
    every = [made("0", "imessage"), *(made(f"1{name}", name) for name in "abcde")]
    box.tick(2, every, related=related)
    box.tick(11, every, related=related)
    assert box.decisions[-1][1].reason == "a, b, c and others failed too"
