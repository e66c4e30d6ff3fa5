"""Queries: each service in exactly one, none too long, nothing that a name could break out of."""

from __future__ import annotations

import re
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.errors import InputError
from detectors.model import Service
from detectors.reference import catalogue
from detectors.text import normalise
from flows.sources.packing import Cues, Syntax, ask_for, pack, term

CUES = Cues(plain=("down", "not working"), strict=("is down",))
SYNTAX = Syntax(suffix=" -is:retweet")

BREAKING = [
    '"',
    '" OR is:retweet',
    "\\",
    'a" b',
    "from:someone",
    "-not",
    "(open",
    "x)",
    "OR",
    "and",
    "\u201cq\u201d",
    "\n",
]
NAMES = st.one_of(
    st.text(min_size=1, max_size=20),
    st.sampled_from([*BREAKING, "netflix", "net flix", "disney+", "ツイッター", "ट्विटर", "t\u0301a"]),
    st.text("abc d", min_size=1, max_size=60),
)
SERVICES = st.lists(st.tuples(st.lists(NAMES, max_size=6), st.lists(NAMES, max_size=3)), min_size=1, max_size=12).map(
    lambda names: [service(f"s{i:02}", *both) for i, both in enumerate(names)]
)

SMALL = st.lists(
    st.tuples(
        st.lists(st.text("abcdef ", min_size=1, max_size=15), max_size=3),
        st.lists(st.text("xyz", max_size=9), max_size=2),
    ),
    max_size=15,
).map(lambda names: [service(f"s{i:02}", *both) for i, both in enumerate(names)])


def service(id_: str, aliases: list[str] | tuple[str, ...], ambiguous: list[str] | tuple[str, ...] = ()) -> Service:
    return Service(id_, id_.upper(), "v", "f", tuple(aliases), tuple(ambiguous))


def skeleton(text: str) -> str:
    """Return what is left of a query without its phrases and words: the slow, obvious reading of it."""
    text = re.sub(r'"[^"]*"', "w", text.removesuffix(SYNTAX.suffix))
    text = re.sub(r"[^\s()]+", lambda found: "|" if found[0] == "OR" else "w", text)
    while True:
        shorter = re.sub(r"\(w( \| w)*\)", "w", text).replace("(w w)", "w")
        if shorter == text:
            return text
        text = shorter


@given(SERVICES, st.integers(90, 512), st.sampled_from([CUES, Cues(), Cues(plain=("down",))]))
def test_each_service_is_in_one_query_and_none_is_too_long(services: list[Service], limit: int, cues: Cues) -> None:
    """Whatever the names: every service once, every query within the limit and well formed."""
    queries = pack(services, cues, Syntax(prefix="lang:en ", suffix=" -is:retweet", limit=limit))
    assert sorted(name for query in queries for name in query.services or ()) == [one.id for one in services]
    for query in queries:
        assert 0 < len(query.text) <= limit
        assert query.text.endswith(" -is:retweet")
        assert query.text.startswith("lang:en (")
        assert skeleton(query.text.removeprefix("lang:en ")) in {"w", "w w"}
        assert "\\" not in query.text
        assert query.text.isprintable()


@settings(max_examples=30)
@given(SERVICES, st.randoms(use_true_random=False))
def test_the_order_of_services_does_not_matter(services: list[Service], random: object) -> None:
    """The same services give the same queries."""
    shuffled = list(services)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert pack(shuffled, CUES, SYNTAX) == pack(services, CUES, SYNTAX)


@settings(max_examples=50)
@given(SMALL, st.integers(150, 400))
def test_no_two_queries_could_be_one(services: list[Service], limit: int) -> None:
    """First fit leaves no pair that would have fitted together."""
    by_id = {one.id: one for one in services}
    for pair in combinations(pack(services, CUES, Syntax(suffix=" -is:retweet", limit=limit)), 2):
        together = [by_id[name] for query in pair for name in query.services or ()]
        (joined,) = pack(together, CUES, Syntax(suffix=" -is:retweet", limit=10_000))
        assert len(joined.text) > limit


def test_what_a_query_looks_like() -> None:
    """Names with cues; ambiguous names apart, with stricter ones."""
    video, teams = service("video", ["netflix", "prime video"]), service("work", ["msteams"], ["teams"])
    assert pack([video], CUES, SYNTAX)[0].text == ('(netflix OR "prime video") (down OR "not working") -is:retweet')
    (both,) = pack([teams, video], CUES, SYNTAX)
    assert both.text == (
        '(((netflix OR "prime video" OR msteams) (down OR "not working")) OR ((teams) ("is down"))) -is:retweet'
    )
    assert both.services == ("video", "work")
    assert ask_for(service("t", [], ["teams"]), CUES, SYNTAX).text == '(teams) ("is down") -is:retweet'


def test_another_syntax() -> None:
    """Joiners, quotes, groups and the limit are the platform's."""
    syntax = Syntax(either=" | ", both=" + ", quote="'", group=("[", "]"), prefix="q:", limit=60)
    (query,) = pack([service("a", ["it's here", "b"])], Cues(plain=("down",)), syntax)
    assert query.text == "q:['it s here' | b] + [down]"


def test_names_that_are_found_anyway_are_left_out() -> None:
    """A name finds every longer name that holds its words; an ambiguous one does so only among its like."""
    assert ask_for(service("r", ["reddit", "reddit app", "reddit.com", "redit"]), Cues(), SYNTAX).text == (
        "(reddit OR redit) -is:retweet"
    )
    (query,) = pack([service("w", ["teams app", "MS-Teams", "ms teams"], ["teams", "teams chat"])], CUES, SYNTAX)
    assert query.text.startswith('((("teams app" OR "MS-Teams") (')
    assert "((teams) (" in query.text


def test_a_service_with_too_many_names_keeps_the_first_ones() -> None:
    """The most useful names stay, of both kinds."""
    names = [f"name{i:02}" for i in range(100)]
    (query,) = pack([service("big", names, ["first", "second"])], CUES, SYNTAX)
    kept = re.findall(r"name\d\d", query.text)
    assert kept == names[: len(kept)]
    assert 10 < len(kept) < 100
    assert "first" in query.text
    assert 512 - len(" OR name00") < len(query.text) <= 512


@pytest.mark.parametrize(
    ("name", "expected"),
    [("OR", '"OR"'), ("-is:retweet", '"-is retweet"'), ('"', ""), ("...", ""), ("a\u202eb", '"a b"'), ("\ud800x", "x")],
)
def test_a_name_cannot_break_out(name: str, expected: str) -> None:
    """Operators are quoted, what could end a quote is gone, and so is what is not seen."""
    assert term(name) == expected


def test_a_service_whose_names_say_nothing_is_asked_for_by_its_name_or_id() -> None:
    """No service is left out of its query."""
    assert ask_for(service("bare", ["..."]), Cues(), SYNTAX).text == "(BARE) -is:retweet"
    nameless = Service("id-only", "!!!", "v", "f", ("...",))
    assert ask_for(nameless, Cues(), SYNTAX).text == '("id-only") -is:retweet'
    assert ask_for(service("amb", [], ["teams"]), Cues(), SYNTAX).text == "(AMB) -is:retweet"


def test_a_limit_that_holds_no_name_is_refused() -> None:
    """It says which service, and which limit."""
    with pytest.raises(InputError, match=r"no name of big fits into a query of 40 characters"):
        pack([service("big", ["n" * 100])], CUES, Syntax(limit=40))


def test_nothing_is_asked_for_nobody() -> None:
    assert pack([], CUES, SYNTAX) == ()


def test_every_service_of_the_catalogue_is_asked_for_by_its_first_name() -> None:
    """It stands in the query, or a shorter name does that finds it."""
    queries = {name: query.text for query in pack(catalogue().values(), CUES, SYNTAX) for name in query.services or ()}
    assert queries.keys() == set(catalogue())
    for one in catalogue().values():
        first = f" {normalise((one.aliases + one.ambiguous)[0])} ".replace("-", " ")
        names = [name for name in one.aliases + one.ambiguous if f" {normalise(name)} ".replace("-", " ") in first]
        assert any(term(name) in queries[one.id] for name in names), one.id
