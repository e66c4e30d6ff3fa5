"""The SVG: well-formed, honest about gaps, small."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from flows.report.chart import NARROW, SIZES, WIDE, day_strip, describe, detail_chart
from flows.report.frame import detail_frame
from tests.flows.report.views import (
    HOSTILE,
    ONSET,
    all_unknown,
    estimate,
    incident,
    open_incident,
    view,
    without_bins,
)

if TYPE_CHECKING:
    from flows.report.chart import Size

SVG = "{http://www.w3.org/2000/svg}"
VIEWS = {
    "resolved": view(),
    "open": view(open_incident(), after_h=0.2),
    "gap": view(unknown=(-1.0, -0.4)),
    "no data": all_unknown(),
    "no bins": without_bins(),
    "all at once": view(incident(alarmed_at=ONSET, ended=estimate(ONSET, 0, 0))),
    "20-minute bins, 20 hours": view(incident(bin_width_s=1200, ended=estimate(ONSET + timedelta(hours=20)))),
    "bins of a second": view(incident(bin_width_s=1), before_h=4),
    "tiny": view(open_incident(peak=1.0, expected_at_peak=0.0), level=0.01),
    "huge": view(incident(peak=2e6), level=1e5),
    "a year": view(incident(bin_width_s=3600, ended=estimate(ONSET + timedelta(days=365)))),
}


def parsed(svg: str) -> ET.Element:
    return ET.fromstring(svg)  # noqa: S314 - our own


def with_class(root: ET.Element, name: str) -> list[ET.Element]:
    return [node for node in root.iter() if name in (node.get("class") or "").split()]


def numbers(node: ET.Element) -> list[float]:
    return [float(number) for number in re.findall(r"-?\d+(?:\.\d+)?", node.get("d") or "")]


@pytest.mark.parametrize("size", SIZES, ids=lambda size: size.name)
@pytest.mark.parametrize("case", VIEWS)
def test_every_chart_is_well_formed_bounded_and_described(case: str, size: Size) -> None:
    for draw in (detail_chart, day_strip):
        svg = draw(VIEWS[case], size)
        root = parsed(svg)
        width, height = (float(side) for side in (root.get("viewBox") or "").split()[2:])
        assert width == size.width
        assert root.get("role") == "img"
        names = (root.get("aria-labelledby") or "").split()
        assert [node.get("id") for node in list(root)[:2]] == names
        assert all(node.text for node in list(root)[:2])
        assert "nan" not in svg
        assert "inf" not in svg
        assert not re.search(r"\d\.\d\d", re.sub(r"<(title|desc).*?</\1>", "", svg)), "rounded to a tenth"
        assert len(svg) < 20_000
        for node in root.iter(f"{SVG}text"):
            x, y = float(node.get("x", 0)), float(node.get("y", 0))
            assert 0 <= x <= width
            assert 0 <= y <= height


def test_the_lines_stand_where_things_happened() -> None:
    root, frame = parsed(detail_chart(view())), detail_frame(view())
    grid = numbers(with_class(root, "grid")[0])
    left, right = grid[0], grid[2]
    span = (frame.end_at - frame.start_at).total_seconds()
    inc = view().incident
    assert inc.ended is not None
    for name, at in (("onset", inc.onset.at), ("flagged", inc.alarmed_at), ("end", inc.ended.at)):
        line = next(node for node in with_class(root, name) if node.tag == f"{SVG}path")
        expected = left + (right - left) * (at - frame.start_at).total_seconds() / span
        assert numbers(line)[0] == pytest.approx(expected, abs=0.1)
    words = [node.text for node in with_class(root, "mark-text")]
    assert words == ["onset 18:05 (18:02-18:08)", "flagged 18:11", "end 18:52 (18:46-18:58)"]
    shaded = with_class(root, "onset-range")[0]
    assert float(shaded.get("width", 0)) == pytest.approx((right - left) * 360 / span, abs=0.2)


def test_an_open_incident_has_no_end() -> None:
    root = parsed(detail_chart(VIEWS["open"]))
    assert not with_class(root, "end")
    assert not with_class(root, "end-range")
    assert not with_class(root, "gap")


def test_a_gap_is_hatched_and_breaks_the_line() -> None:
    root = parsed(detail_chart(VIEWS["gap"]))
    (hole,) = with_class(root, "gap")
    (line,) = with_class(root, "observed")
    assert (line.get("d") or "").count("M") == 2
    assert [node.text for node in with_class(root, "nothing")] == ["no data"]
    start, end = float(hole.get("x", 0)), float(hole.get("x", 0)) + float(hole.get("width", 0))
    edges = [float(x) for x in re.findall(r"[MH](-?[\d.]+)", line.get("d") or "")]
    assert not [x for x in edges if start + 0.2 < x < end - 0.2]
    assert not with_class(parsed(day_strip(VIEWS["gap"], NARROW)), "nothing"), "no room for words there"


@pytest.mark.parametrize("case", ["no data", "no bins"])
def test_nothing_observed_is_said_and_never_drawn_as_zero(case: str) -> None:
    root = parsed(detail_chart(VIEWS[case]))
    assert [node.get("d") for node in with_class(root, "observed")] == [""]
    assert [node.get("d") for node in with_class(root, "range")] == [""]
    assert [node.text for node in with_class(root, "nothing")] == ["no data"]
    assert describe(detail_frame(VIEWS[case])) == "No data: nothing was observed in this time."


def test_zero_is_drawn_as_zero() -> None:
    quiet = view()
    quiet = replace(quiet, series=replace(quiet.series, observed=np.zeros(len(quiet.series))))
    (line,) = with_class(parsed(detail_chart(quiet)), "observed")
    bottom = numbers(with_class(parsed(detail_chart(quiet)), "axis")[0])[1]
    assert re.fullmatch(rf"M[\d.]+ {bottom:g}H[\d.]+", line.get("d") or "")


def test_the_description_says_what_is_drawn() -> None:
    assert re.fullmatch(
        r"At most \d+ reports per 5 minutes, from 18:\d\d UTC, against 1\d usual\.", describe(detail_frame(view()))
    )
    assert describe(detail_frame(VIEWS["gap"])).endswith(" 12 % of the time was not observed and is hatched.")
    unknown = replace(view(), baseline=all_unknown().baseline)
    assert describe(detail_frame(unknown)).endswith("; what is usual is not known yet.")


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_text(name: str) -> None:
    root = parsed(detail_chart(view(service_name=name), WIDE, is_standalone=True))
    assert {node.tag.removeprefix(SVG) for node in root.iter()} <= {
        *("svg", "title", "desc", "style", "defs", "pattern", "path", "rect", "text")
    }
    assert not [name for node in root.iter() for name in node.attrib if name.startswith(("on", "href"))]


def test_alone_it_carries_its_style() -> None:
    assert "<style>" in day_strip(view(), is_standalone=True)
    assert "<style>" not in day_strip(view())


def test_charts_on_one_page_share_no_id() -> None:
    text = "".join(draw(view(), size) for draw in (detail_chart, day_strip) for size in SIZES)
    ids = re.findall(r' id="([^"]+)"', text)
    assert len(ids) == len(set(ids))
