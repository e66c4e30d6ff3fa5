"""What is told: how incidents stand in the store, put into messages for the receivers that want them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from msgspec.structs import replace

from detectors.errors import StoreError
from detectors.location.names import region_name
from detectors.model import SeriesKey
from detectors.reference import catalogue
from detectors.spikes import COMBINED
from flows.notify.message import Link, Message, RegionTold, delivery_id
from flows.notify.policy import Mute, Restraint, Said, Standing, also_of, decide
from flows.report.sentences import headline, own_region, recurrence
from flows.report.wording import clock, date, moment
from flows.store import Outgoing

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from detectors.incidents.lifecycle import History
    from detectors.model import Incident, Service
    from flows.notify.policy import Decision, Route
    from flows.store import Kept, Store

PAGE_READ = timedelta(minutes=15)
"""An official page that was last read longer ago may say anything by now."""

HEARD = timedelta(hours=1)
"""A source that has observed nothing for longer has no part in what is over."""

MOST_REGIONS, MOST_SYMPTOMS, MOST_POSTS = 12, 5, 3

_decode = msgspec.json.Decoder(Message).decode


@dataclass(frozen=True)
class Telling:
    """Who is told, and how.

    Attributes
    ----------
    routes
        What the receivers want.
    restraint
        How little is told.
    link
        Address of an incident's page, with ``{incident}`` for its id; empty = there is none.
    with_posts
        Whether messages quote posts.
    """

    routes: tuple[Route, ...] = ()
    restraint: Restraint = field(default_factory=Restraint)
    link: str = ""
    with_posts: bool = False


def tell(  # noqa: PLR0913 - what happened is named, and usually left out
    store: Store,
    telling: Telling,
    now: datetime,
    *,
    changed: Iterable[History] = (),
    rising: Collection[str] = (),
    failed: Callable[[Incident, Exception], None] | None = None,
) -> list[Outgoing]:
    """Return the messages that are to be sent now.

    Parameters
    ----------
    store
        Read only: whoever calls writes the messages together with the incidents.
    now
        The present (UTC).
    changed
        Incidents as they stand now, where the store does not know it yet.
    rising
        Ids of incidents at whose beginning most other services rose, too.
    failed
        Told of an incident of which no message could be made: a mistake of ours, which costs no other incident its
        own. Without it, that is raised.
    """
    if not telling.routes:
        return []
    new = {one.incident.id: one for one in changed}
    known = {one.id: one for one in store.to_be_told()}
    incidents = list((known | {key: one.incident for key, one in new.items()}).values())
    if not incidents:
        return []
    book = _Book(store, telling, now, {key: one.transitions[-1].reason for key, one in new.items()})
    messages = _messages(book, incidents, failed)
    incidents = [one for one in incidents if one.id in messages]
    told = store.told([one.id for one in incidents])
    standing = Standing(
        now=now,
        incidents=incidents,
        messages=messages,
        said={(incident, name): _said(rows) for incident, by_name in told.items() for name, rows in by_name.items()},
        mutes=[Mute(one.matchers) for one in store.silences(now)],
        muted_lately=_muted_since(store, now - telling.restraint.late, now),
        acked=set(store.acks()),
        unheard=book.unheard(incidents),
        related=related_services(),
        rising=rising,
    )
    revisions = {(incident, name): rows[-1].revision for incident, by in told.items() for name, rows in by.items()}
    found = []
    for one in decide(standing, telling.routes, telling.restraint):
        place = one.incident.id, one.receiver
        revisions[place] = revisions.get(place, 0) + 1
        found.append(_outgoing(standing, one, revisions[place]))
    return found


def _messages(
    book: _Book, incidents: Iterable[Incident], failed: Callable[[Incident, Exception], None] | None
) -> dict[str, Message]:
    """Return what would be told of each incident of which that can be made."""
    found = {}
    for incident in incidents:
        try:
            found[incident.id] = book.message(incident)
        except Exception as error:
            if failed is None or isinstance(error, StoreError):
                raise
            failed(incident, error)
    return found


def _muted_since(store: Store, since_at: datetime, now: datetime) -> list[Mute]:
    """Return the silences that held at some time since an instant."""
    return [Mute(one.matchers) for one in store.silences() if one.starts_at <= now and one.ends_at > since_at]


def _said(rows: Sequence[Kept]) -> list[Said]:
    """Return what a receiver was told; what was dropped because it was told with another was kept back."""
    return [Said(row.created_at, _decode(row.body), is_kept_back(row)) for row in rows]


def is_kept_back(row: Kept) -> bool:
    """Whether a message was never meant to be sent: its incident is told with another one."""
    return row.state == "dropped" and bool(_decode(row.body).group)


def _outgoing(standing: Standing, decision: Decision, revision: int) -> Outgoing:
    incident, receiver = decision.incident, decision.receiver
    message = replace(
        standing.messages[incident.id],
        revision=revision,
        status="resolved" if decision.why == "over" else "firing",
        reason=decision.reason or standing.messages[incident.id].reason,
        group=decision.parent,
        also=tuple(also_of(standing, receiver, incident.id)),
    )
    return Outgoing(
        id=delivery_id(receiver, incident.id, revision),
        receiver=receiver,
        incident_id=incident.id,
        revision=revision,
        status=message.status,
        body=msgspec.json.encode(message),
        created_at=standing.now,
        has_posts=bool(message.posts),
        dropped_because=f"told with {decision.parent[:8]}" if decision.parent else None,
    )


@cache
def related_services() -> Mapping[str, frozenset[str]]:
    """Return for each service those that it fails with: of its company, that it needs, and that need it."""
    known = catalogue()
    of_vendor: dict[str, set[str]] = {}
    found: dict[str, set[str]] = {name: set() for name in known}
    for name, service in known.items():
        of_vendor.setdefault(service.vendor, set()).add(name)
        found[name].update(service.needs)
        for other in service.needs:
            found.setdefault(other, set()).add(name)
    for name, service in known.items():
        found[name] |= of_vendor[service.vendor]
    return {name: frozenset(others - {name}) for name, others in found.items()}


@dataclass(frozen=True)
class _Book:
    """Makes messages of incidents."""

    store: Store
    telling: Telling
    now: datetime
    reasons: Mapping[str, str]

    def message(self, incident: Incident) -> Message:
        """Return all that is known of an incident, as a message of no revision yet."""
        service = catalogue().get(incident.service)
        name = service.name if service else incident.service
        earlier = self._earlier(incident)
        official = self._official(service)
        sentence = headline(incident, service_name=name, now=self.now, earlier=earlier)
        spread = incident.spread
        sources, coverage = self._heard(incident)
        return Message(
            incident_id=incident.id,
            revision=0,
            status="firing" if incident.is_open else "resolved",
            state=incident.state,
            severity=incident.severity,
            service=incident.service,
            service_name=name if not incident.region else f"{name} in {region_name(incident.region)}",
            at=self.now,
            sentence=f"{sentence.removesuffix('.')}; official page {official}." if official else sentence,
            starts_at=incident.onset.at,
            starts_low_at=incident.onset.low_at,
            starts_high_at=incident.onset.high_at,
            ends_at=incident.ended.at if incident.ended else None,
            ends_low_at=incident.ended.low_at if incident.ended else None,
            ends_high_at=incident.ended.high_at if incident.ended else None,
            factor=_factor(incident),
            n_reports=incident.n_reports,
            n_authors=incident.n_authors if incident.n_authors < incident.n_reports else None,
            sources=sources,
            coverage=coverage,
            regions=_regions(incident),
            unlocated_share=spread.unlocated_share if spread and np.isfinite(spread.unlocated_share) else None,
            extent=spread.extent if spread else "",
            symptoms=incident.symptoms[:MOST_SYMPTOMS],
            official=official,
            recurrence=recurrence(incident, earlier),
            reason=self._reason(incident),
            would_change=_would_change(incident),
            links=self._links(incident),
            posts=self._posts(incident) if self.telling.with_posts else (),
        )

    def _earlier(self, incident: Incident) -> list[Incident]:
        key = SeriesKey(incident.service, incident.source, incident.bin_width_s)
        return [o for o in self.store.incidents_of(key) if o.onset.at < incident.onset.at and o.state != "dismissed"]

    def _reason(self, incident: Incident) -> str:
        if incident.id in self.reasons:
            return self.reasons[incident.id]
        steps = self.store.transitions_of(incident.id)
        return steps[-1].reason if steps else ""

    def unheard(self, incidents: Iterable[Incident]) -> set[str]:
        """Return the incidents whose every source brings hardly anything of what is usual, all of it or of them."""
        silent = {(one.source, one.service) for one in self.store.faults() if one.kind == "silent"}
        if not silent:
            return set()
        return {
            one.id
            for one in incidents
            if (heard := self._sources_lately(one))
            and all((source, "*") in silent or (source, one.service) in silent for source in heard)
        }

    def _sources_lately(self, incident: Incident) -> list[str]:
        """Return the sources that have observed the service in the hour before its incident was over, or since."""
        since_at = (incident.resolved_at or self.now) - HEARD
        ends = self.store.ends(self._keys(incident))
        return sorted(key.source for key, end_at in ends.items() if end_at > since_at)

    def _keys(self, incident: Incident) -> list[SeriesKey]:
        """Return the series that an incident was found in."""
        own = incident.service, incident.bin_width_s
        every = self.store.keys()
        keys = [key for key in every if (key.service, key.bin_width_s) == own]
        return [key for key in keys if incident.source in (COMBINED, key.source)]

    def _heard(self, incident: Incident) -> tuple[tuple[str, ...], float | None]:
        """Return the sources, and which share of the time since the onset they observed, on average."""
        end_at = incident.ended.at if incident.ended else self.now
        series = [self.store.series(key, start_at=incident.onset.at, end_at=end_at) for key in self._keys(incident)]
        shares = {one.source: float(np.mean(one.coverage)) for one in series if len(one)}
        heard = {source: share for source, share in shares.items() if share > 0}
        return tuple(heard), sum(heard.values()) / len(heard) if heard else None

    def _official(self, service: Service | None) -> str:
        """Return what the official page says, in a phrase; empty where nobody read it."""
        if service is None:
            return ""
        every = self.store.status_at(service.id, self.now)
        seen = [one for one in every if one.is_open and not one.is_maintenance and self._is_read_lately(one.page)]
        if seen:
            first = min(seen, key=lambda one: one.started_at or one.posted_at or one.seen_at)
            since = first.started_at or first.posted_at or first.seen_at
            when = clock(since) if date(since) == date(self.now) else moment(since)
            return f"speaks of an incident ({first.state}) since {when} UTC"
        is_read = service.status is not None and self._is_read_lately(service.status.url)
        return "silent so far" if is_read else ""

    def _is_read_lately(self, page: str) -> bool:
        watched = self.store.status_watched(page)
        return bool(watched) and watched[-1][1] > self.now - PAGE_READ

    def _links(self, incident: Incident) -> tuple[Link, ...]:
        if not self.telling.link:
            return ()
        return (Link("Incident", self.telling.link.replace("{incident}", incident.id)),)

    def _posts(self, incident: Incident) -> tuple[str, ...]:
        end_at = incident.ended.at if incident.ended else self.now
        frame = self.store.reports(service=incident.service, start=incident.onset.at, end=end_at)
        texts = frame.loc[~frame["is_repost"] & (frame["text"] != ""), "text"]
        return tuple(dict.fromkeys(texts.tail(MOST_POSTS)))


def _regions(incident: Incident) -> tuple[RegionTold, ...]:
    affected = incident.spread.affected if incident.spread else ()
    told = [
        RegionTold(one.code, region_name(one.code), one.ratio if np.isfinite(one.ratio) else None) for one in affected
    ]
    if incident.region and incident.region not in {one.code for one in told}:
        told.insert(0, RegionTold(incident.region, region_name(incident.region)))
    return tuple(told[:MOST_REGIONS])


def _factor(incident: Incident) -> float | None:
    """Return how far above usual: the fullest bin, or the region's whole time where it is a local incident."""
    if incident.region:
        own = own_region(incident)
        return own.ratio if own else None
    return incident.factor if np.isfinite(incident.factor) else None


def _would_change(incident: Incident) -> str:
    if incident.state == "dismissed":
        return "a rise that lasts"
    if not incident.is_open:
        return "alarms again within the next hours: that is told as another incident"
    if incident.region:
        return "an observed hour without an alarm from there ends it; a rise elsewhere makes it wider"
    return "an observed hour without an alarm ends it; counts that come late may move its onset"
