"""The same story in every family's shape gives the same revisions, as far as that family tells it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from flows.sources.statuspage import endpoints, parse
from tests.flows.sources.statuspage.compose import (
    FAMILIES,
    FIRST,
    OTHER,
    OVER,
    REWORDED,
    Said,
    Told,
    at,
    number_of,
    page,
)

if TYPE_CHECKING:
    from datetime import datetime

    from detectors.model import StatusRevision

SEEN_AT = at("20:00")
WITH_UPDATES = [name for name in FAMILIES if name != "apple"]


def read(family: str, *incidents: Told, seen_at: datetime = SEEN_AT) -> list[StatusRevision]:
    """Return what a page says of incidents."""
    found = parse(page(family), FAMILIES[family](*incidents), seen_at)
    assert found.skipped == ()
    return list(found.revisions)


def whole(rows: list[StatusRevision], number: int = 1) -> StatusRevision:
    """Return the row of an incident itself."""
    (found,) = [row for row in rows if row.is_whole and number_of(row.incident_id) == number]
    return found


@pytest.fixture(params=FAMILIES)
def family(request: pytest.FixtureRequest) -> str:
    """Every family that can be fetched."""
    name = request.param
    assert isinstance(name, str)
    return name


def test_the_documents_are_those_of_the_family(family: str) -> None:
    assert list(endpoints(page(family))) == list(FAMILIES[family](FIRST))
    assert all(address.startswith("https://status.example.com/") for address in endpoints(page(family)).values())


def test_open_and_resolved(family: str) -> None:
    rows = read(family, OVER, OTHER)
    assert {number_of(row.incident_id) for row in rows if row.is_open} == {2}
    assert whole(rows).state == "resolved"
    assert whole(rows).resolved_at == at("19:05")
    assert whole(rows, 2).resolved_at is None
    assert all(row.seen_at == SEEN_AT and row.page == page(family).url for row in rows)


def test_times_are_the_pages(family: str) -> None:
    row = whole(read(family, FIRST))
    assert row.started_at == (None if family == "atom" else at("18:02"))
    assert row.posted_at == (at("18:20") if family == "apple" else at("18:11"))
    assert row.scheduled_end_at is None


@pytest.mark.parametrize("family", WITH_UPDATES)
def test_updates_come_oldest_first_with_their_words(family: str) -> None:
    rows = [row for row in read(family, OVER) if not row.is_whole]
    assert [row.body for row in rows] == [said.text for said in OVER.updates]
    assert [row.posted_at for row in rows] == [said.at for said in OVER.updates]
    assert [row.position for row in rows] == [0, 1, 2]
    assert whole(read(family, OVER)).update_ids == tuple(row.update_id for row in rows)
    assert whole(read(family, OVER)).position == 3


def test_a_rewording_changes_only_what_was_reworded(family: str) -> None:
    before = {row.update_id: row for row in read(family, FIRST, OTHER) if number_of(row.incident_id) == 1}
    after = {row.update_id: row for row in read(family, REWORDED, OTHER) if number_of(row.incident_id) == 1}
    assert before.keys() == after.keys()
    changed = [name for name in before if before[name].sha256 != after[name].sha256]
    assert len(changed) == 1
    assert "Half of all customers were affected." in before[changed[0]].scope_text
    assert "A few customers were affected." in after[changed[0]].scope_text


def test_nothing_of_ours_is_in_the_hash(family: str) -> None:
    early, late = read(family, FIRST, OTHER, seen_at=at("18:59")), read(family, FIRST, OTHER, seen_at=at("23:59"))
    assert [row.sha256 for row in early] == [row.sha256 for row in late]
    alone = parse(page(family, services=()), FAMILIES[family](FIRST, OTHER), SEEN_AT).revisions
    assert [row.sha256 for row in alone] == [row.sha256 for row in early]


@pytest.mark.parametrize("family", WITH_UPDATES)
def test_a_new_update_leaves_the_others_as_they_were(family: str) -> None:
    before = {row.update_id: row.sha256 for row in read(family, REWORDED) if not row.is_whole}
    after = {row.update_id: row.sha256 for row in read(family, OVER) if not row.is_whole}
    assert before.items() < after.items()


@pytest.mark.parametrize("family", WITH_UPDATES)
def test_an_update_that_is_taken_back_shows_in_the_incidents_own_row(family: str) -> None:
    short = Told(1, FIRST.component, FIRST.started_at, FIRST.updates[1:])
    assert whole(read(family, short)).update_ids == whole(read(family, FIRST)).update_ids[1:]
    assert whole(read(family, short)).sha256 != whole(read(family, FIRST)).sha256


def test_two_updates_in_one_minute_are_two(family: str) -> None:
    twice = FIRST.then(Said(at("18:20"), "Monitoring", "It seems better."))
    rows = read(family, twice)
    assert len({row.update_id for row in rows}) == len(rows)


def test_services_are_those_that_the_components_name(family: str) -> None:
    rows = read(family, FIRST, OTHER)
    assert whole(rows).services == ("pigeon-post",)
    assert whole(rows, 2).services == ("smoke-signals",)


def test_a_quiet_page_says_nothing(family: str) -> None:
    assert read(family) == []


def test_what_pages_say_of_impact_regions_and_address() -> None:
    told = {family: whole(read(family, FIRST)) for family in FAMILIES}
    assert {family: row.impact for family, row in told.items()} == {
        "statuspage": "major",
        "apple": "major",
        "google": "minor",
        "slack": "major",
        "atom": "unknown",
    }
    assert told["google"].regions == ("Loft 7",)
    assert told["google"].url == "https://status.example.com/dashboard/incidents/incident-1"
    assert told["statuspage"].component == told["slack"].component == told["apple"].component == "Pigeon Post"
