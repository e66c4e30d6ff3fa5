"""What receivers show of a message."""

from __future__ import annotations

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.notify.message import Link
from flows.notify.receivers.facts import clean, facts, fit, links, sentence, text_block, title
from tests.flows.notify.receivers.helpers import FIRING, MINIMAL, RESOLVED, changed

ESCAPES = {"&": "&amp;", "<": "&lt;", "*": "\\*", "\\": "\\\\"}


def slow_fit(text: str, limit: int) -> str:
    """Return, the slow way, the longest beginning that fits."""

    def size(piece: str) -> int:
        return len(piece.encode("utf-16-le", "surrogatepass")) // 2

    def escaped(piece: str) -> str:
        return "".join(ESCAPES.get(char, char) for char in piece)

    if size(escaped(text)) <= limit:
        return escaped(text)
    return next(escaped(text[:end]) + "…" for end in range(len(text), -1, -1) if size(escaped(text[:end])) <= limit - 1)


@given(st.text(alphabet="ab&<*\\\U0001f525é", max_size=40), st.integers(1, 60))
def test_what_does_not_fit_is_cut_between_escapes(text: str, limit: int) -> None:
    assert fit(text, limit, ESCAPES) == slow_fit(text, limit)


@given(st.text(max_size=300))
def test_clean_text_is_on_one_line_and_stays_as_it_is(text: str) -> None:
    cleaned = clean(text)
    assert clean(cleaned) == cleaned
    assert "http://" not in cleaned
    assert "\n" not in cleaned
    cleaned.encode("utf-8")


def test_what_is_known_of_an_incident() -> None:
    told = {fact.label: fact.text for fact in facts(FIRING)}
    assert told["Since"] == "3 March 2026 18:05 (18:02-18:08) UTC"
    assert told["Above normal"] == "13x"
    assert told["Reports"] == "412 reports, 380 independent voices"
    assert told["Heard on"] == "x, bluesky; 97 % of the time observed"
    assert told["Regions"] == (
        "United States 14x, Canada 9.1x, Britain; worldwide; 31 % of the voices from places unknown"
    )
    assert told["Symptoms"] == "messages not sending 46 %, login 12 %"
    assert "Over" not in told
    assert "Posts" not in told
    assert {fact.label: fact.text for fact in facts(RESOLVED)}["Over"] == "3 March 2026 18:52 (18:48-18:56) UTC"


def test_what_is_not_known_is_absent() -> None:
    assert [(fact.label, fact.text) for fact in facts(MINIMAL)] == [("Since", "3 March 2026 18:12 UTC")]
    assert text_block(MINIMAL) == "X: more reports than usual.\n\nSince: 3 March 2026 18:12 UTC"
    assert sentence(changed(MINIMAL, sentence="\u200b")) == "Watch: X"


def test_titles() -> None:
    assert title(FIRING) == "Outage: iMessage"
    assert title(RESOLVED) == "Resolved: iMessage"
    assert title(changed(RESOLVED, state="dismissed", is_test=True)) == "Test: Dismissed: iMessage"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://uproar.example/a?b=c&d=e", "https://uproar.example/a?b=c&d=e"),
        ("http://127.0.0.1:8000/x", "http://127.0.0.1:8000/x"),
        ("https://m\u00fcnchen.example/\u00fc", "https://xn--mnchen-3ya.example/%C3%BC"),
        ("https://x.example/a|b>c)d`e", "https://x.example/a%7Cb%3Ec%29d%60e"),
        ("https://x.example/50%-off?q=[1]#%7a%", "https://x.example/50%25-off?q=%5B1%5D#%7a%25"),
        ("http://[2606:4700::1]:8080/a", "http://[2606:4700::1]:8080/a"),
        ("javascript:alert(1)", None),
        ("data:text/html,x", None),
        ("//x.example", None),
        ("https://user@x.example/", None),
        ("https:///x", None),
        ("https://[", None),
        ("https://x.example/" + "a" * 5000, None),
        ("", None),
    ],
)
def test_what_can_be_opened(url: str, expected: str | None) -> None:
    found = links(changed(MINIMAL, links=(Link("", url),)))
    assert found == ((("Link", expected),) if expected else ())
    assert all(httpx.URL(address).scheme in {"http", "https"} for _, address in found)
