"""Requests that end, through httpx and through requests, against a server that misbehaves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import requests

from detectors.errors import PermanentError, RetryableError, SourceError
from flows.net import Http, decode_json
from flows.net.session import guarded_session, plain_error
from tests.flows.sources.loopback import PERMANENT, Asked, Fault, Loopback, Told

if TYPE_CHECKING:
    from collections.abc import Iterator

SECRET = "canary-8151"  # noqa: S105 - nobody's


@pytest.fixture
def server() -> Iterator[Loopback]:
    def respond(asked: Asked) -> Told:
        if asked.path == "/moved":
            return Told(b"", 302, {"Location": "/here"})
        return Told(b'{"a": [1, 2]}', headers={"X-Asked": asked.params.get("q", "")})

    with Loopback(respond) as running:
        yield running


def get_by_httpx(server: Loopback, path: str = "/here") -> object:
    with Http(timeout_s=0.4, max_bytes=2_000_000) as http:
        return http.get(server.url + path, what="The server", params={"token": SECRET}).json()


def get_by_requests(server: Loopback, path: str = "/here") -> object:
    session = guarded_session("The server", timeout_s=0.4, max_bytes=2_000_000)
    try:
        return session.get(server.url + path, params={"token": SECRET}).json()
    except requests.RequestException as error:
        raise plain_error(error, what="The server") from None
    finally:
        session.close()


def test_an_answer(server: Loopback) -> None:
    assert get_by_httpx(server) == get_by_requests(server) == {"a": [1, 2]}
    assert server.asked[0].headers["user-agent"].startswith("uproar")


@pytest.mark.parametrize("fault", list(Fault))
def test_every_fault_has_a_name_and_tells_no_secret(server: Loopback, fault: Fault) -> None:
    server.fail(fault)
    kind = PermanentError if fault in PERMANENT else RetryableError
    with pytest.raises(kind, match=r"^The server") as caught:
        get_by_httpx(server)
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("fault", [Fault.TIMEOUT, Fault.RESET, Fault.BOMB])
def test_clients_on_requests_are_bounded_too(server: Loopback, fault: Fault) -> None:
    server.fail(fault)
    with pytest.raises(SourceError, match=r"^The server") as caught:
        get_by_requests(server)
    assert SECRET not in str(caught.value)


def test_redirects_are_not_followed(server: Loopback) -> None:
    with pytest.raises(PermanentError, match="sends us elsewhere"):
        get_by_httpx(server, "/moved")
    with pytest.raises(RetryableError):
        get_by_requests(server, "/moved")
    assert [asked.path for asked in server.asked] == ["/moved", "/moved"]


def test_an_answer_that_drips_is_cut_off(server: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter(range(0, 1000, 2))
    monkeypatch.setattr("flows.net.http.monotonic", lambda: next(ticks))
    monkeypatch.setattr("flows.net.session.monotonic", lambda: next(ticks))
    with pytest.raises(RetryableError, match="took more than"):
        get_by_httpx(server)
    with pytest.raises(RetryableError, match="complete answer"):
        get_by_requests(server)


def test_a_wrongly_packed_answer(server: Loopback) -> None:
    server.respond = lambda _: Told(b"not gzip", headers={"Content-Encoding": "gzip"})
    with pytest.raises(RetryableError, match="packed wrongly"):
        get_by_httpx(server)
    with pytest.raises(RetryableError, match="packed wrongly"):
        get_by_requests(server)


def test_a_client_can_be_sent_elsewhere(server: Loopback) -> None:
    session = guarded_session("X", routes={"https://api.example.com": server.url})
    assert session.get("https://api.example.com/2/tweets?q=one", timeout=5).headers["X-Asked"] == "one"


def test_streams_are_the_clients_own_business(server: Loopback) -> None:
    server.respond = lambda _: Told(b"x" * 3_000_000)
    session = guarded_session("X", max_bytes=1000)
    with session.get(server.url, stream=True) as response:
        assert sum(map(len, response.iter_content(1 << 16))) == 3_000_000


def test_an_address_that_is_none() -> None:
    with Http() as http, pytest.raises(RetryableError, match="connection failed"):
        http.get("http://[", what="The server")


@pytest.mark.parametrize("body", [b"", b"{", b"NaN", b"\xff", b"[" * 100_000, b"<html>"])
def test_what_is_not_json(body: bytes) -> None:
    with pytest.raises(RetryableError, match="where JSON was wanted"):
        decode_json(body, what="it")
