"""HTML to text: what is seen, and that nobody chooses how long it takes."""

from __future__ import annotations

from html import escape
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.sources.markup import MOST_CHARACTERS, text_of_html


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("", ""),
        ("plain", "plain"),
        ("<p>a</p><p>b</p>", "a\nb"),
        ("a<br>b<br/>c", "a\nb\nc"),
        ('<a href="https://x.example/?a=1&amp;b" rel="tag">#<span>down</span></a>!', "#down!"),
        ('<span class="invisible">https://</span><span>x.example</span>', "https://x.example"),
        ("&lt;b&gt; &amp; &#39;&#x27;&quot; &euro;", "<b> & ''\" €"),
        ("a<script>alert('x')</script>b<style>p{}</style>c", "abc"),
        ("</script>a", "a"),
        ("1 < 2 and 3 > 2", "1 < 2 and 3 > 2"),
        ("a <3 b", "a <3 b"),
        ("a<!-- b -->c", "ac"),
        ("<ul><li>a</li><li>b</li></ul>", "a\nb"),
        ("<p>unclosed <b>tags", "unclosed tags"),
        ("a <![x[ b> c", "a   c"),
        ("  a \n\n <p> b </p>  ", "a\nb"),
    ],
)
def test_what_is_seen_is_left(html: str, text: str) -> None:
    assert text_of_html(html) == text


@given(st.text())
def test_escaped_text_comes_back(text: str) -> None:
    words = text.split()
    assert text_of_html(f"<p>{escape(text)}</p>").split() == words


@given(
    st.lists(st.sampled_from(["<", ">", "!", "--", "[", "]", "&", "#", ";", "'", '"', "=", "/", "a", " ", "script"]))
)
def test_anything_is_read(pieces: list[str]) -> None:
    assert isinstance(text_of_html("".join(pieces)), str)


@pytest.mark.parametrize("piece", ["<a ", "<!--", "<!-- >", "<a b='", "<a b=' >", "<![CDATA[", "</", "<?", "&#", "<p>"])
def test_the_time_it_takes_is_not_a_strangers_to_choose(piece: str) -> None:
    began_s = process_time()
    text_of_html(piece * 1_000_000)
    assert process_time() - began_s < 2  # some hundredths of a second; before the precautions, hours


def test_what_is_too_long_is_cut() -> None:
    assert len(text_of_html("a" * 10 * MOST_CHARACTERS)) == MOST_CHARACTERS
