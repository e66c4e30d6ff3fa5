"""Addresses that strangers give: every spelling of ours is refused, and what is dialled is what was checked."""

from __future__ import annotations

import logging
import socket
import ssl
import threading
import time
from contextlib import contextmanager
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.errors import InputError, PermanentError, RetryableError, SourceError
from flows.net import Allow, Guard, Http, checked_address, guarded_http
from flows.net.addresses import canonical_host, closed
from flows.net.transport import MAX_ANSWER_BYTES
from tests.flows.net.authority import certificate_for, serving_context, trusting_context
from tests.flows.sources.loopback import BOMB, Asked, Loopback, Told

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

SECRET = "canary-2207"  # noqa: S105 - nobody's
PUBLIC = "93.184.215.14"
CONTEXT = ssl.create_default_context()
LOOPBACK = Allow.of(["127.0.0.1"])

SPELLINGS = (
    *("127.0.0.1", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "017700000001"),
    *("127.0.0.1.", "0", "0.0.0." + "0", "0x0", "127.255.255.254", "1.2.3", "00000000177.1", "0x7f.1", "127.0.0.01"),
    *("localhost", "LOCALHOST", "localhost.", "localhost..", "sub.localhost", "loc\u200balhost","localhost\u200d"),
    *("\uff11\uff12\uff17.0.0.1", "127\u30020\u30020\u30021", "\u24db\u24de\u24d2alhost"),
    *("%31%32%37.0.0.1", "127.0.0.1%00"),
    *("10.0.0.1", "10.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1", "100.100.100.200"),
    *("169.254.169.254", "169.254.170.2", "0xa9fea9fe", "2852039166", "metadata.google.internal"),
    *("METADATA.google.internal.",),
    *("metadata", "168.63.129.16", "192.0.0.192", "198.18.0.1", "224.0.0.1", "239.255.255.250", "240.0.0.1"),
    *("255.255.255.255", "192.88.99.1", "203.0.113.7"),
    *("[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::ffff:169.254.169.254]"),
    *("[::127.0.0.1]", "[2002:7f00:1::]", "[2002:a9fe:a9fe::1]", "[64:ff9b::7f00:1]", "[64:ff9b::10.0.0.1]"),
    *("[64:ff9b:1::1]", "[2001:0:5ef5:79fb::1]", "[fe80::1]", "[fe80::1%25lo]", "[fc00::1]", "[fec0::1]"),
    *("[fd00:ec2::254]",),
    *("[ff02::1]", "[2001:db8::1]", "[3fff::1]", "[2606:4700::5efe:7f00:1]", "[::ffff:0:127.0.0.1]", "[100::1]"),
)  # fmt: skip


def to(*addresses: str) -> Callable[[str, int], Sequence[str]]:
    """Return a resolver that always answers the same."""
    return lambda _host, _port: addresses


def hosts_file(host: str, _: int) -> Sequence[str]:
    """Resolve as a system does that takes every odd spelling that the C library knows, and knows few names."""
    if host.rstrip(".").endswith("localhost"):
        return ["127.0.0.1"]
    try:
        return [socket.inet_ntoa(socket.inet_aton(host))]
    except OSError:
        return []


@contextmanager
def speaking(talk: Callable[[socket.socket], None], context: ssl.SSLContext | None = None) -> Iterator[int]:
    """Run a server that does ``talk`` with every connection; give its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(10)

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    try:
                        with context.wrap_socket(connection, server_side=True) if context else connection as opened:
                            talk(opened)
                    except OSError:
                        continue

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


def hello(connection: socket.socket) -> None:
    connection.recv(65_536)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("host", SPELLINGS)
def test_no_spelling_leads_home(host: str, scheme: str) -> None:
    dialled: list[object] = []
    guard = Guard(resolve=hosts_file)
    with guarded_http(guard, context=CONTEXT) as http, pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "create_connection", lambda *a, **_: dialled.append(a))
        with pytest.raises(SourceError) as caught:
            http.post(f"{scheme}://{host}:9/{SECRET}?token={SECRET}", b"", what="The hook")
    assert not dialled
    assert SECRET not in str(caught.value)


def test_there_are_enough_spellings_and_most_are_refused_for_good() -> None:
    assert len(set(SPELLINGS)) >= 60
    kinds = []
    for host in SPELLINGS:
        try:
            Guard(resolve=hosts_file).addresses(host, 80)
        except SourceError as error:
            kinds.append(type(error))
    assert len(kinds) == len(SPELLINGS)
    assert kinds.count(RetryableError) == 0


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://example.com/",
        "//example.com/",
        "example.com",
        "http://user:secret@example.com/",
        "http://example.com@127.0.0.1/",
        "http://127.0.0.1#@example.com/",
        "http://127.0.0.1\\@example.com/",
        "http:///x",
        "http://exa mple.com/",
        "http://[::1/",
    ],
)
def test_addresses_of_another_kind_are_refused(url: str) -> None:
    with guarded_http(Guard(resolve=to(PUBLIC))) as http, pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "create_connection", lambda *_, **__: pytest.fail("dialled"))
        with pytest.raises(SourceError):
            http.post(url, b"", what="The hook")


def test_one_private_address_among_many_is_enough() -> None:
    with pytest.raises(PermanentError, match=r"^hooks\.example is at a private address, which is not allowed"):
        Guard(resolve=to(PUBLIC, "10.0.0.7", "2606:4700::1")).addresses("hooks.example", 443)


def test_public_addresses_may_be_dialled() -> None:
    assert checked_address("Hooks.Example.", 443, resolve=to(PUBLIC)) == (socket.AF_INET, PUBLIC)
    assert checked_address("x", 25, resolve=to("2606:4700::1111")) == (socket.AF_INET6, "2606:4700::1111")
    assert checked_address("x", 25, resolve=to("64:ff9b::808:808"))[0] == socket.AF_INET6
    assert checked_address("[::ffff:1.1.1.1]", 25) == (socket.AF_INET, "1.1.1.1")
    assert canonical_host("M\u00fcnchen.example") == "xn--mnchen-3ya.example"


def test_a_name_that_leads_elsewhere_the_second_time_is_dialled_where_it_was_checked() -> None:
    answers = iter([["93.184.215.14"], ["127.0.0.1"], ["127.0.0.1"]])
    dialled: list[tuple[str, int]] = []

    def dial(address: tuple[str, int], _: float) -> socket.socket:
        dialled.append(address)
        raise ConnectionRefusedError

    guard = Guard(resolve=lambda *_: next(answers))
    with guarded_http(guard) as http, pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "create_connection", dial)
        with pytest.raises(RetryableError):
            http.post("http://rebind.example:8080/", b"", what="The hook")
        with pytest.raises(PermanentError, match="loopback"):
            http.post("http://rebind.example:8080/", b"", what="The hook")
    assert dialled == [("93.184.215.14", 8080)]
    assert next(answers) == ["127.0.0.1"], "each request asks the resolver once"


def test_a_refused_address_is_not_the_last() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        guard = Guard(Allow.of(["two.example"]), to("::1", "127.0.0.1"))
        guard.connect("two.example", port).close()
    with pytest.raises(OSError, match="refused"):
        guard.connect("two.example", port)
    with pytest.raises(TimeoutError):
        guard.connect("two.example", port, timeout_s=-1)


@pytest.mark.parametrize(
    ("entries", "host", "port", "address", "is_allowed"),
    [
        (["alerts.internal"], "alerts.internal", 9093, "10.0.0.7", True),
        (["Alerts.Internal."], "alerts.internal", 9093, "127.0.0.1", True),
        (["alerts.internal:9093"], "alerts.internal", 9093, "10.0.0.7", True),
        (["alerts.internal:9093"], "alerts.internal", 22, "10.0.0.7", False),
        (["alerts.internal"], "other.internal", 9093, "10.0.0.7", False),
        (["alerts.internal"], "sub.alerts.internal", 9093, "10.0.0.7", False),
        (["alerts.internal"], "alerts.internal", 80, "169.254.169.254", False),
        (["alerts.internal"], "alerts.internal", 80, "168.63.129.16", False),
        (["192.168.0.0/16"], "192.168.4.4", 80, "192.168.4.4", True),
        (["192.168.0.0/16"], "any.example", 80, "192.168.4.4", True),
        (["192.168.0.0/16"], "any.example", 80, "10.0.0.7", False),
        (["192.168.0.0/16"], "x.example", 80, "::ffff:192.168.0.1", True),
        (["127.0.0.1:9093"], "127.0.0.1", 9093, "127.0.0.1", True),
        (["127.0.0.1:9093"], "127.0.0.1", 9094, "127.0.0.1", False),
        (["127.0.0.1"], "127.0.0.2", 80, "127.0.0.2", False),
        (["[::1]:9093"], "::1", 9093, "::1", True),
        (["[::1]:9093"], "[::1]", 80, "::1", False),
        (["::1"], "::1", 80, "::1", True),
        (["fd00::/8"], "x.example", 80, "fd00::5", True),
        (["fd00::/8"], "x.example", 80, "10.0.0.7", False),
        ([], "x.example", 80, "10.0.0.7", False),
    ],
)
def test_the_allow_list(entries: list[str], host: str, port: int, address: str, *, is_allowed: bool) -> None:
    allow = Allow.of(entries)
    if is_allowed:
        assert ip_address(checked_address(host, port, allow, resolve=to(address))[1]) in {
            ip_address(address),
            IPv4Address("192.168.0.1"),
        }
    else:
        with pytest.raises(PermanentError, match="not allowed"):
            checked_address(host, port, allow, resolve=to(address))


@pytest.mark.parametrize(
    "entry", ["", "http://x.example", "192.168.0.1/16", "x.example:port", "127.1", "a b", "x:0", "*"]
)
def test_what_the_allow_list_cannot_hold(entry: str) -> None:
    with pytest.raises(InputError, match="allow host, host:port"):
        Allow.of([entry])


@given(st.integers(0, 2**32 - 1))
def test_whatever_python_calls_private_is_closed_in_every_wrapping(number: int) -> None:
    inner = IPv4Address(number)
    wrapped = [
        IPv6Address(f"::ffff:{inner}"),
        IPv6Address(f"64:ff9b::{inner}"),
        IPv6Address(f"2606:4700::5efe:{inner}"),
    ]
    if inner.is_private or inner.is_loopback or inner.is_link_local or inner.is_multicast or inner.is_reserved:
        assert closed(inner)
        assert all(closed(address) for address in wrapped)
    assert closed(inner) == closed(wrapped[0]) == closed(wrapped[1])
    assert closed(IPv6Address(0x2002 << 112 | number << 80))
    assert closed(IPv6Address(number))


@given(st.integers(0, 2**128 - 1))
def test_whatever_python_calls_private_is_closed(number: int) -> None:
    address = IPv6Address(number)
    if (
        address.is_private
        or address.is_link_local
        or address.is_multicast
        or address.is_reserved
        or address.is_site_local
    ):
        assert closed(address)


@given(st.text(max_size=30))
def test_a_host_has_one_spelling(text: str) -> None:
    try:
        host = canonical_host(text)
    except PermanentError:
        return
    assert canonical_host(host) == host
    assert host.isascii()


def test_resolvers_that_fail() -> None:
    def breaks(*_: object) -> Sequence[str]:
        raise socket.gaierror(socket.EAI_NONAME, "no")

    done = threading.Event()

    def waits(*_: object) -> Sequence[str]:
        done.wait(30)
        return []

    with pytest.raises(RetryableError, match="has no address"):
        Guard(resolve=breaks).addresses("x.example", 80)
    with pytest.raises(RetryableError, match="no resolver says where"):
        Guard(resolve=waits).addresses("x.example", 80, timeout_s=0.05)
    done.set()
    with pytest.raises(PermanentError, match="address that is none"):
        Guard(resolve=to("nonsense")).addresses("x.example", 80)


def test_the_systems_resolver() -> None:
    assert ip_address(checked_address("localhost", 80, Allow.of(["localhost"]))[1]).is_loopback
    with pytest.raises(PermanentError, match="loopback"):
        checked_address("localhost", 80)


# --- on the wire ---------------------------------------------------------------------------------------------


def test_a_request_and_its_answer() -> None:
    def respond(asked: Asked) -> Told:
        return Told(asked.body[::-1], 418, {"X-Seen": asked.headers["x-told"], "X-Host": asked.headers["host"]})

    with Loopback(respond) as server, guarded_http(Guard(LOOPBACK, to("127.0.0.1"))) as http:
        port = server.url.rpartition(":")[2]
        for _ in range(2):
            answer = http.post(f"http://hook.example:{port}/a?b=c", b"abc", what="The hook", headers={"X-Told": "1"})
            assert (answer.status, answer.body, answer.headers["X-Seen"]) == (418, b"cba", "1")
            assert answer.headers["X-Host"] == f"hook.example:{port}"
        assert server.asked[0].path == "/a"


def test_redirects_are_shown_and_not_followed() -> None:
    told = Told(b"", 302, {"Location": "http://169.254.169.254/latest"})
    with Loopback(lambda _: told) as server, guarded_http(Guard(LOOPBACK)) as http:
        assert http.post(server.url, b"", what="The hook").status == 302
        with pytest.raises(PermanentError, match="sends us elsewhere"):
            http.get(server.url, what="The hook")
        assert len(server.asked) == 2


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with Loopback(lambda _: Told(b"ok")) as server, guarded_http(Guard(LOOPBACK)) as http:
        assert http.post(server.url, b"", what="The hook").body == b"ok"


def test_logs_say_who_was_asked_and_no_more(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), Loopback(lambda _: Told(b"ok")) as server:
        with guarded_http(Guard(LOOPBACK)) as http:
            http.post(f"{server.url}/{SECRET}?key={SECRET}", b"", what="The hook", headers={"Authorization": SECRET})
        with Http() as http:
            http.get(f"{server.url}/{SECRET}?key={SECRET}", what="The hook", headers={"Authorization": SECRET})
    assert "http://127.0.0.1 " in caplog.text
    assert SECRET not in caplog.text


def test_certificates_are_verified_for_the_name(tmp_path: Path) -> None:
    ours, theirs = certificate_for("hook.example", tmp_path), certificate_for("other.example", tmp_path)
    guard = Guard(LOOPBACK, to("127.0.0.1"))
    with speaking(hello, serving_context(ours)) as port:
        url = f"https://hook.example:{port}/{SECRET}"
        with guarded_http(guard, context=trusting_context(ours)) as http:
            assert http.post(url, b"", what="The hook").body == b"ok"
            with pytest.raises(RetryableError, match="UntrustedCertificate"):
                http.post(f"https://wrong.example:{port}/", b"", what="The hook")
            with pytest.raises(RetryableError, match="UntrustedCertificate"):
                http.post(f"https://127.0.0.1:{port}/", b"", what="The hook")
        with guarded_http(guard, context=trusting_context(theirs)) as http, pytest.raises(RetryableError):
            http.post(url, b"", what="The hook")
        with guarded_http(guard) as http, pytest.raises(RetryableError, match="UntrustedCertificate") as caught:
            http.post(url, b"", what="The hook")
        assert SECRET not in str(caught.value)


def drip_head(connection: socket.socket) -> None:
    connection.recv(65_536)
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Long: ")
    for _ in range(2000):
        connection.sendall(b"x")
        time.sleep(0.02)  # noqa: TID251 - a server that drips


def drip_body(connection: socket.socket) -> None:
    connection.recv(65_536)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n")
    for _ in range(2000):
        connection.sendall(b"x")
        time.sleep(0.02)  # noqa: TID251 - a server that drips


def say_nothing(connection: socket.socket) -> None:
    connection.recv(65_536)
    connection.recv(65_536)


def hang_up(connection: socket.socket) -> None:
    connection.recv(65_536)


def talk_nonsense(connection: socket.socket) -> None:
    connection.recv(65_536)
    connection.sendall(b"SSH-2.0-OpenSSH\r\n\r\n")


@pytest.mark.parametrize("talk", [drip_head, say_nothing, hang_up, talk_nonsense])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_whatever_a_server_does_there_is_an_end(talk: Callable[[socket.socket], None], scheme: str) -> None:
    began_s = time.monotonic()
    with speaking(talk) as port, guarded_http(Guard(LOOPBACK), timeout_s=5, total_s=0.3) as http:
        with pytest.raises(RetryableError, match=r"^The hook"):
            http.post(f"{scheme}://127.0.0.1:{port}/", b"", what="The hook")
        assert time.monotonic() - began_s < 4.5


def break_off(connection: socket.socket) -> None:
    connection.recv(65_536)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\nx")


def pack_wrongly(connection: socket.socket) -> None:
    connection.recv(65_536)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 9\r\n\r\nxxxxxxxxx")


@pytest.mark.parametrize("talk", [drip_body, break_off, pack_wrongly])
def test_once_there_is_a_status_it_counts(talk: Callable[[socket.socket], None]) -> None:
    began_s = time.monotonic()
    with speaking(talk) as port, guarded_http(Guard(LOOPBACK), timeout_s=5, total_s=1.5) as http:
        answer = http.post(f"http://127.0.0.1:{port}/", b"", what="The hook")
        assert answer.status == 200
        assert set(answer.body) <= set(b"x")
        assert time.monotonic() - began_s < 8


@pytest.mark.parametrize("told", [Told(b"x" * 1_000_000, 503), Told(BOMB, 503, {"Content-Encoding": "gzip"})])
def test_of_large_answers_the_beginning_is_read(told: Told) -> None:
    with Loopback(lambda _: told) as server, guarded_http(Guard(LOOPBACK)) as http:
        answer = http.post(server.url, b"", what="The hook")
        assert (answer.status, len(answer.body)) == (503, MAX_ANSWER_BYTES)
        with pytest.raises(RetryableError, match="503"):
            http.get(server.url, what="The hook")


def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with guarded_http(Guard(LOOPBACK)) as http, pytest.raises(RetryableError, match="connection failed"):
        http.post(f"http://127.0.0.1:{port}/", b"", what="The hook")
    with guarded_http(Guard(LOOPBACK), timeout_s=1e-9) as http, pytest.raises(RetryableError):
        http.post(f"http://127.0.0.1:{port}/", b"", what="The hook")
