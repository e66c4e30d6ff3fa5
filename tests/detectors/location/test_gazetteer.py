"""The packaged tables: complete, reviewed, small."""

from __future__ import annotations

import csv
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from detectors.location.evidence import distance_km
from detectors.location.fold import fold
from detectors.location.gazetteer import gazetteer
from detectors.reference import resource

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

US_STATES = (
    "AL AK AZ AR CA CO CT DE DC FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR "
    "PA RI SC SD TN TX UT VT VA WA WV WI WY"
)
# Every division of the first order of these, by ISO 3166-2.
COMPLETE = {
    "US": US_STATES,
    "CA": "AB BC MB NB NL NS NT NU ON PE QC SK YT",
    "GB": "ENG NIR SCT WLS",
    "DE": "BB BE BW BY HB HE HH MV NI NW RP SH SL SN ST TH",
    "AU": "ACT NSW NT QLD SA TAS VIC WA",
    "BR": "AC AL AM AP BA CE DF ES GO MA MG MS MT PA PB PE PI PR RJ RN RO RR RS SC SE SP TO",
    "IN": "AN AP AR AS BR CG CH DH DL GA GJ HP HR JH JK KA KL LA LD MH ML MN MP MZ NL OD PB PY RJ SK TN TR TS UK UP WB",
    "MX": "AGU BCN BCS CAM CHH CHP CMX COA COL DUR GRO GUA HID JAL MEX MIC MOR NAY NLE OAX PUE QUE ROO SIN SLP SON TAB "
    "TAM TLA VER YUC ZAC",
    "JP": " ".join(f"{number:02d}" for number in range(1, 48)),
    "FR": "20R ARA BFC BRE CVL GES HDF IDF NAQ NOR OCC PAC PDL",
    "IT": "21 23 25 32 34 36 42 45 52 55 57 62 65 67 72 75 77 78 82 88",
    "ES": "AN AR AS CB CL CM CN CT EX GA IB MC MD NC PV RI VC",
    "NL": "DR FL FR GE GR LI NB NH OV UT ZE ZH",
    "IE": "C L M U",
    "ZA": "EC FS GP KZN LP MP NC NW WC",
    "CZ": "10 20 31 32 41 42 51 52 53 63 64 71 72 80",
    "AR": "A B C D E F G H J K L M N P Q R S T U V W X Y Z",
    "TR": " ".join(f"{number:02d}" for number in range(1, 82)),
    "IR": " ".join(f"{number:02d}" for number in range(31)),
    "NO": "03 11 15 18 31 32 33 34 39 40 42 46 50 55 56",
}
# Largest cities, of which the country's and subdivision's codes are well known: GeoNames' own codes differ.
KNOWN = {
    "Cairo": "EG-C",
    "Lagos": "NG-LA",
    "Nairobi": "KE-30",
    "Riyadh": "SA-01",
    "Jeddah": "SA-02",
    "Moscow": "RU-MOW",
    "Kazan": "RU-TA",
    "Tehran": "IR-23",
    "Isfahan": "IR-10",
    "Tabriz": "IR-03",
    "Lima": "PE-LMA",
    "Bogota": "CO-DC",
    "Milan": "IT-25",
    "Prague": "CZ-10",
    "Brno": "CZ-64",
    "Osaka": "JP-27",
    "Busan": "KR-26",
    "Incheon": "KR-28",
    "Shenzhen": "CN-GD",
    "Chengdu": "CN-SC",
    "Bangkok": "TH-10",
    "Da Nang": "VN-DN",
    "Cebu City": "PH-07",
    "Davao": "PH-11",
    "Surabaya": "ID-JI",
    "Casablanca": "MA-06",
    "Marrakesh": "MA-07",
    "Odesa": "UA-51",
    "Almaty": "KZ-75",
    "Tashkent": "UZ-TK",
    "Valencia": "ES-VC",
    "Aarhus": "DK-82",
    "Belgrade": "RS-00",
    "Taichung": "TW-TXG",
    "Thessaloniki": "GR-B",
    "Tampere": "FI-11",
    "Gothenburg": "SE-O",
    "Cluj-Napoca": "RO-CJ",
}


@pytest.fixture(scope="module")
def folder() -> Traversable:
    return resource("reference", "gazetteer")


@pytest.fixture(scope="module")
def table(folder: Traversable) -> list[dict[str, str]]:
    with folder.joinpath("subdivisions.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("country", COMPLETE)
def test_every_subdivision_of_these_countries_is_mapped_once(table: list[dict[str, str]], country: str) -> None:
    codes = Counter(row["iso"][3:] for row in table if row["iso"].startswith(country))
    assert set(COMPLETE[country].split()) <= set(codes)
    assert {code: number for code, number in codes.items() if number > 1} == {}


def test_a_subdivision_stays_in_its_country(table: list[dict[str, str]]) -> None:
    assert len(table) > 3400
    assert all(row["iso"][:2] == row["geonames"][:2] and row["iso"][2] == "-" for row in table)


def test_of_the_worlds_city_dwellers_nearly_all_have_a_subdivision() -> None:
    packed = gazetteer().packed
    # Places that have no ISO 3166-2 codes, or only outdated ones.
    without = {packed.countries.index(code) for code in ("HK", "PR", "MO", "XK", "PS", "RE", "GP", "MQ", "GF", "MG")}
    rows = zip(packed.city_countries, packed.city_subdivisions, packed.city_people, strict=True)
    counted = [(home >= 0, people) for country, home, people in rows if country not in without]
    assert sum(people for is_known, people in counted if is_known) / sum(people for _, people in counted) > 0.985


@pytest.mark.parametrize("city", KNOWN)
def test_large_cities_lie_where_they_do(city: str) -> None:
    book = gazetteer()
    entry = book.names[fold(city)]
    entries = (entry,) if isinstance(entry, int) else entry
    places = [one >> 3 for one in entries if one >> 3 >= book.first_city]
    country = book.place(KNOWN[city][:2])
    places = [place for place in places if book.country[place] == country]
    largest = max(places, key=lambda place: book.inhabitants[place])
    assert book.subdivisions[book.subdivision[largest]] == KNOWN[city]


def test_every_zip_area_is_in_one_state() -> None:
    zips = gazetteer().zips
    assert len(zips) > 900
    assert {code[3:] for code in zips.values() if code.startswith("US-")} == set(US_STATES.split())
    assert [zips[digits] for digits in ("005", "100", "606", "782", "902", "995", "007")] == [
        *("US-NY", "US-NY", "US-IL", "US-TX", "US-CA", "US-AK", "PR")
    ]
    assert not {"000", "090", "340", "962"} & set(zips)


def test_metro_areas_gather_what_lies_around() -> None:
    book = gazetteer()
    packed = book.packed
    number = {city: position for position, city in enumerate(packed.city_ids)}
    london, paris = number[2643743], number[2988507]
    assert packed.city_metros[london] == london
    cores = {core for core in packed.city_metros if core >= 0}
    assert all(packed.city_metros[core] == core and packed.city_people[core] >= 250 for core in cores)
    members = [city for city, core in enumerate(packed.city_metros) if core == paris]
    assert len(members) > 100
    latitude, longitude = packed.city_latitudes, packed.city_longitudes
    at = latitude[paris] / 100, longitude[paris] / 100
    assert all(distance_km(*at, latitude[one] / 100, longitude[one] / 100) < 61 for one in members)


def test_what_is_shipped_is_small(folder: Traversable) -> None:
    assert sum(len(path.read_bytes()) for path in folder.iterdir() if path.is_file()) < 5_000_000


def test_names_are_folded_and_point_to_places() -> None:
    book = gazetteer()
    last = book.first_city + len(book.packed.city_ids)
    for name, entry in list(book.names.items())[::97]:
        assert name == fold(name)
        assert all(0 <= one >> 3 < last and one & 7 < 5 for one in ((entry,) if isinstance(entry, int) else entry))
    assert book.place("XX-YY") == -1
    assert [book.code(book.place(code)) for code in ("US", "US-TX")] == ["US", "US-TX"]
