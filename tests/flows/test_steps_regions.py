"""Where, through the whole pipeline: from posts that say where they are from to local incidents and their reach."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pytest
from msgspec.structs import replace

from detectors.baselines.lineage import lineage
from detectors.matching import Reader
from detectors.model import CountSeries, Post, PostExtra, SeriesKey, Span
from detectors.spikes import COMBINED
from flows import steps
from flows.report.record import incident_record
from flows.steps.regions import differ
from flows.store import Store, open_store
from tests.flows.store.helpers import dump
from tests.flows.streams import HOUR, Given, at, batch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from detectors.incidents.lifecycle import History

READER = Reader()
KEY = SeriesKey("imessage", "given")
HOURS = 60
PLACES = {
    "San Antonio, TX": 0.02,
    "Austin, TX": 0.05,
    "Columbus, OH": 0.08,
    "Brooklyn, NY": 0.15,
    "Seattle, WA": 0.1,
    "Los Angeles": 0.15,
    "London": 0.1,
    "": 0.35,
}
SAN_ANTONIO = "metro:4726206"


@dataclass(frozen=True)
class Fault:
    """More reports from a place: from when to when (minutes), how many a minute, what they name."""

    place: str = "San Antonio, TX"
    begin: int = 50 * HOUR
    end: int = 50 * HOUR + 80
    extra: float = 0.45
    symptom: str | None = "Cannot send"


LOCAL = Fault()
NATIONAL = tuple(Fault(place, 50 * HOUR, 51 * HOUR, 12 * part, None) for place, part in PLACES.items())


@cache
def posts(*faults: Fault, rate: float = 1.5, seed: int = 1, name: str = "p") -> tuple[Post, ...]:
    """Return posts of people who say in their profiles where they live, or do not; sorted by time."""
    rng = np.random.default_rng(seed)
    made: list[Post] = []
    usual = [Fault(place, 0, HOURS * HOUR, rate * part, None) for place, part in PLACES.items()]
    for fault in [*usual, *faults]:
        n = rng.poisson(fault.extra * (fault.end - fault.begin))
        for minute in np.sort(rng.uniform(fault.begin, fault.end, n)):
            identity = f"{name}{len(made)}"
            extra = PostExtra(service="iMessage", symptom=fault.symptom)
            place = fault.place or None
            made.append(Post(identity, "form", at(minute), "It fails", None, f"by {identity}", place, extra=extra))
    return tuple(sorted(made, key=lambda one: one.created_at))


@pytest.fixture
def store() -> Iterator[Store]:
    with open_store(":memory:") as opened:
        yield opened


@dataclass
class Feed:
    """A source that is given more and more."""

    store: Store
    name: str = "given"
    batches: list[int] = field(default_factory=list)

    def give(self, some: Iterable[Post], *seen: tuple[int, int]) -> Feed:
        """Ingest posts, and vouch for these minutes."""
        self.batches.append(len(self.batches) + 1)
        spans = tuple(Span(at(start), at(end)) for start, end in seen)
        given = Given([batch(n, []) for n in self.batches[:-1]], self.name, f"{self.name}:one")
        given.batches.append(batch(self.batches[-1], list(some), observed=spans))
        steps.ingest(self.store, given, READER, steps.Watched())
        return self


ALL_TIME = 0, HOURS * HOUR


def found(store: Store, severity: str = "page") -> list[History]:
    return [one for one in steps.histories(store, store.keys()) if one.incident.severity == severity]


def detect(store: Store, until: int | None = None) -> steps.Detected:
    return steps.detect(store, store.keys(), until=None if until is None else at(until))


def same(one: Sequence[History], other: Sequence[History]) -> bool:
    return len(one) == len(other) and not any(differ(a, b) for a, b in zip(one, other, strict=True))


# --- one metro -----------------------------------------------------------------------------------------------------


def test_a_local_outage_is_one_incident_of_its_region(store: Store) -> None:
    """Too small for the total, but six times what is heard from there: its region, reports, symptoms and spread."""
    Feed(store).give(posts(LOCAL), ALL_TIME)
    done = detect(store)
    (history,) = found(store)
    incident = history.incident
    assert SAN_ANTONIO in lineage(incident.region) or incident.region in lineage(SAN_ANTONIO)[:2]
    assert done.news == list(history.transitions)
    assert abs((incident.onset.at - at(LOCAL.begin)).total_seconds()) < 20 * 60
    assert incident.ended is not None
    assert abs((incident.ended.at - at(LOCAL.end)).total_seconds()) < 30 * 60
    there = [
        post
        for post in posts(LOCAL)
        if post.user_location == LOCAL.place and incident.onset.at <= post.created_at < incident.ended.at
    ]
    assert (incident.n_reports, incident.n_authors) == (len(there), len(there))
    assert incident.symptoms == (("cannot-send", 1.0),)
    assert incident.spread is not None
    assert incident.region in {one.code for one in incident.spread.affected}
    assert not {"US-OH", "US-NY", "US-WA", "GB"} & {one.code for one in incident.spread.affected}
    assert 0.1 < incident.spread.unlocated_share < 0.6


def test_its_record_and_its_page_say_where(store: Store) -> None:
    Feed(store).give(posts(LOCAL), ALL_TIME)
    detect(store)
    (history,) = found(store)
    record = json.loads(json.dumps(incident_record(history.incident), allow_nan=False))
    assert record["region"] == history.incident.region
    assert record["extent"] in ("local", "regional", "undetermined")
    assert {"code", "name", "ratio", "onset_at"} <= record["regions"][0].keys()
    page = steps.page(store, history.incident)
    assert "San Antonio area, US-TX" in page or "Texas" in page
    view = steps.view(store, history.incident)
    assert view.series.observed.max() == history.incident.peak
    assert view.spread is not None
    assert len(view.spread.regions) >= len(view.spread.affected)


def test_tick_by_tick_it_is_as_in_one(store: Store) -> None:
    """Every minute around the outage, hourly before: the same incidents and transitions, and nothing said twice."""
    Feed(store).give(posts(LOCAL), ALL_TIME)
    ticks = [
        *range(24 * HOUR, LOCAL.begin, HOUR),
        *range(LOCAL.begin, LOCAL.begin + 60),
        *range(51 * HOUR, 55 * HOUR, 7),
    ]
    news = [step for tick in [*ticks, 55 * HOUR, HOURS * HOUR] for step in detect(store, tick).news]
    with open_store(":memory:") as other:
        Feed(other).give(posts(LOCAL), ALL_TIME)
        detect(other)
        whole = steps.histories(other, other.keys())
    ticked = steps.histories(store, store.keys())
    assert same(ticked, whole)
    assert sorted(news, key=repr) == sorted((step for one in whole for step in one.transitions), key=repr)


def test_a_restart_from_checkpoints_changes_nothing(store: Store) -> None:
    """What is kept between ticks is all that counts: a store that is scored anew in each tick says the same."""
    ticks = [40 * HOUR, 49 * HOUR, *range(LOCAL.begin, LOCAL.begin + 100, 20), 53 * HOUR, 54 * HOUR, HOURS * HOUR]
    with open_store(":memory:") as other:
        for one in (store, other):
            Feed(one).give(posts(LOCAL), ALL_TIME)
        for tick in ticks:
            detect(store, tick)
            _forget_checkpoints(other)
            detect(other, tick)
            assert same(steps.histories(store, [KEY]), steps.histories(other, [KEY]))
        assert len(found(store)) == 1


def _forget_checkpoints(store: Store) -> None:
    from sqlalchemy import delete

    from flows.store.schema import checkpoints

    with store._writing() as connection:
        connection.execute(delete(checkpoints))


def test_late_reports_revise_and_do_not_duplicate(store: Store) -> None:
    """A quarter of what came from there arrives when the incident is on record already."""
    every = posts(LOCAL)
    late = [one for one in every if one.user_location == LOCAL.place and one.created_at >= at(LOCAL.begin)][::4]
    feed = Feed(store).give([one for one in every if one not in late], ALL_TIME)
    detect(store)
    (before,) = found(store)
    feed.give(late)
    detect(store)
    (after,) = found(store)
    assert after.incident.id == before.incident.id
    assert after.transitions[: len(before.transitions)] == before.transitions
    assert after.incident.n_reports > before.incident.n_reports
    assert len(steps.histories(store, [KEY])) == len({one.incident.id for one in steps.histories(store, [KEY])})
    assert detect(store).changed == []


def test_what_is_not_kept_any_more_still_counts(store: Store) -> None:
    """Texts and ids go; counts, regions, incidents and what they name stay."""
    feed = Feed(store).give(posts(LOCAL), ALL_TIME)
    detect(store)
    before = steps.histories(store, [KEY])
    regions = dump(store)["region_counts"]
    assert store.retain(at(HOURS * HOUR), keep_h=1) > 0
    assert dump(store)["region_counts"] == regions
    steps.view(store, found(store)[0].incident)
    _forget_checkpoints(store)
    assert detect(store).news == []
    after = steps.histories(store, [KEY])
    assert same(before, after)
    feed.give([replace(post, id=f"late-{post.id}") for post in posts(LOCAL)[-2:]])
    detect(store)
    assert same(before, steps.histories(store, [KEY]))


def test_a_page_shows_it_to_its_end_beside_others_of_its_region(store: Store) -> None:
    """Also what went on long after its alarm was closed, and not what was elsewhere."""
    before = Fault(begin=35 * HOUR, end=35 * HOUR + 80, extra=0.8)
    wide = [Fault(one.place, 43 * HOUR, 43 * HOUR + 30, one.extra, None) for one in NATIONAL]
    Feed(store).give(posts(before, *wide, Fault(extra=0.8)), ALL_TIME)
    detect(store)
    first, whole, last = (history.incident for history in found(store))
    assert [bool(one.region) for one in (first, whole, last)] == [True, False, True]
    assert steps.earlier(store, last) == (first,)
    assert steps.earlier(store, whole) == ()
    assert first.ended is not None
    late = replace(first, ended=replace(first.ended, at=at(54 * HOUR), high_at=at(56 * HOUR)))
    series = steps.view(store, late).series
    assert series.start_at < at(12 * HOUR)
    assert series.end_at == at(HOURS * HOUR)


# --- the whole -----------------------------------------------------------------------------------------------------


def test_a_national_outage_says_where_it_is_felt(store: Store) -> None:
    Feed(store).give(posts(*NATIONAL), ALL_TIME)
    detect(store)
    (history,) = found(store)
    incident = history.incident
    assert incident.region == ""
    assert incident.spread is not None
    assert "US" in {one.code for one in incident.spread.affected}
    assert incident.spread.extent != "local"
    assert abs(incident.spread.unlocated_share - PLACES[""]) < 0.15
    assert incident.n_reports > 600
    assert all(one.incident.region == "" for one in steps.histories(store, [KEY]) if one.incident.is_open)


def test_a_local_outage_that_grows_keeps_its_id(store: Store) -> None:
    """It is told as local first, and as wider when the whole follows an hour later."""
    later = [Fault(one.place, one.begin + 60, one.end + 60, one.extra, None) for one in NATIONAL]
    Feed(store).give(posts(Fault(end=52 * HOUR), *later), ALL_TIME)
    detect(store, LOCAL.begin + 58)
    (local,) = found(store)
    assert local.incident.region
    done = detect(store)
    (whole,) = found(store)
    assert (whole.incident.id, whole.incident.region) == (local.incident.id, "")
    assert whole.transitions[: len(local.transitions)] == local.transitions
    assert done.news == list(whole.transitions[len(local.transitions) :])
    assert whole.incident.n_reports > 10 * local.incident.n_reports


# --- several sources, gaps, and nothing at all ---------------------------------------------------------------------


def test_counts_of_nobody_knows_whom_do_not_make_reports_unlocated(store: Store) -> None:
    """A source that gives bare counts has no places; the share that is not located is that of the posts."""
    Feed(store).give(posts(*NATIONAL), ALL_TIME)
    rng = np.random.default_rng(5)
    mean = np.full(HOURS * HOUR, 1.0)
    mean[50 * HOUR : 51 * HOUR] += 8
    counts = rng.poisson(mean).astype(float)
    store.commit_counts(
        CountSeries("imessage", "counts", at(0), 60, counts, counts, np.ones(len(counts))), query="q", cursor="1"
    )
    detect(store)
    (history,) = found(store)
    assert history.incident.source == COMBINED
    assert history.incident.spread is not None
    assert abs(history.incident.spread.unlocated_share - PLACES[""]) < 0.15


def test_the_loss_of_bare_counts_is_felt_nowhere(store: Store) -> None:
    """They are most of the reports, and say nothing of places: without them no region brings more than is usual."""
    Feed(store).give(posts(Fault(extra=3.0), rate=6.0), ALL_TIME)
    counts = np.random.default_rng(5).poisson(20.0, HOURS * HOUR).astype(float)
    hole = slice(48 * HOUR, 56 * HOUR)
    counts[hole] = np.nan
    series = CountSeries("imessage", "counts", at(0), 60, counts, counts, np.where(np.isnan(counts), 0.0, 1.0))
    store.commit_counts(series, query="q", cursor="1")
    detect(store)
    (history,) = found(store)
    spread = store.spread(history.incident.id)
    assert spread is not None
    assert {"GB", "US-CA", "US-NY", "US-WA", "US-OH"}.isdisjoint(one.code for one in spread.affected)
    assert all(0.6 < one.ratio < 1.5 for one in spread.regions if one.code in ("GB", "US-CA", "US-NY"))


def test_a_local_outage_is_found_beside_another_source(store: Store) -> None:
    Feed(store, "large").give(posts(LOCAL), ALL_TIME)
    Feed(store, "small").give(posts(rate=0.5, seed=2, name="s"), ALL_TIME)
    detect(store)
    (history,) = found(store)
    assert (history.incident.source, bool(history.incident.region)) == (COMBINED, True)
    assert steps.view(store, history.incident).series.observed.max() == history.incident.peak


def test_what_was_not_observed_is_no_local_outage_nor_is_its_return(store: Store) -> None:
    """Six hours are missing, of the only source and of one of two; then it goes on as before."""
    hole = 48 * HOUR, 54 * HOUR
    heard = [one for one in posts() if not at(hole[0]) <= one.created_at < at(hole[1])]
    spans = (0, hole[0]), (hole[1], HOURS * HOUR)
    feed = Feed(store, "large").give(heard, *spans)
    detect(store)
    assert found(store) == found(store, "watch") == []
    Feed(store, "small").give(posts(rate=0.5, seed=2, name="s"), ALL_TIME)
    for tick in (hole[0] + 30, hole[1] - 5, hole[1] + 10, hole[1] + 60, HOURS * HOUR):
        detect(store, tick)
    assert [one for one in found(store) if one.incident.region] == []
    assert feed.batches == [1]


def test_what_was_never_located_costs_nothing() -> None:
    """No gazetteer is read to judge a service of which nobody says where they are, and no state of regions is kept."""
    code = """
from datetime import timedelta
import numpy as np
from detectors.model import CountSeries, SeriesKey
from detectors.location.gazetteer import gazetteer
from flows import steps
from flows.store import open_store
from tests.builders import START
counts = np.random.default_rng(1).poisson(1.5, 3000).astype(float)
counts[2800:2830] += 12
with open_store(":memory:") as store:
    series = CountSeries("imessage", "counts", START, 60, counts, counts, np.ones(3000))
    store.commit_counts(series, query="q", cursor="1")
    done = steps.detect(store, store.keys())
    assert [one.incident.severity for one in done.changed] == ["page"], done
    assert done.changed[0].incident.spread is None
    assert store.checkpoint(store.keys()[0])[1]["regions"] is None
assert gazetteer.cache_info().currsize == 0
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
