"""Raw text to safe text: bounded, in one normal form, with nothing in it that hides or moves other characters.

Every reader of posts goes through :func:`normalise`, everything that is shown goes through :func:`printable`. Both
are idempotent: Unicode's normal form KC with case folding (UAX #15, section 3.13 of the standard) is applied until
nothing changes, because removing a character can bring two others together that then compose.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Literal

LIMIT = 10_000
"""Characters of a post that are read; platforms cut at 300 to 25,000, and what matters is said early."""

_MOST_ROUNDS = 8
"""Two are the most that were ever seen to be needed; a bound all the same."""

_MOST_MARKS = 8
_MOST_MARKS_SHOWN = 3
_LONG = 500
"""From here on runs of marks are cut: putting marks into canonical order takes quadratic time in a long run."""

# General categories Cc (but for white space), Cf and Cs as ranges; fillers that show as nothing; variation selectors.
_HIDDEN = (
    "\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160"
    "\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164\ud800-\udfff\ufe00-\ufe0f\ufeff\uffa0\ufff0-\uffff"
    "\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
# Marks that pile up on Latin letters. What belongs to a word ("é") has been composed before they are taken away.
_PILED = "\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"

_HIDDEN_RE = re.compile(f"[{_HIDDEN}]")
_HIDDEN_OR_PILED_RE = re.compile(f"[{_HIDDEN}{_PILED}]")

# The commonest compatibility forms in Japanese posts. Replacing them first spares most posts the full normal form,
# which takes kana apart and puts them together again (ten times slower).
_WIDE = {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)} | {0x3000: " ", 0x2026: "..."}
_WIDE_RE = re.compile("[\uff01-\uff5e\u3000\u2026]")

_QUOTES = (("\u2019", "'"), ("\u2018", "'"), ("\u02bc", "'"), ("\u00b4", "'"), ("\u201c", '"'), ("\u201d", '"'))


def normalise(text: str, *, limit: int = LIMIT) -> str:
    r"""Return ``text`` in the form in which posts and names are compared.

    Compatibility forms are unified and case is folded; control, zero-width and direction characters, lone surrogates
    and piled-up marks are gone; white space is collapsed to single spaces; curly quotes are straight.

    Parameters
    ----------
    text
        Anything, lone surrogates too.
    limit
        Longest text that is looked at, and longest result, in characters.

    Examples
    --------
    >>> normalise("  iMessage\u200b  ISN\u2019T\tworking ")
    "imessage isn't working"
    """
    if len(text) > limit:
        text = text[:limit]
    if text.isascii():
        if text.isprintable() and "  " not in text:
            return text.lower().strip()
        if not text.isprintable():
            text = _HIDDEN_RE.sub("", text)
        return _collapse(text.lower(), limit)
    text = _fold(text)
    for _ in range(_MOST_ROUNDS):
        if unicodedata.is_normalized("NFKC", text):
            break
        text = _fold(text)
    return _collapse(text, limit)


def printable(text: str, *, limit: int = 200) -> str:
    r"""Return ``text`` fit for showing in a terminal, a log or a page: on one line, inert, case kept.

    Escape sequences lose their escape, direction marks and zero-width characters are gone, at most three marks stand
    on a letter. What does not fit in ``limit`` characters is cut and ends in an ellipsis. This does not escape
    HTML; templates do.

    Examples
    --------
    >>> printable("iMessage\x1b[31m down\n\u202e!")
    'iMessage[31m down !'
    >>> printable("a long story", limit=7)
    'a long…'
    """
    cut = text[: limit + 1]
    for _ in range(_MOST_ROUNDS):
        before = cut
        cut = _HIDDEN_RE.sub("", _thin(cut, _MOST_MARKS_SHOWN))
        cut = _thin(_normal_form("NFC", cut), _MOST_MARKS_SHOWN)
        if cut == before:
            break
    cut = " ".join(cut.split())
    if len(cut) <= limit and len(text) <= limit:
        return cut
    return cut[: max(limit - 1, 0)].rstrip() + "…" * (limit > 0)


def _fold(text: str) -> str:
    """One round: unify compatibility forms, fold case, take away what hides."""
    if not unicodedata.is_normalized("NFKC", text):
        text = _WIDE_RE.sub(_narrow, text)
        text = _normal_form("NFKC", _thin(text, _MOST_MARKS) if len(text) > _LONG else text)
    for curly, straight in _QUOTES:
        text = text.replace(curly, straight)
    text = _HIDDEN_OR_PILED_RE.sub("", text.casefold())
    return _thin(text, _MOST_MARKS) if len(text) > _LONG else text


def _narrow(match: re.Match[str]) -> str:
    """Return the plain form of a wide character."""
    return _WIDE[ord(match[0])]


def _normal_form(form: Literal["NFC", "NFKC"], text: str) -> str:
    """Normalise only where needed: the check is quicker by far."""
    return text if unicodedata.is_normalized(form, text) else unicodedata.normalize(form, text)


def _thin(text: str, most: int) -> str:
    """Keep at most ``most`` combining marks in a row."""
    if text.isascii():
        return text
    kept: list[str] = []
    run = 0
    for char in text:
        run = run + 1 if unicodedata.combining(char) else 0
        if run <= most:
            kept.append(char)
    return "".join(kept)


def _collapse(text: str, limit: int) -> str:
    """Collapse white space, and cut what the normal form made longer than ``limit``."""
    text = " ".join(text.split())
    return text if len(text) <= limit else text[:limit].rstrip()
