"""One attempt over HTTP, and what its answer means."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from detectors.errors import InputError, PermanentError, RetryableError
from flows.net import Answer, Http, check_status
from flows.notify.receivers.base import GoneError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


def encode(payload: object) -> bytes:
    """Return JSON, in the order of the payload, of nothing but ASCII: what cannot be misread by any receiver."""
    return json.dumps(payload, ensure_ascii=True, separators=(",", ":")).encode("ascii")


def send(http: Http, url: str, body: bytes, *, name: str, headers: Mapping[str, str] | None = None) -> Answer:
    """Send JSON once; raises what went wrong on the way."""
    return http.post(url, body, what=what(name), headers={"Content-Type": "application/json", **(headers or {})})


def check(answer: Answer, *, name: str, now: datetime) -> None:
    """Raise what the status of an answer means; 2xx is the only good one.

    Raises
    ------
    RetryableError
        408, 425, 429 and 5xx, with when to try again where the receiver said so.
    GoneError
        410.
    PermanentError
        Anything else: a redirect is one.
    """
    if answer.status == 410:
        raise GoneError(f"{what(name)} answered 410: it is gone for good")
    if answer.status == 304:
        raise PermanentError(f"{what(name)} answered 304, which says nothing about a message")
    if answer.status == 423:  # "locked": a receiver that is locked needs somebody who unlocks it
        raise PermanentError(f"{what(name)} answered 423: it is locked")
    check_status(answer.status, answer.headers, what=what(name), now=now)


def check_plain(text: str, *, name: str, setting: str) -> None:
    """Raise InputError if a setting that travels in a header or a command holds more than printable ASCII."""
    if not (text.isascii() and (text.isprintable() or not text)):
        raise InputError(f"{what(name)}: {setting} may hold printable ASCII only")


def what(name: str) -> str:
    """Return what a receiver is called in messages."""
    return f"Receiver {name!r}"


def code_in(answer: Answer) -> Any:  # noqa: ANN401 - whatever JSON holds
    """Return ``code`` of an answer that is a JSON object; None where it is none."""
    try:
        decoded = answer.json()
    except RetryableError:
        return None
    return decoded.get("code") if isinstance(decoded, dict) else None
