"""Edges of words and links."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.matching.boundary import in_link, is_edge


@pytest.mark.parametrize(
    ("text", "word", "expected"),
    [
        ("x down", "down", True),
        ("countdown", "down", False),
        ("downtown", "down", False),
        ("down!", "down", True),
        ("a_down", "down", False),
        ("xが落ちた", "x", True),
        ("今日x落ち", "x", True),
        ("オンライン", "ライン", False),
        ("ラインが", "ライン", True),
        ("넷플릭스가", "넷플릭스", True),
        ("лежит", "леж", False),
        ("व्हाट्सएप", "व्हाट्सए", False),
        ("#down2", "down", False),
    ],
)
def test_edges(text: str, word: str, *, expected: bool) -> None:
    start = text.index(word)
    assert (is_edge(text, start) and is_edge(text, start + len(word))) is expected


@given(st.text(alphabet="ab_1 .,!?#-", max_size=12), st.integers(0, 12))
def test_ascii_edges_are_those_of_a_naive_twin(text: str, at: int) -> None:
    def is_word(index: int) -> bool:
        return 0 <= index < len(text) and (text[index].isalnum() or text[index] == "_")

    assert is_edge(text, at) is not (at < len(text) and is_word(at - 1) and is_word(at))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("netflix is down", False),
        ("netflix.com is down", False),
        ("@netflix down", False),
        (".@netflix down", False),
        ("(@netflix) down", False),
        ("@support,netflix down", False),
        ("netflix/hulu down", False),
        ("https://netflix.com/title", True),
        ("see http://a.b/netflix now", True),
        ("www.netflix.com", True),
        ("status.netflix.com says", True),
        ("netflix.com/title/1", True),
        ("joe@netflix.com", True),
        ("netflix@mail.com", True),
        ("@joe.netflix said", True),
        ("$netflix down", True),
        ("working.netflix", True),
    ],
)
def test_links(text: str, *, expected: bool) -> None:
    start = text.index("netflix")
    assert in_link(text, start, start + len("netflix")) is expected


def test_a_token_without_end_is_looked_at_only_near_by() -> None:
    text = "a" * 5_000 + "/netflix" + "b" * 5_000
    assert in_link(text, 5_001, 5_008) is False
