"""Receivers of JSON, against servers that check what the platforms would check."""

from __future__ import annotations

import json
import logging
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from detectors.errors import InputError, PermanentError, RetryableError, SourceError
from flows.net import Guard, guarded_http
from flows.notify.receivers import KINDS, receiver_class
from flows.notify.receivers import alertmanager as am
from flows.notify.receivers import discord as discord_receiver
from flows.notify.receivers import pagerduty as pagerduty_receiver
from flows.notify.receivers import slack as slack_receiver
from flows.notify.receivers import teams as teams_receiver
from flows.notify.receivers import webhook as webhook_receiver
from flows.notify.receivers.base import GoneError
from tests.flows.notify.receivers import helpers
from tests.flows.notify.receivers.helpers import (
    AT,
    CANARY,
    CASES,
    DELIVERY,
    FIRING,
    HOSTILE_TEXTS,
    RESOLVED,
    ROUTING_KEY,
    client,
    golden,
    hostile,
    receiver,
)
from tests.flows.sources.loopback import Fault, Loopback, Told

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from flows.net import Http
    from flows.notify.message import Message

PLATFORMS = {
    "slack": helpers.slack,
    "discord": helpers.discord,
    "teams": helpers.teams,
    "pagerduty": helpers.pagerduty,
    "webhook": lambda _: Told(b"", 204),
}
PAYLOADS: dict[str, Callable[[Message], Any]] = {
    "slack": slack_receiver.payload,
    "discord": discord_receiver.payload,
    "teams": teams_receiver.payload,
    "pagerduty": lambda message: pagerduty_receiver.payload(message, "0" * 32),
    "webhook": lambda message: webhook_receiver.payload(
        message, receiver="hook", external_url="https://uproar.example/"
    ),
    "alertmanager": lambda message: am.payload(message, ends_at=AT + timedelta(minutes=4)),
}


@pytest.fixture(scope="module")
def http() -> Iterator[Http]:
    with client() as opened:
        yield opened


@pytest.fixture(scope="module")
def loopback() -> Iterator[Loopback]:
    with Loopback(lambda _: Told(b"")) as running:
        yield running


@pytest.fixture
def server(loopback: Loopback) -> Loopback:
    """Return one server for all tests; each says what it answers."""
    loopback.asked.clear()
    loopback.heal()
    return loopback


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("kind", PAYLOADS)
def test_what_is_sent_is_what_is_documented(kind: str, case: str) -> None:
    made = json.loads(json.dumps(PAYLOADS[kind](CASES[case])))
    assert made == golden(f"{kind}-{case}", made)


@pytest.mark.parametrize("kind", PLATFORMS)
def test_the_platform_takes_each_message(kind: str, http: Http, server: Loopback) -> None:
    server.respond = PLATFORMS[kind]
    for message in CASES.values():
        receiver(kind, server.url, http).deliver(message, DELIVERY)
    assert len(server.asked) == len(CASES)
    assert all(asked.headers["content-type"] == "application/json" for asked in server.asked)


@pytest.mark.parametrize("number", range(len(HOSTILE_TEXTS)))
def test_hostile_texts_are_inert_everywhere(number: int, http: Http, server: Loopback) -> None:
    for place, (kind, platform) in enumerate(PLATFORMS.items()):
        message = hostile(HOSTILE_TEXTS[number], status="firing" if (number + place) % 2 else "resolved")
        server.respond = platform
        receiver(kind, server.url, http).deliver(message, DELIVERY)
        asked = server.asked.pop()
        body = asked.body.decode("ascii")
        text = json.dumps(json.loads(body), ensure_ascii=False)
        assert len(body) < 600_000
        assert "javascript:alert(1)" not in list(_addresses(json.loads(body)))
        assert not set(text) & set("\x00\x1b\u202e\u2066\u200b\u200d\ufeff\ud800\udfff\u2028\x9b\x85")
        assert not re.search("[\u0301\u0332\u0489]{5}", text)
        ours = re.sub(r'https://uproar\.example/[^\s|")]*', "", text)
        assert not re.search(r"(?i)https?://(?!adaptivecards\.io)", ours)


def _addresses(value: Any) -> Iterator[str]:
    """Yield what stands where an address is opened."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key in {"url", "href", "client_url", "generatorURL"} and isinstance(item, str):
                yield item
            yield from _addresses(item)
    elif isinstance(value, list):
        for item in value:
            yield from _addresses(item)


# --- answers -------------------------------------------------------------------------------------------------

KINDS_OF_STATUS: dict[int, type[SourceError]] = {
    **dict.fromkeys((301, 302, 303, 304, 307, 308), PermanentError),
    **dict.fromkeys((400, 401, 402, 403, 404, 405, 409, 413, 415, 422, 423, 451), PermanentError),
    **dict.fromkeys((408, 425, 429, 500, 502, 503, 504, 529, 599), RetryableError),
    410: GoneError,
}


@pytest.mark.parametrize("status", KINDS_OF_STATUS)
@pytest.mark.parametrize("kind", PLATFORMS)
def test_what_a_status_means(kind: str, status: int, http: Http, server: Loopback) -> None:
    told = Told(b"", status, {"Retry-After": "7", "Location": f"http://127.0.0.1/{CANARY}"})
    server.respond = lambda _: told
    with pytest.raises(KINDS_OF_STATUS[status]) as caught:
        receiver(kind, server.url, http).deliver(FIRING, DELIVERY)
    assert len(server.asked) == 1, "one attempt, and no redirect"
    assert type(caught.value) is KINDS_OF_STATUS[status]
    if isinstance(caught.value, RetryableError):
        assert caught.value.retry_at == AT + timedelta(seconds=7)
    assert CANARY not in str(caught.value)
    assert str(status) in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "told", "error"),
    [
        ("slack", Told(b"no_service", 200), GoneError),
        ("slack", Told(b"no_service", 404), GoneError),
        ("slack", Told(b"channel_is_archived", 410), GoneError),
        ("slack", Told(b"invalid_token", 403), PermanentError),
        ("slack", Told(b"invalid_blocks", 400), PermanentError),
        ("slack", Told(b"<html>proxy</html>", 200), PermanentError),
        ("slack", Told(b"rollup_error", 500), RetryableError),
        ("slack", Told(b"", 200), RetryableError),
        ("discord", Told(b'{"message": "Unknown Webhook", "code": 10015}', 404), GoneError),
        ("discord", Told(b'{"message": "404: Not Found", "code": 0}', 404), PermanentError),
        ("discord", Told(b"[]", 404), PermanentError),
        ("discord", Told(b"<html>", 404), PermanentError),
        ("discord", Told(b'{"message": "Invalid Webhook Token", "code": 50027}', 401), PermanentError),
        ("pagerduty", Told(b'{"status": "invalid event"}', 400), PermanentError),
        ("teams", Told(b'{"error": {"code": "WorkflowTriggerIsNotEnabled"}}', 400), PermanentError),
    ],
)
def test_what_a_platform_says_in_its_own_words(
    kind: str, told: Told, error: type[SourceError], http: Http, server: Loopback
) -> None:
    server.respond = lambda _: told
    with pytest.raises(error) as caught:
        receiver(kind, server.url, http).deliver(FIRING, DELIVERY)
    assert type(caught.value) is error


@pytest.fixture(scope="module")
def impatient() -> Iterator[Http]:
    with guarded_http(helpers.LOOPBACK, timeout_s=0.2) as opened:
        yield opened


@pytest.mark.parametrize("kind", PLATFORMS)
@pytest.mark.parametrize("fault", [Fault.TIMEOUT, Fault.RESET, Fault.FORBIDDEN, Fault.LIMITED_UNTIL])
def test_no_secret_in_errors_logs_and_reprs(
    kind: str, fault: Fault, caplog: pytest.LogCaptureFixture, impatient: Http, server: Loopback
) -> None:
    made = receiver(kind, server.url, impatient)
    with caplog.at_level(logging.DEBUG):
        server.fail(fault)
        with pytest.raises(SourceError) as caught:
            made.deliver(FIRING, DELIVERY)
    assert server.asked
    for secret in (CANARY, ROUTING_KEY, helpers.WEBHOOK_SECRET):
        assert secret not in f"{caught.value!r} {caught.value.__cause__!r} {made!r} {caplog.text}"


@pytest.mark.parametrize("kind", PLATFORMS)
def test_a_private_address_is_not_dialled(kind: str) -> None:
    with Loopback(PLATFORMS[kind]) as server, guarded_http(Guard()) as guarded:
        with pytest.raises(PermanentError, match="loopback address, which is not allowed"):
            receiver(kind, server.url, guarded).deliver(FIRING, DELIVERY)
        assert not server.asked


def test_an_address_of_discord_that_is_none(http: Http) -> None:
    broken = discord_receiver.DiscordReceiver(name="d", url="https://x:y/", http=http)
    with pytest.raises(PermanentError, match="its address is none"):
        broken.deliver(FIRING, DELIVERY)


@pytest.mark.parametrize(
    "url", ["x.example/hook", "ftp://x.example/", "https://", "https:///x", "https://x.example/\ud800"]
)
def test_an_address_that_is_none(url: str, http: Http) -> None:
    with pytest.raises(PermanentError, match=r"^Receiver 'chat': its address"):
        slack_receiver.SlackReceiver(name="chat", url=url, http=http).deliver(FIRING, DELIVERY)


@pytest.mark.parametrize("authorization", ["Bearer x\r\nHost: y", "Bearer \u00e9", "\x00"])
def test_what_cannot_stand_in_a_header(authorization: str, http: Http) -> None:
    for kind in (webhook_receiver.WebhookReceiver, am.AlertmanagerReceiver):
        with pytest.raises(InputError, match="authorization may hold printable ASCII only"):
            kind(name="x", url="https://x.example", http=http, authorization=authorization)


def test_pagerduty_keeps_one_key_for_an_incident() -> None:
    fired, resolved = (pagerduty_receiver.payload(message, "") for message in (FIRING, RESOLVED))
    assert fired["dedup_key"] == resolved["dedup_key"]
    assert (fired["event_action"], resolved["event_action"]) == ("trigger", "resolve")


def test_tests_wake_nobody() -> None:
    test = helpers.changed(FIRING, is_test=True)
    assert pagerduty_receiver.payload(test, "")["payload"]["severity"] == "info"
    assert slack_receiver.payload(test)["blocks"][0]["text"]["text"] == "Test: Outage: iMessage"
    assert webhook_receiver.payload(test, receiver="hook")["groupLabels"] == {"alertname": "UproarTest"}


def test_every_kind_has_its_class() -> None:
    for kind, name in KINDS.items():
        found = receiver_class(kind)
        assert found.__name__ == name
        assert found.__module__ == f"flows.notify.receivers.{kind}"
    with pytest.raises(KeyError):
        receiver_class("fax")
