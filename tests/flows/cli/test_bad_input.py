"""Bad input, end to end: a clear message with its place, a counted skip or a refusal, and never a traceback."""

from __future__ import annotations

import gzip
import os
import random
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest
import zstandard

from flows.settings import utc_now
from tests.flows.streams import Outage, at, line, stream, write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.flows.cli.conftest import Said

GOOD = [line(post) for post in stream(Outage(), hours=19)]
POST = msgspec.json.decode(GOOD[100])


def changed(**fields: object) -> bytes:
    """Return a good line with other fields."""
    return msgspec.json.encode(POST | {"id": "changed"} | fields) + b"\n"


def spoilt(bad: bytes) -> bytes:
    """Return a good file whose line 101 is bad."""
    return b"".join([*GOOD[:100], bad, *GOOD[100:]])


SHUFFLED = random.Random(1).sample(GOOD, len(GOOD))  # noqa: S311

# What is wrong with it -> the file, the exit code, and what has to be said.
POSTS: dict[str, tuple[bytes, int, str]] = {
    "a naive time": (
        spoilt(changed(created_at="2026-03-02T18:05:00")),
        1,
        "posts.jsonl:101: created_at has no time zone",
    ),
    "a future date": (
        spoilt(changed(created_at="2126-03-02T18:05:00Z")),
        1,
        "posts.jsonl:101: created_at lies in the fut",
    ),
    "a date of long ago": (
        spoilt(changed(created_at="1970-01-01T00:00:00Z")),
        1,
        "posts.jsonl:101: created_at is before",
    ),
    "no date": (spoilt(changed(created_at="soon")), 1, "posts.jsonl:101: not a post: "),
    "NaN": (
        spoilt(b'{"id":NaN,"platform":"x","created_at":"2026-03-02T18:05:00Z","text":""}\n'),
        1,
        "posts.jsonl:101: not J",
    ),
    "an unknown service": (
        spoilt(changed(extra={"service": "Nonesuch"})),
        1,
        "posts.jsonl:101: unknown service 'Nonesuch'",
    ),
    "no text": (
        spoilt(b'{"id":"1","platform":"x","created_at":"2026-03-02T18:05:00Z"}\n'),
        1,
        "posts.jsonl:101: not a post",
    ),
    "an empty id": (spoilt(changed(id="")), 1, "posts.jsonl:101: not a post: "),
    "another type": (spoilt(b"[1, 2]\n"), 1, "posts.jsonl:101: not a post: "),
    "not JSON": (spoilt(b"{oops}\n"), 1, "posts.jsonl:101: not JSON"),
    "not UTF-8": (spoilt(b'{"id":"\xff\xfe"}\n'), 1, "posts.jsonl:101: not UTF-8"),
    "a line of 10 MB": (spoilt(changed(text="x" * 10_000_000)), 1, "posts.jsonl:101: longer than 1,048,576 bytes"),
    "a line cut off": (b"".join(GOOD) + GOOD[0][:50], 1, f"posts.jsonl:{len(GOOD) + 1}: the file ends in the middle"),
    "a line twice": (spoilt(GOOD[99]), 1, "posts.jsonl:101: the same post as before"),
    "all lines twice": (b"".join(GOOD) * 2, 1, "were counted once"),
    "lines in no order": (b"".join(SHUFFLED), 1, "a post older than one before it, the first of"),
    "a truncated gzip": (gzip.compress(b"".join(GOOD))[:-2000], 1, "posts.jsonl:"),
    "a truncated zstandard": (zstandard.ZstdCompressor().compress(b"".join(GOOD))[:-2000], 1, "posts.jsonl:"),
    "HTML": (
        b"<!DOCTYPE html>\n<html><body>502 Bad Gateway</body></html>\n",
        2,
        "posts.jsonl:1: not a file of posts: it looks",
    ),
    "one JSON array": (b"[" + b",".join(GOOD[:10]) + b"]", 2, "write one object a line instead"),
    "counts": (b"timestamp,value\n2026-03-02T00:00:00Z,1\n", 2, "it looks like a file of counts; give --counts"),
    "nothing": (b"", 2, "posts.jsonl: "),
    "blank lines": (b"\n\n\n", 2, "nothing but blank lines"),
    "a gzip of nothing": (gzip.compress(b""), 2, "posts.jsonl: "),
    "a binary file": (bytes(range(256)) * 40, 2, "posts.jsonl"),
    "a zip": (b"PK\x03\x04" + bytes(100), 2, "it is a zip archive; unpack it first"),
    "not a single post": (b"{}\n{}\n", 2, "none of its 2 lines is a post; the first: posts.jsonl:1: not a post"),
}


@pytest.mark.parametrize("what", POSTS)
def test_bad_posts(uproar: Callable[..., Said], what: str) -> None:
    content, code, message = POSTS[what]
    Path("posts.jsonl").write_bytes(content)
    said = uproar("replay", "posts.jsonl", "--json")
    assert (said.code, message in said.err) == (code, True), said.err
    assert len(said.err) < 2_500
    assert "Bad Gateway" not in said.err, "the text of a line is not repeated"
    if code == 1 and "truncated" not in what:
        assert [record["service"] for record in said.records] == ["imessage"], "the good lines went through"
    if code == 2:
        assert said.out == ""
        assert said.err.startswith("uproar: ")


def test_a_truncated_file_gives_what_can_be_read(uproar: Callable[..., Said]) -> None:
    Path("posts.jsonl.gz").write_bytes(gzip.compress(b"".join(GOOD))[:-200])
    said = uproar("replay", "posts.jsonl.gz")
    assert said.code == 1
    assert "the compressed data end early" in said.err
    assert int(said.out.splitlines()[-1].split()[0].replace(",", "")) > len(GOOD) / 2


def test_a_few_late_posts_are_said_and_are_no_fault(uproar: Callable[..., Said]) -> None:
    lines = [*GOOD]
    lines[50], lines[51] = lines[51], lines[50]
    Path("posts.jsonl").write_bytes(b"".join(lines))
    said = uproar("replay", "posts.jsonl", "--json")
    assert said.code == 0
    assert said.err == "posts.jsonl:52: a post older than one before it; used all the same\n"


def test_posts_that_another_file_had_already(uproar: Callable[..., Said]) -> None:
    Path("one.jsonl").write_bytes(b"".join(GOOD))
    Path("two.jsonl").write_bytes(b"".join(GOOD[-500:]))
    assert uproar("replay", "one.jsonl", "--store", "a.db").code == 0
    said = uproar("replay", "two.jsonl", "--store", "a.db")
    assert said.code == 1
    assert "two.jsonl:1-500: 500 posts that the store has already" in said.err
    assert "500 reports had come before; they were counted once" in said.err


def test_only_the_first_of_many_bad_lines_are_named(uproar: Callable[..., Said]) -> None:
    Path("posts.jsonl").write_bytes(b"".join(b"{\n" + good for good in GOOD))
    said = uproar("replay", "posts.jsonl")
    assert said.code == 1
    assert len(said.err.splitlines()) == 12
    assert f"{len(GOOD):,} lines were skipped; the rest was used" in said.err


CALM = [f"{at(minute):%Y-%m-%dT%H:%M:%SZ},3\n" for minute in range(60)]


def table(*rows: str, header: str = "timestamp,value\n") -> bytes:
    return "".join([header, *rows]).encode()


COUNTS: dict[str, tuple[bytes, int, str]] = {
    "no header": (table(*CALM, header=""), 2, "counts.csv:1: not a file of counts: the first line must name"),
    "text for a value": (table(*CALM, "2026-03-02T01:00:00Z,many\n"), 1, "counts.csv:62: "),
    "NaN": (table(*CALM, "2026-03-02T01:00:00Z,NaN\n"), 1, "counts.csv:62: "),
    "infinite": (table(*CALM, "2026-03-02T01:00:00Z,inf\n"), 1, "counts.csv:62: "),
    "below 0": (table(*CALM, "2026-03-02T01:00:00Z,-1\n"), 1, "counts.csv:62: "),
    "a naive time": (table(*CALM, "2026-03-02T01:00:00,1\n"), 1, "counts.csv:62: "),
    "only naive times": (table(*(row.replace("Z", "") for row in CALM)), 2, "counts.csv:2: "),
    "no time": (table(*CALM, "soon,1\n"), 1, "counts.csv:62: "),
    "a future date": (table(*CALM, "2126-03-02T01:00:00Z,1\n"), 1, "counts.csv:62: "),
    "a short row": (table(*CALM, "2026-03-02T01:00:00Z\n"), 1, "counts.csv:62: the row is too short"),
    "rows in no order": (table(*reversed(CALM)), 1, "counts.csv:3: earlier than the row before it"),
    "a row twice": (table(*CALM, CALM[4]), 1, "counts.csv:62: the same timestamp as line 6"),
    "between two bins": (table(*CALM, "2026-03-02T01:00:30Z,1\n"), 1, "counts.csv:62: the timestamp lies between two"),
    "every value empty": (table(*(row.replace(",3", ",") for row in CALM)), 2, "counts.csv: every value is empty"),
    "only a header": (table(), 2, "counts.csv: only 0 usable rows of counts"),
    "nothing": (b"", 2, "counts.csv: "),
    "one row": (table(CALM[0]), 2, "counts.csv: only 1 usable rows"),
    "bins of a day": (table("2026-03-02T00:00:00Z,1\n", "2026-03-03T00:00:00Z,1\n"), 2, "86400 s apart"),
    "HTML": (b"<html>\n</html>\n", 2, "counts.csv:1: not a file of counts: it looks like HTML"),
    "posts": (b"".join(GOOD[:5]), 2, "it looks like a file of posts; leave --counts away"),
    "a binary file": (bytes(range(256)) * 40, 2, "counts.csv:1: "),
    "a truncated gzip": (gzip.compress(table(*CALM))[:-20], 1, "counts.csv:"),
    "a line of 10 MB": (
        table(*CALM, "2026-03-02T01:00:00Z," + "1" * 10_000_000 + "\n"),
        1,
        "counts.csv:62: the line is too",
    ),
}


@pytest.mark.parametrize("what", COUNTS)
def test_bad_counts(uproar: Callable[..., Said], what: str) -> None:
    content, code, message = COUNTS[what]
    Path("counts.csv").write_bytes(content)
    said = uproar("replay", "--counts", "counts.csv", "--json")
    assert (said.code, message in said.err) == (code, True), said.err
    assert said.out == ""


@pytest.mark.parametrize("arguments", [[], ["--counts"]])
def test_files_that_are_none(uproar: Callable[..., Said], arguments: list[str]) -> None:
    Path("folder").mkdir()
    os.mkfifo("pipe")
    for name, message in (("nowhere", "there is no such file"), ("folder", "not a file"), ("pipe", "not a file")):
        said = uproar("replay", *arguments, name)
        assert (said.code, said.out) == (2, "")
        assert said.err.startswith(f"uproar: {name}: ")
        assert message in said.err


@contextmanager
def nobody() -> Iterator[None]:
    """Give up the right to read everything, if we have it."""
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)


@pytest.mark.parametrize("arguments", [[], ["--counts"]])
@pytest.mark.parametrize("closed", ["file", "folder"])
def test_a_file_that_may_not_be_read(uproar: Callable[..., Said], arguments: list[str], closed: str) -> None:
    folder = Path("folder")
    folder.mkdir()
    file = folder / "secret"
    file.write_bytes(b"".join(GOOD[:10]) if not arguments else table(*CALM))
    uproar("replay", *arguments, file)  # loads what it needs while it may
    (file if closed == "file" else folder).chmod(0)
    for parent in Path.cwd().parents:
        if parent.stat().st_mode & 0o005 != 0o005 and parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o005)
    Path.cwd().chmod(0o777)
    with nobody():
        said = uproar("replay", *arguments, file, "--store", "a.db")
    folder.chmod(0o777)
    assert said.code == 2
    assert "folder/secret: " in said.err
    assert "ermission denied" in said.err


def test_a_file_that_fails_while_it_is_read(uproar: Callable[..., Said]) -> None:
    if not Path("/proc/self/mem").exists():
        pytest.skip("no /proc/self/mem, which cannot be read at its beginning")
    said = uproar("replay", "/proc/self/mem")
    assert said.code == 2
    assert said.err.startswith("uproar: /proc/self/mem: ")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--service", "imessagge"], "imessage"),
        (["--service", "qqqqqqqq"], "qqqqqqqq"),
        (["--store", "nonsense://host/x"], "the store's URL is not understood; give a path"),
        (["--store", "postgresql://u:canary@127.0.0.1:1/x"], "no connection to the server; check that it runs"),
        (["--store", "folder"], "folder: "),
        (["--store", "posts.jsonl"], "posts.jsonl: the file is not a SQLite database; name another store"),
        (["--bin-width-s", "0"], "--bin-width-s. Must be >= 1"),
        (["--bin-width-s", "-60"], "--bin-width-s. Must be >= 1"),
        (["--bin-width-s", "86400"], "--bin-width-s. Must be <= 3600"),
        (["--bin-width-s", "wide"], "--bin-width-s"),
    ],
)
def test_bad_options(uproar: Callable[..., Said], options: list[str], message: str) -> None:
    Path("folder").mkdir()
    Path("posts.jsonl").write_bytes(b"".join(GOOD[:50]))
    said = uproar("replay", "posts.jsonl", *options)
    assert (said.code, said.out) == (2, "")
    assert message in said.err
    assert "canary" not in said.err


def test_another_bin_width_for_posts_that_are_stored(uproar: Callable[..., Said]) -> None:
    Path("posts.jsonl").write_bytes(b"".join(GOOD[:50]))
    Path("more.jsonl").write_bytes(b"".join(GOOD[50:90]))
    assert uproar("replay", "posts.jsonl", "--store", "a.db").code == 0
    for file in ("more.jsonl", "posts.jsonl"):  # a new file, and one that was read to its end already
        said = uproar("replay", file, "--store", "a.db", "--bin-width-s", "300")
        assert said.code == 2
        assert "stored in bins of 60 s, not 300 s" in said.err


def test_a_file_that_was_replaced_since(uproar: Callable[..., Said]) -> None:
    Path("posts.jsonl").write_bytes(b"".join(GOOD))
    uproar("replay", "posts.jsonl", "--store", "a.db")
    write(Path("posts.jsonl"), stream(hours=2, seed=9))
    said = uproar("replay", "posts.jsonl", "--store", "a.db")
    assert said.code == 2
    assert "posts.jsonl" in said.err


def test_posts_of_this_minute_are_not_from_the_future(uproar: Callable[..., Said]) -> None:
    Path("posts.jsonl").write_bytes(spoilt(changed(created_at=f"{utc_now():%Y-%m-%dT%H:%M:%SZ}")))
    assert "in the future" not in uproar("replay", "posts.jsonl").err
