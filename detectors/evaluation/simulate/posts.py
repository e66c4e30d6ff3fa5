"""Posts as people might write them, in time order, with the truth about each.

Counts and posts of one scenario and seed belong together: the original reports of a minute are as many as
:func:`~detectors.evaluation.simulate.counts.simulate_counts` says. Posts are made in chunks of a few thousand, so
that millions of them need no more memory than one chunk.
"""

from __future__ import annotations

import heapq
from collections import defaultdict, deque
from itertools import accumulate, count
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from msgspec import Struct

from detectors.evaluation.simulate import authors
from detectors.evaluation.simulate.counts import tell_truth
from detectors.evaluation.simulate.places import PLACES
from detectors.evaluation.simulate.scenario import MAX_DELAY_S
from detectors.evaluation.simulate.traffic import BACKGROUND, ECHO, REPORT, REPOST, Traffic
from detectors.evaluation.simulate.writer import STORY, Wanted, Writer, dice, names_of
from detectors.model import Post, utc

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from detectors.evaluation.simulate.counts import Truth
    from detectors.evaluation.simulate.places import Shares
    from detectors.evaluation.simulate.scenario import Delays, Scenario
    from detectors.evaluation.simulate.traffic import Chunk

MIXES: dict[str, Shares] = {
    "report": (("first_hand", 0.76), ("asking", 0.24)),
    "named": (
        ("named", 0.52), ("complaint_not_outage", 0.13), ("other_meaning", 0.08), ("retrospective", 0.06),
        ("joke", 0.06), ("hypothetical", 0.04), ("working_for_me", 0.04),
        ("other_service", 0.04), ("spam", 0.02), ("resolved", 0.01),
    ),
    "outage": (("joke", 0.45), ("working_for_me", 0.35), ("news_or_brand", 0.2)),
    "after": (("resolved", 0.75), ("joke", 0.15), ("news_or_brand", 0.1)),
    "news": (("news_or_brand", 0.8), ("retrospective", 0.12), ("joke", 0.08)),
    "cluster": (("joke", 0.7), ("spam", 0.3)),
}  # fmt: skip
"""Which kinds of posts there are, by what brought them about."""

_STORY_PERCENT = 4
_COPY_PERCENT = 85
_MEMORY = 40


class PostTruth(Struct, frozen=True, gc=False):
    """What is true of one post, by its id.

    Attributes
    ----------
    service
        The service that it names, None for the rest.
    label
        ``first_hand``, ``asking``, ``resolved``, ``working_for_me``, ``news_or_brand``, ``retrospective``,
        ``hypothetical``, ``other_meaning``, ``other_service``, ``complaint_not_outage``, ``joke``, ``spam``,
        ``named`` (without trouble) or ``background`` (names no service).
    symptom
        What it says is broken; None where it does not say.
    region
        Code of the place where it was written.
    cause
        ``usual``, ``outage``, ``news`` or ``cluster``.
    is_report
        Whether it is one of the original reports that the simulated counts count.
    """

    id: str
    service: str | None
    label: str
    symptom: str | None
    region: str
    cause: str
    is_report: bool


class _Sampler:
    """Draws names by their shares, from random integers."""

    def __init__(self, shares: Shares) -> None:
        self._names = [name for name, _ in shares]
        total = sum(share for _, share in shares)
        self._table: list[int] = np.searchsorted(
            np.array(list(accumulate(share for _, share in shares))) / total, (np.arange(1000) + 0.5) / 1000
        ).tolist()

    def draw(self, number: int) -> str:
        return self._names[self._table[number % 1000]]


_SAMPLERS = {name: _Sampler(shares) for name, shares in MIXES.items()}
_PLACES = tuple(PLACES.values())
_LANGUAGES = tuple(_Sampler(place.languages) for place in _PLACES)
_Said = tuple[str, str, str, str | None]
"""Text, language, label, symptom."""


class _Scribe:
    """Writes the posts of a scenario, and remembers a few of the latest for reposts."""

    def __init__(self, traffic: Traffic, seed: int) -> None:
        self._scenario, self._drawn, self._seed = traffic.scenario, traffic.drawn, seed
        names = tuple(service.names or names_of(service.id) for service in self._scenario.services)
        self._dice = dice(np.random.default_rng([seed, 11]))
        devices = tuple(service.devices for service in self._scenario.services)
        self._writer = Writer(names, self._dice, devices=devices)
        self._recent: defaultdict[tuple[int, int], deque[_Said]] = defaultdict(lambda: deque(maxlen=_MEMORY))
        self._number = count(1)
        self._start_s = self._scenario.start_at.timestamp()
        self._symptoms = [[_Sampler(one.rates.service.symptoms)] for one in self._drawn]
        self._end_s: list[list[float]] = []
        for one, samplers in zip(self._drawn, self._symptoms, strict=True):
            ends = []
            for cause in one.rates.causes:
                outage = self._scenario.outages[cause.index] if cause.kind == "outage" else None
                samplers.append(_Sampler(outage.symptoms) if outage and outage.symptoms else samplers[0])
                ends.append(60 * self._scenario.minute(outage.end_at) if outage else 0.0)
            self._end_s.append(ends)

    def posts(self, chunk: Chunk) -> Iterator[tuple[Post, PostTruth]]:
        keys = authors.choose(chunk.place, self._seed, chunk.rng)
        late = _lateness(self._scenario.delays, len(chunk), chunk.rng)
        columns = (chunk.seconds, chunk.service, chunk.kind, chunk.cause, chunk.place, keys, late)
        for row in zip(*(column.tolist() for column in columns), strict=True):
            yield self._post(*row)

    def _post(  # noqa: PLR0913, PLR0917 - the columns of a chunk, in a loop that runs millions of times
        self, second: int, service: int, kind: int, cause: int, place_number: int, key: int, late_s: int
    ) -> tuple[Post, PostTruth]:
        place, is_repost = _PLACES[place_number], kind == REPOST
        language = _LANGUAGES[place_number].draw(key >> 12)
        text, language, label, symptom = self._say(
            second, (service, kind, cause), language, authors.home_of(key, place)
        )
        platform = authors.platform_of(key, is_repost=is_repost)
        created_at = utc(self._start_s + second)
        received_at = utc(self._start_s + second + late_s) if late_s else None
        number = f"sim{self._seed}-{next(self._number)}"
        post = Post(
            id=number,
            platform=platform,
            created_at=created_at,
            text=text,
            lang=language,
            author_id=authors.name_of(key) if next(self._dice) % 1000 >= 1000 * authors.NAMELESS_SHARE else None,
            user_location=authors.location_of(key, place),
            geo=authors.geo_of(key, place, platform),
            is_repost=is_repost,
            extra=authors.extra_of(key, place, platform, (self._scenario.start_at, received_at)),
        )
        truth = PostTruth(
            id=number,
            service=self._scenario.services[service].id if service >= 0 else None,
            label=label,
            symptom=symptom,
            region=place.code,
            cause=self._drawn[service].rates.causes[cause].kind if cause >= 0 else "usual",
            is_report=kind == REPORT,
        )
        return post, truth

    def _say(self, second: int, why: tuple[int, int, int], language: str, city: str) -> _Said:
        service, kind, cause = why
        if kind == BACKGROUND:
            text, language = self._writer.write(Wanted(-1, "background", "", language, city))
            return text, language, "background", None
        recent = self._recent[service, cause]
        if kind == REPOST and recent:
            text, language, label, symptom = recent[next(self._dice) % len(recent)]
            return f"RT @user{next(self._dice) % 9000}: {text}", language, label, symptom
        mix = self._mix(second, why)
        if mix == "cluster" and recent:
            return self._copy(recent[0])
        said = self._fresh(mix, why, language, city)
        if kind in (REPORT, REPOST):
            recent.append(said)
        return said

    def _mix(self, second: int, why: tuple[int, int, int]) -> str:
        service, kind, cause = why
        if kind == ECHO:
            return "after" if second >= self._end_s[service][cause] else "outage"
        if kind not in (REPORT, REPOST):
            return "named"
        found = self._drawn[service].rates.causes[cause].kind if cause >= 0 else "usual"
        return found if found in ("news", "cluster") else "report"

    def _fresh(self, mix: str, why: tuple[int, int, int], language: str, city: str) -> _Said:
        service, _, cause = why
        label = _SAMPLERS[mix].draw(next(self._dice))
        symptom: str | None = None
        wanted = ""
        if label == "first_hand":
            roll = next(self._dice)
            if roll % 100 < _STORY_PERCENT:
                wanted = STORY
            else:
                wanted = symptom = self._symptoms[service][cause + 1].draw(roll // 100)
        text, language = self._writer.write(Wanted(service, label, wanted, language, city))
        return text, language, label, symptom

    def _copy(self, said: _Said) -> _Said:
        roll = next(self._dice)
        if roll % 100 < _COPY_PERCENT:
            return said
        text, *rest = said
        return (f"{text} {('lol', 'so true', '😂', 'this')[roll // 100 % 4]}", *rest)  # type: ignore[return-value]


def _lateness(delays: Delays | None, n: int, rng: np.random.Generator) -> np.ndarray:
    """Return how many seconds late each post arrives: shape (posts,), mostly 0."""
    if delays is None:
        return np.zeros(n, dtype=np.int64)
    late = rng.lognormal(np.log(60 * delays.median_min), delays.log_sd, n)
    return np.where(rng.random(n) < delays.late_share, np.clip(late, 1, MAX_DELAY_S), 0).astype(np.int64)


# --- the door ------------------------------------------------------------------------------------------------


def simulate_labelled(scenario: Scenario, *, seed: int) -> Iterator[tuple[Post, PostTruth]]:
    """Yield posts in time order, each with its truth; the same scenario and seed always give the same.

    Within known and silent gaps nothing was collected, so there are no posts.
    """
    traffic = Traffic(scenario, seed)
    scribe = _Scribe(traffic, seed)
    for chunk in traffic.chunks():
        yield from scribe.posts(chunk)


def simulate_posts(scenario: Scenario, *, seed: int) -> Iterator[Post]:
    """Yield posts in the order in which they were written, in flat memory.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> from detectors.evaluation.simulate import Scenario, ServiceTraffic
    >>> scenario = Scenario(datetime(2026, 3, 2, tzinfo=UTC), 0.1, (ServiceTraffic("imessage", 2.0),))
    >>> posts = list(simulate_posts(scenario, seed=1))
    >>> posts == sorted(posts, key=lambda post: post.created_at)
    True
    """
    for post, _ in simulate_labelled(scenario, seed=seed):
        yield post


def posts_truth(scenario: Scenario, *, seed: int) -> Truth:
    """Return the truth about the posts of a scenario and seed, without writing them."""
    return tell_truth(scenario, seed, Traffic(scenario, seed).drawn)


def in_arrival_order(posts: Iterable[Post]) -> Iterator[Post]:
    """Put posts, given in the order of writing, in the order in which they reach us.

    Holds back at most the late posts of one day.
    """
    waiting: list[tuple[float, int, Post]] = []
    for number, post in enumerate(posts):
        at = post.extra.received_at if post.extra else None
        heapq.heappush(waiting, ((at or post.created_at).timestamp(), number, post))
        while waiting[0][0] <= post.created_at.timestamp():
            yield heapq.heappop(waiting)[2]
            if not waiting:
                break
    while waiting:
        yield heapq.heappop(waiting)[2]


def to_lines(posts: Iterable[Post]) -> Iterator[bytes]:
    """Yield each post as a line of JSON, newline included."""
    encode = msgspec.json.Encoder().encode
    for post in posts:
        yield encode(post) + b"\n"
