"""Tags of services and how they are dealt out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from detectors.reference import catalogue
from flows.sources.tags import MOST_QUERIES, SLOTS, packed, tags_of

if TYPE_CHECKING:
    from detectors.model import Service

SERVICES = sorted(catalogue().values(), key=lambda service: service.id)


def service(name: str, *aliases: str) -> Service:
    return replace(catalogue()["imessage"], id=name, name=name, aliases=aliases)


@pytest.mark.parametrize(
    ("names", "tags"),
    [
        (("docker-hub", "Docker Hub"), ("dockerhub",)),
        (("o2",), ("o2",)),
        (("7-11", "7-eleven"), ("7eleven",)),  # a tag has at least one letter
        (("a", "disney+", "github.com", "what's app"), ("whatsapp",)),
        (("line", "ライン", "x_y"), ("line", "ライン", "xy")),
        (("cash", "cash app", "cashapp"), ("cash", "cashapp")),
        (("long", "l" * 41), ("long",)),
    ],
)
def test_what_a_service_can_be_tagged_with(names: tuple[str, ...], tags: tuple[str, ...]) -> None:
    assert tags_of(service(*names)) == tags


def test_every_service_of_the_catalogue_has_a_tag_of_its_own() -> None:
    first = [tags_of(each)[0] for each in SERVICES]
    assert len(set(first)) == len(first)


@given(st.lists(st.sampled_from(SERVICES), unique_by=lambda each: each.id), st.integers(1, 40), st.randoms())
def test_each_service_is_in_one_query_with_its_likeliest_tag(chosen: list[Service], most: int, rng: object) -> None:
    queries = packed(chosen, most=most)
    assert sorted(name for _, names in queries for name in names) == sorted(each.id for each in chosen)
    for tags, names in queries:
        assert 1 <= len(names) <= SLOTS
        assert len(set(tags)) == len(tags) <= SLOTS
        assert {tags_of(catalogue()[name])[0] for name in names} <= set(tags)
    if len(chosen) <= SLOTS * most:
        assert len(queries) <= most
    rng.shuffle(chosen)  # type: ignore[attr-defined]
    assert packed(chosen, most=most) == queries


def test_few_services_get_several_tags_each() -> None:
    assert packed([catalogue()["aws"]]) == ((("aws", "amazonwebservices", "useast1"), ("aws",)),)
    assert len(packed(SERVICES[:MOST_QUERIES])) == MOST_QUERIES
    assert len(packed(SERVICES[: 2 * MOST_QUERIES])) == MOST_QUERIES


def test_what_has_no_tag_but_the_anchor_is_not_asked_for() -> None:
    assert packed([service("outage"), service("1", "+")], anchor="outage") == ()
