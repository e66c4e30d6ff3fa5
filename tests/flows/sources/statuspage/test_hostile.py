"""Damaged and hostile pages end in an error of ours or in revisions that can be stored, never in anything else."""

from __future__ import annotations

import json
import time
from contextlib import suppress

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.errors import RetryableError
from detectors.model import StatusRevision
from flows.sources.statuspage import parse
from tests.flows.sources.statuspage.compose import FAMILIES, FIRST, OTHER, OVER, Said, Told, at, page

SEEN_AT = at("20:00")
SENT = [(family, name, body) for family in FAMILIES for name, body in FAMILIES[family](OVER, OTHER).items()]
CANARY = "canary-in-the-loft"
HOSTILE = [
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "nul\x00 and bell\x07",
    "\u202eright to left\u202c \u2066isolated\u2069",
    "Z\u0300\u0301\u0302" * 300,
    "{{7*7}} =cmd|' /C calc'!A0 <!channel> @everyone",
    "x" * 60_000,
    "\ud83d half a pair",
]


def check(rows: tuple[StatusRevision, ...]) -> None:
    """Check that revisions can be stored, and are bounded."""
    for row in rows:
        record = msgspec.json.encode(row)
        assert b"\\u0000" not in record
        assert msgspec.json.decode(record, type=StatusRevision) == row
        assert len(record) < 200_000


@st.composite
def damaged(draw: st.DrawFn, body: bytes) -> bytes:
    """Cut, flip, insert, repeat."""
    found = bytearray(body)
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(found)))
        end = min(len(found), start + draw(st.integers(0, 40)))
        found[start:end] = draw(
            st.one_of(
                st.just(b""),
                st.binary(max_size=8),
                st.sampled_from([b"null", b"-1e999", b"[[[[", b"9" * 30, b"\\ud800", b'"', b"<", b"&", b"\x00"]),
                st.just(bytes(found[start:end]) * 3),
            )
        )
    return bytes(found)


@pytest.mark.parametrize(("family", "name", "body"), SENT)
def test_damage(family: str, name: str, body: bytes) -> None:
    @settings(max_examples=60)
    @given(damaged(body))
    def run(sent: bytes) -> None:
        with suppress(RetryableError):
            check(parse(page(family), {name: sent}, SEEN_AT).revisions)

    run()


@pytest.mark.parametrize(("family", "name", "body"), SENT)
def test_a_cut_page_is_an_error_and_no_wording(family: str, name: str, body: bytes) -> None:
    for end in range(0, len(body) - 2, max(1, len(body) // 60)):
        with pytest.raises(RetryableError, match="the status page"):
            parse(page(family), {name: body[:end]}, SEEN_AT)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(("family", "name", "body"), [sent for sent in SENT if sent[0] != "atom"])
def test_any_json_in_place_of_any_value(family: str, name: str, body: bytes) -> None:
    text = body.decode().removeprefix("jsonCallback(").removesuffix(");")

    @settings(max_examples=60)
    @given(st.data())
    def run(data: st.DataObject) -> None:
        document = json.loads(text)
        at_point, steps = document, data.draw(st.integers(1, 6))
        for _ in range(steps):
            keys = list(at_point) if isinstance(at_point, dict) else list(range(len(at_point)))
            if not keys:
                break
            key = data.draw(st.sampled_from(keys))
            if not isinstance(at_point[key], dict | list) or not at_point[key]:
                at_point[key] = data.draw(JSON)
                break
            at_point = at_point[key]
        with suppress(RetryableError):
            check(parse(page(family), {name: json.dumps(document).encode()}, SEEN_AT).revisions)

    run()


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("family", FAMILIES)
def test_hostile_text_is_kept_as_text(family: str, hostile: str) -> None:
    """JSON holds anything; XML cannot hold NUL, surrogates or most control characters at all."""
    if family == "atom" and any(not char.isprintable() and ord(char) < 0x20 for char in hostile):
        hostile = "".join(char for char in hostile if ord(char) >= 0x20)
    if family == "atom":
        hostile = hostile.replace("\ud83d", "")
    told = Told(1, "Pigeon Post", at("18:02"), (Said(at("18:11"), "Investigating", hostile),))
    found = parse(page(family), FAMILIES[family](told), SEEN_AT)
    check(found.revisions)
    kept = found.revisions[0].body
    cleaned = hostile.replace("\x00", "\ufffd").replace("\ud83d", "\ufffd")[:20_000]
    assert " ".join(kept.split()) == " ".join(cleaned.split())


@pytest.mark.parametrize("family", FAMILIES)
def test_deep_documents(family: str) -> None:
    for deep in (b"[" * 100_000, b'{"a":' * 100_000, b'{"incidents":' + b"[" * 100_000, b"<a>" * 100_000):
        name = next(iter(FAMILIES[family](FIRST)))
        for body in (deep, b"jsonCallback(" + deep + b")", b'"\\u0041' + deep):
            with pytest.raises(RetryableError):
                parse(page(family), {name: body}, SEEN_AT)


@pytest.mark.parametrize("family", FAMILIES)
def test_messages_repeat_nothing_of_a_page(family: str) -> None:
    name = next(iter(FAMILIES[family](FIRST)))
    with pytest.raises(RetryableError) as caught:
        parse(page(family), {name: f'{{"{CANARY}": "{CANARY}"'.encode()}, SEEN_AT)
    assert CANARY not in str(caught.value)
    assert caught.value.__cause__ is None


def test_markup_made_to_be_slow_is_not() -> None:
    """Ten times what is ever needed for an entry, made of nothing but beginnings."""
    started = time.process_time()
    for piece in (
        "<small>",
        "<!--",
        "<![",
        "&lt",
        "</",
        "<a ",
        "<a href='",
        "<!---->",
        "<p><small>Feb 10, 18:20 UTC</small>",
    ):
        told = Told(1, "Pigeon Post", at("18:02"), (Said(at("18:11"), "Investigating", "x"),))
        body = FAMILIES["atom"](told)["feed"]
        html = piece.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;") * (100_000 // len(piece))
        with suppress(RetryableError):
            check(parse(page("atom"), {"feed": body.replace(b" - x", html.encode())}, SEEN_AT).revisions)
    assert time.process_time() - started < 60, "html.parser took minutes"
