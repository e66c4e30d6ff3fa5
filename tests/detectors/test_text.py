"""Safe text: bounded, idempotent, with nothing hidden in it."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from detectors.text import normalise, normalise_all, printable

ANY = st.text(st.characters(categories=["L", "M", "N", "P", "S", "Z", "C"]), max_size=60)
ODD = st.text(
    st.sampled_from(
        "aé\u0301\u0323\u200b\u202e\x00\ud83d\udc4d\ufe0f\u2019\u02bc\xb4"
        "…\uff01ﷺ\uff21\u0390ŉ\u0345가가 \n\t\u2028\xa0\uf8fe\u05b0"
    ),
    max_size=40,
)
HOSTILE = st.one_of(ANY, ODD)


def is_clean(text: str) -> bool:
    return not any(unicodedata.category(char) in ("Cc", "Cf", "Cs") for char in text)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("iMessage DOWN", "imessage down"),
        ("  two\n\nlines\there ", "two lines here"),
        ("isn\u2019t “up” can\xb4t", "isn't \"up\" can't"),
        ("i\u200bMes\u202esage\x00", "imessage"),
        ("\uff29\uff2d\uff25\uff53\uff53\uff41\uff47\uff45\u3000が落ちた\uff01", "imessage が落ちた!"),
        ("i\u0337M\u0336e\u0338s\u0321\u0489sage", "imessage"),
        ("cafe\u0301 STRASSE straße", "café strasse strasse"),
        ("\ud83d lone", "lone"),
        ("", ""),
        ("❤️ ok", "❤ ok"),
        ("İstanbul", "istanbul"),
        ("व्हाट्सएप", "व्हाट्सएप"),
    ],
)
def test_normal_form(raw: str, expected: str) -> None:
    assert normalise(raw) == expected


@given(HOSTILE, st.integers(0, 50))
@example("ŉ", 50)
@example("\u0390", 50)
def test_normalise_is_idempotent_bounded_and_clean(text: str, limit: int) -> None:
    once = normalise(text, limit=limit)
    assert normalise(once, limit=limit) == once
    assert len(once) <= limit
    assert is_clean(once)
    assert once == " ".join(once.split())


@given(st.lists(HOSTILE, max_size=8), st.sampled_from([5, 10_000]))
@example(["é\x03", "ü", "a\x01", "b\x03"], 10_000)
@example(["é…", "ß", "\x01é\x02", "\x01\x02 a"], 5)
@example(["é" * 600, "x" * 20_000, "\u03b1\u0345"], 10_000)
def test_a_batch_is_what_its_texts_are_one_by_one(texts: list[str], limit: int) -> None:
    assert normalise_all(texts, limit=limit) == [normalise(text, limit=limit) for text in texts]


def test_what_composes_in_a_batch_is_what_composes_alone() -> None:
    parts = [unicodedata.decomposition(chr(code)).split() for code in range(0x30000)]
    pairs = ["".join(chr(int(part, 16)) for part in pair) for pair in parts if len(pair) == 2 and "<" not in pair[0]]
    texts = [f"{before}{pair}" for pair in [*pairs, "\u1100\u1161", "\uac00\u11a8"] for before in ("", "é ")]
    assert len(texts) > 2_000
    assert normalise_all(texts) == [normalise(text) for text in texts]


def test_every_character_in_a_batch_is_what_it_is_alone() -> None:
    texts = [f"é{chr(code)}a" for code in range(0x30000)]
    assert normalise_all(texts) == [normalise(text) for text in texts]


def test_every_character_is_safe_alone() -> None:
    letters = [chr(code) for code in range(0x110000)]
    texts = ["é" + "".join(letters[at : at + 64]) for at in range(0, 0x110000, 64)]
    for text, folded in zip(texts, normalise_all(texts), strict=True):
        assert is_clean(folded)
        assert normalise(folded) == folded
        assert is_clean(printable(text))


@pytest.mark.parametrize("unit", ["a\u0301\u0323", "\u05b0\u0591", "\ufdfa", "\u202e", "\ud800", "é\x00", "👍\u200d"])
def test_long_hostile_texts_are_cut_and_settle(unit: str) -> None:
    text = unit * 50_000
    once = normalise(text)
    assert len(once) <= 10_000
    assert normalise(once) == once


def test_a_long_run_of_marks_becomes_short() -> None:
    assert normalise("\u05d0" + "\u05b0\u0591" * 5_000).count("\u05b0") <= 8


@given(HOSTILE, st.integers(0, 40))
def test_printable_is_idempotent_bounded_and_inert(text: str, limit: int) -> None:
    once = printable(text, limit=limit)
    assert printable(once, limit=limit) == once
    assert len(once) <= limit
    assert is_clean(once)
    assert "\n" not in once


def test_printable_keeps_what_is_to_be_read() -> None:
    assert printable("Ünïted  Kingdom 日本") == "Ünïted Kingdom 日本"
    assert printable("x\x1b]0;title\x07y") == "x]0;titley"
    assert printable("e" + "\u0336" * 9) == "e" + "\u0336" * 3
    assert printable("abcdef", limit=4) == "abc…"
