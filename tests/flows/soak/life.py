"""Hours of ticks as ``uproar watch`` runs them, and what is left of them in the store."""

from __future__ import annotations

from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from flows import steps
from flows.live import run_tick
from flows.settings import Settings, World
from flows.sources.hackernews import MOST_HITS
from flows.store import open_store
from flows.store.schema import gaps
from flows.store.times import instant
from tests.flows.soak import platforms
from tests.flows.soak.platforms import HITS_A_PAGE, Time
from tests.flows.soak.town import MINUTE, posts
from tests.flows.sources.platforms import bluesky, mastodon

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from detectors.incidents.lifecycle import History
    from detectors.model import SeriesKey
    from flows.live import Tick
    from flows.store import Fault as Told
    from flows.store import Store
    from tests.flows.soak.town import Said, Town
    from tests.flows.soak.weather import Spell
    from tests.flows.sources.loopback import Loopback
    from tests.flows.sources.websocket import WebSocketLoopback

STORE_SECRET = "canary-store-secret"  # noqa: S105 - made up
CANARIES = (STORE_SECRET, mastodon.TOKEN, bluesky.PASSWORD, bluesky.USER)
INSTANCE = f"mastodon.{mastodon.HOST}"
SOURCES = {"bluesky": "bluesky", "hackernews": "hackernews", INSTANCE: "mastodon"}
"""The platform of each source."""

TIMEOUT_S = 1.5
RETRY_AFTER_S = 150


@dataclass(frozen=True)
class Sky:
    """What goes wrong with the platforms.

    Attributes
    ----------
    spells
        When they answer badly.
    hidden
        From when to when (minutes) nothing that is posted on Mastodon is ever shown; it answers all the same.
    kept_min
        How far back Bluesky can go (minutes).
    """

    spells: Sequence[Spell] = ()
    hidden: tuple[int, int] | None = None
    kept_min: float = 36 * 60


@dataclass(frozen=True)
class Lived:
    """What came of it.

    Attributes
    ----------
    ticks
        By the minute in which they were.
    said
        What could be seen on each platform.
    """

    town: Town
    path: Path
    said: Mapping[str, Sequence[Said]]
    ticks: dict[int, Tick] = field(default_factory=dict)

    def store(self) -> Store:
        """Open what is left."""
        return open_store(self.path, secret=STORE_SECRET)

    def histories(self) -> list[History]:
        """Return the incidents."""
        with self.store() as store:
            return steps.histories(store, store.keys())

    def faults(self) -> list[Told]:
        """Return the faults of collecting that ever were."""
        with self.store() as store:
            return store.faults(open_only=False)

    def gaps(self) -> list[tuple[str, datetime, datetime]]:
        """Return the holes: source, beginning and end (UTC)."""
        with self.store() as store, store._reading() as connection:
            rows = connection.execute(gaps.select()).all()
        return [(one.source, instant(one.start_at), instant(one.end_at)) for one in rows]


def live(folder: Path, town: Town, sky: Sky | None = None) -> Lived:
    """Tick once over the history, then every minute; the platforms are well in the first and in the last."""
    sky = sky or Sky()
    time, said = Time(town.starts_at), posts(town)
    hidden = sky.hidden and (town.at(sky.hidden[0]), town.at(sky.hidden[1]))
    folder.mkdir()
    with ExitStack() as stack:
        bluesky_ = platforms.Jetstream(time, said["bluesky"])
        hackernews_ = platforms.HackerNews(time, said["hackernews"])
        mastodon_ = platforms.Mastodon(time, said["mastodon"], hidden)
        servers: dict[str, Loopback | WebSocketLoopback]
        servers = {"bluesky": bluesky_.server, "hackernews": hackernews_.server, "mastodon": mastodon_.server}
        for server in servers.values():
            stack.enter_context(closing(server))
            server.retry_after_s = RETRY_AFTER_S
        said["mastodon"] = [one for one in said["mastodon"] if not (hidden and hidden[0] <= one.made.at < hidden[1])]
        lived = Lived(town, folder / "live.db", said)
        settings = _settings(lived, bluesky_.endpoint, hackernews_.server.url, mastodon_.server.url)
        world = World(time.clock, {"STORE_SECRET": STORE_SECRET, "MASTODON_TOKEN": mastodon.TOKEN})
        for minute in range(town.minutes + 1):
            bluesky_.kept = timedelta(minutes=sky.kept_min if minute else 36 * 60)
            for platform, server in servers.items():
                server.heal()
                for spell in sky.spells:
                    if spell.platform == platform and spell.begin <= minute < spell.end:
                        server.fail(spell.fault, spell.times, after=spell.after)
            hackernews_.page_size = HITS_A_PAGE if minute else MOST_HITS
            time.move_to(town.at(minute))
            lived.ticks[minute] = run_tick(settings, world)
    return lived


def _settings(lived: Lived, jetstream: str, search: str, instance: str) -> Settings:
    town = lived.town
    given = {
        "store": {"url": str(lived.path), "secret": "env:STORE_SECRET"},
        "watch": {"services": [service.id for service in town.services]},
        "sources": {"timeout_s": TIMEOUT_S, "lookback_min": town.history_min},
        "bluesky": {"enabled": True, "urls": [jetstream]},
        "hackernews": {"enabled": True, "url": search},
        "mastodon": {"instances": [mastodon.HOST], "url": instance, "tokens": {mastodon.HOST: "env:MASTODON_TOKEN"}},
    }
    return msgspec.convert(given, Settings)


@dataclass(frozen=True)
class Compared:
    """Counts in the store beside what was posted.

    Attributes
    ----------
    lost, extra
        In minutes that were vouched for as a whole: posts that were not counted; and those counted too often, or
        that nobody posted, in any minute.
    n_posts
        Posts that were counted.
    unknown_at
        Minutes that were not vouched for as a whole, by source, before the end of its series.
    until_at
        Where the series of each source end (UTC): the earliest.
    """

    lost: int
    extra: int
    n_posts: int
    unknown_at: dict[str, set[datetime]]
    until_at: dict[str, datetime]


def compare(lived: Lived) -> Compared:
    """Compare every series with what was posted."""
    lost = extra = n_posts = 0
    unknown: dict[str, set[datetime]] = {}
    until: dict[str, datetime] = {}
    with lived.store() as store:
        for key in store.keys():  # noqa: SIM118 - not a dict
            series = store.series(key)
            wanted = _wanted(lived, key, series.start_at, len(series))
            whole = series.coverage >= 1
            lost += int(np.maximum(wanted - series.raw, 0)[whole].sum())
            extra += int(np.nansum(np.maximum(series.raw - wanted, 0)))
            n_posts += int(np.nansum(series.raw))
            minutes = [series.start_at + int(place) * MINUTE for place in np.flatnonzero(~whole)]
            unknown.setdefault(key.source, set()).update(minutes)
            until[key.source] = min(series.end_at, until.get(key.source, series.end_at))
    return Compared(lost, extra, n_posts, unknown, until)


def _wanted(lived: Lived, key: SeriesKey, start_at: datetime, n: int) -> np.ndarray:
    """Return how many posts of each minute name a service, shape (n,)."""
    said = lived.said[SOURCES[key.source]]
    minutes = [(one.made.at - start_at) // MINUTE for one in said if one.service and one.service.id == key.service]
    return np.bincount([minute for minute in minutes if 0 <= minute < n], minlength=n).astype(float)
