"""Alarms become incidents: states, reasons, identity, and that nothing said is ever taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import detectors
from detectors.incidents.lifecycle import LASTED, WORSE, History, build_histories
from detectors.spikes import Scored, score
from tests.detectors.incidents.scores import LENGTH, at, counts, prefix, scored, series

if TYPE_CHECKING:
    from detectors.model import Severity, State

HOUR = 60


def histories(whole: Scored, *, service: str = "imessage") -> list[History]:
    return build_histories(series(counts(whole), service=service), whole)


def only(whole: Scored) -> History:
    (found,) = histories(whole)
    return found


def states(history: History) -> list[State]:
    return [step.new for step in history.transitions]


def firing(first: int, n_bins: int, value: float = 2.0) -> dict[int, float]:
    return dict.fromkeys(range(first, first + n_bins), value)


def test_nothing_fires_and_nothing_is_claimed() -> None:
    assert histories(scored({})) == []


def test_one_firing_bin_is_a_suspicion_that_is_dismissed_after_an_hour() -> None:
    found = only(scored(firing(100, 1)))
    assert states(found) == ["suspected", "dismissed"]
    assert [step.at for step in found.transitions] == [at(101), at(101 + HOUR)]
    assert found.transitions[-1].reason == "the rise did not last"
    assert found.incident.confirmed_at is None
    assert not found.incident.is_open
    assert found.incident.resolved_at == at(101 + HOUR)


def test_two_firing_bins_are_not_enough_to_be_sure() -> None:
    assert states(only(scored({100: 2.0, 130: 2.0}))) == ["suspected", "dismissed"]


def test_the_third_firing_bin_confirms_a_watch() -> None:
    found = only(scored({100: 2.0, 101: 2.0, 105: 1.0, 106: 3.0}))
    assert states(found) == ["suspected", "confirmed", "resolved"]
    assert found.transitions[1].at == found.incident.confirmed_at == at(106)
    assert found.transitions[1].reason == LASTED
    assert {step.severity for step in found.transitions} == {"watch"}
    assert found.incident.severity == "watch"


def test_a_page_confirms_and_the_incident_takes_its_severity() -> None:
    found = only(scored(firing(100, 12), firing(101, 10)))
    assert states(found) == ["suspected", "confirmed", "resolved"]
    assert [step.severity for step in found.transitions] == ["watch", "page", "page"]
    incident = found.incident
    assert (incident.suspected_at, incident.confirmed_at, incident.alarmed_at) == (at(101), at(102), at(102))
    assert incident.resolved_at == at(111 + HOUR), "an hour after the last page, not after the last watch"
    assert incident.severity == "page"


def test_a_page_after_a_confirmed_watch_raises_its_severity() -> None:
    found = only(scored(firing(100, 30), firing(120, 5)))
    assert states(found) == ["suspected", "confirmed", "updated", "resolved"]
    assert [step.severity for step in found.transitions] == ["watch", "watch", "page", "page"]
    assert found.incident.alarmed_at == at(121)
    assert found.incident.suspected_at == at(101)


def test_a_page_in_the_bin_of_the_third_firing_is_what_confirms() -> None:
    found = only(scored(firing(100, 3), firing(102, 1)))
    assert states(found) == ["suspected", "confirmed", "resolved"]
    assert found.transitions[1].severity == "page"


def test_a_page_without_a_watch_is_suspected_and_confirmed_at_once() -> None:
    found = only(scored({}, firing(100, 1)))
    assert states(found) == ["suspected", "confirmed", "resolved"]
    assert found.transitions[0].at == found.transitions[1].at == at(101)


def test_a_watch_that_begins_under_an_open_page_says_nothing_new() -> None:
    found = only(scored(firing(110, 5), firing(100, 1)))
    assert states(found) == ["suspected", "confirmed", "resolved"]
    assert found.incident.suspected_at == at(101)


def test_a_page_under_a_watch_that_is_still_open_but_fired_long_ago_joins_it() -> None:
    found = only(scored(firing(100, 3), firing(150, 1)))
    assert found.incident.suspected_at == at(101)
    assert found.incident.alarmed_at == at(151)


def test_a_page_that_comes_back_is_an_incident_of_its_own() -> None:
    first, second = histories(scored(firing(100, 150), firing(101, 2) | firing(220, 2)))
    assert first.incident.alarmed_at == at(102)
    assert second.incident.alarmed_at == second.incident.suspected_at == at(221)
    assert first.incident.id != second.incident.id


def test_watches_an_hour_apart_are_two_incidents() -> None:
    assert len(histories(scored(firing(100, 3) | firing(100 + 3 + HOUR, 3)))) == 2
    assert len(histories(scored(firing(100, 3) | firing(100 + 3 + HOUR - 1, 3)))) == 1


def test_a_page_that_becomes_much_worse_is_updated() -> None:
    found = only(scored(firing(100, 90), firing(100, 80, 1.5) | {170: 30.0}))
    assert states(found) == ["suspected", "confirmed", "updated", "resolved"]
    assert found.transitions[2].at == at(171)
    assert found.transitions[2].reason == WORSE
    assert found.incident.score == 30.0


def test_a_suspicion_that_becomes_much_worse_is_confirmed_by_it() -> None:
    found = only(scored({100: 1.0, 161 - 1: 1.0, 165: 20.0}))
    assert states(found) == ["suspected", "confirmed", "resolved"]
    assert found.transitions[1].reason == WORSE, "and that it lasted, in the same bin, is no further news"


def test_what_a_watch_announced_stays_when_a_page_follows() -> None:
    found = only(scored(firing(100, 100, 1.0) | {165: 20.0}, firing(180, 2)))
    assert states(found) == ["suspected", "confirmed", "updated", "updated", "resolved"]
    assert [step.severity for step in found.transitions] == ["watch", "watch", "watch", "page", "page"]


def test_silence_resolves_nothing() -> None:
    """An unobserved hour after the last alarm proves nothing: the hour that closes it is an observed one."""
    silent = scored(firing(100, 5), firing(100, 5), unknown=slice(110, 110 + 2 * HOUR))
    found = only(silent)
    assert found.incident.resolved_at == at(105 + 3 * HOUR)
    assert only(prefix(silent, 110 + 2 * HOUR)).incident.is_open


def test_each_transition_says_where_it_comes_from() -> None:
    found = only(scored(firing(100, 12), firing(101, 10)))
    identity = found.incident.id
    assert [step.old for step in found.transitions] == [None, "suspected", "confirmed"]
    assert [step.revision for step in found.transitions] == [1, 2, 3]
    assert {step.incident_id for step in found.transitions} == {identity}
    assert found.incident.revision == 3
    assert found.transitions[0].reason == "24 voices in 3 min, 6.0 usual"
    assert found.transitions[-1].reason == "an hour of observed reports without an alarm"


def test_an_id_is_the_same_from_every_run_and_differs_between_series() -> None:
    whole = scored(firing(100, 12))
    assert only(whole).incident.id == only(whole).incident.id == only(prefix(whole, 150)).incident.id
    assert only(whole).incident.id == "b2f734ec-7e08-5488-b974-196a33807a8c", "ids are stored and linked to: keep them"
    (other,) = histories(whole, service="outlook")
    assert other.incident.id != only(whole).incident.id


scores = st.dictionaries(st.integers(0, LENGTH - 1), st.sampled_from([1.0, 1.5, 6.0, 12.0, 100.0]), max_size=25)


@settings(max_examples=40, deadline=None)
@given(watch=scores, page=scores, silent=st.integers(0, LENGTH), cuts=st.lists(st.integers(1, LENGTH), max_size=8))
def test_a_longer_series_only_ever_appends(
    watch: dict[int, float], page: dict[int, float], silent: int, cuts: list[int]
) -> None:
    whole = scored(watch, page, unknown=slice(silent, silent + 70))
    said: dict[str, History] = {}
    for n_bins in [*sorted(cuts), LENGTH]:
        known = prefix(whole, n_bins)
        now = {one.incident.id: one for one in build_histories(series(counts(known)), known)}
        for identity, before in said.items():
            after = now[identity]
            assert after.transitions[: len(before.transitions)] == before.transitions
        said = now
    for history in said.values():
        _is_sound(history)


def _is_sound(history: History) -> None:
    steps, incident = history.transitions, history.incident
    assert steps[0].new == "suspected"
    assert [step.at for step in steps] == sorted(step.at for step in steps)
    assert [step.new for step in steps].count("confirmed") <= 1
    assert all(step.new in ("updated", "resolved") for step in steps[2:])
    assert all(not (step.new == "updated" and step.old == "suspected") for step in steps)
    assert (incident.confirmed_at is None) == (incident.state in ("suspected", "dismissed"))
    assert incident.is_open == (incident.resolved_at is None)
    assert incident.onset.low_at <= incident.onset.at <= incident.onset.high_at <= incident.alarmed_at


@pytest.mark.parametrize("seed", range(4))
def test_a_growing_series_only_ever_appends(seed: int) -> None:
    """The same with the detector itself, on a series with two outages and a hole."""
    rng = np.random.default_rng(seed)
    observed = rng.poisson(3.0, 36 * HOUR).astype(float)
    for start, length in ((20 * HOUR, 40), (30 * HOUR, 120)):
        observed[start : start + length] += rng.poisson(20, length)
    observed[30 * HOUR + 30 : 31 * HOUR + 40] = np.nan
    said: dict[str, History] = {}
    for n_bins in sorted({*rng.integers(20 * HOUR, len(observed), 12), len(observed)}):
        counted = series(observed[:n_bins])
        now = {one.incident.id: one for one in build_histories(counted, score(counted))}
        for identity, before in said.items():
            assert now[identity].transitions[: len(before.transitions)] == before.transitions
        said = now
    pages = [one for one in said.values() if one.incident.severity == "page"]
    assert len(pages) == 2


@pytest.mark.parametrize("severity", ["page", "watch"])
def test_the_analysts_door_finds_the_same(severity: Severity) -> None:
    """The second outage comes an hour and a half after the first, and does not inherit its beginning."""
    rng = np.random.default_rng(1)
    observed = rng.poisson(5, 36 * HOUR).astype(float)
    for start in (30 * HOUR, 32 * HOUR):
        observed[start : start + 30] += rng.poisson(40, 30)
    whole = series(observed)
    histories = [one.incident for one in build_histories(whole, score(whole))]
    index = pd.date_range(whole.start_at, periods=len(observed), freq="1min")
    found: Any = detectors.detect(pd.Series(observed, index=index), severity=severity).incidents
    first, second = (one for one in histories if one.severity == "page")
    alarmed = [first.alarmed_at, second.alarmed_at] if severity == "page" else [one.suspected_at for one in histories]
    assert [at.to_pydatetime() for at in found.alarmed_at] == alarmed
    assert second.onset.low_at > at(32 * HOUR - 5)
    if severity == "page":
        assert [at.to_pydatetime() for at in found.onset_at] == [first.onset.at, second.onset.at]
