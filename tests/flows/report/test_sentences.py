"""The sentence and the block of lines, word for word."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from detectors.model import Estimate, Incident
from flows.report.sentences import flagged_after, headline, lasted, lines, own_region, recurrence, voices
from tests.flows.report.spreads import region, spread
from tests.flows.report.views import HOSTILE, ONSET, estimate, incident, open_incident

TODAY = ONSET + timedelta(hours=1)
NO_SYMPTOM: dict[str, Any] = {"symptoms": ()}
WATCH: dict[str, Any] = {"severity": "watch", "peak": 3.0, "n_reports": 2, "n_authors": 1, **NO_SYMPTOM}
LATE = estimate(ONSET + timedelta(hours=5, minutes=54, seconds=59))

GOLDEN = {
    "resolved": (
        incident(),
        (
            "iMessage: trouble from 18:05 (18:02-18:08) to 18:52 (18:46-18:58) UTC on 3 March 2026, 47 minutes; "
            "peak 26 reports a minute, 13x the usual 2; 412 reports by 398 people."
        ),
    ),
    "open": (
        open_incident(),
        (
            "iMessage: up to 13x usual since 18:05 (18:02-18:08) UTC on 3 March 2026, still going on; "
            "412 reports by 398 people; messages not sending 46 %."
        ),
    ),
    "updated is open too": (
        open_incident(state="updated", **NO_SYMPTOM),
        (
            "iMessage: up to 13x usual since 18:05 (18:02-18:08) UTC on 3 March 2026, still going on; "
            "412 reports by 398 people."
        ),
    ),
    "watch, one person": (
        open_incident(**WATCH),
        (
            "iMessage: more reports than usual since 18:05 (18:02-18:08) UTC on 3 March 2026, up to 1.5x usual, "
            "still going on; 2 reports by 1 person."
        ),
    ),
    "watch, over": (
        incident(severity="watch"),
        (
            "iMessage: more reports than usual from 18:05 (18:02-18:08) to 18:52 (18:46-18:58) UTC on 3 March 2026, "
            "47 minutes; peak 26 reports a minute, 13x the usual 2; 412 reports by 398 people."
        ),
    ),
    "suspected": (
        open_incident(state="suspected"),
        (
            "iMessage may be in trouble since 18:05 (18:02-18:08) UTC on 3 March 2026: up to 13x usual; "
            "412 reports by 398 people; not confirmed."
        ),
    ),
    "dismissed": (
        incident(state="dismissed"),
        (
            "iMessage: dismissed, no outage: a rise from 18:05 (18:02-18:08) to 18:52 (18:46-18:58) UTC "
            "on 3 March 2026; peak 26 reports a minute, 13x the usual 2; 412 reports by 398 people."
        ),
    ),
    "nothing expected": (
        open_incident(expected_at_peak=0.0, **NO_SYMPTOM),
        (
            "iMessage: up to 26 reports a minute where none are usual since 18:05 (18:02-18:08) UTC "
            "on 3 March 2026, still going on; 412 reports by 398 people."
        ),
    ),
    "nothing expected, over": (
        incident(expected_at_peak=0.0, peak=1.0, bin_width_s=1200),
        (
            "iMessage: trouble from 18:05 (18:02-18:08) to 18:52 (18:46-18:58) UTC on 3 March 2026, 47 minutes; "
            "peak 1 report in 20 minutes where none are usual; 412 reports by 398 people."
        ),
    ),
    "usual unknown": (
        open_incident(expected_at_peak=float("nan"), **NO_SYMPTOM),
        (
            "iMessage: up to 26 reports a minute since 18:05 (18:02-18:08) UTC on 3 March 2026, still going on; "
            "412 reports by 398 people."
        ),
    ),
    "usual unknown, over, end unknown": (
        incident(expected_at_peak=float("nan"), ended=None),
        (
            "iMessage: trouble since 18:05 (18:02-18:08) UTC on 3 March 2026; peak 26 reports a minute, "
            "usual rate unknown; 412 reports by 398 people."
        ),
    ),
    "several days": (
        incident(ended=estimate(ONSET + timedelta(days=2, hours=3))),
        (
            "iMessage: trouble from 3 March 2026 18:05 (18:02-18:08) to 5 March 2026 21:05 (21:02-21:08) UTC, "
            "2 days 3 hours; peak 26 reports a minute, 13x the usual 2; 412 reports by 398 people."
        ),
    ),
    "midnight inside the interval, seconds rounded outwards": (
        open_incident(onset=LATE, **NO_SYMPTOM),
        (
            "iMessage: up to 13x usual since 4 March 2026 00:00 (3 March 23:56 - 4 March 00:03) UTC, still going on; "
            "412 reports by 398 people."
        ),
    ),
    "bins of a second": (
        open_incident(bin_width_s=1, onset=estimate(ONSET, 0.05, 0.1), **NO_SYMPTOM),
        (
            "iMessage: up to 13x usual since 18:05:00 (18:04:57-18:05:06) UTC on 3 March 2026, still going on; "
            "412 reports by 398 people."
        ),
    ),
}


@pytest.mark.parametrize("case", GOLDEN)
def test_headline(case: str) -> None:
    inc, expected = GOLDEN[case]
    assert headline(inc, service_name="iMessage") == expected


def test_the_day_is_left_out_only_where_everything_is_today() -> None:
    assert "2026" not in headline(incident(), service_name="iMessage", now=TODAY)
    assert "on 3 March 2026" in headline(incident(), service_name="iMessage", now=TODAY + timedelta(days=1))
    assert "4 March 2026" in headline(open_incident(onset=LATE), service_name="iMessage", now=LATE.at)


def test_lines_of_a_resolved_incident() -> None:
    assert lines(incident(), service_name="iMessage", now=TODAY) == (
        (
            "iMessage: trouble from 18:05 (18:02-18:08) to 18:52 (18:46-18:58) UTC, 47 minutes; "
            "peak 26 reports a minute, 13x the usual 2; 412 reports by 398 people."
        ),
        "  onset     3 March 2026 18:05 (18:02-18:08) UTC",
        "  alarmed   3 March 2026 18:11 UTC, 6 minutes after onset",
        "  ended     3 March 2026 18:52 (18:46-18:58) UTC, after 47 minutes",
        "  peak      26 reports a minute, 13x the usual 2, at 18:20 UTC",
        "  reports   412 by 398 people",
        "  symptoms  messages not sending 46 %, delivered late 27 %, sign-in or activation 12 %",
    )


def test_lines_name_no_end_and_no_symptom_that_is_not_known() -> None:
    running = lines(open_incident(**WATCH, peak_at=ONSET + timedelta(hours=9)), service_name="iMessage")
    assert running[3:] == (
        "  ended     not yet",
        "  peak      3 reports a minute, 1.5x the usual 2, at 4 March 2026 03:05 UTC",
        "  reports   2 by 1 person",
    )
    assert lines(incident(ended=None), service_name="iMessage")[3] == "  ended     end not known"


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_stays_on_its_line_and_moves_no_cursor(name: str) -> None:
    inc = open_incident(symptoms=((name, 0.5),))
    block = lines(inc, service_name=name)
    assert len(block) == 7
    for line in block:
        assert line.isprintable()
        assert len(line) < 400


# --- recurrence ----------------------------------------------------------------------------------------------


def before(days: float, **fields: Any) -> Any:
    return incident(**{"id": f"before-{days}", "onset": estimate(ONSET - timedelta(days=days)), **fields})


@pytest.mark.parametrize(
    ("earlier", "expected"),
    [
        ((), ""),
        ((before(3),), "second in 7 days"),
        ((before(3), before(6.9), before(8)), "third in 7 days"),
        ((before(8), before(29)), "third in 30 days"),
        ((before(31),), ""),
        ((before(3, state="dismissed"), before(4, state="suspected")), ""),
        ((before(3, severity="watch"),), ""),
        ((before(3, source="another"),), ""),
        ((before(-1),), ""),
        ((before(3, id="inc-1"),), ""),
        (tuple(before(number / 10) for number in range(1, 21)), "21st in 7 days"),
    ],
)
def test_recurrence_counts_what_is_comparable(earlier: tuple[Any, ...], expected: str) -> None:
    assert recurrence(incident(), earlier) == expected
    said = headline(incident(), service_name="iMessage", earlier=earlier)
    assert said.endswith(f"people; {expected}." if expected else "people.")


def test_a_watch_counts_both_severities() -> None:
    assert recurrence(incident(severity="watch"), (before(1), before(2, severity="watch"))) == "third in 7 days"


# --- the parts -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [(6, "6 minutes after onset"), (0.2, "at the onset"), (-2, "2 minutes before the estimated onset")],
)
def test_flagged_after(minutes: float, expected: str) -> None:
    assert flagged_after(incident(alarmed_at=ONSET + timedelta(minutes=minutes))) == expected


def test_people_are_counted_only_where_they_were_told_apart() -> None:
    bare = incident(n_reports=412, n_authors=412)
    assert voices(bare) == "412 reports"
    assert lines(bare, service_name="iMessage")[5] == "  reports   412"
    assert voices(incident(n_reports=1, n_authors=1)) == "1 report"


def test_lasted_is_unknown_without_an_end_and_never_negative() -> None:
    assert lasted(open_incident()) == ""
    assert lasted(open_incident(), until=ONSET + timedelta(minutes=95)) == "1 hour 35 minutes"
    assert lasted(open_incident(), until=ONSET - timedelta(minutes=5)) == "under a minute"


INSTANTS = st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
SECONDS = st.integers(0, 200_000)


@given(INSTANTS, SECONDS, SECONDS, st.floats(0, 1e9), st.floats(0, 1e6))
def test_any_record_makes_one_plain_sentence(at: datetime, low: int, high: int, peak: float, expected: float) -> None:
    onset = Estimate(at, at - timedelta(seconds=low), at + timedelta(seconds=high))
    text = headline(open_incident(onset=onset, peak=peak, expected_at_peak=expected), service_name="iMessage")
    assert text.isascii()
    assert text.endswith(".")
    assert "inf" not in text
    assert "nan" not in text


# --- one region ----------------------------------------------------------------------------------------------------

SAN_ANTONIO = "metro:4726206"


def local(ratio: float = 18.2, **fields: Any) -> Incident:
    """Build an incident of one metro area, where hardly anything is usual in a minute."""
    felt = spread([region(SAN_ANTONIO, "affected", ratio), region("US-TX", "affected", 3.0)])
    return incident(region=SAN_ANTONIO, spread=felt, peak=2.0, expected_at_peak=0.01, **fields)


def test_a_local_incident_is_measured_over_its_whole_time() -> None:
    """A minute is nearly empty there: twice nothing is no factor, and where it is has been said."""
    said = headline(local(), service_name="Spectrum")
    assert said.startswith("Spectrum in San Antonio area, US-TX: trouble from ")
    assert "; 18x the usual there; 412 reports by 398 people." in said
    assert said.count("San Antonio") == 1
    going_on = local(state="confirmed", ended=None)
    assert headline(going_on, service_name="Spectrum").startswith(
        "Spectrum in San Antonio area, US-TX: 18x usual since "
    )
    assert any(line.startswith("  where ") and "US-TX" in line for line in lines(local(), service_name="S"))


def test_where_the_region_does_not_stand_out_no_factor_is_made_up() -> None:
    """Neither over a minute in which a hundredth of a report is usual, nor from other regions."""
    alone = replace(local(), region="zip3:US-782")
    assert own_region(alone) is None
    said = headline(alone, service_name="Spectrum")
    assert "; peak 2 reports a minute where hardly any are usual; 412 reports" in said
    suspected = replace(alone, state="suspected", ended=None, spread=None)
    assert "up to 2 reports a minute where hardly any are usual; 412" in headline(suspected, service_name="Spectrum")
    busy = replace(alone, expected_at_peak=0.5)
    assert "peak 2 reports a minute, 4.0x the usual 0.5" in headline(busy, service_name="Spectrum")
    assert own_region(local(ratio=float("nan"))) is None
