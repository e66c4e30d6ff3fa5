"""The page as text: what it says, what it leaves out, what it lets through."""

from __future__ import annotations

import re
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any

import pytest
from msgspec.structs import replace

from detectors.model import Transition
from flows.report.chart import chart_css
from flows.report.frame import detail_frame
from flows.report.page import _earlier_row, _peak_fact, banner, facts, incident_page, silence, table_rows, unbroken
from flows.report.sentences import headline
from tests.flows.report.spreads import region, spread
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

VOID = {"meta", "link", "br"}


class Outline(HTMLParser):
    """Headings, tags, attributes and visible text of a page; refuses tags that do not match."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.headings: list[int] = []
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(page)
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs
        if re.fullmatch(r"h\d", tag):
            self.headings.append(int(tag[1]))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] != "style":
            self.text += data


EARLIER = (
    incident(id="before", onset=estimate(ONSET - timedelta(days=3)), n_reports=1712),
    incident(id="odd", onset=estimate(ONSET - timedelta(days=9)), state="dismissed", ended=None, expected_at_peak=0.0),
    open_incident(id="still", onset=estimate(ONSET - timedelta(days=10))),
)
PAGES = {
    "resolved": view(earlier=EARLIER),
    "open": view(open_incident()),
    "no data": all_unknown(),
    "no bins": without_bins(open_incident(symptoms=())),
    "hostile": view(
        incident(id=HOSTILE[1], source=HOSTILE[0], symptoms=tuple((text, 0.3) for text in HOSTILE)),
        service_name="".join(HOSTILE[:3]),
        transitions=tuple(
            Transition("inc-1", number, ONSET, None, "suspected", "watch", text) for number, text in enumerate(HOSTILE)
        ),
    ),
}


@pytest.mark.parametrize("case", PAGES)
def test_a_page_is_self_contained_and_ordered(case: str) -> None:
    page = incident_page(PAGES[case])
    outline = Outline(page)
    assert outline.headings[0] == 1
    assert outline.headings.count(1) == 1
    steps = [after - before for before, after in zip(outline.headings, outline.headings[1:], strict=False)]
    assert max(steps) <= 1
    assert not outline.tags & {"script", "img", "iframe", "object", "embed", "form", "base", "foreignobject", "a"}
    assert not [name for name, _ in outline.attributes if name.startswith("on")]
    assert {value for name, value in outline.attributes if name in ("src", "href")} == {"data:,"}
    assert "@import" not in page
    assert not re.search(r"url\((?!#)", page)
    assert "content=\"default-src 'none'; style-src" in page
    assert len(page.encode()) < 80_000


@pytest.mark.parametrize("case", PAGES)
def test_sentence_and_facts_on_the_page_are_those_of_the_record(case: str) -> None:
    shown = PAGES[case]
    text = Outline(incident_page(shown)).text
    assert headline(shown.incident, service_name=shown.service_name, earlier=shown.earlier) in text
    assert banner(shown.incident).word in text
    for fact in facts(shown):
        assert fact.value in text
        assert fact.text in text


def test_hostile_text_is_shown_as_text() -> None:
    text = Outline(incident_page(PAGES["hostile"])).text
    assert "<script>alert(1)</script><img src=x onerror=alert(1)>" in text
    assert "{{ 7 * 7 }}" in text
    assert not set("\x00\x1b\x07\ud800\u202e\u2066") & set(text)


def test_what_is_not_known_is_absent() -> None:
    page = incident_page(view(incident(symptoms=()), transitions=(), is_simulated=False))
    text = Outline(page).text
    for words in ("broken", "decided", "Earlier", "imulated"):
        assert words not in text
    gap = '<span class="key gap">'
    assert gap not in page
    assert gap in incident_page(PAGES["no data"])
    full = Outline(incident_page(PAGES["resolved"])).text
    for words in ("What people say is broken", "What was decided", "Earlier incidents", "Simulated."):
        assert words in full
    assert "usual range (98 %" not in incident_page(PAGES["no data"])


@pytest.mark.parametrize(
    ("fields", "word", "tone"),
    [
        ({}, "Working again", "good"),
        ({"severity": "watch"}, "Back to usual", "good"),
        ({"state": "confirmed"}, "In trouble", "bad"),
        ({"state": "updated", "severity": "watch"}, "More reports than usual", "watch"),
        ({"state": "suspected"}, "May be in trouble", "watch"),
        ({"state": "dismissed"}, "Dismissed", "quiet"),
    ],
)
def test_every_state_has_a_word_and_a_colour(fields: dict[str, Any], word: str, tone: str) -> None:
    shown = banner(incident(**fields))
    assert (shown.word, shown.tone) == (word, tone)


def test_facts_of_a_resolved_incident() -> None:
    assert [(fact.value, fact.text) for fact in facts(view())] == [
        ("13x", "the usual at the peak: 26 reports a minute against 2, at 18:20"),
        ("18:11", "flagged, 6 minutes after onset"),
        ("47 min", "from onset to end at 18:52 (18:46-18:58)"),
        ("412", "reports by 398 people"),
    ]


def test_facts_that_cannot_be_had() -> None:
    running = facts(view(open_incident(expected_at_peak=0.0), after_h=0.2))
    assert (running[0].value, running[0].text) == ("26", "reports a minute at the peak, at 18:20; none are usual")
    assert (running[2].value, running[2].text) == ("1 h 12 min", "so far, from onset to the last data")
    vague = facts(view(incident(expected_at_peak=float("nan"), ended=None)))
    assert vague[0].text == "reports a minute at the peak, at 18:20; what is usual is not known yet"
    assert (vague[2].value, vague[2].text) == ("unknown", "how long it lasted")


def test_silence_is_said_while_the_incident_is_open() -> None:
    words = "No data since 3 March 2026 18:29 UTC: how it is now is not known."
    assert silence(view(open_incident(), unknown=(0.4, 9))) == words
    assert words in Outline(incident_page(view(open_incident(), unknown=(0.4, 9)))).text
    assert silence(view(open_incident())) == ""
    assert silence(view(unknown=(2, 9))) == ""


def test_the_table_holds_the_chart() -> None:
    frame = detail_frame(view(unknown=(-1.0, -0.4)))
    rows = table_rows(frame)
    assert len(rows) == len(frame.observed)
    assert rows[0][0] == "15:00"
    assert rows[30] == ("17:30", "no data", "14", "4-27")
    assert {row[2] for row in table_rows(detail_frame(all_unknown()))} == {"not known"}
    long = view(incident(bin_width_s=1200, ended=estimate(ONSET + timedelta(hours=20))))
    assert table_rows(detail_frame(long))[0][0] == "2026-03-03 14:00"


def test_long_lists_are_cut_and_the_rest_is_counted() -> None:
    many = incident(symptoms=tuple((f"symptom {number}", 0.05) for number in range(15)))
    earlier = tuple(incident(id=str(number), onset=estimate(ONSET - timedelta(days=number))) for number in range(1, 20))
    text = Outline(incident_page(view(many, earlier=earlier))).text
    assert "3 rarer ones are left out." in text
    assert "symptom 12" not in text
    assert "And 7 before these." in text


def test_earlier_incidents_claim_no_more_than_is_known() -> None:
    page = incident_page(PAGES["resolved"])
    assert re.search(r"2026-02-28 18:05</th>.*resolved.*47 min.*13x.*1,712", page)
    assert re.search(r"2026-02-22 18:05</th>.*dismissed.*unknown</td><td class=\"n\">26</td>", page)
    assert re.search(r"2026-02-21 18:05</th>.*confirmed.*going on", page)


def test_intervals_and_percentages_are_kept_on_one_line() -> None:
    assert unbroken("late 46 %, (a-b)") == 'late <span class="unbroken">46 %</span>, (a-b)'
    assert unbroken("a <b> (18:02-18:08)") == 'a &lt;b&gt; <span class="unbroken">(18:02-18:08)</span>'


# --- contrast ------------------------------------------------------------------------------------------------


def luminance(colour: str) -> float:
    """Return the relative luminance of WCAG 2.2."""
    digits = colour.lstrip("#")
    digits = "".join(2 * digit for digit in digits) if len(digits) == 3 else digits
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def palettes(css: str) -> list[dict[str, str]]:
    """Return the custom properties of the light block and of the dark one."""
    light, dark = css.split("@media (prefers-color-scheme: dark)", 1)
    return [dict(re.findall(r"--([a-z-]+): (#[0-9a-f]+);", part)) for part in (light, dark)]


@pytest.mark.parametrize("is_dark", [False, True])
def test_text_and_lines_stand_out_in_both_modes(is_dark: bool) -> None:  # noqa: FBT001 - a parameter
    page = incident_page(view())
    theme = palettes(page[page.index(":root") : page.index(".key.observed {") + 4000])[is_dark]
    for name in ("text", "soft", "good", "bad", "watch", "quiet"):
        assert contrast(theme[name], theme["card"]) >= 4.5
        assert contrast(theme[name], theme["back"]) >= 4.5
    chart = palettes(chart_css())[is_dark]
    for name in ("text", "strong", "onset", "flagged", "end"):
        assert contrast(chart[f"c-{name}"], chart["c-back"]) >= 4.5
    for name in ("observed", "expected", "axis"):
        assert contrast(chart[f"c-{name}"], chart["c-back"]) >= 3
    for name in ("observed", "expected"):
        assert contrast(chart[f"c-{name}"], chart["c-range"]) >= 3


def test_a_local_incident_shows_its_region_over_the_whole_time() -> None:
    """Its tile is what was heard from there against what is usual there, or its peak without a made-up factor."""
    code = "metro:4726206"
    felt = spread([region(code, "affected", 18.2)])
    one = incident(region=code, spread=felt, peak=2.0, expected_at_peak=0.01)
    alone = replace(one, region="zip3:US-782")
    assert _peak_fact(one).value == "18x"
    assert "the usual there (" in _peak_fact(one).text
    assert (_peak_fact(alone).value, "hardly any are usual there" in _peak_fact(alone).text) == ("2", True)
    assert "until" not in _peak_fact(replace(one, ended=None)).text
    cut = replace(one, spread=replace(felt, end_at=ONSET + timedelta(minutes=20)))
    assert _peak_fact(cut).text.endswith(", until 2026-03-03 18:25")
    assert [_earlier_row(other)[3] for other in (one, alone, incident())] == ["18x", "2", "13x"]
