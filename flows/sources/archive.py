"""Files of posts, one JSON object a line (``.jsonl``, plain, gzip or zstandard), as a source.

The good lines go through, the bad ones are counted and named by ``file:line``; the text of a line is never repeated.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime  # noqa: TC003 - msgspec reads the annotations of a cursor
from operator import le
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from detectors.errors import InputError
from detectors.model import Batch
from flows.sources.base import Query
from flows.sources.bounded import SEALED_BYTES, LineFile, seal_of, tail_of
from flows.sources.counts import CountFile, read_counts
from flows.sources.cursors import read_cursor, write_cursor
from flows.sources.guess import what_is
from flows.sources.observed import Clusters
from flows.sources.reading import DAMAGED, TOO_LONG, UNFINISHED, Rules, Tally, judge, judge_all

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from detectors.model import Post, Service
    from flows.sources.bounded import Block

__all__ = ["Archive", "CountFile", "Rules", "Tally", "read_counts"]


class _Cursor(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where reading stopped, and all that is needed to go on as if it had not.

    ``offset`` counts bytes of the unpacked file, ``seal`` is the hash of those just before it; ``clusters`` as in
    :class:`Clusters`; ``is_closed`` says that the end was reached and vouched for.
    """

    file: str
    offset: int
    seal: str
    tally: Tally
    latest: datetime | None
    clusters: tuple[tuple[int, int], ...]
    is_closed: bool = False


class Archive:
    """Posts from a file.

    A file that has grown since the last cursor is read on from there; one that was replaced or cut is refused. A
    cursor that another file left is no hindrance: this one is then read from its beginning.

    Parameters
    ----------
    path
        The file; how it is packed is told by its first bytes.
    now
        The present (UTC): posts from the future are skipped.
    batch_size
        Lines a batch.
    rules
        What is believed of the file.
    progress
        Called with the bytes read so far and the size of the file.

    Attributes
    ----------
    name, label
        ``archive``, the source of the series; and which file.
    tally
        What has been found, in earlier runs too; complete when ``fetch`` is through.
    """

    name = "archive"

    @classmethod
    def several(cls, paths: Iterable[str | Path], *, now: datetime) -> list[Archive]:
        """Return an archive for each file, with labels that tell them apart; see :func:`names_of`."""
        return [cls(path, now=now).known_as(name) for path, name in names_of(paths).items()]

    def known_as(self, name: str) -> Archive:
        """Take another name for the file than its own."""
        self.label = f"archive:{name}"
        return self

    def __init__(
        self,
        path: str | Path,
        *,
        now: datetime,
        batch_size: int = 5000,
        rules: Rules | None = None,
        progress: Callable[[int, int], object] | None = None,
    ) -> None:
        self._path = Path(path)
        self._now = now
        self._batch_size = batch_size
        self._rules = rules or Rules()
        self._progress = progress
        self.label = f"archive:{self._path.name}"
        self.tally = Tally()

    def queries(self, services: Sequence[Service] | None) -> tuple[Query, ...]:
        """Return the one question to a file: it is read anew for other services."""
        if services is None:
            return (Query(self.label),)
        names = tuple(sorted(service.id for service in services))
        return (Query(f"{self.label} for {', '.join(names)}", names),)

    def fetch(self, query: str, cursor: str | None) -> Iterator[Batch]:  # noqa: ARG002 - a file answers one query
        """Yield the posts of the file in batches; see :class:`flows.sources.base.Source`.

        Raises
        ------
        InputError
            The file cannot be read, has not a single post in it, or is not the one that the cursor is of.
        """
        run = _Run(self._path, self._rules, self._now, self._cursor(cursor))
        self.tally = run.tally
        file = LineFile(self._path, self._rules.limits, self._progress)
        held: list[bytes] = []
        is_open = False
        for block in file.blocks(run.offset, run.seal):
            run.tail = run.tail or file.before
            if block.is_too_long:
                if held:
                    yield run.batch(held)
                    held = []
                run.pass_over(block)
                continue
            held += block.lines
            is_open = block.is_open
            while len(held) > self._batch_size:  # the last lines wait: they may be the end
                yield run.batch(held[: self._batch_size])
                del held[: self._batch_size]
        yield from run.finish(held, is_open=is_open, damage=file.damage)

    def _cursor(self, text: str | None) -> _Cursor | None:
        """Read a cursor; None where it is another file's.

        Raises
        ------
        InputError
            It is no cursor of an archive.
        """
        found = read_cursor(text, _Cursor, whose="that of an archive", place=str(self._path))
        return found if found and found.file == self._path.name else None


class _Run:
    """One reading of a file: where it is, and what it has found."""

    def __init__(self, path: Path, rules: Rules, now: datetime, cursor: _Cursor | None) -> None:
        self._path = path
        self._rules = rules
        self._limit = now + rules.ahead
        self.offset = cursor.offset if cursor else 0
        self.seal = cursor.seal if cursor else ""
        self.tally = cursor.tally if cursor else Tally()
        self._latest = cursor.latest if cursor else None
        self._clusters = Clusters(rules.quiet, cursor.clusters if cursor else ())
        self._was_closed = bool(cursor and cursor.is_closed)
        self.tail = b""
        self._lines: tuple[int, ...] = ()
        self._messages: list[str] = []
        self._guess: str | None = None
        self._has_looked = False

    def batch(self, lines: list[bytes]) -> Batch:
        """Make a batch of whole lines and move on past them.

        Raises
        ------
        InputError
            Nothing in the file was a post so far, and it is plain to see that it is another kind of file.
        """
        posts = self._take(lines)
        if self._guess is not None and not self.tally.n_posts:
            raise self._no_posts()
        return self._pack(posts, self._cursor(), is_final=False)

    def pass_over(self, block: Block) -> None:
        """Move on past a line that is too long."""
        self._skip(1, TOO_LONG, f"longer than {self._rules.limits.line_bytes:,} bytes")
        self._move(1, block.n_bytes, block.tail)

    def finish(self, lines: list[bytes], *, is_open: bool, damage: str | None) -> Iterator[Batch]:
        """Yield the last batch, if there is anything left to say.

        A last line that has no line end and is no post may still be being written: it is named, but the cursor stays
        before it. The same goes for what is wrong with the packing.

        Raises
        ------
        InputError
            There is not a single post in the file.
        """
        half = None
        if is_open and lines and judge(lines[-1], self._limit).post is None:
            half, is_open = lines.pop(), False
        posts = self._take(lines, is_open=is_open)
        cursor = self._cursor(is_closed=True)
        if damage:
            self._skip(1, DAMAGED, damage)
        elif half is not None and half.strip():
            self._look([half])
            self._skip(1, UNFINISHED, f"the file ends in the middle of this line ({judge(half, self._limit).detail})")
        if not self.tally.n_posts:
            raise self._no_posts()
        if lines or self._messages or not self._was_closed:
            yield self._pack(posts, cursor, is_final=True)

    # --- steps -----------------------------------------------------------------------------------------------

    def _take(self, lines: list[bytes], *, is_open: bool = False) -> tuple[Post, ...]:
        """Read lines, note what there is to note, and move on past them."""
        self._lines = ()
        if not lines:
            return ()
        self._look(lines)
        posts, places, skipped = judge_all(lines, self._limit)
        first = self.tally.n_lines + 1
        self._lines = tuple(map(first.__add__, places))
        for place, verdict in skipped:
            self._skip(place + 1, verdict.reason, verdict.detail)
        times = [post.created_at for post in posts]
        self._note_order(times, places)
        self._clusters.add(times)
        self.tally.n_posts += len(posts)
        tail = tail_of(lines, b"" if is_open else b"\n")
        self._move(len(lines), sum(map(len, lines)) + len(lines) - is_open, tail)
        return posts

    def _look(self, lines: Sequence[bytes]) -> None:
        """Guess from the first line that is not blank what this file is, if it is no file of posts."""
        if not self._has_looked and self.tally.n_posts == 0:
            first = next((line for line in lines if line.strip()), None)
            self._has_looked = first is not None
            self._guess = None if first is None else what_is(first)

    def _note_order(self, times: Sequence[datetime], places: Sequence[int]) -> None:
        """Count posts that are older than one before them."""
        if not times:
            return
        latest = self._latest or times[0]
        if times[0] < latest or not all(map(le, times, times[1:])):
            for at, place in zip(times, places, strict=True):
                if at < latest:
                    self.tally.out_of_order += 1
                    self.tally.first_out_of_order = self.tally.first_out_of_order or self._place(place + 1)
                latest = max(latest, at)
        self._latest = max(latest, times[-1])

    def _move(self, n_lines: int, n_bytes: int, tail: bytes) -> None:
        self.tally.n_lines += n_lines
        self.offset += n_bytes
        self.tail = (self.tail + tail)[-SEALED_BYTES:]
        self.seal = seal_of(self.tail)

    def _skip(self, ahead: int, reason: str, detail: str) -> None:
        """Count and name a line, ``ahead`` lines after the last that was read."""
        message = f"{self._place(ahead)}: {detail}"
        self.tally.skip(reason, message)
        self._messages.append(message)

    def _place(self, ahead: int) -> str:
        return f"{self._path.name}:{self.tally.n_lines + ahead}"

    def _cursor(self, *, is_closed: bool = False) -> str:
        """Write down where we are."""
        cursor = _Cursor(
            file=self._path.name,
            offset=self.offset,
            seal=self.seal,
            tally=replace(self.tally, messages=[]),
            latest=self._latest,
            clusters=tuple(self._clusters.known),
            is_closed=is_closed,
        )
        return write_cursor(cursor)

    def _pack(self, posts: tuple[Post, ...], cursor: str, *, is_final: bool) -> Batch:
        """Make a batch; the messages so far go with it."""
        skipped, self._messages = tuple(self._messages), []
        observed = self._clusters.spans(is_final=is_final)
        return Batch(posts, cursor, observed=observed, skipped=skipped, file=self._path.name, lines=self._lines)

    def _no_posts(self) -> InputError:
        """Say why there is not a single post."""
        if self._guess:
            return InputError(f"not a file of posts: {self._guess}", place=f"{self._path}:1")
        if not self.tally.n_skipped:
            return InputError("the file holds nothing but blank lines", place=str(self._path))
        first = f"; the first: {self.tally.messages[0]}" if self.tally.messages else ""
        return InputError(f"none of its {self.tally.n_lines:,} lines is a post{first}", place=str(self._path))


def names_of(paths: Iterable[str | Path]) -> dict[Path, str]:
    """Return each file once, with its name, and as many folders before it as tell it from the others.

    The place where reading goes on is kept by name: ``mon/posts.jsonl`` and ``tue/posts.jsonl`` are two files.

    Examples
    --------
    >>> list(names_of(["mon/posts.jsonl", "tue/posts.jsonl", "tue/more.jsonl", "tue/posts.jsonl"]).values())
    ['mon/posts.jsonl', 'tue/posts.jsonl', 'more.jsonl']
    """
    whole: dict[Path, Path] = {}
    for path in map(Path, paths):
        whole.setdefault(path.resolve(), path)
    names: dict[Path, str] = {}
    n = 0
    while len(names) < len(whole):
        n += 1
        tails = Counter(path.parts[-n:] for path in whole)
        alone = [path for path in whole if path not in names and tails[path.parts[-n:]] == 1]
        names |= {path: "/".join(path.parts[-n:]) for path in alone}
    return {path: names[resolved] for resolved, path in whole.items()}
