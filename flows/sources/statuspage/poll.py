"""Asking the official pages how they are: conditionally, once a minute, each on its own."""

from __future__ import annotations

from concurrent.futures import as_completed
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Self

import msgspec
from msgspec import Struct

from detectors.errors import InputError, RetryableError, SourceError, UproarError
from detectors.model import Instant  # noqa: TC001 - msgspec reads annotations
from flows.net import Http, workers
from flows.sources.cursors import write_cursor
from flows.sources.statuspage.notice import Notice, parsed
from flows.sources.statuspage.read import endpoints, notices
from flows.sources.statuspage.reading import Notes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from detectors.model import StatusRevision
    from flows.net import Answer
    from flows.sources.base import Bounds
    from flows.sources.statuspage.page import Page

EVERY = timedelta(seconds=60)
"""How often a page is asked at most."""

EARLY = timedelta(seconds=5)
"""How much earlier than that a scheduler may be; what it was early, it has to wait longer the next time."""

MAX_BYTES = 20_000_000
_MAX_VALIDATOR = 512
_VERSION = 1
_NEVER = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


class _Document(Struct, frozen=True, omit_defaults=True):
    """What a document was when it was last read whole."""

    etag: str = ""
    last_modified: str = ""
    digest: str = ""


class _Cursor(Struct, frozen=True, omit_defaults=True):
    """When a page is due, and what of it is known."""

    version: int
    page: str
    due_at: Instant
    documents: dict[str, _Document] = {}
    changes_at: Instant | None = None


@dataclass(frozen=True)
class Polled:
    """What a poll of one page brought.

    Attributes
    ----------
    revisions
        What the page said, if anything of it has changed: all of it, for the store to tell what is new.
    cursor
        To be stored with them.
    seen_at
        When the page was read (UTC); None if it was not due, and not asked.
    skipped
        What on it could not be read.
    errors
        Of a page of several documents: those that failed while others did not.
    """

    revisions: tuple[StatusRevision, ...]
    cursor: str
    seen_at: datetime | None
    skipped: tuple[str, ...] = ()
    errors: tuple[SourceError, ...] = ()


@dataclass(frozen=True)
class _Got:
    """A document: ``notices`` is None where it is as it was before."""

    document: _Document
    notices: tuple[Notice, ...] | None


class StatusPages:
    """The official status pages; to be closed, or used in a ``with``.

    Parameters
    ----------
    pages
        As :func:`~flows.sources.statuspage.page.pages_of` gives them; those that cannot be read are left out of
        :meth:`poll_all` (``page.why_not`` says why).
    bounds
        Clock, retries and time-out.
    workers
        How many pages are asked at the same time.
    max_bytes
        Largest document, unpacked.
    """

    def __init__(self, pages: Sequence[Page], bounds: Bounds, *, workers: int = 8, max_bytes: int = MAX_BYTES) -> None:
        self.pages = tuple(pages)
        self._bounds = bounds
        self._workers = workers
        self._max_bytes = max_bytes
        self._http: Http | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection."""
        if self._http is not None:
            self._http.close()
            self._http = None

    def poll(self, page: Page, cursor: str | None) -> Polled:
        """Ask one page.

        Parameters
        ----------
        page
            Which.
        cursor
            What was stored of the last poll of this page; None = there was none.

        Raises
        ------
        RetryableError, PermanentError
            No document of the page could be read; the messages name the page, not its address.
        InputError
            The cursor is not of this page.
        """
        return self._poll(self._open(), page, cursor)

    def poll_all(self, cursors: Mapping[str, str | None]) -> Iterator[tuple[Page, Polled | UproarError]]:
        """Ask every page that can be read, several at a time; yield each as it is done, with its error if it failed.

        Parameters
        ----------
        cursors
            By address of the page; pages without one have not been polled.
        """
        readable = [page for page in self.pages if page.why_not is None]
        readable.sort(key=lambda page: _due_at(cursors.get(page.url)))
        http = self._open()
        with workers(self._workers) as pool:
            jobs = {pool.submit(self._poll_or_error, http, page, cursors.get(page.url)): page for page in readable}
            for job in as_completed(jobs):
                yield jobs[job], job.result()

    def _open(self) -> Http:
        """Return the one client: to make it takes a tenth of a second."""
        if self._http is None:
            self._http = Http(self._bounds.clock, timeout_s=self._bounds.timeout_s, max_bytes=self._max_bytes)
        return self._http

    def _poll_or_error(self, http: Http, page: Page, cursor: str | None) -> Polled | UproarError:
        try:
            return self._poll(http, page, cursor)
        except UproarError as error:
            return error

    def _poll(self, http: Http, page: Page, cursor: str | None) -> Polled:
        addresses = endpoints(page)
        before = _cursor_of(page, cursor)
        now = self._bounds.clock.now()
        if now < before.due_at - EARLY or self._bounds.is_over:
            return Polled((), _encoded(before), None)
        visit = _Visit(http, page, self._bounds)
        # A time on the page may have come: then the same words mean something else, and "not modified" is no answer.
        is_stale = before.changes_at is not None and now >= before.changes_at
        known = {} if is_stale else before.documents
        for name, address in addresses.items():
            visit.ask(name, address, known.get(name))
        if not visit.got:
            raise visit.errors[0]
        is_changed = any(got.notices is not None for got in visit.got.values())
        if is_changed:  # a page is read whole: its documents may each show a part of an incident
            for name in [name for name, got in visit.got.items() if got.notices is None]:
                visit.ask(name, addresses[name], None)
        notes = visit.notes
        seen_at = self._bounds.clock.now()
        found = parsed(page, visit.notices(addresses), seen_at, notes)
        after = _Cursor(
            version=_VERSION,
            page=page.url,
            due_at=max(before.due_at, now) + EVERY,
            documents=before.documents | {name: got.document for name, got in visit.got.items()},
            changes_at=found.changes_at if is_changed else before.changes_at,
        )
        return Polled(found.revisions, _encoded(after), seen_at, found.skipped, tuple(visit.errors))


class _Visit:
    """One visit to a page: what its documents held, and what failed."""

    def __init__(self, http: Http, page: Page, bounds: Bounds) -> None:
        self._http = http
        self._page = page
        self._bounds = bounds
        self.got: dict[str, _Got] = {}
        self.errors: list[SourceError] = []
        self.notes = Notes()

    def ask(self, name: str, address: str, known: _Document | None) -> None:
        """Get a document, if it is not as it is known; a second answer replaces the first, its failure too."""
        self.got.pop(name, None)
        try:
            self.got[name] = self._bounds.retry.call(lambda: self._attempt(name, address, known))
        except SourceError as error:
            self.errors.append(error)

    def notices(self, names: Mapping[str, str]) -> list[Notice]:
        """Return the incidents in every document, in the order of their names."""
        return [notice for name in names if name in self.got for notice in self.got[name].notices or ()]

    def _attempt(self, name: str, address: str, known: _Document | None) -> _Got:
        answer = self._http.get(address, what=self._page.name, headers=_conditions(known))
        if answer.status == 304:
            if known is None:
                raise RetryableError(f"{self._page.name} answered 304 to a request without conditions")
            return _Got(known, None)
        document = _document(answer)
        if known is not None and document.digest == known.digest:
            return _Got(document, None)
        notes = Notes()
        found = notices(self._page, name, answer.body, seen_at=self._bounds.clock.now(), notes=notes)
        for note in notes.told():
            self.notes.add(note)
        return _Got(document, tuple(found))


def _conditions(known: _Document | None) -> dict[str, str]:
    if known is None:
        return {}
    given = {"If-None-Match": known.etag, "If-Modified-Since": known.last_modified}
    return {name: value for name, value in given.items() if value}


def _document(answer: Answer) -> _Document:
    def validator(name: str) -> str:
        value = str(answer.headers.get(name, ""))
        return value if len(value) <= _MAX_VALIDATOR and value.isascii() and value.isprintable() else ""

    return _Document(validator("etag"), validator("last-modified"), sha256(answer.body).hexdigest())


def _due_at(cursor: str | None) -> datetime:
    """Return when a page is due; at once where its cursor cannot be read: polling it will say so."""
    try:
        return msgspec.json.decode(cursor or "", type=_Cursor).due_at
    except msgspec.DecodeError:
        return _NEVER


def _cursor_of(page: Page, cursor: str | None) -> _Cursor:
    """Read a cursor.

    Raises
    ------
    InputError
        It is not one of this page, or not of this version.
    """
    if cursor is None:
        return _Cursor(version=_VERSION, page=page.url, due_at=_NEVER)
    try:
        found = msgspec.json.decode(cursor, type=_Cursor)
    except msgspec.DecodeError:
        found = None
    if found is None or found.version != _VERSION or found.page != page.url:
        raise InputError(f"the cursor is not one of {page.name}; forget it, and the page is read afresh")
    return found


def _encoded(cursor: _Cursor) -> str:
    return write_cursor(cursor)
