"""The catalogue: the packaged one is sound, and a mistake in a file names its place."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors import reference
from detectors.errors import CatalogueError, InputError
from detectors.reference import Catalogue, catalogue, find_lines, parse_services, resource, squeeze

if TYPE_CHECKING:
    from pathlib import Path

REQUIRED = [
    "facebook",
    "facebook-messenger",
    "instagram",
    "youtube",
    "gmail",
    "netflix",
    "skype",
    "github",
    "spectrum",
    "imessage",
    "outlook",
    "microsoft-365",
    "microsoft-teams",
    "whatsapp",
    "x",
    "discord",
]

GOOD = """
# a comment
[[service]]
id = "one"
name = "One"
vendor = "v"
family = "f"
aliases = ["first one"]

[[service]]
id = "two"
name = "Two"
vendor = "v"
family = "f"
aliases = [
    "second one",
]
needs = ["one"]

[service.status]
family = "statuspage"
url = "https://status.example"
"""


# --- the packaged one ---------------------------------------------------------------------------------------------


def test_the_packaged_catalogue_covers_what_people_post_about() -> None:
    services = catalogue()
    assert len(services) >= 120
    assert set(REQUIRED) <= set(services)
    regions = set(itertools.chain.from_iterable(service.regions for service in services.values()))
    assert {"US", "GB", "CA", "DE", "IN", "BR", "JP"} <= regions
    assert catalogue() is services


def test_every_name_leads_to_its_service() -> None:
    for service in catalogue().values():
        for name in (service.id, service.name, *service.aliases, *service.ambiguous):
            assert catalogue().resolve(name) is service, name


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("iMessage", "imessage"),
        (" I  MESSAGE ", "imessage"),
        ("FACEBOOK-MESSENGER", "facebook-messenger"),
        ("Spectrum", "spectrum"),
        ("アイメッセージ", "imessage"),
        ("Teams", "microsoft-teams"),
        ("office365", "microsoft-365"),
        ("\uff58", "x"),
    ],
)
def test_resolving(name: str, expected: str) -> None:
    found = catalogue().resolve(name)
    assert found is not None
    assert found.id == expected
    assert catalogue().get_or_suggest(name) is found


def test_an_unknown_name_is_told_with_its_nearest() -> None:
    assert catalogue().resolve("no such thing") is None
    with pytest.raises(InputError, match=r"^unknown service 'netflixx'; did you mean netflix\?$"):
        catalogue().get_or_suggest("netflixx")
    with pytest.raises(InputError, match=r"^unknown service 'qqqqqq'$"):
        catalogue().get_or_suggest("qqqqqq\x1b")


@given(st.text(max_size=40))
def test_any_name_may_be_asked_for(name: str) -> None:
    found = catalogue().resolve(name)
    assert found is None or catalogue()[found.id] is found


def test_status_pages_are_addresses() -> None:
    pages = [service.status for service in catalogue().values() if service.status]
    assert len(pages) > 60
    assert {page.family for page in pages} >= {"statuspage", "apple", "google", "slack", "atom", "html", "account"}


# --- reading files ------------------------------------------------------------------------------------------------


def test_a_good_file() -> None:
    services = Catalogue.from_files({"a.toml": GOOD})
    assert list(services) == ["one", "two"]
    assert len(services) == 2
    assert services["two"].needs == ("one",)
    assert services["two"].status is not None
    assert [service.id for service in parse_services(GOOD, place="a.toml")] == ["one", "two"]


def test_lines_of_keys() -> None:
    first, second = find_lines(GOOD, "service")
    assert first[""] == 3
    assert first["aliases"] == 8
    assert second["needs"] == 18
    assert second["status.url"] == 22


@pytest.mark.parametrize(
    ("old", "new", "place", "message"),
    [
        ('id = "two"', 'id = "one"', "a.toml:11:id", "used twice"),
        ('id = "two"', 'id = "Two"', "a.toml:11:id", "lower-case"),
        ('id = "two"', 'id = "two--x"', "a.toml:11:id", "lower-case"),
        ('id = "two"\n', "", "a.toml:10:id", "id is missing"),
        ('id = "two"', "id = 2", "a.toml:11:id", "str"),
        ('needs = ["one"]', 'needs = ["onne"]', "a.toml:18:needs", "did you mean one"),
        ('needs = ["one"]', 'needs = ["qqqqq"]', "a.toml:18:needs", "does not exist$"),
        ('needs = ["one"]', 'needs = ["two"]', "a.toml:18:needs", "needs itself"),
        ('needs = ["one"]', "needs = [1]", "a.toml:18:needs", "str"),
        ('needs = ["one"]', 'need = ["one"]', "a.toml:18:need", "no key need"),
        ('needs = ["one"]', 'regions = ["UK"]', "a.toml:18:regions", "did you mean GB"),
        ('needs = ["one"]', 'regions = ["us"]', "a.toml:18:regions", "ISO 3166-1"),
        ('needs = ["one"]', 'subreddits = ["r/two"]', "a.toml:18:subreddits", "subreddit"),
        ('needs = ["one"]', 'ambiguous = ["FIRST ONE"]', "a.toml:18:ambiguous", "'one' too"),
        ('needs = ["one"]', 'ambiguous = [" - "]', "a.toml:18:ambiguous", "empty"),
        ('"second one",', '"first  ONE",', "a.toml:15:aliases", "belongs to one service"),
        ('"second one",', '"",', "a.toml:15:aliases", "empty"),
        ('"second one",', "", "a.toml:15:aliases", "nobody could be heard"),
        ('name = "Two"', 'name = " "', "a.toml:12:name", "empty"),
        ('family = "statuspage"', 'family = "magic"', "a.toml:21:status.family", "Invalid enum"),
        ("https://status", "http://status", "a.toml:22:status.url", "https://"),
        ('[[service]]\nid = "two"', '[[servce]]\nid = "two"', "a.toml:10:servce", "unknown key"),
    ],
)
def test_a_mistake_names_file_line_and_key(old: str, new: str, place: str, message: str) -> None:
    assert old in GOOD
    with pytest.raises(CatalogueError, match=message) as caught:
        Catalogue.from_files({"a.toml": GOOD.replace(old, new)})
    assert caught.value.place == place
    assert str(caught.value).startswith(place)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("[[service]]\nid = \n", "a.toml:2"),
        ("[[service]]\nid = '''", "a.toml:2"),
        ("service = 1", "a.toml:1:service"),
        ("service = [1]", "a.toml:1:service"),
        ("x = " + "[" * 5_000, "a.toml:1"),
    ],
)
def test_what_is_no_catalogue_at_all(text: str, place: str) -> None:
    with pytest.raises(CatalogueError) as caught:
        Catalogue.from_files({"a.toml": text})
    assert caught.value.place == place


def test_an_inline_array_of_tables_is_read() -> None:
    text = 'service = [{id="a", name="A", vendor="v", family="f", aliases=["aa"]}]'
    assert [service.id for service in parse_services(text, place="a.toml")] == ["a"]


def test_a_clash_between_two_files_names_both() -> None:
    other = GOOD.replace('"one"', '"three"').replace('"two"', '"four"')
    with pytest.raises(CatalogueError, match=r"'one' too \(a.toml:3\)") as caught:
        Catalogue.from_files({"b.toml": other, "a.toml": GOOD})
    assert caught.value.place == "b.toml:5:name"


def test_needs_may_not_go_round_in_a_circle() -> None:
    circle = GOOD.replace('aliases = ["first one"]', 'aliases = ["first one"]\nneeds = ["two"]')
    with pytest.raises(CatalogueError, match="circle"):
        Catalogue.from_files({"a.toml": circle})


def test_own_services_extend_and_replace() -> None:
    base = Catalogue.from_files({"a.toml": GOOD})
    own = GOOD.split("[[service]]", maxsplit=2)[1].replace("first one", "uno")
    extended = base.extended({"own.toml": "[[service]]" + own})
    assert extended["one"].aliases == ("uno",)
    assert extended.resolve("first one") is None
    assert set(extended) == {"one", "two"}
    assert base["one"].aliases == ("first one",)


@given(st.text(max_size=60))
def test_squeezing_is_idempotent(name: str) -> None:
    assert squeeze(squeeze(name)) == squeeze(name)


def test_resources_come_from_the_package_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert resource("services").is_dir()
    (tmp_path / "_data").mkdir()
    (tmp_path / "_data" / "x.txt").write_text("shipped")
    monkeypatch.setattr(reference, "files", lambda _package: tmp_path)
    assert resource("x.txt").read_text() == "shipped"
    with pytest.raises(InputError, match="lacks nothing/here"):
        resource("nothing", "here")
