"""Where simulated people are, and what they write into their profile's location field.

The clock of a place is a fixed offset from UTC, without daylight saving: a rhythm needs no more.
Coordinates are rounded to a tenth of a degree.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

Shares = tuple[tuple[str, float], ...]
"""Names and their shares; they need not sum to 1."""


class City(NamedTuple):
    """A city, with the rough place of its centre in degrees."""

    name: str
    lat: float
    lon: float


@dataclass(frozen=True)
class Place:
    """A country, or a state of one: ISO 3166 code, its names, hours ahead of UTC, languages, cities."""

    code: str
    name: str
    country: str
    offset_h: float
    languages: Shares
    cities: tuple[City, ...]

    @property
    def state(self) -> str | None:
        """The state's own letters, as in ``TX``; None for a country."""
        return self.code[3:] or None


_EN: Shares = (("en", 1.0),)
_US: Shares = (("en", 0.93), ("es", 0.07))


def _place(head: str, offset_h: float, languages: Shares, cities: str) -> Place:
    """Read ``code|name|country`` and ``city lat lon; city lat lon``."""
    code, name, country = head.split("|")
    rows = (row.rsplit(" ", 2) for row in cities.split("; "))
    return Place(code, name, country, offset_h, languages, tuple(City(n, float(a), float(o)) for n, a, o in rows))


_ROWS = (
    _place(
        "US-CA|California|USA",
        -8,
        (("en", 0.86), ("es", 0.14)),
        "Los Angeles 34.1 -118.2; San Diego 32.7 -117.2; San Jose 37.3 -121.9; Sacramento 38.6 -121.5; "
        "Fresno 36.7 -119.8",
    ),
    _place(
        "US-TX|Texas|USA",
        -6,
        (("en", 0.87), ("es", 0.13)),
        "Houston 29.8 -95.4; Dallas 32.8 -96.8; Austin 30.3 -97.7; San Antonio 29.4 -98.5; El Paso 31.8 -106.5",
    ),
    _place(
        "US-FL|Florida|USA",
        -5,
        (("en", 0.87), ("es", 0.13)),
        "Miami 25.8 -80.2; Orlando 28.5 -81.4; Tampa 28.0 -82.5; Jacksonville 30.3 -81.7",
    ),
    _place(
        "US-NY|New York|USA",
        -5,
        _US,
        "Brooklyn 40.7 -73.9; Buffalo 42.9 -78.9; Rochester 43.2 -77.6; Albany 42.7 -73.8",
    ),
    _place("US-PA|Pennsylvania|USA", -5, _US, "Philadelphia 40.0 -75.2; Pittsburgh 40.4 -80.0; Allentown 40.6 -75.5"),
    _place("US-IL|Illinois|USA", -6, _US, "Chicago 41.9 -87.6; Peoria 40.7 -89.6; Naperville 41.8 -88.1"),
    _place(
        "US-OH|Ohio|USA", -5, _US, "Columbus 40.0 -83.0; Cleveland 41.5 -81.7; Cincinnati 39.1 -84.5; Toledo 41.7 -83.6"
    ),
    _place("US-GA|Georgia|USA", -5, _US, "Atlanta 33.7 -84.4; Savannah 32.1 -81.1; Athens 34.0 -83.4"),
    _place("US-NC|North Carolina|USA", -5, _US, "Charlotte 35.2 -80.8; Raleigh 35.8 -78.6; Durham 36.0 -78.9"),
    _place("US-MI|Michigan|USA", -5, _US, "Detroit 42.3 -83.0; Grand Rapids 43.0 -85.7; Ann Arbor 42.3 -83.7"),
    _place("US-WA|Washington|USA", -8, _US, "Seattle 47.6 -122.3; Spokane 47.7 -117.4; Tacoma 47.3 -122.4"),
    _place("US-CO|Colorado|USA", -7, _US, "Denver 39.7 -105.0; Boulder 40.0 -105.3; Colorado Springs 38.8 -104.8"),
    _place("US-AZ|Arizona|USA", -7, _US, "Phoenix 33.4 -112.1; Tucson 32.2 -111.0; Mesa 33.4 -111.8"),
    _place("US-MA|Massachusetts|USA", -5, _US, "Boston 42.4 -71.1; Worcester 42.3 -71.8; Springfield 42.1 -72.6"),
    _place(
        "CA-ON|Ontario|Canada", -5, _EN, "Toronto 43.7 -79.4; Ottawa 45.4 -75.7; London 43.0 -81.2; Hamilton 43.3 -79.9"
    ),
    _place(
        "CA-QC|Quebec|Canada",
        -5,
        (("fr", 0.72), ("en", 0.28)),
        "Montreal 45.5 -73.6; Laval 45.6 -73.7; Gatineau 45.5 -75.7",
    ),
    _place(
        "CA-BC|British Columbia|Canada", -8, _EN, "Vancouver 49.3 -123.1; Victoria 48.4 -123.4; Kelowna 49.9 -119.5"
    ),
    _place(
        "GB|United Kingdom|UK",
        0,
        _EN,
        "London 51.5 -0.1; Manchester 53.5 -2.2; Birmingham 52.5 -1.9; Glasgow 55.9 -4.3; Leeds 53.8 -1.5; "
        "Cardiff 51.5 -3.2",
    ),
    _place("IE|Ireland|Ireland", 0, _EN, "Dublin 53.3 -6.3; Cork 51.9 -8.5; Galway 53.3 -9.1"),
    _place(
        "AU|Australia|Australia",
        10,
        _EN,
        "Sydney -33.9 151.2; Melbourne -37.8 145.0; Brisbane -27.5 153.0; Perth -32.0 115.9",
    ),
    _place("NZ|New Zealand|New Zealand", 12, _EN, "Auckland -36.8 174.8; Wellington -41.3 174.8"),
    _place(
        "DE|Deutschland|Germany",
        1,
        (("de", 0.9), ("en", 0.1)),
        "Berlin 52.5 13.4; Hamburg 53.6 10.0; München 48.1 11.6; Köln 50.9 7.0",
    ),
    _place("AT|Österreich|Austria", 1, (("de", 0.95), ("en", 0.05)), "Wien 48.2 16.4; Graz 47.1 15.4"),
    _place(
        "FR|France|France",
        1,
        (("fr", 0.95), ("en", 0.05)),
        "Paris 48.9 2.4; Lyon 45.8 4.8; Marseille 43.3 5.4; Lille 50.6 3.1",
    ),
    _place(
        "ES|España|Spain",
        1,
        (("es", 0.95), ("en", 0.05)),
        "Madrid 40.4 -3.7; Barcelona 41.4 2.2; Sevilla 37.4 -6.0; Valencia 39.5 -0.4",
    ),
    _place(
        "IT|Italia|Italy",
        1,
        (("it", 0.95), ("en", 0.05)),
        "Roma 41.9 12.5; Milano 45.5 9.2; Napoli 40.9 14.3; Torino 45.1 7.7",
    ),
    _place(
        "NL|Nederland|Netherlands",
        1,
        (("nl", 0.75), ("en", 0.25)),
        "Amsterdam 52.4 4.9; Rotterdam 51.9 4.5; Utrecht 52.1 5.1",
    ),
    _place(
        "TR|Türkiye|Turkey", 3, (("tr", 0.97), ("en", 0.03)), "Istanbul 41.0 29.0; Ankara 39.9 32.9; Izmir 38.4 27.1"
    ),
    _place(
        "IN|India|India",
        5.5,
        (("en", 0.55), ("hi", 0.45)),
        "Mumbai 19.1 72.9; Delhi 28.6 77.2; Bengaluru 13.0 77.6; Chennai 13.1 80.3",
    ),
    _place(
        "ID|Indonesia|Indonesia",
        7,
        (("id", 0.95), ("en", 0.05)),
        "Jakarta -6.2 106.8; Bandung -6.9 107.6; Surabaya -7.3 112.8",
    ),
    _place("PH|Philippines|Philippines", 8, _EN, "Manila 14.6 121.0; Cebu 10.3 123.9; Davao 7.1 125.6"),
    _place(
        "JP|日本|Japan",
        9,
        (("ja", 0.98), ("en", 0.02)),
        "東京 35.7 139.7; 大阪 34.7 135.5; 名古屋 35.2 136.9; 福岡 33.6 130.4",
    ),
    _place(
        "BR|Brasil|Brazil",
        -3,
        (("pt", 0.98), ("en", 0.02)),
        "São Paulo -23.6 -46.6; Rio de Janeiro -22.9 -43.2; Brasília -15.8 -47.9; Recife -8.1 -34.9",
    ),
    _place("PT|Portugal|Portugal", 0, (("pt", 0.92), ("en", 0.08)), "Lisboa 38.7 -9.1; Porto 41.1 -8.6"),
    _place(
        "MX|México|Mexico",
        -6,
        (("es", 0.97), ("en", 0.03)),
        "Guadalajara 20.7 -103.3; Monterrey 25.7 -100.3; Puebla 19.0 -98.2",
    ),
    _place(
        "AR|Argentina|Argentina",
        -3,
        (("es", 0.98), ("en", 0.02)),
        "Buenos Aires -34.6 -58.4; Córdoba -31.4 -64.2; Rosario -32.9 -60.7",
    ),
    _place("NG|Nigeria|Nigeria", 1, _EN, "Lagos 6.5 3.4; Abuja 9.1 7.5; Ibadan 7.4 3.9"),
    _place("ZA|South Africa|South Africa", 2, _EN, "Johannesburg -26.2 28.0; Cape Town -33.9 18.4; Durban -29.9 31.0"),
)
PLACES: dict[str, Place] = {place.code: place for place in _ROWS}
"""Every place of the simulator, by code."""

_STATES: Shares = (
    ("US-CA", 0.19), ("US-TX", 0.14), ("US-FL", 0.11), ("US-NY", 0.11), ("US-PA", 0.06), ("US-IL", 0.06),
    ("US-OH", 0.06), ("US-GA", 0.05), ("US-NC", 0.05), ("US-MI", 0.05), ("US-WA", 0.04), ("US-CO", 0.03),
    ("US-AZ", 0.03), ("US-MA", 0.02),
)  # fmt: skip


def _mix(us: float, rest: str) -> Shares:
    """Spread the share ``us`` over the states; ``rest`` is ``code share; code share``."""
    others = (row.split() for row in rest.split("; "))
    return (*((code, share * us) for code, share in _STATES), *((code, float(share)) for code, share in others))


MIXES: dict[str, Shares] = {
    "us": tuple(_STATES),
    "america": _mix(
        0.66, "CA-ON .07; CA-QC .03; CA-BC .03; GB .09; IE .01; AU .03; NZ .01; MX .02; DE .02; FR .01; JP .02"
    ),
    "world": _mix(
        0.34,
        "CA-ON .03; CA-QC .01; CA-BC .01; GB .10; IE .01; AU .03; NZ .01; DE .04; AT .01; FR .03; ES .03; "
        "IT .03; NL .02;"
        " TR .03; IN .08; ID .03; PH .02; JP .05; BR .06; PT .01; MX .03; AR .02; NG .02; ZA .01",
    ),
    "elsewhere": _mix(
        0.08,
        "GB .13; DE .08; FR .04; ES .06; IT .07; NL .04; TR .05; IN .18; ID .08; PH .03; BR .16; PT .01; "
        "MX .06; AR .04;"
        " NG .03; ZA .03",
    ),
    "europe": tuple((code, 1.0) for code in ("GB", "DE", "FR", "ES", "IT", "NL", "AT", "IE", "PT")),
}
"""Typical mixtures of places by what a service's users are like."""

_JUNK = (
    "the internet", "somewhere over there", "your notifications", "she/her", "he/him", "they/them", "earth, mostly",
    "on the couch", "the moon", "in my feelings", "nowhere special", "behind a keyboard", "planet earth", "outer space",
    "probably asleep", "at the gym", "under your bed", "in the group chat", "404 not found", "neverland",
    "here & there",
    "wherever the wifi is", "|| 23 || artist", "stan account", "ur mom's house", "EST 1994", "hogwarts", "worldwide 🌍",
)  # fmt: skip


def profile_location(place: Place, key: int) -> str | None:
    """Return what an author of that place has in the location field; ``key`` (64 random bits) decides.

    About 40 % say nothing and 12 % say nothing of use.
    """
    choice, key = key % 100, key // 100
    if choice < 40:
        return None
    if choice < 52:
        return _JUNK[key % len(_JUNK)]
    city, state = city_of(place, key).name, place.state
    forms = (
        (72, f"{city}, {state or place.country}"),
        (80, city),
        (86, f"{city}, {place.name}"),
        (91, place.name),
        (94, place.country),
        (97, f"{city.lower()} {(state or place.code).lower()}"),
        (100, f"📍 {city}"),
    )
    return next(form for below, form in forms if choice < below)


def city_of(place: Place, key: int) -> City:
    """Return an author's city; the first named is the likeliest."""
    n = len(place.cities)
    return place.cities[min(key % n, key // n % n)]
