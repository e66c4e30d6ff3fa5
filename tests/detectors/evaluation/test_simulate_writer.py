"""The grammar: every line of every language can be written, and nothing of its notation is left in a text."""

from __future__ import annotations

import re
from itertools import islice

import numpy as np
import pytest

from detectors.evaluation.simulate.grammar import LANGUAGES, phrases_in, read_grammar
from detectors.evaluation.simulate.posts import MIXES
from detectors.evaluation.simulate.writer import STORY, Wanted, Writer, compile_line, dice, names_of

LABELS = {label for mix in MIXES.values() for label, _ in mix} | {"background"}


def writer(*names: str) -> Writer:
    return Writer((names,), dice(np.random.default_rng(3)))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_section_gives_clean_text(language: str) -> None:
    pen = writer("Zorblax")
    for section in phrases_in(language).sections:
        kind, _, name = section.partition(" ")
        if kind not in ("symptom", "label"):
            continue
        label = "first_hand" if kind == "symptom" else name
        wanted = Wanted(0, label, name if kind == "symptom" else "", language, "Ulm")
        if name == "story":
            wanted = Wanted(0, "first_hand", STORY, language, "Ulm")
        for _ in range(30):
            text, spoken = pen.write(wanted)
            assert text
            assert spoken == language
            assert not re.search(r"[{}\[\]\x00]", text), text
            assert "|" not in text or name == "story"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_report_names_its_service(language: str) -> None:
    phrases = phrases_in(language)
    lines = [line for section in phrases.sections for line in phrases[section] if section.startswith("symptom")]
    assert lines
    assert all("{n}" in line for line in lines)
    assert all("{n}" in line for line in phrases["label asking"])
    assert not any("{n}" in line for line in phrases["label background"])


def test_english_has_words_for_all() -> None:
    english = phrases_in("en")
    assert all(f"label {label}" in english for label in LABELS - {"first_hand"})
    slots = {"n", "o", "c", "k", "u", *english.slots}
    for language in LANGUAGES:
        phrases = phrases_in(language)
        used = {
            letter
            for section in phrases.sections
            for line in phrases[section]
            for letter in re.findall(r"\{(.*?)\}", line)
        }
        assert used <= slots
        symptoms = {section for section in phrases.sections if section.startswith("symptom")}
        assert symptoms <= set(english.sections)


def test_what_a_language_lacks_is_said_in_english() -> None:
    pen = writer("Zorblax")
    assert pen.write(Wanted(0, "spam", "", "ja", "東京"))[1] == "en"
    assert pen.write(Wanted(0, "first_hand", "tv", "de", "Ulm"))[1] == "en"
    assert pen.write(Wanted(0, "first_hand", "slow", "xx", "Ulm"))[1] == "en"


def test_texts_are_many() -> None:
    pen = writer("iMessage", "i message")
    texts = [pen.write(Wanted(0, "first_hand", "cannot send", "en", "Austin"))[0] for _ in range(1000)]
    assert len(set(texts)) > 800
    names = ["i message" in text.lower() for text in texts]
    assert 0.15 < sum(names) / len(names) < 0.35


def test_devices_are_those_that_a_service_runs_on() -> None:
    pen = Writer((("Zorblax",), ("Other",)), dice(np.random.default_rng(3)), devices=(("typewriter",), ()))
    one, other = (
        {pen.write(Wanted(index, "first_hand", STORY, "en", "Ulm"))[0].lower() for _ in range(60)} for index in (0, 1)
    )
    assert sum("typewriter" in text for text in one) > 50
    assert not any("typewriter" in text for text in other)


def test_a_rival_is_never_the_service_itself() -> None:
    pen = writer("Discord")
    texts = [pen.write(Wanted(0, "other_service", "", "en", "Ulm"))[0].lower() for _ in range(300)]
    assert all(text.count("discord") <= 2 for text in texts)
    assert not any("discord is down" in text for text in texts)


def test_choices_may_be_empty_or_nested() -> None:
    line = compile_line("a[|{t}]{c}", {"t": ("[x|y]",)})
    assert line == ("a", ((), (((((("x",), ("y",)),)),),)), "\x00")
    assert read_grammar("# slot t\n-\nnow").slots == {"t": ("", "now")}


def test_dice_never_end() -> None:
    rolled = list(islice(dice(np.random.default_rng(1)), 20_000))
    assert len(rolled) == 20_000
    assert len(set(rolled)) > 19_900


def test_names_are_what_people_say() -> None:
    names = names_of("imessage")
    assert names[0] == "iMessage"
    assert len(names) > 1
    assert not any("down" in name or "#" in name for name in names)
    assert all(name.isascii() for name in names)
