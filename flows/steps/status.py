"""What official status pages say, into the store."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from detectors.errors import InputError, RetryableError, UproarError
from detectors.model import Post
from flows.sources.statuspage import Account, StatusPages, account_revisions
from flows.store.status import STATUS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from flows.sources.base import Bounds, Source
    from flows.sources.statuspage import Page, Polled
    from flows.store import Store


REMEMBERED = timedelta(days=14)
"""How far back new posts of an account may belong to an incident that it posted of before."""


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


def read_account(store: Store, source: Source, account: Account, at: datetime) -> int:
    """Read what an official account posted on X since the last time, and keep it; return how many versions were new.

    Posts that were read before are put beside the new ones, so that an incident stays one. What was deleted is
    forgotten.

    Parameters
    ----------
    source
        Recent search of X (:class:`flows.sources.x_search.XSearch`): who asks, and who pays.
    account
        Whose page is its address on X.
    at
        The present (UTC).

    Raises
    ------
    RetryableError, PermanentError
        X could not be read; nothing was kept.
    InputError
        The page is not that of an account.
    """
    page = account.page
    if not page.handle:
        raise InputError(f"{page.name} is not an account: its posts cannot be asked for")
    new: list[Post] = []
    deleted: list[str] = []
    cursor = store.status_cursor(page.url) or None
    for batch in source.fetch(f"from:{page.handle} -is:retweet", cursor):
        new += batch.posts
        deleted += [post_id for _, post_id in batch.deleted]
        cursor = batch.cursor
    for post_id in deleted:
        store.forget_status(page.url, post_id)
    known, threads = _known(store, account, at)
    posts = {post.id: post for post in [*known, *new]}
    whole = replace(account, threads={**threads, **account.threads})
    found = account_revisions(whole, posts.values(), at)
    return store.commit_status(page.url, found.revisions, cursor, at)


def _known(store: Store, account: Account, at: datetime) -> tuple[list[Post], dict[str, str]]:
    """Return the posts of an account that are kept, and the incidents that they are part of."""
    kept = store.status_records(page=account.page.url, start=at - REMEMBERED)
    rows = [row for row in kept if not row.is_whole and row.body]
    author_id = next(iter(account.author_ids), None) if account.author_ids else None
    posts = [
        Post(
            id=row.update_id,
            platform="x",
            created_at=row.posted_at or row.seen_at,
            text=row.body,
            author_id=author_id,
        )
        for row in rows
    ]
    return posts, {row.update_id: row.incident_id for row in rows}
