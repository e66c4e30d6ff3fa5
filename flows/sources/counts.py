"""Files of counts: ``timestamp,value`` (CSV, plain, gzip or zstandard)."""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from detectors.counting import micros
from detectors.errors import InputError, RecordError
from detectors.model import MAX_BIN_WIDTH_S, MIN_BIN_WIDTH_S, CountSeries, utc
from flows.sources.bounded import LineFile
from flows.sources.guess import what_is
from flows.sources.reading import MOST_MESSAGES, OLDEST

if TYPE_CHECKING:
    from collections.abc import Iterator

BOM = "\ufeff"
SECOND_US = 1_000_000
MOST_BINS = 20_000_000
LARGEST = 1e9
"""More reports in a bin than there are people who could write them are a mistake."""


@dataclass(frozen=True)
class CountFile:
    """What a file of counts holds.

    Attributes
    ----------
    series
        The counts; NaN where the value is empty or the row is missing.
    skipped
        The first rows that could not be used, as ``file:line: what is wrong``.
    n_skipped
        How many there were.
    notes
        What was used all the same, but is worth a look, as ``file:line: what is odd``.
    """

    series: CountSeries
    skipped: tuple[str, ...] = ()
    n_skipped: int = 0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Row:
    line: int
    at_us: int
    value: float


@dataclass
class _Reading:
    """One reading of a file of counts."""

    name: str
    now: datetime | None
    assume_utc: bool
    n_skipped: int = 0
    skipped: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def skip(self, line: int, detail: str) -> None:
        """Count and name a row that cannot be used."""
        self.n_skipped += 1
        if len(self.skipped) < MOST_MESSAGES:
            self.skipped.append(f"{self.name}:{line}: {detail}")

    def row(self, line: int, stamp: str, value: str) -> _Row:
        """Read a row.

        Raises
        ------
        RecordError
            It cannot be used.
        """
        try:
            at = datetime.fromisoformat(stamp)
        except ValueError:
            raise RecordError("the timestamp is not in ISO 8601, like 2026-03-01T18:05:00Z") from None
        if at.tzinfo is None and not self.assume_utc:
            raise RecordError("the timestamp has no time zone; if the file is in UTC, give --assume-utc")
        at = at.replace(tzinfo=UTC) if at.tzinfo is None else at
        if micros(at) < micros(OLDEST):
            raise RecordError(f"the timestamp is before {OLDEST.year}")
        if self.now is not None and at > self.now:
            raise RecordError("the timestamp lies in the future")
        return _Row(line, micros(at), _count(value))


def _count(value: str) -> float:
    """Read a count; NaN where it is missing.

    Raises
    ------
    RecordError
        It is not a number, not finite, negative, or too large to be meant.
    """
    if not value:
        return np.nan
    try:
        number = float(value)
    except ValueError:
        raise RecordError("the value is not a number; leave it empty where it is not known") from None
    if not isfinite(number):
        raise RecordError("the value is not a finite number; leave it empty where it is not known")
    if number < 0:
        raise RecordError("the value is below 0")
    if number > LARGEST:
        raise RecordError(f"the value is above {LARGEST:.0e}")
    return number


def read_counts(
    path: str | Path,
    *,
    service: str,
    now: datetime | None = None,
    assume_utc: bool = False,
    source: str = "counts",
) -> CountFile:
    """Read a file of counts.

    The header names the columns ``timestamp`` (start of the bin, ISO 8601 with its zone) and ``value`` (reports in
    the bin; empty = not known); others are ignored. The width of the bins is the commonest distance between rows
    that follow each other in time; a row off that grid, or a second one for a bin, is skipped. Rows that are missing
    are NaN.

    Parameters
    ----------
    path
        Plain, gzip or zstandard.
    service, source
        What is counted, and the name of the series' source.
    now
        The present (UTC): later rows are skipped. None = no row is too late.
    assume_utc
        Take timestamps without a zone as UTC; otherwise such rows are skipped.

    Raises
    ------
    InputError
        The file cannot be read, or has no usable rows.
    """
    path = Path(path)
    reading = _Reading(path.name, now, assume_utc)
    rows = _in_order(reading, list(_rows(reading, path)))
    if len(rows) < 2:
        first = f"; the first that is not: {reading.skipped[0]}" if reading.skipped else ""
        raise InputError(f"only {len(rows)} usable rows of counts, two are the least{first}", place=str(path))
    width_s = _bin_width(rows, path)
    rows = _on_grid(reading, rows, width_s)
    return CountFile(
        _series(rows, width_s, (service, source), path), tuple(reading.skipped), reading.n_skipped, tuple(reading.notes)
    )


def _rows(reading: _Reading, path: Path) -> Iterator[_Row]:
    """Yield the usable rows of a file, in the order of the file."""
    columns: tuple[int, int] | None = None
    for line, text in _lines(reading, path):
        if columns is None:
            columns = _header(text, path, line)
            continue
        try:
            yield reading.row(line, *_cells(text, columns))
        except RecordError as error:
            reading.skip(line, error.message)


def _cells(text: str, columns: tuple[int, int]) -> tuple[str, str]:
    """Return timestamp and value of a row.

    Raises
    ------
    RecordError
        They are not there.
    """
    try:
        cells = next(csv.reader([text]))
    except csv.Error:
        raise RecordError("the row is not CSV") from None
    if len(cells) <= max(columns):
        raise RecordError("the row is too short")
    return cells[columns[0]].strip(), cells[columns[1]].strip()


def _lines(reading: _Reading, path: Path) -> Iterator[tuple[int, str]]:
    """Yield the lines that are not blank, with their numbers."""
    file, line = LineFile(path), 0
    for block in file.blocks():
        if block.is_too_long:
            line += 1
            reading.skip(line, "the line is too long")
        for raw in block.lines:
            line += 1
            try:
                text = raw.decode()
            except UnicodeDecodeError:
                if line == 1:
                    raise _no_header(raw, path, line) from None
                reading.skip(line, "not UTF-8")
                continue
            if text.strip():
                yield line, text.strip("\r\n")
    if file.damage:
        reading.skip(line + 1, file.damage)


def _header(text: str, path: Path, line: int) -> tuple[int, int]:
    """Return the places of the columns ``timestamp`` and ``value``."""
    names = [name.strip().lower() for name in next(csv.reader([text.removeprefix(BOM)]), [])]
    if "timestamp" in names and "value" in names:
        return names.index("timestamp"), names.index("value")
    raise _no_header(text.encode(), path, line)


def _no_header(raw: bytes, path: Path, line: int) -> InputError:
    guess = "it looks like a file of posts; leave --counts away" if raw.lstrip().startswith(b"{") else what_is(raw)
    hint = guess or "the first line must name the columns timestamp and value"
    return InputError(f"not a file of counts: {hint}", place=f"{path}:{line}")


def _in_order(reading: _Reading, rows: list[_Row]) -> list[_Row]:
    """Sort the rows; of those for the same instant the first in the file stays."""
    earlier = [after for before, after in pairwise(rows) if after.at_us < before.at_us]
    if earlier:
        place = f"{reading.name}:{earlier[0].line}"
        reading.notes.append(f"{place}: earlier than the row before it ({len(earlier)} such rows); used all the same")
    found: dict[int, _Row] = {}
    for row in rows:
        if found.setdefault(row.at_us, row) is not row:
            reading.skip(row.line, f"the same timestamp as line {found[row.at_us].line}")
    return sorted(found.values(), key=lambda row: row.at_us)


def _bin_width(rows: list[_Row], path: Path) -> int:
    """Return the commonest distance between rows in seconds; the smallest, where several are as common."""
    steps = Counter(after.at_us - before.at_us for before, after in pairwise(rows))
    width_us = min(steps, key=lambda step: (-steps[step], step))
    if width_us % SECOND_US or not MIN_BIN_WIDTH_S <= width_us // SECOND_US <= MAX_BIN_WIDTH_S:
        raise InputError(
            f"the rows are mostly {width_us / SECOND_US:g} s apart; bins must be whole seconds, 1 s to 1 h",
            place=str(path),
        )
    return width_us // SECOND_US


def _on_grid(reading: _Reading, rows: list[_Row], width_s: int) -> list[_Row]:
    """Keep the rows that lie on the commonest grid of that width."""
    width_us = width_s * SECOND_US
    phases = Counter(row.at_us % width_us for row in rows)
    phase = min(phases, key=lambda at: (-phases[at], at))
    for row in rows:
        if row.at_us % width_us != phase:
            reading.skip(row.line, f"the timestamp lies between two bins of {width_s} s")
    return [row for row in rows if row.at_us % width_us == phase]


def _series(rows: list[_Row], width_s: int, names: tuple[str, str], path: Path) -> CountSeries:
    """Lay the rows out on evenly spaced bins."""
    width_us = width_s * SECOND_US
    n_bins = (rows[-1].at_us - rows[0].at_us) // width_us + 1
    if n_bins > MOST_BINS:
        raise InputError(
            f"spans {n_bins:,} bins of {width_s} s, more than {MOST_BINS:,}: a wrong date?", place=str(path)
        )
    values = np.full(n_bins, np.nan)
    values[[(row.at_us - rows[0].at_us) // width_us for row in rows]] = [row.value for row in rows]
    if np.isnan(values).all():
        raise InputError("every value is empty", place=str(path))
    start_at = utc(0) + timedelta(microseconds=rows[0].at_us)
    return CountSeries(*names, start_at, width_s, values, values.copy(), (~np.isnan(values)).astype(float))
