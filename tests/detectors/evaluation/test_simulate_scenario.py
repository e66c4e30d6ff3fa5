"""A scenario that makes no sense is refused with a sentence that says why."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from detectors.errors import InputError
from detectors.evaluation.simulate import (
    Hole,
    NewsBump,
    Noise,
    Outage,
    Rhythm,
    Scenario,
    ServiceTraffic,
    Step,
    ViralCluster,
)
from tests.builders import START

IMESSAGE = ServiceTraffic("imessage", 1.0)
NAIVE = datetime(2026, 3, 2)  # noqa: DTZ001 - that is the mistake


def outage(**changes: Any) -> Outage:
    given: dict[str, Any] = {
        "service": "imessage",
        "onset_at": START + timedelta(hours=3),
        "duration_min": 60,
        "factor": 5,
    } | changes
    return Outage(**given)


def scenario(**changes: Any) -> Scenario:
    given: dict[str, Any] = {"start_at": START, "days": 1, "services": (IMESSAGE,)} | changes
    return Scenario(**given)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"start_at": NAIVE}, "aware and UTC"),
        ({"days": 0}, "at least one bin"),
        ({"bin_width_s": 7200}, "1 to 3600"),
        ({"services": ()}, "needs services"),
        ({"services": (IMESSAGE, IMESSAGE)}, "each once"),
        ({"outages": (outage(service="outlook"),)}, r"not simulated: \['outlook'\]"),
        ({"news": (NewsBump("slack", START, 10, 2),)}, "slack"),
        ({"clusters": (ViralCluster("zoom", START, 10),)}, "zoom"),
        ({"steps": (Step(START, 2, "gmail"),)}, "gmail"),
        ({"gaps": (Hole(START, START + timedelta(hours=1), "netflix"),)}, "netflix"),
        ({"outages": (outage(onset_at=START - timedelta(hours=1)),)}, "inside the scenario"),
        ({"outages": (outage(duration_min=2000),)}, "inside the scenario"),
        ({"outages": (outage(), outage(onset_at=START + timedelta(hours=3.5)))}, "overlap"),
        ({"outages": (outage(regions=("CH",)),)}, "nobody is in the regions"),
    ],
)
def test_a_scenario_that_makes_no_sense_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        scenario(**changes)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Noise(branching=1.0), "branching"),
        (lambda: Noise(phi=0), "phi"),
        (lambda: Noise(tail=1.0), "clusters need"),
        (lambda: Rhythm(weekday=(1.0,) * 6), "seven"),
        (lambda: Rhythm(drift_per_week=-1), "drift"),
        (lambda: ServiceTraffic("imessage", 0), "rate_per_min"),
        (lambda: ServiceTraffic("imessage", 1, regions=()), "needs regions"),
        (lambda: ServiceTraffic("imessage", 1, regions=(("XX", 1.0),)), "unknown place 'XX'"),
        (lambda: outage(factor=1), "factor"),
        (lambda: outage(rise_min=0), "duration"),
        (lambda: NewsBump("imessage", START, 10, 2, repost_share=2), "repost_share"),
        (lambda: NewsBump("imessage", START, 0, 2), "duration_min"),
        (lambda: ViralCluster("imessage", START, 0), "n_posts"),
        (lambda: ViralCluster("imessage", START, 5, repost_share=-1), "repost_share"),
        (lambda: Hole(START, START), "end after it starts"),
        (lambda: Step(START, 0), "step"),
    ],
)
def test_a_part_that_makes_no_sense_is_refused(make: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        make()


def test_outages_of_two_services_may_overlap() -> None:
    both = (IMESSAGE, ServiceTraffic("outlook", 1.0))
    made = scenario(services=both, outages=(outage(), outage(service="outlook")))
    assert len(made.outages) == 2
    assert made.service("outlook") is both[1]
    with pytest.raises(InputError, match="no service 'slack'"):
        made.service("slack")


def test_a_country_stands_for_its_states() -> None:
    here = outage(regions=("US", "CA-ON"))
    assert [here.affects(code) for code in ("US-TX", "CA-ON", "CA-QC", "GB")] == [True, True, False, False]
    assert outage().affects("GB")


def test_its_end_is_the_end_of_the_last_bin() -> None:
    made = scenario(days=0.5, bin_width_s=1800)
    assert (made.n_bins, made.end_at) == (24, datetime(2026, 3, 2, 12, tzinfo=UTC))
