"""How every command speaks: results on standard output, everything else on standard error, and an exit code.

0: done, incidents or not. 1: done, but something needs a look (skipped lines, a failed check). 2: usage or
configuration.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import msgspec
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from detectors.text import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

DONE, LOOK, USAGE = 0, 1, 2
STOPPED = 128 + 2
"""By the keyboard, as shells have it."""

MOST_NOTES = 10


def say(text: str = "") -> None:
    """Print a line for a reader; what is in it cannot steer the terminal."""
    Console(highlight=False, markup=False, soft_wrap=True).print(text)


def note(text: str) -> None:
    """Print a line beside the result, on standard error."""
    Console(stderr=True, highlight=False, markup=False, soft_wrap=True).print(printable(text, limit=2_000))


def emit(record: Any) -> None:  # noqa: ANN401 - whatever JSON can say
    """Print one JSON object on a line of its own."""
    sys.stdout.write(msgspec.json.encode(record).decode() + "\n")


def remarks(messages: Iterable[str], total: int) -> None:
    """Print the first few of ``total`` remarks, on standard error, and say how many more there are."""
    shown = list(messages)[:MOST_NOTES]
    for message in shown:
        note(message)
    if total > len(shown):
        note(f"... and {total - len(shown):,} more")


def skipped(messages: Iterable[str], total: int) -> int:
    """Name the lines that could not be used, the first few of them, and return the exit code."""
    if not total:
        return DONE
    remarks((f"skipped {message}" for message in messages), total)
    note(f"{total:,} {'line was' if total == 1 else 'lines were'} skipped; the rest was used")
    return LOOK


@contextmanager
def progress_bar(title: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar on standard error where that is a terminal; yields ``advance(bytes_done, bytes_total)``."""
    console = Console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(title, total=None)

        def advance(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total or None)

        yield advance


@contextmanager
def progress_steps(title: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """Show a bar that counts things, like :func:`progress_bar`; yields ``advance(n)``."""
    console = Console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(title, total=total)
        yield lambda n: progress.advance(task, n)
