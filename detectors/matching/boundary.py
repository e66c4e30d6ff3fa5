"""Where a word begins and ends, in any script, and what is a link and not a word. Works on normalised text."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

_NONE, _SPACED, _KATAKANA, _UNSPACED = 0, 1, 2, 3

# Scripts that put no space between words, or glue particles to them: (first, last) code point.
_UNSPACED_BLOCKS = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Myanmar
    (0x1100, 0x11FF),  # Hangul letters
    (0x1780, 0x17FF),  # Khmer
    (0x3005, 0x3007),  # Han iteration marks
    (0x3040, 0x309F),  # Hiragana
    (0x3400, 0x9FFF),  # Han
    (0xAC00, 0xD7FF),  # Hangul syllables
    (0xF900, 0xFAFF),  # Han
    (0x20000, 0x3FFFF),  # Han
)
_KATAKANA_BLOCKS = ((0x30A1, 0x30FA), (0x30FC, 0x30FF), (0x31F0, 0x31FF))

_FARTHEST = 256
"""Characters that are looked at on either side to find the ends of a link: enough for any host."""


def is_edge(text: str, at: int) -> bool:
    """Say whether a word may begin or end between ``text[at - 1]`` and ``text[at]``.

    Scripts without spaces have an edge everywhere; katakana only where it meets something else, because its words
    hide in longer ones.
    """
    if at <= 0 or at >= len(text):
        return True
    left, right = text[at - 1], text[at]
    if left == " " or right == " ":  # mostly
        return True
    before, after = _kind(left), _kind(right)
    return before != after or before in (_NONE, _UNSPACED)


@lru_cache(maxsize=8192)
def _kind(char: str) -> int:
    """Return to which kind of word a character belongs, if to any."""
    if char.isascii():
        return _SPACED if char.isalnum() or char == "_" else _NONE
    code = ord(char)
    if any(first <= code <= last for first, last in _UNSPACED_BLOCKS):
        return _UNSPACED
    if any(first <= code <= last for first, last in _KATAKANA_BLOCKS):
        return _KATAKANA
    return _SPACED if unicodedata.category(char)[0] in "LMN" else _NONE


def in_link(text: str, start: int, end: int) -> bool:
    """Say whether ``text[start:end]`` is part of a link, an e-mail address or a cashtag, and so not said of anything.

    A bare host that stands alone ("netflix.com is down") is a name; ``status.github.com``, ``x.com/somebody`` and
    anything with a scheme are links. A handle counts as a name where it is the whole handle ("@netflix").
    """
    head = text[max(text.rfind(" ", max(0, start - _FARTHEST), start) + 1, start - _FARTHEST, 0) : start]
    stop = text.find(" ", end, end + _FARTHEST)
    tail = text[end : stop if stop >= 0 else end + _FARTHEST]
    if "://" in head or head.startswith("www.") or head.endswith("$"):
        return True
    if tail.startswith("@") and len(tail) > 1:
        return True  # name@host
    if "@" in head and not head.endswith("@"):
        return head.startswith("@") and not _has_ended(head)  # @somebody.name
    return _is_mailed(head) or _is_host(head, text[start:end], tail)


def _has_ended(head: str) -> bool:
    """Say whether a handle ended before here: ``@support,`` rather than ``@support.``."""
    return not (head[-1] in "._-" or head[-1].isalnum())


def _is_mailed(head: str) -> bool:
    """Say whether what follows is the host of an address: ``somebody@``."""
    return len(head) > 1 and head.endswith("@") and head[-2].isalnum()


def _is_host(head: str, name: str, tail: str) -> bool:
    """Say whether name is in a host that stands in a link: below another host, or with a path."""
    if len(head) > 1 and head.endswith(".") and head[-2].isalnum():
        return True  # status.github.com
    host, slash, _ = (name + tail).partition("/")
    return bool(slash) and "." in host and not host.endswith(".")
