"""The sections of the configuration, with their defaults and bounds."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct


class _Section(Struct, frozen=True, forbid_unknown_fields=True):
    """A section; its repr says nothing, because some of it is secret."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}(...)"


class StoreSettings(_Section, frozen=True, forbid_unknown_fields=True):
    """Where things are kept. ``secret`` keys the hash of stored authors."""

    url: Annotated[str, Meta(min_length=1)] = "sqlite:///uproar.db"
    secret: str = ""


class WatchSettings(_Section, frozen=True, forbid_unknown_fields=True):
    """How often, and how finely."""

    every_s: Annotated[int, Meta(ge=30, le=3600)] = 60
    bin_width_s: Annotated[int, Meta(ge=1, le=3600)] = 60
    settle_s: Annotated[int, Meta(ge=0, le=86_400)] = 60
    services: tuple[str, ...] = ()


class SourceSettings(_Section, frozen=True, forbid_unknown_fields=True):
    """Where posts come from: files, and what holds for every platform."""

    archive: tuple[str, ...] = ()
    timeout_s: Annotated[float, Meta(gt=0, le=300)] = 15.0
    lookback_min: Annotated[int, Meta(ge=0, le=1440)] = 15


class BlueskySettings(_Section, frozen=True, forbid_unknown_fields=True):
    """Bluesky's firehose; ``enabled`` None = where no other source is configured."""

    enabled: bool | None = None
    urls: Annotated[tuple[str, ...], Meta(min_length=1)] = (
        "wss://jetstream1.us-east.bsky.network/subscribe",
        "wss://jetstream2.us-east.bsky.network/subscribe",
        "wss://jetstream1.us-west.bsky.network/subscribe",
        "wss://jetstream2.us-west.bsky.network/subscribe",
    )


class HackerNewsSettings(_Section, frozen=True, forbid_unknown_fields=True):
    """Hacker News; ``enabled`` None = where no other source is configured."""

    enabled: bool | None = None
    url: str = "https://hn.algolia.com"


class MastodonSettings(_Section, frozen=True, forbid_unknown_fields=True):
    """Mastodon's servers; ``{host}`` in ``url`` is one of them, and so is each key of ``tokens``."""

    instances: tuple[str, ...] = ()
    url: str = "https://{host}"
    tokens: dict[str, str] = {}

    def of(self, instance: str) -> str:
        """Return where an instance is asked."""
        return self.url.replace("{host}", _host(instance))

    def token_of(self, instance: str) -> str | None:
        """Return the token for an instance, however its name is written; None where it has none."""
        return {_host(name): token for name, token in self.tokens.items()}.get(_host(instance))


def _host(instance: str) -> str:
    """Return the host of an instance, as it may be written: with ``https://``, or in capitals."""
    return instance.removeprefix("https://").rstrip("/").lower()


class RedditSettings(_Section, frozen=True, forbid_unknown_fields=True):
    """Reddit, with an approved application."""

    client_id: str = ""
    client_secret: str = ""


class XSettings(_Section, frozen=True, forbid_unknown_fields=True):
    """X, at a price."""

    bearer_token: str = ""
    mode: Literal["counts", "search", "stream"] = "counts"
    budget_usd: Annotated[float, Meta(ge=0, le=1_000_000)] = 0.0
    every_s: Annotated[int, Meta(ge=60, le=86_400)] = 300
    services: tuple[str, ...] = ()
    url: str = "https://api.x.com"


class StatusSettings(_Section, frozen=True, forbid_unknown_fields=True):
    """Official status pages; ``enabled`` None = where a live source is."""

    enabled: bool | None = None
    every_s: Annotated[int, Meta(ge=60, le=86_400)] = 60


class AlertSettings(_Section, frozen=True, forbid_unknown_fields=True):
    """What is told to receivers, and how little; ``allow`` names private addresses that may be told something."""

    link: str = ""
    with_posts: bool = False
    allow: tuple[str, ...] = ()
    update_after_min: Annotated[float, Meta(ge=1, le=1440)] = 10.0
    most_updates: Annotated[int, Meta(ge=0, le=100)] = 6
    together_min: Annotated[float, Meta(ge=0, le=120)] = 15.0


class ReceiverSettings(_Section, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One receiver, ``[receivers.NAME]``: what it is, where it is, and what it is told of."""

    kind: Literal["webhook", "slack", "discord", "teams", "pagerduty", "alertmanager", "email", "apprise"]
    severity: Literal["page", "watch"] = "page"
    services: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    repeat_h: Annotated[float, Meta(ge=0, le=720)] = 0.0
    url: str = ""
    secret: str = ""
    authorization: str = ""
    routing_key: str = ""
    host: str = ""
    port: Annotated[int, Meta(ge=0, le=65535)] = 0
    security: Literal["starttls", "tls", "none"] = "starttls"
    sender: str = ""
    to: tuple[str, ...] = ()
    username: str = ""
    password: str = ""


ReceiverTables = dict[Annotated[str, Meta(pattern="^[A-Za-z0-9_.-]{1,40}$")], ReceiverSettings]


class PrivacySettings(_Section, frozen=True, forbid_unknown_fields=True):
    """How long what could be personal is kept."""

    keep_h: Annotated[float, Meta(gt=0, le=8760)] = 48.0


class Settings(_Section, frozen=True, forbid_unknown_fields=True):
    """The whole configuration.

    Examples
    --------
    >>> from flows.settings import load_settings
    >>> load_settings(None, environ={"UPROAR_WATCH_EVERY_S": "120"}).watch.every_s
    120
    """

    store: StoreSettings = StoreSettings()
    watch: WatchSettings = WatchSettings()
    sources: SourceSettings = SourceSettings()
    bluesky: BlueskySettings = BlueskySettings()
    hackernews: HackerNewsSettings = HackerNewsSettings()
    mastodon: MastodonSettings = MastodonSettings()
    reddit: RedditSettings = RedditSettings()
    x: XSettings = XSettings()
    status: StatusSettings = StatusSettings()
    privacy: PrivacySettings = PrivacySettings()
    alerts: AlertSettings = AlertSettings()
    receivers: ReceiverTables = {}

    @property
    def has_other_sources(self) -> bool:
        """Whether something else than what is on by default is configured."""
        named = self.sources.archive, self.mastodon.instances, self.reddit.client_id, self.x.bearer_token
        return any(named) or bool(self.bluesky.enabled or self.hackernews.enabled)

    def is_on(self, enabled: bool | None) -> bool:  # noqa: FBT001 - the value of a setting
        """Return whether a source that needs no account is on: as it was said, or where there is no other.

        Without being asked for, it is not on before there is a secret that authors can be hashed with.
        """
        return bool(self.store.secret) and not self.has_other_sources if enabled is None else enabled

    @property
    def is_live(self) -> bool:
        """Whether posts come from a platform, and not only from files."""
        named = self.mastodon.instances, self.reddit.client_id, self.x.bearer_token
        return any(named) or self.is_on(self.bluesky.enabled) or self.is_on(self.hackernews.enabled)

    @property
    def reads_status(self) -> bool:
        """Whether official status pages are read."""
        return self.is_live if self.status.enabled is None else self.status.enabled
