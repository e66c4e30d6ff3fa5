"""Official status accounts, such as Microsoft 365's on X: posts in, revisions out.

The posts come from a file or from a read of the account; this only puts them together. Posts that carry the same
incident number ("MO123456") are one incident, as are posts of one thread; any other post is one by itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from flows.sources.statuspage.notice import Notice, Parsed, Update, parsed
from flows.sources.statuspage.reading import MAX_BODY, MAX_KEY, MAX_TITLE, Notes, clean

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from datetime import datetime

    from detectors.model import Post, StatusRevision, StatusState
    from flows.sources.statuspage.page import Page

_NUMBER = re.compile(r"(?<![A-Za-z0-9])([A-Z]{2}\d{5,8})(?![A-Za-z0-9])")
MAX_POSTS = 100
"""Of one incident, in a file."""

_NOT_YET = re.compile(
    r"\b(?:not|until|once|when|whether|if|before|hasn't|isn't|haven't|aren't|to|will be|being)\s+(?:\w+\s+){0,3}$",
    re.IGNORECASE,
)
# Tried in this order: a post that says that all is well may also say what had been found.
_STAGES: tuple[tuple[StatusState, re.Pattern[str]], ...] = (
    (
        "resolved",
        re.compile(r"\b(?:resolved|fixed|mitigated|restored|recovered|remediated|back to normal)\b", re.IGNORECASE),
    ),
    ("monitoring", re.compile(r"\bmonitoring\b", re.IGNORECASE)),
    ("identified", re.compile(r"\b(?:identified|isolated|determined)\b|\bfound the (?:cause|source)\b", re.IGNORECASE)),
    ("investigating", re.compile(r"\b(?:investigat\w+|looking into|reviewing|aware of)\b", re.IGNORECASE)),
)


@dataclass(frozen=True)
class Account:
    """An official account.

    Attributes
    ----------
    page
        Its entry in the catalogue.
    author_ids
        The platform's ids of its authors: posts of others are left out. None = the posts are all its own.
    threads
        For posts that are part of a thread, by their id: the id of its first post.
    """

    page: Page
    author_ids: Collection[str] | None = None
    threads: Mapping[str, str] = field(default_factory=dict)


def account_revisions(account: Account, posts: Iterable[Post], seen_at: datetime | None = None) -> Parsed:
    """Return the revisions that an account's posts are.

    Parameters
    ----------
    account
        Whose posts.
    posts
        In any order; reposts and posts of others are left out. With the posts of an incident that were read before,
        or only the new ones: then its own row knows only these.
    seen_at
        When they were read (UTC). None, for files: each when it was received, or else when it was written, and then
        an incident's own row has a version for each post.

    Returns
    -------
    Parsed
        By ``seen_at``.
    """
    grouped: dict[str, list[Post]] = {}
    for post in sorted(posts, key=lambda one: (one.created_at, one.id)):
        if not post.is_repost and (account.author_ids is None or post.author_id in account.author_ids):
            grouped.setdefault(_incident_of(post, account.threads), []).append(post)
    _join_numbered(grouped, account.threads)
    notes = Notes()
    if seen_at is not None:
        notices = (_notice(incident_id, listed) for incident_id, listed in grouped.items())
        return parsed(account.page, notices, seen_at, notes)
    found: dict[tuple[str, str, str], StatusRevision] = {}
    for incident_id, listed in grouped.items():
        if len(listed) > MAX_POSTS:
            notes.add(f"an incident of more than {MAX_POSTS} posts: the rest was not read")
        for n_posts in range(1, min(len(listed), MAX_POSTS) + 1):
            at = max(_received_at(one) for one in listed[:n_posts])
            for row in parsed(account.page, [_notice(incident_id, listed[:n_posts])], at, notes).revisions:
                found.setdefault((row.incident_id, row.update_id, row.sha256), row)
    rows = sorted(found.values(), key=lambda row: (row.seen_at, row.incident_id, row.position))
    return Parsed(tuple(rows), notes.told())


def _received_at(post: Post) -> datetime:
    return post.created_at if post.extra is None or post.extra.received_at is None else post.extra.received_at


def _incident_of(post: Post, threads: Mapping[str, str]) -> str:
    """Return what a post is about: its incident number, its thread, or itself."""
    number = _NUMBER.search(post.text)
    return number[1] if number else clean(threads.get(post.id, post.id), MAX_KEY)


def _join_numbered(grouped: dict[str, list[Post]], threads: Mapping[str, str]) -> None:
    """Let the posts of a thread that do not repeat the number join those that name it."""
    numbered = [name for name in grouped if _NUMBER.fullmatch(name)]
    number_of = {threads[post.id]: name for name in numbered for post in grouped[name] if post.id in threads}
    for thread in [name for name in grouped if number_of.get(name, name) != name]:
        joined = [*grouped[number_of[thread]], *grouped.pop(thread)]
        grouped[number_of[thread]] = sorted(joined, key=lambda one: (one.created_at, one.id))


def _notice(incident_id: str, posts: list[Post]) -> Notice:
    """Return the incident that posts, oldest first, are about."""
    updates = tuple(_update(post) for post in posts)
    told = [update for update in updates if update.state != "unknown"]
    state = told[-1].state if told else "open"
    return Notice(
        id=incident_id,
        title=clean(" ".join(posts[0].text.split()), MAX_TITLE // 5),
        state=state,
        posted_at=updates[0].posted_at,
        resolved_at=told[-1].posted_at if state == "resolved" else None,
        updated_at=updates[-1].posted_at,
        url=_url(posts[0]),
        updates=updates,
    )


def _url(post: Post) -> str:
    return clean(post.extra.url, MAX_TITLE) if post.extra is not None and post.extra.url else ""


def _update(post: Post) -> Update:
    text = clean(post.text, MAX_BODY)
    update = Update(id=clean(post.id, MAX_KEY), body=text, posted_at=post.created_at)
    return replace(update, state=stage_of(text))


def stage_of(text: str) -> StatusState:
    """Return how far a post says that things are; ``unknown`` where it does not say.

    >>> stage_of("We've confirmed that the issue is resolved.")
    'resolved'
    >>> stage_of("We're investigating, and will post here until the issue is resolved.")
    'investigating'
    """
    for stage, pattern in _STAGES:
        for match in pattern.finditer(text):
            if stage != "resolved" or not _NOT_YET.search(text[max(0, match.start() - 60) : match.start()]):
                return stage
    return "unknown"
