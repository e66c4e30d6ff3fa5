"""Posts of X, by recent search: after an alarm, to see what people say, or as a source of its own.

**What it costs.** A post that an answer holds costs $0.005, and a user that comes with it $0.010; users are therefore
left out unless they are asked for. A full page of 100 posts is charged beforehand ($0.50, with users $1.50), and what
was not in it is given back. A fetch reads at most ``max_pages`` pages: with 10 that is $5.00. As a source of its own
(``mode = "search"``) it costs as much as people post: 10,000 posts a day are $50 a day.

X refuses questions that mix ids with times, so that all of ours are by ids: those of a post hold its time.
"""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Literal

import msgspec
from msgspec import Struct

from detectors.model import Batch, Gap, Instant, Span
from flows.sources.cursors import read_cursor, write_cursor
from flows.sources.packing import pack
from flows.sources.x_terms import (
    CUES,
    LAG,
    REACH,
    SYNTAX,
    USD_POST,
    USD_USER,
    WHOSE,
    Cost,
    XFeed,
    allowed,
)
from flows.sources.x_wire import id_at, read_posts, read_problems, time_of

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from detectors.model import Service
    from flows.sources.base import Bounds, Query
    from flows.sources.x_terms import XAccount
    from flows.sources.x_wire import Answer

PAGE_SIZE = 100
"""Posts an answer holds at most."""

_INSTANT = timedelta(milliseconds=1)
"""As finely as ids tell times apart."""


class Window(Struct, frozen=True):
    """A stretch that is being read, newest posts first.

    ``newest_id`` and ``oldest_id`` are of what was read of it, ``next_token`` leads on.
    """

    until_at: Instant
    next_token: str | None = None
    newest_id: int = 0
    oldest_id: int = 0
    n_pages: int = 0


class SearchCursor(Struct, frozen=True, forbid_unknown_fields=True, tag="x-search", tag_field="feed"):
    """Until when all was read (UTC), the newest post of it, and the stretch after it that is half read."""

    seen_at: Instant
    since_id: int = 0
    window: Window | None = None
    v: Literal[1] = 1


class XSearch(XFeed):
    """Recent search of X; see :class:`flows.sources.base.Source`.

    Services share queries: see :mod:`flows.sources.packing`. A stretch of time is read page by page, newest first;
    the cursor moves past it with its last page only. Until then it holds the way to the next page, so that nothing is
    paid for twice. What lies beyond ``max_pages`` is a gap.

    Parameters
    ----------
    account
        Who asks, and who pays.
    bounds
        Within what it stays; the first fetch reaches back as far as they say, seven days at most.
    name
        The source of the series that its posts are counted in.
    max_pages
        Pages of one stretch of time.
    with_users
        Whether to buy the authors' place and age, at $0.010 each.
    """

    label = "X search"

    def __init__(
        self,
        account: XAccount,
        bounds: Bounds,
        *,
        name: str = "x-search",
        max_pages: int = 10,
        with_users: bool = False,
    ) -> None:
        self.name = name
        super().__init__(account, bounds)
        self._max_pages = max_pages
        self._with_users = with_users

    def queries(self, services: Sequence[Service] | None) -> tuple[Query, ...]:
        """Return the queries, many services each; None = all of the catalogue but X itself.

        Raises
        ------
        InputError
            X itself was named: its terms do not let it be measured with its own interface.
        """
        return pack(allowed(services), CUES, SYNTAX)

    def fetch(self, query: str, cursor: str | None) -> Iterator[Batch]:
        """Yield the posts since ``cursor``, a page a batch, newest first.

        Raises
        ------
        RetryableError, PermanentError
            X did not answer well, or the month's budget is used up.
        InputError
            The cursor is another feed's.
        """
        known = read_cursor(cursor, SearchCursor, whose=WHOSE, place=self.label)
        now = self._bounds.clock.now()
        oldest_at = now - REACH
        state = known or SearchCursor(max(oldest_at, now - self._bounds.lookback))
        if state.seen_at < oldest_at:
            gap = Gap(state.seen_at, oldest_at, "X finds posts of seven days only")
            state = SearchCursor(oldest_at)
            yield Batch((), write_cursor(state), gap=gap)
        if state.window is not None:
            state = yield from self._read(query, state, state.window)
        until_at = now - LAG
        if state.window is None and until_at > state.seen_at:
            yield from self._read(query, state, Window(until_at))

    def no_longer_shown(self, ids: Sequence[str]) -> list[str]:
        """Return those of these posts that X does not show any more: deleted, or their author hid or left.

        Each post that is still there costs $0.005.

        Raises
        ------
        RetryableError, PermanentError
            X did not answer well, or the month's budget is used up.
        """
        gone: list[str] = []
        for start in range(0, len(ids), PAGE_SIZE):
            some = ids[start : start + PAGE_SIZE]
            cost = Cost("X posts", len(some) * USD_POST)
            answer = self._bounds.retry.call(partial(self._api.posts, some, cost))
            self._give_back("X posts", (len(some) - len(answer.data)) * USD_POST)
            named = {problem.resource_id for problem in read_problems(answer) if problem.is_gone}
            gone += [post_id for post_id in some if post_id in named]
        return gone

    # --- a stretch of time -----------------------------------------------------------------------------------

    def _read(self, query: str, state: SearchCursor, window: Window) -> Generator[Batch, None, SearchCursor]:
        """Yield a stretch page by page, and return the state that it leaves."""
        while not self._bounds.is_over:
            answer = self._bounds.retry.call(partial(self._page, query, state, window))
            window = _grown(window, answer)
            posts, skipped = read_posts(answer)
            if window.next_token is not None and window.n_pages < self._max_pages:
                state = msgspec.structs.replace(state, window=window)
                yield Batch(posts, write_cursor(state), skipped=skipped)
                continue
            done = SearchCursor(window.until_at, max(state.since_id, window.newest_id))
            gap, observed = self._seen(state, window)
            yield Batch(posts, write_cursor(done), observed=observed, gap=gap, skipped=skipped)
            return done
        return msgspec.structs.replace(state, window=window)

    def _seen(self, state: SearchCursor, window: Window) -> tuple[Gap | None, tuple[Span, ...]]:
        """Return what was not read of a stretch, and what was."""
        start_at, gap = state.seen_at, None
        if window.next_token is not None:
            start_at = window.until_at
            if window.oldest_id:
                start_at = min(window.until_at, max(state.seen_at, time_of(window.oldest_id) + _INSTANT))
            reason = f"X has more posts than the {self._max_pages} pages that are read at most"
            gap = Gap(state.seen_at, start_at, reason)
        return gap, (Span(start_at, window.until_at),) if start_at < window.until_at else ()

    def _page(self, query: str, state: SearchCursor, window: Window) -> Answer:
        """Buy one page."""
        oldest_id = id_at(self._bounds.clock.now() - REACH)
        params: dict[str, str | int] = {
            "max_results": PAGE_SIZE,
            "since_id": max(state.since_id or id_at(state.seen_at) - 1, oldest_id),
            "until_id": id_at(window.until_at),
        }
        if window.next_token is not None:
            params["next_token"] = window.next_token
        costs = [Cost("X posts", PAGE_SIZE * USD_POST)]
        if self._with_users:
            costs.append(Cost("X users", PAGE_SIZE * USD_USER))
        answer = self._api.search(query, params, costs, with_users=self._with_users)
        self._give_back("X posts", (PAGE_SIZE - len(answer.data)) * USD_POST)
        if self._with_users:
            users = answer.includes.get("users")
            n_users = len(users) if isinstance(users, list) else 0
            self._give_back("X users", (PAGE_SIZE - n_users) * USD_USER)
        return answer

    def _give_back(self, what: str, usd: float) -> None:
        if usd > 0:
            self._account.ledger.refund(what, round(usd, 6))


def _grown(window: Window, answer: Answer) -> Window:
    """Return the stretch with one more page read."""
    ids = [int(post["id"]) for post in answer.data if isinstance(post, dict) and _is_id(post.get("id"))]
    return Window(
        until_at=window.until_at,
        next_token=answer.meta.next_token,
        newest_id=max([window.newest_id, *ids]),
        oldest_id=min([window.oldest_id or ids[0], *ids]) if ids else window.oldest_id,
        n_pages=window.n_pages + 1,
    )


def _is_id(value: object) -> bool:
    return isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 20
