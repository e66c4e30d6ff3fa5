"""Lines out of a file that nobody vouches for: plain, gzip or zstandard, in bounded memory.

A small file can unpack to any size (194 kB of gzip hold 200 MB), a line can go on for ever, and a file can end in the
middle. None of that may cost more memory than a few blocks, or hide the good lines.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from detectors.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
BLOCK = 256 * 1024
ZSTD_PIECE = 1024
"""Bytes of zstandard fed at a time: four bytes can stand for 128 kB, and its decoder cannot be told to stop."""


@dataclass(frozen=True)
class Limits:
    """What is still believed of a file.

    Attributes
    ----------
    line_bytes
        Longest line; a longer one is skipped.
    ratio
        Most bytes that one compressed byte may stand for ...
    free_bytes
        ... once this many bytes have been unpacked.
    total_bytes
        Most bytes that are unpacked.
    """

    line_bytes: int = 1024 * 1024
    ratio: int = 500
    free_bytes: int = 256 * 1024 * 1024
    total_bytes: int = 1 << 40


@dataclass(frozen=True)
class Block:
    """Some consecutive lines, or one that is too long.

    Attributes
    ----------
    lines
        Without their line ends; empty if this is the too long line.
    n_bytes
        Length in the unpacked file, line ends included.
    is_too_long
        Whether this stands for one line that was passed over.
    is_open
        Whether the last line has no line end: the file ends there, for now.
    """

    lines: tuple[bytes, ...]
    n_bytes: int
    is_too_long: bool = False
    is_open: bool = False


class Damage(Exception):  # noqa: N818 - not an error of ours: it is caught, counted and said
    """The file cannot be read any further; all that came before it is good."""


class LineFile:
    """A file of lines, read once.

    Parameters
    ----------
    path
        Plain, gzip or zstandard: told by its first bytes, not by its name.
    progress
        Called with the bytes read so far and the size of the file (as stored), now and then.
    """

    def __init__(
        self, path: Path, limits: Limits | None = None, progress: Callable[[int, int], object] | None = None
    ) -> None:
        self._path = path
        self._limits = limits or Limits()
        self._progress = progress
        self.damage: str | None = None
        """Why reading ended before the end; None if it did not. Known once every block has been read."""

    def blocks(self, start: int = 0) -> Iterator[Block]:
        """Yield the lines from byte ``start`` of the unpacked file on.

        Raises
        ------
        InputError
            The file cannot be opened, is empty, or is shorter than ``start``.
        """
        self.damage = None
        try:
            size = self._path.stat().st_size
            with self._path.open("rb", buffering=BLOCK) as file:
                yield from self._split(self._from(self._chunks(file, size, start), start))
        except OSError as error:
            raise InputError(f"cannot be read: {error.strerror}", place=str(self._path)) from None

    # --- bytes -----------------------------------------------------------------------------------------------

    def _chunks(self, file: BinaryIO, size: int, start: int) -> Iterator[bytes]:
        """Yield the unpacked bytes; what a plain file has before ``start`` is stepped over."""
        magic = file.peek(4)[:4]  # type: ignore[attr-defined]  # a BufferedReader
        if not magic:
            raise InputError("the file is empty", place=str(self._path))
        if magic.startswith(GZIP):
            pieces = self._guarded(_gunzip(self._told(file, size, BLOCK)), file)
        elif magic == ZSTD:
            pieces = self._guarded(_unzstd(self._told(file, size, ZSTD_PIECE)), file)
        else:
            self._skipped = min(start, size)
            file.seek(self._skipped)
            yield from self._told(file, size, BLOCK)
            return
        self._skipped = 0
        try:
            yield from pieces
        except Damage as damage:
            self.damage = str(damage)

    def _told(self, file: BinaryIO, size: int, piece: int) -> Iterator[bytes]:
        """Yield the bytes as stored, and say how far we are."""
        done = file.tell()
        told = done
        while chunk := file.read(piece):
            done += len(chunk)
            if self._progress and done - told >= BLOCK:
                told = done
                self._progress(done, size)
            yield chunk
        if self._progress:
            self._progress(done, size)

    def _guarded(self, chunks: Iterator[bytes], file: BinaryIO) -> Iterator[bytes]:
        """Pass bytes on until they are more than can be meant."""
        limits, done = self._limits, 0
        for chunk in chunks:
            done += len(chunk)
            if done > limits.free_bytes and done > limits.ratio * file.tell():
                raise Damage(f"unpacks to more than {limits.ratio} times its size; the rest was not read")
            if done > limits.total_bytes:
                raise Damage(f"unpacks to more than {limits.total_bytes} bytes; the rest was not read")
            yield chunk

    def _from(self, chunks: Iterator[bytes], start: int) -> Iterator[bytes]:
        """Drop what comes before ``start``."""
        todo: int | None = None
        for chunk in chunks:
            todo = start - self._skipped if todo is None else todo
            if todo < len(chunk):
                yield chunk[todo:] if todo else chunk
            todo = max(0, todo - len(chunk))
        if todo or (todo is None and start > self._skipped):
            raise InputError("is shorter than when it was last read", place=str(self._path))

    # --- lines -----------------------------------------------------------------------------------------------

    def _split(self, chunks: Iterator[bytes]) -> Iterator[Block]:
        """Cut bytes into lines; of a line that is too long only the length is kept."""
        longest, rest, passed_over = self._limits.line_bytes, b"", 0
        for chunk in chunks:
            piece = chunk
            if passed_over:
                first, end, piece = chunk.partition(b"\n")
                passed_over += len(first) + len(end)
                if not end:
                    continue
                yield Block((), passed_over, is_too_long=True)
                passed_over = 0
            head, end, tail = piece.rpartition(b"\n")
            if end:
                yield from _cut(rest + head, longest)
                rest = b""
            rest += tail
            if len(rest) > longest:
                passed_over, rest = len(rest), b""
        if passed_over:
            yield Block((), passed_over, is_too_long=True, is_open=True)
        elif rest:
            yield Block((rest,), len(rest), is_open=True)


def _cut(text: bytes, longest: int) -> Iterator[Block]:
    """Cut lines, the last without its line end, into blocks of good length and blocks that are too long."""
    lines = text.split(b"\n")
    start = 0
    for place, line in enumerate(lines):
        if len(line) > longest:
            yield from _block(lines[start:place])
            yield Block((), len(line) + 1, is_too_long=True)
            start = place + 1
    yield from _block(lines[start:])


def _block(lines: list[bytes]) -> Iterator[Block]:
    if lines:
        yield Block(tuple(lines), sum(map(len, lines)) + len(lines))


def _gunzip(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Unpack gzip, any number of members one after the other, never more than a block at a time.

    Raises
    ------
    Damage
        The data end early or are not gzip from some place on.
    """
    decoder = zlib.decompressobj(wbits=31)
    for piece in pieces:
        data = piece
        while data:
            if decoder.eof:
                data = data.lstrip(b"\0")  # some writers pad with zeros
                if not data:
                    break
                decoder = zlib.decompressobj(wbits=31)
            try:
                out = decoder.decompress(data, BLOCK)
            except zlib.error:
                raise Damage("the compressed data are damaged here; the rest was not read") from None
            if out:
                yield out
            data = decoder.unused_data if decoder.eof else decoder.unconsumed_tail
    if not decoder.eof:
        yield decoder.flush()
        raise Damage("the compressed data end early")


def _unzstd(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Unpack zstandard, any number of frames one after the other; see :func:`_gunzip`."""
    import zstandard

    unpacker = zstandard.ZstdDecompressor(max_window_size=1 << 27)
    decoder = unpacker.decompressobj()
    for piece in pieces:
        data = piece
        while data:
            if decoder.eof:
                decoder = unpacker.decompressobj()
            try:
                out = decoder.decompress(data)
            except zstandard.ZstdError:
                raise Damage("the compressed data are damaged here; the rest was not read") from None
            for start in range(0, len(out), BLOCK):
                yield out[start : start + BLOCK]
            data = decoder.unused_data if decoder.eof else b""
    if not decoder.eof:
        raise Damage("the compressed data end early")
