"""Places in posts: only what something introduces."""

from __future__ import annotations

import pytest

from detectors.location import level, locate

FOUND = {
    "US-TX": (
        "Spectrum down in San Antonio TX 78250",
        "Xfinity out here in houston",
        "Dallas, TX: no signal since noon",
        "anyone in Austin having trouble?",
    ),
    "US-OR": ("No internet in downtown Portland, OR since 2 AM",),
    "US-CA": ("LA here, nothing loads", "down in the Bay Area too"),
    "US-FL": ("no service in South Florida",),
    "US-IL": ("#Chicago everything is down",),
    "GB-ENG": ("London here - still delivering late", "outage near Leeds"),
    "BR-PR": ("sem internet em Curitiba",),
    "DE-HH": ("kein Internet in Hamburg",),
    "FR-ARA": ("panne Orange à Lyon",),
    "MX-NLE": ("no hay internet en Monterrey, NL",),
    "JP-13": ("WhatsApp がダウン 東京",),
}
COUNTRIES = {
    "GB": ("down in the UK", "Is it down for anyone else in the uk?"),
    "US": ("down in the us", "outage across the USA"),
    "MX": ("WhatsApp caído en México",),
}
NOT_FOUND = (
    "is it just me or is everything down",
    "mobile data not working",
    "nice, it is down again",
    "Paris Hilton says it is down",
    "Madison's phone says not delivered",
    "New York Times reports an outage",
    "gonna have a nice day with Victoria",
    "is anyone in reading books",
    "it's down in my house",
    "in Spectrum we trust",
    "error 78250",
    "Teams is down across Europe",
    "in us we trust",
    "he is in la la land",
    "not in Podunk",
)


@pytest.mark.parametrize(("region", "post"), [(region, post) for region in FOUND for post in FOUND[region]])
def test_a_place_that_something_introduces_is_found(region: str, post: str) -> None:
    regions = [one.region for one in locate(post, kind="text")]
    assert next(one for one in regions if level(one) == "subdivision") == region
    assert region[:2] in regions


@pytest.mark.parametrize(("region", "post"), [(region, post) for region in COUNTRIES for post in COUNTRIES[region]])
def test_a_country_is_found(region: str, post: str) -> None:
    assert [one.region for one in locate(post, kind="text")] == [region]


@pytest.mark.parametrize("post", NOT_FOUND)
def test_a_name_by_itself_is_no_place(post: str) -> None:
    assert locate(post, kind="text") == []


def test_several_places_share_the_weight() -> None:
    found = {one.region: one.weight for one in locate("outage reported across Texas and Oklahoma", kind="text")}
    assert found["US-TX"] == pytest.approx(0.5, abs=0.05)
    assert found["US-OK"] == pytest.approx(0.5, abs=0.05)


def test_a_zip_code_counts_beside_a_place() -> None:
    assert "zip3:US-782" in {one.region for one in locate("down in San Antonio TX 78250", kind="text")}
