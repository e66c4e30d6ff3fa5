"""One tick of the live pipeline, from the configuration: what ``uproar watch`` and the Prefect flow both run."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING, Any

from detectors.errors import InputError, SourceError
from detectors.matching import Reader
from detectors.reference import catalogue
from flows import steps
from flows.net import Retry
from flows.notify.alerts import Alerts
from flows.report.record import incident_record
from flows.report.sentences import headline
from flows.settings import World
from flows.sources.base import Bounds, Rechecked
from flows.sources.configured import Access, after_alarm, configured, search_of_x
from flows.sources.statuspage import Account, pages_of
from flows.steps.status import StatusPolled, poll_status, read_account
from flows.store import open_store
from flows.store.status import STATUS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from detectors.model import Incident, Transition
    from flows.notify.worker import Delivered
    from flows.settings import Settings
    from flows.sources.base import CountSource, Ledger, Source
    from flows.sources.statuspage import Page
    from flows.store import Fault, Store

RECHECK_WITHIN_S = 40.0
"""How long housekeeping may ask the platforms which of our posts are gone; every hour others have their turn."""

DELIVERIES_KEPT = timedelta(days=30)
"""How long it is kept what was told of incidents that are over."""

SHARE_OF_TICK = 0.75
"""How much of the time between two ticks the sources may take; what is left is for the next."""


@dataclass(frozen=True)
class Tick:
    """What one tick did.

    Attributes
    ----------
    at
        When it began (UTC).
    ingested, failed
        Per source, by label: what came in, and why something did not.
    incidents
        Those that are new or have changed.
    headlines
        One sentence for each of them.
    news
        The transitions that were not known before.
    faults_began, faults_ended
        What was not known yet to be wrong with a source, and what is right again.
    faults
        All that is wrong with the sources now.
    learning
        Services whose usual rate is not known yet, with the end of what has been seen of them (UTC).
    delivered
        What became of messages; None where there is no receiver.
    """

    at: datetime
    ingested: dict[str, steps.Ingested] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    incidents: tuple[Incident, ...] = ()
    headlines: tuple[str, ...] = ()
    news: tuple[Transition, ...] = ()
    faults_began: tuple[Fault, ...] = ()
    faults_ended: tuple[Fault, ...] = ()
    faults: tuple[Fault, ...] = ()
    learning: dict[str, datetime] = field(default_factory=dict)
    delivered: Delivered | None = None

    @property
    def needs_a_look(self) -> bool:
        """Whether a source failed or a record could not be used."""
        is_untold = self.delivered is not None and bool(self.delivered.failed or self.delivered.dead)
        return bool(self.failed or self.faults or is_untold) or any(came.n_skipped for came in self.ingested.values())

    @property
    def has_news(self) -> bool:
        """Whether there is something that was not known before."""
        return bool(self.incidents or self.faults_began or self.faults_ended)

    def record(self) -> dict[str, Any]:
        """Return the tick as JSON can hold it."""
        record = {
            "sources": {label: came.record() for label, came in self.ingested.items()},
            "failed": self.failed,
            "faults": [{"source": one.source, "service": one.service, "kind": one.kind} for one in self.faults],
            "incidents": [incident_record(incident) for incident in self.incidents],
            "learning": sorted(self.learning),
        }
        return record | ({"messages": self.delivered.record()} if self.delivered else {})


def run_tick(settings: Settings, world: World | None = None) -> Tick:
    """Ingest what is new from every source, judge the bins that are complete, keep what changed.

    The window comes from the cursors in the store, so a tick that comes late takes more, and one that comes twice
    finds nothing to do.

    Raises
    ------
    InputError, StoreError
        The configuration is wrong, or nothing can be kept. A source that fails is no error of the tick.
    """
    world = world or World()
    watched = steps.Watched.configured(settings)
    with open_store(settings.store.url, secret=world.store_secret(settings)) as store:
        return _Run(settings, world, store, watched).tick()


def read_status(settings: Settings, world: World | None = None) -> StatusPolled:
    """Read the official status pages of the watched services that are due, and keep every wording."""
    world = world or World()
    watched = steps.Watched.configured(settings)
    services = catalogue().values() if watched.services is None else watched.catalogued() or ()
    with open_store(settings.store.url, secret=world.store_secret(settings)) as store:
        bounds = bounds_of(settings, world, every_s=settings.status.every_s)
        pages = pages_of(services)
        done = poll_status(store, pages, bounds)
        if settings.x.bearer_token:
            _read_accounts(settings, _access(world, store, bounds), store, pages, done)
        return done


def _read_accounts(settings: Settings, access: Access, store: Store, pages: Sequence[Page], done: StatusPolled) -> None:
    """Read the pages that are accounts on X, as often as the configuration lets anything be asked there."""
    now = access.bounds.clock.now()
    asked = {feed.query: feed.tried_at for feed in store.feeds(now) if feed.source == STATUS}
    every = timedelta(seconds=settings.x.every_s)
    for page in pages:
        if not page.handle or (page.url in asked and now - asked[page.url] < every):
            continue
        error: str | None = None
        try:
            done.n_new[page.url] = read_account(store, search_of_x(settings, access), Account(page), now)
            done.unsupported.pop(page.url, None)
        except (SourceError, InputError) as caught:
            error = done.failed[page.url] = str(caught)
        store.note_feed(STATUS, page.url, label=page.name, at=now, error=error)


@dataclass(frozen=True)
class Tidied:
    """What housekeeping did: reports that were old enough, and those whose posts are gone from their platform.

    ``failed`` says, by source, why a platform could not be asked which are.
    """

    n_old: int
    n_gone: int = 0
    failed: dict[str, str] = field(default_factory=dict)


def keep_house(settings: Settings, world: World | None = None) -> Tidied:
    """Forget what is older than the configuration says, and what people have deleted since we read it.

    Platforms that tell of deletions in their feed need not be asked; one that takes money for an answer is not.
    """
    world = world or World()
    with open_store(settings.store.url, secret=world.store_secret(settings)) as store:
        now = world.clock.now()
        n_old = store.retain(now, keep_h=settings.privacy.keep_h)
        store.forget_deliveries(now - DELIVERIES_KEPT)
        bounds = bounds_of(settings, world, every_s=RECHECK_WITHIN_S)
        n_gone, failed = 0, {}
        for source in configured(settings, _access(world, store, bounds)):
            if not isinstance(source, Rechecked):
                continue
            ids = store.post_ids(source.name)
            Random(world.clock.now().timestamp()).shuffle(ids)  # noqa: S311 - so that each has its turn
            try:
                n_gone += store.forget(source.gone(ids))
            except (SourceError, InputError) as error:
                failed[source.label] = str(error)
        return Tidied(n_old, n_gone, failed)


def bounds_of(settings: Settings, world: World, *, every_s: float) -> Bounds:
    """Return within what sources stay: they stop in time for the next run, ``every_s`` seconds from now."""
    return Bounds(
        world.clock,
        Retry(world.clock),
        stop_at=world.clock.now() + timedelta(seconds=SHARE_OF_TICK * every_s),
        lookback=timedelta(minutes=settings.sources.lookback_min),
        timeout_s=settings.sources.timeout_s,
    )


def _access(world: World, store: Store, bounds: Bounds) -> Access:
    """Return what the sources are given."""

    def ledger(source: str, budget_usd: float) -> Ledger:
        return store.ledger(source, budget_usd, now=world.clock.now)

    return Access(bounds, world.secret, ledger)


@dataclass(frozen=True)
class _Run:
    """One tick."""

    settings: Settings
    world: World
    store: Store
    watched: steps.Watched

    def tick(self) -> Tick:
        clock, store = self.world.clock, self.store
        now = clock.now()
        alerts = Alerts(self.settings, self.world, store)
        alerts.check()
        access = self._access
        sources = configured(self.settings, access)
        book = steps.FeedBook(store, clock, access.bounds.stop_at)
        into = steps.Into(store, Reader(), self.watched, book)
        ingested, failed = steps.ingest_all(into, sources)
        until = now - timedelta(seconds=self.settings.watch.settle_s)
        keys = steps.chosen_keys(store, self.watched.services)
        done = steps.detect(store, keys, until=until, tell=alerts.tell if alerts.is_on else None)
        delivered = alerts.deliver(access.bounds.stop_at or now) if alerts.is_on else None
        told = {label: steps.plain(error) for label, error in failed.items()} | self._read_on(done)
        told |= {"alerts": alerts.error} if alerts.error else {}
        began, ended = self._set_faults(sources, done, book)
        incidents = tuple(history.incident for history in done.changed)
        return Tick(
            at=now,
            ingested=ingested,
            failed=told,
            incidents=incidents,
            headlines=tuple(self._headline(one, now) for one in incidents),
            news=tuple(done.news),
            faults_began=tuple(began),
            faults_ended=tuple(ended),
            faults=tuple(store.faults()),
            learning=done.learning,
            delivered=delivered,
        )

    @property
    def _access(self) -> Access:
        """Return what the sources are given: they stop in time for the next tick."""
        bounds = bounds_of(self.settings, self.world, every_s=self.settings.watch.every_s)
        return _access(self.world, self.store, bounds)

    def _read_on(self, done: steps.Detected) -> dict[str, str]:
        """Read what people say of a service when we have become surer that something is wrong; return failures.

        Only where reading costs money, and therefore once for each such transition: a few pages, not the whole outage.
        """
        failed: dict[str, str] = {}
        surer = {step.incident_id for step in done.news if step.new in ("confirmed", "updated")}
        services = {one.incident.service for one in done.changed if one.incident.id in surer and one.incident.is_open}
        for service in sorted(services):
            source = after_alarm(self.settings, self._access, service)
            if source is None:
                continue
            try:
                steps.ingest_uncounted(self.store, source, Reader(), steps.Watched(frozenset({service})))
            except (SourceError, InputError) as error:
                failed[source.label] = str(error)
        return failed

    def _set_faults(
        self, sources: Sequence[Source | CountSource], done: steps.Detected, book: steps.FeedBook
    ) -> tuple[list[Fault], list[Fault]]:
        """Bring the list of what is wrong up to date; of series without news the last word stands."""
        store, now = self.store, self.world.clock.now()
        current = steps.faults_now(book.feeds(), sources, done, now=now)
        names = {source.name for source in sources}
        judged = {(key.source, key.service) for key in done.judged}
        heard = {source for source, _ in judged}
        for fault in store.faults():
            is_known = (fault.source, fault.service) in judged or (fault.service == "*" and fault.source in heard)
            if fault.kind == "silent" and fault.source in names and not is_known:
                current.setdefault((fault.source, fault.service, fault.kind), fault.message)
        return store.set_faults(now, current)

    def _headline(self, incident: Incident, now: datetime) -> str:
        name = steps.service_name(incident.service)
        return headline(incident, service_name=name, now=now, earlier=steps.earlier(self.store, incident))
