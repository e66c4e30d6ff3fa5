"""What a file that is no file of posts seems to be."""

from __future__ import annotations

_BEGINNINGS = {
    b"<": "it looks like HTML or XML: perhaps an error page was saved in place of the data",
    b"[": "it looks like one JSON array; write one object a line instead (jq -c '.[]')",
    b"PK\x03\x04": "it is a zip archive; unpack it first",
    b"BZh": "it is packed with bzip2; unpack it first, or use gzip or zstandard",
    b"\xfd7zXZ": "it is packed with xz; unpack it first, or use gzip or zstandard",
    b"\xff\xfe": "it is UTF-16 text; save it as UTF-8",
    b"\xfe\xff": "it is UTF-16 text; save it as UTF-8",
    b"PAR1": "it is a Parquet file; write one JSON object a line instead",
    b"SQLite format 3": "it is a SQLite database; to use it as the store, give it as --store",
    b"timestamp,": "it looks like a file of counts; give --counts",
}


def what_is(line: bytes) -> str | None:
    """Say what the first line that is not blank seems to belong to; None if it may be a post.

    Examples
    --------
    >>> what_is(b'{"id":')
    >>> what_is(b"<!DOCTYPE html>").split(":")[0]
    'it looks like HTML or XML'
    """
    start = line.removeprefix(b"\xef\xbb\xbf").lstrip()[:64]
    return next(
        (meaning for beginning, meaning in _BEGINNINGS.items() if start.lower().startswith(beginning.lower())), None
    )
