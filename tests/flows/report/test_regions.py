"""The table of regions and its line of text: what stands out first, what is unknown in words."""

from __future__ import annotations

import math
import re
from datetime import timedelta
from xml.etree import ElementTree as ET

import pytest

from detectors.model import Estimate
from detectors.model.spread import Share
from flows.report.region_words import figures, ratio_interval, share_text, tally, unlocated_text
from flows.report.regions import MAX_FOLDED, reach_text, region_table, regions_css, regions_phrase
from tests.flows.report.spreads import (
    AT,
    NAN,
    SAN_ANTONIO,
    SPREADS,
    TEXAS,
    ZIP,
    american,
    nothing,
    onset,
    region,
    spread,
)
from tests.flows.report.views import HOSTILE


def parsed(text: str) -> ET.Element:
    return ET.fromstring(text)  # noqa: S314 - our own


def rows(node: ET.Element) -> list[list[str]]:
    return [[" ".join("".join(cell.itertext()).split()) for cell in row] for row in node.iter("tr")]


@pytest.mark.parametrize("name", SPREADS)
def test_it_is_well_formed_and_never_not_a_number(name: str) -> None:
    text = region_table(SPREADS[name])
    parsed(text)
    assert not re.search(r"\bnan\b|\binf\b", text, re.IGNORECASE)
    assert not re.search(r"\bnan\b|\binf\b", regions_phrase(SPREADS[name]), re.IGNORECASE)


def test_affected_regions_come_first_and_the_rest_is_folded() -> None:
    root = parsed(region_table(SPREADS["states"]))
    table = root.find("table")
    assert table is not None
    head, first, *_ = rows(table)
    assert head == ["Region", "Times normal", "Voices / usual", "Since (UTC)"]
    assert first == ["Texas, US affected", "12x8.6x to 17x", "406 / 33", "18:0518:03-18:08"], (
        "where nothing separates nobody is first"
    )
    assert len(rows(table)) == 5
    assert rows(table)[2][-1] == "not known"
    folded = root.find("details")
    assert folded is not None
    assert folded.findtext("summary") == "Other regions: 49 as usual"
    assert rows(folded)[1][0] == "Alabama, US as usual" or len(rows(folded)) == 50
    assert rows(folded)[0] == ["Region", "Times normal", "Voices / usual"], "no onset, no column"


def test_more_affected_regions_than_the_limit_are_folded() -> None:
    many = spread(american([region(one.code, "affected", 3) for one in american([])]))
    root = parsed(region_table(many, limit=10))
    assert [len(rows(table)) - 1 for table in root.iter("table")] == [10, 41]
    assert root.findtext("details/summary") == "41 more affected regions"
    assert "1 more affected region<" in region_table(many, limit=50)


def test_what_has_no_data_is_counted_not_listed() -> None:
    text = region_table(spread([TEXAS, region("US-OK", "too few"), region("US-NM", "no data")]))
    assert "Other regions: 1 too few to tell, 1 no data" in text
    assert "New Mexico" not in text
    assert "1 region is not listed." in text
    assert "<table>" not in region_table(SPREADS["no data"])


def test_a_table_does_not_grow_without_end() -> None:
    many = spread([region(f"metro:{number}", "too few") for number in range(MAX_FOLDED + 50)])
    text = region_table(many)
    assert text.count("<tr>") == MAX_FOLDED + 1
    assert "50 regions are not listed." in text


def test_an_onset_over_midnight_shows_its_days() -> None:
    at = AT.replace(hour=23, minute=58)
    late = Estimate(at, at - timedelta(minutes=5), at + timedelta(minutes=5))
    first = region("FR", "affected", 3, onset=late, order=1)
    text = region_table(spread([region("DE", "affected", 3, onset=late, order=12), first]))
    assert "<small>1st</small>" in text
    assert "23:58<small>3 March 23:53</small><small>- 4 March 00:03</small><small>12th</small>" in text


def test_onsets_of_several_days_have_their_day() -> None:
    """Those of one day have none: the page says which day it was."""
    onsets = [Estimate(at, at, at + timedelta(minutes=2)) for at in (AT, AT + timedelta(days=1))]
    found = [region(code, "affected", 3, onset=onset) for code, onset in zip(("FR", "DE"), onsets, strict=True)]
    text = region_table(spread(found))
    assert f">3 March {AT:%H:%M}<small>" in text
    assert f">4 March {AT:%H:%M}<small>" in text
    assert f">{AT:%H:%M}<small>" in region_table(spread(found[:1]))


def test_what_is_unknown_is_said() -> None:
    text = reach_text(SPREADS["states"])
    assert text == (
        "4 of 53 regions that can be judged stand out against their own normal. They are home to 23 % (18-29 %) of the "
        "usual voices whose place is known. 12 % of the usual voices live where too few are heard to judge their "
        "region by itself. 31 % of voices are from nobody knows where. Chance alone does as much somewhere in under "
        "1 % of cases."
    )
    assert "Every voice could be placed." in reach_text(spread([region("DE")], unlocated_share=0.0))
    assert reach_text(nothing()) == "It is not known where: no voice of this time could be placed."
    assert reach_text(SPREADS["too few"]).startswith(
        "It cannot be told where: too few voices are heard from any one region."
    )
    undetermined = spread([region("DE"), region("FR")], extent="undetermined", unlocated_share=1.0)
    assert reach_text(undetermined) == (
        "It cannot be told where: none of the 2 regions that can be judged stands out by itself. 12 % of the usual "
        "voices live where too few are heard to judge their region by itself. All voices are from nobody knows where."
    )
    calm = reach_text(spread([region("DE")], untestable_share=0.0, unlocated_share=NAN))
    assert calm == "None of the 1 region that can be judged stands out against its own normal."
    one = reach_text(spread([region("DE", "affected", 3)], affected_share=Share(NAN, NAN, NAN), p_value=NAN))
    assert one.startswith("1 of 1 region that can be judged stands out against its own normal. 12 %")


def test_percentages_stay_on_one_line() -> None:
    assert "31\N{NO-BREAK SPACE}%" in region_table(SPREADS["states"])


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_text(name: str) -> None:
    root = parsed(region_table(spread([TEXAS, region(name, "affected"), region("DE")]), names=lambda _: name))
    assert {node.tag for node in root.iter()} <= set("div p table thead tbody tr th td small details summary".split())  # noqa: SIM905
    assert not [key for node in root.iter() for key in node.attrib if key not in ("class", "scope")]
    phrase = regions_phrase(spread([region(name, "affected")]))
    assert phrase == "a region not known; 31 % of voices unlocated"


# --- one line ---------------------------------------------------------------------------------------------------


def test_the_phrase_names_a_few_and_counts_the_rest() -> None:
    affected = [region(code, "affected", 3) for code in ("US", "CA", "GB", "DE", "FR")]
    assert regions_phrase(spread(affected)) == "US, CA, GB and 2 more; 31 % of voices unlocated"
    assert regions_phrase(spread(affected, zone=("DE", "FR"), unlocated_share=0.0)) == "DE, FR"
    assert regions_phrase(spread(affected[:1], unlocated_share=NAN)) == "US"
    assert regions_phrase(spread(affected), limit=5).startswith("US, CA, GB, DE, FR;")


def test_the_phrase_names_the_parts_that_hold_most_of_the_excess() -> None:
    usa = region("US", "affected", 1.4, 900)
    assert regions_phrase(spread([usa, TEXAS], unlocated_share=0)) == "US-TX"
    small = region("US-TX", "affected", 2, 33)
    assert regions_phrase(spread([usa, small], unlocated_share=0)) == "US", "Texas explains little of it"
    half = region("US-TX", "affected", 1.5, 600)
    assert regions_phrase(spread([usa, half], unlocated_share=0)) == "US", "most of the country is no part"
    texas = region("US-TX", "affected", 7, 33)
    nested = spread([usa, texas, SAN_ANTONIO, ZIP], unlocated_share=0)
    assert regions_phrase(nested) == "San Antonio area"
    assert regions_phrase(spread([SAN_ANTONIO, ZIP], unlocated_share=0)) == "San Antonio area"
    assert regions_phrase(spread([ZIP], unlocated_share=0)) == "ZIP 782xx"


def test_the_phrase_survives_a_zone_that_is_not_among_the_regions() -> None:
    assert regions_phrase(spread([], zone=("US", "US-TX"), unlocated_share=0)) == "US"


def test_the_phrase_says_when_nothing_is_known() -> None:
    assert regions_phrase(nothing()) == "it is not known where"
    assert regions_phrase(spread([region("DE")])) == "no region stands out; 31 % of voices unlocated"
    assert regions_phrase(spread([], extent="undetermined")).startswith("it cannot be told where;")


# --- figures ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"ratio_low": 2.0, "ratio_high": 5.0}, "2.0x to 5.0x"),
        ({"ratio_low": 2.0, "ratio_high": math.inf}, "over 2.0x"),
        ({"ratio_low": 2000.0, "ratio_high": math.inf}, "over 1,000x"),
        ({"ratio_low": NAN, "ratio_high": 5.0}, ""),
        ({"ratio_low": 2.0, "ratio_high": NAN}, ""),
        ({"ratio_low": math.inf, "ratio_high": math.inf}, ""),
        ({"ratio_low": 6.0, "ratio_high": 5.0}, ""),
    ],
)
def test_intervals_of_ratios(fields: dict[str, float], words: str) -> None:
    assert ratio_interval(region("DE", "affected", 3, **fields)) == words


def test_figures_of_what_is_not_known() -> None:
    assert figures(region("DE", "affected", NAN, NAN)) == "affected, ? voices against ? usual"
    none_usual = region("DE", "affected", math.inf, 0.0, observed=12.0, ratio_low=NAN, ratio_high=math.inf)
    assert figures(none_usual) == "affected, 12 voices against 0 usual"
    assert figures(region("DE", "no data")) == "no data"
    assert figures(region("DE", "affected", 3, ratio_low=NAN)) == "affected: 3.0x normal, 60 voices against 20 usual"


def test_shares() -> None:
    assert share_text(Share(0.23, 0.18, 0.29)) == "23 % (18-29 %)"
    assert share_text(Share(0.02, 0.001, 0.1)) == "2 % (under 1 %-10 %)"
    assert share_text(Share(0.4, NAN, 0.5)) == "40 %"
    assert share_text(Share(NAN, NAN, NAN)) == ""
    assert unlocated_text(nothing()) == ""


def test_the_tally_leaves_out_what_is_affected() -> None:
    assert tally([TEXAS, region("DE"), region("FR"), region("IT", "no data")]) == "2 as usual, 1 no data"
    assert tally([TEXAS]) == ""


def test_the_style_is_there() -> None:
    assert ".regions" in regions_css()
    assert onset().at == AT
