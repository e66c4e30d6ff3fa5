"""HTTP over httpx: timed, bounded, without redirects; one attempt, and errors of our own."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from time import monotonic
from typing import TYPE_CHECKING, Any, Self

import httpx

from detectors.errors import PermanentError, RetryableError
from flows.net.bodies import MAX_BYTES, bounded, decode_json
from flows.net.clock import SYSTEM_CLOCK, Clock
from flows.net.errors import check_status
from flows.net.quiet import keep_addresses_out_of_logs

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

USER_AGENT = "uproar (outage detection)"


@dataclass(frozen=True)
class Answer:
    """An answer: of :meth:`Http.get` a good one, 2xx, or 304 where the request was conditional."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    what: str

    def json(self) -> Any:  # noqa: ANN401 - whatever JSON holds
        """Decode the body; raises as :func:`~flows.net.bodies.decode_json`."""
        return decode_json(self.body, what=self.what)


class Http:
    """Requests that end: by an answer or by an error with a name.

    Parameters
    ----------
    clock
        Whose ``now`` a platform's waiting time refers to.
    timeout_s
        Seconds without a sign of life, and, times four, for a whole answer: one that drips is cut off.
    max_bytes
        Largest body, unpacked.
    transport
        What dials; for addresses that are not our own :func:`~flows.net.guard.guarded_http`. With one, proxies of the
        environment are not used.
    """

    def __init__(
        self,
        clock: Clock = SYSTEM_CLOCK,
        *,
        timeout_s: float = 15,
        max_bytes: int = MAX_BYTES,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        keep_addresses_out_of_logs()
        self._clock = clock
        self._timeout_s = timeout_s
        self._max_bytes = max_bytes
        self._client = httpx.Client(
            timeout=timeout_s,
            follow_redirects=False,
            trust_env=transport is None,
            transport=transport,
            headers={"User-Agent": USER_AGENT},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection."""
        self._client.close()

    def probe(self, url: str, *, what: str) -> datetime | None:
        """Look whether somebody answers, whatever the answer; return what time it is there (UTC), if it says so.

        Raises
        ------
        RetryableError
            Nobody answers.
        """
        with self._named(what):
            response = self._client.head(url)
        try:
            return parsedate_to_datetime(response.headers["Date"])
        except (KeyError, ValueError):
            return None

    def get(
        self,
        url: str,
        *,
        what: str,
        params: Mapping[str, str | int] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Ask once.

        Parameters
        ----------
        url, params, headers
            What is asked. None of them gets into a message.
        what
            Who is asked, for messages ("Hacker News").

        Raises
        ------
        RetryableError, PermanentError
            As of :func:`~flows.net.errors.check_status`, or: no answer in time, the connection broke, too large.
        """
        with self._named(what), self._client.stream("GET", url, params=params, headers=headers) as response:
            check_status(response.status_code, response.headers, what=what, now=self._clock.now())
            body = bounded(self._timely(response, what), what=what, max_bytes=self._max_bytes)
            return Answer(response.status_code, response.headers, body, what)

    def post(self, url: str, body: bytes, *, what: str, headers: Mapping[str, str] | None = None) -> Answer:
        """Send once, and return the answer whatever its status: what it means is the sink's own business.

        Once there is a status it counts: of a body that is too large, or breaks, there is only the beginning.

        Parameters
        ----------
        url, body, headers
            What is sent. None of them gets into a message.
        what
            Who it is sent to, for messages.

        Raises
        ------
        RetryableError, PermanentError
            No answer in time, the connection broke; the address is none, what the guard says.
        """
        try:
            target = httpx.URL(url)
        except (httpx.InvalidURL, UnicodeError):
            raise PermanentError(f"{what}: its address is none") from None
        if target.scheme not in {"http", "https"} or not target.host:
            raise PermanentError(f"{what}: its address has to begin with https:// or http://, and a host")
        with self._named(what), self._client.stream("POST", target, content=body, headers=headers) as response:
            return Answer(response.status_code, response.headers, self._beginning(response, what), what)

    def _beginning(self, response: httpx.Response, what: str) -> bytes:
        """Return what can be read of a body."""
        body = b""
        with suppress(httpx.HTTPError, RetryableError):
            for chunk in self._timely(response, what):
                body += chunk[: self._max_bytes - len(body)]
                if len(body) == self._max_bytes:
                    break
        return body

    @contextmanager
    def _named(self, what: str) -> Iterator[None]:
        """Give what goes wrong on the way a name, without the address: it may hold a token."""
        try:
            yield
        except httpx.TimeoutException:
            raise RetryableError(f"{what} did not answer within {self._timeout_s:g} s") from None
        except httpx.DecodingError:
            raise RetryableError(f"{what} sent an answer that is packed wrongly") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise RetryableError(f"{what}: the connection failed ({type(error).__name__})") from None

    def _timely(self, response: httpx.Response, what: str) -> Iterator[bytes]:
        """Yield the body, for no longer than four time-outs."""
        end_s = monotonic() + 4 * self._timeout_s
        for chunk in response.iter_bytes():
            if monotonic() > end_s:
                raise RetryableError(f"{what} took more than {4 * self._timeout_s:g} s to answer")
            yield chunk
