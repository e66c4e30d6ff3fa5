"""The incident as plain JSON values."""

from __future__ import annotations

import json
from datetime import timedelta, timezone

from flows.report.record import incident_record
from tests.flows.report.views import ONSET, estimate, incident, open_incident


def test_a_resolved_incident_has_everything() -> None:
    record = incident_record(incident(symptoms=(("messages not sending", 1 / 3),)))
    assert record["onset_at"] == "2026-03-03T18:05:00Z"
    assert record["onset_interval"] == ["2026-03-03T18:02:00Z", "2026-03-03T18:08:00Z"]
    assert record["alarmed_at"] == "2026-03-03T18:11:00Z"
    assert (record["ended_at"], record["ended_interval"]) == (
        "2026-03-03T18:52:00Z",
        ["2026-03-03T18:46:00Z", "2026-03-03T18:58:00Z"],
    )
    assert (record["peak"], record["expected_at_peak"]) == (26, 2)
    assert record["symptoms"] == [{"symptom": "messages not sending", "share": 0.3333}]
    assert "regions" not in record


def test_it_is_strict_json_and_the_unknown_is_null() -> None:
    record = incident_record(open_incident(expected_at_peak=float("nan"), score=float("inf"), symptoms=()))
    assert json.loads(json.dumps(record, allow_nan=False)) == record
    for name in ("ended_at", "ended_interval", "resolved_at", "confirmed_at", "expected_at_peak", "score"):
        assert record[name] is None
    assert record["symptoms"] == []


def test_times_of_another_zone_are_given_in_utc() -> None:
    there = ONSET.astimezone(timezone(timedelta(hours=-5)))
    assert incident_record(incident(onset=estimate(there)))["onset_at"] == "2026-03-03T18:05:00Z"
