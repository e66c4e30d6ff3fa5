"""Texts of a batch, normalised and joined: a few long texts to search instead of thousands of short ones.

Each is what :func:`detectors.text.normalise` makes of it, at a fifth of the cost. ASCII is translated byte by byte. The
rest is folded character by character through a table, which fills as characters come; texts for which that is not
enough (marks, characters that fold to several) go one by one.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import compress
from operator import not_
from typing import TYPE_CHECKING

import numpy as np

from detectors.text import LIMIT, fold_alone, normalise

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    Codes = NDArray[np.uint8 | np.uint32]
    Numbers = NDArray[np.int64]

_BETWEEN, _ODD, _GONE, _SPACE = 3, 1, 2, 32
"""Codes between two texts, of a character that cannot be folded by itself, of one that goes, of a space. The first
three are control characters, and so occur in no normalised text."""

_SEPARATOR = chr(_BETWEEN)

_WHITE = b"\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f"
_CONTROLS = bytes({*range(0x20), 0x7F} - {*_WHITE, _BETWEEN})
_LOWERED = bytes.maketrans(_WHITE + bytes(range(0x41, 0x5B)), b" " * len(_WHITE) + bytes(range(0x61, 0x7B)))

_LONGER = (("\u2026", "..."), ("\xdf", "ss"))
"""The two characters that are common in posts and fold to several."""

_TABLE_SIZE = 0x20000
"""Characters from here on (rare ideographs, tags) are odd."""

_ELSEWHERE = -1


@dataclass(frozen=True, eq=False)
class Joined:
    """Normalised texts, one after the other.

    Attributes
    ----------
    text
        All of them, with a control character between; a text may still stand between two spaces.
    ends
        Shape (texts,): where each ends.
    numbers
        Shape (texts,): which of the texts that were given each is; below 0 = none: that one is in another part.
    """

    text: str
    ends: Numbers
    numbers: Numbers

    def pick(self, starts: Sequence[int], also: Collection[int] = ()) -> dict[int, str]:
        """Return the texts, by number, in which any of the positions lies, and those of the numbers ``also``."""
        places = {*np.searchsorted(self.ends, np.array(starts, dtype=np.int64), side="right").tolist()}
        if also:
            places.update(np.flatnonzero(np.isin(self.numbers, list(also))).tolist())
        return {number: self._at(place) for place in places if (number := int(self.numbers[place])) >= 0}

    def _at(self, place: int) -> str:
        start = int(self.ends[place - 1]) + 1 if place else 0
        return self.text[start : int(self.ends[place])].strip()


def join_normalised(texts: Sequence[str], *, limit: int = LIMIT) -> Iterator[Joined]:
    """Yield the texts, normalised, in up to three parts: ASCII, others, and those that went one by one.

    Parameters
    ----------
    texts
        Any texts.
    limit
        As in :func:`detectors.text.normalise`.
    """
    cut = [text[:limit] for text in texts] if max(map(len, texts), default=0) > limit else texts
    is_ascii = list(map(str.isascii, cut))
    flags = np.array(is_ascii, dtype=bool)
    alone: list[int] = []
    for codes, which in (
        (_lower(compress(cut, is_ascii)), np.flatnonzero(flags)),
        (_fold(compress(cut, map(not_, is_ascii))), np.flatnonzero(~flags)),
    ):
        part = _part(_single_spaced(codes), which, limit)
        alone += which[part.numbers == _ELSEWHERE].tolist()
        yield part
    done = [normalise(cut[number], limit=limit) for number in alone]
    ends = np.cumsum([len(text) + 1 for text in done], dtype=np.int64) - 1
    yield Joined(_SEPARATOR.join(done), ends, np.array(alone, dtype=np.int64))


def _lower(texts: Iterable[str]) -> Codes:
    """Return the codes of normalised ASCII."""
    return np.frombuffer(_SEPARATOR.join(texts).encode("ascii").translate(_LOWERED, _CONTROLS), dtype=np.uint8)


def _fold(texts: Iterable[str]) -> Codes:
    """Return the codes of texts, folded character by character."""
    joined = _SEPARATOR.join(texts)
    for one, more in _LONGER:
        joined = joined.replace(one, more)
    codes = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), dtype="<u4")
    folded = _table().take(codes, mode="clip")
    if not folded.all():
        _look_up(np.unique(codes[folded == 0]).tolist())
        folded = _table().take(codes, mode="clip")
    stays = folded != _GONE
    return folded if stays.all() else folded[stays]


@cache
def _table() -> NDArray[np.uint32]:
    """Return what each character folds to: shape (:data:`_TABLE_SIZE`,), 0 = not looked up yet."""
    table = np.zeros(_TABLE_SIZE, dtype="<u4")
    table[_BETWEEN] = _BETWEEN
    table[-1] = _ODD
    return table


def _look_up(codes: Iterable[int]) -> None:
    """Fill in what characters fold to."""
    for code in codes:
        folded = fold_alone(chr(code))
        _table()[code] = _ODD if folded is None else ord(folded or chr(_GONE))


def _single_spaced(codes: Codes) -> Codes:
    """Leave of every run of spaces the first."""
    is_space = codes == _SPACE
    again = is_space[1:] & is_space[:-1]
    return np.concatenate([codes[:1], codes[1:][~again]]) if again.any() else codes


def _part(codes: Codes, which: Numbers, limit: int) -> Joined:
    """Tell the texts in the codes apart, and leave out those that have to go one by one."""
    ends = np.append(np.flatnonzero(codes == _BETWEEN), len(codes))
    if len(ends) != len(which):  # there are none, or the separator stands in one of them
        return Joined("", np.zeros(len(which), dtype=np.int64), np.full(len(which), _ELSEWHERE))
    is_odd = np.diff(ends, prepend=-1) - 1 > limit
    is_odd[np.searchsorted(ends, np.flatnonzero(codes == _ODD))] = True
    text = codes.tobytes().decode("ascii" if codes.itemsize == 1 else "utf-32-le")
    return Joined(text, ends, np.where(is_odd, _ELSEWHERE, which))
