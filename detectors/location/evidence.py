"""What says where without being a name: flags, coordinates, ZIP codes and the postal codes of Britain and Canada."""

from __future__ import annotations

import re
from functools import cache
from math import asin, cos, radians, sin, sqrt

from detectors.location.gazetteer import gazetteer

_FLAG = re.compile("[\U0001f1e6-\U0001f1ff]{2}|\U0001f3f4[\U000e0061-\U000e007a]{3,6}\U000e007f")
_FIRST_FLAG = 0x1F1E6
_TAGS = 0xE0000

_DEGREES = r"[-+]?\d{1,3}\.\d{2,}"
_PAIR = re.compile(rf"(?<![\d.])({_DEGREES})\s*[,;/ ]\s*({_DEGREES})(?![\d.])")
_ANGLE = r"(\d{1,3})\s*°\s*(?:(\d{1,2})\s*['\u2019\u2032]\s*)?(?:\d{1,2}(?:\.\d+)?\s*(?:''|\"|\u201d|\u2033)\s*)?"
_SEXAGESIMAL = (
    re.compile(rf"([NS])\s*{_ANGLE}[\s,/]*([EW])\s*{_ANGLE}", re.IGNORECASE),
    re.compile(rf"{_ANGLE}([NS])[\s,/]*{_ANGLE}([EW])", re.IGNORECASE),
)
_ZIP = re.compile(r"(?<![\d\-#+.:/])(\d{3})\d{2}(?:-\d{4})?(?![\d\-.:/])")
_BRITISH = re.compile(r"\b(?:[A-Z]{1,2}\d[A-Z\d]?)\s*\d[ABD-HJLNP-UW-Z]{2}\b")
_CANADIAN = re.compile(r"\b([ABCEGHJ-NPRSTVXY])\d[ABCEGHJ-NPRSTV-Z]\s?\d[ABCEGHJ-NPRSTV-Z]\d\b")
# The first letter of a Canadian postal code (Canada Post, addressing guidelines); X is shared by two territories.
_CANADA = dict(zip("ABCEGHJKLMNPRSTVY", "NL NS PE NB QC QC QC ON ON ON ON ON MB SK AB BC YT".split(), strict=True))  # noqa: SIM905
_SCOTTISH = re.compile(r"(AB|DD|DG|EH|FK|G|HS|IV|KA|KW|KY|ML|PA|PH|TD|ZE)\d")
_WELSH = re.compile(r"(CF|LD|LL|NP|SA)\d")

NEAR_KM = 50.0
"""A city farther away than this says nothing about the place of coordinates beyond its country."""


def flags(text: str) -> tuple[str, list[str]]:
    """Return ``text`` with a comma for each flag, and the regions of the flags in order.

    Examples
    --------
    >>> flags("🇧🇷 SP")
    (', SP', ['BR'])
    """
    if text.isascii():
        return text, []
    found: list[str] = []
    for match in _FLAG.finditer(text):
        flag = match[0]
        if ord(flag[0]) >= _FIRST_FLAG and ord(flag[0]) < _FIRST_FLAG + 26:
            code = "".join(chr(ord(char) - _FIRST_FLAG + ord("A")) for char in flag)
        else:
            letters = "".join(chr(ord(char) - _TAGS) for char in flag[1:-1]).upper()
            code = f"{letters[:2]}-{letters[2:]}"
        if gazetteer().place(code) >= 0 and code not in found:
            found.append(code)
    return (_FLAG.sub(",", text), found) if found else (text, [])


def coordinates(text: str) -> tuple[float, float] | None:
    """Return latitude and longitude in degrees if the text gives them.

    Examples
    --------
    >>> coordinates("ÜT: 40.7128,-74.0060")
    (40.7128, -74.006)
    >>> coordinates("N 48°51' / E 2°21'")
    (48.85, 2.35)
    """
    pair = _PAIR.search(text)
    if pair:
        return _checked(float(pair[1]), float(pair[2]))
    for number, pattern in enumerate(_SEXAGESIMAL):
        match = pattern.search(text) if "°" in text else None
        if match:
            up, lat, lat_minutes, over, lon, lon_minutes = match.groups()
            if number:
                lat, lat_minutes, up, lon, lon_minutes, over = match.groups()
            latitude = (int(lat) + int(lat_minutes or 0) / 60) * (-1 if up in "Ss" else 1)
            longitude = (int(lon) + int(lon_minutes or 0) / 60) * (-1 if over in "Ww" else 1)
            return _checked(latitude, longitude)
    return None


def _checked(latitude: float, longitude: float) -> tuple[float, float] | None:
    is_on_earth = abs(latitude) <= 90 and abs(longitude) <= 180
    return (latitude, longitude) if is_on_earth and (latitude, longitude) != (0, 0) else None


def zip3(text: str) -> str | None:
    """Return the first three digits of the only US ZIP code in the text, if their state is known."""
    found = {match[1] for match in _ZIP.finditer(text)}
    digits = found.pop() if len(found) == 1 else ""
    return digits if digits in gazetteer().zips else None


def postal(text: str) -> str | None:
    """Return the region of a British or Canadian postal code in capitals.

    Examples
    --------
    >>> postal("SW1A 1AA"), postal("EH8 9YL"), postal("M5V 2T6")
    ('GB-ENG', 'GB-SCT', 'CA-ON')
    """
    match = _CANADIAN.search(text)
    if match:
        return f"CA-{_CANADA[match[1]]}" if match[1] in _CANADA else "CA"
    match = _BRITISH.search(text)
    if not match:
        return None
    code = match[0]
    if code.startswith("BT"):
        return "GB-NIR"
    return "GB-SCT" if _SCOTTISH.match(code) else "GB-WLS" if _WELSH.match(code) else "GB-ENG"


def nearest(latitude: float, longitude: float) -> tuple[int, float] | None:
    """Return the nearest city as a place, and its distance in km; None where none lies within about 100 km.."""
    book = gazetteer()
    cells = _cells()
    row, column = round(latitude), round(longitude)
    reach = 1 if abs(latitude) < 60 else 3
    best: tuple[float, int] | None = None
    for up in (-1, 0, 1):
        for over in range(-reach, reach + 1):
            for number in cells.get((row + up, (column + over + 180) % 360 - 180), ()):
                lat, lon = book.packed.city_latitudes[number] / 100, book.packed.city_longitudes[number] / 100
                found = (distance_km(latitude, longitude, lat, lon), number)
                if best is None or found < best:
                    best = found
    return None if best is None else (book.first_city + best[1], best[0])


@cache
def _cells() -> dict[tuple[int, int], list[int]]:
    """Return the cities by whole degrees."""
    packed = gazetteer().packed
    found: dict[tuple[int, int], list[int]] = {}
    for number, (lat, lon) in enumerate(zip(packed.city_latitudes, packed.city_longitudes, strict=True)):
        cell = (round(lat / 100), (round(lon / 100) + 180) % 360 - 180)
        found.setdefault(cell, []).append(number)
    return found


def distance_km(lat1: float, lon1: float, lat2: float, lon2: float) -> float:
    """Return the distance on a sphere (haversine)."""
    half = sin(radians(lat2 - lat1) / 2) ** 2
    half += cos(radians(lat1)) * cos(radians(lat2)) * sin(radians(lon2 - lon1) / 2) ** 2
    return 2 * 6371 * asin(min(1.0, sqrt(half)))
