"""Which pages there are, and which of a page's services an incident concerns."""

from __future__ import annotations

import pytest

from detectors.reference import catalogue
from flows.sources.statuspage import Page, endpoints, pages_of
from tests.flows.sources.statuspage.compose import PIGEONS, page, service

ORCHARD = service("Orchard")
PLAYER, STORE = service("Orchard Player", "orchardtunes"), service("Orchard Store")
ALL = (ORCHARD, PLAYER, STORE)


@pytest.mark.parametrize(
    ("components", "title", "concerned"),
    [
        (["Orchard Player"], "", ("orchard-player",)),
        (["orchardtunes for Windows"], "", ("orchard-player",)),
        (["Orchard Player", "ORCHARD STORE"], "Orchard", ("orchard-player", "orchard-store")),
        (["Orchard Books"], "", ("orchard",)),
        (["Login"], "Trouble with the Orchard Store", ("orchard-store",)),
        (["Orchards"], "", ()),
        ([], "", ()),
    ],
)
def test_components_name_services(components: list[str], title: str, concerned: tuple[str, ...]) -> None:
    assert Page("apple", "https://a.example", ALL).concerned(components, title) == concerned


def test_where_nothing_names_one_a_page_of_parts_means_all() -> None:
    found = Page("statuspage", "https://a.example", ALL).concerned(["Login"], "Slow")
    assert found == ("orchard", "orchard-player", "orchard-store")


@pytest.mark.parametrize("family", ["apple", "statuspage"])
def test_a_page_of_one_service_is_about_it(family: str) -> None:
    assert page(family, services=(PIGEONS,)).concerned(["Anything"], "at all") == ("pigeon-post",)


def test_pages_of_the_catalogue() -> None:
    """Every page once, each either with documents at official addresses or with a reason why it is not read."""
    pages = pages_of(catalogue().values())
    assert len({one.url for one in pages}) == len(pages)
    by_url = {one.url: one for one in pages}
    for one in catalogue().values():
        assert one.status is None or one in by_url[one.status.url].services
    for one_page in pages:
        if one_page.why_not is None:
            base = one_page.url.rpartition("/")[0] if one_page.family == "slack" else one_page.url
            assert all(address.startswith(base) for address in endpoints(one_page).values())
        else:
            assert one_page.name in one_page.why_not
    families = {one.family for one in pages if one.why_not is None}
    assert families == {"statuspage", "apple", "google", "slack", "atom"}
    apple = next(one for one in pages if one.family == "apple")
    assert apple.concerned(["iMessage"], "") == ("imessage",)
    assert apple.concerned(["iCloud Mail"], "") == ("icloud-mail",)
    workspace = next(one for one in pages if "appsstatus" in one.url)
    assert workspace.concerned(["Gmail"], "") == ("gmail",)
    assert workspace.concerned(["Google Vault"], "") == ()


def test_names_show_no_user_and_no_path() -> None:
    told = Page("apple", "https://user:canary@status.example.com/canary?canary", (PIGEONS,))
    assert told.name == "the status page status.example.com (example)"
    assert Page("apple", "nonsense").name == "the status page without a host"


def test_accounts_have_a_name_on_their_platform() -> None:
    assert Page("account", "https://x.com/ExampleStatus/").handle == "ExampleStatus"
    assert page("apple").handle == ""
