"""Subreddits and servers."""

from __future__ import annotations

import pytest

from detectors.location import level, locate
from detectors.location.communities import _tables
from detectors.location.gazetteer import gazetteer

SUBREDDITS = {
    "chicago": "US-IL",
    "r/SanAntonio": "US-TX",
    "/r/london/": "GB-ENG",
    "columbusOH": "US-OH",
    "bangalore": "IN-KA",
    "toronto": "CA-ON",
    "nyc": "US-NY",
    "AskUK": "GB",
    "newzealand": "NZ",
    "de": "DE",
    "brasil": "BR",
}
SERVERS = {
    "toot.wales": "GB-WLS",
    "@someone@sfba.social": "US-CA",
    "https://example.de/about": "DE",
    "social.example.co.uk": "GB",
    "mstdn.jp": "JP",
}


@pytest.mark.parametrize("name", SUBREDDITS)
def test_a_local_subreddit_is_located(name: str) -> None:
    regions = {level(one.region): one.region for one in reversed(locate(name, kind="subreddit"))}
    assert SUBREDDITS[name] in regions.values()
    assert regions["country"] == SUBREDDITS[name][:2]


@pytest.mark.parametrize("name", ["apple", "mobile", "reading", "nice", "outages", "movies", "r/", "", "ü", "x" * 99])
def test_other_subreddits_are_not(name: str) -> None:
    assert locate(name, kind="subreddit") == []


@pytest.mark.parametrize("host", SERVERS)
def test_a_local_server_is_located(host: str) -> None:
    assert SERVERS[host] in [one.region for one in locate(host, kind="instance")]


@pytest.mark.parametrize(
    "host", ["mastodon.social", "bsky.social", "mastodon.io", "localhost", "de", "", "ü.de", "x" * 300]
)
def test_other_servers_are_not(host: str) -> None:
    assert locate(host, kind="instance") == []


def test_the_tables_name_regions_that_exist() -> None:
    tables = _tables()
    regions = {*tables.subreddits.values(), *tables.instances.values(), *tables.domains.values()}
    assert [region for region in sorted(regions) if gazetteer().place(region) < 0] == []
    assert all(name == name.lower() for name in (*tables.subreddits, *tables.instances))
