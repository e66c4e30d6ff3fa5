"""The scoreboard as JSON, as a table and as a plot: the same figures in all of them."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree as ET

import msgspec
import pytest

from detectors.evaluation.trial import ORACLE, Settings, Trial, run_trial
from flows.scoreboard.board import BUDGETS, EXTENT, REAL, SIMULATION, Column, cell, markdown, simulation_part, table
from flows.scoreboard.plot import HEIGHT_OF_ROW, WIDTH, plot

SETTINGS = Settings(days=10, n_services=3)
SVG = "{http://www.w3.org/2000/svg}"
NAMES = ("uproar", "plain-count", ORACLE)


@pytest.fixture(scope="module")
def board() -> dict[str, Any]:
    trials: dict[str, list[Trial]] = {name: [] for name in NAMES}
    for seed in (1, 2):
        for trial in run_trial(SETTINGS, seed, NAMES):
            trials[trial.detector].append(trial)
    part = simulation_part(trials, SETTINGS, BUDGETS) | {"purpose": "calibration", "seeds": 2}
    profiles = {"standard": 50.0, "reward_low_FP_rate": 40.0, "reward_low_FN_rate": 60.0}
    nab = {
        "series": 10,
        "windows": 33,
        "rows": [{"detector": "uproar", "severity": "either", "reading": "either", "left_out": profiles}],
        "published": [{"detector": "B"} | profiles],
    }
    head = {"made_at": "2026-03-02T00:00:00Z", "commit": "abc", "versions": {"python": "3.11"}}
    record = head | {"simulation": [part], "real": None, "nab": nab}
    decoded: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(record))
    return decoded


def test_rows_are_the_default_and_what_was_set_anew(board: dict[str, Any]) -> None:
    rows = board["simulation"][0]["rows"]
    defaults = [(row["detector"], row["severity"]) for row in rows if row["budget"] is None]
    assert defaults == [("uproar", "watch"), ("uproar", "page"), ("plain-count", "both")]
    assert {row["budget"] for row in rows if row["detector"] == ORACLE} <= {0.1, 1.0}
    for row in rows:
        if row["budget"] is not None:
            assert row["false_per_month"]["value"] <= row["budget"]
        if row["detector"] == "uproar":
            assert row["delay_over_oracle"]["n"] > 0
    curves = [(curve["detector"], curve["severity"]) for curve in board["simulation"][0]["curves"]]
    assert curves == [*defaults, (ORACLE, "both")]


def test_the_table_shows_every_figure_with_its_n_or_interval(board: dict[str, Any]) -> None:
    text = markdown(board)
    rows = board["simulation"][0]["rows"]
    recall = rows[0]["recall"]
    assert f"| uproar | watch | default | {recall['value']:.3f} ({recall['hits']}/{recall['n']}) |" in text
    assert "2026-03-02, commit abc, python 3.11." in text
    assert "## Simulation, standard, noise negbin: 2 seeds (calibration)" in text
    assert "re-tuned to 0.1: " in text
    assert "| uproar | either | either | - | - | 50.0 / 40.0 / 60.0 |" in text
    assert "| B | published | | | 50.0 / 40.0 / 60.0 | |" in text
    assert "False alarms near: " in text
    assert text.count("posts a minute | false a month | recall |") == 2
    assert "Real counts" not in text
    for line in text.splitlines():
        if line.startswith("| uproar | watch"):
            assert line.count("|") in (len(SIMULATION) + 4, len(EXTENT) + 4)
    assert text.count("| uproar | page | default |") == 2


def test_cells() -> None:
    share = {"value": 0.5, "hits": 1, "n": 2, "interval": [0.1, 0.9]}
    row = {
        "share": share,
        "deep": {"rate": {"value": 1.25, "count": 5, "interval": [0.5, 2.0]}},
        "plain": 7,
        "none": {"value": None, "interval": None},
        "bare": {"value": 3.0, "n": 1, "interval": None},
    }
    wanted = {"share": "0.50 (1/2)", "deep.rate": "1.25 (0.50 to 2.00)", "plain": "7.00", "none": "-", "bare": "3.00"}
    assert {path: cell(row, Column("", path)) for path in wanted} == wanted
    assert cell(row, Column("", "absent.deeper")) == "-"


def test_real_counts_have_a_table() -> None:
    share = {"value": 1.0, "hits": 3, "n": 3, "interval": [0.4, 1.0]}
    names: tuple[str, ...] = ("events", "label", "silver", "silver_in_first_bin", "pair")
    row: dict[str, Any] = dict.fromkeys(names, share) | {
        "detector": "uproar",
        "severity": "page",
        "budget": None,
        "grey": 4,
    }
    lines = table([row | {"worst_per_month": 0.9}], REAL)
    assert len(lines) == 3
    assert lines[2].startswith("| uproar | page | default | 1.000 (3/3) |")
    about: dict[str, Any] = {
        "made_at": "2026-03-02T00:00:00Z",
        "commit": None,
        "versions": {},
        "simulation": [],
        "nab": None,
    }
    text = markdown(about | {"real": {"data": "development data", "truth": {"events": 3}, "rows": [row]}})
    assert "## Real counts (development data)\n\nevents 3\n" in text
    assert "commit unknown" in text


# --- the plot ------------------------------------------------------------------------------------------------


def test_the_plot_is_an_svg_with_a_line_a_detector(board: dict[str, Any]) -> None:
    root = ET.fromstring(plot(board))  # noqa: S314 - our own
    texts = [text.text for text in root.iter(f"{SVG}text")]
    assert {"uproar, watch", "uproar, page", "plain-count", ORACLE} <= set(texts)
    assert len(list(root.iter(f"{SVG}circle"))) == 3
    assert root.find(f"{SVG}title") is not None
    box = [float(number) for number in root.attrib["viewBox"].split()]
    assert box == [0, 0, WIDTH, HEIGHT_OF_ROW + 20]
    for path in root.iter(f"{SVG}path"):
        for x, y in re.findall(r"[ML]([\d.]+) ([\d.]+)", path.attrib["d"]):
            assert 0 <= float(x) <= WIDTH
            assert 0 <= float(y) <= box[3]
    assert "script" not in plot(board)
    assert "http" not in plot(board).replace("http://www.w3.org/2000/svg", "")


def test_better_is_higher_and_more_false_alarms_are_farther_right(board: dict[str, Any]) -> None:
    root = ET.fromstring(plot(board))  # noqa: S314 - our own
    curve = board["simulation"][0]["curves"][0]
    (path, *_) = [one for one in root.iter(f"{SVG}path") if "watch ours" in one.attrib.get("class", "")]
    pixels = [(float(x), float(y)) for x, y in re.findall(r"[ML]([\d.]+) ([\d.]+)", path.attrib["d"])]
    points = [(point["false_per_month"], point["recall"]) for point in curve["points"]]
    assert len(pixels) == len(points)
    for (x, y), (false, recall) in zip(pixels, points, strict=True):
        assert all(
            (x <= far) == (max(false, 0.02) <= max(other, 0.02))
            for (far, _), (other, _) in zip(pixels, points, strict=True)
        )
        assert y == pytest.approx(64 + 250 * (1 - recall), abs=0.06)
        assert 60 <= x <= 440


def test_names_cannot_break_the_plot_and_nothing_is_a_plot_too(board: dict[str, Any]) -> None:
    part = board["simulation"][0]
    curves = [{"detector": "<&>", "severity": "page", "points": part["curves"][0]["points"]}]
    strange = board | {
        "simulation": [part | {"curves": [*curves, {"detector": "x", "severity": "page", "points": []}]}]
    }
    texts = [text.text for text in ET.fromstring(plot(strange)).iter(f"{SVG}text")]  # noqa: S314 - our own
    assert "<&>, page" in texts
    assert ET.fromstring(plot(board | {"simulation": []})).tag == f"{SVG}svg"  # noqa: S314 - our own
