"""Names, instants, durations and numbers as people read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.model import Estimate
from flows.report import wording
from tests.flows.report.views import HOSTILE, ONSET

INSTANTS = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(INSTANTS, st.floats(0, 9e4), st.floats(0, 9e4), st.sampled_from([1, 60]))
def test_what_lies_in_the_interval_lies_in_the_printed_one(at: datetime, low: float, high: float, step: int) -> None:
    estimate = Estimate(at, at - timedelta(seconds=low), at + timedelta(seconds=high))
    shown, shown_low, shown_high = wording.outwards(estimate, step)
    assert shown_low <= estimate.low_at <= estimate.high_at <= shown_high
    assert shown_low <= shown <= shown_high
    assert shown_high - shown_low < estimate.high_at - estimate.low_at + timedelta(seconds=2 * step)
    assert abs(shown - at) <= timedelta(seconds=step / 2)


def test_another_zone_is_shown_in_utc() -> None:
    there = ONSET.astimezone(timezone(timedelta(hours=9)))
    assert wording.moment(there) == "3 March 2026 18:05"
    assert wording.stamp(there) == "2026-03-03 18:05"
    assert wording.date(there) == "3 March 2026"
    assert wording.clock(there, 1) == "18:05:00"


@pytest.mark.parametrize(
    ("seconds", "words", "symbols"),
    [
        (0, "under a minute", "0 min"),
        (1, "1 second", "1 s"),
        (40, "40 seconds", "40 s"),
        (60, "1 minute", "1 min"),
        (90, "1 minute 30 seconds", "1 min 30 s"),
        (3600, "1 hour", "1 h"),
        (7860, "2 hours 11 minutes", "2 h 11 min"),
        (86400, "1 day", "1 d"),
        (2 * 86400 + 3600, "2 days 1 hour", "2 d 1 h"),
        (2 * 86400 - 60, "2 days", "2 d"),
    ],
)
def test_durations(seconds: int, words: str, symbols: str) -> None:
    assert wording.duration(timedelta(seconds=seconds)) == words
    assert wording.duration(timedelta(seconds=seconds), is_short=True) == symbols


@pytest.mark.parametrize(
    ("width", "phrase", "caption", "short"),
    [
        (1, "a second", "per second", "per s"),
        (30, "in 30 seconds", "per 30 seconds", "per 30 s"),
        (60, "a minute", "per minute", "per min"),
        (90, "in 1 minute 30 seconds", "per 1 minute 30 seconds", "per 1 min 30 s"),
        (1200, "in 20 minutes", "per 20 minutes", "per 20 min"),
        (3600, "an hour", "per hour", "per h"),
    ],
)
def test_units(width: int, phrase: str, caption: str, short: str) -> None:
    assert wording.bin_phrase(width) == phrase
    assert wording.per_bin(width) == caption
    assert wording.per_bin(width, is_short=True) == short


@pytest.mark.parametrize(("number", "word"), [(1, "first"), (10, "tenth"), (11, "11th"), (13, "13th"), (22, "22nd")])
def test_ordinals(number: int, word: str) -> None:
    assert wording.ordinal(number) == word


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0 %"), (0.004, "under 1 %"), (0.006, "1 %"), (0.46, "46 %"), (1, "100 %")]
)
def test_shares(value: float, text: str) -> None:
    assert wording.share(value) == text


@pytest.mark.parametrize("text", HOSTILE)
def test_names_are_one_inert_line(text: str) -> None:
    name = wording.plain(text)
    assert name.isprintable()
    assert 0 < len(name) <= wording.NAME_LIMIT
    assert wording.plain(name) == name


def test_a_name_of_nothing_is_still_a_name() -> None:
    assert wording.plain(" \n ") == "(no name)"
