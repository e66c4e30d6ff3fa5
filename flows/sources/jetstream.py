"""Bluesky's Jetstream on the wire: one connection, its errors in our words, and what we read of an event.

Version 1 of the protocol (``/subscribe``), which the rewritten server speaks unchanged: JSON objects in text frames,
in the order in which the server saw the events. ``time_us`` is when it saw them (microseconds since 1970), and the
cursor is such a time, inclusive. ``identity`` and ``account`` events come whatever collections are asked for.
"""

from __future__ import annotations

import logging
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import msgspec
from msgspec import Struct

from detectors.counting import micros
from detectors.errors import InputError, PermanentError, RetryableError
from flows.net import check_status
from flows.net.http import USER_AGENT

if TYPE_CHECKING:
    from websockets.exceptions import ConnectionClosed
    from websockets.http11 import Response
    from websockets.sync.client import ClientConnection

    from flows.sources.base import Bounds

POSTS = "app.bsky.feed.post"
PATH = "/subscribe"
LARGEST_EVENT_BYTES = 1_000_000
"""The server is asked to leave out what is larger; no post is, and one that cannot be read would block the way."""

GONE = frozenset({"deactivated", "deleted", "suspended", "takendown"})
"""Why an account's posts are no longer to be shown. The other reasons (desynchronized, throttled) are technical."""

LONGEST_LANG = 35
CLOSE_S = 0.1
"""How long a server may take to say goodbye, seconds; one that is still sending does not listen."""

_SILENT = logging.Logger("jetstream", logging.CRITICAL + 1)  # noqa: LOG001 - in nobody's tree
"""The client's own log has addresses and headers in it."""


class CursorTooOldError(RetryableError):
    """The server no longer has what was asked for, and says so."""


class Record(Struct, gc=False):
    """What its author wrote. Only a text makes it a post; the rest may be anything."""

    text: str
    langs: object = None
    createdAt: object = None  # noqa: N815 - the platform's name

    @property
    def lang(self) -> str | None:
        """The first of the languages that it claims to be in."""
        first = self.langs[0] if isinstance(self.langs, list) and self.langs else None
        return first if isinstance(first, str) and 0 < len(first) <= LONGEST_LANG else None

    @property
    def written_us(self) -> int | None:
        """When it says to have been written (microseconds since 1970); None where it says nothing sensible."""
        if not isinstance(self.createdAt, str):
            return None
        try:
            at = datetime.fromisoformat(self.createdAt)
        except ValueError:
            return None
        return micros(at) if at.tzinfo else None


class Commit(Struct, gc=False):
    """A change of a repository: ``create``, ``update`` or ``delete`` of a record."""

    operation: str
    collection: str
    rkey: str
    record: Record | None = None


class Account(Struct, gc=False):
    """What became of an account: not ``active``, and why."""

    active: bool
    status: str | None = None

    @property
    def is_gone(self) -> bool:
        """Whether nothing that it wrote may be kept."""
        return not self.active and self.status in GONE


class Event(Struct, gc=False):
    """An event: a commit, what became of an account, or (``kind``) something that we do not read."""

    did: str
    time_us: int
    kind: str
    commit: Commit | None = None
    account: Account | None = None


class _Bare(Struct, gc=False):
    operation: str
    collection: str
    rkey: str


class Unread(Struct, gc=False):
    """An event whose record is not as it should be: anybody may write anything into their repository."""

    did: str
    time_us: int
    kind: str
    commit: _Bare | None = None


_event = msgspec.json.Decoder(Event).decode
_unread = msgspec.json.Decoder(Unread).decode
Undecodable = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def decode(frame: bytes) -> Event | Unread:
    """Read an event.

    Raises
    ------
    msgspec.ValidationError
        It is JSON, but no event.
    msgspec.DecodeError, UnicodeDecodeError, RecursionError
        It is no JSON that can be read (:data:`Undecodable`).
    """
    try:
        return _event(frame)
    except msgspec.ValidationError:
        return _unread(frame)


def address(endpoint: str) -> str:
    """Return the address of an instance, with the path where it has none.

    Raises
    ------
    InputError
        It is none; the message does not repeat it, for it may hold a password.
    """
    try:
        parts = urlsplit(endpoint)
        is_good = parts.scheme in {"ws", "wss"} and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        is_good = False
    if not is_good:
        raise InputError("not the address of a Jetstream; write it like wss://jetstream1.us-east.bsky.network")
    return urlunsplit(parts._replace(path=parts.path if parts.path.strip("/") else PATH, fragment=""))


def asking(url: str, cursor_us: int | None) -> str:
    """Return the address that asks for posts from an instant on (microseconds since 1970); None = from now on."""
    parts = urlsplit(url)
    query = [
        *parse_qsl(parts.query),
        ("wantedCollections", POSTS),
        ("maxMessageSizeBytes", str(LARGEST_EVENT_BYTES)),
        *([] if cursor_us is None else [("cursor", str(cursor_us))]),
    ]
    return urlunsplit(parts._replace(query=urlencode(query)))


class Stream:
    """An open connection.

    Parameters
    ----------
    url
        The address, as of :func:`asking`. It gets into no message.
    what
        Who is asked, for messages.
    bounds
        Time-out and clock.
    max_bytes
        Largest message.

    Raises
    ------
    CursorTooOldError
        What is asked for is no longer there.
    RetryableError, PermanentError
        It cannot be opened.
    """

    def __init__(self, url: str, *, what: str, bounds: Bounds, max_bytes: int) -> None:
        from websockets.exceptions import InvalidStatus, WebSocketException

        self._what = what
        self._max_bytes = max_bytes
        try:
            self._connection = _connect(url, bounds.timeout_s, max_bytes)
        except InvalidStatus as refused:
            raise _refusal(refused.response, what, bounds) from None
        except TimeoutError:
            raise RetryableError(f"{what} did not answer within {bounds.timeout_s:g} s") from None
        except (OSError, WebSocketException, EOFError, ImportError) as error:  # a SOCKS proxy needs another library
            raise RetryableError(f"{what}: the connection failed ({type(error).__name__})") from None

    def receive(self, timeout_s: float) -> bytes | None:
        """Return the next message; None where there is none within so many seconds.

        Raises
        ------
        RetryableError
            The stream has ended.
        PermanentError
            A message is too large.
        """
        from websockets.exceptions import ConnectionClosed

        try:
            return self._connection.recv(timeout_s, decode=False)
        except TimeoutError:
            return None
        except ConnectionClosed as closed:
            raise self._ending(closed) from None

    def close(self) -> None:
        """Hang up; there is nothing to wait for."""
        self._connection.close()

    def _ending(self, closed: ConnectionClosed) -> PermanentError | RetryableError:
        """Return what the end of a stream means."""
        from websockets.frames import CloseCode

        if closed.sent is not None and closed.sent.code == CloseCode.MESSAGE_TOO_BIG:
            return PermanentError(f"{self._what} sent a message of more than {self._max_bytes / 1e6:g} MB")
        code = f" ({closed.rcvd.code})" if closed.rcvd is not None else ""
        return RetryableError(f"{self._what} ended the stream{code}")


def _connect(url: str, timeout_s: float, max_bytes: int) -> ClientConnection:
    from websockets.sync.client import connect

    return connect(
        url,
        compression=None,  # a deflating server spends its time on us, and a frame of it may hold anything
        open_timeout=timeout_s,
        ping_interval=None,  # who is silent is given up anyway
        close_timeout=CLOSE_S,
        max_size=max_bytes,
        user_agent_header=USER_AGENT,
        logger=_SILENT,
    )


def _refusal(response: Response, what: str, bounds: Bounds) -> PermanentError | RetryableError:
    """Return what a refused handshake means."""
    if response.status_code == 400 and b"CursorTooOld" in (response.body or b""):
        return CursorTooOldError(f"{what} no longer has what was asked for")
    try:
        check_status(response.status_code, response.headers, what=what, now=bounds.clock.now())
    except (PermanentError, RetryableError) as error:
        return error
    return RetryableError(f"{what} answered {response.status_code} where a stream was wanted")
