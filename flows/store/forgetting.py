"""Posts and accounts that are taken back: what of them goes, and how it stays gone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, bindparam, delete, func, select, tuple_, update

from flows.store.privacy import BLANK_LENGTH, DAY_US, DELETED, FORGOTTEN, key_text, report_row
from flows.store.rows import overwriting, pages, put_new
from flows.store.schema import past_reports, reports, tombstones

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Connection

    from detectors.model import Post, Report
    from flows.store.privacy import Pseudonyms

    Row = dict[str, Any]

# Asked in every commit, and so put together once.
_ANY_TOMBSTONE = select(tombstones.c.post).limit(1)
_ANY_PAST = select(past_reports.c.report).limit(1)
_TOMBSTONES = select(tombstones.c.post).where(tombstones.c.post.in_(bindparam("names", expanding=True)))
_PAST = select(past_reports.c.report).where(past_reports.c.report.in_(bindparam("names", expanding=True)))
_FOR_GOOD = (
    update(tombstones)
    .where(tombstones.c.post.in_(bindparam("names", expanding=True)), tombstones.c.noted_at.is_not(None))
    .values(noted_at=None)
)


@dataclass(frozen=True)
class Forgetting:
    """What is to be forgotten, and whose names for it are meant.

    Attributes
    ----------
    posts, authors
        (platform, id) each, as the platform gives them.
    at_us
        When that was (microseconds); None = not known.
    """

    pseudonyms: Pseudonyms
    posts: Sequence[tuple[str, str]] = ()
    authors: Sequence[tuple[str, str]] = ()
    at_us: int | None = None

    def find(self, daily_names: Iterable[str]) -> list[ColumnElement[bool]]:
        """Return the conditions that between them pick the reports concerned; names as of :meth:`daily_names`."""
        posts = {(key_text(platform), key_text(post)) for platform, post in self.posts}
        return [
            *(tuple_(reports.c.platform, reports.c.post_id).in_(page) for page in pages(sorted(posts))),
            *(reports.c.author.in_(page) for page in pages(sorted(daily_names))),
        ]

    def daily_names(self, connection: Connection) -> set[str]:
        """Return the names of the authors on each day of which there are reports."""
        if not self.authors:
            return set()
        day = reports.c.created_at - reports.c.created_at % DAY_US
        days = connection.scalars(select(day).distinct()).all()
        names = (self.pseudonyms.author(*author, at_us) for author in self.authors for at_us in days)
        return {name for name in names if name is not None}

    def count(self, connection: Connection) -> int:
        """Return how many reports there are to forget."""
        found = self.find(self.daily_names(connection))
        counted = (select(func.count()).select_from(reports).where(which) for which in found)
        return sum(connection.execute(one).scalar() or 0 for one in counted)

    def apply(self, connection: Connection) -> int:
        """Blank what there is, now and whenever it comes again; return how many reports there were.

        Text, place and id go, and of an account its daily names; what is left counts as before, so that a deletion
        rewrites no history.
        """
        posts = sorted({self.pseudonyms.post(*post) for post in self.posts})
        put_new(connection, tombstones, [{"post": name, "noted_at": self.at_us} for name in posts])
        accounts = sorted({self.pseudonyms.account(*author) for author in self.authors})
        put_new(connection, tombstones, [{"post": name, "noted_at": None} for name in accounts])
        gone = self.daily_names(connection)
        n_blanked = 0
        for which in self.find(gone):
            rows = [dict(row) for row in connection.execute(select(reports).where(which)).mappings()]
            if rows:
                with overwriting(connection):
                    connection.execute(delete(reports).where(which))
                    n_blanked += put_new(connection, reports, [self._blank(row, gone) for row in rows])
                _bury(connection, [blank_id(self.pseudonyms, row) for row in rows])
        return n_blanked

    def _blank(self, row: Row, gone: set[str]) -> Row:
        """Return what is left of a report."""
        author = row["author"]
        return {
            **row,
            **FORGOTTEN,
            "post_id": blank_id(self.pseudonyms, row),
            "author": self.pseudonyms.forgotten(author) if author in gone else author,
        }


def _bury(connection: Connection, names: Iterable[str]) -> None:
    """Keep the tombstones of posts that did come, for good."""
    for page in pages(sorted(set(names))):
        put_new(connection, tombstones, [{"post": name, "noted_at": None} for name in page])
        connection.execute(_FOR_GOOD, {"names": page})


@dataclass(frozen=True)
class Incoming:
    """Reports that are to be kept, under the names of their authors."""

    source: str
    pairs: Sequence[tuple[Post, Report]]
    pseudonyms: Pseudonyms

    def rows(self) -> list[Row]:
        """Return the rows of the reports, as they would be if nothing had been forgotten."""
        return [report_row(post, report, self.source, self.pseudonyms) for post, report in self.pairs]

    def keep(self, connection: Connection, rows: Sequence[Row]) -> int:
        """Insert reports that are new, without what is to stay forgotten; return how many were."""
        if rows and connection.execute(_ANY_TOMBSTONE).first() is not None:
            rows = self._without_what_was_deleted(connection, rows)
        if rows and connection.execute(_ANY_PAST).first() is not None:
            rows = self._without_what_was_counted(connection, rows)
        return put_new(connection, reports, rows)

    def _without_what_was_deleted(self, connection: Connection, rows: Sequence[Row]) -> list[Row]:
        posts = [self.pseudonyms.post(post.platform, post.id) for post, _ in self.pairs]
        accounts = [self.pseudonyms.account(post.platform, post.author_id or "") for post, _ in self.pairs]
        deleted = _known(connection, _TOMBSTONES, {*posts, *accounts})
        if not deleted:
            return list(rows)
        kept: list[Row] = []
        for row, post, account in zip(rows, posts, accounts, strict=True):
            if account in deleted and row["author"]:
                row = {**row, "author": self.pseudonyms.forgotten(row["author"])}  # noqa: PLW2901
            kept.append({**row, **FORGOTTEN, "post_id": post} if deleted & {post, account} else row)
        _bury(connection, {row["post_id"] for row, post in zip(kept, posts, strict=True) if row["post_id"] == post})
        return kept

    def _without_what_was_counted(self, connection: Connection, rows: Sequence[Row]) -> list[Row]:
        names = [past_name(self.pseudonyms, row) for row in rows]
        past = _known(connection, _PAST, set(names))
        return [row for row, name in zip(rows, names, strict=True) if name not in past]


def _known(connection: Connection, query: Any, names: set[str]) -> set[str]:  # noqa: ANN401 - a select
    """Return those of the names that are stored."""
    return {name for page in pages(sorted(names)) for name in connection.scalars(query, {"names": page})}


def blank_id(pseudonyms: Pseudonyms, row: Row) -> str:
    """Return the name under which the post of a row is forgotten, or was."""
    is_blank = not row["text"] and row["post_id"].startswith(DELETED) and len(row["post_id"]) == BLANK_LENGTH
    return str(row["post_id"]) if is_blank else pseudonyms.post(row["platform"], row["post_id"])


def past_name(pseudonyms: Pseudonyms, row: Row) -> str:
    """Return the name of a report of which only the count is kept, whether its post was deleted before or not."""
    return pseudonyms.report(blank_id(pseudonyms, row), row["service"])
