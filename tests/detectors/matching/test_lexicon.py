"""The lexicon: the packaged one is sound, and a mistake in a file names its place."""

from __future__ import annotations

import pytest

from detectors.errors import CatalogueError
from detectors.matching.lexicon import Cue, Phrase, lexicon, parse_lexicon, without_accents
from detectors.text import normalise

SYMPTOMS = {
    "cannot-send", "delayed", "cannot-receive", "read-receipts", "sign-in", "sync", "attachments", "green-bubble",
    "app-crash", "slow", "total-outage", "calls", "mail", "search", "payment", "tv", "internet", "phone",
}  # fmt: skip


def test_the_packaged_lexicon() -> None:
    phrases = lexicon()
    assert {symptom for phrase in phrases.values() for symptom in phrase.symptoms} == SYMPTOMS
    assert {phrase.cue for phrase in phrases.values()} == set(Cue)
    assert all(normalise(text) == text for text in phrases)
    assert phrases["isn't working"].cue is Cue.STRONG
    assert phrases["esta caido"].cue is Cue.STRONG


def test_combinations_and_merging() -> None:
    text = """
[[phrases]]
lang = "en"
cue = "weak"
combine = [["a", "b"], ["x"]]
[[phrases]]
lang = "en"
symptom = "slow"
texts = ["A  x"]
"""
    assert parse_lexicon(text, place="l") == {"a x": Phrase(Cue.WEAK, ("slow",)), "b x": Phrase(Cue.WEAK)}


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ('lang = "en"\ncue = "loud"\ntexts = ["a"]', "l:1:cue"),
        ('lang = "en"\ntexts = ["a"]', "l:1"),
        ('lang = "en"\ncue = "weak"', "l:1:texts"),
        ('lang = "en"\ncue = "weak"\ntexts = [" "]', "l:1:texts"),
        ('cue = "weak"\ntexts = ["a"]', "l:1"),
        (
            'lang = "en"\ncue = "weak"\ntexts = ["a"]\n[[phrases]]\nlang = "de"\ncue = "strong"\ntexts = ["a"]',
            "l:5: 'a'",
        ),
    ],
)
def test_a_mistake_names_its_place(body: str, place: str) -> None:
    with pytest.raises(CatalogueError) as caught:
        parse_lexicon("[[phrases]]\n" + body, place="l")
    assert caught.value.place == place


@pytest.mark.parametrize(
    ("text", "bare"), [("çöktü", "coktu"), ("aç\u0131lm\u0131yor", "acilmiyor"), ("в сети", "в сети"), ("が", "が")]
)
def test_accents(text: str, bare: str) -> None:
    assert without_accents(text) == bare
