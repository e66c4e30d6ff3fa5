"""Where, in words: the table of regions beside the map, and the same in one line.

Affected regions come first, the rest is folded away. What is not known is said: voices that nobody can place, people of
whom too few are heard, and that no region stands out or that nothing is located at all.
"""

from __future__ import annotations

from importlib.resources import files
from math import isfinite
from typing import TYPE_CHECKING, NamedTuple

from markupsafe import Markup, escape

from detectors.location import level
from detectors.location.names import UNKNOWN, region_homes, region_name, short_name
from flows.report.region_words import (
    VERDICTS,
    ratio_interval,
    ratio_text,
    share_text,
    tally,
    unlocated_text,
    voices_text,
)
from flows.report.wording import counted, date, interval, outwards, plain, share

if TYPE_CHECKING:
    from collections.abc import Sequence

    from detectors.model.spread import RegionSpread, Spread
    from flows.report.region_words import Names

MAX_ROWS = 12
"""So many affected regions are shown unfolded."""

MAX_FOLDED = 400
"""So many others are listed in all; the rest is counted."""

_LEVELS = ("subdivision", "metro", "zip3")
_HEAD = ("Region", "Times normal", "Voices / usual", "Since (UTC)")


def region_table(spread: Spread, *, names: Names = region_name, limit: int = MAX_ROWS) -> Markup:
    """Return the regions as HTML: what stands out as a table, what does not folded, what is unknown as sentences.

    Parameters
    ----------
    spread
        What is told.
    names
        What a region is called; what it returns is cut, cleaned and escaped.
    limit
        So many affected regions unfolded.

    Returns
    -------
    Markup
        For the page, which needs :func:`regions_css` for it.
    """
    affected = spread.affected
    rest = [region for region in spread.regions if region.verdict != "affected"]
    parts = [f"<p>{_unbroken(reach_text(spread))}</p>"]
    if affected:
        parts.append(_table(affected[:limit], names))
    if len(affected) > limit:
        more = counted(len(affected) - limit, "more affected region", "more affected regions")
        parts.append(_folded(more, affected[limit:], names))
    if rest:
        parts.append(_folded(f"Other regions: {tally(rest)}", rest, names))
    return Markup(f'<div class="regions">{"".join(parts)}</div>')  # noqa: S704 - escaped


def regions_css() -> str:
    """Return the style of the table."""
    return files("flows.report").joinpath("templates", "regions.css").read_text("utf-8")


def reach_text(spread: Spread) -> str:
    """Return how far it reaches, and how much of that cannot be known, in a few sentences."""
    n_judged = sum(region.verdict in ("affected", "normal") for region in spread.regions)
    sentences = [_stands_out(spread, n_judged)]
    part = share_text(spread.affected_share)
    if part and spread.affected:
        sentences.append(f"They are home to {part} of the usual voices whose place is known.")
    if isfinite(spread.untestable_share) and spread.untestable_share > 0:
        many = share(spread.untestable_share)
        sentences.append(f"{many} of the usual voices live where too few are heard to judge their region by itself.")
    sentences.append(unlocated_text(spread))
    if isfinite(spread.p_value) and spread.affected:
        sentences.append(f"Chance alone does as much somewhere in {share(spread.p_value)} of cases.")
    return " ".join(one[:1].upper() + one[1:] for one in sentences if one)


def regions_phrase(spread: Spread, *, limit: int = 3) -> str:
    """Return where it is in one short line, for a headline or an alert.

    Parameters
    ----------
    spread
        What is told: its zone, or else what is affected. Of regions that lie in one another the wider is named, or its
        parts where these are home to less than half of its usual voices and have more than half of its excess.
    limit
        So many regions by name; countries and subdivisions by their codes.

    Returns
    -------
    str
        ``US, CA, GB and 6 more; 31 % of voices unlocated``. Never empty: where nothing is known it says so.
    """
    codes = _telling(spread, spread.zone or tuple(region.code for region in spread.affected))
    if codes:
        told = [_short(code) for code in codes[:limit]]
        more = len(codes) - limit
        where = f"{', '.join(told)} and {more} more" if more > 0 else ", ".join(told)
    elif spread.n_located > 0:
        where = "no region stands out" if spread.extent != "undetermined" else "it cannot be told where"
    else:
        where = "it is not known where"
    if isfinite(spread.unlocated_share) and spread.unlocated_share > 0:
        return f"{where}; {share(spread.unlocated_share)} of voices unlocated"
    return where


# --- parts ----------------------------------------------------------------------------------------------------


def _stands_out(spread: Spread, n_judged: int) -> str:
    n_affected = len(spread.affected)
    if n_affected:
        regions = "region that can be judged stands" if n_judged == 1 else "regions that can be judged stand"
        return f"{n_affected} of {n_judged} {regions} out against {'its' if n_judged == 1 else 'their'} own normal."
    if not spread.regions or not spread.n_located > 0:
        return "It is not known where: no voice of this time could be placed."
    if not n_judged:
        return "It cannot be told where: too few voices are heard from any one region."
    regions = counted(n_judged, "region that can be judged", "regions that can be judged")
    if spread.extent == "undetermined":
        return f"It cannot be told where: none of the {regions} stands out by itself."
    return f"None of the {regions} stands out against its own normal."


def _telling(spread: Spread, codes: Sequence[str]) -> list[str]:
    """Return those of the codes that say most: none lies in another, no ZIP area beside a metro area of its state."""
    regions = {region.code: region for region in spread.regions}
    left = sorted(dict.fromkeys(codes), key=lambda code: len(region_homes(code)))  # the wider before its parts
    kept: set[str] = set()
    while left:
        code, *left = left
        parts = [part for part in left if code in region_homes(part)]
        standing = _standing(regions, code, parts)
        left = [part for part in left if part not in parts or part in standing]
        kept |= set() if standing else {code}
    metro_homes = {region_homes(code)[-1:] for code in kept if level(code) == "metro"}
    repeated = {code for code in kept if level(code) == "zip3" and region_homes(code)[-1:] in metro_homes}
    return [code for code in dict.fromkeys(codes) if code in kept - repeated]


def _standing(regions: dict[str, RegionSpread], code: str, parts: Sequence[str]) -> tuple[str, ...]:
    """Return the parts of one level, if they are few and make up most of what is unusual in a region; else nothing."""
    whole = regions.get(code)
    for kind in _LEVELS:
        told = tuple(part for part in parts if part in regions and level(part) == kind)
        usual, excess = (sum(getattr(regions[part], name) for part in told) for name in ("expected", "excess"))
        if whole and told and usual < whole.expected / 2 and excess > max(whole.excess, 0) / 2:
            return (*told, *(part for part in parts if set(region_homes(part)) & set(told)))
    return ()


def _short(code: str) -> str:
    """Return what a line of text calls a region: a code, or a name where the code says nothing."""
    name = short_name(code)
    if code.startswith("metro:"):
        return f"{plain(name, 30)} area"
    return plain(name, 30) if code.startswith("zip3:") or name == UNKNOWN else code


def _folded(summary: str, regions: Sequence[RegionSpread], names: Names) -> str:
    """Return a table to unfold; regions without data are counted, not listed."""
    told = [region for region in regions if region.verdict != "no data"][:MAX_FOLDED]
    unlisted = len(regions) - len(told)
    table = _table(told, names) if told else ""
    note = f'<p class="note">{counted(unlisted, "region is", "regions are")} not listed.</p>' if unlisted else ""
    return f"<details><summary>{_unbroken(summary)}</summary>{table}{note}</details>"


class _Onsets(NamedTuple):
    """What the column of onsets shows: whether any is known, whether there is an order, whether they need their day."""

    are_known: bool
    is_ordered: bool
    is_dated: bool


def _table(regions: Sequence[RegionSpread], names: Names) -> str:
    has_onsets = any(region.onset is not None for region in regions)
    is_dated = len({outwards(region.onset)[0].date() for region in regions if region.onset}) > 1
    is_ordered = len({region.order for region in regions} - {None}) > 1  # where nothing separates there is no first
    heads = _HEAD if has_onsets else _HEAD[:-1]
    head = "".join(f'<th scope="col"{_number(place)}>{words}</th>' for place, words in enumerate(heads))
    columns = _Onsets(has_onsets, is_ordered, is_dated)
    rows = "".join(_row(region, names, columns) for region in regions)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _unbroken(text: str) -> str:
    """Return text escaped, with its percentages on one line."""
    return str(escape(text)).replace(" %", "\N{NO-BREAK SPACE}%")


def _number(place: int) -> str:
    return ' class="n"' if place else ""


def _row(region: RegionSpread, names: Names, onsets: _Onsets) -> str:
    name = escape(plain(names(region.code)))
    verdict = VERDICTS[region.verdict]
    tone = "bad" if region.verdict == "affected" else "quiet"
    heard, usual = voices_text(region)
    cells = [
        f'<th scope="row">{name} <small class="{tone}">{verdict}</small></th>',
        _cell(ratio_text(region) or "not known", ratio_interval(region)),
        _cell(f"{heard} / {usual}"),
    ]
    if onsets.are_known:
        cells.append(_onset(region, onsets))
    return f"<tr>{''.join(cells)}</tr>"


def _cell(value: str, *below: str) -> str:
    small = "".join(f"<small>{escape(words)}</small>" for words in below if words)
    return f'<td class="n">{escape(value)}{small}</td>'


def _onset(region: RegionSpread, onsets: _Onsets) -> str:
    """Return when it began there, its interval and, where there is one, its place in the order."""
    if region.onset is None:
        return _cell("not known")
    at, span = interval(region.onset).split(" ", 1)
    if onsets.is_dated:
        at = f"{date(outwards(region.onset)[0], has_year=False)} {at}"
    place = _ordinal(region.order) if onsets.is_ordered and region.order is not None else ""
    return _cell(at, *span.strip("()").replace(" - ", "|- ").split("|"), place)


def _ordinal(order: int) -> str:
    teens = 10 <= order % 100 <= 20
    return f"{order}{'th' if teens else {1: 'st', 2: 'nd', 3: 'rd'}.get(order % 10, 'th')}"
