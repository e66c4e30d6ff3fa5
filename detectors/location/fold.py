"""How names of places are compared: without case, accents, apostrophes and full stops, saint, fort and mount short.

The gazetteer is built with the same function that reads the strings, so that both always agree.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

LIMIT = 300
"""Characters of a profile field that are read; platforms allow 30 to 150."""

_LETTERS = "\u00f8o \u0142l \u0111d \u00f0d \u00feth \u00e6ae \u0153oe \u00dfss \u0131i \u0259a"
_APOSTROPHES = "'`.\u2019\u2018\u02bc\u02bb\u00b4\u02b9\u2032\u0640"
_INVISIBLE = "\ufe0f\u200b\u200c\u200d\u200e\u200f\u00ad"
_PLAIN = str.maketrans({pair[0]: pair[1:] for pair in _LETTERS.split()} | dict.fromkeys(_APOSTROPHES, ""))
_DROPPED = str.maketrans(dict.fromkeys(_APOSTROPHES + _INVISIBLE, ""))
_WORDS = {"saint": "st", "sainte": "ste", "fort": "ft", "mount": "mt"}

# What ends a word. Marks of Indic scripts belong to their word, so that words are what lies between these.
_BREAKS = (
    r",\u060c\u3001\uff0c;\uff1b/|\u2022\u00b7\u30fb\u2219\u25cf~(){}\[\]<>&+=*\"\u201c\u201d\u00ab\u00bb!?\uff01\uff1f\u3002:\uff1a"
    r"\u2026\n\r\t\u2190-\u2bff\u2e00-\u2e7f\U0001e000-\U0001faff"
)
_DASHES = r"\-\u2010-\u2015"
_JOINED = re.compile(r"(?<=[^\W\d_]{2})\.(?=[^\W\d_]{2})")  # "Co.Down", but not "U.S.A."
TOKEN = re.compile(rf"[{_BREAKS}]|[^\s{_BREAKS}{_DASHES}_#@]+|(?<=\s)[{_DASHES}](?=\s)|[#@]")
"""Words, and the breaks between them: one character each."""

BREAK = re.compile(rf"[{_BREAKS}{_DASHES}]")


def tidy(text: str, limit: int = LIMIT) -> str:
    """Return ``text`` bounded and composed, without what is dropped inside words; the case stays."""
    text = text[:limit]
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)[:limit]
    if "." in text:
        text = _JOINED.sub(" ", text)
    return text.translate(_DROPPED)


@lru_cache(maxsize=1 << 14)
def fold_word(word: str) -> str:
    """Return a word without breaks as it is compared.

    Examples
    --------
    >>> fold_word("Zürich"), fold_word("Saint"), fold_word("ŁÓDŹ")
    ('zurich', 'st', 'lodz')
    """
    low = word.lower()
    if not low.isascii():
        low = low.casefold().translate(_PLAIN)
        # Marks of other scripts carry the vowels: only those on Latin, Greek and Cyrillic letters are taken away.
        apart = unicodedata.normalize("NFKD", low)
        low = unicodedata.normalize("NFC", "".join(char for char in apart if not "\u0300" <= char <= "\u036f"))
        low = low.translate(_PLAIN)
    return _WORDS.get(low, low)


def fold(name: str) -> str:
    """Return a name as it is compared: its words, joined by spaces, without breaks.

    Examples
    --------
    >>> fold("St. John's"), fold("Frankfurt-am-Main"), fold("Saint-Étienne")
    ('st johns', 'frankfurt am main', 'st etienne')
    """
    words = TOKEN.findall(tidy(name))
    return " ".join(folded for word in words if not BREAK.match(word) and (folded := fold_word(word)))
