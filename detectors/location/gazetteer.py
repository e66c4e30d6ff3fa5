"""The gazetteer in memory: names to places, built once from the packaged tables.

A place is a number: countries first, then subdivisions, then cities by falling population. About 69,000 cities of
5,000 people and more, 3,450 subdivisions and 250 countries have 320,000 names, which take some 60 MB.
"""

from __future__ import annotations

import tomllib
from functools import cache
from typing import Any

import msgspec
import zstandard
from msgspec.structs import replace

from detectors.location.fold import fold
from detectors.location.packed import Packed
from detectors.reference import resource

PRIMARY, SHORT, ALTERNATE, NICKNAME, PART = range(5)
"""How a name belongs to a place: its own, the beginning of its own, in another language, or what people
call it, or the name of a part of it (a county of England)."""

# Country codes that people write beside ISO's.
_COUNTRY_CODES = {"uk": "GB", "eng": "GB", "ger": "DE", "ned": "NL", "uae": "AE", "ksa": "SA", "rsa": "ZA", "sui": "CH"}

# How many of the people somewhere are on the platforms that we read, against the world's average: by our own judgement
# of language and of which networks are open there, in few steps. It decides between namesakes only.
_USE = {
    **dict.fromkeys(("US", "GB", "CA", "AU", "IE", "NZ"), 2.5),
    **dict.fromkeys("IR RU IN BD PK CU VE BY".split(), 0.3),  # noqa: SIM905
    **dict.fromkeys("SN CI CM BJ TG BI RW GN CG GA MR AO MZ MG NE ML BF TD CD ET UG TZ MW ZM SD SO YE".split(), 0.2),  # noqa: SIM905
    **dict.fromkeys("UZ AF MM TJ KG LA KH NP PG HT".split(), 0.2),  # noqa: SIM905
    **dict.fromkeys(("CN", "KP", "TM", "ER"), 0.02),
}

_WEIGHTS = (1.0, 0.7, 0.12, 1.0)

_RURAL = 1.4
"""Subdivisions are counted by their cities; this many people live there for one in a city of 5,000 or more."""

_SQUEEZED = 300
"""Thousands of people from which on a place is also known by its name in one word."""


class Gazetteer:
    """Names and what is known of the places.

    Attributes
    ----------
    names
        Folded name -> place and how it is named so, as ``place * 8 + how``; a tuple of these where there are
        several, an empty one for what is too wide (continents).
    longest
        First word -> most words in a name that begins with it; only where that is more than one.
    short
        First character of a name in a script without spaces -> its longest names' length.
    codes
        Folded code or abbreviation -> entries as in ``names``: subdivisions by the end of their ISO code, countries.
    countries, subdivisions
        Codes.
    first_city
        Number of the first city among the places.
    country, subdivision
        By place: the position of its country; of its subdivision, -1 if it is a country or unknown.
    inhabitants
        By place, in thousands.
    people
        The same, at least one, weighted by how much the platforms are used there.
    words
        Names that are ordinary English words as well.
    """

    def __init__(self, packed: Packed, names: dict[str, Any], zips: dict[str, dict[str, str]]) -> None:
        self.packed = packed
        self.countries = packed.countries
        self.subdivisions = packed.subdivisions
        self.first_subdivision = len(self.countries)
        self.first_city = self.first_subdivision + len(self.subdivisions)
        self._position = {code: number for number, code in enumerate((*self.countries, *self.subdivisions))}
        of_country = {code: number for number, code in enumerate(self.countries)}
        homes = [of_country[code[:2]] for code in self.subdivisions]
        self.country = [*range(len(self.countries)), *homes, *packed.city_countries]
        self.subdivision = [-1] * len(self.countries) + [*range(len(self.subdivisions)), *packed.city_subdivisions]
        wide = [round(people * _RURAL) for people in packed.subdivision_people]
        self.inhabitants = [*packed.country_people, *wide, *_with_surroundings(packed)]
        use: list[float] = [_USE.get(code, 1.0) for code in self.countries]
        self.people: list[float] = [
            max(1, one) * use[home] for one, home in zip(self.inhabitants, self.country, strict=True)
        ]
        self.metro = packed.city_metros
        self.words = frozenset(packed.words)
        self.names: dict[str, int | tuple[int, ...]] = {}
        self._fill(names)
        self.longest: dict[str, int] = {}
        self.short: dict[str, int] = {}
        self._index()
        self.codes = self._codes(names["abbreviations"])
        self.zips = _zips(zips)
        self.packed = replace(packed, city_alternates="")  # in the names by now, and large

    def place(self, code: str) -> int:
        """Return the place of a country's or subdivision's code; -1 if there is none."""
        return self._position.get(code, -1)

    def code(self, place: int) -> str:
        """Return a place's code."""
        if place < self.first_subdivision:
            return self.countries[place]
        if place < self.first_city:
            return self.subdivisions[place - self.first_subdivision]
        return f"metro:{self.packed.city_ids[place - self.first_city]}"

    def weigh(self, entry: int) -> float:
        """Return how many people a name speaks of, in thousands."""
        place = entry >> 3
        return self.people[place] * (_WEIGHTS[entry & 7] if entry & 7 != PART else self._part(place))

    def share_of(self, entry: int) -> float:
        """Return how much of the place a name speaks of."""
        return _WEIGHTS[entry & 7] if entry & 7 != PART else self._part(entry >> 3)

    def _part(self, place: int) -> float:
        """Return how much of a subdivision one of its named parts is, on average."""
        return 1 / (2 + self.packed.subdivision_parts[place - self.first_subdivision].count("|"))

    # --- building ---

    def _fill(self, names: dict[str, Any]) -> None:
        """Take in all names, the most telling first."""
        packed = self.packed
        own = packed.cities.split("\n")
        for number, name in enumerate(own):
            self._add(name, self.first_city + number, PRIMARY)
        self._fill_joined(packed.subdivision_names, self.first_subdivision, PRIMARY)
        for number, joined in enumerate(packed.country_names):
            shown = fold(packed.country_shown[number])
            for name in joined.split("|"):
                if not self._is_capital(name, number):
                    self._add(name, number, PRIMARY if name == shown else ALTERNATE)
        self._fill_joined(packed.subdivision_parts, self.first_subdivision, PART)
        for number, joined in enumerate(packed.city_alternates.split("\n")):
            for name in joined.split("|") if joined else ():
                how = SHORT if own[number].startswith(f"{name} ") else ALTERNATE
                self._add(name, self.first_city + number, how)
        self._add_squeezed()
        self._add_nicknames(names, own)
        for name in names["wide"]["names"]:
            self.names[fold(name)] = ()

    def _add_squeezed(self) -> None:
        """Take in what people write in one word: "newyork", "southafrica"."""
        for name, entry in list(self.names.items()):
            first = entry if isinstance(entry, int) else entry[0]
            is_large = self.inhabitants[first >> 3] >= _SQUEEZED
            if " " in name and is_large and first & 7 == PRIMARY and name.isascii():
                self._add(name.replace(" ", ""), first >> 3, ALTERNATE)

    def _fill_joined(self, column: list[str], first: int, how: int) -> None:
        for number, joined in enumerate(column):
            for name in joined.split("|"):
                self._add(name, first + number, how)

    def _is_capital(self, name: str, country: int) -> bool:
        """Tell whether a country's name in some language is a large city's own name there (Tunis, Algier)."""
        if name == fold(self.packed.country_shown[country]):
            return False
        before = self.names.get(name, ())
        cities = [one >> 3 for one in ((before,) if isinstance(before, int) else before) if one & 7 == PRIMARY]
        return any(
            place >= self.first_city and self.country[place] == country and self.people[place] > 300 for place in cities
        )

    def _add(self, name: str, place: int, how: int) -> None:
        """Let a name stand for a place, too."""
        if not name:
            return
        before = self.names.get(name)
        entry = place << 3 | how
        if before is None:
            self.names[name] = entry
        elif isinstance(before, int):
            if before >> 3 != place:
                self.names[name] = (before, entry)
        elif all(one >> 3 != place for one in before):
            self.names[name] = (*before, entry)

    def _add_nicknames(self, names: dict[str, Any], own: list[str]) -> None:
        for kind in ("countries", "subdivisions"):
            for code, called in names[kind].items():
                place = self.place(code)
                for name in called if place >= 0 else ():
                    self._prefer(fold(name), place)
        cities: dict[str, list[int]] = {}
        for number, name in enumerate(own):
            cities.setdefault(name, []).append(number)
        for title, called in names["cities"].items():
            name, _, region = title.rpartition(", ")
            number = self._city(cities.get(fold(name), []), region)
            for nickname in called if number >= 0 else ():
                self._prefer(fold(nickname), self.first_city + number)

    def _prefer(self, name: str, place: int) -> None:
        """Let a nickname stand for a place, and for what else has it for its own name."""
        before = self.names.get(name, ())
        entries = (before,) if isinstance(before, int) else before
        kept = [entry for entry in entries if entry & 7 == PRIMARY and entry >> 3 != place]
        self.names[name] = (*kept, place << 3 | NICKNAME) if kept else place << 3 | NICKNAME

    def _city(self, numbers: list[int], region: str) -> int:
        """Return the first (largest) of the cities that lies in a region; -1 if none does."""
        inside = self.place(region)
        for number in numbers:
            place = self.first_city + number
            if inside in (self.country[place], self.first_subdivision + self.subdivision[place]):
                return number
        return -1

    def _index(self) -> None:
        """Say how far to look from a name's first word, or its first character where words are not spaced."""
        longest, short = self.longest, self.short
        for name in self.names:
            if " " in name:
                first = name[: name.index(" ")]
                number = name.count(" ") + 1
                if number > longest.get(first, 1):
                    longest[first] = number
            elif name[0] >= "\u0e00" and len(name) > short.get(name[0], 0):
                short[name[0]] = len(name)

    def _codes(self, abbreviations: dict[str, list[str]]) -> dict[str, tuple[int, ...]]:
        codes: dict[str, list[int]] = {}
        for number, code in enumerate(self.subdivisions):
            end = code[3:].lower()
            if end.isalpha() and len(end) > 1:
                codes.setdefault(end, []).append(self.first_subdivision + number)
        for number, (two, three) in enumerate(zip(self.countries, self.packed.alpha3, strict=True)):
            codes.setdefault(two.lower(), []).append(number)
            codes.setdefault(three.lower(), []).append(number)
        for end, code in _COUNTRY_CODES.items():
            codes.setdefault(end, []).append(self.place(code))
        for code, shorts in abbreviations.items():
            for short in shorts if self.place(code) >= 0 else ():
                codes.setdefault(short, []).append(self.place(code))
        return {code: tuple(place << 3 | PRIMARY for place in dict.fromkeys(places)) for code, places in codes.items()}


def _with_surroundings(packed: Packed) -> list[int]:
    """Return the people of each city; of a metro area's core, half of the area's if that is more.

    City limits are drawn narrowly in some countries: St. Louis has 300,000 people, and 2,000,000 around it say so.
    """
    around = dict.fromkeys(packed.city_metros, 0)
    for core, people in zip(packed.city_metros, packed.city_people, strict=True):
        around[core] += people
    return [
        max(people, around[number] // 2) if packed.city_metros[number] == number else people
        for number, people in enumerate(packed.city_people)
    ]


def _zips(tables: dict[str, dict[str, str]]) -> dict[str, str]:
    """Return three digits -> region code."""
    found = {}
    for kind, prefix in (("states", "US-"), ("territories", "")):
        for state, ranges in tables[kind].items():
            for part in ranges.split():
                first, _, last = part.partition("-")
                for number in range(int(first), int(last or first) + 1):
                    found[f"{number:03d}"] = prefix + state
    return found


@cache
def gazetteer() -> Gazetteer:
    """Return the packaged gazetteer; the first call takes about a second."""
    folder = resource("reference", "gazetteer")
    with zstandard.ZstdDecompressor().stream_reader(folder.joinpath("places.msgpack.zst").read_bytes()) as reader:
        packed = msgspec.msgpack.decode(reader.read(), type=Packed)
    tables = [tomllib.loads(folder.joinpath(name).read_text(encoding="utf-8")) for name in ("names.toml", "zip3.toml")]
    return Gazetteer(packed, *tables)
