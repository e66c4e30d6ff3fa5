"""Messages from a real store: the sentence says what the fields say, and what is not known is absent."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from detectors.matching import Reader
from detectors.model import Span
from detectors.model.status import StatusRevision
from detectors.reference import catalogue
from flows import steps
from flows.notify.message import Message, delivery_id
from flows.notify.policy import Route
from flows.notify.telling import Telling, is_kept_back, related_services, tell
from flows.report.wording import amount, factor_text, share
from flows.store import Silence, open_store
from tests.flows.streams import HOUR, Given, Outage, at, batch, stream

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from detectors.incidents.lifecycle import History
    from detectors.model import Post
    from flows.store import Outgoing, Store

ALERTS_MD = Path(__file__).resolve().parents[3] / "docs" / "alerts.md"
BEGIN = 16 * HOUR
ONCALL = Telling((Route("oncall"),))
HOSTILE = "<!channel> @everyone <script>alert(1)</script>"


@dataclass
class Scene:
    """A stream that is read, judged and told tick by tick."""

    store: Store
    posts: Sequence[Post]
    telling: Telling = ONCALL
    read_until: float = 0.0
    batches: list[Any] = field(default_factory=list)

    def tick(self, minute: float) -> list[Message]:
        """Read and judge up to a minute; return what is told."""
        fresh = [post for post in self.posts if at(self.read_until) <= post.created_at < at(minute)]
        span = Span(at(self.read_until), at(minute))
        self.batches.append(batch(len(self.batches) + 1, fresh, observed=(span,)))
        self.read_until = minute
        steps.ingest(self.store, Given(self.batches), Reader(), steps.Watched())
        made: list[Outgoing] = []

        def told(changed: Sequence[History], rising: Collection[str]) -> list[Outgoing]:
            made.extend(tell(self.store, self.telling, at(minute), changed=changed, rising=rising))
            return made

        steps.detect(self.store, self.store.keys(), until=at(minute), tell=told)
        return [msgspec.json.decode(one.body, type=Message) for one in made]

    def message(self, minute: float) -> Message:
        (one,) = self.tick(minute)
        return one


@pytest.fixture
def store() -> Iterator[Store]:
    with open_store(":memory:") as opened:
        yield opened


@pytest.fixture
def scene(store: Store) -> Scene:
    return Scene(store, stream(Outage()))


# --- the record and the sentence ------------------------------------------------------------------------------


def agrees(message: Message) -> None:
    """See that the sentence has the numbers of the fields, and that they are the incident's."""
    assert message.sentence.startswith(f"{message.service_name}: ")
    assert "\n" not in message.sentence
    for number, words in ((message.n_reports, "reports"), (message.n_authors, "people")):
        found = re.search(rf"(?:;| by) ([\d,]+) {words}", message.sentence)
        assert (found is None) == (number is None)
        assert found is None or int(found[1].replace(",", "")) == number
    if message.factor is not None:
        assert re.search(rf"\b{re.escape(factor_text(message.factor))} (?:the )?usual", message.sentence)
    assert f"{message.starts_at + timedelta(seconds=30):%H:%M}" in message.sentence
    assert ("still going on" in message.sentence) == (message.ends_at is None)
    if message.ends_at:
        assert f"to {message.ends_at + timedelta(seconds=30):%H:%M}" in message.sentence
    elif message.symptoms:
        name, part = message.symptoms[0]
        assert f"{name.replace('-', ' ')} {share(part)}" in message.sentence
    if message.official:
        assert message.sentence.endswith(f"; official page {message.official}.")
    assert message.recurrence in message.sentence


def test_an_outage_from_its_beginning_to_its_end(store: Store, scene: Scene) -> None:
    assert scene.tick(BEGIN) == []
    firing = scene.message(BEGIN + 8)
    assert scene.tick(BEGIN + 9) == []
    resolved = scene.message(BEGIN + 200)
    for one, status, state in ((firing, "firing", "confirmed"), (resolved, "resolved", "resolved")):
        assert (one.status, one.state, one.severity, one.service) == (status, state, "page", "imessage")
        agrees(one)
        assert (one.sources, one.coverage) == (("given",), 1.0)
        assert one.starts_low_at is not None
        assert one.starts_high_at is not None
        assert one.starts_low_at <= one.starts_at <= one.starts_high_at
    incident = store.incident(resolved.incident_id)
    assert incident is not None
    assert incident.ended is not None
    assert (resolved.n_reports, resolved.ends_at) == (incident.n_reports, incident.ended.at)
    assert resolved.factor == pytest.approx(incident.factor)
    assert (firing.revision, resolved.revision) == (1, 2)
    assert firing.would_change.startswith("an observed hour")
    assert resolved.would_change.startswith("alarms again")
    assert amount(incident.peak) in resolved.sentence
    assert resolved.reason == "an hour of observed reports without an alarm"


def test_what_is_not_known_is_absent(scene: Scene) -> None:
    scene.tick(BEGIN)
    message = scene.message(BEGIN + 8)
    empty = ("n_authors", "regions", "extent", "official", "recurrence", "links", "posts", "also", "group", "ends_at")
    assert not any(getattr(message, name) for name in empty)
    raw = msgspec.json.decode(msgspec.json.encode(message))
    assert not raw.keys() & set(empty)
    assert "is_test" not in raw
    assert not any(isinstance(value, float) and value != value for value in raw.values())  # noqa: PLR0124 - NaN


def test_the_second_in_seven_days_says_so(store: Store) -> None:
    again = BEGIN + 6 * HOUR
    scene = Scene(store, stream(Outage(), Outage(again, again + 30), hours=24))
    scene.tick(again - 5)
    assert scene.telling.routes
    message = scene.message(again + 10)
    assert message.recurrence == "second in 7 days"
    agrees(message)


def test_what_was_over_long_before_the_first_tick_is_not_told(store: Store, scene: Scene) -> None:
    assert scene.tick(19 * HOUR) == []
    assert [one.state for one in store.find_incidents()] == ["resolved"]


def test_links_and_posts_are_there_where_they_are_wanted(store: Store) -> None:
    posts = [msgspec.structs.replace(one, text=HOSTILE) for one in stream(Outage())]
    quiet = Scene(store, posts)
    quiet.tick(BEGIN)
    (body,) = (one.body for one in _enqueued(store, quiet, BEGIN + 8))
    assert b"script" not in body
    assert b"everyone" not in body
    telling = Telling((Route("other"),), link="https://u.example/i/{incident}#x", with_posts=True)
    (loud,) = tell(store, telling, at(BEGIN + 8))
    message = msgspec.json.decode(loud.body, type=Message)
    assert loud.has_posts
    assert message.posts == (HOSTILE,), "each wording once"
    assert [link.url for link in message.links] == [f"https://u.example/i/{message.incident_id}#x"]
    assert HOSTILE not in message.sentence


def _enqueued(store: Store, scene: Scene, minute: float) -> list[Outgoing]:
    scene.tick(minute)
    return store.deliveries()  # type: ignore[return-value]


def test_the_message_in_the_documentation_is_a_true_one(scene: Scene) -> None:
    (written,) = re.findall(r"<!-- alert -->\n```json\n(.*?)\n```", ALERTS_MD.read_text(), re.DOTALL)
    scene.tick(BEGIN)
    assert msgspec.json.decode(written, type=Message) == scene.message(BEGIN + 8)


# --- twice, and later -----------------------------------------------------------------------------------------


def test_told_twice_is_told_once_under_ids_that_stay(store: Store, scene: Scene) -> None:
    scene.tick(BEGIN)
    scene.tick(BEGIN + 8)
    (kept,) = store.deliveries()
    assert kept.id == delivery_id("oncall", kept.incident_id, 1)
    for minute in (BEGIN + 8, BEGIN + 9):
        assert tell(store, ONCALL, at(minute)) == []
    more = Telling((Route("oncall"), Route("chat")))
    (late,) = tell(store, more, at(BEGIN + 9))
    assert (late.receiver, late.status, late.revision) == ("chat", "firing", 1)
    assert tell(store, Telling(), at(BEGIN + 9)) == []


def test_a_silence_and_an_acknowledgement_hold(store: Store, scene: Scene) -> None:
    silence = Silence(id="s", created_at=at(0), starts_at=at(0), ends_at=at(BEGIN + 20))
    store.add_silence(silence)
    scene.tick(BEGIN)
    assert scene.tick(BEGIN + 8) == []
    assert scene.message(BEGIN + 20).status == "firing"


def test_an_acknowledged_incident_is_told_when_it_is_over(store: Store, scene: Scene) -> None:
    scene.tick(BEGIN)
    message = scene.message(BEGIN + 8)
    store.ack(message.incident_id, at(BEGIN + 9))
    assert scene.tick(BEGIN + 30) == []
    assert scene.message(BEGIN + 200).status == "resolved"


def test_a_tick_that_could_not_tell_costs_no_end(store: Store, scene: Scene) -> None:
    """The incident is kept and its end was not told: the next tick owes it."""
    scene.tick(BEGIN)
    scene.tick(BEGIN + 8)
    telling, scene.telling = scene.telling, Telling()
    assert scene.tick(BEGIN + 200) == []
    (late,) = tell(store, telling, at(BEGIN + 201))
    assert (late.status, late.revision) == ("resolved", 2)


@pytest.mark.parametrize("kind", ["silent", "failing"])
def test_an_end_waits_while_its_source_is_silent(store: Store, scene: Scene, kind: str) -> None:
    scene.tick(BEGIN)
    scene.tick(BEGIN + 8)
    store.set_faults(at(BEGIN + 100), {("given", "*", kind): "nothing comes"})
    found = scene.tick(BEGIN + 200)
    assert [one.status for one in found] == ([] if kind == "silent" else ["resolved"])
    store.set_faults(at(BEGIN + 205), {})
    assert len(tell(store, ONCALL, at(BEGIN + 210))) == (kind == "silent")


def test_related_services_are_kept_back_in_the_outbox(store: Store) -> None:
    names = ("iMessage", "FaceTime")
    outages = Outage(), Outage(BEGIN + 3, BEGIN + 43, service="FaceTime")
    scene = Scene(store, stream(*outages, services=names))
    scene.tick(BEGIN)
    told = [one for minute in range(BEGIN + 1, BEGIN + 30) for one in scene.tick(minute)]
    assert [(one.service, bool(one.group), one.reason) for one in told if one.group] == [
        ("facetime", True, next(one.reason for one in told if one.group))
    ]
    assert told[-1].also == ("FaceTime",)
    assert told[-1].reason == "FaceTime failed too"
    (dropped,) = store.deliveries(state="dropped")
    assert is_kept_back(dropped)
    assert dropped.last_error == f"told with {told[0].incident_id[:8]}"
    assert not any(is_kept_back(one) for one in store.deliveries(state="pending"))


def test_services_fail_with_their_company_and_with_what_they_need() -> None:
    found = related_services()
    assert found.keys() >= catalogue().keys()
    for name, others in found.items():
        assert name not in others
        assert all(name in found[other] for other in others), "either with either"
    assert "icloud" in found["imessage"]
    assert "netflix" in found["aws"]
    assert "imessage" not in found["netflix"]


# --- the official page ----------------------------------------------------------------------------------------


PAGE = next(one.status.url for one in catalogue().values() if one.id == "imessage" and one.status)


def official(store: Store, *, read_at: float, started: float | None = None, **fields: Any) -> None:
    """Read the official page at a minute; it speaks of an incident that began at ``started``."""
    given: dict[str, Any] = {
        "page": PAGE,
        "incident_id": "7",
        "is_whole": True,
        "seen_at": at(read_at),
        "title": HOSTILE,
        "state": "investigating",
        "services": ("imessage",),
        "started_at": None if started is None else at(started),
        "sha256": "0",
    }
    revisions = [] if started is None else [StatusRevision(**(given | fields))]
    store.commit_status(PAGE, revisions, "cursor", at(read_at))


@pytest.mark.parametrize(
    ("given", "phrase"),
    [
        ({"read_at": BEGIN + 5}, "silent so far"),
        ({"read_at": BEGIN - 30}, ""),
        ({"read_at": BEGIN - 30, "started": BEGIN - 40}, ""),
        ({"read_at": BEGIN + 5, "started": BEGIN + 2}, "speaks of an incident (investigating) since 16:02 UTC"),
        (
            {"read_at": BEGIN + 5, "started": -600},
            "speaks of an incident (investigating) since 1 March 2026 14:00 UTC",
        ),
        ({"read_at": BEGIN + 5, "started": BEGIN + 2, "is_maintenance": True}, "silent so far"),
        ({"read_at": BEGIN + 5, "started": BEGIN + 2, "state": "resolved"}, "silent so far"),
    ],
)
def test_what_the_official_page_says(store: Store, scene: Scene, given: dict[str, Any], phrase: str) -> None:
    scene.tick(BEGIN)
    official(store, **given)
    message = scene.message(BEGIN + 8)
    assert message.official == phrase
    agrees(message)
    assert HOSTILE not in message.sentence
