"""E-mail, by SMTP: text, and the same as simple HTML; mails about one incident hang together.

TLS is verified, and asked for before anything is said that matters; the host is dialled as checked by the guard.
"""

from __future__ import annotations

import re
import smtplib
import socket
import ssl
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as POLICY
from hashlib import sha256
from html import escape
from typing import TYPE_CHECKING, Literal

import httpx

from detectors.errors import InputError, PermanentError, RetryableError
from detectors.text import printable
from flows.net import Guard
from flows.notify.receivers.facts import facts, links, sentence, text_block, title
from flows.notify.receivers.sending import check_plain, what

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import timedelta

    from flows.notify.message import Message
    from flows.notify.receivers.base import Delivery

Security = Literal["starttls", "tls", "none"]
_ADDRESS_RE = re.compile(r'(?:"?(?P<shown>[^"<>]*?)"?\s*<)?(?P<spec>[^<>\s]+)(?(shown)>)')
_PORTS: dict[Security, int] = {"starttls": 587, "tls": 465, "none": 25}


@dataclass(kw_only=True)
class EmailReceiver:
    """Mails each message.

    Attributes
    ----------
    name
        What it is called.
    host, port, security
        The server that takes mail; ``starttls`` (port 587), ``tls`` (465), or ``none`` (25) for a relay on your own
        machine or network, to which no password is ever told.
    sender, to
        From whom and to whom: ``uproar@example.com`` or ``Uproar <uproar@example.com>``.
    username, password
        To log in with, if the server wants that.
    guard
        Which addresses may be dialled.
    timeout_s, total_s
        Seconds without a sign of life; seconds for all of a delivery.
    context
        For tests: what certificates are verified against, never whether.

    Raises
    ------
    InputError
        An address of mail is none, or a password would travel in the open.
    """

    name: str
    host: str
    sender: str
    to: tuple[str, ...]
    port: int = 0
    security: Security = "starttls"
    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    guard: Guard = field(default_factory=Guard, repr=False)
    timeout_s: float = field(default=10.0, repr=False)
    total_s: float = field(default=30.0, repr=False)
    context: ssl.SSLContext | None = field(default=None, repr=False)
    kind: str = field(default="email", init=False)
    resend_every: timedelta | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._from = self._address(self.sender)
        self._to = tuple(self._address(text) for text in self.to)
        if not self._to:
            raise InputError(f"{what(self.name)}: it needs somebody to write to")
        check_plain(self.username, name=self.name, setting="username")
        check_plain(self.password, name=self.name, setting="password")
        if self.security == "none" and self.password:
            raise InputError(f"{what(self.name)}: a password is not told without TLS; set security to starttls or tls")
        self.port = self.port or _PORTS[self.security]

    def deliver(self, message: Message, delivery: Delivery) -> None:
        """Mail it; see :meth:`flows.notify.receivers.base.Receiver.deliver`."""
        mail = compose(message, delivery, sender=self._from, to=self._to)
        with self._named(), self._connected() as smtp:
            if self.password:
                smtp.login(self.username, self.password)
            refused = smtp.send_message(mail, self._from.addr_spec, [each.addr_spec for each in self._to])
        if refused:
            raise self._refused({address: code for address, (code, _) in refused.items()})

    @contextmanager
    def _connected(self) -> Iterator[smtplib.SMTP]:
        """Give a greeted server, over TLS where that was asked for; cut off after ``total_s``."""
        connection = self.guard.connect(self.host, self.port, timeout_s=self.timeout_s)
        smtp = smtplib.SMTP(local_hostname=self._from.domain, timeout=self.timeout_s)
        smtp.sock = connection
        timer = threading.Timer(self.total_s, lambda: _cut(smtp.sock))
        timer.daemon = True
        timer.start()
        try:
            connection.settimeout(self.timeout_s)
            if self.security == "tls":
                smtp.sock = self._verified().wrap_socket(connection, server_hostname=self.host)
            _expect(smtp.getreply(), 220)
            smtp.ehlo_or_helo_if_needed()
            if self.security == "starttls":
                smtp._host = self.host  # type: ignore[attr-defined]  # noqa: SLF001 - whom it verifies, else it fails
                smtp.starttls(context=self._verified())
                smtp.ehlo_or_helo_if_needed()
            yield smtp
            with suppress(smtplib.SMTPException, OSError):  # the mail has been taken
                smtp.quit()
        finally:
            timer.cancel()
            smtp.close()
            connection.close()

    def _verified(self) -> ssl.SSLContext:
        return self.context or httpx.create_ssl_context()

    @contextmanager
    def _named(self) -> Iterator[None]:
        """Give what goes wrong a name of ours, without what the server said: it may repeat anything."""
        try:
            yield
        except smtplib.SMTPRecipientsRefused as error:
            raise self._refused({address: code for address, (code, _) in error.recipients.items()}) from None
        except smtplib.SMTPResponseException as error:
            kind = RetryableError if 400 <= error.smtp_code < 500 or error.smtp_code < 200 else PermanentError
            raise kind(f"{what(self.name)} answered {error.smtp_code} ({type(error).__name__})") from None
        except smtplib.SMTPNotSupportedError:
            raise PermanentError(f"{what(self.name)} does not offer what is needed: TLS, or to log in") from None
        except ssl.SSLCertVerificationError:
            raise RetryableError(f"{what(self.name)} cannot prove who it is: its certificate is not trusted") from None
        except (OSError, smtplib.SMTPException) as error:
            raise RetryableError(f"{what(self.name)}: the connection failed ({type(error).__name__})") from None

    def _refused(self, codes: dict[str, int]) -> PermanentError | RetryableError:
        """Return what it means that some do not get it; who does gets it again, with the same Message-ID."""
        kind = RetryableError if any(400 <= code < 500 for code in codes.values()) else PermanentError
        said = ", ".join(map(str, sorted(set(codes.values()))))
        return kind(f"{what(self.name)} refused {len(codes)} of {len(self._to)} recipients ({said})")

    def _address(self, text: str) -> Address:
        match = _ADDRESS_RE.fullmatch(text.strip())
        try:
            address = Address(match["shown"] or "", addr_spec=match["spec"]) if match else Address()
        except (ValueError, IndexError):
            address = Address()
        if not address.username or not address.domain or text != printable(text, limit=500):
            raise InputError(f"{what(self.name)}: {printable(text)!r} is no address of mail")
        return address


def compose(message: Message, delivery: Delivery, *, sender: Address, to: tuple[Address, ...]) -> EmailMessage:
    """Return the mail. Its id is that of the delivery, and all about an incident refer to one that was never sent."""
    thread = f"<incident.{_hashed(message.incident_id)}@{sender.domain}>"
    mail = EmailMessage(POLICY)
    mail["From"], mail["To"] = sender, to
    mail["Subject"] = title(message)
    mail["Date"] = delivery.now.astimezone(UTC)
    mail["Message-ID"] = f"<{_hashed(delivery.id)}@{sender.domain}>"
    mail["References"] = thread
    mail["In-Reply-To"] = thread
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Uproar-Delivery"] = printable(delivery.id, limit=80)
    mail.set_content(text_block(message))
    mail.add_alternative(_html(message), subtype="html")
    return mail


def _html(message: Message) -> str:
    rows = "".join(
        f'<tr><th align="left" valign="top">{escape(fact.label)}</th><td>{escape(fact.text)}</td></tr>\n'
        for fact in facts(message)
    )
    shown = "".join(f'<p><a href="{escape(url)}">{escape(label)}</a></p>\n' for label, url in links(message))
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title(message))}</title></head>\n'
        f"<body><p><strong>{escape(sentence(message))}</strong></p>\n<table>\n{rows}</table>\n{shown}</body></html>\n"
    )


def _hashed(text: str) -> str:
    """Return what may stand in an id of a mail, whatever ``text`` holds."""
    return sha256(text.encode("utf-8", "replace")).hexdigest()[:32]


def _expect(reply: tuple[int, bytes], code: int) -> None:
    if reply[0] != code:
        raise smtplib.SMTPConnectError(*reply)


def _cut(connection: socket.socket | None) -> None:
    """End a connection under whoever waits for it."""
    if connection is not None:
        with suppress(OSError):
            socket.socket.shutdown(connection, socket.SHUT_RDWR)
