"""Simulated posts: valid records in time order that agree with the simulated counts, and the truth about each."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from itertools import islice, pairwise
from typing import Any

import msgspec
import numpy as np
import pytest

from detectors.evaluation.simulate import (
    MIXES,
    PLACES,
    Delays,
    Hole,
    NewsBump,
    Noise,
    Outage,
    PostTruth,
    Scenario,
    ServiceTraffic,
    ViralCluster,
    in_arrival_order,
    posts_truth,
    simulate_counts,
    simulate_labelled,
    simulate_posts,
    to_lines,
)
from detectors.evaluation.simulate.traffic import CHUNK_POSTS, Traffic
from detectors.model import Post
from tests.builders import START, post

SYMPTOMS = (("cannot send", 0.6), ("delayed", 0.4))
OUTAGE = Outage("imessage", START + timedelta(hours=30), 60, 12, regions=("US",), symptoms=SYMPTOMS)
NEWS = NewsBump("imessage", START + timedelta(hours=36), 180, 15, repost_share=0.85)
CLUSTER = ViralCluster("outlook", START + timedelta(hours=10), 60, 20, repost_share=0.2)
GAPS = (
    Hole(START, START + timedelta(hours=3)),
    Hole(START + timedelta(hours=20), START + timedelta(hours=21), "imessage"),
)
SILENT = (Hole(START + timedelta(hours=44), START + timedelta(hours=45), "imessage"),)


def scenario(**changes: Any) -> Scenario:
    services = (
        ServiceTraffic("imessage", 2.0, MIXES["america"], names=("iMessage",)),
        ServiceTraffic("outlook", 0.5, MIXES["world"], noise=Noise("clusters")),
    )
    given: dict[str, Any] = {
        "start_at": START,
        "days": 2,
        "services": services,
        "outages": (OUTAGE,),
        "news": (NEWS,),
        "clusters": (CLUSTER,),
        "gaps": GAPS,
        "silent_gaps": SILENT,
        "background_per_min": 1.0,
        "delays": Delays(),
    }
    return Scenario(**(given | changes))


@pytest.fixture(scope="module")
def made() -> list[tuple[Post, PostTruth]]:
    return list(simulate_labelled(scenario(), seed=5))


def minute(each: Post) -> int:
    return int((each.created_at - START).total_seconds() // 60)


def test_the_same_seed_gives_the_same_bytes(made: list[tuple[Post, PostTruth]]) -> None:
    lines = [msgspec.json.encode(each) + b"\n" for each, _ in made]
    assert list(to_lines(simulate_posts(scenario(), seed=5))) == lines
    assert list(islice(to_lines(simulate_posts(scenario(), seed=6)), 50)) != lines[:50]


def test_posts_are_valid_records_in_time_order(made: list[tuple[Post, PostTruth]]) -> None:
    decoded = [msgspec.json.decode(line, type=Post) for line in to_lines(each for each, _ in made)]
    assert decoded == [each for each, _ in made]
    assert all(one.created_at <= other.created_at for one, other in pairwise(decoded))
    assert len({each.id for each in decoded}) == len(decoded)
    assert [truth.id for _, truth in made] == [each.id for each in decoded]
    assert all(each.text.strip() == each.text != "" for each in decoded)
    assert all(START <= each.created_at < START + timedelta(days=2) for each in (decoded[0], decoded[-1]))


def test_original_reports_are_as_many_as_the_counts_say(made: list[tuple[Post, PostTruth]]) -> None:
    for series in simulate_counts(scenario(), seed=5).series:
        own = [each for each, truth in made if truth.is_report and truth.service == series.service]
        per_bin = np.bincount([minute(each) for each in own], minlength=len(series))
        np.testing.assert_array_equal(per_bin, np.nan_to_num(series.observed))
        shared = [each for each, truth in made if each.is_repost and truth.service == series.service]
        reposts = np.bincount([minute(each) for each in shared], minlength=len(series))
        np.testing.assert_array_equal(reposts, np.nan_to_num(series.raw - series.observed))


def test_nothing_is_collected_in_holes(made: list[tuple[Post, PostTruth]]) -> None:
    assert min(minute(each) for each, _ in made) >= 180
    for first, last in ((1200, 1260), (2640, 2700)):
        seen = Counter(truth.service for each, truth in made if first <= minute(each) < last)
        assert seen["imessage"] == 0
        assert min(seen["outlook"], seen[None]) > 0


def test_an_outage_comes_from_its_places_with_its_symptoms(made: list[tuple[Post, PostTruth]]) -> None:
    brought = [(each, truth) for each, truth in made if truth.cause == "outage"]
    assert {truth.region[:2] for _, truth in brought} == {"US"}
    named = Counter(truth.symptom for _, truth in brought if truth.is_report and truth.symptom)
    assert set(named) == {"cannot send", "delayed"}
    assert named["cannot send"] / named.total() == pytest.approx(0.6, abs=0.06)
    shares = posts_truth(scenario(), seed=5).outages[0].region_shares
    places = Counter(truth.region for _, truth in brought if truth.is_report)
    assert places["US-CA"] / places.total() == pytest.approx(shares["US-CA"], abs=0.04)
    labels = Counter(truth.label for each, truth in brought if each.created_at >= OUTAGE.end_at)
    assert labels["resolved"] >= 3
    assert not any(truth.label == "resolved" for each, truth in brought if each.created_at < OUTAGE.end_at)


def test_labels_say_what_brought_a_post_about(made: list[tuple[Post, PostTruth]]) -> None:
    labels: dict[str, Counter[str]] = {}
    for _, truth in made:
        labels.setdefault(f"{truth.cause} {truth.is_report}", Counter())[truth.label] += 1
    assert set(labels["usual True"]) == {"first_hand", "asking"}
    assert set(labels["cluster True"]) <= {"joke", "spam"}
    assert labels["news True"].most_common(1)[0][0] == "news_or_brand"
    assert len(labels["usual False"]) >= 12
    assert all((truth.service is None) == (truth.label == "background") for _, truth in made)
    assert all(truth.symptom is None or truth.label == "first_hand" for _, truth in made)


def test_reposts_repeat_what_was_said(made: list[tuple[Post, PostTruth]]) -> None:
    originals = {each.text for each, truth in made if not each.is_repost}
    reposts = [each for each, _ in made if each.is_repost]
    assert all(each.platform in {"x", "bluesky", "mastodon"} for each in reposts)
    repeated = sum(each.text.partition(": ")[2] in originals for each in reposts)
    assert repeated / len(reposts) > 0.97
    news = Counter(each.is_repost for each, truth in made if truth.cause == "news")
    assert news[True] / news.total() == pytest.approx(0.85, abs=0.04)
    copied = Counter(each.text for each, truth in made if truth.cause == "cluster" and truth.is_report)
    assert copied.most_common(1)[0][1] > 0.5 * copied.total()


def test_people_are_many_a_few_are_loud_and_half_say_where_they_are(made: list[tuple[Post, PostTruth]]) -> None:
    posts = [each for each, _ in made]
    voices = Counter(each.author_id for each in posts if each.author_id)
    assert sum(each.author_id is None for each in posts) / len(posts) == pytest.approx(0.02, abs=0.01)
    assert len(voices) > 0.9 * len(posts)
    assert voices.most_common(1)[0][1] >= 5
    assert sum(each.user_location is None for each in posts) / len(posts) == pytest.approx(0.4, abs=0.03)
    homes = [(city.name.lower(), place.code) for place in PLACES.values() for city in place.cities]
    shared = Counter(city for city, _ in homes)
    cities = {city: code for city, code in homes if shared[city] == 1}
    told = [(each, truth) for each, truth in made if each.user_location and each.user_location.lower() in cities]
    assert len(told) > 100
    assert all(cities[str(each.user_location).lower()] == truth.region for each, truth in told)
    profiles: dict[str, set[str | None]] = {}
    for each in posts:
        if each.author_id and not each.is_repost:
            profiles.setdefault(each.author_id, set()).add(each.user_location)
    assert all(len(locations) == 1 for locations in profiles.values())


def test_platforms_and_languages_are_mixed(made: list[tuple[Post, PostTruth]]) -> None:
    platforms = Counter(each.platform for each, _ in made)
    assert set(platforms) == {"x", "reddit", "bluesky", "mastodon", "hackernews"}
    assert 0.55 < platforms["x"] / platforms.total() < 0.75
    assert len({each.lang for each, _ in made}) == 11
    spoken = Counter(each.lang for each, truth in made if truth.region == "BR")
    assert spoken.most_common(1)[0][0] == "pt"
    placed = [(each.geo, truth.region) for each, truth in made if each.geo]
    assert placed
    assert all(geo.country == region[:2] for geo, region in placed)
    extras = [(each.platform, each.extra) for each, _ in made if each.extra]
    assert all(extra.subreddit for platform, extra in extras if platform == "reddit")
    assert all(extra.instance for platform, extra in extras if platform == "mastodon")
    ages = [(START - extra.account_created_at).days for _, extra in extras if extra.account_created_at]
    assert min(ages) >= 1
    assert sum(age <= 31 for age in ages) / len(ages) == pytest.approx(0.04, abs=0.02)


def test_some_posts_arrive_late_but_within_a_day(made: list[tuple[Post, PostTruth]]) -> None:
    posts = [each for each, _ in made]
    delays = [
        (each.extra.received_at - each.created_at).total_seconds()
        for each in posts
        if each.extra and each.extra.received_at
    ]
    assert len(delays) / len(posts) == pytest.approx(0.03, abs=0.01)
    assert 0 < min(delays) < max(delays) <= 86_400
    assert np.median(delays) / 60 == pytest.approx(20, rel=0.3)
    arrived = list(in_arrival_order(posts))
    assert sorted(each.id for each in arrived) == sorted(each.id for each in posts)
    assert all(known_at(one) <= known_at(other) for one, other in pairwise(arrived))
    assert arrived != posts


def known_at(each: Post) -> Any:
    return (each.extra and each.extra.received_at) or each.created_at


def test_posts_on_time_keep_their_order() -> None:
    posts = [post(number, minute=number // 2) for number in range(7)]
    assert list(in_arrival_order(posts)) == posts
    assert list(in_arrival_order([])) == []


def test_an_ordinary_day_needs_no_extras() -> None:
    plain = Scenario(START, 0.5, (ServiceTraffic("imessage", 1.0),))
    made = list(simulate_labelled(plain, seed=1))
    assert {truth.cause for _, truth in made} == {"usual"}
    assert all(truth.service == "imessage" for _, truth in made)
    assert not any(each.extra and each.extra.received_at for each, _ in made)
    assert posts_truth(plain, seed=1).outages == ()


def test_names_come_from_the_catalogue_or_are_the_id() -> None:
    made = list(simulate_posts(Scenario(START, 1, (ServiceTraffic("imessage", 2.0),)), seed=1))
    texts = Counter("imessage" in each.text.lower() for each in made)
    assert texts[True] > 0.6 * texts.total()
    unknown = Scenario(START, 0.2, (ServiceTraffic("no-such-thing", 2.0),))
    assert sum("no such thing" in each.text.lower() for each in simulate_posts(unknown, seed=1)) > 100


def test_chunks_stay_small_however_many_posts() -> None:
    burst = Outage("imessage", START + timedelta(hours=30), 60, 30)
    busy = scenario(services=(ServiceTraffic("imessage", 150.0),), outages=(burst,), news=(), clusters=())
    sizes = [len(chunk) for chunk in Traffic(busy, 1).chunks()]
    assert sum(sizes) > 400_000
    assert max(sizes) < 2 * CHUNK_POSTS + 60 * 150
    assert np.mean(sizes) == pytest.approx(CHUNK_POSTS, rel=0.3)
