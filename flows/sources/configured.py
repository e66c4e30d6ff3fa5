"""The sources that a configuration names, ready to be asked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

from detectors.errors import SettingsError
from detectors.reference import catalogue
from flows.sources.archive import Archive
from flows.sources.x_terms import XAccount, is_x

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from detectors.model import Service
    from flows.settings import Settings
    from flows.sources.base import Bounds, CountSource, Ledger, Query, Source

    AnySource = Source | CountSource

X_HISTORY = timedelta(days=7)
"""How far back the first counts of a service reach: as far as X lets us, at the price of one request."""

PAGES_AFTER_ALARM = 2
"""Of 100 posts, $0.50 each, for each time that we become surer of an incident."""

REDDIT_AGENT = "python:uproar:v0.1 (outage detection)"


@dataclass(frozen=True)
class Access:
    """What sources are given besides their settings.

    Attributes
    ----------
    bounds
        Within what they stay.
    secret
        Returns a secret that the configuration names: ``secret("x.bearer_token", settings.x.bearer_token)``.
    ledger
        Returns the account book of a source: ``ledger("x", budget_usd)``.
    """

    bounds: Bounds
    secret: Callable[[str, str], str]
    ledger: Callable[[str, float], Ledger]


def configured(settings: Settings, access: Access) -> list[AnySource]:
    """Return the sources whose posts, or counts, are counted. Platform clients are loaded when they are first asked.

    Raises
    ------
    SettingsError
        A secret that is named is not there, or X would be asked without a budget or for nothing in particular.
    """
    now = access.bounds.clock.now()
    return [
        *Archive.several(settings.sources.archive, now=now),
        *_open(settings, access.bounds),
        *_mastodon(settings, access),
        *_reddit(settings, access),
        *_x(settings, access),
    ]


def after_alarm(settings: Settings, access: Access, service: str) -> Source | None:
    """Return where to read posts of a service once something is wrong with it; None where that is nowhere.

    Its posts are counted elsewhere (by the platform), and so only kept for what they say. Money is spent for those
    services only that X is asked for.
    """
    if not settings.x.bearer_token or settings.x.mode != "counts":
        return None
    asked = {one.id for one in _asked_of_x(settings) or ()}
    return search_of_x(settings, access) if service in asked else None


def search_of_x(settings: Settings, access: Access) -> Source:
    """Return X's recent search, a few pages of it: for what is looked for, not for what is counted."""
    from flows.sources.x_search import XSearch

    return XSearch(_x_account(settings, access), access.bounds, name="x", max_pages=PAGES_AFTER_ALARM)


def _open(settings: Settings, bounds: Bounds) -> Iterator[AnySource]:
    """Platforms without an account."""
    if settings.is_on(settings.bluesky.enabled):
        from flows.sources.bluesky import Bluesky

        yield Bluesky(bounds=bounds, endpoints=settings.bluesky.urls)
    if settings.is_on(settings.hackernews.enabled):
        from flows.sources.hackernews import HackerNews

        yield HackerNews(bounds=bounds, base_url=settings.hackernews.url)


def _mastodon(settings: Settings, access: Access) -> Iterator[AnySource]:
    if not settings.mastodon.instances:
        return
    from flows.sources.mastodon import MastodonCredentials, MastodonInstance

    asked = set[str]()
    for host in settings.mastodon.instances:
        named = settings.mastodon.token_of(host)
        credentials = MastodonCredentials(access.secret(f"mastodon.tokens.{host}", named)) if named else None
        url = settings.mastodon.of(host)
        instance = MastodonInstance(host=host, bounds=access.bounds, credentials=credentials, base_url=url)
        if instance.name not in asked:  # written twice, with https:// or in capitals
            asked.add(instance.name)
            yield instance


def _reddit(settings: Settings, access: Access) -> Iterator[AnySource]:
    if not settings.reddit.client_id:
        return
    from flows.sources.reddit import RedditComments, RedditCredentials, RedditSubmissions

    secret = access.secret("reddit.client_secret", settings.reddit.client_secret)
    credentials = RedditCredentials(settings.reddit.client_id, secret, REDDIT_AGENT)
    yield RedditSubmissions(credentials=credentials, bounds=access.bounds)
    yield RedditComments(credentials=credentials, bounds=access.bounds)


def _x(settings: Settings, access: Access) -> Iterator[AnySource]:
    if not settings.x.bearer_token:
        return
    services = _asked_of_x(settings)
    account = _x_account(settings, access)
    if settings.x.mode == "counts":
        from flows.sources.x_counts import XCounts

        source: AnySource = XCounts(account, access.bounds, every_s=settings.x.every_s, lookback=X_HISTORY)
    elif settings.x.mode == "search":
        from flows.sources.x_search import XSearch

        source = XSearch(account, access.bounds)
    else:
        from flows.sources.x_stream import XStream

        source = XStream(account, access.bounds)
    yield cast("AnySource", Only(source, services))


def _asked_of_x(settings: Settings) -> list[Service] | None:
    """Return the services that X is asked for; None = all of the catalogue, and nobody pays for each.

    X is not asked how X is. Where that is said here it is refused (see :func:`flows.sources.x_terms.allowed`); where X
    is one of the services that are watched, other sources are asked for it.
    """
    known = catalogue()
    if settings.x.services:
        return [known.get_or_suggest(name) for name in settings.x.services]
    watched = [known.get_or_suggest(name) for name in settings.watch.services]
    services = [service for service in watched if not is_x(service)]
    if watched and not services:
        raise SettingsError("X may not be asked how X itself is, and nothing else is watched", place="x.services")
    if not services and settings.x.mode == "counts":
        message = "counting posts on X costs money for each service: name them here or in [watch] services"
        raise SettingsError(message, place="x.services")
    return services or None


def _x_account(settings: Settings, access: Access) -> XAccount:
    if not settings.x.budget_usd:
        message = "X is paid for by the request: say how many dollars a month may be spent"
        raise SettingsError(message, place="x.budget_usd")
    token = access.secret("x.bearer_token", settings.x.bearer_token)
    return XAccount(token, ledger=access.ledger("x", settings.x.budget_usd), base_url=settings.x.url)


class Only:
    """A source that is asked for these services (None = all of the catalogue), whatever else is watched."""

    def __init__(self, source: AnySource, services: Sequence[Service] | None) -> None:
        self._source = source
        self._services = services

    def queries(self, _: Sequence[Service] | None) -> tuple[Query, ...]:
        """Return what to ask the platform for."""
        return self._source.queries(self._services)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the source has
        return getattr(self._source, name)
