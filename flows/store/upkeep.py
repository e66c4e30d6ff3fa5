"""What is owed to the people who posted: their words do not stay, and go at once when that is asked for."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from detectors.counting import micros
from detectors.errors import InputError
from flows.store import settling, writing
from flows.store.forgetting import Forgetting
from flows.store.outbox import Outbox
from flows.store.privacy import key_text
from flows.store.schema import reports

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime


class Upkeep(Outbox):
    """Retention, and requests to be forgotten: of messages that quote posts, too."""

    def retain(self, now: datetime, keep_h: float = 48) -> int:
        """Keep only counts of what is older than ``keep_h`` hours; return how many reports went.

        Text, post ids, authors and places go, at the end of the bin that holds the last of them. What stays: the
        counts of every bin, the counts by symptom (:meth:`symptoms`), and a keyed hash of each report, so that it is
        not counted again if it comes again. :meth:`facts` still answers; people are then told apart within a bin.

        Parameters
        ----------
        now
            The present (UTC).
        keep_h
            In hours, 0 or more.

        Raises
        ------
        InputError
            ``keep_h`` is negative.
        """
        if not keep_h >= 0:
            raise InputError(f"reports are kept for 0 hours or more, not {keep_h}")
        before_us = micros(now - timedelta(hours=keep_h))
        n_settled = self._settle(before_us)
        self.forget_told_posts(now - timedelta(hours=keep_h))
        with self._writing() as connection:
            settling.drop_tombstones(connection, before_us)
        if n_settled:
            self._overwrite()
        return n_settled

    def purge(
        self,
        *,
        author: tuple[str, str] | None = None,
        post: tuple[str, str] | None = None,
        before: datetime | None = None,
        dry_run: bool = False,
    ) -> int:
        """Forget an author, a post, or all that is older than an instant; return how many reports that concerns.

        Counts stay. A post or an author stays forgotten: what of them comes again counts, and is not kept. When
        this returns, none of it is left in a SQLite file or beside it. PostgreSQL rewrites the table; what its
        write-ahead log, its replicas and your backups still hold is beyond our reach. A cursor may name the last post
        of its query until the next fetch.

        Parameters
        ----------
        author, post
            (platform, id) as the platform gives them. An author is found under the name of every day.
        before
            What was posted before it (aware) is no longer kept, as by :meth:`retain`.
        dry_run
            Only say how many reports it would concern.

        Raises
        ------
        InputError
            Not exactly one of the three, or an empty id.
        StoreError
            Another program was reading all the time, so that an older state lives on in SQLite's log: again, please.
        """
        if sum(one is not None for one in (author, post, before)) != 1:
            raise InputError("say one of: which author, which post, or before when")
        if not all(all(one) for one in (author, post) if one is not None):
            raise InputError("an author or a post is a platform and an id, and neither may be empty")
        if before is not None:
            n_found = self._count_before(micros(before)) if dry_run else self._settle(micros(before))
        else:
            what = Forgetting(self._pseudonyms, [post] if post else [], [author] if author else [])
            n_found = self._forget(what, dry_run=dry_run)
        if not dry_run:
            self.forget_told_posts(before)
            self._overwrite(is_owed=True)
        return n_found

    def post_ids(self, source: str) -> list[str]:
        """Return the ids of the posts of a source that are still kept, sorted."""
        which = reports.c.source == key_text(source), reports.c.text != ""
        with self._reading() as connection:
            query = select(reports.c.post_id).where(*which).distinct().order_by(reports.c.post_id)
            return list(connection.execute(query).scalars())

    def forget(self, posts: Iterable[tuple[str, str]]) -> int:
        """Forget posts, each (platform, id), as a commit does; return how many reports that concerned.

        Unlike :meth:`purge`, it waits for no reader of a SQLite file, and has PostgreSQL rewrite nothing.
        """
        n_found = self._forget(Forgetting(self._pseudonyms, list(posts), []), dry_run=False)
        if n_found:
            self.forget_told_posts()
            self._overwrite()
        return n_found

    def check_secret(self) -> None:
        """Look whether the secret is the one that the store was begun with, and change nothing.

        Raises
        ------
        StoreError
            It is another one.
        """
        with self._reading() as connection:
            writing.refuse_other_secret(connection, self._pseudonyms)

    def _forget(self, what: Forgetting, *, dry_run: bool) -> int:
        with self._writing() as connection:
            writing.check_secret(connection, self._pseudonyms)
            return what.count(connection) if dry_run else what.apply(connection)

    def _count_before(self, before_us: int) -> int:
        """Return how many reports :meth:`_settle` would settle."""
        with self._reading() as connection:
            which = [
                settling.is_over(source, width_s, before_us)
                for source, width_s in settling.sources_with_reports(connection, before_us)
            ]
            counted = (select(func.count()).select_from(reports).where(one) for one in which)
            return sum(connection.execute(one).scalar() or 0 for one in counted)

    def _settle(self, before_us: int) -> int:
        """Settle what is older, a stretch of time in a transaction; return how many reports there were."""
        with self._writing() as connection:
            writing.check_secret(connection, self._pseudonyms)
            sources = settling.sources_with_reports(connection, before_us)
        n_settled = 0
        for source, width_s in sources:
            n_more = 1
            while n_more:
                with self._writing() as connection:
                    n_more = settling.settle(connection, source, width_s, before_us, self._pseudonyms)
                n_settled += n_more
        return n_settled
