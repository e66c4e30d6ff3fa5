"""What receivers show of a message: a title, labelled facts and links, each inert and bounded.

Nothing here is escaped; that is the business of each receiver, by :func:`fit`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx

from detectors.errors import PermanentError
from detectors.model import Estimate
from detectors.text import printable
from flows.net.addresses import canonical_host
from flows.report.wording import counted, factor_text, interval, moment, share, symptom_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from flows.notify.message import Link, Message, RegionTold

TITLE_LIMIT, TEXT_LIMIT, FACT_LIMIT, MAX_LINKS, MAX_URL = 120, 600, 600, 5, 1000
_MOST_REGIONS, _MOST_SYMPTOMS, _MOST_POSTS = 5, 3, 5
_POST_LIMIT = 160
_ODD_IN_URLS = "<>|\"'`(){}[]\\^ *~"
"""What ends a link, or begins markup, in one sink or another."""

_PILE = "[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]"
_PILED_RE = re.compile(f"({_PILE}{{3}}){_PILE}+")
"""Marks that enclose (U+0489) break what else would count as a run of marks."""

_SCHEME_RE = re.compile(r"(?i)(?<=[a-z]):(?=//)")
_LONE_PERCENT_RE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_WWW_RE = re.compile(r"(?i)\bwww\.")


@dataclass(frozen=True)
class Fact:
    """One labelled fact."""

    label: str
    text: str


def clean(text: str, limit: int = TEXT_LIMIT) -> str:
    r"""Return ``text`` on one line, without what hides or moves characters, and with no address that is made a link.

    >>> clean("see\x1b https://evil.example\n@everyone")
    'see https[:]//evil.example @everyone'
    """
    shown = _PILED_RE.sub(r"\1", printable(text, limit=limit))
    return printable(_WWW_RE.sub("www[.]", _SCHEME_RE.sub("[:]", shown)), limit=limit)


def fit(text: str, limit: int, escapes: Mapping[str, str] | None = None) -> str:
    """Escape ``text``, and cut it so that it has at most ``limit`` units of UTF-16: never inside of an escape.

    >>> fit("a<b<c", 8, {"<": "&lt;"})
    'a&lt;b…'
    """
    table = escapes or {}
    parts: list[str] = []
    sizes: list[int] = []
    total = 0
    for char in text:
        piece = table.get(char, char)
        parts.append(piece)
        sizes.append(len(piece) + (char > "\uffff"))
        total += sizes[-1]
        if total > limit:
            break
    else:
        return "".join(parts)
    while parts and total > limit - 1:
        total -= sizes.pop()
        parts.pop()
    return "".join(parts) + "…"


def title(message: Message) -> str:
    """Return a few words: what it is about, and whether it is over."""
    if message.state == "dismissed":
        word = "Dismissed"
    elif message.status == "resolved":
        word = "Resolved"
    else:
        word = "Outage" if message.severity == "page" else "Watch"
    return clean(f"{'Test: ' if message.is_test else ''}{word}: {message.service_name}", TITLE_LIMIT)


def sentence(message: Message) -> str:
    """Return the message in one line, which is never empty."""
    return clean(message.sentence) or title(message)


def facts(message: Message) -> tuple[Fact, ...]:
    """Return what is known, the most important first; what is not known is absent."""
    rows = (
        ("Since", _instant(message.starts_at, message.starts_low_at, message.starts_high_at)),
        ("Over", _instant(message.ends_at, message.ends_low_at, message.ends_high_at)),
        ("Above normal", factor_text(message.factor) if message.factor is not None else ""),
        ("Reports", _reports(message)),
        ("Heard on", _heard(message)),
        ("Regions", _regions(message)),
        ("Symptoms", _symptoms(message)),
        ("Official page", message.official),
        ("Also affected", ", ".join(clean(name, 80) for name in message.also)),
        ("Recurrence", message.recurrence),
        ("Told because", message.reason),
        ("Would change our mind", message.would_change),
        ("Posts", " / ".join(clean(post, _POST_LIMIT) for post in message.posts[:_MOST_POSTS])),
    )
    return tuple(Fact(label, shown) for label, text in rows if (shown := clean(text, FACT_LIMIT)))


def links(message: Message) -> tuple[tuple[str, str], ...]:
    """Return ``(label, address)`` of what can be opened: http and https only, and only in plain characters."""
    found = ((clean(link.label, 60) or "Link", _safe(link)) for link in message.links[:MAX_LINKS])
    return tuple((label, url) for label, url in found if url)


def text_block(message: Message) -> str:
    """Return all of it as lines of text."""
    lines = [sentence(message), "", *(f"{fact.label}: {fact.text}" for fact in facts(message))]
    return "\n".join([*lines, *(f"{label}: {url}" for label, url in links(message))])


def _safe(link: Link) -> str:
    """Return an address whose every odd character is encoded; nothing where it is no address of the web."""
    try:
        url = httpx.URL(printable(link.url, limit=MAX_URL + 1))
        host = canonical_host(url.host)
    except (httpx.InvalidURL, UnicodeError, PermanentError):
        return ""
    if url.scheme not in {"http", "https"} or url.userinfo:
        return ""
    url = url.copy_with(host=host)
    origin = f"{url.scheme}://{url.netloc.decode('ascii')}"
    rest = _LONE_PERCENT_RE.sub("%25", str(url).removeprefix(origin))
    for odd in _ODD_IN_URLS:
        rest = rest.replace(odd, f"%{ord(odd):02X}")
    text = origin + rest
    return text if text.isascii() and len(text) <= MAX_URL else ""


def _instant(at: datetime | None, low_at: datetime | None, high_at: datetime | None) -> str:
    if at is None:
        return ""
    if low_at is None or high_at is None:
        return f"{moment(at)} UTC"
    return f"{interval(Estimate(at, low_at, high_at), is_dated=True)} UTC"


def _reports(message: Message) -> str:
    parts = []
    if message.n_reports is not None:
        parts.append(counted(message.n_reports, "report", "reports"))
    if message.n_authors is not None:
        parts.append(f"{counted(message.n_authors, 'independent voice', 'independent voices')}")
    return ", ".join(parts)


def _heard(message: Message) -> str:
    names = ", ".join(clean(source, 40) for source in message.sources)
    observed = f"{share(message.coverage)} of the time observed" if message.coverage is not None else ""
    return "; ".join(part for part in (names, observed) if part)


def _regions(message: Message) -> str:
    named = _listed([_region(region) for region in message.regions], _MOST_REGIONS)
    nowhere = message.unlocated_share
    unlocated = f"{share(nowhere)} of the voices from places unknown" if nowhere is not None else ""
    return "; ".join(part for part in (named, clean(message.extent, 200), unlocated) if part)


def _region(region: RegionTold) -> str:
    name = clean(region.name or region.code, 60)
    return name if region.ratio is None else f"{name} {factor_text(region.ratio)}"


def _symptoms(message: Message) -> str:
    return _listed([f"{symptom_name(slug)} {share(part)}" for slug, part in message.symptoms], _MOST_SYMPTOMS)


def _listed(texts: Iterable[str], most: int) -> str:
    every = list(texts)
    more = f" and {len(every) - most} more" if len(every) > most else ""
    return ", ".join(every[:most]) + more
