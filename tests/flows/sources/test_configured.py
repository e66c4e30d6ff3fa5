"""Which sources a configuration makes."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from detectors.errors import InputError, SettingsError
from detectors.reference import catalogue
from flows.settings import Settings
from flows.sources.base import CountSource, Source
from flows.sources.configured import Access, Only, after_alarm, configured
from tests.flows.sources.harness import FakeTime

CANARY = "canary-5512"


class Free:
    """An account book that nobody looks at."""

    def charge(self, what: str, usd: float) -> None: ...

    def refund(self, what: str, usd: float) -> None: ...


def access() -> Access:
    return Access(FakeTime().bounds(), lambda _, value: value, lambda *_: Free())


def made(**given: Any) -> list[Source | CountSource]:
    return configured(msgspec.convert(given, Settings), access())


SECRET = {"secret": "a long random text"}
REDDIT = {"client_id": "id", "client_secret": CANARY}
X = {"bearer_token": CANARY, "budget_usd": 10.0, "services": ["imessage", "github"]}


def test_without_an_account_and_without_anything_else() -> None:
    assert made() == [], "nobody listens before there is a secret to hash authors with"
    assert [source.name for source in made(store=SECRET)] == ["bluesky", "hackernews"]
    assert [source.name for source in made(store=SECRET, bluesky={"enabled": False})] == ["hackernews"]


def test_all_of_them() -> None:
    every = made(
        sources={"archive": ["a.jsonl"]},
        bluesky={"enabled": True},
        hackernews={"enabled": True},
        mastodon={"instances": ["one.example", "two.example"], "tokens": {"one.example": CANARY}},
        reddit=REDDIT,
        x=X,
    )
    assert [source.name for source in every] == [
        "archive",
        "bluesky",
        "hackernews",
        "mastodon.one.example",
        "mastodon.two.example",
        "reddit",
        "reddit-comments",
        "x",
    ]
    assert len({source.label for source in every}) == len(every)
    assert all(isinstance(source, Source) != isinstance(source, CountSource) for source in every)
    assert CANARY not in repr(every)


@pytest.mark.parametrize(("mode", "name"), [("counts", "x"), ("search", "x-search"), ("stream", "x-stream")])
def test_x_in_its_modes_asks_for_the_services_that_are_named(mode: str, name: str) -> None:
    (source,) = made(x={**X, "mode": mode})
    assert source.name == name
    asked = {service for query in source.queries(list(catalogue().values())) for service in query.services or ()}
    assert asked == {"imessage", "github"}


def test_x_is_not_asked_without_a_budget_or_for_everything() -> None:
    with pytest.raises(SettingsError, match=r"^x.budget_usd: "):
        made(x={**X, "budget_usd": 0.0})
    with pytest.raises(SettingsError, match=r"^x.services: "):
        made(x={**X, "services": []})
    (source,) = made(x={**X, "services": []}, watch={"services": ["imessage"]})
    assert [query.services for query in source.queries(None)] == [("imessage",)]


def test_x_may_not_be_asked_how_x_is() -> None:
    (source,) = made(x={**X, "services": ["x"]})
    with pytest.raises(InputError, match="terms"):
        source.queries(None)


@pytest.mark.parametrize("mode", ["counts", "search", "stream"])
def test_of_x_among_others_that_are_watched_other_sources_are_asked(mode: str) -> None:
    given = {**X, "mode": mode, "services": []}
    (source,) = made(x=given, watch={"services": ["x", "imessage"]})
    assert {name for query in source.queries(None) for name in query.services or ()} == {"imessage"}
    with pytest.raises(SettingsError, match=r"^x.services: X may not be asked"):
        made(x=given, watch={"services": ["twitter"]})


def test_posts_of_x_are_read_after_an_alarm_where_they_are_only_counted() -> None:
    source = after_alarm(msgspec.convert({"x": X}, Settings), access(), "imessage")
    assert source is not None
    assert source.name == "x"
    assert after_alarm(msgspec.convert({"x": X}, Settings), access(), "slack") is None, "nobody wants to pay for it"
    assert after_alarm(msgspec.convert({"x": {**X, "mode": "search"}}, Settings), access(), "imessage") is None
    assert after_alarm(Settings(), access(), "imessage") is None


def test_a_server_that_is_written_twice_is_asked_once() -> None:
    every = made(mastodon={"instances": ["One.example", "https://one.example/", "two.example"]})
    assert [source.name for source in every] == ["mastodon.one.example", "mastodon.two.example"]


def test_only_some_services_are_asked_for() -> None:
    (source,) = made(store=SECRET, bluesky={"enabled": False}, mastodon={"instances": ["one.example"]})
    assert isinstance(source, Source)
    narrow = Only(source, [catalogue()["github"]])
    assert narrow.label == source.label
    assert [query.services for query in narrow.queries(None)] == [("github",)]


@pytest.mark.parametrize("written", ["one.example", "https://One.example/"])
def test_each_server_gets_its_own_token_and_no_other(written: str) -> None:
    asked: list[str] = []

    def secret(key: str, value: str) -> str:
        asked.append(key)
        return value

    given = {"mastodon": {"instances": [written, "two.example"], "tokens": {"one.example": CANARY}}}
    one, two = configured(msgspec.convert(given, Settings), Access(FakeTime().bounds(), secret, lambda *_: Free()))
    assert asked == [f"mastodon.tokens.{written}"]
    assert vars(one)["_token"] == CANARY
    assert vars(two)["_token"] is None
