"""Raw text to safe text: bounded, in one normal form, with nothing in it that hides or moves other characters.

Every reader of posts goes through :func:`normalise`, everything that is shown goes through :func:`printable`. Both
are idempotent: Unicode's normal form KC with case folding (UAX #15, section 3.13 of the standard) is applied until
nothing changes, because removing a character can bring two others together that then compose.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache

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

# What calls for more than folding the case: all of that, and white space but for the plain space.
_ODD_RE = re.compile(f"[{_HIDDEN}{_PILED}\\t-\\r\\x1c-\\x1f\\x85\\u1680\\u2028\\u2029\\u02bc]")

_MARKS_FROM, _MARKS_TO = 0x300, 0x1F000
"""Where the combining marks lie."""

# The commonest compatibility forms in Japanese posts. Replacing them first spares most posts the full normal form,
# which takes kana apart and puts them together again (ten times slower).
_WIDE = {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)} | {0x3000: " ", 0x2026: "..."}
_WIDE_RE = re.compile("[\uff01-\uff5e\u3000\u2026]")

# What is odd in every other post, and quick to replace one by one, so that few posts need the search for the rest:
# curly quotes, accents used as apostrophes, the selector that asks for a coloured heart, line ends.
_COMMON = (
    *(("\u2019", "'"), ("\u2018", "'"), ("\u00b4", "'")),
    *(("\u201c", '"'), ("\u201d", '"'), ("\ufe0f", ""), ("\n", " ")),
)


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
        if not text.isprintable():
            text = " ".join(_HIDDEN_RE.sub("", text).split())
        return _collapse(text.lower())
    text = _fold(text)
    for _ in range(_MOST_ROUNDS):
        if unicodedata.is_normalized("NFKC", text):
            break
        text = _fold(text)
    text = _collapse(text)
    return text if len(text) <= limit else text[:limit].rstrip()  # the normal form may be longer


def fold_alone(char: str) -> str | None:
    """Return what a character becomes wherever it stands; None where that is not one character or depends on others.

    It depends on others if it may compose with what stands before it or change places with it: marks and Hangul
    letters do.

    Returns
    -------
    str or None
        One character; none ("") for what hides; a space for any white space, of which runs are still to be collapsed.
    """
    if char.isspace():
        return " "
    if _HIDDEN_RE.match(char) and not unicodedata.combining(char):
        return ""
    folded = _fold(char)
    is_settled = len(folded) == 1 and unicodedata.is_normalized("NFKC", folded)
    may_join = is_settled and (unicodedata.category(folded).startswith("M") or "\u1100" <= folded <= "\u11ff")
    return folded if is_settled and not may_join else None


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
        cut = _thin(unicodedata.normalize("NFC", cut), _MOST_MARKS_SHOWN)
        if cut == before:
            break
    cut = " ".join(cut.split())
    if len(cut) <= limit and len(text) <= limit:
        return cut
    return cut[: max(limit - 1, 0)].rstrip() + "…" * (limit > 0)


def _fold(text: str) -> str:
    """One round: unify compatibility forms, fold case, take away what hides."""
    for odd, plain in _COMMON:
        text = text.replace(odd, plain)
    is_long = len(text) > _LONG
    if is_long:
        text = _thin(text, _MOST_MARKS)
    if not unicodedata.is_normalized("NFKC", text):
        text = unicodedata.normalize("NFKC", _WIDE_RE.sub(_narrow, text))
    text = text.casefold()
    if _ODD_RE.search(text):
        text = " ".join(_HIDDEN_OR_PILED_RE.sub("", text.replace("\u02bc", "'")).split())
    return _thin(text, _MOST_MARKS) if is_long else text


def _narrow(match: re.Match[str]) -> str:
    """Return the plain form of a wide character."""
    return _WIDE[ord(match[0])]


def _thin(text: str, most: int) -> str:
    """Keep at most ``most`` combining marks in a row."""
    return _run_of_marks(most).sub(r"\1", text)


@cache
def _run_of_marks(most: int) -> re.Pattern[str]:
    """Return what matches more than ``most`` marks in a row. Collecting the marks takes some milliseconds, once."""
    marks = "".join(chr(code) for code in range(_MARKS_FROM, _MARKS_TO) if unicodedata.combining(chr(code)))
    return re.compile(f"([{marks}]{{{most}}})[{marks}]+")


def _collapse(text: str) -> str:
    """Collapse spaces."""
    return " ".join(text.split()) if "  " in text else text.strip()
