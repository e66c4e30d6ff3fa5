"""Libraries that log whole addresses, kept from it: an address may hold a token."""

from __future__ import annotations

import logging

import httpx


def _shorten(record: logging.LogRecord) -> bool:
    """Leave of an address who was asked."""
    if isinstance(record.args, tuple):
        record.args = tuple(_origin(value) if isinstance(value, httpx.URL) else value for value in record.args)
    return True


def _origin(url: httpx.URL) -> str:
    return f"{url.scheme}://{url.host}"


def keep_addresses_out_of_logs() -> None:
    """Let httpx log, at INFO, who was asked and what came of it, and nothing else of an address.

    A filter and not a level, because whoever runs us may set levels at any time.
    """
    logging.getLogger("httpx").addFilter(_shorten)
