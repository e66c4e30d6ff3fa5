"""HTTP to addresses that are not our own: whatever is dialled has been let through by a guard.

Proxies of the environment are not used: a proxy resolves names itself, behind the check. Certificates of the
environment (``SSL_CERT_FILE``) are: they belong to whoever runs this.
"""

from __future__ import annotations

import socket
from time import monotonic
from typing import TYPE_CHECKING, Any

import httpcore
import httpx

from detectors.errors import PermanentError
from flows.net.clock import SYSTEM_CLOCK, Clock
from flows.net.guard import TIMEOUT_S, Guard
from flows.net.http import Http

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator

MAX_ANSWER_BYTES = 100_000
"""Largest answer that is read: receivers say little."""

TOTAL_S = 30.0


def guarded_http(
    guard: Guard,
    *,
    clock: Clock = SYSTEM_CLOCK,
    timeout_s: float = TIMEOUT_S,
    total_s: float = TOTAL_S,
    context: ssl.SSLContext | None = None,
) -> Http:
    """Return a client that dials nothing but what ``guard`` lets through.

    Parameters
    ----------
    guard
        What may be dialled.
    clock
        Whose ``now`` a receiver's waiting time refers to.
    timeout_s, total_s
        Seconds without a sign of life; seconds for all of a request, from the resolver to the last byte.
    context
        For tests, which bring an authority of their own: what certificates are verified against, never whether.
    """
    transport = GuardedTransport(guard, total_s=total_s, context=context)
    return Http(clock, timeout_s=timeout_s, max_bytes=MAX_ANSWER_BYTES, transport=transport)


class GuardedTransport(httpx.BaseTransport):
    """What a :class:`httpx.Client` sends by: HTTP/1.1, a connection for each request, guarded and timed."""

    def __init__(self, guard: Guard, *, total_s: float = TOTAL_S, context: ssl.SSLContext | None = None) -> None:
        self._pool = httpcore.ConnectionPool(
            ssl_context=httpx.create_ssl_context() if context is None else context,
            max_keepalive_connections=0,
            network_backend=_Backend(guard, total_s),
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; see :class:`httpx.BaseTransport`."""
        url = request.url
        if url.scheme not in {"http", "https"}:
            raise PermanentError("only http and https addresses are allowed")
        if url.userinfo:
            raise PermanentError("an address with a user's name in it is not allowed")
        target = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
        with _Translated():
            response = self._pool.handle_request(
                httpcore.Request(
                    request.method,
                    target,
                    headers=request.headers.raw,
                    content=request.stream,
                    extensions=request.extensions,
                )
            )
        return httpx.Response(response.status, headers=response.headers, stream=_Body(response))

    def close(self) -> None:
        """Close every connection."""
        self._pool.close()


class _Translated:
    """Turns what the pool raises into what httpx raises; the text, which may hold an address, stays behind."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, httpcore.TimeoutException):
            raise httpx.ReadTimeout("") from None
        if isinstance(error, httpcore.ConnectError):
            is_untrusted = "CERTIFICATE_VERIFY_FAILED" in str(error)
            raise (UntrustedCertificateError if is_untrusted else httpx.ConnectError)("") from None
        if isinstance(error, (httpcore.NetworkError, httpcore.ProtocolError)):
            raise httpx.NetworkError("") from None


class UntrustedCertificateError(httpx.ConnectError):
    """The other side cannot prove who it is."""


class _Body(httpx.SyncByteStream):
    def __init__(self, response: httpcore.Response) -> None:
        self._response = response

    def __iter__(self) -> Iterator[bytes]:
        with _Translated():
            yield from self._response.iter_stream()

    def close(self) -> None:
        self._response.close()


class _Backend(httpcore.NetworkBackend):
    """Dials: the only place from which the pool gets a connection, so that the check cannot be gone around."""

    def __init__(self, guard: Guard, total_s: float) -> None:
        self._guard = guard
        self._total_s = total_s

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,  # noqa: ARG002 - the signature of httpcore
        socket_options: Any = None,  # noqa: ANN401, ARG002 - the same
    ) -> httpcore.NetworkStream:
        end_s = monotonic() + self._total_s
        try:
            connection = self._guard.connect(host, port, timeout_s=min(timeout or self._total_s, self._total_s))
        except TimeoutError:
            raise httpcore.ConnectTimeout from None
        except OSError:
            raise httpcore.ConnectError from None
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return _Timed(connection, end_s)


class _Timed(httpcore.NetworkStream):
    """A connection whose every step has to end before ``end_s``: one that drips is cut off."""

    def __init__(self, connection: socket.socket, end_s: float) -> None:
        self._connection = connection
        self._end_s = end_s

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        with self._step(timeout):
            return self._connection.recv(max_bytes)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        with self._step(timeout):
            self._connection.sendall(buffer)

    def close(self) -> None:
        self._connection.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        try:
            with self._step(timeout):
                wrapped = ssl_context.wrap_socket(self._connection, server_hostname=server_hostname)
        except httpcore.NetworkError as error:
            self.close()
            raise httpcore.ConnectError(str(error)) from None
        return _Timed(wrapped, self._end_s)

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401, ARG002 - whatever httpcore asks for
        return None

    def _step(self, timeout: float | None) -> _Step:
        left_s = self._end_s - monotonic()
        if left_s <= 0:
            raise httpcore.ReadTimeout
        self._connection.settimeout(left_s if timeout is None else min(timeout, left_s))
        return _Step()


class _Step:
    """Gives errors of sockets the names that the pool knows."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, TimeoutError):
            raise httpcore.ReadTimeout from None
        if isinstance(error, OSError):
            raise httpcore.NetworkError(str(error)) from None
