"""The three platforms, live: each shows what has been posted by the simulated now, over its own wire."""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import timedelta
from threading import get_ident
from typing import TYPE_CHECKING, Any

from detectors.counting import micros
from flows.net import Clock
from tests.flows.sources.platforms import bluesky, hackernews, mastodon

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from tests.flows.soak.town import Said
    from tests.flows.sources.loopback import Asked, Told
    from tests.flows.sources.websocket import Wanted

BEAT_US = 20_000_000
FRAMES_A_PAGE = 50
HITS_A_PAGE = 60
SLOWEST_S = {"hackernews": 90, "mastodon": 20}
"""How long a post takes to be found, at most."""


@dataclass
class Time:
    """The simulated time. Who sleeps, sleeps alone: sources wait at the same time, not one after the other."""

    at: datetime
    slept_s: dict[int, float] = field(default_factory=lambda: defaultdict(float))

    def __post_init__(self) -> None:
        self.clock = Clock(self._now, self._sleep)

    def _now(self) -> datetime:
        return self.at + timedelta(seconds=self.slept_s.get(get_ident(), 0.0))

    def _sleep(self, seconds: float) -> None:
        self.slept_s[get_ident()] += seconds

    @property
    def latest(self) -> datetime:
        """The time of whoever slept longest: that of the platforms."""
        return self.at + timedelta(seconds=max([0.0, *list(self.slept_s.values())]))

    def move_to(self, at: datetime) -> None:
        """Begin anew, not before everybody has woken up."""
        self.at = max(at, self.latest)
        self.slept_s.clear()


class Jetstream(bluesky.Jetstream):
    """Bluesky's: every event so far, and one just now."""

    def __init__(self, time: Time, said: Sequence[Said]) -> None:
        super().__init__(page_size=FRAMES_A_PAGE)
        self.clock = Clock(lambda: time.latest, time.clock.sleep)
        events = [(micros(one.made.at), self._frame(bluesky.created(one.made, micros(one.made.at)))) for one in said]
        beats = range(events[0][0] - BEAT_US, events[-1][0], BEAT_US)
        self.events = sorted([*events, *((at_us, self._frame(bluesky.identity(at_us))) for at_us in beats)])

    @staticmethod
    def _frame(event: dict[str, Any]) -> bytes:
        return json.dumps(event).encode()

    def pages(self, wanted: Wanted) -> Iterator[list[bytes]]:
        assert self.clock is not None
        now_us = micros(self.clock.now())
        insort(self.events, (now_us, self._frame(bluesky.identity(now_us))))
        cursor = wanted.get("cursor")
        from_us = max(int(cursor[0]), self.oldest_us) if cursor else now_us
        frames = [frame for _, frame in self.events[bisect_left(self.events, (from_us,)) :]]
        frames = frames[: bisect_right(self.events, (now_us, b"~")) - bisect_left(self.events, (from_us,))]
        for start in range(0, len(frames), self.page_size):
            yield frames[start : start + self.page_size]


class HackerNews(hackernews.PLATFORM):
    """Its search: what has been posted is found some seconds later."""

    page_size = HITS_A_PAGE

    def __init__(self, time: Time, said: Sequence[Said]) -> None:
        super().__init__()
        self._time = time
        shown = sorted((shown_at("hackernews", one), one.made.number, one) for one in said)
        self._shown_at = [at for at, _, _ in shown]
        self._every = [hackernews.item(one.made) for _, _, one in shown]

    def respond(self, asked: Asked) -> Told:
        self.items = self._every[: bisect_right(self._shown_at, self._time.latest)]
        return super().respond(asked)


class Mastodon(mastodon.Mastodon):
    """One instance, on which everybody tags; what is posted within ``hidden`` never gets into a timeline."""

    def __init__(self, time: Time, said: Sequence[Said], hidden: tuple[datetime, datetime] | None = None) -> None:
        super().__init__()
        self._time = time
        self._said: dict[int, Said] = {}
        self._by_tag: dict[str, list[int]] = {"outage": []}
        for one in said:
            if one.service is not None and not (hidden and hidden[0] <= one.made.at < hidden[1]):
                self._said[self.number(one.made)] = one
                self._by_tag.setdefault(one.tag, []).append(self.number(one.made))
        self._by_tag["outage"] = sorted(self._said)[:1]

    def _timeline(self, asked: Asked) -> list[dict[str, object]]:
        first = asked.path.removeprefix(mastodon.TIMELINE)
        if first not in self._by_tag:
            return []
        named = dict.fromkeys([first, *(value for name, value in asked.pairs if name == "any[]")])
        after, now = int(asked.params.get("min_id", 0)), self._time.latest
        found: set[int] = set()
        for tag in list(named)[: mastodon.MOST_TAGS]:
            numbers = self._by_tag.get(tag, [])
            found.update(numbers[bisect_right(numbers, after) :])
        shown = sorted(number for number in found if shown_at("mastodon", self._said[number]) <= now)
        limit = min(int(asked.params.get("limit", 20)), 40)
        page = shown[:limit] if "min_id" in asked.params else shown[-limit:]
        return [self._status(self._said[number]) for number in reversed(page)]

    def _status(self, one: Said) -> dict[str, object]:
        status = self.status(one.made, (one.tag,))
        account = status["account"]
        assert isinstance(account, dict)
        return status | {"account": account | {"id": str(self.number(one.made))}}


def shown_at(platform: str, one: Said) -> datetime:
    """Return from when on a post can be found."""
    return one.made.at + timedelta(seconds=one.made.number * 37 % (SLOWEST_S[platform] + 1))
