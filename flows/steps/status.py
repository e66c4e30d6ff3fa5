"""What official status pages say, into the store."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from detectors.errors import RetryableError, UproarError
from flows.sources.statuspage import Account, StatusPages, account_revisions
from flows.store.status import STATUS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from detectors.model import Post
    from flows.sources.base import Bounds
    from flows.sources.statuspage import Page, Polled
    from flows.store import Store


@dataclass
class StatusPolled:
    """What a poll of the pages brought; pages by their address.

    Attributes
    ----------
    n_new
        Versions that were new, for each page that was read; a page that was not due, or wants to be left alone, is in
        neither this nor ``failed``.
    failed
        Why a page, or one of its documents, could not be read.
    skipped
        What on the pages could not be read: page, place and what is wrong.
    unsupported
        Why pages of the catalogue are not read at all.
    """

    n_new: dict[str, int] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    skipped: list[str] = field(default_factory=list)
    unsupported: dict[str, str] = field(default_factory=dict)


def poll_status(store: Store, pages: Sequence[Page], bounds: Bounds) -> StatusPolled:
    """Ask the pages that are due, several at a time, and keep what each said; one that fails does not stop the others.

    A page that failed is written down among the feeds, as is its recovery, and one that asked for time is given it.

    Parameters
    ----------
    pages
        As :func:`flows.sources.statuspage.pages_of` gives them.
    bounds
        Clock, retries, time-out, and when to begin no further page.

    Raises
    ------
    StoreError
        What was read could not be kept.
    """
    done = StatusPolled(unsupported={page.url: page.why_not for page in pages if page.why_not is not None})
    now = bounds.clock.now()
    feeds = {feed.query: feed for feed in store.feeds(now) if feed.source == STATUS}
    waiting = {url for url, feed in feeds.items() if feed.not_before is not None and feed.not_before > now}
    asked = [page for page in pages if page.url not in done.unsupported and page.url not in waiting]
    cursors = {page.url: store.status_cursor(page.url) for page in asked}
    failing = {url for url, feed in feeds.items() if feed.failed_since is not None}
    with StatusPages(asked, bounds) as asking:
        for page, polled in asking.poll_all(cursors):
            error = polled if isinstance(polled, UproarError) else _keep(store, page, polled, done)
            if error is not None:
                done.failed[page.url] = str(error)
            if error is not None or (page.url in failing and page.url in done.n_new):
                _note(store, page, bounds, error)
    return done


def _keep(store: Store, page: Page, polled: Polled, done: StatusPolled) -> UproarError | None:
    """Keep what a page said; return what went wrong with a part of it."""
    if polled.seen_at is None:
        return None
    done.n_new[page.url] = store.commit_status(page.url, polled.revisions, polled.cursor, polled.seen_at)
    done.skipped += [f"{page.name}: {what}" for what in polled.skipped]
    return polled.errors[0] if polled.errors else None


def _note(store: Store, page: Page, bounds: Bounds, error: UproarError | None) -> None:
    """Write down how a page is doing."""
    store.note_feed(
        STATUS,
        page.url,
        label=page.name,
        at=bounds.clock.now(),
        error=None if error is None else str(error),
        not_before=error.retry_at if isinstance(error, RetryableError) else None,
    )


def keep_account(store: Store, account: Account, posts: Iterable[Post], seen_at: datetime | None = None) -> int:
    """Keep what an official account posted; return how many versions were new.

    Parameters
    ----------
    posts
        From a file, or from a read of the account: then all of the last day or so, so that an incident is whole.
    seen_at
        When they were read (UTC); None for a file, see :func:`flows.sources.statuspage.account_revisions`.
    """
    found = account_revisions(account, posts, seen_at)
    if seen_at is None and not found.revisions:
        return 0
    at = seen_at or max(row.seen_at for row in found.revisions)
    return store.commit_status(account.page.url, found.revisions, None if seen_at is None else "", at)
