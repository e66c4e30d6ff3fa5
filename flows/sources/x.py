"""X over tweepy, behind our time-outs, bounds, errors and budget.

Nothing of what tweepy does on its own account is left to it: it holds its host fixed and sends no time-out (a guarded
adapter does both), it can wait out a limit (it recurses without end when X does not say until when), it raises bare
exceptions for 402 and lets malformed JSON through (our session refuses both before tweepy sees them), and it writes its
headers and whole answers into the log at DEBUG (it is not given the token, and that log is raised to INFO).

**What is paid for.** A request is charged before it is sent. What X answered with an error status, whichever, and what
never reached it, was not served and is given back: X charges reads by what an answer holds. An answer that did not
come, broke off or cannot be read may have been charged, and stays booked.
"""

from __future__ import annotations

import logging
import sys
from contextlib import suppress
from queue import Empty, Queue
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple

import requests
import tweepy
from urllib3.exceptions import NewConnectionError

from detectors.errors import PermanentError, RetryableError, SourceError
from flows.net import check_status
from flows.net.session import guarded_session, plain_error
from flows.sources.x_wire import PLACE_FIELDS, POST_FIELDS, USER_FIELDS, read_answer, read_refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from flows.net import Clock
    from flows.sources.base import Bounds
    from flows.sources.x_terms import Cost, XAccount
    from flows.sources.x_wire import Answer

WHAT = "X"

_TWEEPYS_HOST = "https://api.twitter.com"
_HIDDEN = "hidden"

logging.getLogger("tweepy.client").setLevel(logging.INFO)


CHUNK_BYTES = 512
"""Read at once: less than a post, so that none waits for the next one."""

MOST_LINE_BYTES = 1_000_000
"""Far more than a post."""

MOST_WAITING = 10_000
"""Lines that wait to be read; then X has to, and may hang up."""

CLOSE_S = 2
"""How long the end of a thread is waited for; it ends by itself with the next sign of life."""


class Heard(NamedTuple):
    """Something that came over the stream.

    Attributes
    ----------
    at
        When (UTC).
    line
        A message; empty for a sign of life.
    error
        Why nothing comes after it.
    """

    at: datetime
    line: bytes = b""
    error: SourceError | None = None


class XApi:
    """The parts of X's interface that we use, one attempt each.

    Parameters
    ----------
    account
        Who asks, and who pays.
    bounds
        Whose clock and time-out count.

    Attributes
    ----------
    n_booked
        How many charges stand: those of requests that were refused were given back.
    """

    def __init__(self, account: XAccount, bounds: Bounds) -> None:
        self.n_booked = 0
        self._account = account
        self._bounds = bounds
        self._was_refused = False
        session = self._new_session()
        self._client = tweepy.Client(_HIDDEN, return_type=requests.Response)
        self._client.session = session
        self._rules = tweepy.StreamingClient(_HIDDEN, return_type=requests.Response)
        self._rules.session = session

    # --- what can be asked -----------------------------------------------------------------------------------

    def counts(self, params: Mapping[str, str], cost: Cost) -> Answer:
        """Return recent counts. Not by tweepy's own method for it, which does not know of pages."""
        route = "/2/tweets/counts/recent"
        return self._ask(lambda: self._client.request("GET", route, params=dict(params)), (cost,), has_meta=True)

    def search(self, query: str, params: Mapping[str, Any], costs: Sequence[Cost], *, with_users: bool) -> Answer:
        """Return a page of recent posts, newest first."""
        fields = _fields(with_users=with_users)
        return self._ask(lambda: self._client.search_recent_tweets(query, **fields, **params), costs, has_meta=True)

    def posts(self, ids: Sequence[str], cost: Cost) -> Answer:
        """Return those of at most 100 posts that still are; ``errors`` has the others."""
        return self._ask(lambda: self._client.get_tweets(list(ids)), (cost,))

    def rules(self) -> Answer:
        """Return the rules of the filtered stream."""
        return self._ask(self._rules.get_rules)

    def add_rules(self, rules: Sequence[tuple[str, str]]) -> Answer:
        """Add rules, given as (value, tag)."""
        made = [tweepy.StreamRule(value, tag) for value, tag in rules]
        return self._ask(lambda: self._rules.add_rules(made))

    def delete_rules(self, ids: Sequence[str]) -> Answer:
        """Delete rules by id."""
        return self._ask(lambda: self._rules.delete_rules(list(ids)))

    def listen(self, silence_s: float) -> Listener:
        """Connect to the filtered stream.

        Raises
        ------
        RetryableError, PermanentError
            X's answer was no good, or there was none.
        """
        listener = Listener(self._new_session(), self._bounds.clock, silence_s)
        listener.open()
        return listener

    # --- how it is asked -------------------------------------------------------------------------------------

    def _ask(
        self, call: Callable[[], requests.Response], costs: Sequence[Cost] = (), *, has_meta: bool = False
    ) -> Answer:
        """Pay and ask once.

        Raises
        ------
        RetryableError, PermanentError
            X's answer was no good, there was none, or the month's budget does not allow the request.
        """
        self._charge(costs)
        self._was_refused = False
        try:
            return read_answer(self._heard(call).content, what=WHAT, has_meta=has_meta)
        except SourceError:
            if self._was_refused:
                self._give_back(costs)
            raise

    def _charge(self, costs: Sequence[Cost]) -> None:
        """Book all of it or nothing."""
        for number, cost in enumerate(costs):
            try:
                self._account.ledger.charge(*cost)
            except PermanentError:
                self._give_back(costs[:number])
                raise
            self.n_booked += 1

    def _give_back(self, costs: Sequence[Cost]) -> None:
        for cost in costs:
            self._account.ledger.refund(*cost)
            self.n_booked -= 1

    def _heard(self, call: Callable[[], requests.Response]) -> requests.Response:
        """Return an answer, with the errors of the client turned into ours."""
        try:
            return call()
        except requests.RequestException as error:
            self._was_refused = _never_arrived(error)
            raise plain_error(error, what=WHAT) from None
        except tweepy.TweepyException as error:
            raise RetryableError(f"{WHAT} sent an answer that its client refuses ({type(error).__name__})") from None

    def _new_session(self) -> requests.Session:
        routes = {_TWEEPYS_HOST: self._account.base_url.rstrip("/")}
        session = guarded_session(
            WHAT, timeout_s=self._bounds.timeout_s, max_bytes=self._account.max_bytes, routes=routes
        )
        session.auth = self._sign
        session.hooks["response"] = [self._check]
        return session

    def _check(self, response: requests.Response, **_: object) -> None:
        """Refuse what is not a good answer, before the client sees it."""
        try:
            check_status(response.status_code, response.headers, what=WHAT, now=self._bounds.clock.now())
        except SourceError as error:
            self._was_refused = True
            said = read_refusal(response.content) if _is_read(response) else ""
            response.close()
            raise _explained(error, said.replace(self._account.bearer_token, "...")) from None

    def _sign(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._account.bearer_token}"
        return request


class Listener(tweepy.StreamingClient):  # type: ignore[misc]
    """One connection to the filtered stream, read by a thread of tweepy's into a queue.

    tweepy would connect again and again by itself, waiting as it sees fit: this one ends with its connection.

    Parameters
    ----------
    session
        For this connection alone: tweepy closes it.
    clock
        Says when a line came.
    silence_s
        Seconds without a line, the blank ones that X sends every 20 s included, after which a connection is dead.
    """

    def __init__(self, session: requests.Session, clock: Clock, silence_s: float) -> None:
        super().__init__(_HIDDEN, return_type=requests.Response, max_retries=0, daemon=True)
        self.session = session
        self.session.hooks["response"] = [*session.hooks["response"], self._keep]
        self._clock = clock
        self._silence_s = silence_s
        self._heard: Queue[Heard] = Queue(MOST_WAITING)
        self._response: requests.Response | None = None

    def open(self) -> None:
        """Connect, and return when X has accepted."""
        self.filter(threaded=True, **_fields(with_users=False))
        first = self._heard.get()
        if first.error is not None:
            self.close()
            raise first.error

    def next(self, timeout_s: float) -> Heard | None:
        """Return what came next; None where nothing did in this time (seconds)."""
        try:
            return self._heard.get(timeout=timeout_s)
        except Empty:
            return None

    def close(self) -> None:
        """Hang up, and let the thread end."""
        self.disconnect()
        if self._response is not None:
            with suppress(ValueError, RuntimeError, OSError):  # it has ended by itself
                self._response.raw.shutdown()
        end_s = monotonic() + CLOSE_S
        while self.thread.is_alive() and monotonic() < end_s:
            self.next(0.01)  # it may be waiting for room
        self.thread.join(0.01)

    # --- what tweepy calls, in its thread --------------------------------------------------------------------

    def on_connect(self) -> None:
        """X has accepted."""
        self._hear(Heard(self._clock.now()))

    def on_data(self, raw_data: bytes) -> None:
        """Take a line."""
        self._hear(Heard(self._clock.now(), raw_data))

    def on_keep_alive(self) -> None:
        """Take a sign of life."""
        self._hear(Heard(self._clock.now()))

    def on_request_error(self, status_code: int) -> None:
        """Take an answer that is none: errors were refused before, this is some other good status than 200."""
        self._fail(RetryableError(f"{WHAT} answered {status_code} where a stream was wanted"))

    def on_connection_error(self) -> None:
        """Take a connection that broke, or was silent for too long."""
        self.on_exception(sys.exception())

    def on_exception(self, exception: BaseException | None) -> None:
        """Take whatever else went wrong: our own errors come this way, too."""
        if isinstance(exception, SourceError):
            self._fail(exception)
            return
        known = exception if isinstance(exception, requests.RequestException) else requests.ConnectionError()
        self._fail(plain_error(known, what=WHAT))

    def on_disconnect(self) -> None:
        """Take the end, in whatever way it came."""
        self._fail(RetryableError(f"{WHAT} closed the stream"))

    def on_closed(self, response: requests.Response) -> None:
        """Say nothing: the end comes next."""

    def _connect(self, method: str, endpoint: str, **given: Any) -> None:  # noqa: ANN401
        super()._connect(method, endpoint, timeout=self._silence_s, **given)

    def _fail(self, error: SourceError) -> None:
        self.disconnect()
        self._hear(Heard(self._clock.now(), error=error))

    def _hear(self, heard: Heard) -> None:
        self._heard.put(heard)

    def _keep(self, response: requests.Response, **_: object) -> None:
        """Read lines with an end: those of ``requests`` may grow for ever."""
        self._response = response
        response.iter_lines = lambda *_, **__: self._lines(response)  # type: ignore[method-assign]

    def _lines(self, response: requests.Response) -> Iterator[bytes]:
        pending = b""
        for chunk in response.iter_content(CHUNK_BYTES):
            *lines, pending = (pending + chunk).split(b"\n")
            yield from (line.strip() for line in lines)
            if len(pending) > MOST_LINE_BYTES:
                raise PermanentError(f"{WHAT} sent a line of more than {MOST_LINE_BYTES / 1e6:g} MB")
        self.disconnect()


def _fields(*, with_users: bool) -> dict[str, list[str]]:
    """Return which fields we want; users cost twice what posts cost."""
    wanted = {
        "tweet_fields": list(POST_FIELDS),
        "place_fields": list(PLACE_FIELDS),
        "expansions": ["geo.place_id"],
    }
    if with_users:
        wanted["expansions"].append("author_id")
        wanted["user_fields"] = list(USER_FIELDS)
    return wanted


def _is_read(response: requests.Response) -> bool:
    """Say whether an answer is here; one that is streamed is not, and could be of any size."""
    return bool(getattr(response, "_content_consumed", False))


def _explained(error: SourceError, said: str) -> SourceError:
    """Return an error with X's own words for it: they say what is wrong with a request, or missing in an account."""
    if not said:
        return error
    message = f"{error}; it says: {said}"
    if isinstance(error, RetryableError):
        return RetryableError(message, retry_at=error.retry_at)
    return PermanentError(message)


def _never_arrived(error: requests.RequestException) -> bool:
    """Say whether a request failed before X could see it: nobody listened there."""
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(error, requests.ConnectTimeout) or isinstance(reason, NewConnectionError)
