"""Archives: every good line goes through, every bad one is named, and reading can stop and go on anywhere."""

from __future__ import annotations

import gzip
from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.counting import Stretch, merge, micros
from detectors.errors import InputError
from flows.sources.archive import Archive, Rules
from flows.sources.base import Source
from flows.sources.bounded import Limits
from tests.builders import START
from tests.flows.sources.helpers import NOW, PACKED, at, fetch, ids, line, skipped, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from detectors.model import Batch


def observed(batches: list[Batch]) -> tuple[Stretch, ...]:
    """Return what a store would make of the spans, in minutes from the start."""
    seen = (Stretch(micros(one.start_at), micros(one.end_at)) for batch in batches for one in batch.observed)
    start = micros(START)
    return tuple(Stretch((one[0] - start) // 60_000_000, (one[1] - start) // 60_000_000) for one in merge(seen))


def refused(path: Path, cursor: str | None = None, **fields: Any) -> str:
    with pytest.raises(InputError) as caught:
        fetch(path, cursor, **fields)
    return str(caught.value)


@pytest.mark.parametrize("suffix", PACKED)
def test_posts_come_in_batches_however_they_are_packed(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"posts.jsonl{suffix}", *(line(number) for number in range(7)))
    batches, source = fetch(path, batch_size=3)
    assert [len(batch.posts) for batch in batches] == [3, 3, 1]
    assert ids(batches) == [f"post-{number}" for number in range(7)]
    assert observed(batches) == (Stretch(0, 7),)
    assert (source.tally.n_lines, source.tally.n_posts, source.tally.n_skipped) == (7, 7, 0)


def test_how_a_file_is_packed_is_told_by_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "posts.jsonl"
    path.write_bytes(gzip.compress(line(1)))
    assert ids(fetch(path)[0]) == ["post-1"]


def test_an_archive_is_a_source(tmp_path: Path) -> None:
    source: Source = Archive(tmp_path / "posts.jsonl", now=NOW)
    assert isinstance(source, Source)
    assert (source.name, source.label) == ("archive", "archive:posts.jsonl")


# --- bad lines -----------------------------------------------------------------------------------------------

CANARY = "canary"
HUGE = b'{"text":"' + CANARY.encode() * 2_000_000 + b'"}'
BAD = {
    "not JSON": b"<p>canary</p>",
    "cut JSON": b'{"id":"canary',
    "NaN": line(1).replace(b'"post-1"', b"NaN"),
    "array": b'["canary"]',
    "not UTF-8": line(1, text="canary").replace(b"canary", b"\xff\xfe"),
    "nested too deeply": b'{"a":' + b"[" * 100_000,
    "no id": b'{"platform":"canary","created_at":"2026-03-01T00:00:00Z","text":""}',
    "empty id": line(1).replace(b"post-1", b""),
    "wrong type": line(1).replace(b'"post-1"', b"17"),
    "no time zone": line(1).replace(b"Z", b""),
    "no such day": line(1).replace(b"2026-03-02", b"2026-02-30"),
    "number as time": line(1).replace(b'"2026-03-02T00:01:00Z"', b"1772409660"),
    "in the future": line(1, minute=3 * 24 * 60),
    "before 2000": line(1, minute=-30 * 365 * 24 * 60),
    "latitude": line(1).replace(b"{", b'{"geo":{"lat":91},', 1),
    "long id": line(1).replace(b"post-1", b"canary" * 100),
    "too long": HUGE,
}
SAYS = {
    "not JSON": "not JSON",
    "NaN": "not JSON",
    "array": "not a post: expected `object`, got `array`",
    "not UTF-8": "not UTF-8",
    "nested too deeply": "nested too deeply",
    "no id": "not a post: object missing required field `id`",
    "no time zone": "created_at has no time zone; write it like 2026-03-01T18:05:00Z",
    "in the future": "created_at lies in the future",
    "before 2000": "created_at is before 2000",
    "wrong type": "not a post: expected `str`, got `int` in `id`",
    "too long": "longer than 1,048,576 bytes",
}


@pytest.mark.parametrize("kind", BAD)
@pytest.mark.parametrize("suffix", ["", ".zst"])
def test_a_bad_line_is_counted_and_named_and_the_others_go_through(tmp_path: Path, kind: str, suffix: str) -> None:
    path = write(tmp_path / f"posts.jsonl{suffix}", line(0), BAD[kind], b"  ", line(3), line(4))
    batches, source = fetch(path)
    assert ids(batches) == ["post-0", "post-3", "post-4"]
    assert source.tally.n_skipped == sum(source.tally.skipped.values()) == 1
    assert skipped(batches) == source.tally.messages
    (message,) = source.tally.messages
    assert message.startswith(f"{path.name}:2: {SAYS.get(kind, '')}")
    assert CANARY not in message
    assert len(message) < 150


def test_all_bad_lines_at_once(tmp_path: Path) -> None:
    path = write(tmp_path / "posts.jsonl", line(0), *BAD.values())
    batches, source = fetch(path, batch_size=4)
    assert ids(batches) == ["post-0"]
    assert [message.split(":")[1] for message in skipped(batches)] == [str(number + 2) for number in range(len(BAD))]
    assert source.tally.n_skipped == len(BAD)
    assert source.tally.skipped["not JSON"] == 3


@pytest.mark.parametrize("size", [1, 3, 100])
def test_a_batch_says_where_each_post_stands(tmp_path: Path, size: int) -> None:
    path = write(tmp_path / "a.jsonl", line(0), b"", line(1), b"{", b"x" * 2_000_000, line(2), line(3), line(4))
    batches, _ = fetch(path, batch_size=size)
    places = [(batch.file, at) for batch in batches for at in batch.lines]
    assert places == [("a.jsonl", number) for number in (1, 3, 6, 7, 8)]
    assert all(len(batch.lines) == len(batch.posts) for batch in batches)


def test_only_the_first_messages_are_kept(tmp_path: Path) -> None:
    path = write(tmp_path / "posts.jsonl", line(0), *[b"{"] * 250)
    _, source = fetch(path)
    assert (source.tally.n_skipped, len(source.tally.messages)) == (250, 100)


def test_a_line_may_be_as_long_as_the_limit(tmp_path: Path) -> None:
    good = line(1)
    rules = Rules(limits=Limits(line_bytes=len(good)))
    path = write(tmp_path / "posts.jsonl", good, good + b" ", good)
    batches, source = fetch(path, rules=rules)
    assert len(ids(batches)) == 2
    assert source.tally.messages == [f"posts.jsonl:2: longer than {len(good)} bytes"]


def test_line_ends_and_byte_order_marks_of_other_systems(tmp_path: Path) -> None:
    path = write(tmp_path / "posts.jsonl", b"\xef\xbb\xbf" + line(0) + b"\r", line(1) + b"\r", end=b"\n\r\n\n")
    batches, source = fetch(path)
    assert ids(batches) == ["post-0", "post-1"]
    assert source.tally.n_skipped == 0
    assert ids(fetch(write(path, b"\xef\xbb\xbf" + line(0), end=b""))[0]) == ["post-0"]


def test_instants_are_turned_to_utc(tmp_path: Path) -> None:
    text = line(1).replace(b"T00:01:00Z", b"T02:01:00+02:00")
    (batch,), _ = fetch(write(tmp_path / "posts.jsonl", text))
    assert batch.posts[0].created_at == at(1)
    assert batch.posts[0].created_at.tzinfo is UTC


def test_a_little_ahead_of_the_clock_is_no_future(tmp_path: Path) -> None:
    path = write(tmp_path / "posts.jsonl", line(4), line(6))
    assert ids(fetch(path, now=at(0))[0]) == ["post-4"]


def test_lines_out_of_order_are_used_and_counted(tmp_path: Path) -> None:
    path = write(tmp_path / "posts.jsonl", line(3), line(5), line(4), line(5), b"", line(1), line(9))
    for size in (1, 2, 5000):
        batches, source = fetch(path, batch_size=size)
        assert len(ids(batches)) == 6
        assert (source.tally.out_of_order, source.tally.first_out_of_order) == (2, "posts.jsonl:3")
        assert observed(batches) == (Stretch(1, 10),)


def test_repeated_lines_go_through_for_the_store_to_tell(tmp_path: Path) -> None:
    assert ids(fetch(write(tmp_path / "posts.jsonl", line(1), line(1)))[0]) == ["post-1", "post-1"]


# --- files that are none -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "the file is empty"),
        (b"\n \n\n", "nothing but blank lines"),
        (b"<!DOCTYPE html>\n<html>\n", "posts.jsonl:1: not a file of posts: it looks like HTML"),
        (b"\n\n <html>", "it looks like HTML"),
        (b'[{"id":"1"},\n{}]', "it looks like one JSON array"),
        (b"Timestamp,value\n2026-01-01T00:00:00Z,1\n", "give --counts"),
        (b"PK\x03\x04\x00\n", "zip archive"),
        ("{}\n".encode("utf-16"), "UTF-16"),
        (b"SQLite format 3\x00", "SQLite database"),
        (b"hello\nworld\n", "none of its 2 lines is a post; the first: posts.jsonl:1: not JSON"),
        (line(1).replace(b"Z", b"") + b"\n", "created_at has no time zone"),
        (gzip.compress(b"<html>", mtime=0), "it looks like HTML"),
        (b"\x1f\x8b\x00 not gzip", "damaged"),
        (b"\x28\xb5\x2f\xfd" + b"\xff" * 50, "damaged"),
        (gzip.compress(line(1), mtime=0)[:15], "end early"),
    ],
)
def test_a_file_without_a_single_post_is_refused(tmp_path: Path, content: bytes, what: str) -> None:
    path = tmp_path / "posts.jsonl"
    path.write_bytes(content)
    message = refused(path)
    assert what in message
    assert str(path) in message


def test_another_kind_of_file_is_refused_before_it_is_read_through(tmp_path: Path) -> None:
    path = write(tmp_path / "posts.jsonl", b"<html>", *[b"<p>"] * 100)
    source = Archive(path, now=NOW, batch_size=10)
    with pytest.raises(InputError, match="HTML"):
        next(source.fetch("", None))
    assert source.tally.n_lines == 10


def test_a_first_line_of_another_kind_does_not_hide_the_posts(tmp_path: Path) -> None:
    path = write(tmp_path / "posts.jsonl", b"<!-- exported -->", *(line(number) for number in range(5)))
    assert len(ids(fetch(path, batch_size=3)[0])) == 5


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert "No such file" in refused(tmp_path / "nothing.jsonl")
    assert "directory" in refused(tmp_path)


# --- damage and bombs ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
@pytest.mark.parametrize("share", [0.3, 0.9])
def test_what_can_be_read_of_a_cut_file_goes_through(tmp_path: Path, suffix: str, share: float) -> None:
    path = write(
        tmp_path / f"posts.jsonl{suffix}",
        *(line(number, number / 100, text=f"{number**7}" * 9) for number in range(20_000)),
    )
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    batches, source = fetch(path)
    assert len(ids(batches)) > 2000 * share
    assert ids(batches) == [f"post-{number}" for number in range(len(ids(batches)))]
    (message,) = skipped(batches)
    assert message == f"{path.name}:{source.tally.n_lines + 1}: the compressed data end early"


def test_damage_in_the_middle(tmp_path: Path) -> None:
    path = write(
        tmp_path / "posts.jsonl.gz", *(line(number, number / 100, text=f"{number**7}" * 9) for number in range(20_000))
    )
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 50] = b"\xff" * 50
    path.write_bytes(data)
    batches, source = fetch(path)
    assert len(ids(batches)) > 1000
    assert source.tally.skipped["damaged file"] == 1


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_several_packed_parts_in_one_file(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"posts.jsonl{suffix}"
    padding = b"\0" * 100 if suffix == ".gz" else b""
    path.write_bytes(PACKED[suffix](line(1) + b"\n") + PACKED[suffix](line(2) + b"\n") + padding)
    batches, source = fetch(path)
    assert ids(batches) == ["post-1", "post-2"]
    assert source.tally.n_skipped == 0


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
@pytest.mark.parametrize(
    ("limits", "what"),
    [({"free_bytes": 1 << 20, "ratio": 50}, "50 times its size"), ({"total_bytes": 1 << 20}, "bytes")],
)
def test_a_bomb_is_given_up(tmp_path: Path, suffix: str, limits: dict[str, int], what: str) -> None:
    path = write(tmp_path / f"posts.jsonl{suffix}", line(1), b"x" * 50_000_000)
    batches, source = fetch(path, rules=Rules(limits=Limits(**limits)))
    assert ids(batches) == ["post-1"]
    assert any(what in message and "the rest was not read" in message for message in source.tally.messages)


def test_a_long_line_costs_no_memory(tmp_path: Path) -> None:
    import tracemalloc

    path = write(tmp_path / "posts.jsonl.gz", line(1), b"x" * 30_000_000, line(2))
    tracemalloc.start()
    try:
        assert ids(fetch(path)[0]) == ["post-1", "post-2"]
        assert tracemalloc.get_traced_memory()[1] < 8_000_000
    finally:
        tracemalloc.stop()


def test_how_far_we_are(tmp_path: Path) -> None:
    path = write(tmp_path / "posts.jsonl", *(line(number, text="x" * 900) for number in range(1000)))
    told: list[tuple[int, int]] = []
    fetch(path, progress=lambda done, size: told.append((done, size)))
    size = path.stat().st_size
    assert len(told) > 2
    assert told == sorted(told)
    assert told[-1] == (size, size)


# --- stopping and going on -----------------------------------------------------------------------------------

LINES: dict[str, Callable[[int], bytes]] = {
    "good": line,
    "earlier": lambda number: line(number, minute=number / 2),
    "bad": lambda _: b"{",
    "blank": lambda _: b" ",
    "long": lambda _: b"x" * 700,
    "a month later": lambda number: line(number, minute=-number - 30 * 24 * 60),
}
SHORT = Rules(limits=Limits(line_bytes=600))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from(sorted(LINES)), max_size=20),
    st.tuples(st.integers(1, 6), st.integers(1, 6)),
    st.sampled_from(sorted(PACKED)),
    st.sampled_from([b"\n", b""]),
)
def test_reading_can_stop_after_any_batch(
    tmp_path_factory: pytest.TempPathFactory, kinds: list[str], sizes: tuple[int, int], suffix: str, end: bytes
) -> None:
    texts = [line(0), *(LINES[kind](number + 1) for number, kind in enumerate(kinds))]
    path = write(tmp_path_factory.mktemp("a") / f"p{suffix}", *texts, end=end)
    whole, through = fetch(path, batch_size=5000, rules=SHORT)
    batches, _ = fetch(path, batch_size=sizes[0], rules=SHORT)
    for stop in range(len(batches) + 1):
        first = batches[:stop]
        rest, source = fetch(path, first[-1].cursor if first else None, batch_size=sizes[1], rules=SHORT)
        assert ids(first + rest) == ids(whole)
        assert observed(first + rest) == observed(whole)
        last_is_unfinished = not end and stop == len(batches) and bool(rest)
        assert skipped(first) + skipped(rest)[last_is_unfinished:] == skipped(whole)
        for field in ("n_lines", "n_posts", "skipped", "out_of_order", "first_out_of_order"):
            assert getattr(source.tally, field) == getattr(through.tally, field)


@pytest.mark.parametrize("suffix", PACKED)
@pytest.mark.parametrize("size", [1, 3])
def test_reading_can_stop_after_every_batch(tmp_path: Path, suffix: str, size: int) -> None:
    texts = [line(0), b"", *(LINES[kind](number) for number, kind in enumerate(sorted(LINES) * 2)), line(9)]
    path = write(tmp_path / f"posts.jsonl{suffix}", *texts)
    whole, _ = fetch(path, rules=SHORT)
    batches: list[Batch] = []
    for _ in range(len(texts) + 2):
        source = Archive(path, now=NOW, batch_size=size, rules=SHORT)
        batch = next(source.fetch("", batches[-1].cursor if batches else None), None)
        if batch is None:
            break
        batches.append(batch)
    else:
        pytest.fail("it never ends")
    assert (ids(batches), skipped(batches), observed(batches)) == (ids(whole), skipped(whole), observed(whole))


@pytest.mark.parametrize("suffix", PACKED)
def test_a_file_that_was_read_has_nothing_new(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"posts.jsonl{suffix}", line(1), b"{", line(2))
    batches, _ = fetch(path)
    again, source = fetch(path, batches[-1].cursor)
    assert again == []
    assert (source.tally.n_posts, source.tally.n_skipped) == (2, 1)


@pytest.mark.parametrize("suffix", PACKED)
def test_a_file_that_grows_is_read_on(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"posts.jsonl{suffix}", line(1), line(2))
    first, _ = fetch(path)
    write(path, line(1), line(2), line(3))
    more, source = fetch(path, first[-1].cursor)
    assert ids(more) == ["post-3"]
    assert observed(first + more) == (Stretch(1, 4),)
    assert source.tally.n_posts == 3


def test_a_line_that_is_still_being_written(tmp_path: Path) -> None:
    path = write(tmp_path / "posts.jsonl", line(1), line(2)[:30], end=b"")
    first, source = fetch(path)
    assert ids(first) == ["post-1"]
    assert source.tally.messages == ["posts.jsonl:2: the file ends in the middle of this line (not JSON)"]
    write(path, line(1), line(2), line(3))
    more, source = fetch(path, first[-1].cursor)
    assert ids(more) == ["post-2", "post-3"]
    assert source.tally.n_skipped == 0


def test_a_whole_last_line_without_its_end(tmp_path: Path) -> None:
    path = write(tmp_path / "posts.jsonl", line(1), line(2), end=b"")
    first, _ = fetch(path)
    assert ids(first) == ["post-1", "post-2"]
    write(path, line(1), line(2), line(3), end=b"")
    assert ids(fetch(path, first[-1].cursor)[0]) == ["post-3"]


@pytest.mark.parametrize("suffix", PACKED)
def test_a_file_that_was_replaced_or_cut_is_refused(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"posts.jsonl{suffix}", *(line(number) for number in range(9)))
    cursor = fetch(path)[0][-1].cursor
    for lines in ([line(number + 100) for number in range(20)], [line(0)]):
        assert "is not the file that was read before" in refused(write(path, *lines), cursor)


def test_a_cursor_of_another_file_is_no_hindrance(tmp_path: Path) -> None:
    cursor = fetch(write(tmp_path / "monday.jsonl", line(1)))[0][-1].cursor
    assert ids(fetch(write(tmp_path / "tuesday.jsonl", line(2)), cursor)[0]) == ["post-2"]


@pytest.mark.parametrize("cursor", ["", "17", "{}"])
def test_a_cursor_that_is_none_is_refused(tmp_path: Path, cursor: str) -> None:
    assert "cursor is not that of an archive" in refused(write(tmp_path / "posts.jsonl", line(1)), cursor)


# --- observed time -------------------------------------------------------------------------------------------


def test_a_long_silence_is_not_vouched_for(tmp_path: Path) -> None:
    week = 7 * 24 * 60
    path = write(tmp_path / "posts.jsonl", *(line(number, minute=-number * week) for number in range(3)))
    assert observed(fetch(path)[0]) == (Stretch(-2 * week, 1),)
    assert len(observed(fetch(path, rules=Rules(quiet=timedelta(days=6)))[0])) == 3


def test_the_last_minute_is_vouched_for_only_at_the_end(tmp_path: Path) -> None:
    path = write(tmp_path / "posts.jsonl", *(line(number, minute=number / 4) for number in range(10)))
    first, *_, last = fetch(path, batch_size=3)[0]
    assert first.observed == ()
    assert observed([last]) == (Stretch(0, 3),)


@pytest.mark.real
def test_the_real_reports(shared_data: Path) -> None:
    (path,) = (shared_data / "reports").glob("*.jsonl.gz")
    batches, source = fetch(path, now=at(365 * 24 * 60))
    assert (len(ids(batches)), source.tally.n_skipped, source.tally.out_of_order) == (2287, 0, 0)
