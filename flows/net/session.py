"""What platform clients that bring ``requests`` get: the same time-outs, bounds and errors as :mod:`flows.net.http`.

>>> session = guarded_session("X", timeout_s=15)
>>> session.max_redirects
0
"""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Any

import requests
from requests.adapters import HTTPAdapter

from detectors.errors import RetryableError
from flows.net.bodies import MAX_BYTES, bounded
from flows.net.http import USER_AGENT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

CHUNK_BYTES = 65_536


class GuardedAdapter(HTTPAdapter):
    """Gives every request a time-out and its answer a largest size, whatever the client forgot.

    Parameters
    ----------
    what
        Who is asked, for messages.
    timeout_s
        Seconds without a sign of life, and, times four, for a whole answer.
    max_bytes
        Largest body, unpacked; answers that are streamed are the client's own business.
    routes
        Where to go instead: ``{"https://api.x.com": "http://127.0.0.1:8000"}``, for clients that hold their host fixed.
    """

    def __init__(
        self, what: str, *, timeout_s: float = 15, max_bytes: int = MAX_BYTES, routes: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(max_retries=0)
        self._what = what
        self._timeout_s = timeout_s
        self._max_bytes = max_bytes
        self._routes = dict(routes or {})

    def send(  # noqa: PLR0913, PLR0917 - the signature of requests
        self,
        request: requests.PreparedRequest,
        stream: bool = False,  # noqa: FBT001, FBT002
        timeout: Any = None,  # noqa: ANN401
        verify: Any = True,  # noqa: ANN401, FBT002
        cert: Any = None,  # noqa: ANN401
        proxies: Any = None,  # noqa: ANN401
    ) -> requests.Response:
        """Send one request; see :class:`requests.adapters.HTTPAdapter`."""
        for host, instead in self._routes.items():
            if request.url and request.url.startswith(host):
                request.url = instead + request.url[len(host) :]
        response = super().send(
            request, stream=True, timeout=timeout or self._timeout_s, verify=verify, cert=cert, proxies=proxies
        )
        if not stream:
            chunks = self._timely(response)
            response._content = bounded(chunks, what=self._what, max_bytes=self._max_bytes)  # noqa: SLF001 - as cachecontrol
            response._content_consumed = True  # type: ignore[attr-defined]  # noqa: SLF001
        return response

    def _timely(self, response: requests.Response) -> Iterator[bytes]:
        end_s = monotonic() + 4 * self._timeout_s
        for chunk in response.iter_content(CHUNK_BYTES):
            if monotonic() > end_s:
                raise RetryableError(f"{self._what} gave no complete answer within {4 * self._timeout_s:g} s")
            yield chunk


def guarded_session(
    what: str, *, timeout_s: float = 15, max_bytes: int = MAX_BYTES, routes: Mapping[str, str] | None = None
) -> requests.Session:
    """Return a session whose every request is timed, bounded and not redirected."""
    session = requests.Session()
    session.max_redirects = 0
    guard(session, GuardedAdapter(what, timeout_s=timeout_s, max_bytes=max_bytes, routes=routes))
    return session


def guard(session: requests.Session, adapter: GuardedAdapter) -> None:
    """Have a session go through an adapter only, under our name."""
    session.headers["User-Agent"] = USER_AGENT
    session.mount("https://", adapter)
    session.mount("http://", adapter)


def plain_error(error: requests.RequestException, *, what: str) -> RetryableError:
    """Return what went wrong on the way, without the address: it may hold a token."""
    if isinstance(error, requests.Timeout):
        return RetryableError(f"{what} did not answer in time")
    if isinstance(error, requests.exceptions.ContentDecodingError):
        return RetryableError(f"{what} sent an answer that is packed wrongly")
    return RetryableError(f"{what}: the connection failed ({type(error).__name__})")
