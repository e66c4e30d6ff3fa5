"""The configuration: one TOML file, then the environment, validated; a mistake names file:line:key.

Every setting has a default, so Uproar runs without a file. ``UPROAR_<SECTION>_<KEY>`` in the environment replaces a
single value (``UPROAR_STORE_URL``). ``uproar init`` writes :data:`TEMPLATE`, which states every default.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from detectors.errors import SettingsError
from flows.net.clock import utc_now

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
__all__ = ["DEFAULT_FILE", "ENV_PREFIX", "TEMPLATE", "Settings", "load_settings", "read_secret", "utc_now"]

DEFAULT_FILE = Path("uproar.toml")
ENV_PREFIX = "UPROAR_"

TEMPLATE = """\
# Uproar's configuration. Every value below is the default; a line that starts with # changes nothing.
# UPROAR_<SECTION>_<KEY> in the environment replaces a single value, for instance UPROAR_STORE_URL.
# A secret can be named instead of written down: "env:NAME" takes it from the environment, "prefect:NAME" from a
# Prefect Secret block (only under `uproar serve` and Prefect deployments).

[store]
# Where reports, counts and incidents are kept: a SQLite file, or postgresql://user@host/database.
url = "sqlite:///uproar.db"
# Stored authors are a keyed hash. Put a long random text into UPROAR_STORE_SECRET; live sources want one.
# secret = ""

[watch]
# Seconds between two runs of `uproar serve` and `uproar watch --every`.
every_s = 60
# Width of a bin, and how long a bin may still receive late posts before it is judged, in seconds.
bin_width_s = 60
settle_s = 60
# Ids of the services to watch (`uproar init --list` shows them); [] means all of the catalogue.
services = []

[sources]
# Files of posts, one JSON object a line (.jsonl, .jsonl.gz, .jsonl.zst). They may grow while they are read.
archive = []
# Seconds without a sign of life after which a request has failed.
timeout_s = 15
# Minutes that the first fetch from a platform reaches back, where the platform lets it.
lookback_min = 15

[bluesky]
# Every public post, without an account. On where there is a store.secret and no other source is configured.
# enabled = true
urls = ["wss://jetstream2.us-east.bsky.network/subscribe", "wss://jetstream1.us-west.bsky.network/subscribe"]

[hackernews]
# New stories and comments, without an account. On as bluesky is.
# enabled = true
url = "https://hn.algolia.com"

[mastodon]
# Servers whose public tag timelines are read, for instance ["mastodon.social"].
instances = []
# token = "env:MASTODON_TOKEN"

[reddit]
# A script application that Reddit has approved; on where it is named.
client_id = ""
# client_secret = "env:REDDIT_CLIENT_SECRET"

[x]
# Costs money; on where a token is named. "counts" counts posts and reads some only after an alarm.
# bearer_token = "env:X_BEARER_TOKEN"
mode = "counts"
# Dollars a calendar month (UTC) that may be spent; nothing is asked without it.
budget_usd = 0
# Seconds between two requests for a service: each costs $0.005.
every_s = 300
# Ids of the services to ask for; [] means those of [watch], which then must be named.
services = []

[status]
# Official status pages of the watched services. On where a live source is.
# enabled = true
every_s = 60

[privacy]
# Hours that texts, ids and places of posts are kept; then only counts are.
keep_h = 48
"""


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
        "wss://jetstream2.us-east.bsky.network/subscribe",
        "wss://jetstream1.us-west.bsky.network/subscribe",
    )


class HackerNewsSettings(_Section, frozen=True, forbid_unknown_fields=True):
    """Hacker News; ``enabled`` None = where no other source is configured."""

    enabled: bool | None = None
    url: str = "https://hn.algolia.com"


class MastodonSettings(_Section, frozen=True, forbid_unknown_fields=True):
    """Mastodon's servers."""

    instances: tuple[str, ...] = ()
    token: str = ""


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


class StatusSettings(_Section, frozen=True, forbid_unknown_fields=True):
    """Official status pages; ``enabled`` None = where a live source is."""

    enabled: bool | None = None
    every_s: Annotated[int, Meta(ge=60, le=86_400)] = 60


class PrivacySettings(_Section, frozen=True, forbid_unknown_fields=True):
    """How long what could be personal is kept."""

    keep_h: Annotated[float, Meta(gt=0, le=8760)] = 48.0


class Settings(_Section, frozen=True, forbid_unknown_fields=True):
    """The whole configuration.

    Examples
    --------
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


def load_settings(path: Path | None, *, environ: Mapping[str, str]) -> Settings:
    """Read the configuration.

    Parameters
    ----------
    path
        A TOML file that must exist; None takes ``uproar.toml`` of the current folder where there is one.
    environ
        The environment (``os.environ``).

    Raises
    ------
    SettingsError
        The file cannot be read, is not TOML, or holds an unknown key or a value out of range. The message starts with
        ``file:line:key`` (or with the variable's name) and never shows the value.
    """
    file = path or (DEFAULT_FILE if DEFAULT_FILE.is_file() else None)
    text = "" if file is None else _read(file)
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"this is not TOML: {error}", place=str(file)) from None
    settings = _convert(raw, file, text)
    from_environ = _overlay(raw, environ)
    return _convert(from_environ, None, "") if from_environ != raw else settings


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise SettingsError(f"cannot read the configuration: {reason}", place=str(file)) from None


def _convert(raw: dict[str, Any], file: Path | None, text: str) -> Settings:
    try:
        return msgspec.convert(raw, Settings)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `$")
        key = where.strip("`.").split("[", maxsplit=1)[0]
        if "unknown field" in what:  # msgspec's path ends at the table; the key itself stands in the sentence
            key = ".".join(part for part in (key, what.split("`")[1]) if part)
        place = f"{file}:{_line_of(key, text)}:{key}" if file else _variable(key)
        raise SettingsError(_explain(what, key), place=place) from None


def _explain(what: str, key: str) -> str:
    section = key.split(".", maxsplit=1)[0]
    if "unknown field" in what and "." in key:
        names = ", ".join(getattr(Settings(), section).__struct_fields__)
        return f"unknown key; [{section}] has {names}"
    if "unknown field" in what:
        return f"unknown section; there are {', '.join(Settings.__struct_fields__)}"
    return what[:1].lower() + what[1:]


def _line_of(key: str, text: str) -> int:
    """Return the line on which ``section.key`` is set, or that of its section, or 1."""
    section, _, name = key.partition(".")
    wanted, current, found = (section, name) if name else ("", section), "", 1
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip().startswith("["):
            current = line.strip(" []\t")
            found = number if current == section else found
        elif (current, line.split("=")[0].strip(" \"'")) == wanted:
            return number
    return found


def _variable(key: str) -> str:
    return ENV_PREFIX + key.replace(".", "_").upper()


def _overlay(raw: dict[str, Any], environ: Mapping[str, str]) -> dict[str, Any]:
    """Return ``raw`` with what the environment says; lists are separated by commas."""
    result = {section: dict(values) if isinstance(values, dict) else values for section, values in raw.items()}
    defaults = Settings()
    for section in Settings.__struct_fields__:
        for name in getattr(defaults, section).__struct_fields__:
            value = environ.get(_variable(f"{section}.{name}"))
            if value is not None:
                default = getattr(getattr(defaults, section), name)
                result.setdefault(section, {})[name] = _parse(value, default)
    return result


def _parse(value: str, default: object) -> object:
    if default is None or isinstance(default, bool):
        return {"true": True, "false": False}.get(value.strip().lower(), value)
    if isinstance(default, tuple):
        return [part.strip() for part in value.split(",") if part.strip()]
    if isinstance(default, int):
        return int(value) if value.strip().lstrip("-").isdigit() else value
    if isinstance(default, float):
        return _number(value)
    return value


def _number(value: str) -> float | str:
    try:
        return float(value)
    except ValueError:
        return value


def read_secret(value: str, *, key: str, environ: Mapping[str, str], blocks: Callable[[str], str] | None = None) -> str:
    """Return a secret that is written down, or named.

    Parameters
    ----------
    value
        The secret; or ``env:NAME``, or ``prefect:NAME``.
    key
        Which setting it is, for messages.
    environ
        The environment (``os.environ``).
    blocks
        Reads a Prefect Secret block; None where Prefect is not running.

    Raises
    ------
    SettingsError
        It is named, and not there. The message holds its name and never its value.

    Examples
    --------
    >>> read_secret("env:TOKEN", key="x.bearer_token", environ={"TOKEN": "t"})
    't'
    """
    kind, _, name = value.partition(":")
    if kind == "env" and name:
        if not environ.get(name):
            raise SettingsError(f"the environment has no {name}", place=key)
        return environ[name]
    if kind == "prefect" and name:
        if blocks is None:
            message = f"{name} is a Prefect Secret block, which only Prefect can read: run `uproar serve`, or use env:"
            raise SettingsError(message, place=key)
        return blocks(name)
    return value
