"""Atom and RSS histories of incidents.

In the feeds of statuspage.io every update of an incident stands in one HTML text, newest first, under a stamp without
a year ("Mar 3, 20:41 UTC"); ``published`` is the time of the newest one. Entries without such stamps are taken as
incidents of one update.
"""

from __future__ import annotations

import calendar
import io
import re
from html import unescape
from typing import TYPE_CHECKING, Any, NoReturn
from xml.parsers import expat

from detectors.errors import RetryableError
from detectors.model import utc
from flows.sources.statuspage.notice import Notice, Reading, Update, named
from flows.sources.statuspage.reading import MAX_BODY, MAX_TITLE, MAX_WORD, clean, plausible, state_of
from flows.sources.statuspage.stamps import STAMP, moments

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from detectors.model import StatusState

MAX_ENTRIES = 1_000
MAX_HTML = 200_000
"""Characters of an entry that are read; an entry of two hundred updates has some 50,000."""

_LINES = frozenset({"br", "p", "div", "li", "tr", "h1", "h2", "h3", "h4", "ul", "ol", "table", "blockquote"})
_HELD = ("small", "strong")
_TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9]{0,15})(?:[\s/][^<>]{0,4000})?>")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_STAGE_IN_TITLE = re.compile(r"\s*\[?([A-Za-z][A-Za-z ]{2,20}?)(?:\]|\s*[:\u2013-]\s)")
_PLANNED = frozenset({"scheduled", "in progress", "verifying", "completed"})


def endpoints(url: str) -> dict[str, str]:
    """Return the one document of the page."""
    return {"feed": url}


def read(body: bytes, name: str, reading: Reading) -> Iterator[Notice]:
    """Yield the entries as incidents."""
    feed = _parsed(body, name, reading)
    for number, entry in enumerate(feed.entries[:MAX_ENTRIES], 1):
        incident_id = clean(str(entry.get("id") or entry.get("link") or ""), MAX_BODY)
        if incident_id:
            yield _notice(incident_id, entry, f"entry {number}", reading)
        else:
            reading.notes.add(f"entry {number}: without an id or a link")
    if len(feed.entries) > MAX_ENTRIES:
        reading.notes.add(f"more than {MAX_ENTRIES} entries: the rest was not read")


def _parsed(body: bytes, name: str, reading: Reading) -> Any:  # noqa: ANN401 - feedparser has no types
    """Return a feed that is whole.

    feedparser would make something of a text that was cut in the middle, too: then a wording would seem to have
    changed.
    """
    import feedparser  # a tenth of a second

    def refuse(*_: object) -> NoReturn:
        """Refuse entities, which can grow without end and name files: no feed needs a document type."""
        raise expat.ExpatError

    text = body.strip()
    try:
        checker = expat.ParserCreate()
        checker.StartDoctypeDeclHandler = refuse
        checker.Parse(text, True)
        # As a file, because a text that looks like an address would be opened. Its cleaning of HTML takes quadratic
        # time, and we keep only text.
        feed = feedparser.parse(io.BytesIO(text), sanitize_html=False, resolve_relative_uris=False)
    except expat.ExpatError:
        raise RetryableError(f"{reading.page.name} sent something that is not well-formed, plain XML") from None
    except Exception:  # noqa: BLE001 - on damaged input feedparser raises whatever its parsers happen to
        raise RetryableError(f"{reading.page.name} sent a {name} that cannot be read") from None
    if feed.bozo or not feed.get("version"):
        raise RetryableError(f"{reading.page.name} sent XML that is not a whole Atom or RSS feed")
    return feed


def _notice(incident_id: str, entry: Any, where: str, reading: Reading) -> Notice:  # noqa: ANN401 - see _parsed
    published_at, updated_at = _moment(entry, "published_parsed"), _moment(entry, "updated_parsed")
    newest_at = published_at or updated_at
    html = entry["content"][0].get("value", "") if entry.get("content") else entry.get("summary", "")
    if len(html) > MAX_HTML:
        reading.notes.add(f"{where}: more than {MAX_HTML} characters: the rest was not read")
    preamble, parts = split(html[:MAX_HTML])
    title = clean(" ".join(str(entry.get("title", "")).split()), MAX_TITLE)
    if parts:
        updates = _dated(parts, newest_at, where, reading)
    else:
        stage = _STAGE_IN_TITLE.match(title)
        raw = stage[1] if stage and state_of(stage[1]) != "unknown" else ""
        state = state_of(raw)
        updates = (Update("the entry", preamble, state=state, raw_state=raw, posted_at=newest_at),)
        preamble = ""
    newest = updates[-1]
    is_planned = any(update.raw_state.lower() in _PLANNED for update in updates)
    return Notice(
        id=incident_id,
        title=title,
        state=newest.state,
        raw_state=newest.raw_state,
        impact="maintenance" if is_planned else "unknown",
        is_maintenance=is_planned,
        body=preamble,
        resolved_at=_resolved_at(updates),
        posted_at=updates[0].posted_at,
        updated_at=updated_at,
        url=clean(str(entry.get("link", "")), MAX_TITLE),
        updates=updates,
    )


def _dated(parts: list[Part], newest_at: datetime | None, where: str, reading: Reading) -> tuple[Update, ...]:
    """Return the updates, oldest first; their stamps stand for names."""
    times = moments([part.stamp for part in parts], newest_at or reading.seen_at)
    if None in times:
        reading.notes.add(f"{where}: a time that cannot be read")
    found = [
        Update(
            id=at.isoformat() if at else part.stamp,
            body=part.body,
            state=state_of(part.stage),
            raw_state=part.stage,
            posted_at=at,
        )
        for part, at in zip(parts, times, strict=True)
    ]
    return named(found[::-1])


def _resolved_at(updates: tuple[Update, ...]) -> datetime | None:
    """Return when an incident was first called resolved since it last was not."""
    found = None
    for update in reversed(updates):
        state: StatusState = update.state
        if state not in ("resolved", "postmortem"):
            break
        found = update.posted_at if state == "resolved" else found
    return found


def _moment(entry: Any, name: str) -> datetime | None:  # noqa: ANN401 - see _parsed
    """Return a time that feedparser has read."""
    parts = dict.get(entry, name)  # feedparser's own way of asking takes another time where this one is missing
    try:
        return plausible(utc(calendar.timegm(parts))) if parts else None
    except (ValueError, OverflowError, OSError):
        return None


# --- the HTML of an entry ------------------------------------------------------------------------------------


class Part:
    """One update as an entry shows it: its stamp, its stage and what it says."""

    def __init__(self, stamp: str) -> None:
        self.stamp = stamp
        self.stage = ""
        self.texts: list[str] = []

    @property
    def is_untold(self) -> bool:
        """Whether neither its stage nor anything else has come yet."""
        return not self.stage and not any(text.strip() for text in self.texts)

    @property
    def body(self) -> str:
        """Return the wording, without the dash before it."""
        text = _tidy("".join(self.texts))
        return clean(text.removeprefix("-").strip() if self.stage else text, MAX_BODY)


class _Splitter:
    """Cuts the text of an entry at its stamps (``<small>``); the stage is the ``<strong>`` that follows one."""

    def __init__(self) -> None:
        self.preamble: list[str] = []
        self.parts: list[Part] = []
        self._held: list[str] | None = None
        self._tag = ""

    def open(self, tag: str) -> None:
        """Take the beginning of an element."""
        if tag in _LINES:
            self.text("\n")
        if tag in _HELD and self._held is None:
            self._held, self._tag = [], tag

    def close(self, tag: str) -> None:
        """Take the end of an element, and decide what the text in it was."""
        if self._held is None or tag != self._tag:
            return
        text, self._held = "".join(self._held), None
        words = " ".join(text.split())
        if tag == "small" and STAMP.fullmatch(words):
            self.parts.append(Part(words))
        elif tag == "strong" and self.parts and self.parts[-1].is_untold:
            self.parts[-1].stage = clean(words, MAX_WORD)
        else:
            self.text(text)

    def text(self, text: str) -> None:
        """Take text."""
        if self._held is not None:
            self._held.append(text)
        elif self.parts:
            self.parts[-1].texts.append(text)
        else:
            self.preamble.append(text)


def split(html: str) -> tuple[str, list[Part]]:
    """Return what stands before the first stamp, and the updates in their order on the page.

    Not by ``html.parser``: it takes quadratic time on tags that are begun and never ended.
    """
    last = html.rfind("-->") + 3
    html = _COMMENT.sub("", html[:last]) + html[last:]  # up to there, every comment that begins has an end
    splitter, end = _Splitter(), 0
    for tag in _TAG.finditer(html):
        splitter.text(unescape(html[end : tag.start()]))
        end = tag.end()
        (splitter.close if tag[1] else splitter.open)(tag[2].lower())
    splitter.text(unescape(html[end:]))
    for name in _HELD:  # one that was never closed
        splitter.close(name)
    return clean(_tidy("".join(splitter.preamble)), MAX_BODY), splitter.parts


def _tidy(text: str) -> str:
    """Return the lines of a text, spaces within them collapsed, without empty ones."""
    return "\n".join(line for one in text.split("\n") if (line := " ".join(one.split())))
