"""The map and the table in a real browser: they fit a phone, and names are legible on every screen."""

from __future__ import annotations

import json
import re
from html import unescape
from importlib.resources import files
from typing import TYPE_CHECKING

import pytest

from detectors.location.names import region_name
from flows.report.map import map_css, map_figure
from flows.report.regions import region_table, regions_css
from tests.flows.report.spreads import SPREADS, region, spread
from tests.flows.report.test_browser import dom, served
from tests.flows.report.views import HOSTILE

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.real

WIDTHS = (360, 700, 1100)
MEASURE = """
<!doctype html><body><pre id="out"></pre><script>
onload = () => {
  const out = [];
  for (const frame of document.querySelectorAll("iframe")) {
    const page = frame.contentDocument, root = page.documentElement, svg = page.querySelector("figure svg");
    const shown = [...page.querySelectorAll(".size")].filter((group) => group.getBoundingClientRect().width > 0);
    const scale = svg ? svg.getBoundingClientRect().width / svg.viewBox.baseVal.width : 1;
    const card = page.querySelector(".card").getBoundingClientRect();
    const wide = [...page.querySelectorAll("table, li, figcaption")].filter((one) =>
      one.getBoundingClientRect().right > card.right + 1).length;
    out.push({name: frame.name, overflow: root.scrollWidth - root.clientWidth, wide, sizes: shown.length,
      font_px: Math.min(...shown.map((group) => scale * group.getAttribute("font-size")))});
  }
  document.getElementById("out").textContent = JSON.stringify(out);
};
</script>
"""


def page(name: str) -> str:
    theme = files("flows.report").joinpath("templates", "theme.css").read_text("utf-8")
    shown = SPREADS.get(name) or spread(
        [region("BR", "affected", 1e9, 1e-3, observed=1e6), *(region(text, "affected") for text in HOSTILE)]
    )
    names = region_name if name in SPREADS else lambda _: HOSTILE[7]
    return (
        f"<!doctype html><meta charset=utf-8><style>{theme}{map_css()}{regions_css()}</style><main>"
        f'<section class="card">{map_figure(shown, names=names)}{region_table(shown, names=names)}</section></main>'
    )


def test_it_fits_every_width_and_names_are_legible(chromium: str, tmp_path: Path) -> None:
    names = ("world", "states", "one country", "not a number", "nothing", "hostile")
    pages = {f"/{number}": page(name) for number, name in enumerate(names)}
    frames = [
        f'<iframe name="{name} {width}" src="/{number}" style="width:{width}px;height:900px;border:0"></iframe>'
        for number, name in enumerate(names)
        for width in WIDTHS
    ]
    pages["/"] = MEASURE + "".join(frames)
    with served(pages) as (address, asked):
        held = dom(chromium, tmp_path / "profile", f"{address}/")
        assert set(asked) <= {*pages, "/favicon.ico"}
    found = re.search(r'<pre id="out">(.*?)</pre>', held, re.DOTALL)
    assert found
    measured = json.loads(unescape(found[1]))
    assert len(measured) == len(frames)
    for row in measured:
        assert row["overflow"] == row["wide"] == 0, row
        assert row["sizes"] <= 1, row
        if row["name"].startswith(("states", "one country")):
            assert row["sizes"] == 1, row
            assert row["font_px"] >= 10, row
