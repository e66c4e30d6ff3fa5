"""Files of counts."""

from __future__ import annotations

import gzip
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
import pytest

from detectors.errors import InputError
from flows.sources.archive import read_counts
from tests.builders import START
from tests.flows.sources.helpers import line, write

if TYPE_CHECKING:
    from pathlib import Path

    from flows.sources.archive import CountFile

HEADER = b"timestamp,value"


def row(place: float, value: object = 1, zone: str = "Z") -> bytes:
    return f"{(START + timedelta(minutes=5 * place)).isoformat()[:19]}{zone},{value}".encode()


def read(path: Path, *rows: bytes, header: bytes = HEADER, assume_utc: bool = False) -> CountFile:
    return read_counts(
        write(path, header, *rows), service="youtube", now=START + timedelta(days=1), assume_utc=assume_utc
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "youtube.csv"


@pytest.mark.parametrize("suffix", ["csv", "csv.gz", "csv.zst"])
def test_empty_and_missing_rows_are_unknown(tmp_path: Path, suffix: str) -> None:
    found = read(tmp_path / f"youtube.{suffix}", row(0, 2), row(1, ""), row(2, 0), row(4, 1.5))
    np.testing.assert_array_equal(found.series.observed, [2, np.nan, 0, np.nan, 1.5])
    np.testing.assert_array_equal(found.series.raw, found.series.observed)
    assert found.series.coverage.tolist() == [1, 0, 1, 0, 1]
    assert (found.series.start_at, found.series.bin_width_s) == (START, 300)
    assert (found.series.service, found.series.source) == ("youtube", "counts")
    assert (found.skipped, found.n_skipped, found.notes) == ((), 0, ())


def test_columns_are_found_by_name(path: Path) -> None:
    header = b'\xef\xbb\xbfsuspect, Value ,"TIMESTAMP"\r'
    found = read(path, *(b"0,3," + row(place).split(b",")[0] + b"\r" for place in range(3)), header=header)
    assert found.series.observed.tolist() == [3, 3, 3]


BAD = {
    b"": None,
    row(1, "NaN"): "not a finite number",
    row(1, "inf"): "not a finite number",
    row(1, "-1"): "below 0",
    row(1, "1e12"): "above 1e+09",
    row(1, "many"): "not a number",
    row(1, zone=""): "no time zone; if the file is in UTC, give --assume-utc",
    row(1.5): "lies between two bins of 300 s",
    row(2): "the same timestamp as line 4",
    row(500): "in the future",
    b"1970-01-01T00:00:00Z,1": "before 2000",
    b"yesterday,1": "not in ISO 8601",
    b"2026-03-02T00:05:00Z": "too short",
    b'"2026-03-02T00:05:00Z,"1\x00': None,
    b"\xff,1": "not UTF-8",
    b"x" * 200_000: "not CSV",
    b"x" * 2_000_000: "too long",
}


@pytest.mark.parametrize("bad", BAD, ids=range(len(BAD)))
def test_a_bad_row_is_named_and_the_others_are_used(path: Path, bad: bytes) -> None:
    found = read(path, row(0), row(1, 7), row(2), row(3), bad, row(4))
    assert found.series.observed.tolist() == [1, 7, 1, 1, 1]
    if not bad:
        assert found.n_skipped == 0
        return
    assert found.n_skipped == len(found.skipped) == 1
    assert found.skipped[0].startswith("youtube.csv:6: ")
    assert (BAD[bad] or "") in found.skipped[0]


def test_rows_out_of_order_are_used_and_noted(path: Path) -> None:
    found = read(path, row(0, 0), row(2, 2), row(1, 1), row(3, 3))
    assert found.series.observed.tolist() == [0, 1, 2, 3]
    assert found.n_skipped == 0
    assert found.notes == ("youtube.csv:4: earlier than the row before it (1 such rows); used all the same",)


def test_only_the_first_messages_are_kept(path: Path) -> None:
    found = read(path, row(0), row(1), *[b"?,?"] * 300)
    assert (found.n_skipped, len(found.skipped)) == (300, 100)


def test_times_without_a_zone_are_taken_as_utc_on_request(path: Path) -> None:
    rows = [row(place, zone="") for place in range(3)]
    assert read(path, *rows, assume_utc=True).series.start_at == START
    with pytest.raises(InputError, match=r"only 0 usable rows.*no time zone.*--assume-utc"):
        read(path, *rows)


def test_other_zones_are_turned_to_utc(path: Path) -> None:
    assert read(path, row(24, zone="+02:00"), row(25, zone="+02:00")).series.start_at == START


def test_bins_may_start_at_any_second(path: Path) -> None:
    rows = [f"2026-03-02T00:0{place}:53Z,1".encode() for place in range(4)]
    found = read(path, *rows)
    assert (found.series.start_at, found.series.bin_width_s) == (START + timedelta(seconds=53), 60)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "the file is empty"),
        (b"\n\n", "only 0 usable rows"),
        (HEADER, "only 0 usable rows"),
        (HEADER + b"\n" + row(1), "only 1 usable rows"),
        (HEADER + b"\n" + row(0, "") + b"\n" + row(1, ""), "every value is empty"),
        (b"time,count\n" + row(1), "must name the columns timestamp and value"),
        (b"<html>", "it looks like HTML"),
        (line(1), "leave --counts away"),
        (b"\xff\xfe\x00", "it is UTF-16 text"),
        (b"\n".join([HEADER, row(0), row(24)]), "mostly 7200 s apart"),
        (b"\n".join([HEADER, row(0), b"2026-03-02T00:00:00.5Z,1"]), "apart; bins must be whole seconds"),
        (b"timestamp,value\n2000-01-01T00:00:00Z,1\n2000-01-01T00:00:01Z,1\n2026-01-01T00:00:00Z,1", "a wrong date?"),
    ],
)
def test_a_file_without_usable_counts_is_refused(path: Path, content: bytes, what: str) -> None:
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_counts(path, service="youtube")
    assert what in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_cut_file(tmp_path: Path) -> None:
    path = tmp_path / "youtube.csv.gz"
    packed = gzip.compress(b"\n".join([HEADER, *(row(place, place**9 % 10**9) for place in range(250))]))
    path.write_bytes(packed[:-20])
    found = read_counts(path, service="youtube")
    assert len(found.series) > 10
    assert "end early" in found.skipped[-1]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        read_counts(tmp_path / "nothing.csv", service="youtube")


@pytest.mark.real
def test_every_real_file_can_be_read(shared_data: Path) -> None:
    paths = sorted(shared_data.glob("counts/*/*.csv.gz"))
    assert len(paths) == 18
    for found in paths[::4]:
        read_file = read_counts(found, service="s", assume_utc="nab" in found.parent.name)
        assert read_file.series.bin_width_s in (300, 1200)
        assert read_file.n_skipped == 0
