"""What a page sent, to what it said: one door for every family."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, cast

from detectors.errors import PermanentError
from flows.sources.statuspage import apple, feed, google, slack, statuspageio
from flows.sources.statuspage.notice import Parsed, Reading, parsed
from flows.sources.statuspage.reading import Notes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from flows.sources.statuspage.notice import Notice
    from flows.sources.statuspage.page import Page


class Family(Protocol):
    """How one family of pages is read."""

    def endpoints(self, url: str) -> dict[str, str]:
        """Return the documents of a page: their names and addresses."""
        ...

    def read(self, body: bytes, name: str, reading: Reading) -> Iterator[Notice]:
        """Yield the incidents in one document.

        Raises
        ------
        RetryableError
            It is not that document, or not whole.
        """
        ...


_FAMILIES = {"statuspage": statuspageio, "apple": apple, "google": google, "slack": slack, "atom": feed}


def family_of(page: Page) -> Family:
    """Return how a page is read.

    Raises
    ------
    PermanentError
        It cannot be; the message says why.
    """
    if page.why_not is not None:
        raise PermanentError(page.why_not)
    return cast("Family", _FAMILIES[page.family])


def endpoints(page: Page) -> dict[str, str]:
    """Return the documents of a page: their names and addresses.

    Raises
    ------
    PermanentError
        It has none that can be read.
    """
    return family_of(page).endpoints(page.url)


def notices(page: Page, name: str, body: bytes, *, seen_at: datetime, notes: Notes) -> list[Notice]:
    """Return the incidents in one document of a page, all of them or none.

    Raises
    ------
    RetryableError
        It is not that document, or not whole: names the page, and repeats nothing of it.
    PermanentError
        Pages of this family cannot be read.
    """
    return list(family_of(page).read(body, name, Reading(page, seen_at, notes)))


def parse(page: Page, documents: Mapping[str, bytes], seen_at: datetime) -> Parsed:
    """Return what a page said, from the documents that it sent.

    Parameters
    ----------
    page
        Whose they are.
    documents
        Of :func:`endpoints`, by name, those that there are.
    seen_at
        When they were fetched (UTC).

    Raises
    ------
    RetryableError, PermanentError
        As of :func:`notices`.
    """
    family_of(page)
    notes = Notes()
    found = [
        notice for name, body in documents.items() for notice in notices(page, name, body, seen_at=seen_at, notes=notes)
    ]
    return parsed(page, found, seen_at, notes)
