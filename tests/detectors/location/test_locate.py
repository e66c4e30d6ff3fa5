"""Profile fields from everywhere, jokes, namesakes, and whatever else people type."""

from __future__ import annotations

import unicodedata
from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

import detectors
from detectors.errors import InputError
from detectors.location import level, locate, locate_batch
from detectors.location.answers import COUNTRY, SMALLER
from detectors.location.fold import fold

PLACES = {
    "US-TX": (
        "Austin, TX",
        "austin tx",
        "DFW",
        "houston",
        "Texas, USA",
        "San Antonio, Texas 78205",
    ),
    "US-NY": ("NYC", "Brooklyn", "New York", "Buffalo NY", "Long Island", "Queens, NY", "40.7128, -74.0060"),
    "US-CA": ("LA", "Los Angeles", "SoCal", "Bay Area, CA", "90210", "san marcos,ca", "San Francisco, CA"),
    "US-GA": ("Georgia, USA", "Athens, GA", "ATL", "Marietta, Georgia", "GA"),
    "US-OH": ("Lima, Ohio", "Dublin, OH", "Cleveland", "Sheffield Township, Ohio"),
    "US-DC": ("Washington, DC", "Washington, D.C.", "washington dc"),
    "US-MO": ("St. Louis", "Springfield, MO", "Kansas City", "stl"),
    "US-MN": ("Saint Paul, Minnesota", "St Paul, MN", "Twin Cities"),
    "US-TN": ("Memphis, Tenn.", "Nashville"),
    "US-WV": ("Charleston, West Virginia", "Nowhereburg, WV"),
    "US-FL": ("Paris, FL", "Orlando FL", "South Florida", "saint petersburg, florida"),
    "CA-ON": ("London, ON", "Toronto", "The 6ix", "Peterborough, Ontario", "M5V 2T6", "North Hastings, Ontario"),
    "CA-QC": ("Montréal", "MONTREAL, QC", "Québec"),
    "CA-BC": ("Vancouver", "Victoria, BC", "Vancouver BC"),
    "GB-ENG": ("London", "Reading, UK", "Kent", "Yorkshire", "Newcastle upon Tyne", "SW1A 1AA", "Bristol, England"),
    "GB-SCT": ("Glasgow", "Perth, Scotland", "🏴󠁧󠁢󠁳󠁣󠁴󠁿", "EH8 9YL"),
    "GB-WLS": ("Cardiff, Wales", "Swansea", "Cymru", "CF10 1EP"),
    "GB-NIR": ("Belfast", "Bangor, Co.Down", "BT1 5GS"),
    "IE-L": ("Dublin", "Dublin, Ireland"),
    "AU-VIC": ("Melbourne", "Geelong, Victoria", "Melb, VIC"),
    "AU-WA": ("Perth", "Perth, Australia"),
    "NZ-AUK": ("Auckland", "Auckland, NZ"),
    "IN-TN": ("Chennai", "சென்னை", "Coimbatore, Tamil Nadu"),
    "IN-KA": ("Bangalore", "Bengaluru, India"),
    "IN-DL": ("दिल्ली", "New Delhi, India"),
    "PK-SD": ("Karachi, Pakistan", "Hyderabad, Pakistan"),
    "JP-13": ("東京", "東京都渋谷区", "Tokyo 🇯🇵", "Tokyo, Japan"),
    "JP-27": ("大阪市", "Osaka", "大阪"),
    "KR-11": ("서울", "서울특별시", "Seoul, South Korea"),
    "CN-BJ": ("北京", "Beijing", "北京市"),
    "CN-SH": ("上海", "Shanghai, China"),
    "TH-10": ("กรุงเทพ", "Bangkok"),
    "VN-SG": ("Saigon", "Ho Chi Minh City"),
    "ID-JK": ("Jakarta Selatan", "Jakarta"),
    "PH-00": ("Quezon City, PH", "Manila"),
    "DE-BY": ("München", "Munich", "Nürnberg, Bayern", "Muenchen"),
    "DE-NW": ("Köln, Deutschland", "koeln", "North Rhine-Westphalia"),
    "FR-IDF": ("Paris", "Paris, France", "Île-de-France"),
    "FR-PAC": ("Nice, France", "Marseille"),
    "IT-62": ("Roma", "Rome, Italy"),
    "ES-CT": ("Barcelona", "Girona, Catalunya"),
    "NL-NH": ("Amsterdam NL", "Haarlem"),
    "SE-O": ("Göteborg", "Gothenburg, Sweden"),
    "DK-84": ("København", "Copenhagen"),
    "PL-12": ("Kraków", "Cracow, Poland"),
    "CZ-10": ("Praha", "Prague"),
    "UA-30": ("Київ", "Kyiv"),
    "RU-MOW": ("Москва", "Moscow, Russia"),
    "TR-34": ("İstanbul", "Istanbul, Türkiye"),
    "GE-TB": ("Tbilisi, Georgia", "თბილისი"),
    "GR-I": ("Athens, Greece", "Αθήνα"),
    "IL-TA": ("Tel Aviv", "תל אביב"),
    "EG-C": ("Cairo, Egypt", "القاهرة"),
    "SA-01": ("الرياض", "Riyadh, KSA"),
    "AE-DU": ("Dubai", "دبي", "Dubai, UAE"),
    "NG-LA": ("Lagos, Nigeria", "Ikeja, Lagos"),
    "KE-30": ("Nairobi , Kenya", "nairobi"),
    "ZA-GP": ("Johannesburg", "Pretoria, South Africa"),
    "BR-SP": ("São Paulo, Brasil", "🇧🇷 SP", "Campinas - SP", "sao paulo"),
    "BR-PR": ("Curitiba/PR", "Londrina, Paraná"),
    "AR-C": ("Buenos Aires, Argentina", "CABA", "Buenos Aires"),
    "MX-CMX": ("Ciudad de México", "CDMX", "Mexico City"),
    "MX-JAL": ("Guadalajara, Jalisco", "GDL"),
    "CO-DC": ("Bogotá D.C.", "Bogota, Colombia"),
    "CL-RM": ("Santiago, Chile",),
    "PE-LMA": ("Lima", "Lima, Perú"),
}
COUNTRIES = {
    "US": ("USA", "U.S.A.", "United States", "🇺🇸", "the States", "flavorburg, USA"),
    "GB": ("UK", "United Kingdom", "Grande-Bretagne", "u.k."),
    "DE": ("Deutschland", "germany", "Alemania", "ドイツ"),
    "KR": ("대한민국", "South Korea", "Corée du Sud"),
    "SA": ("المملكة العربية السعودية", "Saudi Arabia"),
    "IN": ("भारत", "India"),
    "RU": ("Россия", "Russia"),
    "GE": ("Tbilisi, Georgia",),
    "ZA": ("#SouthAfrica", "South Africa"),
    "TT": ("Trinidad & Tobago",),
    "HK": ("Hong Kong", "香港"),
    "PR": ("San Juan, Puerto Rico",),
    "TR": ("Turkey",),
    "CI": ("Côte d'Ivoire", "Côte d’Ivoire"),  # noqa: RUF001 - both apostrophes
}
NOWHERE = (
    "",
    "   ",
    "my bed",
    "earth",
    "she/her",
    "they/them",
    "in your dreams",
    "behind you",
    "Narnia",
    "Hogwarts",
    "Gotham City",
    "on the moon",
    "worldwide",
    "the internet",
    "somewhere",
    "Hell",
    "ok",
    "ME",
    "home",
    "en mi casa",
    "in deinem Kopf",
    "chez moi",
    "по дому",
    "家",
    "di hatimu",
    "link in bio",
    "dm for promo",
    "ig: someone",
    "@someone",
    "https://example.org/paris",
    "living my best life",
    "Real Madrid fan",
    "Africa",
    "West Coast",
    "South",
    "1989",
    "2015-02-24 07:05:38 -0800",
    "Carpe diem",
    "🌍",
    "🏳️‍🌈",
    "user#1234",
)
FIELDS = sorted(field for fields in (*PLACES.values(), *COUNTRIES.values()) for field in fields)


def best(text: str, kind: str) -> str | None:
    return next((one.region for one in locate(text) if level(one.region) == kind), None)


@pytest.mark.parametrize(("region", "field"), [(region, field) for region in PLACES for field in PLACES[region]])
def test_a_place_is_found(region: str, field: str) -> None:
    assert (best(field, "country"), best(field, "subdivision")) == (region[:2], region)


@pytest.mark.parametrize(("region", "field"), [(region, field) for region in COUNTRIES for field in COUNTRIES[region]])
def test_a_country_is_found(region: str, field: str) -> None:
    assert best(field, "country") == region


@pytest.mark.parametrize("field", NOWHERE)
def test_a_joke_is_no_place(field: str) -> None:
    assert locate(field) == []


def test_the_answer_names_country_subdivision_metro_and_zip_area() -> None:
    found = {one.region: one for one in locate("San Antonio, TX 78205")}
    assert set(found) == {"US", "US-TX", "metro:4726206", "zip3:US-782"}
    assert all(one.weight == 1 and one.confidence > 0.9 for one in found.values())


def test_suburbs_belong_to_the_metro_area() -> None:
    assert best("Richardson, TX", "metro") == best("Dallas", "metro") == "metro:4684888"


def test_places_side_by_side_share_the_weight() -> None:
    found = {one.region: one for one in locate("LA - NYC")}
    assert found["US"].weight == pytest.approx(1, abs=0.05)
    assert found["US-CA"].weight == pytest.approx(0.5, abs=0.05)
    assert found["US-NY"].weight == pytest.approx(0.5, abs=0.05)
    assert min(found["US-CA"].confidence, found["US-NY"].confidence) > 0.8


def test_a_list_is_no_address() -> None:
    assert {"US-MA", "US-NY"} <= {one.region for one in locate("New York and Boston")}


def test_several_flags_share_the_weight_and_a_row_of_them_means_nothing() -> None:
    assert {(one.region, one.weight) for one in locate("🇺🇸🇲🇽")} == {("US", 0.5), ("MX", 0.5)}
    assert all(one.confidence < 0.5 for one in locate("🇺🇸🇲🇽🇫🇷🇩🇪"))


def test_a_name_goes_before_an_unrelated_flag() -> None:
    assert best("London 🇵🇸", "country") == "GB"


def test_namesakes_of_like_size_leave_the_subdivision_open() -> None:
    found = locate("Springfield")
    assert [one.region for one in found] == ["US"]
    sure = {one.region: one.confidence for one in locate("Georgia")}
    assert sure["US"] < 0.9


def test_the_larger_namesake_is_likelier_but_not_certain() -> None:
    (country, *_) = locate("Birmingham")
    assert country.region == "GB"
    assert country.weight < 1
    assert country.confidence < 0.95


def test_a_town_unknown_to_us_takes_its_states_word() -> None:
    assert best("Morioh, Ohio", "subdivision") == "US-OH"
    assert best("Tinyplace, TX", "subdivision") == "US-TX"
    assert best("somewhere, tx", "subdivision") == "US-TX"


def test_five_digits_elsewhere_are_no_zip_code() -> None:
    assert {one.region for one in locate("10115 Berlin")} >= {"DE", "DE-BE"}
    assert not any(level(one.region) == "zip3" for one in locate("10115 Berlin, Germany"))
    assert locate("call 5551234567") == []
    assert "zip3:US-606" in {one.region for one in locate("60614 USA")}
    assert best("00907", "country") == "PR"


def test_coordinates_far_from_any_city_give_what_they_lie_in() -> None:
    assert best("ÜT: 48.8566,2.3522", "subdivision") == "FR-IDF"
    assert locate("0.0000, 0.0000") == []
    assert locate("-40.0000, -120.0000") == []
    assert locate("99.0000, 10.0000") == []
    assert best("N 36°6' / W 115°6'", "subdivision") == "US-NV"
    assert best("-23.9, 133.2", "country") is None
    assert best("-23.90, 133.20", "country") == "AU"


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(InputError, match="kind is one of profile, text, subreddit, instance"):
        locate("Paris", kind="planet")  # type: ignore[arg-type]


def test_it_is_exported() -> None:
    assert detectors.locate("Paris") == locate("Paris")


def test_a_batch_is_the_same_as_one_by_one() -> None:
    fields = [*FIELDS, *NOWHERE, *FIELDS[:20]]
    assert locate_batch(fields) == [locate(field) for field in fields]


def test_answers_are_the_callers_own() -> None:
    locate("Paris").clear()
    first, second = locate_batch(["Paris", "Paris"])
    first.clear()
    assert second == locate("Paris") != []


# --- what holds for any string -------------------------------------------------------------------------------

WORDS = st.sampled_from([*FIELDS, *NOWHERE, "TX", "la", "in", ",", "/", "|", "🇫🇷", "90210", "48.85,2.35", "東京", "&"])
STRINGS = st.one_of(
    st.text(max_size=80), st.lists(WORDS, max_size=6).map(" ".join), st.lists(WORDS, max_size=6).map(",".join)
)


@given(STRINGS, st.sampled_from(["profile", "text", "subreddit", "instance"]))
def test_any_string_has_an_answer_within_bounds(text: str, kind: str) -> None:
    found = locate(text, kind=kind)  # type: ignore[arg-type]
    weights: dict[str, float] = defaultdict(float)
    for one in found:
        weights[level(one.region)] += one.weight
        assert 0 < one.weight <= 1
        assert 0 < one.confidence <= 1
    assert all(weight <= 1 + 1e-3 for weight in weights.values())
    assert [one.confidence for one in found] == sorted((one.confidence for one in found), reverse=True)
    assert len({one.region for one in found}) == len(found)
    assert all(one.confidence >= (COUNTRY if level(one.region) == "country" else SMALLER) for one in found)


@given(STRINGS)
def test_a_region_is_never_surer_than_its_country(text: str) -> None:
    sure = {one.region: one.confidence for one in locate(text)}
    for region, confidence in sure.items():
        if level(region) == "subdivision":
            assert sure[region[:2]] >= confidence


@given(STRINGS)
def test_white_space_does_not_matter(text: str) -> None:
    assert locate("  " + text + " \t") == locate(text)
    spaced = " ".join(text.split())
    assert locate(spaced.replace(" ", "  ")) == locate(spaced)


@given(st.sampled_from([field for field in FIELDS if len(fold(field)) > 5 and field.replace(" ", "").isalpha()]))
def test_for_full_names_case_does_not_matter(field: str) -> None:
    found = [one.region for one in locate(field)][:1]
    assert [one.region for one in locate(field.lower())][:1] == found
    assert [one.region for one in locate(unicodedata.normalize("NFD", field))][:1] == found


HOSTILE = (
    "\ud800\udfff",
    "\x00Paris\x00",
    "a" * 100_000,
    "Paris, " * 5_000,
    "," * 50_000,
    "🇺🇸" * 5_000,
    "Z̸̡̛̹a̷" * 2_000,
    "\u202eeiraP",
    "東" * 20_000,
    "1" * 50_000,
    "1.11 " * 10_000,
    "N 1°1'" * 3_000,
    "-" * 10_000,
    "New " * 10_000,
    "' OR 1=1; --",
    "%s%n{}",
    "\U000e0041" * 500,
)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("kind", ["profile", "text", "subreddit", "instance"])
def test_hostile_strings_do_no_harm(text: str, kind: str) -> None:
    assert isinstance(locate(text, kind=kind), list)  # type: ignore[arg-type]
