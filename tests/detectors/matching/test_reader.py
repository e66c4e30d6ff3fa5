"""Reading posts: what counts as a report, of which service, and that batches change nothing."""

from __future__ import annotations

import inspect

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.errors import InputError
from detectors.matching import Reader, read_post
from detectors.matching.judge import SHORT
from detectors.matching.reader import slugs
from detectors.model import Post, PostExtra
from detectors.reference import Catalogue, catalogue
from tests.builders import post

REPORTS = [
    ("is iMessage down?", ["imessage"]),
    ("iMessage isn\u2019t working for me", ["imessage"]),
    ("anyone else's imessages not sending", ["imessage"]),
    ("@AppleSupport i message keeps crashing", ["imessage"]),
    ("#imessagedown", ["imessage"]),
    ("ugh #WhatsAppOutage again", ["whatsapp"]),
    ("facebook messenger down", ["facebook-messenger"]),
    ("#facebookmessenger down", ["facebook-messenger"]),
    ("Microsoft Teams is down", ["microsoft-teams"]),
    ("teams down again", ["microsoft-teams"]),
    ("x is down", ["x"]),
    ("is discord broken rn", ["discord"]),
    ("Spectrum out in my area, no internet", ["spectrum"]),
    ("outlook won't load", ["outlook"]),
    ("facebook AND instagram both down", ["facebook", "instagram"]),
    ("netflix.com is down", ["netflix"]),
    ("my youtub wont load", ["youtube"]),
    ("iMessage is back, but WhatsApp is still down", ["whatsapp"]),
    ("imessage down but whatsapp works fine", ["imessage"]),
    ("spotify came back and is down again", ["spotify"]),
    ("apple services are down", ["apple"]),
    ("xbox game pass down", ["xbox-live"]),
    ("アイメッセージが落ちてる", ["imessage"]),
    ("インスタの不具合かな", ["instagram"]),
    ("Xが落ちてる\uff1f", ["x"]),
    ("se cayó whatsapp", ["whatsapp"]),
    ("a alguien mas no le funciona instagram? no carga", ["instagram"]),
    ("o instagram caiu", ["instagram"]),
    ("snapchat ne marche plus", ["snapchat"]),
    ("Störung bei der Telekom", ["telekom"]),
    ("netflix geht nicht", ["netflix"]),
    ("non funziona whatsapp", ["whatsapp"]),
    ("не работает ютуб", ["youtube"]),
    ("الواتساب لا يعمل", ["whatsapp"]),
    ("instagram çöktü mü", ["instagram"]),
    ("jio nahi chal raha", ["jio"]),
    ("微信崩了", ["wechat"]),
    ("카톡 안돼", ["kakaotalk"]),
    ("i\u200bM\u0336essage is d\u202eown", ["imessage"]),
]

NO_REPORTS = [
    "iMessage is lovely",
    "anyone down to chat on iMessage?",
    "I'm down for xbox tonight",
    "shut down facebook",
    "the countdown on netflix",
    "calm down, it's only instagram",
    "sat down to watch netflix",
    "iMessage is back up and running",
    "iMessage was down but it's back up now",
    "twitter is not down",
    "no issues with gmail here",
    "$META down 3% today",
    "amazon is down 2.5 percent",
    "write to joe@gmail.com, my sink is broken",
    "https://netflix.com/title down",
    "red dead online tonight",
    "both teams were terrible, a problem all season",
    "no signal on this train",
    "x marks the spot, and much later in the day my bike broke",
    "the server is down",
    "",
    "🔥",
    "ウォーキングが落ち着いた。オンラインで買った",
]


@pytest.mark.parametrize(("text", "services"), REPORTS)
def test_reports(text: str, services: list[str]) -> None:
    assert [report.service for report in read_post(text)] == services


@pytest.mark.parametrize("text", NO_REPORTS)
def test_no_reports(text: str) -> None:
    assert read_post(text) == []


def test_every_name_is_heard() -> None:
    names = [(service.id, name) for service in catalogue().values() for name in (*service.aliases, *service.ambiguous)]
    posts = [post(number, f"is {name} down?") for number, (_, name) in enumerate(names)]
    heard = [(read.id, report.service) for read, report in Reader().read(posts).reports]
    assert heard == [(f"post-{number}", service) for number, (service, _) in enumerate(names)]


def test_a_long_story_needs_the_cue_near_the_name() -> None:
    story = "and then we walked on and on through the old town " * 10
    assert len(story) > SHORT
    assert read_post(f"netflix {story} the lights stopped working") == []
    assert [report.service for report in read_post(f"{story} netflix stopped working")] == ["netflix"]


def test_a_weak_cue_must_be_near() -> None:
    assert read_post("netflix tonight after that long long day when my bike broke") == []
    assert [report.service for report in read_post("netflix problem")] == ["netflix"]


def test_the_contract() -> None:
    assert str(inspect.signature(read_post)).startswith("(text: 'str', services:")
    (report,) = read_post("imessage down, can't send", ["iMessage"], posted_at=None, zone=None)
    assert (report.service, report.weight, report.label) == ("imessage", 1.0, "report")
    assert report.symptoms == ("cannot-send",)


# --- services -----------------------------------------------------------------------------------------------------


def test_only_the_wanted_services_but_all_names_are_known() -> None:
    assert read_post("facebook messenger down", ["facebook"]) == []
    assert [r.service for r in read_post("fb and insta down", ["Instagram"])] == ["instagram"]
    assert [r.service for r in read_post("fb and insta down", "facebook")] == ["facebook"]
    with pytest.raises(InputError, match="did you mean imessage"):
        Reader(["imesagge"])


def test_a_catalogue_of_ones_own() -> None:
    text = '[[service]]\nid="acme"\nname="Acme"\nvendor="acme"\nfamily="work"\naliases=["acme"]\nambiguous=["road"]'
    reader = Reader(Catalogue.from_files({"own.toml": text}))
    posts = [post(1, "acme down"), post(2, "imessage down"), post(3, "road down")]
    assert [report.service for _, report in reader.read(posts).reports] == ["acme", "acme"]


# --- what platforms say -------------------------------------------------------------------------------------------


def form(service: str, text: str = "", symptom: str | None = None) -> Post:
    return post(1, text, extra=PostExtra(service=service, symptom=symptom))


def test_a_form_is_a_report_without_matching() -> None:
    ((_, report),) = Reader().read([form("Spectrum")]).reports
    assert report.service == "spectrum"
    assert report.symptoms == ()


def test_a_form_keeps_its_symptoms_and_those_of_its_text() -> None:
    ((_, report),) = Reader().read([form("Spectrum", "wifi is so slow, netflix down", symptom="Internet+TV")]).reports
    assert report.service == "spectrum"
    assert report.symptoms == ("internet", "tv", "slow")


def test_an_unknown_service_is_handed_back() -> None:
    reading = Reader().read([form("Foo\x1b", "imessage down"), form("  ", "imessage down")])
    assert [name for _, name in reading.unknown] == ["Foo"]
    assert [report.service for _, report in reading.reports] == ["imessage"]


def test_a_known_service_that_is_not_wanted_is_not_unknown() -> None:
    reading = Reader(["imessage"]).read([form("Spectrum")])
    assert (reading.reports, reading.unknown) == ([], [])


@pytest.mark.parametrize(
    ("text", "flag", "expected"),
    [
        ("imessage down", False, False),
        ("imessage down", True, True),
        ("RT @a: imessage down", False, True),
        ("RT: imessage down", False, True),
        ("rt if imessage is down", False, False),
    ],
)
def test_reposts_are_marked(text: str, *, flag: bool, expected: bool) -> None:
    ((_, report),) = Reader().read([post(1, text, is_repost=flag)]).reports
    assert report.is_repost is expected


@pytest.mark.parametrize(
    ("symptom", "expected"),
    [
        ("Internet", ("internet",)),
        ("Internet+TV", ("internet", "tv")),
        ("Total Blackout", ("total-blackout",)),
        ("", ()),
        (" + ", ()),
        ("TV, tv", ("tv",)),
        ("a" * 90, ("a" * 40,)),
        ("+".join("abcdefghijkl"), tuple("abcdefgh")),
    ],
)
def test_slugs(symptom: str, expected: tuple[str, ...]) -> None:
    assert slugs(symptom) == expected


@pytest.mark.parametrize(
    ("text", "symptoms"),
    [
        ("can't send imessages", {"cannot-send"}),
        ("imessage delayed by hours", {"delayed"}),
        ("not receiving anything on whatsapp", {"cannot-receive"}),
        ("whatsapp down, only one tick", {"read-receipts"}),
        ("can't log in to facebook", {"sign-in"}),
        ("onedrive not syncing", {"sync"}),
        ("imessage won't send pictures", {"cannot-send", "attachments"}),
        ("imessage is all green bubbles", {"green-bubble"}),
        ("snapchat keeps crashing", {"app-crash"}),
        ("youtube is so slow", {"slow"}),
        ("spotify completely down", {"total-outage"}),
        ("verizon calls not connecting", {"calls"}),
        ("outlook.com inbox not loading", {"mail"}),
        ("reddit search broken", {"search"}),
        ("paypal payments failing", {"payment"}),
        ("xfinity cable box is down", {"tv"}),
        ("xfinity wifi is down", {"internet"}),
        ("t-mobile in sos mode", {"phone"}),
        ("apple tv is down", set()),
        ("google search is down", set()),
    ],
)
def test_symptoms(text: str, symptoms: set[str]) -> None:
    (report,) = read_post(text)
    assert set(report.symptoms) == symptoms


# --- batches ------------------------------------------------------------------------------------------------------

WORDS = st.sampled_from(
    [
        "imessage",
        "iMessages",
        "teams",
        "microsoft",
        "x",
        "facebook",
        "messenger",
        "down",
        "is",
        "back",
        "up",
        "isn't",
        "working",
        "for",
        "me",
        "not",
        "sat",
        "calm",
        "outage",
        "#imessagedown",
        "#xdown",
        "slow",
        "https://x.com/a",
        "joe@gmail.com",
        "@discord",
        "アイメッセージ",
        "が落ちてる",
        "不具合",
        "é",
        "…",
        "\u200b",
        "\n",
        "👍",
        "ライン",
        "netflix's",
        "no",
        "issues",
        "with",
        "working",
        "again",
        "but",
        ",",
        "?",
        "�",
    ]
)
TEXTS = st.lists(WORDS, max_size=9).map(" ".join)


@settings(max_examples=150)
@given(st.lists(TEXTS, max_size=8), st.randoms())
def test_batch_and_order_change_nothing(texts: list[str], random: object) -> None:
    reader = Reader()
    posts = [post(number, text) for number, text in enumerate(texts)]
    together = reader.read(posts).reports
    assert together == [pair for one in posts for pair in reader.read([one]).reports]
    shuffled = list(posts)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert sorted(reader.read(shuffled).reports, key=lambda pair: pair[0].id) == sorted(
        together, key=lambda pair: pair[0].id
    )


PLAIN = st.lists(
    st.sampled_from(
        ["netflix", "netflixing", "unnetflix", "is", "are", "down", "downtown", "crown", "a", "b", ",", "!", "spotify"]
    ),
    max_size=7,
)


@given(PLAIN)
def test_a_naive_twin_agrees_on_boundaries(words: list[str]) -> None:
    """Among words that mean nothing else, a service is reported iff it and "is down" stand there as words."""
    padded = f" {' '.join(words)} "
    expected = {name for name in ("netflix", "spotify") if f" {name} " in padded and " is down " in padded}
    found = {report.service for report in read_post(padded)}
    assert expected <= found
    assert all(f" {name} " in padded and " down " in padded for name in found)


@pytest.mark.parametrize(
    "text",
    [
        "x down " * 8_000,
        "a" * 50_000,
        "down" * 12_000,
        "@" * 50_000 + "netflix down",
        "netflix " * 3_000 + "down " * 3_000,
        "is back down " * 4_000,
        "\u202e\x00\ud800" * 20_000 + "imessage down",
        "i\u0301\u0323" * 30_000,
        "http://" * 7_000 + "x down",
        "落ちてる" * 12_000 + "アイメッセージ",
        "down 1,1,1,1,1,1,1,1,1,1,1,1," * 2_000,
    ],
)
def test_hostile_posts_are_read_like_any_other(text: str) -> None:
    services = [report.service for report in read_post(text)]
    assert len(services) == len(set(services))
    beside = Reader().read([post(1, "imessage down"), post(2, text), post(3, "imessage down")]).reports
    assert [read.id for read, report in beside if report.service == "imessage" and read.id != "post-2"] == [
        "post-1",
        "post-3",
    ]


def test_an_empty_batch() -> None:
    assert Reader().read([]).reports == []


def test_a_symptom_that_a_service_cannot_have_is_not_counted() -> None:
    text = "imessage not sending, the internet is not working either way"
    (report,) = read_post(text, ["imessage"])
    assert "internet" not in report.symptoms
    assert "cannot-send" in report.symptoms


def test_what_is_not_text_is_refused() -> None:
    with pytest.raises(InputError, match="a post is text, not bytes"):
        read_post(b"imessage down")  # type: ignore[arg-type]
