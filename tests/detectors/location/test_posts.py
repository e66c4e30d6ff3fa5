"""Posts: the first evidence that says something."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from detectors.location import level, locate_geo, locate_post
from detectors.model import Geo, Post, PostExtra

AT = datetime(2026, 3, 1, 18, tzinfo=UTC)


def regions(**fields: Any) -> dict[str, str]:
    post = Post(id="1", platform="x", created_at=AT, **({"text": "it is down"} | fields))
    return {level(one.region): one.region for one in reversed(locate_post(post))}


def test_the_order_of_precedence() -> None:
    everything = {
        "geo": Geo(country="US", state="TX", city="San Antonio", zip="78250"),
        "text": "down in Chicago",
        "user_location": "London, UK",
        "extra": PostExtra(subreddit="toronto", instance="mstdn.jp"),
    }
    seen = []
    for name in ("geo", "text", "user_location", "extra"):
        seen.append(regions(**everything)["subdivision"])
        del everything[name]
    assert seen == ["US-TX", "US-IL", "GB-ENG", "CA-ON"]
    assert regions() == {}
    assert regions(extra=PostExtra(instance="mstdn.jp")) == {"country": "JP"}


def test_a_place_without_meaning_gives_way() -> None:
    assert regions(geo=Geo(), user_location="Paris")["country"] == "FR"


def geo(**fields: Any) -> dict[str, str]:
    return {level(one.region): one.region for one in reversed(locate_geo(Geo(**fields)))}


def test_what_platforms_say() -> None:
    full = {"country": "US", "subdivision": "US-TX", "zip3": "zip3:US-782", "metro": "metro:4726206"}
    assert geo(country="US", state="TX", city="San Antonio", zip="78250") == full
    assert geo(state="TX", city="San Antonio", zip="78250") == full
    assert geo(zip="78250") == {name: full[name] for name in ("country", "subdivision", "zip3")}
    assert geo(country="GB", city="London")["subdivision"] == "GB-ENG"
    assert geo(country="DE", zip="78250") == {"country": "DE"}
    assert geo(zip="00907") == {"country": "PR"}
    assert geo(zip="12") == {}
    assert geo(country="FR") == {"country": "FR"}
    assert geo(country="us", state="CA") == {"country": "US", "subdivision": "US-CA"}
    assert geo(country="CA", city="Nairobi") == {"country": "CA"}
    assert geo(country="Germany", city="Hamburg")["subdivision"] == "DE-HH"
    assert geo(city="Hamburg")["subdivision"] == "DE-HH"


def test_coordinates_go_before_names() -> None:
    found = geo(lat=48.8566, lon=2.3522, country="US", city="Houston")
    assert (found["country"], found["subdivision"]) == ("FR", "FR-IDF")


@pytest.mark.parametrize("wrong", ["Dallas", "Chicago"])
def test_a_zip_code_goes_before_a_city(wrong: str) -> None:
    assert geo(country="US", city=wrong, zip="78250")["subdivision"] == "US-TX"
