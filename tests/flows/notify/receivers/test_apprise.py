"""The long tail, by the real apprise, to servers on loopback."""

from __future__ import annotations

import json
import logging
import socket
import threading
from typing import TYPE_CHECKING, Any

import pytest

from detectors.errors import PermanentError, RetryableError
from flows.net import Allow, Guard
from flows.notify.receivers.apprise import REFUSED, AppriseReceiver
from tests.flows.notify.receivers.helpers import (
    CANARY,
    CASES,
    DELIVERY,
    FIRING,
    HOSTILE_TEXTS,
    LOOPBACK,
    RESOLVED,
    golden,
    hostile,
)
from tests.flows.sources.loopback import Fault, Loopback, Told

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def loopback() -> Iterator[Loopback]:
    with Loopback(lambda _: Told(b"")) as running:
        yield running


@pytest.fixture
def server(loopback: Loopback) -> Loopback:
    loopback.asked.clear()
    loopback.heal()
    loopback.respond = lambda _: Told(b"")
    return loopback


def receiver(server: Loopback, **settings: Any) -> AppriseReceiver:
    """Return a receiver of the plugin that posts JSON, with a canary as a password."""
    address = server.url.removeprefix("http://")
    made: dict[str, Any] = {"url": f"json://me:{CANARY}@{address}/{CANARY}", "guard": LOOPBACK} | settings
    return AppriseReceiver(name="tail", **made)


@pytest.mark.parametrize("case", CASES)
def test_what_is_sent_is_what_is_documented(case: str, server: Loopback) -> None:
    receiver(server).deliver(CASES[case], DELIVERY)
    [asked] = server.asked
    made = {name: json.loads(asked.body)[name] for name in ("title", "message", "type")}
    assert made == golden(f"apprise-{case}", made)
    assert asked.headers["authorization"].startswith("Basic ")


@pytest.mark.parametrize("number", range(len(HOSTILE_TEXTS)))
def test_hostile_texts_are_inert(number: int, server: Loopback) -> None:
    receiver(server).deliver(hostile(HOSTILE_TEXTS[number]), DELIVERY)
    [asked] = server.asked
    said = json.loads(asked.body)
    assert not set(said["title"] + said["message"]) & set("<>@`*[]\x00\x1b\u202e\u2066\u200b\ufeff\u2028\x9b\x85")
    assert len(said["title"]) <= 250
    assert len(said["message"]) <= 4000


def test_kinds(server: Loopback) -> None:
    for message in (FIRING, RESOLVED):
        receiver(server).deliver(message, DELIVERY)
    assert [json.loads(asked.body)["type"] for asked in server.asked] == ["failure", "success"]


@pytest.mark.parametrize("fault", [Fault.BROKEN, Fault.LIMITED_UNTIL, Fault.RESET, Fault.NOT_FOUND])
def test_whatever_goes_wrong_is_to_be_tried_again(server: Loopback, fault: Fault) -> None:
    server.fail(fault)
    with pytest.raises(RetryableError, match="could not deliver, and does not say why") as caught:
        receiver(server).deliver(FIRING, DELIVERY)
    assert CANARY not in str(caught.value)
    assert len(server.asked) == 1, "one attempt"


def test_what_takes_too_long(server: Loopback) -> None:
    server.fail(Fault.TIMEOUT)
    with pytest.raises(RetryableError, match="took more than"):
        receiver(server, total_s=0.2).deliver(FIRING, DELIVERY)
    server.heal()


def test_redirects_are_not_followed_even_where_the_address_asks_for_it(server: Loopback) -> None:
    server.respond = lambda _: Told(b"", 302, {"Location": f"{server.url}/elsewhere"})
    made = receiver(server)
    made.url += "?redirect=yes"
    with pytest.raises(RetryableError):
        made.deliver(FIRING, DELIVERY)
    assert len(server.asked) == 1


@pytest.mark.parametrize("url", ["json://127.0.0.1:9/", "json://localhost/", "ntfy://10.0.0.1/topic", "xml://[::1]/"])
def test_private_hosts_are_refused(url: str) -> None:
    with pytest.raises(PermanentError, match="which is not allowed"):
        AppriseReceiver(name="tail", url=url).deliver(FIRING, DELIVERY)


def test_a_name_that_leads_elsewhere_the_second_time_is_refused_when_dialled(server: Loopback) -> None:
    guard = Guard(resolve=lambda *_: ["93.184.215.14"])
    port = server.url.rpartition(":")[2]
    with pytest.raises(PermanentError, match="leads to a loopback address, which is not allowed"):
        AppriseReceiver(name="tail", url=f"json://localhost:{port}/", guard=guard).deliver(FIRING, DELIVERY)
    assert not server.asked


def test_a_plugin_that_knows_its_own_host_is_checked_when_it_dials(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 443))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    url = "tgram://123456789:abcdefg_hijklmnop-ABCDEFGHIJKLMNOP/12315544/"
    with pytest.raises(PermanentError, match="leads to a loopback address"):
        AppriseReceiver(name="tail", url=url).deliver(FIRING, DELIVERY)


def test_an_allowed_name_is_dialled(server: Loopback) -> None:
    port = server.url.rpartition(":")[2]
    guard = Guard(Allow.of([f"localhost:{port}"]))
    AppriseReceiver(name="tail", url=f"json://localhost:{port}/", guard=guard).deliver(FIRING, DELIVERY)
    assert len(server.asked) == 1


def test_proxies_of_the_environment_do_not_lead_home(server: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", server.url)
    with pytest.raises(PermanentError, match="leads to a loopback address"):
        AppriseReceiver(
            name="tail", url="json://public.example/", guard=Guard(resolve=lambda *_: ["93.184.215.14"])
        ).deliver(FIRING, DELIVERY)
    assert not server.asked


@pytest.mark.parametrize(
    ("url", "said"),
    [
        *((f"{schema}://127.0.0.1/", "cannot be guarded") for schema in sorted(REFUSED)),
        ("DBUS://", "cannot be guarded"),
        ("nonsense", "does not know"),
        ("", "does not know"),
        ("nosuchthing://x", "does not know"),
        ("jsons://127.0.0.1/?verify=no", "always verified"),
    ],
)
def test_addresses_that_are_refused(url: str, said: str) -> None:
    with pytest.raises(PermanentError, match=said):
        AppriseReceiver(name="tail", url=url, guard=LOOPBACK).deliver(FIRING, DELIVERY)


def test_a_socket_of_another_kind_is_no_address(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import apprise

    def dials(*_: object, **__: object) -> bool:
        with socket.socket(socket.AF_UNIX) as local:
            local.connect(str(tmp_path / "docker.sock"))
        return True

    monkeypatch.setattr(apprise.Apprise, "notify", dials)
    with pytest.raises(PermanentError, match="no checked address"):
        AppriseReceiver(name="tail", url="json://127.0.0.1/", guard=LOOPBACK).deliver(FIRING, DELIVERY)


def test_the_guard_is_for_that_thread_alone(server: Loopback) -> None:
    receiver(server).deliver(FIRING, DELIVERY)
    with socket.create_server(("127.0.0.1", 0)) as here:
        socket.create_connection(here.getsockname(), 5).close()


def test_no_secret_in_logs_and_reprs(server: Loopback, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(1):
        for name in ("apprise", "urllib3", "urllib3.connectionpool", "requests"):
            caplog.set_level(1, logger=name)
        made = receiver(server)
        made.deliver(FIRING, DELIVERY)
        server.fail(Fault.BROKEN)
        with pytest.raises(RetryableError):
            made.deliver(FIRING, DELIVERY)
        with pytest.raises(PermanentError):
            AppriseReceiver(name="tail", url=f"jsons://{CANARY}:{CANARY}@127.0.0.1/?verify=no").deliver(
                FIRING, DELIVERY
            )
        with pytest.raises(PermanentError):
            AppriseReceiver(name="tail", url=f"slack://{CANARY}").deliver(FIRING, DELIVERY)
        logging.getLogger("apprise").warning("somebody else may log")
    assert CANARY not in caplog.text + repr(made)
    assert "somebody else may log" in caplog.text
    assert threading.current_thread().name
