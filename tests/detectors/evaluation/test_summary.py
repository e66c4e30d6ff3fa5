"""Figures of trials made by hand, where every one of them can be counted on one's fingers."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from detectors.evaluation.scoring import Rate, Share
from detectors.evaluation.summary import (
    DECILES,
    Pool,
    curve,
    figures,
    mean_record,
    quantile_record,
    rate_class,
    rate_record,
    ratio_record,
    retuned,
    share_record,
    tried,
)
from detectors.evaluation.trial import GRID, AtThreshold, Case, Extent, FalseAlarm, Judgement, Settings, Trial

HIGH, LOW = GRID[GRID.index(1.0) - 1], GRID[GRID.index(1.0) + 1]


def case(factor: float, *, nats: float = 50, service: int = 0, series_factor: float | None = None) -> Case:
    bounds: dict[str, float | None] = {"watch": 2.0, "page": None if factor < 3 else 4.0}
    return msgspec.convert(
        {
            "service": service,
            "factor": factor,
            "series_factor": series_factor or factor,
            "duration_min": 60,
            "evidence_nats": nats,
            "bound_min": bounds,
        },
        Case,
    )


CASES = [case(10), case(4, service=1), case(3.5, series_factor=1.4), case(2), case(50, nats=11.9)]
AT = (
    AtThreshold(HIGH, [0], [3.0], [], 0, 0),
    AtThreshold(1.0, [0, 1, 4], [3.0, 9.0, 1.0], [3], 2, 1),
    AtThreshold(LOW, [0, 1, 2, 4], [3.0, 8.0, 30.0, 1.0], [3], 5, 2),
)
FALSE = [FalseAlarm(0, "cluster"), FalseAlarm(1, "nothing")]
EXTENTS = [Extent(0, -2.0, True, 5.0, True), Extent(1, 4.0, False, None, None), Extent(4, 99.0, False, 99.0, False)]
JUDGED = Judgement(list(AT), FALSE, EXTENTS)


def trial(seed: int = 1, judged: Judgement = JUDGED, name: str = "uproar") -> Trial:
    return Trial(name, Settings(), seed, [0.03, 3.0], [1.0, 1.5], 4, CASES, {"watch": judged, "page": judged})


ORACLE = Judgement(
    [AtThreshold(HIGH, [0, 1], [2.0, 4.0], [], 0, 0), AtThreshold(1.0, [0, 1], [1.0, 2.0], [2], 9, 0)], [], []
)


def test_every_figure_of_two_trials() -> None:
    found = figures(Pool([trial(1), trial(2)], "watch"), [trial(1, ORACLE, "oracle"), trial(2, ORACLE, "oracle")])
    assert (found["threshold"], found["trials"], found["outages"], found["covered"]) == (1.0, 2, 10, 2)
    hits = {name: (found[name]["hits"], found[name]["n"]) for name in ("recall", "recall_3x", "recall_3x_in_places")}
    assert hits == {"recall": (6, 8), "recall_3x": (4, 4), "recall_3x_in_places": (4, 6)}
    assert found["recall"]["interval"] == pytest.approx(Share(6, 8).interval, abs=1e-4)
    assert found["delay_min"]["median"] | {"interval": None} == {"value": 6.0, "n": 4, "interval": None}
    assert found["delay_min"]["mean"]["value"] == 6.0
    assert found["bound_min"]["mean"]["value"] == 2.0
    assert found["delay_over_bound"]["value"] == 3.0
    assert dict(found["found_within"])[3] == dict(found["found_within"])[8] == 0.25
    assert dict(found["found_within"])[360] == 0.5
    assert dict(found["bound_within"])[1.5] == 0
    assert dict(found["bound_within"])[2] == 1
    assert found["false_per_month"]["count"] == 4
    assert found["false_per_month"]["per"] == 5.0
    assert found["false_per_month"]["value"] == 0.8
    assert found["alarms_per_bump"]["value"] == 0.25
    assert found["false_elsewhere_per_month"]["count"] == 2
    assert found["false_by_cause"] == {"cluster": 2, "nothing": 2}


def test_the_oracle_is_compared_at_no_more_false_alarms_than_ours() -> None:
    compared = figures(Pool([trial()], "watch"), [trial(1, ORACLE, "oracle")])["delay_over_oracle"]
    assert compared["oracle_threshold"] == round(HIGH, 4)
    assert (compared["value"], compared["n"]) == (2.0, 2)
    none = Judgement([AtThreshold(1.0, [0], [1.0], [], 9, 0)], [], [])
    assert figures(Pool([trial()], "watch"), [trial(1, none, "oracle")])["delay_over_oracle"]["value"] is None
    assert "delay_over_oracle" not in figures(Pool([trial()], "watch"))


def test_onset_and_end_are_of_detectable_outages_that_were_found() -> None:
    found = figures(Pool([trial()], "page"))
    assert found["onset"]["error_median_min"]["value"] == 3.0
    assert found["onset"]["bias_median_min"]["value"] == 1.0
    assert (found["onset"]["coverage"]["hits"], found["onset"]["coverage"]["n"]) == (1, 2)
    assert found["end"]["error_p90_min"] == {"value": 5.0, "n": 1, "interval": [5.0, 5.0]}
    assert (found["end"]["coverage"]["hits"], found["end"]["coverage"]["n"]) == (1, 1)
    assert "onset" not in figures(Pool([trial()], "page", LOW))


def test_only_outages_with_a_bound_are_held_against_it() -> None:
    page = figures(Pool([trial()], "page"))
    assert page["bound_min"]["mean"] | {"interval": None} == {"value": 4.0, "n": 2, "interval": None}
    assert page["delay_over_bound"]["value"] == 1.5


def test_false_alarms_and_recall_by_usual_rate() -> None:
    rows = figures(Pool([trial()], "watch"))["by_rate"]
    assert len(rows) == 11
    assert (rows[0]["from_per_min"], rows[0]["to_per_min"], rows[-1]["to_per_min"]) == (0.0, 0.02, 200.0)
    used = {i: row for i, row in enumerate(rows) if row["false_per_month"]["per"]}
    assert set(used) == {rate_class(0.03), rate_class(3.0)}
    assert used[rate_class(0.03)]["false_per_month"]["value"] == 1.0
    assert used[rate_class(3.0)]["false_per_month"]["value"] == pytest.approx(1 / 1.5, abs=1e-4)
    assert used[rate_class(0.03)]["recall"]["n"] == 3
    assert sum(row["recall"]["hits"] for row in rows) == 3
    assert rows[5]["false_per_month"]["value"] is None


def test_classes_of_rates_are_equally_wide() -> None:
    assert [rate_class(rate) for rate in (0.003, 0.0199, 0.0201, 199.0, 300.0)] == [0, 0, 1, 10, 10]
    assert np.diff(np.log(DECILES)) == pytest.approx(np.log(10_000) / 10)


def test_thresholds_set_anew_keep_the_budget() -> None:
    trials = [trial(1), trial(2)]
    assert tried(trials, "page") == [HIGH, 1.0, LOW]
    assert [retuned(trials, "page", budget) for budget in (0.5, 0.8, 100)] == [HIGH, 1.0, LOW]
    high_only = Judgement([msgspec.structs.replace(AT[0], false=3)], [], [])
    assert retuned([trial(1, high_only)], "page", 0.5) is None
    assert tried([trial(1), trial(2, high_only)], "page") == [HIGH]
    assert tried([], "page") == []
    with pytest.raises(LookupError, match="not tried with seed 2"):
        figures(Pool([trial(1), trial(2, high_only)], "page"))


def test_a_curve_has_a_point_a_threshold() -> None:
    points = curve([trial()], "watch")
    assert [point["false_per_month"] for point in points] == [0.0, 0.8, 2.0]
    assert [point["recall"] for point in points] == [0.25, 0.75, 1.0]
    assert [point["recall_3x"] for point in points] == [0.5, 1.0, 1.0]


def test_nothing_is_none_and_never_a_number() -> None:
    nothing = [share_record(Share(0, 0)), rate_record(Rate(0, 0.0)), quantile_record([], 0.5), mean_record([])]
    nothing.append(ratio_record([], []))
    assert all(record["value"] is None and record["interval"] is None for record in nothing)
    assert mean_record([3.0]) == {"value": 3.0, "n": 1, "interval": None}
    assert ratio_record([1.0], [0.0])["value"] is None


@given(st.lists(st.floats(0.1, 1e4), min_size=2, max_size=60), st.floats(0.05, 0.95))
@example([1.0, 2.0], 0.9375)
def test_intervals_hold_their_figure(values: list[float], share: float) -> None:
    for record in (quantile_record(values, share), mean_record(values), ratio_record(values, values)):
        low, high = record["interval"]
        assert low - 1e-3 <= record["value"] <= high + 1e-3
        assert record["n"] == len(values)
    assert ratio_record(values, values)["interval"] == pytest.approx([1, 1])


def test_the_interval_of_a_median_holds_it_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    held = 0
    for _ in range(400):
        low, high = quantile_record(rng.exponential(1.0, 80).tolist(), 0.5)["interval"]
        held += low <= np.log(2) <= high
    assert 0.92 <= held / 400 <= 0.99
