"""What an HTTP status means to us, and when a platform wants to be asked again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from detectors.errors import PermanentError, RetryableError

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_DELAY = timedelta(days=1)
"""A platform that asks for more has sent nonsense."""

TRANSIENT = frozenset({408, 423, 425, 429})
_MEANINGS = {
    400: "it does not understand the request",
    401: "it does not accept the credentials",
    402: "payment is due",
    403: "it refuses access",
    404: "there is nothing at that address",
    410: "what was asked for is gone for good",
    429: "too many requests",
}


def check_status(status: int, headers: Mapping[str, str], *, what: str, now: datetime) -> None:
    """Raise what a status means; 2xx and 304 mean nothing.

    Parameters
    ----------
    status
        Of the answer.
    headers
        Of the answer; names in any case.
    what
        Who answered, for the message. Never an address that could hold a secret.
    now
        The present (UTC).

    Raises
    ------
    RetryableError
        408, 423, 425, 429 and 5xx, with when to try again where the platform said so.
    PermanentError
        Anything else: a redirect is one, because an address that moves has to be looked at.
    """
    if 200 <= status < 300 or status == 304:
        return
    meaning = _MEANINGS.get(status, "it sends us elsewhere" if 300 <= status < 400 else "")
    message = f"{what} answered {status}" + (f": {meaning}" if meaning else "")
    if status in TRANSIENT or status >= 500:
        raise RetryableError(message, retry_at=retry_at_from(headers, now=now))
    raise PermanentError(message)


def retry_at_from(headers: Mapping[str, str], *, now: datetime) -> datetime | None:
    """Return when a platform wants to be asked again (UTC); None where it does not say, or says nonsense.

    ``Retry-After`` in seconds or as a date (RFC 9110, section 10.2.3); else ``x-rate-limit-reset`` (X: seconds since
    1970) or ``x-ratelimit-reset`` (Mastodon: ISO 8601; Reddit: seconds from now).
    """
    given = {name.lower(): value.strip() for name, value in headers.items()}
    for name, read in (
        ("retry-after", _after),
        ("x-rate-limit-reset", _epoch),
        ("x-ratelimit-reset", _reset),
    ):
        at = read(given[name], now) if name in given else None
        if at is not None and at - now <= MOST_DELAY:
            return max(at, now)
    return None


def _after(text: str, now: datetime) -> datetime | None:
    if _is_number(text):
        return _later(now, float(text))
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _epoch(text: str, _: datetime) -> datetime | None:
    return _later(datetime(1970, 1, 1, tzinfo=UTC), float(text)) if _is_number(text) else None


def _reset(text: str, now: datetime) -> datetime | None:
    if _is_number(text):
        return _later(now, float(text))
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).isascii() and text.replace(".", "", 1).isdigit()


def _later(since: datetime, seconds: float) -> datetime | None:
    try:
        return since + timedelta(seconds=seconds)
    except OverflowError:
        return None
