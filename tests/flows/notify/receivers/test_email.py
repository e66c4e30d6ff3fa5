"""E-mail, to a real SMTP server in this process."""

from __future__ import annotations

import email
import email.policy
import logging
import re
import socket
import threading
import time
from contextlib import contextmanager
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult

from detectors.errors import InputError, PermanentError, RetryableError, SourceError
from flows.net import Allow, Guard
from flows.notify.receivers.base import Delivery
from flows.notify.receivers.email import EmailReceiver
from tests.flows.net.authority import certificate_for, serving_context, trusting_context
from tests.flows.notify.receivers.helpers import (
    AT,
    CANARY,
    CASES,
    DELIVERY,
    FIRING,
    HOSTILE_TEXTS,
    RESOLVED,
    golden,
    hostile,
)

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator
    from email.message import EmailMessage
    from pathlib import Path

HOST = "mail.example"
GUARD = Guard(Allow.of(["127.0.0.1"]), lambda *_: ["127.0.0.1"])


class Postbox:
    """Takes mail; says no to whom it is told to."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.raw: list[bytes] = []
        self.recipients: list[list[str]] = []
        self.refused: dict[str, str] = {}
        self.answer = "250 taken"

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        if address in self.refused:
            return self.refused[address]
        envelope.rcpt_tos.append(address)
        return "250 yes"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - the same
        if self.answer.startswith("250"):
            self.raw.append(envelope.content)
            self.mails.append(email.message_from_bytes(envelope.content, policy=email.policy.default))
            self.recipients.append(envelope.rcpt_tos)
        return self.answer


class Post(Controller):
    """An SMTP server on a free port."""

    def __init__(self, box: Postbox, *, tls: ssl.SSLContext | None = None, **settings: Any) -> None:
        self.settings = settings
        super().__init__(box, hostname="127.0.0.1", port=0, ssl_context=tls)

    def factory(self) -> SMTP:
        return SMTP(self.handler, hostname=HOST, **self.settings)

    def _trigger_server(self) -> None:
        """Look whether it listens, on the port that it was given."""
        server: Any = self.server
        self.port = server.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]


def login(_server: Any, _session: Any, _envelope: Any, mechanism: str, data: Any) -> AuthResult:
    is_right = mechanism in {"LOGIN", "PLAIN"} and (data.login, data.password) == (b"me", CANARY.encode())
    return AuthResult(success=is_right, handled=False)


@contextmanager
def serving(box: Postbox, **settings: Any) -> Iterator[int]:
    server = Post(box, **settings)
    server.start()
    try:
        yield server.port
    finally:
        server.stop()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificate_for(HOST, tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def open_port() -> Iterator[tuple[Postbox, int]]:
    box = Postbox()
    with serving(box) as port:
        yield box, port


@pytest.fixture
def box(open_port: tuple[Postbox, int]) -> Postbox:
    open_port[0].__init__()  # type: ignore[misc]
    return open_port[0]


def receiver(port: int, **settings: Any) -> EmailReceiver:
    settings = {"sender": "Uproar <uproar@example.com>", "to": ("ops@example.com",), "security": "none"} | settings
    return EmailReceiver(name="post", host=HOST, port=port, guard=GUARD, timeout_s=5, **settings)


def parts(mail: EmailMessage) -> dict[str, str]:
    """Return the text and the HTML of a mail."""
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text is not None
    assert html is not None
    return {"text": text.get_content(), "html": html.get_content()}


class Markup(HTMLParser):
    """Which elements there are, and where they lead."""

    HARMLESS: ClassVar = {
        *("html", "head", "meta", "title", "body", "p", "strong", "table", "tbody", "tr", "th", "td", "a")
    }

    def __init__(self, html: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in self.HARMLESS
        assert {name for name, _ in attrs} <= {"lang", "charset", "align", "valign", "href"}
        self.links += [value or "" for name, value in attrs if name == "href"]


@pytest.mark.parametrize("case", CASES)
def test_what_is_mailed_is_what_is_documented(case: str, box: Postbox, open_port: tuple[Postbox, int]) -> None:
    receiver(open_port[1]).deliver(CASES[case], DELIVERY)
    [mail] = box.mails
    headers = {
        name: str(mail[name]) for name in mail if name not in {"Content-Type", "X-Peer", "X-MailFrom", "X-RcptTo"}
    }
    made = {"headers": headers, **parts(mail)}
    assert made == golden(f"email-{case}", made)


def test_mails_of_an_incident_hang_together(box: Postbox, open_port: tuple[Postbox, int]) -> None:
    post = receiver(open_port[1])
    for number, message in enumerate((FIRING, RESOLVED, RESOLVED)):
        post.deliver(message, Delivery(f"id-{min(number, 1)}", 1 + number, AT))
    first, second, again = box.mails
    assert first["References"] == second["References"] == first["In-Reply-To"]
    assert first["Message-ID"] != second["Message-ID"] == again["Message-ID"]
    assert first["Subject"] == "Outage: iMessage"
    assert second["Subject"] == "Resolved: iMessage"
    assert first["Date"].datetime == AT
    post.deliver(CASES["minimal"], DELIVERY)
    assert box.mails[-1]["References"] != first["References"]


@pytest.mark.parametrize("number", range(len(HOSTILE_TEXTS)))
def test_hostile_texts_are_inert(number: int, box: Postbox, open_port: tuple[Postbox, int]) -> None:
    receiver(open_port[1]).deliver(hostile(HOSTILE_TEXTS[number]), Delivery(HOSTILE_TEXTS[number], 1, AT))
    [mail] = box.mails
    assert mail["Bcc"] is None
    assert box.recipients == [["ops@example.com"]]
    assert len([name for name in mail if name == "Subject"]) == 1
    assert set(mail.keys()) <= {
        *("From", "To", "Subject", "Date", "Message-ID", "References", "In-Reply-To", "Auto-Submitted"),
        *("X-Uproar-Delivery", "MIME-Version", "Content-Type", "X-Peer", "X-MailFrom", "X-RcptTo"),
    }
    assert max(map(len, box.raw[0].split(b"\r\n"))) < 998, "RFC 5322, section 2.1.1"
    both = parts(mail)
    assert not set("".join(both.values())) & set("\x00\x1b\u202e\u2066\u200b\ufeff\u2028\x9b\x85")
    assert all(link.startswith("https://uproar.example/") for link in Markup(both["html"]).links)
    ours = re.sub(r"https://uproar\.example/\S*", "", both["text"])
    assert "://" not in ours.replace("[:]//", "")


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")  # it is TLS from the first byte
@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_tls_is_verified_and_then_a_password_is_told(security: Any, certificate: Path) -> None:
    box, context = Postbox(), serving_context(certificate)
    tls: dict[str, Any] = {"tls": context} if security == "tls" else {"tls_context": context, "require_starttls": True}
    known = {"username": "me", "password": CANARY, "security": security, "context": trusting_context(certificate)}
    with serving(box, authenticator=login, auth_required=True, auth_require_tls=security == "starttls", **tls) as port:
        receiver(port, **known).deliver(FIRING, DELIVERY)
        assert len(box.mails) == 1
        with pytest.raises(PermanentError, match="answered 535") as caught:
            receiver(port, **(known | {"password": "wrong-" + CANARY})).deliver(FIRING, DELIVERY)
        assert CANARY not in str(caught.value)
        with pytest.raises(PermanentError, match="answered 530"):
            receiver(port, **(known | {"password": ""})).deliver(FIRING, DELIVERY)
        for stranger in (known | {"context": None}, known):
            post = receiver(port, **stranger)
            post.host = HOST if stranger["context"] is None else "other.example"
            with pytest.raises(RetryableError, match="its certificate is not trusted"):
                post.deliver(FIRING, DELIVERY)
    assert len(box.mails) == 1


def test_without_tls_where_it_was_asked_for_nothing_is_said(box: Postbox, open_port: tuple[Postbox, int]) -> None:
    with pytest.raises(PermanentError, match="does not offer what is needed"):
        receiver(open_port[1], security="starttls", username="me", password=CANARY).deliver(FIRING, DELIVERY)
    with pytest.raises(RetryableError, match="connection failed"):
        receiver(open_port[1], security="tls").deliver(FIRING, DELIVERY)
    assert not box.mails


@pytest.mark.parametrize(
    ("refused", "kind", "said"),
    [
        ({"ops@example.com": "550 no such user"}, PermanentError, r"refused 1 of 2 recipients \(550\)"),
        ({"ops@example.com": "451 later"}, RetryableError, r"refused 1 of 2 recipients \(451\)"),
        (
            {"ops@example.com": "550 no", "two@example.com": "550 no"},
            PermanentError,
            r"refused 2 of 2 recipients \(550\)",
        ),
        (
            {"ops@example.com": "550 no", "two@example.com": "450 later"},
            RetryableError,
            r"2 of 2 recipients \(450, 550\)",
        ),
    ],
)
def test_recipients_that_are_refused(
    refused: dict[str, str], kind: type[SourceError], said: str, box: Postbox, open_port: tuple[Postbox, int]
) -> None:
    box.refused = refused
    with pytest.raises(kind, match=said):
        receiver(open_port[1], to=("ops@example.com", "Two <two@example.com>")).deliver(FIRING, DELIVERY)
    assert len(box.mails) == (len(refused) == 1)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [("452 full", RetryableError), ("554 spam " + CANARY, PermanentError), ("421 closing", RetryableError)],
)
def test_what_an_answer_means(
    answer: str, kind: type[SourceError], box: Postbox, open_port: tuple[Postbox, int]
) -> None:
    box.answer = answer
    with pytest.raises(kind, match=answer[:3]) as caught:
        receiver(open_port[1]).deliver(FIRING, DELIVERY)
    assert CANARY not in str(caught.value)


@contextmanager
def speaking(talk: Callable[[socket.socket], None]) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                try:
                    talk(connection)
                except OSError:
                    return

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        thread.join()


def busy(connection: socket.socket) -> None:
    connection.sendall(b"421 too busy\r\n")


def no_mail(connection: socket.socket) -> None:
    connection.sendall(b"554 no mail here\r\n")


def web(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def hang_up(connection: socket.socket) -> None:
    connection.close()


def drip(connection: socket.socket) -> None:
    for _ in range(500):
        connection.sendall(b"x")
        time.sleep(0.02)  # noqa: TID251 - a server that drips


def take_and_hang_up(connection: socket.socket) -> None:
    connection.sendall(b"220 hello\r\n")
    with connection.makefile("rb") as lines:
        for line in lines:
            if line.upper().startswith(b"QUIT"):
                return
            if line.upper().startswith(b"DATA"):
                connection.sendall(b"354 go on\r\n")
                while lines.readline() != b".\r\n":
                    continue
            connection.sendall(b"250 fine\r\n")


def test_what_happens_after_the_mail_was_taken_does_not_matter() -> None:
    with speaking(take_and_hang_up) as port:
        receiver(port).deliver(FIRING, DELIVERY)


@pytest.mark.parametrize(
    ("talk", "kind"),
    [
        (busy, RetryableError),
        (no_mail, PermanentError),
        (web, RetryableError),
        (hang_up, RetryableError),
        (drip, RetryableError),
    ],
)
def test_whatever_a_server_does_there_is_an_end(talk: Callable[[socket.socket], None], kind: type[SourceError]) -> None:
    with speaking(talk) as port:
        began_s = time.monotonic()
        with pytest.raises(kind, match=r"^Receiver 'post'"):
            receiver(port, total_s=0.4 if talk is drip else 30).deliver(FIRING, DELIVERY)
        assert time.monotonic() - began_s < 8


def test_a_private_address_is_not_dialled() -> None:
    post = EmailReceiver(name="post", host="127.0.0.1", sender="a@b.example", to=("c@d.example",))
    with pytest.raises(PermanentError, match="loopback address, which is not allowed"):
        post.deliver(FIRING, DELIVERY)


def test_no_secret_in_logs_and_reprs(
    box: Postbox, open_port: tuple[Postbox, int], caplog: pytest.LogCaptureFixture
) -> None:
    post = receiver(open_port[1], security="starttls", username=CANARY, password=CANARY)
    with caplog.at_level(logging.DEBUG), pytest.raises(SourceError):
        post.deliver(FIRING, DELIVERY)
    assert CANARY not in repr(post) + caplog.text
    assert not box.mails


@pytest.mark.parametrize(
    "settings",
    [
        {"sender": ""},
        {"sender": "nobody"},
        {"sender": "a@b.example\r\nBcc: c@d.example"},
        {"sender": "A <a@b.example"},
        {"to": ()},
        {"to": ("a@",)},
        {"to": ("a@b.example", "\u202ec@d.example")},
        {"to": ("a@b.example, c@d.example",)},
        {"password": CANARY, "security": "none"},
        {"password": CANARY + "\u00e9"},
        {"username": "me\r\n"},
    ],
)
def test_settings_that_cannot_be(settings: dict[str, Any]) -> None:
    settings = {"sender": "a@b.example", "to": ("c@d.example",)} | settings
    with pytest.raises(InputError, match=r"^Receiver 'post'") as caught:
        EmailReceiver(name="post", host=HOST, **settings)
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a@b.example", "a@b.example"),
        ("<a@b.example>", "a@b.example"),
        ("Up Roar <a@b.example>", "Up Roar <a@b.example>"),
        ('"Up, Roar" <a@b.example>', '"Up, Roar" <a@b.example>'),
    ],
)
def test_addresses_of_mail(text: str, shown: str, box: Postbox, open_port: tuple[Postbox, int]) -> None:
    receiver(open_port[1], sender=text).deliver(FIRING, DELIVERY)
    assert box.mails[0]["From"] == shown


def test_ports() -> None:
    made = {
        security: EmailReceiver(name="p", host=HOST, sender="a@b.example", to=("c@d.example",), security=security).port
        for security in ("starttls", "tls", "none")
    }
    assert made == {"starttls": 587, "tls": 465, "none": 25}
