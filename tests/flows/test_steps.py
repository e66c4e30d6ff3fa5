"""Posts to incidents through the store: what comes in, what is found, and what is left alone."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from msgspec.structs import replace

from detectors.errors import InputError, PermanentError, StoreError
from detectors.matching import Reader
from detectors.model import Batch, CountSeries, Post, PostExtra, SeriesKey, Span
from detectors.spikes import resume, score
from flows import steps
from flows.sources.base import Query
from flows.store import Store, open_store
from tests.builders import START
from tests.flows.streams import HOUR, Given, Outage, at, batch, stream, whole

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from detectors.incidents.lifecycle import History
    from detectors.model import Service

READER = Reader()
KEY = SeriesKey("imessage", "given")


@pytest.fixture
def store() -> Iterator[Store]:
    with open_store(":memory:") as opened:
        yield opened


def ingest(store: Store, source: Given, *services: str) -> steps.Ingested:
    return steps.ingest(store, source, READER, steps.Watched(set(services) or None))


def detect(store: Store, *, until: float | None = None, key: SeriesKey = KEY, **options: Any) -> steps.Detected:
    return steps.detect(store, [key], until=None if until is None else at(until), **options)


def truth_inside(history: History, outage: Outage) -> bool:
    incident = history.incident
    assert incident.ended is not None
    return (
        incident.onset.low_at <= at(outage.begin + 1)
        and at(outage.begin - 1) <= incident.onset.high_at
        and incident.ended.low_at <= at(outage.end + 2)
        and at(outage.end - 2) <= incident.ended.high_at
    )


# --- ingest --------------------------------------------------------------------------------------------------


def test_posts_become_reports_and_counts(store: Store) -> None:
    posts = stream(hours=2)
    done = ingest(store, whole(posts, 2))
    assert done.record() == {"posts": len(posts), "reports": len(posts), "duplicates": 0, "skipped": 0}
    assert store.series(KEY).observed.sum() == len(posts)


def test_a_second_ingest_finds_nothing_new(store: Store) -> None:
    source = whole(stream(hours=2), 2)
    ingest(store, source)
    assert ingest(store, source).record() == {"posts": 0, "reports": 0, "duplicates": 0, "skipped": 0}
    assert source.asked == [("given:one", None), ("given:one", "1")]


def test_what_comes_twice_counts_once(store: Store) -> None:
    posts = stream(hours=1)
    source = Given([batch(1, posts), batch(2, posts)])
    assert ingest(store, source).duplicates == len(posts)
    assert store.series(KEY, start_at=at(0), end_at=at(HOUR)).raw.size == HOUR
    assert len(store.reports(service="imessage")) == len(posts)


def test_only_what_is_watched_is_kept_and_the_rest_can_come_later(store: Store) -> None:
    posts = stream(hours=1, services=("iMessage", "Outlook"))
    source = whole(posts, 1)
    ingest(store, source, "outlook")
    assert store.keys() == [SeriesKey("outlook", "given")]
    ingest(store, source)
    assert store.keys() == [KEY, SeriesKey("outlook", "given")]
    assert len(store.reports()) == len(posts)


def test_records_that_could_not_be_used_are_counted_and_the_first_are_named(store: Store) -> None:
    many = tuple(f"posts.jsonl:{n}: not JSON" for n in range(250))
    done = ingest(store, Given([batch(1, stream(hours=1), skipped=many)]))
    assert done.n_skipped == 250
    assert len(done.skipped) == steps.MOST_MESSAGES
    assert done.skipped[0] == "posts.jsonl:0: not JSON"


def form(identity: str, service: str) -> Post:
    return Post(identity, "form", START, "", extra=PostExtra(service=service))


def test_an_unknown_service_is_named_with_its_place(store: Store) -> None:
    posts = [form("1", "imessage"), form("2", "Nonesuch"), form("2", "Nonesuch")]
    done = ingest(store, Given([batch(1, posts, file="posts.jsonl", lines=(3, 5, 9))]))
    assert done.skipped == [
        "posts.jsonl:5: unknown service 'Nonesuch'",
        "posts.jsonl:9: unknown service 'Nonesuch'",
    ]


def test_an_unknown_service_of_a_stream_is_named_with_its_platform(store: Store) -> None:
    done = ingest(store, Given([batch(1, [form("1", "None\nsuch\x1b[31m")])]))
    (message,) = done.skipped
    assert message.startswith("a post of form: unknown service")
    assert message.isprintable()


class Broken(Given):
    def fetch(self, query: str, cursor: str | None) -> Iterator[Batch]:
        yield from super().fetch(query, cursor)
        raise PermanentError("the door is shut")


def test_a_source_that_fails_does_not_stop_the_others(tmp_path: Path) -> None:
    posts = stream(hours=1)
    sources = [
        Broken([batch(1, posts[:10])], label="given:broken"),
        Given([batch(1, posts[10:20])], label="given:whole"),
    ]
    with open_store(tmp_path / "two.db") as store:
        came, failed = steps.ingest_all(steps.Into(store, READER, steps.Watched()), sources)
        assert {label: str(error) for label, error in failed.items()} == {"given:broken": "the door is shut"}
        assert came["given:whole"].reports == 10
        assert came["given:broken"].reports == 10, "what came before the failure is told"
        assert len(store.reports()) == 20, "and kept"
        assert store.cursor("given", "given:broken") == "1"


def test_a_client_that_breaks_in_its_own_way_is_a_failure_too(tmp_path: Path) -> None:
    class Odd(Given):
        def fetch(self, query: str, cursor: str | None) -> Iterator[Batch]:  # noqa: ARG002
            raise RecursionError("some token")

    sources = [Odd([], label="given:odd"), whole(stream(hours=1), 1)]
    with open_store(tmp_path / "two.db") as store:
        came, failed = steps.ingest_all(steps.Into(store, READER, steps.Watched()), sources)
    assert list(failed) == ["given:odd"]
    assert list(came) == ["given:one"]


def test_a_store_that_breaks_stops_everything(tmp_path: Path) -> None:
    with open_store(tmp_path / "two.db") as store:
        store.close()
        (tmp_path / "two.db").write_bytes(b"no database at all" * 100)
        with pytest.raises(StoreError):
            steps.ingest_all(steps.Into(store, READER, steps.Watched()), [whole(stream(hours=1), 1)])


# --- detect --------------------------------------------------------------------------------------------------


def test_an_outage_is_found_with_its_beginning_its_end_and_what_is_broken(store: Store) -> None:
    outage = Outage()
    ingest(store, whole(stream(outage)))
    (history,) = detect(store).changed
    incident = history.incident
    assert truth_inside(history, outage)
    assert (incident.severity, incident.state) == ("page", "resolved")
    assert incident.symptoms == (("cannot-send", 1.0),)
    assert incident.n_reports == incident.n_authors > 300
    assert store.incidents_of(KEY) == [incident]
    assert store.transitions_of(incident.id) == history.transitions
    assert steps.histories(store, [KEY]) == [history]


def test_a_second_detection_finds_nothing_new(store: Store) -> None:
    ingest(store, whole(stream(Outage())))
    detect(store)
    assert detect(store).changed == []


def test_bins_that_may_still_receive_posts_are_not_judged(store: Store) -> None:
    outage = Outage()
    ingest(store, whole(stream(outage)))
    assert detect(store, until=outage.begin).changed == []
    (history,) = detect(store, until=outage.begin + 20).changed
    assert history.incident.is_open
    found = store.checkpoint(KEY)
    assert found is not None
    assert found[0] == at(outage.begin + 20)


def test_in_steps_it_finds_what_it_finds_at_once(store: Store) -> None:
    """Open, confirmed, over: the same transitions whether the detector looks every seven minutes or only once."""
    posts = stream(Outage(), Outage(18 * HOUR, 18 * HOUR + 15, 6.0), hours=21)
    ingest(store, whole(posts, 21))
    changed = []
    for minute in (*range(15 * HOUR, 21 * HOUR, 7), 21 * HOUR):
        changed += detect(store, until=minute).changed
    assert len(changed) > 2
    with open_store(":memory:") as other:
        ingest(other, whole(posts, 21))
        detect(other)
        assert steps.histories(store, [KEY]) == steps.histories(other, [KEY])
        assert len(steps.histories(store, [KEY])) == 2


def test_who_is_behind_takes_back_nothing(store: Store) -> None:
    outage = Outage()
    ingest(store, whole(stream(outage)))
    (found,) = detect(store).changed
    behind = detect(store, until=outage.begin + 20)
    assert (behind.changed, behind.news) == ([], [])
    assert store.transitions_of(found.incident.id) == found.transitions


@pytest.fixture
def scorings(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Count how often a whole series is scored: nothing else tells the short way from the long one."""
    lengths: list[int] = []

    def counting(series: CountSeries, **options: Any) -> Any:
        lengths.append(len(series))
        return score(series, **options)

    monkeypatch.setattr("flows.steps.groups.score", counting)
    return lengths


def test_quiet_bins_are_scored_from_the_checkpoint_on(store: Store, scorings: list[int]) -> None:
    ingest(store, whole(stream()))
    for minute in range(13 * HOUR, 19 * HOUR, 5):
        detect(store, until=minute)
    assert scorings == [13 * HOUR]
    saved = store.checkpoint(KEY)
    assert saved is not None
    assert at(19 * HOUR) - saved[0] <= steps.CHECKPOINT_EVERY + timedelta(minutes=5)


@pytest.mark.parametrize("severity", ["watch", "page"])
def test_a_bin_that_fires_by_either_severity_is_looked_at(
    store: Store, severity: str, monkeypatch: pytest.MonkeyPatch, scorings: list[int]
) -> None:
    """A few reports of a service that nobody ever mentions make a page before they make a watch."""
    ingest(store, whole(stream()))
    detect(store, until=13 * HOUR)

    def fired(state: dict[str, Any], series: CountSeries) -> Any:
        scored = resume(state, series)
        getattr(scored, severity)[-1] = 1.0
        return scored

    monkeypatch.setattr("flows.steps.groups.resume", fired)
    detect(store, until=13 * HOUR + 5)
    assert len(scorings) == 2


def test_late_reports_revise_an_incident_under_its_id(store: Store, scorings: list[int]) -> None:
    """They come after all was scored and over, and move its beginning."""
    outage = Outage()
    posts = stream(outage)
    early = (outage.begin, outage.begin + 12)
    late = [post for post in posts if at(early[0]) <= post.created_at < at(early[1])]
    source = Given([batch(1, [post for post in posts if post not in late], observed=(Span(at(0), at(19 * HOUR)),))])
    ingest(store, source)
    (before,) = detect(store).changed
    source.batches.append(batch(2, late))
    ingest(store, source)
    (after,) = detect(store).changed
    assert len(scorings) == 2
    assert after.incident.id == before.incident.id
    assert after.incident.onset.at < before.incident.onset.at
    assert after.transitions[:-1] == before.transitions
    assert "late reports changed the counts" in after.transitions[-1].reason
    assert truth_inside(after, outage)
    assert len(store.incidents_of(KEY)) == 1
    assert detect(store).changed == []


def test_late_reports_that_bring_an_incident_to_light(store: Store) -> None:
    outage = Outage(extra=4)
    posts = stream(outage)
    cut = [post for post in posts if at(outage.begin) <= post.created_at < at(outage.end)]
    source = Given([batch(1, [one for one in posts if one not in cut], observed=(Span(at(0), at(19 * HOUR)),))])
    ingest(store, source)
    assert detect(store).changed == []
    source.batches.append(batch(2, cut))
    ingest(store, source)
    assert [history.incident.state for history in detect(store).changed] == ["resolved"]


def test_time_that_is_not_observed_neither_alarms_nor_resolves(store: Store) -> None:
    outage = Outage()
    hole = (outage.begin + 20, outage.begin + 3 * HOUR)
    posts = [one for one in stream(outage, hours=22) if not at(hole[0]) <= one.created_at < at(hole[1])]
    observed = (Span(at(0), at(hole[0])), Span(at(hole[1]), at(22 * HOUR)))
    ingest(store, Given([batch(1, posts, observed=observed)]))
    detect(store, until=hole[1])
    (incident,) = store.incidents_of(KEY)
    assert incident.is_open
    detect(store)
    (incident,) = store.incidents_of(KEY)
    assert incident.resolved_at is not None
    assert incident.resolved_at > at(hole[1])


def test_until_when_it_learns_is_said_at_every_tick_and_claims_are_not_made(store: Store) -> None:
    ingest(store, whole(stream(Outage(5 * HOUR, 6 * HOUR), hours=14), 14))
    assert detect(store, until=4 * HOUR).learning == {"imessage": at(12 * HOUR)}
    assert detect(store, until=4 * HOUR).learning == {"imessage": at(12 * HOUR)}, "nothing new, and still learning"
    done = detect(store, until=11 * HOUR)
    assert done.learning == {"imessage": at(12 * HOUR)}
    assert done.changed == []
    assert detect(store, until=12 * HOUR + 5).learning == {}
    assert detect(store).learning == {}


def test_what_was_not_observed_is_not_learnt_from(store: Store) -> None:
    observed = (Span(at(0), at(2 * HOUR)), Span(at(5 * HOUR), at(6 * HOUR)))
    ingest(store, Given([batch(1, stream(hours=2), observed=observed)]))
    assert detect(store).learning == {"imessage": at(6 * HOUR + 9 * HOUR)}


def test_a_series_without_observed_time_is_left_alone(store: Store) -> None:
    ingest(store, Given([batch(1, stream(hours=1))]))
    assert detect(store) == steps.Detected()
    assert store.checkpoint(KEY) is None


@pytest.mark.parametrize(
    "state",
    [
        {"detector": "uproar", "learning_until": None, "state": {"version": "uproar-bank-0"}},
        {"version": "uproar-bank-1"},
        {},
    ],
)
def test_a_checkpoint_of_another_version_is_scored_anew(
    store: Store, scorings: list[int], state: dict[str, Any]
) -> None:
    ingest(store, whole(stream(Outage())))
    store.series(KEY)
    store.save_detection(KEY, at=at(15 * HOUR), state=state)
    assert store.changed_from(KEY) is None
    assert len(detect(store).changed) == 1
    assert scorings == [19 * HOUR]


def test_incidents_of_two_detectors_are_not_mixed(store: Store) -> None:
    ingest(store, whole(stream(Outage())))
    detect(store)
    with pytest.raises(InputError, match="judged by the detector uproar in this store; name another store"):
        detect(store, detector="plain-count")


def test_another_detector_goes_on_from_its_own_checkpoint(store: Store, scorings: list[int]) -> None:
    ingest(store, whole(stream()))
    for minute in (14 * HOUR, 15 * HOUR, 19 * HOUR):
        detect(store, until=minute, detector="plain-count")
    assert scorings == [14 * HOUR]


def test_counts_that_came_as_counts_have_no_people_to_tell_apart(store: Store) -> None:
    rng = np.random.default_rng(1)
    values = rng.poisson(2.0, 19 * HOUR).astype(float)
    values[16 * HOUR : 16 * HOUR + 30] += 30
    key = store.commit_counts(CountSeries("mine", "counts", START, 60, values, values, np.ones(len(values))))
    (history,) = detect(store, key=key).changed
    assert history.incident.n_reports == history.incident.n_authors > 900
    assert history.incident.symptoms == ()


# --- view ----------------------------------------------------------------------------------------------------


def test_a_view_shows_the_day_before_and_two_hours_after(store: Store) -> None:
    outage = Outage(40 * HOUR, 40 * HOUR + 30)
    ingest(store, whole(stream(outage, hours=48), 48))
    (history,) = detect(store).changed
    view = steps.view(store, history.incident, is_simulated=True)
    incident = history.incident
    assert incident.resolved_at is not None
    minute = timedelta(minutes=1)
    assert timedelta(0) <= incident.onset.at - steps.SHOWN_BEFORE - view.series.start_at < minute
    assert timedelta(0) <= incident.resolved_at + steps.SHOWN_AFTER - view.series.end_at < minute
    assert view.service_name == "iMessage"
    assert view.transitions == history.transitions
    assert view.data_until == at(48 * HOUR)
    assert view.is_simulated
    index = int((incident.peak_at - view.series.start_at) / minute)
    assert view.series.observed[index] == incident.peak
    assert view.baseline.expected[index] == incident.expected_at_peak
    assert "<svg" in steps.page(store, incident)


def test_a_view_of_an_open_incident_near_the_start_of_a_series(store: Store) -> None:
    outage = Outage(13 * HOUR, 15 * HOUR)
    ingest(store, whole(stream(outage, hours=14), 14))
    (history,) = detect(store).changed
    view = steps.view(store, history.incident)
    assert (view.series.start_at, view.series.end_at) == (at(0), at(14 * HOUR))


def test_earlier_incidents_are_those_before_that_were_none_dismissed(store: Store) -> None:
    outages = [Outage(hour * HOUR, hour * HOUR + 30) for hour in (16, 20, 24)]
    ingest(store, whole(stream(*outages, hours=28), 28))
    detect(store)
    one, two, three = store.incidents_of(KEY)
    assert steps.earlier(store, three) == (two, one)
    assert steps.earlier(store, one) == ()


def test_a_service_is_named_as_people_write_it_and_ones_own_as_it_is() -> None:
    assert steps.service_name("imessage") == "iMessage"
    assert steps.service_name("my-api") == "my-api"


def test_people_are_still_told_apart_when_their_reports_are_no_longer_kept(store: Store) -> None:
    outage = Outage()
    posts = [replace(post, author_id=f"a{int(post.id.rpartition('-')[2]) % 50}") for post in stream(outage)]
    ingest(store, whole(posts))
    (before,) = detect(store).changed
    assert 1 < before.incident.n_authors <= 50
    store.retain(at(100 * HOUR), keep_h=1)
    late = [replace(posts[0], id="late")]
    ingest(store, Given([batch(1, []), batch(2, late)], label="given:late"))
    assert store.changed_from(KEY), "it is scored again"
    detect(store)
    (after,) = steps.histories(store, [KEY])
    new = max(0, after.incident.n_reports - before.incident.n_reports)
    assert new < 30
    assert before.incident.n_authors <= after.incident.n_authors <= before.incident.n_authors + new


def test_a_service_that_is_watched_later_has_its_past_where_a_source_sees_every_one() -> None:
    """Such a source vouches for all services, so that what it brings of any must be counted: else there were zeros."""

    class Everything(Given):
        def queries(self, services: Sequence[Service] | None) -> tuple[Query, ...]:  # noqa: ARG002 - as Bluesky does
            return (Query("posts"),)

    posts = stream(hours=2, services=("iMessage", "Outlook"))
    source = Everything(whole(posts, 2).batches)
    with open_store(":memory:") as store:
        steps.ingest(store, source, Reader(), steps.Watched(frozenset({"outlook"})))
        raw = {name: store.series(SeriesKey(name, "given")).raw.sum() for name in ("imessage", "outlook")}
        assert sum(raw.values()) == len(posts)
        assert min(raw.values()) > 0
        assert [key.service for key in steps.chosen_keys(store, {"outlook"})] == ["outlook"]
