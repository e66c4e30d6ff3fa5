"""Cursors as text: JSON of a record that only its own feed reads."""

from __future__ import annotations

from typing import TypeVar

import msgspec
from msgspec import Struct

from detectors.errors import InputError

C = TypeVar("C", bound=Struct)


def read_cursor(text: str | None, kind: type[C], *, whose: str, place: str | None = None) -> C | None:
    """Read a cursor; None for none.

    Parameters
    ----------
    kind
        The record that it holds.
    whose, place
        What it should have been ("that of Hacker News"), and which feed says so, for the message.

    Raises
    ------
    InputError
        It was not written by this feed.
    """
    if text is None:
        return None
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.MsgspecError:
        raise InputError(f"the stored cursor is not {whose}", place=place) from None


def write_cursor(cursor: Struct) -> str:
    """Return a cursor as text."""
    return msgspec.json.encode(cursor).decode()
