"""Texts that are normalised together, against their slow twin: one by one."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from detectors.matching.joined import join_normalised
from detectors.text import LIMIT, normalise

HARD = st.text(
    st.sampled_from(
        "aA é\u0301\u0323\u200b\u202e\x00\x01\x02\x03\ud83d\ufe0f\u2019\u02bc\xb4…\uff01ﷺ\uff21\u0390ŉ\u0345"
        "ß각\u1100\u1161\u11a8\uac00か\u3099\uff9e \n\t\u2028\xa0\uf8fe\U00020000"
    ),
    max_size=12,
)
TEXTS = st.lists(st.one_of(HARD, st.text(max_size=12)), max_size=8)


def together(texts: list[str], limit: int = LIMIT) -> list[str]:
    """Return what the texts become together, each from exactly one part."""
    done: dict[int, str] = {}
    for part in join_normalised(texts, limit=limit):
        picked = part.pick([], range(len(texts)))
        assert done.keys().isdisjoint(picked)
        done |= picked
    return [done[number] for number in range(len(texts))]


@given(TEXTS, st.sampled_from([1, 5, LIMIT]))
@example(["é\x03", "ü", "a\x01", "b\x03", ""], LIMIT)
@example(["é…", "ß", "\x01é\x02", "\x01\x02 a", "\x02\x02"], 5)
@example(["é" * 600, "x" * 20_000, "\u03b1\u0345"], LIMIT)
def test_together_texts_are_what_they_are_one_by_one(texts: list[str], limit: int) -> None:
    assert together(texts, limit) == [normalise(text, limit=limit) for text in texts]


def test_what_composes_together_is_what_composes_alone() -> None:
    parts = [unicodedata.decomposition(chr(code)).split() for code in range(0x30000)]
    pairs = ["".join(chr(int(part, 16)) for part in pair) for pair in parts if len(pair) == 2 and "<" not in pair[0]]
    texts = [f"{before}{pair}" for pair in [*pairs, "\u1100\u1161", "\uac00\u11a8"] for before in ("", "é ")]
    assert len(texts) > 2_000
    assert together(texts) == [normalise(text) for text in texts]


def test_every_character_becomes_what_it_becomes_alone() -> None:
    texts = [f"é{chr(code)}a" for code in range(0x30000)]
    assert together(texts) == [normalise(text) for text in texts]


@given(TEXTS)
def test_a_position_is_found_in_its_text(texts: list[str]) -> None:
    for part in join_normalised(texts):
        starts = [start for start, char in enumerate(part.text) if char == "a"]
        expected = {
            int(number): normalise(texts[number])
            for number in part.numbers
            if number >= 0 and "a" in normalise(texts[number])
        }
        assert part.pick(starts) == expected


@pytest.mark.parametrize("number", [0, 2])
def test_texts_can_be_asked_for_by_number(number: int) -> None:
    texts = ["A b", "É", "  c  d "]
    found = [part.pick([], {number}) for part in join_normalised(texts)]
    assert found == [{number: normalise(texts[number])}, {}, {}]
