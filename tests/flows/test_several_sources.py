"""Several sources of one service through the steps: the loss of one neither hides an outage nor makes one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from detectors.matching import Reader
from detectors.model import SeriesKey, Span
from detectors.spikes import COMBINED
from flows import steps
from flows.steps.health import faults_now
from flows.store import Store, open_store
from tests.flows.streams import HOUR, Given, Outage, at, batch, stream

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from detectors.incidents.lifecycle import History
    from detectors.model import Post

READER = Reader()
DAY = 24 * HOUR
HOURS = 72
ALL = SeriesKey("imessage", COMBINED)
LARGE, SMALL = SeriesKey("imessage", "large"), SeriesKey("imessage", "small")
LOSS = 60 * HOUR, 63 * HOUR


@pytest.fixture
def store() -> Iterator[Store]:
    with open_store(":memory:") as opened:
        yield opened


def posts(name: str, rate: float, *outages: Outage, seed: int) -> list[Post]:
    made = stream(*outages, hours=HOURS, rate=rate, seed=seed)
    return [msgspec.structs.replace(post, id=f"{name}-{post.id}") for post in made]


def give(
    store: Store,
    name: str,
    given: Sequence[Post],
    *seen: tuple[int, int],
    heard: Sequence[tuple[int, int]] | None = None,
) -> None:
    """Ingest from a source what it has seen: posts of ``seen`` minutes, vouched for over ``heard``."""
    kept = [post for post in given if any(at(start) <= post.created_at < at(end) for start, end in seen)]
    spans = tuple(Span(at(start), at(end)) for start, end in (heard or seen))
    source = Given([batch(1, kept, observed=spans)], name=name, label=f"{name}:one")
    steps.ingest(store, source, READER, steps.Watched())


def found(store: Store) -> list[History]:
    return [one for one in steps.histories(store, store.keys()) if one.incident.severity == "page"]


def test_an_outage_is_one_incident_of_all_sources(store: Store) -> None:
    outage = Outage(50 * HOUR, 50 * HOUR + 60, 10)
    give(store, "large", posts("large", 1.4, outage, seed=1), (0, HOURS * HOUR))
    give(store, "small", posts("small", 0.6, Outage(outage.begin, outage.end, 4), seed=2), (0, HOURS * HOUR))
    steps.detect(store, store.keys())
    (history,) = found(store)
    assert history.incident.source == COMBINED
    assert history.incident.n_reports > 60 * 12
    view = steps.view(store, history.incident)
    assert "User reports from all sources together" in steps.page(store, history.incident)
    assert view.series.source == COMBINED
    assert view.series.observed.max() == history.incident.peak


def test_the_loss_of_the_largest_hides_no_outage_and_makes_none(store: Store) -> None:
    """It says nothing for three hours; what the other hears in them is an outage, its return is not."""
    outage = Outage(LOSS[0] + 60, LOSS[0] + 120, 5)
    give(store, "large", posts("large", 1.4, seed=1), (0, LOSS[0]), (LOSS[1], HOURS * HOUR))
    give(store, "small", posts("small", 0.6, outage, seed=2), (0, HOURS * HOUR))
    done = steps.detect(store, store.keys())
    (history,) = found(store)
    assert abs((history.incident.onset.at - at(outage.begin)).total_seconds()) < 600
    assert not done.silent


def test_a_source_that_is_silent_is_a_fault_and_no_outage(store: Store) -> None:
    """It vouches for time in which it brings nothing, as a broken collector does."""
    whole = 0, HOURS * HOUR
    give(store, "large", posts("large", 1.4, seed=1), (0, 70 * HOUR), heard=[whole])
    give(store, "small", posts("small", 0.6, seed=2), whole)
    done = steps.detect(store, store.keys())
    assert found(store) == []
    assert done.silent == {LARGE}
    assert done.judged == {LARGE, SMALL}
    sources = [Given([], name="large"), Given([], name="small")]
    told = faults_now(store.feeds(), sources, done, now=at(HOURS * HOUR))
    assert told == {("large", "imessage", "silent"): "large brings hardly anything about imessage"}


def test_in_ticks_it_is_as_in_one(store: Store) -> None:
    """Tick by tick, from checkpoints: the same incidents and transitions as when everything is judged at once."""
    outage = Outage(52 * HOUR, 52 * HOUR + 45, 12)
    large, small = posts("large", 1.4, outage, seed=3), posts("small", 0.6, seed=4)
    ends = [48 * HOUR, *range(48 * HOUR + 20, 56 * HOUR, 20)]
    for before, end in zip([0, *ends], ends, strict=False):
        _more(store, "large", large, before, end)
        _more(store, "small", small, before, end - 1)
        steps.detect(store, store.keys(), until=at(end - 1))
    with open_store(":memory:") as other:
        give(other, "large", large, (0, ends[-1]))
        give(other, "small", small, (0, ends[-1] - 1))
        steps.detect(other, other.keys(), until=at(ends[-1] - 1))
        assert found(store) == found(other)
        assert len(found(store)) == 1
        assert store.checkpoint(ALL) is not None


def _more(store: Store, name: str, given: Sequence[Post], start: int, end: int) -> None:
    start = max(0, start - 1)
    kept = [post for post in given if at(start) <= post.created_at < at(end)]
    observed = (Span(at(start), at(end)),)
    source = Given([], name=name, label=f"{name}:one")
    cursor = store.cursor(name, source.label)
    number = int(cursor or 0) + 1
    source.batches = [batch(n + 1, []) for n in range(number - 1)] + [batch(number, kept, observed=observed)]
    steps.ingest(store, source, READER, steps.Watched())


def test_incidents_from_before_the_second_source_keep_their_names(store: Store) -> None:
    outage = Outage(20 * HOUR, 20 * HOUR + 45, 12)
    large = posts("large", 1.4, outage, seed=5)
    give(store, "large", large, (0, 40 * HOUR))
    steps.detect(store, store.keys())
    (before,) = found(store)
    assert before.incident.source == "large"
    give(store, "small", posts("small", 0.6, seed=6), (30 * HOUR, 42 * HOUR))
    steps.detect(store, store.keys())
    (after,) = found(store)
    assert after.incident.id == before.incident.id
    assert after.incident.source == COMBINED
    assert after.transitions[: len(before.transitions)] == before.transitions


def test_a_source_of_long_ago_is_judged_by_itself(store: Store) -> None:
    give(store, "large", posts("large", 1.4, seed=1), (0, DAY))
    shifted = [
        msgspec.structs.replace(post, created_at=post.created_at + (at(40 * DAY) - at(0)))
        for post in posts("small", 0.6, seed=2)
    ]
    give(store, "small", shifted, (40 * DAY, 41 * DAY))
    steps.detect(store, store.keys())
    assert store.checkpoint(LARGE) is not None
    assert store.checkpoint(SMALL) is not None
    assert store.checkpoint(ALL) is None


def test_a_source_behind_the_others_is_waited_for_only_so_long(store: Store) -> None:
    large, small = posts("large", 1.4, seed=1), posts("small", 0.6, seed=2)
    give(store, "large", large, (0, DAY))
    give(store, "small", small, (0, DAY - 2))
    steps.detect(store, store.keys())
    saved = store.checkpoint(ALL)
    assert saved is not None
    assert saved[0] == at(DAY - 2), "two minutes are waited for"
    with open_store(":memory:") as other:
        give(other, "large", large, (0, DAY))
        give(other, "small", small, (0, DAY - 10))
        steps.detect(other, other.keys())
        lost = other.checkpoint(ALL)
        assert lost is not None
        assert lost[0] == at(DAY), "ten are not: it is lost"
