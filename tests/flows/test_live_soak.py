"""Hours of ticks in minutes: platforms on loopback that do their worst, and the same again in fine weather."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import msgspec
import pytest

from tests.flows.soak.life import CANARIES, INSTANCE, Lived, Sky, compare, live
from tests.flows.soak.town import MINUTE, Town
from tests.flows.soak.weather import Spell, outage, squalls
from tests.flows.sources.loopback import Fault

if TYPE_CHECKING:
    from pathlib import Path

    from detectors.incidents.lifecycle import History

SAME_ONSET = timedelta(minutes=2)
NEAR = timedelta(minutes=3)
SETTLED = timedelta(minutes=6)
"""How far behind the last tick every source may be: none is more than two minutes, and a squall costs a tick or two."""


@dataclass(frozen=True)
class Pair:
    """The same posts, seen in fine weather and in foul."""

    fine: Lived
    foul: Lived
    sky: Sky
    log: str

    @property
    def edges(self) -> list[datetime]:
        """When sources were lost and came back, and where holes begin and end (UTC)."""
        town = self.foul.town
        long = [(one.begin, one.end) for one in self.sky.spells if one.end > one.begin + 1]
        hidden = [self.sky.hidden] if self.sky.hidden else []
        minutes = [town.at(minute) for pair in (*long, *hidden) for minute in pair]
        return minutes + [at for _, *pair in self.foul.gaps() for at in pair]


def live_twice(folder: Path, town: Town, sky: Sky, caplog: pytest.LogCaptureFixture) -> Pair:
    caplog.set_level(logging.DEBUG)
    fine, foul = live(folder / "fine", town), live(folder / "foul", town, sky)
    return Pair(fine, foul, sky, caplog.text)


def check(pair: Pair) -> None:
    """Check everything that must be so whatever the platforms do."""
    check_incidents(pair)
    check_counts(pair.fine, may_lack=False)
    check_counts(pair.foul, may_lack=True)
    check_faults(pair)
    check_secrets(pair)


def check_incidents(pair: Pair) -> None:
    """Check that the outage is found, when it was, and nothing that begins or ends with a source."""
    found = [paged(lived) for lived in (pair.fine, pair.foul)]
    town = pair.fine.town
    for histories in found:
        (history,) = histories
        assert history.incident.service == town.services[0].id
        assert abs(history.incident.onset.at - town.at(town.outage_begin)) <= 2 * SAME_ONSET
    (fine,), (foul,) = found
    assert abs(fine.incident.onset.at - foul.incident.onset.at) <= SAME_ONSET
    others = [one.incident for one in pair.foul.histories() if one.incident.id != foul.incident.id]
    assert [one for one in others if any(abs(one.onset.at - edge) <= NEAR for edge in pair.edges)] == []


def paged(lived: Lived) -> list[History]:
    return [one for one in lived.histories() if one.incident.severity == "page"]


def check_counts(lived: Lived, *, may_lack: bool) -> None:
    """Check that every post is counted, once; what could not be seen is known not to have been."""
    compared = compare(lived)
    town = lived.town
    assert (compared.lost, compared.extra) == (0, 0)
    assert compared.n_posts > 1_000
    gaps = lived.gaps()
    assert may_lack or not gaps
    first = town.starts_at - town.history_min * MINUTE
    for source, minutes in compared.unknown_at.items():
        holes = [(start, end) for name, start, end in gaps if name == source]
        unexplained = [at for at in minutes if not any(start < at + MINUTE and at < end for start, end in holes)]
        assert not set(unexplained) - {first}, source
    assert min(compared.until_at.values()) >= town.at(town.minutes) - SETTLED


def check_faults(pair: Pair) -> None:
    """Check that the operator is told what is wrong with a source while it is, and nothing in fine weather."""
    assert pair.fine.faults() == []
    assert not any(tick.failed for tick in pair.fine.ticks.values())
    known = pair.foul.faults()
    assert [fault for fault in known if fault.ended_at is None] == []
    began = [fault for tick in pair.foul.ticks.values() for fault in tick.faults_began]
    ended = [fault for tick in pair.foul.ticks.values() for fault in tick.faults_ended]
    assert len(began) == len(ended) == len(known)
    town = pair.foul.town
    for spell in pair.sky.spells:
        if spell.end > spell.begin + 3:
            name = INSTANCE if spell.platform == "mastodon" else spell.platform
            times = [(one.began_at, one.ended_at) for one in known if one.source == name and one.kind == "failing"]
            middle = town.at((spell.begin + spell.end) // 2)
            assert any(start <= middle < (end or middle) for start, end in times), spell


def check_secrets(pair: Pair) -> None:
    """Check that nobody is told a secret: not who runs it, not the store, not the log."""
    for lived in (pair.fine, pair.foul):
        told = "".join(f"{tick!r}{msgspec.json.encode(tick.record()).decode()}" for tick in lived.ticks.values())
        kept = b"".join(file.read_bytes() for file in lived.path.parent.iterdir())
        assert len(kept) > 100_000
        for secret in CANARIES:
            assert secret not in told
            assert secret.encode() not in kept
    assert not any(secret in pair.log for secret in CANARIES)


def test_twenty_minutes_of_bad_weather(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    town = Town(n_services=4, minutes=20, outage_begin=8, outage_end=17)
    spells = [
        Spell("bluesky", 2, 6, Fault.UNAVAILABLE),
        Spell("mastodon", 6, 7, Fault.RESET, times=3, after=1),
        Spell("mastodon", 9, 14, Fault.LIMITED_UNTIL),
        Spell("hackernews", 9, 10, Fault.TRUNCATED, times=2, after=1),
        Spell("hackernews", 11, 12, Fault.TIMEOUT, times=1),
        Spell("bluesky", 12, 13, Fault.BOMB, after=1),
    ]
    check(live_twice(tmp_path, town, Sky(spells), caplog))


@pytest.mark.soak
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_two_hours_of_bad_weather(tmp_path: Path, caplog: pytest.LogCaptureFixture, seed: int) -> None:
    """Thirty services; every fault, each platform out for up to twenty minutes, one of them silent, one forgetful."""
    town = Town(seed=seed)
    spells = [
        *squalls(range(2, 115), seed),
        outage("bluesky", 8, 20, seed),
        outage("hackernews", 52, 14, seed),
        outage("mastodon", 72, 18, seed),
        outage("bluesky", 98, 9, seed),
    ]
    pair = live_twice(tmp_path, town, Sky(spells, hidden=(15, 50), kept_min=15), caplog)
    check(pair)
    silent = [fault for fault in pair.foul.faults() if fault.kind == "silent"]
    assert {fault.source for fault in silent} == {INSTANCE}
    assert {source for source, _, _ in pair.foul.gaps()} == {"bluesky"}
