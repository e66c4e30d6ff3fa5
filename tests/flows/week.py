"""A week of simulated service, tick by tick through the real pipeline, to a real webhook on the loopback."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from standardwebhooks import Webhook

from detectors.evaluation.simulate import (
    Hole,
    NewsBump,
    Noise,
    Outage,
    Scenario,
    ServiceTraffic,
    simulate_counts,
)
from detectors.matching import Reader
from flows import steps
from flows.net import Clock
from flows.notify.alerts import Alerts
from flows.settings import Settings, World
from flows.sources.base import Counted, Query
from flows.steps.groups import cut

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from detectors.model import CountSeries, Service
    from flows.store import Store

WEEK_DAYS = 7
WEEK = datetime(2026, 1, 19, tzinfo=UTC)
SECRET = "whsec_" + "c2ltdWxhdGVkLXdlZWstMTIzNDU2Nzg="

SERVICES = (
    ServiceTraffic("netflix", 2.0, noise=Noise("negbin", 0.03)),
    ServiceTraffic("outlook", 3.0, noise=Noise("negbin", 0.03)),
    ServiceTraffic("spotify", 1.0, noise=Noise("negbin", 0.03)),
    ServiceTraffic("paypal", 0.5, noise=Noise("negbin", 0.03)),
)
"""Of four companies, none of which needs another."""


def moment(day: int, hour: float) -> datetime:
    """Return an instant of the week."""
    return WEEK + timedelta(days=day, hours=hour)


class Event(NamedTuple):
    """One outage as people would tell it; one that comes and goes is one."""

    service: str
    begin_at: datetime
    end_at: datetime


OUTAGES = (
    Outage("netflix", moment(0, 10), 60, 8),
    Outage("outlook", moment(0, 20), 120, 5),
    Outage("spotify", moment(1, 14), 45, 10),
    Outage("paypal", moment(2, 9), 90, 12),
    Outage("outlook", moment(3, 12), 300, 6),
    Outage("netflix", moment(5, 12), 300, 6),
)
FLAPPING = (
    ("spotify", moment(4, 10), 12.0),
    ("netflix", moment(4, 18), 8.0),
    ("outlook", moment(6, 11), 7.0),
)
"""Three times ten minutes, with a quarter of an hour in between."""
SILENT = Hole(moment(3, 13), moment(3, 15.5))
"""The collector gives zeros, in the middle of an outage and for every other service, and vouches for them."""
UNKNOWN = Hole(moment(5, 13), moment(5, 15.5))
"""It vouches for nothing."""
NEWS = (NewsBump("spotify", moment(2, 18), 180, 3), NewsBump("netflix", moment(6, 15), 240, 3))


def scenario(bin_width_s: int, learnt_days: int) -> Scenario:
    """Return some days to learn from, and the week."""
    bursts = tuple(
        Outage(service, begin_at + timedelta(minutes=25 * number), 10, factor, rise_min=2, decay_min=3)
        for service, begin_at, factor in FLAPPING
        for number in range(3)
    )
    return Scenario(
        WEEK - timedelta(days=learnt_days),
        learnt_days + WEEK_DAYS,
        SERVICES,
        outages=(*OUTAGES, *bursts),
        news=NEWS,
        gaps=(UNKNOWN,),
        silent_gaps=(SILENT,),
        bin_width_s=bin_width_s,
    )


def events() -> list[Event]:
    """Return what is to be told, in order."""
    found = [Event(one.service, one.onset_at, one.end_at) for one in OUTAGES]
    found += [Event(service, at, at + timedelta(minutes=60)) for service, at, _ in FLAPPING]
    return sorted(found, key=lambda one: one.begin_at)


class Came(NamedTuple):
    """A message that came in, and when by the clock of the week."""

    at: datetime
    id: str
    payload: dict[str, Any]

    @property
    def status(self) -> str:
        return str(self.payload["status"])

    @property
    def told(self) -> dict[str, Any]:
        fields: dict[str, Any] = self.payload["uproar"]
        return fields


class Inbox(HTTPServer):
    """Takes what is signed."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.came: list[Came] = []
        self.refused = 0


class _Handler(BaseHTTPRequestHandler):
    server: Inbox
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        data = self.rfile.read(int(self.headers["Content-Length"])).decode()
        at = datetime.fromtimestamp(int(self.headers["webhook-timestamp"]), UTC)
        # ``verify`` wants a signature of this minute by the system's clock: here it is the week's.
        is_ours = self.headers["webhook-signature"] == Webhook(SECRET).sign(self.headers["webhook-id"], at, data)
        if is_ours:
            self.server.came.append(Came(at, self.headers["webhook-id"], json.loads(data)))
        else:
            self.server.refused += 1
        self.send_response(204 if is_ours else 401)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def inbox() -> Iterator[Inbox]:
    """Run an inbox in a thread."""
    with Inbox() as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@dataclass
class Simulated:
    """A platform that counts by itself; it knows what was posted up to now."""

    series: dict[str, CountSeries]
    clock: Clock
    name: str = "simulated"
    label: str = "simulated:week"

    def queries(self, _: Sequence[Service] | None) -> tuple[Query, ...]:
        return tuple(Query(one, (one,)) for one in self.series)

    def fetch_counts(self, query: Query, cursor: str | None) -> Iterator[Counted]:
        whole = self.series[query.text]
        stop = (self.clock.now() - whole.start_at) // timedelta(seconds=whole.bin_width_s)
        first = int(cursor or 0)
        if stop > first:
            yield Counted(cut(whole, slice(first, stop)), str(stop))


@dataclass
class Pipeline:
    """The pipeline, one tick after the other."""

    store: Store
    url: str
    series: dict[str, CountSeries]
    bin_width_s: int
    now: datetime = WEEK
    n_ticks: int = 0
    clock: Clock = field(init=False)

    def __post_init__(self) -> None:
        self.clock = Clock(lambda: self.now, lambda _: None)
        receiver = {"kind": "webhook", "url": self.url, "secret": "env:HOOK", "severity": "page"}
        given = {"alerts": {"allow": [self.url.removeprefix("http://")]}, "receivers": {"oncall": receiver}}
        world = World(self.clock, {"HOOK": SECRET})
        self.alerts = Alerts(msgspec.convert(given, Settings), world, self.store)
        self.source = Simulated(self.series, self.clock)
        self.watched = steps.Watched(frozenset(self.series), self.bin_width_s)
        self.reader = Reader()

    def tick(self) -> None:
        """Do what :func:`flows.live.run_tick` does, with a source of our own."""
        book = steps.FeedBook(self.store, self.clock)
        _, failed = steps.ingest_all(steps.Into(self.store, self.reader, self.watched, book), [self.source])
        assert not failed
        keys = steps.chosen_keys(self.store, self.watched.services)
        done = steps.detect(self.store, keys, until=self.now, tell=self.alerts.tell)
        assert not self.alerts.error
        self.alerts.deliver(self.now + timedelta(minutes=1))
        self.store.set_faults(self.now, steps.faults_now(book.feeds(), [self.source], done, now=self.now))
        self.n_ticks += 1

    def run(self, every: timedelta, end_at: datetime, at_rest: timedelta | None = None) -> None:
        """Tick until an instant; where nothing goes on as seldom as ``at_rest``."""
        while self.now <= end_at:
            self.tick()
            self.now += every if at_rest is None or goes_on(self.now) else at_rest


def goes_on(at: datetime) -> bool:
    """Whether something is to be told about this time."""
    near = timedelta(minutes=30)
    return any(event.begin_at - near <= at <= event.end_at + near for event in events())


def counts(seed: int, bin_width_s: int, learnt_days: int) -> dict[str, CountSeries]:
    """Return the counts of the scenario by service."""
    made = simulate_counts(scenario(bin_width_s, learnt_days), seed=seed)
    return {one.service: one for one in made.series}
