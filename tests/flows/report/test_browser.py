"""The page in a real browser: it asks for nothing, runs nothing, and fits a phone."""

from __future__ import annotations

import json
import re
import subprocess
import threading
from contextlib import contextmanager
from datetime import timedelta
from html import unescape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from flows.report.page import incident_page
from tests.flows.report.views import HOSTILE, ONSET, estimate, incident, open_incident, view

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.real

FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage"),
    *("--hide-scrollbars", "--virtual-time-budget=3000", "--window-size=1240,1700"),
)
MEASURE = """
<!doctype html><body><pre id="out"></pre><script>
const out = [];
const shown = (node) => node.getBoundingClientRect().width > 0;
onload = () => {
  for (const frame of document.querySelectorAll("iframe")) {
    const page = frame.contentDocument, root = page.documentElement;
    const charts = [...page.querySelectorAll("svg.chart")].filter(shown);
    const scale = (svg) => svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
    const labels = [...charts[0].querySelectorAll(".mark-text")].map((text) => text.getBoundingClientRect());
    const hits = labels.filter((a, i) => labels.some((b, j) => j < i && a.left < b.right && b.left < a.right
      && a.top + 2 < b.bottom && b.top + 2 < a.bottom)).length;
    const box = charts[0].getBoundingClientRect();
    const cut = labels.filter((a) => a.left < box.left - 1 || a.right > box.right + 1).length;
    out.push({name: frame.name, overflow: root.scrollWidth - root.clientWidth, charts: charts.length, hits, cut,
      font_px: Math.min(...charts.map((svg) => scale(svg) * svg.getAttribute("font-size")))});
  }
  document.getElementById("out").textContent = JSON.stringify(out);
};
</script>
"""


@contextmanager
def served(pages: dict[str, str]) -> Iterator[tuple[str, list[str]]]:
    """Serve ``pages`` on a free loopback port; yields the address and the paths that were asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            page = pages.get(self.path)
            self.send_response(200 if page is not None else 404)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write((page or "").encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
            """Stay quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def dom(chromium: str, profile: Path, address: str) -> str:
    """Return the document as the browser holds it after loading."""
    command = [chromium, *FLAGS, f"--user-data-dir={profile}", "--dump-dom", address]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return done.stdout


def hostile_texts(address: str) -> tuple[str, ...]:
    return (
        f"<script src={address}/ran></script>",
        f"<img src={address}/ran onerror=\"document.title='ran'\">",
        f"<svg onload=\"fetch('{address}/ran')\">",
        f"</title></style><link rel=stylesheet href={address}/ran>",
    )


def test_hostile_text_stays_text_and_nothing_is_asked_for(chromium: str, tmp_path: Path) -> None:
    pages: dict[str, str] = {}
    with served(pages) as (address, asked):
        texts = hostile_texts(address)
        inc = open_incident(symptoms=tuple((text, 0.2) for text in (*texts, *HOSTILE)))
        pages["/page"] = incident_page(view(inc, service_name=texts[0]))
        pages["/control"] = "<!doctype html>" + "".join(texts)
        shown = dom(chromium, tmp_path / "page", f"{address}/page")
        assert asked == ["/page"]
        asked.clear()
        dom(chromium, tmp_path / "control", f"{address}/control")
        assert "/ran" in asked, "unescaped, the same text does harm"
    assert not re.search(r"<(script|img|iframe|link rel=.?stylesheet)", shown)
    assert not re.search(r"<[^>]* on\w+=", shown)
    for text in texts:
        assert text[:60] in unescape(shown)


def test_it_fits_every_width_with_legible_charts_and_labels_apart(chromium: str, tmp_path: Path) -> None:
    shown = {
        "resolved": view(earlier=(incident(id="before", onset=estimate(ONSET - timedelta(days=3))),)),
        "open": view(open_incident(), unknown=(0.4, 9)),
        "short": view(incident(alarmed_at=ONSET, ended=estimate(ONSET + timedelta(minutes=3), 1, 1))),
        "long": view(incident(bin_width_s=1200, ended=estimate(ONSET + timedelta(hours=20))), after_h=6),
        "hostile": view(incident(symptoms=tuple((text, 0.3) for text in HOSTILE)), service_name=HOSTILE[7]),
    }
    pages = {f"/{name}": incident_page(one) for name, one in shown.items()}
    frames = [
        f'<iframe name="{name} {width}" src="/{name}" style="width:{width}px;height:900px;border:0"></iframe>'
        for name in shown
        for width in (360, 390, 601, 800, 961, 1240)
    ]
    pages["/"] = MEASURE + "".join(frames)
    with served(pages) as (address, _):
        held = dom(chromium, tmp_path / "profile", f"{address}/")
    found = re.search(r'<pre id="out">(.*?)</pre>', held, re.DOTALL)
    assert found
    measured = json.loads(unescape(found[1]))
    assert len(measured) == len(frames)
    for row in measured:
        assert row["overflow"] == 0, row
        assert row["charts"] == 2, row
        assert row["font_px"] >= 10.4, row
        assert row["hits"] == row["cut"] == 0, row
