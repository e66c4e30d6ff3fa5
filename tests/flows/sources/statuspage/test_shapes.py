"""What is peculiar to each family."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from detectors.errors import PermanentError, RetryableError
from flows.sources.statuspage import Page, Parsed, endpoints, parse
from flows.sources.statuspage.stamps import moments
from tests.flows.sources.statuspage.compose import FAMILIES, FIRST, OTHER, OVER, apple, at, packed, page, statuspage

if TYPE_CHECKING:
    from detectors.model import StatusRevision

SEEN_AT = at("20:00")
ENTRY = "<entry><id>e1</id><published>2026-02-10T18:20:00Z</published><title>{title}</title>{content}</entry>"


def read(family: str, name: str, document: Any, seen_at: datetime = SEEN_AT) -> Parsed:
    """Parse one document."""
    body = document if isinstance(document, bytes) else packed(document)
    return parse(page(family), {name: body}, seen_at)


def only(found: Parsed) -> StatusRevision:
    """Return the one incident's own row."""
    (row,) = [row for row in found.revisions if row.is_whole]
    return row


# --- statuspage.io -------------------------------------------------------------------------------------------


def incidents(**fields: Any) -> dict[str, Any]:
    return {"incidents": [{"id": "i", "name": "Trouble", "status": "investigating", **fields}]}


def test_statuspage_has_two_documents() -> None:
    assert endpoints(Page("statuspage", "https://a.example/")) == {
        "incidents.json": "https://a.example/api/v2/incidents.json",
        "summary.json": "https://a.example/api/v2/summary.json",
    }


def test_statuspage_an_incident_in_both_documents_is_one() -> None:
    assert len(parse(page("statuspage"), statuspage(FIRST, OVER), SEEN_AT).revisions) == len(
        parse(page("statuspage"), {"incidents.json": statuspage(FIRST, OVER)["incidents.json"]}, SEEN_AT).revisions
    )


def test_statuspage_the_document_with_more_updates_is_believed() -> None:
    short = FIRST.__class__(1, FIRST.component, FIRST.started_at, FIRST.updates[:1])
    documents = {
        "incidents.json": statuspage(short)["incidents.json"],
        "summary.json": statuspage(FIRST)["summary.json"],
    }
    assert len(parse(page("statuspage"), documents, SEEN_AT).revisions) == 3


def test_statuspage_maintenance() -> None:
    planned = {
        "id": "m",
        "name": "New perches",
        "status": "scheduled",
        "impact": "maintenance",
        "scheduled_for": "2026-02-11T01:00:00Z",
        "scheduled_until": "2026-02-11T03:00:00Z",
        "incident_updates": [],
    }
    found = read("statuspage", "summary.json", {"incidents": [], "scheduled_maintenances": [planned]})
    row = only(found)
    assert (row.state, row.impact, row.is_maintenance, row.is_open) == ("scheduled", "maintenance", True, False)
    assert row.scheduled_at == found.changes_at == datetime(2026, 2, 11, 1, tzinfo=UTC)
    going_on = read(
        "statuspage",
        "summary.json",
        {"incidents": [], "scheduled_maintenances": [planned | {"status": "in_progress"}]},
    )
    assert only(going_on).is_open


@pytest.mark.parametrize(
    ("status", "resolved_at", "state"),
    [
        ("postmortem", "2026-02-10T19:00:00Z", "postmortem"),
        ("napping", None, "open"),
        ("napping", "2026-02-10T19:00:00Z", "resolved"),
    ],
)
def test_statuspage_states(status: str, resolved_at: str | None, state: str) -> None:
    row = only(read("statuspage", "incidents.json", incidents(status=status, resolved_at=resolved_at)))
    assert (row.state, row.raw_state) == (state, status)


def test_statuspage_a_postmortem_is_kept() -> None:
    row = only(read("statuspage", "incidents.json", incidents(postmortem_body="A cat. Some users saw it.")))
    assert (row.body, row.scope_text) == ("A cat. Some users saw it.", "Some users saw it.")


# --- Apple ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wrap", ["{}", "\ufeff {} ", "jsonCallback({});", "a.b$c (  {} ) ; \n"])
def test_apple_json_and_json_in_a_call(wrap: str) -> None:
    body = apple(FIRST)["system status"].decode().removeprefix("jsonCallback(").removesuffix(");")
    assert read("apple", "system status", wrap.replace("{}", body).encode()).revisions


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"alert(1);alert(2)",
        b'jsonCallback({"services": []}',
        b'jsonCallback({"services": []}); evil()',
        b"jsonCallback((function(){return {}})())",
        b"x" * 500 + b'({"services": []})',
        b"(" * 50_000,
        b"__import__('os').abort()",
        b'jsonCallback(jsonCallback({"services": []}))',
        b"<html>",
        b'{"services": {}}',
        b"[]",
    ],
)
def test_apple_what_is_neither_is_refused_and_never_run(body: bytes) -> None:
    with pytest.raises(RetryableError, match=r"the status page status\.example\.com"):
        read("apple", "system status", body)


def event(**fields: Any) -> dict[str, Any]:
    """Build Apple's document of one event."""
    given = {"messageId": "1", "statusType": "Issue", "message": "m", "epochStartDate": 1770746400000} | fields
    return {"services": [{"serviceName": "Pigeon Post", "events": [given]}]}


def ms(when: datetime) -> int:
    return int(when.timestamp() * 1000)


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({}, "open"),
        ({"epochEndDate": None, "eventStatus": "ongoing"}, "open"),
        ({"epochEndDate": ms(at("21:00"))}, "open"),
        ({"epochEndDate": ms(at("19:59"))}, "resolved"),
        ({"epochEndDate": ms(at("19:59")), "eventStatus": "ongoing"}, "resolved"),
        ({"eventStatus": "resolved"}, "resolved"),
        ({"eventStatus": "completed"}, "resolved"),
        ({"epochStartDate": ms(at("22:00")), "epochEndDate": ms(at("23:00"))}, "scheduled"),
        ({"eventStatus": "upcoming"}, "open"),
    ],
)
def test_apple_the_end_decides(fields: dict[str, Any], state: str) -> None:
    assert only(read("apple", "system status", event(**fields))).state == state


def test_apple_an_end_to_come_is_no_end_and_the_same_text_means_more_later() -> None:
    document = event(epochEndDate=ms(at("21:00")))
    before, after = (read("apple", "system status", document, at(clock)) for clock in ("20:59", "21:00"))
    assert (only(before).resolved_at, only(before).scheduled_end_at, before.changes_at) == (
        None,
        at("21:00"),
        at("21:00"),
    )
    assert (only(after).resolved_at, only(after).scheduled_end_at, after.changes_at) == (at("21:00"), None, None)
    assert only(before).sha256 != only(after).sha256


@pytest.mark.parametrize(
    ("fields", "posted_at"),
    [
        ({"startDate": "02/10/2026 10:00 PST", "datePosted": "02/10/2026 10:30 PST"}, at("18:30")),
        ({"startDate": "02/10/2026 19:00 CET", "datePosted": "02/10/2026 19:30 CET"}, at("18:30")),
        ({"startDate": None, "datePosted": "02/10/2026 11:30 PDT"}, at("18:30")),
        ({"startDate": "02/10/2019 10:00 PST", "datePosted": "02/10/2026 10:30 PST"}, at("18:30")),
        ({"datePosted": "02/10/2026 10:30 XYZ"}, None),
        ({"datePosted": "02/30/2026 10:30 PST"}, None),
        ({"datePosted": "yesterday"}, None),
        ({}, None),
    ],
)
def test_apple_local_times_are_read_by_the_milliseconds_beside_them(
    fields: dict[str, Any], posted_at: datetime | None
) -> None:
    assert only(read("apple", "system status", event(**fields))).posted_at == posted_at


def test_apple_one_event_under_two_services_is_two_rows_of_one_incident() -> None:
    document = event()
    document["services"].append({"serviceName": "Smoke Signals", "events": document["services"][0]["events"]})
    rows = read("apple", "system status", document).revisions
    assert [(row.incident_id, row.update_id) for row in rows] == [("1", "Pigeon Post"), ("1", "Smoke Signals")]


def test_apple_an_event_without_an_id_has_one_of_its_start() -> None:
    rows = read("apple", "system status", event(messageId=None)).revisions
    assert [row.incident_id for row in rows] == ["Pigeon Post, 2026-02-10T18:00:00+00:00"]


# --- Google --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("end", "is_open"), [({}, True), ({"end": None}, True), ({"end": "2026-02-10T19:00Z"}, False)])
def test_google_end_may_be_missing_or_null(end: dict[str, Any], *, is_open: bool) -> None:
    document = [{"id": "g", "begin": "2026-02-10T18:00:00+00:00", **end}]
    assert only(read("google", "incidents.json", document)).is_open is is_open


def test_google_a_long_description_is_kept_and_its_first_line_is_the_title() -> None:
    row = only(read("google", "incidents.json", [{"id": "g", "external_desc": "Title\n# More\ntext"}]))
    assert (row.title, row.body) == ("Title", "Title\n# More\ntext")
    row = only(read("google", "incidents.json", [{"id": "g", "external_desc": "Title\n", "uri": "http://[bad"}]))
    assert (row.title, row.body, row.url) == ("Title", "", "")


def test_google_only_a_list_is_an_answer() -> None:
    with pytest.raises(RetryableError, match=r"something other than its incidents\.json"):
        read("google", "incidents.json", {"error": "quota"})


# --- Slack ---------------------------------------------------------------------------------------------------


def test_slack_current_and_history_from_either_address() -> None:
    wanted = {"current": "https://s.example/api/current", "history": "https://s.example/api/history"}
    assert endpoints(Page("slack", "https://s.example/api/current")) == wanted
    assert endpoints(Page("slack", "https://s.example/api/")) == wanted


def test_slack_ids_may_be_numbers_or_texts_and_states_new() -> None:
    document = [{"id": number, "status": "napping", "type": "maintenance", "services": "all"} for number in (7, "8")]
    found = read("slack", "history", document)
    assert [(row.incident_id, row.state, row.is_maintenance) for row in found.revisions] == [
        ("7", "open", True),
        ("8", "open", True),
    ]
    assert found.skipped == ("incident 1: 'services' is not a list", "incident 2: 'services' is not a list")


# --- feeds ---------------------------------------------------------------------------------------------------


def feed(*entries: str) -> bytes:
    return f"<feed xmlns='http://www.w3.org/2005/Atom'>{''.join(entries)}</feed>".encode()


def test_rss_and_an_entry_without_stamps() -> None:
    rss = b"""<?xml version="1.0"?><rss version="2.0"><channel><title>t</title><item>
    <title>[Resolved] Owls are late</title><guid>g1</guid><pubDate>Tue, 10 Feb 2026 18:00:00 +0000</pubDate>
    <description>&lt;p&gt;Some users&lt;br/&gt;wait.&lt;/p&gt;</description></item></channel></rss>"""
    update, whole = read("atom", "feed", rss).revisions
    assert (update.body, update.posted_at) == ("Some users\nwait.", at("18:00"))
    assert (whole.state, whole.raw_state, whole.resolved_at) == ("resolved", "Resolved", at("18:00"))


def test_an_entry_that_does_not_say_how_far_it_is() -> None:
    update, whole = read("atom", "feed", feed(ENTRY.format(title="Owls: late", content=""))).revisions
    assert (update.state, whole.state, whole.is_open) == ("unknown", "unknown", True)


def test_a_planned_event_with_words_before_its_first_stamp() -> None:
    html = (
        "&lt;strong&gt;PLANNED Feb 12&lt;/strong&gt;&lt;p&gt;&lt;small&gt;Feb 10, 18:20 UTC&lt;/small&gt;"
        "&lt;br&gt;&lt;strong&gt;Scheduled&lt;/strong&gt; - We will &lt;strong&gt;sweep&lt;/strong&gt;."
        "&lt;small&gt;Fine print&lt;/small&gt;&lt;/p&gt;"
    )
    update, whole = read(
        "atom", "feed", feed(ENTRY.format(title="Sweep", content=f"<content type='html'>{html}</content>"))
    ).revisions
    assert (update.body, update.raw_state) == ("We will sweep.Fine print", "Scheduled")
    assert (whole.body, whole.state, whole.is_maintenance) == ("PLANNED Feb 12", "scheduled", True)


def test_a_stamp_that_is_no_date_is_noted() -> None:
    html = "&lt;small&gt;Feb 30, 18:20 UTC&lt;/small&gt;&lt;strong&gt;Resolved&lt;/strong&gt; - x&lt;small&gt;"
    found = read("atom", "feed", feed(ENTRY.format(title="Owls", content=f"<content type='html'>{html}</content>")))
    assert found.skipped == ("entry 1: a time that cannot be read",)
    assert found.revisions[0].update_id == "Feb 30, 18:20 UTC"


def test_resolved_since_the_last_time_that_it_was_not() -> None:
    again = OVER.then(
        OVER.updates[0].__class__(at("19:10"), "Investigating", "Not quite."),
        OVER.updates[0].__class__(at("19:20"), "Resolved", "Now."),
        OVER.updates[0].__class__(at("19:50"), "Postmortem", "A net."),
        ended_at=at("19:20"),
    )
    row = only(parse(page("atom"), FAMILIES["atom"](again), SEEN_AT))
    assert (row.state, row.resolved_at) == ("postmortem", at("19:20"))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"http://127.0.0.1:9/feed",
        b"/etc/hostname",
        b"<html><body>Busy</body></html>",
        b"<feed xmlns='http://www.w3.org/2005/Atom'><entry><id>1</id>",
        b"<a>" * 5_000,
        b'<!DOCTYPE f [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><x>&b;',
    ],
)
def test_what_is_no_whole_feed_is_refused(body: bytes) -> None:
    with pytest.raises(RetryableError, match=r"the status page status\.example\.com"):
        read("atom", "feed", body)


def test_entities_do_not_grow_or_read_files() -> None:
    names = "abcdefghij"
    grown = "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in pairwise(names))
    for entities in (f'<!ENTITY a "aaaaaaaaaa">{grown}', '<!ENTITY j SYSTEM "file:///etc/hostname">'):
        body = f"<!DOCTYPE f [{entities}]>{feed(ENTRY.format(title='&j;', content='')).decode()}"
        with pytest.raises(RetryableError, match="not well-formed, plain XML"):
            read("atom", "feed", body.encode())


def test_many_entries_and_long_ones_are_cut_and_that_is_said() -> None:
    entries = [ENTRY.format(title="t", content="").replace("e1", f"e{n}") for n in range(1_001)]
    found = read("atom", "feed", feed(*entries))
    assert len(found.revisions) == 2_000
    assert found.skipped == ("more than 1000 entries: the rest was not read",)
    long = read("atom", "feed", feed(ENTRY.format(title="t", content=f"<content>{'x ' * 150_000}</content>")))
    assert long.skipped == ("entry 1: more than 200000 characters: the rest was not read",)
    assert len(long.revisions[0].body) == 20_000


def test_whatever_feedparser_raises_is_an_error_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise AssertionError("canary")

    monkeypatch.setattr("feedparser.parse", fail)
    with pytest.raises(RetryableError, match="a feed that cannot be read") as caught:
        read("atom", "feed", feed())
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("published", ["9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", "soon"])
def test_times_of_entries_that_cannot_be(published: str) -> None:
    body = feed(ENTRY.format(title="t", content="").replace("2026-02-10T18:20:00Z", published))
    assert only(read("atom", "feed", body)).posted_at is None


def test_entries_without_a_name_are_skipped() -> None:
    assert read("atom", "feed", feed("<entry><title>x</title></entry>")).skipped == (
        "entry 1: without an id or a link",
    )


@pytest.mark.parametrize(
    ("stamps", "newest_at", "expected"),
    [
        (["Mar 8, 03:30 PDT", "Mar 8, 01:30 PST"], "2026-03-08T10:30", ["2026-03-08T10:30", "2026-03-08T09:30"]),
        (["Feb 10, 21:45 NPT"], "2026-02-10T16:00", ["2026-02-10T16:00"]),
        (["Feb 10, 21:45 +0545"], "2026-02-10T16:00", ["2026-02-10T16:00"]),
        (["Feb 10, 10:00 -08:00"], "2026-02-10T18:00", ["2026-02-10T18:00"]),
        (["February 10, 18:00"], "2026-02-10T18:00", ["2026-02-10T18:00"]),
        (["Feb 29, 12:00 UTC"], "2026-02-10T18:00", ["2024-02-29T12:00"]),
        (["Feb 10, 12:00 QQT"], "2026-02-01T00:00", ["2025-02-10T12:00"]),
        (["Foo 10, 12:00 UTC", "no stamp"], "2026-02-10T18:00", [None, None]),
    ],
)
def test_stamps_without_a_year(stamps: list[str], newest_at: str, expected: list[str | None]) -> None:
    found = moments(stamps, datetime.fromisoformat(newest_at + "+00:00"))
    assert [when and when.strftime("%Y-%m-%dT%H:%M") for when in found] == expected


# --- any -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", ["html", "account"])
def test_families_that_cannot_be_fetched_say_so(family: str) -> None:
    told = Page(family, "https://status.example.com/x")
    with pytest.raises(PermanentError, match=r"the status page status\.example\.com is"):
        parse(told, {}, SEEN_AT)
    assert str(told.why_not)


def test_bodies_and_lists_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    row = only(read("statuspage", "incidents.json", incidents(postmortem_body="x" * 50_000, name="y" * 5_000)))
    assert (len(row.body), len(row.title)) == (20_000, 1_000)
    monkeypatch.setattr("flows.sources.statuspage.notice.MAX_REVISIONS", 4)
    found = parse(page("statuspage"), statuspage(FIRST, OTHER), SEEN_AT)
    assert len(found.revisions) == 3
    assert found.skipped == ("more than 4 updates: the rest was not read",)


def test_long_names_are_cut_and_told_apart() -> None:
    rows = [only(read("statuspage", "incidents.json", incidents(id="i" * 300 + end))) for end in "ab"]
    assert rows[0].incident_id != rows[1].incident_id
    assert all(len(row.incident_id) < 80 for row in rows)


def test_what_cannot_be_read_is_noted_and_the_rest_goes_on() -> None:
    bad: dict[str, Any] = {
        "incidents": [
            7,
            {"name": "without an id"},
            {"id": "late", "started_at": "yesterday", "resolved_at": "2026-02-10T18:00:00", "impact": ["x"]},
            {"id": "odd", "incident_updates": {"a": 1}, "created_at": "0001-01-01T00:00:00+12:00"},
            {"id": "good", "incident_updates": [None, {"body": "fine"}]},
        ]
    }
    found = read("statuspage", "incidents.json", bad)
    assert [row.incident_id for row in found.revisions if row.is_whole] == ["late", "odd", "good"]
    assert found.skipped == (
        "incidents.json, incident 1: not an object",
        "incidents.json, incident 2: without 'id'",
        "incidents.json, incident 3: 'impact' is not a text",
        "incidents.json, incident 3: 'started_at' is not a time with an offset",
        "incidents.json, incident 3: 'resolved_at' is not a time with an offset",
        "incidents.json, incident 4, update: not a list",
        "incidents.json, incident 4: 'created_at' is not a time with an offset",
        "incidents.json, incident 5, update 1: not an object",
    )
    assert found.revisions[-2].update_id == "without a time"


def test_notes_are_bounded() -> None:
    found = read("statuspage", "incidents.json", {"incidents": [None] * 80})
    assert len(found.skipped) == 51
    assert found.skipped[-1] == "and 30 more like these"


@pytest.mark.parametrize("value", [None, "x", [], {}, 10**30, -1, timedelta.max.total_seconds()])
def test_apple_times_that_are_none(value: Any) -> None:
    document = event(epochStartDate=value)
    assert only(read("apple", "system status", document)).started_at is None
