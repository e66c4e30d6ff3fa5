"""Small words: names made safe, instants, durations, counts and rates as people read them.

Clock times are rounded so that they never claim too much: an instant to the nearest minute, the ends of an
interval outwards. A truth inside the interval is inside the printed one. Durations are taken between the
printed instants, so that a reader who subtracts gets the same figure.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from detectors.text import printable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from detectors.model import Estimate

NAME_LIMIT = 80
REASON_LIMIT = 300
_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86400
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


def plain(text: str, limit: int = NAME_LIMIT) -> str:
    r"""Return ``text`` as one inert line of at most ``limit`` characters that is never empty.

    Escaping for HTML is the template's business.

    Examples
    --------
    >>> plain("Out\x1b[31mlook\u202e  365\n")
    'Out[31mlook 365'
    >>> plain("\u200b")
    '(no name)'
    """
    return printable(text, limit=limit) or "(no name)"


def symptom_name(slug: str, limit: int = NAME_LIMIT) -> str:
    """Return a symptom as words.

    Examples
    --------
    >>> symptom_name("cannot-send")
    'cannot send'
    """
    return plain(slug if " " in slug else slug.replace("-", " "), limit)


# --- instants ------------------------------------------------------------------------------------------------


def rounded(at: datetime, step_s: int = _MINUTE_S) -> datetime:
    """Return ``at`` in UTC, rounded to the nearest ``step_s`` seconds (halves up)."""
    return _on_grid(math.floor(at.timestamp() / step_s + 0.5) * step_s)


def outwards(estimate: Estimate, step_s: int = _MINUTE_S) -> tuple[datetime, datetime, datetime]:
    """Return ``(at, low, high)`` on the grid of ``step_s`` seconds: low rounded down, high rounded up."""
    low = math.floor(estimate.low_at.timestamp() / step_s) * step_s
    high = math.ceil(estimate.high_at.timestamp() / step_s) * step_s
    return rounded(estimate.at, step_s), _on_grid(low), _on_grid(high)


def clock(at: datetime, step_s: int = _MINUTE_S) -> str:
    """Return the time of day in UTC: ``18:05``, with seconds where a step is shorter than a minute."""
    return rounded(at, step_s).strftime("%H:%M" if step_s >= _MINUTE_S else "%H:%M:%S")


def date(at: datetime, *, has_year: bool = True) -> str:
    """Return the day in UTC: ``3 March 2026``."""
    day = at.astimezone(UTC)
    return f"{day.day} {_MONTHS[day.month - 1]}" + (f" {day.year}" if has_year else "")


def moment(at: datetime, step_s: int = _MINUTE_S) -> str:
    """Return day and time in UTC: ``3 March 2026 18:05``."""
    at = rounded(at, step_s)
    return f"{date(at)} {clock(at, step_s)}"


def stamp(at: datetime, step_s: int = _MINUTE_S) -> str:
    """Return day and time in UTC for a table: ``2026-03-03 18:05``."""
    return f"{rounded(at, step_s):%Y-%m-%d} {clock(at, step_s)}"


def interval(estimate: Estimate, step_s: int = _MINUTE_S, *, is_dated: bool = False) -> str:
    """Return an estimate with its interval: ``18:05 (18:02-18:08)``; a midnight inside it is made visible."""
    at, low, high = outwards(estimate, step_s)
    if low.date() == at.date() == high.date():
        span = f"{clock(low, step_s)}-{clock(high, step_s)}"
    else:
        span = " - ".join(f"{date(end, has_year=False)} {clock(end, step_s)}" for end in (low, high))
    return f"{moment(at, step_s) if is_dated else clock(at, step_s)} ({span})"


def days(estimates: Iterable[Estimate], step_s: int = _MINUTE_S) -> set[str]:
    """Return the days (UTC) that the estimates and their intervals touch."""
    return {date(at) for estimate in estimates for at in outwards(estimate, step_s)}


def step_s(bin_width_s: int) -> int:
    """Return the step in seconds to which instants are printed: a minute, or a second for shorter bins."""
    return _MINUTE_S if bin_width_s >= _MINUTE_S else 1


# --- durations -----------------------------------------------------------------------------------------------


def _parts(span: timedelta) -> list[tuple[int, str, str]]:
    """Split a duration into its two leading units: ``(amount, word, symbol)``."""
    total = int(span.total_seconds())
    if total >= _DAY_S:
        hours = (total + _HOUR_S // 2) // _HOUR_S
        return [(hours // 24, "day", "d"), (hours % 24, "hour", "h")]
    if total >= _HOUR_S:
        return [(total // _HOUR_S, "hour", "h"), (total % _HOUR_S // _MINUTE_S, "minute", "min")]
    if total >= _MINUTE_S:
        return [(total // _MINUTE_S, "minute", "min"), (total % _MINUTE_S, "second", "s")]
    return [(total, "second", "s")]


def duration(span: timedelta, *, is_short: bool = False) -> str:
    """Return a duration in words, or in symbols.

    Examples
    --------
    >>> duration(timedelta(minutes=47)), duration(timedelta(hours=2, minutes=11), is_short=True)
    ('47 minutes', '2 h 11 min')
    >>> duration(timedelta(days=1, hours=1))
    '1 day 1 hour'
    """
    parts = [part for part in _parts(span) if part[0] > 0]
    if not parts:
        return "0 min" if is_short else "under a minute"
    if is_short:
        return " ".join(f"{amount} {symbol}" for amount, _, symbol in parts)
    return " ".join(f"{amount} {word}{'' if amount == 1 else 's'}" for amount, word, _ in parts)


def bin_phrase(bin_width_s: int) -> str:
    """Return the unit of a count in a bin: ``a minute``, ``in 20 minutes``, ``an hour``."""
    ready = {1: "a second", _MINUTE_S: "a minute", _HOUR_S: "an hour"}
    return ready.get(bin_width_s) or f"in {duration(timedelta(seconds=bin_width_s))}"


def per_bin(bin_width_s: int, *, is_short: bool = False) -> str:
    """Return the same for a caption: ``per minute``, ``per 20 minutes``; short ``per min``, ``per 20 min``."""
    words = duration(timedelta(seconds=bin_width_s), is_short=is_short)
    return "per " + (words[2:] if words.startswith("1 ") and words.count(" ") == 1 else words)


# --- numbers -------------------------------------------------------------------------------------------------


def amount(value: float) -> str:
    """Return a count or a rate with sensible digits.

    Examples
    --------
    >>> [amount(value) for value in (26.0, 2.0, 0.04, 0.0004, 0.0, 1234.4)]
    ['26', '2', '0.04', 'under 0.01', '0', '1,234']
    >>> amount(2.04), amount(7.52)
    ('2.0', '7.5')
    """
    if value <= 0:
        return "0"
    if value < 0.005:
        return "under 0.01"
    if value < 0.095:
        return f"{value:.2f}"
    return f"{value:.1f}" if value < 9.95 and value != int(value) else f"{value:,.0f}"


def factor_text(factor: float) -> str:
    """Return a factor over the usual: one decimal below 10, whole below 100, two digits above.

    Examples
    --------
    >>> [factor_text(value) for value in (1.42, 13.2, 9.97, 128.0, 45_678.0)]
    ['1.4x', '13x', '10x', '130x', 'over 1,000x']
    """
    if factor >= 1000:
        return "over 1,000x"
    if factor >= 99.5:
        return f"{round(factor, -1):.0f}x"
    return f"{factor:.1f}x" if factor < 9.95 else f"{factor:.0f}x"


def share(value: float) -> str:
    """Return a share from 0 to 1 in per cent: ``46 %``."""
    return "under 1 %" if 0 < value <= 0.005 else f"{100 * value:.0f} %"


def counted(number: int, word: str, many: str) -> str:
    """Return ``1 report``, ``412 reports``."""
    return f"{number:,} {word if number == 1 else many}"


def ordinal(number: int) -> str:
    """Return ``second``, ``third``, ... as a word up to ten, then ``11th``."""
    words = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
    if number <= len(words):
        return words[number - 1]
    teens = 10 <= number % 100 <= 20
    return f"{number}{'th' if teens else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"


def _on_grid(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
