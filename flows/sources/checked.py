"""A session for platform clients that bring ``requests``: it answers well, or raises an error of ours.

Clients wait, retry and explain themselves each in their own way, by their own clock. None of them gets to: what is not
a good answer never reaches them, and the allowance that a platform announces is kept here, so that waiting is
:class:`flows.net.Retry`'s business alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import requests

from detectors.errors import RetryableError, SourceError
from flows.net import check_status, decode_json, retry_at_from
from flows.net.session import GuardedAdapter, guard, plain_error

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from flows.sources.base import Bounds

T = TypeVar("T")

REMAINING, RESET = "x-ratelimit-remaining", "x-ratelimit-reset"
HIDDEN = (REMAINING, RESET, "link")
"""What clients act upon by themselves: they would sleep by a clock of their own, or stumble over nonsense."""


class CheckedSession(requests.Session):
    """Requests that are timed, bounded, not redirected, and checked before the client sees them.

    Parameters
    ----------
    what
        Who is asked, for messages.
    bounds
        Whose clock and time-out count.
    shape
        What every answer is, outermost: a list, a dict. Clients make one of the other, and nothing of something.

    Raises
    ------
    RetryableError, PermanentError
        From every request: as of :func:`flows.net.check_status`; no or too long an answer; not JSON, or of another
        shape; or the platform has said, with ``X-RateLimit-Remaining: 0``, that it would refuse it.
    """

    def __init__(self, what: str, bounds: Bounds, *, shape: type = object) -> None:
        super().__init__()
        self._shape = shape
        self._what = what
        self._clock = bounds.clock
        self._timeout_s = bounds.timeout_s
        self._free_at: datetime | None = None
        self.auth = _as_it_is
        guard(self, GuardedAdapter(what, timeout_s=bounds.timeout_s))

    def send(self, request: requests.PreparedRequest, **given: Any) -> requests.Response:  # noqa: ANN401
        """Send one request; our time-out replaces the client's."""
        now = self._clock.now()
        if self._free_at is not None and now < self._free_at:
            raise RetryableError(f"{self._what} has no requests left for us for now", retry_at=self._free_at)
        try:
            response = super().send(request, **{**given, "timeout": self._timeout_s, "allow_redirects": False})
        except requests.RequestException as error:
            raise plain_error(error, what=self._what) from None
        self._keep(response)
        check_status(response.status_code, response.headers, what=self._what, now=self._clock.now())
        for name in HIDDEN:
            response.headers.pop(name, None)
        if not isinstance(decode_json(response.content, what=self._what), self._shape):
            raise RetryableError(f"{self._what} sent something else than was asked for")
        return response

    def _keep(self, response: requests.Response) -> None:
        """Note when there will be requests left for us, if there are none."""
        self._free_at = None
        try:
            is_spent = float(response.headers.get(REMAINING, "")) < 1
        except ValueError:
            return
        if is_spent:
            self._free_at = retry_at_from({RESET: response.headers.get(RESET, "")}, now=self._clock.now())


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Leave the credentials as the client set them: ``requests`` would put those of a .netrc in their place."""
    return request


def heard(ask: Callable[[], T], *, what: str) -> T:
    """Return what a client answers, with its errors turned into ours.

    Parameters
    ----------
    ask
        One request through a platform client that uses a :class:`CheckedSession`.
    what
        Who is asked, for messages.

    Raises
    ------
    RetryableError, PermanentError
        The session's own, wherever the client has wrapped it; else a retryable one that names what the client raised
        and nothing of what it says: clients put addresses and bodies into their messages.
    """
    try:
        return ask()
    except Exception as error:  # noqa: BLE001 - clients fail in many ways over an answer that they did not expect
        raise _ours(error, what) from None


def _ours(error: BaseException, what: str) -> SourceError:
    """Return the error of ours that another one wraps, or stems from."""
    inner: BaseException | None = error
    while inner is not None:
        if isinstance(inner, SourceError):
            return inner
        inner = inner.__cause__ or inner.__context__
    return RetryableError(f"{what} sent an answer that its client cannot read ({type(error).__name__})")
