"""Safe text: bounded, idempotent, with nothing hidden in it."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from detectors.text import fold_alone, normalise, printable

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


def test_every_character_is_safe_alone() -> None:
    letters = [chr(code) for code in range(0x110000)]
    for at in range(0, 0x110000, 64):
        text = "é" + "".join(letters[at : at + 64])
        folded = normalise(text)
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


@pytest.mark.parametrize(
    ("char", "expected"),
    [
        ("A", "a"),
        ("\uff21", "a"),
        ("\u2019", "'"),
        ("\n", " "),
        ("\u200b", ""),
        ("ß", None),
        ("\u0301", None),
        ("\u1161", None),
    ],
)
def test_what_a_character_becomes_by_itself(char: str, expected: str | None) -> None:
    assert fold_alone(char) == expected
