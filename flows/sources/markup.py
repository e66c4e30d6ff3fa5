r"""HTML, as some platforms send posts, to the text that a reader sees.

>>> text_of_html("<p>Is #<span>GitHub</span> down?<br>503 &amp; 504</p><p>Anyone?</p>")
'Is #GitHub down?\n503 & 504\nAnyone?'
"""

from __future__ import annotations

import re
from html import unescape
from html.parser import HTMLParser

MOST_CHARACTERS = 20_000
"""Twice what is read of a post's text; a parser's time must not be a stranger's to choose."""

_BREAKS = frozenset({"br", "p", "div", "li", "ul", "ol", "blockquote", "pre", "tr", "hr", "h1", "h2", "h3", "h4", "h5"})
_UNSEEN = frozenset({"script", "style", "template", "title"})
_TAG = re.compile(r"<[^<>]*>")
_LONE = re.compile(r"<(?![^<>]*>)")
_BLANK = re.compile(r"[^\S\n]*\n\s*")


def text_of_html(html: str) -> str:
    """Return the text of a fragment of HTML: without tags, with entities resolved, one line a block.

    Parameters
    ----------
    html
        Whatever a platform sent; of what is longer than :data:`MOST_CHARACTERS`, the beginning is read.
    """
    parser = _Reader()
    cut = _LONE.sub("&lt;", html[:MOST_CHARACTERS])  # the parser takes 45 s for 50,000 of "<a "
    try:
        parser.feed(cut)
        parser.close()
        text = "".join(parser.pieces)
    except AssertionError:  # how the standard parser refuses a malformed declaration such as "<![x[": it is all text
        text = unescape(_TAG.sub(" ", cut))
    return _BLANK.sub("\n", text).strip()


class _Reader(HTMLParser):
    """Collects what is seen."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self._unseen = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        """Begin a line, or something that is not shown."""
        if tag in _BREAKS:
            self.pieces.append("\n")
        self._unseen += tag in _UNSEEN

    def handle_endtag(self, tag: str) -> None:
        """End a line, or what was not shown."""
        if tag in _BREAKS:
            self.pieces.append("\n")
        self._unseen = max(0, self._unseen - (tag in _UNSEEN))

    def handle_data(self, data: str) -> None:
        """Take a piece of text."""
        if not self._unseen:
            self.pieces.append(data)
