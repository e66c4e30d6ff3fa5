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
from typing import TYPE_CHECKING, Any

import requests
import tweepy
from urllib3.exceptions import NewConnectionError

from detectors.errors import PermanentError, RetryableError, SourceError
from flows.net import check_status
from flows.net.session import guarded_session, plain_error
from flows.sources.x_wire import PLACE_FIELDS, POST_FIELDS, USER_FIELDS, read_answer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from flows.sources.base import Bounds
    from flows.sources.x_terms import Cost, XAccount
    from flows.sources.x_wire import Answer

WHAT = "X"

_TWEEPYS_HOST = "https://api.twitter.com"
_HIDDEN = "hidden"

logging.getLogger("tweepy.client").setLevel(logging.INFO)


class XApi:
    """The parts of X's interface that we use, one attempt each.

    Parameters
    ----------
    account
        Who asks, and who pays.
    bounds
        Whose clock and time-out count.
    """

    def __init__(self, account: XAccount, bounds: Bounds) -> None:
        self._account = account
        self._clock = bounds.clock
        self._was_refused = False
        routes = {_TWEEPYS_HOST: account.base_url.rstrip("/")}
        self._session = guarded_session(WHAT, timeout_s=bounds.timeout_s, max_bytes=account.max_bytes, routes=routes)
        self._session.auth = self._sign
        self._session.hooks["response"] = [self._check]
        self._client = tweepy.Client(_HIDDEN, return_type=requests.Response)
        self._client.session = self._session
        self._rules = tweepy.StreamingClient(_HIDDEN, return_type=requests.Response)
        self._rules.session = self._session

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
                for cost in costs:
                    self._account.ledger.refund(*cost)
            raise

    def _charge(self, costs: Sequence[Cost]) -> None:
        """Book all of it or nothing."""
        for number, cost in enumerate(costs):
            try:
                self._account.ledger.charge(*cost)
            except PermanentError:
                for booked in costs[:number]:
                    self._account.ledger.refund(*booked)
                raise

    def _heard(self, call: Callable[[], requests.Response]) -> requests.Response:
        """Return an answer, with the errors of the client turned into ours."""
        try:
            return call()
        except requests.RequestException as error:
            self._was_refused = _never_arrived(error)
            raise plain_error(error, what=WHAT) from None
        except tweepy.TweepyException as error:
            raise RetryableError(f"{WHAT} sent an answer that its client refuses ({type(error).__name__})") from None

    def _check(self, response: requests.Response, **_: object) -> None:
        """Refuse what is not a good answer, before the client sees it."""
        try:
            check_status(response.status_code, response.headers, what=WHAT, now=self._clock.now())
        except SourceError:
            self._was_refused = True
            response.close()
            raise

    def _sign(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._account.bearer_token}"
        return request


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


def _never_arrived(error: requests.RequestException) -> bool:
    """Say whether a request failed before X could see it: nobody listened there."""
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(error, requests.ConnectTimeout) or isinstance(reason, NewConnectionError)
