"""Lines out of a file that nobody vouches for: plain, gzip or zstandard, in bounded memory.

A small file can unpack to any size (194 kB of gzip hold 200 MB), a line can go on for ever, and a file can end in the
middle. None of that may cost more memory than a few blocks, or hide the good lines.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from hashlib import blake2b
from io import BufferedReader, FileIO
from itertools import chain, repeat
from typing import TYPE_CHECKING

from detectors.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
BLOCK = 256 * 1024
SEALED_BYTES = 256
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
    tail
        The last bytes of it, line end included, by which the place is known again.
    is_too_long
        Whether this stands for one line that was passed over.
    is_open
        Whether the last line has no line end: the file ends there, for now.
    """

    lines: tuple[bytes, ...]
    n_bytes: int
    tail: bytes
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
        self.before = b""
        """The last bytes before the start, by which the place was known again. Known with the first block."""

    def blocks(self, start: int = 0, seal: str = "") -> Iterator[Block]:
        """Yield the lines from byte ``start`` of the unpacked file on.

        Parameters
        ----------
        start
            Where a line begins.
        seal
            :func:`seal_of` the bytes before ``start``, as they were when it was written down.

        Raises
        ------
        InputError
            The file cannot be opened, is empty, or is not the one that was read up to ``start`` before.
        """
        self.damage, self.before = None, b""
        try:
            size = self._path.stat().st_size
            with BufferedReader(FileIO(self._path), BLOCK) as file:
                begin, chunks = self._chunks(file, size, max(0, start - SEALED_BYTES))
                yield from self._split(self._resumed(self._undamaged(chunks), begin, start, seal))
        except OSError as error:
            raise InputError(f"cannot be read: {error.strerror}", place=str(self._path)) from None

    # --- bytes -----------------------------------------------------------------------------------------------

    def _chunks(self, file: BufferedReader[FileIO], size: int, start: int) -> tuple[int, Iterator[bytes]]:
        """Return where the unpacked bytes begin that can be had, at ``start`` or before, and these bytes."""
        magic = file.peek(4)[:4]
        if not magic:
            raise InputError("the file is empty", place=str(self._path))
        if magic.startswith(GZIP):
            return 0, self._guarded(_gunzip(self._told(file, size, BLOCK)), file)
        if magic == ZSTD:
            return 0, self._guarded(_unzstd(self._told(file, size, ZSTD_PIECE)), file)
        if start:
            file.seek(start)
        return start, self._told(file, size, BLOCK)

    def _undamaged(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """Pass on what can be read; keep why the rest cannot."""
        try:
            yield from chunks
        except Damage as damage:
            self.damage = str(damage)

    def _told(self, file: BufferedReader[FileIO], size: int, piece: int) -> Iterator[bytes]:
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

    def _guarded(self, chunks: Iterator[bytes], file: BufferedReader[FileIO]) -> Iterator[bytes]:
        """Pass bytes on until they are more than can be meant."""
        limits, done = self._limits, 0
        for chunk in chunks:
            done += len(chunk)
            if done > limits.free_bytes and done > limits.ratio * file.tell():
                raise Damage(f"unpacks to more than {limits.ratio} times its size; the rest was not read")
            if done > limits.total_bytes:
                raise Damage(f"unpacks to more than {limits.total_bytes} bytes; the rest was not read")
            yield chunk

    def _resumed(self, chunks: Iterator[bytes], begin: int, start: int, seal: str) -> Iterator[bytes]:
        """Drop what comes before ``start``, and make sure that it is what it was."""
        position = begin
        for chunk in chunks:
            ahead = max(0, start - position)
            position += len(chunk)
            if ahead:
                self.before = (self.before + chunk[:ahead])[-SEALED_BYTES:]
                if position >= start and seal_of(self.before) != seal:
                    raise self._replaced()
            if position > start:
                yield chunk[ahead:]
        if position < start:
            raise self._replaced()

    def _replaced(self) -> InputError:
        return InputError(
            "is not the file that was read before (it is shorter, or other lines stand where reading stopped); "
            "give it another name, or use another store",
            place=str(self._path),
        )

    # --- lines -----------------------------------------------------------------------------------------------

    def _split(self, chunks: Iterator[bytes]) -> Iterator[Block]:
        """Cut bytes into lines; of a line that is too long only the length and the end are kept."""
        longest, rest, passed_over = self._limits.line_bytes, b"", 0
        for chunk in chunks:
            piece = chunk
            if passed_over:
                first, end, piece = chunk.partition(b"\n")
                passed_over += len(first) + len(end)
                rest = (rest + first + end)[-SEALED_BYTES:]
                if not end:
                    continue
                yield Block((), passed_over, rest, is_too_long=True)
                rest, passed_over = b"", 0
            head, end, tail = piece.rpartition(b"\n")
            if end:
                yield from _cut(rest + head, longest)
                rest = b""
            rest += tail
            if len(rest) > longest:
                rest, passed_over = rest[-SEALED_BYTES:], len(rest)
        if passed_over:
            yield Block((), passed_over, rest, is_too_long=True, is_open=True)
        elif rest:
            yield Block((rest,), len(rest), rest[-SEALED_BYTES:], is_open=True)


def seal_of(before: bytes) -> str:
    """Return the hash of the last :data:`SEALED_BYTES` bytes, by which a place in a file is known again."""
    return blake2b(before[-SEALED_BYTES:], digest_size=12).hexdigest()


def _cut(text: bytes, longest: int) -> Iterator[Block]:
    """Cut lines, the last without its line end, into blocks of good length and blocks that are too long."""
    lines = text.split(b"\n")
    start = 0
    has_long = max(map(len, lines)) > longest  # hardly ever
    for place, line in enumerate(lines if has_long else ()):
        if len(line) > longest:
            yield from _block(lines[start:place])
            yield Block((), len(line) + 1, line[-SEALED_BYTES + 1 :] + b"\n", is_too_long=True)
            start = place + 1
    yield from _block(lines[start:])


def _block(lines: list[bytes]) -> Iterator[Block]:
    """Yield the block of these lines, if there are any."""
    if lines:
        yield Block(tuple(lines), sum(map(len, lines)) + len(lines), tail_of(lines))


def tail_of(lines: Sequence[bytes], last_end: bytes = b"\n") -> bytes:
    """Return the last :data:`SEALED_BYTES` bytes of lines, with their line ends."""
    tail = b""
    for end, line in zip(chain([last_end], repeat(b"\n")), reversed(lines), strict=False):
        tail = line + end + tail
        if len(tail) >= SEALED_BYTES:
            break
    return tail[-SEALED_BYTES:]


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
